# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the estate: a number of calls that grows with pages of answers, not with VMs.

All owners are read (C(listall=true) and C(projectid=-1)); without them the root admin gets an empty answer and the
routers of projects are missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    SYSTEM_VM_KINDS,
    Capabilities,
    Estate,
    Host,
    Kind,
    ManagementServer,
    Network,
    Owner,
    Settings,
    Template,
    Unit,
    UnitType,
    Vm,
    Vpc,
    Zone,
    version_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.versions import Version, parse_version

ALL_OWNERS: Mapping[str, Any] = {"listall": True, "projectid": "-1"}

# Commands an upgrade may send or cannot do without; reading commands answer for themselves when they are called.
COMMANDS = (
    "patchSystemVm",
    "restartNetwork",
    "restartVPC",
    "queryAsyncJobResult",
    "listAsyncJobs",
    "listEvents",
)

SETTINGS = (
    "integration.api.port",
    "router.health.checks.enabled",
    "router.health.checks.failures.to.recreate.vr",
    "job.cancel.threshold.minutes",
    "network.rolling.restart",
)


def read_estate(client: Client) -> Estate:
    """Read everything the plan needs.

    :raises ApiError: when the server cannot be reached, refuses the account or answers something else.
    """
    # The first call is the one a wrong URL, key or secret fails at: a cheap one.
    zones = tuple(client.list_as("listZones", "zone", _zone))
    return Estate(
        management_servers=read_management_servers(client),
        capabilities=read_capabilities(client),
        zones=tuple(_with_minimum_version(client, zone) for zone in zones),
        hosts=tuple(client.list_as("listHosts", "host", _host, type="Routing")),
        templates=tuple(
            client.list_as("listTemplates", "template", _template, templatefilter="all", templatetype="SYSTEM")
        ),
        settings=Settings({name: value for name in SETTINGS if (value := read_setting(client, name)) is not None}),
        units=read_units(client),
        in_flight=tuple(read_in_flight(client)),
    )


def read_management_servers(client: Client) -> tuple[ManagementServer, ...]:
    """The management servers with their versions (listManagementServers; older ones: listCapabilities)."""
    if _parameters(client, "listManagementServers") is not None:
        return tuple(client.list_as("listManagementServers", "managementserver", _management_server))
    capability = client.read("listCapabilities").get("capability", {})
    version = str(capability.get("cloudstackversion", "unknown"))
    return (ManagementServer("management server", "Up", version, parse_version(version)),)


def read_setting(client: Client, name: str, zone_id: str | None = None) -> str | None:
    """A setting's value (listConfigurations); None where the server does not know it."""
    for item in client.list("listConfigurations", "configuration", name=name, zoneid=zone_id):
        if item.get("name") == name:
            return str(item.get("value") or "")
    return None


def read_system_vms(client: Client, **filters: Any) -> list[Vm]:
    """System VMs (listSystemVms) without their ROOT volumes' templates."""
    return client.list_as("listSystemVms", "systemvm", _system_vm, **filters)


def read_routers(client: Client, **filters: Any) -> list[Vm]:
    """Virtual routers of all owners (listRouters), e.g. of one C(networkid) or C(vpcid)."""
    return client.list_as("listRouters", "router", _router, **ALL_OWNERS, **filters)


def read_units(client: Client, kinds: Collection[Kind] = tuple(Kind)) -> tuple[Unit, ...]:
    """All units of the kinds, without reading what other kinds consist of.

    :raises ApiError: as read_estate.
    """
    system_vms = read_system_vms(client) if {Kind.SSVM, Kind.CPVM} & set(kinds) else []
    if Kind.ROUTER in kinds:
        routers = read_routers(client)
        internal_lbs = client.list_as("listInternalLoadBalancerVMs", "internalloadbalancervm", _router, **ALL_OWNERS)
        networks = client.list_as("listNetworks", "network", _network, **ALL_OWNERS)
        vpcs = client.list_as("listVPCs", "vpc", _vpc, **ALL_OWNERS)
        vpn_addresses = _read_vpn_addresses(client)
    else:
        routers, internal_lbs, networks, vpcs, vpn_addresses = [], [], [], [], frozenset()
    volumes = {
        volume["virtualmachineid"]: volume
        for volume in client.list_as("listVolumes", "volume", _volume, type="ROOT", listsystemvms=True, **ALL_OWNERS)
        if volume["virtualmachineid"]
    }
    return tuple(
        group_units(
            (_with_root_volume(vm, volumes.get(vm.id)) for vm in system_vms),
            (_with_root_volume(vm, volumes.get(vm.id)) for vm in routers),
            (_with_root_volume(replace(vm, internal_lb=True), volumes.get(vm.id)) for vm in internal_lbs),
            networks,
            vpcs,
            vpn_addresses,
        )
    )


def group_units(
    system_vms: Iterable[Vm],
    routers: Iterable[Vm],
    internal_lbs: Iterable[Vm],
    networks: Iterable[Network],
    vpcs: Iterable[Vpc],
    vpn_addresses: frozenset[str] = frozenset(),
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
    units = [_own_unit(vm, UnitType.SYSTEM_VM) for vm in system_vms]
    units += [_own_unit(vm, UnitType.INTERNAL_LB) for vm in internal_lbs]
    members: dict[tuple[str | None, str | None], list[Vm]] = {}
    for router in routers:
        key = (router.vpc_id, None) if router.vpc_id else (None, router.network_id)
        members.setdefault(key, []).append(router)
    for (vpc_id, network_id), vms in members.items():
        owner = vpc_by_id.get(vpc_id or "") or network_by_id.get(network_id or "")
        if owner is None:
            units += [_own_unit(vm, UnitType.ORPHAN) for vm in vms]
            continue
        units.append(
            Unit(
                id=owner.id,
                name=owner.name,
                type=UnitType.VPC if isinstance(owner, Vpc) else UnitType.NETWORK,
                kind=Kind.ROUTER,
                zone_id=owner.zone_id,
                zone=vms[0].zone,
                owner=owner.owner,
                vms=tuple(sorted(vms, key=lambda vm: (vm.name, vm.id))),
                network=owner if isinstance(owner, Network) else None,
                vpc=owner if isinstance(owner, Vpc) else None,
                remote_access_vpn=any(vpn_addresses.intersection(vm.addresses) for vm in vms),
            )
        )
    return units


def _read_vpn_addresses(client: Client) -> frozenset[str]:
    """Public addresses that carry a remote access VPN. Converted at once: the answer holds pre-shared keys."""
    return frozenset(
        client.list_as("listRemoteAccessVpns", "remoteaccessvpn", lambda item: str(item.get("publicip")), **ALL_OWNERS)
    )


def read_capabilities(client: Client, commands: Iterable[str] = COMMANDS) -> Capabilities:
    """Which of the commands this account may call, with their parameters (listApis)."""
    found = {command.lower(): _parameters(client, command) for command in commands}
    return Capabilities({command: parameters for command, parameters in found.items() if parameters is not None})


def _parameters(client: Client, command: str) -> frozenset[str] | None:
    try:
        apis = client.list("listApis", "api", name=command)
    except ApiError as error:
        if error.errorcode == 530:  # "unable to find an api by that name": unknown here or not allowed
            return None
        raise
    return frozenset(str(param.get("name", "")).lower() for api in apis for param in api.get("params", ()))


def _with_minimum_version(client: Client, zone: Zone) -> Zone:
    value = read_setting(client, "minreq.sysvmtemplate.version", zone.id)
    return replace(zone, minimum_version=parse_version(value))


def _zone(item: Mapping[str, Any]) -> Zone:
    return Zone(item["id"], item["name"], item.get("allocationstate") == "Enabled", item.get("networktype", ""))


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
        "created": item.get("created"),
        "owner": Owner.of(item),
    }


def _system_vm(item: Mapping[str, Any]) -> Vm:
    return Vm(
        **_common(item),
        kind=SYSTEM_VM_KINDS[item["systemvmtype"]],
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
        kind=Kind.ROUTER,
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


def _with_root_volume(vm: Vm, volume: Mapping[str, Any] | None) -> Vm:
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


def _own_unit(vm: Vm, unit_type: UnitType) -> Unit:
    return Unit(vm.id, vm.name, unit_type, vm.kind, vm.zone_id, vm.zone, vm.owner, (vm,))
