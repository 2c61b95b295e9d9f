# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a plan differs from the one that was approved."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import ApprovedData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.approved import ApprovedPlan, approved_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.deviations import deviations
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import decide_all
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.wording import approved_words, deviation_lines
from tests.unit.builders import NEW, estate, network_unit, vm

OLD, DONE, AS_APPROVED = network_unit("old"), network_unit("done", vm("r-d", **NEW)), network_unit("as")
OTHER, SKIPPED = network_unit("other"), network_unit("skipped", vm("r-s", built_from="4.11"))
UNITS = (OLD, DONE, AS_APPROVED, OTHER, SKIPPED)


def lines(**methods: str) -> ApprovedPlan:
    return approved_plan(
        {"id": f"id-{name}", "method": method, "place": f"plan.csv, line {n}", "name": f"network {name} in zone"}
        for n, (name, method) in enumerate(methods.items(), 2)
    )


APPROVED = lines(
    old="recreate", done="live_patch", gone="live_patch", **{"as": "live_patch"}, left="none", skipped="skip"
)


def found(approved: ApprovedPlan, in_scope: tuple[Unit, ...] = UNITS, **strategy: Any) -> ApprovedData:
    policy = Policy(strategy=Strategy(**strategy), approved=approved)
    cloud = estate(*UNITS)
    held = decide_all(cloud, [unit for unit in in_scope if unit.id in approved.lines], policy)
    others = decide_all(cloud, [unit for unit in in_scope if unit.id not in approved.lines], Policy())
    return deviations(approved, held, others, {*(unit.id for unit in UNITS), "id-left"})


def test_each_line_is_somewhere() -> None:
    told = found(APPROVED)
    listed = [[each["id"] for each in told[key]] for key in ("differs", "current", "gone", "left_out")]
    assert listed == [["id-old"], ["id-done"], ["id-gone"], ["id-left"]]
    assert (told["source"], told["lines"], told["as_approved"]) == ("plan.csv", 6, 2)
    assert [each["name"] for each in told["not_approved"]] == ["network other in zone"]


def test_a_unit_that_is_recreated_now_is_not_as_approved() -> None:
    told = found(lines(old="live_patch"), (OLD,), method=WantedMethod.RECREATE)
    [line] = told["differs"]
    assert line["why"].startswith("live patch was approved (plan.csv, line 2), but now it needs recreate: r-old ")
    assert line["why"].endswith("make a new plan and approve that")


def test_it_is_told_in_a_line_each() -> None:
    told = found(APPROVED)
    assert approved_words(told) == (
        "Approved plan: plan.csv, 6 lines: 2 as approved, 1 not touched, as they need something else now, 1 current by"
        " now, 1 gone, 1 left out by the rest of the scope. Without a line, and so not touched: 1 unit in scope that"
        " would need an upgrade"
    )
    first, *more = deviation_lines(told)
    assert first.startswith(
        "network old in zone: recreate was approved (plan.csv, line 2), but now it needs live patch"
    )
    assert more == [
        "plan.csv, line 4: network gone in zone: live patch was approved; it is not there any more",
        "plan.csv, line 6: network left in zone: nothing was approved; the rest of the scope leaves it out",
        "plan.csv, line 3: network done in zone: live patch was approved; already runs 4.22.0.0",
        "not approved: network other in zone: live patch: r-other reports 4.18.1.0, not 4.22.0.0; two live patches are"
        " expected (known defect 8497 of this server)",
    ]
    assert deviation_lines(None) == []
