# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout that people steer by a file while it runs; in virtual time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.control import (
    Control,
    Steering,
    refuse_left_over,
    steering_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.surroundings import Rollout
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, networks, roll

BEGIN = FakeServer([]).clock()


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("", Steering()),
        ("pause", Steering(paused=True)),
        ("\ufeff  PAUSE \r\n\r\n", Steering(paused=True)),
        ("pause\nresume", Steering(paused=False)),
        ("resume\npause\n", Steering(paused=True)),
        ("Stop", Steering(stopped=True)),
        ("stop\nresume", Steering(paused=False, stopped=True)),
        ("parallel: 3", Steering(parallel=3)),
        ("Parallel:3\nparallel =  12 # for now\nparallel 5", Steering(parallel=5)),
        ("pause # until the backup is done\nparallel: 2", Steering(paused=True, parallel=2)),
        ("pasue\nparallel: 2", Steering(parallel=2, unknown=("pasue",))),
        (
            "parallel: 0\nparallel: -1\nparallel: two\nparallel:",
            Steering(unknown=("parallel: 0", "parallel: -1", "parallel: two", "parallel:")),
        ),
        ("pause now", Steering(unknown=("pause now",))),
    ],
)
def test_what_lines_mean(text: str, means: Steering) -> None:
    assert steering_of(text) == means


@given(st.text())
def test_whatever_is_written_is_read(text: str) -> None:
    assert len(steering_of(text).unknown) <= len(text.splitlines())


def test_what_cannot_be_read_steers_nothing_and_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert Control(str(tmp_path / "absent")).news() is None
    for name in ("folder", "pipe"):
        control = Control(str(tmp_path / name))
        assert [control.news(), control.news()] == [Steering(problem="it is no file"), None]
    (tmp_path / "mine").write_text("stop")
    with monkeypatch.context() as patched:  # of another user; root may read all
        patched.setattr("builtins.open", Mock(side_effect=PermissionError(13, "Permission denied")))
        control = Control(str(tmp_path / "mine"))
        assert [control.news(), control.news()] == [Steering(problem="Permission denied"), None]
    assert control.news() == Steering(stopped=True)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00pause")
    told = Control(str(binary)).news()
    assert told is not None and told.paused is None and len(told.unknown) == 1


def test_one_that_is_there_from_before_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "control"
    refuse_left_over(str(path))
    path.write_text("stop")
    with pytest.raises(SysvmError, match=f"Nothing was touched: {path}.*Remove it"):
        refuse_left_over(str(path))
    with pytest.raises(SysvmError, match="from before"):
        refuse_left_over(str(path), path.stat().st_mtime + 1)
    refuse_left_over(str(path), path.stat().st_mtime - 1)


class Steered(FakeServer):
    """:param says: what the file says, by seconds since the rollout began; None removes it."""

    def __init__(self, units: list[Unit], path: Path, says: Mapping[float, str | None], faults: Any = None) -> None:
        super().__init__(units, faults, {unit.id: 20.0 for unit in units})
        self._path, self._says = path, dict(says)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        for after in [after for after in self._says if self.time >= BEGIN + after]:
            text = self._says.pop(after)
            if text is None:
                self._path.unlink()
            else:
                self._path.write_text(text, encoding="utf-8")

    def sent_after(self, seconds: float) -> list[float]:
        return [when - BEGIN for when, _unit, _call in self.log if when > BEGIN + seconds]


def steer(
    tmp_path: Path, says: Mapping[float, str | None], count: int = 12, faults: Any = None, **limits: Any
) -> tuple[Steered, Rollout, list[str]]:
    units, path, lines = networks(count), tmp_path / "control", list[str]()
    server = Steered(units, path, says, {units[0].id: faults} if faults else None)
    rollout = roll(server, units, replace(LIMITS, **limits), Method.LIVE_PATCH, control=Control(str(path)), lines=lines)
    return server, rollout, [line.split("steer")[1].strip() for line in lines if " steer " in line]


def test_a_pause_begins_nothing_and_what_runs_goes_on(tmp_path: Path) -> None:
    server, rollout, lines = steer(tmp_path, {5.0: "pause", 200.0: "pause\nresume"})
    path = tmp_path / "control"
    assert lines == [
        f"pause: 4 at work, 8 waiting. {path}",
        f"resume: 0 at work, 8 waiting. {path}",
    ]
    assert rollout.good
    sent = server.sent_after(5.6)
    assert len(sent) == 8 and min(sent) > 200, "the next four begin only then"


def test_a_step_may_begin_paused(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("pause")
    server, rollout, _lines = steer(tmp_path, {60.0: "resume"})
    assert rollout.good and min(server.sent_after(0)) > 60


def test_a_pause_ends_with_the_deadline(tmp_path: Path) -> None:
    server, rollout, _lines = steer(tmp_path, {5.0: "pause"}, deadline=BEGIN + 300)
    assert BEGIN + 200 < server.time < BEGIN + 310
    left = {result.code for result in rollout.results if result.status is UnitStatus.NOT_STARTED}
    assert left == {"Deadline"}


@pytest.mark.parametrize("wait_when_interrupted", [False, True])
def test_a_stop_waits_for_what_runs_and_begins_nothing(wait_when_interrupted: bool, tmp_path: Path) -> None:
    server, rollout, lines = steer(
        tmp_path, {5.0: "stop\n", 10.0: "resume\n"}, max_failures=0, wait_when_interrupted=wait_when_interrupted
    )
    path = tmp_path / "control"
    assert lines == [f"stop: 4 at work, 8 waiting. {path}"]
    statuses = [result.status for result in rollout.results]
    assert (statuses.count(UnitStatus.UPGRADED), statuses.count(UnitStatus.NOT_STARTED)) == (4, 8)
    left = {(one.code, one.reason) for one in rollout.results if one.status is UnitStatus.NOT_STARTED}
    assert left == {("StoppedByFile", f"stopped by {path}")}
    assert server.sent_after(6) == []


def test_what_a_stop_leaves_is_not_counted_as_done(tmp_path: Path) -> None:
    units, path, lines = networks(12), tmp_path / "control", list[str]()
    server = Steered(units, path, {5.0: "stop"})
    roll(server, units, LIMITS, Method.LIVE_PATCH, control=Control(str(path)), lines=lines)
    left = [line for line in lines if " left " in line]
    assert len(left) == 8 and all("4/12 done, 0 at work" in line for line in left)


def test_what_a_stop_keeps_from_being_tried_again_has_not_failed(tmp_path: Path) -> None:
    """The next run goes on with it."""
    _server, rollout, _lines = steer(tmp_path, {5.0: "stop"}, count=1, faults=[Fault.SILENT])
    [result] = rollout.results
    assert (result.status, result.code) == (UnitStatus.LEFT_RUNNING, "StoppedByFile")
    assert "r0 reports 4.18.1.0" in result.reason and result.reason.endswith(f"stopped by {tmp_path}/control")


def test_a_paused_rollout_may_be_stopped(tmp_path: Path) -> None:
    server, rollout, lines = steer(tmp_path, {5.0: "pause", 100.0: "stop"})
    assert [line.partition(":")[0] for line in lines] == ["pause", "stop"]
    assert BEGIN + 100 <= server.time < BEGIN + 103
    assert {result.status for result in rollout.results} == {UnitStatus.UPGRADED, UnitStatus.NOT_STARTED}


@pytest.mark.parametrize(("number", "most"), [(1, 1), (2, 2), (6, 6), (500, 12)])
def test_how_many_are_at_work_may_change(number: int, most: int, tmp_path: Path) -> None:
    server, rollout, lines = steer(tmp_path, {1.0: f"parallel: {number}"}, parallel=4)
    assert lines == [f"parallel: {number}: 4 at work, 8 waiting. {tmp_path}/control"]
    assert rollout.good
    later = server.sent_after(1.0)
    together = max(sum(start <= other < start + 19 for other in later) for start in later)
    assert together <= most and server.most_at_once == max(4, most)


def test_what_means_nothing_is_told_once_and_changes_nothing(tmp_path: Path) -> None:
    _server, rollout, lines = steer(tmp_path, {1.0: "pasue", 30.0: "pasue\nstopp", 50.0: None, 60.0: "parallel: 4"})
    told = f"{tmp_path}/control says {{!r}}, which changes nothing: the words are pause, resume, stop and parallel: N"
    assert lines == [told.format("pasue"), told.format("stopp")]
    assert rollout.good
