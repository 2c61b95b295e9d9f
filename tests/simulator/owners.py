# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What owners do to networks and VPCs while others upgrade them: delete, update and migrate them."""

from __future__ import annotations

import json

from tests.simulator import routers
from tests.simulator.actions import JAVA, SUCCESS, answer
from tests.simulator.commands import Call, command
from tests.simulator.entities import Network, Vpc
from tests.simulator.errors import invalid
from tests.simulator.jobs import EventPlan, Job, JobResult, Work
from tests.simulator.world import World


def network_of(call: Call) -> Network:
    network = call.objects["id"]
    if not isinstance(network, Network) or network.removed is not None:
        raise invalid(f"Unable to find network with id {network.nr}")
    return network


def vpc_of(call: Call) -> Vpc:
    vpc = call.objects["id"]
    if not isinstance(vpc, Vpc) or vpc.removed is not None:
        raise invalid(f"Unable to find VPC id={vpc.nr}")
    return vpc


def submit(call: Call, unit: Network | Vpc, java_class: str, work: Work, plan: EventPlan) -> str:
    return answer(
        call.jobs.submit(
            call.command.name,
            f"{JAVA}.{java_class}",
            work,
            target=unit,
            plan=plan,
            instance_type="Network" if isinstance(unit, Network) else "Vpc",
            custom_id=call.custom_job_id,
        )
    )


def of_network(call: Call, network: Network, verb: str, gerund: str, what: str, told: str = "") -> EventPlan:
    scheduled = f"{gerund.capitalize()} network: {network.nr}{told}"
    return EventPlan(
        f"NETWORK.{verb}",
        scheduled,
        call.world.caller if verb == "DELETE" else network.owner,
        (network.id, "Network", network.name),
        started=f"{gerund} {what}",
        completed=f"Successfully completed {gerund} {what}",
        failed=f"Error while {gerund} {what}",
    )


def of_vpc(vpc: Vpc, verb: str, scheduled: str, what: str) -> EventPlan:
    """As for its restart: none is Started, for VpcManagerImpl's methods are not marked as asynchronous."""
    return EventPlan(
        f"VPC.{verb}",
        f"{scheduled} VPC id={vpc.nr}",
        vpc.owner,
        (vpc.id, "Vpc", vpc.name),
        completed=f"Successfully completed {what}",
        failed=f"Error while {what}",
    )


async def delete(world: World, network: Network) -> None:
    for router in [*network.routers, *network.ilbs]:
        await routers.destroy(world, router)
    if network.vpc is not None:
        network.vpc.tiers.remove(network)
    world.remove(network)


@command("deleteNetwork", "id!:uuid forced:boolean", ids="network", mutating=True, isasync=True)
def delete_network(call: Call) -> str:
    network = network_of(call)

    async def work(job: Job) -> JobResult:
        await delete(call.world, network)
        return SUCCESS

    plan = of_network(call, network, "DELETE", "deleting", f"network. Network Id: {network.nr}")
    return submit(call, network, "user.network.DeleteNetworkCmd", work, plan)


def new_offering(call: Call, network: Network, id_word: str) -> str:
    """As the event tells it."""
    offering = call.params.get("networkofferingid")
    if offering is None:
        return ""
    known = json.loads(call.world.json(network))["networkofferingid"]
    return f". Original network offering {id_word}: {known}, new network offering {id_word}: {offering}"


@command(
    "updateNetwork",
    "id!:uuid name displaytext networkofferingid:uuid forced:boolean",
    ids="network",
    mutating=True,
    isasync=True,
)
def update_network(call: Call) -> str:
    """Another offering means other routers: as recorded, the old disk is destroyed and a new one created."""
    network, world = network_of(call), call.world

    async def work(job: Job) -> JobResult:
        if "networkofferingid" in call.params:
            for router in list(network.routers):
                await routers.destroy(world, router)
            await routers.implement(world, job.command, network)
        world.change(network, name=call.params.get("name", network.name))
        return {"network": json.loads(world.json(network))}

    plan = of_network(call, network, "UPDATE", "updating", "network", new_offering(call, network, "ID"))
    return submit(call, network, "admin.network.UpdateNetworkCmdByAdmin", work, plan)


@command("deleteVPC", "id!:uuid", ids="vpc", mutating=True, isasync=True)
def delete_vpc(call: Call) -> str:
    vpc, world = vpc_of(call), call.world

    async def work(job: Job) -> JobResult:
        for tier in list(vpc.tiers):
            await delete(world, tier)
        for router in list(vpc.routers):
            await routers.destroy(world, router)
        world.remove(vpc)
        return SUCCESS

    return submit(call, vpc, "user.vpc.DeleteVPCCmd", work, of_vpc(vpc, "DELETE", "Deleting", "deleting VPC"))


@command(
    "updateVPC",
    "id!:uuid name displaytext sourcenatipaddress",
    ids="vpc",
    mutating=True,
    isasync=True,
)
def update_vpc(call: Call) -> str:
    """Another source NAT address means a restart with cleanup (VpcManagerImpl.updateVpc)."""
    vpc, world = vpc_of(call), call.world

    async def work(job: Job) -> JobResult:
        if "sourcenatipaddress" in call.params:
            await routers.renew(world, job.command, vpc)
        world.change(vpc, name=call.params.get("name", vpc.name))
        return {"vpc": json.loads(world.json(vpc))}

    return submit(call, vpc, "admin.vpc.UpdateVPCCmdByAdmin", work, of_vpc(vpc, "UPDATE", "updating", "updating vpc"))


@command(
    "migrateNetwork",
    "id!:uuid networkofferingid!:uuid resume:boolean",
    ids="network",
    mutating=True,
    isasync=True,
)
def migrate_network(call: Call) -> str:
    """To another offering's network: other routers. Its event names no object (MigrateNetworkCmd)."""
    network, world = network_of(call), call.world

    async def work(job: Job) -> JobResult:
        await routers.renew(world, job.command, network)
        return {"network": json.loads(world.json(network))}

    told = f"Migrating network: {network.nr}{new_offering(call, network, 'id')}"
    return submit(
        call, network, "admin.network.MigrateNetworkCmd", work, EventPlan("NETWORK.MIGRATE", told, network.owner)
    )
