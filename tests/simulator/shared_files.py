# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared file systems: made from the template of system VMs, but guests to the server. Nothing of it was recorded.

Their VMs are of type User: listVirtualMachines shows them with vmtype sharedfsvm (UserVmJoinDaoImpl), listSystemVms and
listRouters do not; an upgrade of the server leaves their templateid alone (VMInstanceDaoImpl). A restart with cleanup
restores the VM from the template that its ROOT volume has, which may be an old one
(StorageVmSharedFSLifeCycle.reDeploySharedFS, UserVmManagerImpl.restoreVirtualMachine).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.simulator import render_parts
from tests.simulator.commands import Call, command, dump
from tests.simulator.entities import Entity, Host, Network, Owner, Template, Zone
from tests.simulator.errors import invalid
from tests.simulator.identity import uuid_of
from tests.simulator.jobs import EventPlan, Job, JobResult
from tests.simulator.lists import OWNED
from tests.simulator.world import World

GIB = 1 << 30
RESTARTABLE = ("Ready", "Stopped")


@dataclass(eq=False, kw_only=True)
class SharedFileSystem(Entity):
    kind = "sharedfs"
    zone: Zone
    owner: Owner
    template: Template
    """What its VM is made from."""
    network: Network | None = None
    host: Host | None = None
    state: str = "Ready"
    restarts: int = 0

    @property
    def vm_id(self) -> str:
        return uuid_of("vm", self.vm_name)

    @property
    def vm_name(self) -> str:
        return f"{self.name}-{self.id[:8]}"

    @property
    def vm_state(self) -> str:
        return "Running" if self.state == "Ready" else self.state


def nics(each: SharedFileSystem) -> list[dict[str, Any]]:
    network = each.network
    if network is None:
        return []
    address = network.cidr.split("/")[0].rsplit(".", 1)[0] + f".{100 + each.nr % 100}"
    return [
        {
            "id": uuid_of("nic", each.vm_id),
            "networkid": network.id,
            "networkname": network.name,
            "ipaddress": address,
        }
    ]


def shared_file_system(world: World, each: SharedFileSystem) -> dict[str, Any]:
    """SharedFSJoinDaoImpl.newSharedFSResponse; domain is the path as the database has it, as there."""
    owner = render_parts.owner_fields(world, each.owner)
    owner.pop("domainpath")
    return {
        "id": each.id,
        "name": each.name,
        "description": each.name,
        **render_parts.zone_fields(each.zone),
        "virtualmachineid": each.vm_id,
        "vmstate": each.vm_state,
        "volumename": f"DATA-{each.nr}",
        "volumeid": uuid_of("volume", each.vm_name),
        "storage": f"{each.zone.name}-ps0",
        "storageid": uuid_of("storagepool", each.zone.name),
        "size": 10 * GIB,
        "sizegb": "(10.00 GB) 10737418240",
        "diskofferingid": uuid_of("diskoffering", "Custom"),
        "diskofferingname": "Custom",
        "iscustomdiskoffering": True,
        "diskofferingdisplaytext": "Custom Disk",
        "serviceofferingid": uuid_of("serviceoffering", "Medium Instance"),
        "serviceofferingname": "Medium Instance",
        "nic": nics(each),
        "path": "/export",
        "state": each.state,
        "provider": "SHAREDFSVM",
        "filesystem": "XFS",
        **owner | {"domain": f"{each.owner.path.removeprefix('ROOT')}/"},
        "provisioningtype": "thin",
    }


def virtual_machine(world: World, each: SharedFileSystem) -> dict[str, Any]:
    """UserVmJoinDaoImpl.newUserVmResponse, in part."""
    shown: dict[str, Any] = {
        "id": each.vm_id,
        "name": each.vm_name,
        "displayname": each.vm_name,
        **render_parts.owner_fields(world, each.owner),
        "created": world.stamp(each.born),
        "state": each.vm_state,
        "haenable": False,
        **render_parts.zone_fields(each.zone),
    }
    if each.host is not None:
        shown |= {"hostid": each.host.id, "hostname": each.host.name}
    return shown | {
        "templateid": each.template.id,
        "templatename": each.template.name,
        "templatedisplaytext": each.template.name,
        "templatetype": each.template.type,
        "serviceofferingid": uuid_of("serviceoffering", "Medium Instance"),
        "serviceofferingname": "Medium Instance",
        "nic": nics(each),
        "hypervisor": each.template.hypervisor,
        "vmtype": "sharedfsvm",
        "arch": each.template.arch,
    }


@command(
    "listSharedFileSystems",
    f"{OWNED} id:uuid name zoneid:uuid networkid:uuid diskofferingid:uuid serviceofferingid:uuid",
    ids="sharedfs",
)
def list_shared_file_systems(call: Call) -> str:
    chosen = call.select(
        call.world.shared_file_systems,
        objects={
            "id": lambda each: each,
            "zoneid": lambda each: each.zone,
            "networkid": lambda each: each.network,
        },
        values={"name": lambda each: each.name},
        keyword=lambda each: [each.name],
        owner=lambda each: each.owner,
    )
    return call.rows("sharedfs", chosen, lambda each: shared_file_system(call.world, each))


@command(
    "listVirtualMachines", f"{OWNED} id:uuid name zoneid:uuid hostid:uuid state hypervisor templateid networkid:uuid"
)
def list_virtual_machines(call: Call) -> str:
    """There are no other guests."""
    chosen = call.select(
        call.world.shared_file_systems,
        objects={
            "zoneid": lambda each: each.zone,
            "hostid": lambda each: each.host,
            "networkid": lambda each: each.network,
        },
        values={
            "id": lambda each: each.vm_id,
            "name": lambda each: each.vm_name,
            "state": lambda each: each.vm_state,
            "hypervisor": lambda each: each.template.hypervisor,
            "templateid": lambda each: each.template.id,
        },
        keyword=lambda each: [each.vm_name],
        owner=lambda each: each.owner,
    )
    return call.rows("virtualmachine", chosen, lambda each: virtual_machine(call.world, each))


@command("restartSharedFileSystem", "id!:uuid cleanup:boolean", ids="sharedfs", mutating=True, isasync=True)
def restart_shared_file_system(call: Call) -> str:
    """SharedFSServiceImpl.restartSharedFS: with cleanup or without, the template is the old one."""
    world = call.world
    each = call.objects["id"]
    assert isinstance(each, SharedFileSystem)

    async def work(job: Job) -> JobResult:
        if each.state not in RESTARTABLE:
            raise invalid(
                "Restart Shared FileSystem can be done only if the shared filesystem is in [Ready, Stopped] states"
            )
        for state, timing in (("Stopping", "stop"), ("Starting", "start")):
            world.change(each, state=state)
            await world.timings.pause(timing)
        world.change(each, state="Ready", restarts=each.restarts + 1)
        return {"sharedfs": shared_file_system(call.world, each)}

    plan = EventPlan(
        "SHAREDFS.RESTART",
        f"Restarting Shared FileSystem {each.nr}",
        world.caller,
        (each.id, "SharedFS", each.name),
    )
    job = call.jobs.submit(
        call.command.name,
        "org.apache.cloudstack.api.command.user.storage.sharedfs.RestartSharedFSCmd",
        work,
        target=each,
        plan=plan,
        custom_id=call.custom_job_id,
    )
    return dump({"jobid": job.id})
