# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit's routers say of themselves, before anything is sent and after the proof: their health checks, and
whether they reach their gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout import observing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.calling import Failed
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.observing import Observation
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import Pause, Steps
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import (
    Checks,
    compare,
    merged,
    unjudged_words,
)

# How long a router may take to say whether it reaches its gateway, and how often to ask.
PING_S, PING_LOOK_S = 60.0, 0.5


class Inside:
    """One unit's.

    :param note: told what could not be looked at.
    :ivar asides: the jobs that asked; they change nothing.
    """

    def __init__(self, unit: Unit, desk: Desk, note: Callable[[str], None]) -> None:
        self.asides: list[str] = []
        self._desk = desk
        self._note = note
        self._looks_at_health = unit.kind.is_router and unit.zone_id in desk.looks.health_zones
        self._health: Checks | None = None  # before
        self._reached_gateway: bool | None = None  # before; None where that is not known

    def look(self, vms: Sequence[Vm]) -> Steps[None]:
        """Before anything is sent. Asked once: what a patch that failed has broken was not broken before."""
        if self._looks_at_health and self._health is None:
            self._health = merged(self._desk.server.health_checks(vm) for vm in _routers(vms) if vm.running)
        if self._desk.looks.inside and self._reached_gateway is None:
            self._reached_gateway = yield from self._reaches_gateway(vms, holds=True)

    def check(self, seen: Observation, jobs: Sequence[str]) -> Steps[None]:
        """After the proof: it is no worse than before.

        :param jobs: that worked on it; what its routers noted before these ended is of no use.
        :raises Failed: when it is worse.
        """
        if self._looks_at_health:
            yield from self._check_health(seen, self._end_of(jobs))
        if self._reached_gateway:
            yield from self._check_gateway(seen)

    def _check_health(self, seen: Observation, since: float) -> Steps[None]:
        """No health check that was run since fails that passed before."""
        began = self._desk.clock()
        for vm in _routers(seen.vms):
            earlier: Checks | None = None
            while (now := self._desk.server.health_checks(vm)) is not None:
                found = compare(self._health or {}, now, since, earlier)
                if found.stale and earlier is None:  # by the clocks: one that runs its checks has newer ones next time
                    earlier = now
                    yield Pause(self._desk.clock() + observing.REREAD_S, holds=False)
                elif not found.lost:
                    for told in unjudged_words(vm.name, found):
                        self._note(told)
                    break
                elif self._desk.clock() - began >= self._desk.limits.verify_timeout:
                    listing = ", ".join(found.lost)
                    raise Failed(f"{vm.name} fails health checks that it passed before: {listing}", seen)
                else:
                    yield Pause(self._desk.clock() + 5 * observing.REREAD_S, holds=False)
            else:
                self._note(f"the health of {vm.name} was not compared: the server could not run its checks")

    def _end_of(self, jobs: Sequence[str]) -> float:
        """When the last of them ended, by the server's clock."""
        completed = moment(self._desk.server.result(jobs[-1]).completed) if jobs else None
        return self._desk.now() if completed is None else completed

    def _check_gateway(self, seen: Observation) -> Steps[None]:
        """Its routers reach their gateway, as they did before; a switch may need a moment to know where they are."""
        since = self._desk.clock()
        while (yield from self._reaches_gateway(seen.vms, holds=False)) is False:
            if self._desk.clock() - since >= self._desk.limits.verify_timeout:
                raise Failed("proven by the server, but it does not reach its gateway (ping) as it did before", seen)
            yield Pause(self._desk.clock() + 5 * observing.REREAD_S, doubtful=True, holds=False)

    def _reaches_gateway(self, vms: Sequence[Vm], *, holds: bool) -> Steps[bool | None]:
        """Asked of the router that has the public address; None where there is none, or the server cannot ask."""
        vm = next((vm for vm in vms if vm.gateway and vm.running and vm.redundant_state != "BACKUP"), None)
        job_id = self._desk.server.start_ping(vm) if vm else None
        if job_id is None:
            return None
        self.asides.append(job_id)
        end = self._desk.clock() + PING_S
        while self._desk.clock() < end:
            yield Pause(self._desk.clock() + PING_LOOK_S, holds=holds)
            job = self._desk.server.result(job_id)
            if job.status is not JobStatus.RUNNING:
                told = job.result.get("diagnostics") if job.error() is None else None
                return str(told.get("exitcode")) == "0" if isinstance(told, dict) else None
        return None


def _routers(vms: Sequence[Vm]) -> list[Vm]:
    return [vm for vm in vms if vm.is_router and not vm.internal_lb]
