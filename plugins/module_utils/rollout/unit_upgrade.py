# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The upgrade of one unit: observe, decide, act, again and again until there is nothing to do or no hope.

A generator: it yields requests and is sent the answers. It knows no server, no other unit and no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..cloud.model import Restart, Unit, Vm, is_healthy_pair
from ..cloud.restarts import failed_words
from ..knowledge.durations import rough
from ..knowledge.vocabulary import Method
from ..options.option_names import words
from ..probing.probes import Probes
from ..units.actions import REREAD_S, Action, AskInside, AwaitOthers, Done, Patience, Send, Situation, Wait, Want
from ..units.approval import STRENGTH
from ..units.conditions import Conditions, Facts, Standard, Status, Type, assess
from ..units.ends import End, Recovery, UnitStatus
from ..units.expected import expected_seconds
from ..units.next_action import next_action
from ..units.record import Attempt, Inside, Record, Soak, pending_rules
from .requests import (
    Execute,
    LookInside,
    Observe,
    OthersEnd,
    Overdue,
    Pause,
    Refused,
    Reply,
    Slot,
    Steps,
    Trouble,
)
from .results import UnitResult

RETRY_S = 5.0  # between two looks or submits while the server does not answer for this unit
# What could not be known of a unit that is done, and is told.
TOLD = frozenset({"NeverLooked", "NotTold", "NotJudged"})
UNREADABLE_S = 30.0  # how long a read of this unit alone may fail
FIRST_LOOK_S = 0.05  # between two looks for the first result of a probe
MOST_WAITS = 6  # for jobs of others
# Somebody ended the run: what was not finished by then is no failure.
ORDERLY = frozenset({"Interrupted", "StoppedByFile"})
CANNOT_BOOT = "A VM that cannot boot looks like this for 10 to 20 minutes on each host. "


@dataclass(frozen=True)
class Terms:
    """What holds for all units of a rollout.

    :ivar job_timeout: longest time for one patch, restart or start, in seconds.
    :ivar clock: monotonic seconds; I(now) since the epoch.
    :ivar probes: what watches from outside.
    """

    standard: Standard
    patience: Patience
    job_timeout: float
    clock: Callable[[], float]
    now: Callable[[], float]
    probes: Probes


class UnitUpgrade:
    """One unit's.

    :ivar planned: the unit as it was planned.
    :ivar unit: as it was last read.
    :ivar method: by what it goes on, at first what its plan says.
    :ivar steps: yields requests, returns the result.
    """

    def __init__(self, unit: Unit, want: Want, terms: Terms) -> None:
        self.planned = self.unit = unit
        self.record = Record({vm.id: vm for vm in unit.vms})
        self._want, self._terms = want, terms
        self._conditions = Conditions()
        self._expected: tuple[Unit, Method, float] | None = None  # asked for much more often than it changes
        self._seen: tuple[Vm, ...] | None = None
        self._unreadable_since: float | None = None
        self._holds, self._needs_place, self._waits = False, True, 0
        self._doubtful = False  # by what was last seen of it
        self._ended: Refused | None = None  # why it is not watched any longer
        self._looked_from_outside = not terms.probes.on
        standard = terms.standard
        self._standard = Standard(
            standard.baseline, standard.pair_settles_s, new_disks=want.new_disks(unit), looks_inside=want.looks_inside
        )
        plan = self._decide(Facts(unit, terms.clock(), full=True, version=standard.baseline.target))
        self.method = self._sent = plan.method if isinstance(plan, Send) else Method.NONE
        self._conditions = Conditions()
        self.steps = self._run()

    @property
    def expected_s(self) -> float:
        """How long it is expected to take, in seconds."""
        known = self._expected
        if known is None or known[0] is not self.unit or known[1] is not self.method:
            twice = self._standard.baseline.expects_two_patches(self.unit)
            known = self._expected = self.unit, self.method, expected_seconds(self.unit, self.method, twice=twice)
        return known[2]

    @property
    def in_doubt(self) -> bool:
        """Whether it may yet fail, by how its last job ended and by what was seen since.

        Where two patches are expected the first one may fail.
        """
        sent = self.record.sent
        if not self.record.submitted:
            return False
        first = len(sent) == 1 and sent[0].call and sent[0].call.patches and not sent[0].lost
        expected = first and self._standard.baseline.expects_two_patches(self.planned)
        return self._doubtful or (bool(sent[-1].error) and not expected)

    def _decide(self, facts: Facts) -> Action:
        now, standard = self._terms.clock(), self._standard
        self._conditions = assess(facts, self.record, standard, now, self._conditions)
        return next_action(
            Situation(facts, self._conditions, self.record, self._want, standard.baseline, self._terms.patience, now)
        )

    def _run(self) -> Steps[UnitResult]:
        action: Action | None = None
        while True:
            if self._needs_place:
                completes = isinstance(action, Send) and action.completes
                answer = yield Slot(self.method, self.expected_s, completes)
                if isinstance(answer, Refused):
                    return self._refused(answer)
                self._holds, self._needs_place = True, False
            facts = yield self._observation(action)
            if not isinstance(facts, Facts):
                if result := self._unreadable(facts):
                    return result
                yield self._pause(RETRY_S)
                continue
            self._take(facts)
            action = self._decide(facts)
            self._doubtful = isinstance(action, (Send, Wait)) and action.doubtful
            if isinstance(action, Send) and action.call.destroys and not facts.full:
                action = Wait(self._terms.clock(), holds=self._holds, full=True)
            result = yield from self._carry_out(action, facts)
            if result:
                return result

    def _observation(self, action: Action | None) -> Observe:
        """What to read; everything about it where something was refused, or what is done cannot be undone.

        A patch of a VPC's router concerns all tiers that are in use by then, not only those that were planned.
        """
        last = self.record.last
        tiers = last is not None and self.unit.vpc is not None and last.call is not None and last.call.patches
        full = (isinstance(action, Wait) and action.full) or (last is not None and not last.taken)
        return Observe(
            full,
            self._standard.new_disks or self.method is Method.RECREATE,
            self.record.over_at,
            proof=bool(self.record.attempts) and not self._holds,
            holds=self._holds,
            watched=self.record.soak.began if self.record.soak else None,
            tiers=tiers,
        )

    def _carry_out(self, action: Action, facts: Facts) -> Steps[UnitResult | None]:
        if self._ended and self._is_proven:
            return self._watched(self._ended)
        if isinstance(action, Send):
            self._holds = self._holds and action.method is self.method  # other bounds hold for another method
            self.method = action.method
            self._needs_place = not self._holds
            return (yield from self._execute(action, facts)) if self._holds else None
        if isinstance(action, Wait):
            left = action.until - self._terms.clock()
            ended = (yield self._pause(left, holds=action.holds)) if left > 0 else None
            self._ended = ended if isinstance(ended, Refused) else self._ended
            return None
        if isinstance(action, AwaitOthers):
            return (yield from self._await(facts))
        if isinstance(action, AskInside):
            yield from self._ask_inside(action, facts)
            return None
        if isinstance(action, Done) and self._want.soak_s and not self.record.soak and not action.spare:
            yield from self._begin_soak()
            return None
        return self._result_of(action)

    def _take(self, facts: Facts) -> None:
        self._unreadable_since, self.unit = None, facts.unit
        if self._seen is None:  # what came since the plan is no new VM of this run
            self.record.first = {vm.id: vm for vm in facts.unit.vms}
            self.record.pair_was_broken = facts.unit.elects and not is_healthy_pair(facts.unit.vms)
        self._seen = facts.unit.vms
        if self.record.soak and self.record.soak.known is None:
            self.record.soak.known = facts.alerts or ()
            if facts.alerts is None:
                self.record.notes.append("alerts were not looked at: the account may not call listAlerts")

    def _execute(self, action: Send, facts: Facts) -> Steps[UnitResult | None]:
        call, before = action.call, self._sent
        if not self.record.sent:
            before = Method.NONE
            yield from self._look_from_outside()
        since = pending_rules(self.unit, self.record).get(call.object_id)
        self._sent = max(before, action.method, key=STRENGTH.index)
        answer = yield Execute(call, facts.read_at, self.expected_s, action.completes, since)
        if isinstance(answer, Attempt):
            self.record.attempts.append(answer)
            self.record.notes += [action.note] if action.note else []
            # Else it is most likely done; a destroyed system VM is not before the server has made another.
            made_anew = self.unit.kind.is_system_vm and call.destroys
            self._holds = bool(answer.error or pending_rules(self.unit, self.record)) or made_anew
            return None
        if isinstance(answer, Overdue):
            told = (
                f"job {answer.job_ids} still runs after {self._terms.job_timeout * call.weight:.0f} s. It was left "
                "running; the next run waits for it. "
            )
            told += CANNOT_BOOT if call.boots else ""
            told += words("Raise O(job_timeout) if jobs take so long here")
            return self._end(UnitStatus.FAILED, "JobOverdue", told)
        self._sent, self._holds = before, False
        if isinstance(answer, Refused):
            return self._refused(answer)
        if isinstance(answer, Trouble):
            yield self._pause(max(RETRY_S, answer.error.retry_after or 0.0))
        return None

    def _look_from_outside(self) -> Steps[None]:
        """Only what answers before the first call counts afterwards; what takes long to tell is not waited for."""
        probes, clock = self._terms.probes, self._terms.clock
        if self._looked_from_outside:
            return
        self._looked_from_outside, began = True, clock()
        while not probes.knows(self.unit.id) and clock() - began < probes.wait_s:
            yield Pause(clock() + FIRST_LOOK_S)
        probes.call(self.unit.id)

    def _begin_soak(self) -> Steps[None]:
        yield from self._look_from_outside()
        inside = self.record.answers[-1] if self.record.answers else None
        self.record.soak = Soak(self._terms.now(), self._terms.clock() + self._want.soak_s, inside)
        self.record.notes.append(self._is_watched)

    @property
    def _is_watched(self) -> str:
        return f"it is watched for {rough(self._want.soak_s)} before it counts as done"

    @property
    def _notes(self) -> tuple[str, ...]:
        """What is worth knowing of it in the end: how long it was watched, no more that it is."""
        notes, soak = [note for note in self.record.notes if note != self._is_watched], self.record.soak
        if soak and self._terms.clock() >= soak.until:
            notes.append(f"it was watched for {rough(self._want.soak_s)}")
        return tuple(notes)

    def _await(self, facts: Facts) -> Steps[UnitResult | None]:
        last = self.record.last
        # A job that may be ours keeps the place: the answer to the last call was lost, and no id tells.
        self._waits, self._holds = self._waits + 1, last is not None and last.uncertain and not last.guarded
        ends: Reply = Overdue("")
        if self._waits <= MOST_WAITS:
            timeout = self._terms.job_timeout * max(1, len(self.unit.vms))
            ends = yield OthersEnd(facts.foreign, timeout, holds=self._holds)
        if isinstance(ends, list):
            self.record.attempts += ends
            return None
        status = UnitStatus.FAILED if self.record.submitted else UnitStatus.SKIPPED
        ids = ", ".join(sorted(job.job_id for job in facts.foreign))
        return self._end(status, "BusyWithOthers", f"job {ids} of somebody else still runs, or the next one does")

    def _ask_inside(self, action: AskInside, facts: Facts) -> Steps[None]:
        """Before anything is sent, and after the proof; the proof keeps no place for it."""
        self._holds = self._holds and not action.after
        asked = tuple(vm for vm in facts.unit.vms if vm.is_router and not vm.internal_lb and vm.running)
        inside = yield LookInside(asked, holds=self._holds)
        if not isinstance(inside, Inside):
            return
        if action.after:
            self.record.after.append(inside)
        else:
            self.record.before = inside
        if self.record.soak and not self.record.soak.inside:
            self.record.soak.inside = inside

    def _pause(self, seconds: float, *, holds: bool = False) -> Pause:
        self._holds = self._holds and holds
        until = self._terms.clock() + max(seconds, REREAD_S / 20)
        return Pause(until, self._holds, watches=self._is_proven)

    def _unreadable(self, answer: Reply) -> UnitResult | None:
        """This unit could not be read: its end, once that has lasted."""
        now = self._terms.clock()
        self._unreadable_since = now if self._unreadable_since is None else self._unreadable_since
        if now - self._unreadable_since < UNREADABLE_S:
            return None
        error = answer.error if isinstance(answer, Trouble) else "no answer"
        return self._end(UnitStatus.FAILED, "Unreadable", f"it could not be read: {error}")

    # --- ends

    def _refused(self, answer: Refused) -> UnitResult:
        if not self.record.submitted:
            return self._end(UnitStatus.NOT_STARTED, answer.reason, answer.why)
        said = self.record.troubles[-1] if self.record.troubles else "the job succeeded, but"
        wrong = "; ".join(each.message for each in self._conditions.values() if each.status is Status.FALSE)
        what = "It was not recreated" if self.method is Method.RECREATE else "Nothing more was sent"
        self.method = self._sent
        status = UnitStatus.LEFT_RUNNING if answer.reason in ORDERLY else UnitStatus.FAILED
        return self._end(status, answer.reason, f"{said} {wrong}. {what}: {answer.why}")

    def _result_of(self, action: Done | End) -> UnitResult:
        if isinstance(action, End):
            return self._end(action.status, action.reason, action.message, action.recovery)
        target, troubles, worked = self._standard.baseline.target, self.record.troubles, bool(self.record.sent)
        why = f"proven: runs {target}" if worked else f"already runs {target}"
        if action.spare:
            why = "destroyed; the server made no new one, as the zone has another, and makes one when load asks for it"
        elif worked and troubles:
            rules = ", and a restart has applied its rules since" if self.unit.network_ids else ""
            why = f"proven, although: {' '.join(troubles)} It runs {target}{rules}"
        elif worked and self._sent is Method.RESTART and self.planned.owed:
            why = f"proven: runs {target}, and its rules were applied again"
        elif not worked and self.record.attempts:
            why = f"a job that was already running did it: runs {target}"
        if worked:
            self.record.notes += [
                each.message
                for each in self._conditions.values()
                if each.status is Status.UNKNOWN and each.message and each.reason in TOLD
            ]
        return self._end(UnitStatus.UPGRADED if worked else UnitStatus.CURRENT, "Done", why)

    @property
    def _is_proven(self) -> bool:
        """Whether it is watched, and was as it should be when it was last looked at."""
        c = self._conditions
        if self.record.soak is None or not c:
            return False
        return not (c.wrong or any(c.false(kind) for kind in (Type.READY, Type.IDLE, Type.REDUNDANCY)))

    def _watched(self, ended: Refused) -> UnitResult:
        """Its end where it cannot be watched any longer."""
        result, asked = self._result_of(Done()), self._want.soak_s
        left = self.record.soak.until - self._terms.clock() if self.record.soak else 0.0
        watched = f"{self.unit.label} was watched for {rough(asked - left)} of {rough(asked)} only"
        told = f"{ended.why}; {watched}; {result.reason}"
        return replace(result, reason=told, code=ended.reason)

    def _end(self, status: UnitStatus, reason: str, message: str, recovery: Recovery | None = None) -> UnitResult:
        record = self.record
        ids = [each.job.id for each in record.attempts if each.job]
        return UnitResult(
            self.planned,
            Method.NONE if status in (UnitStatus.CURRENT, UnitStatus.GONE) else self._sent,
            status,
            message,
            code=reason,
            job_ids=tuple(dict.fromkeys(ids)),
            after=self._seen,
            submitted=record.submitted,
            recovery=recovery,
            notes=self._notes,
            restarts=restarts_of(self.unit, record),
            conditions=tuple(self._conditions.values()),
            reach=self._terms.probes.reach(self.planned.id),
        )

    def interrupted(self, job_id: str | None, reason: str, why: str) -> UnitResult:
        """Its end where the run ends while it waits.

        :param job_id: the job that is left running.
        """
        self.steps.close()
        if job_id is None and self._is_proven:
            return self._watched(Refused(why, reason))
        if job_id is None and not self.record.sent:
            return self._end(UnitStatus.NOT_STARTED, reason, why)
        left = f"job {job_id} was left running" if job_id else "its jobs have ended"
        return self._end(UnitStatus.LEFT_RUNNING, reason, f"{why}: {left}; the next run finds out and goes on")


def restarts_of(unit: Unit, record: Record) -> tuple[Restart, ...]:
    """The last restart of each network of a unit that this run sent or waited for, and how it ended."""
    found: dict[str, Restart] = {}
    for each in record.attempts:
        ids = {each.call.object_id} if each.call else set(each.resource_ids)
        if each.job and (each.call is None or each.call.command.startswith("restart")):
            for network_id in ids.intersection({unit.id, *unit.network_ids}):
                why = failed_words(each.error) if each.error else ""
                found[network_id] = Restart(network_id, each.job.id, each.job.created, not each.error, why)
    return tuple(found.values())
