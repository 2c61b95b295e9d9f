# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that fail: they are named with the reason, the budget decides what else is done, and a re-run goes on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import OLD, VERSION, estate
from tests.support.runner import Cloud, Run

pytestmark = pytest.mark.slow

NETS = ["net-1", "net-2", "net-3", "net-4", "net-5"]
SILENT = "silent_patch_failure"


def nets(*faults: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return estate(networks=[{"name": name} for name in NETS], faults=list(faults), **sections)


def in_order(run: Run) -> list[str]:
    """The statuses of NETS."""
    return [run.statuses[name] for name in NETS]


def test_silent_patch_failure(tmp_path: Path) -> None:
    """The job succeeds and the router is as old as before. All others are done; the re-run does this unit alone.

    To a router whose template is below the minimum the server would refuse the rules, and the job would fail.
    """
    settings = {"minreq.sysvmtemplate.version": "4.20.0"}
    fault = {"kind": SILENT, "match": {"name": "net-3"}, "times": 2}
    with Cloud(nets(fault, settings=settings), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], max_failures=1)
        [router] = cloud.vms_of("net-3")
        reason = f"the job succeeded, but {router} reports {OLD}, not {VERSION}."

        assert run.rc != 0
        assert in_order(run) == ["upgraded", "upgraded", "failed", "upgraded", "upgraded"]
        assert (run.counts, run.report["status"]) == ({"upgraded": 4, "failed": 1}, "incomplete")
        assert run.units["net-3"]["reason"] == reason
        [vm] = run.units["net-3"]["vms"]
        assert (vm["before"], vm["after"]["software_version"]) == (vm["after"], OLD)
        assert re.search(rf"FAILED  network net-3 in \d+ s: {re.escape(reason)}", run.stdout), "the line while it runs"
        assert run.errors[-1].startswith("The upgrade is not complete (incomplete)")

        again = cloud.upgrade(kinds=["router"])
        assert (again.rc, again.targets) == (0, ["net-3"])
        assert again.statuses["net-3"] == "upgraded" and again.counts == {"upgraded": 1, "current": 4}
        assert {name: cloud.patches()[name] for net in NETS for name in cloud.vms_of(net)} == {
            vm: 3 if vm == router else 1 for net in NETS for vm in cloud.vms_of(net)
        }


def test_a_failed_canary_stops_everything_after_it(tmp_path: Path) -> None:
    """Whatever sysvm_max_failures allows."""
    with Cloud(nets({"kind": SILENT, "match": {"name": "net-1"}, "times": 2}), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], max_failures=10)
    assert run.rc != 0
    assert run.targets == ["net-1", "net-1"], "sent once more"
    assert in_order(run) == ["failed", *["not_started"] * 4]
    assert {run.units[name]["reason"] for name in NETS[1:]} == {"the run ended before its turn"}
    assert run.report["error"] == "the failure budget is used up after step 1 (canary router live patch)"
    assert "Not started: 4 units" in run.stdout and run.report["error"] in run.stdout


@pytest.mark.nightly
def test_without_tolerance_the_first_failure_starts_nothing_more(tmp_path: Path) -> None:
    """In the step after the canary. What already runs is finished and proven."""
    faults = [{"kind": "job_fails", "match": {"name": "net-2"}, "text": "Failed to restart network", "times": 2}]
    with Cloud(nets(*faults, timings={"patch": 2.0}), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], parallel=2)
    assert run.rc != 0
    assert run.targets[:1] == ["net-1"] and set(run.targets[1:]) == {"net-2", "net-3"}
    assert in_order(run) == ["upgraded", "failed", "upgraded", "not_started", "not_started"]
    assert "failed: Failed to restart network" in run.units["net-2"]["reason"]
    assert run.units["net-4"]["reason"] == "1 unit failed, and max_failures is 0"


@pytest.mark.nightly
def test_the_budget_spans_the_steps(tmp_path: Path) -> None:
    """One failure is tolerated: the SSVM's uses it up, so that the first failed router ends the run."""
    faults = [
        {"kind": "patch_failure", "match": {"name": "s-1-VM"}, "text": "No space left on device", "times": 2},
        {"kind": SILENT, "match": {"name": "net-2"}, "times": 2},
    ]
    with Cloud(nets(*faults), tmp_path) as cloud:
        run = cloud.upgrade(canaries=False, max_failures=1, parallel=1)
    assert run.rc != 0
    assert run.targets == ["s-1-VM", "s-1-VM", "v-2-VM", "net-1", "net-2", "net-2"]
    assert "Failed to patch systemVM s-1-VM due to No space left on device" in run.units["s-1-VM"]["reason"]
    assert run.statuses["v-2-VM"] == "upgraded"
    assert in_order(run) == ["upgraded", "failed", "not_started", "not_started", "not_started"]
    assert run.report["error"] == "the failure budget is used up after step 3 (router live patch)"
