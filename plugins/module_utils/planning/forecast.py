# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan before the management server is upgraded: the cloud as it will be then, and what has to be prepared. Pure.

The cloud as it will be goes through the same functions as any other, so a verdict here is the verdict then. What an
upgrade brings is in I(releases); what the older server's lists do not tell is said to be unknown.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import replace

from ..cloud.infrastructure import Capabilities, Cloud, ManagementServer, Template, Zone
from ..cloud.model import Unit
from ..knowledge import matrix, releases
from ..knowledge.differences import unknown_of
from ..knowledge.releases import RELEASES
from ..knowledge.shapes import ForecastData, PreparationData
from ..knowledge.versions import Version, parse_version
from ..options.option_names import OptionError
from ..units.defects.row import Applicability
from ..units.known_defects import Effect, defects_of
from ..units.templates import NO_SYSTEM_VMS, hypervisor_of, new_template

OLDEST_SOURCE = (4, 11)  # whose lists the reading was looked up for
NEWER = "9999"  # the creation date of a template that is still to be registered: newer than all that there are


class State(str, enum.Enum):
    DONE = "done"
    BY_UPGRADE = "by_upgrade"  # the upgrade of the management server does it
    TO_DO = "to_do"
    UNKNOWN = "unknown"


def target_of(text: str, source: Version | None) -> Version | None:
    """The version to forecast for; None where the server runs it already, so that the plan is no forecast.

    :raises OptionError: for what is no version, is older than the server, or of which nothing is known.
    """
    target = parse_version(text)
    known = ", ".join(".".join(map(str, release)) for release in RELEASES)
    if target is None or target.text != text.strip():
        raise OptionError(
            f"is {text!r}, which is no version",
            option="target_version",
            remedy=f"Give one such as 4.22; known are {known}.",
        )
    if source is None:
        return None  # the check of the management servers says why there is no plan
    if source.release < OLDEST_SOURCE:
        raise OptionError(
            f"is of no use yet: the server is {source}, and a forecast needs 4.11 or newer",
            option="target_version",
            remedy="Upgrade in steps.",
        )
    of_same_release = target.release == source.release and text.strip().count(".") == 1
    if target == source or of_same_release:
        return None
    if target < source:
        raise OptionError(
            f"is {text}, but the server is {source} already",
            option="target_version",
            remedy="Name a newer version, or leave it out for the plan of this server.",
        )
    if target.release not in RELEASES or not matrix.server_can_live_patch(target):
        raise OptionError(
            f"is {text}, and nothing is known of that release", option="target_version", remedy=f"Known are {known}."
        )
    return target


def upgraded(cloud: Cloud, target: Version) -> Cloud:
    """The cloud as it will be when the management server runs the target and everything was prepared.

    The templates are registered and ready where they can be, the KVM hosts have the new agent, what the account may
    call is not known and taken for granted.
    """
    version = RELEASES[target.release].template(target)
    zones, templates = [], list(cloud.templates)
    for zone in cloud.zones:
        router_templates = dict(zone.router_templates)
        for hypervisor, arch in _hosts_of(cloud, zone):
            name = releases.template_name(version, hypervisor, arch or "x86_64") if version else None
            if name is None:
                continue
            # A name has one architecture; the setting names one.
            router_templates[hypervisor.lower()] = name
            templates = [row for row in templates if (row.zone_id, row.name) != (zone.id, name)]
            templates.append(Template(f"new {name}", name, zone.id, hypervisor, True, arch, NEWER))
        zones.append(replace(zone, minimum_version=version or zone.minimum_version, router_templates=router_templates))
    after = replace(
        cloud,
        management_servers=(ManagementServer("after the upgrade", "Up", str(target), target),),
        zones=tuple(zones),
        templates=tuple(templates),
        hosts=tuple(replace(host, version=target) if host.hypervisor == "KVM" else host for host in cloud.hosts),
        capabilities=Capabilities.all(),
    )
    return replace(after, units=tuple(_after_the_upgrade(after, unit, cloud.version) for unit in cloud.units))


def _after_the_upgrade(cloud: Cloud, unit: Unit, source: Version | None) -> Unit:
    """All VMs are given the new template, while their disks keep the old one.

    A server before 4.13.1 does not tell the software and the agents of system VMs: they are taken for its own, and
    connected.
    """
    template = new_template(cloud, unit.zone_id, hypervisor_of(cloud, unit), unit.kind.is_router)
    identity = min(template.ids, default=None)
    vms = [replace(vm, next_template_id=identity or vm.next_template_id) for vm in unit.vms]
    if unit.kind.is_system_vm:
        untold = [vm.running and vm.software is None for vm in vms]
        vms = [replace(vm, software=source, agent_state="Up") if so else vm for vm, so in zip(vms, untold, strict=True)]
    return replace(unit, vms=tuple(vms))


def with_raised_memory(cloud: Cloud, target: Version) -> Cloud:
    """The upgrade raises the memory of the server's own offerings of routers; an operator's stay as they are."""
    least = RELEASES[target.release].router_memory_mib
    raised = {
        identity: replace(offering, memory_mib=max(offering.memory_mib, least)) if offering.stock else offering
        for identity, offering in cloud.offerings.items()
    }
    return replace(cloud, offerings=raised)


def forecast(cloud: Cloud, target: Version) -> ForecastData:
    """What has to be prepared in the cloud as it is, and the documentation's steps."""
    source = cloud.version
    if source is None:
        raise ValueError("a forecast starts from one version")
    found = (*_path(source, target), *_templates(cloud, target), *_hosts(cloud, target), *_servers(cloud, target))
    return {
        "source": str(source),
        "target": str(target),
        "prepare": list(found),
        "steps": list(releases.documented_steps(target)),
        "unknown": list(unknown_of(source)),
        "documentation": releases.documentation(source, target),
    }


def _preparation(what: str, state: State, seen: str, remedy: str = "") -> PreparationData:
    return {"what": what, "state": state.value, "seen": seen, "remedy": remedy}


def _path(source: Version, target: Version) -> Iterator[PreparationData]:
    # Documented from 4.3 on (upgrading/index), and a forecast begins at 4.11.
    yield _preparation("path", State.DONE, f"{source} may be upgraded to {target} directly")
    here, then = RELEASES.get(source.release), RELEASES[target.release]
    if here is not None and here.java >= then.java:
        yield _preparation("java", State.DONE, f"both want Java {then.java}")
    else:
        yield _preparation(
            "java",
            State.TO_DO,
            f"{target} wants Java {then.java}" + (f", {source} wants {here.java}" if here else ""),
            f"Install Java {then.java} on the management servers and the KVM hosts and make it the default.",
        )


def _hosts_of(cloud: Cloud, zone: Zone) -> list[tuple[str, str | None]]:
    """Hypervisor and architecture of what may run system VMs there."""
    return sorted(
        {
            (host.hypervisor, host.arch)
            for host in cloud.hosts
            if host.zone_id == zone.id and host.hypervisor and host.hypervisor not in NO_SYSTEM_VMS
        },
        key=str,
    )


def _templates(cloud: Cloud, target: Version) -> Iterator[PreparationData]:
    """A template of the target for each zone, hypervisor and architecture."""
    version = RELEASES[target.release].template(target)
    if version is None:
        yield _preparation(
            "template", State.UNKNOWN, f"which template {target} brings was not looked up", "See its release notes."
        )
        return
    for zone in cloud.zones:
        for hypervisor, arch in _hosts_of(cloud, zone):
            yield _template(cloud, zone, hypervisor, arch, version, target)


def _template(
    cloud: Cloud, zone: Zone, hypervisor: str, arch: str | None, version: Version, target: Version
) -> PreparationData:
    where = f"zone {zone.name}, {hypervisor}" + (f" {arch}" if arch else "")
    name = releases.template_name(version, hypervisor, arch or "x86_64")
    if name is None:
        word = releases.HYPERVISOR_IN_NAME.get(hypervisor)
        seen = f"{where}: there is no template {version}" + ("" if word else " for this hypervisor")
        return _preparation("template", State.UNKNOWN, seen, "Its VMs can only be live patched, if at all.")
    rows = [row for row in cloud.templates if row.zone_id == zone.id and row.name == name]
    by_hand = f"Register {name} there (documentation: Register the system VM template) and wait until it is Ready."
    if rows:
        if rows[0].ready:
            return _preparation("template", State.DONE, f"{where}: {name} is Ready")
        return _preparation("template", State.TO_DO, f"{where}: {name} is not ready", "Wait until it is Ready.")
    obstacles = [*_obstacles(cloud, zone, hypervisor, arch), *_known_to_fail(cloud, hypervisor, version, target)]
    if any(row.name == name for row in cloud.templates):
        obstacles.append("another zone has one of that name, and then the upgrade registers none")
    if obstacles:
        return _preparation("template", State.TO_DO, f"{where}: no {name}; {'; '.join(obstacles)}", by_hand)
    return _preparation(
        "template",
        State.BY_UPGRADE,
        f"{where}: no {name} yet; the upgrade registers it",
        "The first management server that is upgraded must be able to mount the zone's NFS secondary storage.",
    )


def _obstacles(cloud: Cloud, zone: Zone, hypervisor: str, arch: str | None) -> Iterator[str]:
    """What keeps any upgrade from registering a template (SystemVmTemplateRegistration at 4.22)."""
    stores = [store for store in cloud.image_stores if store.zone_id in (None, zone.id)]
    if hypervisor not in releases.PACKAGED_HYPERVISORS:
        yield f"the package has no template for {hypervisor}, and the upgrade fails without one"  # 12077
    if arch not in (None, "x86_64"):
        yield f"the template for {arch} is downloaded during the upgrade, or else not registered"
    if not any(store.protocol == "nfs" for store in stores):
        yield "a zone without secondary storage of protocol NFS is passed over"
    elif not any(store.protocol == "nfs" and not store.read_only and not store.is_full() for store in stores):
        yield "no NFS secondary storage of the zone is writable and has room"


def _known_to_fail(cloud: Cloud, hypervisor: str, version: Version, target: Version) -> Iterator[str]:
    """The defects that keep the upgrade to I(target) from registering a template for this hypervisor."""
    registered = {row.name for row in cloud.templates}
    on_kvm = {
        releases.template_name(version, "KVM", host.arch or "x86_64")
        for host in cloud.hosts
        if host.hypervisor == "KVM"
    }
    holds = {
        Applicability.SEVERAL_ZONES: len({host.zone_id for host in cloud.hosts if host.hypervisor == hypervisor}) > 1,
        Applicability.NO_KVM_TEMPLATE_TO_REGISTER: on_kvm <= registered,
    }
    for defect in defects_of(target):
        concerned = not defect.hypervisors or hypervisor in defect.hypervisors
        if defect.effect is Effect.PREPARE and concerned and (defect.condition is None or holds[defect.condition]):
            yield f"{defect.what} (known defect {defect.id})"


def _hosts(cloud: Cloud, target: Version) -> Iterator[PreparationData]:
    kvm = [host for host in cloud.hosts if host.hypervisor == "KVM"]
    old = [host.name for host in kvm if host.version is None or host.version < target]
    if old:
        yield _preparation(
            "hosts",
            State.TO_DO,
            f"{len(old)} of {len(kvm)} KVM hosts have an older agent: {', '.join(old)}",
            "Upgrade cloudstack-agent on each together with the first management server: what is live patched gets its "
            "files from the host.",
        )
    elif kvm:
        yield _preparation("hosts", State.DONE, f"all {len(kvm)} KVM hosts have the agent of {target}")


def _servers(cloud: Cloud, target: Version) -> Iterator[PreparationData]:
    up = [server.name for server in cloud.management_servers if server.up]
    if len(up) < 2:
        return
    refuses = RELEASES[target.release].guards(target)
    guard = f"{target} refuses to upgrade the database otherwise" if refuses else "as documented"
    yield _preparation(
        "management_servers",
        State.TO_DO,
        f"{len(up)} management servers are up: {', '.join(up)}",
        f"Stop all of them before the first is upgraded ({guard}); start the others when it runs.",
    )
