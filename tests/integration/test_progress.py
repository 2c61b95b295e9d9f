# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of plan, progress and result go: callbacks that write JSON need standard output for themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud, Run, extra_vars

pytestmark = pytest.mark.slow

NETS = estate(networks=[{"name": "net-1"}, {"name": "net-2"}])

# As ansible.posix.json does it: one document when everything is over.
JSON_CALLBACK = """
import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "one_document"

    def __init__(self):
        super().__init__()
        self.tasks = []

    def v2_runner_on_ok(self, result):
        self.tasks.append(result._task.get_name())

    v2_runner_on_failed = v2_runner_on_ok

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"tasks": self.tasks}))
"""


def upgrade(cloud: Cloud, progress: str, **options: object) -> Run:
    folder = cloud.folder / "callbacks"
    folder.mkdir(exist_ok=True)
    folder.joinpath("one_document.py").write_text(JSON_CALLBACK, encoding="utf-8")
    env = {"ANSIBLE_CALLBACK_PLUGINS": str(folder), "ANSIBLE_STDOUT_CALLBACK": "one_document"}
    return cloud.playbook(
        UPGRADE, *extra_vars({"kinds": ["router"], "canaries": False, "progress": progress, **options}), env=env
    )


def lines_in(text: str) -> list[str]:
    """Which of the lines of plan, progress and result, and where the report is, are there."""
    marks = ("Upgrade to ", " start   network ", " ok      network ", "Result: ", "Report: ")
    return [mark.strip() for mark in marks if mark in text]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("progress", "on_stderr"),
    [("stderr", ["Upgrade to", "start   network", "ok      network", "Result:", "Report:"]), ("none", [])],
)
def test_standard_output_is_left_to_the_callback(progress: str, on_stderr: list[str], tmp_path: Path) -> None:
    with Cloud(NETS, tmp_path) as cloud:
        run = upgrade(cloud, progress)
    assert run.rc == 0, run.output
    assert "upgrade : Carry out step 1" in str(json.loads(run.stdout)["tasks"])
    assert lines_in(run.stderr) == on_stderr
    log = (tmp_path / "sysvm-report/latest/log").read_text(encoding="utf-8")
    assert log.count("\n") == 6, "the scope, the lines and the end in any case"


def test_another_place_is_refused(tmp_path: Path) -> None:
    """By the modules; what the playbooks' variable may be is the variables' own test."""
    with Cloud(NETS, tmp_path) as cloud:
        module = {"cloudstack.sysvm.cs_router_restart": {"networks": ["net-1"], "progress": "paper"}}
        show = {"cloudstack.sysvm.sysvm_show": {"lines": ["line"], "progress": "paper"}}
        results = cloud.tasks([module, show]).results
        assert cloud.simulator.journal() == []
    for result in results:
        assert "value of progress must be one of: stdout, stderr, none, got: paper" in result["msg"]
