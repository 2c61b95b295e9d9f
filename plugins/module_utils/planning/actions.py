# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for one unit, in order: one list of stages per method. Each stage is one asynchronous job. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    Kind,
    Unit,
    UnitType,
    is_healthy_pair,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.impact import PATCH_S, RESTART_S, START_S
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method


class Gate(enum.Enum):
    """What must be true right before a stage is sent."""

    PAIR = "the pair is one PRIMARY and one BACKUP"
    IDLE = "no console is open"


@dataclass(frozen=True)
class Stage:
    """One asynchronous command.

    :ivar expected_s: for orientation and for the time limit; durations seen replace it while a rollout runs.
    :ivar weight: how many times the configured job timeout it may take (a pair is patched one after the other).
    :ivar shows: whether the VMs show that it was done.
    """

    command: str
    params: Mapping[str, Any]
    expected_s: float
    weight: int = 1
    gate: Gate | None = None
    shows: bool = True


def stages(unit: Unit, method: Method, forced: bool = False) -> tuple[Stage, ...]:
    """The stages of I(method) for I(unit).

    :param forced: patch a system VM although its scripts are the new ones.
    :raises ValueError: for a method that sends nothing, which is a caller's mistake.
    """
    if method is Method.LIVE_PATCH:
        return _live_patch(unit, forced)
    if method is Method.RESTART:
        return _restart(unit)
    if method is Method.RECREATE:
        return _recreate(unit)
    raise ValueError(f"{method.value} has no stages for {unit.label}")


def _live_patch(unit: Unit, forced: bool) -> tuple[Stage, ...]:
    if unit.type is UnitType.SYSTEM_VM:
        # Unforced by default: forced copies everything again and restarts the agent even when nothing changed.
        params = {"id": unit.id, "forced": True} if forced else {"id": unit.id}
        return (Stage("patchSystemVm", params, PATCH_S),)
    if unit.unfinished:
        return tuple(_plain_restart(tier) for tier in unit.unfinished)
    routers = len(unit.vms)
    first, *others = [tier.id for tier in unit.tiers] if unit.vpc else [unit.id]
    # restartVPC patches every router once per tier; through one tier each is patched once, and the other tiers only
    # need their rules applied again.
    return (
        Stage(
            "restartNetwork",
            {"id": first, "cleanup": False, "livepatch": True},
            routers * PATCH_S + RESTART_S,
            weight=routers,
        ),
        *(_plain_restart(tier) for tier in others),
    )


def _restart(unit: Unit) -> tuple[Stage, ...]:
    if unit.type is UnitType.SYSTEM_VM:
        # Stop and start in one job: a separate start would race with the server's capacity scan.
        return (Stage("rebootSystemVm", {"id": unit.id, "forced": True}, START_S, weight=2),)
    if unit.type is UnitType.INTERNAL_LB:
        return (
            Stage("stopInternalLoadBalancerVM", {"id": unit.id}, RESTART_S),
            Stage("startInternalLoadBalancerVM", {"id": unit.id}, START_S),
        )
    if unit.unfinished and all(vm.running for vm in unit.vms):
        return tuple(_plain_restart(tier) for tier in unit.unfinished)
    # One half after the other, the standby first; the second only once the pair is whole again.
    running = sorted((vm for vm in unit.vms if vm.running), key=lambda vm: vm.redundant_state == "PRIMARY")
    reboots = tuple(Stage("rebootRouter", {"id": vm.id}, START_S, weight=2, gate=_pair(unit)) for vm in running)
    if len(running) == len(unit.vms):
        return reboots
    first, *others = [tier.id for tier in unit.tiers] if unit.vpc else [unit.id]
    starting = Stage(
        "restartNetwork",
        {"id": first, "cleanup": False},
        len(unit.vms) * START_S + RESTART_S,
        weight=max(1, len(unit.vms)),
    )
    return (starting, *(_plain_restart(network) for network in others), *reboots)


def _recreate(unit: Unit) -> tuple[Stage, ...]:
    if unit.type is UnitType.SYSTEM_VM:
        gate = Gate.IDLE if unit.kind is Kind.CPVM else None
        return (Stage("destroySystemVm", {"id": unit.id}, RESTART_S, gate=gate),)
    if unit.type is UnitType.INTERNAL_LB:
        return (
            Stage("destroyRouter", {"id": unit.id}, RESTART_S),
            Stage("restartNetwork", {"id": unit.vms[0].network_id, "cleanup": False}, START_S + RESTART_S),
        )
    routers = 2 if unit.redundant else 1
    command = "restartVPC" if unit.vpc else "restartNetwork"
    tiers = max(1, len(unit.tiers))
    return (
        Stage(
            command,
            {"id": unit.id, "cleanup": True},
            routers * START_S + tiers * RESTART_S,
            weight=routers + tiers // 4,
            gate=_pair(unit),
        ),
    )


def _plain_restart(network_id: str) -> Stage:
    return Stage("restartNetwork", {"id": network_id, "cleanup": False}, RESTART_S, shows=False)


def _pair(unit: Unit) -> Gate | None:
    """A pair that was healthy when it was planned must be so when it is touched; one that was not was allowed."""
    return Gate.PAIR if unit.redundant and is_healthy_pair(unit.vms) else None
