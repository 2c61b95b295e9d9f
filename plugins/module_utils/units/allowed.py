# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be done to a unit at all: by the server, by the matrix, by hypervisor and known defects. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..cloud.model import Unit, Vm, vm_names
from ..knowledge import matrix
from ..knowledge.versions import Version
from ..knowledge.vocabulary import ROUTER_PROVIDERS, Kind, Method
from .baseline import Baseline

# Hypervisors whose agent code does not know PatchSystemVmCommand.
NO_LIVE_PATCH_HYPERVISORS = frozenset({"Hyperv", "LXC", "Ovm", "Ovm3", "BareMetal", "External"})
# Why an orphan is touched by no method, and what to do about it.
ORPHANED = "the server says that its network or VPC does not exist"
LOOK_AT_IT = "look at it before anything else: what it serves, and for whom"

Reason = tuple[str, str]  # a stable word and a message


def why_not_restartable(unit: Unit) -> Reason | None:
    """Why the server would not work on this unit, or nobody should let it."""
    network, vpc = unit.network, unit.vpc
    if unit.doubts:
        return "ListsContradict", f"the server's lists contradict each other: {'; '.join(unit.doubts)}"
    if unit.kind is Kind.ORPHAN:
        return "Orphan", f"{ORPHANED}; {LOOK_AT_IT}"
    if network and not network.restartable:
        return "WrongState", (
            f"the network is {network.state}, only Implemented and Setup can be restarted; its router takes the new "
            "software when the network is used again"
        )
    if network and network.broadcast == "Lswitch":
        return "SdnNetwork", "it is an SDN network (Lswitch), which cannot be restarted"
    if network and network.providers and not network.providers & ROUTER_PROVIDERS:
        return "OtherProvider", (
            f"its services come from {', '.join(sorted(network.providers))}, not from the virtual router"
        )
    if vpc and vpc.state != "Enabled":
        return "WrongState", f"the VPC is {vpc.state}, only an Enabled VPC can be restarted"
    return None


def why_not_live_patchable(unit: Unit, baseline: Baseline) -> str | None:
    """Why a live patch would fail or do nothing, although recreation helps."""
    if unit.hypervisor in NO_LIVE_PATCH_HYPERVISORS:
        return f"{unit.hypervisor} does not support live patching"
    if unit.vpc and not unit.vpc.tiers:
        return "a live patch of a VPC without tiers succeeds and does nothing"
    if avoided := baseline.avoids(unit, Method.LIVE_PATCH):
        return avoided
    broken = [vm for vm in unit.vms if vm.is_router and vm.state not in ("Running", "Stopped")]
    if broken:
        return f"{vm_names(broken)} {'is' if len(broken) == 1 else 'are'} {broken[0].state}"
    if unit.kind.is_system_vm and unit.vms and not unit.vms[0].running:
        return f"it is {unit.vms[0].state} and a live patch needs it Running"
    return None


def forbidden(vms: Iterable[Vm]) -> tuple[tuple[Vm, str], ...]:
    """Those that the matrix forbids to live patch, or of which nobody knows whether it does, and why."""
    return tuple((vm, why) for vm in vms if (why := _matrix_forbids(vm)))


def newest_origin(vm: Vm) -> Version | None:
    """The version a VM was built from, or what it is not newer than; None where nothing tells.

    The software of a connected agent is never older than the template, and needs the OpenJDK in it.
    """
    if vm.built_from is None and not vm.is_router and vm.agent_state == "Up":
        return vm.software
    return vm.built_from


def _matrix_forbids(vm: Vm) -> str | None:
    origin = newest_origin(vm)
    if origin is None and not vm.running:
        return None  # nothing to live patch; whatever is done to its unit gives it a known version
    if origin is None:
        return f"the version {vm.name} was built from is unknown, so it is never live patched"
    row = matrix.row_for(origin)
    if row.supported:
        return None  # of a server that cannot live patch at all a check says so
    return f"{vm.name} was built from {origin if vm.built_from else f'{origin} or older'}: {row.comment}"
