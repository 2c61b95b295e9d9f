# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is small enough for AWX."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.artifacts import (
    MOST_ITEMS,
    error_artifact,
    plan_artifact,
    report_artifact,
)
from tests.unit.plugin_utils.report.reports import planned, report, result
from tests.unit.plugin_utils.report.test_text import plan


def test_artifacts_are_bounded_and_always_have_all_keys() -> None:
    units = [planned(n, name="n" * 500, step=None, method="skip", reason="r" * 500) for n in range(5000)]
    many, none = plan_artifact(plan(units), [], None), plan_artifact(plan([]), [], None)
    done = report_artifact(report(units), []), report_artifact(report([planned()], [result()]), ["report.json"])
    assert many["summary"].keys() == none["summary"].keys() and many["summary"]["skip"] == 5000
    assert (none["status"], many["status"]) == ("empty", "ok")
    assert many["skipped"][-1] == f"... and {5000 - MOST_ITEMS:,} more"
    assert done[0]["summary"].keys() == done[1]["summary"].keys()
    assert all(len(json.dumps(each)) < 40_000 for each in (many, *done))
    assert done[1]["report"] == "report.json" and done[1]["not_done"] == []
    assert error_artifact("e" * 5000).keys() == none.keys() | {"error", "handed_on"}, "those that the action adds"


def test_a_list_of_a_check_is_one_line() -> None:
    check: Any = {"name": "room", "status": "warn", "seen": "2 routers:\nr-1\nr-2", "remedy": ""}
    assert plan_artifact(plan([]), [check], None)["checks"] == ["warn room: 2 routers: r-1; r-2"]
