# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves at once, while a list is read."""

from __future__ import annotations

import time
from itertools import islice

from tests.simulator.entities import VIRTUAL_ROUTER
from tests.simulator.routers import new_router
from tests.simulator.world import World


def replace_first(world: World, number: int) -> None:
    """The routers that are listed first go and others come, at the end of the list: so many restarts with cleanup."""
    running = (router for router in world.routers if router.role == VIRTUAL_ROUTER and router.state == "Running")
    for old in list(islice(running, number)):
        if old.unit is None:
            continue
        new = new_router(world, old.unit, VIRTUAL_ROUTER)
        world.place(new, old.host)
        package = world.package_of(new.host, new.hypervisor)
        told = {"version": new.root.version, "software": world.software, "scripts": package, "starts": 1}
        world.change(new, state="Running", started=time.time(), redundantstate=old.redundantstate, **told)
        world.remove(old)
