# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which object does a running job work on?

C(listAsyncJobs) has no C(jobinstanceid) for networks and VPCs and C(listNetworks) shows no job, but C(listEvents) maps
a running job to its object: an event of the job's kind that is Scheduled or Started, has no Completed one of the same
C(parentid), and was created in the same second as the job. An event without such a job died with its server.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..api.jobs import Job, running_jobs
from .events import Events
from .infrastructure import InFlight
from .job_ids import objects_of_ids
from .lists import Lists
from .model import SOME_INTERNAL_LB, SOME_NETWORK, SOME_VM
from .moments import TOLERANCE_S, moment


class _Told(NamedTuple):
    """What tells a job's object.

    :ivar event: the type of its event (EventTypes.java).
    :ivar else_some: what it counts as working on where no event tells.
    """

    event: str
    else_some: str


# The commands whose object only an event tells, by the name without ByAdmin. Of a migrated network or VPC none does.
JOBS = {
    "RestartNetworkCmd": _Told("NETWORK.RESTART", SOME_NETWORK),
    "UpdateNetworkCmd": _Told("NETWORK.UPDATE", SOME_NETWORK),
    "DeleteNetworkCmd": _Told("NETWORK.DELETE", SOME_NETWORK),
    "MigrateNetworkCmd": _Told("NETWORK.MIGRATE", SOME_NETWORK),
    "RestartVPCCmd": _Told("VPC.RESTART", SOME_NETWORK),
    "UpdateVPCCmd": _Told("VPC.UPDATE", SOME_NETWORK),
    "DeleteVPCCmd": _Told("VPC.DELETE", SOME_NETWORK),
    "MigrateVPCCmd": _Told("NETWORK.MIGRATE", SOME_NETWORK),
    "PatchSystemVMCmd": _Told("LIVE.PATCH.SYSTEM.VM", SOME_VM),
    "MigrateSystemVMCmd": _Told("VM.MIGRATE", SOME_VM),  # of routers, too
    "ScaleSystemVMCmd": _Told("VM.UPGRADE", SOME_VM),
    "StartInternalLBVMCmd": _Told("INTERNALLBVM.START", SOME_INTERNAL_LB),
    "StopInternalLBVMCmd": _Told("INTERNALLBVM.STOP", SOME_INTERNAL_LB),
}
# Jobs of which the server gives the VM's id (async_job_view): start, stop, reboot, destroy.
VM_INSTANCE_TYPES = frozenset({"SystemVm", "DomainRouter", "ConsoleProxy"})
_ByMoment = Mapping[tuple[Any, Any], set[str]]
_NAMED_IN_WORDS = {told.event: told.else_some != SOME_NETWORK for told in JOBS.values()}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_in_flight(lists: Lists, jobs: Mapping[str, Job] | None = None, events: Events | None = None) -> list[InFlight]:
    """The running jobs that work on system VMs, routers, networks or VPCs, with the ids they may be working on.

    A job of a run of ours with its one object: an event may fit several jobs, an id of ours fits one.

    :param jobs: the running jobs when the caller has just read them (one C(listAsyncJobs)).
    :param events: where they are read, if others want them, too; none may have been read before the jobs.
    """
    running = running_jobs(lists.client) if jobs is None else jobs
    asked = [(told.event, job.created) for job in running.values() if (told := _told(job))]
    oldest = moment(min((created for dummy, created in asked if created), default=""))
    events = events or Events(lists, oldest)
    found = [event for kind in sorted({kind for kind, dummy in asked}) for event in events.of(kind, oldest)]
    at_work = match_jobs(running.values(), found)
    if lists.version and any(len(job.fitting) > 1 for job in at_work):
        return told_apart(at_work, lists.zone_ids, str(lists.version))
    return at_work


def match_jobs(jobs: Iterable[Job], events: Iterable[Mapping[str, Any]]) -> list[InFlight]:
    """Map each running job to the ids of the open events of its kind and second.

    Where there is none of them, to those of events that are over: so is the job, in a moment.
    """
    events = list(events)
    completed = {event.get("parentid") for event in events if event.get("state") == "Completed"}
    begun = [event for event in events if event.get("state") in ("Scheduled", "Started")]
    over = completed - {None}
    still_open = _by_moment(
        event for event in begun if event.get("id") not in completed and event.get("parentid") not in over
    )
    begun_by_moment = _by_moment(begun)
    found = []
    for job in jobs:
        told, fitting = _told(job), frozenset[str]()
        if job.instance_type in VM_INSTANCE_TYPES:
            ids = frozenset({job.instance_id or SOME_VM})
        elif told:
            fitting = _ids(job, told, begun_by_moment)
            ids = _ids(job, told, still_open) or fitting or frozenset({told.else_some})
        else:
            continue
        found.append(InFlight(job.id, job.command, job.created, ids, fitting))
    return found


def told_apart(jobs: Iterable[InFlight], zone_ids: Iterable[str], target: str) -> list[InFlight]:
    """The same, each job of a run of ours with its one object.

    :param zone_ids: where the objects may be.
    :param target: the version that is upgraded to; part of our jobs' ids.
    """
    jobs = list(jobs)
    fitting = frozenset[str]().union(*(job.fitting for job in jobs if len(job.fitting) > 1))
    ours = {job_id: known for zone in zone_ids for job_id, known in objects_of_ids(zone, fitting, target).items()}
    return [
        replace(job, resource_ids=frozenset({ours[job.job_id]})) if ours.get(job.job_id) in job.fitting else job
        for job in jobs
    ]


def _told(job: Job) -> _Told | None:
    return JOBS.get(job.command.removesuffix("ByAdmin"))


def _by_moment(events: Iterable[Mapping[str, Any]]) -> _ByMoment:
    """The ids that events name, by type and second: thousands of jobs may run."""
    found: dict[tuple[Any, Any], set[str]] = defaultdict(set)
    for event in events:
        created, kind = event.get("created"), event.get("type")
        at = moment(created)
        found[kind, created if at is None else int(at)].update(_resources(event, _NAMED_IN_WORDS.get(str(kind), False)))
    return found


def _ids(job: Job, told: _Told, events: _ByMoment) -> frozenset[str]:
    at = moment(job.created)
    seconds: Iterable[object] = [job.created] if at is None else range(int(at) - TOLERANCE_S, int(at) + TOLERANCE_S + 1)
    return frozenset[str]().union(*(events.get((told.event, second), ()) for second in seconds))


def _resources(event: Mapping[str, Any], in_words: bool) -> list[str]:
    """In the words about a network stand ids of offerings, and not always its own."""
    if event.get("resourceid"):
        return [str(event["resourceid"])]
    return _UUID.findall(str(event.get("description", ""))) if in_words else []
