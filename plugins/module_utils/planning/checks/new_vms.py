# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that whatever gets a new disk has to pass: a recreation, a start, a fallback that may happen. For each new VM
they ask about the zone, the hypervisor and the architecture where it will be made, not about those of the old one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...cloud.infrastructure import STORE_THRESHOLD, Host, Need, Zone
from ...knowledge.vocabulary import Kind, Method
from ...units.templates import DEFAULT_HYPERVISOR
from ..new_disks import NewDisk
from .registry import Against, CheckContext, CheckStatus, check

MIB = 1024 * 1024
PRIVATE_IP = "PRIVATE_IP"  # the server's name of a pod's addresses
CONTROL_IN_POD = frozenset({"VMware", "Hyperv"})
THRESHOLD = "secondary.storage.capacity.threshold"
LOCAL_STORAGE = "system.vm.use.local.storage"
PROXY_DOMAIN = "consoleproxy.url.domain"
RESERVE = "system.vm.auto.reserve.capacity"
PROXY_STATE = "consoleproxy.management.state"
PROXY_RESTART = "consoleproxy.restart"
ROUTERS_ON_DISABLED = "allow.router.on.disabled.resources"
ADMINS_ON_DISABLED = "allow.admin.vm.on.disabled.resources"
# In which state one VM of its kind, in whichever zone, keeps the server from making others (isPoolReadyForScan of
# ConsoleProxyManagerImpl, apache/cloudstack pull request 13021, and PremiumSecondaryStorageManagerImpl.scanPool).
HOLDS_UP_SCAN = {Kind.CPVM: ("Starting", "Stopping"), Kind.SSVM: ("Stopping",)}


def makes_disks(context: CheckContext) -> bool:
    return bool(context.new_disks)


def makes_system_vms(context: CheckContext) -> bool:
    return any(disk.is_new and disk.unit.kind.is_system_vm for disk in context.new_disks)


def _templates(context: CheckContext) -> str:
    names = {disk.template.name for disk in context.new_disks}
    return ", ".join(sorted(names)) or "nothing gets a new disk"


@check(
    "new_template",
    "Is what new VMs are made from registered and ready where they will be made?",
    worst=CheckStatus.FAIL,
    remedy="Register the system VM template of the new version for that hypervisor and architecture, wait until it is "
    "Ready in the zone and let router.template.<hypervisor> name it.",
    fine=_templates,
    new_disks=True,
    settings=(DEFAULT_HYPERVISOR,),
    needs=frozenset({Need.TEMPLATES}),
    concerns=makes_disks,
)
def new_template(context: CheckContext) -> Iterator[str | Against]:
    for disk in context.new_disks:
        template, zone = disk.template, context.cloud.zone(disk.unit.zone_id)
        minimum = zone.minimum_version if zone else None
        target = context.cloud.version
        if template.problem and template.unlisted:
            yield Against(
                f"{template.problem}; this release does not list those of zones that were added later",
                CheckStatus.WARN,
                "Have a look whether the template is in the zone's secondary storage; if not, register or copy it.",
            )
        elif template.problem:
            yield template.problem
        elif template.better:
            old = template.version and target and template.version.release < target.release
            yield Against(
                f"{template.better!r} is not ready in zone {disk.unit.zone}, so new system VMs would be made from "
                f"{template.name!r}",
                CheckStatus.FAIL if old else CheckStatus.WARN,
                "Wait until it is ready.",
            )
        elif template.version and minimum and template.version < minimum:
            yield (
                f"{template.name!r}, which new VMs in zone {disk.unit.zone} would be made from, is older than the "
                f"minimum {minimum} (minreq.sysvmtemplate.version)"
            )


@check(
    "room_for_new_vms",
    "Is there a host, memory and an address for one more VM in every zone concerned?",
    worst=CheckStatus.FAIL,
    remedy="Make room first: a router is replaced by deploying the new one beside the old one. Enable hosts, clusters "
    "and pods, tag hosts, free memory or add addresses; the number of VMs at a time is O(parallel).",
    fine="there is a host, memory and an address for one more VM in every zone concerned",
    new_disks=True,
    settings=(ROUTERS_ON_DISABLED, ADMINS_ON_DISABLED),
    needs=frozenset({Need.CAPACITIES, Need.OFFERINGS, Need.PLACES}),
    concerns=makes_disks,
)
def room_for_new_vms(context: CheckContext) -> Iterator[str | Against]:
    if context.cloud.disabled_places is None:
        yield Against(
            "listClusters and listPods may not be called: whether hosts are in a Disabled cluster or pod is not known",
            CheckStatus.WARN,
            "Allow them in the account's role, or have a look at the clusters and pods.",
        )
    for zone in context.cloud.zones:
        disks = [disk for disk in context.new_disks if disk.unit.zone_id == zone.id]
        usable = [host for host in context.cloud.hosts if host.usable and host.zone_id == zone.id]
        for disk in disks:
            yield from _no_host(context, zone, disk, usable)
        # Only a new VM needs memory beside the old one; a router keeps its public addresses, a destroyed system VM
        # gives its own back.
        new = [disk for disk in disks if disk.is_new]
        needed = {"MEMORY": max((disk.memory_mib for disk in new), default=0) * MIB, PRIVATE_IP: _pod_addresses(new)}
        needed[PRIVATE_IP] = min(needed[PRIVATE_IP], context.parallel)
        for capacity in context.cloud.capacities:
            lacking = capacity.name in needed and capacity.free < needed[capacity.name]
            if new and capacity.zone_id == zone.id and lacking:
                number = needed[PRIVATE_IP] if capacity.name == PRIVATE_IP else 1
                vms = "one more VM" if number == 1 else f"{number} more VMs at a time"
                left = "no" if capacity.free <= 0 or number == 1 else f"only {capacity.free}"
                yield f"zone {zone.name} has {left} {capacity.name} left for {vms}"


def _no_host(context: CheckContext, zone: Zone, disk: NewDisk, usable: Sequence[Host]) -> Iterator[str | Against]:
    """What keeps it from all hosts of its hypervisor."""
    hosts = [host for host in usable if disk.hypervisor in (None, host.hypervisor)]
    none = f"zone {zone.name} has no {disk.hypervisor or 'hypervisor'} host that is Up and Enabled"
    others = sorted({str(host.hypervisor) for host in usable if disk.template.runs_on(host)} - {disk.hypervisor})
    if not hosts:
        remedy = f"Set {DEFAULT_HYPERVISOR} to {others[0]}, and restart the management servers." if others else ""
        yield Against(none, remedy=remedy if disk.unit.kind.is_system_vm else "")
        return
    hosts = [host for host in hosts if disk.template.runs_on(host)]
    if not hosts:
        architectures = ", ".join(sorted(map(str, disk.template.architectures)))
        yield f"{none} for {disk.template.name!r}, which is for {architectures}"
        return
    if not _on_disabled(context, disk):
        disabled = context.cloud.disabled_places or frozenset()
        hosts = [host for host in hosts if not {host.cluster_id, host.pod_id} & disabled]
    if not hosts:
        yield f"all {disk.hypervisor} hosts of zone {zone.name} are in a cluster or pod that is Disabled"
    elif not any(host.tags is None or disk.offering.host_tags <= host.tags for host in hosts):
        yield f"{none} and has the tags {_listed(disk.offering.host_tags)} of the system offering {disk.offering.name}"


def _on_disabled(context: CheckContext, disk: NewDisk) -> bool:
    """Whether it may be put where no other VM is (DeploymentPlanningManagerImpl.avoidDisabledResources).

    SSVMs and CPVMs are those of the system account, whose role is that of an admin.
    """
    settings = context.cloud.settings
    as_admin = disk.unit.kind.is_system_vm and settings.flag(ADMINS_ON_DISABLED, False)
    return settings.flag(ROUTERS_ON_DISABLED, False) or as_admin


def _listed(tags: Iterable[str]) -> str:
    return ", ".join(sorted(tags))


def _pod_addresses(new: Iterable[NewDisk]) -> int:
    """How many addresses of pods new VMs need beside the old ones, if all were made at once.

    A destroyed SSVM or CPVM gives its own back, but perhaps to another pod, and they come one after the other. A router
    has one where its control network is the pod's (ControlNetworkGuru.reserve); elsewhere that is link-local. A pair's
    routers are replaced one by one.
    """
    routers = {disk.unit.id for disk in new if disk.unit.kind.is_router and disk.hypervisor in CONTROL_IN_POD}
    return max(len(routers), int(any(disk.unit.kind.is_system_vm for disk in new)))


@check(
    "offerings",
    "Do the system offerings give the memory that the new template needs?",
    worst=CheckStatus.FAIL,
    remedy="The templates since 4.20 (Debian 12) may not boot with less. Change the VMs to a larger system offering.",
    one="system offering has less memory than the new template needs",
    many="system offerings have less memory than the new template needs",
    fine="every system offering in use gives the memory that the new template needs",
    new_disks=True,
    needs=frozenset({Need.OFFERINGS}),
    concerns=makes_disks,
)
def offerings(context: CheckContext) -> Iterator[str]:
    for disk in context.new_disks:
        if 0 < disk.memory_mib < disk.needed_memory_mib:
            yield f"{disk.unit.label} {disk.memory_mib} MiB of {disk.needed_memory_mib} MiB"


@check(
    "capacity_scan",
    "Does the server replace a destroyed system VM?",
    worst=CheckStatus.FAIL,
    remedy="Set it right before system VMs are destroyed; the server makes the new ones in its capacity scan.",
    fine="the server replaces destroyed system VMs, or none is recreated",
    new_disks=True,
    settings=(RESERVE, PROXY_STATE, PROXY_RESTART),
    concerns=makes_system_vms,
)
def capacity_scan(context: CheckContext) -> Iterator[str]:
    """A destroyed system VM comes back through the capacity scan only.

    That of SSVMs makes a missing one whatever the settings say, but not beside a Stopped one if no capacity is to be
    reserved (PremiumSecondaryStorageManagerImpl.scanPool); that of CPVMs asks for its own settings.
    """
    new = [disk.unit for disk in context.new_disks if disk.is_new and disk.unit.kind.is_system_vm]
    settings, prefix = context.cloud.settings, "nothing would replace a destroyed system VM:"
    ids = {unit.id for unit in new}
    zones = {unit.zone_id for unit in new if unit.kind is Kind.SSVM} if not settings.flag(RESERVE, True) else set()
    for unit in context.cloud.units:
        if unit.kind is Kind.SSVM and unit.zone_id in zones and unit.id not in ids and not unit.vms[0].running:
            yield f"{prefix} {RESERVE} is false, and {unit.name} of zone {unit.zone} is {unit.vms[0].state}"
    proxies = [unit for unit in new if unit.kind is Kind.CPVM]
    if proxies and settings.text(PROXY_STATE, "Auto") != "Auto":
        yield f"{prefix} {PROXY_STATE} is {settings.text(PROXY_STATE)}"
    for zone in context.cloud.zones:
        if any(unit.zone_id == zone.id for unit in proxies) and context.in_zone(zone, PROXY_RESTART) == "false":
            yield f"{prefix} {PROXY_RESTART} is false in zone {zone.name}"
    for unit in context.cloud.units:
        if unit.kind in {one.kind for one in new} and unit.vms[0].state in HOLDS_UP_SCAN[unit.kind]:
            yield f"{prefix} {unit.name} is {unit.vms[0].state}, which holds up the scan in all zones"


@check(
    "image_store",
    "Is there secondary storage on which a new SSVM can do its work?",
    worst=CheckStatus.FAIL,
    remedy="Make an image store of the zone writable (updateImageStore readonly=false) or free space on it: the server "
    "makes no SSVM without one.",
    fine="every zone concerned has a writable image store below its threshold, or no SSVM is recreated",
    new_disks=True,
    settings=(THRESHOLD,),
    needs=frozenset({Need.IMAGE_STORES}),
    concerns=lambda context: any(disk.is_new and disk.unit.kind is Kind.SSVM for disk in context.new_disks),
)
def image_store(context: CheckContext) -> Iterator[str]:
    """SecondaryStorageManagerImpl makes none otherwise."""
    limit = context.cloud.settings.number(THRESHOLD, STORE_THRESHOLD)
    zones = {disk.unit.zone_id: disk.unit.zone for disk in context.new_disks if disk.unit.kind is Kind.SSVM}
    for zone_id, zone in sorted(zones.items()):
        stores = [store for store in context.cloud.image_stores if store.zone_id in (None, zone_id)]
        writable = [store for store in stores if not store.read_only]
        if not writable:
            yield f"zone {zone} has no image store that is writable"
        elif all(store.is_full(limit) for store in writable):
            yield f"all image stores of zone {zone} are used to {limit:.0%} or more ({THRESHOLD})"


@check(
    "primary_storage",
    "Is there primary storage of the sort that new system VMs and routers use?",
    worst=CheckStatus.FAIL,
    remedy="Bring a primary storage pool of that sort Up, or change system.vm.use.local.storage for the zone, or the "
    "tags of pool or offering.",
    fine="every zone concerned has primary storage that is Up and fits system.vm.use.local.storage and tags",
    new_disks=True,
    settings=(LOCAL_STORAGE,),
    needs=frozenset({Need.OFFERINGS, Need.STORAGE_POOLS}),
    concerns=makes_disks,
)
def primary_storage(context: CheckContext) -> Iterator[str]:
    for zone in context.cloud.zones:
        disks = [disk for disk in context.new_disks if disk.unit.zone_id == zone.id]
        if not disks:
            continue
        local = context.in_zone(zone, LOCAL_STORAGE) == "true"
        pools = [pool for pool in context.cloud.storage_pools if pool.zone_id == zone.id and pool.state == "Up"]
        pools = [pool for pool in pools if pool.local == local]
        none = f"zone {zone.name} has no {'local' if local else 'shared'} primary storage that is Up"
        if not pools:
            yield f"{none} ({LOCAL_STORAGE} is {str(local).lower()})"
            continue
        for offering in {disk.offering for disk in disks}:
            if not any(pool.tags is None or offering.storage_tags <= pool.tags for pool in pools):
                yield f"{none} and has the tags {_listed(offering.storage_tags)} of the system offering {offering.name}"


@check(
    "console_domain",
    "Do new console proxies need another name?",
    remedy="A new CPVM has another public address: let the name point to it, or use a wildcard domain (*.example.com).",
    fine="no console proxy VM is recreated, or its name follows its address",
    settings=(PROXY_DOMAIN,),
    concerns=lambda context: any(unit.kind is Kind.CPVM for unit in context.planned(Method.RECREATE)),
)
def console_domain(context: CheckContext) -> Iterator[str]:
    zones = {unit.zone_id for unit in context.planned(Method.RECREATE) if unit.kind is Kind.CPVM}
    for zone in context.cloud.zones:
        domain = context.in_zone(zone, PROXY_DOMAIN)
        if zone.id in zones and domain and not domain.startswith("*"):
            yield f"{PROXY_DOMAIN} of zone {zone.name} is the fixed name {domain}"
