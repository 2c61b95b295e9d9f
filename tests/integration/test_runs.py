# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as others see them: from another terminal, from a second controller, and after kill -9 at any moment."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.examples import SCALE
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, descendants, extra_vars, kill_tree
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

STATUS = "cloudstack.sysvm.status_sysvms"
NETS = estate(networks=[{"name": f"net-{number}"} for number in range(6)], timings={"patch": 4.0})
OPTIONS: dict[str, Any] = {"kinds": ["router"], "canaries": False, "parallel": 2}
MOMENTS = max(1, int(SCALE))


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
        first.communicate(timeout=TIME_LIMIT_S)
        shown, dummy = beside.communicate(timeout=TIME_LIMIT_S)
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
    """At the next look, in all files; with SCALE=20 at 20 moments each, from the plan to the end."""
    moment = random.Random(f"{who} {seed}").uniform(0.0 if who == "module" else -3.0, 11.0)
    (tmp_path / "sysvm-report").mkdir()
    with Cloud(NETS, tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars(OPTIONS))
        if moment < 0:
            time.sleep(3.0 + moment)
        else:
            wait_for(lambda: len(cloud.simulator.journal()) == 2)
            time.sleep(moment)
        if who == "both":
            kill_tree(process)
        else:
            for pid in [process.pid] if who == "controller" else of_module(process.pid):
                os.kill(pid, signal.SIGKILL)
            early = cloud.playbook(STATUS)
            assert who == "module" or "was killed" not in early.output, "its worker ends the module in peace"
            process.communicate(timeout=TIME_LIMIT_S)
            wait_for(lambda: all(facts_in(run)["state"] == "ended" for run in runs_of(tmp_path)))
        sent = {call["target"] for call in cloud.simulator.journal() if call["accepted"]}
        seen = cloud.playbook(STATUS)
        patched = {name for name in sent if all(cloud.patches()[router] for router in cloud.vms_of(name))}
    assert seen.rc == 0 and ", 0 of them at work" in seen.stdout, seen.output
    assert "refresh" not in (tmp_path / "sysvm-report/index.html").read_text(encoding="utf-8")
    for run in runs_of(tmp_path):
        assert facts_in(run)["state"] == "ended"
        assert (facts_in(run)["kind"] == "plan" and not sent) or tells_the_truth(run, who, sent, patched)
    assert not sent or runs_of(tmp_path)


def tells_the_truth(run: Path, who: str, sent: set[str], patched: set[str]) -> bool:
    """What is known of the run and of each unit, in all its files."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert (report["status"], report["run"]["state"]) == ("incomplete", "ended")
    why = {"controller": "stopped by ", "module": "odule", "both": "the run was killed; its last sign of life was"}
    assert why[who] in report["error"], report["error"]
    statuses = {unit["name"]: unit["status"] for unit in report["units"]}
    assert len(statuses) == 6 and "failed" not in statuses.values()
    assert {name for name, status in statuses.items() if status == "upgraded"} <= patched
    assert sent <= {name for name, status in statuses.items() if status != "not_started"}, (sent, statuses)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Incomplete" in page and "refresh" not in page
    assert " end     incomplete: " in (run / "log").read_text(encoding="utf-8").splitlines()[-1]
    return True


def runs_of(folder: Path) -> list[Path]:
    """Those that have said something; one that was killed before is none yet."""
    return [path.parent for path in folder.glob("sysvm-report/runs/*/run.json")]


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


def test_a_run_without_names_has_nothing_of_the_cloud(tmp_path: Path) -> None:
    """The data, log and evidence of a run in which units failed, against all that the simulated cloud has names for."""
    faults = [{"kind": "silent_patch_failure", "match": {"name": "kunde-mueller"}, "times": 9}]
    networks = [{"name": "kunde-mueller"}, {"name": "live"}, {"name": "Zweig Nord 7"}]
    with Cloud(estate(networks=networks, faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(kinds="router", canaries=False, max_failures="100%", names="kunde*,live,Zweig Nord 7")
        assert run.statuses["kunde-mueller"] == "failed" and run.statuses["live"] == "upgraded"
        made = cloud.playbook("cloudstack.sysvm.anonymise")
        state = cloud.simulator.state()
        routers = cloud.call("listRouters", listall="true")["router"]
        endpoint = cloud.simulator.url
    assert made.rc == 0, made.output
    [archive] = (tmp_path / "sysvm-report").glob("anonymised-*.tar.gz")
    with tarfile.open(archive) as opened:
        files = {name: opened.extractfile(name).read().decode() for name in opened.getnames()}  # type: ignore[union-attr]
    assert {Path(name).name for name in files} == {
        "README",
        "evidence.json",
        "log",
        "plan.json",
        "report.json",
        "run.json",
    }
    text = "\n".join([*files, *(content for name, content in files.items() if not name.endswith("README"))])
    ids = {*state["units"], *(vm["id"] for vm in state["vms"].values())}
    shown = {str(router.get(key)) for router in routers for key in ("zoneid", "guestipaddress", "publicip", "hostname")}
    names = {"kunde", "mueller", "Zweig", "Berlin", *state["vms"], *ids, *shown - {"None"}, endpoint.split("/")[2]}
    assert {name for name in names if name in text} == set()
    report = json.loads(next(content for name, content in files.items() if name.endswith("/report.json")))
    assert sorted(unit["status"] for unit in report["units"]) == ["failed", "upgraded", "upgraded"]
    assert "live" not in {unit["name"] for unit in report["units"]}, "a word that this collection uses as well"
    assert any("reports" in unit["reason"] for unit in report["units"]), "and it can still be understood"
