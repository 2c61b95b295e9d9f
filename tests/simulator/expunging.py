# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a VM goes: what was destroyed is listed until what it had is cleaned up."""

from __future__ import annotations

import json

from tests.simulator.entities import Vm
from tests.simulator.errors import INTERNAL, ApiError
from tests.simulator.patching import strike
from tests.simulator.world import EXPUNGING, World


def describe(vm: Vm, state: str) -> str:
    """How error texts name a VM."""
    return json.dumps(
        {"id": vm.nr, "instanceName": vm.name, "state": state, "type": vm.type_name, "uuid": vm.id},
        separators=(",", ":"),
    )


async def expunge(world: World, vm: Vm) -> None:
    """For a while, or for ever where its storage refuses (VirtualMachineManagerImpl.advanceExpunge)."""
    if vm.removed is not None:
        return
    stays = strike(world, {"stays_expunging"}, "expunge", vm) is not None
    if stays or world.timings.expunge:
        world.place(vm, None)
        world.change(vm, state=EXPUNGING)
        await world.timings.pause("expunge")
    if stays:
        raise ApiError(INTERNAL, f"Unable to expunge VM instance {describe(vm, EXPUNGING)}")
    if vm.removed is None:
        world.remove(vm)
