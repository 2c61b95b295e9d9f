# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks: when each runs, and what it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.runner import Cloud

pytestmark = pytest.mark.slow

MOMENTS = ("begin", "before_step", "after_step", "failure", "pause", "refusal", "end")


def hooks(folder: Path) -> dict[str, str]:
    """One file for all moments, which writes down what it is told."""
    told = ("moment", "scope", "counts", "report", "reason", "next")
    waits = f"(lookup('file', '{folder}/sysvm-report/latest/run.json') | from_json).waiting_for | default('')"
    line = "{{ {" + ", ".join(f"'{name}': sysvm_hook_{name}" for name in told) + f", 'waits': {waits}}} | to_json }}}}"
    task = {"ansible.builtin.lineinfile": {"path": str(folder / "said"), "line": line, "create": True, "mode": "0600"}}
    (folder / "hook.yml").write_text(json.dumps([{"name": "Say it", **task}]), encoding="utf-8")
    return dict.fromkeys(MOMENTS, "hook.yml")


def said(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "said").read_text(encoding="utf-8").splitlines()]


def test_each_moment_is_told_what_a_message_needs(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": "a"}, {"name": "b"}]), tmp_path) as cloud:
        run = cloud.upgrade(kinds="router", pause="after_canary", hooks=hooks(tmp_path))
    assert run.rc == 2
    told = said(tmp_path)
    assert [each["moment"] for each in told] == ["begin", "before_step", "after_step", "pause", "end"]
    waits = {
        **{"begin": "before step 1 (hook begin)", "before_step": "before step 1 (hook before_step)"},
        **dict.fromkeys(("after_step", "pause"), "after step 1 (hook after_step and pause)"),
    }
    assert {each["moment"]: each["waits"] for each in told} == {
        "end": "",
        **{moment: f"the play to go on {when}" for moment, when in waits.items()},
    }
    assert {each["scope"] for each in told} == {run.report["scope"]}
    assert all(each["report"].startswith(str(tmp_path)) and each["report"].endswith("report.html") for each in told)
    begin, _before, _after, pause, end = told
    assert begin["next"].startswith("step 1 of 2 (canary router live patch), 1 unit")
    assert pause["next"].startswith("step 2 of 2 (router live patch), 1 unit") and pause["counts"] == {"upgraded": 1}
    assert end["counts"] == {"upgraded": 1, "not_started": 1} and "nobody can be asked" in end["reason"]
    assert end["next"] == run.report["next"]


def test_a_run_that_is_refused_calls_its_own_hook_only(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": "a"}]), tmp_path) as cloud:
        run = cloud.upgrade(names="nobody", hooks=hooks(tmp_path))
    assert (run.rc, run.journal) == (2, [])
    [refusal] = said(tmp_path)
    assert refusal["moment"] == "refusal" and "nobody" in refusal["reason"]


@pytest.mark.nightly
def test_failure_is_called_for_a_failure(tmp_path: Path) -> None:
    faults = [{"kind": "silent_patch_failure", "match": {"name": "a"}, "times": 2}]
    with Cloud(estate(networks=[{"name": "a"}, {"name": "b"}], faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(kinds="router", hooks=hooks(tmp_path))
    told = said(tmp_path)
    assert [each["moment"] for each in told] == ["begin", "before_step", "after_step", "failure", "end"]
    assert told[3]["counts"] == {"failed": 1} and "failure budget" in told[3]["reason"]
    assert run.counts == {"failed": 1, "not_started": 1}


@pytest.mark.nightly
def test_without_hooks_a_step_is_one_task(tmp_path: Path) -> None:
    with Cloud(estate(networks=[{"name": "a"}, {"name": "b"}]), tmp_path) as cloud:
        run = cloud.upgrade(kinds="router")
    steps = run.stdout[run.stdout.index("Carry out the plan step by step") : run.stdout.index("TASK [Report")]
    assert [line.partition(" *")[0] for line in steps.splitlines() if line.startswith("TASK")] == [
        "TASK [cloudstack.sysvm.upgrade : Carry out step 1]",
        "TASK [cloudstack.sysvm.upgrade : Carry out step 2]",
    ]
    assert "skipping" not in steps


def test_after_a_hook_that_fails_nothing_is_done_though_the_play_ignores_errors(tmp_path: Path) -> None:
    """It may be the one that tells the owners, or that moves the load away."""
    (tmp_path / "hook.yml").write_text(json.dumps([{"ansible.builtin.fail": {"msg": "no mail"}}]), encoding="utf-8")
    roles = [{"ansible.builtin.import_role": {"name": f"cloudstack.sysvm.{name}"}} for name in ("preflight", "upgrade")]
    with Cloud(estate(networks=[{"name": "a"}, {"name": "b"}]), tmp_path) as cloud:
        play = {"hosts": "localhost", "gather_facts": False, "ignore_errors": True, "tasks": roles}
        said = {"sysvm_hooks": {"before_step": "hook.yml"}, "sysvm_kinds": "router"}
        run = cloud.playbook(str(cloud.write_playbook(play)), "-e", json.dumps(said))
    assert run.rc != 0 and run.journal == []
    assert "the hook before_step failed at step 1" in run.output and "no mail" in run.output
