# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloud + policy -> plan: the ordered steps, the checks, and for every VM in scope the verdict. Pure data out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..cloud.endpoints import Endpoint
from ..cloud.infrastructure import Cloud
from ..cloud.model import Unit
from ..knowledge.shapes import StepData, UnitData, ZoneData
from ..knowledge.vocabulary import ACTING, ROUTER, Kind, Method
from ..units.approval import Approval
from ..units.baseline import Baseline
from ..units.conditions import not_simply_true
from ..units.pace import Pace, Span
from .checks.catalogue import run_checks
from .checks.management_server import ROLLING
from .checks.registry import CheckContext, CheckResult, CheckStatus
from .impact import Gaps, Impact, impact
from .policy import Policy
from .selection import describe
from .values import cut
from .verdicts import Verdict, decide, wanted

GROUPS = (Kind.SSVM.value, Kind.CPVM.value, ROUTER)
GROUP_WORDS = (Kind.SSVM.words, Kind.CPVM.words, ROUTER)
RANKS = ("canary", "", "sensitive", "internal LB")
WAVE = ", wave "
T = TypeVar("T")


@dataclass(frozen=True)
class PlannedUnit:
    unit: Unit
    verdict: Verdict
    expected: Span
    impact: Impact
    defects: tuple[str, ...] = ()  # ids of known defects of the server that it meets
    endpoints: Sequence[Endpoint] = ()  # what is watched of it from outside
    approval: Approval | None = None  # what of it was approved
    recreates: bool = False  # whether it is recreated if its live patch fails

    def as_dict(self, step: int | None) -> UnitData:
        return {
            **describe(self.unit),
            "method": self.verdict.method.value,
            "reason": self.verdict.reason,
            "code": self.verdict.code,
            "conditions": not_simply_true(self.verdict.conditions),
            "defects": list(self.defects),
            "step": step,
            "recreates": self.recreates,
            "destroys": [vm.name for vm in self.unit.surplus] if self.verdict.method in ACTING else [],
            "approved": self.approval.as_dict() if self.approval else None,
            "expected_s": round(self.expected.likely_s, 1),
            "expected_span_s": self.expected.rounded(),
            "predicted": None,
            "impact": str(self.impact),
            "restarts": [restart.as_dict() for restart in self.unit.restarts],
            "endpoints": [endpoint.as_dict() for endpoint in self.endpoints],
            "without_service_s": [self.impact.best_s, self.impact.worst_s],
            "night": None,
        }


@dataclass(frozen=True)
class Step:
    """Units of one group of kinds (C(ssvm), C(cpvm), C(router)) and one method that are done by one module call."""

    number: int
    name: str
    group: str
    method: Method
    canary: bool
    units: tuple[PlannedUnit, ...]

    def as_dict(self) -> StepData:
        return {
            "number": self.number,
            "name": self.name,
            "group": self.group,
            "method": self.method.value,
            "canary": self.canary,
            "units": [planned.unit.id for planned in self.units],
            "span_s": [],
        }


@dataclass(frozen=True)
class Plan:
    management_server_version: str | None
    units: tuple[PlannedUnit, ...]
    steps: tuple[Step, ...]
    checks: tuple[CheckResult, ...]

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.status is CheckStatus.FAIL)

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data; C(units) in the order in which they are done, then the others.

        How long it takes, and when what begins, a rehearsal tells.
        """
        step_of = {planned.unit.id: step.number for step in self.steps for planned in step.units}
        ordered = sorted(self.units, key=lambda planned: (step_of.get(planned.unit.id, len(self.steps) + 1),))
        return {
            "management_server_version": self.management_server_version,
            "steps": [step.as_dict() for step in self.steps],
            "zones": [
                self._zone(name) for name in sorted({item.unit.zone for step in self.steps for item in step.units})
            ],
            "units": [planned.as_dict(step_of.get(planned.unit.id)) for planned in ordered],
        }

    def _zone(self, name: str) -> ZoneData:
        kinds = Counter(item.unit.kind.value for step in self.steps for item in step.units if item.unit.zone == name)
        return {"name": name, "units": kinds.total(), "kinds": dict(kinds), "span": "", "span_s": []}

    def summary(self) -> dict[str, int]:
        """How many units by method."""
        counts = Counter(planned.verdict.method.value for planned in self.units)
        return {method.value: counts[method.value] for method in Method if counts[method.value]}


def decide_all(cloud: Cloud, units: Sequence[Unit], policy: Policy) -> list[tuple[Unit, Verdict]]:
    """The verdict for each of the units that are in scope: where a plan was approved, no more than that."""
    if cloud.version is None:
        # Without one version there is nothing to compare with: the check says so and fails.
        unknown = Verdict(Method.SKIP, "the management servers have no single version")
        return [(unit, unknown) for unit in units]
    baseline, want = Baseline.of_cloud(cloud.version, cloud), wanted(policy.strategy)
    if policy.approved is None:
        return [(unit, decide(unit, baseline, want)) for unit in units]
    return [(unit, decide(unit, baseline, want.within(policy.approved.of(unit.id)))) for unit in units]


def make_plan(
    context: CheckContext, pace: Pace | None = None, gaps: Mapping[tuple[str, str], Gaps] | None = None
) -> Plan:
    """Ask the checks and order the steps.

    :param pace: how fast this cloud is, as far as that is known.
    :param gaps: what was measured here before, by kind and method.
    """
    approved, want = context.policy.approved, wanted(context.policy.strategy)
    measured, endpoints = gaps or {}, context.probed.endpoints if context.probed else {}
    rolling = context.cloud.settings.values.get(ROLLING, "").lower() != "false"  # read if a router is recreated
    version = context.cloud.version
    pace = pace or Pace(twice=context.expects_two_patches)
    planned = tuple(
        PlannedUnit(
            unit,
            verdict,
            pace.span(unit, verdict.method),
            replace(
                impact(unit, verdict.method, rolling, twice=context.expects_two_patches(unit)),
                measured=measured.get((unit.kind.value, verdict.method.value)),
            ),
            tuple(defect.id for defect in defects),
            endpoints.get(unit.id, ()) if verdict.method in ACTING else (),
            approved.of(unit.id) if approved else None,
            want.fallback
            and (approved is None or approved.of(unit.id).recreates)
            and verdict.method is Method.LIVE_PATCH,
        )
        for (unit, verdict), defects in zip(context.verdicts, context.defects, strict=True)
    )
    steps = order_steps(planned, context.policy.order.canaries, context.policy.order.waves)
    return Plan(
        management_server_version=str(version) if version else None,
        units=planned,
        steps=steps,
        checks=tuple(run_checks(context)),
    )


def order_steps(
    planned: Sequence[PlannedUnit], canaries: bool | tuple[str, ...], waves: Sequence[str] = ()
) -> tuple[Step, ...]:
    """Canaries first (one unit per group x hypervisor x zone, or those of the ids), then the rest, then routers whose
    interruption hurts more (VPN, private gateway, load balancing); within each SSVM and CPVM before routers.

    Internal LB VMs come last: what deploys a new one sends the rules of its network, which the server refuses to a
    router that is still old.

    :param waves: sizes into which each step but the canaries' is cut.
    """
    acting = [item for item in planned if item.verdict.method in ACTING]
    chosen = (_canaries(acting) if canaries else frozenset()) if isinstance(canaries, bool) else frozenset(canaries)
    members: dict[tuple[int, int, int], list[PlannedUnit]] = {}
    for item in acting:
        routers = "sensitive" if item.unit.sensitive_services else ""
        turn = "canary" if item.unit.id in chosen else "internal LB" if item.unit.kind is Kind.INTERNAL_LB else routers
        key = (RANKS.index(turn), GROUPS.index(item.unit.kind.group), ACTING.index(item.verdict.method))
        members.setdefault(key, []).append(item)
    steps: list[Step] = []
    for (rank, group, method), units in sorted(members.items(), key=lambda pair: pair[0]):
        units.sort(key=lambda item: (-item.expected.likely_s, item.unit.zone, item.unit.name, item.unit.id))
        is_canary = RANKS[rank] == "canary"
        words = " ".join(word for word in (RANKS[rank], GROUP_WORDS[group], ACTING[method].words) if word)
        for name, wave in _in_waves(words, units, () if is_canary else waves):
            steps.append(Step(len(steps) + 1, name, GROUPS[group], ACTING[method], is_canary, tuple(wave)))
    return tuple(steps)


def _in_waves(name: str, units: Sequence[T], waves: Sequence[str]) -> Iterator[tuple[str, Sequence[T]]]:
    """A step as several, each with its name."""
    sizes = cut(len(units), waves)
    for number, size in enumerate(sizes, 1):
        yield name + (f"{WAVE}{number} of {len(sizes)}" if sizes[1:] else ""), units[:size]
        units = units[size:]


def recut(plan: Mapping[str, Any], waves: Sequence[str]) -> dict[str, Any]:
    """A plan as data, with its steps cut into other waves; how long each takes is to be rehearsed."""
    whole: dict[str, StepData] = {}
    for step in plan["steps"]:
        name = step["name"].partition(WAVE)[0]
        before = whole.get(name, {**step, "name": name, "units": []})
        whole[name] = {**before, "units": [*before["units"], *step["units"]]}
    steps: list[StepData] = []
    for step in whole.values():
        for name, wave in _in_waves(step["name"], step["units"], () if step["canary"] else waves):
            steps.append({**step, "number": len(steps) + 1, "name": name, "units": list(wave), "span_s": []})
    step_of = {identity: step["number"] for step in steps for identity in step["units"]}
    return {
        **plan,
        "steps": steps,
        "units": [{**unit, "step": step_of.get(unit["id"])} for unit in plan["units"]],
    }


def _canaries(acting: Sequence[PlannedUnit]) -> frozenset[str]:
    """The cheapest unit of each group x hypervisor x zone; one without sensitive_services before one with them."""
    best: dict[tuple[str, str | None, str], PlannedUnit] = {}
    for item in sorted(
        acting,
        key=lambda item: (
            item.unit.kind is Kind.INTERNAL_LB,
            ACTING.index(item.verdict.method),
            bool(item.unit.sensitive_services),
            item.expected.likely_s,
            item.unit.name,
            item.unit.id,
        ),
    ):
        best.setdefault((item.unit.kind.group, item.unit.hypervisor, item.unit.zone_id), item)
    return frozenset(item.unit.id for item in best.values())
