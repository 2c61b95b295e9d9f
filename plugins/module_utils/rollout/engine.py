# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out one step: bounded parallel, one loop, no threads.

Every unit goes through the same states; only a proof from the server's own report makes it C(upgraded), never a job's
word. A unit is submitted at most once per run, and never while a job of any origin works on it.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    JobTimedOutError,
    SubmitUncertainError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    InFlight,
    Unit,
    UnitType,
    Vm,
    is_healthy_pair,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.actions import Gate, Stage, stages
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Situation, is_current
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.failures import Cure, cure_of, hint_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.pacing import Pace
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import (
    Awaited,
    Finding,
    Proof,
    verify,
)

# A report that contradicts the upgrade is read again before it is believed: answers may be a moment old.
REFUTED_READS = 3
REREAD_S = 2.0
# How long an interruption may go unnoticed.
NOTICE_S = 0.5
# How old the knowledge of what runs may be when a unit is started: somebody else may have begun to work on it.
FRESH_S = 1.0

# Where to look when a recreation does not come to its end.
NEXT_STEPS = {
    (
        UnitType.SYSTEM_VM,
        Awaited.START,
    ): "Next: look in the management server's log for 'system template' and capacity; "
    "the server tries again by itself, and the next run finds what it made.",
    (UnitType.SYSTEM_VM, Awaited.AGENT): "Next: runDiagnostics on it, ssvm-check.sh inside it, and whether it reaches "
    "port 8250 of the management server.",
}
REPAIR = (
    "Next: see the management server's log for the reason; the next run restarts it with cleanup, which repairs it."
)


@dataclass(frozen=True)
class Limits:
    """The bounds of a rollout; all times in seconds.

    :ivar per_host: units at work on one hypervisor host at a time; 0 = no bound.
    :ivar max_failures: failed units tolerated before nothing new is started.
    :ivar job_timeout: longest time for one patch, restart or start; a unit with more to do gets a multiple.
    :ivar verify_timeout: how long the proof of a patch may take after the last job.
    :ivar start_timeout: how long a destroyed system VM's replacement may take until it is Running.
    :ivar agent_timeout: how long the agent of a new or restarted system VM may take until it is Up.
    :ivar wait_idle: how long to wait for open consoles to be closed before a CPVM is destroyed.
    :ivar poll_interval: longest pause between two questions about running jobs.
    """

    parallel: int = 10
    per_host: int = 2
    max_failures: int = 0
    job_timeout: float = 1800.0
    verify_timeout: float = 300.0
    start_timeout: float = 1800.0
    agent_timeout: float = 900.0
    wait_idle: float = 0.0
    deadline: float | None = None  # seconds since the epoch; no unit starts that is not expected to end by then
    big_s: float = math.inf  # units expected to take this long run one at a time
    wait_when_interrupted: bool = False  # else what runs is left to the server and to the next run
    poll_interval: float = 5.0


@dataclass(eq=False)
class _Run:
    """One unit on its way."""

    unit: Unit
    method: Method
    stages: Sequence[Stage]
    next_stage: int = 0
    job_id: str | None = None
    waiting_for: frozenset[str] = frozenset()  # jobs of others that work on the unit
    others: frozenset[str] = frozenset()  # the same, begun while a job of ours runs: the next stage has to wait
    submitted_at: float = 0.0  # on the engine's clock
    ran_at: float = 0.0  # when the job was last seen running
    read_at: float | None = None  # when to read the VMs (again)
    proof_since: float = 0.0
    awaited: Awaited = Awaited.SETTLING
    gated_since: float | None = None  # waiting for what must be true before the next stage
    refuted: int = 0
    trouble: str = ""  # what a job said when it did not succeed
    overcome: str = ""  # the same of an earlier stage, whose work turned out to be done
    lost: bool = False  # a job ended without anybody knowing what it did
    started: float | None = None
    job_ids: list[str] = field(default_factory=list)
    neighbours: list[Vm] = field(default_factory=list)  # others of its kind in its zone
    submitted: bool = False
    foreign: bool = False  # the next reading decides what somebody else's job left to do

    @property
    def expected_s(self) -> float:
        return sum(stage.expected_s for stage in self.stages)

    def start_over(self, method: Method) -> None:
        """From now on by another method."""
        self.method, self.stages = method, stages(self.unit, method)
        self.next_stage, self.job_id, self.read_at = 0, None, None
        self.refuted, self.lost, self.trouble, self.overcome = 0, False, "", ""

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
    :param interrupted: asked twice a second; once true, nothing new is started.
    """

    def __init__(
        self,
        server: Server,
        situation: Situation,
        limits: Limits,
        progress: Progress,
        *,
        interrupted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server
        self._situation = situation
        self._limits = limits
        self._progress = progress
        self._interrupted = interrupted
        self._stopping = False
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._pace = Pace(limits.poll_interval)
        self._obstacle_to_fallback: Callable[[Unit], str | None] | None = None
        self._pending: list[_Run] = []
        self._active: list[_Run] = []
        self._results: dict[str, UnitResult] = {}
        self._seen_jobs: set[str] = set()
        self._known_vms: set[str] = set()  # ids of VMs that replace nothing
        self._next_poll = 0.0
        self._asked_at = 0.0  # when the server was last asked what runs

    def run(
        self,
        units: Sequence[Unit],
        method: Method,
        *,
        forced: bool = False,
        known_vms: frozenset[str] = frozenset(),
        in_flight: Sequence[InFlight] = (),
        obstacle_to_fallback: Callable[[Unit], str | None] | None = None,
    ) -> Rollout:
        """Upgrade I(units) by I(method).

        :param known_vms: ids of all VMs there are, so that a replacement is told from a neighbour.
        :param in_flight: the jobs that ran before the units were read.
        :param obstacle_to_fallback: given if a unit whose live patch failed in a way that recreation cures is to be
            recreated; says what speaks against it for a unit, None if nothing does.
        :returns: a result for every unit in the order given; an error only if the server was lost on the way.
        """
        self._known_vms |= known_vms
        self._obstacle_to_fallback = obstacle_to_fallback
        self._pending = [_Run(unit, method, stages(unit, method, forced)) for unit in units]
        # Longest first: a long unit that starts last would run alone at the end.
        self._pending.sort(key=lambda run: -run.expected_s)
        error: ApiError | None = None
        try:
            self._wait_for(in_flight)
            self._ask()
            self._loop()
        except ApiError as lost:
            error = lost
            self._lose_server(lost)
        for run in self._pending:
            self._finish(run, UnitStatus.NOT_STARTED, self._why_not_started(run, error))
        return Rollout(tuple(self._results[unit.id] for unit in units), error)

    # --- the loop ---

    def _loop(self) -> None:
        while True:
            self._launch()
            if not self._active:
                return
            if not self._wait_until(self._next_event()):
                self._leave()
                return
            if self._clock() >= self._next_poll and any(run.read_at is None for run in self._active):
                self._poll()
            for run in [run for run in self._active if run.read_at is not None]:
                if run.read_at is not None and self._clock() >= run.read_at:
                    self._read(run)
                    self._launch()

    def _wait_until(self, moment: float) -> bool:
        """Sleep; False when the rollout is to end now."""
        while True:
            if self._is_stopping() and not self._limits.wait_when_interrupted:
                return False
            left = moment - self._clock()
            self._sleep(max(0.0, min(NOTICE_S, left)))
            if left <= NOTICE_S:
                return True

    def _is_stopping(self) -> bool:
        """Whether the rollout was interrupted; it says so once, and an interruption is never taken back."""
        if not self._stopping and self._interrupted():
            self._stopping = True
            self._progress.stopping(len(self._active), self._limits.wait_when_interrupted)
        return self._stopping

    def _leave(self) -> None:
        for run in list(self._active):
            jobs = f"job {', '.join(run.job_ids)} was left running" if run.job_ids else "nothing was sent"
            self._finish(run, UnitStatus.FAILED, f"interrupted: {jobs}; the next run finds out and goes on")

    def _next_event(self) -> float:
        reads = [run.read_at for run in self._active if run.read_at is not None]
        at_work = [(run.submitted_at, run.stage.expected_s) for run in self._active if run.read_at is None]
        if at_work:
            self._next_poll = self._pace.next_poll(self._clock(), at_work)
            reads.append(self._next_poll)
        return min(reads)

    def _launch(self) -> None:
        while len(self._active) < self._limits.parallel and self._within_budget() and not self._is_stopping():
            run = self._pick()
            if run is None:
                return
            if self._clock() - self._asked_at > FRESH_S:
                self._ask()
            self._pending.remove(run)
            self._active.append(run)
            run.started = self._now()
            self._progress.started(run.unit, self._counts())
            if run.waiting_for:
                run.submitted_at = self._clock()
                run.job_ids.extend(sorted(run.waiting_for))
            else:
                self._next_stage(run)

    def _pick(self) -> _Run | None:
        """The next unit: on the idlest hosts; of these one whose hosts have most left to do; of these the longest."""
        load = Counter(host for run in self._active for host in run.unit.host_ids)
        busy_zones = {run.unit.zone_id for run in self._active}
        big_at_work = any(run.expected_s >= self._limits.big_s for run in self._active)
        left: dict[str, float] = {}
        for run in self._pending:
            for host in run.unit.host_ids:
                left[host] = left.get(host, 0.0) + run.expected_s
        best: tuple[tuple[float, ...], _Run] | None = None
        for run in self._pending:
            hosts = run.unit.host_ids
            if (
                (self._limits.per_host and any(load[host] >= self._limits.per_host for host in hosts))
                or (self._one_per_zone(run) and run.unit.zone_id in busy_zones)
                or (big_at_work and run.expected_s >= self._limits.big_s)
                or not self._in_time(run)
            ):
                continue
            rank = (max((load[host] for host in hosts), default=0), -max((left[host] for host in hosts), default=0.0))
            if not self._limits.per_host:
                rank = (0, 0.0)
            if best is None or rank < best[0]:  # the pending ones are sorted, the longest first
                best = (rank, run)
        return best[1] if best else None

    def _in_time(self, run: _Run) -> bool:
        """Whether the unit is expected to end before the deadline, going by durations seen."""
        return (
            self._limits.deadline is None or self._now() + self._pace.typical(run.expected_s) <= self._limits.deadline
        )

    def _one_per_zone(self, run: _Run) -> bool:
        """The server replaces system VMs one after the other, and a zone must keep one of several."""
        return run.unit.type is UnitType.SYSTEM_VM and run.method is not Method.LIVE_PATCH

    def _within_budget(self) -> bool:
        failed = sum(result.status is UnitStatus.FAILED for result in self._results.values())
        doubtful = sum(run.refuted > 0 for run in self._active)  # it is read again before it counts as failed
        return failed + doubtful <= self._limits.max_failures

    # --- jobs ---

    def _next_stage(self, run: _Run) -> None:
        """Send the next stage, or first wait for what must be true before it."""
        if run.stage.gate is None or (run.stage.gate is Gate.IDLE and not self._limits.wait_idle):
            self._submit(run)
        else:
            run.gated_since = run.read_at = run.submitted_at = self._clock()

    def _submit(self, run: _Run) -> None:
        if run.others:  # the next stage comes when these have ended
            run.waiting_for, run.others = run.others, frozenset()
            run.job_id, run.read_at, run.submitted_at = None, None, self._clock()
            return
        run.submitted = True
        run.submitted_at = run.ran_at = self._clock()
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
        jobs = self._ask()
        asked_at = self._asked_at
        for run in list(self._active):
            if run.read_at is not None:
                continue
            if run.waiting_for:
                run.waiting_for = run.waiting_for & frozenset(jobs)
                if not run.waiting_for and run.submitted:
                    self._next_stage(run)
                elif not run.waiting_for:
                    run.foreign = True
                    run.read_at = self._clock()
                elif self._overdue(run):
                    self._time_out(run, ", ".join(sorted(run.waiting_for)))
            elif run.job_id in jobs:
                run.ran_at = asked_at
                if self._overdue(run):
                    self._time_out(run, str(run.job_id))
            elif run.job_id is not None:
                self._ended(run, self._server.result(run.job_id), asked_at)
                self._launch()

    def _ask(self) -> dict[str, Job]:
        """What runs now; a pending unit that somebody else has begun to work on is waited for."""
        self._asked_at = self._clock()
        jobs = self._server.running()
        self._block(jobs)
        return jobs

    def _block(self, jobs: dict[str, Job]) -> None:
        """Find out which pending units jobs of others work on; asks for events only when an unknown job appears."""
        unknown = set(jobs) - self._seen_jobs
        if not unknown:
            return
        self._wait_for([job for job in self._server.in_flight(jobs) if job.job_id in unknown])
        self._seen_jobs |= unknown

    def _wait_for(self, working: Sequence[InFlight]) -> None:
        """Send nothing for a unit before these jobs on it have ended."""
        self._seen_jobs |= {job.job_id for job in working}
        for run in [*self._pending, *self._active]:
            ids = run.unit.resource_ids()
            found = {job.job_id for job in working if job.resource_ids & ids}
            if run.started is None or run.waiting_for:
                run.waiting_for |= found
            else:
                run.others |= found

    def _ended(self, run: _Run, job: Job, noticed_at: float) -> None:
        if job.status is JobStatus.RUNNING:
            return  # not in the list, but the server says that it runs: ask again
        error = job.error()
        if error is None:
            took, ran = noticed_at - run.submitted_at, run.ran_at - run.submitted_at
            self._pace.learn(run.stage.expected_s, took, ran)
            run.next_stage += 1
            if run.next_stage < len(run.stages):
                self._next_stage(run)
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
        run.read_at = run.proof_since = self._clock()

    def _read(self, run: _Run) -> None:
        after = self._read_vms(run)
        if run.gated_since is not None:
            self._pass_gate(run, after, run.gated_since)
        elif run.foreign:
            self._decide_after_foreign_job(run, after)
        else:
            self._prove(run, after)

    def _read_vms(self, run: _Run) -> list[Vm]:
        """The unit's VMs now; of its kind in its zone only those that are its own or new."""
        own = {vm.id for vm in run.unit.vms}
        vms = self._server.read(run.unit, run.method)
        if run.unit.type in (UnitType.SYSTEM_VM, UnitType.INTERNAL_LB):
            run.neighbours = [vm for vm in vms if vm.id not in own and vm.id in self._known_vms]
            vms = [vm for vm in vms if vm not in run.neighbours]
        return self._remember(run.unit, vms)

    def _pass_gate(self, run: _Run, vms: Sequence[Vm], since: float) -> None:
        gate = run.stage.gate
        waited = self._clock() - since
        if gate is Gate.PAIR:
            is_open = is_healthy_pair(vms)
            if not is_open and waited >= self._limits.verify_timeout:
                told = ", ".join(f"{vm.name} {vm.state} {vm.redundant_state}" for vm in vms)
                reason = (
                    f"its pair was not one PRIMARY and one BACKUP for {waited:.0f} s ({told}), so {run.stage.command}"
                )
                self._finish(run, UnitStatus.FAILED, f"{reason} was not sent", vms)
                return
        else:
            is_open = not any(vm.sessions for vm in vms) or waited >= self._limits.wait_idle
        if is_open:
            run.gated_since = run.read_at = None
            self._submit(run)
        else:
            run.read_at = self._clock() + REREAD_S

    def _prove(self, run: _Run, after: list[Vm]) -> None:
        finding = verify(run.unit, after, self._situation, run.method)
        if finding.proof is Proof.PROVEN:
            self._end_proven(run, after)
            return
        run.refuted = run.refuted + 1 if finding.proof is Proof.REFUTED else 0
        if finding.awaited is not run.awaited:
            run.awaited, run.proof_since = finding.awaited, self._clock()
        waited = self._clock() - run.proof_since
        if not after and waited >= self._limits.verify_timeout and self._is_spare(run):
            reason = (
                "destroyed; the server made no new one, as the zone has another, and makes one when load asks for it"
            )
            self._finish(run, UnitStatus.UPGRADED, reason, after)
            return
        too_late = finding.proof is Proof.NOT_YET and waited >= self._patience(run)
        if run.refuted < REFUTED_READS and not too_late:
            run.read_at = self._clock() + REREAD_S
        elif not (run.lost and run.job_id is None and self._found_job(run)):  # the server may have taken the call late
            self._give_up(run, finding, after)

    def _end_proven(self, run: _Run, after: Sequence[Vm]) -> None:
        """The unit is upgraded, unless a stage is left because the job of an earlier one did not succeed."""
        target = self._situation.target
        if run.next_stage < len(run.stages) and not run.stage.shows:
            reason = f"{run.trouble} It runs {target}, but the rules of a tier may not be applied"
            self._finish(run, UnitStatus.FAILED, f"{reason}; the next run applies them again.", after)
        elif run.next_stage + 1 < len(run.stages):
            run.next_stage += 1
            run.overcome, run.trouble, run.lost, run.refuted, run.read_at = run.trouble, "", False, 0, None
            self._next_stage(run)
        else:
            trouble = run.trouble or run.overcome
            note = f"proven, although: {trouble}" if trouble else "proven"
            self._finish(run, UnitStatus.UPGRADED, f"{note}: runs {target}", after)

    def _give_up(self, run: _Run, finding: Finding, after: Sequence[Vm]) -> None:
        """The unit failed, unless it is to be recreated now."""
        reason = self._why_failed(run, finding)
        if run.method is not Method.LIVE_PATCH:
            self._finish(run, UnitStatus.FAILED, reason, after)
            return
        cure = cure_of(run.trouble, self._server.hosts_up(run.unit))
        if cure is Cure.RECREATE and self._obstacle_to_fallback:
            obstacle = self._obstacle_to_fallback(run.unit)
            if obstacle is None:
                self._progress.note(run.unit, f"live patch failed, recreating: {reason}")
                run.start_over(Method.RECREATE)
                self._next_stage(run)
                return
            reason = f"{reason} It was not recreated: {obstacle}"
        self._finish(run, UnitStatus.FAILED, reason, after, cure)

    def _is_spare(self, run: _Run) -> bool:
        """Of several system VMs of a kind the server replaces the last one only; the others when load asks for them."""
        others = [vm for vm in run.neighbours if vm.running and vm.agent_state == "Up"]
        return run.method is Method.RECREATE and run.unit.type is UnitType.SYSTEM_VM and bool(others)

    def _patience(self, run: _Run) -> float:
        """How long to wait for what is not there yet."""
        if run.trouble and not run.lost and run.method is Method.LIVE_PATCH:
            return 0.0  # a live patch that failed in plain words: what is not there will not come
        if run.method is Method.LIVE_PATCH:
            return self._limits.verify_timeout
        return {
            Awaited.SETTLING: self._limits.verify_timeout,
            Awaited.START: self._limits.start_timeout,
            Awaited.AGENT: self._limits.agent_timeout,
        }[run.awaited]

    def _decide_after_foreign_job(self, run: _Run, after: Sequence[Vm]) -> None:
        """Somebody else's job is over: if it did the work there is nothing to send, else it is our turn."""
        run.foreign = False
        run.read_at = None
        if run.method is Method.RECREATE:
            done = verify(run.unit, after, self._situation, run.method).proof is Proof.PROVEN
        else:
            done = bool(after) and all(is_current(vm, self._situation) for vm in after)
        if done:
            # For a VPC the job went through one tier; the other tiers still need their rules applied again. Which of
            # them it was and how it ended is not told, so none of these is left out.
            run.next_stage = 1 if run.stage.shows else 0
            if run.next_stage >= len(run.stages):
                reason = f"a job that was already running did it: runs {self._situation.target}"
                self._finish(run, UnitStatus.UPGRADED, reason, after)
                return
        self._next_stage(run)

    def _why_failed(self, run: _Run, finding: Finding) -> str:
        seconds = self._clock() - run.proof_since
        waited = f"after {seconds:.0f} s " if finding.proof is Proof.NOT_YET and seconds >= 1 else ""
        said = run.trouble if run.trouble else "the job succeeded, but"
        next_step = NEXT_STEPS.get((run.unit.type, finding.awaited), "") if run.method is Method.RECREATE else ""
        if run.method is Method.RECREATE and run.unit.type in (UnitType.NETWORK, UnitType.VPC):
            next_step = REPAIR
        parts = (said, waited + finding.reason + ".", hint_of(run.trouble), next_step)
        return " ".join(part for part in parts if part)

    @staticmethod
    def _remember(unit: Unit, after: Sequence[Vm]) -> list[Vm]:
        """Carry over what only the ROOT volume told; a job that keeps the disk keeps it."""
        before = {vm.id: vm for vm in unit.vms}
        return [
            replace(
                vm,
                built_from=vm.built_from or before[vm.id].built_from,
                root_template_id=vm.root_template_id or before[vm.id].root_template_id,
                root_template=vm.root_template or before[vm.id].root_template,
                hypervisor=vm.hypervisor or before[vm.id].hypervisor,
            )
            if vm.id in before
            else vm
            for vm in after
        ]

    # --- ends ---

    def _finish(
        self,
        run: _Run,
        status: UnitStatus,
        reason: str,
        after: Sequence[Vm] | None = None,
        cure: Cure | None = None,
    ) -> None:
        if run in self._active:
            self._active.remove(run)
        self._known_vms |= {vm.id for vm in after or ()}
        result = UnitResult(
            unit=run.unit,
            method=run.method,
            status=status,
            reason=reason,
            job_ids=tuple(run.job_ids),
            started=run.started,
            finished=self._now() if run.started is not None else None,
            after=after,
            submitted=run.submitted,
            cure=cure,
        )
        self._results[run.unit.id] = result
        if status is not UnitStatus.NOT_STARTED:
            self._progress.finished(result, self._counts())

    def _lose_server(self, error: ApiError) -> None:
        """The server is lost: what runs is unknown, and the next run will find out."""
        for run in list(self._active):
            jobs = f" (job {', '.join(run.job_ids)})" if run.job_ids else ""
            self._finish(
                run,
                UnitStatus.FAILED,
                f"contact with the management server was lost while it was at work{jobs}: {error}",
            )

    def _why_not_started(self, run: _Run, error: ApiError | None) -> str:
        if error is not None:
            return f"contact with the management server was lost: {error}"
        if self._is_stopping():
            return "not started: the run was interrupted"
        if self._within_budget() and not self._in_time(run):
            minutes = self._pace.typical(run.expected_s) / 60
            return f"not started: it takes about {minutes:.0f} min and would not end before the deadline"
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
