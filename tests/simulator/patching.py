# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live patches of routers (reference 4.1 and 4.3)."""

from __future__ import annotations

import asyncio
import time

from tests.simulator import alerts, versions
from tests.simulator.entities import RESTARTABLE, Broken, Interval, Router, Vm
from tests.simulator.errors import INTERNAL, ApiError
from tests.simulator.faults import Fault
from tests.simulator.identity import parse_version, scripts_checksum
from tests.simulator.jobs import names_of
from tests.simulator.render_vms import scripts_version
from tests.simulator.versions import within
from tests.simulator.world import REAL, SIMULATED, World

OLDEST_PATCHABLE = (4, 14, 0, 0)
PATCHABLE_HYPERVISORS = ("KVM", "VMware", "XenServer", "Simulator")
NOT_PATCHED = {"silent_patch_failure", "agent_lost", "no_answer"}
"""Faults after which a router is as it was."""


def strike(world: World, kinds: set[str], command: str, vm: Vm) -> Fault | None:
    ids = {vm.id}
    if isinstance(vm, Router):
        ids |= {group.id for group in (vm.network, vm.vpc) if group is not None}
    return world.faults.take(kinds, command, names_of(vm), ids)


def too_old_to_patch(vm: Vm) -> bool:
    """Live patch needs a template of 4.14 or newer."""
    built_from = parse_version(vm.root.version)
    return built_from is not None and built_from < OLDEST_PATCHABLE


def refuse(world: World, vm: Vm, fault: Fault | None) -> None:
    """A host that answers something else than it was asked; the server stumbles over it, and so does a router's job.

    UnsupportedAnswer: it does not know the command. Answer: its agent threw (Agent.processRequest), as where it has no
    vms/cloud-scripts.tgz.
    """
    answer = "UnsupportedAnswer" if vm.hypervisor not in PATCHABLE_HYPERVISORS else None
    if fault is not None and fault.kind == "patch_answer":
        answer = fault.options.get("answer", "Answer")
    if answer is not None:
        package = "com.cloud.agent.api"
        raise ApiError(INTERNAL, f"class {package}.{answer} cannot be cast to class {package}.PatchSystemVmAnswer")


async def patch(world: World, command: str, router: Router) -> bool:
    """Live patch one router. Callers drop the result; whether they notice depends on takes_rules (trap 4)."""
    if router.state != "Running" or unreachable(router):
        return False
    fault = strike(world, {*NOT_PATCHED, "patch_answer", "stale_scripts"}, command, router)
    refuse(world, router, fault)
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
    failed = fault is not None and fault.kind in NOT_PATCHED
    if failed or router.removed is not None or router.state != "Running" or too_old_to_patch(router):
        return False
    # The new files come with empty configurations, whatever the networks had in them.
    served = {network for network in router.networks if network.state in RESTARTABLE}
    world.change(router, software=world.software, without_rules=served)
    if fault is None:
        package = world.package_of(router.host, router.hypervisor)
        # The server stores what was in it before where it cannot read what the script printed.
        known = router.inside == package or not garbled(world, router, package)
        stored = {"scripts": package, "scripts_checksum": None} if known else {}
        world.change(router, installed=package, **stored)
    return True


def garbled(world: World, router: Router, package: str) -> bool:
    """Whether the script prints more than "version:checksum" (LibvirtPatchSystemVmCommandWrapper and its like)."""
    if world.server.hosts != REAL:
        return False
    installs = versions.INSTALLS_PACKAGES.spans
    packages = within(package, installs) and not within(router.root.version, installs)
    return within(package, versions.KEYTOOL_PRINTS.spans) or (packages and not within(router.inside, installs))


def takes_rules(world: World, router: Router) -> bool:
    """Whether the server sends rules to it (NetworkHelperImpl.checkRouterVersion)."""
    if not world.setting_is_true("router.version.check"):
        return True
    minimum = parse_version(world.setting("minreq.sysvmtemplate.version", router.zone))
    have = parse_version(router.version or "")
    if have is None or minimum is None or have >= minimum:
        return have is not None
    if not world.does(versions.CHECKSUM_SUFFICES):
        return False
    # Its own package's checksum, whatever the host has.
    return world.server.hosts == SIMULATED or scripts_version(router) == scripts_checksum(world.server.version)


def strike_checks(world: World, command: str, router: Router) -> None:
    """What may have gone wrong with a patch or a start, and shows only when the server asks the next time."""
    fault = strike(world, {"pair_breaks"}, command, router) if router.redundant else None
    if fault is not None and router.unit is not None:
        router.unit.broken = Broken(fault.options.get("states", ["FAULT"]), time.time(), fault)
    alerts.follow(world, strike(world, {"alert"}, command, router), router)
    fault = strike(world, {"health_check_fails"}, command, router)
    if fault is not None:
        check = fault.options.get("check", "dhcp.service")
        router.failing_checks = {**router.failing_checks, check: fault.options.get("status", "FAILED")}
        world.unfetched[router] = time.time()
