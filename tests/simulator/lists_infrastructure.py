# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones, clusters, hosts, capacities, offerings and templates."""

from __future__ import annotations

from typing import Any

from tests.simulator import render_infrastructure, render_networks, render_parts, versions
from tests.simulator.commands import Call, command
from tests.simulator.entities import Template, Zone
from tests.simulator.lists import OWNED, PAGED, shown_as
from tests.simulator.storage import private_ips_taken


@command("listZones", ids="zone")
def list_zones(call: Call) -> str:
    ids = call.params.get("ids", "")
    zones = call.select(
        [zone for zone in call.world.zones if not ids or zone.id in ids.split(",")],
        objects={"id": lambda zone: zone},
        values={"name": lambda zone: zone.name},
        keyword=lambda zone: [zone.name],
    )
    return call.rows("zone", zones, lambda zone: render_infrastructure.zone(call.world, zone))


@command(
    "listClusters",
    f"{PAGED} id:uuid name zoneid:uuid podid:uuid hypervisor clustertype allocationstate managedstate",
    ids="cluster",
)
def list_clusters(call: Call) -> str:
    clusters = call.select(
        call.world.clusters,
        objects={"id": lambda cluster: cluster, "zoneid": lambda cluster: cluster.zone},
        values={"name": lambda cluster: cluster.name, "hypervisor": lambda cluster: cluster.hypervisor},
        keyword=lambda cluster: [cluster.name],
    )
    return call.rows(
        "cluster",
        clusters,
        lambda cluster: {
            "id": cluster.id,
            "name": cluster.name,
            **render_parts.pod_fields(cluster.zone),
            **render_parts.zone_fields(cluster.zone),
            "hypervisortype": cluster.hypervisor,
            "clustertype": "CloudManaged",
            "allocationstate": "Enabled",
            "managedstate": "Managed",
            "cpuovercommitratio": "1.0",
            "memoryovercommitratio": "1.0",
            "resourcedetails": {"memoryOvercommitRatio": "1.0", "cpuOvercommitRatio": "1.0"},
            "arch": cluster.arch,
            "hasannotations": False,
        },
    )


@command("listPods", f"{PAGED} id:uuid name zoneid:uuid allocationstate", ids="pod")
def list_pods(call: Call) -> str:
    """One in each zone; as in the source, for no recording has any."""
    rows = [
        {
            "id": zone.pod_id,
            "name": zone.pod_name,
            **render_parts.zone_fields(zone),
            "ipranges": [],
            "startip": [],
            "endip": [],
            "forsystemvms": [],
            "vlanid": [],
            "allocationstate": "Enabled",
            "hasannotations": False,
        }
        for zone in call.world.zones
        if call.same("zoneid", zone)
    ]
    return call.rows("pod", rows, dict)


@command("listHosts", ids="host")
def list_hosts(call: Call) -> str:
    """The hypervisor hosts, and the agents of SSVMs and CPVMs, which are hosts too."""
    world = call.world
    hosts = call.select(
        world.hosts,
        objects={
            "id": lambda host: host,
            "zoneid": lambda host: host.zone,
            "clusterid": lambda host: host.cluster,
            "virtualmachineid": lambda host: None,
        },
    )
    agents = call.select(
        [vm for vm in world.systemvms if vm.agent is not None],
        objects={
            "id": lambda vm: None,
            "zoneid": lambda vm: vm.zone,
            "clusterid": lambda vm: None,
            "virtualmachineid": lambda vm: vm,
        },
    )
    rows = [render_infrastructure.host(world, host) for host in hosts] + [
        render_infrastructure.agent_host(world, vm) for vm in agents
    ]
    if call.params.get("details") == "min":
        rows = [render_infrastructure.without_details(row) for row in rows]
    columns = ("type", "name", "state", "resourcestate", "hypervisor", "podid", "hahost", "arch")
    chosen = call.select(
        rows,
        values={column: shown_as(column) for column in columns},
        keyword=lambda row: [row["name"]],
    )
    return call.rows("host", chosen, dict)


@command("listCapacity", f"{PAGED} zoneid:uuid podid:uuid clusterid:uuid type:integer fetchlatest:boolean sortby")
def list_capacity(call: Call) -> str:
    world = call.world
    rows = []
    for zone in world.zones:
        if not call.same("zoneid", zone):
            continue
        hosts = [host for host in world.hosts if host.zone is zone and host.usable]
        vms = sum(1 for vm in world.vms.values() if vm.zone is zone)
        public = sum(1 for unit in [*world.networks, *world.vpcs] if unit.zone is zone and unit.public_ip)
        figures = [
            (0, "MEMORY", vms << 28, len(hosts) << 37),
            (1, "CPU", vms * 500, len(hosts) * 128000),
            (2, "STORAGE", 0, 0),
            (3, "STORAGE_ALLOCATED", vms << 31, 1 << 44),
            (4, "VIRTUAL_NETWORK_PUBLIC_IP", public, 16384),
            (5, "PRIVATE_IP", private_ips_taken(world, zone), zone.private_ips),
            (6, "SECONDARY_STORAGE", 0, 0),
            (7, "VLAN", len(world.networks), 4000),
            (19, "GPU", 0, 0),
            (90, "CPU_CORE", vms, len(hosts) * 16),
        ]
        for type_, name, used, total in figures:
            if call.params.get("type", str(type_)) != str(type_):
                continue
            row: dict[str, Any] = {"type": type_, "name": name, **render_parts.zone_fields(zone)}
            if name in ("MEMORY", "CPU", "GPU", "CPU_CORE"):
                row["capacityallocated"] = used
            share = f"{100 * used / total:.2f}".rstrip("0").rstrip(".") if total else "0"
            rows.append(row | {"capacityused": used, "capacitytotal": total, "percentused": share})
    return call.rows("capacity", rows, dict)


@command("listServiceOfferings", f"{OWNED} id:uuid name issystem:boolean systemvmtype")
def list_service_offerings(call: Call) -> str:
    chosen = call.select(
        call.world.offerings.rows if call.flag("issystem") else [],
        values={
            "id": lambda offering: offering["id"],
            "name": lambda offering: offering["name"],
            "systemvmtype": lambda offering: offering["systemvmtype"],
        },
        keyword=lambda offering: [offering["name"]],
    )
    return call.rows("serviceoffering", chosen, dict)


@command("listNetworkOfferings", f"{OWNED} id:uuid name state guestiptype forvpc:boolean traffictype zoneid:uuid")
def list_network_offerings(call: Call) -> str:
    columns = ("id", "name", "state", "guestiptype", "forvpc", "traffictype")
    chosen = call.select(
        render_networks.NETWORK_OFFERINGS,
        values={column: shown_as(column) for column in columns},
        keyword=lambda offering: [offering["name"]],
    )
    return call.rows("networkoffering", chosen, dict)


@command("listTemplates", ids="template")
def list_templates(call: Call) -> str:
    ids = call.params.get("ids", "")
    all_zones = call.world.does(versions.TEMPLATES_OF_NEW_ZONES)
    rows = [
        (template, zone)
        for template in sorted(call.world.templates, key=lambda template: -template.nr)
        for zone in call.world.zones
        if template.removed is None
        and (template.zones is None or zone.name in template.zones)
        and not (zone.added_later and template.type == "SYSTEM" and not all_zones)
        and (not ids or template.id in ids.split(","))
        and call.params.get("templatetype", template.type).upper() == template.type
    ]
    chosen = call.select(
        rows,
        objects={"id": lambda row: row[0], "zoneid": lambda row: row[1]},
        values={
            "name": lambda row: row[0].name,
            "hypervisor": lambda row: row[0].hypervisor,
            "arch": lambda row: row[0].arch,
            "isready": lambda row: call.world.is_ready(*row),
        },
        keyword=lambda row: [row[0].name],
    )
    hidden = {"details", "forcks"} if call.params.get("details") == "min" else set()

    def show(row: tuple[Template, Zone]) -> dict[str, Any]:
        shown = render_infrastructure.template(call.world, *row)
        return {key: value for key, value in shown.items() if key not in hidden}

    return call.rows("template", chosen, show)
