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
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, extra_vars
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

TIMINGS = {"patch": 0.5, "restart": 0.2, "agent_reconnect": 0.2}
LB: dict[str, Any] = {"load_balancers": 1}
ESTATE: dict[str, Any] = {
    "timings": TIMINGS,
    "networks": [{"name": "a", **LB, "gap": 0}, {"name": "b", **LB, "gap": 0}, {"name": "c", **LB, "gap": 0}],
}
OPTIONS: dict[str, Any] = {"kinds": ["router"], "soak": 6}


def started_soak(cloud: Cloud, **options: Any) -> Any:
    """A run whose canary is done and watched; its process."""
    process = cloud.start(UPGRADE, *extra_vars({**OPTIONS, **options}))
    wait_until_watched(cloud.folder / "sysvm-report/latest/log")
    return process


def wait_until_watched(log: Path) -> None:
    """What happens from now on is new."""
    wait_for(lambda: log.exists() and "watched for 6 s before it counts as done" in log.read_text())


def test_nothing_new_lets_the_many_follow(tmp_path: Path) -> None:
    with Cloud(estate(listeners=True, **ESTATE), tmp_path) as cloud:
        run = cloud.upgrade(**OPTIONS, probe=True)
    assert run.rc == 0 and run.counts == {"upgraded": 3}, run.output
    assert "Soak: the canaries are watched for 6 s before they count as done" in run.output
    watched = run.output.index("it is watched for 6 s before it counts as done")
    done = run.output.index("ok      network", watched)
    assert run.output.count("start   network", 0, done) == 1 and run.output.count("start   network", done) == 2
    lines = [line for line in run.stdout.splitlines() if " note " in line and "is watched for" in line]
    assert len(lines) == 1, "only the canary"


def test_something_new_stops_the_run(tmp_path: Path) -> None:
    """tests/unit/rollout/test_soak.py has what else is new and what is not."""
    with Cloud(estate(listeners=True, **ESTATE), tmp_path) as cloud:
        process = started_soak(cloud, probe=True)
        cloud.simulator.outage("a", "never")
        output, _errors = process.communicate(timeout=TIME_LIMIT_S)
        journal = cloud.simulator.journal()
    assert process.returncode != 0
    assert "proven, and then: " in output and "does not answer since" in output, output
    assert {call["target"] for call in journal} == {"a"}, "the many were not touched"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "Stopped"}, "is Stopped"),
        ({"failing_checks": ["dns_check.py"]}, "health checks fail that passed before (r-3-VM: dns_check.py)"),
        ({}, "a new alert: r-3-VM is sick"),
    ],
    ids=["state", "health", "alert"],
)
def test_what_the_server_says_of_it(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    faults = [{"kind": "alert", "match": {"name": "a"}, "text": "{name} is sick", "seconds": 2}] if not changes else []
    settings = {"router.health.checks.enabled": "true", "router.health.checks.failures.to.recreate.vr": ""}
    with SimulatorProcess(estate(faults=faults, settings=settings, **ESTATE)) as simulator:
        log = tmp_path / "log"

        def change() -> None:
            wait_until_watched(log)
            simulator.update(vms={"r-3-VM": changes})

        other = threading.Thread(target=change)
        other.start()
        told = call_module(simulator, "cs_router_restart", networks=["a"], soak=6, health_checks=True, log=str(log))
        other.join()
    [result] = told["results"]
    assert told["failed"] and result["status"] == "failed" and words in result["reason"], told


def test_what_is_current_is_watched_too(tmp_path: Path) -> None:
    with SimulatorProcess(estate(**ESTATE)) as simulator:
        call_module(simulator, "cs_router_restart", networks=["a"])
        before = len(simulator.journal())
        log = tmp_path / "log"
        told = call_module(simulator, "cs_router_restart", networks=["a"], soak=1, log=str(log))
        assert len(simulator.journal()) == before, "and nothing is sent"
    [result] = told["results"]
    assert (result["status"], told["changed"]) == ("current", False)
    assert "is watched for 1 s" in log.read_text()


def test_without_the_right_to_list_alerts_it_is_said(tmp_path: Path) -> None:
    with Cloud(estate(forbidden_commands=["listAlerts"], **ESTATE), tmp_path) as cloud:
        run = cloud.upgrade(**{**OPTIONS, "soak": 1}, names=["a"])
    assert run.rc == 0, run.output
    assert "the account may not call listAlerts" in " ".join(run.units["a"]["notes"])


def test_without_canaries_it_is_refused(tmp_path: Path) -> None:
    with Cloud(estate(**ESTATE), tmp_path) as cloud:
        refused = cloud.upgrade(**OPTIONS, canaries=False)
    assert "sysvm_soak is given, but sysvm_canaries is false" in refused.output
    assert refused.journal == []


def test_a_router_that_does_not_reach_its_gateway_any_more_has_failed(tmp_path: Path) -> None:
    faults = [{"kind": "ping_fails", "match": {"name": "a"}, "nth": 2, "times": "always"}]
    with Cloud(estate(faults=faults, **ESTATE), tmp_path) as cloud:
        run = cloud.upgrade(
            kinds=["router"], canaries=False, max_failures=3, health_checks="all", timeouts={"verify": 1}
        )
    assert run.statuses == {"a": "failed", "b": "upgraded", "c": "upgraded"}, run.output
    assert "does not reach its gateway (ping) as it did before" in run.units["a"]["reason"]
