# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the files of a run say while one of its steps is at work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import live_report as module
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.live_report import LiveReport
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.runs import ENDED, UPGRADE
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run_folder import RunFolder
from tests.unit.plugin_utils.report.reports import planned, result

PLAN: Any = {"started": "2026-11-30T20:00:00+00:00", "units": [planned(1), planned(2)], "steps": [], "notes": []}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    monkeypatch.setattr(module, "SHARE", 0.0)
    return RunFolder.make(str(tmp_path), UPGRADE, cloud="cloud.example.com")


def at_work(folder: RunFolder) -> LiveReport:
    return LiveReport(folder, PLAN, [], f"{folder.path}/journal")


def said(folder: RunFolder) -> tuple[str, str, dict[str, int]]:
    run = json.loads(Path(folder.path, "report.json").read_text(encoding="utf-8"))
    return run["run"]["state"], run["run"]["waiting_for"], run["summary"]


def test_the_control_file_and_a_signal_are_told(folder: RunFolder) -> None:
    live, control = at_work(folder), Path(folder.base, "control")
    live.begin()
    assert said(folder) == ("running", "", {"not_started": 2})
    for text, state, waits in (
        ("pause", "waiting", "resume in the control file"),
        ("pause\nparallel: 3", "waiting", "resume in the control file"),
        ("resume", "running", ""),
        ("stop", "stopping", ""),
        ("resume", "stopping", ""),
    ):
        control.write_text(text, encoding="utf-8")
        live.look()
        assert said(folder)[:2] == (state, waits), text
    other = at_work(folder)
    control.unlink()
    other.look(stopping=True)
    assert said(folder)[0] == "stopping"


def test_what_the_journal_says_is_in_the_report(folder: RunFolder) -> None:
    live, journal = at_work(folder), Path(folder.path, "journal")
    journal.write_text(json.dumps({"started": "id-2", "at": "2026-11-30T20:01:00+00:00"}) + "\n", encoding="utf-8")
    live.look()
    assert said(folder)[2] == {"not_started": 1, "running": 1}
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"result": result(2)}) + "\n")
    live.look()
    assert said(folder)[2] == {"not_started": 1, "upgraded": 1}


def test_a_report_that_could_not_be_written_is_tried_again(folder: RunFolder) -> None:
    """After a moment of a full disk, say."""
    live, path = at_work(folder), Path(folder.path, "report.json")
    path.mkdir()
    live.write([], {})
    path.rmdir()
    live.write([result(1)], {})
    assert said(folder)[2] == {"upgraded": 1, "not_started": 1}


def test_who_has_begun_beside_it_is_told_once(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.0)
    live = at_work(folder)
    assert live.look() == []
    other = RunFolder.make(folder.base, UPGRADE, cloud="cloud.example.com")
    RunFolder.make(folder.base, UPGRADE, cloud="another.example.com")
    lines = [line for dummy in range(3) for line in live.look()]
    told = f"Run {other.facts()['id']} is at work on this cloud, on "
    assert [f" note    {told}" in line for line in lines] == [True]
    assert len(live.noted) == 1 and live.noted[0].startswith(told)
    [note] = json.loads(Path(folder.path, "report.json").read_text(encoding="utf-8"))["notes"]
    assert note == live.noted[0]
    assert Path(folder.base, "index.html").is_file()
    next_step = LiveReport(folder, PLAN, [], f"{folder.path}/journal-2", [{"guard": "unknown", "notes": live.noted}])
    assert next_step.look() == []


def test_a_run_that_ends_with_ansible_playbook_has_ended(folder: RunFolder) -> None:
    live = at_work(folder)
    live.begin()
    live.end([result(1)], {}, "stopped by SIGTERM")
    facts = folder.facts()
    assert (facts["state"], facts["status"], facts["error"]) == (ENDED, "incomplete", "stopped by SIGTERM")
