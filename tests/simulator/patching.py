# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live patches of routers (reference 4.1 and 4.3)."""

from __future__ import annotations

import asyncio
import time

from tests.simulator import alerts
from tests.simulator.entities import RESTARTABLE, Broken, Interval, Router, Vm
from tests.simulator.errors import INTERNAL, ApiError
from tests.simulator.faults import Fault
from tests.simulator.identity import parse_version
from tests.simulator.jobs import names_of
from tests.simulator.world import World

OLDEST_PATCHABLE = (4, 14, 0, 0)
PATCHABLE_HYPERVISORS = ("KVM", "VMware", "XenServer", "Simulator")


def strike(world: World, kinds: set[str], command: str, vm: Vm) -> Fault | None:
    ids = {vm.id}
    if isinstance(vm, Router):
        ids |= {group.id for group in (vm.network, vm.vpc) if group is not None}
    return world.faults.take(kinds, command, names_of(vm), ids)


def too_old_to_patch(vm: Vm) -> bool:
    """Live patch needs a template of 4.14 or newer."""
    built_from = parse_version(vm.root.version)
    return built_from is not None and built_from < OLDEST_PATCHABLE


def refuse_unknown_command(vm: Vm) -> None:
    """Other hypervisors do not know the command to patch; the server stumbles over their answer."""
    if vm.hypervisor not in PATCHABLE_HYPERVISORS:
        package = "com.cloud.agent.api"
        raise ApiError(
            INTERNAL, f"class {package}.UnsupportedAnswer cannot be cast to class {package}.PatchSystemVmAnswer"
        )


async def patch(world: World, command: str, router: Router) -> bool:
    """Live patch one router. Callers drop the result: the job succeeds all the same (trap 4)."""
    if router.state != "Running" or unreachable(router):
        return False
    refuse_unknown_command(router)
    fault = strike(world, {"silent_patch_failure", "stale_scripts"}, command, router)
    interval: Interval = [time.time(), None]
    router.patches.append(interval)
    world.interrupted(router, "patch")
    try:
        await world.timings.pause("patch")
    except asyncio.CancelledError:
        if world.patches_finish:
            finish_patch(world, router, fault)
        raise
    finally:
        interval[1] = time.time()
    if not finish_patch(world, router, fault):
        return False
    strike_checks(world, command, router)
    death = strike(world, {"server_dies"}, command, router)
    if death is not None:
        world.die(death.options.get("down_seconds", 1.0))
        # Until it is cut off.
        await asyncio.Event().wait()
    return True


def unreachable(vm: Vm) -> bool:
    """Nothing can be sent to a VM whose host is not Up."""
    return vm.host is not None and vm.host.state != "Up"


def finish_patch(world: World, router: Router, fault: Fault | None) -> bool:
    silent = fault is not None and fault.kind == "silent_patch_failure"
    if silent or router.removed is not None or router.state != "Running" or too_old_to_patch(router):
        return False
    # The new files come with empty configurations, whatever the networks had in them.
    served = {network for network in router.networks if network.state in RESTARTABLE}
    world.change(router, software=world.software, without_rules=served)
    if fault is None:
        world.change(router, scripts=world.package_of(router.host, router.hypervisor), scripts_checksum=None)
    return True


def strike_checks(world: World, command: str, router: Router) -> None:
    """What may have gone wrong with a patch or a start, and shows only when the server asks the next time."""
    fault = strike(world, {"pair_breaks"}, command, router) if router.redundant else None
    if fault is not None and router.unit is not None:
        router.unit.broken = Broken(fault.options.get("states", ["FAULT"]), time.time(), fault)
    alerts.follow(world, strike(world, {"alert"}, command, router), router)
    fault = strike(world, {"health_check_fails"}, command, router)
    if fault is not None:
        check = fault.options.get("check", "dhcp.service")
        router.failing_checks = [*(name for name in router.failing_checks if name != check), check]
        world.unfetched[router] = time.time()
