# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of files that a module at work appends to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Journal
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.tail import Followed, Tail


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_lines_that_are_appended_are_found_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"what an earlier run wrote\n")
    tail = Tail(str(path))
    assert tail.lines() == []
    append(path, b"one\ntwo\nthr")
    assert tail.lines() == ["one", "two"]
    append(path, b"ee\n\xff\n")
    assert tail.lines() == ["three", "\N{REPLACEMENT CHARACTER}"]
    assert tail.lines() == []


@pytest.mark.parametrize("new", [b"on", b"one\nmore than there was before\n", b"x" * 40 + b"\none\n"])
def test_a_file_that_took_its_place_is_read_from_its_beginning(new: bytes, tmp_path: Path) -> None:
    """Also where it is longer. Somebody moved the folder, or a rotation cut the file off."""
    path = tmp_path / "log"
    path.write_bytes(b"what was there\n")
    tail = Tail(str(path))
    append(path, b"two\nthr")
    assert tail.lines() == ["two"]
    path.rename(tmp_path / "away")
    assert tail.lines() == []
    path.write_bytes(new)
    assert tail.lines() == new.decode().split("\n")[:-1]
    path.write_bytes(b"")
    assert tail.lines() == []
    append(path, b"cut\n")
    assert tail.lines() == ["cut"]


def test_a_character_that_is_cut_in_two_is_whole_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(str(path))
    assert tail.lines() == [], "it is not there yet"
    append(path, b"B\xc3")
    assert tail.lines() == []
    append(path, b"\xbcro\n")
    assert tail.lines() == ["Büro"]


def test_a_log_that_is_no_file_or_cannot_be_read_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/null"), tmp_path, tmp_path / "none" / "log"):
        assert Tail(str(path)).lines() == []
    log = tmp_path / "log"
    log.touch()
    tail = Tail(str(log))
    append(log, b"line\n")

    def refuse(*dummy: object, **dummy2: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:  # root may read everything
        patch.setattr("builtins.open", refuse)
        assert tail.lines() == []
    assert tail.lines() == ["line"]


def test_a_journal_tells_what_runs_and_what_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal, followed = Journal(str(path)), Followed(str(path))
    assert not followed.follow(), "it is not there yet"
    journal({"started": "a", "at": "12:00"})
    journal({"started": "b", "at": "12:01"})
    assert followed.follow() and followed.running == {"a": "12:00", "b": "12:01"}
    journal({"result": {"id": "a", "status": "upgraded"}})
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"result": {"id": "b"}})[:9])  # the rest is not written yet
    assert followed.follow()
    assert (followed.running, list(followed.results)) == ({"b": "12:01"}, ["a"])
    assert not followed.follow()


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "null", "7", '"started"', "{}", '{"started": []}', '{"result": {"status": "failed"}}']
)
def test_a_line_of_a_journal_that_is_no_event_says_nothing(line: str, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    followed = Followed(str(path))
    append(path, f"{line}\n".encode())
    Journal(str(path))({"started": "a", "at": "12:00"})
    assert followed.follow() and (followed.running, followed.results) == ({"a": "12:00"}, {})


def test_a_journal_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "no folder" / "journal"))
    journal({"started": "a", "at": ""})
    Journal(None)({"started": "a", "at": ""})


def test_a_file_that_goes_away_while_it_is_looked_for_has_no_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.isfile", lambda path: True)
    assert Tail(str(tmp_path / "gone")).lines() == []
