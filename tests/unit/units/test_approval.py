# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person approved for a unit, and what that covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units import calls
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.approval import NOTHING, Approval
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call
from tests.unit.builders import NEW, SITUATION, network_unit, ssvm, vm

UNIT = network_unit("web")
OWED = replace(UNIT, owed=(Owed("id-web", "it failed", 0.0),))
PATCH, RULES, START = calls.patch(UNIT), calls.apply_rules("id-web"), calls.start(UNIT)
RECREATE, REBOOT = calls.recreate(UNIT), calls.reboot(UNIT, UNIT.vms[0])
LEFT_OVER = network_unit("web", vm("r-1"), vm("r-2", state="Stopped"))
DESTROY = calls.destroy_left_over(LEFT_OVER.surplus[0])
LIVE_PATCH = Approval(Method.LIVE_PATCH)


@pytest.mark.parametrize(
    ("approval", "call", "method", "unit", "begun", "covered"),
    [
        (LIVE_PATCH, PATCH, Method.LIVE_PATCH, UNIT, False, True),
        (LIVE_PATCH, RECREATE, Method.RECREATE, UNIT, False, False),
        (LIVE_PATCH, REBOOT, Method.RESTART, UNIT, False, False),
        (LIVE_PATCH, START, Method.RESTART, UNIT, False, False),
        # What follows on a live patch, and what one of an earlier run has left.
        (LIVE_PATCH, START, Method.RESTART, UNIT, True, True),
        (LIVE_PATCH, RULES, Method.RESTART, UNIT, True, True),
        (LIVE_PATCH, RULES, Method.RESTART, OWED, False, True),
        (LIVE_PATCH, RULES, Method.RESTART, UNIT, False, False),
        (NOTHING, RULES, Method.RESTART, OWED, False, False),
        # After a live patch that failed.
        (LIVE_PATCH, RECREATE, Method.RECREATE, UNIT, True, False),
        (Approval(Method.LIVE_PATCH, recreates=True), RECREATE, Method.RECREATE, UNIT, True, True),
        (Approval(Method.LIVE_PATCH, recreates=True), RECREATE, Method.RECREATE, UNIT, False, False),
        # Another method, also one that is less.
        (Approval(Method.RECREATE), PATCH, Method.LIVE_PATCH, UNIT, False, False),
        (Approval(Method.RECREATE), RECREATE, Method.RECREATE, UNIT, False, True),
        (Approval(Method.RESTART), PATCH, Method.LIVE_PATCH, UNIT, True, False),
        (Approval(Method.NONE), PATCH, Method.LIVE_PATCH, UNIT, False, False),
        (Approval(Method.SKIP), PATCH, Method.LIVE_PATCH, UNIT, False, False),
        # A router that is left over.
        (LIVE_PATCH, DESTROY, Method.LIVE_PATCH, LEFT_OVER, False, False),
        (Approval(Method.LIVE_PATCH, destroys=frozenset({"r-2"})), DESTROY, Method.LIVE_PATCH, LEFT_OVER, False, True),
        (Approval(Method.LIVE_PATCH, destroys=frozenset({"r-3"})), DESTROY, Method.LIVE_PATCH, LEFT_OVER, True, False),
    ],
)
def test_what_an_approval_covers(
    approval: Approval, call: Call, method: Method, unit: Unit, begun: bool, covered: bool
) -> None:
    assert (approval.against(call, method, unit, begun=begun) is None) is covered


def test_what_is_not_covered_is_said_with_the_line() -> None:
    told = Approval(Method.LIVE_PATCH, place="plan.csv, line 7").against(RECREATE, Method.RECREATE, UNIT, begun=False)
    assert told == "live patch was approved (plan.csv, line 7), but now it needs recreate"
    assert NOTHING.against(PATCH, Method.LIVE_PATCH, UNIT, begun=False) == (
        "nothing was approved for it, but now it needs live patch"
    )


@pytest.mark.parametrize(
    ("unit", "approval", "method", "code"),
    [
        (network_unit("n"), LIVE_PATCH, Method.LIVE_PATCH, "OldVersion"),
        (network_unit("n"), Approval(Method.RESTART), Method.SKIP, "NotApproved"),
        (network_unit("n"), NOTHING, Method.SKIP, "NotApproved"),
        (network_unit("n", vm("r", **NEW)), NOTHING, Method.NONE, "Done"),
        (network_unit("n", vm("r", **NEW)), Approval(Method.RECREATE), Method.NONE, "Done"),
        (network_unit("n", vm("r", built_from="4.11")), LIVE_PATCH, Method.SKIP, "Forbidden"),
        (ssvm(), LIVE_PATCH, Method.LIVE_PATCH, "OldVersion"),
    ],
)
def test_a_plan_is_no_more_than_what_was_approved(unit: Unit, approval: Approval, method: Method, code: str) -> None:
    verdict = decide(unit, SITUATION, Want(recreate=True).within(approval))
    assert (verdict.method, verdict.code) == (method, code)


def test_it_is_recreated_after_a_failure_only_where_that_is_wanted_and_approved() -> None:
    may = Approval(Method.LIVE_PATCH, recreates=True)
    assert Want(fallback=True).within(may).fallback
    assert not Want(fallback=True).within(LIVE_PATCH).fallback and not Want().within(may).fallback
