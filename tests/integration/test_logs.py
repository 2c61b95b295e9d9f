# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log to follow and the folder of the report, also where they cannot be written."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from random import Random

import pytest

from tests.support.estates import estate
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, extra_vars
from tests.support.sampling import sampled
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

TWO_NETS = estate(networks=[{"name": "Büro {{ 1 }}"}, {"name": "net"}])


STAMP = r"\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)[+-]\d\d:\d\d "


def log_of(cloud: Cloud) -> list[str]:
    """The lines of the last run without their times, each of which has its zone."""
    lines = cloud.folder.joinpath("sysvm-report/latest/log").read_text(encoding="utf-8").splitlines()
    assert all(re.match(STAMP, line) for line in lines)
    return [re.sub(STAMP, "", line) for line in lines]


def test_the_log_gets_a_line_when_a_unit_starts_and_when_it_ends(tmp_path: Path) -> None:
    """While it runs, and on the terminal."""
    log = tmp_path / "sysvm-report/latest/log"
    with Cloud({**TWO_NETS, "timings": {"patch": 2.0}}, tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "canaries": False}))
        wait_for(lambda: log.exists() and log.read_text(encoding="utf-8").count("\n") >= 3)
        assert process.poll() is None, "the playbook is at work"
        stdout, _stderr = process.communicate(timeout=TIME_LIMIT_S)
        shown = log.read_text(encoding="utf-8").splitlines()[1:-1]
        scope, *lines, end = log_of(cloud)
        all_is_current(cloud)
        the_run_is_refused(cloud)
    assert process.returncode == 0
    counts = re.compile(r"^(\w+) .* \[step 1 of 1: (\d/\d done), .*(\d failed).*")
    assert [counts.sub(r"\1 \2, \3", line) for line in lines] == [
        "start 0/2 done, 0 failed",
        "start 0/2 done, 0 failed",
        "ok 1/2 done, 0 failed",
        "ok 2/2 done, 0 failed",
    ]
    assert re.fullmatch(r"scope   cloud 127.0.0.1:\d+ \(1 zone\); kinds router; method auto; .*", scope)
    assert re.fullmatch(r"end     success: 2 upgraded\. cloud 127.*", end)
    assert sum("network Büro {{ 1 }} " in line for line in lines) == 2
    for line in shown:
        assert stdout.count(re.sub(STAMP, r"\1 ", line)) == 1, "with the time of day alone"


def all_is_current(cloud: Cloud) -> None:
    """Who follows the log of a night has nothing else: it says what became of a run that began nothing, too."""
    assert cloud.upgrade(kinds=["router"]).rc == 0
    scope, end = log_of(cloud)
    assert scope.startswith("scope   cloud ")
    assert re.fullmatch(r"end     success: 2 current\. cloud 127.0.0.1:\d+ \(1 zone\); kinds router; .*", end)


def the_run_is_refused(cloud: Cloud) -> None:
    assert cloud.upgrade(zones=["Atlantis"]).rc != 0
    (end,) = log_of(cloud)
    assert end.startswith("end     error: ") and "Atlantis" in end


def test_a_report_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Known before anything is touched, not after the night."""
    tmp_path.joinpath("file").touch()
    with Cloud(TWO_NETS, tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, report_dir=str(tmp_path / "file" / "report"))
        assert run.rc != 0 and run.journal == []
    assert "Traceback" not in run.output
    assert "Nothing was touched, as there would be no report" in run.output and "Not a directory" in run.output


@pytest.mark.parametrize("seed", sampled(1, range(12)))
def test_a_folder_that_goes_away(seed: int, tmp_path: Path) -> None:
    """At any moment of a step. It is made again, and has the report; at most lines of the log are missing."""
    folder = tmp_path / "sysvm-report"
    with Cloud(estate(networks=TWO_NETS["networks"], timings={"patch": 1.0}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "parallel": 1, "canaries": False}))
        wait_for(lambda: (folder / "latest/log").exists() and " start " in (folder / "latest/log").read_text("utf-8"))
        path = (folder / "latest").resolve()
        time.sleep(Random(seed).uniform(0.0, 1.9))
        folder.rename(tmp_path / "away")
        stdout, stderr = process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 0 and "Result: success: 2 upgraded" in stdout
    assert json.loads((path / "report.json").read_text("utf-8"))["summary"] == {"upgraded": 2}
    warning = f"[WARNING]: The log could not be written: {path}/log: No such file or directory"
    told = "".join(warning.split()) in "".join((stdout + stderr).split())  # it may be wrapped
    assert told or " ok " in (path / "log").read_text("utf-8"), "what comes after the folder was made again is there"


def test_a_report_folder_of_ones_own_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "shared, by all"
    folder.mkdir()
    folder.chmod(0o1777)
    with Cloud(TWO_NETS, tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, report_dir=str(folder))
    assert run.rc == 0
    assert f"\nReport: {folder.joinpath('latest').resolve()}/report.json\n" in run.stdout
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert json.loads(folder.joinpath("latest/report.json").read_text(encoding="utf-8"))["summary"] == {"upgraded": 2}
    assert not tmp_path.joinpath("sysvm-report").exists(), "which is where it is unless another folder is given"


def test_paths_are_from_the_working_directory(tmp_path: Path) -> None:
    """Not from the folder of the playbook, which is the collection's own."""
    with Cloud(TWO_NETS, tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, report_dir="reports/today")
    assert run.rc == 0
    latest = tmp_path.joinpath("reports/today/latest").resolve()
    assert f"\nReport: {latest}/report.json\n" in run.stdout
    assert json.loads(latest.joinpath("report.json").read_text(encoding="utf-8"))["status"] == "success"
    assert run.stdout.count(" ok      network ") == 2, "the lines are followed where they are written"
