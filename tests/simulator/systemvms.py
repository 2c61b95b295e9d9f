# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to SSVMs and CPVMs, and the scan that brings them back (reference 4.1 and 4.2)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from tests.simulator import alerts
from tests.simulator.entities import CPVM, SSVM, Agent, Interval, SystemVm, Zone
from tests.simulator.errors import INTERNAL, ApiError
from tests.simulator.expunging import describe, expunge
from tests.simulator.identity import scripts_checksum
from tests.simulator.jobs import SHUTDOWN_530
from tests.simulator.patching import refuse, strike, too_old_to_patch, unreachable
from tests.simulator.routers import start_vm
from tests.simulator.storage import takes_disk, takes_ssvm, uses_local
from tests.simulator.templates import for_new_systemvm
from tests.simulator.world import World

SCAN = "capacity scan"
REQUIRED = {SSVM: "enable.secstorage.vm", CPVM: "enable.consoleproxy.vm"}
"""The details of a zone that say whether it has such a VM (ZoneConfig)."""


SCRIPT_FAILED = {"KVM": "/root", "VMware": "/root", "XenServer": "", "Simulator": "patch-sysvms.sh exited with 1"}
"""All that a script which ends with 1 has printed: where it went with "cd -", which XenServer drops. The recorded
simulated hosts were told what to say."""
NO_PATCH = {
    "agent_lost": "SystemVM live patch failed due to: Resource [Host:{host}] is unreachable: Host {host}: Channel is "
    "closed",
    "no_answer": "Failed to patch systemVM {name} due to GetSystemVMVersionCmd failed due to "
    "com.cloud.utils.exception.CloudRuntimeException: GetSystemVMVersionCmd on 169.254.0.2 failed, message  ssh: "
    "connect to host 169.254.0.2 port 3922: Connection timed out",
}
"""What is said by the fault (AgentUnavailableException; LibvirtPatchSystemVmCommandWrapper)."""


async def patch(world: World, command: str, vm: SystemVm, forced: bool) -> str:
    """Live patch; returns the job's details."""
    if vm.state != "Running":
        raise ApiError(
            INTERNAL,
            f"Unable to patch SystemVM: VM instance {describe(vm, vm.state)} as it is not in Running "
            "state. Please destroy and recreate the SystemVM.",
        )
    if vm.host is not None and unreachable(vm):
        raise ApiError(
            INTERNAL,
            f"SystemVM live patch failed due to: Resource [Host:{vm.host.nr}] is unreachable: Host {vm.host.nr}: "
            f"Host with specified id is not in the right state: {vm.host.state}",
        )
    fault = strike(world, {"patch_answer", *NO_PATCH}, command, vm)
    refuse(world, vm, fault)
    if fault is not None:
        text = NO_PATCH[fault.kind].format(host=vm.host.nr if vm.host is not None else 0, name=vm.name)
        raise ApiError(INTERNAL, fault.options.get("text", text))
    package = world.package_of(vm.host, vm.hypervisor)
    if not forced and vm.software is not None and scripts_checksum(package) == scripts_checksum(vm.software):
        await world.timings.pause("patch", 0.2)
        return f"No change in the scripts checksum, not patching systemVM {vm.name}"
    fault = strike(world, {"patch_failure", "silent_patch_failure", "stale_scripts"}, command, vm)
    interval: Interval = [time.time(), None]
    vm.patches.append(interval)
    world.interrupted(vm, "patch")
    try:
        await world.timings.pause("patch")
    except asyncio.CancelledError:
        if world.patches_finish and fault is None:
            world.change(vm, software=package)
        raise
    finally:
        interval[1] = time.time()
    reason = SCRIPT_FAILED[vm.hypervisor] if too_old_to_patch(vm) else None
    if fault is not None and fault.kind == "patch_failure":
        reason = fault.options.get("text", SCRIPT_FAILED[vm.hypervisor])
    if reason is not None:
        raise ApiError(INTERNAL, f"Failed to patch systemVM {vm.name} due to {reason}")
    if fault is None:
        world.change(vm, software=package)
    alerts.follow(world, strike(world, {"alert"}, command, vm), vm)
    if vm.removed is None and vm.state == "Running":
        world.spawn(reconnect_agent(world, command, vm))
    return f"Successfully patched systemVM {vm.name} "


async def reconnect_agent(world: World, command: str, vm: SystemVm) -> None:
    """The agent restarts: only when it is back does the server learn its version."""
    if vm.agent is not None:
        world.change(vm, agent=replace(vm.agent, state="Disconnected", disconnected=world.now()))
    if strike(world, {"agent_never_up"}, command, vm) is not None:
        return
    await world.timings.pause("agent_reconnect")
    if vm.removed is not None or vm.state != "Running" or vm.software is None:
        return
    if vm.agent is None:
        world.change(vm, agent=Agent(vm.software, "Up", world.now()))
    else:
        world.change(vm, agent=replace(vm.agent, version=vm.software, state="Up"))


def lose_hosts(world: World, lost: float) -> None:
    """The server restarts: it knows its hosts only when their agents have connected again."""
    for host in world.hosts:
        if host.state == "Up":
            world.change(host, state="Disconnected", disconnected=lost)
            world.reconnecting.add(host)
    world.forget_all()


async def reconnect_hosts(world: World) -> None:
    await world.timings.pause("host_reconnect")
    for host in world.reconnecting:
        # Unless something else has happened to it.
        if host.state == "Disconnected":
            world.change(host, state="Up")
    world.reconnecting.clear()
    world.forget_all()


async def start(world: World, command: str, vm: SystemVm) -> None:
    await start_vm(world, command, vm)
    # Every start brings the software of the host (reference 4.6).
    world.change(vm, software=world.package_of(vm.host, vm.hypervisor))
    alerts.follow(world, strike(world, {"alert"}, command, vm), vm)
    world.spawn(reconnect_agent(world, command, vm))


async def start_on_request(world: World, command: str, vm: SystemVm) -> None:
    if vm.state == "Stopped":
        await start(world, command, vm)
    elif vm.state != "Running":
        if vm.type == CPVM:
            # The scan is starting it: all is well, yet this is an error.
            raise ApiError(INTERNAL, "Fail to start system vm")
        while vm.state == "Starting":
            await asyncio.sleep(0.02)


async def stop(world: World, vm: SystemVm) -> None:
    if world.breaks_off:
        raise ApiError(INTERNAL, SHUTDOWN_530)
    world.interrupted(vm, "restart")
    world.change(vm, state="Stopping")
    try:
        await world.timings.pause("stop")
    finally:
        if vm.removed is None:
            world.place(vm, None)
            agent = vm.agent and replace(vm.agent, state="Disconnected", disconnected=world.now())
            world.change(vm, state="Stopped", agent=agent)


async def reboot(world: World, command: str, vm: SystemVm, forced: bool) -> None:
    if vm.state != "Running":
        await start_on_request(world, command, vm)
    elif forced:
        await stop(world, vm)
        # The scan may have been faster.
        await start_on_request(world, command, vm)
    else:
        world.interrupted(vm, "restart")
        await world.timings.pause("stop", 0.2)
        version = vm.agent.version if vm.agent is not None else None
        if version is not None:
            world.spawn(reconnect_agent(world, command, vm))


async def destroy(world: World, vm: SystemVm) -> None:
    if vm.state == "Running":
        await stop(world, vm)
    await expunge(world, vm)


# -- the capacity scan


def new_systemvm(world: World, zone: Zone, type: str) -> SystemVm | None:
    """A new VM's row; None where the server cannot make one. The API shows no more of that than the missing VM."""
    if type == SSVM and not takes_ssvm(world, zone):
        return None
    hosts = [host for host in world.hosts if host.zone is zone and host.usable]
    possible = (t for t in for_new_systemvm(world, zone) if any(host.runs(t) for host in hosts))
    template = next(possible, None)
    local = uses_local(world, zone)
    if template is None or not world.is_ready(template, zone) or not takes_disk(world, zone, local):
        return None
    number = world.number("vm")
    name = f"{'v' if type == CPVM else 's'}-{number}-VM"
    vm = SystemVm(
        id=world.identify("vm", name),
        nr=number,
        name=name,
        zone=zone,
        hypervisor=template.hypervisor,
        state="Stopped",
        template=template,
        root=template,
        created=world.now(),
        placed=False,
        local=local,
        starts=0,
        type=type,
        public_ip=world.addresses.of_systemvm(number),
    )
    world.add(vm)
    return vm


async def scan_zone(world: World, zone: Zone, type: str) -> None:
    everywhere = [vm for vm in world.systemvms if vm.type == type]
    here = [vm for vm in everywhere if vm.zone is zone]
    in_transit = {"Stopping"} if type == SSVM else {"Starting", "Stopping"}
    if any(vm.state in in_transit for vm in everywhere):
        return
    if any(vm.state in ("Running", "Starting", "Migrating") for vm in here):
        return
    has_host = any(host.zone is zone and host.usable for host in world.hosts)
    if zone.allocation != "Enabled" or zone.type == "Edge" or not has_host:
        return
    stopped = next((vm for vm in here if vm.state == "Stopped"), None)
    if suspended(world, zone, type, stopped):
        return
    if stopped is not None and type == SSVM and not takes_ssvm(world, zone):
        return
    vm = stopped or new_systemvm(world, zone, type)
    if vm is None:
        return
    try:
        await start(world, SCAN, vm)
    except ApiError:
        world.remove(vm)


def suspended(world: World, zone: Zone, type: str, stopped: SystemVm | None) -> bool:
    """PremiumSecondaryStorageManagerImpl.scanPool, ConsoleProxyManagerImpl.canScan and .startProxy.

    Switched off, an SSVM is still made where there is none at all; a stopped one stays stopped.
    """
    if zone.details.get(REQUIRED[type], "true").lower() == "false":
        return True
    restarts = world.setting_is_true("consoleproxy.restart", zone)
    if type == CPVM:
        return not restarts or world.setting("consoleproxy.management.state") != "Auto"
    return stopped is not None and not (restarts and world.setting_is_true("system.vm.auto.reserve.capacity"))


async def scan(world: World, type: str) -> None:
    """One thread: the zones one after the other, each VM's start included."""
    while True:
        await world.timings.pause("scan_interval")
        for zone in world.zones:
            if type in zone.wants:
                await scan_zone(world, zone, type)
