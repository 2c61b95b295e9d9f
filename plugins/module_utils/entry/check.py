# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module that plans does: read the cloud, decide, ask the checks. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ..api.client import Client
from ..cloud.endpoints import Probed
from ..cloud.events import Events
from ..cloud.infrastructure import Cloud, Need
from ..cloud.lists import Lists
from ..cloud.model import Unit
from ..cloud.read import read_cloud, read_details
from ..cloud.restarts import JOB_EXPIRY, REMEMBERED_S, Memory, elsewhere
from ..knowledge.differences import notes_on
from ..knowledge.shapes import ApprovedData, ForecastData
from ..knowledge.versions import Version
from ..knowledge.vocabulary import ACTING, Method, WantedMethod
from ..planning.approved import ApprovedPlan
from ..planning.checks.catalogue import refuse_unknown_checks
from ..planning.checks.management_server import CANCEL_THRESHOLD
from ..planning.checks.registry import CheckContext
from ..planning.deviations import deviations
from ..planning.drift import drift
from ..planning.forecast import forecast, target_of, upgraded, with_raised_memory
from ..planning.not_handled import not_handled
from ..planning.plan import decide_all, make_plan
from ..planning.scope import budget_text, scope_text
from ..planning.selection import canary_ids, check_expressions, in_words, select_units, widened, zone_ids
from ..planning.values import share_of
from ..probing.probes import Probing
from ..units.baseline import Baseline
from ..units.pace import Pace, samples
from .campaign import Tonight
from .check_request import CheckRequest
from .details import remembered, with_details, with_restarts
from .outcome import Outcome
from .rehearse import player, rehearsed


def check_versions(client: Client, request: CheckRequest, check_mode: bool = False) -> Outcome:
    """Read the cloud, apply the matrix, run the checks; with check mode or without, nothing is changed.

    :raises OptionError: when the policy is wrong in itself or names what does not exist.
    """
    policy, known_restarts, target_version = request.policy, request.earlier.restarts, request.target_version
    check_expressions(policy.scope)
    refuse_unknown_checks(policy.ignored_checks)
    wants_new = policy.strategy.method is WantedMethod.RECREATE or bool(target_version)
    lists = Lists.of(client)
    events = Events(lists, time.time() - 2 * REMEMBERED_S)
    cloud = as_it_is = read_cloud(lists, templates=wants_new, events=events)
    target = target_of(target_version, cloud.version) if target_version else None
    found = None
    if target is not None:
        cloud, found = _as_it_will_be(lists, cloud, target)
    approved, others, later = policy.approved, list[Unit](), list[Unit]()
    tonight = Tonight(datetime.now().astimezone(), request.windows)
    if request.windows is not None:
        request.windows.refuse_unknown([zone.name for zone in cloud.zones])
    if approved is not None:
        approved.refuse_other(client.server, str(cloud.version) if cloud.version else None)
    selected = select_units(cloud.units, cloud.zones, policy.scope)
    if approved is not None:
        others = [unit for unit in selected if unit.id not in approved.lines]
        selected = [unit for unit in selected if unit.id in approved.lines]
        selected, later = tonight.due(approved, selected)
        request = replace(request, deadline=request.deadline or tonight.closes(selected))
    if not isinstance(policy.order.canaries, bool):
        canaries = canary_ids(cloud.units, selected, policy.order.canaries)
        policy = replace(policy, order=replace(policy.order, canaries=canaries))
    verdicts = decide_all(cloud, selected, policy)
    if target is None and cloud.version is not None:
        cloud = read_details(lists, cloud, (), {JOB_EXPIRY, CANCEL_THRESHOLD}, ())  # one call for both
        current = {unit.id for unit, verdict in verdicts if verdict.method is Method.NONE}
        memory = Memory(known_restarts, remembered(cloud.settings))
        selected = with_restarts(events, selected, current, cloud.in_flight, str(cloud.version), memory)
        owed = decide_all(cloud, [unit for unit in selected if unit.owed], policy)
        decided = {unit.id: verdict for unit, verdict in [*verdicts, *owed]}
        verdicts = [(unit, decided[unit.id]) for unit in selected]
    context = with_details(lists, CheckContext(cloud, verdicts, policy, parallel=request.bounds.parallel))
    if target is not None:
        context = replace(context, cloud=with_raised_memory(context.cloud, target))
    if request.probing is not None and target is None:
        context = replace(context, probed=_probed(client, context, request.probing))
    twice = context.expects_two_patches
    pace = Pace(samples(context.cloud.units, request.earlier.durations, twice), twice)
    plan = make_plan(context, pace, request.earlier.gaps)
    campaigns = request.rehearse and request.windows is not None and approved is None
    play = player(plan, context, pace, request, tonight.now) if campaigns else None
    failure = None
    if plan.failed_checks and request.fail_on_checks:
        failure = " ".join(f"{answer.name}: {answer.seen}. {answer.remedy}" for answer in plan.failed_checks)
    budget = share_of(request.max_failures, sum(len(step.units) for step in plan.steps))
    now, deadline = tonight.now, request.deadline
    may_fail = budget_text(budget, request.max_failures)
    told = replace(request.policy, scope=in_words(policy.scope, cloud.units))
    scope = scope_text(told, client.server, len(cloud.zones), deadline=deadline, may_fail=may_fail, now=now)
    return Outcome(
        {
            "plan": {
                "scope": scope,
                "wildcards": widened(cloud.units, policy.scope),
                "cloud": client.server,
                "approved": _deviations(context, approved, others, later, tonight) if approved else None,
                "max_failures": budget,
                "server_notes": list(notes_on(cloud.version)) if cloud.version and target is None else [],
                "deadline": deadline.isoformat(timespec="seconds") if deadline else None,
                "forecast": found,
                **tonight.planned(rehearsed(plan, context, pace, request, now), approved, play),
                "restarts": [each.as_dict() for each in elsewhere(known_restarts, selected, cloud.units, time.time())],
                "not_handled": not_handled(as_it_is, zone_ids(cloud.zones, policy.scope)),
                "drift": drift(as_it_is, Baseline.of_cloud(as_it_is.version, as_it_is) if as_it_is.version else None),
                "probes": context.probed.as_dict() if context.probed else None,
            },
            "checks": [answer.as_dict() for answer in plan.checks],
            "summary": plan.summary(),
            "management_server_version": plan.management_server_version,
        },
        failure,
    )


def _probed(client: Client, context: CheckContext, probing: Probing) -> Probed:
    probes = probing.open(client, context.planned(*ACTING))
    try:
        return Probed(probes.endpoints, probes.try_once())
    finally:
        probes.close()


def _deviations(
    context: CheckContext, approved: ApprovedPlan, others: Sequence[Unit], later: Sequence[Unit], tonight: Tonight
) -> ApprovedData:
    cloud, policy, held = context.cloud, context.policy, context.verdicts
    freely, waiting = decide_all(cloud, others, replace(policy, approved=None)), decide_all(cloud, later, policy)
    told = deviations(approved, held, freely, {unit.id for unit in cloud.units}, waiting)
    return tonight.with_later(told, approved, held, waiting)


def _as_it_will_be(lists: Lists, cloud: Cloud, target: Version) -> tuple[Cloud, ForecastData]:
    """The cloud after the upgrade of its management servers, and what has to be prepared for it."""
    cloud = read_details(lists, cloud, (), (), {Need.IMAGE_STORES})
    return upgraded(cloud, target), forecast(cloud, target)
