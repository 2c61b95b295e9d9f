# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts on request: after a VM was patched or started."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.simulator.entities import CPVM, SystemVm, Vm
from tests.simulator.events import CONSOLE_PROXY, DOMAIN_ROUTER, SECONDARY_STORAGE
from tests.simulator.faults import Fault

if TYPE_CHECKING:
    from tests.simulator.world import World


def follow(world: World, fault: Fault | None, vm: Vm) -> None:
    if fault is not None:
        world.spawn(appear(world, fault, vm))


async def appear(world: World, fault: Fault, vm: Vm) -> None:
    await asyncio.sleep(fault.options.get("seconds", 0.0))
    default = DOMAIN_ROUTER
    if isinstance(vm, SystemVm):
        default = CONSOLE_PROXY if vm.type == CPVM else SECONDARY_STORAGE
    text = fault.options.get("text", "{name} is not as it should be")
    world.alerts.add(fault.options.get("type", default), text.replace("{name}", vm.name), world.now())
