# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves, deadline, pauses, hooks, budget in percent, the stop file and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, Run, extra_vars
from tests.support.sampling import sampled
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

NETS = [f"net-{number}" for number in range(1, 9)]


def nets(**sections: Any) -> dict[str, Any]:
    return estate(zones=[{"name": "Berlin", "hosts": 8}], networks=[{"name": name} for name in NETS], **sections)


def steps(run: Run) -> list[int]:
    return [len(step["units"]) for step in run.report["steps"]]


def test_waves_with_hooks_around_each(tmp_path: Path) -> None:
    said = tmp_path / "said"
    for hook in ("before", "after", "failure"):
        line = hook + " {{ sysvm_step.name }} {{ sysvm_step_units | map(attribute='owner.account') | unique | join }}"
        results = "{{ sysvm_step_results | default([]) | map(attribute='status') | unique | join(',') }}"
        task = {
            "ansible.builtin.lineinfile": {
                "path": str(said),
                "line": f"{line} {results}",
                "create": True,
                "mode": "0600",
            }
        }
        tmp_path.joinpath(f"{hook}.yml").write_text(json.dumps([{"name": hook, **task}]))
    fault = {"kind": "silent_patch_failure", "match": {"name": "net-8"}, "times": 2}
    with Cloud(nets(faults=[fault]), tmp_path) as cloud:
        run = cloud.upgrade(
            kinds=["router"],
            waves=["1", "50%"],
            max_failures="20%",
            hooks={
                "before_step": "before.yml",
                "after_step": str(tmp_path / "after.yml"),
                "failure": "failure.yml",
            },
        )
    assert steps(run) == [1, 1, 3, 3]
    assert run.counts == {"upgraded": 7, "failed": 1}
    assert said.read_text().splitlines() == [
        "before canary router live patch system ",
        "after canary router live patch system upgraded",
        "before router live patch, wave 1 of 3 system ",
        "after router live patch, wave 1 of 3 system upgraded",
        "before router live patch, wave 2 of 3 system ",
        "after router live patch, wave 2 of 3 system upgraded",
        "before router live patch, wave 3 of 3 system ",
        "after router live patch, wave 3 of 3 system upgraded,failed",
        "failure router live patch, wave 3 of 3 system upgraded,failed",
    ]


def test_without_anybody_to_ask_a_run_ends_at_its_pause(tmp_path: Path) -> None:
    with Cloud(nets(), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], pause="after_canary")
        assert run.rc != 0
        assert run.counts == {"upgraded": 1, "not_started": 7}
        assert "run again with sysvm_pause=none" in run.report["error"]
        again = cloud.upgrade(kinds=["router"])
        assert (again.rc, again.counts) == (0, {"upgraded": 7, "current": 1})


def test_nothing_starts_that_would_not_end_before_the_deadline(tmp_path: Path) -> None:
    with Cloud(nets(timings={"patch": 2}), tmp_path) as cloud:
        # Nothing is known of durations at first, so the estimate of 90 s counts.
        run = cloud.upgrade(kinds=["router"], canaries=False, deadline="30s")
        assert (run.rc != 0, run.journal, run.counts) == (True, [], {"not_started": 8})
        assert "before the deadline" in run.units["net-1"]["reason"]
        again = cloud.upgrade(kinds=["router"], canaries=False, deadline="10m")
        assert again.rc == 0


def test_a_control_file_pauses_speeds_up_and_stops_a_rollout(tmp_path: Path) -> None:
    """What runs is waited for and proven; nothing has failed, so no hook for failures runs."""
    hook, control = tmp_path / "hook.yml", tmp_path / "sysvm-report" / "control"
    log = tmp_path / "sysvm-report/latest/log"
    hook.write_text(f"- ansible.builtin.file: path={tmp_path}/hooked state=touch\n", encoding="utf-8")
    with Cloud(nets(timings={"patch": 1}), tmp_path) as cloud:
        options = {"kinds": ["router"], "canaries": False, "parallel": 1, "hooks": {"failure": str(hook)}}
        refused_at = tmp_path / "refused"
        refused = {"begin": str(hook), "refusal": str(tmp_path / "refusal.yml")}
        (tmp_path / "refusal.yml").write_text(hook.read_text().replace("hooked", "refused"), encoding="utf-8")
        process = cloud.start(UPGRADE, *extra_vars(options))
        wait_for(lambda: len(cloud.simulator.journal()) == 1)

        def say(text: str, told: str) -> None:
            control.write_text(f"{text}\n", encoding="utf-8")
            wait_for(lambda: f"{told} waiting. {control}" in log.read_text())

        say("  Pause ", "pause: 1 at work, 7")
        wait_for(lambda: "1/8 done, 0 at work" in log.read_text())
        say("parallel: 2\nresume", "resume: 0 at work, 7")
        wait_for(lambda: len(cloud.simulator.journal()) == 3)
        control.write_text("stop\n", encoding="utf-8")
        stdout, dummy = process.communicate(timeout=TIME_LIMIT_S)
        report = json.loads((tmp_path / "sysvm-report/latest/report.json").read_text())
        again = cloud.upgrade(kinds=["router"], canaries=False, hooks=refused)
        control.unlink()
        last = cloud.upgrade(kinds=["router"], canaries=False)
    assert process.returncode != 0
    assert set(report["summary"]) == {"upgraded", "not_started"}, report["summary"]
    left = {unit["reason"] for unit in report["units"] if unit["status"] == "not_started"}
    assert left == {f"stopped by {control}"}
    assert f"stopped by {control}" in report["error"] and "budget" not in stdout
    assert report["error"].endswith("; remove the control file before the next run")
    assert not (tmp_path / "hooked").exists()
    assert again.rc != 0 and again.journal == [] and f"Nothing was touched: {control}" in again.output
    assert again.report["status"] == "refused" and refused_at.exists(), "before the hook for the begin"
    assert last.rc == 0


@pytest.mark.parametrize(
    ("number", "who", "status"),
    sampled(
        1,
        [
            (signal.SIGINT, "Ctrl-C (SIGINT)", 99),
            (signal.SIGKILL, "the end of ansible-playbook", -signal.SIGKILL),
            (signal.SIGTERM, "SIGTERM", -signal.SIGTERM),
            (signal.SIGHUP, "the end of ansible-playbook", -signal.SIGHUP),
        ],
    ),
)
def test_an_interrupted_run_leaves_a_report_and_the_next_one_goes_on(
    number: signal.Signals, who: str, status: int, tmp_path: Path
) -> None:
    """What a signal stops is no failure, and the exit status is ansible-core's, as the guide says."""
    with Cloud(nets(timings={"patch": 8}), tmp_path) as cloud:
        ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as nohup would have it, also for what is started
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "canaries": False, "parallel": 3}))
        signal.signal(signal.SIGHUP, ignored)
        wait_for(lambda: len(cloud.simulator.journal()) == 3)
        process.send_signal(number)
        process.communicate(timeout=TIME_LIMIT_S)
        assert process.returncode == status
        path = tmp_path / "sysvm-report/latest/report.json"
        wait_for(path.exists)
        wait_for(lambda: (json.loads(path.read_text())["error"] or "").startswith(f"stopped by {who} at "))
        report = json.loads(path.read_text())
        assert not (path.parent / "evidence").exists()
        assert report["summary"] == {"left_running": 3, "not_started": 5}
        left = [unit["reason"] for unit in report["units"] if unit["status"] == "left_running"]
        assert all("interrupted: job" in reason for reason in left)
        cloud.simulator.update(timings={"patch": 0.2})
        again = cloud.upgrade(kinds=["router"], canaries=False, parallel=8)
        assert again.rc == 0, again.output
        assert len(again.journal) == 5, "the jobs that still ran were waited for"
        assert all(cloud.patches()[name] == 1 for net in NETS for name in cloud.vms_of(net))


def test_ctrl_c_on_a_terminal_reaches_all_processes_at_once(tmp_path: Path) -> None:
    """The module must survive it to tell what became of its units, also with ansible-core 2.18, whose workers belong to
    the terminal."""
    with Cloud(nets(timings={"patch": 8}), tmp_path) as cloud:
        options = {"kinds": ["router"], "canaries": False, "parallel": 3, "on_interrupt": "wait"}
        process = cloud.start(UPGRADE, *extra_vars(options), new_session=True)
        wait_for(lambda: len(cloud.simulator.journal()) == 3)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=TIME_LIMIT_S)
        path = tmp_path / "sysvm-report/latest/report.json"
        wait_for(lambda: (json.loads(path.read_text())["error"] or "").startswith("stopped by Ctrl-C (SIGINT) at "))
        assert json.loads(path.read_text())["summary"] == {"upgraded": 3, "not_started": 5}


@pytest.mark.parametrize("number", sampled(1, [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]))
def test_the_next_item_of_a_loop_does_not_begin_after_an_interruption(number: signal.Signals, tmp_path: Path) -> None:
    with Cloud(nets(timings={"patch": 5}), tmp_path) as cloud:
        loop = {"cloudstack.sysvm.cs_router_restart": {"networks": ["{{ item }}"]}, "loop": NETS[:3]}
        process = cloud.start(str(cloud.write_tasks([loop])))
        wait_for(lambda: len(cloud.simulator.journal()) == 1)
        process.send_signal(number)
        process.communicate(timeout=TIME_LIMIT_S)
        time.sleep(6)
        assert len(cloud.simulator.journal()) == 1
        left = [path.name for path in tmp_path.rglob("*ansible-tmp*")]
        assert left == [], "the module with its secrets"


def test_between_two_steps_the_report_tells_what_was_done_so_far(tmp_path: Path) -> None:
    hook = tmp_path / "hook.yml"
    here = tmp_path / "here"
    # One task: between two, while ansible-core forks, it may hang when it is interrupted.
    hook.write_text(f"- ansible.builtin.shell: touch {here} && sleep 60\n", encoding="utf-8")
    with Cloud(nets(), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "hooks": {"after_step": str(hook)}}))
        wait_for(here.exists)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIME_LIMIT_S)
        report = json.loads((tmp_path / "sysvm-report/latest/report.json").read_text())
    assert (report["status"], report["summary"]) == ("incomplete", {"upgraded": 1, "not_started": 7})
    assert report["error"] == "ansible-playbook ended before the run did"
    log = (tmp_path / "sysvm-report/latest/log").read_text(encoding="utf-8").splitlines()
    assert " end     incomplete: 7 not started, 1 upgraded. cloud " in log[-1]


def test_a_vpc_whose_patch_was_interrupted_between_two_tiers_is_finished(tmp_path: Path) -> None:
    with Cloud(estate(vpcs=[{"name": "vpc", "tiers": 3}]), tmp_path) as cloud:
        tiers = sorted(
            cloud.call("listNetworks", listall="true", projectid="-1")["network"], key=lambda tier: tier["name"]
        )
        cloud.call("restartNetwork", id=tiers[0]["id"], cleanup="false", livepatch="true")
        wait_for(lambda: not cloud.call("listAsyncJobs", listall="true"))
        run = cloud.upgrade(kinds=["router"])
        assert run.rc == 0, run.output
        assert run.targets == [tiers[1]["name"], tiers[2]["name"]]
        again = cloud.upgrade(kinds=["router"])
        assert (again.rc, again.journal) == (0, [])
