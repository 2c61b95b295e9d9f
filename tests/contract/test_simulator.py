# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator does beyond the recordings: the documented traps, faults on request, the control API."""

from __future__ import annotations

import asyncio
import time
import urllib.error
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import simulator as simulator_package
from tests.contract.replay import Client, ask
from tests.contract.scene import NETWORK, NEW, QUICK, VPC, estate, router, routers, system_vm
from tests.simulator import uuid_of
from tests.simulator.estate import build, set_override
from tests.simulator.estate_schema import EstateError
from tests.simulator.identity import scripts_checksum
from tests.simulator.process import SimulatorProcess, SimulatorThread
from tests.simulator.server import simulate
from tests.support.waiting import wait_for

# -- the traps


def test_live_patch_moves_the_software_and_leaves_the_template() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        before = router(client)
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        after = router(client)
        assert job["jobresult"] == {"success": True}
        assert (before["version"], before["softwareversion"]) == ("4.18.1", "4.18.1.0")
        assert (after["version"], after["softwareversion"]) == ("4.18.1", NEW)
        assert before["scriptsversion"] == scripts_checksum("4.18.1") and len(before["scriptsversion"]) == 32
        assert after["scriptsversion"] == scripts_checksum(NEW) and len(after["scriptsversion"]) == 128
        assert (before["requiresupgrade"], after["requiresupgrade"]) == (True, False)


def test_template_of_the_row_lies_and_that_of_the_volume_does_not() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        vm = router(client)
        (volume,) = client.everything(
            "listVolumes", "volume", type="ROOT", listsystemvms="true", virtualmachineid=vm["id"]
        )
        assert vm["templatename"] == "systemvm-kvm-4.22.0-x86_64"
        assert volume["templatename"] == "systemvm-kvm-4.18.1"
        assert not client.everything("listVolumes", "volume", type="ROOT")
        client.job("rebootRouter", id=vm["id"])
        (volume,) = client.everything(
            "listVolumes", "volume", type="ROOT", listsystemvms="true", virtualmachineid=vm["id"]
        )
        assert volume["templateid"] == vm["templateid"]
        assert router(client)["version"] == "4.22.0"


def test_requiresupgrade_follows_the_minimum_and_not_the_software() -> None:
    with SimulatorThread(estate(settings={"minreq.sysvmtemplate.version": "4.10.0"})) as simulator:
        client = Client(simulator)
        assert router(client)["requiresupgrade"] is False
        zone = uuid_of("zone", "zone1")
        client.ask(command="updateConfiguration", name="minreq.sysvmtemplate.version", value="4.22.0", zoneid=zone)
        assert router(client)["requiresupgrade"] is True
        (entry,) = client.everything("listConfigurations", "configuration", name="minreq.sysvmtemplate.version")
        assert entry["value"] == "4.10.0"


@pytest.mark.parametrize(
    ("tiers", "redundant", "by_vpc", "by_tier"), [(2, False, 2, 1), (2, True, 2, 1), (0, False, 0, None)]
)
def test_vpc_is_patched_once_per_tier(tiers: int, redundant: bool, by_vpc: int, by_tier: int | None) -> None:
    vpcs = [{"name": "vpc", "tiers": tiers, "redundant": redundant}]
    with SimulatorThread(estate(networks=[], vpcs=vpcs)) as simulator:
        client = Client(simulator)
        assert client.job("restartVPC", id=VPC, livepatch="true")["jobstatus"] == 1
        count = [vm["patches"] for vm in simulator.state()["vms"].values() if vm["kind"] == "router"]
        assert count == [by_vpc] * (2 if redundant else 1)
        if by_tier is not None:
            client.job("restartNetwork", id=uuid_of("network", "vpc-tier1"), livepatch="true")
            more = [vm["patches"] for vm in simulator.state()["vms"].values() if vm["kind"] == "router"]
            assert more == [n + by_tier for n in count]


def test_old_host_gives_new_software_version_with_old_scripts() -> None:
    zone = {"name": "zone1", "hosts": [{"name": "old-host", "version": "4.20.1.0"}]}
    with SimulatorThread(estate(zones=[zone])) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        patched = router(client)
        assert patched["softwareversion"] == NEW
        assert patched["scriptsversion"] == scripts_checksum("4.20.1.0")
        ssvm = system_vm(client, "secondarystoragevm")
        assert ssvm is not None
        job = client.job("patchSystemVm", id=ssvm["id"])
        assert job["jobresult"]["details"] == f"Successfully patched systemVM {ssvm['name']} "
        wait_for(lambda: (system_vm(client, "secondarystoragevm") or {})["version"] == "4.20.1.0")


def test_agent_version_moves_after_the_job() -> None:
    with SimulatorThread(estate({"agent_reconnect": 0.3})) as simulator:
        client = Client(simulator)
        before = system_vm(client, "consoleproxy")
        assert before is not None and before["version"] == "4.18.1.0" and "disconnected" not in before
        client.job("patchSystemVm", id=before["id"])
        at_once = system_vm(client, "consoleproxy")
        assert at_once is not None
        assert (at_once["version"], at_once["agentstate"]) == ("4.18.1.0", "Disconnected")
        after = wait_for(lambda: [v for v in [system_vm(client, "consoleproxy")] if v and v["agentstate"] == "Up"])[0]
        assert after["version"] == "4.22.0.0-SNAPSHOT" and "disconnected" in after


@pytest.mark.parametrize("version", ["4.13.1", "4.11.3"])
def test_too_old_template_cannot_be_patched(version: str) -> None:
    zone = {"name": "zone1", "ssvm": {"version": version}}
    with SimulatorThread(estate(zones=[zone], networks=[{"name": "net", "version": version}])) as simulator:
        client = Client(simulator)
        assert "softwareversion" not in router(client)
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobresultcode"] == 530
        assert router(client)["scriptsversion"] == scripts_checksum(version)
        ssvm = system_vm(client, "secondarystoragevm")
        assert ssvm is not None
        assert client.job("patchSystemVm", id=ssvm["id"])["jobresultcode"] == 530


def test_hypervisor_that_cannot_patch() -> None:
    with SimulatorThread(estate(zones=[{"name": "zone1", "hypervisor": "Hyperv"}])) as simulator:
        job = Client(simulator).job("restartNetwork", id=NETWORK, livepatch="true")
        assert job["jobresultcode"] == 530 and "cannot be cast" in job["jobresult"]["errortext"]


def test_older_server_ignores_what_it_does_not_know() -> None:
    with SimulatorThread(estate(server={"version": "4.16.1.0"}, defaults={"version": "4.16.1"})) as simulator:
        client = Client(simulator)
        assert client.ask(command="patchSystemVm").status == 401
        assert client.ask(command="listApis", name="patchSystemVm").status == 530
        (api,) = client.ask(command="listApis", name="restartNetwork").body["api"]
        assert "livepatch" not in {parameter["name"] for parameter in api["params"]}
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobresult"] == {"success": True}
        assert next(iter(vm for vm in simulator.state()["vms"].values() if vm["kind"] == "router"))["patches"] == 0
        assert "softwareversion" not in router(client)


def test_cleanup_beats_livepatch() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        old = router(client)["name"]
        client.job("restartNetwork", id=NETWORK, cleanup="true", livepatch="true")
        new = router(client)
        assert new["name"] != old and new["version"] == "4.22.0"
        assert simulator.state()["vms"][old]["patches"] == 0


@pytest.mark.parametrize("state", ["Allocated", "Shutdown", "Implementing"])
def test_wrong_network_state(state: str) -> None:
    with SimulatorThread(estate(networks=[{"name": "net", "state": state}])) as simulator:
        job = Client(simulator).job("restartNetwork", id=NETWORK)
        assert job["jobresult"] == {
            "errorcode": 431,
            "errortext": "Network is not in the right state to be restarted. Correct states are: Implemented, Setup",
        }


# -- recreation


def pair_states(simulator: SimulatorThread) -> dict[str, Any]:
    (unit,) = (unit for unit in simulator.state()["units"].values() if unit["name"] == "net")
    return unit


def test_rolling_restart_of_a_pair_is_never_down() -> None:
    with SimulatorThread(estate(networks=[{"name": "net", "redundant": True}])) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, cleanup="true")
        assert [r["redundantstate"] for r in routers(client)] == ["PRIMARY", "UNKNOWN"]
        wait_for(lambda: [r["redundantstate"] for r in routers(client)] == ["PRIMARY", "BACKUP"])
        assert pair_states(simulator)["down"] == []


def test_pair_is_down_where_rolling_restarts_are_switched_off() -> None:
    with SimulatorThread(
        estate(networks=[{"name": "net", "redundant": True}], settings={"network.rolling.restart": False})
    ) as simulator:
        Client(simulator).job("restartNetwork", id=NETWORK, cleanup="true")
        ((begin, end),) = pair_states(simulator)["down"]
        assert end - begin >= QUICK["start"]


@pytest.mark.parametrize(
    "zone",
    [
        {"name": "zone1", "allocation": "Disabled"},
        {"name": "zone1", "templates": [{"version": "4.22.0", "ready": False}, {"version": "4.18.1", "ready": False}]},
    ],
    ids=["zone disabled", "template not ready"],
)
def test_system_vm_does_not_come_back(zone: dict[str, Any]) -> None:
    with SimulatorThread(estate(zones=[zone])) as simulator:
        client = Client(simulator)
        cpvm = system_vm(client, "consoleproxy")
        assert cpvm is not None
        client.job("destroySystemVm", id=cpvm["id"])
        time.sleep(3 * QUICK["scan_interval"])
        assert system_vm(client, "consoleproxy") is None


def test_router_needs_its_template() -> None:
    zone = {"name": "zone1", "templates": [{"version": "4.22.0", "ready": False}]}
    with SimulatorThread(estate(zones=[zone])) as simulator:
        client = Client(simulator)
        job = client.job("restartNetwork", id=NETWORK, cleanup="true")
        assert job["jobresult"]["errortext"].startswith("Unable to orchestrate the start of VM instance")
        assert [(r["state"], r["version"]) for r in routers(client)] == [("Running", "4.18.1"), ("Stopped", "UNKNOWN")]


def test_scan_starts_a_stopped_cpvm_and_a_client_that_does_so_too_is_refused() -> None:
    with SimulatorThread(estate({"start": 0.5})) as simulator:
        client = Client(simulator)
        cpvm = system_vm(client, "consoleproxy")
        assert cpvm is not None
        client.job("stopSystemVm", id=cpvm["id"])
        wait_for(lambda: (system_vm(client, "consoleproxy") or {}).get("state") == "Starting")
        job = client.job("startSystemVm", id=cpvm["id"])
        assert (job["jobresultcode"], job["jobresult"]["errortext"]) == (530, "Fail to start system vm")
        wait_for(lambda: (system_vm(client, "consoleproxy") or {}).get("state") == "Running")


def test_internal_load_balancer() -> None:
    vpcs = [{"name": "vpc", "tiers": 2, "internal_lb": True}]
    with SimulatorThread(estate(networks=[], vpcs=vpcs)) as simulator:
        client = Client(simulator)
        (ilb,) = client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        assert ilb["role"] == "INTERNAL_LB_VM" and "softwareversion" not in ilb and ilb["requiresupgrade"] is True
        assert ilb["id"] not in {each["id"] for each in routers(client)}
        client.job("restartVPC", id=VPC, livepatch="true")
        assert simulator.state()["vms"][ilb["name"]]["patches"] == 0
        client.job("stopInternalLoadBalancerVM", id=ilb["id"])
        job = client.job("startInternalLoadBalancerVM", id=ilb["id"])
        assert job["jobresult"]["internalloadbalancervm"]["version"] == "4.22.0"
        client.job("destroyRouter", id=ilb["id"])
        client.job("restartNetwork", id=uuid_of("network", "vpc-tier1"))
        (new,) = client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        assert new["id"] != ilb["id"]


def test_upgrade_router_template_reboots_what_is_old() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        answer = client.ask(command="upgradeRouterTemplate", zoneid=uuid_of("zone", "zone1"))
        (job,) = answer.body["asyncjobs"]
        client.poll({"command": "queryAsyncJobResult", "jobid": job["jobid"]}, until_done=True)
        assert router(client)["version"] == "4.22.0"
        assert client.ask(command="upgradeRouterTemplate").status == 431


# -- access and lists


def test_get_is_answered_like_post() -> None:
    with SimulatorThread(estate(networks=[{"name": "a b+c~ü{{ x }}'\""}])) as simulator:
        client = Client(simulator)
        for method in ("GET", "POST"):
            answer = client.ask(method, command="listNetworks", listall="true", keyword="b+c~ü{{ x }}'\"")
            assert answer.body["count"] == 1


def test_forbidden_command() -> None:
    with SimulatorThread(estate(forbidden_commands=["patchSystemVm"])) as simulator:
        client = Client(simulator)
        answer = client.ask(command="patchSystemVm")
        assert answer.status == 432
        assert answer.body["errortext"].startswith("The API [patchSystemVm] does not exist or is not available for")
        names = {api["name"] for api in client.ask(command="listApis").body["api"]}
        assert "restartNetwork" in names and "patchSystemVm" not in names


def test_who_sees_what() -> None:
    vpcs = [{"name": "vpc"}, {"name": "mine", "account": "admin"}, {"name": "theirs", "project": "apollo"}]
    with SimulatorThread(estate(vpcs=vpcs)) as simulator:
        client = Client(simulator)

        def names(**request: str) -> set[str]:
            return {vpc["name"] for vpc in client.ask(command="listVPCs", **request).body.get("vpc", [])}

        assert names() == {"mine"}
        assert names(listall="true") == {"vpc", "mine"}
        assert names(listall="true", projectid="-1") == {"vpc", "mine", "theirs"}
        assert names(listall="true", projectid=uuid_of("project", "apollo")) == {"theirs"}
        assert names(id=uuid_of("vpc", "theirs")) == {"theirs"}


def test_limit_of_a_page_is_the_setting_at_the_servers_start() -> None:
    networks = [{"name": "net", "count": 5}]
    with SimulatorThread(estate(networks=networks, settings={"default.page.size": 2})) as simulator:
        client = Client(simulator)

        def shown(**request: str) -> int | str:
            answer = client.ask(command="listRouters", listall="true", **request)
            return len(answer.body["router"]) if answer.status == 200 else answer.body["errortext"]

        too_large = "Page size can't exceed max allowed page size value: "
        assert shown() == shown(page="1", pagesize="2") == 2
        assert shown(page="3", pagesize="2") == 1
        assert shown(page="1", pagesize="3") == f"{too_large}2"
        assert shown(pagesize="-1") == 5
        simulator.update(settings={"default.page.size": 1})
        assert shown(page="1", pagesize="2") == 2
        # All settings, whatever this one says.
        assert len(client.ask(command="listConfigurations").body["configuration"]) > 100
        simulator.restart(0.05)
        time.sleep(0.1)
        simulator.wait_until_up()
        assert shown(page="1", pagesize="2") == f"{too_large}1"


def test_pages_without_a_limit() -> None:
    networks = [{"name": "net", "count": 5}]
    with SimulatorThread(estate(networks=networks, settings={"default.page.size": -1})) as simulator:
        client = Client(simulator)
        for pages in ({}, {"page": "1", "pagesize": "9999"}):
            assert len(client.ask(command="listRouters", listall="true", **pages).body["router"]) == 5


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"page": "1", "pagesize": "-1"}, "Can't specify page parameter when pagesize is -1 (Unlimited)"),
        ({"page": "1", "pagesize": "501"}, "Page size can't exceed max allowed page size value: 500"),
        ({"pagesize": "5"}, '"page" parameter is required when "pagesize" is specified'),
        ({"page": "1"}, '"pagesize" parameter is required when "page" is specified'),
    ],
)
def test_wrong_pages(request_: dict[str, str], text: str) -> None:
    with SimulatorThread(estate()) as simulator:
        answer = Client(simulator).ask(command="listRouters", listall="true", **request_)
        assert (answer.status, answer.body["errortext"]) == (431, text)


def test_unreadable_version_spoils_the_whole_list() -> None:
    with SimulatorThread(estate(networks=[{"name": "good"}, {"name": "net", "version": "0"}])) as simulator:
        client = Client(simulator)
        assert client.ask(command="listRouters", listall="true").status == 431
        assert router(client, networkid=uuid_of("network", "good"))


# -- faults


def with_fault(fault: dict[str, Any], **sections: Any) -> SimulatorThread:
    return SimulatorThread(estate(faults=[fault], **sections))


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


@pytest.mark.parametrize(
    ("options", "status", "content_type"),
    [
        ({"status": 429}, 429, "application/json;charset=utf-8"),
        ({"status": 502}, 502, "text/html;charset=utf-8"),
        ({"status": 503, "body": "html"}, 503, "text/html;charset=utf-8"),
        ({"status": 530}, 530, "application/json;charset=utf-8"),
        ({"status": 401}, 401, "application/json;charset=utf-8"),
    ],
)
def test_http_status(options: dict[str, Any], status: int, content_type: str) -> None:
    with with_fault({"kind": "http_status", "match": {"command": "list*"}, "nth": 2, **options}) as simulator:
        url, key, secret = simulator.url, simulator.key, simulator.secret
        assert ask(url, key, secret, {"command": "listZones"}).status == 200
        if content_type.startswith("text/html"):
            with pytest.raises(ValueError):
                ask(url, key, secret, {"command": "listZones"})
        else:
            answer = ask(url, key, secret, {"command": "listZones"})
            assert (answer.status, answer.content_type) == (status, content_type)
            assert answer.body["errorcode"] == status
        assert ask(url, key, secret, {"command": "listZones"}).status == 200


@pytest.mark.parametrize("kind", ["html", "truncated_json", "empty_body"])
def test_answers_that_are_no_json(kind: str) -> None:
    with with_fault({"kind": kind}) as simulator:
        client = Client(simulator)
        with pytest.raises(ValueError):
            client.ask(command="listZones")
        assert client.ask(command="listZones").status == 200


def test_wrong_content_type_and_wrong_count() -> None:
    with SimulatorThread(
        estate(faults=[{"kind": "wrong_content_type"}, {"kind": "count_lies", "by": 7, "nth": 2}])
    ) as simulator:
        client = Client(simulator)
        assert client.ask(command="listZones").content_type == "text/html;charset=utf-8"
        assert client.ask(command="listZones").body["count"] == 8


@pytest.mark.parametrize(("kind", "calls"), [("drop_before", 0), ("drop_after", 1)])
def test_dropped_connection(kind: str, calls: int) -> None:
    with with_fault({"kind": kind, "match": {"command": "restartNetwork"}}) as simulator:
        client = Client(simulator)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            client.ask(command="restartNetwork", id=NETWORK)
        assert len(simulator.journal()) == calls


def test_refused_connections() -> None:
    with with_fault({"kind": "refuse", "seconds": 0.3}) as simulator:
        client = Client(simulator)
        for _attempt in range(2):
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                client.ask(command="listZones")
        simulator.wait_until_up()
        assert client.ask(command="listZones").status == 200


def test_slow_answer_holds_up_no_other() -> None:
    with with_fault({"kind": "slow", "seconds": 0.4, "match": {"command": "listZones"}}) as simulator:
        client = Client(simulator)
        begin = time.monotonic()
        client.ask(command="listZones")
        assert time.monotonic() - begin >= 0.4
        begin = time.monotonic()
        client.ask(command="listZones")
        assert time.monotonic() - begin < 0.3


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


def test_clock_skew() -> None:
    with with_fault({"kind": "clock_skew", "seconds": 7200}) as simulator:
        client = Client(simulator)
        soon = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(time.time() + 600))
        answer = client.ask(command="listZones", signatureVersion="3", expires=soon)
        assert answer.status == 401


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


def rules(simulator: SimulatorThread) -> dict[str, str]:
    return {unit["name"]: unit["rules"] for unit in simulator.state()["units"].values()}


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


# -- the control API


@pytest.mark.parametrize(("work_done", "software"), [(False, "4.18.1.0"), (True, NEW)])
def test_restart_of_the_management_server(work_done: bool, software: str) -> None:
    with SimulatorThread(estate({"patch": 0.3})) as simulator:
        client = Client(simulator)
        job = client.ask(command="restartNetwork", id=NETWORK, livepatch="true").body["jobid"]
        simulator.restart(0.5, work_done=work_done)
        time.sleep(0.2)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            client.ask(command="listZones")
        simulator.wait_until_up()
        answer = client.ask(command="queryAsyncJobResult", jobid=job).body
        assert (answer["jobstatus"], answer["jobresultcode"], "jobresult" in answer) == (2, 530, False)
        assert router(client)["softwareversion"] == software
        events = client.ask(command="listEvents", listall="true", type="NETWORK.RESTART").body["event"]
        assert [event["state"] for event in events] == ["Scheduled", "Started"]


def test_journal_state_and_requests() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        client.ask(command="restartNetwork", id="nonsense")
        first, second = simulator.journal()
        assert (first["seq"], first["command"], first["target"]) == (1, "restartNetwork", "net")
        assert first["params"] == {"id": NETWORK, "livepatch": "true"}
        assert (first["accepted"], first["job_id"]) == (True, job["jobid"])
        assert (second["accepted"], second["job_id"]) == (False, None)
        vm = simulator.state()["vms"][router(client)["name"]]
        ((begin, end),) = vm["patch_intervals"]
        assert end - begin >= QUICK["patch"]
        requests = simulator.requests()
        assert requests["per_command"]["restartNetwork"] == 2
        assert simulator.key not in str(requests) and simulator.secret not in str(requests)


def test_server_that_dies_lets_a_running_patch_finish() -> None:
    networks = [{"name": "net", "redundant": True}]
    with SimulatorThread(estate({"patch": 0.3, "host_reconnect": 0.3}, networks=networks)) as simulator:
        client = Client(simulator)
        job = client.ask(command="restartNetwork", id=NETWORK, livepatch="true").body["jobid"]
        time.sleep(0.1)
        simulator.restart(0.05, work_done="patched")
        time.sleep(0.15)
        simulator.wait_until_up()
        answer = client.ask(command="queryAsyncJobResult", jobid=job).body
        assert (answer["jobstatus"], answer["jobresultcode"], "jobresult" in answer) == (2, 530, False)
        # The second of the pair was not begun.
        assert [r["softwareversion"] for r in routers(client)] == [NEW, "4.18.1.0"]
        assert {r["hostcontrolstate"] for r in routers(client)} == {"Offline"}
        unit = simulator.state()["units"][NETWORK]
        assert (unit["rules"], unit["last_restart"]["succeeded"]) == ("missing", False)
        assert client.job("restartNetwork", id=NETWORK)["jobresultcode"] == 530
        wait_for(lambda: {r["hostcontrolstate"] for r in routers(client)} == {"Enabled"})
        # The second one takes no rules as long as it is old.
        assert client.job("restartNetwork", id=NETWORK)["jobresultcode"] == 530
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert rules(simulator) == {"net": "applied"}
        with pytest.raises(ValueError, match="work_done"):
            simulator.restart(work_done="half")


def test_server_that_dies_cuts_off_everything() -> None:
    fault = {"kind": "server_dies", "match": {"name": "net"}, "down_seconds": 0.1}
    networks = [{"name": "net"}, {"name": "other"}]
    with SimulatorThread(estate({"patch": 0.3}, networks=networks, faults=[fault])) as simulator:
        client = Client(simulator)
        client.ask(command="restartNetwork", id=NETWORK, livepatch="true")
        time.sleep(0.1)
        client.ask(command="restartNetwork", id=uuid_of("network", "other"), livepatch="true")
        time.sleep(0.4)
        simulator.wait_until_up()
        versions = {r["guestnetworkname"]: r["softwareversion"] for r in routers(client)}
        assert versions == {"net": NEW, "other": "4.18.1.0"}
        assert [job["status"] for job in simulator.state()["jobs"]] == [2, 2]
        assert rules(simulator) == {"net": "missing", "other": "applied"}


@pytest.mark.parametrize("state", ["Down", "Disconnected", "Alert"])
def test_host_that_is_not_up(state: str) -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        host = router(client)["hostname"]
        simulator.update(hosts={host: {"state": state}})
        assert router(client)["hostcontrolstate"] == "Offline"
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to restart network"}
        assert router(client)["softwareversion"] == "4.18.1.0"
        simulator.update(hosts={host: {"state": "Up"}})
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1


JOB_ID = "0b8f346e-4f23-4460-9e81-1e0a5576368f"
ANY_JOB = {"command": "restartNetwork", "id": NETWORK, "livepatch": "true", "customjobid": JOB_ID}


def test_duplicate_job_id_starts_nothing() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        assert client.ask(**ANY_JOB).body == {"jobid": JOB_ID}
        assert client.ask(**ANY_JOB).status == 431
        client.poll({"command": "queryAsyncJobResult", "jobid": JOB_ID}, until_done=True)
        assert client.ask(**ANY_JOB).body["errortext"] == "Entity already exists "
        assert [(entry["accepted"], entry["job_id"]) for entry in simulator.journal()] == [
            (True, JOB_ID),
            (False, None),
            (False, None),
        ]
        assert len(simulator.state()["jobs"]) == 1
        assert simulator.state()["vms"][router(client)["name"]]["patches"] == 1


def test_job_id_stays_used_after_a_restart_of_the_server() -> None:
    with SimulatorThread(estate({"patch": 0.5})) as simulator:
        client = Client(simulator)
        client.ask(**ANY_JOB)
        simulator.restart(0.05)
        time.sleep(0.1)
        simulator.wait_until_up()
        assert client.ask(command="queryAsyncJobResult", jobid=JOB_ID).body["jobstatus"] == 2
        answer = client.ask(**ANY_JOB)
        assert (answer.status, answer.body["cserrorcode"]) == (530, 9999)


def test_server_that_does_not_know_job_ids_of_the_client() -> None:
    with SimulatorThread(estate(server={"customjobid": "ignore"})) as simulator:
        client = Client(simulator)
        first, second = (client.ask(**ANY_JOB).body["jobid"] for _each in range(2))
        assert JOB_ID not in (first, second) and first != second
        simulator.update(server={"customjobid": "refuse"})
        answer = client.ask(**ANY_JOB)
        assert (answer.status, answer.body["errortext"]) == (431, f"UUID: {JOB_ID} doesn't follow the UUID format")
        with pytest.raises(ValueError, match="accept, ignore, refuse"):
            simulator.update(server={"customjobid": "maybe"})


def test_update() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        name = router(client)["name"]
        simulator.update(
            vms={name: {"state": "Stopped"}},
            zones={"zone1": {"allocation": "Disabled"}},
            management_servers={"localhost": {"version": "4.21.0.0"}},
            settings={"router.version.check": "false"},
        )
        assert "hostid" not in router(client)
        assert client.everything("listZones", "zone")[0]["allocationstate"] == "Disabled"
        assert client.everything("listManagementServers", "managementserver")[0]["version"] == "4.21.0.0"
        with pytest.raises(ValueError, match="has no 'colour'"):
            simulator.update(vms={name: {"colour": "red"}})


def test_simulator_in_this_process() -> None:
    async def run() -> str:
        async with simulate(estate()) as simulator:
            return simulator.url

    assert asyncio.run(run()).startswith("http://127.0.0.1:")


# -- estates


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"netwroks": []}, "estate.netwroks: unknown key, did you mean 'networks'?"),
        ({"networks": [{"name": "n", "verison": "4.18"}]}, "networks[0].verison: unknown key, did you mean 'version'?"),
        ({"networks": [{"name": "n", "redundant": "yes"}]}, "networks[0].redundant: expected bool, found 'yes'"),
        ({"networks": [{"name": "n", "version": 4.18}]}, "networks[0].version: expected text, found 4.18"),
        ({"networks": [{}]}, "networks[0]: name is missing"),
        ({"networks": [{"name": "n", "zone": "mars"}]}, "networks[0].zone: there is no zone 'mars'"),
        ({"zones": [{"name": "z", "hosts": [{"hypervisor": "Xen"}]}]}, "'Xen' is not one of KVM"),
        ({"vpcs": [{"name": "v", "tiers": [{"nmae": "t"}]}]}, "vpcs[0].tiers[0].nmae: unknown key"),
        ({"faults": [{"kind": "gremlins"}]}, "faults: a fault needs a kind"),
        ({"timings": {"patch": True}}, "timings.patch: expected int or float, found True"),
    ],
)
def test_wrong_estate(spec: dict[str, Any], text: str) -> None:
    with pytest.raises(EstateError) as error:
        build(spec)
    assert text in str(error.value)


def test_set_override() -> None:
    spec: dict[str, Any] = {"networks": [{"name": "a"}]}
    set_override(spec, "timings.patch=0.5")
    set_override(spec, "networks.0.redundant=true")
    assert spec == {"networks": [{"name": "a", "redundant": True}], "timings": {"patch": 0.5}}
    with pytest.raises(EstateError, match="no such place"):
        set_override(spec, "networks.5.name=b")


def test_ids_can_be_predicted() -> None:
    world = build({"networks": [{"name": "same"}, {"name": "same"}, {"name": "many", "count": 2}]})
    assert [network.id for network in world.networks] == [
        uuid_of("network", name) for name in ("same", "same#2", "many-001", "many-002")
    ]
    first = next(world.routers)
    assert first.id == uuid_of("vm", first.name)


@pytest.mark.parametrize("name", ["small", "demo", "bench", "large"])
def test_example_estates(name: str) -> None:
    with SimulatorProcess(f"{name}.yml") as simulator:
        answer = Client(simulator).ask(command="listRouters", listall="true", page="1", pagesize="500")
        assert answer.body["count"] >= {"small": 12, "demo": 50, "bench": 200, "large": 4900}[name]


def test_wrong_estate_is_told_on_start() -> None:
    with pytest.raises(RuntimeError, match="unknown key"):
        SimulatorProcess({"netwroks": []}).start()
    with pytest.raises(EstateError, match="unknown key"):
        SimulatorThread({"netwroks": []}).start()


def test_estate_in_the_readme() -> None:
    readme = (Path(simulator_package.__file__).parent / "README.md").read_text(encoding="utf-8")
    spec = yaml.safe_load(readme.split("```yaml")[1].split("```")[0])
    world = build(spec)
    assert len(world.networks) == 3 + 2
    assert len(world.vpcs) == 1
