# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks after units for a while after their upgrade: what goes wrong only later is seen before many others follow.

It changes nothing. What counts is what is new since it began: a VM that is not as it was, an alert about one, a health
check that fails, an endpoint that does not answer for a time.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..cloud.model import Unit, Vm, is_healthy_pair
from ..cloud.moments import moment
from ..knowledge import durations
from ..knowledge.server_texts import Meaning, meaning_of
from ..probing.gaps import Reach
from ..probing.probes import Probes
from ..units.baseline import Baseline
from ..units.conditions import Conditions, Facts, Standard, Type, assess, members
from ..units.health import Checks, compare
from ..units.next_action import wrong
from ..units.record import Record
from .progress import log_line
from .server import Alert, Server

LOOK_S = 15.0  # between two looks
HEALTH_S = 120.0  # between two runs of health checks
NOTICE_S = 0.5  # how long an interruption may go unnoticed
AGAIN_S = 3.0  # a VM that is not as it was is read again before that is believed
PAIR_S = 60.0  # the server looks at pairs now and then, and may look while one elects


@dataclass(frozen=True)
class Soaked:
    """How it ended.

    :ivar wrong: what is new and wrong, by the id of the unit.
    :ivar reach: what was seen of each unit's endpoints meanwhile.
    :ivar lasted_s: it ends early when something is wrong, or when the run is interrupted.
    """

    wrong: Mapping[str, str]
    reach: Mapping[str, Sequence[Reach]]
    lasted_s: float
    interrupted: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class Soak:
    """One.

    :param units: as they were read when it begins.
    :param jobs: those that upgraded a VM, by its id: alerts since their end are new, too.
    :param health_zones: zones where fresh health checks may be asked for.
    :param write: takes a line for a person.
    """

    server: Server
    units: Sequence[Unit]
    baseline: Baseline
    probes: Probes
    jobs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    health_zones: frozenset[str] = frozenset()
    write: Callable[[str], None] = lambda line: None
    interrupted: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    notes: list[str] = field(default_factory=list)

    def run(self, seconds: float) -> Soaked:
        """
        :raises ApiError: when the server is lost.
        """
        self._begin()
        self._say(f"{len(self.units)} unit(s) are watched for {durations.rough(seconds)}")
        began = healthy_at = self.clock()
        wrong: dict[str, str] = {}
        while not wrong and not self.interrupted():
            left = began + seconds - self.clock()
            last = left <= 0
            health = last or self.clock() - healthy_at >= HEALTH_S
            healthy_at = self.clock() if health else healthy_at
            wrong = self._look(health)
            if wrong and not health:  # an alert, for example, may be about a health check: say which
                wrong = {**wrong, **self._look(health=True)}
            if last:
                break
            self._wait(min(left, LOOK_S))
        for unit in self.units:
            if unit.id in wrong:
                self._say(f"{unit.label}: {wrong[unit.id]}")
        if not wrong:
            self._say("nothing new" if not self.interrupted() else "interrupted")
        return Soaked(
            wrong,
            {unit.id: self.probes.reach(unit.id) for unit in self.units},
            self.clock() - began,
            self.interrupted(),
            tuple(self.notes),
        )

    def _begin(self) -> None:
        """Remember how it is now."""
        for unit in self.units:
            self.probes.watch(unit.id)
        known = self.server.alerts()
        if known is None:
            self.notes.append("alerts were not looked at: the account may not call listAlerts")
        self._alerts = {alert.id for alert in known or ()}
        upgrades = {unit.id: self._upgrade_of(unit) for unit in self.units}
        self._since = {unit_id: ended for unit_id, (dummy, ended) in upgrades.items()}
        self._old = {
            unit_id: {alert.description for alert in known or () if alert.sent < began}
            for unit_id, (began, dummy) in upgrades.items()
        }
        self._whole = {unit.id: self.clock() for unit in self.units if is_healthy_pair(unit.vms)}  # as last seen
        self._health = {vm.id: self._checks(vm) for unit in self.units for vm in unit.vms}
        end = self.clock() + self.probes.first_s
        while self.clock() < end and not all(self.probes.knows(unit.id) for unit in self.units):
            self.sleep(NOTICE_S / 10)
        for unit in self.units:
            self.probes.call(unit.id)

    def _wait(self, seconds: float) -> None:
        """Until it is time for another look, something does not answer, or the run is interrupted."""
        end = self.clock() + seconds
        while (left := end - self.clock()) > 0 and not self.interrupted():
            self.sleep(min(NOTICE_S, left))
            if any(self._unreachable(unit) for unit in self.units):
                return

    def _look(self, health: bool) -> dict[str, str]:
        alerts = self.server.alerts() or ()
        alerts = [alert for alert in alerts if meaning_of(alert.description) is not Meaning.GOOD_NEWS]
        found = {
            unit.id: "; ".join(
                [
                    *self._unproven(unit),
                    *(f"a new alert: {alert.description}" for alert in alerts if self._is_new(unit, alert)),
                    *self._unreachable(unit),
                    *(self._newly_sick(unit) if health else ()),
                ]
            )
            for unit in self.units
        }
        return {unit_id: text for unit_id, text in found.items() if text}

    def _unproven(self, unit: Unit) -> list[str]:
        for tries in range(2):
            found = self._conditions(unit)
            if found.false(Type.EXISTS) or not wrong(found):
                break  # its owner may delete it
            if not tries:
                self.sleep(AGAIN_S)
        if found.false(Type.EXISTS):
            return []
        if not found.false(Type.REDUNDANCY):
            self._whole[unit.id] = self.clock()
        broken = self.clock() - self._whole.get(unit.id, math.inf) >= PAIR_S
        return [each.message for each in (*wrong(found), *([found[Type.REDUNDANCY]] if broken else []))]

    def _conditions(self, unit: Unit) -> Conditions:
        first = {vm.id: vm for vm in unit.vms}
        staying, going = members(self.server.read(unit), first)
        there = bool(staying or going) or unit.kind.is_system_vm or self.server.owner(unit) is not None
        facts = Facts(replace(unit, vms=staying), 0.0, going, full=True, found=there)
        return assess(facts, Record(first), Standard(self.baseline), 0.0, {})

    def _upgrade_of(self, unit: Unit) -> tuple[float, float]:
        """When its first job began and its last one ended, by the server's clock."""
        jobs = [self.server.result(job_id) for vm in unit.vms for job_id in self.jobs.get(vm.id, ())]
        begins = (moment(job.created) or math.inf for job in jobs)
        return min(begins, default=math.inf), max((moment(job.completed) or math.inf for job in jobs), default=math.inf)

    def _is_new(self, unit: Unit, alert: Alert) -> bool:
        """The server repeats the alert of an ailment that was there before the upgrade."""
        late = alert.id not in self._alerts or alert.sent >= self._since[unit.id]
        return late and _about(unit, alert) and alert.description not in self._old[unit.id]

    def _unreachable(self, unit: Unit) -> list[str]:
        told = []
        for reach in self.probes.reach(unit.id):
            if reach.lost_since is not None:
                told.append(reach.silence)
            elif reach.gaps:
                told.append(f"{reach.endpoint} ({reach.endpoint.serves}) did not answer for {reach.longest_s:.1f} s")
        return told

    def _newly_sick(self, unit: Unit) -> list[str]:
        """Only what was run since the begin counts: each question has a router run its checks."""
        found = {vm.name: (self._health[vm.id], self._checks(vm)) for vm in unit.vms}
        lost = {name: compare(begin, now, math.inf, begin).lost for name, (begin, now) in found.items()}
        return [
            f"{name} fails health checks that it passed before: {', '.join(checks)}"
            for name, checks in lost.items()
            if checks
        ]

    def _checks(self, vm: Vm) -> Checks:
        if not vm.is_router or vm.internal_lb or vm.zone_id not in self.health_zones:
            return {}
        return self.server.health_checks(vm) or {}

    def _say(self, text: str) -> None:
        self.write(log_line("soak", text))


def _about(unit: Unit, alert: Alert) -> bool:
    names = [*unit.resource_ids(), *(vm.name for vm in unit.vms)]
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", alert.description) for name in names)
