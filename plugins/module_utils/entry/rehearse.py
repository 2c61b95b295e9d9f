# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has a plan rehearsed, with the settings by which it would be carried out, and writes into it what came of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..knowledge.vocabulary import Kind
from ..planning.checks.management_server import big_s, settles_s
from ..planning.checks.registry import CheckContext
from ..planning.nights import Play
from ..planning.plan import Plan
from ..planning.values import share_of
from ..rehearsal.plays import MOST_PLAYED_THRICE, play
from ..rehearsal.scene import Scene, bare, rehearse_plan
from ..units.baseline import Baseline
from ..units.pace import Pace
from .check_request import CheckRequest


def rehearsed(plan: Plan, scene: Scene | None, request: CheckRequest) -> dict[str, Any]:
    """The plan as plain data, with how long it takes, and when what starts and ends, if it was to be rehearsed."""
    data: dict[str, Any] = {**plan.as_dict(), **dict.fromkeys(("estimate", "scene", "what_if", "alternatives"))}
    if scene is None:
        return data
    return rehearse_plan(data, scene, request.deadline, request.what_if, request.alternatives)


def player(plan: Plan, scene: Scene) -> Play | None:
    """What plays some units of the plan alone, in another night; None where there are too many to play them often."""
    if sum(len(step.units) for step in plan.steps) > MOST_PLAYED_THRICE:
        return None
    stage = scene.stage(plan.as_dict())

    def played(ids: Sequence[str]) -> Mapping[str, tuple[float, float]]:
        chosen = frozenset(ids)
        steps = [replace(step, units=[unit for unit in step.units if unit.id in chosen]) for step in stage.steps]
        return play(replace(stage, steps=[step for step in steps if step.units], in_flight=())).units

    return played


def scene_of(plan: Plan, context: CheckContext, pace: Pace, request: CheckRequest, now: datetime) -> Scene | None:
    """Where the plan is rehearsed; None where it is not to be, or the management servers have no single version."""
    cloud, settings, policy = context.cloud, context.cloud.settings, request.policy
    if cloud.version is None or not request.rehearse or not plan.steps:
        return None
    pair_settles_s = None
    chosen = {item.unit.id: item.unit for step in plan.steps for item in step.units}
    if any(unit.elects for unit in chosen.values()):
        pairs = sum(unit.redundant for unit in cloud.units)
        pair_settles_s = settles_s(settings, pairs)
    alone = (Kind.NETWORK, Kind.VPC, Kind.ORPHAN)  # no call to another unit touches one of these
    return Scene(
        now.timestamp(),
        # The chosen ones with what is known of their restarts.
        tuple(bare(chosen.get(unit.id, unit)) for unit in cloud.units if unit.id in chosen or unit.kind not in alone),
        Baseline.of_cloud(cloud.version, cloud),
        pair_settles_s,
        replace(request.bounds, big_s=big_s(settings), max_failures=share_of(request.max_failures, len(chosen))),
        policy.order.waves,
        request.soak_s,
        policy.strategy.allow_degraded,
        pace.samples,
        cloud.hosts,
        () if request.target_version else cloud.in_flight,
    )
