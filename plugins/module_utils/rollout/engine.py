# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out one step: bounded parallel, one loop, no threads.

Every unit goes through the same states; only a proof from the server's own report makes it C(upgraded), never a job's
word. A unit is submitted at most once per run, and never while a job of any origin works on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    JobTimedOutError,
    SubmitUncertainError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Situation, is_current
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.actions import Stage, stages
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.pacing import Pace
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import Finding, Proof, verify

# A report that contradicts the upgrade is read again before it is believed: answers may be a moment old.
REFUTED_READS = 3
REREAD_S = 2.0


@dataclass(frozen=True)
class Limits:
    """The bounds of a rollout; all times in seconds.

    :ivar per_host: units at work on one hypervisor host at a time; 0 = no bound.
    :ivar max_failures: failed units tolerated before nothing new is started.
    :ivar job_timeout: longest time for one patch, restart or start; a unit with more to do gets a multiple.
    :ivar verify_timeout: how long the proof may take after the last job, e.g. until an agent has reconnected.
    :ivar poll_interval: longest pause between two questions about running jobs.
    """

    parallel: int = 10
    per_host: int = 2
    max_failures: int = 0
    job_timeout: float = 1800.0
    verify_timeout: float = 300.0
    poll_interval: float = 5.0


@dataclass
class _Run:
    """One unit on its way."""

    unit: Unit
    stages: Sequence[Stage]
    expected_s: float
    next_stage: int = 0
    job_id: str | None = None
    waiting_for: frozenset[str] = frozenset()  # jobs of others that work on the unit
    submitted_at: float = 0.0  # on the engine's clock
    read_at: float | None = None  # when to read the VMs (again)
    verify_until: float = 0.0
    refuted: int = 0
    trouble: str = ""  # what a job said when it did not succeed
    lost: bool = False  # a job ended without anybody knowing what it did
    started: float | None = None
    job_ids: list[str] = field(default_factory=list)
    submitted: bool = False
    foreign: bool = False  # the next reading decides what somebody else's job left to do

    @property
    def stage(self) -> Stage:
        return self.stages[min(self.next_stage, len(self.stages) - 1)]


@dataclass(frozen=True)
class Rollout:
    """The end of a rollout: a result for every unit and, if it had to be broken off, why."""

    results: tuple[UnitResult, ...]
    error: ApiError | None = None

    @property
    def good(self) -> bool:
        return self.error is None and all(result.status.good for result in self.results)


class Engine:
    """One rollout.

    :param situation: the target and the checksums that tell old scripts from new ones.
    """

    def __init__(
        self,
        server: Server,
        situation: Situation,
        limits: Limits,
        progress: Progress,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server
        self._situation = situation
        self._limits = limits
        self._progress = progress
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._pace = Pace(limits.poll_interval)
        self._method = Method.NONE
        self._pending: list[_Run] = []
        self._active: list[_Run] = []
        self._results: dict[str, UnitResult] = {}
        self._seen_jobs: set[str] = set()
        self._next_poll = 0.0
        self._polled_at = 0.0

    def run(self, units: Sequence[Unit], method: Method, *, forced: bool = False) -> Rollout:
        """Upgrade I(units) by I(method).

        :returns: a result for every unit in the order given; an error only if the server was lost on the way.
        """
        self._method = method
        for unit in units:
            planned = stages(unit, method, forced)
            self._pending.append(_Run(unit, planned, sum(stage.expected_s for stage in planned)))
        # Longest first: a long unit that starts last would run alone at the end.
        self._pending.sort(key=lambda run: -run.expected_s)
        error: ApiError | None = None
        try:
            self._block(self._server.running())
            self._loop()
        except ApiError as lost:
            error = lost
            self._give_up(lost)
        for run in self._pending:
            self._finish(run, UnitStatus.NOT_STARTED, self._why_not_started(error))
        return Rollout(tuple(self._results[unit.id] for unit in units), error)

    # --- the loop ---

    def _loop(self) -> None:
        while True:
            self._launch()
            if not self._active:
                return
            self._sleep(max(0.0, self._next_event() - self._clock()))
            if self._clock() >= self._next_poll and any(run.read_at is None for run in self._active):
                self._poll()
            for run in [run for run in self._active if run.read_at is not None]:
                if run.read_at is not None and self._clock() >= run.read_at:
                    self._read(run)
                    self._launch()

    def _next_event(self) -> float:
        reads = [run.read_at for run in self._active if run.read_at is not None]
        at_work = [(run.submitted_at, run.stage.expected_s) for run in self._active if run.read_at is None]
        if at_work:
            self._next_poll = self._pace.next_poll(self._clock(), at_work)
            reads.append(self._next_poll)
        return min(reads)

    def _launch(self) -> None:
        while len(self._active) < self._limits.parallel and self._within_budget():
            run = self._pick()
            if run is None:
                return
            self._pending.remove(run)
            self._active.append(run)
            run.started = self._now()
            self._progress.started(run.unit, self._counts())
            if run.waiting_for:
                run.submitted_at = self._clock()
                run.job_ids.extend(sorted(run.waiting_for))
            else:
                self._submit(run)

    def _pick(self) -> _Run | None:
        """The first pending unit whose hosts have room; one that waits for somebody else's job needs none."""
        if not self._limits.per_host:
            return self._pending[0] if self._pending else None
        load: dict[str, int] = {}
        for run in self._active:
            for host in run.unit.host_ids:
                load[host] = load.get(host, 0) + 1
        for run in self._pending:
            if all(load.get(host, 0) < self._limits.per_host for host in run.unit.host_ids):
                return run
        return None

    def _within_budget(self) -> bool:
        failed = sum(result.status is UnitStatus.FAILED for result in self._results.values())
        doubtful = sum(run.refuted > 0 for run in self._active)  # it is read again before it counts as failed
        return failed + doubtful <= self._limits.max_failures

    # --- jobs ---

    def _submit(self, run: _Run) -> None:
        run.submitted = True
        run.submitted_at = self._clock()
        try:
            run.job_id = self._server.submit(run.stage)
        except SubmitUncertainError as error:
            # The server may have taken it. Sending it again could do the work twice: look for the job or its effect.
            run.job_id = None
            run.lost = True
            run.trouble = str(error)
            self._look_for_job(run)
        except ApiError as error:
            if not error.rejected:
                raise
            run.trouble = str(error)
            self._start_proof(run)
        else:
            run.job_ids.append(run.job_id)
            self._seen_jobs.add(run.job_id)

    def _look_for_job(self, run: _Run) -> None:
        if not self._found_job(run):
            self._start_proof(run)

    def _found_job(self, run: _Run) -> bool:
        for job in self._server.in_flight():
            if job.resource_ids & run.unit.resource_ids():
                run.job_id = job.job_id
                run.job_ids.append(job.job_id)
                run.read_at = None
                self._seen_jobs.add(job.job_id)
                return True
        return False

    def _poll(self) -> None:
        """One question for all running jobs; then the result of each that left the list."""
        self._polled_at = self._clock()
        jobs = self._server.running()
        self._block(jobs)
        for run in list(self._active):
            if run.read_at is not None:
                continue
            if run.waiting_for:
                run.waiting_for = run.waiting_for & frozenset(jobs)
                if not run.waiting_for:
                    run.foreign = True
                    run.read_at = self._clock()
                elif self._overdue(run):
                    self._time_out(run, ", ".join(sorted(run.waiting_for)))
            elif run.job_id in jobs:
                if self._overdue(run):
                    self._time_out(run, str(run.job_id))
            elif run.job_id is not None:
                self._ended(run, self._server.result(run.job_id))
                self._launch()

    def _block(self, jobs: dict[str, Job]) -> None:
        """Find out which pending units jobs of others work on; asks for events only when an unknown job appears."""
        unknown = set(jobs) - self._seen_jobs
        if not unknown:
            return
        self._seen_jobs |= unknown
        working = [job for job in self._server.in_flight(jobs) if job.job_id in unknown]
        for run in self._pending:
            ids = run.unit.resource_ids()
            run.waiting_for |= {job.job_id for job in working if job.resource_ids & ids}

    def _ended(self, run: _Run, job: Job) -> None:
        if job.status is JobStatus.RUNNING:
            return  # not in the list, but the server says that it runs: ask again
        error = job.error()
        if error is None:
            self._pace.learn(run.stage.expected_s, self._polled_at - run.submitted_at)
            run.next_stage += 1
            if run.next_stage < len(run.stages):
                self._submit(run)
                return
        else:
            run.trouble = str(error)
            run.lost = job.status is not JobStatus.FAILED
        self._start_proof(run)
        self._read(run)

    def _overdue(self, run: _Run) -> bool:
        return self._clock() - run.submitted_at > self._limits.job_timeout * run.stage.weight

    def _time_out(self, run: _Run, job: str) -> None:
        error = JobTimedOutError(
            f"job {job} still runs after {self._clock() - run.submitted_at:.0f} s",
            remedy="It was left running; the next run waits for it. Raise sysvm_job_timeout if that is normal here.",
            job_id=job,
        )
        self._finish(run, UnitStatus.FAILED, str(error))

    # --- proof ---

    def _start_proof(self, run: _Run) -> None:
        run.read_at = self._clock()
        # A job that failed in plain words has done its work or not; anything else may still come.
        patient = not run.trouble or run.lost
        run.verify_until = self._clock() + (self._limits.verify_timeout if patient else 0.0)

    def _read(self, run: _Run) -> None:
        after = self._remember(run.unit, self._server.read(run.unit))
        if run.foreign:
            self._decide_after_foreign_job(run, after)
            return
        finding = verify(run.unit, after, self._situation)
        if finding.proof is Proof.PROVEN:
            note = f"proven, although: {run.trouble}" if run.trouble else "proven"
            self._finish(run, UnitStatus.UPGRADED, f"{note}: runs {self._situation.target}", after)
            return
        run.refuted = run.refuted + 1 if finding.proof is Proof.REFUTED else 0
        hopeless = run.refuted >= REFUTED_READS
        too_late = finding.proof is Proof.NOT_YET and self._clock() >= run.verify_until
        if hopeless or too_late:
            if run.lost and run.job_id is None and self._found_job(run):
                return  # the server took the call late
            self._finish(run, UnitStatus.FAILED, self._why_failed(run, finding), after)
        else:
            run.read_at = self._clock() + REREAD_S

    def _decide_after_foreign_job(self, run: _Run, after: Sequence[Vm]) -> None:
        """Somebody else's job is over: if it did the work there is nothing to send, else it is our turn."""
        run.foreign = False
        run.read_at = None
        if after and all(is_current(vm, self._situation) for vm in after):
            # For a VPC the job went through one tier; the other tiers still need their rules applied again.
            run.next_stage = 1
            if run.next_stage >= len(run.stages):
                reason = f"a job that was already running did it: runs {self._situation.target}"
                self._finish(run, UnitStatus.UPGRADED, reason, after)
                return
        self._submit(run)

    def _why_failed(self, run: _Run, finding: Finding) -> str:
        if run.trouble:
            return f"{run.trouble} {finding.reason}"
        if finding.proof is Proof.NOT_YET:
            return f"after {self._limits.verify_timeout:.0f} s: {finding.reason}"
        return f"the job succeeded, but {finding.reason}"

    @staticmethod
    def _remember(unit: Unit, after: Sequence[Vm]) -> list[Vm]:
        """Carry over what only the ROOT volume told; a job that keeps the disk keeps it."""
        before = {vm.id: vm for vm in unit.vms}
        return [
            replace(
                vm,
                built_from=vm.built_from or before[vm.id].built_from,
                root_template_id=before[vm.id].root_template_id,
                root_template=before[vm.id].root_template,
                hypervisor=vm.hypervisor or before[vm.id].hypervisor,
            )
            if vm.id in before
            else vm
            for vm in after
        ]

    # --- ends ---

    def _finish(self, run: _Run, status: UnitStatus, reason: str, after: Sequence[Vm] | None = None) -> None:
        if run in self._active:
            self._active.remove(run)
        result = UnitResult(
            unit=run.unit,
            method=self._method,
            status=status,
            reason=reason,
            job_ids=tuple(run.job_ids),
            started=run.started,
            finished=self._now() if run.started is not None else None,
            after=after,
            submitted=run.submitted,
        )
        self._results[run.unit.id] = result
        if status is not UnitStatus.NOT_STARTED:
            self._progress.finished(result, self._counts())

    def _give_up(self, error: ApiError) -> None:
        """The server is lost: what runs is unknown, and the next run will find out."""
        for run in list(self._active):
            jobs = f" (job {', '.join(run.job_ids)})" if run.job_ids else ""
            self._finish(
                run,
                UnitStatus.FAILED,
                f"contact with the management server was lost while it was at work{jobs}: {error}",
            )

    def _why_not_started(self, error: ApiError | None) -> str:
        if error is not None:
            return f"contact with the management server was lost: {error}"
        failed = sum(result.status is UnitStatus.FAILED for result in self._results.values())
        return f"not started: {failed} failed unit(s), and max_failures is {self._limits.max_failures}"

    def _counts(self) -> Progress.Counts:
        done = list(self._results.values())
        clock = self._clock()
        running = [
            (clock - run.submitted_at if run.submitted_at else 0.0, run.stage.expected_s) for run in self._active
        ]
        return Progress.Counts(
            total=len(done) + len(self._active) + len(self._pending),
            done=len(done),
            running=len(self._active),
            failed=sum(result.status is UnitStatus.FAILED for result in done),
            time_left_s=self._pace.time_left(self._limits.parallel, running, [run.expected_s for run in self._pending]),
        )
