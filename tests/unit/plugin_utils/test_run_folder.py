# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of one run: nobody else's files are touched, and whoever looks there is told the truth."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import run_folder
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.runs import ENDED, UPGRADE
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import WriteError, write
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run_folder import (
    ALIVE,
    AWAY_S,
    DEAD,
    LIFE_S,
    RunFolder,
    away_words,
    life,
)

CLOUD = "cloud.example.com"
PLAN: Any = {
    "started": "2026-11-30T20:00:00+00:00",
    "units": [],
    "scope": "cloud cloud.example.com; everything",
    "steps": [],
}


def made(base: Path, **facts: Any) -> RunFolder:
    return RunFolder.make(str(base), UPGRADE, cloud=CLOUD, **facts)


def left(folder: RunFolder) -> Any:
    return folder.report()


def report(**more: Any) -> Any:
    return build_report(PLAN, [], **{"finished": "2026-11-30T20:10:00+00:00", **more})


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_run_says_who_it_is(tmp_path: Path) -> None:
    folder = made(tmp_path, scope="everything")
    facts = json.loads(Path(folder.path, "run.json").read_text(encoding="utf-8"))
    assert (facts["kind"], facts["cloud"], facts["scope"], facts["state"]) == (UPGRADE, CLOUD, "everything", "running")
    assert (facts["pid"], life(folder.facts())) == (os.getpid(), ALIVE)
    assert os.readlink(tmp_path / "latest") == f"runs/{facts['id']}"
    assert folder.base == str(tmp_path)


def test_who_may_read_it(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        folder = made(tmp_path / "new")
        folder.end(report())
    finally:
        os.umask(mask)
    for path in (tmp_path / "new", tmp_path / "new/runs", Path(folder.path)):
        assert mode(path) == 0o750
    files = sorted(os.listdir(folder.path))
    assert files == ["log", "report.html", "report.json", "report.md", "run.json"]
    assert {mode(Path(folder.path, name)) for name in files} == {0o640}


def test_a_folder_in_the_place_of_the_link_is_refused(tmp_path: Path) -> None:
    """Else the plan that is copied from there to be approved is an old one."""
    tmp_path.joinpath("latest").mkdir()
    with pytest.raises(WriteError, match=r"latest is no link, .* Remove it"):
        RunFolder.make(str(tmp_path), UPGRADE)
    assert not [*tmp_path.glob("runs/*")]


def test_two_runs_in_one_second_have_two_folders(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        folders = set(threads.map(lambda dummy: made(tmp_path).path, range(40)))
    assert len(folders) == 40 and Path(tmp_path, "latest").resolve() in map(Path, folders)
    assert sorted(os.listdir(tmp_path)) == ["latest", "runs"]


def test_a_link_of_somebody_else_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links of our own are: sysvm-report may lie on another disk."""
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    folder = made(link)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: os.stat_result([*real(path)[:4], own or 7, *real(path)[5:]]))
    with pytest.raises(WriteError, match=r"is a link that user \d+ has made.*sysvm_report_dir"):
        made(link)
    target = tmp_path / "precious"
    target.write_text("mine", encoding="utf-8")
    os.symlink(target, folder.log)
    assert folder.say("note", "x") == [f"The log could not be written: {folder.log}: Too many levels of symbolic links"]
    os.symlink(target, Path(folder.path, "report.json"))
    write(f"{folder.path}/report.json", "{}")
    assert target.read_text(encoding="utf-8") == "mine"


def test_nobody_guesses_the_name_under_which_a_file_is_written_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = list[str]()
    monkeypatch.setattr(os, "replace", lambda new, dummy: names.append(Path(new).name))
    for dummy in range(3):
        write(str(tmp_path / "report.json"), "{}")
    assert len(set(names)) == 3 and all(len(name) > 20 and name.startswith(".report.json.") for name in names)


# Alive or dead


def test_a_run_whose_process_is_gone_is_dead(tmp_path: Path) -> None:
    code = (
        "import sys; from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run_folder import RunFolder\n"
        "print(RunFolder.make(sys.argv[1], 'upgrade').path)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)
    facts = RunFolder(done.stdout.strip()).facts()
    assert (facts["state"], life(facts)) == ("running", DEAD)


def test_another_process_with_its_number_is_not_it(tmp_path: Path) -> None:
    facts = made(tmp_path).facts()
    assert life({**facts, "ticks": "1"}) == DEAD


def test_a_step_outlives_ansible_playbook(tmp_path: Path) -> None:
    """Its worker ends the run in peace; who looks meanwhile must not say that it was killed."""
    folder = made(tmp_path)
    folder.begin_step(1, 3)
    assert life({**folder.facts(), "ticks": "1"}) == ALIVE
    assert life({**folder.facts(), "ticks": "1", "worker_ticks": "1"}) == DEAD


@pytest.mark.parametrize(("silent", "found"), [(LIFE_S - 60, ALIVE), (LIFE_S + 60, DEAD)])
def test_one_on_another_host_is_known_by_its_signs_of_life(silent: float, found: str, tmp_path: Path) -> None:
    facts = made(tmp_path).facts()
    beat = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - silent))
    assert life({**facts, "boot": "another", "heartbeat": beat}) == found
    assert life({**facts, "boot": "another", "heartbeat": "?"}) == DEAD
    assert life({**facts, "boot": "another", "heartbeat": "?", "state": "ended"}) == ENDED


@pytest.mark.parametrize(("silent", "found"), [(AWAY_S - 60, ALIVE), (AWAY_S + 60, DEAD)])
def test_a_hook_on_another_host_gives_no_signs_of_life(silent: float, found: str, tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.save(report(finished=None))
    folder.away(away_words("after", 2, [{"moment": "after_step"}, {"moment": "failure"}]))
    assert left(folder)["run"]["waiting_for"] == "the play to go on after step 2 (hook after_step and failure)"
    facts = folder.facts()
    assert life(facts) == ALIVE and life({**facts, "ticks": "1"}) == DEAD, "here its process tells"
    beat = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - silent))
    assert life({**facts, "boot": "another", "heartbeat": beat}) == found


def test_signs_of_life_while_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "BEAT_S", 0.01)
    folder = made(tmp_path)
    folder.save(report(finished=None))
    with folder.waiting("approval after step 1"):
        before = os.stat(f"{folder.path}/run.json").st_ino
        facts = folder.facts()
        assert (facts["state"], facts["waiting_for"]) == ("waiting", "approval after step 1")
        assert left(folder)["run"]["waiting_for"] == "approval after step 1"
        while os.stat(f"{folder.path}/run.json").st_ino == before:
            time.sleep(0.01)
    assert (folder.facts()["state"], left(folder)["run"]["state"]) == ("running", "running")
    assert Path(folder.log).read_text(encoding="utf-8").endswith(" pause   waiting for approval after step 1\n")


def test_the_end_is_in_log_report_and_facts(tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.save(report(finished=None))
    assert (left(folder)["status"], left(folder)["run"]["state"]) == ("running", "running")
    written, problems = folder.end(report(error="interrupted"))
    assert [Path(each).name for each in written] == ["report.json", "report.html", "report.md"] and problems == []
    assert left(folder)["run"]["state"] == folder.facts()["state"] == ENDED
    line = Path(folder.log).read_text(encoding="utf-8").splitlines()[-1]
    assert (
        line[10] == "T" and " end     empty: no unit in scope. cloud cloud.example.com; everything. interrupted" in line
    )


def test_a_folder_that_is_no_runs_gets_the_report_alone(tmp_path: Path) -> None:
    written, dummy = RunFolder(str(tmp_path)).end(report())
    assert sorted(os.listdir(tmp_path)) == sorted(Path(each).name for each in written)
    assert "run" not in json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
