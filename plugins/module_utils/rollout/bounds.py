# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may go on at once, and until when something may begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from ..knowledge.counts import count
from ..knowledge.durations import rough
from ..knowledge.vocabulary import Method
from .control import Steering
from .limits import Limits
from .poll_schedule import Durations
from .requests import Refused
from .unit_upgrade import UnitUpgrade


class Bounds:
    """Those of one rollout.

    :ivar held: the units that have a place.
    :ivar failures: how many have failed.
    :ivar parallel: how many units are at work at a time.
    :ivar paused: whether nothing new is begun for now.
    :ivar stop: why nothing new is begun any more; None while it is.
    """

    def __init__(self, limits: Limits, durations: Durations, now: Callable[[], float]) -> None:
        self.held: set[UnitUpgrade] = set()
        self.failures = 0
        self.parallel, self.paused = limits.parallel, False
        self.stop: Refused | None = None
        self._limits, self._durations, self._now = limits, durations, now

    @property
    def load(self) -> Counter[str]:
        """Units at work on each host."""
        return Counter(host for one in self.held for host in one.unit.host_ids)

    @property
    def full(self) -> bool:
        return len(self.held) >= self.parallel

    def steer(self, wanted: Steering, path: str) -> list[str]:
        """Do what people want.

        :returns: what is new, in their words.
        """
        told = []
        if wanted.paused not in (None, self.paused):
            self.paused = bool(wanted.paused)
            told.append("pause" if self.paused else "resume")
        if wanted.parallel not in (None, self.parallel):
            self.parallel = wanted.parallel or self.parallel
            told.append(f"parallel: {self.parallel}")
        if wanted.stopped and self.stop is None:
            self.stop = Refused(f"stopped by {path}", "StoppedByFile")
            told.append("stop")
        return told

    def fits_hosts(self, hosts: Sequence[str], load: Counter[str]) -> bool:
        return not self._limits.per_host or all(load[host] < self._limits.per_host for host in hosts)

    def fits_where_it_is(self, upgrade: UnitUpgrade) -> bool:
        """Whether its hosts are free for it: it may have moved since it was given its place."""
        return self.fits_hosts(upgrade.unit.host_ids, self.load - Counter(upgrade.unit.host_ids))

    def fits(self, upgrade: UnitUpgrade, method: Method, load: Counter[str]) -> bool:
        """Within all bounds: of hosts; system VMs are replaced one after the other, big units done one by one."""
        others, unit, big = self.held - {upgrade}, upgrade.unit, self._limits.big_s
        if not self.fits_hosts(unit.host_ids, load):
            return False
        if upgrade.expected_s >= big and any(one.expected_s >= big for one in others):
            return False
        if not unit.kind.is_system_vm or method is Method.LIVE_PATCH:
            return True
        replaced = [one.unit for one in others if one.unit.kind.is_system_vm and one.method is not Method.LIVE_PATCH]
        of_kind = sum(other.kind is unit.kind for other in replaced)
        return of_kind < self._limits.system_vms_at_once and all(other.zone_id != unit.zone_id for other in replaced)

    def within_budget(self, doubtful: Collection[object]) -> bool:
        """Whether something new may begin, with so many units that may yet fail."""
        return self.failures + len(doubtful) <= self._limits.max_failures

    def in_time(self, expected_s: float) -> bool:
        """Whether what takes so long is expected to end before the deadline, going by durations seen."""
        deadline = self._limits.deadline
        return deadline is None or self._now() + self._durations.typical(expected_s) <= deadline

    def why_not(self, expected_s: float) -> Refused | None:
        """Why nothing that takes so long may be begun any more."""
        if self.stop is not None:
            return self.stop
        if not self.in_time(expected_s):
            lasts = rough(self._durations.typical(expected_s))
            return Refused(f"it takes about {lasts} and would not end before the deadline", "Deadline")
        if self.failures > self._limits.max_failures:
            failed = f"{count(self.failures, 'unit')} failed"
            return Refused(f"{failed}, and max_failures is {self._limits.max_failures}", "BudgetUsedUp")
        return None
