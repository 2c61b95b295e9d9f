# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen from outside, held against the books of the listeners that were there to be seen."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.connection import Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import Probing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.simulator.process import SimulatorProcess
from tests.support.estates import estate
from tests.support.pauses import Pauses
from tests.support.runner import Cloud
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

WITHIN_S = 0.3  # and what the machine has paused
LB: dict[str, Any] = {"load_balancers": 1}
TIMINGS = {"patch": 1.0, "restart": 0.3, "start": 1.0, "stop": 0.3, "scan_interval": 60, "agent_reconnect": 0}
# Before the upgrade up or down; then never gone, gone and back in time, back after the proof, or never back.
NETWORKS: list[dict[str, Any]] = [
    {"name": "up-stays", **LB, "gap": 0},
    {"name": "up-back", **LB, "gap": 1.4},
    {"name": "up-back-drops", **LB, "gap": 1.6, "drops": True},
    {"name": "up-late", **LB, "gap": 6},
    {"name": "up-never", **LB, "gap": "never"},
    {"name": "up-never-drops", **LB, "gap": "never", "drops": True},
    {"name": "down-never", **LB, "down": True},
    {"name": "down-never-drops", **LB, "down": True, "drops": True},
    {"name": "down-back", **LB, "gap": 0},
    {"name": "pair", **LB, "redundant": True},
    {"name": "nothing", "port_forwardings": [{"port": 53, "protocol": "udp"}]},
]
LOST = {"up-never", "up-never-drops"}
UNKNOWN = {"down-never", "down-never-drops", "down-back", "nothing"}


Results = dict[str, dict[str, Any]]


def upgraded(method: Method) -> tuple[Results, Results, float]:
    """By the name of each network its result, and its one listener if it has one; how exact the times are."""
    spec = estate(listeners=True, timings=TIMINGS, networks=NETWORKS, gaps={"redundant": 0.5})
    with SimulatorProcess(spec) as simulator:
        simulator.outage("down-back", "never")
        connection = Connection(simulator.url, simulator.key, simulator.secret)
        wanted = Request(
            Targets(networks=tuple(network["name"] for network in NETWORKS)),
            Want.by(method),
            Limits(parallel=len(NETWORKS), per_host=0, max_failures=len(NETWORKS), poll_interval=0.2),
            probing=Probing(patience_s=6.0),
        )
        with Client(connection) as client, Pauses() as pauses, ThreadPoolExecutor(1) as beside:
            back = beside.submit(comes_back_after_the_first_calls, simulator, "down-back")
            results = upgrade(client, wanted).values["results"]
            back.result()
        listeners = {each["unit_name"]: each for each in simulator.listeners() if each["kind"] == "loadbalancer"}
    return {result["name"]: result for result in results}, listeners, WITHIN_S + 2 * pauses.longest_s


def comes_back_after_the_first_calls(simulator: SimulatorProcess, name: str) -> None:
    wait_for(lambda: len(simulator.journal()) >= len(NETWORKS), every=0.5)  # what is probed is busy
    simulator.outage(name, "back")


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RECREATE, Method.RESTART], ids=lambda each: each.value)
def test_what_is_told_is_what_the_listeners_have_written_down(method: Method) -> None:
    """One test, and not one for each thing that is judged, for one measurement."""
    results, listeners, within_s = upgraded(method)
    the_gaps_are_the_true_ones(results, listeners, within_s)
    only_what_answered_before_and_does_not_any_more_has_failed(results, listeners, within_s)
    what_did_not_answer_before_has_no_gap(results)


def the_gaps_are_the_true_ones(results: Results, listeners: Results, within_s: float) -> None:
    wrong = {}
    for name, result in results.items():
        if name in LOST | UNKNOWN:
            continue
        [endpoint] = result["endpoints"]
        true = [end - start for start, end in listeners[name]["gone"]]
        told = (endpoint["longest_gap_s"], endpoint["total_gap_s"])
        if not all(abs(a - b) <= within_s for a, b in zip(told, (max(true, default=0), sum(true)), strict=True)):
            wrong[name] = (told, true)
    assert wrong == {}


def only_what_answered_before_and_does_not_any_more_has_failed(
    results: Results, listeners: Results, within_s: float
) -> None:
    failed = {name: result["reason"] for name, result in results.items() if result["status"] != "upgraded"}
    assert set(failed) == LOST, failed
    for name, reason in failed.items():
        listener = listeners[name]
        assert f"proven by the server, but {listener['address']}:{listener['port']}" in reason
        [endpoint] = results[name]["endpoints"]
        [start] = [start for start, end in listener["gone"] if end is None]
        told = time.mktime(time.strptime(endpoint["gaps"][-1]["start"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        assert abs(told - start) <= 1 + within_s


def what_did_not_answer_before_has_no_gap(results: Results) -> None:
    assert all(results[name]["gap_s"] is None for name in UNKNOWN)
    assert results["nothing"]["endpoints"] == []
    assert [results[name]["endpoints"][0]["before"] for name in sorted(UNKNOWN - {"nothing"})] == [False] * 3


def test_a_run_shows_what_was_seen(tmp_path: Path) -> None:
    spec = estate(
        listeners=True,
        timings=TIMINGS,
        networks=[
            {"name": "web", **LB, "gap": 1.2},
            {"name": "shop", **LB, "gap": "never"},
            {"name": "plain"},
        ],
    )
    options: dict[str, Any] = {
        "kinds": ["router"],
        "probe": True,
        "probe_patience": 3,
        "max_failures": 3,
        "canaries": False,
    }
    with Cloud(spec, tmp_path) as cloud:
        first = cloud.upgrade(**options)
        assert first.rc != 0
        [address] = [each["address"] for each in cloud.simulator.listeners() if each["unit_name"] == "shop"]
        cloud.simulator.outage("shop", "back")
        again = cloud.upgrade(**options, method="recreate", names=["web"])
    text = first.output
    assert "Probed from outside: 2 addresses of 2 units (2 load balancing); 1 unit to be touched has none" in text
    assert "ok      network web" in text and "gap 1." in text
    assert f"proven by the server, but {address}:8080 (load balancing: lb-1) does not answer since" in text
    assert "Gaps seen from outside, live patch of 2 networks: 1 did not come back; 1." in text
    assert again.rc == 0, again.output

    assert [(row["kind"], row["method"], row["units"], row["lost"]) for row in again.report["gaps"]] == [
        ("network", "recreate", 1, 0)
    ]
    page = (tmp_path / "sysvm-report" / "latest" / "report.html").read_text()
    assert 'class="gap"' in page


def test_the_next_plan_tells_what_was_measured(tmp_path: Path) -> None:
    spec = estate(listeners=True, timings=TIMINGS, networks=[{"name": "a", **LB, "gap": 1.0}, {"name": "b", **LB}])
    with Cloud(spec, tmp_path) as cloud:
        options: dict[str, Any] = {"kinds": ["router"], "report_dir": str(tmp_path / "kept")}
        assert cloud.upgrade(**options, probe=True, names=["a"]).rc == 0
        told = cloud.upgrade("--check", **options, names=["b"]).output
    assert "(measured here last time: " in told


def test_a_control_node_without_a_route_is_told_before_anything_is_touched(tmp_path: Path) -> None:
    spec = estate(listeners=True, networks=[{"name": "web", "load_balancers": 2, "down": True}])
    with Cloud(spec, tmp_path) as cloud:
        refused = cloud.upgrade(kinds=["router"], probe=True)
        assert refused.rc != 0
        assert "none of 2 addresses answers" in refused.output and "sysvm_probe_from" in refused.output
        assert cloud.simulator.journal() == []
        goes_on = cloud.upgrade(kinds=["router"], probe=True, ignore_checks=["probes"])
    assert goes_on.rc == 0 and goes_on.counts == {"upgraded": 1}, goes_on.output


INVENTORY = """
outside ansible_connection=ssh ansible_host=outside.example.com ansible_ssh_executable={ssh}
here ansible_connection=local
away ansible_connection=ssh ansible_host=away.example.com ansible_ssh_executable={away} ansible_ssh_retries=0
localhost ansible_connection=local

[all:vars]
ansible_python_interpreter={python}
"""
SSH = """#!/bin/sh
# Stands in for ssh: the last argument is the command, and this machine the other one.
for last; do :; done
echo "$@" >> {log}
TMPDIR={temporary} exec sh -c "$last"
"""


def inventory(folder: Path) -> str:
    for name, text in (
        ("ssh", SSH.format(log=folder / "ssh.log", temporary=folder)),
        ("away", "#!/bin/sh\necho No route to host >&2; exit 255\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    path = folder / "inventory"
    path.write_text(INVENTORY.format(ssh=folder / "ssh", away=folder / "away", python=sys.executable))
    return str(path)


def test_from_other_hosts(tmp_path: Path) -> None:
    spec = estate(
        listeners=True,
        timings={**TIMINGS, "patch": 3.0},
        networks=[{"name": "web", **LB, "gap": 1.2}, {"name": "shop", **LB, "gap": "never"}],
    )
    options: dict[str, Any] = {"kinds": ["router"], "probe": True, "probe_patience": 4, "canaries": False}
    with Cloud(spec, tmp_path) as cloud:
        with Pauses() as pauses:
            run = cloud.upgrade("-i", inventory(tmp_path), **options, probe_from=["outside", "here"], max_failures=2)
        assert run.statuses == {"web": "upgraded", "shop": "failed"}, run.output
        seen = {each["from"]: each["longest_gap_s"] for each in run.units["web"]["endpoints"]}
        [listener] = [each for each in cloud.simulator.listeners() if each["unit_name"] == "web"]
    [(start, end)] = listener["gone"]
    assert seen.keys() == {"outside", "here"}
    within_s = WITHIN_S + 2 * pauses.longest_s
    assert all(abs(gap - (end - start)) <= within_s for gap in seen.values()), (seen, end - start)
    assert "outside.example.com" in (tmp_path / "ssh.log").read_text()
    theirs = ["pgrep", "-f", f"{tmp_path}/.*/prober.py 50"]
    running = subprocess.run(theirs, capture_output=True, text=True, check=False).stdout
    assert running == "", "nothing is left there"


def test_a_probe_host_that_is_down_is_told_before_anything_is_touched(tmp_path: Path) -> None:
    spec = estate(listeners=True, timings=TIMINGS, networks=[{"name": "web", **LB}])
    options: dict[str, Any] = {"kinds": ["router"], "probe": True, "probe_from": ["away"]}
    with Cloud(spec, tmp_path) as cloud:
        path = inventory(tmp_path)
        refused = cloud.upgrade("-i", path, **options)
        assert refused.rc != 0 and "the probe host away is out of reach" in refused.output, refused.output
        assert cloud.simulator.journal() == []
        goes_on = cloud.upgrade("-i", path, **options, ignore_checks=["probes"])
        unknown = cloud.upgrade("-i", path, **{**options, "probe_from": ["nobody"]})
    assert goes_on.counts == {"upgraded": 1} and "Nothing was probed from there" in goes_on.output
    assert "sysvm_probe_from names nobody, which is not in the inventory" in unknown.output
