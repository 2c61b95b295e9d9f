# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets many lives go on at once: who starts when, one question for all jobs, the clock. Knows no call and no proof."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import objects_of_ids
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.durations import rough
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk, TargetMovedError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.life import Life
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.pacing import Pace
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.pending import Pending
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Counts
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.sender import Guard
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import (
    AtWork,
    JobEnd,
    OthersEnd,
    Pause,
    Turn,
)

# How long an interruption may go unnoticed.
NOTICE_S = 0.5
# How old the knowledge of what runs may be when a unit is started: somebody else may have begun to work on it.
FRESH_S = 1.0
# How often hosts are looked at while only units are left whose hosts are away.
AWAY_S = 5.0


INTERRUPTED = "not started: the run was interrupted"
AnyWait = TypeVar("AnyWait")


@dataclass(frozen=True)
class Rollout:
    """The end of a rollout: a result for every unit, notes about the whole and, if it had to be broken off, why."""

    results: tuple[UnitResult, ...]
    error: ApiError | None = None
    notes: tuple[str, ...] = ()
    guard: Guard = Guard.UNKNOWN

    @property
    def good(self) -> bool:
        return self.error is None and all(result.status.good for result in self.results)


class Scheduler:
    """One rollout.

    :param interrupted: asked twice a second; once true, nothing new is started.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        interrupted: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._desk = desk
        self._limits = desk.limits
        self._interrupted = interrupted
        self._sleep = sleep
        self._pace = Pace(desk.limits.poll_interval)
        self._pending = Pending()
        self._active: list[Life] = []
        self._waits_since: dict[Life, float] = {}
        self._results: dict[str, UnitResult] = {}
        self._failed = 0
        self._seen_jobs: set[str] = set()
        self._stopped = ""  # why nothing new is started any more
        desk.ask_what_runs = self._ask
        desk.why_not = self._why_not
        self._next_poll = 0.0
        self._asked_at = 0.0  # when the server was last asked what runs

    def run(self, units: Sequence[Unit], method: Method, in_flight: Sequence[InFlight] = ()) -> Rollout:
        """Upgrade the units.

        :param in_flight: the jobs that ran before the units were read.
        :returns: a result for every unit in the order given; an error only if the server was lost on the way.
        """
        self._pending = Pending(Life(unit, method, self._desk) for unit in units)
        for unit in units if self._desk.probes.on else ():
            self._desk.probes.expect(unit.id)
        error: ApiError | None = None
        try:
            self._notice(in_flight)
            self._ask()
            self._loop()
        except ApiError as lost:
            error = lost
            for life in list(self._active):
                jobs = f" (job {', '.join(life.caller.job_ids)})" if life.caller.job_ids else ""
                self._fail(life, f"contact with the management server was lost while it was at work{jobs}: {lost}")
        for life in self._pending:
            self._results[life.unit.id] = life.result(UnitStatus.NOT_STARTED, self._why_not_started(life, error))
        results = tuple(self._results[unit.id] for unit in units)
        return Rollout(results, error, tuple(self._desk.notes), self._desk.sender.guard)

    # --- the loop

    def _loop(self) -> None:
        self._launch()
        while self._active or (self._pending and self._wait_for_hosts()):
            if not self._sleep_until(self._next_moment()):
                self._leave()
                return
            if self.clock >= self._next_poll and self._waiting(AtWork):
                self._poll()
            for life, pause in self._waiting(Pause):
                if pause.until <= self.clock:
                    self._resume(life)
            for life, turn in self._waiting(Turn):
                turn.refusal = self._why_not(turn.expected_s)
                if turn.refusal or not self._out_of_bounds(life, turn.method, turn.expected_s):
                    self._resume(life)
            self._launch()

    @property
    def clock(self) -> float:
        return self._desk.clock()

    def _resume(self, life: Life) -> None:
        """Let it go on until it waits again or ends."""
        if isinstance(life.wait, Pause) and not life.wait.holds:
            life.stood_aside_s += self.clock - self._waits_since[life]
        try:
            life.wait = next(life.steps)
            self._waits_since[life] = self.clock
        except StopIteration as end:
            self._finish(life, end.value)
        except TargetMovedError as moved:
            self._stopped = self._stopped or f"not started: {moved}"
            self._finish(life, life.result(UnitStatus.FAILED, str(moved)))

    def _waiting(self, kind: type[AnyWait]) -> list[tuple[Life, AnyWait]]:
        return [(life, life.wait) for life in self._active if isinstance(life.wait, kind)]

    def _next_moment(self) -> float:
        moments = [pause.until for dummy, pause in self._waiting(Pause)]
        at_work = [(wait.since, wait.expected_s) for dummy, wait in self._waiting(AtWork)]
        if at_work:
            self._next_poll = self._pace.next_poll(self.clock, at_work)
            moments.append(self._next_poll)
        if not self._active:
            moments.append(self.clock + AWAY_S)
        return min(moments, default=self.clock)

    def _sleep_until(self, moment: float) -> bool:
        """False when the rollout is to end now."""
        while True:
            if self._is_stopping() and not self._limits.wait_when_interrupted:
                return False
            left = moment - self.clock
            self._sleep(max(0.0, min(NOTICE_S, left)))
            if left <= NOTICE_S:
                return True

    def _is_stopping(self) -> bool:
        """Whether it was interrupted; it says so once, and an interruption is never taken back."""
        if self._interrupted() and self._stopped != INTERRUPTED:
            self._stopped = INTERRUPTED
            self._desk.progress.stopping(len(self._active), self._limits.wait_when_interrupted)
        return self._stopped == INTERRUPTED

    def _leave(self) -> None:
        for life in list(self._active):
            running = isinstance(life.wait, AtWork)
            jobs = f"job {', '.join(life.caller.job_ids)} was left running" if running else "its jobs have ended"
            left = jobs if life.caller.job_ids else "nothing was sent"
            self._fail(life, f"interrupted: {left}; the next run finds out and goes on")

    # --- jobs: one question for all

    def _poll(self) -> None:
        jobs, asked_at = self._ask(), self._asked_at
        answered_at = self.clock
        for life, wait in self._waiting(AtWork):
            late = self.clock - wait.since > wait.timeout
            if isinstance(wait, OthersEnd):
                life.caller.foreign = {i: job for i, job in life.caller.foreign.items() if i in jobs}
                wait.overdue = late and bool(life.caller.foreign)
                over = not life.caller.foreign
            else:
                over = isinstance(wait, JobEnd) and self._ended(wait, jobs, asked_at)
            if over or late:
                wait.over_at = answered_at
                self._resume(life)
                self._launch()

    def _ended(self, wait: JobEnd, jobs: dict[str, Job], asked_at: float) -> bool:
        if wait.job_id in jobs:
            wait.seen_at = asked_at
            return False
        job = self._desk.server.result(wait.job_id)
        if job.status is JobStatus.RUNNING:
            return False  # not in the list, but the server says that it runs: ask again
        wait.job = job
        if job.error() is None:
            self._pace.learn(wait.expected_s, asked_at - wait.since, wait.seen_at - wait.since)
        return True

    def _ask(self) -> dict[str, Job]:
        """What runs now; a unit that somebody else has begun to work on is told."""
        self._asked_at = self.clock
        jobs = self._desk.server.running()
        self._seen_jobs.update(
            job_id for life in self._active for job_id in (*life.caller.job_ids, *life.inside.asides)
        )
        unknown = jobs.keys() - self._seen_jobs
        if unknown:  # only an event tells what a job works on
            self._notice([job for job in self._desk.server.in_flight(jobs) if job.job_id in unknown])
            self._seen_jobs |= unknown
        return jobs

    def _notice(self, working: Sequence[InFlight]) -> None:
        """Nothing is sent for a unit before these jobs on it have ended."""
        self._seen_jobs |= {job.job_id for job in working}
        for job in working:
            lives = [life for life in [*self._pending, *self._active] if job.resource_ids & life.unit.resource_ids()]
            for life in lives:  # an event may fit several jobs; an id of ours fits one object
                ids = objects_of_ids(life.unit.zone_id, job.resource_ids, str(self._desk.baseline.target))
                if job.job_id in ids:
                    job = replace(job, resource_ids=frozenset({ids[job.job_id]}))
                    lives = [life for life in lives if job.resource_ids & life.unit.resource_ids()]
                    break
            for life in lives:
                life.caller.foreign[job.job_id] = job

    # --- who starts when

    def _launch(self) -> None:
        while not self._is_stopping() and not self._stopped and self._within_budget():
            if len(self._holding()) >= self._limits.parallel:
                return
            life = self._pick()
            if life is None:
                return
            if self.clock - self._asked_at > FRESH_S:
                self._ask()
            self._pending.remove(life)
            self._active.append(life)
            life.started = self._desk.now()
            life.caller.since = self.clock
            self._desk.progress.started(life.unit, self._counts())
            self._resume(life)

    def _holding(self) -> list[Life]:
        """What counts against the bounds: not a unit that only waits to be read again."""
        return [life for life in self._active if not (isinstance(life.wait, Pause) and not life.wait.holds)]

    def _pick(self) -> Life | None:
        """The next unit: on the idlest hosts; of these one whose hosts have most left to do; of these the longest."""
        load = Counter(host for life in self._holding() for host in life.unit.host_ids)
        ready: list[tuple[float, float, float, int, Life]] = []
        for hosts, lives in self._pending.by_hosts():
            if self._limits.per_host and any(load[host] >= self._limits.per_host for host in hosts):
                continue
            life = next((life for life in lives if self._may_start(life)), None)
            if life is None:
                continue
            busy, left = 0.0, 0.0
            if self._limits.per_host:
                busy = max((load[host] for host in hosts), default=0)
                left = max((self._pending.left[host] for host in hosts), default=0.0)
            ready.append((busy, -left, -life.expected_s, self._pending.place_of[life], life))
        return min(ready, key=lambda rank: rank[:4], default=(0, 0, 0, 0, None))[4]

    def _may_start(self, life: Life) -> bool:
        return (
            self._in_time(life.expected_s)
            and not self._out_of_bounds(life, life.method, life.expected_s)
            and not self._desk.away(life.unit)
        )

    def _out_of_bounds(self, life: Life, method: Method, expected_s: float) -> bool:
        """Whether it has to wait for others: system VMs are replaced one after the other, big units done one by one."""
        others = [other for other in self._holding() if other is not life and not isinstance(other.wait, Turn)]
        if expected_s >= self._limits.big_s and any(other.expected_s >= self._limits.big_s for other in others):
            return True
        if not life.unit.kind.is_system_vm or method is Method.LIVE_PATCH:
            return False
        replaced = [
            other.unit for other in others if other.unit.kind.is_system_vm and other.method is not Method.LIVE_PATCH
        ]
        of_kind = sum(unit.kind is life.unit.kind for unit in replaced)
        return of_kind >= self._limits.system_vms_at_once or any(unit.zone_id == life.unit.zone_id for unit in replaced)

    def _why_not(self, expected_s: float) -> str | None:
        """Why a unit that has a place must not begin with it, or change over to another method, any more."""
        if self._is_stopping():
            return "the run was interrupted"
        if self._stopped:
            return self._stopped.removeprefix("not started: ")
        if not self._in_time(expected_s):
            return self._too_long(expected_s)
        if self._failed > self._limits.max_failures:
            return f"{self._failed} unit(s) failed, and max_failures is {self._limits.max_failures}"
        return None

    def _in_time(self, expected_s: float) -> bool:
        """Whether a unit is expected to end before the deadline, going by durations seen."""
        deadline = self._limits.deadline
        return deadline is None or self._desk.now() + self._pace.typical(expected_s) <= deadline

    def _within_budget(self) -> bool:
        # What is read or tried again before it counts as failed.
        doubtful = sum(life.again or (isinstance(life.wait, Pause) and life.wait.doubtful) for life in self._active)
        return self._failed + doubtful <= self._limits.max_failures

    def _wait_for_hosts(self) -> bool:
        """Whether to wait, though nothing is at work, for hosts that are away; what they carry is skipped otherwise."""
        if self._stopped or not self._within_budget():
            return False
        away = {life: hosts for life in self._pending if (hosts := self._desk.away(life.unit))}
        if not away:
            return False
        self._desk.away(next(iter(away)).unit, now=True)
        if any(not self._desk.away(life.unit) for life in away):
            return True
        lost = self._desk.contact_lost  # a server that has just started does not have its hosts yet
        if lost is not None and self.clock - lost < self._limits.verify_timeout:
            return True
        for life, hosts in away.items():
            self._pending.remove(life)
            self._finish(life, life.result(UnitStatus.SKIPPED, f"{', '.join(hosts)}; nothing was sent"))
        return False

    # --- ends

    def _fail(self, life: Life, reason: str) -> None:
        life.steps.close()
        self._finish(life, life.result(UnitStatus.FAILED, reason))

    def _finish(self, life: Life, result: UnitResult) -> None:
        if life in self._active:
            self._active.remove(life)
        self._desk.probes.leave(life.unit.id)
        self._failed += result.status is UnitStatus.FAILED
        self._desk.known_vms |= {vm.id for vm in result.after or ()}
        self._results[life.unit.id] = result
        self._desk.progress.finished(result, self._counts())

    def _why_not_started(self, life: Life, error: ApiError | None) -> str:
        if error is not None:
            return f"contact with the management server was lost: {error}"
        if self._stopped:
            return self._stopped
        if self._within_budget() and not self._in_time(life.expected_s):
            return f"not started: {self._too_long(life.expected_s)}"
        return f"not started: {self._failed} failed unit(s), and max_failures is {self._limits.max_failures}"

    def _too_long(self, expected_s: float) -> str:
        return f"it takes about {rough(self._pace.typical(expected_s))} and would not end before the deadline"

    def _counts(self) -> Counts:
        running = [
            (self.clock - life.caller.since, life.caller.call.expected_s if life.caller.call else life.expected_s)
            for life in self._active
        ]
        return Counts(
            total=len(self._results) + len(self._active) + len(self._pending),
            done=len(self._results),
            running=len(self._active),
            failed=self._failed,
            time_left_s=self._pace.time_left(
                self._limits.parallel, running, self._pending.total_s, self._pending.longest_s
            ),
        )
