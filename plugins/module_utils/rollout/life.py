# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One unit's life, from its first call to its result, read from top to bottom.

A life is a generator: it yields what it waits for, and the scheduler resumes it when that has come. So what is true at
a line is what the lines above it made true. It never sleeps and never counts other units: bounds, polling and the clock
are the scheduler's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import TOLERANCE_S, moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import (
    Meaning,
    hint_of,
    meaning_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import is_current
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.calling import (
    Caller,
    Ended,
    Failed,
    NotBegunError,
    RulesRefusedError,
    Trouble,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.inside import Inside
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.observing import Observation, Reader
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.outside import Outside
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.rules import Debts, Rules
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server_messages import (
    Recovery,
    next_step_of,
    recovery_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import Proof
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import Pause, Steps, Turn, Wait
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import (
    Call,
    calls,
    patch_routers,
    patch_system_vm,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import RESTART_S, expected_seconds

# A live patch that shows no effect is sent once more before it is judged.
TRIES = 2
# Something that ended longer ago has nothing to do with an agent that is still away.
RECENT_S = 120.0
PATCHES = (Purpose.PATCH, Purpose.FORCE_PATCH)


class Life:
    """One unit on its way.

    :ivar rules: of its networks.
    :ivar inside: what its routers say of themselves.
    :ivar outside: what is seen from outside of what it serves.
    :ivar steps: resumed by the scheduler; returns the unit's result.
    :ivar wait: what it waits for; None before its start.
    :ivar started: seconds since the epoch; None before its start.
    :ivar stood_aside_s: how long it waited without keeping its place, so that others could start.
    :ivar again: whether it is tried again, after a live patch that showed no effect.
    """

    def __init__(self, unit: Unit, method: Method, desk: Desk) -> None:
        self.unit = unit
        self.desk = desk
        self.caller = Caller(unit, desk)
        self.wait: Wait | None = None
        self.started: float | None = None
        self.stood_aside_s = 0.0
        self.again = False
        self._notes: list[str] = []
        self.rules = Rules(unit, self.caller, desk, self._note)
        self.inside = Inside(unit, desk, self._note)
        self.outside = Outside(unit.id, desk)
        self._plan(method)
        self.steps = self._run()

    def _plan(self, method: Method) -> None:
        """From now on by this method."""
        self.method = method
        current = [vm.id for vm in self.unit.vms if is_current(vm, self.desk.baseline)]
        self.calls = calls(
            self.unit, method, forced=self.desk.forced, current=current, server=self.desk.baseline.target
        )
        # What a live patch destroys before is not part of what has to be proven.
        self.kept = self.unit.without(self.unit.surplus) if method is Method.LIVE_PATCH else self.unit
        self.second = () if method is Method.RECREATE else self.desk.baseline.second_patch(self.kept)
        self.reader = self.rules.reader = Reader(self.kept, method, self.desk)
        debts = {debt.network_id for debt in self.unit.owed}.union(*(call.unsettles for call in self.calls))
        debts.difference_update(*(call.settles for call in self.calls))
        again = self.desk.baseline.expects_two_patches(self.kept)
        self.expected_s = len(debts) * RESTART_S + sum(
            call.expected_s * (2 if again and call.purpose is Purpose.PATCH else 1) for call in self.calls
        )

    def _run(self) -> Steps[UnitResult]:
        try:
            return (yield from self._live())
        except NotBegunError as late:
            return self.result(UnitStatus.NOT_STARTED, f"not started: {late}")
        except Failed as failed:
            return (yield from self._after_failure(failed))

    def _live(self) -> Steps[UnitResult]:
        debts: Debts = {debt.network_id: debt.since for debt in self.unit.owed}
        overcome: list[str] = []
        seen: Observation | None = None
        yield from self.inside.look(self.kept.vms)
        yield from self.outside.look()
        for call in self.calls:
            if (yield from self.caller.until_free(call, self.reader)) and not self.caller.submitted:
                seen = self.reader.read()
                if self._done_by_others(seen):
                    debts = self.rules.debts_after_others()
                    break
            if call is self.calls[0] and (why := self.desk.why_not(self.expected_s)):
                raise NotBegunError(why)  # what it waited for took long
            ended, seen = yield from self._work(call)
            debts |= dict.fromkeys(call.unsettles, ended.began)
            if ended.trouble:
                overcome.append(ended.trouble.text)
            elif ended.job and call.command.startswith("restart"):
                self.rules.settle(call.object_id, ended.job)
            debts = {network: since for network, since in debts.items() if ended.trouble or network not in call.settles}
        if debts:
            yield from self._apply_all_rules(debts, overcome)
            seen = None
        if self.unit.kind in (Kind.NETWORK, Kind.VPC) and self.unit.network_ids:
            yield from self.rules.apply_what_is_marked()
        seen = yield from self._last_look(seen)
        return self._upgraded(seen, overcome)

    # --- one call and its effect

    def _work(self, call: Call) -> Steps[tuple[Ended, Observation | None]]:
        """Send it, and see that the VMs show that its work is done.

        :raises Failed: if they do not.
        """
        tries, second = (
            TRIES - 1 if call.purpose in PATCHES else 0,
            False,
        )  # that are left; whether it was the second one
        while True:
            ended = yield from self.caller.carry_out(call, partial(self._counts, call))
            if not call.proves and (ended.trouble is None or self._shows(call, self.reader.read())):
                return ended, None  # the calls after it complete the work
            seen = yield from self.reader.observe(failed=ended.trouble is not None and not ended.trouble.lost)
            lost = ended.job is None and ended.trouble is not None and ended.trouble.lost
            if not seen.proven and lost and (late := self.caller.find_late()):
                ended = yield from self.caller.end_of(late, call)  # the server took the call late
                seen = yield from self.reader.observe()
            if seen.proven:
                self.again = False
                return ended, seen
            self.desk.check_target()
            same = {vm.id for vm in seen.vms} == {vm.id for vm in self.kept.vms}
            died = ended.trouble is not None and ended.trouble.lost  # with its server, which is waited for
            if ended.job is None or not same or (self.desk.away(self.unit, now=True) and not died):
                break
            stale = call.purpose in PATCHES and self.desk.baseline.wants_second_patch(self.kept.vms, seen.vms)
            said = ended.trouble.text if ended.trouble else "the job succeeded"
            if stale and self.second:
                self._note(
                    "the first live patch left the old checksum, as is known of this server "
                    f"({', '.join(self.second)}); patched a second time"
                )
                second, self.second = True, ()
            elif tries and (died or not (stale and second)):
                tries -= 1
                what = "left the old checksum" if stale else "showed no effect"
                self._note(f"the live patch {what} and is sent once more ({said})")
                self.again = True
                if meaning_of(str(ended.job.result.get("details"))) is Meaning.UNCHANGED:
                    call = patch_system_vm(self.unit.id, forced=True)
            else:
                break
            yield from self.caller.until_free(call, self.reader)
        tried = call.purpose in PATCHES and ended.job is not None
        raise Failed(self._why_failed(ended.trouble, seen), seen, ended.trouble, tried=tried)

    def _counts(self, call: Call, job: Job) -> bool:
        """Whether a job that had ended before we asked for it did the work that is wanted now, or tried to just now."""
        if self._shows(call, self.reader.read()):
            return True
        completed = moment(job.completed)  # an agent connects some time after its patch
        return call.command == "patchSystemVm" and completed is not None and self.desk.now() - completed < RECENT_S

    def _shows(self, call: Call, seen: Observation) -> bool:
        """Whether the VMs show that the work of this call is done."""
        own = next((vm for vm in seen.vms if vm.id == call.object_id), None)
        if call.command in ("destroyRouter", "destroySystemVm"):
            return own is None
        if call.command == "rebootRouter":
            return own is not None and is_current(own, self.desk.baseline)
        return seen.proven if call.proves else all(vm.running for vm in seen.vms)

    # --- jobs of others

    def _done_by_others(self, seen: Observation) -> bool:
        if self.method is Method.RECREATE:
            return seen.proven
        there = {vm.id for vm in seen.vms}
        return (
            bool(seen.vms)
            and all(is_current(vm, self.desk.baseline) for vm in seen.vms)
            and not any(vm.id in there for vm in self.unit.surplus)
        )

    # --- rules

    def _apply_all_rules(self, debts: Debts, overcome: Sequence[str]) -> Steps[None]:
        """Of each of these networks; where the server refuses them and is known to note old checksums, after one more
        live patch."""
        try:
            for network_id, since in debts.items():
                yield from self.rules.apply(network_id, since, overcome)
            return
        except RulesRefusedError:
            if not self.second:
                raise
        self._note(
            "the server refuses its rules: an earlier live patch left the old checksum, as is known of this server "
            f"({', '.join(self.second)}); patched once more"
        )
        call, self.second = patch_routers(self.unit), ()
        # If this run is interrupted now, what is owed follows from which of the two came last (cloud.restarts).
        yield Pause(self.desk.clock() + TOLERANCE_S + 1)
        yield from self.caller.until_free(call, self.reader)
        ended = yield from self.caller.carry_out(call, lambda job: False)  # what was sent before has not helped
        seen = yield from self.reader.observe(failed=ended.trouble is not None)
        if not seen.proven:
            raise Failed(self._why_failed(ended.trouble, seen), seen, ended.trouble, tried=ended.job is not None)
        settled: tuple[str, ...] = ()
        if ended.trouble is None and ended.job:
            self.rules.settle(call.object_id, ended.job)
            settled = call.settles
        left: Debts = {network: ended.began for network in call.unsettles if network not in settled}
        yield from self._apply_all_rules(left, overcome)

    # --- the last proof

    def _last_look(self, seen: Observation | None) -> Steps[Observation]:
        """The unit as a whole, from reports that are younger than all that was done to it."""
        pairs = self.kept.elects
        if pairs and (settles := self.desk.looks.pair_settles_s) is not None:
            yield Pause(self.caller.over_at + settles, holds=False)
            seen = None
        elif pairs:
            pairs = False
            self._note("its pair was not checked: router.check.interval is 0, so the server never looks at it")
        if seen is None:
            seen = yield from self.reader.observe(pairs=pairs, holds=False)
        if not seen.proven:
            raise Failed(self._why_failed(None, seen), seen)
        yield from self.inside.check(seen, self.caller.job_ids)
        yield from self.outside.check(seen)
        return seen

    # --- ends

    def _after_failure(self, failed: Failed) -> Steps[UnitResult]:
        """The unit has failed, unless it is to be recreated now: then it asks for a place like any other."""
        self.desk.check_target()
        reason, seen, recovery = failed.reason, failed.seen, None
        if isinstance(failed, RulesRefusedError):
            recovery = recovery_of(self.unit.kind, "", hosts_up=not self.desk.away(self.unit, now=True))
        elif self.method is Method.LIVE_PATCH and seen and self._is_behind(seen):
            recovery = recovery_of(
                self.unit.kind,
                failed.trouble.text if failed.trouble else "",
                tried=failed.tried,
                lost=failed.trouble is not None and failed.trouble.lost,
                hosts_up=not self.desk.away(self.unit, now=True),
            )
        if recovery is Recovery.RECREATE and self.desk.fallback_blocker:
            try:
                return (yield from self._recreate(self.desk.fallback_blocker(self.unit), reason))
            except NotBegunError as late:
                self.method = Method.LIVE_PATCH
                reason = f"{reason} It was not recreated: {late}"
        return self.result(UnitStatus.FAILED, reason, seen.vms if seen else None, recovery)

    def _is_behind(self, seen: Observation) -> bool:
        """Whether its VMs are all there and Running, and some do not run the target by what they report."""
        there = {vm.id for vm in seen.vms if vm.running}
        behind = [vm for vm in seen.vms if not is_current(vm, self.desk.baseline)]
        return bool(behind) and there == {vm.id for vm in self.kept.vms}

    def _recreate(self, blocker: str | None, instead_of: str) -> Steps[UnitResult]:
        """Change over from a live patch that failed.

        :raises NotBegunError: when it must not, or must not any more.
        """
        if blocker is None:
            turn = Turn(Method.RECREATE, expected_seconds(self.unit, Method.RECREATE))
            yield turn
            blocker = turn.refusal
        if blocker is not None:
            raise NotBegunError(blocker)
        self._note(f"live patch failed, recreating: {instead_of}")
        self._plan(Method.RECREATE)
        try:
            return (yield from self._live())
        except Failed as failed:
            return (yield from self._after_failure(failed))

    def _why_failed(self, trouble: Trouble | None, seen: Observation) -> str:
        said = trouble.text if trouble else ""
        after = f"after {seen.waited_s:.0f} s " if seen.finding.proof is Proof.NOT_YET and seen.waited_s >= 1 else ""
        next_step = next_step_of(self.unit.kind, seen.finding.awaited) if self.method is Method.RECREATE else ""
        parts = (said or "the job succeeded, but", f"{after}{seen.finding.reason}.", hint_of(said), next_step)
        return " ".join(part for part in parts if part)

    def _upgraded(self, seen: Observation, overcome: Sequence[str]) -> UnitResult:
        target = self.desk.baseline.target
        if seen.spare:
            why = "destroyed; the server made no new one, as the zone has another, and makes one when load asks for it"
        elif overcome:
            rules = ", and a restart has applied its rules since" if self.unit.network_ids else ""
            why = f"proven, although: {' '.join(overcome)} It runs {target}{rules}"
        elif self.unit.owed and not self.calls:
            why = f"proven: runs {target}, and its rules were applied again"
        elif self.caller.after_others and not self.caller.submitted:
            why = f"a job that was already running did it: runs {target}"
        else:
            why = f"proven: runs {target}"
        return self.result(UnitStatus.UPGRADED, why, seen.vms)

    def result(
        self, status: UnitStatus, reason: str, after: Sequence[Vm] | None = None, recovery: Recovery | None = None
    ) -> UnitResult:
        return UnitResult(
            unit=self.unit,
            method=self.method,
            status=status,
            reason=reason,
            job_ids=tuple(self.caller.job_ids),
            started=self.started,
            finished=self.desk.now() if self.started is not None else None,
            stood_aside_s=self.stood_aside_s,
            after=after,
            submitted=self.caller.submitted,
            recovery=recovery,
            notes=tuple(self._notes),
            restarts=tuple(self.rules.restarts.values()),
            reach=self.desk.probes.reach(self.unit.id),
        )

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self.desk.progress.note(self.unit, text)
