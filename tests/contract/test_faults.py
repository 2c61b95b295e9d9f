# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: of VMs, jobs, pairs and health checks."""

from __future__ import annotations

import time

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, NEW, QUICK, VPC, estate, router, routers, rules, system_vm, with_fault
from tests.simulator import uuid_of
from tests.simulator.identity import scripts_checksum
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for


def test_silent_patch_failure_strikes_once() -> None:
    fault = {"kind": "silent_patch_failure", "match": {"name": "net"}}
    with with_fault(fault, server={"hosts": "simulated"}) as simulator:
        client = Client(simulator)
        for software in ("4.18.1.0", NEW):
            assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
            assert router(client)["softwareversion"] == software


def test_stale_scripts() -> None:
    with with_fault({"kind": "stale_scripts"}) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert router(client)["softwareversion"] == NEW
        assert router(client)["scriptsversion"] == scripts_checksum("4.18.1")


@pytest.mark.parametrize("work_done", [False, True])
@pytest.mark.parametrize(
    ("kind", "code", "has_result"), [("job_lost", 530, False), ("job_cancelled", 0, False), ("job_fails", 530, True)]
)
def test_jobs_that_end_badly(kind: str, code: int, has_result: bool, work_done: bool) -> None:
    with with_fault({"kind": kind, "work_done": work_done}) as simulator:
        client = Client(simulator)
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert (job["jobstatus"], job["jobresultcode"], "jobresult" in job) == (2, code, has_result)
        assert router(client)["softwareversion"] == (NEW if work_done else "4.18.1.0")


def test_job_that_never_ends() -> None:
    with with_fault({"kind": "job_never_ends", "work_done": True}) as simulator:
        client = Client(simulator)
        client.ask(command="restartNetwork", id=NETWORK, livepatch="true")
        wait_for(lambda: router(client)["softwareversion"] == NEW)
        assert len(client.everything("listAsyncJobs", "asyncjobs")) == 1


def test_stale_reads() -> None:
    with with_fault({"kind": "stale_reads", "seconds": 1.0}) as simulator:
        client = Client(simulator)
        # Nothing is older than the simulator itself.
        time.sleep(1.0)
        old = router(client)["id"]
        client.job("restartNetwork", id=NETWORK, cleanup="true")
        assert [r["id"] for r in routers(client)] == [old]
        simulator.set_faults([])
        assert [r["id"] for r in routers(client)] != [old]


def test_vanishing_router() -> None:
    with with_fault({"kind": "vanish_after"}) as simulator:
        client = Client(simulator)
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert routers(client) == []


@pytest.mark.parametrize("kind", ["capacity_failure", "start_failure"])
def test_recreation_that_fails_leaves_the_old_router(kind: str) -> None:
    with with_fault({"kind": kind}) as simulator:
        client = Client(simulator)
        old = router(client)["id"]
        assert client.job("restartNetwork", id=NETWORK, cleanup="true")["jobresultcode"] == 530
        assert [(r["id"] == old, r["state"]) for r in routers(client)] == [(True, "Running"), (False, "Stopped")]
        assert client.job("restartNetwork", id=NETWORK, cleanup="true")["jobstatus"] == 1
        assert router(client)["version"] == "4.22.0"


def test_no_host_is_no_capacity() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        hosts = {
            host["name"]: {"resourcestate": "Disabled"}
            for host in client.everything("listHosts", "host", type="Routing")
        }
        simulator.update(hosts=hosts)
        job = client.job("restartNetwork", id=NETWORK, cleanup="true")
        assert job["jobresult"]["errortext"].startswith("Unable to create a deployment for VM instance")


def test_patch_failure_of_a_system_vm() -> None:
    with with_fault({"kind": "patch_failure", "text": "No space left on device"}) as simulator:
        client = Client(simulator)
        vm = system_vm(client, "consoleproxy")
        assert vm is not None
        job = client.job("patchSystemVm", id=vm["id"], forced="true")
        text = f"Failed to patch systemVM {vm['name']} due to No space left on device"
        assert (job["jobresultcode"], job["jobresult"]["errortext"]) == (530, text)


def test_rules_fail() -> None:
    with with_fault({"kind": "rules_fail"}) as simulator:
        client = Client(simulator)
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to restart network"}
        assert router(client)["softwareversion"] == NEW
        unit = simulator.state()["units"][NETWORK]
        assert unit["rules"] == "missing"
        assert (unit["last_restart"]["job_id"], unit["last_restart"]["succeeded"]) == (job["jobid"], False)
        client.job("restartNetwork", id=NETWORK)
        unit = simulator.state()["units"][NETWORK]
        assert (unit["rules"], unit["last_restart"]["succeeded"]) == ("applied", True)


def test_patch_of_a_vpc_router_loses_the_rules_of_all_its_tiers() -> None:
    vpcs = [{"name": "vpc", "tiers": ["a", "b", {"name": "off", "state": "Shutdown"}]}]
    with SimulatorThread(estate(networks=[], vpcs=vpcs)) as simulator:
        client = Client(simulator)
        assert rules(simulator) == {"vpc": "applied", "a": "applied", "b": "applied", "off": "applied"}
        client.job("restartNetwork", id=uuid_of("network", "a"), livepatch="true")
        assert rules(simulator) == {"vpc": "missing", "a": "applied", "b": "missing", "off": "applied"}
        client.job("restartNetwork", id=uuid_of("network", "b"))
        assert rules(simulator)["vpc"] == "applied"
        # One patch for each tier: each loses what the tier before was given.
        client.job("restartVPC", id=VPC, livepatch="true")
        assert rules(simulator) == {"vpc": "missing", "a": "missing", "b": "missing", "off": "applied"}
        client.job("restartVPC", id=VPC, cleanup="true")
        assert rules(simulator)["vpc"] == "applied"
        units = {unit["name"]: unit for unit in simulator.state()["units"].values()}
        assert units["vpc"]["last_restart"]["command"] == "restartVPC"


def test_restart_of_a_vpc_does_not_tell_that_rules_failed() -> None:
    faults = [{"kind": "rules_fail", "match": {"name": "a"}}]
    with SimulatorThread(estate(networks=[], vpcs=[{"name": "vpc", "tiers": ["a"]}], faults=faults)) as simulator:
        assert Client(simulator).job("restartVPC", id=VPC, livepatch="true")["jobstatus"] == 1
        units = {unit["name"]: unit for unit in simulator.state()["units"].values()}
        assert (units["a"]["last_restart"]["succeeded"], units["vpc"]["last_restart"]["succeeded"]) == (False, True)
        assert units["vpc"]["rules"] == "missing"


@pytest.mark.parametrize(("command", "parameters"), [("rebootRouter", {}), ("stopRouter", {})])
def test_router_that_starts_gets_its_rules(command: str, parameters: dict[str, str]) -> None:
    with with_fault({"kind": "rules_fail"}) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        client.job(command, id=router(client)["id"], **parameters)
        if command == "stopRouter":
            client.job("startRouter", id=router(client)["id"])
        assert rules(simulator) == {"net": "applied"}


# -- pairs and health


def shown_states(client: Client) -> list[str]:
    return [each["redundantstate"] for each in routers(client)]


def test_pair_that_breaks_shows_it_at_the_next_check() -> None:
    networks = [{"name": "net", "redundant": True}]
    fault = {"kind": "pair_breaks", "match": {"name": "net"}, "states": ["PRIMARY", "FAULT"]}
    with SimulatorThread(estate({"router_check_interval": 0.3}, networks=networks, faults=[fault])) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert shown_states(client) == ["PRIMARY", "BACKUP"]
        wait_for(lambda: shown_states(client) == ["PRIMARY", "FAULT"])
        # Neither another patch nor a start of one of them helps while the fault is set.
        client.job("rebootRouter", id=routers(client)[1]["id"])
        wait_for(lambda: shown_states(client) == ["PRIMARY", "FAULT"])
        client.job("restartNetwork", id=NETWORK, cleanup="true")
        wait_for(lambda: shown_states(client) == ["PRIMARY", "BACKUP"])


def test_broken_pair_is_mended_by_a_start_once_the_fault_is_gone() -> None:
    networks = [{"name": "net", "redundant": True}]
    fault = {"kind": "pair_breaks", "states": ["BACKUP"]}
    with SimulatorThread(estate(networks=networks, faults=[fault])) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        wait_for(lambda: shown_states(client) == ["BACKUP", "BACKUP"])
        simulator.set_faults([])
        time.sleep(3 * QUICK["router_check_interval"])
        assert shown_states(client) == ["BACKUP", "BACKUP"]
        client.job("rebootRouter", id=routers(client)[0]["id"])
        wait_for(lambda: sorted(shown_states(client)) == ["BACKUP", "PRIMARY"])


def test_no_router_checks_no_change_of_states() -> None:
    networks = [{"name": "net", "redundant": True}]
    with SimulatorThread(estate(networks=networks, settings={"router.check.interval": 0})) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, cleanup="true")
        time.sleep(3 * QUICK["router_check_interval"])
        assert shown_states(client) == ["UNKNOWN", "UNKNOWN"]


NEW_PYTHON = {"version": "4.20.1", "software": "4.22.0", "scripts": "4.22.0"}
"""A template whose checks run with the scripts of 4.22, and tell what this server can read."""


def failed_checks(client: Client, **more: str) -> list[str] | str:
    answer = client.ask(command="getRouterHealthCheckResults", routerid=router(client)["id"], **more)
    if answer.status != 200:
        return answer.body["errortext"]
    return [each["checkname"] for each in answer.body["routerhealthchecks"]["healthchecks"] if not each["success"]]


def test_health_check_fails_and_shows_later() -> None:
    fault = {"kind": "health_check_fails", "check": "haproxy_check.py"}
    with SimulatorThread(estate({"health_fetch": 0.4}, faults=[fault], defaults=NEW_PYTHON)) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert (failed_checks(client), router(client)["healthchecksfailed"]) == ([], False)
        wait_for(lambda: router(client)["healthchecksfailed"])
        assert failed_checks(client) == ["haproxy_check.py"]
        alerts = client.ask(command="listAlerts", type="9").body["alert"]
        assert alerts[0]["description"].startswith("Health checks failed: 1 failing checks on router r-")


def test_fresh_health_checks() -> None:
    fault = {"kind": "health_check_fails", "check": "haproxy_check.py"}
    with SimulatorThread(
        estate(faults=[fault], server={"healthchecksfailed": False}, defaults=NEW_PYTHON)
    ) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert failed_checks(client) == []
        assert failed_checks(client, performfreshchecks="true") == ["haproxy_check.py"]
        assert router(client)["healthchecksfailed"] is False
        # A new router has no results until the server has read some.
        client.job("restartNetwork", id=NETWORK, cleanup="true")
        assert "No health check results found for the router." in failed_checks(client)
        assert failed_checks(client, performfreshchecks="true") == []
        simulator.update(hosts={router(client)["hostname"]: {"state": "Disconnected"}})
        assert "Basic tests results unavailable" in failed_checks(client, performfreshchecks="true")


def test_failing_health_check_may_make_the_server_recreate_the_router() -> None:
    fault = {"kind": "health_check_fails", "check": "dhcp.service"}
    settings = {"router.health.checks.failures.to.recreate.vr": "dhcp.service,dns_check.py"}
    with SimulatorThread(estate(faults=[fault], settings=settings, defaults=NEW_PYTHON)) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        old = router(client)["id"]
        failed_checks(client, performfreshchecks="true")
        wait_for(lambda: [r["state"] for r in routers(client) if r["id"] != old] == ["Running"])
        wait_for(lambda: len(routers(client)) == 1)
        assert len(simulator.state()["jobs"]) == 1
