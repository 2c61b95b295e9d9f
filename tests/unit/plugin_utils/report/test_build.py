# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report, from plan and results."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.artifacts import report_artifact
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import foreseen
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.text import report_text
from tests.unit.plugin_utils.report.reports import (
    EDGES,
    planned,
    report,
    result,
)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (["upgraded", "current"], None),
        (["upgraded", "failed", "skipped"], "Run again to go on"),
        (["upgraded", "not_started"], "Run again to go on"),
        (["current", "skipped"], "running again changes nothing"),
    ],
)
def test_what_to_do_next(ends: list[str], words: str | None) -> None:
    units = [planned(number) for number in range(len(ends))]
    told = report(units, [result(number, end) for number, end in enumerate(ends)])["next"]
    assert told is None if words is None else words in told


@pytest.mark.parametrize(
    ("ended", "status", "sentence"),
    [
        (["upgraded", "current"], "would_succeed", "2 units of 2 would be current after a run."),
        (["upgraded", "skipped"], "would_be_incomplete", "1 unit of 2 would be current after a run."),
    ],
)
def test_the_result_of_check_mode_does_not_pass_for_that_of_a_run(ended: list[str], status: str, sentence: str) -> None:
    units = [planned(number) for number in range(2)]
    made = foreseen(report(units, [result(number, end) for number, end in enumerate(ended)]))
    assert made["status"] == status == report_artifact(made, [])["status"]
    assert report_text(made)[0].startswith(f"Expected result: {status.replace('_', ' ')}: ")
    for text in (html_report(made), markdown_report(made)):
        assert "Check mode: nothing was changed" in text or "check mode: nothing was changed" in text
        assert sentence in text and "without --check" in text
        assert "Complete" not in text and "proven current" not in text


def test_what_is_refused_in_check_mode_is_refused() -> None:
    assert foreseen(EDGES["refused"])["status"] == "refused"


@pytest.mark.parametrize(
    ("ended", "error", "code"),
    [
        (["upgraded"], None, ""),
        (["upgraded", "failed"], None, "Failed"),
        (["failed", "not_started"], "stopped", "Failed"),
        (["upgraded", "not_started"], None, "Deadline"),
        (["upgraded", "not_started"], "a hook failed", "BrokenOff"),
    ],
)
def test_why_a_run_is_incomplete_is_one_word(ended: list[str], error: str | None, code: str) -> None:
    codes = {"not_started": "Deadline"}
    results = [{**result(number, status), "code": codes.get(status, "")} for number, status in enumerate(ended)]
    units = [planned(number) for number in range(len(ended))]
    assert report(units, results, error=error)["code"] == code
