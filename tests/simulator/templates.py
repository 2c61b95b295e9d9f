# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates of system VMs: how they are named and registered."""

from __future__ import annotations

from tests.simulator.identity import parse_version
from tests.simulator.world import X86, Template, World


def template_name(hypervisor: str, version: str, arch: str = X86) -> str:
    """As engine/schema/templateConfig.sh names them: the architecture stands in the name since 4.22."""
    numbers = parse_version(version)
    shows_arch = arch != X86 or (numbers is not None and numbers >= (4, 22, 0, 0))
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
