# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of a run pass on, and where each host's lines and files go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import run as module
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run import (
    PlayContext,
    Run,
    claim,
    message_of,
    somebody_can_answer,
)


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_private_folder", lambda: str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def around(host: str = "east", *others: str) -> PlayContext:
    action: Any = SimpleNamespace(_task=SimpleNamespace(args={}, environment=None))
    return PlayContext(action, {"inventory_hostname": host, "ansible_play_hosts_all": [host, *others]})


def test_a_plan_comes_back_with_its_units_in_their_order() -> None:
    plan = {
        "steps": [{"number": 1, "units": ["c", "a"]}, {"number": 2, "units": ["d"]}],
        "units": [{"id": each} for each in ("c", "a", "d", "b")],
    }
    run = Run.begin()
    run.keep_plan(plan, started="now")
    assert run.plan() == {**plan, "started": "now"}
    assert run.results() == [] and run.running() == {}
    run.keep("results-00010", [{"id": "d"}])
    run.keep("results-00002", [{"id": "c"}, {"id": "a"}])
    assert [result["id"] for result in run.results()] == ["c", "a", "d"]


def test_paths_of_several_hosts(private: Path) -> None:
    for play, found in ((around(), "all.prom"), (around("east", "west"), "all-east.prom")):
        play.variables = {"metrics_file": "all.prom"}
        assert play.metrics() == (f"{private}/{found}", "east")
    assert around("east", "west").path("stop") == f"{private}/stop"
    for folder, found in (("./r", f"{private}/r/east"), ("/data", "/data/east")):
        play = around("east", "west")
        play.variables = {"report_dir": folder}
        assert play.report_folder == found
    assert (around().prefix, around("east", "west").prefix) == ("", "east: ")


def test_one_cloud_is_upgraded_by_one_host_at_a_time() -> None:
    batch = ["a", "b", "c"]
    assert claim("https://c/client/api", "a", batch) == []
    assert claim("https://d/client/api", "b", batch) == []
    assert claim("https://C/client/api/", "c", batch) == ["a"]
    assert claim("https://c/client/api", "a", batch) == ["c"], "the first one is told, too"
    assert claim("https://c/client/api", "later", ["later"]) == [], "one after the other, with serial"


@pytest.mark.parametrize(
    ("environ", "answer"),
    [
        ({}, True),
        ({"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, False),
        ({"ANSIBLE_STDOUT_CALLBACK": "awx_display"}, False),
        ({"ANSIBLE_STDOUT_CALLBACK": "yaml"}, True),
    ],
)
def test_who_can_answer(environ: dict[str, str], answer: bool) -> None:
    assert somebody_can_answer(environ) is answer


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({"msg": "it failed"}, "it failed"),
        ({"exception": "Traceback ...\n  File x\nValueError: no such thing\n"}, "broke off: ValueError: no such thing"),
        ({"module_stderr": "Killed"}, "broke off: Killed"),
        (
            {"msg": "Module result deserialization failed.", "module_stderr": "sh: 1: python3.9: not found\n"},
            "Module result deserialization failed. The module broke off: sh: 1: python3.9: not found",
        ),
        ({}, ""),
    ],
)
def test_why_a_module_failed_is_told_also_of_one_that_broke_off(returned: dict[str, str], words: str) -> None:
    assert words in message_of(returned)


@pytest.mark.parametrize(
    ("callback", "data"),
    [
        ("default", False),
        ("awx_display", False),
        ("community.general.yaml", False),
        ("json", True),
        ("ansible.posix.json", True),
        ("ansible.posix.jsonl", True),
    ],
)
def test_standard_output_is_left_to_data(
    callback: str, data: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ansible.constants.DEFAULT_STDOUT_CALLBACK", callback)
    module.show(["line"])
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (("", "line\n") if data else ("line\n", ""))
    assert somebody_can_answer({}) is not data
