# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates of system VMs: how they are named and registered, and which one a new VM is made from."""

from __future__ import annotations

from tests.simulator.entities import X86, Template, Zone
from tests.simulator.versions import ARCH_IN_NAMES, SCAN_BY_ARCH, within
from tests.simulator.world import World


def template_name(hypervisor: str, version: str, arch: str = X86) -> str:
    """As engine/schema/templateConfig.sh names them."""
    shows_arch = arch != X86 or within(version, ARCH_IN_NAMES.spans)
    return f"systemvm-{hypervisor.lower()}-{version}{'-' + arch if shows_arch else ''}"


def register(world: World, hypervisor: str, version: str, arch: str = X86, name: str | None = None) -> Template:
    """A new SYSTEM template, ready in all zones: its number is the highest of all."""
    name = name or template_name(hypervisor, version, arch)
    number = max((template.nr for template in world.templates), default=0) + 1
    template = Template(
        id=world.identify("template", name), nr=number, name=name, version=version, hypervisor=hypervisor, arch=arch
    )
    world.templates.append(world.add(template))
    return template


def newest(templates: list[Template]) -> Template | None:
    return max(templates, key=lambda template: template.nr, default=None)


def for_new_systemvm(world: World, zone: Zone) -> list[Template]:
    """What a new SSVM or CPVM may be made from, best first (VMTemplateDaoImpl.findSystemVMReadyTemplates).

    Of each architecture that the zone's hosts of the hypervisor have, the newest SYSTEM template that any zone has
    downloaded; the preferred architecture first. Before, the newest of any architecture, and none at all where the
    newest of any hypervisor is not downloaded in this zone (isZoneReady).
    """
    hypervisor = picked_hypervisor(world, zone)
    if not world.does(SCAN_BY_ARCH):
        every = newest([t for t in world.templates if t.type == "SYSTEM" and t.removed is None])
        own = newest([t for t in world.system_templates(hypervisor) if any(world.is_ready(t, z) for z in world.zones)])
        return [own] if own is not None and every is not None and world.is_ready(every, zone) else []
    preferred = world.setting("system.vm.preferred.architecture", zone)
    archs = {host.cluster.arch for host in world.hosts if host.zone is zone and host.hypervisor == hypervisor}
    downloaded = [t for t in world.system_templates(hypervisor) if any(world.is_ready(t, z) for z in world.zones)]
    best = (newest([template for template in downloaded if template.arch == arch]) for arch in archs)
    return sorted(filter(None, best), key=lambda template: (template.arch != preferred, template.nr))


def picked_hypervisor(world: World, zone: Zone) -> str:
    """ResourceManagerImpl.getAvailableHypervisor: system.vm.default.hypervisor, if the zone has it; or any."""
    default = world.setting("system.vm.default.hypervisor", zone)
    if any(cluster.zone is zone and cluster.hypervisor == default for cluster in world.clusters):
        return default
    return zone.picks or zone.hypervisor


def for_new_router(world: World, zone: Zone, hypervisor: str) -> Template | None:
    """What a new router or internal load balancer VM is made from (VMTemplateDaoImpl.findRoutingTemplates).

    The newest one that router.template.<hypervisor> names, ready or not and of any architecture: a ROUTING template,
    or else a SYSTEM one.
    """
    setting = f"router.template.{hypervisor.lower()}"
    name = world.setting(setting, zone) if world.settings.knows(setting) else None
    named = [
        template
        for template in world.templates
        if template.hypervisor == hypervisor and template.removed is None and name in (None, template.name)
    ]
    routing = newest([template for template in named if template.type == "ROUTING"])
    return routing or newest([template for template in named if template.type == "SYSTEM"])
