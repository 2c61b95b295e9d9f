# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as others see them: from another terminal, from a second controller, and after kill -9 at any moment."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud, descendants, extra_vars, kill_tree
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

STATUS = "cloudstack.sysvm.status_sysvms"
NETS = estate(networks=[{"name": f"net-{number}"} for number in range(6)], timings={"patch": 4.0})
OPTIONS: dict[str, Any] = {"kinds": ["router"], "canaries": False, "parallel": 2}
MOMENTS = int(os.environ.get("SCALE", "1"))


def test_a_run_is_seen_from_another_terminal_and_by_a_second_controller(tmp_path: Path) -> None:
    with Cloud({**NETS, "timings": {"patch": 30.0}}, tmp_path) as cloud:
        first = cloud.start(UPGRADE, *extra_vars(OPTIONS))
        wait_for(lambda: len(cloud.simulator.journal()) == 2)
        folder = (tmp_path / "sysvm-report/latest").resolve()
        seen = cloud.playbook(STATUS, env={"CLOUDSTACK_ENDPOINT": "", "CLOUDSTACK_KEY": "", "CLOUDSTACK_SECRET": ""})
        index = (tmp_path / "sysvm-report/index.html").read_text(encoding="utf-8")
        beside = cloud.start(UPGRADE, *extra_vars(OPTIONS))
        wait_for(lambda: len(list((tmp_path / "sysvm-report/runs").iterdir())) == 2)
        cloud.simulator.update(timings={"patch": 0.5})
        first.communicate(timeout=120)
        shown, dummy = beside.communicate(timeout=120)
        last = cloud.playbook(STATUS)
    assert seen.rc == 0, seen.output
    text = rf"Run {folder.name}, upgrade of 127.\S+: running\n  on \S+ \(process {first.pid}\) since .*, step 1 of 1"
    assert re.search(text, seen.stdout), seen.stdout
    assert f"To steer it write pause, resume, stop or parallel: N into {tmp_path}/sysvm-report/control" in seen.stdout
    assert "1 of them at work" in seen.stdout and f"runs/{folder.name}/report.html" in index and "refresh" in index
    told = f"Run {folder.name} is at work on this cloud, on "
    report = json.loads((tmp_path / "sysvm-report/latest/report.json").read_text(encoding="utf-8"))
    assert told in shown and report["notes"][0].startswith(told)
    assert told in (tmp_path / "sysvm-report/latest/log").read_text(encoding="utf-8")
    assert first.returncode == beside.returncode == 0
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["status"] == "success"
    assert "2 runs, 0 of them at work" in last.stdout
    assert "refresh" not in (tmp_path / "sysvm-report/index.html").read_text(encoding="utf-8")


def test_where_there_is_no_folder(tmp_path: Path) -> None:
    with Cloud(NETS, tmp_path) as cloud:
        run = cloud.playbook(STATUS, "-e", "sysvm_report_dir=elsewhere")
    assert run.rc != 0 and f"There is no folder {tmp_path}/elsewhere" in run.output


@pytest.mark.parametrize("who", ["controller", "module", "both"])
@pytest.mark.parametrize("seed", range(MOMENTS))
def test_the_truth_after_kill_9(who: str, seed: int, tmp_path: Path) -> None:
    """At the next look, in facts, report, page, log and index."""
    moment = random.Random(f"{who} {seed}").uniform(0, 5)
    with Cloud(NETS, tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars(OPTIONS))
        wait_for(lambda: len(cloud.simulator.journal()) == 2)
        folder = (tmp_path / "sysvm-report/latest").resolve()
        time.sleep(moment)
        if who == "both":
            kill_tree(process)
        else:
            killed = [process.pid] if who == "controller" else of_module(process.pid)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            early = cloud.playbook(STATUS)
            assert who == "module" or "was killed" not in early.output, (
                "its worker is left, and ends the module in peace"
            )
            process.communicate(timeout=60)
            wait_for(lambda: facts_in(folder)["state"] == "ended")
        seen = cloud.playbook(STATUS)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    facts = facts_in(folder)
    assert seen.rc == 0 and "1 run, 0 of them at work" in seen.stdout and ": Incomplete of " in seen.stdout
    assert (report["status"], report["run"]["state"], facts["state"]) == ("incomplete", "ended", "ended")
    why = {"controller": "stopped by ", "module": "odule", "both": "the run was killed; its last sign of life was"}
    assert why[who] in report["error"], report["error"]
    assert sum(report["summary"].values()) == 6 and "failed" not in report["summary"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    index = (tmp_path / "sysvm-report/index.html").read_text(encoding="utf-8")
    assert "Incomplete" in page and "refresh" not in page + index
    assert " end     incomplete: " in (folder / "log").read_text(encoding="utf-8").splitlines()[-1]


def facts_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def of_module(pid: int) -> list[int]:
    """The processes below that run the module."""
    found = []
    for each in descendants(pid):
        if "AnsiballZ_cs_router_restart" in Path(f"/proc/{each}/cmdline").read_text(encoding="utf-8", errors="replace"):
            found.append(each)
    assert found, "there is a module at work"
    return found
