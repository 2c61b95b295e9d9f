# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which VMs of a plan get a new disk, where it will be made and from what. Pure.

A recreation makes a new VM. A start or a reboot makes a new disk as well, where the VM's template is no longer that of
its ROOT volume: after an upgrade of the management server it is the new one for all
(C(VirtualMachineManagerImpl.orchestrateStart)).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from ..cloud.infrastructure import Cloud, Offering
from ..cloud.model import Unit, Vm
from ..knowledge.versions import Version, parse_version
from ..knowledge.vocabulary import Kind, Method
from ..units.templates import DEBIAN_12, NewTemplate, hypervisor_of, hypervisors_for, new_template
from .verdicts import Verdict

DEBIAN_12_MEMORY_MIB = 512  # as stock offerings have since then (schema-41910to42000.sql)


@dataclass(frozen=True)
class NewDisk:
    """One that will be made.

    :ivar is_new: whether the VM is a new one too, beside or after the old one; else it is started again.
    :ivar hypervisor: one of those that the server may pick.
    """

    unit: Unit
    hypervisor: str | None
    template: NewTemplate
    offering: Offering  # that of the old VM
    is_new: bool

    @property
    def memory_mib(self) -> int:
        """0 where it is not known."""
        return self.offering.memory_mib

    @property
    def needed_memory_mib(self) -> int:
        """What the template needs to boot; 0 where nothing is known of it."""
        version = self.template.version
        return DEBIAN_12_MEMORY_MIB if version is not None and version.release >= DEBIAN_12 else 0


def new_disks(cloud: Cloud, verdicts: Sequence[tuple[Unit, Verdict]], *, fallback: bool = False) -> list[NewDisk]:
    """All new disks of a plan, one for each VM and hypervisor that it may get.

    :param fallback: whether what is live patched may be recreated.
    """
    found: list[NewDisk] = []
    template = cache(partial(new_template, cloud))
    for unit, verdict in verdicts:
        if verdict.method is Method.RECREATE or (fallback and verdict.method is Method.LIVE_PATCH):
            largest = max((_offering(cloud, vm) for vm in unit.vms), key=lambda one: one.memory_mib, default=Offering())
            found += [
                NewDisk(unit, hypervisor, template(unit.zone_id, hypervisor, unit.kind.is_router), largest, is_new=True)
                for hypervisor in hypervisors_for(cloud, unit) or (unit.hypervisor,)
            ]
        elif verdict.method in (Method.RESTART, Method.LIVE_PATCH):
            found += [
                NewDisk(unit, hypervisor_of(cloud, unit), _given(cloud, vm), _offering(cloud, vm), is_new=False)
                for vm in _started(unit, verdict.method)
                if vm.next_template_id and vm.root_template_id != vm.next_template_id
            ]
    return found


def _started(unit: Unit, method: Method) -> Iterable[Vm]:
    """The VMs that are stopped and started, or started, by the method."""
    stopped = [vm for vm in unit.vms if not vm.running and vm not in unit.surplus]
    if method is Method.LIVE_PATCH or (unit.owed and unit.kind is not Kind.INTERNAL_LB):
        return stopped
    return unit.vms


def _given(cloud: Cloud, vm: Vm) -> NewTemplate:
    """The template that the VM has already been given; it must be ready in its zone."""
    rows = [row for row in cloud.templates if row.id == vm.next_template_id]
    there = [row for row in rows if row.zone_id == vm.zone_id]
    name = rows[0].name if rows else str(vm.next_template_id)
    problem = ""
    if not there:
        problem = f"the template {name!r} that {vm.name} would be started from is not in zone {vm.zone}"
    elif not there[0].ready:
        problem = f"the template {name!r} that {vm.name} would be started from is not ready in zone {vm.zone}"
    version: Version | None = parse_version(name) if rows else None
    architectures = frozenset(row.arch for row in there)
    return NewTemplate(name, frozenset(row.id for row in there), version, problem, architectures=architectures)


def _offering(cloud: Cloud, vm: Vm) -> Offering:
    return cloud.offerings.get(vm.offering_id or "", Offering())
