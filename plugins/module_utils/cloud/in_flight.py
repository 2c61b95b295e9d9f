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
from datetime import datetime, timezone
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ParameterError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, running_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight

# The commands whose object only an event tells; those of VMs carry jobinstanceid.
EVENT_TYPES = {
    "RestartNetworkCmd": "NETWORK.RESTART",
    "RestartVPCCmd": "VPC.RESTART",
    "PatchSystemVMCmd": "LIVE.PATCH.SYSTEM.VM",
}
VM_INSTANCE_TYPES = frozenset(
    {"SystemVm", "DomainRouter", "ConsoleProxy", "SecondaryStorageVm", "InternalLoadBalancerVm"}
)

# Event and job are written one after the other: their seconds may differ by one where they straddle it.
TOLERANCE_S = 2
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_in_flight(client: Client, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
    """The running jobs that work on system VMs, routers, networks or VPCs, with the ids they may be working on.

    :param jobs: the running jobs when the caller has just read them (one C(listAsyncJobs)).
    """
    running = running_jobs(client) if jobs is None else jobs
    wanted = {EVENT_TYPES[job.command] for job in running.values() if job.command in EVENT_TYPES}
    oldest = min((job.created for job in running.values() if job.command in EVENT_TYPES and job.created), default="")
    events = [event for kind in sorted(wanted) for event in recent_events(client, kind, moment(oldest))]
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
        else:
            continue
        found.append(InFlight(job.id, job.command, job.created, ids))
    return found


def _resources(event: Mapping[str, Any]) -> list[str]:
    if event.get("resourceid"):
        return [str(event["resourceid"])]
    return _UUID.findall(str(event.get("description", "")))


def recent_events(
    client: Client, kind: str, since: float | None, most_pages: int | None = None
) -> list[Mapping[str, Any]]:
    """Events of one type and of all owners (listEvents), newest page first, back to a moment in epoch seconds.

    A project's events are listed with C(projectid=-1) only. C(startdate) is given in a form that no release is known to
    misread; it may let older events through all the same.

    :param most_pages: how many pages are read at most; None = all.
    """
    filters: dict[str, Any] = {"listall": True, "projectid": "-1", "type": kind}
    if since is not None:
        begin = datetime.fromtimestamp(since - TOLERANCE_S, timezone.utc)
        filters["startdate"] = begin.strftime("%Y-%m-%dT%H:%M:%S+0000")
    events: list[Mapping[str, Any]] = []
    page = 0
    while True:
        page += 1
        try:
            answer = client.read("listEvents", **filters, page=page, pagesize=client.page_size)
        except ParameterError:
            if "startdate" not in filters:
                raise
            del filters["startdate"]  # a release that wants it in another form
            page -= 1
            continue
        batch = answer.get("event") or []
        events.extend(batch)
        seen = [created for event in batch if (created := moment(event.get("created"))) is not None]
        reached = since is None or page == most_pages or (seen and min(seen) < since - TOLERANCE_S)
        if len(batch) < client.page_size or reached:
            return events


def _same_moment(one: str | None, other: str | None) -> bool:
    first, second = moment(one), moment(other)
    if first is None or second is None:
        return one == other
    return abs(first - second) <= TOLERANCE_S


def moment(text: str | None) -> float | None:
    """Seconds since the epoch of a server's time stamp such as 2026-11-22T23:56:58+0000."""
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return None
