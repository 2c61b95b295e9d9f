# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with the canaries only after their upgrade stops the run before the many."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.process import SimulatorProcess
from tests.support.estates import estate
from tests.support.modules import call_module
from tests.support.runner import UPGRADE, Cloud, extra_vars
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

TIMINGS = {"patch": 0.5, "restart": 0.2, "agent_reconnect": 0.2}
LB: dict[str, Any] = {"load_balancers": 1}
ESTATE: dict[str, Any] = {
    "timings": TIMINGS,
    "networks": [{"name": "a", **LB, "gap": 0}, {"name": "b", **LB, "gap": 0}, {"name": "c", **LB, "gap": 0}],
}
OPTIONS: dict[str, Any] = {"kinds": ["router"], "soak": 6}


def started_soak(cloud: Cloud, **options: Any) -> Any:
    """A run whose canary is done and watched; its process."""
    log = cloud.folder / "log"
    process = cloud.start(UPGRADE, *extra_vars({**OPTIONS, **options, "log": str(log)}))
    wait_until_watched(log)
    return process


def wait_until_watched(log: Path) -> None:
    """What happens from now on is new."""
    wait_for(lambda: log.exists() and "are watched for" in log.read_text())


def test_nothing_new_lets_the_many_follow(tmp_path: Path) -> None:
    with Cloud(estate(listeners=True, **ESTATE), tmp_path) as cloud:
        run = cloud.upgrade(**OPTIONS, probe=True)
    assert run.rc == 0 and run.counts == {"upgraded": 3}, run.output
    assert "Soak: the canaries are watched for 6 s before the many follow" in run.output
    lines = [line for line in run.output.splitlines() if " soak " in line]
    assert "1 unit(s) are watched for 6 s" in lines[0] and "nothing new" in lines[1]
    assert run.output.index("nothing new") < run.output.index("start   network", run.output.index("nothing new"))


def test_something_new_stops_the_run(tmp_path: Path) -> None:
    """tests/unit/rollout/test_soaking.py has what else is new and what is not."""
    with Cloud(estate(listeners=True, **ESTATE), tmp_path) as cloud:
        process = started_soak(cloud, probe=True)
        cloud.simulator.outage("a", "never")
        output, _errors = process.communicate(timeout=60)
        journal = cloud.simulator.journal()
    assert process.returncode != 0
    assert "upgraded, and then in the soak: " in output and "does not answer since" in output, output
    assert "something went wrong with 1 of the canaries after their upgrade" in output
    assert {call["target"] for call in journal} == {"a"}, "the many were not touched"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "Stopped"}, "is Stopped"),
        ({"failing_checks": ["dns_check.py"]}, "fails health checks that it passed before: dns_check.py"),
        ({}, "a new alert: r-3-VM is sick"),
    ],
    ids=["state", "health", "alert"],
)
def test_what_the_server_says_of_it(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    faults = [{"kind": "alert", "match": {"name": "a"}, "text": "{name} is sick", "seconds": 2}] if not changes else []
    settings = {"router.health.checks.enabled": "true", "router.health.checks.failures.to.recreate.vr": ""}
    with SimulatorProcess(estate(faults=faults, settings=settings, **ESTATE)) as simulator:
        [done] = call_module(simulator, "cs_router_restart", networks=["a"])["results"]
        jobs = {vm["id"]: done["job_ids"] for vm in done["vms"]}
        log = tmp_path / "log"

        def change() -> None:
            wait_until_watched(log)
            simulator.update(vms={"r-3-VM": changes})

        other = threading.Thread(target=change)
        other.start()
        told = call_module(simulator, "cs_sysvm_soak", routers=["r-3-VM"], duration=5, jobs=jobs, log=str(log))
        other.join()
    assert told["failed"] and words in told["results"][0]["wrong"], told


def test_without_the_right_to_list_alerts_it_is_said(tmp_path: Path) -> None:
    with Cloud(estate(forbidden_commands=["listAlerts"], **ESTATE), tmp_path) as cloud:
        [router, *_others] = [name for name, vm in cloud.simulator.state()["vms"].items() if vm.get("network")]
        result = cloud.module("cs_sysvm_soak", routers=[router], duration=0).results[0]
        checked = cloud.module("cs_sysvm_soak", "--check", system_vms=["nobody"], duration=60).results[0]
    assert "the account may not call listAlerts" in result["notes"][0]
    assert checked["failed"] and "nobody" in checked["msg"]


def test_without_canaries_it_is_refused(tmp_path: Path) -> None:
    with Cloud(estate(**ESTATE), tmp_path) as cloud:
        refused = cloud.upgrade(**OPTIONS, canary=False)
    assert "sysvm_soak is given, but sysvm_canary is false" in refused.output
    assert refused.journal == []


def test_a_router_that_does_not_reach_its_gateway_any_more_has_failed(tmp_path: Path) -> None:
    faults = [{"kind": "ping_fails", "match": {"name": "a"}, "nth": 2, "times": "always"}]
    with Cloud(estate(faults=faults, **ESTATE), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canary=False, max_failures=3, health_checks="all", verify_timeout=1)
    assert run.statuses == {"a": "failed", "b": "upgraded", "c": "upgraded"}, run.output
    assert "does not reach its gateway (ping) as it did before" in run.units["a"]["reason"]
