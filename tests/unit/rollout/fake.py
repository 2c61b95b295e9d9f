# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A management server in virtual time, small enough for thousands of rollouts in a property test."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    JobExistsError,
    JobIdRefusedError,
    ServerError,
    SubmitUncertainError,
    UnavailableError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Alert,
    Host,
    InFlight,
    ManagementServer,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import PendingChecks, Server
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Checks, Health, HealthCheck
from tests.unit.builders import TARGET, version

PAIR_INTERVAL_S = 30.0


class Fault(enum.Enum):
    """What goes wrong with a job of a unit."""

    NONE = "none"
    SILENT = "the job succeeds, nothing is patched"
    FAILED = "the job fails, nothing is patched"
    RULES_FAIL = "the job fails after the patch: the rules are missing"
    LOST = "the job ends without a result, nothing is patched"
    LOST_DONE = "the job ends without a result after the patch: the rules are missing"
    STALE_SCRIPTS = "the version moves, the scripts do not"
    STALE_REFUSED = "the version moves, the scripts do not, so the server sends no rules and the job fails"
    NEVER_ENDS = "the job never ends"
    REFUSED = "the submit is refused"
    UNCERTAIN_TAKEN = "the answer of the submit is lost, the job runs"
    UNCERTAIN_NOT_TAKEN = "the answer of the submit is lost, there is no job"
    VANISHES = "the VM is gone afterwards"
    SERVER_GONE = "the server is lost for good while the job runs"
    PAIR_BREAKS = "a pair has no PRIMARY any more, which shows when the server looks again"
    MARKED = "the server wants a restart of the network in the end"
    LEFT_OVER = "recreation: the old router stays, a stopped one beside it"
    NO_REPLACEMENT = "recreation: nothing comes back"
    AGENT_STAYS_DOWN = "recreation: the agent of the new VM never connects"
    OLD_TEMPLATE = "recreation: the new VM is made from the old template"
    OLD_PACKAGE = "recreation: the new router runs the scripts of its host's old package"

    @property
    def of_recreation(self) -> bool:
        return self.value.startswith("recreation")


class Ids(enum.Enum):
    """What the server makes of customjobid."""

    TAKEN = "taken"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass
class FakeJob:
    id: str
    unit: Unit
    call: Call
    begins: float
    ends: float
    fault: Fault
    ours: bool = True
    applied: bool = False

    @property
    def patches(self) -> bool:
        return bool(self.call.params.get("livepatch")) or self.call.command == "patchSystemVm"

    @property
    def networks(self) -> set[str]:
        """Whose rules it applies when it succeeds."""
        return set(self.call.settles)

    @property
    def status(self) -> JobStatus:
        if self.fault in (Fault.FAILED, Fault.RULES_FAIL, Fault.STALE_REFUSED):
            return JobStatus.FAILED
        return JobStatus.LOST if self.fault in (Fault.LOST, Fault.LOST_DONE) else JobStatus.SUCCEEDED


class FakeServer(Server):
    """Answers as the real one, in virtual time; `log` records every call that it took."""

    def __init__(
        self,
        units: Sequence[Unit],
        faults: Mapping[str, Fault | Sequence[Fault]] | None = None,
        seconds: Mapping[str, float] | None = None,
        ids: Ids = Ids.TAKEN,
        target: Version = TARGET,
    ) -> None:
        self.time = 1000.0
        self.router_pages = 10**9  # each unit is read on its own
        self.runs = target  # what it brings to VMs
        self.units = {unit.id: unit for unit in units}
        self.vms: dict[str, list[Vm]] = {unit.id: list(unit.vms) for unit in units}
        self.faults = {
            unit: [fault] if isinstance(fault, Fault) else list(fault) for unit, fault in (faults or {}).items()
        }
        self.seconds = dict(seconds or {})
        self.ids = ids
        self.jobs: dict[str, FakeJob] = {}
        self.log: list[tuple[float, str, Call]] = []  # when, of which unit
        self.doubled: list[str] = []  # units that got a call while a job of theirs ran
        self.rules: dict[str, bool] = {network: True for unit in units for network in unit.network_ids}
        self.patched: Counter[str] = Counter()  # how often the work of a patch was done, by unit
        self.marked: set[str] = set()
        self.states: dict[str, list[str]] = {}  # redundant states that show when the server looks again, by unit
        self.looks: dict[str, float] = {}
        self.most_per_zone = 0
        self.most_per_kind = 0
        self.questions = 0
        self.most_at_once = 0
        self.most_per_host = 0
        self.gone = False
        self.away: dict[str, float] = {}  # hosts that are not Up before this moment
        self.target: Version | None = target
        self.health: dict[str, Mapping[str, Health] | None] = {}  # by router, once anything was sent
        self.health_before: Mapping[str, Health] | None = {}
        self.ran_at: float | None = None  # when routers last ran their health checks; None: at each question

    # time

    def clock(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(seconds)
        self.time += seconds + 0.001  # whatever is asked takes a moment

    @staticmethod
    def stamp(moment: float) -> str:
        return datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")

    # the interface of the rollout

    def submit(self, call: Call, job_id: str | None) -> str:
        self._settle()
        unit = self._unit_of(call.object_id)
        if job_id is not None and self.ids is Ids.REFUSED:
            raise JobIdRefusedError("UUID doesn't follow the UUID format", rejected=True)
        if job_id is not None and self.ids is Ids.TAKEN and job_id in self.jobs:
            raise JobExistsError("already exists", rejected=True)
        left = self.faults.get(unit.id)
        fault = left.pop(0) if left else Fault.NONE
        if fault is Fault.REFUSED:
            raise ServerError("refused", command=call.command, rejected=True)
        if fault is Fault.UNCERTAIN_NOT_TAKEN:
            raise SubmitUncertainError("the answer was lost", command=call.command)
        self.log.append((self.time, unit.id, call))
        self.doubled += [unit.id for job in self.jobs.values() if job.unit is unit and job.ends > self.time]
        job = self.start(unit, call, fault, job_id if self.ids is Ids.TAKEN else None)
        if fault is Fault.UNCERTAIN_TAKEN:
            raise SubmitUncertainError("the answer was lost", command=call.command)
        return job.id

    def start(self, unit: Unit, call: Call, fault: Fault = Fault.NONE, job_id: str | None = None) -> FakeJob:
        seconds = float("inf") if fault is Fault.NEVER_ENDS else self.seconds.get(unit.id, 3.0)
        job = FakeJob(job_id or f"job-{len(self.jobs)}", unit, call, self.time, self.time + seconds, fault)
        self.jobs[job.id] = job
        if job.patches:
            self.rules.update(dict.fromkeys(unit.network_ids, False))  # the package overwrites them
        at_work = [other for other in self.jobs.values() if other.ends > self.time]
        self.most_at_once = max(self.most_at_once, len(at_work))
        replaced = [other.unit for other in at_work if other.call.command in ("destroySystemVm", "rebootSystemVm")]
        self.most_per_zone = max(self.most_per_zone, *Counter(unit.zone_id for unit in replaced).values(), 0)
        self.most_per_kind = max(self.most_per_kind, *Counter(unit.kind for unit in replaced).values(), 0)
        for host in unit.host_ids:
            self.most_per_host = max(self.most_per_host, sum(host in other.unit.host_ids for other in at_work))
        return job

    def running(self) -> dict[str, Job]:
        self._settle()
        self.questions += 1
        return {job.id: Job(job.id, JobStatus.RUNNING) for job in self.jobs.values() if job.ends > self.time}

    def results(self, job_ids: Sequence[str]) -> list[Job | ApiError]:
        return [self._result_or_error(job_id) for job_id in job_ids]

    def _result_or_error(self, job_id: str) -> Job | ApiError:
        try:
            return self.result(job_id)
        except ApiError as error:
            return error

    def result(self, job_id: str) -> Job:
        self._settle()
        job = self.jobs.get(job_id)
        if job is None:
            return Job(job_id, JobStatus.EXPIRED)
        facts: dict[str, Any] = {"command": job.call.job_class, "created": self.stamp(job.begins)}
        if job.ends > self.time:
            return Job(job_id, JobStatus.RUNNING, **facts)
        facts["completed"] = self.stamp(job.ends)
        if job.status is JobStatus.FAILED:
            return Job(job_id, JobStatus.FAILED, errorcode=530, errortext="it failed", **facts)
        if job.status is JobStatus.LOST:
            return Job(job_id, JobStatus.LOST, errorcode=530, **facts)
        return Job(job_id, JobStatus.SUCCEEDED, **facts)

    def in_flight(self, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
        self._settle()
        return [
            InFlight(job.id, "RestartNetworkCmd", None, frozenset({job.call.object_id}))
            for job in self.jobs.values()
            if job.ends > self.time and (jobs is None or job.id in jobs)
        ]

    def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
        self._settle()
        vms = list(self.vms[unit.id])
        if unit.id in self.states and self.time >= self.looks[unit.id]:
            shown = zip(vms, self.states[unit.id], strict=False)  # a half may be gone by now
            vms[: len(self.states[unit.id])] = [replace(vm, redundant_state=state) for vm, state in shown]
        return vms

    def hosts(self) -> dict[str, Host]:
        self._settle()
        known = {host for unit in self.units.values() for host in unit.host_ids}
        return {
            host: Host(host, host, "id-zone", "KVM", TARGET, self._state_of(host), "Enabled") for host in sorted(known)
        }

    def _state_of(self, host: str) -> str:
        return "Disconnected" if self.time < self.away.get(host, 0.0) else "Up"

    def marked_for_restart(self, *, vpcs: bool) -> frozenset[str]:
        self._settle()
        whole = {unit.id for unit in self.units.values() if unit.kind is Kind.VPC}
        return frozenset(identity for identity in self.marked if (identity in whole) is vpcs)

    def version(self) -> Version | None:
        self._settle()
        return self.target

    def owner(self, unit: Unit) -> Unit | None:
        self._settle()
        return self.units[unit.id]

    def leaving(self) -> tuple[ManagementServer, ...]:
        return ()

    def alerts(self) -> list[Alert] | None:
        return []

    def start_ping(self, vm: Vm) -> str | None:
        return None

    def start_health_checks(self, vm: Vm) -> PendingChecks:
        answer: Future[Checks | None] = Future()
        answer.set_result(self.health_checks(vm))
        return answer

    def health_checks(self, vm: Vm) -> dict[str, HealthCheck] | None:
        self._settle()
        told = self.health.get(vm.id, {}) if self.jobs else self.health_before
        at = self.time if self.ran_at is None else self.ran_at
        return None if told is None else {name: HealthCheck(health, at) for name, health in told.items()}

    # the truth

    def calls_of(self, unit: Unit) -> list[Call]:
        """What was taken for a unit, in order."""
        return [call for dummy, identity, call in self.log if identity == unit.id]

    def _unit_of(self, identity: str) -> Unit:
        there = ((unit, {vm.id for vm in self.vms[unit.id]}) for unit in self.units.values())
        return next(unit for unit, vms in there if identity in unit.resource_ids() | vms | set(unit.network_ids))

    def _settle(self) -> None:
        self.time += 0.001
        if self.gone:
            raise UnavailableError("gone")
        for job in list(self.jobs.values()):
            if job.ends <= self.time and not job.applied:
                job.applied = True
                self._apply(job)

    def _apply(self, job: FakeJob) -> None:
        if job.fault is Fault.SERVER_GONE:
            self.gone = True
            raise UnavailableError("gone")
        self._change(job, self.vms[job.unit.id])
        if job.fault in (Fault.LOST, Fault.LOST_DONE):  # it died with the server, whose hosts connect again later
            self.away |= dict.fromkeys(job.unit.host_ids, self.time + 25.0)
        if job.fault is Fault.MARKED:
            self.marked |= job.networks or {job.unit.id}
        elif job.status is JobStatus.SUCCEEDED:
            self.rules.update(dict.fromkeys(job.networks, True))
            self.marked -= job.networks | ({job.unit.id} if job.call.command == "restartVPC" else set())

    def _change(self, job: FakeJob, vms: list[Vm]) -> None:
        if job.call.params.get("cleanup") or job.call.command == "destroySystemVm":
            self._replace(job, vms)
        elif job.call.command == "destroyRouter" and job.fault is not Fault.FAILED:
            vms[:] = [vm for vm in vms if vm.id != job.call.object_id]
        elif job.fault is Fault.VANISHES:
            del vms[-1:]
        elif job.fault in (Fault.SILENT, Fault.FAILED, Fault.LOST):
            pass
        elif job.patches:
            self.patched[job.unit.id] += 1
            stale = job.fault in (Fault.STALE_SCRIPTS, Fault.STALE_REFUSED)
            scripts: dict[str, Any] = {} if stale else {"scripts": "new-scripts"}
            vms[:] = [replace(vm, software=self.runs, **(scripts if vm.is_router else {})) for vm in vms]
            if job.fault is Fault.PAIR_BREAKS and job.unit.redundant:
                self.states[job.unit.id] = ["BACKUP", "FAULT"]
                self.looks[job.unit.id] = self.time + PAIR_INTERVAL_S
        elif job.call.command == "rebootRouter":
            new: dict[str, Any] = {"software": self.runs, "scripts": "new-scripts"}
            if job.unit.per_pod:
                new |= {"root_template_id": "id-new", "root_template": "systemvm-4.22.0"}
            vms[:] = [replace(vm, **new) if vm.id == job.call.object_id else vm for vm in vms]
        elif job.unit.kind.is_router:
            self._complete(job.unit, vms)

    def _complete(self, unit: Unit, vms: list[Vm]) -> None:
        """A restart without cleanup starts what is stopped, and deploys what is missing."""
        new: dict[str, Any] = {"state": "Running", "software": self.runs, "scripts": "new-scripts"}
        vms[:] = [vm if vm.running else replace(vm, **new) for vm in vms]
        missing = (2 if unit.redundant else 1) - len(vms)
        gone = [vm for vm in unit.vms if vm.id not in {each.id for each in vms}]
        for number, model in enumerate([*gone, *unit.vms * 2][: max(0, missing)]):
            state = {"redundant_state": "BACKUP" if vms else "PRIMARY"} if unit.redundant else {}
            made: dict[str, Any] = {"id": f"{model.id}-new{number}", "name": f"{model.name}-new{number}", **state}
            vms.append(replace(model, built_from=version("4.22.0"), root_template_id="id-new", **new, **made))

    def _replace(self, job: FakeJob, vms: list[Vm]) -> None:
        """What a rolling restart or the capacity scan leaves."""
        if job.fault in (Fault.FAILED, Fault.LOST, Fault.SILENT):
            return
        if job.fault is Fault.LEFT_OVER:
            vms.append(replace(vms[0], id=f"{vms[0].id}-left", name="left", state="Stopped"))
            return
        self.states.pop(job.unit.id, None)
        fresh: dict[str, Any] = {
            "built_from": version("4.22.0"),
            "software": self.runs,
            "scripts": "old-scripts" if job.fault is Fault.OLD_PACKAGE else "new-scripts",
            "root_template_id": "id-old" if job.fault is Fault.OLD_TEMPLATE else "id-new",
        }
        if not job.unit.vms[0].is_router:
            fresh["agent_state"] = "Alert" if job.fault is Fault.AGENT_STAYS_DOWN else "Up"
        kept = [vm for vm in vms or job.unit.vms if vm.running][: 2 if job.unit.redundant else 1]
        new = [replace(vm, id=f"{vm.id}-new", name=f"{vm.name}-new", **fresh) for vm in kept]
        vms[:] = [] if job.fault is Fault.NO_REPLACEMENT else new
