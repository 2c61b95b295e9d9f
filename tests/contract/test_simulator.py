# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator does beyond the recordings: the documented traps, faults on request, the control API."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, NEW, QUICK, VPC, estate, router, routers, system_vm
from tests.simulator import uuid_of
from tests.simulator.identity import scripts_checksum
from tests.simulator.process import SimulatorThread
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
