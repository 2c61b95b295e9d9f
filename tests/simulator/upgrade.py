# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade of the management server under a running estate.

What it does to the database is SystemVmTemplateRegistration's: it registers the new template for each hypervisor and
architecture that has a cluster (registerTemplatesForZone), or turns the one of that name into a SYSTEM template
(updateRegisteredTemplateDetails); writes router.template.<hypervisor> and minreq.sysvmtemplate.version; and lets
VMInstanceDaoImpl.updateSystemVmTemplateId point the row of every system VM of the hypervisor to it, whatever its
architecture. VMs, their ROOT volumes and the agents in them stay as they are.
"""

from __future__ import annotations

from typing import Any

from tests.simulator.identity import parse_version, template_version
from tests.simulator.templates import register, template_name
from tests.simulator.versions import MEMORY_RAISED, within
from tests.simulator.world import World

READINESS = ("ready", "not_ready", "none")
AGENTS_OF_THEIR_OWN = ("KVM", "LXC", "Ovm3")
"""Their hosts run an agent from a package. The others show the server's version (VmwareResource, CitrixResourceBase)
and get its files when it connects to them (CitrixResourceBase.setupServer)."""

WITHOUT_TEMPLATE = ("External", "Simulator")
"""What the server brings no template for."""


def check_upgrade(world: World, body: dict[str, Any]) -> None:
    """Raise ValueError if an upgrade with these options cannot be."""
    unknown = set(body) - {"version", "hosts", "templates", "zones", "down_seconds"}
    if unknown:
        raise ValueError(f"upgrade: unknown key {', '.join(sorted(unknown))}")
    if parse_version(str(body.get("version"))) is None:
        raise ValueError(f"upgrade: {body.get('version')!r} is no version")
    for zone, readiness in body.get("zones", {}).items():
        if zone not in {known.name for known in world.zones}:
            raise ValueError(f"upgrade: there is no zone {zone!r}")
        if readiness not in READINESS:
            raise ValueError(f"upgrade: zones.{zone} is one of {', '.join(READINESS)}, not {readiness!r}")


def upgrade(
    world: World, version: str, *, hosts: bool = False, templates: bool = True, zones: dict[str, str] | None = None
) -> None:
    """Make version the server's. zones tells where the new template is not "ready": "not_ready" or "none"."""
    if not world.does(MEMORY_RAISED) and within(version, MEMORY_RAISED.spans):
        world.offerings.raise_memory()
    world.server.version = version
    for server in world.management_servers:
        server.version = version
    for host in world.hosts:
        if hosts or host.hypervisor not in AGENTS_OF_THEIR_OWN:
            host.version = host.package = version
    if templates:
        register_templates(world, template_version(version), zones or {})
    # What routers show depends on the server's version, and on the setting.
    world.forget_all()


def register_templates(world: World, version: str, zones: dict[str, str]) -> None:
    in_use = dict.fromkeys((c.hypervisor, c.arch) for c in world.clusters if c.hypervisor not in WITHOUT_TEMPLATE)
    for hypervisor, arch in in_use:
        name = template_name(hypervisor, version, arch)
        template = next((t for t in world.templates if (t.name, t.arch) == (name, arch) and t.removed is None), None)
        if template is None:
            template = register(world, hypervisor, version, arch)
            template.not_ready = {zone for zone, readiness in zones.items() if readiness == "not_ready"}
            without = {zone for zone, readiness in zones.items() if readiness == "none"}
            if without:
                template.zones = {zone.name for zone in world.zones} - without
        template.type = "SYSTEM"
        world.settings.set(f"router.template.{hypervisor.lower()}", name)
        for vm in world.vms.values():
            if vm.hypervisor == hypervisor:
                world.change(vm, template=template)
    world.settings.set("minreq.sysvmtemplate.version", version)
