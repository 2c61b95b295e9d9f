# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the API shows routers, SSVMs and CPVMs, and their ROOT volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator import versions
from tests.simulator.errors import PARAMETER, ApiError
from tests.simulator.identity import mac, parse_version, scripts_checksum, uuid_of
from tests.simulator.render_parts import (
    CONTROL_NETWORK,
    DNS,
    LINK_LOCAL_NETMASK,
    PUBLIC_GATEWAY,
    PUBLIC_NETMASK,
    PUBLIC_NETWORK,
    JsonObject,
    drop_newer,
    gateway,
    job_fields,
    link_local,
    netmask,
    owner_fields,
    placement_fields,
    pod_fields,
    zone_fields,
)

if TYPE_CHECKING:
    from tests.simulator.entities import Network, OldDisk, Router, SystemVm, Vm
    from tests.simulator.world import World


def requires_upgrade(world: World, router: Router) -> bool:
    """DomainRouterJoinDaoImpl:104-124, reference 2.3."""
    if router.version is None:
        return True
    have = parse_version(router.version)
    want = parse_version(world.setting("minreq.sysvmtemplate.version", router.zone) or "0.0.0")
    if have is None:
        raise ApiError(
            PARAMETER,
            f"org.apache.cloudstack.utils.CloudStackVersion.parse(String) passed {router.version}, but requires a "
            "value in the format of int.int.int(.int)(-<legacy patch>)",
        )
    if want is None or have >= want:
        return False
    if not world.does(versions.PATCHES):
        # Nobody knows of software apart from the template.
        return True
    return router.software is None or parse_version(router.software) != parse_version(world.server.version)


def health_checks_failed(world: World, router: Router) -> bool:
    return world.server.healthchecksfailed and router.health is not None and bool(router.health.failing)


def scripts_version(router: Router) -> str | None:
    if router.scripts_checksum is not None:
        return router.scripts_checksum
    return None if router.scripts is None else scripts_checksum(router.scripts)


def guest_address(router: Router, network: Network) -> tuple[str, str]:
    """The router's address in a guest network: the gateway, or one of its own in a redundant pair."""
    prefix = network.cidr.split("/")[0].rsplit(".", 1)[0]
    last = 2 + router.nr % 250 if router.redundant else 1
    if router.role == "INTERNAL_LB_VM":
        last = 200 + router.nr % 50
    elif network.type == "Shared":
        last = 2 + router.nr % 250
    return f"{prefix}.{last}", mac("02:01:00", network.nr * 256 + last)


def nics(router: Router) -> list[JsonObject]:
    running = router.state != "Stopped" and router.host is not None
    # A router that never had a place keeps what was reserved for it.
    reserved = router.state != "Stopped" or not router.placed
    guests = []
    for network in router.networks:
        address, mac_address = guest_address(router, network)
        nic: JsonObject = {
            "id": uuid_of("nic", f"{router.id}/{network.id}"),
            "networkid": network.id,
            "networkname": network.name,
            "netmask": netmask(network.cidr),
        }
        internal_lb = router.role == "INTERNAL_LB_VM"
        if network.type == "Shared" or internal_lb:
            nic["gateway"] = gateway(network.cidr)
        nic["ipaddress"] = address
        if reserved:
            nic |= {"isolationuri": f"vlan://{network.vlan}", "broadcasturi": f"vlan://{network.vlan}"}
        nic |= {
            "traffictype": "Guest",
            "type": network.type,
            "isdefault": network.type == "Shared" or internal_lb,
            "macaddress": mac_address,
        }
        if not internal_lb:
            nic["mtu"] = 1500
        guests.append(nic)
    control: JsonObject = {"id": uuid_of("nic", f"{router.id}/control"), "networkid": CONTROL_NETWORK}
    if running:
        address, mac_address = link_local(router)
        control |= {"netmask": LINK_LOCAL_NETMASK, "gateway": "169.254.0.1", "ipaddress": address}
    control |= {"traffictype": "Control", "isdefault": False}
    if running:
        control["macaddress"] = mac_address
    unit = router.unit
    public = []
    if unit is not None and unit.public_ip and router.role != "INTERNAL_LB_VM":
        public.append(
            {
                "id": uuid_of("nic", f"{router.id}/public"),
                "networkid": PUBLIC_NETWORK,
                "netmask": PUBLIC_NETMASK,
                "gateway": PUBLIC_GATEWAY,
                "ipaddress": unit.public_ip,
                "isolationuri": "vlan://50",
                "broadcasturi": "vlan://50",
                "traffictype": "Public",
                "isdefault": True,
                "macaddress": mac("1e:00:00", unit.nr),
                "mtu": 1500,
            }
        )
    of_vpc = router.vpc is not None and router.role != "INTERNAL_LB_VM"
    return [control, *public, *guests] if of_vpc else [*guests, control, *public]


def router(world: World, router: Router) -> JsonObject:
    # The answer to destroyRouter shows it once more, without its NICs.
    destroyed = router.removed is not None
    all_nics = [] if destroyed else nics(router)
    control = next((nic for nic in all_nics if nic["traffictype"] == "Control"), None)
    public = next((nic for nic in all_nics if nic["traffictype"] == "Public"), None)
    guest = next((nic for nic in reversed(all_nics) if nic["traffictype"] == "Guest"), None)
    shown: JsonObject = {"id": router.id, **zone_fields(router.zone), "dns1": DNS}
    if guest is not None:
        shown["networkdomain"] = "cs1cloud.internal"
    if public is not None:
        shown["gateway"] = PUBLIC_GATEWAY
    elif guest is not None and router.role != "INTERNAL_LB_VM":
        shown["gateway"] = gateway(router.networks[-1].cidr)
    shown["name"] = router.name
    if router.placed:
        shown |= pod_fields(router.zone)
    shown |= placement_fields(router)
    if router.host is not None or world.does(versions.HYPERVISOR_OF_STOPPED):
        shown["hypervisor"] = router.hypervisor
    if control is not None and "ipaddress" in control:
        shown["linklocalip"] = control["ipaddress"]
        shown["linklocalmacaddress"] = control["macaddress"]
        shown["linklocalnetmask"] = control["netmask"]
    if control is not None:
        shown["linklocalnetworkid"] = CONTROL_NETWORK
    if public is not None:
        shown["publicip"] = public["ipaddress"]
        shown["publicmacaddress"] = public["macaddress"]
        shown["publicnetmask"] = public["netmask"]
        shown["publicnetworkid"] = public["networkid"]
    if guest is not None:
        shown["guestipaddress"] = guest["ipaddress"]
        shown["guestmacaddress"] = guest["macaddress"]
        shown["guestnetmask"] = guest["netmask"]
        shown["guestnetworkid"] = guest["networkid"]
        shown["guestnetworkname"] = guest["networkname"]
    offering = world.offering_of(router)
    shown |= {
        "templateid": router.template.id,
        "templatename": router.template.name,
        "created": world.stamp(router.created),
        "state": "Destroyed" if destroyed else router.state,
        **owner_fields(world, router.owner),
        "serviceofferingid": offering["id"],
        "serviceofferingname": offering["name"],
        "isredundantrouter": router.redundant,
        "redundantstate": router.redundantstate,
        "version": router.version or "UNKNOWN",
    }
    checksum = scripts_version(router)
    if checksum is not None:
        shown["scriptsversion"] = checksum
    if router.vpc is not None:
        shown["vpcid"] = router.vpc.id
        shown["vpcname"] = router.vpc.name
    shown |= {
        "role": router.role,
        "nic": [drop_newer(world, "nic", nic) for nic in all_nics],
        "requiresupgrade": requires_upgrade(world, router),
    }
    if world.setting_is_true("router.health.checks.enabled", router.zone):
        shown["healthchecksfailed"] = health_checks_failed(world, router)
    if router.software is not None:
        shown["softwareversion"] = router.software
    return shown | {"arch": router.root.arch, "hasannotations": False} | job_fields(router)


# -- SSVM and CPVM


def systemvm(world: World, vm: SystemVm, destroyed: bool = False) -> JsonObject:
    """destroyed: as the result of destroySystemVm shows it, with what is gone already left out."""
    placed = vm.host is not None
    addressed = not destroyed
    shown: JsonObject = {"id": vm.id, "systemvmtype": vm.type, **zone_fields(vm.zone), "dns1": DNS}
    if addressed:
        shown["gateway"] = PUBLIC_GATEWAY
    shown["name"] = vm.name
    if vm.placed:
        shown |= pod_fields(vm.zone)
    shown |= {**placement_fields(vm), "hypervisor": vm.hypervisor}
    if addressed and placed:
        number = vm.nr * 37 + vm.starts * 5
        address, mac_address = link_local(vm)
        shown |= {
            "privateip": f"172.16.{number >> 8 & 255}.{number & 255}",
            "privatemacaddress": mac("1e:00:36", number),
            "privatenetmask": "255.255.0.0",
            "linklocalip": address,
            "linklocalmacaddress": mac_address,
            "linklocalnetmask": LINK_LOCAL_NETMASK,
        }
    if addressed:
        shown |= {
            "publicip": vm.public_ip,
            "publicmacaddress": mac("1e:00:d7", vm.nr),
            "publicnetmask": PUBLIC_NETMASK,
        }
    shown |= {
        "templateid": vm.template.id,
        "templatename": vm.template.name,
        "created": world.stamp(vm.created),
        "state": vm.state,
    }
    if vm.agent is not None and not destroyed:
        shown["agentstate"] = vm.agent.state
        if vm.agent.disconnected is not None:
            shown["disconnected"] = world.stamp(vm.agent.disconnected)
        shown["version"] = vm.agent.version
    if vm.type == "consoleproxy" and not destroyed:
        shown["activeviewersessions"] = vm.sessions
    offering = world.offering_of(vm)
    return shown | {
        "isdynamicallyscalable": False,
        "serviceofferingid": offering["id"],
        "serviceofferingname": offering["name"],
        "arch": vm.root.arch,
        "hasannotations": False,
    }


def systemvm_in_list(world: World, vm: SystemVm) -> JsonObject:
    return systemvm(world, vm) | job_fields(vm)


def volume(world: World, vm: Vm, old: OldDisk | None = None) -> JsonObject:
    """The ROOT volume of a system VM, or one that it had; its templateid is the template the VM really runs, or ran."""
    root = vm.root if old is None else old.root
    state = "Ready" if vm.placed else "Allocated"
    offering = world.offering_of(vm)
    cluster = vm.host.cluster if vm.host is not None else next(c for c in world.clusters if c.zone is vm.zone)
    shown = {
        "id": vm.volume_id if old is None else old.id,
        "name": f"ROOT-{vm.nr}",
        **zone_fields(vm.zone),
        "type": "ROOT",
        "deviceid": 0,
        "virtualmachineid": vm.id,
        "templateid": root.id,
        "templatename": root.name,
        "templatedisplaytext": root.name,
        "vmname": vm.name,
        "vmdisplayname": vm.name,
        "vmstate": vm.state,
        "vmtype": vm.type_name,
        "provisioningtype": "thin",
        "size": 2147483648,
        "created": world.stamp(vm.created),
        "state": state if old is None else old.state,
        **owner_fields(world, world.owner_of(vm)),
        "storagetype": offering["storagetype"],
        "hypervisor": vm.hypervisor,
        "destroyed": False,
        # The internal number, as recorded.
        "serviceofferingid": {"secondarystoragevm": "3", "consoleproxy": "11"}.get(vm.offering, "7"),
        "serviceofferingname": offering["name"],
        "isextractable": False,
        "displayvolume": True,
        "quiescevm": False,
        "supportsstoragesnapshot": False,
        "deleteprotection": False,
        "tags": [],
        "hasannotations": False,
    }
    if vm.placed:
        shown |= {
            "storage": f"{vm.zone.name}-ps0",
            "path": uuid_of("path", shown["id"]),
            "storageid": uuid_of("storagepool", vm.zone.name),
            "physicalsize": 2147483648,
            "virtualsize": 2147483648,
            "utilization": "100.0%",
            "clusterid": cluster.id,
            "clustername": cluster.name,
            **pod_fields(vm.zone),
        }
    return shown
