# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server finds out about routers by asking them from time to time: redundant states and health checks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from tests.simulator import versions
from tests.simulator.entities import RESTARTABLE, Health, Network, Router, Vpc
from tests.simulator.errors import ApiError
from tests.simulator.events import DOMAIN_ROUTER
from tests.simulator.patching import unreachable
from tests.simulator.routers import renew
from tests.simulator.versions import within
from tests.simulator.world import World

BASIC = ("connectivity.test", "filesystem.writable.test")
RUN = ("dhcp.service", "dns_check.py")
UNSUPPORTED = (
    "Unsupported command issued: com.cloud.agent.api.routing.GetRouterMonitorResultsCommand.  Are you sure you got "
    "the right type of server?"
)

# -- redundant pairs


def check_redundant_states(world: World) -> None:
    """A router that has just started is UNKNOWN until the server asks it for the first time."""
    if world.setting("router.check.interval") == "0":
        return
    asked_before = time.time() - world.timings.router_check_interval
    units: list[Network | Vpc] = [*world.networks, *world.vpcs]
    for unit in units:
        if not unit.redundant or not unit.routers or any(router.redundantstate_fixed for router in unit.routers):
            continue
        for router, state in true_states(unit, asked_before).items():
            shown = "UNKNOWN" if unreachable(router) else state
            if router.redundantstate != shown and router.started <= asked_before:
                if shown == "PRIMARY":
                    text = f"Redundant virtual router {router.name} just switch from {router.redundantstate} to {shown}"
                    world.alerts.add(DOMAIN_ROUTER, text, world.now())
                world.change(router, redundantstate=shown)


def true_states(unit: Network | Vpc, asked_before: float) -> dict[Router, str]:
    """What the running routers say themselves; of a pair that has just broken, what they said before."""
    running = [router for router in unit.routers if router.state == "Running"]
    if isinstance(unit, Vpc) and not any(tier.state in RESTARTABLE for tier in unit.tiers):
        # They agree in the guest networks, and there are none.
        return dict.fromkeys(running, "UNKNOWN")
    if unit.broken is not None:
        if unit.broken.since > asked_before:
            return {}
        states = unit.broken.states
        return {router: states[min(index, len(states) - 1)] for index, router in enumerate(running)}
    if unit.primary not in running:
        unit.primary = next((r for r in running if r.redundantstate == "PRIMARY"), running[0] if running else None)
    return {router: "PRIMARY" if router is unit.primary else "BACKUP" for router in running}


async def watch_redundant_states(world: World) -> None:
    share = 1.0
    while True:
        # The first round comes a whole interval after the server's start, when its hosts are back.
        await world.timings.pause("router_check_interval", share)
        check_redundant_states(world)
        share = 0.2


# -- health checks


async def watch_health(world: World) -> None:
    while True:
        await asyncio.sleep(min(0.2 * world.timings.health_fetch, 0.5))
        before = time.time() - world.timings.health_fetch
        for router, since in list(world.unfetched.items()):
            if since <= before:
                fetch(world, router)


def can_be_asked(router: Router) -> bool:
    return router.state == "Running" and router.removed is None and not unreachable(router)


def monitors(router: Router) -> bool:
    """Whether its own checks run at all; else the results of before the patch are what it tells for ever."""
    new_python = within(router.root.version, versions.INSTALLS_PACKAGES.spans)
    return new_python or not within(router.inside, versions.NEEDS_NEW_PYTHON.spans)


def fetch(world: World, router: Router) -> None:
    """The server reads the results, and acts on the failing ones."""
    world.unfetched.pop(router, None)
    if not can_be_asked(router):
        return
    old, now = router.health, world.now()
    if monitors(router):
        health = Health(dict(router.failing_checks), now, now, router.inside)
    elif old is not None:
        health = replace(old, at=now)
    else:
        health = Health({}, now, None, None)
    world.change(router, health=health)
    failing = health.failing
    if not failing:
        return
    named = f"{router.name} / {router.id}"
    world.alerts.add(
        DOMAIN_ROUTER, f"Health checks failed: {len(failing)} failing checks on router {named}", world.now()
    )
    note(world, router, f"Router {named} has failing checks: {', '.join(failing)}")
    recreating = world.setting("router.health.checks.failures.to.recreate.vr", router.zone)
    if router.unit is not None and any(name in recreating for name in failing):
        what = "VPC" if isinstance(router.unit, Vpc) else "network"
        note(world, router, f"Recreating router {router.id} by restarting {what} {router.unit.id}")
        world.spawn(recreate(world, router.unit))


def note(world: World, router: Router, text: str) -> None:
    world.events.add("ROUTER.HEALTH.CHECKS", "Completed", text, world.system_owner, world.now(), username="system")


async def recreate(world: World, unit: Network | Vpc) -> None:
    try:
        await renew(world, "health checks", unit)
    except ApiError:
        # The server logs it, and that is all.
        return
