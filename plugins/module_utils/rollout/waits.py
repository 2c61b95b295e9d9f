# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the life of a unit waits for. A life yields one of these, and is resumed when it has come."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar, Union

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method


@dataclass(eq=False, kw_only=True)
class AtWork:
    """Jobs that work on the unit.

    :ivar since: when it began to wait for them, on the rollout's clock.
    :ivar over_at: by when they had ended; the same for all that one question found to have ended.
    """

    expected_s: float
    timeout: float
    since: float
    over_at: float = 0.0


@dataclass(eq=False, kw_only=True)
class JobEnd(AtWork):
    """The end of a job; `job` is the answer, None where it still ran when its time was up.

    :ivar seen_at: when it was last seen running.
    """

    job_id: str
    seen_at: float
    job: Job | None = None


@dataclass(eq=False, kw_only=True)
class OthersEnd(AtWork):
    """The end of all jobs of others on the unit; `overdue` where they still ran when their time was up."""

    overdue: bool = False


@dataclass(eq=False)
class Pause:
    """A moment on the rollout's clock.

    :ivar doubtful: what is seen of the unit contradicts the upgrade, and is looked at again before it is believed.
    :ivar holds: whether the unit keeps its place meanwhile; one that only waits to be read again gives it to others.
    """

    until: float
    doubtful: bool = False
    holds: bool = True


@dataclass(eq=False)
class Turn:
    """A place under the bounds of another method, for a unit that changes over to it; `refusal`: why it gets none."""

    method: Method
    expected_s: float
    refusal: str | None = None


Wait = Union[JobEnd, OthersEnd, Pause, Turn]  # noqa: UP007  # an older pylint does not know | of classes
Answer = TypeVar("Answer")
Steps = Generator[Wait, None, Answer]
