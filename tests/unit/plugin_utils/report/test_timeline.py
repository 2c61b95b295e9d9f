# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline on the page, and its clock."""

from __future__ import annotations

import itertools
import re
import time

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.timeline import MOST_BARS
from tests.unit.plugin_utils.report.reports import (
    many,
    planned,
    report,
    result,
)


@pytest.mark.parametrize("number", [MOST_BARS, MOST_BARS + 1])
def test_timeline_packs_only_many_units(number: int) -> None:
    units = [planned(at) for at in range(number)]
    text = html_report(report(units, [result(at, start=at // 10 * 20) for at in range(number)]))
    height = max(
        float(value) for value in re.findall(r'<rect x="[\d.]+" y="(\d+)" width="[\d.]+" height="\d+"/><', text)
    )
    assert height > 800 if number <= MOST_BARS else height < 150  # ten at a time
    assert text.count("<rect x=") == number + 1  # and one in the key


def test_bars_of_one_row_do_not_overlap() -> None:
    text = html_report(many(300))
    rows: dict[str, list[tuple[float, float]]] = {}
    for left, top, width in re.findall(r'<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)" height="10"', text):
        rows.setdefault(top, []).append((float(left), float(left) + float(width)))
    del rows["1"]  # the key
    assert len(rows) == 10
    for bars in rows.values():
        bars.sort()
        assert all(left[1] <= right[0] + 0.2 for left, right in itertools.pairwise(bars))


def test_timeline_tells_failures_apart_without_colour() -> None:
    text = html_report(many(300))
    failed = many(300)["summary"]["failed"]
    assert text.count('class="mark"') == failed
    assert "[data-status=failed] rect { fill: url(#stripes)" in text


@pytest.mark.parametrize(
    ("zone", "begin", "end", "named"),
    [
        ("UTC", "2026-09-21 13:33:00+00:00", "16:13", "2026-09-21, UTC."),
        ("Europe/Berlin", "2026-09-21 15:33:00+02:00", "18:13", "2026-09-21, UTC+02:00."),
        ("Asia/Kolkata", "2026-09-21 19:03:00+05:30", "21:43", "2026-09-21, UTC+05:30."),
    ],
)
def test_times_are_those_of_the_clock_here(
    zone: str, begin: str, end: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    text = html_report(report([planned()], [result(length=7200)]))
    markdown = markdown_report(report([planned()], [result()]))
    assert f"<dd>{begin}</dd>" in text and f"Times of {named}" in text and f"to {end}:20, 2 h 0 min" in text
    ticks = [tick for tick in re.findall(r'class="tick"[^>]*>([^<]+)<', text)]
    assert len(ticks) > 4 and all(tick.endswith((":00", ":15", ":30", ":45")) for tick in ticks)
    assert f"- Started: {begin}" in markdown
