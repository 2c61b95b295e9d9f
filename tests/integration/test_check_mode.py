# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode, diff and the modules on their own: nothing is touched, or nothing a second time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import OLD, VERSION, estate
from tests.support.modules import call_module
from tests.support.runner import Cloud, Task

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "networks": [{"name": "net"}, {"name": "pair", "redundant": True}, {"name": "new", "version": "4.22.0"}],
    "vpcs": [{"name": "vpc", "tiers": 2}],
}


@pytest.mark.nightly
def test_the_playbook_in_check_mode(tmp_path: Path) -> None:
    with Cloud(estate(**SMALL), tmp_path) as cloud:
        run = cloud.upgrade("--check", "--diff")
        assert (run.rc, cloud.simulator.journal()) == (0, [])
        assert set(cloud.patches().values()) == {0}
        for router in [*cloud.vms_of("net"), *cloud.vms_of("pair"), *cloud.vms_of("vpc"), "s-1-VM", "v-2-VM"]:
            assert f"\n-{router}: {OLD}\n" in run.stdout and f"\n+{router}: {VERSION}\n" in run.stdout
        assert cloud.vms_of("new")[0] not in run.stdout
        assert (
            "Check mode: nothing was changed. A run is expected to end like this:\nExpected result: would succeed: "
            in run.stdout
        )
        assert "Report:" not in run.stdout and not tmp_path.joinpath("sysvm-report").exists()
        assert "cloudstack.sysvm.report : Report] ****************************************\nchanged" not in run.stdout
        recap = run.stdout.rpartition("PLAY RECAP")[2]
        assert " changed=4 " in recap, "the three steps, and no file"


def test_check_sysvms_shows_the_plan_and_touches_nothing(tmp_path: Path) -> None:
    with Cloud(estate(**SMALL), tmp_path) as cloud:
        run = cloud.check()
        assert (run.rc, run.journal) == (0, [])
        assert f"Upgrade to {VERSION}: 5 to live patch, 1 already current" in run.stdout
        latest = tmp_path / "sysvm-report/latest"
        assert {"plan.json", "plan.md"} <= {path.name for path in latest.iterdir()}
        assert not latest.joinpath("report.json").exists()
        plan = json.loads(latest.joinpath("plan.json").read_text(encoding="utf-8"))
        assert f"    Scope: {plan['scope']}\n" in latest.joinpath("plan.md").read_text(encoding="utf-8")
        assert len(plan["units"]) == 6 and plan["checks"]
        assert f"\nScope: {plan['scope']}\n" in run.stdout


@pytest.mark.nightly
def test_the_modules_alone(tmp_path: Path) -> None:
    """Twice each, the first time in check mode before."""
    routers = {"networks": ["net", "new"], "vpcs": ["vpc"], "routers": ["r-4-VM"]}
    tasks: list[Task] = [
        {"cloudstack.sysvm.cs_router_restart": routers, "check_mode": True, "diff": True},
        {"cloudstack.sysvm.cs_router_restart": routers, "diff": True},
        {"cloudstack.sysvm.cs_router_restart": routers, "diff": True},
        {"cloudstack.sysvm.cs_systemvm_livepatch": {"system_vms": ["v-2-VM", "s-1-VM"]}, "check_mode": True},
        {"cloudstack.sysvm.cs_systemvm_livepatch": {"id": ["v-2-VM", "s-1-VM"]}},
        {"cloudstack.sysvm.cs_systemvm_livepatch": {"names": ["v-2-VM", "s-1-VM"]}},
    ]
    with Cloud(estate(**SMALL), tmp_path) as cloud:
        assert cloud.vms_of("pair")[0] == "r-4-VM"
        run = cloud.tasks(tasks)
        predicted, done, again, *system_vms = run.results

        assert [result["failed"] for result in run.results] == [False] * 6
        assert [result["changed"] for result in run.results] == [True, True, False] * 2
        names = [each["name"] for each in done["results"]]
        assert names == ["net", "new", "vpc", "pair"], "in the order of the options and of each list"
        assert [each["status"] for each in done["results"]] == ["upgraded", "current", "upgraded", "upgraded"]
        assert [each["status"] for each in again["results"]] == ["current"] * 4
        assert done["summary"] == {"upgraded": 3, "current": 1} and again["summary"] == {"current": 4}

        for key in ("id", "name", "method", "status"):
            assert [each[key] for each in predicted["results"]] == [each[key] for each in done["results"]]
        assert predicted["results"][0]["reason"] == f"would be upgraded to {VERSION}"
        assert done["results"][0]["reason"] == f"proven: runs {VERSION}"
        for vms in zip(predicted["results"], done["results"], strict=True):
            versions = [[vm["after"]["software_version"] for vm in each["vms"]] for each in vms]
            assert versions[0] == versions[1]
        assert predicted["diff"] == done["diff"]
        assert done["diff"]["before"].splitlines() == [
            f"{vm}: {OLD}" for name in ("net", "vpc", "pair") for vm in cloud.vms_of(name)
        ]
        assert done["diff"]["after"] == done["diff"]["before"].replace(OLD, VERSION)
        assert "diff" not in again or again["diff"] == {"before": "", "after": ""}

        assert [each["name"] for each in system_vms[1]["results"]] == ["v-2-VM", "s-1-VM"]
        assert [result["summary"] for result in system_vms] == [{"upgraded": 2}, {"upgraded": 2}, {"current": 2}]
        assert "diff" not in system_vms[1]
        assert sorted(run.targets) == sorted(["net", "vpc-tier1", "vpc-tier2", "pair", "v-2-VM", "s-1-VM"])


@pytest.mark.parametrize("mode", ["live_patch", "restart"])
def test_a_single_stopped_router_is_started(mode: str, tmp_path: Path) -> None:
    """It comes up with the new software."""
    stopped = estate(networks=[{"name": "net", "router": {"state": "Stopped"}}])
    with Cloud(stopped, tmp_path) as cloud:
        [router] = cloud.vms_of("net")
        started, again = (
            call_module(cloud.simulator, "cs_router_restart", routers=[router], mode=each)
            for each in (mode, "live_patch")
        )
        assert [call["target"] for call in cloud.simulator.journal()] == ["net"]
    assert started["changed"] is True
    assert [(each["method"], each["status"]) for each in started["results"]] == [("restart", "upgraded")]
    assert again["changed"] is False and again["results"][0]["status"] == "current"
