# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report remembers of how networks were restarted, for the next run."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Restart
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.restarts import Report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import known_restarts
from tests.unit.plugin_utils.report.reports import T0, planned, report, result

GOOD = {"network_id": "id-1", "job_id": "j", "created": "2026-09-21T13:40:00+0000", "succeeded": True, "why": ""}


def test_what_was_touched_and_is_not_proven_is_remembered_with_its_reason_and_since_when() -> None:
    for status in ("failed", "left_running"):
        [kept] = known_restarts(report([planned(1)], [result(1, status)]))
        assert (kept["network_id"], kept["succeeded"]) == ("id-1", False)
        assert "still reports 4.19.1.0" in kept["why"] and moment(kept["created"]) == T0
        assert Report.of([Restart(**kept)]).failed["id-1"].why == kept["why"]


@pytest.mark.parametrize(
    "ended",
    [
        result(1, "failed", job_ids=[]),
        result(1, "not_started", job_ids=[], started=None),
        result(1, "failed", restarts=[GOOD]),  # its health got worse; its rules are there
        result(1, "upgraded", restarts=[GOOD]),
    ],
)
def test_where_no_rules_are_missing_nothing_is_remembered_as_failed(ended: Any) -> None:
    assert [each for each in known_restarts(report([planned(1)], [ended])) if not each["succeeded"]] == []


def test_of_a_vpc_that_failed_the_tiers_that_were_restarted_are_remembered_as_good() -> None:
    tier = {**GOOD, "network_id": "id-tier"}
    kept = known_restarts(report([planned(1, kind="vpc")], [result(1, "failed", restarts=[tier])]))
    assert {each["network_id"]: each["created"] for each in kept} == dict.fromkeys(("id-tier", "id-1"), tier["created"])


def test_what_failed_before_is_remembered_by_a_run_that_did_not_come_to_it() -> None:
    failed = {**GOOD, "succeeded": False, "why": "the rules were refused"}
    elsewhere = {**failed, "network_id": "id-elsewhere"}
    plan = {"units": [planned(1, restarts=[failed])], "restarts": [elsewhere], "steps": []}
    assert known_restarts(report(plan=plan, results=[])) == [elsewhere, failed]
    assert known_restarts(report(plan=plan, results=[result(1, restarts=[GOOD])])) == [elsewhere, GOOD]
