# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-runner, as in AWX, old and new, with ansible-core old and new.

An AWX job is displayed by the runner of the execution node, which is often older than what its execution environment
holds. Each combination has a virtual environment of its own in .cache, made from the package registry once.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, kill_tree

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

ROOT = Path(__file__).resolve().parents[2]
CORES = {"2.18": ("ansible-core~=2.18.0", ">=3.11,<3.14"), "newest": ("ansible-core", ">=3.12")}
RUNNERS = {"2.4.1": "ansible-runner==2.4.1", "newest": "ansible-runner"}
NETS = estate(networks=[{"name": "net-1"}, {"name": "net-2"}], timings={"patch": 2.0})


def virtual_environment(core: str, runner: str) -> Path:
    """Its folder of programs."""
    folder = ROOT / ".cache" / "runner-matrix" / f"core-{core}-runner-{runner}"
    complete = folder / "complete"
    if not complete.exists():
        if importlib.util.find_spec("uv") is None:
            pytest.skip("needs uv, which `make setup` installs where it can")
        requirement, python = CORES[core]
        # What pyenv has installed, as the shims that it puts in the path do not run all of it.
        pythons = [str(path) for path in sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)]
        environment = {**os.environ, "PATH": os.pathsep.join([*pythons, os.environ["PATH"]])}
        for command in (
            ["venv", "--quiet", "--clear", "--no-python-downloads", "--python", python, str(folder)],
            [
                "pip",
                "install",
                "--quiet",
                "--python",
                str(folder),
                requirement,
                RUNNERS[runner],
                "-r",
                "requirements.txt",
            ],
        ):
            made = subprocess.run(
                [sys.executable, "-m", "uv", *command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode != 0:
                pytest.skip(f"no Python {python} here, or no package registry: {made.stderr.strip()[-300:]}")
        complete.touch()
    return folder / "bin"


# With -vvv ansible-core itself displays lines of its own all along, beside all that it does without.
@pytest.mark.parametrize(
    ("core", "runner", "verbosity"),
    [*((core, runner, 3) for core in CORES for runner in RUNNERS), ("newest", "newest", 0)],
)
def test_progress_arrives_while_the_module_runs(core: str, runner: str, verbosity: int, tmp_path: Path) -> None:
    programs = virtual_environment(core, runner)
    tmp_path.joinpath("env").mkdir()
    options = {"sysvm_kinds": ["router"], "sysvm_canaries": False, "sysvm_parallel": 1}
    tmp_path.joinpath("env", "extravars").write_text(json.dumps(options), encoding="utf-8")
    with Cloud(NETS, tmp_path) as cloud:
        environment = cloud.environment()
        environment["PATH"] = f"{programs}:{environment['PATH']}"
        command = [str(programs / "ansible-runner"), "run", str(tmp_path), "-p", UPGRADE, "--ident", "job"]
        process = subprocess.Popen(
            [*command, *["-" + "v" * verbosity] * bool(verbosity)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            output, dummy = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            kill_tree(process)
            raise
        assert process.returncode == 0, output
        assert sorted(call["target"] for call in cloud.simulator.journal()) == ["net-1", "net-2"]
    events: list[dict[str, Any]] = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in tmp_path.glob("artifacts/job/job_events/*.json")
        if "partial" not in path.name
    ]
    [end] = [
        moment(event)
        for event in events
        if event["event"] == "runner_on_ok" and event["event_data"]["task"].startswith("Carry out step ")
    ]
    lines = [
        (moment(event), mark)
        for event in events
        for mark in ("start", "ok")
        if event["event"] == "verbose" and f" {mark:<7} network net-" in event["stdout"]
    ]
    assert [mark for dummy, mark in sorted(lines)] == ["start", "ok", "start", "ok"]
    first, second, *rest = [end - moment for moment, dummy in sorted(lines)]
    assert first > 3.0 and second > 1.0 and min(rest) >= 0, "seconds before the task ended"


def moment(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["created"]).timestamp()
