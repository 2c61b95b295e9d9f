# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done next for a unit, from what is true of it now. Pure.

The plan is the next action as the planner reads the unit. The proof is C(Done), "current" is C(Done) without a call.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..cloud.job_ids import Purpose
from ..cloud.model import Unit
from ..cloud.moments import TOLERANCE_S
from ..knowledge.server_texts import Meaning, meaning_of
from ..knowledge.vocabulary import Kind, Method
from ..options.option_names import called
from . import calls as call
from .actions import REREAD_S, Action, AskInside, AwaitOthers, Done, Send, Situation, Wait
from .allowed import forbidden, newest_origin, why_not_live_patchable
from .baseline import has_old_disk, is_current
from .conditions import Type, expected_vms
from .ends import End, Recovery, UnitStatus, failure, recovery_of, rules_not_applied
from .last_looks import last_looks, watch
from .record import TRIES, Attempt

SETTLE_S = 4.0  # a report that contradicts what was done is read again so long: answers may be a moment old
LEFT_OVER_S = 10.0  # a router that somebody is just deploying is Stopped for a moment
KNOWN_S = 30.0  # a job may be unknown so long to a server whose database lags
# After a patch whose end nobody saw its script may still run in the VM, where a second one would get in its way.
SCRIPT_S = 180.0
LONG_PATCH_S = 600.0  # from so long a patch on the server gives up on the script, not the script itself
# Should this run be killed now, the next one tells by seconds which job came last, and by that what is owed.
APART_S = TOLERANCE_S + 1.0
MOST_ATTEMPTS = 40  # of all sorts on one unit, jobs of others included
LB_WORDS = "no API live patches an internal LB VM; stopping and starting it does"


def next_action(s: Situation) -> Action:
    """What comes next; what was not approved never does."""
    action, approval = _next_action(s), s.want.approval
    if isinstance(action, Send) and approval:
        begun = any(each.taken for each in s.record.sent)
        against = approval.against(action.call, action.method, s.unit, begun=begun)
        if against:
            told = f"{against}: {action.why}" if action.why else against
            return s.end("NotApproved", f"{told}; make a new plan and approve that")
    return action


def _next_action(s: Situation) -> Action:
    c = s.conditions
    if c.unknown(Type.EXISTS):
        return Wait(s.now, full=True)
    if c.false(Type.EXISTS):
        return s.look(Type.EXISTS, SETTLE_S, full=True) or End(UnitStatus.GONE, "Gone", c[Type.EXISTS].message)
    if c.false(Type.TARGET):
        status = UnitStatus.FAILED if s.record.submitted else UnitStatus.NOT_STARTED
        return End(status, "TargetMoved", c[Type.TARGET].message)
    if c.false(Type.IDLE):
        return AwaitOthers()
    if len(s.record.attempts) >= MOST_ATTEMPTS:
        return s.end("TooManyAttempts", f"{len(s.record.attempts)} jobs did not make it what it should be")
    if s.record.soak and (c.false(Type.READY) or not c.false(Type.RULES)):
        return watch(s, s.record.soak)
    if c.false(Type.RESTARTABLE) and not c.unknown(Type.RUNNING):
        changing = s.record.attempts and s.unit.network and s.unit.network.changing
        if changing and (waiting := s.look(Type.RESTARTABLE, s.patience.verify_s, holds=False, full=True)):
            return waiting
        return s.end(c[Type.RESTARTABLE].reason, c[Type.RESTARTABLE].message) if c.wrong else Done()
    return _wait_for_time(s) or (_next_call(s) if c.wrong else last_looks(s))


def _wait_for_time(s: Situation) -> Action | None:
    """What may still come by itself, or may be an answer that is a moment old."""
    c, patience = s.conditions, s.patience
    if c.unknown(Type.RUNNING):
        settling = f"{c[Type.RUNNING].message}; run again when it has settled"
        return s.look(Type.RUNNING, patience.start_s) or s.end("StillSettling", settling)
    last = s.record.last
    if last is None or not last.taken:
        return None
    if last.uncertain and not last.guarded and (waiting := s.look(Type.IDLE, KNOWN_S)):
        return waiting
    most = dict.fromkeys((Type.COMPLETE, Type.RUNNING, Type.SOFTWARE, Type.TEMPLATE), SETTLE_S)
    if s.unit.kind.is_system_vm:
        most |= _patience_with_system_vm(s, last)
    waits = [wait for kind, most_s in most.items() if c.false(kind) and (wait := s.look(kind, most_s))]
    missing = c.false(Type.COMPLETE, "Missing") and s.age(Type.COMPLETE) >= patience.verify_s
    if missing and any(vm.running and vm.agent_state == "Up" for vm in s.facts.neighbours):
        if any(each.call and each.call.destroys for each in s.record.sent):
            return Done(spare=True)
        return End(UnitStatus.GONE, "Gone", f"{s.unit.label} is not there any more, as its zone has another")
    return waits[0] if waits else None


def _patience_with_system_vm(s: Situation, last: Attempt) -> dict[Type, float]:
    """Its agent connects some time after a patch; a new one has to boot first.

    The server makes or starts one by itself, also where somebody else has destroyed or stopped it.
    """
    new = last.call is not None and last.call.purpose in (Purpose.RECREATE, Purpose.REBOOT)
    new = new or not any(vm.running and vm.id in s.record.first for vm in s.unit.vms)
    failed = bool(last.error) and not last.lost
    agent = s.patience.agent_s if new else 0.0 if failed else s.patience.verify_s
    start = s.patience.start_s if new else SETTLE_S
    return {Type.AGENT: agent, Type.SOFTWARE: agent, Type.COMPLETE: start, Type.RUNNING: start}


def _next_call(s: Situation) -> Action:
    """The call that makes the first of what is wrong true, or why there is none."""
    c, unit, want = s.conditions, s.unit, s.want
    why = "; ".join(each.message for each in c.wrong if each.message and each.type is not Type.RULES)
    running = [vm for vm in unit.vms if vm.running]
    halted = [vm for vm in unit.vms if not vm.running and vm not in unit.surplus]
    software = c.false(Type.SOFTWARE) or c.false(Type.AGENT)
    behind = [vm for vm in running if software and not is_current(vm, s.baseline)] or (running if software else [])
    if not unit.vms and unit.kind.is_system_vm:
        return _failed(s, s.record.sent, "NoReplacement")
    if not unit.vms and unit.kind is Kind.INTERNAL_LB:
        return _send(s, call.start(unit), Method.RECREATE, why)
    old = software or c.false(Type.TEMPLATE) or c.false(Type.COMPLETE, "LeftOver", "TooMany") or not running
    instead = s.baseline.avoids(unit, Method.RECREATE) if want.renew else None
    if want.renew and old and not (instead and software):
        return _recreate(s, why)
    why = f"not recreated: {instead}; {why}" if instead else why
    if barred := forbidden([*behind, *halted]):
        words = "; ".join(words for dummy, words in barred)
        known = all(newest_origin(vm) for vm, dummy in barred)
        if want.unsupported and known:
            return _recreate(s, words)
        return s.end("Forbidden" if known else "OriginUnknown", f"{words}; recreate it from the new template")
    if unit.kind is Kind.INTERNAL_LB and old:
        return _send(s, call.restart_internal_lb(unit), Method.RESTART, LB_WORDS)
    if c.false(Type.COMPLETE, "LeftOver"):
        if waiting := s.look(Type.COMPLETE, min(LEFT_OVER_S, s.patience.verify_s), holds=False):
            return waiting
        left = c[Type.COMPLETE].message
        told = why.replace(left, f"{left} and will be destroyed")
        return _send(s, call.destroy_left_over(unit.surplus[0]), Method.LIVE_PATCH, told)
    if unit.kind.is_system_vm and running and not s.record.attempts and c.false(Type.AGENT):
        told = f"{c[Type.AGENT].message}, so nothing could be proven; bring the agent Up, or recreate it"
        return s.look(Type.AGENT, s.patience.verify_s, holds=False) or End(UnitStatus.SKIPPED, "AgentAway", told)
    if want.reboot and (behind or c.false(Type.TEMPLATE)):
        return _reboot(s, why)
    broken = why_not_live_patchable(unit, s.baseline) if unit.vms and (old or halted) else None
    if broken or c.false(Type.COMPLETE, "TooMany"):
        return _recreate_if_wanted(s, broken or why)
    if behind:
        return _patch(s, why)
    if len(running) < expected_vms(unit):
        return _send(s, call.start(unit), Method.RESTART, why)
    if c.false(Type.TEMPLATE):
        return _failed(s, [], "OldTemplate")
    return _apply_rules(s)


def _recreate_if_wanted(s: Situation, why: str) -> Action:
    begun = s.record.tries(call.recreate(s.unit, s.baseline))
    if s.want.recreate or s.want.renew or begun:
        return _recreate(s, why)
    return s.end("NeedsRecreation", f"{why}; recreate it from the new template")


def _patch(s: Situation, why: str) -> Action:
    unit = s.unit
    first = call.patch(unit, forced=s.want.forced)
    tried = s.record.tries(first)
    if not tried:
        return _send(s, first, Method.LIVE_PATCH, why)
    if not unit.kind.is_router:
        details = str(tried[-1].job.result.get("details")) if tried[-1].job else ""
        again = call.patch(unit, forced=True) if "No change in the scripts checksum" in details else first
        return _send(s, again, Method.LIVE_PATCH, why)
    software = s.conditions[Type.SOFTWARE]
    first_since = all(each.began_at < software.since for each in tried if not each.lost)
    if software.reason == "OldScripts" and first_since and s.record.may_send(first, TRIES + 1):
        return _patch_again(s, first, why) or _send(s, first, Method.LIVE_PATCH, why)
    return _send(s, first, Method.LIVE_PATCH, why)


def _patch_again(s: Situation, patch: call.Call, why: str) -> Action | None:
    """Where the server is known to keep the old checksum after a first live patch."""
    known = s.baseline.second_patch(s.unit)
    if not known:
        return None
    if waiting := _until_script_has_ended(s, s.record.tries(patch)[-1:]):
        return waiting
    apart = s.record.sent[-1].began_at + APART_S
    if s.now < apart:
        return Wait(apart)
    note = f"the first live patch left the old checksum, as is known of this server ({', '.join(known)}); patched again"
    return _ready(s) or Send(patch, Method.LIVE_PATCH, why, s.conditions.false(Type.RULES), note)


def _reboot(s: Situation, why: str) -> Action:
    """One half after the other; the next only once the pair is whole again."""
    return _unless_degraded(s) or _send(s, _reboot_of_next(s), Method.RESTART, why)


def _reboot_of_next(s: Situation) -> call.Call:
    """The standby comes first."""
    running = [vm for vm in s.unit.vms if vm.running]
    old = [vm for vm in running if not is_current(vm, s.baseline)]
    old = old or [vm for vm in running if has_old_disk(vm, s.baseline)] or running or list(s.unit.vms)
    return call.reboot(s.unit, min(old, key=lambda vm: vm.redundant_state == "PRIMARY"), s.baseline)


def _renewal(s: Situation) -> call.Call:
    """What gives it new disks; in a Basic zone a restart with cleanup may leave a pod without its router."""
    return _reboot_of_next(s) if s.unit.per_pod else call.recreate(s.unit, s.baseline)


def _against_recreation(s: Situation) -> tuple[str, str] | None:
    """What speaks against it: a code, and words."""
    if s.facts.zone_disabled or s.unit.zone_id in s.baseline.disabled_zones:
        words = f"zone {s.unit.zone} is disabled, so nothing new would be deployed there; enable the zone first"
        return "ZoneDisabled", words
    avoided = s.baseline.avoids(s.unit, Method.RECREATE)
    return ("KnownDefect", avoided) if avoided else None


def _recreate(s: Situation, why: str) -> Action:
    unit = s.unit
    if against := _against_recreation(s):
        return s.end(against[0], f"{why}; {against[1]}")
    if unit.per_pod:
        return _reboot(s, f"{why}; in a Basic zone the router of each pod is rebooted onto a new disk")
    recreation = call.recreate(unit, s.baseline)
    if not s.record.may_send(recreation, 1):
        return _failed(s, s.record.tries(recreation), "RecreationIncomplete")
    lacks = s.conditions.false(Type.COMPLETE, "Missing") or s.conditions.false(Type.RUNNING)
    half = lacks and any(vm.running for vm in unit.vms)
    if half and unit.elects and not s.want.allow_degraded and not s.record.tries(call.start(unit)):
        return _send(s, call.start(unit), Method.RECREATE, why)  # a half pair is made whole before it is recreated
    used = unit.kind is Kind.CPVM and any(vm.sessions for vm in unit.vms)
    if used and (waiting := s.look(Type.EXISTS, s.patience.idle_s, holds=False)):
        return waiting
    return _unless_degraded(s) or _send(s, recreation, Method.RECREATE, why)


def _unless_degraded(s: Situation) -> Action | None:
    """A pair is touched only while it is whole, or that may take down the only router that works."""
    c = s.conditions
    if c.unknown(Type.REDUNDANCY, "NotLookedAtYet"):
        return Wait(max(c[Type.REDUNDANCY].due, s.now + REREAD_S), holds=False)
    if s.want.allow_degraded or not any(vm.running for vm in s.unit.vms) or not c.false(Type.REDUNDANCY):
        return None
    why = (
        f"{c[Type.REDUNDANCY].message}, so this may take down the only working router; repair the pair first, or allow "
        f"it with {called('allow_degraded')}"
    )
    return s.look(Type.REDUNDANCY, s.patience.verify_s, holds=False) or s.end("PairNotWhole", why)


def _apply_rules(s: Situation) -> Action:
    """What was patched is of no use before its rules are applied."""
    unit, names = s.unit, s.conditions[Type.RULES].message.split(", ")
    network_id = next((network for network in unit.network_ids if network in names), names[0])
    restart = call.restart_vpc(unit.id) if unit.vpc and network_id == unit.id else call.apply_rules(network_id)
    tried = s.record.tries(restart)
    if not s.record.may_send(restart, 1):
        patch = call.patch(unit)
        if (
            _refuses_checksum(s)
            and s.record.may_send(patch, TRIES)
            and (again := _patch_again(s, patch, tried[-1].error))
        ):
            return again
        return _failed(s, tried, "RulesNotApplied")
    named = names_of(unit, names)
    marked = s.conditions.false(Type.RULES, "RestartRequired")
    note = f"the server had marked {named} as in need of a restart" if marked else ""
    owed = {owed.network_id: owed.why for owed in unit.owed}
    reasons = "; ".join(dict.fromkeys(owed[each] for each in names if each in owed))
    why = f"the rules of {named} have to be applied again" + (f" ({reasons})" if reasons else "")
    return _ready(s) or Send(restart, Method.RESTART, why, s.record.worked, note)


def names_of(unit: Unit, ids: list[str]) -> str:
    """Of its networks and itself, for a person."""
    names = {unit.id: unit.label, **{tier.id: f"tier {tier.name}" for tier in unit.tiers}}
    return ", ".join(names.get(each, f"network {each}") for each in ids)


def _send(s: Situation, wanted: call.Call, method: Method, why: str) -> Action:
    tried = s.record.tries(wanted)
    patches = wanted.patches
    if not s.record.may_send(wanted, TRIES if patches else 1):
        return _failed(s, tried, "NoEffect")
    if tried and s.conditions.unknown(Type.TARGET):
        return Wait(s.now, full=True, doubtful=True)
    if patches and (waiting := _until_script_has_ended(s, tried[-1:])):
        return waiting
    if s.want.looks_inside and s.record.before is None and not s.record.sent:
        return AskInside(after=False)
    completes = s.record.worked and wanted.purpose is Purpose.START
    said = tried[-1].error or "the job succeeded" if tried else ""
    did = "left the old scripts" if s.conditions.false(Type.SOFTWARE, "OldScripts") else "showed no effect"
    note = f"the live patch {did} and is sent once more ({said})" if patches and tried and tried[-1].taken else ""
    return _ready(s) or Send(wanted, method, why, completes, note, doubtful=bool(note))


def _until_script_has_ended(s: Situation, patches: Sequence[Attempt]) -> Wait | None:
    """A script whose end nobody saw may go on in the VM; a second one would delete the first one's files.

    Where the server takes each id once and does not know this one, there is none.
    """
    for last in patches:
        unseen = (last.lost and not (last.uncertain and last.guarded)) or last.ended_at - last.began_at >= LONG_PATCH_S
        until = last.ended_at + min(SCRIPT_S, s.patience.verify_s)
        if unseen and s.now < until:
            return Wait(until, holds=False, doubtful=True)
    return None


def _ready(s: Situation) -> Action | None:
    """None once nothing speaks against a call any more."""
    if not s.conditions.false(Type.HOSTS):
        return None
    more = " more" if s.record.submitted else ""
    told = f"{s.conditions[Type.HOSTS].message}, so nothing{more} was sent"
    return s.look(Type.HOSTS, s.patience.verify_s, holds=False, full=True) or s.end("HostAway", told)


def _failed(s: Situation, tried: list[Attempt], reason: str) -> Action:
    """It has failed, unless it is to be recreated now."""
    if s.conditions.unknown(Type.TARGET):
        return Wait(s.now, full=True, doubtful=True)
    seen = "; ".join(each.message for each in s.conditions.wrong if each.message and each.type is not Type.RULES)
    last = tried[-1] if tried else None
    said = last.error if last else ""
    patched = s.unit.owed or any(_patched(each) for each in s.record.sent)  # by an earlier run, or by this one
    refused = reason == "RulesNotApplied" and patched and _refuses_checksum(s)
    recovery = Recovery.RECREATE if refused else recovery_of(s.unit, s.conditions, last)
    if recovery is Recovery.RECREATE and s.want.fallback:
        blocker = (_against_recreation(s) or ("", s.want.blocker(s.unit)))[1]
        recreation = _renewal(s)
        if blocker is None and s.record.may_send(recreation, 1):
            note = f"live patch failed, recreating: {said or 'the job succeeded'}"
            return _unless_degraded(s) or _ready(s) or Send(recreation, Method.RECREATE, seen, note=note, doubtful=True)
        said = f"{said} It was not recreated: {blocker}" if blocker else said
    if reason == "RulesNotApplied":
        marked = s.conditions.false(Type.RULES, "RestartRequired")
        named = names_of(s.unit, s.conditions[Type.RULES].message.split(", "))
        hosts = [vm.host or "its host" for vm in s.unit.vms] if refused else []
        return rules_not_applied(named, said, s.record.troubles, marked=marked, packages=hosts)
    if reason == "NoReplacement" and not s.record.submitted:
        return s.end(reason, f"{seen}; the server makes a new one by itself")
    return failure(reason, s.unit, s.record, said, seen, recovery)


def _refuses_checksum(s: Situation) -> bool:
    """Whether it looks as if the server refused rules to routers below its minimum for their checksum (12211).

    It does not say so: "Failed to restart network" is all. But then it refuses whatever is sent since the last patch.
    """
    sent = s.record.sent
    since = sent[max((n for n, each in enumerate(sent) if _patched(each)), default=0) :]
    below = s.baseline.minimums.get(s.unit.zone_id)
    return (
        bool(since)
        and all(each.error and not each.lost and meaning_of(each.error) in (None, Meaning.RULES) for each in since)
        and below is not None
        and any(vm.built_from is not None and vm.built_from < below for vm in s.unit.vms)
    )


def _patched(attempt: Attempt) -> bool:
    return attempt.call is not None and attempt.call.patches
