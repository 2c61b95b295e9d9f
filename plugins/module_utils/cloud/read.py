# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the cloud: a number of calls that grows with pages of answers, not with VMs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..api.client import Client
from ..api.errors import AuthenticationError, PermissionDeniedError, UnsupportedCommandError
from ..api.jobs import running_jobs
from ..knowledge.versions import parse_version
from ..knowledge.vocabulary import GOING_STATES, ROUTER_KINDS, Kind
from . import items as parse
from .agreement import Listed, check_places, complete
from .events import Events
from .grouping import Services, group_units
from .in_flight import read_in_flight
from .infrastructure import Capabilities, Cloud, Need, Settings, Zone
from .inventory import read_shared_file_systems, unlisted_vms
from .lists import ALL_OWNERS, Lists, parameters_of
from .model import Unit

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


def read_cloud(lists: Lists, *, templates: bool = True, events: Events | None = None) -> Cloud:
    """Read what decides what is to be done to each unit; C(read_details) adds what the checks ask for.

    :param templates: also what new VMs would be made from.
    :param events: where they are read, if others want them, too.

    :raises ApiError: when the server cannot be reached, refuses the account or answers something else.
    """
    client, zones = lists.client, lists.zones()
    listed = _read(lists, tuple(Kind), details=True)
    jobs = running_jobs(client)
    hosts = lists.hosts()
    unlisted_hosts, doubts = check_places(lists, listed.vms, {host.id: host for host in hosts}, zones)
    listed = replace(listed, doubts=(*listed.doubts, *doubts))
    units, volumes = _units(listed, zones, _read_services(client)), listed.volumes or {}
    return Cloud(
        management_servers=lists.servers,
        zones=tuple(_with_settings(client, zone) for zone in zones),
        hosts=(*hosts, *unlisted_hosts),
        templates=lists.templates() if templates else (),
        units=units,
        going=tuple(vm for vm in listed.vms if vm.state in GOING_STATES),
        doubts=tuple(dict.fromkeys(doubt.seen for doubt in listed.doubts)),
        shared_file_systems=read_shared_file_systems(client, lists.servers, volumes, **ALL_OWNERS),
        unlisted_vms=unlisted_vms(volumes.values(), {vm.id for unit in units for vm in unit.vms}),
        in_flight=tuple(read_in_flight(lists, jobs, events)),
        transfers=tuple(f"{job.command} job {job.id}" for job in jobs.values() if needs_ssvm(job.command)),
    )


def needs_ssvm(job_command: str) -> bool:
    """Whether a job of this name is carried out by an SSVM."""
    return job_command.removesuffix("ByAdmin") in TRANSFER_COMMANDS


def read_details(
    lists: Lists, cloud: Cloud, commands: Collection[str], settings: Collection[str], needs: Collection[Need]
) -> Cloud:
    """Read what only the checks of a plan ask for.

    :param commands: the commands that carrying it out sends.
    :param settings: names of global settings.
    :raises ApiError: as read_cloud.
    """
    client = lists.client
    wanted = sorted(set(settings) - cloud.settings.asked)
    values = read_settings(client, wanted)
    details: dict[str, Any] = {
        "capabilities": read_capabilities(client, commands) if commands else cloud.capabilities,
        "settings": Settings({**cloud.settings.values, **values}, cloud.settings.asked | set(wanted)),
    }
    if Need.TEMPLATES in needs and not cloud.templates:
        details["templates"] = lists.templates()
    if Need.CAPACITIES in needs:
        details["capacities"] = tuple(client.list_as("listCapacity", "capacity", parse.capacity))
    if Need.OFFERINGS in needs:
        filters = {"issystem": True, "listall": True}
        details["offerings"] = dict(
            client.list_as("listServiceOfferings", "serviceoffering", parse.offering, **filters)
        )
    if Need.PLACES in needs:
        details["disabled_places"] = _disabled_places(client)
    if Need.DOWNLOADS in needs:
        details["transfers"] = (*cloud.transfers, *_read_downloads(client))
    if Need.IMAGE_STORES in needs:
        details["image_stores"] = tuple(client.list_as("listImageStores", "imagestore", parse.image_store))
    if Need.STORAGE_POOLS in needs:
        details["storage_pools"] = tuple(client.list_as("listStoragePools", "storagepool", parse.storage_pool))
    return replace(cloud, **details)


def _disabled_places(client: Client) -> frozenset[str] | None:
    """Clusters and pods that take no new VMs; None where the account may not list them."""
    try:
        found = [
            client.list_as(command, key, parse.disabled)
            for command, key in (("listClusters", "cluster"), ("listPods", "pod"))
        ]
    except (AuthenticationError, PermissionDeniedError, UnsupportedCommandError):
        return None  # everything else was answered, so it is this command that the role lacks
    return frozenset(identity for each in found for identity in each if identity)


def read_settings(client: Client, names: Iterable[str]) -> dict[str, str]:
    """Global settings (listConfigurations), without those that the server does not know.

    The name that is asked for is a part of the name: those that begin with the same word are read by one call.
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.partition(".")[0], []).append(name)
    values: dict[str, str] = {}
    for word, wanted in alike.items():
        asked = f"{word}." if len(wanted) > 1 else wanted[0]
        items = client.list("listConfigurations", "configuration", name=asked)
        values |= {item["name"]: str(item.get("value") or "") for item in items if item.get("name") in wanted}
    return values


def settings_of(client: Client, *names: str) -> Settings:
    """Global settings, for who asks for these alone."""
    return Settings(read_settings(client, names), frozenset(names))


def read_setting(client: Client, name: str, zone_id: str | None = None) -> str | None:
    """A setting's value, global or of one zone (listConfigurations); None where the server does not know it there."""
    for item in client.list("listConfigurations", "configuration", name=name, zoneid=zone_id):
        if item.get("name") == name:
            return str(item.get("value") or "")
    return None


def read_units(lists: Lists, kinds: Collection[Kind] = tuple(Kind), *, details: bool = True) -> tuple[Unit, ...]:
    """All units of the kinds, without reading what other kinds consist of.

    :param details: also what only a plan or a recreation needs: the routers' ROOT volumes and what makes an
        interruption of a network hurt more.
    :raises ApiError: as read_cloud.
    """
    services = _read_services(lists.client) if details and ROUTER_KINDS & set(kinds) else Services()
    zones = lists.zones() if ROUTER_KINDS & set(kinds) else ()
    return _units(_read(lists, kinds, details=details), zones, services)


def _read(lists: Lists, kinds: Collection[Kind], *, details: bool) -> Listed:
    listed = Listed(kinds)
    if {Kind.SSVM, Kind.CPVM} & set(kinds):
        listed = replace(listed, system_vms=tuple(lists.system_vms()))
    if ROUTER_KINDS & set(kinds):
        routers = tuple(lists.routers())
        listed = replace(
            listed,
            routers=routers,
            internal_lbs=tuple(lists.internal_lbs()),
            networks=tuple(lists.networks(parse.network, expected=len({each.network_id for each in routers}))),
            vpcs=tuple(lists.vpcs(parse.vpc)),
        )
    if details or listed.system_vms:
        listed = replace(listed, volumes=lists.root_volumes())
    return complete(lists, listed)


def _units(listed: Listed, zones: Iterable[Zone], services: Services) -> tuple[Unit, ...]:
    """What was read, as units. Pure."""
    basic = {zone.id for zone in zones if zone.basic}
    volumes = listed.volumes or {}
    units = group_units(
        (parse.with_root_volume(vm, volumes.get(vm.id)) for vm in listed.system_vms),
        (parse.with_root_volume(vm, volumes.get(vm.id)) for vm in listed.routers),
        (parse.with_root_volume(vm, volumes.get(vm.id)) for vm in listed.internal_lbs),
        services.mark(listed.networks),
        listed.vpcs,
        services,
    )
    return tuple(
        replace(
            unit,
            per_pod=unit.zone_id in basic and unit.kind is Kind.NETWORK,
            doubts=tuple(doubt.seen for doubt in listed.doubts if doubt.about & unit.resource_ids()),
        )
        for unit in units
    )


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
    found = {command.lower(): parameters_of(client, command) for command in sorted(set(commands))}
    return Capabilities({command: parameters for command, parameters in found.items() if parameters is not None})


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
