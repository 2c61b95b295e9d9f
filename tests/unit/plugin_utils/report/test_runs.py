# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs say of themselves, in each form."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.runs import index_page, status_text
from tests.unit.plugin_utils.report.reports import planned, result

STARTED, HEARTBEAT = "2026-11-30T22:14:57+00:00", "2026-12-01T01:02:03+00:00"
ALIVE: dict[str, Any] = {
    **{"id": "20261130-231457-k3f9", "kind": "upgrade", "cloud": "cloud.example.com", "host": "ctl1", "pid": 4711},
    **{"since": STARTED, "heartbeat": HEARTBEAT, "state": "running", "step": 2, "steps": 7, "scope": "zones Berlin"},
    **{"status": "running", "summary": {"upgraded": 12, "running": 3, "not_started": 40}},
}
OVER: dict[str, Any] = {
    **{**ALIVE, "id": "20261129-231457-aaaa", "since": "2026-11-29T22:14:57+00:00", "state": "ended"},
    **{
        "status": "incomplete",
        "summary": {"upgraded": 12, "failed": 2},
        "error": "stopped by Ctrl-C",
        "next": "Run again.",
    },
}
PLAN: dict[str, Any] = {**OVER, "id": "20261129-200000-bbbb", "kind": "plan", "since": "2026-11-29T19:00:00+00:00"}


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def rows(*runs: dict[str, Any]) -> Any:
    return [(f"runs/{run['id']}", run) for run in runs]


def test_a_run_that_goes_on_is_told_in_full() -> None:
    assert status_text("/reports", rows(ALIVE, OVER)) == [
        "/reports: 2 runs, 1 of them at work",
        "",
        "Run 20261130-231457-k3f9, upgrade of cloud.example.com: running",
        "  on ctl1 (process 4711) since 2026-11-30 23:14:57+01:00, step 2 of 7",
        "  3 running, 40 not started, 12 upgraded",
        "  Last sign of life: 2026-12-01 02:02:03+01:00",
        "  Scope: zones Berlin",
        "  Report: /reports/runs/20261130-231457-k3f9/report.html",
        "  To steer it write pause, resume, stop or parallel: N into /reports/control",
        "",
        "Run 20261129-231457-aaaa, cloud.example.com: "
        "Incomplete, began 2026-11-29 23:14:57+01:00; 2 failed, 12 upgraded",
        "  stopped by Ctrl-C",
        "  Run again.",
        "  /reports/runs/20261129-231457-aaaa/report.html",
    ]


def test_what_it_waits_for_and_which_file_steers_it() -> None:
    waiting: Any = {**ALIVE, "state": "waiting", "waiting_for": "approval after step 1"}
    text = "\n".join(status_text("/reports", [("east/runs/x", waiting)]))
    assert ": waiting for approval after step 1\n" in text and "into /reports/east/control" in text


def test_a_hook_explains_why_there_is_no_sign_of_life() -> None:
    away: Any = {**ALIVE, "state": "away", "waiting_for": "the play to go on after step 2 (hook after_step)"}
    text, page = "\n".join(status_text("/reports", rows(away))), index_page(rows(away), HEARTBEAT)
    for told in (text, page):
        assert "waiting for the play to go on after step 2 (hook after_step)" in told
        assert "Last sign of life: 2026-12-01 02:02:03+01:00; the next one comes when the play goes on" in told


def test_old_runs_are_counted() -> None:
    many = [{**OVER, "id": f"20261129-23145{number}-aaaa"} for number in range(9)]
    assert status_text("/reports", rows(*many))[-1] == "... and 4 runs before: /reports/index.html"


def test_night_by_night_with_the_living_one_on_top() -> None:
    early: dict[str, Any] = {**OVER, "id": "20261130-023000-cccc", "since": "2026-11-30T01:30:00+00:00"}
    page = index_page(rows(ALIVE, early, OVER, PLAN), HEARTBEAT)
    assert page.index("cloud.example.com: running") < page.index("<h2>What is left")
    nights = re.findall(r"<h2>Night of (.*?)</h2>(.*?)</section>", page, re.DOTALL)
    assert [night for night, dummy in nights] == ["Monday, 2026-11-30", "Sunday, 2026-11-29"]
    assert re.findall(r"runs/[\w-]+/[\w.]+", nights[1][1]) == [
        "runs/20261130-023000-cccc/report.html",
        "runs/20261129-231457-aaaa/report.html",
        "runs/20261129-200000-bbbb/plan.html",
    ]
    left = page[page.index('id="left"') : page.index("<h2>Night of")]
    assert left.count("<tr data-status") == 1 and "<td>2 failed</td><td>Run again.</td>" in left


def test_names_are_text_and_nothing_comes_from_elsewhere() -> None:
    page = index_page(rows({**OVER, "scope": "<script>x</script>{{ 1 }}", "error": '"><img src=x>'}), HEARTBEAT)
    assert "<script" not in page and "<img" not in page and "{{" not in page
    assert "default-src 'none'" in page and not re.search(r"https?://", page)
    assert "refresh" not in page


def test_page_and_markdown_of_a_run_that_goes_on() -> None:
    plan: Any = {"started": STARTED, "units": [planned(1), planned(2)], "scope": "zones Berlin"}
    report = build_report(plan, [result(1)], finished=None, running={"id-2": STARTED})
    report["run"] = {**ALIVE}  # type: ignore[typeddict-item]
    for text in (html_report(report), markdown_report(report)):
        assert "Incomplete" not in text and "Run again" not in text and "Broken off" not in text
        assert "At work on ctl1 (process 4711) since 2026-11-30 23:14:57+01:00, step 2 of 7. 1 of 2 units" in text
        assert "2026-12-01 02:02:03+01:00" in text
    assert '<meta http-equiv="refresh" content="10">' in html_report(report)
    over = build_report(plan, [result(1), result(2)], finished=HEARTBEAT)
    assert "refresh" not in html_report(over)
    report["run"]["waiting_for"] = "approval after step 1"
    assert "<strong>▸ Waiting for approval after step 1</strong>" in html_report(report)


def test_nights_planned_and_done_of_the_last_run_that_knows_of_them() -> None:
    nights = [
        {"night": "2026-11-29T23:00+01:00", "units": 1200, "left": 0},
        {"night": "2026-11-30T23:00+01:00", "units": 800, "left": 800},
    ]
    plan = {**PLAN, "nights": [{**each, "left": each["units"]} for each in nights]}
    page = index_page(rows({**OVER, "nights": nights}, plan), HEARTBEAT)
    section = page[page.index("<h2>Nights of cloud.example.com") :].partition("</section>")[0]
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", section.partition("<tbody>")[2])
    assert cells == ["Sun 2026-11-29 23:00", "1,200", "1,200", "0", "Mon 2026-11-30 23:00", "800", "0", "800"]
    assert f"runs/{OVER['id']}/report.html" in section
    assert "Nights of" not in index_page(rows(OVER, PLAN), HEARTBEAT)
