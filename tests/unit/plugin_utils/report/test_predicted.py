# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a plan, and what was predicted beside what happened."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import planned_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from tests.unit.plugin_utils.report.reports import T0, planned, report, result
from tests.unit.plugin_utils.report.test_page import Page


def foretold(number: int, start_s: float, end_s: float, **more: Any) -> Any:
    return planned(number, predicted={"start_s": start_s, "end_s": end_s}, **more)


def plan_of(units: Sequence[Any], **more: Any) -> Any:
    steps = [{"number": 1, "name": "router live_patch", "units": [unit["id"] for unit in units]}]
    return {
        **{"management_server_version": "4.22.0.0", "scope": "cloud c", "steps": steps, "units": units, "checks": []},
        **{"started": "2026-09-21T13:33:00+00:00", "campaign": None, "estimate": {"words": "10 to 41 min", "span": ""}},
        **more,
    }


def test_the_page_of_a_plan_draws_the_night() -> None:
    units = [foretold(1, 0, 90), foretold(2, 90, 200), planned(3, step=None, method="none")]
    made = planned_report(plan_of(units))
    assert [unit["status"] for unit in made["units"]] == ["planned", "planned", "current"]
    assert (made["units"][1]["started"], made["units"][1]["duration_s"]) == ("2026-09-21T13:34:30.000+00:00", 110)
    page = html_report(made)
    read = Page(page)
    assert len(read.rows) == 3
    assert "Predicted timeline" in page and "2 units are to be upgraded. Expected: 10 to 41 min." in page
    assert "net-2: ○ planned, 13:34:30 to 13:36:20, 1 min 50 s" in html.unescape(page)
    assert "What is not done" not in page


def test_the_page_of_a_campaign_begins_with_its_first_night() -> None:
    nights = [
        {"night": "2026-11-30T23:00+00:00", "ends_s": 7200.0, "zones": {"Berlin": 2, "Oslo": 1}, "units": 3, "left": 3},
        {"night": "2026-12-01T23:00+00:00", "ends_s": 3600.0, "zones": {"Berlin": 1}, "units": 1, "left": 1},
    ]
    first, second = (foretold(n, 0, 90, night=each["night"]) for n, each in enumerate(nights))
    plan = plan_of([second, first], campaign={"words": "2 nights", "nights": nights})
    made = planned_report(plan)
    assert made["units"].pop(0)["started"] is None, "the timeline is of the first night"
    made = planned_report(plan_of([first], campaign=plan["campaign"]))
    assert made["units"][0]["started"] == "2026-11-30T23:00:00.000+00:00"
    assert made["units"][0]["reason"] == "Mon 2026-11-30 23:00: runs 4.19.1.0"
    page = html_report(made, plan)
    for text in (
        "<h2>Nights</h2>",
        "Predicted timeline of the first night",
        "Mon 2026-11-30 23:00 to about 01:00",
        "Oslo",
        "Expected: 10 to 41 min; 2 nights.",
    ):
        assert text in page


def test_a_plan_that_is_refused_or_was_not_rehearsed_has_a_page_too() -> None:
    failed = [{"name": "c", "status": "fail", "seen": "old", "remedy": "new"}]
    assert "A check failed, so nothing was touched." in html_report(
        planned_report(plan_of([planned(1)], checks=failed))
    )
    page = html_report(planned_report(plan_of([planned(1)], estimate=None)))
    assert "1 unit is to be upgraded." in page and "timeline</h2>" not in page


def test_the_report_draws_what_was_predicted_beside_what_happened() -> None:
    units = [foretold(1, 0, 60), foretold(2, 60, 120)]
    page = html_report(report(units, [result(1, start=300, length=60), result(2, start=360, length=240)]))
    assert page.count('class="predicted"') == 2 + 1, "one for each unit, one in the key"
    first, second = (int(T0) % 86400 + 300 + offset for offset in (0, 60))
    for start in (first, second):
        clock = [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in (start, start + 60)]
        assert f"predicted {clock[0]} to {clock[1]}" in page
    unknown = html_report(report([planned(1)], [result(1)]))
    assert 'class="predicted"' not in unknown


def test_of_many_units_the_prediction_is_of_the_step() -> None:
    units = [foretold(number, number, number + 60) for number in range(500)]
    page = html_report(report(units, [result(number, start=number, length=50) for number in range(500)]))
    assert page.count('class="predicted"') == 1 + 1


def test_a_page_of_a_thousand_planned_units_is_small() -> None:
    page = html_report(planned_report(plan_of([foretold(number, number, number + 60) for number in range(1000)])))
    assert len(page) < 2_000_000
