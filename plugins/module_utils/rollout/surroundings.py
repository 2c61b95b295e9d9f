# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout stands in, and its end. Data only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..api.errors import ApiError
from ..probing.probes import Probes
from ..units.conditions import Standard
from .control import Control
from .limits import Limits
from .progress import Progress
from .results import UnitResult
from .submitter import Guard


@dataclass(frozen=True)
class Rollout:
    """The end of a rollout.

    :ivar results: one for every unit.
    :ivar error: why it had to be broken off, if it had.
    :ivar notes: about the whole.
    :ivar guard: what kept calls from being carried out twice.
    """

    results: tuple[UnitResult, ...]
    error: ApiError | None = None
    notes: tuple[str, ...] = ()
    guard: Guard = Guard.UNKNOWN

    @property
    def good(self) -> bool:
        return self.error is None and all(result.status.good for result in self.results)


@dataclass(frozen=True)
class Surroundings:
    """What a rollout stands in, beside the server.

    :ivar standard: what units are measured by.
    :ivar guard: what keeps calls from being carried out twice, where an earlier step has found out.
    :ivar known_vms: ids of VMs that replace nothing.
    :ivar health_zones: zones where fresh health checks may be asked for.
    :ivar lost_after_s: how long the server may be out of reach, or take nothing, before the rollout ends.
    :ivar interrupted: asked twice a second; once true, the run ends.
    :ivar control: by which people steer it.
    :ivar clock: monotonic seconds; I(now) since the epoch.
    """

    standard: Standard
    limits: Limits
    progress: Progress
    probes: Probes = field(default_factory=Probes)
    guard: Guard = Guard.UNKNOWN
    known_vms: frozenset[str] = frozenset()
    health_zones: frozenset[str] = frozenset()
    lost_after_s: float = 300.0
    interrupted: Callable[[], bool] = lambda: False
    control: Control = field(default_factory=Control)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
