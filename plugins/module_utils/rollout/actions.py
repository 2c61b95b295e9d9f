# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for one unit, in order: one list of stages per method. Each stage is one asynchronous job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, UnitType
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.impact import PATCH_S, RESTART_S, START_S
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method


@dataclass(frozen=True)
class Stage:
    """One asynchronous command.

    :ivar expected_s: for orientation and for the time limit; durations seen replace it while a rollout runs.
    :ivar weight: how many times the configured job timeout it may take (a pair is patched one after the other).
    """

    command: str
    params: Mapping[str, Any]
    expected_s: float
    weight: int = 1


def stages(unit: Unit, method: Method, forced: bool = False) -> tuple[Stage, ...]:
    """The stages of I(method) for I(unit).

    :raises ValueError: for a method that sends nothing, which is a caller's mistake.
    """
    if method is Method.LIVE_PATCH:
        return _live_patch(unit, forced)
    if method is Method.RESTART:
        return _restart(unit)
    raise ValueError(f"{method.value} has no stages for {unit.label}")


def _live_patch(unit: Unit, forced: bool) -> tuple[Stage, ...]:
    if unit.type is UnitType.SYSTEM_VM:
        # Unforced by default: forced copies everything again and restarts the agent even when nothing changed.
        params = {"id": unit.id, "forced": True} if forced else {"id": unit.id}
        return (Stage("patchSystemVm", params, PATCH_S),)
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
    networks = [tier.id for tier in unit.tiers] if unit.vpc else [unit.id]
    first, *others = networks
    starting = Stage(
        "restartNetwork",
        {"id": first, "cleanup": False},
        len(unit.vms) * START_S + RESTART_S,
        weight=max(1, len(unit.vms)),
    )
    return (starting, *(_plain_restart(network) for network in others))


def _plain_restart(network_id: str) -> Stage:
    return Stage("restartNetwork", {"id": network_id, "cleanup": False}, RESTART_S)
