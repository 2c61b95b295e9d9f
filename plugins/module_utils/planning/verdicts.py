# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of each unit: its next action, as the planner reads it, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..cloud.model import Unit, Vm
from ..knowledge import matrix
from ..knowledge.vocabulary import Method, WantedMethod
from ..units.actions import Action, Done, Patience, Send, Situation, Want
from ..units.allowed import forbidden
from ..units.baseline import Baseline
from ..units.conditions import Condition, Conditions, Facts, Standard, assess
from ..units.ends import End
from ..units.next_action import next_action
from ..units.record import Record
from .policy import Strategy


@dataclass(frozen=True)
class Verdict:
    """What happens to one unit.

    :ivar code: the reason as a stable word.
    :ivar forbidden: VMs the matrix forbids to live patch and nothing else may be done to: they fail the plan.
    :ivar conditions: all that is true or not of the unit.
    """

    method: Method
    reason: str
    forbidden: tuple[tuple[Vm, str], ...] = field(default=())
    code: str = ""
    conditions: tuple[Condition, ...] = field(default=())


def wanted(strategy: Strategy) -> Want:
    """What an operator's strategy comes to for each unit."""
    return Want(
        recreate=strategy.method is WantedMethod.AUTO,
        renew=strategy.method is WantedMethod.RECREATE,
        unsupported=strategy.unsupported,
        fallback=strategy.fallback,
        allow_degraded=strategy.allow_degraded,
    )


def decide(unit: Unit, baseline: Baseline, want: Want | None = None) -> Verdict:
    """The verdict for one unit; by default for the strategy auto."""
    if not matrix.server_can_live_patch(baseline.target):
        return _read_only(unit, baseline)
    want = replace(want or Want(recreate=True), looks_inside=False)
    facts, record = Facts(unit, 0.0, full=True, version=baseline.target), Record({vm.id: vm for vm in unit.vms})
    conditions = assess(facts, record, Standard(baseline, new_disks=want.new_disks(unit)), 0.0, {})
    action = next_action(Situation(facts, conditions, record, want, baseline, Patience(), 0.0))
    return _verdict_of(action, unit, conditions, baseline)


def _verdict_of(action: Action, unit: Unit, conditions: Conditions, baseline: Baseline) -> Verdict:
    told = tuple(conditions.values())
    if isinstance(action, Send):
        parts = [action.why, *_notes(unit, action.method)]
        if action.method is Method.LIVE_PATCH and baseline.expects_two_patches(unit):
            defects = ", ".join(baseline.second_patch(unit))
            parts.append(f"two live patches are expected (known defect {defects} of this server)")
        return Verdict(action.method, "; ".join(filter(None, parts)), code=_code_of(conditions), conditions=told)
    if isinstance(action, Done):
        return Verdict(Method.NONE, f"already runs {baseline.target}", code="Done", conditions=told)
    if isinstance(action, End):
        barred = forbidden([vm for vm in unit.vms if vm.running]) if action.reason == "Forbidden" else ()
        return Verdict(Method.SKIP, action.message, barred, action.reason, told)
    raise AssertionError(f"a plan waits for nothing, not for {action}")


def _code_of(conditions: Conditions) -> str:
    """The reason of the first condition that is not true."""
    return next((each.reason for each in conditions.values() if each.status.value == "False"), "")


def _notes(unit: Unit, method: Method) -> list[str]:
    """What the matrix says of what is live patched although it may be."""
    if method is not Method.LIVE_PATCH:
        return []
    return sorted({matrix.row_for(vm.built_from).comment for vm in unit.vms if vm.built_from} - {""})


def _read_only(unit: Unit, baseline: Baseline) -> Verdict:
    """What an old server tells: of a router only its template, which has to be the minimum at least."""

    def is_old(vm: Vm) -> bool:
        if not vm.is_router:
            return vm.software != baseline.target
        minimum = baseline.minimums.get(vm.zone_id)
        return vm.built_from is None or minimum is None or vm.built_from < minimum

    old = [vm for vm in unit.vms if not vm.running or is_old(vm)]
    if not old:
        return Verdict(Method.NONE, f"is not older than {baseline.target} wants", code="Done")
    built = ", ".join(
        f"{vm.name} was built from {vm.built_from or vm.root_template or 'an unknown version'}" for vm in old
    )
    return Verdict(Method.SKIP, f"{built}; {matrix.TOO_OLD}", code="ServerTooOld")
