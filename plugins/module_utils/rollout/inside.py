# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit's routers say of themselves, before anything is sent and after the proof: their health checks, and
whether they reach their gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout import observing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.calling import Failed
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.observing import Observation
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import Pause, Steps

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
        self._sick: frozenset[str] | None = None  # health checks that failed before
        self._reached_gateway: bool | None = None  # before; None where that is not known

    def look(self, vms: Sequence[Vm]) -> Steps[None]:
        """Before anything is sent. Asked once: what a patch that failed has broken was not broken before."""
        if self._looks_at_health and self._sick is None:
            asked = [vm for vm in vms if vm.is_router and not vm.internal_lb and vm.running]
            self._sick = frozenset().union(*(self._desk.server.failing_checks(vm) or () for vm in asked))
        if self._desk.looks.inside and self._reached_gateway is None:
            self._reached_gateway = yield from self._reaches_gateway(vms, holds=True)

    def check(self, seen: Observation) -> Steps[None]:
        """After the proof: it is no worse than before.

        :raises Failed: when it is.
        """
        if self._looks_at_health:
            yield from self._check_health(seen)
        if self._reached_gateway:
            yield from self._check_gateway(seen)

    def _check_health(self, seen: Observation) -> Steps[None]:
        """No fresh health check fails that passed before."""
        since = self._desk.clock()
        for vm in seen.vms:
            if not vm.is_router or vm.internal_lb:
                continue
            while failing := self._fails_now(vm) - (self._sick or frozenset()):
                if self._desk.clock() - since >= self._desk.limits.verify_timeout:
                    listing = ", ".join(sorted(failing))
                    raise Failed(f"{vm.name} fails health checks that it passed before: {listing}", seen)
                yield Pause(self._desk.clock() + 5 * observing.REREAD_S, holds=False)

    def _fails_now(self, vm: Vm) -> frozenset[str]:
        failing = self._desk.server.failing_checks(vm)
        if failing is None:
            self._note(f"the health of {vm.name} was not compared: the server could not run its checks")
        return failing or frozenset()

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
