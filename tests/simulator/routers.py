# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to routers: restart, recreation, start and stop (reference 4 and 5)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from tests.simulator import versions
from tests.simulator.entities import INTERNAL_LB, RESTARTABLE, Host, Network, OldDisk, Router, Template, Vm, Vpc, Zone
from tests.simulator.errors import CAPACITY, INTERNAL, ApiError, ReturnedFalse, invalid
from tests.simulator.expunging import describe, expunge
from tests.simulator.jobs import SHUTDOWN_530
from tests.simulator.offerings import memory_needed
from tests.simulator.patching import patch, strike, strike_checks, takes_rules, unreachable
from tests.simulator.storage import private_ips_taken, takes_disk, takes_private_ip, uses_local
from tests.simulator.templates import for_new_router
from tests.simulator.world import SIMULATED, World

MOMENT = 0.2
"""The share of a start, a stop or a restart in which something is between two states."""
EXPENDABLE = ("Stopped", "Error", "Shutdown", "Unknown")


# -- start and stop


def choose_host(
    world: World, zone: Zone, template: Template, prefer: Host | None, avoid: Iterable[Host]
) -> Host | None:
    """A host that can run what was made from the template."""
    usable = [host for host in world.hosts if host.zone is zone and host.runs(template) and host.usable]
    if prefer in usable:
        return prefer
    avoided = set(avoid)
    return min(usable, key=lambda host: (host in avoided, host.vms, host.nr), default=None)


async def start_vm(world: World, command: str, vm: Vm) -> None:
    """Start it on a host; the disk is made anew when the VM's template is not the one it runs (reference 4.6)."""
    if world.breaks_off:
        raise ApiError(INTERNAL, SHUTDOWN_530)
    avoid = [r.host for r in siblings(vm) if r.host is not None]
    first = vm.software is None and (not isinstance(vm, Router) or vm.version is None)
    new_disk = first or vm.template is not vm.root or world.setting_is_true("recreate.systemvm.enabled")
    runs = vm.template if new_disk else vm.root
    host = choose_host(world, vm.zone, runs, vm.last_host, avoid)
    no_address = takes_private_ip(vm) and private_ips_taken(world, vm.zone) >= vm.zone.private_ips
    no_place = host is None or no_address or (new_disk and not takes_disk(world, vm.zone, vm.local))
    if host is None or no_place or strike(world, {"capacity_failure"}, command, vm) is not None:
        await world.timings.pause("capacity_failure")
        world.change(vm, state="Stopped")
        code = CAPACITY if isinstance(vm, Router) and vm.vpc is not None else INTERNAL
        raise ApiError(code, f"Unable to create a deployment for VM instance {describe(vm, 'Starting')}")
    world.change(vm, state="Starting", starts=vm.starts + 1)
    try:
        # As recorded: for a moment it is Starting nowhere.
        await world.timings.pause("start", MOMENT)
        world.place(vm, host)
        no_template = new_disk and not world.is_ready(vm.template, vm.zone)
        # It never boots, and the server gives up after several tries.
        no_boot = world.offering_of(vm)["memory"] < memory_needed(runs.version)
        if no_template or no_boot or strike(world, {"start_failure"}, command, vm) is not None:
            await world.timings.pause("start_failure")
            world.place(vm, None)
            world.change(vm, state="Stopped")
            short = json.dumps({"instanceName": vm.name, "uuid": vm.id}, separators=(",", ":"))
            raise ApiError(INTERNAL, f"Unable to orchestrate the start of VM instance {short}.")
        await world.timings.pause("start", 1 - MOMENT)
    except asyncio.CancelledError:
        world.place(vm, None)
        world.change(vm, state="Stopped")
        raise
    if new_disk:
        if not first and vm.hypervisor != "VMware" and not world.does(versions.OLD_DISKS_GO):
            vm.old_disks.append(OldDisk(vm.volume_id, vm.root))
        world.change(vm, root=vm.template, disk=vm.disk + (not first))
    world.change(vm, state="Running")


def siblings(vm: Vm) -> list[Router]:
    if not isinstance(vm, Router) or vm.unit is None:
        return []
    return [router for router in vm.unit.routers if router is not vm]


async def start(world: World, command: str, router: Router) -> None:
    await start_vm(world, command, router)
    package = world.package_of(router.host, router.hypervisor)
    world.change(
        router,
        version=router.root.version,
        software=router.software if router.role == INTERNAL_LB else world.software,
        scripts=package,
        scripts_checksum=None,
        installed=None,
        redundantstate_fixed=False,
        # A start comes with all rules.
        without_rules=set(),
        started=time.time(),
    )
    unit = router.unit
    if unit is not None and unit.broken is not None and unit.broken.fault not in world.faults.faults:
        unit.broken = None
    world.unfetched[router] = time.time()
    strike_checks(world, command, router)


async def stop(world: World, router: Router, share: float = 1.0) -> None:
    if world.breaks_off:
        raise ApiError(INTERNAL, SHUTDOWN_530)
    world.interrupted(router, "restart")
    world.change(router, state="Stopping")
    try:
        await world.timings.pause("stop", share)
    finally:
        if router.removed is None:
            world.place(router, None)
            # As recorded: what it was last said to be stays until the server asks it again.
            world.change(router, state="Stopped", without_rules=set())


async def destroy(world: World, router: Router) -> None:
    if router.state in ("Running", "Starting"):
        await stop(world, router, 1 - MOMENT)
        # As recorded: for a moment it is there and Stopped.
        await world.timings.pause("stop", MOMENT)
    await expunge(world, router)


async def reboot(world: World, command: str, router: Router) -> None:
    if router.state != "Running":
        raise ApiError(
            INTERNAL,
            f"Resource [DataCenter:{router.zone.nr}] is unreachable: "
            f"Unable to reboot domR, it is not in right state {router.state}",
        )
    await stop(world, router)
    await start(world, command, router)


# -- deployment


def new_router(world: World, unit: Network | Vpc, role: str, tier: Network | None = None) -> Router:
    """The row of a new router: Stopped, without a place or versions, until it is started."""
    template = for_new_router(world, unit.zone, unit.hypervisor)
    if template is None:
        raise ApiError(
            INTERNAL,
            f"Resource [DataCenter:{unit.zone.nr}] is unreachable: Can't find all necessary running routers!",
        )
    number = world.number("vm")
    name = f"{'b' if role == INTERNAL_LB else 'r'}-{number}-VM"
    router = Router(
        id=world.identify("vm", name),
        nr=number,
        name=name,
        zone=unit.zone,
        hypervisor=unit.hypervisor,
        state="Stopped",
        template=template,
        root=template,
        created=world.now(),
        placed=False,
        local=uses_local(world, unit.zone),
        starts=0,
        owner=unit.owner,
        role=role,
        network=tier if tier is not None else unit if isinstance(unit, Network) else None,
        vpc=unit if isinstance(unit, Vpc) else None,
        redundant=unit.redundant and role != INTERNAL_LB,
    )
    world.add(router)
    if role != INTERNAL_LB:
        unit.routers.append(router)
    elif tier is not None:
        tier.ilbs.append(router)
    return router


async def deploy(world: World, command: str, unit: Network | Vpc) -> Router:
    router = new_router(world, unit, "VIRTUAL_ROUTER")
    # As recorded: for a moment it is there and Stopped.
    await world.timings.pause("start", MOMENT)
    await start(world, command, router)
    return router


def wanted_routers(unit: Network | Vpc) -> int:
    if isinstance(unit, Network) and not unit.has_router_provider:
        return 0
    return 2 if unit.redundant else 1


async def implement(world: World, command: str, unit: Network | Vpc) -> None:
    """Start the routers that are stopped and deploy the ones that are missing."""
    async with unit.deployment:
        for router in list(unit.routers):
            if router.state == "Stopped" and router.removed is None:
                await start(world, command, router)
        while len(unit.routers) < wanted_routers(unit):
            await deploy(world, command, unit)


async def implement_internal_lb(world: World, command: str, tier: Network) -> None:
    if not tier.internal_lb or tier.vpc is None or tier.state not in RESTARTABLE:
        return
    if not tier.ilbs:
        new_router(world, tier.vpc, INTERNAL_LB, tier)
    for ilb in list(tier.ilbs):
        if ilb.state == "Stopped":
            await start(world, command, ilb)


# -- restart without cleanup


async def reapply(world: World, command: str, network: Network, livepatch: bool) -> bool:
    """restartNetwork without cleanup. A tier's restart deals with every router of the VPC."""
    if livepatch:
        more = [] if world.does(versions.TIER_PATCHES_VPC) else network.ilbs
        for router in [*network.all_routers, *more]:
            await patch(world, command, router)
    try:
        await implement(world, command, network.vpc or network)
        await implement_internal_lb(world, command, network)
    except ApiError:
        return False
    await world.timings.pause("restart")
    running = [router for router in network.all_routers if router.state == "Running"]
    told = all(takes_rules(world, router) and not unreachable(router) for router in running)
    if not told or rules_fail(world, command, network):
        return False
    for router in network.all_routers:
        world.change(router, without_rules=router.without_rules - {network})
    world.change(network, restartrequired=False)
    return True


def rules_fail(world: World, command: str, network: Network) -> bool:
    """One match of the fault for each time that a network's rules are applied, however many routers it has."""
    things = [network, *network.all_routers, *([network.vpc] if network.vpc is not None else [])]
    names, ids = {thing.name for thing in things}, {thing.id for thing in things}
    kinds = {"rules_fail"} if world.server.hosts == SIMULATED else {"rules_fail", "no_answer"}
    return world.faults.take(kinds, command, names, ids) is not None


# -- restart with cleanup


async def destroy_expendable(world: World, unit: Network | Vpc) -> list[Router]:
    """Step 1 of a rolling restart; returns the routers that stay for now."""
    everything = list(unit.routers)
    for router in everything:
        if router.state in EXPENDABLE:
            await destroy(world, router)
    running = [router for router in everything if router.state == "Running" and router.removed is None]
    if len(running) >= 2:
        backups = [router for router in running if router.redundantstate == "BACKUP"]
        # Without a BACKUP it is the last of all, which may be the PRIMARY or one that is gone already.
        expendable = backups[0] if backups else everything[-1]
        if expendable.removed is None:
            await destroy(world, expendable)
    return [router for router in running if router.removed is None]


def apply_rules(world: World, network: Network) -> None:
    """What a restart with cleanup of a network that is not redundant ends with: the new router is told its rules."""
    if not all(takes_rules(world, router) for router in network.routers if router.state == "Running"):
        raise ApiError(
            INTERNAL,
            f"Resource [DataCenter:{network.zone.nr}] is unreachable: Unable to apply network rules as a part of "
            f"network {network.nr} implement",
        )


async def rolling_restart(world: World, command: str, unit: Network | Vpc) -> None:
    old = await destroy_expendable(world, unit)
    async with unit.deployment:
        for router in list(unit.routers):
            if router.state == "Stopped" and router not in old:
                await destroy(world, router)
        # An overlapping restart may have put its new router here already.
        if wanted_routers(unit) and not any(r.state == "Running" and r not in old for r in unit.routers):
            await deploy(world, command, unit)
    if unit.redundant:
        await world.timings.pause("rvr_handover")
    else:
        await world.timings.pause("restart", MOMENT)
    for router in old:
        if router.removed is not None:
            raise ApiError(INTERNAL, f"Unable to find VM [{router.nr}].")
        if router.state == "Stopping":
            raise ApiError(INTERNAL, "Command failed due to Internal Server Error")
        await destroy(world, router)
    if unit.redundant:
        async with unit.deployment:
            while len(unit.routers) < wanted_routers(unit):
                await deploy(world, command, unit)
    else:
        await world.timings.pause("restart", 1 - MOMENT)
        if isinstance(unit, Network):
            apply_rules(world, unit)


async def renew(world: World, command: str, unit: Network | Vpc) -> None:
    """restartNetwork or restartVPC with cleanup."""
    broken = unit.broken
    if world.does(versions.ROLLING_RESTART) and world.setting_is_true("network.rolling.restart", unit.zone):
        await rolling_restart(world, command, unit)
    else:
        for router in list(unit.routers):
            await destroy(world, router)
        await implement(world, command, unit)
        await world.timings.pause("restart")
        if isinstance(unit, Network):
            apply_rules(world, unit)
    if any(router.state != "Running" for router in unit.routers):
        world.change(unit, restartrequired=True)
        raise ReturnedFalse(f"Failed to restart {'VPC' if isinstance(unit, Vpc) else 'network'}")
    if unit.broken is broken:
        # Unless the new pair broke, too.
        unit.broken = None
    world.change(unit, restartrequired=False)


# -- the two commands


@contextlib.contextmanager
def noted(unit: Network | Vpc, command: str, job_id: str) -> Iterator[dict[str, Any]]:
    """Write down how its last restart ended. One that the server's death cuts off did not succeed."""
    note: dict[str, Any] = {"job_id": job_id, "command": command, "succeeded": True}
    try:
        yield note
    except BaseException:
        note["succeeded"] = False
        raise
    finally:
        unit.last_restart = note | {"at": time.time()}


async def restart_network(
    world: World, command: str, network: Network, *, cleanup: bool, makeredundant: bool, livepatch: bool
) -> None:
    if network.removed is not None:
        raise ReturnedFalse("Failed to restart network")
    if network.state not in RESTARTABLE:
        raise invalid("Network is not in the right state to be restarted. Correct states are: Implemented, Setup")
    if makeredundant:
        if not network.redundant and world.does(versions.MAKEREDUNDANT):
            offering = json.loads(world.json(network))["networkofferingname"]
            raise invalid(f"Redundant router is not supported by the network offering {offering}")
        cleanup = True
    if cleanup and network.vpc is not None:
        raise invalid("Cannot restart a VPC tier with cleanup, please restart the whole VPC.")
    if cleanup:
        await renew(world, command, network)
    elif not await reapply(world, command, network, livepatch):
        raise ReturnedFalse("Failed to restart network")


async def restart_vpc(
    world: World, command: str, job_id: str, vpc: Vpc, *, cleanup: bool, makeredundant: bool, livepatch: bool
) -> None:
    if vpc.state != "Enabled":
        raise invalid("Unable to find Enabled VPC by id specified")
    if makeredundant:
        world.change(vpc, redundant=True)
        cleanup = True
    if cleanup:
        await renew(world, command, vpc)
        return
    for tier in vpc.tiers:
        if not livepatch and not tier.restartrequired:
            continue
        # One such tier makes the whole restart fail, or nobody looks at its state: the router is patched through a
        # tier that is Shutdown, too.
        if tier.state not in RESTARTABLE and not world.does(versions.TIER_PATCHES_VPC):
            raise invalid("Network is not in the right state to be restarted. Correct states are: Implemented, Setup")
        # The job does not care how it ends.
        with noted(tier, command, job_id) as note:
            note["succeeded"] = await reapply(world, command, tier, livepatch)
    await implement(world, command, vpc)
    world.change(vpc, restartrequired=False)
