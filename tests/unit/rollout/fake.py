# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A management server in virtual time, small enough for thousands of rollouts in a property test."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ServerError,
    SubmitUncertainError,
    UnavailableError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import InFlight, Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.actions import Stage
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server
from tests.unit.builders import TARGET, version


class Fault(enum.Enum):
    """What goes wrong with a job of a unit."""

    NONE = "none"
    SILENT = "the job succeeds, nothing is patched"
    FAILED = "the job fails, nothing is patched"
    FAILED_DONE = "the job fails, all is patched"
    LOST = "the job ends without a result, nothing is patched"
    LOST_DONE = "the job ends without a result, all is patched"
    STALE_SCRIPTS = "the version moves, the scripts do not"
    NEVER_ENDS = "the job never ends"
    REFUSED = "the submit is refused"
    UNCERTAIN_TAKEN = "the answer of the submit is lost, the job runs"
    UNCERTAIN_NOT_TAKEN = "the answer of the submit is lost, there is no job"
    VANISHES = "the VM is gone afterwards"
    SERVER_GONE = "the server is lost for good while the job runs"
    LEFT_OVER = "recreation: the old router stays, a stopped one beside it"
    NO_REPLACEMENT = "recreation: nothing comes back"
    AGENT_STAYS_DOWN = "recreation: the agent of the new VM never connects"
    OLD_TEMPLATE = "recreation: the new VM is made from the old template"

    @property
    def harmless(self) -> bool:
        return self in (Fault.NONE, Fault.FAILED_DONE, Fault.LOST_DONE, Fault.UNCERTAIN_TAKEN)

    @property
    def succeeds(self) -> bool:
        """Whether a job that meets it says that it succeeded."""
        return self in (Fault.NONE, Fault.SILENT, Fault.STALE_SCRIPTS, Fault.UNCERTAIN_TAKEN, Fault.VANISHES)

    @property
    def of_recreation(self) -> bool:
        return self.value.startswith("recreation")


@dataclass
class FakeJob:
    id: str
    unit: Unit
    stage: Stage
    ends: float
    fault: Fault
    applied: bool = False


class FakeServer(Server):
    """Answers as the real one, in virtual time; I(log) records every submit."""

    def __init__(
        self,
        units: Sequence[Unit],
        faults: Mapping[str, Fault | Sequence[Fault]] | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        self.time = 0.0
        self.units = {unit.id: unit for unit in units}
        self.vms: dict[str, list[Vm]] = {unit.id: list(unit.vms) for unit in units}
        self.faults = {
            unit: [fault] if isinstance(fault, Fault) else list(fault) for unit, fault in (faults or {}).items()
        }
        self.seconds = dict(seconds or {})
        self.jobs: dict[str, FakeJob] = {}
        self.log: list[tuple[float, str, str]] = []
        self.sent: list[tuple[str, str]] = []  # command and id
        self.doubled: list[str] = []  # units that got a call while a job of theirs ran
        self.most_per_zone = 0
        self.questions = 0
        self.most_at_once = 0
        self.most_per_host = 0
        self.gone = False
        self.hosts_down = False

    # time

    def clock(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(seconds)
        self.time += seconds + 0.001  # whatever is asked takes a moment

    # the interface of the engine

    def submit(self, stage: Stage) -> str:
        self._settle()
        unit = self._unit_of(str(stage.params["id"]))
        self.log.append((self.time, unit.id, stage.command))
        self.sent.append((stage.command, str(stage.params["id"])))
        self.doubled += [unit.id for job in self.jobs.values() if job.unit is unit and job.ends > self.time]
        left = self.faults.get(unit.id)
        fault = left.pop(0) if left else Fault.NONE
        if fault is Fault.REFUSED:
            raise ServerError("refused", command=stage.command, rejected=True)
        if fault is Fault.UNCERTAIN_NOT_TAKEN:
            raise SubmitUncertainError("the answer was lost", command=stage.command)
        job = self.start(unit, stage, fault)
        if fault is Fault.UNCERTAIN_TAKEN:
            raise SubmitUncertainError("the answer was lost", command=stage.command)
        return job.id

    def start(self, unit: Unit, stage: Stage, fault: Fault = Fault.NONE) -> FakeJob:
        seconds = float("inf") if fault is Fault.NEVER_ENDS else self.seconds.get(unit.id, 3.0)
        job = FakeJob(f"job-{len(self.jobs)}", unit, stage, self.time + seconds, fault)
        self.jobs[job.id] = job
        at_work = [other for other in self.jobs.values() if other.ends > self.time]
        self.most_at_once = max(self.most_at_once, len(at_work))
        self.most_per_zone = max(self.most_per_zone, *Counter(other.unit.zone_id for other in at_work).values())
        for host in unit.host_ids:
            self.most_per_host = max(self.most_per_host, sum(host in other.unit.host_ids for other in at_work))
        return job

    def running(self) -> dict[str, Job]:
        self._settle()
        self.questions += 1
        return {job.id: Job(job.id, JobStatus.RUNNING) for job in self.jobs.values() if job.ends > self.time}

    def result(self, job_id: str) -> Job:
        self._settle()
        job = self.jobs[job_id]
        if job.ends > self.time:
            return Job(job_id, JobStatus.RUNNING)
        if job.fault in (Fault.FAILED, Fault.FAILED_DONE):
            return Job(job_id, JobStatus.FAILED, errorcode=530, errortext="it failed")
        if job.fault in (Fault.LOST, Fault.LOST_DONE):
            return Job(job_id, JobStatus.LOST, errorcode=530)
        return Job(job_id, JobStatus.SUCCEEDED)

    def in_flight(self, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
        self._settle()
        return [
            InFlight(job.id, "RestartNetworkCmd", None, frozenset({str(job.stage.params["id"])}))
            for job in self.jobs.values()
            if job.ends > self.time and (jobs is None or job.id in jobs)
        ]

    def read(self, unit: Unit, method: Method) -> list[Vm]:
        self._settle()
        return list(self.vms[unit.id])

    def hosts_up(self, unit: Unit) -> bool:
        return not self.hosts_down

    # the truth

    def _unit_of(self, identity: str) -> Unit:
        return next(unit for unit in self.units.values() if identity in unit.resource_ids())

    def _settle(self) -> None:
        self.time += 0.001
        if self.gone:
            raise UnavailableError("gone")
        for job in self.jobs.values():
            if job.ends <= self.time and not job.applied:
                job.applied = True
                self._apply(job)

    def _apply(self, job: FakeJob) -> None:
        vms = self.vms[job.unit.id]
        if job.stage.params.get("cleanup") or job.stage.command == "destroySystemVm":
            self._replace(job, vms)
            return
        if job.fault is Fault.SERVER_GONE:
            self.gone = True
            raise UnavailableError("gone")
        if job.fault is Fault.VANISHES:
            del vms[-1:]
        elif job.fault in (Fault.SILENT, Fault.FAILED, Fault.LOST):
            pass
        elif job.stage.params.get("livepatch") or job.stage.command == "patchSystemVm":
            scripts: dict[str, Any] = {} if job.fault is Fault.STALE_SCRIPTS else {"scripts": "new-scripts"}
            vms[:] = [replace(vm, software=TARGET, **(scripts if vm.is_router else {})) for vm in vms]
        elif any(not vm.running for vm in vms):
            vms[:] = [replace(vm, state="Running", software=TARGET, scripts="new-scripts") for vm in vms]

    def _replace(self, job: FakeJob, vms: list[Vm]) -> None:
        """What a rolling restart or the capacity scan leaves."""
        if job.fault in (Fault.FAILED, Fault.LOST, Fault.SILENT):
            return
        if job.fault is Fault.LEFT_OVER:
            vms.append(replace(vms[0], id=f"{vms[0].id}-left", name="left", state="Stopped"))
            return
        fresh: dict[str, Any] = {
            "built_from": version("4.22.0"),
            "software": TARGET,
            "scripts": "new-scripts",
            "root_template_id": "id-old" if job.fault is Fault.OLD_TEMPLATE else "id-new",
        }
        if not vms[0].is_router:
            fresh["agent_state"] = "Alert" if job.fault is Fault.AGENT_STAYS_DOWN else "Up"
        kept = [vm for vm in vms if vm.running][: 2 if job.unit.redundant else 1]
        new = [replace(vm, id=f"{vm.id}-new", name=f"{vm.name}-new", **fresh) for vm in kept]
        vms[:] = [] if job.fault is Fault.NO_REPLACEMENT else new
