# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that change something."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.simulator import render_parts, render_vms, routers, systemvms
from tests.simulator.commands import Call, command, dump
from tests.simulator.entities import CPVM, INTERNAL_LB, VIRTUAL_ROUTER, Network, Router, SystemVm, Vm, Vpc
from tests.simulator.errors import PARAMETER, ApiError, invalid
from tests.simulator.identity import parse_version
from tests.simulator.jobs import EventPlan, Job, JobResult
from tests.simulator.patching import strike
from tests.simulator.plans import patch_of_systemvm, restart_of_network, restart_of_vpc

JAVA = "org.apache.cloudstack.api.command"
SUCCESS: JobResult = {"success": True}


def answer(job: Job) -> str:
    return dump({"jobid": job.id})


# -- restart


@command("restartNetwork", ids="network", mutating=True)
def restart_network(call: Call) -> str:
    found = call.objects["id"]
    if not isinstance(found, Network) or found.removed is not None:
        raise invalid(f"Networkd ID={found.nr} doesn't exist")
    network = found

    async def work(job: Job) -> JobResult:
        vanish(call, network, "before")
        with routers.noted(network, job.command, job.id):
            await routers.restart_network(
                call.world,
                job.command,
                network,
                cleanup=call.flag("cleanup"),
                makeredundant=call.flag("makeredundant"),
                livepatch=call.flag("livepatch"),
            )
        vanish(call, network, "after")
        return SUCCESS

    return answer(
        call.jobs.submit(
            call.command.name,
            f"{JAVA}.user.network.RestartNetworkCmd",
            work,
            target=network,
            plan=restart_of_network(network),
            instance_type="Network",
            custom_id=call.custom_job_id,
        )
    )


@command("restartVPC", ids="vpc", mutating=True)
def restart_vpc(call: Call) -> str:
    vpc = call.objects["id"]
    assert isinstance(vpc, Vpc)

    async def work(job: Job) -> JobResult:
        vanish(call, vpc, "before")
        with routers.noted(vpc, job.command, job.id):
            await routers.restart_vpc(
                call.world,
                job.command,
                job.id,
                vpc,
                cleanup=call.flag("cleanup"),
                makeredundant=call.flag("makeredundant"),
                livepatch=call.flag("livepatch"),
            )
        vanish(call, vpc, "after")
        return SUCCESS

    return answer(
        call.jobs.submit(
            call.command.name,
            f"{JAVA}.user.vpc.RestartVPCCmd",
            work,
            target=vpc,
            plan=restart_of_vpc(vpc),
            instance_type="Vpc",
            custom_id=call.custom_job_id,
        )
    )


def vanish(call: Call, unit: Network | Vpc, phase: str) -> None:
    """The fault of that name: a router is gone, before the job's work or after it."""
    kind = f"vanish_{phase}"
    for router in list(unit.all_routers):
        if strike(call.world, {kind}, call.command.name, router) is not None:
            call.world.remove(router)


# -- SSVM and CPVM


@command("patchSystemVm", ids="systemvm router", mutating=True)
def patch_systemvm(call: Call) -> str:
    found = call.objects.get("id")
    vm = found if isinstance(found, Vm) else None

    async def work(job: Job) -> JobResult:
        if vm is None:
            raise invalid("Please provide a valid ID of a system VM to be patched")
        if not isinstance(vm, SystemVm) or vm.removed is not None:
            raise invalid(
                f"Unable to find SystemVm with id {vm.nr}. patchSystemVm API can be used to patch CPVM / SSVM only."
            )
        details = await systemvms.patch(call.world, job.command, vm, call.flag("forced"))
        return {"success": True, "details": details}

    plan = patch_of_systemvm(vm, call.world.caller)
    java_class = f"{JAVA}.admin.systemvm.PatchSystemVMCmd"
    return answer(
        call.jobs.submit(call.command.name, java_class, work, target=vm, plan=plan, custom_id=call.custom_job_id)
    )


def systemvm_job(
    call: Call, java_class: str, verb: str, gerund: str, action: Callable[[Job, SystemVm], Awaitable[dict[str, Any]]]
) -> str:
    vm = call.objects["id"]
    if not isinstance(vm, SystemVm) or vm.removed is not None:
        raise invalid("Unable to find a system vm of specified instanceId")
    systemvm = vm

    async def work(job: Job) -> JobResult:
        return {"systemvm": await action(job, systemvm)}

    prefix = "PROXY" if vm.type == CPVM else "SSVM"
    what = "console proxy" if vm.type == CPVM else "secondary storage"
    plan = EventPlan(
        f"{prefix}.{verb}",
        f"{gerund} system vm: {vm.id}",
        call.world.caller,
        (vm.id, vm.type_name, vm.name),
        started=f"{gerund} {what} Vm",
        completed=f"Successfully completed {gerund} {what} Vm",
        failed=f"Error while {gerund} {what} Vm",
    )
    job = call.jobs.submit(
        call.command.name,
        f"{JAVA}.admin.systemvm.{java_class}",
        work,
        target=vm,
        plan=plan,
        instance_type="SystemVm",
        show_instance=True,
        custom_id=call.custom_job_id,
    )
    return answer(job)


def shown(call: Call, vm: SystemVm, destroyed: bool = False) -> dict[str, Any]:
    return render_parts.drop_newer(call.world, "systemvm", render_vms.systemvm(call.world, vm, destroyed))


@command("stopSystemVm", ids="systemvm router", mutating=True)
def stop_systemvm(call: Call) -> str:
    async def action(job: Job, vm: SystemVm) -> dict[str, Any]:
        if vm.state == "Running":
            await systemvms.stop(call.world, vm)
        return shown(call, vm)

    return systemvm_job(call, "StopSystemVmCmd", "STOP", "stopping", action)


@command("startSystemVm", ids="systemvm router", mutating=True)
def start_systemvm(call: Call) -> str:
    async def action(job: Job, vm: SystemVm) -> dict[str, Any]:
        await systemvms.start_on_request(call.world, job.command, vm)
        return shown(call, vm)

    return systemvm_job(call, "StartSystemVMCmd", "START", "starting", action)


@command("rebootSystemVm", ids="systemvm router", mutating=True)
def reboot_systemvm(call: Call) -> str:
    async def action(job: Job, vm: SystemVm) -> dict[str, Any]:
        await systemvms.reboot(call.world, job.command, vm, call.flag("forced"))
        return shown(call, vm)

    return systemvm_job(call, "RebootSystemVmCmd", "REBOOT", "rebooting", action)


@command("destroySystemVm", ids="systemvm router", mutating=True)
def destroy_systemvm(call: Call) -> str:
    async def action(job: Job, vm: SystemVm) -> dict[str, Any]:
        # The result shows the VM as it was, without its addresses.
        last = shown(call, vm, destroyed=True)
        await systemvms.destroy(call.world, vm)
        return last

    return systemvm_job(call, "DestroySystemVmCmd", "DESTROY", "destroying", action)


# -- routers and internal load balancer VMs


def router_job(
    call: Call,
    java_class: str,
    verb: str,
    gerund: str,
    action: Callable[[Job, Router], Awaitable[None]],
    role: str | None,
) -> str:
    vm = call.objects["id"]
    if not isinstance(vm, Router) or vm.removed is not None or role not in (None, vm.role):
        is_ilb = role == INTERNAL_LB
        raise invalid("Can't find internal lb vm by id" if is_ilb else "Can't find router by id")
    router = vm
    world = call.world

    async def work(job: Job) -> JobResult:
        await action(job, router)
        kind = "internalloadbalancervm" if router.role == INTERNAL_LB else "router"
        return {kind: json.loads(world.json(router))}

    plan = EventPlan(
        f"{'INTERNALLBVM' if role == INTERNAL_LB else 'ROUTER'}.{verb}",
        f"{gerund} router: {router.id}",
        router.owner,
        (router.id, "DomainRouter", router.name),
        started=f"{gerund} router Vm",
        completed=f"Successfully completed {gerund} router Vm",
        failed=f"Error while {gerund} router Vm",
    )
    job = call.jobs.submit(
        call.command.name,
        f"{JAVA}.admin.{java_class}",
        work,
        target=router,
        plan=plan,
        instance_type="InternalLbVm" if role == INTERNAL_LB else "DomainRouter",
        show_instance=role != INTERNAL_LB,
        custom_id=call.custom_job_id,
    )
    return answer(job)


async def start(call: Call, job: Job, router: Router) -> None:
    if router.state == "Stopped":
        await routers.start(call.world, job.command, router)


async def stop(call: Call, router: Router) -> None:
    if router.state == "Running":
        await routers.stop(call.world, router)


@command("startRouter", ids="router systemvm", mutating=True)
def start_router(call: Call) -> str:
    async def action(job: Job, router: Router) -> None:
        await start(call, job, router)

    return router_job(call, "router.StartRouterCmd", "START", "starting", action, "VIRTUAL_ROUTER")


@command("stopRouter", ids="router systemvm", mutating=True)
def stop_router(call: Call) -> str:
    async def action(job: Job, router: Router) -> None:
        await stop(call, router)

    return router_job(call, "router.StopRouterCmd", "STOP", "stopping", action, "VIRTUAL_ROUTER")


@command("rebootRouter", ids="router systemvm", mutating=True)
def reboot_router(call: Call) -> str:
    async def action(job: Job, router: Router) -> None:
        await routers.reboot(call.world, job.command, router)

    return router_job(call, "router.RebootRouterCmd", "REBOOT", "rebooting", action, None)


@command("destroyRouter", ids="router systemvm", mutating=True)
def destroy_router(call: Call) -> str:
    async def action(job: Job, router: Router) -> None:
        await routers.destroy(call.world, router)

    return router_job(call, "router.DestroyRouterCmd", "DESTROY", "destroying", action, None)


@command(
    "startInternalLoadBalancerVM",
    "id!:uuid",
    ids="router systemvm",
    response="startinternallbvmresponse",
    mutating=True,
    isasync=True,
)
def start_internal_lb(call: Call) -> str:
    async def action(job: Job, router: Router) -> None:
        await start(call, job, router)

    return router_job(call, "internallb.StartInternalLBVMCmd", "START", "starting", action, INTERNAL_LB)


@command(
    "stopInternalLoadBalancerVM",
    "id!:uuid forced:boolean",
    ids="router systemvm",
    response="stopinternallbvmresponse",
    mutating=True,
    isasync=True,
)
def stop_internal_lb(call: Call) -> str:
    async def action(job: Job, router: Router) -> None:
        await stop(call, router)

    return router_job(call, "internallb.StopInternalLBVMCmd", "STOP", "stopping", action, INTERNAL_LB)


@command("upgradeRouterTemplate", ids="router systemvm", mutating=True)
def upgrade_router_template(call: Call) -> str:
    """Reboots the routers whose template is too old, both of a pair at once."""
    world = call.world
    given = {"id", "clusterid", "podid", "zoneid", "domainid"} & set(call.params)
    if len(given) != 1:
        raise invalid(
            "Multiple parameters not supported. Specify only one among "
            "routerId/zoneId/podId/clusterId/accountId/domainId"
        )
    chosen = [
        router
        for router in world.routers
        if router.role == VIRTUAL_ROUTER
        and call.same("id", router)
        and call.same("zoneid", router.zone)
        and call.equals("podid", router.zone.pod_id)
        and call.same("clusterid", router.host.cluster if router.host is not None else None)
        and call.equals("domainid", router.owner.domain_id)
        and call.equals("account", router.owner.account)
    ]
    jobs = []
    for router in chosen:
        want = parse_version(world.setting("minreq.sysvmtemplate.version", router.zone))
        have = parse_version(router.version or "0.0.0")
        if want is None or have is None or have >= want:
            continue
        each = Call(world, call.jobs, call.command, {"id": router.id}, {"id": router})
        jobs.append(json.loads(reboot_router(each)))
    return dump({"asyncjobs": jobs}) if jobs else "{}"


# -- settings


@command("updateConfiguration", "name!:string value:string zoneid:uuid clusterid:uuid accountid:uuid", mutating=True)
def update_configuration(call: Call) -> str:
    world, name, value = call.world, call.params["name"], call.params.get("value", "")
    if not world.settings.knows(name):
        raise ApiError(PARAMETER, f"Config parameter with name {name} doesn't exist")
    zone = call.objects.get("zoneid")
    if zone is not None:
        if not world.is_zone_scoped(name):
            raise invalid("Invalid scope id provided for the parameter " + name)
        world.zone_named(zone.name).settings[name] = value
    else:
        world.settings.set(name, value)
    # What routers show depends on settings.
    world.forget_all()
    entry = world.settings.entry(name)
    if zone is not None:
        entry |= {"value": value, "scope": "zone"}
    return dump({"configuration": entry})
