# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth at every moment: what report, screen, artifacts and exit status say, whatever happens around modules."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ansible_runner
import pexpect
import pytest
import yaml

from tests.support.estates import estate
from tests.support.runner import BIN, TIME_LIMIT_S, UPGRADE, Cloud, extra_vars, kill_tree
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

NETS = [f"net-{number}" for number in range(1, 5)]
ROLES = [
    {"ansible.builtin.include_role": {"name": f"cloudstack.sysvm.{name}"}}
    for name in ("preflight", "upgrade", "report")
]


def nets(**sections: Any) -> dict[str, Any]:
    return estate(networks=[{"name": name} for name in NETS], **sections)


def report_in(folder: Path) -> dict[str, Any]:
    return json.loads(folder.joinpath("report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("hook", "counts"),
    [
        ("before_step", {"not_started": 4}),
        ("failure", {"failed": 1, "not_started": 3}),
    ],
)
def test_a_hook_that_fails_changes_no_result(hook: str, counts: dict[str, int], tmp_path: Path) -> None:
    tmp_path.joinpath("hook.yml").write_text("- ansible.builtin.fail: {msg: the ticket system is down}\n", "utf-8")
    faults = [{"kind": "silent_patch_failure", "match": {"name": "net-1"}, "times": 2}] if hook == "failure" else []
    with Cloud(nets(faults=faults), tmp_path) as cloud:
        options: dict[str, Any] = {"kinds": ["router"], "hooks": {hook: "hook.yml"}}
        run = cloud.upgrade(**options)
    assert (run.rc != 0, run.counts, run.report["status"]) == (True, counts, "incomplete")
    assert run.report["error"] == (
        f"the hook {hook} failed at step 1 (canary router live patch): the ticket system is down"
    )
    assert f"Broken off: {run.report['error']}" in run.stdout


def test_a_hook_that_fails_after_all_is_done_changes_no_result(tmp_path: Path) -> None:
    tmp_path.joinpath("hook.yml").write_text("- ansible.builtin.fail: {msg: no}\n", encoding="utf-8")
    with Cloud(nets(), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, hooks={"after_step": "hook.yml"})
    assert (run.rc != 0, run.counts) == (True, {"upgraded": 4})
    assert run.report["next"] == "All units are proven current; see what broke the run off."


def test_hooks_see_names_as_they_are(tmp_path: Path) -> None:
    said = tmp_path / "said"
    task = {
        "ansible.builtin.copy": {
            "content": "{{ sysvm_step_units | map(attribute='name') | join }}: {{ sysvm_step_results[0].status }}",
            "dest": str(said),
            "mode": "0600",
        }
    }
    tmp_path.joinpath("hook.yml").write_text(json.dumps([task]), encoding="utf-8")
    with Cloud(estate(networks=[{"name": "Büro {{ net }}"}]), tmp_path) as cloud:
        assert cloud.upgrade(kinds=["router"], hooks={"after_step": "hook.yml"}).rc == 0
    assert said.read_text(encoding="utf-8") == "Büro {{ net }}: upgraded"


# Several clouds


@contextmanager
def two_clouds(folder: Path, **second: Any) -> Iterator[tuple[Cloud, Cloud, Path]]:
    """And an inventory with a host for each."""
    with ExitStack() as stack:
        clouds = [
            stack.enter_context(Cloud(each, folder))
            for each in (nets(timings={"patch": 2.0}), nets(timings={"patch": 2.0}, **second))
        ]
        hosts = {
            name: {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "sysvm_api_url": cloud.simulator.url,
                "sysvm_api_key": cloud.simulator.key,
                "sysvm_api_secret": cloud.simulator.secret,
            }
            for name, cloud in zip(("east", "west"), clouds, strict=True)
        }
        inventory = folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"clouds": {"hosts": hosts}}), encoding="utf-8")
        yield clouds[0], clouds[1], inventory


# host_pinned is free with another way to give out workers.
@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_several_clouds_are_upgraded_side_by_side(strategy: str, tmp_path: Path) -> None:
    """Each with a folder, a log and a prefix of its own; the one that fails does not spoil the other's report."""
    faults = [{"kind": "silent_patch_failure", "match": {"name": "net-2"}, "times": 2}]
    with two_clouds(tmp_path, faults=faults) as (east, west, inventory):
        options = {"kinds": "router", "clouds": "clouds", "max_failures": 1, "parallel": 1}
        options["metrics_file"] = "sysvm.prom"
        run = east.playbook(UPGRADE, "-i", str(inventory), *extra_vars(options), env={"ANSIBLE_STRATEGY": strategy})
        began = [min(call["at"] for call in cloud.simulator.journal()) for cloud in (east, west)]
        ended = [max(call["at"] for call in cloud.simulator.journal()) for cloud in (east, west)]
    assert run.rc != 0
    assert began[0] < ended[1] and began[1] < ended[0], "at the same time"
    reports = {name: report_in(tmp_path / "sysvm-report" / name / "latest") for name in ("east", "west")}
    assert {name: (each["status"], each["summary"]) for name, each in reports.items()} == {
        "east": ("success", {"upgraded": 4}),
        "west": ("incomplete", {"upgraded": 3, "failed": 1}),
    }
    assert not tmp_path.joinpath("sysvm-report/latest/report.json").exists()
    for name in ("east", "west"):
        assert tmp_path.joinpath("sysvm-report", name, "latest/log").read_text(encoding="utf-8").count(" start ") == 4
        metrics = tmp_path.joinpath(f"sysvm-{name}.prom").read_text(encoding="utf-8")
        assert f'\nsysvm_units{{host="{name}",status="upgraded"}} {reports[name]["summary"]["upgraded"]}\n' in metrics
        assert f"\n{name}: Scope: cloud " in run.stdout
        lines = [
            line for line in run.stdout.splitlines() if " start   network" in line and line.startswith(f"{name}: ")
        ]
        assert len(lines) == 4


def test_a_pause_works_with_another_strategy(tmp_path: Path) -> None:
    with Cloud(nets(), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], pause="after_canary", env={"ANSIBLE_STRATEGY": "free"})
    assert (run.rc != 0, run.counts) == (True, {"upgraded": 1, "not_started": 3})


# In between


def test_units_at_work_are_running_in_the_report_that_a_kill_leaves(tmp_path: Path) -> None:
    with Cloud(nets(timings={"patch": 20}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "canaries": False, "parallel": 3}))
        path = tmp_path / "sysvm-report/latest"
        wait_for(lambda: path.joinpath("report.json").exists())
        wait_for(lambda: report_in(path)["summary"].get("running") == 3)
        kill_tree(process)
        report = report_in(path)
        at_work = {call["target"] for call in cloud.simulator.journal()}
    assert report["summary"] == {"running": 3, "not_started": 1}
    assert {unit["name"] for unit in report["units"] if unit["status"] == "running"} == at_work
    assert "▸ running" in path.joinpath("report.md").read_text(encoding="utf-8")
    assert "▸ running" in path.joinpath("report.html").read_text(encoding="utf-8")


def test_an_interrupted_run_has_said_where_the_report_is(tmp_path: Path) -> None:
    with Cloud(nets(timings={"patch": 5}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({"kinds": ["router"], "canaries": False}))
        wait_for(lambda: len(cloud.simulator.journal()) == 4)
        process.send_signal(signal.SIGTERM)
        stdout, _stderr = process.communicate(timeout=TIME_LIMIT_S)
        latest = tmp_path / "sysvm-report/latest"
        wait_for(lambda: (report_in(latest)["error"] or "").startswith("stopped by SIGTERM at "))
    assert f"Report, kept up to date while this runs: {latest.resolve()}/report.html\n" in stdout, stdout


def test_nothing_is_left_of_an_earlier_run_in_the_play(tmp_path: Path) -> None:
    """The first is stopped after its canary, the second is not; a module alone leaves the report as it is."""
    module = {"cloudstack.sysvm.cs_systemvm_livepatch": {"system_vms": ["s-1-VM"]}}
    first = [{**role, "vars": {"sysvm_pause": "after_canary"}, "ignore_errors": True} for role in ROLES[:2]]
    with Cloud(nets(), tmp_path) as cloud:
        path = cloud.write_playbook(
            {
                "hosts": "localhost",
                "gather_facts": False,
                "vars": {"sysvm_kinds": "router", "sysvm_error": "of some earlier run"},
                "tasks": [*first, *ROLES, module],
            }
        )
        run = cloud.playbook(str(path))
    assert (run.rc, run.report["status"], run.report["error"]) == (0, "success", None), run.output
    assert run.counts == {"upgraded": 3, "current": 1}
    assert "is at work on this cloud" not in run.output
    earlier, dummy = (report_in(folder) for folder in sorted(tmp_path.glob("sysvm-report/runs/*")))
    assert earlier["summary"] == {"upgraded": 1, "not_started": 3}
    assert earlier["error"].startswith("paused after step 1 ")


@pytest.mark.parametrize(("answer", "counts"), [("yes", {"upgraded": 4}), ("no", {"upgraded": 1, "not_started": 3})])
def test_a_person_at_a_terminal_is_asked(answer: str, counts: dict[str, int], tmp_path: Path) -> None:
    with Cloud(nets(), tmp_path) as cloud:
        options = extra_vars({"kinds": "router", "pause": "after_canary"})
        process = pexpect.spawn(
            str(BIN / "ansible-playbook"), [UPGRADE, *options], cwd=str(tmp_path), env=cloud.environment(), timeout=60
        )
        process.expect_exact("Go on? Type yes or no:")
        process.sendline(answer)
        process.expect(pexpect.EOF)
        process.close()
        assert process.exitstatus == (0 if answer == "yes" else 2)
        assert report_in(tmp_path / "sysvm-report/latest")["summary"] == counts


# Under ansible-runner, as in AWX


def run_under_runner(cloud: Cloud, folder: Path, **options: Any) -> tuple[int, dict[str, Any]]:
    """Its exit status and its artifacts."""
    artifacts: dict[str, Any] = {}
    folder.mkdir(exist_ok=True)

    def remember(event: dict[str, Any]) -> bool:
        artifacts.update(event.get("event_data", {}).get("artifact_data", {}))
        return True

    result = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=options.pop("playbook", UPGRADE),
        extravars={f"sysvm_{name}": value for name, value in options.items()},
        envvars=cloud.environment(),
        event_handler=remember,
        quiet=True,
        timeout=90,
    )
    return result.rc, artifacts


def test_nothing_prompts_under_a_runner(tmp_path: Path) -> None:
    """It gives a terminal, at which nobody sits."""
    with Cloud(nets(), tmp_path) as cloud:
        rc, artifacts = run_under_runner(cloud, tmp_path, kinds="router", pause="after_canary")
    result = artifacts["sysvm_upgrade"]["localhost"]
    assert rc == 2
    assert result["error"] == (
        "paused after step 1 (canary router live patch), where nobody can be asked; "
        "run again with sysvm_pause=none to go on"
    )
    assert result["summary"]["upgraded"] == 1 and result["summary"]["not_started"] == 3


def test_the_artifact_has_what_an_approver_and_a_job_need(tmp_path: Path) -> None:
    faults = [{"kind": "silent_patch_failure", "match": {"name": "net-3"}, "times": 2}]
    with Cloud(nets(faults=faults), tmp_path) as cloud:
        rc, checked = run_under_runner(
            cloud,
            tmp_path / "check",
            playbook="cloudstack.sysvm.check_sysvms",
            kinds="router",
            report_dir=str(tmp_path),
        )
        plan, latest = checked["sysvm_check"]["localhost"], (tmp_path / "latest").resolve()
        assert rc == 0
        assert plan["status"] == "ok" and plan["summary"]["live_patch"] == 4
        assert plan["scope"].startswith("cloud 127.0.0.1") and plan["plan"] == f"{latest}/plan.json"
        assert plan["steps"] == ["canary router live patch: 1 unit", "router live patch: 3 units"]
        # They are variables of the nodes after it.
        rc, done = run_under_runner(
            cloud, tmp_path / "upgrade", kinds="router", report_dir=str(tmp_path), check=checked["sysvm_check"]
        )
    assert rc == 2
    result = done["sysvm_upgrade"]["localhost"]
    assert result["status"] == "incomplete" and result["report"] == f"{(tmp_path / 'latest').resolve()}/report.json"
    assert (result["summary"]["upgraded"], result["summary"]["failed"]) == (3, 1)
    assert len(result["not_done"]) == 1 and result["not_done"][0].startswith("failed net-3 in Berlin: ")
    assert result["scope"] == plan["scope"]


def test_the_artifact_tells_what_was_done_also_where_no_report_can_be_written(tmp_path: Path) -> None:
    """The folder goes away during the night; one that is not there before is refused."""
    folder, hook = tmp_path / "volume", tmp_path / "goes_away.yml"
    hook.write_text(f"- ansible.builtin.shell: rm -rf {folder} && touch {folder}\n", encoding="utf-8")
    options = {"kinds": "router", "report_dir": str(folder), "hooks": {"after_step": str(hook)}}
    with Cloud(nets(), tmp_path) as cloud:
        rc, artifacts = run_under_runner(cloud, tmp_path, **options)
    result = artifacts["sysvm_upgrade"]["localhost"]
    assert rc == 2
    assert (result["status"], result["summary"]["upgraded"], result["report"]) == ("success", 4, None)


def test_each_host_has_its_own_certificates(tmp_path: Path) -> None:
    """A CA file that is not there is named, so it was read."""
    with Cloud(nets(), tmp_path) as cloud:
        url = cloud.simulator.url.replace("http://", "https://")
        run = cloud.check("-e", "sysvm_api_verify_ssl_cert=/no/ca.pem", "-e", f"sysvm_api_url={url}")
        assert run.rc != 0 and "/no/ca.pem" in run.output
        assert cloud.check("-e", "sysvm_validate_certs=no").rc == 0
