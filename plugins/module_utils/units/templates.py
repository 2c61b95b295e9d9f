# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which system VM template a new VM would get, as the server chooses it, and whether it can be used. Pure.

SSVM and CPVM take the newest SYSTEM template that is ready in the zone, for each architecture of its hosts (the
server's C(VMTemplateDaoImpl.findSystemVMReadyTemplates)). Routers take the newest one of the name that
C(router.template.<hypervisor>) gives, a ROUTING one before a SYSTEM one, without asking whether it is ready
(C(findRoutingTemplates)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..cloud.infrastructure import Cloud, Host, Template, Zone
from ..cloud.model import Unit, Vm
from ..cloud.moments import moment
from ..knowledge.differences import HYPERVISORS_IN_TURN, SYSTEM_TEMPLATES_OF_LATER_ZONES, TEMPLATES_BY_ARCHITECTURE
from ..knowledge.versions import Version, parse_version
from ..knowledge.vocabulary import Kind

DEFAULT_HYPERVISOR = "system.vm.default.hypervisor"
# The first templates that were made from these releases of Debian (tools/appliance/systemvmtemplate/template.json).
DEBIAN_11, DEBIAN_12 = (4, 16), (4, 20)
# Whose hosts never run system VMs or routers (NetworkHelperImpl, and those of an extension).
NO_SYSTEM_VMS = frozenset({"BareMetal", "External", "Ovm"})


@dataclass(frozen=True)
class NewTemplate:
    """What new VMs of one zone and hypervisor are made from.

    :ivar ids: ids of the templates that may be taken (one per architecture).
    :ivar problem: why nothing may be made from it, empty when it can be used.
    :ivar architectures: of these templates; None stands for any, where the server does not tell.
    :ivar better: a newer one that is not ready yet, so that it is not taken.
    :ivar created: when the oldest of them was registered.
    :ivar listed: ids of all system VM templates that the zone's list shows.
    :ivar unlisted: whether the server may have a template that its list does not show.
    """

    name: str
    ids: frozenset[str]
    version: Version | None
    problem: str = ""
    better: str = ""
    architectures: frozenset[str | None] = frozenset()
    created: str = ""
    listed: frozenset[str] = frozenset()
    unlisted: bool = False

    def runs_on(self, host: Host) -> bool:
        """Whether a VM made from it can run on this host, of its hypervisor."""
        known = self.architectures - {None}
        return not known or None in self.architectures or host.arch is None or host.arch in known

    def carries(self, vm: Vm, *, new: bool = False) -> bool | None:
        """Whether the VM was built from it; None where nobody can tell.

        :param new: whether it has just been made: then the VM's own template is the one that it was made from.

        Its ROOT volume tells. Where that is not listed, the version inside a router does if the template's name has
        one, and what is older than the template was not built from it. A VM's own template that the list does not show
        means that the list came short, not that the VM is old.
        """
        if vm.root_template_id is not None:
            short = vm.root_template_id == vm.next_template_id and vm.root_template_id not in self.listed
            return True if vm.root_template_id in self.ids else None if short else False
        if vm.built_from is not None and self.version is not None:
            return vm.built_from == self.version
        if new:
            return None if vm.next_template_id not in self.listed else vm.next_template_id in self.ids
        begun, registered = moment(vm.created), moment(self.created)
        return False if begun is not None and registered is not None and begun < registered else None


Key = tuple[str, "str | None", bool]  # zone, hypervisor, whether it is for routers
Templates = Mapping[Key, NewTemplate]


def new_templates(cloud: Cloud) -> Templates:
    """For each zone, hypervisor and sort of VM that units are of, the template that a new one would get."""
    alike = {(unit.zone_id, unit.hypervisor, unit.kind.is_router): unit for unit in cloud.units}
    keys = {
        (zone_id, hypervisor, for_routers)
        for (zone_id, own, for_routers), unit in alike.items()
        for hypervisor in {own, *hypervisors_for(cloud, unit)}
    }
    return {key: new_template(cloud, *key) for key in keys}


def new_template(cloud: Cloud, zone_id: str, hypervisor: str | None, for_routers: bool) -> NewTemplate:
    """What the server would take there."""
    zone = cloud.zone(zone_id)
    where = f"zone {zone.name if zone else zone_id}"
    in_zone = [row for row in cloud.templates if row.zone_id == zone_id]
    rows = [row for row in in_zone if row.hypervisor == hypervisor]
    if for_routers:
        found = _for_routers(rows, zone, where, hypervisor)
    else:
        found = _for_system_vms(rows, _architectures(cloud, zone_id, hypervisor), where, hypervisor)
        if not found.problem and not TEMPLATES_BY_ARCHITECTURE.holds(cloud.version):
            found = replace(found, problem=_held_up_by_another_hypervisor(cloud.templates, zone_id, where))
    return replace(
        found,
        created=min((row.created or "" for row in in_zone if row.id in found.ids), default=""),
        listed=frozenset(row.id for row in in_zone),
        unlisted=not rows and not SYSTEM_TEMPLATES_OF_LATER_ZONES.holds(cloud.version),
    )


def _held_up_by_another_hypervisor(templates: Iterable[Template], zone_id: str, where: str) -> str:
    """Older servers make no SSVM and CPVM in a zone that lacks the newest SYSTEM template, of whichever hypervisor."""
    system = [row for row in templates if row.type == "SYSTEM"]
    newest = _newest(system)
    if any(row.id == newest.id and row.zone_id == zone_id for row in system):
        return ""
    return (
        f"the newest SYSTEM template of all, {newest.name!r} for {newest.hypervisor}, is not in {where}; this server "
        "makes no SSVM or CPVM in a zone that lacks it"
    )


def hypervisors_for(cloud: Cloud, unit: Unit) -> tuple[str, ...]:
    """The hypervisors of which the server picks one for a new VM of the unit (ResourceManagerImpl).

    The default one where there is one and the zone has it; else any that the zone has, for a router on newer servers
    only such as have a host for it.
    """
    hosts = [host for host in cloud.hosts if host.zone_id == unit.zone_id and host.hypervisor not in NO_SYSTEM_VMS]
    there = {host.hypervisor for host in hosts if host.hypervisor}
    default = cloud.settings.values.get(DEFAULT_HYPERVISOR)
    if default and default in there:
        return (default,)
    if unit.kind in (Kind.NETWORK, Kind.VPC) and HYPERVISORS_IN_TURN.holds(cloud.version):
        there = {host.hypervisor for host in hosts if host.hypervisor and host.usable} or there
    return tuple(sorted(there)) or ((unit.hypervisor,) if unit.hypervisor else ())


def hypervisor_of(cloud: Cloud, unit: Unit) -> str | None:
    """That of its VMs; of stopped ones older servers do not tell it, then that of its zone if there is but one."""
    only = hypervisors_for(cloud, unit)
    return unit.hypervisor or (only[0] if len(only) == 1 else None)


def _for_routers(rows: Sequence[Template], zone: Zone | None, where: str, hypervisor: str | None) -> NewTemplate:
    setting = f"router.template.{(hypervisor or 'unknown').lower()}"
    name = zone.router_templates.get((hypervisor or "").lower()) if zone else None
    named = [row for row in rows if name in (None, row.name)]
    candidates = [row for row in named if row.type == "ROUTING"] or [row for row in named if row.type == "SYSTEM"]
    if not rows:
        return _none(name or "", f"{where} has no SYSTEM template for {hypervisor}")
    if not candidates:
        return _none(
            name or "", f"{setting} names {name!r}, but {where} has no SYSTEM or ROUTING template of that name"
        )
    chosen = _newest(candidates)
    same = [row for row in candidates if row.name == chosen.name]
    not_ready = not all(row.ready for row in same)
    return NewTemplate(
        chosen.name,
        frozenset(row.id for row in same),
        parse_version(chosen.name),
        f"the {chosen.type} template {chosen.name!r} is not ready in {where}" if not_ready else "",
        architectures=frozenset(row.arch for row in same),
    )


def _for_system_vms(
    rows: Sequence[Template], architectures: frozenset[str | None], where: str, hypervisor: str | None
) -> NewTemplate:
    system = [row for row in rows if row.type == "SYSTEM"]
    if not system:
        return _none("", f"{where} has no SYSTEM template for {hypervisor}")
    fitting = [row for row in system if row.arch is None or None in architectures or row.arch in architectures]
    if not fitting:
        listing = ", ".join(sorted(str(each) for each in architectures))
        return _none(_newest(system).name, f"{where} has no SYSTEM template for {hypervisor} on {listing}")
    newest, ready = _newest(fitting), [row for row in fitting if row.ready]
    if not ready:
        return _none(newest.name, f"the SYSTEM template {newest.name!r} is not ready in {where}")
    taken = [
        _newest([row for row in ready if row.arch == arch]) for arch in sorted({row.arch for row in ready}, key=str)
    ]
    chosen = _newest(taken)
    better = newest.name if newest.id not in {row.id for row in taken} else ""
    return NewTemplate(
        chosen.name,
        frozenset(row.id for row in taken),
        parse_version(chosen.name),
        better=better,
        architectures=frozenset(row.arch for row in taken),
    )


def _architectures(cloud: Cloud, zone_id: str, hypervisor: str | None) -> frozenset[str | None]:
    """Of the hosts; None stands for any, where a server before 4.20 does not tell."""
    hosts = [host for host in cloud.hosts if host.zone_id == zone_id and host.hypervisor == hypervisor]
    return frozenset(host.arch for host in hosts) or frozenset({None})


def _newest(rows: Iterable[Template]) -> Template:
    return max(rows, key=lambda row: (row.created or "", row.name))


def _none(name: str, problem: str) -> NewTemplate:
    return NewTemplate(name, frozenset(), parse_version(name), problem)
