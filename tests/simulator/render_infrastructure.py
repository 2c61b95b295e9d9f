# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the API shows zones, hosts and templates: made anew for every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator.identity import uuid_of
from tests.simulator.render_parts import DNS, JsonObject, domain_path, drop_newer, pod_fields, zone_fields

if TYPE_CHECKING:
    from tests.simulator.entities import Host, SystemVm, Template, Zone
    from tests.simulator.world import World


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
        "domainpath": domain_path(world, "ROOT"),
        "domainid": uuid_of("domain", "ROOT"),
        "isextractable": False,
        "checksum": "",
        "details": {},
        "downloaddetails": [
            drop_newer(
                world,
                "downloaddetails",
                {
                    "downloadState": state,
                    "datastore": datastore,
                    "datastoreRole": role,
                    "downloadPercent": percent_done,
                    "datastoreId": uuid_of("datastore", datastore),
                },
            )
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
