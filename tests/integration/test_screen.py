# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads standard output may go away at any moment: `| head`, a pager that is left, a tee that dies."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, extra_vars, kill_tree
from tests.support.sampling import sampled

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("last", sampled(1, ["", " start ", "PLAY [", "Step 1", " ok  "]))
def test_the_run_goes_on_without_its_reader(last: str, tmp_path: Path) -> None:
    """
    :param last: what the reader sees before it goes; nothing at all if that is empty.
    """
    with Cloud(estate(networks=[{"name": "a"}, {"name": "b"}], timings={"patch": 0.5}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "parallel": 1}))
        assert process.stdout is not None
        if last:
            assert any(last in line for line in process.stdout)
        process.stdout.close()
        try:
            assert process.wait(timeout=TIME_LIMIT_S) == 0
        except subprocess.TimeoutExpired:
            kill_tree(process)
            raise
    run = tmp_path / "sysvm-report/latest"
    report = json.loads((run / "report.json").read_text())
    assert (report["status"], report["summary"]) == ("success", {"upgraded": 2})
    assert " end     " in (run / "log").read_text().splitlines()[-1]


CALLBACK = '''
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """As ansible.posix.json: one document at the end."""

    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "json_document"

    def __init__(self):
        super().__init__()
        self.results = []

    def v2_runner_on_ok(self, result):
        self.results.append(getattr(result, "result", None) or result._result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.v2_runner_on_ok(result)

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps(self.results, default=str))
'''


def test_a_callback_that_writes_json_has_standard_output_for_itself_and_the_warnings(tmp_path: Path) -> None:
    (tmp_path / "json_document.py").write_text(CALLBACK, encoding="utf-8")
    env = {"ANSIBLE_STDOUT_CALLBACK": "json_document", "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path)}
    with Cloud(estate(networks=[{"name": "a"}]), tmp_path) as cloud:
        run = cloud.check(kinds="router", report_dir="/proc/nowhere", env=env)
    assert run.rc == 0, run.output
    [warnings] = [result["warnings"] for result in json.loads(run.stdout) if result.get("warnings")]
    assert "/proc/nowhere" in str(warnings)
    assert "Scope: " in run.stderr
