# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module that plans does: read the cloud, decide, ask the checks. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

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
from ..planning.checks.catalogue import refuse_unknown_checks
from ..planning.checks.management_server import CANCEL_THRESHOLD
from ..planning.checks.registry import CheckContext
from ..planning.deviations import deviations
from ..planning.drift import drift
from ..planning.forecast import forecast, target_of, upgraded, with_raised_memory
from ..planning.not_handled import not_handled
from ..planning.plan import Plan, decide_all, make_plan
from ..planning.policy import Policy
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
from .rehearse import player, rehearsed, scene_of


@dataclass(frozen=True)
class _Chosen:
    """What a plan is about.

    :ivar units: in scope; of an approved plan, those that are due tonight.
    :ivar others: in scope, but not approved.
    :ivar later: approved for another night.
    :ivar policy: with canaries by id.
    """

    units: Sequence[Unit]
    others: Sequence[Unit]
    later: Sequence[Unit]
    policy: Policy


def check_versions(client: Client, request: CheckRequest, check_mode: bool = False) -> Outcome:
    """Read the cloud, apply the matrix, run the checks; with check mode or without, nothing is changed.

    :raises OptionError: when the policy is wrong in itself or names what does not exist.
    """
    check_expressions(request.policy.scope)
    refuse_unknown_checks(request.policy.ignored_checks)
    wants_new = request.policy.strategy.method is WantedMethod.RECREATE or bool(request.target_version)
    lists = Lists.of(client)
    events = Events(lists, time.time() - 2 * REMEMBERED_S)
    as_it_is = read_cloud(lists, templates=wants_new, events=events)
    target = target_of(request.target_version, as_it_is.version) if request.target_version else None
    cloud, found = _as_it_will_be(lists, as_it_is, target) if target else (as_it_is, None)
    tonight = Tonight(datetime.now().astimezone(), request.windows)
    chosen = _choose(client, cloud, request, tonight)
    if request.policy.approved is not None:
        request = replace(request, deadline=request.deadline or tonight.closes(chosen.units))
    context = _context(lists, events, cloud, chosen, request)
    if target is not None:
        context = replace(context, cloud=with_raised_memory(context.cloud, target))
    elif request.probing is not None:
        context = replace(context, probed=_probed(client, context, request.probing))
    twice = context.expects_two_patches
    pace = Pace(samples(context.cloud.units, request.earlier.durations, twice), twice)
    plan = make_plan(context, pace, request.earlier.gaps)
    budget = share_of(request.max_failures, sum(len(step.units) for step in plan.steps))
    restarts = elsewhere(request.earlier.restarts, chosen.units, cloud.units, time.time())
    failed = " ".join(f"{answer.name}: {answer.seen}. {answer.remedy}" for answer in plan.failed_checks)
    return Outcome(
        {
            "plan": {
                "scope": _scope(client, context, request, budget, tonight),
                "wildcards": widened(cloud.units, context.policy.scope),
                "cloud": client.server,
                "approved": _deviations(context, chosen, tonight),
                "max_failures": budget,
                "server_notes": list(notes_on(cloud.version)) if cloud.version and target is None else [],
                "deadline": request.deadline.isoformat(timespec="seconds") if request.deadline else None,
                "forecast": found,
                **_nights(plan, context, pace, request, tonight),
                "restarts": [each.as_dict() for each in restarts],
                "not_handled": not_handled(as_it_is, zone_ids(cloud.zones, context.policy.scope)),
                "drift": drift(as_it_is, Baseline.of_cloud(as_it_is.version, as_it_is) if as_it_is.version else None),
                "probes": context.probed.as_dict() if context.probed else None,
            },
            "checks": [answer.as_dict() for answer in plan.checks],
            "summary": plan.summary(),
            "management_server_version": plan.management_server_version,
        },
        failed if failed and request.fail_on_checks else None,
    )


def _choose(client: Client, cloud: Cloud, request: CheckRequest, tonight: Tonight) -> _Chosen:
    """:raises OptionError: something names what does not exist, or an approved plan is another cloud's."""
    policy, approved = request.policy, request.policy.approved
    others, later = list[Unit](), list[Unit]()
    if request.windows is not None:
        request.windows.refuse_unknown([zone.name for zone in cloud.zones])
    if approved is not None:
        approved.refuse_other(client.server, str(cloud.version) if cloud.version else None)
    units = select_units(cloud.units, cloud.zones, policy.scope)
    if approved is not None:
        others = [unit for unit in units if unit.id not in approved.lines]
        units, later = tonight.due(approved, [unit for unit in units if unit.id in approved.lines])
    if not isinstance(policy.order.canaries, bool):
        canaries = canary_ids(cloud.units, units, policy.order.canaries)
        policy = replace(policy, order=replace(policy.order, canaries=canaries))
    return _Chosen(units, others, later, policy)


def _context(lists: Lists, events: Events, cloud: Cloud, chosen: _Chosen, request: CheckRequest) -> CheckContext:
    """What is to be done to the units; as the cloud is now, also for what their last restarts have left undone."""
    units, policy = chosen.units, chosen.policy
    verdicts = decide_all(cloud, units, policy)
    if cloud.version is not None and not request.target_version:
        cloud = read_details(lists, cloud, (), {JOB_EXPIRY, CANCEL_THRESHOLD}, ())  # one call for both
        current = {unit.id for unit, verdict in verdicts if verdict.method is Method.NONE}
        memory = Memory(request.earlier.restarts, remembered(cloud.settings))
        units = with_restarts(events, units, current, cloud.in_flight, str(cloud.version), memory)
        owed = decide_all(cloud, [unit for unit in units if unit.owed], policy)
        decided = {unit.id: verdict for unit, verdict in [*verdicts, *owed]}
        verdicts = [(unit, decided[unit.id]) for unit in units]
    return with_details(lists, CheckContext(cloud, verdicts, policy, parallel=request.bounds.parallel))


def _probed(client: Client, context: CheckContext, probing: Probing) -> Probed:
    probes = probing.open(client, context.planned(*ACTING))
    try:
        return Probed(probes.endpoints, probes.try_once())
    finally:
        probes.close()


def _nights(plan: Plan, context: CheckContext, pace: Pace, request: CheckRequest, tonight: Tonight) -> dict[str, Any]:
    """The plan as plain data, rehearsed, each unit with its night."""
    approved, scene = request.policy.approved, scene_of(plan, context, pace, request, tonight.now)
    play = player(plan, scene) if scene and request.windows and approved is None else None
    return tonight.planned(rehearsed(plan, scene, request), approved, play)


def _scope(client: Client, context: CheckContext, request: CheckRequest, budget: int, tonight: Tonight) -> str:
    told = replace(request.policy, scope=in_words(request.policy.scope, context.cloud.units))
    may_fail = budget_text(budget, request.max_failures)
    zones = len(context.cloud.zones)
    return scope_text(told, client.server, zones, deadline=request.deadline, may_fail=may_fail, now=tonight.now)


def _deviations(context: CheckContext, chosen: _Chosen, tonight: Tonight) -> ApprovedData | None:
    cloud, policy, held = context.cloud, context.policy, context.verdicts
    if policy.approved is None:
        return None
    freely = decide_all(cloud, chosen.others, replace(policy, approved=None))
    waiting = decide_all(cloud, chosen.later, policy)
    told = deviations(policy.approved, held, freely, {unit.id for unit in cloud.units}, waiting)
    return tonight.with_later(told, policy.approved, held, waiting)


def _as_it_will_be(lists: Lists, cloud: Cloud, target: Version) -> tuple[Cloud, ForecastData]:
    """The cloud after the upgrade of its management servers, and what has to be prepared for it."""
    cloud = read_details(lists, cloud, (), (), {Need.IMAGE_STORES})
    return upgraded(cloud, target), forecast(cloud, target)
