# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the cloud: a number of calls that grows with pages of answers, not with VMs.

All owners are read (C(listall=true) and C(projectid=-1)); without them the root admin gets an empty answer and the
routers of projects are missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    ParameterError,
    UnsupportedCommandError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import running_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import parse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Capabilities,
    Cloud,
    Host,
    ManagementServer,
    Need,
    Settings,
    Template,
    Zone,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.inventory import (
    read_shared_file_systems,
    unlisted_vms,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    ROUTER_KINDS,
    Kind,
    Unit,
    Vm,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.units import Services, group_units
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version

ALL_OWNERS: Mapping[str, Any] = {"listall": True, "projectid": "-1"}

# Jobs that an SSVM carries out; they fail when it goes away. A root admin's are called CopyTemplateCmdByAdmin etc.
TRANSFER_COMMANDS = frozenset(
    {
        "CopyIsoCmd",
        "CopySnapshotCmd",
        "CopyTemplateCmd",
        "CreateSnapshotCmd",
        "CreateTemplateCmd",
        "DownloadImageStoreObjectCmd",
        "ExtractIsoCmd",
        "ExtractSnapshotCmd",
        "ExtractTemplateCmd",
        "ExtractVolumeCmd",
        "MigrateResourcesToAnotherSecondaryStorageCmd",
        "MigrateSecondaryStorageDataCmd",
        "UploadVolumeCmd",
    }
)


def read_cloud(client: Client, *, templates: bool = True) -> Cloud:
    """Read what decides what is to be done to each unit; C(read_details) adds what the checks ask for.

    :param templates: also what new VMs would be made from.

    listAsyncJobs and listEvents, without which nothing can be carried out, are called here: an account that may not
    call them is refused before anything was touched.

    :raises ApiError: when the server cannot be reached, refuses the account or answers something else.
    """
    # The first call is the one a wrong URL, key or secret fails at: a cheap one.
    zones = read_zones(client)
    units, volumes = _read_units(client, tuple(Kind), details=True, zones=zones)
    jobs = running_jobs(client)
    servers = tuple(read_management_servers(client))
    return Cloud(
        management_servers=servers,
        zones=tuple(_with_settings(client, zone) for zone in zones),
        hosts=tuple(read_hosts(client)),
        templates=read_templates(client) if templates else (),
        units=units,
        shared_file_systems=read_shared_file_systems(client, servers, volumes, **ALL_OWNERS),
        unlisted_vms=unlisted_vms(volumes.values(), units),
        in_flight=tuple(read_in_flight(client, jobs)),
        transfers=tuple(f"{job.command} job {job.id}" for job in jobs.values() if needs_ssvm(job.command)),
    )


def needs_ssvm(job_command: str) -> bool:
    """Whether a job of this name is carried out by an SSVM."""
    return job_command.removesuffix("ByAdmin") in TRANSFER_COMMANDS


def read_details(
    client: Client, cloud: Cloud, commands: Collection[str], settings: Collection[str], needs: Collection[Need]
) -> Cloud:
    """Read what only the checks of a plan ask for.

    :param commands: the commands that carrying it out sends.
    :param settings: names of global settings.
    :raises ApiError: as read_cloud.
    """
    wanted = sorted(set(settings) - cloud.settings.asked)
    values = {name: value for name in wanted if (value := read_setting(client, name)) is not None}
    details: dict[str, Any] = {
        "capabilities": read_capabilities(client, commands) if commands else cloud.capabilities,
        "settings": Settings({**cloud.settings.values, **values}, cloud.settings.asked | set(wanted)),
    }
    if Need.TEMPLATES in needs and not cloud.templates:
        details["templates"] = read_templates(client)
    if Need.CAPACITIES in needs:
        details["capacities"] = tuple(client.list_as("listCapacity", "capacity", parse.capacity))
    if Need.OFFERINGS in needs:
        offerings = client.list_as(
            "listServiceOfferings", "serviceoffering", parse.offering, issystem=True, listall=True
        )
        details["offering_memory"] = {identity: memory for identity, memory, stock in offerings}
        details["stock_offerings"] = frozenset(identity for identity, memory, stock in offerings if stock)
    if Need.DOWNLOADS in needs:
        details["transfers"] = (*cloud.transfers, *_read_downloads(client))
    if Need.IMAGE_STORES in needs:
        details["image_stores"] = tuple(client.list_as("listImageStores", "imagestore", parse.image_store))
    if Need.STORAGE_POOLS in needs:
        details["storage_pools"] = tuple(client.list_as("listStoragePools", "storagepool", parse.storage_pool))
    return replace(cloud, **details)


def read_templates(client: Client) -> tuple[Template, ...]:
    """The system VM templates of all zones: SYSTEM, and ROUTING, which routers prefer.

    Servers before 4.19 ignore C(templatetype) and list all that there are (ListTemplatesCmd).
    """
    return tuple(
        template
        for kind in ("SYSTEM", "ROUTING")
        for template in client.list_as(
            "listTemplates", "template", parse.template, templatefilter="all", templatetype=kind
        )
        if template.type == kind
    )


def read_zones(client: Client) -> tuple[Zone, ...]:
    """The zones without their settings (listZones)."""
    return tuple(client.list_as("listZones", "zone", parse.zone))


def read_management_servers(client: Client) -> tuple[ManagementServer, ...]:
    """The management servers with their versions (listManagementServers; older ones: listCapabilities)."""
    if _parameters(client, "listManagementServers") is not None:
        return tuple(client.list_as("listManagementServers", "managementserver", parse.management_server))
    capability = client.read("listCapabilities").get("capability", {})
    if "cloudstackversion" not in capability:
        # Since 4.21 it is hidden; so this server is not too old to know the other command.
        raise UnsupportedCommandError(
            "listManagementServers: this account may not call it, and nothing else tells the server's version.",
            command="listManagementServers",
            rejected=True,
        )
    version = str(capability["cloudstackversion"])
    return (ManagementServer("management server", "Up", version, parse_version(version)),)


def read_setting(client: Client, name: str, zone_id: str | None = None) -> str | None:
    """A setting's value, global or of one zone (listConfigurations); None where the server does not know it there."""
    for item in client.list("listConfigurations", "configuration", name=name, zoneid=zone_id):
        if item.get("name") == name:
            return str(item.get("value") or "")
    return None


def read_system_vms(client: Client, **filters: Any) -> list[Vm]:
    """System VMs (listSystemVms) without their ROOT volumes' templates."""
    return client.list_as("listSystemVms", "systemvm", parse.system_vm, **filters)


def read_routers(client: Client, **filters: Any) -> list[Vm]:
    """Virtual routers of all owners (listRouters), e.g. of one C(networkid) or C(vpcid)."""
    try:
        return client.list_as("listRouters", "router", parse.router, **ALL_OWNERS, **filters)
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
        lambda item: replace(parse.router(item), internal_lb=True),
        **ALL_OWNERS,
        **filters,
    )


def read_hosts(client: Client, **filters: Any) -> list[Host]:
    """Hypervisor hosts (listHosts type=Routing); their version is that of the agent."""
    return client.list_as("listHosts", "host", parse.host, type="Routing", **filters)


def read_root_volume(client: Client, vm: Vm) -> Mapping[str, Any] | None:
    """What the ROOT volume of one VM tells (listVolumes listsystemvms, since 4.18)."""
    volumes = client.list_as(
        "listVolumes", "volume", parse.volume, type="ROOT", listsystemvms=True, virtualmachineid=vm.id, **ALL_OWNERS
    )
    return volumes[0] if volumes else None


def read_units(
    client: Client, kinds: Collection[Kind] = tuple(Kind), *, details: bool = True, zones: Iterable[Zone] | None = None
) -> tuple[Unit, ...]:
    """All units of the kinds, without reading what other kinds consist of.

    :param details: also what only a plan or a recreation needs: the routers' ROOT volumes and what makes an
        interruption of a network hurt more.
    :param zones: the zones, where they have been read already.
    :raises ApiError: as read_cloud.
    """
    return _read_units(client, kinds, details=details, zones=zones)[0]


def _read_units(
    client: Client, kinds: Collection[Kind], *, details: bool, zones: Iterable[Zone] | None
) -> tuple[tuple[Unit, ...], Mapping[str, Mapping[str, Any]]]:
    """
    :returns: as C(read_units), and the ROOT volumes that were read for that, by the id of their VM.
    """
    system_vms = read_system_vms(client) if {Kind.SSVM, Kind.CPVM} & set(kinds) else []
    if ROUTER_KINDS & set(kinds):
        routers = read_routers(client)
        internal_lbs = read_internal_lbs(client)
        served = {router.network_id for router in routers}
        networks = client.list_as("listNetworks", "network", parse.network, expected=len(served), **ALL_OWNERS)
        vpcs = client.list_as("listVPCs", "vpc", parse.vpc, **ALL_OWNERS)
        services = _read_services(client) if details else Services()
    else:
        routers, internal_lbs, networks, vpcs = [], [], [], []
        services = Services()
    volumes = {}
    if details or system_vms:
        volumes = {
            volume["virtualmachineid"]: volume
            for volume in client.list_as(
                "listVolumes", "volume", parse.volume, type="ROOT", listsystemvms=True, **ALL_OWNERS
            )
            if volume["virtualmachineid"]
        }
    units = group_units(
        (parse.with_root_volume(vm, volumes.get(vm.id)) for vm in system_vms),
        (parse.with_root_volume(vm, volumes.get(vm.id)) for vm in routers),
        (parse.with_root_volume(vm, volumes.get(vm.id)) for vm in internal_lbs),
        services.mark(networks),
        vpcs,
        services,
    )
    if ROUTER_KINDS & set(kinds):
        basic = {zone.id for zone in (read_zones(client) if zones is None else zones) if zone.basic}
        units = [replace(unit, per_pod=unit.zone_id in basic and unit.kind is Kind.NETWORK) for unit in units]
    return tuple(units), volumes


def _read_services(client: Client) -> Services:
    """Of a remote access VPN only the address is kept: the answer holds pre-shared keys."""
    vpns = client.list_as(
        "listRemoteAccessVpns", "remoteaccessvpn", lambda item: str(item.get("publicip")), **ALL_OWNERS
    )
    return Services(
        frozenset(vpns),
        _ids_of(client, "listVpnGateways", "vpngateway", "vpcid"),
        _ids_of(client, "listPrivateGateways", "privategateway", "vpcid"),
        _ids_of(client, "listLoadBalancerRules", "loadbalancerrule", "networkid"),
    )


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
    kept = client.list_as("listConfigurations", "configuration", parse.zone_setting, zoneid=zone.id)
    values = {name: value for name, value in kept if value}
    templates = {
        name.removeprefix(parse.ROUTER_TEMPLATE): value
        for name, value in values.items()
        if name.startswith(parse.ROUTER_TEMPLATE)
    }
    return replace(
        zone,
        minimum_version=parse_version(values.get(parse.MINIMUM_VERSION)),
        router_templates=templates,
        settings=Settings(
            {
                **zone.settings.values,
                **{name: values.get(name, "") for name, dummy in kept if name in parse.ZONE_SETTINGS},
            }
        ),
    )


def _read_downloads(client: Client) -> Iterator[str]:
    """Templates that an SSVM is downloading, which is no job."""
    for item in client.list("listTemplates", "template", templatefilter="all", listall=True):
        if item.get("isready") is not True and "%" in str(item.get("status")):
            yield f"template {item.get('name')} in zone {item.get('zonename')}: {item.get('status')}"
