# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the acting modules do: read, decide, refuse what must not be, then act on the targets and prove the result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..api.client import Client
from ..cloud.events import Events
from ..cloud.in_flight import read_in_flight
from ..cloud.infrastructure import Cloud
from ..cloud.lists import Lists
from ..cloud.model import Owner, Unit
from ..cloud.read import read_cloud, read_units
from ..cloud.restarts import REMEMBERED_S
from ..knowledge.matrix import TOO_OLD, server_can_live_patch
from ..knowledge.versions import Version
from ..knowledge.vocabulary import Kind, Method
from ..planning.checks.catalogue import CHECKS, new_disk_problems
from ..planning.checks.registry import CheckContext
from ..planning.targets import RefusedError, find_targets
from ..planning.verdicts import Verdict, decide
from ..rollout.control import refuse_left_over
from ..rollout.progress import LogFile, Progress
from ..rollout.results import UnitResult, diff
from ..rollout.surroundings import Rollout
from ..units.actions import Want
from ..units.baseline import Baseline, is_current
from ..units.calls import commands_of
from ..units.ends import UnitStatus
from .account import refuse_what_may_not_be_called
from .details import with_details, with_restarts
from .orders import CloudFacts, Orders, Request
from .outcome import Outcome
from .rolling import minimum_versions, roll_out

KEEPS_DISK = "recreate.systemvm.enabled"
# What a unit may still come out of by itself, so that the rollout looks at it again.
MAY_PASS = frozenset({"StillSettling", "AgentAway", "PairNotWhole"})
UNTOUCHED = "Nothing was touched: "
LOOK_AGAIN_S = 10.0  # between two looks at what would keep new VMs from being made
# What kind of unit each option of the modules names, for one that is not there any more.
KIND_OF = {"networks": Kind.NETWORK, "vpcs": Kind.VPC, "routers": Kind.INTERNAL_LB, "system_vms": Kind.SSVM}


def upgrade(client: Client, request: Request, check_mode: bool = False) -> Outcome:
    """Act on the targets by one method and prove the result.

    :raises RefusedError: when a target does not exist or must not be touched that way; nothing was touched.
    """
    if request.control and not request.planned and not check_mode:  # for a plan's steps that was asked once
        refuse_left_over(request.control)
    log_file = LogFile(request.log)
    lists, facts, orders = _once_it_can_come_back(client, request, log_file, check_mode)
    orders = _without_refused_tiers(client, facts, orders, request)
    if request.method is Method.LIVE_PATCH:  # what may get a new disk has a check for this
        refuse_what_may_not_be_called(client, _commands(orders, request))
    if check_mode:
        rollout = Rollout(tuple(_expected(unit, facts, request.of(orders.want, unit)) for unit in orders.work))
    else:
        watched = [unit for unit in facts.units if request.want.soak_s and _is_current(orders, unit)]
        rollout = roll_out(lists, facts, replace(orders, work=[*orders.work, *watched]), request, log_file)
    return _outcome(facts, orders, rollout, log_file)


def _once_it_can_come_back(
    client: Client, request: Request, log_file: LogFile, check_mode: bool
) -> tuple[Lists, CloudFacts, Orders]:
    """Read and decide; again for a while where new VMs could not be made now, such as before hosts are Up again after a
    restart of the server. The plan's checks have found what they need.

    :raises RefusedError: nothing would come back.
    """
    progress, told = Progress(log_file, label=request.label), ""
    client.on_retry = progress.retrying
    for left in range(int(request.limits.verify_timeout / LOOK_AGAIN_S), -1, -1):
        lists = Lists.of(client)
        facts = _read(lists, request)
        orders = _decide(facts, request)
        if facts.cloud is None or not orders.work:
            break
        cloud = _with_details(lists, facts.cloud, orders, request)
        facts = replace(facts, cloud=cloud)
        orders = replace(orders, want=replace(orders.want, blocker=partial(_blocker, cloud)))
        error = _why_nothing_would_come_back(facts, orders, request)
        if error is None or request.is_being_ended:  # a rollout that is being ended begins nothing
            break
        if check_mode or not request.planned:
            raise error
        if not left:
            orders = _without_blocked(cloud, facts, orders, request, error)
            break
        if error.message != told:
            told = error.message
            progress.waiting(told.removeprefix(UNTOUCHED), request.limits.verify_timeout)
        _wait(client, request)
    return lists, facts, orders


def _without_blocked(cloud: Cloud, facts: CloudFacts, orders: Orders, request: Request, error: RefusedError) -> Orders:
    """What a zone lacks keeps its own units from being replaced, and no others.

    :raises RefusedError: none is left, or the others cannot be replaced together.
    """
    blocked = {unit.id: why for unit in orders.work if (why := _blocker(cloud, unit, request.method))}
    orders = _leaving_out(orders, request, blocked)
    if not orders.work or _why_nothing_would_come_back(facts, orders, request):
        raise error
    return orders


def _without_refused_tiers(client: Client, facts: CloudFacts, orders: Orders, request: Request) -> Orders:
    """A new internal LB VM comes with a restart of its tier, which fails while the VPC's router is sent no rules."""
    balancers = [unit for unit in orders.work if unit.kind is Kind.INTERNAL_LB and request.method is Method.RECREATE]
    minimums = minimum_versions(client, balancers)
    routers = {unit.id: unit.vms for unit in facts.known if unit.kind is Kind.VPC}
    why = {}
    for unit in balancers:
        tier, minimum = unit.network, minimums.get(unit.zone_id)
        if not tier or not minimum:
            continue
        refused = [
            f"{vm.name} still runs {vm.software}"
            for vm in routers.get(tier.vpc_id or "", ())
            if vm.running and vm.built_from and vm.built_from < minimum and not is_current(vm, facts.baseline)
        ]
        if refused:
            why[unit.id] = (
                f"{', '.join(refused)}, so the server would refuse the rules of tier {tier.name}, whose restart makes "
                "a new internal LB VM; upgrade the VPC first"
            )
    return _leaving_out(orders, request, why)


def _leaving_out(orders: Orders, request: Request, why: Mapping[str, str]) -> Orders:
    """Without the units that cannot be replaced now.

    :param why: what speaks against it, by unit.
    """
    skipped = {
        unit.id: UnitResult(
            unit, request.method, UnitStatus.SKIPPED, f"{why[unit.id]}; nothing was sent", code="NotReplaceable"
        )
        for unit in orders.work
        if unit.id in why
    }
    rest = [unit for unit in orders.work if unit.id not in skipped]
    return replace(orders, work=rest, settled={**orders.settled, **skipped})


def _wait(client: Client, request: Request) -> None:
    for dummy in range(int(LOOK_AGAIN_S / 0.5)):
        if not request.is_being_ended:
            client.wait(0.5)


def _read(lists: Lists, request: Request) -> CloudFacts:
    method = request.method
    target = _target(lists)
    if request.approved is not None:
        request.approved.refuse_other(lists.client.server, str(target))
    events = Events(lists, time.time() - 2 * REMEMBERED_S)
    # Before the units: what a job does that ends meanwhile is then seen in them.
    in_flight = read_in_flight(lists, events=events)
    if method is Method.LIVE_PATCH and not request.want.fallback:
        cloud = None
        known: Sequence[Unit] = read_units(lists, request.targets.kinds, details=False)
        baseline = Baseline.of(target, (vm for unit in known for vm in unit.vms))
    else:
        cloud = read_cloud(lists)
        known = cloud.units
        baseline = Baseline.of_cloud(target, cloud)
    found = find_targets(known, request.targets, lambda: read_units(lists), may_be_gone=request.planned)
    verdicts = ((unit.id, decide(unit, baseline, request.of(request.want, unit))) for unit in found.units)
    current = {unit_id for unit_id, verdict in verdicts if verdict.method is Method.NONE}
    units = with_restarts(events, found.units, current, in_flight, str(target))
    return CloudFacts(target, units, found.gone, known, baseline, in_flight, cloud)


def _decide(facts: CloudFacts, request: Request) -> Orders:
    """What happens to each target. Pure.

    :raises RefusedError: for what the matrix forbids.
    """
    verdicts = {unit.id: decide(unit, facts.baseline, request.of(request.want, unit)) for unit in facts.units}
    forbidden = [why for unit in facts.units for dummy, why in verdicts[unit.id].forbidden]
    if forbidden:
        raise RefusedError(f"Nothing was touched: {'; '.join(forbidden)}.")
    settled = {}
    for unit in facts.units:
        verdict = verdicts[unit.id]
        if verdict.method is Method.NONE:
            settled[unit.id] = _settled(unit, verdict, UnitStatus.CURRENT)
        elif verdict.method is Method.SKIP and verdict.code not in MAY_PASS:
            settled[unit.id] = _settled(unit, verdict, UnitStatus.SKIPPED)
    return Orders(settled, [unit for unit in facts.units if unit.id not in settled], request.want)


def _is_current(orders: Orders, unit: Unit) -> bool:
    return unit.id in orders.settled and orders.settled[unit.id].status is UnitStatus.CURRENT


def _settled(unit: Unit, verdict: Verdict, status: UnitStatus) -> UnitResult:
    return UnitResult(unit, verdict.method, status, verdict.reason, code=verdict.code, conditions=verdict.conditions)


def _with_details(lists: Lists, cloud: Cloud, orders: Orders, request: Request) -> Cloud:
    """With what the checks of new disks look at."""
    checks = [check for check in CHECKS if check.new_disks]
    method = Method.RECREATE if request.want.fallback else request.method
    context = CheckContext.of_call(cloud, orders.work, method)
    return with_details(lists, context, checks, [KEEPS_DISK]).cloud


def _blocker(cloud: Cloud, unit: Unit, method: Method = Method.RECREATE) -> str | None:
    """What speaks against recreating a unit, such as one whose live patch failed."""
    problems = new_disk_problems(CheckContext.of_call(cloud, [unit], method))
    return "; ".join(answer.seen for answer in problems) or None


def _why_nothing_would_come_back(facts: CloudFacts, orders: Orders, request: Request) -> RefusedError | None:
    """What may pass; None where nothing speaks against it.

    :raises RefusedError: for what will not.
    """
    method = request.method
    if facts.cloud is None or method is Method.LIVE_PATCH:
        return None  # a fallback asks for each unit when its time comes
    problems = new_disk_problems(CheckContext.of_call(facts.cloud, orders.work, method, request.limits.parallel))
    if problems:
        seen = "; ".join(answer.seen for answer in problems)
        return RefusedError(f"{UNTOUCHED}{seen}.", remedy=" ".join(answer.remedy for answer in problems))
    restarted = [unit.vms[0] for unit in orders.work if method is Method.RESTART and unit.kind.is_system_vm]
    untold = [vm.name for vm in restarted if vm.root_template_id is None]
    if untold:
        raise RefusedError(
            f"{UNTOUCHED}the server does not list the disk of {', '.join(untold)}, so nothing would prove a new one.",
            remedy="Use mode: destroy.",
        )
    kept = [vm.name for vm in restarted if vm.root_template_id == vm.next_template_id]
    if kept and not facts.cloud.settings.flag(KEEPS_DISK, False):
        raise RefusedError(
            f"{UNTOUCHED}{', '.join(kept)} would keep the old disk when stopped and started.",
            remedy="Use mode: destroy.",
        )
    return None


def _commands(orders: Orders, request: Request) -> frozenset[str]:
    """What carrying them out sends."""
    methods = {request.method, *([Method.RECREATE] if request.want.fallback else [])}
    sent = frozenset().union(*(commands_of(unit, method) for unit in orders.work for method in methods))
    return sent | {"queryAsyncJobResult"} if sent else sent


def _outcome(facts: CloudFacts, orders: Orders, rollout: Rollout, log_file: LogFile) -> Outcome:
    by_id = {**orders.settled, **{result.unit.id: result for result in rollout.results}}
    results = [*(by_id[unit.id] for unit in facts.units), *map(_gone, facts.gone, facts.gone.values())]
    values: dict[str, Any] = {
        "results": [result.as_dict() for result in results],
        "summary": dict(Counter(result.status.value for result in results)),
        "notes": list(rollout.notes),
        "guard": rollout.guard.value,
        "management_server_version": str(facts.target),
    }
    if log_file.problem:
        values["warnings"] = log_file.warnings
    return Outcome(
        values,
        failure=_failure(results, rollout),
        changed=any(result.submitted for result in rollout.results),
        diff=lambda: diff(result for result in results if result.submitted),
    )


def _target(lists: Lists) -> Version:
    """The version to upgrade to, once it is sure that anything can be done and proven on this server.

    :raises RefusedError: the management servers differ, or cannot live patch.
    """
    target = lists.version
    if target is None:
        raise RefusedError(
            "The management servers have no single version, so there is no version to upgrade to.",
            remedy="Upgrade them all first.",
        )
    if not server_can_live_patch(target):
        raise RefusedError(
            f"Nothing was touched: the management server is {target}; {TOO_OLD}.",
            remedy="Upgrade the management server first.",
        )
    return target


def _gone(identity: str, option: str) -> UnitResult:
    """Of what a plan named and is not there any more; what it was, the plan knows."""
    unit = Unit(identity, identity, KIND_OF[option], "", "", Owner(), ())
    return UnitResult(unit, Method.NONE, UnitStatus.GONE, "it is not there any more", code="Gone")


def _expected(unit: Unit, facts: CloudFacts, want: Want) -> UnitResult:
    """What a run would be expected to return, for check mode."""
    verdict = decide(unit, facts.baseline, want)
    if verdict.method is Method.SKIP:
        return _settled(unit, verdict, UnitStatus.SKIPPED)
    after = tuple(replace(vm, state="Running", software=facts.target) for vm in unit.vms)
    reason = f"would be upgraded to {facts.target}"
    return UnitResult(unit, verdict.method, UnitStatus.UPGRADED, reason, after=after, submitted=True)


def _failure(results: Sequence[UnitResult], rollout: Rollout) -> str | None:
    bad = [result for result in results if not result.status.good]
    if not bad and rollout.error is None:
        return None
    counts = Counter(result.status.value.replace("_", " ") for result in results)
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    ended = [f"{each.unit.label}: {each.reason}" for each in bad if each.status is not UnitStatus.NOT_STARTED]
    reasons = "; ".join(ended or dict.fromkeys(each.reason for each in bad))  # what was not started has one reason
    return f"Not every target is proven to run the new software ({summary}). {reasons or rollout.error}"
