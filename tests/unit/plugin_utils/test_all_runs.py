# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All runs of a folder: who is at work, what the last one knew, which go, what is said of those that were killed."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.all_runs import (
    all_runs,
    at_work,
    last_report,
    remove_old,
    write_index,
)
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.runs import PLAN, UPGRADE
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import WriteError
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run_folder import RunFolder
from tests.unit.plugin_utils.report.reports import planned, result

CLOUD = "cloud.example.com"
STARTED, ENDED = "2026-11-30T20:00:00+00:00", "2026-11-30T20:10:00+00:00"
PLANNED: Any = {"started": STARTED, "units": [planned(1)], "scope": "everything"}
NO_PLAN: Any = {"started": STARTED}


def left(folder: RunFolder) -> Any:
    return folder.report()


def report(**more: Any) -> Any:
    return build_report(PLANNED, [], **{"finished": ENDED, **more})


def run(base: Path, day: int, kind: str = UPGRADE, cloud: str = CLOUD, **report_of: Any) -> RunFolder:
    """One that ended on a day of November."""
    folder = RunFolder.make(str(base), kind, cloud=cloud, since=f"2026-11-{day:02}T20:00:00+00:00")
    if kind == PLAN:
        folder.tell(state="ended")
    else:
        folder.end(report(**report_of))
    return folder


def killed(base: Path, day: int, **report_of: Any) -> RunFolder:
    folder = RunFolder.make(str(base), UPGRADE, cloud=CLOUD, since=f"2026-11-{day:02}T20:00:00+00:00")
    folder.save(report(finished=None, **report_of))
    facts = json.loads(Path(folder.path, "run.json").read_text(encoding="utf-8"))
    Path(folder.path, "run.json").write_text(json.dumps({**facts, "ticks": "1"}), encoding="utf-8")
    return folder


def ids(base: Path) -> list[str]:
    return [str(each.facts["since"])[8:10] for each in all_runs(str(base))]


def test_runs_are_found_newest_first_and_those_of_hosts_too(tmp_path: Path) -> None:
    run(tmp_path, 2), run(tmp_path / "east", 3), run(tmp_path, 1, PLAN)
    (tmp_path / "runs" / "20261130-000000-abcd").mkdir()
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "20261130-000000-link").symlink_to(all_runs(str(tmp_path))[0].folder.path)
    assert ids(tmp_path) == ["03", "02", "01"]
    assert ids(tmp_path / "nowhere") == []


def test_who_is_at_work_on_the_same_cloud(tmp_path: Path) -> None:
    mine = RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD)
    for cloud, kind in ((CLOUD, UPGRADE), ("other", UPGRADE), (CLOUD, PLAN)):
        RunFolder.make(str(tmp_path), kind, cloud=cloud)
    killed(tmp_path, 1), run(tmp_path, 2)
    found = at_work(str(tmp_path), CLOUD, but=mine.facts()["id"])
    assert [(each["kind"], each["cloud"], each["pid"]) for each in found] == [(UPGRADE, CLOUD, os.getpid())]


# What the last run knew


def test_the_newest_run_that_had_a_plan_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"status": "success", "units": []}', encoding="utf-8")
    assert last_report(str(tmp_path), CLOUD) == {"status": "success", "units": []}
    run(tmp_path, 1, error="the first")
    run(tmp_path, 2, cloud="other")
    run(tmp_path, 3, PLAN)
    folder = RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD)
    folder.end(build_report(NO_PLAN, [], finished=ENDED, error="a misspelt variable"))
    RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD).save(report(finished=None))
    assert last_report(str(tmp_path), CLOUD)["error"] == "the first", "nor of one that is alive"


def test_one_that_was_killed_is_remembered_before_anybody_has_looked_at_it(tmp_path: Path) -> None:
    run(tmp_path, 1)
    killed(tmp_path, 2, running={planned(1)["id"]: "2026-11-30T20:01:00+00:00"})
    [unit] = last_report(str(tmp_path), CLOUD)["units"]
    assert unit["status"] == "running" and unit["restarts"][0]["succeeded"] is False


def test_what_was_known_when_it_was_killed_is_told_though_the_report_was_older(tmp_path: Path) -> None:
    folder = RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD)
    plan: Any = {**PLANNED, "units": [planned(1), planned(2), planned(3)]}
    folder.save(build_report(plan, [], finished=None))
    started = {"started": planned(1)["id"], "at": "2026-11-30T20:01:00+00:00"}
    lines = [json.dumps(started), json.dumps({"result": result(2)}), '{"started": "cut o']
    Path(folder.journal(1)).write_text("\n".join(lines), encoding="utf-8")
    facts = json.loads(Path(folder.path, "run.json").read_text(encoding="utf-8"))
    Path(folder.path, "run.json").write_text(json.dumps({**facts, "ticks": "1"}), encoding="utf-8")
    last = last_report(str(tmp_path), CLOUD)
    [(dummy, run_facts)] = write_index(str(tmp_path))
    assert run_facts["summary"] == {"running": 1, "upgraded": 1, "not_started": 1}
    buried = left(folder)
    for report_ in (last, buried):
        first, second, third = report_["units"]
        assert (first["status"], first["started"]) == ("running", "2026-11-30T20:01:00+00:00")
        assert first["restarts"][0]["succeeded"] is False, "its rules are owed"
        assert (second["status"], second["job_ids"]) == ("upgraded", result(2)["job_ids"])
        assert third["status"] == "not_started" and third["planned"] == planned(3)["reason"]
    assert not Path(folder.journal(1)).exists()


# Which go


def test_the_oldest_go(tmp_path: Path) -> None:
    for day in range(1, 8):
        run(tmp_path, day)
        run(tmp_path, day, PLAN)
    remove_old(str(tmp_path), 3)
    assert sorted(ids(tmp_path)) == ["05", "05", "06", "06", "07", "07"]


def test_what_is_needed_or_somebody_elses_stays(tmp_path: Path) -> None:
    noted, alive = run(tmp_path, 1), RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD, since="2026-11-01")
    Path(noted.path, "notes.txt").write_text("the network team was told", encoding="utf-8")
    (tmp_path / "runs" / "20250101-000000-abcd").mkdir()
    known, other = run(tmp_path, 2), run(tmp_path, 2, cloud="other")
    for day in (3, 4, 5):
        RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD, since=f"2026-11-0{day}").end(
            build_report(NO_PLAN, [], finished=ENDED, error="the server is away")
        )
    remove_old(str(tmp_path), 1)
    left = {path.name for path in (tmp_path / "runs").iterdir()}
    newest = all_runs(str(tmp_path))[0].facts["id"]
    assert left == {"20250101-000000-abcd", newest, *(Path(each.path).name for each in (noted, alive, known, other))}
    assert os.listdir(noted.path) == ["notes.txt"]


def test_all_that_a_killed_run_left_half_written_goes_with_it(tmp_path: Path) -> None:
    folder = killed(tmp_path, 1)
    Path(folder.path, ".report.json.0123456789abcdef").touch()
    Path(folder.path, "evidence", "web").mkdir(parents=True)
    Path(folder.path, "evidence", "web", "ticket.md").touch()
    for day in (2, 3):
        run(tmp_path, day)
    remove_old(str(tmp_path), 1)
    assert ids(tmp_path) == ["03"] and not os.path.exists(folder.path)


@pytest.mark.parametrize("file", ["run.json", "report.json"])
@pytest.mark.parametrize(
    "edit", [{"kind": [], "status": 5, "units": 5}, {"since": "x", "units": [{}]}, {"status": None}]
)
def test_what_was_damaged_or_edited_is_passed_over(file: str, edit: dict[str, Any], tmp_path: Path) -> None:
    """One such file made every later plan break off."""
    run(tmp_path, 1)
    for folder in (run(tmp_path, 2), killed(tmp_path, 3)):
        path = Path(folder.path, file)
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **edit}), encoding="utf-8")
    assert last_report(str(tmp_path), CLOUD)["units"] and at_work(str(tmp_path), CLOUD) == []
    assert write_index(str(tmp_path))
    remove_old(str(tmp_path), 1)


# Those that were killed


@pytest.mark.parametrize(
    ("more", "status"),
    [({}, "incomplete"), ({"running": {planned(1)["id"]: "2026-11-30T20:01:00+00:00"}}, "incomplete")],
)
def test_who_looks_at_a_run_that_was_killed_is_told_so(more: dict[str, Any], status: str, tmp_path: Path) -> None:
    folder = killed(tmp_path, 1, **more)
    before = folder.facts()
    [(path, facts)] = write_index(str(tmp_path))
    found = left(folder)
    assert (tmp_path / path, facts["state"]) == (Path(folder.path), "ended")
    assert (facts["state"], found["status"], found["run"]["state"]) == ("ended", status, "ended")
    assert found["error"] == f"the run was killed; its last sign of life was at {before['heartbeat']}"
    assert found["next"] == "Run again to go on: what is current is left alone."
    assert (folder.facts()["pid"], folder.facts()["heartbeat"]) == (before["pid"], before["heartbeat"])
    log = Path(folder.log).read_text(encoding="utf-8")
    assert log.count(" end ") == 1 and "the run was killed" in log
    write_index(str(tmp_path))
    assert Path(folder.log).read_text(encoding="utf-8") == log, "once"


def test_one_that_was_killed_while_it_wrote_its_end_has_ended_as_it_wrote(tmp_path: Path) -> None:
    folder = killed(tmp_path, 1)
    facts = Path(folder.path, "run.json").read_text(encoding="utf-8")
    folder.end(report(error="interrupted"))
    Path(folder.path, "run.json").write_text(facts, encoding="utf-8")
    write_index(str(tmp_path))
    assert (left(folder)["error"], folder.facts()["state"]) == ("interrupted", "ended")


def test_one_that_could_not_write_its_end_was_not_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of a full disk may have room left for a line."""
    folder = killed(tmp_path, 1)
    monkeypatch.setattr(f"{RunFolder.__module__}.write_report", full_disk)
    with pytest.raises(WriteError):
        folder.end(report(error="the deadline came"))
    monkeypatch.undo()
    write_index(str(tmp_path))
    assert (
        left(folder)["error"] == "its end could not be written into the report; its log says: incomplete: 1 not started"
    )
    assert Path(folder.log).read_text(encoding="utf-8").count(" end ") == 1, "what it said of its end stands"


def full_disk(*_dummy: Any) -> Any:
    raise WriteError("No space left on device")


def test_a_run_that_is_alive_is_left_as_it_is(tmp_path: Path) -> None:
    folder = RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD)
    folder.save(report(finished=None))
    before = {path.name: path.read_bytes() for path in Path(folder.path).iterdir()}
    [(dummy, facts)] = write_index(str(tmp_path))
    assert facts["state"] == "running"
    assert {path.name: path.read_bytes() for path in Path(folder.path).iterdir()} == before


# The page about all of them


def test_the_page_shows_the_runs_of_all_hosts_with_links_that_lead_there(tmp_path: Path) -> None:
    for base in (tmp_path / "east", tmp_path / "west #1 ä"):
        run(base, 1)
    killed(tmp_path / "east", 2)
    write_index(str(tmp_path / "east"), str(tmp_path))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', page)
    assert len(set(links)) == 3 and all((tmp_path / unquote(link)).is_file() for link in links)
    assert (tmp_path / "east/index.html").is_file() and stat.S_IMODE((tmp_path / "index.html").stat().st_mode) == 0o640
    assert 'http-equiv="refresh"' not in page and "the run was killed" in page
    RunFolder.make(str(tmp_path), UPGRADE, cloud=CLOUD).save(report(finished=None))
    write_index(str(tmp_path))
    assert 'http-equiv="refresh"' in (tmp_path / "index.html").read_text(encoding="utf-8")
