# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which module does a step, how many of it may fail, and what its end means for the run."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import GROUPS
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.steps import (
    budget_left,
    module_call,
    pause_due,
    why_stopped,
)
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import read_variables

UNITS: list[dict[str, Any]] = [
    {"id": "u1", "kind": "network", "vms": [{"id": "vm1"}, {"id": "vm2"}]},
    {"id": "u2", "kind": "vpc", "vms": [{"id": "vm3"}]},
    {"id": "u3", "kind": "internal_lb", "vms": [{"id": "u3"}]},
    {"id": "u4", "kind": "network", "vms": []},
]


def step(group: str = "router", method: str = "live_patch", **more: Any) -> dict[str, Any]:
    return {"number": 2, "name": f"{group} {method}", "group": group, "method": method, "canary": False, **more}


def results(*statuses: str) -> list[dict[str, Any]]:
    return [{"id": str(number), "status": status} for number, status in enumerate(statuses)]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RECREATE, Method.RESTART])
def test_every_group_and_method_has_a_module(group: str, method: Method) -> None:
    variables = read_variables({"sysvm_system_vm_mode": "destroy", "sysvm_wait_idle": 5, "sysvm_parallel": "3"})
    call = module_call(step(group, method.value), UNITS, variables, 7, 4)
    assert (call.options["parallel"], call.options["max_failures"], call.options["label"]) == (3, "4", "step 2 of 7")
    if group == "router":
        assert (call.module, call.options["mode"]) == ("cs_router_restart", method.value)
        named = {option: call.options[option] for option in ("networks", "vpcs", "routers")}
        assert named == {"networks": ["u1", "u4"], "vpcs": ["u2"], "routers": ["u3"]}, "never by the id of a router"
    elif method is Method.LIVE_PATCH:
        assert (call.module, call.options["system_vms"]) == ("cs_systemvm_livepatch", ["u1", "u2", "u3", "u4"])
    else:
        assert (call.module, call.options["wait_idle"]) == ("cs_systemvm_recreate", 5)
        assert call.options["mode"] == ("restart" if method is Method.RESTART else "destroy")


@pytest.mark.parametrize(("group", "method"), [("router", "none"), ("ssvm", "skip"), ("nas", "live_patch")])
def test_what_no_module_does_is_not_passed_over(group: str, method: str) -> None:
    with pytest.raises(SysvmError, match="which no module does"):
        module_call(step(group, method), UNITS, read_variables({}), 7, 0)


def test_the_budget_spans_the_steps_but_no_canary_may_fail() -> None:
    assert budget_left(step(), 2, results("failed", "upgraded")) == 1
    assert budget_left(step(), 2, results("failed", "failed", "failed")) == 0
    assert budget_left(step(canary=True), 2, []) == 0


@pytest.mark.parametrize(
    ("ended", "budget", "why"),
    [
        (results("upgraded", "failed"), 1, ("", "")),
        (
            results("upgraded", "failed"),
            0,
            ("the failure budget is used up after step 2 (router live_patch)", "BudgetUsedUp"),
        ),
        (results("not_started"), 0, ("", "")),
        (results("gone", "current", "degraded", "skipped"), 0, ("", "")),
        (
            [{"status": "left_running", "code": "Interrupted", "reason": "the run was interrupted"}],
            9,
            ("the run was interrupted", "Interrupted"),
        ),
        (
            [{"status": "not_started", "code": "StoppedByFile", "reason": "stopped by f"}],
            0,
            ("stopped by f; remove the control file before the next run", "StoppedByFile"),
        ),
        ([{"status": "not_started", "code": "ServerLost", "reason": "no server"}], 9, ("no server", "ServerLost")),
        ([{"status": "not_started", "code": "TargetMoved", "reason": "4.23 now"}], 9, ("4.23 now", "TargetMoved")),
        ([{"status": "not_started", "code": "Deadline", "reason": "too late"}], 9, ("", "")),
        (None, 9, ("no route", "BrokenOff")),
    ],
)
def test_what_ends_a_run(ended: list[dict[str, Any]] | None, budget: int, why: tuple[str, str]) -> None:
    assert why_stopped(step(), ended, budget, "no route") == why
    assert why_stopped(step(), None, 0, "")[0] != ""


@pytest.mark.parametrize("status", ["not_started", "left_running"])
def test_the_many_do_not_follow_a_canary_that_was_not_upgraded(status: str) -> None:
    """A deadline may leave a canary that takes long, and what the others take may still fit."""
    left = [{"name": "web", "status": status, "code": "Deadline", "reason": "too late"}]
    assert why_stopped(step(canary=True), left, 0, "") == ("the canary web was not upgraded: too late", "Deadline")
    assert why_stopped(step(), left, 0, "") == ("", "")


STEPS = [step(number=1, canary=True), step(number=2, canary=True), step(number=3), step(number=4)]


@pytest.mark.parametrize(
    ("pause", "due"),
    [("none", []), ("after_canary", [2]), ("after_each_step", [1, 2, 3])],
)
def test_when_to_ask(pause: str, due: list[int]) -> None:
    assert [each["number"] for each in STEPS if pause_due(each, STEPS, pause)] == due
