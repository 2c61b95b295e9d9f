# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A management server in virtual time, small enough for thousands of rollouts in a property test."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.imagined import ImaginedJob, ImaginedServer
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Health, HealthCheck
from tests.unit.builders import SITUATION, TARGET

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


@dataclass(eq=False)
class FakeJob(ImaginedJob):
    """One that may go wrong.

    :ivar ours: whether the rollout began it.
    """

    fault: Fault = Fault.NONE
    ours: bool = True

    @property
    def networks(self) -> set[str]:
        """Whose rules it applies when it succeeds."""
        return set(self.call.settles)

    @property
    def status(self) -> JobStatus:
        if self.fault in (Fault.FAILED, Fault.RULES_FAIL, Fault.STALE_REFUSED):
            return JobStatus.FAILED
        return JobStatus.LOST if self.fault in (Fault.LOST, Fault.LOST_DONE) else JobStatus.SUCCEEDED


# What is wrong with a new VM.
SPOILT: dict[Fault, dict[str, Any]] = {
    Fault.AGENT_STAYS_DOWN: {"agent_state": "Alert"},
    Fault.OLD_TEMPLATE: {"root_template_id": "id-old"},
    Fault.OLD_PACKAGE: {"scripts": "old-scripts"},
}


class FakeServer(ImaginedServer):
    """The imagined cloud with all that goes wrong in a real one; asking takes a moment."""

    jobs: dict[str, FakeJob]  # type: ignore[assignment]

    def __init__(
        self,
        units: Sequence[Unit],
        faults: Mapping[str, Fault | Sequence[Fault]] | None = None,
        seconds: Mapping[str, float] | None = None,
        ids: Ids = Ids.TAKEN,
        target: Version = TARGET,
    ) -> None:
        self.seconds = dict(seconds or {})
        super().__init__(
            units,
            replace(SITUATION, target=target),
            lambda unit, call: self.seconds.get(unit.id, 3.0),
            began=1000.0,
        )
        self.faults = {
            unit: [fault] if isinstance(fault, Fault) else list(fault) for unit, fault in (faults or {}).items()
        }
        self.ids = ids
        self._striking = Fault.NONE
        self.doubled: list[str] = []  # units that got a call while a job of theirs ran
        self.rules: dict[str, bool] = {network: True for unit in units for network in unit.network_ids}
        self.patched: Counter[str] = Counter()  # how often the work of a patch was done, by unit
        self.states: dict[str, list[str]] = {}  # redundant states that show when the server looks again, by unit
        self.looks: dict[str, float] = {}
        self.most_per_zone = 0
        self.most_per_kind = 0
        self.questions = 0
        self.most_at_once = 0
        self.most_per_host = 0
        self.gone = self.is_back = False
        self.away: dict[str, float] = {}  # hosts that are not Up before this moment
        self.target: Version | None = target
        self.health: dict[str, Mapping[str, Health] | None] = {}  # by router, once anything was sent
        self.health_before: Mapping[str, Health] | None = {}
        self.ran_at: float | None = None  # when routers last ran their health checks; None: at each question

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(seconds)
        super().sleep(seconds + 0.001)  # whatever is asked takes a moment

    # what it is asked

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

    def start(
        self, unit: Unit, call: Call, fault: Fault = Fault.NONE, job_id: str | None = None, *, ours: bool = True,
        seconds: float | None = None,
    ) -> FakeJob:  # fmt: skip
        lasts = self.seconds.get(unit.id, 3.0) if seconds is None else seconds
        ends = self.time + (math.inf if fault is Fault.NEVER_ENDS else lasts)
        job = FakeJob(job_id or f"job-{len(self.jobs)}", unit, call, self.time, ends, fault=fault, ours=ours)
        self._take(job)
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
        self.questions += 1
        return super().running()

    def results(self, job_ids: Sequence[str]) -> list[Job | ApiError]:
        return [self._result_or_error(job_id) for job_id in job_ids]

    def _result_or_error(self, job_id: str) -> Job | ApiError:
        try:
            return self.result(job_id)
        except ApiError as error:
            return error

    def result(self, job_id: str) -> Job:
        job = super().result(job_id)
        if job_id not in self.jobs:
            return Job(job_id, JobStatus.EXPIRED)
        told = {JobStatus.FAILED: "it failed"}.get(job.status)
        return replace(job, errorcode=530, errortext=told) if job.status in (JobStatus.FAILED, JobStatus.LOST) else job

    def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
        vms = super().read(unit)
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

    def version(self) -> Version | None:
        self._settle()
        return self.target

    def health_checks(self, vm: Vm) -> dict[str, HealthCheck] | None:
        self._settle()
        told = self.health.get(vm.id, {}) if self.jobs else self.health_before
        at = self.time if self.ran_at is None else self.ran_at
        return None if told is None else {name: HealthCheck(health, at) for name, health in told.items()}

    # the truth

    def calls_of(self, unit: Unit) -> list[Call]:
        """What was taken for a unit, in order."""
        return [call for dummy, identity, call in self.log if identity == unit.id]

    def _settle(self) -> None:
        self.time += 0.001
        if self.gone:
            raise UnavailableError("gone")
        super()._settle()
        if self.gone:
            raise UnavailableError("gone")

    def _apply(self, job: ImaginedJob) -> None:
        fault = self._fault_of(job)
        if fault is Fault.SERVER_GONE:
            self.gone = not self.is_back
            return
        self._change(job, self.vms[job.unit.id])
        settled = set(job.call.settles)
        if fault in (Fault.LOST, Fault.LOST_DONE):  # it died with the server, whose hosts connect again later
            self.away |= dict.fromkeys(job.unit.host_ids, self.time + 25.0)
        if fault is Fault.MARKED:
            self.marked |= settled or {job.unit.id}
        elif job.status is JobStatus.SUCCEEDED:
            self.rules.update(dict.fromkeys(settled, True))
            self.marked -= settled | ({job.unit.id} if job.call.command == "restartVPC" else set())

    @staticmethod
    def _fault_of(job: ImaginedJob) -> Fault:
        return job.fault if isinstance(job, FakeJob) else Fault.NONE

    def _change(self, job: ImaginedJob, vms: list[Vm]) -> None:
        fault = self._striking = self._fault_of(job)
        before, unit = list(vms), job.unit
        recreates = job.call.params.get("cleanup") or job.call.command == "destroySystemVm"
        if recreates and fault is Fault.LEFT_OVER:
            left = replace(vms[0], id=f"{vms[0].id}-left", name="left", state="Stopped")
            self._unit_by_id[left.id] = unit
            vms += [left] if unit.kind.is_router else []
        elif recreates and fault is Fault.NO_REPLACEMENT:
            vms.clear()
        elif fault is Fault.VANISHES and not recreates:
            del vms[-1:]
        elif fault not in (Fault.SILENT, Fault.FAILED, Fault.LOST):
            super()._change(job, vms)
            self.patched[unit.id] += job.patches
            if vms != before and not job.patches:
                self.states.pop(unit.id, None)
            if fault is Fault.PAIR_BREAKS and unit.redundant:
                self.states[unit.id] = ["BACKUP", "FAULT"]
                self.looks[job.unit.id] = self.time + PAIR_INTERVAL_S

    def _beside(self, unit: Unit) -> list[Unit]:
        return []

    def _keeps_checksum(self, unit: Unit, vms: Sequence[Vm]) -> bool:
        return self._striking in (Fault.STALE_SCRIPTS, Fault.STALE_REFUSED)

    def _made(self, model: Vm, identity: str, **facts: Any) -> Vm:
        made = super()._made(model, identity, **facts)
        spoilt = SPOILT.get(self._striking, {})
        return replace(made, **{name: value for name, value in spoilt.items() if getattr(made, name) is not None})
