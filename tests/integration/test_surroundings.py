# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the collection is used: under ansible-runner as in AWX, with an inventory, with other hosts than localhost."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

NETS = estate(networks=[{"name": "net-1"}, {"name": "net-2"}])


def test_progress_arrives_as_events_while_the_module_runs(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []

    def remember(event: dict[str, Any]) -> bool:
        events.append(event)
        return True

    with Cloud({**NETS, "timings": {"patch": 3.0}}, tmp_path) as cloud:
        result = ansible_runner.run(
            private_data_dir=str(tmp_path),
            playbook=UPGRADE,
            extravars={"sysvm_kinds": ["router"], "sysvm_canaries": False, "sysvm_parallel": 1},
            envvars=cloud.environment(),
            event_handler=remember,
            quiet=True,
        )
        assert (result.status, result.rc) == ("successful", 0)
        assert sorted(call["target"] for call in cloud.simulator.journal()) == ["net-1", "net-2"]

    def moment(event: dict[str, Any]) -> float:
        return datetime.fromisoformat(event["created"]).timestamp()

    [started, ended] = [
        [event for event in events if event["event"] == "verbose" and f" {mark} " in event["stdout"]]
        for mark in ("start  ", "ok     ")
    ]
    [task_ok] = [
        event
        for event in events
        if event["event"] == "runner_on_ok" and event["event_data"]["task"].startswith("Carry out step ")
    ]
    assert [len(started), len(ended)] == [2, 2]
    ahead = [moment(task_ok) - moment(event) for event in (started[0], ended[0], started[1], ended[1])]
    assert ahead == sorted(ahead, reverse=True)
    assert ahead[0] > 5.0 and ahead[1] > 2.0, "seconds before the task ended"


def inventory_of(host: str, folder: Path) -> str:
    """As in AWX. Without its last word, Ansible would look for some other Python that may lack the requirements."""
    path = folder / "inventory"
    path.write_text(
        f"{host} ansible_connection=local ansible_python_interpreter='{{{{ ansible_playbook_python }}}}'\n",
        encoding="utf-8",
    )
    return str(path)


def test_a_host_of_another_name(tmp_path: Path) -> None:
    with Cloud(NETS, tmp_path) as cloud:
        run = cloud.upgrade("-i", inventory_of("control", tmp_path), kinds=["router"], canaries=False, clouds="control")
        assert (run.rc, sorted(run.targets), run.stderr) == (0, ["net-1", "net-2"], "")
        assert "ok: [control]" in run.stdout and "[localhost]" not in run.stdout


def test_from_a_folder_far_from_the_collection(tmp_path: Path) -> None:
    """With localhost in the inventory, and a project that has its own ansible.cfg, roles, folders and variables."""
    project = tmp_path / "project"
    for folder in ("library", "roles/report/tasks", "filter_plugins"):
        project.joinpath(folder).mkdir(parents=True)
    project.joinpath("ansible.cfg").write_text(
        "[defaults]\nroles_path = roles\nstdout_callback = default\ncallback_result_format = yaml\n"
        "any_errors_fatal = true\nhash_behaviour = merge\n",
        encoding="utf-8",
    )
    wrong = "- ansible.builtin.fail: {msg: this is not the role of the collection}\n"
    project.joinpath("roles/report/tasks/main.yml").write_text(wrong, encoding="utf-8")
    variables = {"sysvm_kinds": ["router"], "sysvm_canaries": False, "name": "a variable of theirs", "units": 3}
    project.joinpath("variables.yml").write_text(json.dumps(variables), encoding="utf-8")
    with Cloud(NETS, project) as cloud:
        theirs = {"ANSIBLE_CONFIG": ""}  # the project's own
        run = cloud.upgrade("-i", inventory_of("localhost", project), "-e", "@variables.yml", env=theirs)
        assert run.rc == 0 and sorted(run.targets) == ["net-1", "net-2"]
        assert run.counts == {"upgraded": 2}
