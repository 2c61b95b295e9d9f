# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which system VM template a recreated VM would get, and whether it can be used. Pure.

Routers take the template named by C(router.template.<hypervisor>) without asking whether it is ready; SSVM and CPVM
take the newest SYSTEM template of their hypervisor whatever that setting says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Cloud, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.versions import Version, parse_version


@dataclass(frozen=True)
class NewTemplate:
    """The template of one zone and hypervisor.

    :ivar ids: ids of the rows with its name (one per architecture).
    :ivar problem: why nothing may be recreated from it, empty when it can be used.
    """

    name: str
    ids: frozenset[str]
    version: Version | None
    problem: str = ""

    def carries(self, vm: Vm) -> bool:
        """Whether the VM was built from it: by its ROOT volume; where that is unknown, by the version inside it."""
        if vm.root_template_id is not None:
            return vm.root_template_id in self.ids
        return self.version is not None and vm.built_from == self.version


Templates = Mapping["tuple[str, str | None]", NewTemplate]


def new_templates(cloud: Cloud) -> Templates:
    """For each zone and hypervisor that units are in, the template they would get."""
    wanted = sorted({(unit.zone_id, unit.hypervisor or "") for unit in cloud.units})
    return {(zone, hypervisor or None): _new_template(cloud, zone, hypervisor or None) for zone, hypervisor in wanted}


def _new_template(cloud: Cloud, zone_id: str, hypervisor: str | None) -> NewTemplate:
    zone = next((zone for zone in cloud.zones if zone.id == zone_id), None)
    where = f"zone {zone.name if zone else zone_id}"
    setting = f"router.template.{(hypervisor or 'unknown').lower()}"
    rows = [row for row in cloud.templates if row.zone_id == zone_id and row.hypervisor == hypervisor]
    name = zone.router_templates.get((hypervisor or "").lower()) if zone else None
    if not rows:
        return NewTemplate(name or "", frozenset(), None, f"{where} has no SYSTEM template for {hypervisor}")
    newest = max(rows, key=lambda row: (row.created or "", row.name))
    name = name or newest.name
    named = [row for row in rows if row.name == name]
    template = NewTemplate(name, frozenset(row.id for row in named), parse_version(name))
    if not named:
        return replace(template, problem=f"{setting} names {name!r}, but {where} has no SYSTEM template of that name")
    not_ready = [row for row in named if not row.ready]
    if not_ready:
        return replace(template, problem=f"the SYSTEM template {name!r} is not ready in {where}")
    if newest.name != name and newest.arch in {row.arch for row in named}:
        return replace(
            template,
            problem=f"{setting} names {name!r}, but the newest SYSTEM template in {where} is {newest.name!r}, which "
            "new system VMs would take",
        )
    return template
