# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that somebody else, or a run that was killed, has left running: waited for, never doubled."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import TOLERANCE_S
from tests.support.books import overlaps, patched_at_once
from tests.support.estates import VERSION, estate
from tests.support.modules import call_module
from tests.support.runner import UPGRADE, Cloud, Run, extra_vars, kill_tree
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

LONG = 3600.0  # seconds: what takes so long is still running when the playbook has read the cloud


@contextlib.contextmanager
def ends_once_waited_for(cloud: Cloud, units: int) -> Iterator[None]:
    """What runs ends at once when a run has begun so many units and has asked about jobs since."""
    latest = cloud.folder / "sysvm-report/latest"
    before = latest.resolve()

    def asked() -> int:
        return int(cloud.simulator.requests()["per_command"].get("listAsyncJobs", 0))

    def begun() -> bool:
        log = latest / "log"
        return latest.resolve() != before and log.exists() and log.read_text("utf-8").count(" start ") >= units

    def end() -> None:
        wait_for(begun)
        already = asked()
        wait_for(lambda: asked() >= already + 3)
        cloud.simulator.hurry()

    with ThreadPoolExecutor(1) as beside:
        ended = beside.submit(end)
        yield
        ended.result()


def assert_all_current(run: Run, cloud: Cloud) -> None:
    assert (run.rc, run.report["status"]) == (0, "success")
    software = {vm["name"]: cloud.vms()[vm["name"]]["software"] for unit in run.report["units"] for vm in unit["vms"]}
    assert software == dict.fromkeys(software, VERSION)
    assert patched_at_once(cloud.vms()) == []
    assert list(overlaps(cloud.simulator.journal(), cloud.simulator.state()["jobs"])) == []


@pytest.mark.nightly
def test_restarts_that_already_run_are_waited_for(tmp_path: Path) -> None:
    """Of others, on a network and on a VPC; and one that does not patch, after which it is our turn."""
    networks: list[dict[str, Any]] = [{"name": name} for name in ("patched", "restarted", "idle")]
    busy = estate(networks=networks, vpcs=[{"name": "vpc", "tiers": 2}], timings={"patch": LONG, "restart": 0.2})
    with Cloud(busy, tmp_path) as cloud:
        theirs = {
            "patched": cloud.call("restartNetwork", id=cloud.id_of("patched"), livepatch="true")["jobid"],
            "vpc": cloud.call("restartVPC", id=cloud.id_of("vpc"), livepatch="true")["jobid"],
        }
        wait_for(lambda: sum(cloud.patches().values()) == 2)
        cloud.simulator.update(timings={"patch": 0.2, "restart": LONG})
        time.sleep(2 * TOLERANCE_S)  # events are told apart by their moments, and this restart fails
        theirs["restarted"] = cloud.call("restartNetwork", id=cloud.id_of("restarted"))["jobid"]
        time.sleep(0.3)  # until it is at work
        cloud.simulator.update(timings={"restart": 0.05})

        with ends_once_waited_for(cloud, units=4):
            run = cloud.upgrade(kinds=["router"], canaries=False)

        assert_all_current(run, cloud)
        assert "WARN jobs_in_flight: 3 units have a job that runs now" in run.stdout
        for name, job in theirs.items():
            assert job in run.units[name]["job_ids"]
        assert run.units["patched"]["reason"] == f"a job that was already running did it: runs {VERSION}"
        # What the restart of a whole VPC says of its tiers is dropped by the server: their rules are applied again.
        assert sorted(run.targets) == ["idle", "restarted", "vpc-tier1", "vpc-tier2"]
        # restartVPC patches once per tier; that was somebody else's decision.
        assert cloud.patches() == {"s-1-VM": 0, "v-2-VM": 0, "r-3-VM": 1, "r-4-VM": 1, "r-5-VM": 1, "r-6-VM": 2}


def test_a_patch_of_a_system_vm_that_already_runs_is_waited_for(tmp_path: Path) -> None:
    with Cloud(estate(timings={"patch": 8.0}), tmp_path) as cloud:
        theirs = cloud.call("patchSystemVm", id=cloud.id_of("s-1-VM"))["jobid"]
        result = call_module(cloud.simulator, "cs_systemvm_livepatch", system_vms=["s-1-VM"])
        assert len(cloud.simulator.journal()) == 1
    assert result["failed"] is False and result["changed"] is False
    [vm] = result["results"]
    assert (vm["status"], vm["job_ids"]) == ("current", [theirs])
    assert vm["reason"] == f"a job that was already running did it: runs {VERSION}"


def test_kill_9_in_the_middle_of_a_rollout(tmp_path: Path) -> None:
    """The jobs go on without their run. The next run finds them, waits, proves them, and does the rest."""
    names = [f"net-{number:02}" for number in range(1, 13)]
    options: dict[str, Any] = {"kinds": ["router"], "canaries": False, "parallel": 4, "per_host": 0}
    nets = estate(networks=[{"name": name} for name in names], timings={"patch": 4.0})
    with Cloud(nets, tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars(options))
        wait_for(lambda: sum(cloud.patches().values()) == 4)  # begun: how long they take is settled
        cloud.simulator.update(timings={"patch": LONG})
        wait_for(lambda: sum(cloud.patches().values()) == 8)
        latest = tmp_path / "sysvm-report/latest"
        written = latest.resolve() / "report.json"  # about once a second
        wait_for(lambda: json.loads(written.read_text())["summary"]["running"] == 4)
        kill_tree(process)
        cloud.simulator.update(timings={"patch": 0.2})
        assert len(cloud.simulator.journal()) == 8
        left = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert "report.html" in left and not any(
            cloud.simulator.secret.encode() in content for content in left.values()
        )
        report = json.loads(left["report.json"])
        assert (report["status"], report["summary"]["running"]) == ("running", 4), "true when it was written"
        assert report["summary"]["not_started"] >= 4 and "failed" not in report["summary"]

        with ends_once_waited_for(cloud, units=4):
            run = cloud.upgrade(**options)

        killed = json.loads(written.read_text())
        assert killed["status"] == "incomplete" and "the run was killed" in killed["error"]
        assert_all_current(run, cloud)
        assert run.counts == {"current": 8, "upgraded": 4}
        assert "WARN jobs_in_flight: 4 units have a job" in run.stdout
        assert sorted(run.targets) == names[8:], "only what the first run had not come to"
        waited_for = [unit["reason"] for unit in run.report["units"] if "already running" in unit["reason"]]
        assert len(waited_for) == 4
        assert set(cloud.patches().values()) == {0, 1}, "0: the SSVM and the CPVM"


@pytest.mark.nightly
def test_what_was_done_before_the_timeout_of_a_task_is_told(tmp_path: Path) -> None:
    networks = [{"name": f"n{number:02}"} for number in range(12)]
    with Cloud(estate(networks=networks, timings={"patch": 4.0}), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, parallel=1, env={"ANSIBLE_TASK_TIMEOUT": "20"})
        done = [unit["name"] for unit in run.report["units"] if unit["status"] == "upgraded"]
        left = [unit["name"] for unit in run.report["units"] if unit["status"] == "left_running"]
        assert run.rc != 0 and done and len(left) == 1
        patched = {vm["network"] for vm in cloud.vms().values() if vm.get("network") and vm["software"] == VERSION}
        assert set(done) <= patched <= {*done, *left}
        assert f"{len(done)} upgraded" in run.stdout and "imed out" in run.output
