# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that only read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulator import render
from tests.simulator.commands import COMMANDS, Call, command, dump
from tests.simulator.errors import INTERNAL, ApiError, invalid, unknown_value
from tests.simulator.identity import uuid_of
from tests.simulator.versions import has_setting
from tests.simulator.world import INTERNAL_LB, Network, Router, SystemVm, Vm, Vpc, Zone

CAPABILITIES = json.loads((Path(__file__).parent / "recorded" / "capabilities.json").read_text(encoding="utf-8"))
PAGED = "keyword page:integer pagesize:integer"
OWNED = f"{PAGED} listall:boolean projectid:uuid domainid:uuid account isrecursive:boolean"


def shown_as(column: str) -> Callable[[dict[str, Any]], Any]:
    """For filters that compare what an object shows."""
    return lambda row: row.get(column)


# -- the server


@command("listCapabilities")
def list_capabilities(call: Call) -> str:
    capability = dict(CAPABILITIES)
    hideable = call.world.at_least("4.21.0")
    if not hideable or call.world.setting_is_true("expose.cloudstack.version.api.list.capabilities"):
        capability["cloudstackversion"] = call.world.server.version
    else:
        capability.pop("cloudstackversion")
    return dump({"capability": capability})


@command("listManagementServers")
def list_management_servers(call: Call) -> str:
    world = call.world
    agents = [host.id for host in world.hosts if host.state == "Up"]
    servers = call.select(
        world.management_servers,
        values={"id": lambda server: server.id, "name": lambda server: server.name},
        keyword=lambda server: [server.name],
    )

    def show(server: Any) -> dict[str, Any]:
        first = server is world.active_server
        return {
            "id": server.id,
            "name": server.name,
            "state": server.state,
            "version": server.version,
            "javadistribution": "Debian",
            "javaversion": "17.0.15+6-Debian-1deb12u1",
            "osdistribution": "Debian GNU/Linux 12 (bookworm)",
            "lastserverstart": world.stamp(server.started),
            "lastserverstop": world.stamp(server.stopped),
            "lastboottime": world.stamp(server.stopped - 3600),
            "serviceip": "127.0.0.1",
            "ipaddress": "127.0.0.1",
            "lastagents": agents if first else [],
            "agents": agents if first else [],
            "agentscount": len(agents) if first else 0,
            "pendingjobscount": len(call.jobs.running) if first else 0,
        }

    return call.rows("managementserver", servers, show)


@command("listApis")
def list_apis(call: Call) -> str:
    allowed = [each for each in COMMANDS.values() if each.available(call.world)]
    name = call.params.get("name")
    if name is not None:
        allowed = [each for each in allowed if each.name.lower() == name.lower()]
        if not allowed:
            raise ApiError(INTERNAL, "Api Discovery plugin was unable to find an api by that name or process any apis")
    entries = [each.description(call.world) for each in sorted(allowed, key=lambda each: each.name)]
    return dump({"count": len(entries), "api": entries})


@command("listConfigurations")
def list_configurations(call: Call) -> str:
    world = call.world
    zone = call.objects.get("zoneid")
    entries = []
    for name in world.settings.names():
        if not has_setting(name, world.server.version):
            continue
        entry = world.settings.entry(name)
        if zone is not None:
            if not world.settings.is_zone_scoped(name):
                continue
            assert isinstance(zone, Zone)
            if name in zone.settings or "value" in entry:
                entry["value"] = world.setting(name, zone)
            entry = with_scope(entry)
        # The name is a pattern, not the whole name.
        if call.params.get("name", "").lower() in name.lower():
            entries.append(entry)
    chosen = call.select(
        entries,
        values={
            "category": lambda entry: entry["category"],
            "group": lambda entry: entry["group"],
            "subgroup": lambda entry: entry["subgroup"],
            "parent": lambda entry: entry.get("parent"),
        },
        keyword=lambda entry: (entry["name"], entry.get("description", ""), entry.get("value", "")),
    )
    if zone is not None:
        # As recorded: counted is what the page has.
        page = call.page(chosen)
        return call.counted("configuration", len(page), [call.shown("configuration", entry) for entry in page])
    return call.rows("configuration", chosen, dict)


def with_scope(entry: dict[str, Any]) -> dict[str, Any]:
    """A value asked for with a scope says so, before its description."""
    shown: dict[str, Any] = {}
    for key, value in entry.items():
        if key == "description":
            shown["scope"] = "zone"
        shown[key] = value
    return shown


# -- infrastructure


@command("listZones", ids="zone")
def list_zones(call: Call) -> str:
    ids = call.params.get("ids", "")
    zones = call.select(
        [zone for zone in call.world.zones if not ids or zone.id in ids.split(",")],
        objects={"id": lambda zone: zone},
        values={"name": lambda zone: zone.name},
        keyword=lambda zone: [zone.name],
    )
    return call.rows("zone", zones, lambda zone: render.zone(call.world, zone))


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
            **render.pod_fields(cluster.zone),
            **render.zone_fields(cluster.zone),
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
    rows = [render.host(world, host) for host in hosts] + [render.agent_host(world, vm) for vm in agents]
    if call.params.get("details") == "min":
        rows = [render.without_details(row) for row in rows]
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
            (5, "PRIVATE_IP", 2, 2297),
            (6, "SECONDARY_STORAGE", 0, 0),
            (7, "VLAN", len(world.networks), 4000),
            (19, "GPU", 0, 0),
            (90, "CPU_CORE", vms, len(hosts) * 16),
        ]
        for type_, name, used, total in figures:
            if call.params.get("type", str(type_)) != str(type_):
                continue
            row: dict[str, Any] = {"type": type_, "name": name, **render.zone_fields(zone)}
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
        render.NETWORK_OFFERINGS,
        values={column: shown_as(column) for column in columns},
        keyword=lambda offering: [offering["name"]],
    )
    return call.rows("networkoffering", chosen, dict)


@command("listTemplates", ids="template")
def list_templates(call: Call) -> str:
    ids = call.params.get("ids", "")
    rows = [
        (template, zone)
        for template in sorted(call.world.templates, key=lambda template: -template.nr)
        for zone in call.world.zones
        if template.removed is None
        and (template.zones is None or zone.name in template.zones)
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
    return call.rows("template", chosen, lambda row: render.template(call.world, *row))


# -- system VMs


@command("listSystemVms", ids="systemvm router")
def list_systemvms(call: Call) -> str:
    vms = call.select(
        call.alive(call.world.systemvms, SystemVm),
        objects={"id": lambda vm: vm, "zoneid": lambda vm: vm.zone, "hostid": lambda vm: vm.host},
        values={
            "podid": lambda vm: vm.zone.pod_id,
            "name": lambda vm: vm.name,
            "state": lambda vm: vm.state,
            "systemvmtype": lambda vm: vm.type,
            "arch": lambda vm: vm.root.arch,
        },
        keyword=lambda vm: (vm.name, vm.state),
    )
    return call.entities("systemvm", vms)


@command("listRouters", ids="router systemvm")
def list_routers(call: Call) -> str:
    routers = routers_with(call, "VIRTUAL_ROUTER")
    if call.params.get("projectid") == "-1":
        # As recorded: what projects own comes first.
        routers.sort(key=lambda router: router.owner.project is None)
    return call.entities("router", routers)


@command("listInternalLoadBalancerVMs", ids="router systemvm", response="listinternallbvmsresponse")
def list_internal_lb_vms(call: Call) -> str:
    return call.entities("internalloadbalancervm", routers_with(call, INTERNAL_LB))


def routers_with(call: Call, role: str) -> list[Router]:
    network, vpc = call.objects.get("networkid"), call.objects.get("vpcid")
    pool: Any = call.world.routers
    if isinstance(network, Network):
        pool = [*network.all_routers, *network.ilbs]
    elif isinstance(vpc, Vpc):
        pool = [*vpc.routers, *(ilb for tier in vpc.tiers for ilb in tier.ilbs)]
    version = call.params.get("version", "")
    return call.select(
        [
            router
            for router in call.alive(pool, Router)
            if router.role == role
            and (network is None or network in router.networks)
            and (not version or (router.version or "").startswith(version))
        ],
        objects={
            "id": lambda router: router,
            "vpcid": lambda router: router.vpc,
            "zoneid": lambda router: router.zone,
            "hostid": lambda router: router.host,
            "clusterid": lambda router: router.host.cluster if router.host is not None else None,
        },
        values={
            "podid": lambda router: router.zone.pod_id,
            "name": lambda router: router.name,
            "state": lambda router: router.state,
            "forvpc": lambda router: router.vpc is not None,
            "healthchecksfailed": lambda router: render.health_checks_failed(call.world, router),
        },
        keyword=lambda router: (router.name, router.state, *(network.name for network in router.networks)),
        owner=lambda router: router.owner,
    )


@command("listVolumes")
def list_volumes(call: Call) -> str:
    """Only the ROOT volumes of system VMs exist here."""
    world = call.world
    vms: list[Vm] = []
    if call.flag("listsystemvms") and call.equals("type", "ROOT"):
        vms = call.select(
            world.vms.values(),
            objects={
                "virtualmachineid": lambda vm: vm,
                "zoneid": lambda vm: vm.zone,
                "hostid": lambda vm: vm.host,
            },
            values={"id": lambda vm: vm.volume_id, "name": lambda vm: f"ROOT-{vm.nr}"},
            keyword=lambda vm: (f"ROOT-{vm.nr}", vm.name),
            owner=world.owner_of,
        )
        if call.params.get("projectid") == "-1":
            vms.sort(key=lambda vm: world.owner_of(vm).project is None)

    def text(vm: Vm) -> str:
        cached = vm.cache.get("volume")
        if cached is None:
            cached = vm.cache["volume"] = dump(render.drop_newer(world, "volume", render.volume(world, vm)))
        return cached

    return call.texts("volume", vms, text)


@command("listConsoleSessions", f"{OWNED} id:uuid hostid:uuid activeonly:boolean startdate enddate")
def list_console_sessions(call: Call) -> str:
    sessions = [(vm, number) for vm in call.world.systemvms for number in range(vm.sessions)]
    return call.rows(
        "consolesession",
        sessions,
        lambda row: {
            "id": uuid_of("consolesession", f"{row[0].name}/{row[1]}"),
            "created": call.world.stamp(call.world.now() - 600),
            "account": "system",
            "consoleendpointcreatoraddress": "127.0.0.1",
            **({"hostid": row[0].host.id, "hostname": row[0].host.name} if row[0].host else {}),
        },
    )


# -- networks


def tags_match(call: Call, tags: dict[str, str]) -> bool:
    for name, key in call.params.items():
        if name.startswith("tags[") and name.endswith(".key"):
            value = call.params.get(name[: -len("key")] + "value")
            if key not in tags or value not in (None, tags[key]):
                return False
    return True


@command("listNetworks", ids="network")
def list_networks(call: Call) -> str:
    wanted = set(filter(None, call.params.get("supportedservices", "").split(",")))
    networks = call.select(
        [
            network
            for network in reversed(call.world.networks)
            if network.removed is None
            and (not wanted or wanted <= {service["name"] for service in render.services_of(network)})
            and tags_match(call, network.tags)
        ],
        objects={
            "id": lambda network: network,
            "zoneid": lambda network: network.zone,
            "vpcid": lambda network: network.vpc,
        },
        values={
            "name": lambda network: network.name,
            "type": lambda network: network.type,
            "forvpc": lambda network: network.vpc is not None,
            "restartrequired": lambda network: network.restartrequired,
            "issystem": lambda network: False,
            "traffictype": lambda network: "Guest",
            "networkofferingid": lambda network: render.offering_of(network)["id"],
        },
        keyword=lambda network: [network.name],
        owner=lambda network: network.owner,
    )
    return call.entities("network", networks)


@command("listVPCs", ids="vpc")
def list_vpcs(call: Call) -> str:
    vpcs = call.select(
        [vpc for vpc in reversed(call.world.vpcs) if vpc.removed is None and tags_match(call, vpc.tags)],
        objects={"id": lambda vpc: vpc, "zoneid": lambda vpc: vpc.zone},
        values={
            "name": lambda vpc: vpc.name,
            "state": lambda vpc: vpc.state,
            "cidr": lambda vpc: vpc.cidr,
            "restartrequired": lambda vpc: vpc.restartrequired,
        },
        keyword=lambda vpc: [vpc.name],
        owner=lambda vpc: vpc.owner,
    )
    return call.entities("vpc", vpcs)


def network_or_vpc(unit: Network | Vpc) -> dict[str, Any]:
    if isinstance(unit, Vpc):
        return {"vpcid": unit.id, "vpcname": unit.name}
    return {"associatednetworkid": unit.id, "associatednetworkname": unit.name}


@command(
    "listPublicIpAddresses",
    f"{OWNED} id:uuid zoneid:uuid associatednetworkid:uuid vpcid:uuid ipaddress issourcenat:boolean "
    "allocatedonly:boolean forvirtualnetwork:boolean state isstaticnat:boolean forloadbalancing:boolean",
)
def list_public_ip_addresses(call: Call) -> str:
    world = call.world
    sees = call.may_see()

    def common(address: str, owner: Any, zone: Zone) -> dict[str, Any]:
        return {
            "id": uuid_of("ipaddress", address),
            "ipaddress": address,
            "allocated": world.stamp(world.started),
            **render.zone_fields(zone),
            "issourcenat": True,
            **render.owner_fields(owner),
            "forvirtualnetwork": True,
            "vlanid": uuid_of("vlan", zone.name),
            "vlanname": "vlan://50",
            "isstaticnat": False,
            "issystem": False,
        }

    def rest(zone: Zone, purpose: str | None) -> dict[str, Any]:
        return {
            "networkid": render.PUBLIC_NETWORK,
            "state": "Allocated",
            "physicalnetworkid": uuid_of("physicalnetwork", zone.name),
            **({"purpose": purpose} if purpose else {}),
            "tags": [],
            "isportable": False,
            "fordisplay": True,
            "hasrules": False,
            "forsystemvms": False,
            "forprovider": False,
            "hasannotations": False,
        }

    def vm_fields(vm: Vm | None, type_: str) -> dict[str, Any]:
        if vm is None:
            return {}
        return {"virtualmachineid": vm.id, "virtualmachinetype": type_, "virtualmachinename": vm.name}

    rows = []
    for vm in world.systemvms:
        if sees(world.system_owner) and call.same("zoneid", vm.zone) and not call.objects.keys() - {"zoneid"}:
            row = common(vm.public_ip, world.system_owner, vm.zone) | {"issourcenat": False, "issystem": True}
            rows.append(row | vm_fields(vm, vm.type_name) | rest(vm.zone, "Lb"))
    units: list[Network | Vpc] = [*world.networks, *world.vpcs]
    chosen = call.select(
        [unit for unit in units if unit.public_ip],
        objects={
            "zoneid": lambda unit: unit.zone,
            "associatednetworkid": lambda unit: unit,
            "vpcid": lambda unit: unit,
        },
        owner=lambda unit: unit.owner,
    )
    for unit in chosen:
        first = unit.routers[0] if unit.routers else None
        row = common(unit.public_ip, unit.owner, unit.zone) | vm_fields(first, "DomainRouter")
        rows.append(row | network_or_vpc(unit) | rest(unit.zone, None))
    columns = ("id", "ipaddress", "issourcenat", "forvirtualnetwork", "isstaticnat", "state")
    shown = call.select(
        rows,
        values={column: shown_as(column) for column in columns},
        keyword=lambda row: [row["ipaddress"]],
    )
    return call.rows("publicipaddress", shown, dict)


@command("listRemoteAccessVpns", f"{OWNED} id:uuid networkid:uuid publicipid:uuid fordisplay:boolean")
def list_remote_access_vpns(call: Call) -> str:
    units: list[Network | Vpc] = [*call.world.networks, *call.world.vpcs]
    chosen = call.select(
        [unit for unit in units if unit.remote_access_vpn],
        objects={"networkid": lambda unit: unit},
        owner=lambda unit: unit.owner,
    )
    return call.rows(
        "remoteaccessvpn",
        chosen,
        lambda unit: {
            "publicipid": uuid_of("ipaddress", unit.public_ip),
            "publicip": unit.public_ip,
            "iprange": "10.1.2.1-10.1.2.8",
            "presharedkey": "simulated",
            **render.owner_fields(unit.owner),
            "state": "Running",
            "id": uuid_of("remoteaccessvpn", unit.id),
            "fordisplay": True,
        },
    )


@command("listVpnGateways", f"{OWNED} id:uuid vpcid:uuid fordisplay:boolean")
def list_vpn_gateways(call: Call) -> str:
    chosen = call.select(
        [vpc for vpc in call.world.vpcs if vpc.site_to_site],
        objects={"vpcid": lambda vpc: vpc},
        owner=lambda vpc: vpc.owner,
    )
    return call.rows(
        "vpngateway",
        chosen,
        lambda vpc: {
            "id": uuid_of("vpngateway", vpc.id),
            "publicip": vpc.public_ip,
            "vpcid": vpc.id,
            "vpcname": vpc.name,
            **render.owner_fields(vpc.owner),
            "fordisplay": True,
        },
    )


@command("listVpnConnections", f"{OWNED} id:uuid vpcid:uuid fordisplay:boolean")
def list_vpn_connections(call: Call) -> str:
    chosen = call.select(
        [vpc for vpc in call.world.vpcs if vpc.site_to_site],
        objects={"vpcid": lambda vpc: vpc},
        owner=lambda vpc: vpc.owner,
    )
    return call.rows(
        "vpnconnection",
        chosen,
        lambda vpc: {
            "id": uuid_of("vpnconnection", vpc.id),
            "s2svpngatewayid": uuid_of("vpngateway", vpc.id),
            "publicip": vpc.public_ip,
            "s2scustomergatewayid": uuid_of("vpncustomergateway", vpc.id),
            "gateway": "203.0.113.1",
            "cidrlist": "192.168.100.0/24",
            **render.owner_fields(vpc.owner),
            "state": "Connected",
            "passive": False,
            "created": call.world.stamp(vpc.born),
            "fordisplay": True,
        },
    )


@command("listPrivateGateways", f"{OWNED} id:uuid vpcid:uuid ipaddress vlan state")
def list_private_gateways(call: Call) -> str:
    chosen = call.select(
        [vpc for vpc in call.world.vpcs if vpc.private_gateway],
        objects={"vpcid": lambda vpc: vpc},
        owner=lambda vpc: vpc.owner,
    )
    return call.rows(
        "privategateway",
        chosen,
        lambda vpc: {
            "id": uuid_of("privategateway", vpc.id),
            "gateway": "172.20.0.1",
            "netmask": "255.255.255.0",
            "ipaddress": "172.20.0.2",
            **render.zone_fields(vpc.zone),
            "vlan": "vlan://3000",
            "vpcid": vpc.id,
            "vpcname": vpc.name,
            "physicalnetworkid": uuid_of("physicalnetwork", vpc.zone.name),
            **render.owner_fields(vpc.owner),
            "state": "Ready",
            "sourcenatsupported": False,
        },
    )


@command("listLoadBalancerRules", f"{OWNED} id:uuid name networkid:uuid zoneid:uuid publicipid:uuid")
def list_load_balancer_rules(call: Call) -> str:
    networks = call.select(
        call.world.networks,
        objects={"networkid": lambda network: network, "zoneid": lambda network: network.zone},
        owner=lambda network: network.owner,
    )
    rules = [(network, number) for network in networks for number in range(network.lb_rules)]

    def show(rule: tuple[Network, int]) -> dict[str, Any]:
        network, number = rule
        address = (network.vpc or network).public_ip
        return {
            "id": uuid_of("loadbalancerrule", f"{network.id}/{number}"),
            "name": f"lb-{number + 1}",
            "publicipid": uuid_of("ipaddress", address),
            "publicip": address,
            "publicport": str(8000 + number),
            "privateport": "80",
            "algorithm": "roundrobin",
            "cidrlist": "",
            **render.owner_fields(network.owner),
            "state": "Active",
            **render.zone_fields(network.zone),
            "protocol": "tcp",
            "tags": [],
            "networkid": network.id,
            "fordisplay": True,
        }

    return call.rows("loadbalancerrule", rules, show)


@command("listProjects", f"{OWNED} id:uuid name state displaytext", ids="project")
def list_projects(call: Call) -> str:
    world = call.world
    projects = call.select(
        world.projects if call.flag("listall") or "id" in call.params else [],
        objects={"id": lambda project: project},
        values={"name": lambda project: project.name},
        keyword=lambda project: [project.name],
    )
    return call.rows(
        "project",
        projects,
        lambda project: {
            "id": project.id,
            "name": project.name,
            "displaytext": project.name,
            "domainid": project.domain.id,
            "domain": project.domain.name.rsplit("/", 1)[-1],
            "owner": [{"account": world.server.account}],
            "projectaccountname": f"PrjAcct-{project.name}-{project.nr}",
            "state": "Active",
            "tags": [],
            "created": world.stamp(project.born),
        },
    )


def nothing(call: Call) -> str:
    """Objects of a kind that this cloud has none of."""
    return "{}"


for name in ("listSnapshots", "listIsos", "listVpnCustomerGateways"):
    command(name, f"{OWNED} id:uuid name zoneid:uuid")(nothing)


# -- jobs and events


@command("queryAsyncJobResult")
def query_async_job_result(call: Call) -> str:
    job = call.jobs.jobs.get(call.params["jobid"])
    if job is None and call.params["jobid"].isdigit():
        # Taken for the number of a row.
        raise invalid(f"Unable to find a job by id {call.params['jobid']}")
    if job is None:
        raise unknown_value(call.command.name, "jobid", call.params["jobid"])
    return dump(render.job(call.world, job))


@command("listAsyncJobs")
def list_async_jobs(call: Call) -> str:
    start = call.moment("startdate")
    jobs = call.select(
        [job for job in call.jobs.running if call.flag("listall") and (start is None or job.created >= start)],
        values={"managementserverid": lambda job: job.server.id},
        keyword=lambda job: [job.java_class],
    )
    return call.rows("asyncjobs", jobs, lambda job: render.job(call.world, job))


@command(
    "listEvents",
    f"{OWNED} id:uuid type level startdate enddate resourceid resourcetype startid duration entrytime state archived",
)
def list_events(call: Call) -> str:
    """Page 1 has the newest events; within a page, those of projects come first, each in the order they happened."""
    resource = call.params.get("resourceid")
    if resource is not None:
        if "resourcetype" not in call.params:
            raise invalid("resourceid parameter must be used with resourcetype parameter")
        if resource not in call.world.by_id:
            raise invalid("Invalid resourceid")
    start, end = call.moment("startdate"), call.moment("enddate")
    events = call.select(
        [
            event
            for event in reversed(call.world.events.events)
            if (start is None or event.created >= start) and (end is None or event.created <= end)
        ],
        values={
            "id": lambda event: event.id,
            "type": lambda event: event.type,
            "level": lambda event: event.level,
            "state": lambda event: event.state,
            "resourceid": lambda event: event.resource_id,
            "resourcetype": lambda event: event.resource_type,
        },
        keyword=lambda event: (event.type, event.description, event.level),
        owner=lambda event: event.owner,
    )
    # The page is cut by age, then read in another order.
    shown = sorted(call.page(events), key=lambda event: (event.owner.project is None, event.nr))
    return call.counted("event", len(events), [call.shown("event", render.event(call.world, event)) for event in shown])
