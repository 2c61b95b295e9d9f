# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the API shows each kind of object: the keys, their order and their presence as recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulator.errors import PARAMETER, ApiError
from tests.simulator.identity import mac, parse_version, scripts_checksum, uuid_of
from tests.simulator.versions import missing_keys

if TYPE_CHECKING:
    from tests.simulator.events import Event
    from tests.simulator.jobs import Job
    from tests.simulator.world import Entity, Host, Network, Owner, Router, SystemVm, Template, Vm, Vpc, World, Zone

RECORDED = Path(__file__).parent / "recorded"
SERVICES = json.loads((RECORDED / "services.json").read_text(encoding="utf-8"))
NETWORK_OFFERINGS = json.loads((RECORDED / "networkofferings.json").read_text(encoding="utf-8"))
OFFERINGS_BY_NAME = {offering["name"]: offering for offering in NETWORK_OFFERINGS}
CONTROL_NETWORK = uuid_of("network", "control")
PUBLIC_NETWORK = uuid_of("network", "public")
DNS = "10.147.28.6"
PUBLIC_GATEWAY = "198.18.0.1"
PUBLIC_NETMASK = "255.254.0.0"
LINK_LOCAL_NETMASK = "255.255.0.0"

JsonObject = dict[str, Any]


def to_json(world: World, entity: Entity) -> str:
    shown = RENDERERS[entity.kind](world, entity)
    return json.dumps(drop_newer(world, entity.kind, shown), ensure_ascii=False)


def drop_newer(world: World, kind: str, shown: JsonObject) -> JsonObject:
    """What this server shows of an object; kind is the name of the list that it stands in."""
    missing = missing_keys(kind, world.server.version)
    return {key: value for key, value in shown.items() if key not in missing} if missing else shown


def owner_fields(owner: Owner) -> JsonObject:
    shown: JsonObject = {}
    if owner.project is None:
        shown["account"] = owner.account
    else:
        shown["projectid"] = owner.project_id
        shown["project"] = owner.project
    shown["domainid"] = owner.domain_id
    shown["domain"] = owner.domain
    shown["domainpath"] = owner.path
    return shown


def zone_fields(zone: Zone) -> JsonObject:
    return {"zoneid": zone.id, "zonename": zone.name}


def pod_fields(zone: Zone) -> JsonObject:
    return {"podid": zone.pod_id, "podname": zone.pod_name}


def placement_fields(vm: Vm) -> JsonObject:
    """The host, for a VM that has one."""
    if vm.host is None:
        return {}
    return {
        "hostid": vm.host.id,
        "hostname": vm.host.name,
        "hostcontrolstate": control_state(vm.host),
        "hypervisor": vm.hypervisor,
    }


def control_state(host: Host) -> str:
    if host.state != "Up":
        return "Offline"
    return "Enabled" if host.resourcestate == "Enabled" else "Disabled"


def job_fields(vm: Vm) -> JsonObject:
    return {} if vm.busy is None else {"jobid": vm.busy, "jobstatus": 0}


def link_local(vm: Vm) -> tuple[str, str]:
    """Address and MAC of the control NIC; every start gives a new one."""
    number = (vm.nr * 251 + vm.starts * 7919) & 0xFFFF
    return f"169.254.{number >> 8}.{number & 255}", f"0e:00:a9:fe:{number >> 8:02x}:{number & 255:02x}"


# -- routers


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
    if not world.at_least("4.17.0"):
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
    running = router.state != "Stopped"
    # A router that never had a place keeps what was reserved for it.
    reserved = running or not router.placed
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


def gateway(cidr: str) -> str:
    return cidr.split("/")[0].rsplit(".", 1)[0] + ".1"


def netmask(cidr: str) -> str:
    bits = 0xFFFFFFFF << (32 - int(cidr.split("/")[1])) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))


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
        **owner_fields(router.owner),
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
    shown |= {"name": vm.name, **pod_fields(vm.zone), **placement_fields(vm), "hypervisor": vm.hypervisor}
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


# -- networks and VPCs


def offering_of(network: Network) -> JsonObject:
    if network.vpc is not None:
        if network.internal_lb:
            return OFFERINGS_BY_NAME["DefaultIsolatedNetworkOfferingForVpcNetworksWithInternalLB"]
        return OFFERINGS_BY_NAME["ref-vpc-tier"]
    if network.type == "Shared":
        return OFFERINGS_BY_NAME["DefaultSharedNetworkOffering"]
    if network.type == "L2":
        name = "DefaultL2NetworkOffering" + ("ConfigDrive" if network.provider == "ConfigDrive" else "")
        return OFFERINGS_BY_NAME[name]
    if network.has_router_provider:
        return OFFERINGS_BY_NAME["ref-iso-rvr" if network.redundant else "ref-iso"]
    return OFFERINGS_BY_NAME["DefaultNATNSXNetworkOffering"]


def services_of(network: Network) -> list[JsonObject]:
    offering = offering_of(network)
    if offering["name"].startswith("ref-iso"):
        return SERVICES["isolated"]
    if offering["name"] == "ref-vpc-tier":
        return SERVICES["tier"]
    services = []
    for service in offering.get("service", []):
        providers = service["provider"]
        if offering["name"] == "DefaultNATNSXNetworkOffering":
            providers = [{"name": network.provider}] if network.provider else []
        services.append({"name": service["name"], "provider": providers, "capability": []})
    return services


def network(world: World, network: Network) -> JsonObject:
    offering = offering_of(network)
    layer2 = network.type == "L2"
    shown: JsonObject = {
        "id": network.id,
        "name": network.name,
        "displaytext": network.name,
        "broadcastdomaintype": "Vlan",
        "traffictype": "Guest",
    }
    if not layer2:
        shown |= {"gateway": gateway(network.cidr), "netmask": netmask(network.cidr), "cidr": network.cidr}
    shown |= {
        **zone_fields(network.zone),
        "networkofferingid": offering["id"],
        "networkofferingname": offering["name"],
        "networkofferingdisplaytext": offering["displaytext"],
        "networkofferingconservemode": offering["conservemode"],
        "networkofferingavailability": offering["availability"],
        "issystem": False,
        "state": network.state,
        "related": network.id,
    }
    # Shutdown is the state on the way to Allocated: its VLAN is still its own.
    in_use = network.state in ("Implemented", "Setup", "Shutdown")
    if in_use:
        shown["broadcasturi"] = f"vlan://{network.vlan}"
    shown |= {"dns1": DNS, "type": network.type}
    if in_use:
        shown["vlan"] = str(network.vlan)
    shown |= {
        "acltype": "Domain" if network.type == "Shared" else "Account",
        **owner_fields(network.owner),
        "service": services_of(network),
        "networkdomain": "cs1cloud.internal",
        "physicalnetworkid": uuid_of("physicalnetwork", network.zone.name),
        "restartrequired": network.restartrequired,
        "specifyvlan": offering["specifyvlan"],
        "specifyipranges": offering["specifyipranges"],
    }
    if network.vpc is not None:
        shown |= {"vpcid": network.vpc.id, "vpcname": network.vpc.name}
    shown |= {
        "canusefordeploy": True,
        "ispersistent": offering["ispersistent"],
        "tags": tags(network),
        "details": {},
        "displaynetwork": True,
        "strechedl2subnet": False,
        "redundantrouter": network.redundant and network.vpc is None,
        "supportsvmautoscaling": False,
        "created": world.stamp(network.born),
        "receivedbytes": 0,
        "sentbytes": 0,
    }
    if network.vpc is None:
        shown["egressdefaultpolicy"] = True
    return shown | {"publicmtu": 1500, "privatemtu": 1500, "hasannotations": False}


def tags(entity: Network | Vpc) -> list[JsonObject]:
    return [
        {
            "key": key,
            "value": value,
            "resourcetype": "Vpc" if entity.kind == "vpc" else "Network",
            "resourceid": entity.id,
            **owner_fields(entity.owner),
        }
        for key, value in entity.tags.items()
    ]


def vpc(world: World, vpc: Vpc) -> JsonObject:
    offering = "Redundant VPC offering" if vpc.redundant else "Default VPC offering"
    return {
        "id": vpc.id,
        "name": vpc.name,
        "displaytext": vpc.name,
        "state": vpc.state,
        **zone_fields(vpc.zone),
        "service": SERVICES["vpc"],
        "cidr": vpc.cidr,
        "vpcofferingid": uuid_of("vpcoffering", offering),
        "vpcofferingname": offering,
        "created": world.stamp(vpc.born),
        **owner_fields(vpc.owner),
        "network": [drop_newer(world, "network", network(world, tier)) for tier in vpc.tiers],
        "restartrequired": vpc.restartrequired,
        "networkdomain": "cs1cloud.internal",
        "tags": tags(vpc),
        "fordisplay": True,
        "distributedvpcrouter": False,
        "regionlevelvpc": False,
        "redundantvpcrouter": vpc.redundant,
        "publicmtu": 1500,
        "hasannotations": False,
    }


RENDERERS: dict[str, Any] = {"router": router, "systemvm": systemvm_in_list, "network": network, "vpc": vpc}


# -- what is made anew for every answer


def zone(world: World, zone: Zone) -> JsonObject:
    return {
        "id": zone.id,
        "name": zone.name,
        "dns1": DNS,
        "internaldns1": DNS,
        "guestcidraddress": "10.1.0.0/16",
        "networktype": zone.networktype,
        "securitygroupsenabled": False,
        "gputotal": 0,
        "gpuused": 0,
        "allocationstate": zone.allocation,
        "zonetoken": uuid_of("zonetoken", zone.name),
        "dhcpprovider": "VirtualRouter",
        "localstorageenabled": False,
        "tags": [],
        "allowuserspecifyvrmtu": False,
        "routerprivateinterfacemaxmtu": 1500,
        "routerpublicinterfacemaxmtu": 1500,
        "type": zone.type,
        # Absent, as recorded, where there are none.
        **({"resourcedetails": zone.details} if zone.details else {}),
        "isnsxenabled": False,
        "ismultiarch": len({cluster.arch for cluster in world.clusters if cluster.zone is zone}) > 1,
        "asnrange": "",
        "routedmodeenabled": True,
        "hasannotations": False,
    }


HOST_EVENTS = (
    "PingTimeout; ManagementServerDown; ShutdownRequested; HostDown; StartAgentRebalance; Remove; "
    "AgentDisconnected; AgentConnected; Ping"
)
HOST_HA = {
    "hostha": {"haenable": False, "hastate": "Disabled"},
    "outofbandmanagement": {"powerstate": "Disabled", "enabled": False},
}


def host(world: World, host: Host) -> JsonObject:
    memory, cpu = 137438953472, 128000
    memory_used, cpu_used = host.vms * 268435456, host.vms * 500
    shown: JsonObject = {"id": host.id, "name": host.name, "state": host.state}
    if host.disconnected is not None:
        shown["disconnected"] = world.stamp(host.disconnected)
    shown |= {
        "type": "Routing",
        "ipaddress": host.ip,
        **zone_fields(host.zone),
        **pod_fields(host.zone),
        "version": host.version,
        "hypervisor": host.hypervisor,
        "cpunumber": 16,
        "cpuspeed": 8000,
        "cpuallocated": percent(cpu_used, cpu),
        "cpuallocatedvalue": cpu_used,
        "cpuallocatedpercentage": percent(cpu_used, cpu),
        "cpuallocatedwithoverprovisioning": percent(cpu_used, cpu),
        "cpuused": "0%",
        "cpuwithoverprovisioning": str(cpu),
        "cpuloadaverage": 0.0,
        "networkkbsread": 32768,
        "networkkbswrite": 16384,
        "memorytotal": memory,
        "memorywithoverprovisioning": str(memory),
        "memoryallocated": memory_used,
        "memoryallocatedpercentage": percent(memory_used, memory),
        "memoryallocatedbytes": memory_used,
        "memoryused": 0,
        "gputotal": 0,
        "gpuused": 0,
        "capabilities": "hvm",
        "lastpinged": "1970-01-21T07:01:52+0000",
        **managing_server(world, host),
        "clusterid": host.cluster.id,
        "clustername": host.cluster.name,
        "clustertype": "CloudManaged",
        "islocalstorageactive": False,
        "created": world.stamp(host.born),
        "events": HOST_EVENTS,
        **HOST_HA,
        "resourcestate": host.resourcestate,
        "hypervisorversion": host.version,
        "hahost": False,
        "ueficapability": False,
        "arch": host.cluster.arch,
        "hasannotations": False,
    }
    return shown


def managing_server(world: World, host: Host) -> JsonObject:
    """None while it is not connected."""
    if host.state != "Up":
        return {}
    return {"managementserverid": world.active_server.id, "managementservername": world.active_server.name}


NOT_IN_MIN = {
    *("zonename", "podname", "clustername", "clustertype", "events", "hypervisorversion", "hahost", "arch"),
    *("cpuallocated", "cpuallocatedvalue", "cpuallocatedpercentage", "cpuallocatedwithoverprovisioning"),
    *("cpuused", "cpuwithoverprovisioning", "cpuloadaverage", "networkkbsread", "networkkbswrite", "memorytotal"),
    *("memorywithoverprovisioning", "memoryallocatedpercentage", "memoryallocatedbytes", "memoryused"),
}


def without_details(shown: JsonObject) -> JsonObject:
    """A host of listHosts details=min."""
    return {key: value for key, value in shown.items() if key not in NOT_IN_MIN} | {"memoryallocated": 0}


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%"


def agent_host(world: World, vm: SystemVm) -> JsonObject:
    assert vm.agent is not None
    shown: JsonObject = {"id": uuid_of("host", vm.name), "name": vm.name, "state": vm.agent.state}
    if vm.agent.disconnected is not None:
        shown["disconnected"] = world.stamp(vm.agent.disconnected)
    return shown | {
        "type": "ConsoleProxy" if vm.type == "consoleproxy" else "SecondaryStorageVM",
        "ipaddress": f"172.16.{vm.nr >> 8 & 255}.{vm.nr & 255}",
        **zone_fields(vm.zone),
        **pod_fields(vm.zone),
        "version": vm.agent.version,
        "memoryallocated": 0,
        "lastpinged": "1970-01-21T07:01:52+0000",
        "virtualmachineid": vm.id,
        "islocalstorageactive": False,
        "created": world.stamp(vm.agent.created),
        "events": HOST_EVENTS,
        **HOST_HA,
        "resourcestate": "Enabled",
        "hasannotations": False,
    }


def template(world: World, template: Template, zone: Zone) -> JsonObject:
    ready = world.is_ready(template, zone)
    percent_done = "100" if ready else "0"
    state = "DOWNLOADED" if ready else "NOT_DOWNLOADED"
    stores = [(store.name, "Image") for store in world.image_stores if store.zone is zone]
    if ready and template.type == "SYSTEM":
        stores.append((f"{zone.name}-ps0", "Primary"))
    return {
        "id": template.id,
        "name": template.name,
        "displaytext": template.name,
        "ispublic": template.type != "SYSTEM",
        "created": world.stamp(template.born),
        "isready": ready,
        "passwordenabled": False,
        "format": {"VMware": "OVA", "XenServer": "VHD", "Simulator": "VHD"}.get(template.hypervisor, "QCOW2"),
        "isfeatured": False,
        "crossZones": template.zones is None,
        "ostypeid": uuid_of("ostype", "Debian GNU/Linux 12 (64-bit)"),
        "ostypename": "Debian GNU/Linux 12 (64-bit)",
        "account": "system",
        **zone_fields(zone),
        "status": "Download Complete" if ready else "Not Downloaded",
        "size": 2147483648,
        "physicalsize": 2147483648 if ready else 0,
        "templatetype": template.type,
        "hypervisor": template.hypervisor,
        "domain": "ROOT",
        "domainpath": "ROOT",
        "domainid": uuid_of("domain", "ROOT"),
        "isextractable": False,
        "checksum": "",
        "details": {},
        "downloaddetails": [
            {
                "downloadState": state,
                "datastore": datastore,
                "datastoreRole": role,
                "downloadPercent": percent_done,
                "datastoreId": uuid_of("datastore", datastore),
            }
            for datastore, role in stores
        ],
        "arch": template.arch,
        "bits": 0,
        "sshkeyenabled": False,
        "isdynamicallyscalable": False,
        "directdownload": False,
        "deployasis": False,
        "forcks": False,
        "requireshvm": False,
        "url": f"http://download.cloudstack.org/systemvm/{template.name}",
        "tags": [],
        "hasannotations": False,
    }


def volume(world: World, vm: Vm) -> JsonObject:
    """The ROOT volume of a system VM; its templateid is the template the VM really runs."""
    offering = world.offering_of(vm)
    cluster = vm.host.cluster if vm.host is not None else next(c for c in world.clusters if c.zone is vm.zone)
    shown = {
        "id": vm.volume_id,
        "name": f"ROOT-{vm.nr}",
        **zone_fields(vm.zone),
        "type": "ROOT",
        "deviceid": 0,
        "virtualmachineid": vm.id,
        "templateid": vm.root.id,
        "templatename": vm.root.name,
        "templatedisplaytext": vm.root.name,
        "vmname": vm.name,
        "vmdisplayname": vm.name,
        "vmstate": vm.state,
        "vmtype": vm.type_name,
        "provisioningtype": "thin",
        "size": 2147483648,
        "created": world.stamp(vm.created),
        "state": "Ready" if vm.placed else "Allocated",
        **owner_fields(world.owner_of(vm)),
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
            "path": uuid_of("path", vm.volume_id),
            "storageid": uuid_of("storagepool", vm.zone.name),
            "physicalsize": 2147483648,
            "virtualsize": 2147483648,
            "utilization": "100.0%",
            "clusterid": cluster.id,
            "clustername": cluster.name,
            **pod_fields(vm.zone),
        }
    return shown


def event(world: World, event: Event) -> JsonObject:
    shown: JsonObject = {
        "id": event.id,
        "username": event.username,
        "type": event.type,
        "level": event.level,
        "description": event.description,
        **owner_fields(event.owner),
    }
    if event.resource_id is not None:
        shown |= {
            "resourceid": event.resource_id,
            "resourcetype": event.resource_type,
            "resourcename": event.resource_name,
        }
    shown |= {"created": world.stamp(event.created), "state": event.state}
    if event.parent is not None:
        shown["parentid"] = event.parent
    return shown


def job(world: World, job: Job) -> JsonObject:
    """queryAsyncJobResult and listAsyncJobs; the keys depend on how the job ended (reference 7)."""
    shown: JsonObject = {
        "accountid": uuid_of("account", world.server.account),
        "account": world.server.account,
        "domainid": uuid_of("domain", "ROOT"),
        "domainpath": "ROOT",
        "userid": uuid_of("user", world.server.account),
        "cmd": job.java_class,
        "jobprocstatus": 0,
        "jobresultcode": job.code,
    }
    if job.result is not None:
        shown |= {"jobresulttype": "object", "jobresult": job.result}
    if job.instance_type is not None:
        shown["jobinstancetype"] = job.instance_type
        if job.instance_id is not None:
            shown["jobinstanceid"] = job.instance_id
    if job.on_server:
        shown |= {"managementserverid": job.server.id, "managementservername": job.server.name}
    shown["created"] = world.stamp(job.created)
    if job.completed is not None:
        shown["completed"] = world.stamp(job.completed)
    return drop_newer(world, "asyncjobs", shown | {"jobid": job.id, "jobstatus": job.status})
