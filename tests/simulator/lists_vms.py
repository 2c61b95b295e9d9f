# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System VMs, routers and their volumes."""

from __future__ import annotations

from typing import Any

from tests.simulator import render_parts, render_vms
from tests.simulator.commands import Call, command, dump
from tests.simulator.entities import INTERNAL_LB, Network, OldDisk, Router, SystemVm, Vm, Vpc
from tests.simulator.identity import uuid_of
from tests.simulator.lists import OWNED


@command("listSystemVms", ids="systemvm router")
def list_systemvms(call: Call) -> str:
    vms = call.select(
        call.alive(call.world.systemvms, SystemVm),
        objects={"id": lambda vm: vm, "zoneid": lambda vm: vm.zone, "hostid": lambda vm: vm.host},
        values={
            "podid": lambda vm: vm.zone.pod_id,
            "name": lambda vm: vm.name,
            "state": lambda vm: vm.state,
            "systemvmtype": lambda vm: vm.type,
            "arch": lambda vm: vm.root.arch,
        },
        keyword=lambda vm: (vm.name, vm.state),
    )
    return call.entities("systemvm", vms)


@command("listRouters", ids="router systemvm")
def list_routers(call: Call) -> str:
    routers = routers_with(call, "VIRTUAL_ROUTER")
    if call.params.get("projectid") == "-1":
        # As recorded: what projects own comes first.
        routers.sort(key=lambda router: router.owner.project is None)
    return call.entities("router", routers)


@command("listInternalLoadBalancerVMs", ids="router systemvm", response="listinternallbvmsresponse")
def list_internal_lb_vms(call: Call) -> str:
    return call.entities("internalloadbalancervm", routers_with(call, INTERNAL_LB))


def routers_with(call: Call, role: str) -> list[Router]:
    network, vpc = call.objects.get("networkid"), call.objects.get("vpcid")
    pool: Any = call.world.routers
    if isinstance(network, Network):
        pool = [*network.all_routers, *network.ilbs, *call.world.expunging]
    elif isinstance(vpc, Vpc):
        pool = [*vpc.routers, *(ilb for tier in vpc.tiers for ilb in tier.ilbs), *call.world.expunging]
    version = call.params.get("version", "")
    return call.select(
        [
            router
            for router in call.alive(pool, Router)
            if router.role == role
            and (network is None or network in router.networks)
            and (not version or (router.version or "").startswith(version))
        ],
        objects={
            "id": lambda router: router,
            "vpcid": lambda router: router.vpc,
            "zoneid": lambda router: router.zone,
            "hostid": lambda router: router.host,
            "clusterid": lambda router: router.host.cluster if router.host is not None else None,
        },
        values={
            "podid": lambda router: router.zone.pod_id,
            "name": lambda router: router.name,
            "state": lambda router: router.state,
            "forvpc": lambda router: router.vpc is not None,
            "healthchecksfailed": lambda router: render_vms.health_checks_failed(call.world, router),
        },
        keyword=lambda router: (router.name, router.state, *(network.name for network in router.networks)),
        owner=lambda router: router.owner,
    )


@command("listVolumes")
def list_volumes(call: Call) -> str:
    """Only the ROOT volumes of system VMs exist here, and those that they had."""
    world = call.world
    vms: list[Vm] = []
    if call.flag("listsystemvms") and call.equals("type", "ROOT"):
        vms = call.select(
            world.vms.values(),
            objects={
                "virtualmachineid": lambda vm: vm,
                "zoneid": lambda vm: vm.zone,
                "hostid": lambda vm: vm.host,
            },
            values={"name": lambda vm: f"ROOT-{vm.nr}"},
            keyword=lambda vm: (f"ROOT-{vm.nr}", vm.name),
            owner=world.owner_of,
        )
        if call.params.get("projectid") == "-1":
            vms.sort(key=lambda vm: world.owner_of(vm).project is None)

    def text(row: tuple[Vm, OldDisk | None]) -> str:
        vm, old = row
        cached = vm.cache.get("volume") if old is None else None
        if cached is None:
            cached = dump(render_parts.drop_newer(world, "volume", render_vms.volume(world, vm, old)))
        if old is None:
            vm.cache["volume"] = cached
        return cached

    rows: list[tuple[Vm, OldDisk | None]] = [(vm, disk) for vm in vms for disk in (*vm.old_disks, None)]
    if "id" in call.params:
        rows = [row for row in rows if call.params["id"] == (row[0].volume_id if row[1] is None else row[1].id)]
    return call.texts("volume", rows, text)


@command("listConsoleSessions", f"{OWNED} id:uuid hostid:uuid activeonly:boolean startdate enddate")
def list_console_sessions(call: Call) -> str:
    sessions = [(vm, number) for vm in call.world.systemvms for number in range(vm.sessions)]
    return call.rows(
        "consolesession",
        sessions,
        lambda row: {
            "id": uuid_of("consolesession", f"{row[0].name}/{row[1]}"),
            "created": call.world.stamp(call.world.now() - 600),
            "account": "system",
            "consoleendpointcreatoraddress": "127.0.0.1",
            **({"hostid": row[0].host.id, "hostname": row[0].host.name} if row[0].host else {}),
        },
    )
