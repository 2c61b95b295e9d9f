# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all forms of a report say of what was seen from outside."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.gaps import (
    gap_summary,
    gap_words,
    known_gaps,
)
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.wording import endpoint_words


def unit(gap_s: float | None, *, after: bool | None = True, method: str = "live_patch") -> Any:
    endpoints = [] if gap_s is None else [{"before": True, "after": after}]
    return {"kind": "network", "method": method, "gap_s": gap_s, "endpoints": endpoints}


def test_live_patch_and_recreation_can_be_compared() -> None:
    units = [unit(gap) for gap in (0.0, 1.0, 2.0, 3.0)] + [unit(20.0, method="recreate"), unit(None)]
    live, recreated = gap_summary(units)
    assert (live["units"], live["shortest_s"], live["median_s"], live["p95_s"], live["longest_s"]) == (4, 0, 1.5, 3, 3)
    assert gap_words(live) == "live patch of 4 networks: median 1.5 s, 95th percentile 3 s, longest 3 s"
    assert gap_words(recreated) == "recreate of 1 network: 20 s"


def test_what_did_not_come_back_is_counted_and_not_measured() -> None:
    [row] = gap_summary([unit(1.0), unit(300.0, after=False)])
    assert (row["units"], row["longest_s"], row["lost"]) == (1, 1.0, 1)
    assert gap_words(row) == "live patch of 2 networks: 1 did not come back; 1 s"
    [row] = gap_summary([unit(300.0, after=False)])
    assert gap_words(row) == "live patch of 1 network: 1 did not come back"
    assert known_gaps({"gaps": [row]}) == []


@pytest.mark.parametrize("report", [{}, {"gaps": None}, {"gaps": [{"kind": "x"}]}, {"gaps": [1]}, {"gaps": 5}])
def test_a_report_of_another_version_tells_nothing(report: dict[str, Any]) -> None:
    assert known_gaps(report) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"before": False, "after": True}, "did not answer before"),
        ({"before": None, "after": True}, "unknown before"),
        ({"before": True, "after": False}, "does not answer any more"),
        ({"before": True, "after": True}, "no gap"),
        ({"before": True, "after": True, "gaps": [1], "longest_gap_s": 1.2, "total_gap_s": 1.2}, "gap 1.2 s"),
        ({"before": True, "after": True, "gaps": [1, 2], "longest_gap_s": 1, "total_gap_s": 3}, "gap 1 s, 3 s in all"),
    ],
)
def test_one_endpoint_in_words(facts: dict[str, Any], words: str) -> None:
    nothing: Any = {"gaps": [], "longest_gap_s": 0, "total_gap_s": 0}
    seen: Any = {"address": "2001:db8::1", "port": 443, "serves": "CPVM", **nothing, **facts}
    assert endpoint_words(seen) == f"[2001:db8::1]:443 (CPVM): {words}"
