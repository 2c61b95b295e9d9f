# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step of the plan: which module does it, with what, how many of it may fail, and what its end means. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.vocabulary import SYSTEM_VMS
from ..module_utils.options.option import ACTING
from ..module_utils.options.probing import PROBING
from ..module_utils.options.rollout import LIMITS

LIVE_PATCH, RECREATE, RESTART = "live_patch", "recreate", "restart"
# What the module for routers calls the units of each kind. Each is known by its own id, never by that of a router.
NAMED_BY = {"networks": "network", "vpcs": "vpc", "routers": "internal_lb"}
# Where one unit ends like this, the steps that follow would end alike.
ENDS_THE_RUN = frozenset({"Interrupted", "StoppedByFile", "ServerLost", "TargetMoved"})
# Not done, and no failure.
LEFT = frozenset({"not_started", "left_running"})


@dataclass(frozen=True)
class ModuleCall:
    """The module that does a step, by its name in the collection, and what it is given beside the connection."""

    module: str
    options: Mapping[str, Any]


def module_call(
    step: Mapping[str, Any], units: Sequence[Mapping[str, Any]], variables: Mapping[str, Any], steps: int, budget: int
) -> ModuleCall:
    """What carries out the step.

    :param units: of the step, in its order.
    :param variables: as read by I(plugins.plugin_utils.variables).
    :param steps: how many the plan has.
    :param budget: how many units of this step may fail.
    :raises SysvmError: for a kind or a method that no module does: a step must not be passed over in silence.
    """
    group, method = step["group"], step["method"]
    common = {
        **{name: variables[name] for name in LIMITS if name in variables},
        **{f"{name}_timeout": seconds for name, seconds in variables["timeouts"].items()},
        **{name: variables[name] for name, option in PROBING.items() if ACTING[0] in option.where and option.variable},
        "max_failures": str(budget),
        "health_checks": variables["health_checks"] == "all"
        or (variables["health_checks"] == "canary" and step["canary"]),
        "soak": variables["soak"] if step["canary"] else 0,
        "label": f"step {step['number']} of {steps}",
        "if_gone": "report",
    }
    fallback = "recreate" if "failed" in variables["recreate"] else "none"
    if any(unit.get("approved") for unit in units):
        common["approved_lines"] = [{"id": unit["id"], **unit["approved"]} for unit in units]
    if group == "router" and method in (LIVE_PATCH, RESTART, RECREATE):
        return ModuleCall(
            "cs_router_restart",
            {
                **common,
                **{option: found for option, kind in NAMED_BY.items() if (found := _ids(units, kind))},
                "mode": method,
                "fallback": fallback,
                "allow_degraded": "degraded" in variables["recreate"],
            },
        )
    system_vms = {**common, "system_vms": [unit["id"] for unit in units]}
    if group in SYSTEM_VMS and method == LIVE_PATCH:
        return ModuleCall("cs_systemvm_livepatch", {**system_vms, "fallback": fallback})
    if group in SYSTEM_VMS and method in (RECREATE, RESTART):
        mode = RESTART if method == RESTART else variables["system_vm_mode"]
        return ModuleCall("cs_systemvm_recreate", {**system_vms, "mode": mode, "wait_idle": variables["wait_idle"]})
    raise SysvmError(
        f"Step {step['number']} is to {method} what is a {group}, which no module does",
        remedy="This is a mistake of the collection: please report it with plan.json.",
    )


def _ids(units: Iterable[Mapping[str, Any]], kind: str) -> list[str]:
    return [unit["id"] for unit in units if unit["kind"] == kind]


def budget_left(step: Mapping[str, Any], budget: int, results: Iterable[Mapping[str, Any]]) -> int:
    """How many units of this step may fail, after the results so far; of canaries none."""
    return 0 if step["canary"] else max(0, budget - failures(results))


def statuses(results: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many units ended how."""
    return dict(Counter(result["status"] for result in results))


def failures(results: Iterable[Mapping[str, Any]]) -> int:
    return sum(result["status"] == "failed" for result in results)


def why_stopped(
    step: Mapping[str, Any], results: Sequence[Mapping[str, Any]] | None, budget: int, message: str
) -> tuple[str, str]:
    """What ends the run after this step, for a person and as a stable word; both empty if nothing does.

    :param results: of the step; None when its module broke off, which I(message) says why.
    """
    if results is None:
        return message or f"step {step['number']} ({step['name']}) broke off", "BrokenOff"
    if failures(results) > budget:
        return f"the failure budget is used up after step {step['number']} ({step['name']})", "BudgetUsedUp"
    if ends := next((result for result in results if result.get("code") in ENDS_THE_RUN), None):
        by_file = "; remove the control file before the next run" if ends["code"] == "StoppedByFile" else ""
        return f"{ends['reason']}{by_file}", ends["code"]
    left = next((result for result in results if step["canary"] and result["status"] in LEFT), None)
    return (f"the canary {left['name']} was not upgraded: {left['reason']}", left["code"]) if left else ("", "")


def pause_due(step: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], pause: str) -> bool:
    """Whether a person is to say if it goes on after this step; after the last one there is nothing to go on with."""
    later = [other for other in steps if other["number"] > step["number"]]
    if not later or pause == "none":
        return False
    return pause == "after_each_step" or (step["canary"] and not later[0]["canary"])
