# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Standard output may go away at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import screen
screen.outlive_all()
before = screen.is_lost()
sys.stdin.read()
for number in range(20_000):
    print("line", number)
sys.stdout.flush()
print("no error", file=sys.stderr)
open("told", "w").write(f"{before} {screen.is_lost()}")
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("sink", ["gone", "/dev/full", "/dev/null"])
def test_what_cannot_be_shown_is_no_error(sink: str, unbuffered: str, tmp_path: Path) -> None:
    if sink == "gone":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(sink, os.O_WRONLY)
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], stdout=writer, stderr=subprocess.PIPE, input=b"", cwd=tmp_path, env=env
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"no error\n")
    assert (tmp_path / "told").read_text() == f"False {sink != '/dev/null'}"


def test_a_stream_that_is_closed_is_left_alone(tmp_path: Path) -> None:
    program = (
        "from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import screen;"
        "screen.outlive_all(); print(screen.is_lost())"
    )
    assert subprocess.run(["sh", "-c", f"exec {sys.executable} -c '{program}' >&- 2>&-"], cwd=tmp_path).returncode == 0
