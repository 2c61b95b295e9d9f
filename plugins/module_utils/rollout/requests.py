# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the upgrade of a unit asks of the scheduler, and what it gets as an answer."""

from __future__ import annotations

import enum
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar, Union

from ..api.errors import ApiError
from ..cloud.infrastructure import InFlight
from ..cloud.model import Vm
from ..knowledge.vocabulary import Method
from ..units.calls import Call
from ..units.conditions import Facts
from ..units.record import Attempt, Inside


@dataclass(eq=False)
class Slot:
    """A place within all bounds. Answer: Granted, or Refused.

    :ivar completes: whether the unit's users lack something until it goes on.
    """

    method: Method
    expected_s: float
    completes: bool = False


@dataclass(eq=False)
class Observe:
    """Read the unit as it is now. Answer: Facts, or Trouble.

    :ivar full: also its network or VPC itself, the hosts and the servers' version.
    :ivar new_disks: also what the ROOT volumes tell.
    :ivar since: a moment on the rollout's clock; also what the server wants to be restarted as of then or later.
    :ivar proof: whether nothing is expected to be left to do, so that it may wait a little for company.
    :ivar holds: whether the unit keeps its place.
    :ivar watched: since when it is watched, in seconds since the epoch; then also alerts and gaps.
    :ivar tiers: also which tiers it has by now.
    """

    full: bool = False
    new_disks: bool = False
    since: float | None = None
    proof: bool = False
    holds: bool = True
    watched: float | None = None
    tiers: bool = False


@dataclass(eq=False)
class Execute:
    """Send a call now and wait for its end. Answer: Attempt, Overdue, Trouble (not taken), Stale or Refused.

    :ivar read_at: when what was decided on was read, on the rollout's clock.
    :ivar since: an ended job of somebody else for the same purpose counts if it began then or later, by the server's
        clock.
    """

    call: Call
    read_at: float
    expected_s: float
    completes: bool = False
    since: float | None = None
    holds: bool = True


@dataclass(eq=False)
class OthersEnd:
    """Wait for the end of these jobs. Answer: a list of Attempts, or Overdue."""

    jobs: tuple[InFlight, ...]
    timeout: float
    holds: bool = False


@dataclass(eq=False)
class LookInside:
    """Have routers asked about themselves. Answer: Inside."""

    vms: tuple[Vm, ...]
    holds: bool = True


@dataclass(eq=False)
class Pause:
    """Wait until a moment on the rollout's clock. Answer: None, or Refused.

    :ivar watches: whether the wait ends, by Refused, when nothing may be begun any more.
    """

    until: float
    holds: bool = True
    watches: bool = False


class Answer(enum.Enum):
    GRANTED = "a place"
    STALE = "what was read is too old to act on, or another unit is in doubt: the place is lost"


@dataclass(frozen=True)
class Refused:
    """Nothing may be begun any more, and why."""

    why: str
    reason: str


@dataclass(frozen=True)
class Trouble:
    """The unit could not be read, or the server surely did not take its call, for now."""

    error: ApiError


@dataclass(frozen=True)
class Overdue:
    """It still runs after its time."""

    job_ids: str


Request = Union[Slot, Observe, Execute, OthersEnd, LookInside, Pause]  # noqa: UP007  # an older pylint knows no |
Reply = Union[Answer, Facts, Trouble, Attempt, Overdue, Refused, "list[Attempt]", Inside, None]
Result = TypeVar("Result")
Steps = Generator[Request, Reply, Result]
