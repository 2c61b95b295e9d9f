# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the cloud: a number of calls that grows with pages of answers, not with VMs.

All owners are read (C(listall=true) and C(projectid=-1)); without them the root admin gets an empty answer and the
routers of projects are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError, ParameterError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import running_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    REMOTE_ACCESS_VPN,
    ROUTER_KINDS,
    ROUTER_PROVIDERS,
    SYSTEM_VM_KINDS,
    Capabilities,
    Capacity,
    Cloud,
    Host,
    Kind,
    ManagementServer,
    Network,
    Owner,
    Settings,
    Template,
    Unit,
    Vm,
    Vpc,
    Zone,
    version_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.versions import Version, parse_version

ALL_OWNERS: Mapping[str, Any] = {"listall": True, "projectid": "-1"}

SETTINGS = (
    "integration.api.port",
    "job.cancel.threshold.minutes",
    "router.health.checks.failures.to.recreate.vr",
)
# What decides whether something that is destroyed comes back, and how.
RECREATION_SETTINGS = (
    "network.rolling.restart",
    "system.vm.auto.reserve.capacity",
    "consoleproxy.management.state",
    "consoleproxy.restart",
    "recreate.systemvm.enabled",
)
MINIMUM_VERSION = "minreq.sysvmtemplate.version"
ROUTER_TEMPLATE = "router.template."  # followed by the hypervisor

# Jobs that an SSVM carries out; they fail when it goes away.
TRANSFER_COMMANDS = frozenset(
    {
        "CopyIsoCmd",
        "CopySnapshotCmd",
        "CopyTemplateCmd",
        "CreateSnapshotCmd",
        "CreateTemplateCmd",
        "ExtractIsoCmd",
        "ExtractSnapshotCmd",
        "ExtractTemplateCmd",
        "ExtractVolumeCmd",
        "UploadVolumeCmd",
    }
)


def read_cloud(client: Client) -> Cloud:
    """Read what decides what is to be done to each unit; C(read_details) adds what the checks ask for.

    listAsyncJobs and listEvents, without which nothing can be carried out, are called here: an account that may not
    call them is refused before anything was touched.

    :raises ApiError: when the server cannot be reached, refuses the account or answers something else.
    """
    # The first call is the one a wrong URL, key or secret fails at: a cheap one.
    zones = read_zones(client)
    units = read_units(client, zones=zones)
    jobs = running_jobs(client)
    return Cloud(
        management_servers=read_management_servers(client),
        zones=tuple(_with_settings(client, zone) for zone in zones),
        hosts=tuple(read_hosts(client)),
        templates=tuple(
            client.list_as("listTemplates", "template", _template, templatefilter="all", templatetype="SYSTEM")
        ),
        units=units,
        in_flight=tuple(read_in_flight(client, jobs)),
        transfers=tuple(f"{job.command} job {job.id}" for job in jobs.values() if job.command in TRANSFER_COMMANDS),
    )


def read_details(
    client: Client, cloud: Cloud, commands: Iterable[str], *, recreates: bool = False, touches_ssvm: bool = False
) -> Cloud:
    """Read what only the checks of a plan ask for, as far as this plan needs it.

    :param commands: the commands that carrying it out sends.
    :param recreates: whether something is to be recreated.
    :param touches_ssvm: whether an SSVM is interrupted.
    :raises ApiError: as read_cloud.
    """
    names = [*SETTINGS, *(RECREATION_SETTINGS if recreates else ())]
    values = {name: value for name in names if (value := read_setting(client, name)) is not None}
    if values.get("router.health.checks.failures.to.recreate.vr"):
        values["router.health.checks.enabled"] = read_setting(client, "router.health.checks.enabled") or ""
    cloud = replace(cloud, capabilities=read_capabilities(client, commands), settings=Settings(values))
    if recreates:
        offerings = client.list_as(
            "listServiceOfferings", "serviceoffering", _offering_memory, issystem=True, listall=True
        )
        cloud = replace(
            cloud,
            capacities=tuple(client.list_as("listCapacity", "capacity", _capacity)),
            offering_memory=dict(offerings),
        )
    if touches_ssvm:
        cloud = replace(cloud, transfers=(*cloud.transfers, *_read_downloads(client)))
    return cloud


def read_zones(client: Client) -> tuple[Zone, ...]:
    """The zones without their settings (listZones)."""
    return tuple(client.list_as("listZones", "zone", _zone))


def read_management_servers(client: Client) -> tuple[ManagementServer, ...]:
    """The management servers with their versions (listManagementServers; older ones: listCapabilities)."""
    if _parameters(client, "listManagementServers") is not None:
        return tuple(client.list_as("listManagementServers", "managementserver", _management_server))
    capability = client.read("listCapabilities").get("capability", {})
    version = str(capability.get("cloudstackversion", "unknown"))
    return (ManagementServer("management server", "Up", version, parse_version(version)),)


def read_setting(client: Client, name: str, zone_id: str | None = None) -> str | None:
    """A setting's value, global or of one zone (listConfigurations); None where the server does not know it there."""
    for item in client.list("listConfigurations", "configuration", name=name, zoneid=zone_id):
        if item.get("name") == name:
            return str(item.get("value") or "")
    return None


def read_system_vms(client: Client, **filters: Any) -> list[Vm]:
    """System VMs (listSystemVms) without their ROOT volumes' templates."""
    return client.list_as("listSystemVms", "systemvm", _system_vm, **filters)


def read_routers(client: Client, **filters: Any) -> list[Vm]:
    """Virtual routers of all owners (listRouters), e.g. of one C(networkid) or C(vpcid)."""
    try:
        return client.list_as("listRouters", "router", _router, **ALL_OWNERS, **filters)
    except ParameterError as error:
        if "CloudStackVersion" in (error.errortext or ""):  # apache/cloudstack issue 2917
            error.remedy = (
                "One router's template version cannot be read by the server, which then lists none at all. Find it "
                "with listRouters for one zone or network after the other, and destroy it or restart its network with "
                "cleanup."
            )
        raise


def read_internal_lbs(client: Client, **filters: Any) -> list[Vm]:
    """Internal LB VMs of all owners (listInternalLoadBalancerVMs)."""
    return client.list_as(
        "listInternalLoadBalancerVMs",
        "internalloadbalancervm",
        lambda item: replace(_router(item), internal_lb=True),
        **ALL_OWNERS,
        **filters,
    )


def read_hosts(client: Client, **filters: Any) -> list[Host]:
    """Hypervisor hosts (listHosts type=Routing); their version is that of the agent."""
    return client.list_as("listHosts", "host", _host, type="Routing", **filters)


def read_root_volume(client: Client, vm: Vm) -> Mapping[str, Any] | None:
    """What the ROOT volume of one VM tells (listVolumes listsystemvms, since 4.18)."""
    volumes = client.list_as(
        "listVolumes", "volume", _volume, type="ROOT", listsystemvms=True, virtualmachineid=vm.id, **ALL_OWNERS
    )
    return volumes[0] if volumes else None


def read_units(
    client: Client, kinds: Collection[Kind] = tuple(Kind), *, details: bool = True, zones: Iterable[Zone] | None = None
) -> tuple[Unit, ...]:
    """All units of the kinds, without reading what other kinds consist of.

    :param details: also what only a plan or a recreation needs: the routers' ROOT volumes and the sensitive_services.
    :param zones: the zones, where they have been read already.
    :raises ApiError: as read_cloud.
    """
    system_vms = read_system_vms(client) if {Kind.SSVM, Kind.CPVM} & set(kinds) else []
    if ROUTER_KINDS & set(kinds):
        routers = read_routers(client)
        internal_lbs = read_internal_lbs(client)
        networks = client.list_as("listNetworks", "network", _network, **ALL_OWNERS)
        vpcs = client.list_as("listVPCs", "vpc", _vpc, **ALL_OWNERS)
        sensitive_services = _read_sensitive_services(client) if details else _no_sensitive_services
    else:
        routers, internal_lbs, networks, vpcs = [], [], [], []
        sensitive_services = _no_sensitive_services
    volumes = {}
    if details or system_vms:
        volumes = {
            volume["virtualmachineid"]: volume
            for volume in client.list_as(
                "listVolumes", "volume", _volume, type="ROOT", listsystemvms=True, **ALL_OWNERS
            )
            if volume["virtualmachineid"]
        }
    units = group_units(
        (with_root_volume(vm, volumes.get(vm.id)) for vm in system_vms),
        (with_root_volume(vm, volumes.get(vm.id)) for vm in routers),
        (with_root_volume(vm, volumes.get(vm.id)) for vm in internal_lbs),
        networks,
        vpcs,
        sensitive_services,
    )
    if ROUTER_KINDS & set(kinds):
        basic = {zone.id for zone in (read_zones(client) if zones is None else zones) if zone.basic}
        units = [replace(unit, per_pod=unit.zone_id in basic and unit.kind is Kind.NETWORK) for unit in units]
    return tuple(units)


def group_units(
    system_vms: Iterable[Vm],
    routers: Iterable[Vm],
    internal_lbs: Iterable[Vm],
    networks: Iterable[Network],
    vpcs: Iterable[Vpc],
    sensitive_services: Callable[[Network | Vpc, Sequence[Vm]], Iterable[str]] = lambda owner, vms: (),
) -> list[Unit]:
    """Group VMs into units: what one action upgrades. Starts from the VMs, so what has none makes no unit."""
    network_by_id = {network.id: network for network in networks}
    tiers: dict[str, list[Network]] = {}
    for network in network_by_id.values():
        if network.vpc_id:
            tiers.setdefault(network.vpc_id, []).append(network)
    vpc_by_id = {
        vpc.id: replace(vpc, tiers=tuple(sorted(tiers.get(vpc.id, ()), key=lambda tier: (tier.name, tier.id))))
        for vpc in vpcs
    }
    units = [_own_unit(vm, vm.systemvmtype) for vm in system_vms if vm.systemvmtype]
    units += [_own_unit(vm, Kind.INTERNAL_LB) for vm in internal_lbs]
    members: dict[tuple[str | None, str | None], list[Vm]] = {}
    for router in routers:
        key = (router.vpc_id, None) if router.vpc_id else (None, router.network_id)
        members.setdefault(key, []).append(router)
    for (vpc_id, network_id), vms in members.items():
        owner = vpc_by_id.get(vpc_id or "") or network_by_id.get(network_id or "")
        if owner is None:
            units += [_own_unit(vm, Kind.ORPHAN) for vm in vms]
            continue
        units.append(
            Unit(
                id=owner.id,
                name=owner.name,
                kind=Kind.VPC if isinstance(owner, Vpc) else Kind.NETWORK,
                zone_id=owner.zone_id,
                zone=vms[0].zone,
                owner=owner.owner,
                vms=tuple(sorted(vms, key=lambda vm: (vm.name, vm.id))),
                network=owner if isinstance(owner, Network) else None,
                vpc=owner if isinstance(owner, Vpc) else None,
                sensitive_services=tuple(sensitive_services(owner, vms)),
            )
        )
    return units


def _read_sensitive_services(client: Client) -> Callable[[Network | Vpc, Sequence[Vm]], list[str]]:
    """What makes an interruption of a network or VPC hurt more.

    Of a remote access VPN only the address is kept: the answer holds pre-shared keys.
    """
    vpn_addresses = frozenset(
        client.list_as("listRemoteAccessVpns", "remoteaccessvpn", lambda item: str(item.get("publicip")), **ALL_OWNERS)
    )
    site_vpns = _ids_of(client, "listVpnGateways", "vpngateway", "vpcid")
    gateways = _ids_of(client, "listPrivateGateways", "privategateway", "vpcid")
    balanced = _ids_of(client, "listLoadBalancerRules", "loadbalancerrule", "networkid")

    def sensitive_services(owner: Network | Vpc, vms: Sequence[Vm]) -> list[str]:
        ids = {owner.id, *(tier.id for tier in owner.tiers)} if isinstance(owner, Vpc) else {owner.id}
        found = [REMOTE_ACCESS_VPN] if any(vpn_addresses.intersection(vm.addresses) for vm in vms) else []
        for words, marked in (
            ("site-to-site VPN", site_vpns),
            ("private gateway", gateways),
            ("load balancing", balanced),
        ):
            if ids & marked:
                found.append(words)
        return found

    return sensitive_services


def _no_sensitive_services(owner: Network | Vpc, vms: Sequence[Vm]) -> list[str]:
    return []


def _ids_of(client: Client, command: str, key: str, field: str) -> frozenset[str]:
    return frozenset(client.list_as(command, key, lambda item: str(item.get(field)), **ALL_OWNERS))


def read_capabilities(client: Client, commands: Iterable[str]) -> Capabilities:
    """Which of the commands this account may call, with their parameters (listApis)."""
    found = {command.lower(): _parameters(client, command) for command in sorted(set(commands))}
    return Capabilities({command: parameters for command, parameters in found.items() if parameters is not None})


def _parameters(client: Client, command: str) -> frozenset[str] | None:
    try:
        apis = client.list("listApis", "api", name=command)
    except ApiError as error:
        if error.errorcode == 530:  # "unable to find an api by that name": unknown here or not allowed
            return None
        raise
    return frozenset(str(param.get("name", "")).lower() for api in apis for param in api.get("params", ()))


def _with_settings(client: Client, zone: Zone) -> Zone:
    """The zone with the settings that have a value per zone; one call for all of them, as the UI does."""
    kept = client.list_as("listConfigurations", "configuration", _zone_setting, zoneid=zone.id)
    values = {name: value for name, value in kept if value}
    templates = {
        name.removeprefix(ROUTER_TEMPLATE): value for name, value in values.items() if name.startswith(ROUTER_TEMPLATE)
    }
    return replace(zone, minimum_version=parse_version(values.get(MINIMUM_VERSION)), router_templates=templates)


def _zone_setting(item: Mapping[str, Any]) -> tuple[str, str]:
    """Others are not kept: there are passwords among them."""
    name = str(item.get("name"))
    wanted = name == MINIMUM_VERSION or name.startswith(ROUTER_TEMPLATE)
    return name, str(item.get("value") or "") if wanted else ""


def _read_downloads(client: Client) -> Iterator[str]:
    """Templates that an SSVM is downloading, which is no job."""
    for item in client.list("listTemplates", "template", templatefilter="all", listall=True):
        if item.get("isready") is not True and "%" in str(item.get("status")):
            yield f"template {item.get('name')} in zone {item.get('zonename')}: {item.get('status')}"


def _zone(item: Mapping[str, Any]) -> Zone:
    return Zone(
        item["id"],
        item["name"],
        item.get("allocationstate") == "Enabled",
        basic=item.get("networktype") == "Basic",
        edge=item.get("type") == "Edge",
    )


def _capacity(item: Mapping[str, Any]) -> Capacity:
    used = item.get("capacityallocated") or item.get("capacityused") or 0
    return Capacity(item.get("zoneid", ""), str(item.get("name", "")), int(item.get("capacitytotal") or 0) - int(used))


def _offering_memory(item: Mapping[str, Any]) -> tuple[str, int]:
    return item["id"], int(item.get("memory") or 0)


def _management_server(item: Mapping[str, Any]) -> ManagementServer:
    return ManagementServer(
        item.get("name", ""), item.get("state", ""), str(item.get("version", "unknown")), version_of(item, "version")
    )


def _host(item: Mapping[str, Any]) -> Host:
    return Host(
        item["id"],
        item["name"],
        item.get("zoneid", ""),
        item.get("hypervisor"),
        version_of(item, "version"),
        item.get("state", ""),
        item.get("resourcestate"),
    )


def _template(item: Mapping[str, Any]) -> Template:
    return Template(
        item["id"],
        item["name"],
        item.get("zoneid", ""),
        item.get("hypervisor"),
        item.get("isready") is True,
        item.get("arch"),
        item.get("created"),
    )


def _tags(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(f"{tag.get('key')}={tag.get('value')}" for tag in item.get("tags") or ()))


def _network(item: Mapping[str, Any]) -> Network:
    return Network(
        id=item["id"],
        name=item.get("name", item["id"]),
        zone_id=item.get("zoneid", ""),
        type=item.get("type", ""),
        state=item.get("state", ""),
        redundant=item.get("redundantrouter") is True,
        vpc_id=item.get("vpcid"),
        cidr=item.get("cidr"),
        broadcast=item.get("broadcastdomaintype"),
        providers=frozenset(
            provider["name"]
            for service in item.get("service") or ()
            for provider in service.get("provider") or ()
            if "name" in provider
        ),
        tags=_tags(item),
        owner=Owner.of(item),
        balanced=any(
            provider.get("name") in ROUTER_PROVIDERS
            for service in item.get("service") or ()
            if service.get("name") == "Lb"
            for provider in service.get("provider") or ()
        ),
        restart_required=item.get("restartrequired") is True,
    )


def _vpc(item: Mapping[str, Any]) -> Vpc:
    return Vpc(
        id=item["id"],
        name=item.get("name", item["id"]),
        zone_id=item.get("zoneid", ""),
        state=item.get("state", ""),
        redundant=item.get("redundantvpcrouter") is True,
        cidr=item.get("cidr"),
        tags=_tags(item),
        owner=Owner.of(item),
        restart_required=item.get("restartrequired") is True,
    )


def _volume(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item.get(key) for key in ("virtualmachineid", "templateid", "templatename", "hypervisor")}


def _common(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": item["id"],
        "name": item.get("name", item["id"]),
        "zone_id": item.get("zoneid", ""),
        "zone": item.get("zonename", ""),
        "state": item.get("state", ""),
        "hypervisor": item.get("hypervisor"),
        "host_id": item.get("hostid"),
        "host": item.get("hostname"),
        "next_template_id": item.get("templateid"),
        "offering_id": item.get("serviceofferingid"),
        "arch": item.get("arch"),
        "created": item.get("created"),
        "owner": Owner.of(item),
    }


def _system_vm(item: Mapping[str, Any]) -> Vm:
    return Vm(
        **_common(item),
        systemvmtype=SYSTEM_VM_KINDS[item["systemvmtype"]],
        built_from=None,  # listSystemVms does not tell; the ROOT volume does
        software=version_of(item, "version"),
        agent_state=item.get("agentstate"),
        sessions=int(item.get("activeviewersessions") or 0),
        addresses=tuple(str(item[key]) for key in ("publicip", "privateip") if item.get(key)),
    )


def _router(item: Mapping[str, Any]) -> Vm:
    nics = [nic for nic in item.get("nic") or () if nic.get("traffictype") in ("Guest", "Public")]
    addresses = [nic.get("ipaddress") for nic in nics] + [item.get("publicip"), item.get("guestipaddress")]
    return Vm(
        **_common(item),
        built_from=version_of(item, "version"),
        software=version_of(item, "softwareversion"),
        scripts=str(item.get("scriptsversion") or "").strip() or None,
        redundant=item.get("isredundantrouter") is True,
        redundant_state=item.get("redundantstate"),
        network_id=item.get("guestnetworkid"),
        vpc_id=item.get("vpcid"),
        health_failed=item.get("healthchecksfailed"),
        addresses=tuple(dict.fromkeys(str(address) for address in addresses if address)),
    )


def with_root_volume(vm: Vm, volume: Mapping[str, Any] | None) -> Vm:
    """The VM with what only its ROOT volume tells."""
    if volume is None:
        return vm
    built_from: Version | None = vm.built_from if vm.is_router else parse_version(volume["templatename"])
    return replace(
        vm,
        built_from=built_from,
        hypervisor=vm.hypervisor or volume["hypervisor"],
        root_template_id=volume["templateid"],
        root_template=volume["templatename"],
    )


def _own_unit(vm: Vm, kind: Kind) -> Unit:
    return Unit(vm.id, vm.name, kind, vm.zone_id, vm.zone, vm.owner, (vm,))
