# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has a plan rehearsed, with the settings by which it would be carried out, and writes into it what came of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..cloud.model import Unit
from ..knowledge.vocabulary import Kind
from ..planning.checks.management_server import PAIR_INTERVAL, PAIR_POOL, big_s
from ..planning.checks.registry import CheckContext
from ..planning.nights import Play
from ..planning.plan import Plan, Step
from ..planning.values import share_of
from ..rehearsal.alternatives import alternatives
from ..rehearsal.plays import MOST_PLAYED_THRICE, PlayedStep, Rehearsal, Stage, play, rehearse
from ..rehearsal.whatif import what_if
from ..units.actions import Want
from ..units.baseline import Baseline
from ..units.conditions import Standard
from ..units.expected import pair_settles_s
from ..units.pace import Pace
from .check_request import CheckRequest

# The order in which a module looks at what a step names (planning.targets), which decides between equals.
AS_NAMED = (Kind.SSVM, Kind.CPVM, Kind.NETWORK, Kind.VPC, Kind.INTERNAL_LB, Kind.ORPHAN)


def rehearsed(plan: Plan, context: CheckContext, pace: Pace, request: CheckRequest, now: datetime) -> dict[str, Any]:
    """The plan as plain data, with how long it takes, and when what starts and ends, if it was to be rehearsed."""
    data: dict[str, Any] = {**plan.as_dict(), "estimate": None, "what_if": None, "alternatives": None}
    stage = _stage(plan, context, pace, request, now)
    if not (request.rehearse and plan.steps and stage):
        return data
    deadline, what = request.deadline, request.what_if
    ends = deadline.timestamp() if deadline else None
    played = rehearse(stage, ends)
    return {
        **_told(data, played, deadline),
        "what_if": what_if(stage, what, played.likely, deadline) if what else None,
        "alternatives": alternatives(played, ends) if request.alternatives else None,
    }


def player(plan: Plan, context: CheckContext, pace: Pace, request: CheckRequest, now: datetime) -> Play | None:
    """What plays some units of the plan alone, in another night; None where there are too many to play them often."""
    few = sum(len(step.units) for step in plan.steps) <= MOST_PLAYED_THRICE
    stage = _stage(plan, context, pace, request, now) if few else None
    if stage is None:
        return None

    def played(ids: Sequence[str]) -> Mapping[str, tuple[float, float]]:
        chosen = frozenset(ids)
        steps = [replace(step, units=[unit for unit in step.units if unit.id in chosen]) for step in stage.steps]
        return play(replace(stage, steps=[step for step in steps if step.units], in_flight=())).units

    return played


def _stage(plan: Plan, context: CheckContext, pace: Pace, request: CheckRequest, now: datetime) -> Stage | None:
    """None while the management servers have no single version."""
    cloud, settings = context.cloud, context.cloud.settings
    if cloud.version is None:
        return None
    settles_s = None
    acting = [item.unit for step in plan.steps for item in step.units]
    if any(unit.elects for unit in acting):
        pairs = sum(unit.redundant for unit in cloud.units)
        settles_s = pair_settles_s(settings.number(PAIR_INTERVAL, 30), settings.number(PAIR_POOL, 10), pairs)
    chosen = {unit.id: unit for unit in acting}  # with what is known of their restarts
    return Stage(
        [chosen.get(unit.id, unit) for unit in cloud.units],
        [_step(step, request) for step in plan.steps],
        Standard(Baseline.of_cloud(cloud.version, cloud), settles_s),
        replace(request.bounds, big_s=big_s(settings), max_failures=share_of(request.max_failures, len(acting))),
        pace,
        now.timestamp(),
        cloud.hosts,
        () if request.target_version else cloud.in_flight,
    )


def _step(step: Step, request: CheckRequest) -> PlayedStep:
    strategy, approved = request.policy.strategy, request.policy.approved
    wanted = Want.by(step.method, allow_degraded=strategy.allow_degraded, soak_s=request.soak_s if step.canary else 0.0)

    def want(unit: Unit) -> Want:
        return wanted.within(approved.of(unit.id)) if approved else wanted

    units = sorted((item.unit for item in step.units), key=lambda unit: AS_NAMED.index(unit.kind))
    return PlayedStep(units, step.method, want, step.canary)


def _told(data: dict[str, Any], played: Rehearsal, deadline: datetime | None) -> dict[str, Any]:
    zones = played.zones()
    spans: Sequence[Any] = played.steps()
    steps = [{**step, "span_s": span.rounded()} for step, span in zip(data["steps"], spans, strict=True)]
    return {
        **data,
        "steps": steps,
        "zones": [
            {**zone, "span": str(zones[zone["name"]]), "span_s": zones[zone["name"]].rounded()}
            for zone in data["zones"]
        ],
        "units": [{**unit, "predicted": played.predicted(unit["id"])} for unit in data["units"]],
        "estimate": played.as_dict(deadline),
    }
