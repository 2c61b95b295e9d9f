# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud that is only imagined, behind the seam of the real server: made of what was read, in virtual time.

It knows what a server does with a call, and nothing of why it is sent. A question takes no time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from ..api.errors import ApiError, JobExistsError, ServerError
from ..api.jobs import Job, JobStatus
from ..cloud.infrastructure import Alert, Host, InFlight, ManagementServer
from ..cloud.model import Unit, Vm, is_healthy_pair
from ..knowledge.versions import Version
from ..knowledge.vocabulary import Kind
from ..rollout.server import PendingChecks, Server
from ..units.baseline import Baseline
from ..units.calls import Call
from ..units.conditions import expected_vms
from ..units.health import Checks

NEW_SCRIPTS = "the target's"  # where no router has told its checksum


@dataclass(eq=False)
class ImaginedJob:
    """What a call has begun, of I(begins) to I(ends) on the server's clock."""

    id: str
    unit: Unit
    call: Call
    begins: float
    ends: float
    error: str = ""

    @cached_property
    def shown(self) -> Job:
        """As it is listed while it runs."""
        return Job(self.id, JobStatus.RUNNING)

    @property
    def status(self) -> JobStatus:
        """How it ends."""
        return JobStatus.FAILED if self.error else JobStatus.SUCCEEDED

    @property
    def patches(self) -> bool:
        return bool(self.call.params.get("livepatch")) or self.call.command == "patchSystemVm"


class ImaginedServer(Server):
    """One management server's cloud.

    :param known: all units of the cloud.
    :param seconds: how long a unit's job takes.
    :param returns_s: how long after its job a destroyed system VM is there again.
    :param began: the time, in seconds since the epoch.
    :ivar log: every call that it took: when, of which unit.
    """

    def __init__(
        self,
        known: Iterable[Unit],
        baseline: Baseline,
        seconds: Callable[[Unit, Call], float],
        returns_s: Callable[[Unit], float] = lambda unit: 0.0,
        *,
        hosts: Iterable[Host] = (),
        began: float = 0.0,
    ) -> None:
        self.time, self.router_pages = began, 10**9  # each unit is read on its own
        self.units = {unit.id: unit for unit in known}
        self.vms = {unit.id: list(unit.vms) for unit in self.units.values()}
        self.jobs: dict[str, ImaginedJob] = {}
        self.log: list[tuple[float, str, Call]] = []
        self.marked = {each for unit in self.units.values() for each in _marked(unit)}
        self._baseline, self._seconds, self._returns_s = baseline, seconds, returns_s
        self._hosts = {host.id: host for host in hosts}
        self._running: dict[str, ImaginedJob] = {}
        self._free_at: dict[str, float] = {}  # when each unit's last job ends
        self._foreign: list[InFlight] = []  # jobs of others
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._balancing: dict[str, list[Unit]] = {}  # internal LB VMs by network
        self._unit_by_id: dict[str, Unit] = {}
        for unit in self.units.values():
            self._unit_by_id |= dict.fromkeys((unit.id, *(vm.id for vm in unit.vms)), unit)
            if unit.kind is Kind.INTERNAL_LB:
                for network_id in unit.network_ids:
                    self._balancing.setdefault(network_id, []).append(unit)
        for unit in sorted(self.units.values(), key=lambda unit: unit.kind is Kind.INTERNAL_LB):
            for network_id in unit.network_ids:
                self._unit_by_id.setdefault(network_id, unit)

    # time

    def clock(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def later(self, moment: float, do: Callable[[], None]) -> None:
        """What happens at that moment."""
        self._number += 1
        heapq.heappush(self._due, (moment, self._number, do))

    def _settle(self) -> None:
        """Each question begins with it."""
        self._advance()

    def _advance(self) -> None:
        """Let everything happen that was to happen until now."""
        now = self.time
        while self._due and self._due[0][0] <= now:
            self.time, dummy, do = heapq.heappop(self._due)
            do()
        self.time = now

    def wait_for_it(self) -> None:
        """Until it answers, as the client does before a step."""

    @staticmethod
    def stamp(moment: float) -> str:
        return datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")

    # what it is asked

    def submit(self, call: Call, job_id: str | None) -> str:
        self._settle()
        if job_id is not None and job_id in self.jobs:
            raise JobExistsError("already exists", rejected=True)
        unit = self._unit_of(call.object_id)
        self.log.append((self.time, unit.id, call))
        return self.begin(unit, call, job_id).id

    def begin(self, unit: Unit, call: Call, job_id: str | None) -> ImaginedJob:
        """Its job; those of one unit wait for each other."""
        starts = max(self.time, self._free_at.get(unit.id, 0.0))
        job = ImaginedJob(job_id or f"job-{len(self.jobs)}", unit, call, self.time, starts + self._seconds(unit, call))
        self._take(job)
        return job

    def _take(self, job: ImaginedJob) -> None:
        self.jobs[job.id] = self._running[job.id] = job
        self._free_at[job.unit.id] = job.ends
        self.later(job.ends, lambda: self._end(job))

    def running(self) -> dict[str, Job]:
        self._settle()
        others = {job.job_id: Job(job.job_id, JobStatus.RUNNING, job.command) for job in self._foreign}
        return {job_id: job.shown for job_id, job in self._running.items()} | others

    def result(self, job_id: str) -> Job:
        self._settle()
        job = self.jobs.get(job_id)
        if job is None:
            return Job(job_id, JobStatus.SUCCEEDED)  # of others
        facts: dict[str, Any] = {"command": job.call.job_class, "created": self.stamp(job.begins)}
        if job_id in self._running:
            return Job(job_id, JobStatus.RUNNING, **facts)
        return Job(job_id, job.status, completed=self.stamp(job.ends), errortext=job.error or None, **facts)

    def results(self, job_ids: Sequence[str]) -> list[Job | ApiError]:
        return [self.result(job_id) for job_id in job_ids]

    def in_flight(self, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
        self._settle()
        ours = [
            InFlight(job.id, job.call.job_class, None, frozenset({job.call.object_id}))
            for job in self._running.values()
        ]
        return [job for job in [*ours, *self._foreign] if jobs is None or job.job_id in jobs]

    def others(self, jobs: Iterable[InFlight], seconds: float) -> None:
        """Somebody else's jobs, which run for so long."""
        for job in jobs:
            self._foreign.append(job)
            self.later(self.time + seconds, lambda job=job: self._foreign.remove(job))  # type: ignore[misc]

    def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
        self._settle()
        beside = self._beside(unit) if new_disks and unit.kind.is_system_vm else ()
        return [*self.vms[unit.id], *(vm for other in beside for vm in self.vms[other.id])]

    def _beside(self, unit: Unit) -> list[Unit]:
        """The other system VMs of its kind and zone."""
        there = (other for other in self.units.values() if other.kind is unit.kind and other.zone_id == unit.zone_id)
        return [other for other in there if other.id != unit.id]

    def hosts(self) -> dict[str, Host]:
        self._settle()
        return self._hosts

    def marked_for_restart(self, *, vpcs: bool) -> frozenset[str]:
        self._settle()
        whole = (self.units.get(identity) for identity in self.marked)
        of_vpcs = {unit.id for unit in whole if unit is not None and unit.kind is Kind.VPC}
        return frozenset(of_vpcs if vpcs else self.marked - of_vpcs)

    def disabled_zones(self) -> frozenset[str]:
        return frozenset()

    def version(self) -> Version | None:
        self._settle()
        return self._baseline.target

    def owner(self, unit: Unit) -> Unit | None:
        self._settle()
        return self.units[unit.id]

    @property
    def breaks_off(self) -> bool:
        return False

    def servers(self) -> tuple[ManagementServer, ...]:
        return ()

    def alerts(self) -> list[Alert] | None:
        return []

    def start_ping(self, vm: Vm) -> str | None:
        return None

    def start_health_checks(self, vm: Vm) -> PendingChecks:
        answer: Future[Checks | None] = Future()
        answer.set_result(self.health_checks(vm))
        return answer

    def health_checks(self, vm: Vm) -> Checks | None:
        return {}

    # what it does

    def _unit_of(self, identity: str) -> Unit:
        """
        :raises ServerError: it belongs to none.
        """
        if identity not in self._unit_by_id:
            raise ServerError(f"there is no {identity}", errorcode=431, rejected=True)
        return self._unit_by_id[identity]

    def _end(self, job: ImaginedJob) -> None:
        self._running.pop(job.id, None)
        self._apply(job)

    def _apply(self, job: ImaginedJob) -> None:
        self._change(job, self.vms[job.unit.id])
        if job.call.command.startswith("restart") and not job.error:
            tiers = () if job.call.params.get("cleanup") else job.unit.network_ids
            self.marked -= {job.call.object_id, *(tiers if job.call.command == "restartVPC" else ())}

    def _change(self, job: ImaginedJob, vms: list[Vm]) -> None:
        unit, call = job.unit, job.call
        if call.command == "destroySystemVm":
            vms[:] = [vm for vm in vms if vm.id != call.object_id]
            if not any(vm.running for other in self._beside(unit) for vm in self.vms[other.id]):
                new = [self._made(vm, vm.id) for vm in unit.vms]
                self.later(self.time + self._returns_s(unit), lambda: vms.extend(new))
        elif call.command == "destroyRouter":
            vms[:] = [vm for vm in vms if vm.id != call.object_id]
        elif call.params.get("cleanup"):
            vms[:] = self._all_new(unit, vms)
        elif job.patches:
            keeps = self._keeps_checksum(unit, vms)
            if keeps and self._takes_only_its_checksum(unit):
                job.error = "Failed to restart network"
            vms[:] = [self._running_target(vm, scripts=not keeps) if vm.running else vm for vm in vms]
        elif call.command.startswith("reboot") or call.command == "startInternalLoadBalancerVM":
            new_disk = unit.kind.is_system_vm or unit.per_pod
            vms[:] = [self._rebooted(vm, new_disk=new_disk) if vm.id == call.object_id else vm for vm in vms]
        if call.command.startswith("restart") and not call.params.get("cleanup"):
            for each in [unit, *self._balancing.get(call.object_id, ())]:
                self._complete(each, self.vms[each.id])

    def _keeps_checksum(self, unit: Unit, vms: Sequence[Vm]) -> bool:
        """Whether a live patch leaves the server with the old checksums, as is known of some releases."""
        return unit.kind.is_router and self._baseline.expects_two_patches(replace(unit, vms=tuple(vms)))

    def _takes_only_its_checksum(self, unit: Unit) -> bool:
        """Whether the server sends no rules to the unit's routers while it has old checksums for them."""
        minimum = self._baseline.minimums.get(unit.zone_id)
        return minimum is not None and any(vm.built_from and vm.built_from < minimum for vm in unit.vms)

    def _running_target(self, vm: Vm, *, scripts: bool = True) -> Vm:
        told = min(self._baseline.new_scripts, default=NEW_SCRIPTS) if scripts and vm.is_router else vm.scripts
        return replace(vm, state="Running", software=self._baseline.target, scripts=told)

    def _rebooted(self, vm: Vm, *, new_disk: bool) -> Vm:
        started = self._running_target(vm)
        if vm.systemvmtype is not None:
            started = replace(started, agent_state="Up")
        return self._from_template(started) if new_disk else started

    def _from_template(self, vm: Vm) -> Vm:
        template = self._baseline.template(vm)
        if template is None:
            return vm
        identity = min(template.ids, default=None)
        made: dict[str, Any] = {"root_template_id": identity, "root_template": template.name}
        return replace(vm, **made, next_template_id=identity, built_from=template.version or vm.built_from)

    def _made(self, model: Vm, identity: str, **facts: Any) -> Vm:
        """A new VM in place of another."""
        number = f"{identity}-new"
        made = replace(self._from_template(self._rebooted(model, new_disk=False)), id=number, **facts)
        self._unit_by_id[number] = self._unit_by_id[model.id]
        return replace(made, name=f"{model.name}-new")

    def _all_new(self, unit: Unit, vms: Sequence[Vm]) -> list[Vm]:
        """What a restart with cleanup leaves."""
        models = [*(vms or unit.vms)]
        models = (models * 2)[: expected_vms(unit)]
        return [
            self._made(vm, f"{vm.id}{_nth(models, place)}", **_role(unit, place)) for place, vm in enumerate(models)
        ]

    def _complete(self, unit: Unit, vms: list[Vm]) -> None:
        """A restart without cleanup starts what is stopped, and deploys what is missing."""
        vms[:] = [vm if vm.running else self._rebooted(vm, new_disk=False) for vm in vms]
        gone = [vm for vm in unit.vms if vm.id not in {each.id for each in vms}]
        missing = max(0, expected_vms(unit) - len(vms))
        for place, model in enumerate([*gone, *unit.vms * 2][:missing], start=len(vms)):
            vms.append(self._made(model, f"{model.id}{place}", **_role(unit, place)))
        if unit.elects and not is_healthy_pair(vms):
            vms[:] = [replace(vm, **_role(unit, place)) for place, vm in enumerate(vms)]


def _marked(unit: Unit) -> Iterable[str]:
    """What the server wants to be restarted."""
    networks = [unit.network] if unit.network else unit.vpc.tiers if unit.vpc else ()
    whole = [unit.vpc.id] if unit.vpc and unit.vpc.restart_required else []
    return [*whole, *(network.id for network in networks if network.restart_required)]


def _nth(models: Sequence[Vm], place: int) -> str:
    """What tells the second VM made after one model from the first."""
    return "" if models[place] not in models[:place] else str(place)


def _role(unit: Unit, place: int) -> dict[str, Any]:
    """What a new router elects to be."""
    return {"redundant_state": "BACKUP" if place else "PRIMARY"} if unit.redundant else {}
