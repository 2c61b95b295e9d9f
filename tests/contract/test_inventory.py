# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System VMs that belong to no network or zone: where the API shows them, and where it does not."""

from __future__ import annotations

from typing import Any

from tests.contract.replay import Client
from tests.contract.scene import estate, routers
from tests.simulator import uuid_of
from tests.simulator.process import SimulatorThread

AGED: dict[str, Any] = {"server": {"version": "4.20.1.0"}, "defaults": {"version": "4.20.1"}}
FILES = [{"name": "files", "network": "net", "account": "acme"}, {"name": "team", "project": "apollo"}]


def test_vm_of_a_shared_file_system_is_listed_as_a_guest_only() -> None:
    with SimulatorThread(estate(shared_file_systems=FILES)) as simulator:
        client = Client(simulator)
        shown = {each["name"]: each for each in client.everything("listSharedFileSystems", "sharedfs")}
        assert set(shown) == {"files", "team"}
        files = shown["files"]
        assert (files["state"], files["vmstate"], files["account"]) == ("Ready", "Running", "acme")
        assert files["nic"][0]["networkname"] == "net"
        guests = {vm["id"]: vm for vm in client.everything("listVirtualMachines", "virtualmachine")}
        assert guests[files["virtualmachineid"]]["vmtype"] == "sharedfsvm"
        listed = [*routers(client), *client.everything("listSystemVms", "systemvm")]
        assert not {vm["id"] for vm in listed} & set(guests)


def test_restart_of_a_shared_file_system_keeps_its_template_even_with_cleanup() -> None:
    with SimulatorThread(estate(**AGED, shared_file_systems=FILES)) as simulator:
        client = Client(simulator)
        simulator.upgrade("4.22.0.0")
        job = client.job("restartSharedFileSystem", id=uuid_of("sharedfs", "files"), cleanup="true")
        assert job["jobresult"]["sharedfs"]["state"] == "Ready"
        (vm,) = client.everything("listVirtualMachines", "virtualmachine", keyword="files")
        assert vm["templatename"] == "systemvm-kvm-4.20.1-x86_64"
        assert simulator.state()["shared_file_systems"]["files"]["restarts"] == 1


def test_servers_before_4_20_have_no_shared_file_systems() -> None:
    with SimulatorThread(estate(server={"version": "4.19.1.0"})) as simulator:
        assert Client(simulator).ask(command="listSharedFileSystems").status == 401


def test_elastic_load_balancer_is_seen_by_its_volume_only() -> None:
    with SimulatorThread(estate(**AGED, elastic_lbs=[{"count": 2}])) as simulator:
        client = Client(simulator)
        simulator.upgrade("4.22.0.0")
        volumes = client.everything("listVolumes", "volume", type="ROOT", listsystemvms="true")
        lbs = [volume for volume in volumes if volume["vmtype"] == "ElasticLoadBalancerVm"]
        assert len(lbs) == 2 and {volume["templatename"] for volume in lbs} == {"systemvm-kvm-4.20.1-x86_64"}
        everywhere = [
            *routers(client),
            *client.everything("listSystemVms", "systemvm"),
            *client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm"),
            *client.everything("listVirtualMachines", "virtualmachine"),
        ]
        assert not {vm["name"] for vm in everywhere} & {volume["vmname"] for volume in lbs}


def test_router_without_network() -> None:
    with SimulatorThread(estate(networks=[], orphan_routers=[{"state": "Running"}])) as simulator:
        (router,) = routers(Client(simulator))
        assert "guestnetworkid" not in router and "vpcid" not in router
