# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which object does a running job work on?

C(listAsyncJobs) has no C(jobinstanceid) for networks and VPCs and C(listNetworks) shows no job, but C(listEvents) maps
a running job to its object: an event of the job's kind that is Scheduled or Started, has no Completed one of the same
C(parentid), and was created in the same second as the job. An event without such a job died with its server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..api.jobs import Job, running_jobs
from .infrastructure import InFlight
from .lists import Lists
from .model import SOME_INTERNAL_LB
from .moments import TOLERANCE_S, moment

# The commands whose object only an event tells; those of VMs carry jobinstanceid.
EVENT_TYPES = {
    "RestartNetworkCmd": "NETWORK.RESTART",
    "RestartVPCCmd": "VPC.RESTART",
    "PatchSystemVMCmd": "LIVE.PATCH.SYSTEM.VM",
    "StartInternalLBVMCmd": "INTERNALLBVM.START",
    "StopInternalLBVMCmd": "INTERNALLBVM.STOP",
}
# Jobs of which the server gives the VM's id (async_job_view).
VM_INSTANCE_TYPES = frozenset({"SystemVm", "DomainRouter", "ConsoleProxy"})
INTERNAL_LB = "InternalLbVm"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_in_flight(lists: Lists, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
    """The running jobs that work on system VMs, routers, networks or VPCs, with the ids they may be working on.

    :param jobs: the running jobs when the caller has just read them (one C(listAsyncJobs)).
    """
    running = running_jobs(lists.client) if jobs is None else jobs
    wanted = {EVENT_TYPES[job.command] for job in running.values() if job.command in EVENT_TYPES}
    oldest = min((job.created for job in running.values() if job.command in EVENT_TYPES and job.created), default="")
    events = [event for kind in sorted(wanted) for event in lists.events(kind, moment(oldest))]
    return match_jobs(running.values(), events)


def match_jobs(jobs: Iterable[Job], events: Iterable[Mapping[str, Any]]) -> list[InFlight]:
    """Map each running job to the ids of the open events of its kind and second."""
    events = list(events)
    completed = {event.get("parentid") for event in events if event.get("state") == "Completed"}
    open_events = [
        event
        for event in events
        if event.get("state") in ("Scheduled", "Started")
        and event.get("id") not in completed
        and event.get("parentid") not in completed - {None}
    ]
    found = []
    for job in jobs:
        if job.instance_id and job.instance_type in VM_INSTANCE_TYPES:
            ids = frozenset({job.instance_id})
        elif job.command in EVENT_TYPES:
            ids = frozenset(
                resource
                for event in open_events
                if event.get("type") == EVENT_TYPES[job.command] and _same_moment(event.get("created"), job.created)
                for resource in _resources(event)
            )
            if not ids and job.instance_type == INTERNAL_LB:
                ids = frozenset({SOME_INTERNAL_LB})  # not all releases write the VM's id into the event
        else:
            continue
        found.append(InFlight(job.id, job.command, job.created, ids))
    return found


def _resources(event: Mapping[str, Any]) -> list[str]:
    if event.get("resourceid"):
        return [str(event["resourceid"])]
    return _UUID.findall(str(event.get("description", "")))


def _same_moment(one: str | None, other: str | None) -> bool:
    first, second = moment(one), moment(other)
    if first is None or second is None:
        return one == other
    return abs(first - second) <= TOLERANCE_S
