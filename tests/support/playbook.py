# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts ansible-playbook as a person would, with all it leaves behind in one folder."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.runner import python_path

# Far more than it needs; a process that fills the memory is to die of it alone.
MEMORY = 2 << 30
LONGEST_S = 100.0


def start(
    name: str, variables: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Its output is in the folder's C(stdout); the report goes to its C(report) unless the variables say otherwise."""
    temporary = folder / "tmp"
    temporary.mkdir()
    file = folder / "variables.json"
    file.write_text(json.dumps({"sysvm_report_dir": str(folder / "report"), **variables}), encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    own = {
        "ANSIBLE_COLLECTIONS_PATH": sysconfig.get_path("purelib"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCAL_TEMP": str(temporary),
        "ANSIBLE_REMOTE_TEMP": str(temporary),
        "TMPDIR": str(temporary),
        "PYTHONPATH": python_path(),
        "PWD": str(folder),
    }
    with (folder / "stdout").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [program, "-i", "localhost,", "-c", "local", "-e", f"@{file}", name],
            env={**os.environ, **own, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
    return process


@dataclass(frozen=True)
class Said:
    """How a playbook ended, and all that it printed."""

    status: int
    text: str


def run(name: str, variables: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> Said:
    """Start it and wait for its end."""
    process = start(name, variables, folder, environment)
    try:
        status = process.wait(LONGEST_S)
    finally:
        process.kill()
    return Said(status, (folder / "stdout").read_text(encoding="utf-8"))
