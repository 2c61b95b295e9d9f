# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each unit: the data that modules return and reports show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..cloud.model import Restart, Unit, Vm
from ..knowledge.characters import visible
from ..knowledge.durations import iso_time
from ..knowledge.shapes import ChangedVm, ResultData
from ..knowledge.vocabulary import Method
from ..probing.gaps import Reach
from ..units.conditions import Condition
from ..units.ends import Recovery, UnitStatus


@dataclass(frozen=True)
class UnitResult:
    """One unit's end.

    :ivar started: seconds since the epoch of the first job, None when nothing was sent or waited for.
    :ivar stood_aside_s: how long it only waited to be read again, while others were started in its place.
    :ivar after: the VMs as last read; None when they were not read again.
    :ivar notes: what else is worth knowing, such as what was done twice or could not be looked at.
    :ivar restarts: the last restart of each of its networks, as far as it was sent here.
    :ivar reach: what was seen of its endpoints from outside; empty where nothing is probed.
    """

    unit: Unit
    method: Method
    status: UnitStatus
    reason: str
    job_ids: tuple[str, ...] = ()
    started: float | None = None
    finished: float | None = None
    stood_aside_s: float = 0.0
    after: Sequence[Vm] | None = field(default=None)
    submitted: bool = False
    recovery: Recovery | None = None  # what would help a unit whose live patch failed
    code: str = ""  # the reason as a stable word
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()
    restarts: tuple[Restart, ...] = ()
    reach: tuple[Reach, ...] = ()

    @property
    def gap_s(self) -> float | None:
        """The longest time in which an endpoint of it did not answer; None where none was measured."""
        return max((reach.longest_s for reach in self.reach if reach.before), default=None)

    @property
    def duration_s(self) -> float | None:
        if self.started is None or self.finished is None:
            return None
        return round(self.finished - self.started, 1)

    @property
    def worked_s(self) -> float | None:
        """How long it counted against the bounds of the rollout."""
        return None if self.duration_s is None else round(self.duration_s - self.stood_aside_s, 1)

    def as_dict(self) -> ResultData:
        """The same one each time: for thousands of units journal, answer and diff ask for it."""
        return self._dict

    @cached_property
    def _dict(self) -> ResultData:
        return {
            "id": self.unit.id,
            "name": self.unit.name,
            "kind": self.unit.kind.value,
            "zone": self.unit.zone,
            "owner": self.unit.owner.as_dict(),
            "method": self.method.value,
            "status": self.status.value,
            "reason": self.reason,
            "code": self.code,
            "conditions": [condition.as_dict() for condition in self.conditions],
            "recovery": self.recovery.value if self.recovery else None,
            "notes": list(self.notes),
            "job_ids": list(self.job_ids),
            "restarts": [restart.as_dict() for restart in self.restarts],
            "started": iso_time(self.started),
            "finished": iso_time(self.finished),
            "duration_s": self.duration_s,
            "worked_s": self.worked_s,
            "gap_s": None if self.gap_s is None else round(self.gap_s, 1),
            "endpoints": [reach.as_dict() for reach in self.reach],
            "vms": _before_and_after(self.unit.vms, self.unit.vms if self.after is None else self.after),
        }


def _before_and_after(before: Sequence[Vm], after: Sequence[Vm]) -> list[ChangedVm]:
    """One entry per VM, by id; a VM that came or went has an empty side."""
    old = {vm.id: vm for vm in before}
    new = {vm.id: vm for vm in after}
    return [
        {
            "id": identity,
            "name": (new.get(identity) or old[identity]).name,
            "before": old[identity].facts() if identity in old else {},
            "after": new[identity].facts() if identity in new else {},
        }
        for identity in dict.fromkeys([*old, *new])
    ]


def diff(results: Iterable[UnitResult]) -> dict[str, str]:
    """Versions before and after, one line per VM, for C(--diff)."""
    before, after = [], []
    for result in results:
        for vm in result.as_dict()["vms"]:
            name = visible(vm["name"])
            before.append(f"{name}: {vm['before'].get('software_version')}\n")
            after.append(f"{name}: {vm['after'].get('software_version')}\n")
    return {"before": "".join(before), "after": "".join(after)}
