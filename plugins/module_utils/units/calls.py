# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for one unit, in order: the calls of each method. Each call is one asynchronous job. Pure.

Rules that have to be applied again are not among them: that follows from how these calls end.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, is_healthy_pair
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import PATCH_S, RESTART_S, START_S
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.known_defects import Effect, met_by

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


class Gate(enum.Enum):
    """What must be true right before a call is sent."""

    PAIR = "the pair is one PRIMARY and one BACKUP"
    IDLE = "no console is open"


@dataclass(frozen=True)
class Call:
    """One asynchronous command.

    :ivar expected_s: for orientation and for the time limit; durations seen replace it while a rollout runs.
    :ivar weight: how many times the configured job timeout it may take (a pair is patched one after the other).
    :ivar settles: the networks whose rules are applied when it succeeds.
    :ivar unsettles: the networks whose rules may be missing once it was sent.
    :ivar proves: whether the unit's VMs prove it; else the calls after it complete the work.
    """

    command: str
    params: Mapping[str, Any]
    purpose: Purpose
    expected_s: float
    weight: int = 1
    gate: Gate | None = None
    settles: tuple[str, ...] = ()
    unsettles: tuple[str, ...] = ()
    proves: bool = True

    @property
    def object_id(self) -> str:
        return str(self.params["id"])

    @property
    def job_class(self) -> str:
        return JOB_CLASSES[self.command]


def calls(
    unit: Unit, method: Method, *, forced: bool = False, current: Sequence[str] = (), server: Version | None = None
) -> tuple[Call, ...]:
    """The calls of a method for a unit; none for one that is only owed rules.

    :param forced: patch a system VM although its scripts are the new ones.
    :param current: ids of VMs that run the target already.
    :param server: its version, for what has to be done about its known defects.
    :raises ValueError: for a method that sends nothing, which is a caller's mistake.
    """
    if method is Method.LIVE_PATCH:
        planned = _live_patch(unit, forced, current)
    elif method is Method.RESTART:
        planned = _restart(unit)
    elif method is Method.RECREATE:
        planned = _recreate(unit)
    else:
        raise ValueError(f"{method.value} has no calls for {unit.label}")
    return _around_defects(unit, method, planned, server) if server else planned


def _around_defects(unit: Unit, method: Method, planned: tuple[Call, ...], server: Version) -> tuple[Call, ...]:
    """With the further calls that cure what the server is known to do wrong."""
    for defect in met_by(unit, method, server):
        if defect.effect is Effect.APPLY_RULES_AFTER:
            balanced = [tier.id for tier in unit.tiers if tier.has_load_balancer]
            planned = (*planned, *map(apply_rules, balanced[:1]))
    return planned


def patch_again(unit: Unit) -> Call:
    """The second live patch of a unit's routers, where the first has left their old checksum with the server."""
    return replace(_patch_routers(unit), purpose=Purpose.PATCH_AGAIN)


def apply_rules(network_id: str) -> Call:
    """Restart one network without cleanup: its rules are sent to its router again, nothing is renewed."""
    return Call(
        "restartNetwork",
        {"id": network_id, "cleanup": False},
        Purpose.APPLY_RULES,
        RESTART_S,
        settles=(network_id,),
        unsettles=(network_id,),
    )


def restart_vpc(vpc_id: str) -> Call:
    """Restart a VPC without cleanup: what the server has marked of it is applied again."""
    return Call("restartVPC", {"id": vpc_id, "cleanup": False}, Purpose.APPLY_RULES, RESTART_S)


def patch_system_vm(vm_id: str, *, forced: bool) -> Call:
    # Unforced by default: forced copies everything again and restarts the agent even when nothing changed.
    params = {"id": vm_id, "forced": True} if forced else {"id": vm_id}
    return Call("patchSystemVm", params, Purpose.FORCE_PATCH if forced else Purpose.PATCH, PATCH_S)


def _live_patch(unit: Unit, forced: bool, current: Sequence[str]) -> tuple[Call, ...]:
    if unit.kind.is_system_vm:
        return (patch_system_vm(unit.id, forced=forced),)
    if unit.owed:
        return ()
    surplus = tuple(
        Call("destroyRouter", {"id": vm.id}, Purpose.DESTROY_SURPLUS, RESTART_S, proves=False) for vm in unit.surplus
    )
    if surplus and all(vm.id in current for vm in unit.without(unit.surplus).vms):
        return surplus
    return (*surplus, _patch_routers(unit))


def _patch_routers(unit: Unit) -> Call:
    routers = len(unit.without(unit.surplus).vms)
    networks = unit.network_ids
    params: dict[str, Any] = {"id": networks[0] if networks else unit.id, "cleanup": False, "livepatch": True}
    # restartVPC patches every router once per tier; through one tier each is patched once. Only a VPC of whose tiers
    # none can be restarted is patched as a whole.
    command = "restartVPC" if unit.vpc and not networks else "restartNetwork"
    times = max(1, len(unit.vpc.tiers)) if unit.vpc and not networks else 1
    return Call(
        command,
        params,
        Purpose.PATCH,
        routers * times * PATCH_S + RESTART_S,
        weight=routers * times,
        settles=networks[:1],
        unsettles=networks,
    )


def _restart(unit: Unit) -> tuple[Call, ...]:
    if unit.kind.is_system_vm:
        # Stop and start in one job: a separate start would race with the server's capacity scan.
        return (Call("rebootSystemVm", {"id": unit.id, "forced": True}, Purpose.REBOOT, START_S, weight=2),)
    if unit.kind is Kind.INTERNAL_LB:
        # rebootRouter takes it as well (VirtualNetworkApplianceManagerImpl.rebootRouter asks for no role): one job that
        # cannot be interrupted between stop and start.
        if unit.vms[0].running:
            command, purpose, weight = "rebootRouter", Purpose.REBOOT, 2
        else:
            command, purpose, weight = "startInternalLoadBalancerVM", Purpose.START, 1
        networks = unit.network_ids
        return (Call(command, {"id": unit.id}, purpose, START_S, weight, settles=networks, unsettles=networks),)
    if unit.owed and all(vm.running for vm in unit.vms):
        return ()
    # One half after the other, the standby first; the second only once the pair is whole again.
    running = sorted((vm for vm in unit.vms if vm.running), key=lambda vm: vm.redundant_state == "PRIMARY")
    starts: list[Call] = []
    networks = unit.network_ids
    if len(running) < len(unit.vms) and networks:
        starts.append(
            Call(
                "restartNetwork",
                {"id": networks[0], "cleanup": False},
                Purpose.START,
                len(unit.vms) * START_S + RESTART_S,
                weight=len(unit.vms),
                settles=networks[:1],
                unsettles=networks,
                proves=not running,
            )
        )
    reboots = [
        Call(
            "rebootRouter",
            {"id": vm.id},
            Purpose.REBOOT,
            START_S,
            weight=2,
            gate=_pair(unit),
            settles=networks,
            unsettles=networks,
            proves=vm is running[-1],
        )
        for vm in running
    ]
    return (*starts, *reboots)


def _recreate(unit: Unit) -> tuple[Call, ...]:
    if unit.kind.is_system_vm:
        gate = Gate.IDLE if unit.kind is Kind.CPVM else None
        return (Call("destroySystemVm", {"id": unit.id}, Purpose.RECREATE, RESTART_S, gate=gate),)
    networks = unit.network_ids
    if unit.kind is Kind.INTERNAL_LB:
        return (
            Call("destroyRouter", {"id": unit.id}, Purpose.RECREATE, RESTART_S, unsettles=networks, proves=False),
            Call(
                "restartNetwork",
                {"id": unit.vms[0].network_id, "cleanup": False},
                Purpose.START,
                START_S + RESTART_S,
                settles=networks,
                unsettles=networks,
            ),
        )
    routers = 2 if unit.redundant else 1
    tiers = max(1, len(unit.tiers))
    return (
        Call(
            "restartVPC" if unit.vpc else "restartNetwork",
            {"id": unit.id, "cleanup": True},
            Purpose.RECREATE,
            routers * START_S + tiers * RESTART_S,
            weight=routers + tiers // 4,
            gate=_pair(unit),
            settles=networks,
            unsettles=networks,
        ),
    )


def _pair(unit: Unit) -> Gate | None:
    """A pair that was healthy when it was planned must be so when it is touched; one that was not was allowed."""
    return Gate.PAIR if unit.elects and is_healthy_pair(unit.vms) else None
