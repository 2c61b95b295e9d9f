# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that change a unit. Each is one asynchronous job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..cloud.job_ids import Purpose
from ..cloud.model import Unit, Vm
from ..knowledge.vocabulary import Kind, Method
from .baseline import Baseline
from .expected import PATCH_S, RESTART_S, START_S
from .known_defects import Effect

# The short class names that the server gives to the jobs of these commands; an id may belong to another job.
JOB_CLASSES = {
    "destroyRouter": "DestroyRouterCmd",
    "destroySystemVm": "DestroySystemVmCmd",
    "patchSystemVm": "PatchSystemVMCmd",
    "rebootRouter": "RebootRouterCmd",
    "rebootSystemVm": "RebootSystemVmCmd",
    "restartNetwork": "RestartNetworkCmd",
    "restartVPC": "RestartVPCCmd",
    "startInternalLoadBalancerVM": "StartInternalLBVMCmd",
}


@dataclass(frozen=True)
class Call:
    """One asynchronous command.

    :ivar expected_s: for orientation and for the time limit; durations seen replace it while a rollout runs.
    :ivar weight: how many times the configured job timeout it may take (a pair is patched one after the other).
    :ivar settles: the networks whose rules are applied when it succeeds.
    :ivar unsettles: the networks whose rules may be missing once it was sent.
    """

    command: str
    params: Mapping[str, Any]
    purpose: Purpose
    expected_s: float
    weight: int = 1
    settles: tuple[str, ...] = ()
    unsettles: tuple[str, ...] = ()

    @property
    def object_id(self) -> str:
        return str(self.params["id"])

    @property
    def job_class(self) -> str:
        return JOB_CLASSES[self.command]

    @property
    def patches(self) -> bool:
        """Whether it is a live patch."""
        return self.purpose in (Purpose.PATCH, Purpose.FORCE_PATCH)

    @property
    def boots(self) -> bool:
        """Whether its job waits for a VM to boot; that of a destroyed system VM does not."""
        purposes = (Purpose.RECREATE, Purpose.START, Purpose.REBOOT)
        return self.purpose in purposes and not self.command.startswith("destroy")

    @property
    def destroys(self) -> bool:
        """Whether a VM goes with it."""
        return self.command.startswith("destroy") or self.params.get("cleanup") is True


def apply_rules(network_id: str) -> Call:
    """Restart one network without cleanup: its rules are sent to its router again, nothing is renewed."""
    networks = (network_id,)
    params = {"id": network_id, "cleanup": False}
    return Call("restartNetwork", params, Purpose.APPLY_RULES, RESTART_S, settles=networks, unsettles=networks)


def restart_vpc(vpc_id: str) -> Call:
    """Restart a VPC without cleanup: what the server has marked of it is applied again.

    The server clears its mark also where that fails, so it leaves something to be settled of its own.
    """
    params, own = {"id": vpc_id, "cleanup": False}, (vpc_id,)
    return Call("restartVPC", params, Purpose.APPLY_RULES, RESTART_S, settles=own, unsettles=own)


def patch(unit: Unit, *, forced: bool = False) -> Call:
    """Live patch a system VM, or all routers of a network or VPC.

    :param forced: a system VM although its scripts are the new ones: everything is copied again, its agent restarts.
    """
    if unit.kind.is_system_vm:
        params = {"id": unit.id, "forced": True} if forced else {"id": unit.id}
        return Call("patchSystemVm", params, Purpose.FORCE_PATCH if forced else Purpose.PATCH, PATCH_S)
    networks, routers = unit.network_ids, max(1, len(unit.without(unit.surplus).vms))
    # restartVPC patches every router once per tier; through one tier each is patched once. Only a VPC of whose tiers
    # none can be restarted is patched as a whole.
    whole = unit.vpc is not None and not networks
    times = max(1, len(unit.vpc.tiers)) if unit.vpc and whole else 1
    return Call(
        "restartVPC" if whole else "restartNetwork",
        {"id": networks[0] if networks else unit.id, "cleanup": False, "livepatch": True},
        Purpose.PATCH,
        routers * times * PATCH_S + RESTART_S,
        weight=routers * times,
        settles=networks[:1],
        unsettles=networks,
    )


def destroy_left_over(vm: Vm) -> Call:
    """Remove a stopped router that a failed recreation left beside those that run."""
    return Call("destroyRouter", {"id": vm.id}, Purpose.DESTROY_SURPLUS, RESTART_S)


def start(unit: Unit) -> Call:
    """Start what is stopped and deploy what is missing: a restart without cleanup does both."""
    networks, routers = unit.network_ids, max(1, len(unit.vms))
    if unit.redundant:
        routers = 2
    whole = unit.vpc is not None and not (networks and unit.vms)
    return Call(
        "restartVPC" if whole else "restartNetwork",
        {"id": unit.id if whole or not networks else networks[0], "cleanup": False},
        Purpose.START,
        routers * START_S + RESTART_S,
        weight=routers,
        settles=networks if whole else networks[:1],
        unsettles=networks,
    )


def reboot(unit: Unit, vm: Vm, baseline: Baseline | None = None) -> Call:
    """Stop and start one VM in one job: a separate start of a system VM would race with the server's capacity scan.

    :param baseline: for the server's known defects.
    """
    if unit.kind.is_system_vm:
        return Call("rebootSystemVm", {"id": vm.id, "forced": True}, Purpose.REBOOT, START_S, weight=2)
    networks = unit.network_ids
    return _around_defects(
        unit,
        Method.RESTART,
        Call("rebootRouter", {"id": vm.id}, Purpose.REBOOT, START_S, weight=2, settles=networks, unsettles=networks),
        baseline,
    )


def restart_internal_lb(unit: Unit) -> Call:
    """Stop and start an internal LB VM, or start a stopped one.

    rebootRouter takes it as well (VirtualNetworkApplianceManagerImpl.rebootRouter asks for no role).
    """
    vm, networks = unit.vms[0], unit.network_ids
    if vm.running:
        return Call("rebootRouter", {"id": vm.id}, Purpose.REBOOT, START_S, 2, settles=networks, unsettles=networks)
    params = {"id": vm.id}
    return Call("startInternalLoadBalancerVM", params, Purpose.START, START_S, settles=networks, unsettles=networks)


def recreate(unit: Unit, baseline: Baseline | None = None) -> Call:
    """Make the unit's VMs anew; an internal LB VM is only destroyed, and deployed by a start.

    :param baseline: for the server's known defects.
    """
    networks = unit.network_ids
    if unit.kind.is_system_vm:
        return Call("destroySystemVm", {"id": unit.id}, Purpose.RECREATE, RESTART_S)
    if unit.kind is Kind.INTERNAL_LB:
        return Call("destroyRouter", {"id": unit.id}, Purpose.RECREATE, RESTART_S, unsettles=networks)
    routers, tiers = 2 if unit.redundant else 1, max(1, len(unit.tiers))
    whole = Call(
        "restartVPC" if unit.vpc else "restartNetwork",
        {"id": unit.id, "cleanup": True},
        Purpose.RECREATE,
        routers * START_S + tiers * RESTART_S,
        weight=routers + tiers // 4,
        settles=networks,
        unsettles=networks,
    )
    return _around_defects(unit, Method.RECREATE, whole, baseline)


def _around_defects(unit: Unit, method: Method, call: Call, baseline: Baseline | None) -> Call:
    """Without the rules that the server is known not to send: they have to be applied afterwards."""
    met = baseline.defects(unit, method) if baseline else ()
    if not any(defect.effect is Effect.APPLY_RULES_AFTER for defect in met):
        return call
    balanced = [tier.id for tier in unit.tiers if tier.has_load_balancer][:1]  # which sends the rules of all tiers
    return replace(call, settles=tuple(network for network in call.settles if network not in balanced))


def commands_of(unit: Unit, method: Method) -> frozenset[str]:
    """Every command that a method may send for a unit, rules that have to be applied again included."""
    sent = {apply_rules(network_id).command for network_id in unit.network_ids}
    if unit.vpc:
        sent.add("restartVPC")
    if method is Method.RECREATE:
        sent.add(recreate(unit).command)
    elif unit.kind is Kind.INTERNAL_LB:
        sent.add(restart_internal_lb(unit).command)
    else:
        sent |= {destroy_left_over(vm).command for vm in unit.surplus}
        if method is Method.LIVE_PATCH:
            sent.add(patch(unit).command)
    if (method is Method.RECREATE and unit.per_pod) or (method is Method.RESTART and unit.kind is not Kind.INTERNAL_LB):
        sent |= {reboot(unit, vm).command for vm in unit.vms if vm.running}
    if unit.kind.is_router and unit.kind is not Kind.INTERNAL_LB:
        sent.add(start(unit).command)
    return frozenset(sent)
