# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was rehearsed beside a plan: tables on its page, and a page for each night."""

from __future__ import annotations

import html
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.all_runs import OWN
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import planned_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.rehearsals import page_names, pages_beside
from tests.unit.plugin_utils.report.test_predicted import foretold, plan_of

PRESENT: dict[str, Any] = {
    **{"parallel": 10, "per_host": 2, "waves": ["5"], "time": "20 min", "likely_s": 1200.0, "left": None},
    **{"failed": None, "stopped": False, "present": True, "units": {}},
}


def other(**changes: Any) -> dict[str, Any]:
    return {**PRESENT, "present": False, "units": {"id-1": [0.0, 60.0], "id-2": [60.0, 120.0]}, **changes}


def rehearsed(*settings: dict[str, Any], **more: Any) -> Any:
    plan = plan_of([foretold(1, 0, 90, step=1), foretold(2, 0, 90, step=1)], **more)
    plan["steps"] = [{**step, "canary": False} for step in plan["steps"]]
    for unit, identity in zip(plan["units"], ("id-1", "id-2"), strict=True):
        unit["id"] = identity
    plan["steps"][0]["units"] = ["id-1", "id-2"]
    return {**plan, "alternatives": {"settings": [PRESENT, *settings], "words": ""}}


def test_a_page_is_called_by_what_is_not_as_it_is_set() -> None:
    changes: list[dict[str, Any]] = [{"parallel": 40}, {"per_host": 0}, {"per_host": 1}, {"waves": []}]
    changes += [{"waves": ["1", "20%"]}, {"parallel": 20, "units": {}}]
    names = page_names([PRESENT, *(other(**change) for change in changes)])  # type: ignore[list-item]
    assert names == [
        "",
        "plan-parallel-40.html",
        "plan-per-host-all.html",
        "plan-per-host-1.html",
        "plan-waves-one.html",
        "plan-waves-1-20pct.html",
        "",
    ]
    assert all(OWN.fullmatch(name) for name in names if name), "the run that removes old ones knows them"
    assert not OWN.fullmatch("plan-notes.html")


def test_the_page_of_the_plan_leads_to_each() -> None:
    what = {"if": "1 unit <fails>", "words": "1 unit failed", "units": {"id-1": [0, 1]}, "ended": {}}
    plan = rehearsed(other(parallel=40, time="12 min", left=3), what_if=what)
    page = html_report(planned_report(plan), plan)
    assert '<td>about 12 min</td><td>3</td><td><a href="plan-parallel-40.html">this night</a></td>' in page
    assert '<a href="plan-what-if.html">1 unit &lt;fails&gt;</a>' in page and "<h2>What if</h2>" in page
    assert "<td>as it is set</td>" in page
    assert page.index("Alternatives") < page.index("Predicted timeline")


def test_each_page_draws_its_own_night() -> None:
    named = dict(pages_beside(rehearsed(other(parallel=40), other(waves=["1"]))))
    assert list(named) == ["plan-parallel-40.html", "plan-waves-1.html"]
    page = html.unescape(html_report(named["plan-parallel-40.html"]))
    assert "net-2: ○ planned, 13:34:00 to 13:35:00" in page
    assert "Expected: parallel 40, per host 2, waves 5, time about 20 min" in page and "plan.html" in page
    assert [step["name"] for step in named["plan-waves-1.html"]["steps"]] == [
        "router live_patch, wave 1 of 2",
        "router live_patch, wave 2 of 2",
    ]
    assert "Step 2: router live_patch, wave 2 of 2" in html_report(named["plan-waves-1.html"])


def test_on_the_page_of_what_goes_wrong_units_have_failed_and_are_not_begun() -> None:
    what = {"if": "1 unit fails", "words": "1 unit failed, 1 unit not begun", "units": {"id-1": [0.0, 60.0]}}
    ended = {"id-1": "failed", "id-2": "not_started"}
    plan = rehearsed(what_if={**what, "ended": ended})
    plan["alternatives"] = None
    [(name, report)] = pages_beside(plan)
    assert name == "plan-what-if.html" and OWN.fullmatch(name)
    assert [unit["status"] for unit in report["units"]] == ["failed", "not_started"]
    page = html_report(report)
    assert "Expected: What if 1 unit fails: 1 unit failed, 1 unit not begun" in page and "net-1: ✗ failed" in page


def test_of_many_units_there_is_the_table_alone() -> None:
    few = "There are 200 units, so few settings were played."
    plan = rehearsed(other(units={}), what_if={"if": "a", "words": "b", "units": {}, "ended": {}})
    plan["alternatives"]["words"] = few
    page = html_report(planned_report(plan), plan)
    assert dict(pages_beside(plan)) == {} and f"<h2>Alternatives: {few}</h2>" in page
    assert ".html" not in page.partition("<h2>Alternatives")[2].partition("<h2>Predicted")[0]
