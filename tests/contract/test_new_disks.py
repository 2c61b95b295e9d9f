# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What new system VMs are made from, and what keeps them from coming."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, NEW, QUICK, VPC, estate, router, routers, system_vm
from tests.simulator import uuid_of
from tests.simulator.estate import build
from tests.simulator.estate_schema import EstateError
from tests.simulator.identity import scripts_checksum
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for

SSVM, CPVM = "secondarystoragevm", "consoleproxy"
X86_AND_ARM = [{"name": "x"}, {"name": "a", "arch": "aarch64"}]
ARM_TEMPLATE = "systemvm-kvm-4.22.0-aarch64"
X86_TEMPLATE = "systemvm-kvm-4.22.0-x86_64"
NO_PLACE = "Unable to create a deployment for VM instance"
NO_START = "Unable to orchestrate the start of VM instance"
TB = 1 << 40


def zone(**facts: Any) -> dict[str, Any]:
    return estate(zones=[{"name": "zone1", **facts}])


def replaced(client: Client, type_: str) -> dict[str, Any] | None:
    """The VM that comes after the one of this type was destroyed; None if none comes."""
    old = system_vm(client, type_)
    assert old is not None
    client.job("destroySystemVm", id=old["id"])
    end = time.monotonic() + 5 * QUICK["scan_interval"]
    while time.monotonic() < end:
        vm = system_vm(client, type_)
        if vm is not None and vm["state"] == "Running":
            assert vm["id"] != old["id"]
            return vm
        time.sleep(0.02)
    return None


def recreate(client: Client) -> dict[str, Any]:
    return client.job("restartNetwork", id=NETWORK, cleanup="true")


# -- which template


@pytest.mark.parametrize(
    ("facts", "arch"),
    [
        ({"hosts": X86_AND_ARM}, "x86_64"),
        ({"hosts": X86_AND_ARM, "settings": {"system.vm.preferred.architecture": "aarch64"}}, "aarch64"),
        # No host of the preferred one has room.
        ({"hosts": [{"name": "x", "state": "Down"}, {"name": "a", "arch": "aarch64"}]}, "aarch64"),
        ({"hosts": [{"name": "a", "arch": "aarch64"}]}, "aarch64"),
    ],
)
def test_new_system_vm_has_the_preferred_architecture_that_finds_a_host(facts: dict[str, Any], arch: str) -> None:
    with SimulatorThread(zone(**facts)) as simulator:
        vm = replaced(Client(simulator), SSVM)
        assert vm is not None
        assert (vm["arch"], vm["templatename"]) == (arch, f"systemvm-kvm-4.22.0-{arch}")


def test_new_system_vm_is_made_from_the_newest_template_that_is_downloaded() -> None:
    templates = [{"version": "4.22.0"}, {"version": "4.22.1", "ready": False}]
    with SimulatorThread(zone(templates=templates)) as simulator:
        vm = replaced(Client(simulator), CPVM)
        assert vm is not None and vm["templatename"] == X86_TEMPLATE


def test_template_that_only_another_zone_has_downloaded_brings_no_system_vm() -> None:
    zones = [{"name": "zone1", "templates": [{"version": "4.22.0", "ready": False}]}, {"name": "zone2"}]
    with SimulatorThread(estate(zones=zones)) as simulator:
        client = Client(simulator)
        old = next(vm for vm in client.everything("listSystemVms", "systemvm") if vm["zonename"] == "zone1")
        client.job("destroySystemVm", id=old["id"])
        time.sleep(3 * QUICK["scan_interval"])
        left = client.everything("listSystemVms", "systemvm", zoneid=uuid_of("zone", "zone1"))
        assert old["systemvmtype"] not in {vm["systemvmtype"] for vm in left}


def test_new_system_vm_may_get_another_hypervisor() -> None:
    hosts = [{"name": "k", "hypervisor": "KVM"}, {"name": "v", "hypervisor": "VMware"}]
    with SimulatorThread(zone(hypervisor="KVM", picks="VMware", hosts=hosts)) as simulator:
        client = Client(simulator)
        vm = replaced(client, SSVM)
        assert vm is not None and (vm["hypervisor"], vm["hostname"]) == ("VMware", "v")
        simulator.update(settings={"system.vm.default.hypervisor": "KVM"})
        vm = replaced(client, SSVM)
        assert vm is not None and vm["hypervisor"] == "KVM"


def test_new_router_is_made_from_the_routing_template_that_the_setting_names() -> None:
    templates = [
        {"name": "our-router", "version": "4.22.0", "type": "ROUTING"},
        {"name": "our-router-old", "version": "4.20.1", "type": "ROUTING"},
    ]
    with SimulatorThread(zone(templates=templates, settings={"router.template.kvm": "our-router"})) as simulator:
        client = Client(simulator)
        assert recreate(client)["jobstatus"] == 1
        assert router(client)["templatename"] == "our-router"
        # An SSVM is made from SYSTEM templates only.
        vm = replaced(client, SSVM)
        assert vm is not None and vm["templatename"] == X86_TEMPLATE


def test_router_template_of_an_architecture_without_hosts() -> None:
    facts = {
        "hosts": [{"name": "x"}],
        "templates": [{"version": "4.22.0", "arch": "aarch64"}],
        "settings": {"router.template.kvm": ARM_TEMPLATE},
    }
    with SimulatorThread(zone(**facts)) as simulator:
        client = Client(simulator)
        job = recreate(client)
        assert (job["jobresultcode"], job["jobresult"]["errortext"].startswith(NO_PLACE)) == (530, True)
        assert {r["state"] for r in routers(client)} == {"Running", "Stopped"}


# -- what a deployment needs


def test_start_on_a_new_disk_needs_the_template_and_one_on_the_old_disk_does_not() -> None:
    """After an upgrade of the server a mere restart takes a new disk."""
    spec = estate(server={"version": "4.20.1.0"}, defaults={"version": "4.20.1"})
    with SimulatorThread(spec) as simulator:
        client = Client(simulator)
        assert client.job("rebootRouter", id=router(client)["id"])["jobstatus"] == 1
        simulator.upgrade(NEW, zones={"zone1": "not_ready"})
        job = client.job("rebootRouter", id=router(client)["id"])
        assert (job["jobresultcode"], job["jobresult"]["errortext"].startswith(NO_START)) == (530, True)
        assert router(client)["state"] == "Stopped"
        simulator.update(templates={X86_TEMPLATE: {"ready": True}})
        assert client.job("startRouter", id=router(client)["id"])["jobstatus"] == 1
        assert router(client)["version"] == "4.22.0"


def test_no_host_of_a_vpc_is_533() -> None:
    with SimulatorThread(estate(networks=[], vpcs=[{"name": "vpc"}])) as simulator:
        client = Client(simulator)
        for host in client.everything("listHosts", "host", type="Routing"):
            simulator.update(hosts={host["name"]: {"resourcestate": "Disabled"}})
        job = client.job("restartVPC", id=VPC, cleanup="true")
        assert (job["jobresultcode"], job["jobresult"]["errortext"].startswith(NO_PLACE)) == (533, True)


@pytest.mark.parametrize(
    ("offering", "target", "boots"),
    [
        ({}, "4.22.0.0", True),
        ({"domainrouter": {"memory": 256}}, "4.22.0.0", False),
        ({"domainrouter": {"memory": 256, "name": "our small router"}}, "4.22.0.0", False),
        ({"domainrouter": {"memory": 256}}, "4.19.1.0", True),
    ],
)
def test_template_of_4_20_or_newer_needs_memory_to_boot(offering: dict[str, Any], target: str, boots: bool) -> None:
    with SimulatorThread(estate(server={"version": target}, offerings=offering)) as simulator:
        client = Client(simulator)
        job = recreate(client)
        assert (job["jobstatus"] == 1) is boots
        assert boots or job["jobresult"]["errortext"].startswith(NO_START)


def memory(client: Client) -> int:
    offering = router(client)["serviceofferingid"]
    (row,) = client.everything("listServiceOfferings", "serviceoffering", issystem="true", id=offering)
    return row["memory"]


def test_upgrade_to_4_20_raises_the_memory_of_the_servers_own_offerings_only() -> None:
    spec = estate(server={"version": "4.19.1.0"}, defaults={"version": "4.19.1"})
    with SimulatorThread(spec) as simulator:
        client = Client(simulator)
        before = memory(client)
        simulator.upgrade(NEW)
        assert (before, memory(client)) == (256, 512)
    with SimulatorThread(spec | {"offerings": {"domainrouter": {"name": "ours", "memory": 256}}}) as simulator:
        client = Client(simulator)
        simulator.upgrade(NEW)
        assert (router(client)["serviceofferingname"], memory(client)) == ("ours", 256)


@pytest.mark.parametrize(
    ("facts", "comes"),
    [
        ({}, True),
        ({"image_stores": []}, False),
        ({"image_stores": [{"readonly": True}]}, False),
        ({"image_stores": [{"total": TB, "used": int(0.95 * TB)}]}, False),
        ({"image_stores": [{"total": TB, "used": int(0.95 * TB)}, {"total": TB, "used": 0}]}, True),
        ({"image_stores": [{"readonly": True}, {"name": "b"}]}, True),
        ({"storage_pools": [{"state": "Maintenance"}]}, False),
        ({"storage_pools": [{"state": "Maintenance"}, {"scope": "ZONE"}]}, True),
        ({"settings": {"system.vm.use.local.storage": True}}, False),
        ({"settings": {"system.vm.use.local.storage": True}, "storage_pools": [{}, {"scope": "HOST"}]}, True),
        ({"storage_pools": [{"scope": "HOST"}]}, False),
        ({"settings": {"system.vm.auto.reserve.capacity": False}}, True),
    ],
)
def test_what_a_new_ssvm_needs(facts: dict[str, Any], comes: bool) -> None:
    with SimulatorThread(zone(**facts)) as simulator:
        vm = replaced(Client(simulator), SSVM)
        assert (vm is not None) is comes


@pytest.mark.parametrize(
    ("setting", "type_", "comes"),
    [
        ({"consoleproxy.restart": False}, CPVM, False),
        ({"consoleproxy.restart": False}, SSVM, True),
        ({"consoleproxy.restart": True}, CPVM, True),
    ],
)
def test_console_proxies_that_are_not_restarted_in_one_zone(setting: dict[str, bool], type_: str, comes: bool) -> None:
    with SimulatorThread(zone(settings=setting)) as simulator:
        client = Client(simulator)
        assert (replaced(client, type_) is not None) is comes
        (entry,) = client.everything(
            "listConfigurations", "configuration", name="consoleproxy.restart", zoneid=uuid_of("zone", "zone1")
        )
        assert entry["value"] == str(setting["consoleproxy.restart"]).lower()


def test_stopped_ssvm_is_not_started_where_the_scan_is_switched_off() -> None:
    with SimulatorThread(estate(settings={"system.vm.auto.reserve.capacity": False})) as simulator:
        client = Client(simulator)
        vm = system_vm(client, SSVM)
        assert vm is not None
        client.job("stopSystemVm", id=vm["id"])
        time.sleep(3 * QUICK["scan_interval"])
        vm = system_vm(client, SSVM)
        assert vm is not None and vm["state"] == "Stopped"


def test_router_without_primary_storage_that_is_up() -> None:
    with SimulatorThread(zone(storage_pools=[{"name": "p", "state": "Maintenance"}])) as simulator:
        client = Client(simulator)
        assert recreate(client)["jobresult"]["errortext"].startswith(NO_PLACE)
        simulator.update(storage_pools={"p": {"state": "Up"}})
        assert recreate(client)["jobstatus"] == 1


@pytest.mark.parametrize(("detail", "type_"), [("enable.secstorage.vm", SSVM), ("enable.consoleproxy.vm", CPVM)])
def test_zone_that_wants_no_such_vm(detail: str, type_: str) -> None:
    with SimulatorThread(zone(details={detail: False})) as simulator:
        client = Client(simulator)
        time.sleep(3 * QUICK["scan_interval"])
        assert {vm["systemvmtype"] for vm in client.everything("listSystemVms", "systemvm")} == {SSVM, CPVM} - {type_}
        (shown,) = client.everything("listZones", "zone")
        assert shown["resourcedetails"] == {detail: "false"}


def test_zone_of_external_hosts_has_no_system_vms() -> None:
    zones = [{"name": "zone1"}, {"name": "bare", "hosts": [{"hypervisor": "External"}]}]
    with SimulatorThread(estate(zones=zones, networks=[{"name": "net", "zone": "bare"}])) as simulator:
        client = Client(simulator)
        time.sleep(3 * QUICK["scan_interval"])
        assert {vm["zonename"] for vm in client.everything("listSystemVms", "systemvm")} == {"zone1"}
        assert not routers(client)
        assert "External" not in {t["hypervisor"] for t in client.everything("listTemplates", "template")}


# -- hosts


def test_old_kvm_host_pushes_its_scripts_to_what_starts_there() -> None:
    hosts = [{"name": "old", "version": "4.20.1.0"}]
    with SimulatorThread(zone(hosts=hosts)) as simulator:
        client = Client(simulator)
        assert recreate(client)["jobstatus"] == 1
        new = router(client)
        assert (new["version"], new["softwareversion"]) == ("4.22.0", NEW)
        assert new["scriptsversion"] == scripts_checksum("4.20.1")
        vm = replaced(client, SSVM)
        assert vm is not None
        assert wait_for(lambda: (system_vm(client, SSVM) or {}).get("version")) == "4.20.1.0"


def test_storage_as_the_api_lists_it() -> None:
    facts = {
        "image_stores": [{"name": "a", "total": TB, "used": 5}, {"name": "b", "readonly": True}],
        "storage_pools": [{"name": "p"}, {"name": "z", "scope": "ZONE", "state": "Maintenance"}],
    }
    with SimulatorThread(zone(**facts)) as simulator:
        client = Client(simulator)
        a, b = client.everything("listImageStores", "imagestore")
        assert (a["disksizetotal"], a["disksizeused"], a["readonly"]) == (TB, 5, False)
        assert "disksizetotal" not in b and b["readonly"]
        p, z = client.everything("listStoragePools", "storagepool")
        assert (p["scope"], p["state"], "clusterid" in p) == ("CLUSTER", "Up", True)
        assert (z["scope"], z["state"], "clusterid" in z) == ("ZONE", "Maintenance", False)
        assert client.everything("listStoragePools", "storagepool", scope="ZONE") == [z]


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"storage_pools": [{"scope": "POD"}]}, "CLUSTER, ZONE, HOST"),
        ({"storage_pools": [{"cluster": "c9"}]}, "no cluster 'c9'"),
        ({"image_stores": [{"size": 1}]}, "unknown key"),
        ({"settings": {"enable.secstorage.vm": False}}, "one of a zone's details"),
    ],
)
def test_wrong_zone(facts: dict[str, Any], text: str) -> None:
    with pytest.raises(EstateError, match=text):
        build(zone(**facts))
