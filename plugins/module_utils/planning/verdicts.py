# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done to each unit, and why: facts + matrix + exceptions -> one verdict per unit. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Kind, Unit, UnitType, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning import matrix
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method

# Hypervisors whose agent code does not know PatchSystemVmCommand.
NO_LIVE_PATCH_HYPERVISORS = frozenset({"Hyperv", "LXC", "Ovm", "Ovm3", "BareMetal", "External"})
SETTLING_STATES = frozenset({"Starting", "Stopping", "Migrating"})
ROUTER_PROVIDERS = frozenset({"VirtualRouter", "VpcVirtualRouter"})

WAY_OUT_RECREATE = "recreate it from the new template"


@dataclass(frozen=True)
class Verdict:
    """What happens to one unit.

    :ivar forbidden: VMs the matrix forbids to live patch, each with the reason: they fail the plan before it starts.
    """

    method: Method
    reason: str
    forbidden: tuple[tuple[Vm, str], ...] = field(default=())


@dataclass(frozen=True)
class Situation:
    """What a verdict needs beyond the unit itself: the target and what other routers tell."""

    target: Version
    old_scripts: frozenset[str] = frozenset()  # checksums of routers that run older software
    new_scripts: frozenset[str] = frozenset()  # checksums of routers known good

    @classmethod
    def of(cls, target: Version, vms: Iterable[Vm]) -> Situation:
        """Sort the checksums by whom most of their owners are: routers behind the target or routers at it."""
        told = [vm for vm in vms if vm.scripts and vm.software]
        behind = Counter(str(vm.scripts) for vm in told if vm.software != target)
        at_target = Counter(str(vm.scripts) for vm in told if vm.software == target)
        old = frozenset(scripts for scripts, count in behind.items() if count >= at_target[scripts])
        return cls(target, old, frozenset(at_target) - old)


def is_current(vm: Vm, situation: Situation) -> bool:
    """Whether the server's own report proves that this VM runs the target software.

    A router whose checksum equals that of a router with older software was not patched, whatever C(softwareversion)
    claims; an agent's version counts only while the agent is connected; of an internal LB VM the server keeps no
    software version, there its template or its checksum must be the new one.
    """
    if not vm.running:
        return False
    if not vm.is_router:
        return vm.agent_state == "Up" and vm.software == situation.target
    if vm.internal_lb and vm.software is None:
        return vm.built_from == situation.target or vm.scripts in situation.new_scripts
    return vm.software == situation.target and vm.scripts not in situation.old_scripts


def decide(unit: Unit, situation: Situation) -> Verdict:
    """The verdict for one unit under the policy C(auto)."""
    behind = [vm for vm in unit.vms if not is_current(vm, situation)]
    if not behind:
        return Verdict(Method.NONE, f"already runs {situation.target}")
    reason = _untouchable(unit) or _not_live_patchable(unit, behind)
    if reason:
        return Verdict(Method.SKIP, reason, _forbidden(unit, behind))
    forbidden = _forbidden(unit, behind)
    if forbidden:
        return Verdict(Method.SKIP, "; ".join(why for dummy, why in forbidden), forbidden)
    stopped = [vm for vm in behind if not vm.running]
    if stopped and len(stopped) == len(unit.vms):
        return Verdict(
            Method.RESTART,
            f"{_names(stopped)} {_is(stopped)} {stopped[0].state}; a restart of the network starts it with the "
            f"software {situation.target}",
        )
    return Verdict(Method.LIVE_PATCH, _live_patch_reason(behind, stopped, situation))


def _untouchable(unit: Unit) -> str | None:
    """Why no method may touch this unit now."""
    settling = [vm for vm in unit.vms if vm.state in SETTLING_STATES]
    if settling:
        return f"{_names(settling)} {_is(settling)} {settling[0].state}; run again when it has settled"
    if unit.type is UnitType.ORPHAN:
        return "its network or VPC no longer exists; destroy the router"
    if unit.network and not unit.network.restartable:
        return (
            f"the network is {unit.network.state}, only Implemented and Setup can be restarted; its router takes the "
            "new software when the network is used again"
        )
    if unit.network and unit.network.broadcast == "Lswitch":
        return "it is an SDN network (Lswitch), which cannot be restarted"
    if unit.network and unit.network.providers and not unit.network.providers & ROUTER_PROVIDERS:
        return f"its services come from {', '.join(sorted(unit.network.providers))}, not from the virtual router"
    if unit.vpc and unit.vpc.state != "Enabled":
        return f"the VPC is {unit.vpc.state}, only an Enabled VPC can be restarted"
    return None


def _not_live_patchable(unit: Unit, behind: list[Vm]) -> str | None:
    """Why a live patch would fail or do nothing, although recreation would help."""
    if unit.type is UnitType.INTERNAL_LB:
        return f"no API live patches an internal LB VM; {WAY_OUT_RECREATE}"
    if unit.hypervisor in NO_LIVE_PATCH_HYPERVISORS:
        return f"{unit.hypervisor} does not support live patching; {WAY_OUT_RECREATE}"
    if unit.vpc and not unit.vpc.tiers:
        return f"a live patch of a VPC without tiers succeeds and does nothing; {WAY_OUT_RECREATE}"
    if unit.vpc and not unit.tiers:
        return f"none of its tiers is Implemented, and a VPC is live patched through a tier; {WAY_OUT_RECREATE}"
    expected = 2 if unit.redundant else 1
    if unit.kind is Kind.ROUTER and len(unit.vms) > expected:
        return f"it has {len(unit.vms)} routers ({_names(unit.vms)}) where {expected} is expected; recreation cleans up"
    if unit.type is UnitType.SYSTEM_VM:
        vm = unit.vms[0]
        if not vm.running:
            return f"it is {vm.state} and a live patch needs it Running; {WAY_OUT_RECREATE}"
        if vm.agent_state != "Up":
            return (
                f"its agent is {vm.agent_state or 'not connected'}, so nothing could be proven; bring the agent Up or "
                f"{WAY_OUT_RECREATE}"
            )
    return None


def _forbidden(unit: Unit, behind: list[Vm]) -> tuple[tuple[Vm, str], ...]:
    found = []
    for vm in behind:
        why = _matrix_forbids(vm)
        if why:
            found.append((vm, why))
    return tuple(found)


def _matrix_forbids(vm: Vm) -> str | None:
    if vm.built_from is None:
        if (
            not vm.is_router
            and vm.agent_state == "Up"
            and vm.software
            and vm.software.release >= matrix.FIRST_OPENJDK_11
        ):
            return None  # its connected agent already runs on the newer OpenJDK
        return f"the version {vm.name} was built from is unknown, so it is never live patched; {WAY_OUT_RECREATE}"
    row = matrix.row_for(vm.built_from)
    if row.supported:
        return None
    return f"{vm.name} was built from {vm.built_from}: {row.comment}; {WAY_OUT_RECREATE}"


def _live_patch_reason(behind: list[Vm], stopped: list[Vm], situation: Situation) -> str:
    unproven = [vm for vm in behind if vm.running and vm.software == situation.target]
    old = [vm for vm in behind if vm.running and vm.software != situation.target]
    parts = []
    if old:
        parts.append(f"runs {', '.join(sorted({_runs(vm) for vm in old}))}")
    if unproven:
        parts.append(f"{_names(unproven)} claims {situation.target} but has the scripts of an older version")
    if stopped:
        parts.append(f"{_names(stopped)} {_is(stopped)} {stopped[0].state} and will be started")
    notes = {matrix.row_for(vm.built_from).comment for vm in behind if vm.built_from} - {""}
    return "; ".join([*parts, *sorted(notes)])


def _runs(vm: Vm) -> str:
    """Servers before 4.17 kept no software version of a router."""
    return str(vm.software) if vm.software else f"an unknown version (built from {vm.built_from})"


def _names(vms: Iterable[Vm]) -> str:
    return ", ".join(vm.name for vm in vms)


def _is(vms: list[Vm]) -> str:
    return "is" if len(vms) == 1 else "are"
