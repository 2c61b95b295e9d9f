# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the API shows each kind of object: the keys, their order and their presence as recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulator import render_networks, render_vms, versions
from tests.simulator.errors import INTERNAL
from tests.simulator.identity import uuid_of
from tests.simulator.render_parts import JsonObject, drop_newer, owner_fields

if TYPE_CHECKING:
    from tests.simulator.entities import Entity
    from tests.simulator.events import Event
    from tests.simulator.jobs import Job
    from tests.simulator.world import World


MSID = 3281355014145
"""A management server's number: its MAC address."""
RENDERERS: dict[str, Any] = {
    "router": render_vms.router,
    "systemvm": render_vms.systemvm_in_list,
    "network": render_networks.network,
    "vpc": render_networks.vpc,
}


def to_json(world: World, entity: Entity) -> str:
    shown = RENDERERS[entity.kind](world, entity)
    return json.dumps(drop_newer(world, entity.kind, shown), ensure_ascii=False)


def description(world: World, event: Event) -> str:
    text = event.description
    capital = event.state == "Started" and world.does(versions.EVENTS_CAPITAL)
    return text[:1].upper() + text[1:] if capital else text


def event(world: World, event: Event) -> JsonObject:
    shown: JsonObject = {
        "id": event.id,
        "username": event.username,
        "type": event.type,
        "level": event.level,
        "description": description(world, event),
        **owner_fields(world, event.owner),
    }
    if event.resource_id is not None:
        shown |= {
            "resourceid": event.resource_id,
            "resourcetype": event.resource_type,
            "resourcename": event.resource_name,
        }
    shown |= {"created": world.stamp(event.created), "state": event.state}
    if event.parent is not None:
        shown["parentid"] = event.parent
    return shown


def pseudo_job(world: World) -> JsonObject:
    """What a thread of the server's own waits for (AsyncJobManagerImpl.getPseudoJob); it is always there."""
    shown: JsonObject = {
        "accountid": uuid_of("account", "system"),
        "userid": uuid_of("user", "system"),
        "jobprocstatus": 0,
        "jobresultcode": 0,
        "jobinstancetype": "Thread",
        "created": world.stamp(world.started),
    }
    return shown | {"jobid": uuid_of("job", "pseudo"), "jobstatus": 0}


def job(world: World, job: Job) -> JsonObject:
    """queryAsyncJobResult and listAsyncJobs; the keys depend on how the job ended (reference 7)."""
    shown: JsonObject = {
        "accountid": uuid_of("account", world.server.account),
        "account": world.server.account,
        "domainid": uuid_of("domain", "ROOT"),
        "domainpath": "ROOT",
        "userid": uuid_of("user", world.server.account),
        "cmd": job.java_class,
        "jobprocstatus": 0,
        "jobresultcode": job.code if job.code in (0, INTERNAL) or world.does(versions.JOB_CODES) else INTERNAL,
    }
    if job.result is not None:
        shown |= {"jobresulttype": "object", "jobresult": job.result}
    if job.instance_type is not None:
        shown["jobinstancetype"] = job.instance_type
        if job.instance_id is not None:
            shown["jobinstanceid"] = job.instance_id
    if job.on_server:
        server = job.server.id if world.does(versions.JOBS_NAME_SERVERS) else MSID
        shown |= {"managementserverid": server, "managementservername": job.server.name}
    shown["created"] = world.stamp(job.created)
    if job.completed is not None:
        shown["completed"] = world.stamp(job.completed)
    return drop_newer(world, "asyncjobs", shown | {"jobid": job.id, "jobstatus": job.status})
