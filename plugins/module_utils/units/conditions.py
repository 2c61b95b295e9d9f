# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of a unit: from what was read of it now, and from what was done to it. Pure.

The one home of "is it current", "what is missing" and "is it proven". Type, status, reason and message mean what they
mean in Kubernetes; the reasons are stable words, which docs/reasons.md explains.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cloud.infrastructure import Alert, InFlight
from ..cloud.model import Unit, Vm, is_healthy_pair, pair_states, vm_names
from ..knowledge.versions import Version
from ..knowledge.vocabulary import GOING_STATES, SETTLING_STATES, Kind
from .alerts import new_alerts
from .allowed import why_not_restartable
from .baseline import Baseline, is_current
from .health import compare, merged, unjudged_words
from .record import Inside, Record, pending_rules


class Status(enum.Enum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Type(str, enum.Enum):
    """What must be true of a unit, in the order in which it is told."""

    EXISTS = "Exists"  # its network, VPC or system VM is there
    RESTARTABLE = "Restartable"  # the server may work on it
    IDLE = "Idle"  # no job of anybody else works on it
    TARGET = "Target"  # the management servers still run what is upgraded to
    HOSTS = "HostsUp"  # the hosts of its VMs are Up and not in maintenance
    COMPLETE = "Complete"  # as many VMs as there should be, none left over
    RUNNING = "Running"  # all of them
    AGENT = "Agent"  # of a system VM is Up
    SOFTWARE = "Software"  # version and scripts are the target's
    TEMPLATE = "Template"  # where that is wanted: it is of the new one
    RULES = "Rules"  # applied since the last thing that put them in doubt
    REDUNDANCY = "Redundancy"  # one PRIMARY, one BACKUP, as read after the server looked again
    HEALTH = "Health"  # no health check fails that passed before
    GATEWAY = "Gateway"  # reached as before
    REACHABLE = "Reachable"  # what it serves answers as before
    READY = "Ready"  # all of it for as long as is wanted; only where a unit is watched


@dataclass(frozen=True)
class Condition:
    """One thing that is true, false or not known of a unit.

    :ivar reason: a stable word.
    :ivar message: for a person; empty where there is nothing to say.
    :ivar since: when it came to this status and reason, on the rollout's clock.
    :ivar due: when it is worth looking again, on that clock.
    """

    type: Type
    status: Status
    reason: str
    message: str = ""
    since: float = 0.0
    due: float = 0.0

    def as_dict(self) -> dict[str, str]:
        return {"type": self.type.value, "status": self.status.value, "reason": self.reason, "message": self.message}


class Conditions(dict[Type, Condition]):
    """All of one unit at one moment."""

    def false(self, kind: Type, *reasons: str) -> bool:
        return self[kind].status is Status.FALSE and (not reasons or self[kind].reason in reasons)

    def unknown(self, kind: Type, *reasons: str) -> bool:
        return self[kind].status is Status.UNKNOWN and (not reasons or self[kind].reason in reasons)

    @property
    def wrong(self) -> list[Condition]:
        """What is not true that a call could make true."""
        kinds = (Type.COMPLETE, Type.RUNNING, Type.AGENT, Type.SOFTWARE, Type.TEMPLATE, Type.RULES)
        return [self[kind] for kind in kinds if self.false(kind)]


@dataclass(frozen=True)
class Facts:
    """What was read of a unit at one moment.

    :ivar unit: as it is now; its VMs without those that are going.
    :ivar read_at: when the reading began, on the rollout's clock.
    :ivar going: its VMs that are being removed.
    :ivar full: whether its network or VPC itself, the hosts and the servers' version were asked for.
    :ivar found: whether its network or VPC is there, where that was asked.
    :ivar version: the one version of all management servers, where that was asked.
    :ivar zone_disabled: whether its zone is disabled now, where that was asked.
    :ivar foreign: jobs of others whose end the unit does not know.
    :ivar away: hosts that are not Up, in words.
    :ivar marked: what the server wants to be restarted.
    :ivar neighbours: others of its kind in its zone, of system VMs.
    :ivar silent: endpoints that answered before and do not answer now, in words; None while some have not been tried.
    :ivar alerts: the server's, of a unit that is watched; None where they may not be listed.
    :ivar gaps: endpoints that did not answer for a time since it is watched, in words.
    """

    unit: Unit
    read_at: float
    going: tuple[Vm, ...] = ()
    full: bool = False
    found: bool = True
    version: Version | None = None
    zone_disabled: bool = False
    foreign: tuple[InFlight, ...] = ()
    away: tuple[str, ...] = ()
    marked: frozenset[str] = frozenset()
    neighbours: tuple[Vm, ...] = ()
    silent: tuple[str, ...] | None = ()
    alerts: tuple[Alert, ...] | None = ()
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standard:
    """What a unit is measured by, beside what was read of it.

    :ivar pair_settles_s: how long after a job the server has surely looked at a pair again; None: it never looks.
    :ivar new_disks: whether all its VMs are to be of the new template, not only new ones.
    :ivar looks_inside: whether its routers are asked about themselves, before and after.
    """

    baseline: Baseline
    pair_settles_s: float | None = None
    new_disks: bool = False
    looks_inside: bool = False


PAIR_S = 60.0  # while a unit is watched: the server looks at pairs now and then, and may look while one elects
Verdict = tuple[Status, str, str]
YES, NO, UNKNOWN = Status.TRUE, Status.FALSE, Status.UNKNOWN


def assess(
    facts: Facts, record: Record, standard: Standard, now: float, before: Mapping[Type, Condition]
) -> Conditions:
    """All conditions of a unit.

    :param before: as they were when it was last looked at.
    """
    unit, baseline = facts.unit, standard.baseline
    verdicts: dict[Type, Verdict] = {
        Type.EXISTS: _exists(facts, record),
        Type.RESTARTABLE: _restartable(unit),
        Type.IDLE: _idle(facts),
        Type.TARGET: _target(facts, baseline),
        Type.HOSTS: (NO, "HostAway", ", ".join(facts.away)) if facts.away else (YES, "Up", ""),
        Type.COMPLETE: _complete(facts, record),
        Type.RUNNING: _running(unit),
        Type.AGENT: _agent(unit),
        Type.SOFTWARE: _software(unit, record, baseline),
        Type.TEMPLATE: _template(unit, record, standard),
        Type.RULES: _rules(facts, record),
        Type.REDUNDANCY: _redundancy(facts, record, standard),
        Type.HEALTH: _health(record, standard),
        Type.GATEWAY: _gateway(record),
        Type.REACHABLE: _reachable(facts),
    }
    found = Conditions({kind: _since(before.get(kind), kind, verdict, now) for kind, verdict in verdicts.items()})
    found[Type.READY] = _since(before.get(Type.READY), Type.READY, _ready(facts, record, found, now), now)
    if found.unknown(Type.REDUNDANCY, "NotLookedAtYet") and record.over_at is not None and standard.pair_settles_s:
        due = record.over_at + standard.pair_settles_s
        found[Type.REDUNDANCY] = replace(found[Type.REDUNDANCY], due=due)
    return found


def _since(last: Condition | None, kind: Type, verdict: Verdict, now: float) -> Condition:
    """The same condition for as long as it and its reason stay."""
    status, reason, message = verdict
    if last is None or last.status is not status or last.reason != reason:
        return Condition(kind, status, reason, message, now)
    return last if last.message == message and not last.due else replace(last, message=message, due=0.0)


def expected_vms(unit: Unit) -> int:
    """How many VMs the unit should have."""
    if unit.per_pod:
        return max(1, len(unit.vms))
    return 2 if unit.redundant and unit.kind in (Kind.NETWORK, Kind.VPC) else 1


def members(vms: Iterable[Vm], first: Mapping[str, Vm]) -> tuple[tuple[Vm, ...], tuple[Vm, ...]]:
    """The VMs that are there, and those that are going; what only a ROOT volume tells is carried over."""
    told = ("built_from", "root_template_id", "root_template", "hypervisor")
    known = []
    for vm in vms:
        old = first.get(vm.id, vm)
        kept = {name: getattr(old, name) for name in told if not getattr(vm, name) and getattr(old, name)}
        known.append(replace(vm, **kept) if kept else vm)
    going = tuple(vm for vm in known if vm.state in GOING_STATES)
    return tuple(vm for vm in known if vm.state not in GOING_STATES), going


def _exists(facts: Facts, record: Record) -> Verdict:
    unit, last = facts.unit, record.last
    if unit.vms and facts.full and not facts.found and last and not last.taken:  # the server has refused a call, too
        return NO, "Gone", f"{unit.label} is not there any more, though {vm_names(unit.vms)} is still listed"
    if unit.vms or facts.going or (unit.kind.is_system_vm and record.submitted):
        return YES, "Found", ""
    if not facts.full and not unit.kind.is_system_vm:
        return UNKNOWN, "NotAsked", ""
    if unit.network and unit.kind is Kind.NETWORK and facts.found and unit.network.unused:
        return NO, "Gone", f"{unit.label} has no router any more: it is {unit.network.state}"
    destroyed = any(each.call and each.call.destroys for each in record.sent)  # by us: its network is to have it again
    if facts.found and (unit.kind in (Kind.NETWORK, Kind.VPC) or (unit.kind is Kind.INTERNAL_LB and destroyed)):
        return YES, "Found", ""
    return NO, "Gone", f"{unit.label} is not there any more"


def _restartable(unit: Unit) -> Verdict:
    why = why_not_restartable(unit)
    return (NO, *why) if why else (YES, "Allowed", "")


def _idle(facts: Facts) -> Verdict:
    jobs = ", ".join(sorted(job.job_id for job in facts.foreign))
    return (NO, "JobOfOthers", f"job {jobs} of somebody else works on it") if jobs else (YES, "NoJob", "")


def _target(facts: Facts, baseline: Baseline) -> Verdict:
    if not facts.full:
        return UNKNOWN, "NotAsked", ""
    if facts.version == baseline.target:
        return YES, "SameVersion", ""
    runs = f"run {facts.version}" if facts.version else "have no single version"
    return NO, "TargetMoved", f"the management servers {runs} now, and this run upgrades to {baseline.target}"


def _complete(facts: Facts, record: Record) -> Verdict:
    unit, expected = facts.unit, expected_vms(facts.unit)
    if len(unit.vms) < expected:
        what = unit.kind.words if unit.kind.is_system_vm else "router" if expected == 1 else "routers"
        return NO, "Missing", f"{expected} {what} expected, there: {vm_names(unit.vms) or 'none'}"
    if unit.surplus:
        return NO, "LeftOver", f"{vm_names(unit.surplus)} is left over from a recreation that failed"
    if len(unit.vms) > expected:
        return NO, "TooMany", f"it has {len(unit.vms)} routers ({vm_names(unit.vms)}) where {expected} is expected"
    if any(vm.id in record.first for vm in facts.going):
        return UNKNOWN, "StillGoing", f"{vm_names(facts.going)} is still being removed"
    return YES, "AsManyAsExpected", ""


def _running(unit: Unit) -> Verdict:
    settling = [vm for vm in unit.vms if vm.state in SETTLING_STATES]
    if settling:
        return UNKNOWN, "Settling", _states(settling)
    halted = [vm for vm in unit.vms if not vm.running]
    return (NO, "Halted", _states(halted)) if halted else (YES, "AllRunning", "")


def _states(vms: Iterable[Vm]) -> str:
    return ", ".join(f"{vm.name} is {vm.state}" for vm in vms)


def _agent(unit: Unit) -> Verdict:
    if not unit.kind.is_system_vm:
        return YES, "NoAgent", ""
    away = [vm for vm in unit.vms if vm.running and vm.agent_state != "Up"]
    told = ", ".join(f"the agent of {vm.name} is {vm.agent_state or 'not connected'}" for vm in away)
    return (NO, "AgentAway", told) if away else (YES, "Up", "")


def _software(unit: Unit, record: Record, baseline: Baseline) -> Verdict:
    """Of the VMs that run."""
    old, stale, other, silent = [], [], [], False
    for vm in unit.vms:
        if not vm.running:
            continue
        host = f"host {vm.host}" if vm.host else "its host"
        if not vm.is_router and vm.agent_state != "Up":
            silent = True
        elif vm.internal_lb:  # what it reports means nothing, and that it is what it was does not make it old
            if not is_current(vm, baseline) and not baseline.got_scripts(record.first.get(vm.id), vm):
                stale.append(f"{vm.name} has neither the template nor the scripts of {baseline.target}")
        elif vm.software != baseline.target:
            who = vm.name if vm.is_router else f"the agent of {vm.name}"
            old.append(f"{who} reports {vm.software or 'no version'}, not {baseline.target}")
        elif vm.is_router and baseline.left_old_scripts(record.first.get(vm.id), vm):
            package = f"{host} has an old package, or the server kept a stale checksum"
            stale.append(f"{vm.name} reports {baseline.target}, but with the scripts of an older version: {package}")
        elif not is_current(vm, baseline):
            why = f"{host} has another package, or the server kept a stale checksum"
            other.append(f"{vm.name} reports {baseline.target}, but not with the scripts of the others: {why}")
    for found, reason in ((old, "OldVersion"), (stale, "OldScripts"), (other, "OtherScripts")):
        if found:
            return NO, reason, "; ".join([*old, *stale, *other])
    return (UNKNOWN, "AgentAway", "") if silent else (YES, "AtTarget", "")


def _template(unit: Unit, record: Record, standard: Standard) -> Verdict:
    wrong, untold = [], False
    for vm in unit.vms:
        template, new = standard.baseline.template(vm), vm.id not in record.first
        if template is None or not vm.running or not (standard.new_disks or new):
            continue
        carries = template.carries(vm, new=new)
        untold = untold or carries is None
        if carries is False:
            made_from = vm.root_template or vm.built_from
            older = "is not from" if new else "was made before there was"
            words = f"was built from {made_from}, not from" if made_from else older
            wrong.append(f"{vm.name} {words} {template.name}")
    if wrong:
        return NO, "OldTemplate", "; ".join(wrong)
    return (UNKNOWN, "NotTold", "the server does not tell what it was made from") if untold else (YES, "AsWanted", "")


def _rules(facts: Facts, record: Record) -> Verdict:
    if pending := pending_rules(facts.unit, record):
        return NO, "Pending", ", ".join(sorted(pending))
    if record.attempts and facts.marked:
        return NO, "RestartRequired", ", ".join(sorted(facts.marked))
    return YES, "Applied", ""


def _redundancy(facts: Facts, record: Record, standard: Standard) -> Verdict:
    unit, since = facts.unit, record.over_at
    if not unit.elects:
        return YES, "NoPair", ""
    if since is not None and standard.pair_settles_s is None:
        told = "its pair was not checked: router.check.interval is 0, so the server never looks at it"
        return UNKNOWN, "NeverLooked", told
    if since is not None and standard.pair_settles_s and facts.read_at < since + standard.pair_settles_s:
        return UNKNOWN, "NotLookedAtYet", ""
    if is_healthy_pair(unit.vms):
        return YES, "Whole", ""
    return NO, "NotWhole", f"the pair is not one PRIMARY and one BACKUP ({pair_states(unit.vms)})"


def _health(record: Record, standard: Standard) -> Verdict:
    answers = record.answers
    if not standard.looks_inside or record.before is None or not record.before.health:
        return UNKNOWN, "NotCompared", ""
    if not answers:
        return UNKNOWN, "NotAsked", ""
    before, first, last = merged(record.before.health.values()), answers[0], answers[-1]
    since = record.completed or first.asked
    lost, untold, stale = [], [], False
    for router, checks in last.health.items():
        if checks is None:
            untold.append(f"the health of {router} was not compared: the server could not run its checks")
            continue
        found = compare(before, checks, since, first.health.get(router) if len(answers) > 1 else None)
        stale = stale or bool(found.stale)
        lost += [f"{router}: {name}" for name in found.lost]
        untold += unjudged_words(router, found)
    if lost:
        return NO, "Worse", f"health checks fail that passed before ({', '.join(lost)})"
    if stale and len(answers) == 1:  # by the clocks: a router that runs its checks has newer ones next time
        return UNKNOWN, "NotAskedAgain", ""
    return (UNKNOWN, "NotJudged", "; ".join(untold)) if untold else (YES, "NotWorse", "")


def _gateway(record: Record) -> Verdict:
    if record.before is None or not record.before.reaches_gateway:
        return UNKNOWN, "NotCompared", ""
    answers = record.answers
    if not answers or answers[-1].reaches_gateway is None:
        return UNKNOWN, "NotAsked", ""
    if answers[-1].reaches_gateway:
        return YES, "Reached", ""
    return NO, "NotReached", "it does not reach its gateway (ping) as it did before"


def _reachable(facts: Facts) -> Verdict:
    if facts.silent is None:
        return UNKNOWN, "NotTriedYet", ""
    return (NO, "Silent", "; ".join(facts.silent)) if facts.silent else (YES, "AsBefore", "")


def _ready(facts: Facts, record: Record, found: Conditions, now: float) -> Verdict:
    """Of a unit that is watched: what is new and wrong. Rules that somebody put in doubt are applied again."""
    if record.soak is None:
        return YES, "NotWatched", ""
    pair = found[Type.REDUNDANCY]
    new = [("Changed", each.message) for each in found.wrong if each.type is not Type.RULES]
    if pair.status is NO and now - pair.since >= PAIR_S:
        new.append((pair.reason, pair.message))
    new += [("Alerted", f"a new alert: {text}") for text in new_alerts(facts.unit, record, facts.alerts or ())]
    new += [("Silent", text) for text in facts.gaps]
    if lost := _lost_since(record.soak.inside, record.after[-1:]):
        new.append(("Worse", f"health checks fail that passed before ({lost})"))
    if found.false(Type.GATEWAY):
        new.append((found[Type.GATEWAY].reason, found[Type.GATEWAY].message))
    if new:
        return NO, new[0][0], "; ".join(message for dummy, message in new)
    return (YES, "LongEnough", "") if now >= record.soak.until else (UNKNOWN, "NotLongEnough", "")


def _lost_since(begin: Inside | None, now: Sequence[Inside]) -> str:
    """The checks that passed when the watching began, and that a router has run since and fails."""
    before = begin.health if begin else {}
    return ", ".join(
        f"{router}: {name}"
        for each in now
        for router, checks in each.health.items()
        if (was := before.get(router)) and checks
        for name in compare(was, checks, math.inf, was).lost
    )


def not_simply_true(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    """Without those that are true and need no words, which would be half of the plan of a large cloud."""
    return [each.as_dict() for each in conditions if each.status is not Status.TRUE or each.message]
