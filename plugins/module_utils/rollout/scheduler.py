# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets many units be upgraded at once: who starts when, one question for all, the clock. Knows no proof.

A unit yields a request, the scheduler answers it; they talk in no other way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..api.errors import ApiError, UnavailableError
from ..cloud.infrastructure import InFlight
from ..cloud.model import Unit
from ..units.actions import Want
from ..units.ends import UnitStatus
from ..units.record import Attempt
from .bounds import Bounds
from .inquiries import Inquiries, Inquiry
from .job_watch import JobWatch
from .outage import Outage
from .poll_schedule import PollSchedule, UnitDurations
from .progress import Counts
from .queue import StartQueue
from .requests import (
    Answer,
    Execute,
    LookInside,
    Observe,
    OthersEnd,
    Overdue,
    Pause,
    Refused,
    Reply,
    Request,
    Slot,
    Trouble,
)
from .results import UnitResult
from .server import Server
from .submitter import Submitter, Underway
from .surroundings import Rollout, Surroundings
from .unit_upgrade import Terms, UnitUpgrade
from .view import Asked, View

NOTICE_S = 0.5  # how long a stop may go unnoticed
FRESH_S = 1.0  # how old facts may be when something is sent
AWAY_S = 5.0  # between two looks at hosts that are away, while nothing else is at work
REFUSED_S = 60.0  # at most, between two calls that one outage refuses
RETRY_S = 2.0  # between two questions while the server is lost
INQUIRY_S = 0.5  # between two looks at what routers say of themselves
# For so long a proof waits for others, so that one reading serves several: a share of what a unit takes, and at most.
COMPANY, MOST_COMPANY_S = 0.05, 5.0
LEFT = (UnitStatus.NOT_STARTED, UnitStatus.LEFT_RUNNING)
INTERRUPTED = Refused("the run was interrupted", "Interrupted")


class Scheduler:
    """One rollout."""

    def __init__(self, server: Server, around: Surroundings) -> None:
        self.notes: list[str] = []
        self._server, self._around = server, around
        self._limits, self._progress, self.clock = around.limits, around.progress, around.clock
        target = str(around.standard.baseline.target)
        self._view = View(server, target, self.clock, set(around.known_vms), around.probes)
        self._submitter = Submitter(server, target, self._remark, self.clock, around.guard)
        self._inquiries = Inquiries(server, around.health_zones, self.clock, around.now)
        self._pace = PollSchedule(around.limits.poll_interval)
        self._durations = UnitDurations(self._pace)
        self._jobs = JobWatch(server, self._view, self._pace, self.clock, around.limits.job_timeout)
        self._bounds = Bounds(around.limits, self._durations, around.now)
        self._queue = StartQueue(())  # what has not begun
        self._requests: dict[UnitUpgrade, Request] = {}  # what each that has begun waits for
        self._underway: dict[UnitUpgrade, Underway] = {}  # the job that each Execute waits for
        self._inquired: dict[UnitUpgrade, Inquiry] = {}  # what each LookInside waits for
        self._own: set[str] = set()
        self._begun: dict[UnitUpgrade, float] = {}
        self._since: dict[UnitUpgrade, float] = {}  # when each began to wait
        self._aside: dict[UnitUpgrade, float] = defaultdict(float)  # seconds without a place
        self._told: Counter[UnitUpgrade] = Counter()  # notes
        self._results: dict[str, UnitResult] = {}
        self._total = self._done = 0
        most_s = around.lost_after_s
        lost = "contact with the management server was lost", "the management server answers again"
        takes_nothing = "the management server takes no jobs", "the management server takes jobs again"
        self._lost = Outage(*lost, most_s, self._progress.remark)
        self._takes_nothing = Outage(*takes_nothing, most_s, self._progress.remark, gap_s=max(most_s, REFUSED_S))
        self._error: ApiError | None = None
        self._interrupted = False
        self._steered_at = -NOTICE_S

    def run(self, units: Sequence[Unit], want: Callable[[Unit], Want], in_flight: Sequence[InFlight] = ()) -> Rollout:
        """Upgrade the units.

        :param want: what is wanted of each.
        :param in_flight: the jobs that ran before the units were read.
        :returns: a result for each, in their order; an error only if the server was lost on the way.
        """
        around = self._around
        reach_s = max(around.probes.patience_s, around.probes.first_s)
        patience, job_timeout = self._limits.patience(reach_s), self._limits.job_timeout
        terms = Terms(around.standard, patience, job_timeout, self.clock, around.now, around.probes)
        self._total = len(units)
        upgrades = (UnitUpgrade(unit, want(unit), terms) for unit in units)
        self._queue = StartQueue(upgrades, per_host=bool(self._limits.per_host))
        for unit in units if around.probes.on else ():
            around.probes.expect(unit.id)
        self._view.zones = {unit.zone_id for unit in units}
        self._view.notice(in_flight)
        while (self._requests or self._queue) and self._error is None and not self._ends_now():
            try:
                if not self._tick():
                    break
            except ApiError as error:
                self._lose(error)
        for upgrade in [*self._requests, *self._queue]:
            self._leave(upgrade)
        results = tuple(self._results[unit.id] for unit in units)
        return Rollout(results, self._error, tuple(self.notes), self._submitter.guard)

    # --- one tick

    def _tick(self) -> bool:
        """False when nothing that is left may be begun."""
        while self._grant() or self._observe():
            pass
        if not self._requests and not self._is_paused() and not self._wait_for_hosts():
            return False
        moments = [request.until for request in self._requests.values() if isinstance(request, Pause)]
        moments += [self._due(one) for one, request in self._requests.items() if isinstance(request, Observe)]
        if self._inquired:
            moments.append(self.clock() + INQUIRY_S)
        at_work = [one for one, request in self._requests.items() if isinstance(request, (Execute, OthersEnd))]
        next_poll = None
        if at_work:
            next_poll = self._pace.next_poll(self.clock(), [(self._since[one], self._lasts(one)) for one in at_work])
            moments.append(next_poll)
        if not self._sleep_until(min(moments, default=self.clock() + AWAY_S)):
            return True
        if next_poll is not None and self.clock() >= next_poll:
            self._poll()
        for upgrade, request in list(self._requests.items()):
            if isinstance(request, Pause) and request.until <= self.clock():
                self._answer(upgrade, None)
            elif isinstance(request, LookInside) and (inside := self._inquiries.answer(self._inquired[upgrade])):
                del self._inquired[upgrade]
                self._answer(upgrade, inside)
        return True

    def _lasts(self, upgrade: UnitUpgrade) -> float:
        return self._underway[upgrade].call.expected_s if upgrade in self._underway else upgrade.expected_s

    def _answer(self, upgrade: UnitUpgrade, answer: Reply) -> None:
        """Let it go on until it waits for something that takes time."""
        if upgrade not in self._bounds.held:
            self._aside[upgrade] += self.clock() - self._since.get(upgrade, self.clock())
        if answer is Answer.GRANTED:
            self._bounds.held.add(upgrade)
        try:
            request = upgrade.steps.send(answer) if upgrade in self._since else next(upgrade.steps)
            while (at_once := self._at_once(upgrade, request)) is not None:
                request = upgrade.steps.send(at_once)
        except StopIteration as end:
            self._finish(upgrade, end.value)
            return
        for note in upgrade.record.notes[self._told[upgrade] :]:
            self._progress.note(upgrade.unit, note)
        self._told[upgrade] = len(upgrade.record.notes)
        if isinstance(request, Slot) or not request.holds:
            self._bounds.held.discard(upgrade)
        self._requests[upgrade], self._since[upgrade] = request, self.clock()

    def _at_once(self, upgrade: UnitUpgrade, request: Request) -> Reply:
        """The answer that needs no waiting, None where it does."""
        if isinstance(request, OthersEnd):
            return self._jobs.ends_of(request)
        if isinstance(request, LookInside):
            self._inquired[upgrade] = self._inquiries.begin(request.vms)
            self._own |= self._inquiries.jobs
            return None
        return self._send(upgrade, request) if isinstance(request, Execute) else None

    def _send(self, upgrade: UnitUpgrade, request: Execute) -> Reply:
        """Everything that speaks against a call is looked at in the moment of sending it."""
        if why := self._why_not(request.expected_s, completes=request.completes):
            return why
        fits = request.completes or self._bounds.fits_where_it_is(upgrade)
        if not fits or not self._may_go_on(upgrade) or self.clock() - request.read_at > FRESH_S:
            return self._stale(upgrade)
        sent = self._submitter.submit_once(upgrade.unit.zone_id, request.call, request.since)
        if sent is None:
            return self._stale(upgrade)
        if isinstance(sent, Trouble):
            self._gives_up(sent.error, self._takes_nothing)  # what is to be sent waits; what runs is looked after
            return sent
        self._takes_nothing.ends(self.clock())
        if isinstance(sent, Attempt):
            self._view.jobs_at = -1.0  # what was just asked may not tell whether it runs
            return sent
        self._underway[upgrade] = sent
        self._own.add(sent.job_id)
        return None

    def _stale(self, upgrade: UnitUpgrade) -> Reply:
        """It is read again before anything is sent for it, and others may have its place."""
        self._bounds.held.discard(upgrade)
        return Answer.STALE

    # --- what is asked of the server for all

    def _observe(self) -> bool:
        """Answer all that want to know how they are, from one reading, once one of them need not wait any more."""
        asking = [(one, request) for one, request in self._requests.items() if isinstance(request, Observe)]
        if not asking or all(self._due(one) > self.clock() for one, dummy in asking):
            return False
        asked = [Asked(one.planned, one.unit, request, one.record) for one, request in asking]
        found = self._view.observe(asked, lambda: self._view.ask_jobs(self._own))
        self._lost.ends(self.clock())
        for (one, dummy), facts in zip(asking, found, strict=True):
            self._answer(one, facts)
        return True

    def _due(self, upgrade: UnitUpgrade) -> float:
        """When it is to be read: a proof waits a little for company, while there may be any."""
        request, since = self._requests[upgrade], self._since[upgrade]
        if not (isinstance(request, Observe) and request.proof and self._underway):
            return since
        return since + min(MOST_COMPANY_S, COMPANY * self._pace.typical(upgrade.expected_s))

    def _poll(self) -> None:
        """One question for all jobs; of those that have ended, how."""
        asked_at = self.clock()
        self._view.ask_jobs(self._own)
        ends = self._jobs.ends(self._underway.values(), asked_at)
        self._lost.ends(self.clock())
        for upgrade, wait in list(self._requests.items()):
            age = self.clock() - self._since[upgrade]
            if isinstance(wait, Execute):
                sent, timeout = self._underway[upgrade], self._limits.job_timeout * wait.call.weight
                job = ends.get(sent.job_id)
                if job or age > timeout:
                    del self._underway[upgrade]
                    self._answer(upgrade, self._submitter.ended(sent, job) if job else Overdue(sent.job_id))
            elif isinstance(wait, OthersEnd) and ((others := self._jobs.ends_of(wait)) or age > wait.timeout):
                self._answer(upgrade, others or Overdue(""))

    # --- places

    def _grant(self) -> bool:
        """Give one place away, or tell that there is none any more."""
        again = [(one, request) for one, request in self._requests.items() if isinstance(request, Slot)]
        again.sort(key=lambda each: not each[1].completes)  # somebody lacks something until it goes on
        for upgrade, slot in again:
            if why := self._why_not(slot.expected_s, completes=slot.completes):
                self._answer(upgrade, why)
                return True
        for upgrade, request in self._requests.items():
            if isinstance(request, Pause) and request.watches and (why := self._why_not(0.0)):
                self._answer(upgrade, why)
                return True
        if self._bounds.full or self._is_leaving():
            return False
        load = self._bounds.load
        proves_now = self._proves_now()
        for upgrade, slot in again:
            begun = upgrade.record.submitted or not proves_now
            if begun and self._may_go_on(upgrade) and self._bounds.fits(upgrade, slot.method, load):
                self._answer(upgrade, Answer.GRANTED)
                return True
        if self._bounds.stop or proves_now or self._bounds.paused or not self._bounds.within_budget(self._doubtful):
            return False
        picked = self._queue.pick(self._bounds.fits_hosts, self._may_begin, load)
        if picked is not None:
            self._begin(picked)
        return picked is not None

    def _may_go_on(self, upgrade: UnitUpgrade) -> bool:
        """Whether what has a place, or had one, may send: what is in doubt itself keeps only others from it."""
        others = [one for one in self._doubtful if one is not upgrade]
        return upgrade.record.submitted or (not self._bounds.paused and self._bounds.within_budget(others))

    def _proves_now(self) -> bool:
        """Whether a proof is read next: it may tell that nothing new is to begin."""
        proofs = (one for one, request in self._requests.items() if isinstance(request, Observe) and request.proof)
        return any(self._due(one) <= self.clock() for one in proofs)

    def _begin(self, upgrade: UnitUpgrade) -> None:
        self._queue.remove(upgrade)
        self._begun[upgrade] = self._around.now()
        self._around.probes.watch(upgrade.unit.id)
        self._bounds.held.add(upgrade)
        self._progress.started(upgrade.unit, self._counts())
        self._answer(upgrade, None)  # asks for the place
        self._answer(upgrade, Answer.GRANTED)

    def _may_begin(self, upgrade: UnitUpgrade, load: Counter[str]) -> bool:
        fits = self._bounds.in_time(upgrade.expected_s) and self._bounds.fits(upgrade, upgrade.method, load)
        return fits and not self._view.away(upgrade.unit, fresh_s=AWAY_S)

    def _wait_for_hosts(self) -> bool:
        """Whether to wait, though nothing is at work, for hosts that are away; what they carry is skipped otherwise."""
        if self._bounds.stop or not self._bounds.within_budget(()):
            return False
        if self._is_leaving():
            return True
        away = {one: hosts for one in self._queue if (hosts := self._view.away(one.unit))}
        if not away:
            return False
        lost = self._view.lost_at  # a server that has just started does not have its hosts yet
        if lost >= 0 and self.clock() - lost < self._limits.verify_timeout:
            return True
        for one, hosts in away.items():
            self._queue.remove(one)
            result = one.interrupted(None, "HostAway", f"{', '.join(hosts)}; nothing was sent")
            self._finish(one, replace(result, status=UnitStatus.SKIPPED))
        return bool(self._queue)

    # --- bounds

    @property
    def _doubtful(self) -> list[UnitUpgrade]:
        """Units that may yet fail, by what is seen of them."""
        return [one for one in self._requests if one.in_doubt]

    def _why_not(self, expected_s: float, *, completes: bool = False) -> Refused | None:
        """Why nothing that takes so long may be begun any more; what completes a unit may."""
        if self._ends_now():
            return INTERRUPTED
        return None if completes else self._bounds.why_not(expected_s)

    def _listen(self) -> bool:
        """Do what people want meanwhile: end, or what the control file says. Whether that changes anything."""
        changed = not self._interrupted and self._around.interrupted()
        if changed:
            self._interrupted, self._bounds.stop = True, self._bounds.stop or INTERRUPTED
            self._progress.stopping(self._counts(), self._limits.wait_when_interrupted)
        control = self._around.control
        if control.path is None or self.clock() - self._steered_at < NOTICE_S:
            return changed
        self._steered_at = self.clock()
        if (news := control.news()) is None:
            return changed
        words = self._bounds.steer(news, control.path)
        for word in words:
            self._progress.steered(word, self._counts(), control.path)
        if news.problem:
            self._progress.remark(f"{control.path} cannot be read, so it steers nothing: {news.problem}")
        for text in news.unknown:
            self._progress.not_understood(text, control.path)
        return changed or bool(words)

    def _is_paused(self) -> bool:
        """Whether something may yet be begun, but not now."""
        bounds = self._bounds
        return bounds.paused and not bounds.stop and any(bounds.in_time(one.expected_s) for one in self._queue)

    def _ends_now(self) -> bool:
        self._listen()
        return self._interrupted and not self._limits.wait_when_interrupted

    def _sleep_until(self, moment: float) -> bool:
        """Sooner, where people want something else; False when the rollout is to end now."""
        while True:
            changed = self._listen()
            if self._ends_now():
                return False
            left = moment - self.clock()
            if changed or left <= 0:
                return True
            self._around.sleep(max(0.0, min(NOTICE_S, left)))
            if left <= NOTICE_S:
                return True

    # --- a server that is not there, or takes nothing

    def _lose(self, error: ApiError) -> None:
        """The server is out of reach: everything waits, for a while."""
        self._view.lost_at = self.clock()
        if not self._gives_up(error, self._lost):
            self._sleep_until(self.clock() + RETRY_S)

    def _is_leaving(self) -> bool:
        """Whether a management server is about to go, and what is begun now would break off."""
        if moved := self._view.moved():
            self._bounds.stop = self._bounds.stop or Refused(moved, "TargetMoved")
        if words := self._view.leaving():
            self._gives_up(UnavailableError(f"{words}; what is begun now would break off."), self._takes_nothing)
        return bool(words)

    def _gives_up(self, error: ApiError, outage: Outage) -> bool:
        if outage.lasts_too_long(self.clock()):
            self._error, self._bounds.stop = error, Refused(f"{outage.what}: {str(error).rstrip('.')}", "ServerLost")
        else:
            self._progress.retrying(error, RETRY_S)
        return self._error is not None

    # --- ends

    def _leave(self, upgrade: UnitUpgrade) -> None:
        """It ends where it is: the run ends."""
        why = self._why_not(upgrade.expected_s) or INTERRUPTED
        sent = self._underway.get(upgrade)
        self._finish(upgrade, upgrade.interrupted(sent.job_id if sent else None, why.reason, why.why))

    def _finish(self, upgrade: UnitUpgrade, result: UnitResult) -> None:
        self._requests.pop(upgrade, None)
        self._bounds.held.discard(upgrade)
        self._around.probes.leave(upgrade.planned.id)
        began = self._begun.pop(upgrade, None)
        finished = None if began is None else self._around.now()
        result = replace(result, started=began, finished=finished, stood_aside_s=self._aside[upgrade])
        self._durations.learn_of(result, self._queue.lasts[upgrade])
        if result.code == "TargetMoved":
            self._bounds.stop = self._bounds.stop or Refused(result.reason, "TargetMoved")
        self._bounds.failures += result.status is UnitStatus.FAILED
        self._view.known_vms |= {vm.id for vm in result.after or ()}
        self._results[result.unit.id] = result
        self._done += result.status not in LEFT
        self._progress.finished(result, self._counts())

    def _counts(self) -> Counts:
        return Counts(
            total=self._total,
            done=self._done,
            at_work=len(self._bounds.held),
            proving=len(self._begun) - len(self._bounds.held),
            failed=self._bounds.failures,
            time_left_s=self._time_left() if self._progress.tells else None,
        )

    def _time_left(self) -> float | None:
        running = [(self._worked(one), self._queue.lasts[one]) for one in self._begun]
        return self._durations.time_left(self._bounds.parallel, running, self._queue.total_s, self._queue.longest_s)

    def _worked(self, upgrade: UnitUpgrade) -> float:
        """For how many seconds it has had a place."""
        waits = 0.0 if upgrade in self._bounds.held else self.clock() - self._since.get(upgrade, self.clock())
        return self._around.now() - self._begun[upgrade] - self._aside[upgrade] - waits

    def _remark(self, text: str) -> None:
        self.notes.append(text)
        self._progress.remark(text)
