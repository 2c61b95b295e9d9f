# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person sits at the terminal of a run that pauses."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.runner import BIN, TIME_LIMIT_S, UPGRADE, Cloud, extra_vars, kill_tree
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

PATIENCE_S = 90.0
ASKED, AGAIN = "Type yes or no:", "Please type yes or no:"


@contextmanager
def at_a_terminal(
    cloud: Cloud, **options: Any
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[str], str], Callable[[str], None]]]:
    """The run, what waits until something is shown, and what types."""
    leader, follower = pty.openpty()
    # The session's own terminal, or ansible-core takes it for a process in the background.
    begin = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", begin, str(BIN / "ansible-playbook"), UPGRADE, *extra_vars(options)],
        cwd=cloud.folder,
        env={**cloud.environment(), "TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)

    def until(text: str) -> str:
        shown = b""
        while text.encode() not in shown:
            readable, _, _ = select.select([leader], [], [], PATIENCE_S)
            assert readable, shown.decode()
            try:
                shown += os.read(leader, 65536)
            except OSError:  # it has ended
                break
        assert text in shown.decode(), shown.decode()
        return shown.decode()

    def write(text: str) -> None:
        """ansible-core drops what was typed before it reads, for which it takes each character as it comes."""
        wait_for(lambda: not termios.tcgetattr(leader)[3] & termios.ICANON)
        time.sleep(0.2)
        os.write(leader, text.encode())

    try:
        yield process, until, write
    finally:
        if process.poll() is None:
            kill_tree(process)  # type: ignore[arg-type]
        os.close(leader)


def test_a_pause_says_what_comes_next_and_asks_until_it_is_clear(tmp_path: Path) -> None:
    with (
        Cloud(estate(networks=[{"name": "a"}, {"name": "b"}, {"name": "c"}]), tmp_path) as cloud,
        at_a_terminal(cloud, kinds="router", waves="1", max_failures="1", pause="after_each_step") as (
            process,
            until,
            write,
        ),
    ):
        shown = until(ASKED)
        assert "Canary network a: upgraded in" in shown and "Next: step 2 of 3 (router live patch, wave 1" in shown
        report = json.loads((tmp_path / "sysvm-report/latest/report.json").read_text())
        assert report["run"]["state"] == "waiting"
        assert report["run"]["waiting_for"].startswith("an answer after step 1")
        write("maybe\r")
        until(AGAIN)
        write(" Y \r")
        assert "Next: step 3 of 3" in until(ASKED), "the answer was for the first pause only"
        write("n\r")
        until("PLAY RECAP")
        assert process.wait(timeout=TIME_LIMIT_S) == 2
    report = json.loads((tmp_path / "sysvm-report/latest/report.json").read_text())
    assert report["summary"] == {"upgraded": 2, "not_started": 1}
    assert report["error"].endswith("answered no after step 2 (router live patch, wave 1 of 2)")
    lines = [line for line in (tmp_path / "sysvm-report/latest/log").read_text().splitlines() if " pause " in line]
    assert [word in line for word, line in zip(("waiting", "yes", "waiting", "no"), lines, strict=True)] == [True] * 4


@pytest.mark.nightly
def test_ctrl_c_at_a_pause_ends_the_run_in_the_orderly_way(tmp_path: Path) -> None:
    with (
        Cloud(estate(networks=[{"name": "a"}, {"name": "b"}]), tmp_path) as cloud,
        at_a_terminal(cloud, kinds="router", pause="after_canary") as (process, until, write),
    ):
        until(ASKED)
        write("\x03")
        until("PLAY RECAP")
        assert process.wait(timeout=TIME_LIMIT_S) == 2
    report = json.loads((tmp_path / "sysvm-report/latest/report.json").read_text())
    assert report["summary"] == {"upgraded": 1, "not_started": 1}
    assert report["error"] == "stopped by Ctrl-C at the pause after step 1 (canary router live patch)"
