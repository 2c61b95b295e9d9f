# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What owners do to their networks while others upgrade them: delete them, and give them another offering."""

from __future__ import annotations

import json

from tests.simulator import routers
from tests.simulator.actions import JAVA, SUCCESS, answer
from tests.simulator.commands import Call, command
from tests.simulator.entities import Network, Owner
from tests.simulator.errors import invalid
from tests.simulator.jobs import EventPlan, Job, JobResult, Work


def network_of(call: Call) -> Network:
    network = call.objects["id"]
    if not isinstance(network, Network) or network.removed is not None:
        raise invalid(f"Unable to find network with id {network.nr}")
    return network


def submit(call: Call, network: Network, java_class: str, work: Work, words: EventPlan) -> str:
    return answer(
        call.jobs.submit(
            call.command.name,
            f"{JAVA}.{java_class}",
            work,
            target=network,
            plan=words,
            instance_type="Network",
            custom_id=call.custom_job_id,
        )
    )


def words(network: Network, verb: str, gerund: str, scheduled: str, owner: Owner, what: str) -> EventPlan:
    return EventPlan(
        f"NETWORK.{verb}",
        scheduled,
        owner,
        (network.id, "Network", network.name),
        started=f"{gerund} {what}",
        completed=f"Successfully completed {gerund} {what}",
        failed=f"Error while {gerund} {what}",
    )


@command("deleteNetwork", "id!:uuid forced:boolean", ids="network", mutating=True, isasync=True)
def delete_network(call: Call) -> str:
    network, world = network_of(call), call.world

    async def work(job: Job) -> JobResult:
        for router in list(network.routers):
            await routers.destroy(world, router)
        if network.vpc is not None:
            network.vpc.tiers.remove(network)
        world.remove(network)
        return SUCCESS

    what = f"network. Network Id: {network.nr}"
    plan = words(network, "DELETE", "deleting", f"Deleting network: {network.nr}", world.caller, what)
    return submit(call, network, "user.network.DeleteNetworkCmd", work, plan)


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
    offering = call.params.get("networkofferingid")

    async def work(job: Job) -> JobResult:
        if offering is not None:
            for router in list(network.routers):
                await routers.destroy(world, router)
            await routers.implement(world, job.command, network)
        world.change(network, name=call.params.get("name", network.name))
        return {"network": json.loads(world.json(network))}

    scheduled = f"Updating network: {network.nr}"
    if offering is not None:
        known = json.loads(world.json(network))["networkofferingid"]
        scheduled += f". Original network offering ID: {known}, new network offering ID: {offering}"
    plan = words(network, "UPDATE", "updating", scheduled, network.owner, "network")
    return submit(call, network, "admin.network.UpdateNetworkCmdByAdmin", work, plan)
