# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that only read: the server itself, its jobs and events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulator import render, versions
from tests.simulator.commands import COMMANDS, Call, command, dump
from tests.simulator.entities import Zone
from tests.simulator.errors import INTERNAL, ApiError, invalid, unknown_value
from tests.simulator.jobs import RUNNING
from tests.simulator.settings import DEFAULT_PAGE_SIZE
from tests.simulator.versions import has_setting

CAPABILITIES = json.loads((Path(__file__).parent / "recorded" / "capabilities.json").read_text(encoding="utf-8"))
PAGED = "keyword page:integer pagesize:integer"
OWNED = f"{PAGED} listall:boolean projectid:uuid domainid:uuid account isrecursive:boolean"


def shown_as(column: str) -> Callable[[dict[str, Any]], Any]:
    """For filters that compare what an object shows."""
    return lambda row: row.get(column)


# -- the server


@command("listCapabilities")
def list_capabilities(call: Call) -> str:
    capability = dict(CAPABILITIES)
    hidden = call.world.does(versions.VERSION_HIDDEN)
    if not hidden or call.world.setting_is_true("expose.cloudstack.version.api.list.capabilities"):
        capability["cloudstackversion"] = call.world.version_said
    else:
        capability.pop("cloudstackversion")
    return f'{{"capability":{call.shown("capability", capability)}}}'


@command("listManagementServers")
def list_management_servers(call: Call) -> str:
    world = call.world
    agents = [host.id for host in world.hosts if host.state == "Up"]
    servers = call.select(
        world.management_servers,
        values={"id": lambda server: server.id, "name": lambda server: server.name},
        keyword=lambda server: [server.name],
    )

    def show(server: Any) -> dict[str, Any]:
        first = server is world.active_server
        return {
            "id": server.id,
            "name": server.name,
            "state": server.state,
            "version": server.version,
            "javadistribution": "Debian",
            "javaversion": "17.0.15+6-Debian-1deb12u1",
            "osdistribution": "Debian GNU/Linux 12 (bookworm)",
            "lastserverstart": world.stamp(server.started),
            "lastserverstop": world.stamp(server.stopped),
            "lastboottime": world.stamp(server.stopped - 3600),
            "serviceip": "127.0.0.1",
            "ipaddress": "127.0.0.1",
            "lastagents": agents if first else [],
            "agents": agents if first else [],
            "agentscount": len(agents) if first else 0,
            "pendingjobscount": len(call.jobs.running) if first else 0,
        }

    return call.rows("managementserver", servers, show)


@command("listApis")
def list_apis(call: Call) -> str:
    allowed = [each for each in COMMANDS.values() if each.available(call.world)]
    name = call.params.get("name")
    if name is not None:
        allowed = [each for each in allowed if each.name.lower() == name.lower()]
        if not allowed:
            raise ApiError(INTERNAL, "Api Discovery plugin was unable to find an api by that name or process any apis")
    entries = [each.description(call.world) for each in sorted(allowed, key=lambda each: each.name)]
    return dump({"count": len(entries), "api": entries})


@command("listConfigurations")
def list_configurations(call: Call) -> str:
    world = call.world
    zone = call.objects.get("zoneid")
    entries = []
    for name in world.settings.names():
        if not has_setting(name, world.server.version):
            continue
        entry = world.settings.entry(name)
        if zone is not None:
            if not world.is_zone_scoped(name):
                continue
            assert isinstance(zone, Zone)
            if name in zone.settings or "value" in entry:
                entry["value"] = world.setting(name, zone)
            entry = with_scope(entry)
        # The name is a pattern, not the whole name.
        if call.params.get("name", "").lower() in name.lower():
            entries.append(entry)
    chosen = call.select(
        entries,
        values={
            "category": lambda entry: entry["category"],
            "group": lambda entry: entry["group"],
            "subgroup": lambda entry: entry["subgroup"],
            "parent": lambda entry: entry.get("parent"),
        },
        keyword=lambda entry: (entry["name"], entry.get("description", ""), entry.get("value", "")),
    )
    # Whatever the setting says (ListCfgsByCmd).
    page = call.page(chosen, DEFAULT_PAGE_SIZE)
    # As recorded: of a zone's settings, counted is what the page has.
    count = len(chosen) if zone is None else len(page)
    return call.counted("configuration", count, [call.shown("configuration", entry) for entry in page])


def with_scope(entry: dict[str, Any]) -> dict[str, Any]:
    """A value asked for with a scope says so, before its description."""
    shown: dict[str, Any] = {}
    for key, value in entry.items():
        if key == "description":
            shown["scope"] = "zone"
        shown[key] = value
    return shown


# -- jobs and events


@command("queryAsyncJobResult")
def query_async_job_result(call: Call) -> str:
    found = call.jobs.jobs.get(call.params["jobid"])
    job = next(iter(call.jobs.known([found] if found else [])), None)
    if job is None and call.params["jobid"].isdigit():
        # Taken for the number of a row.
        raise invalid(f"Unable to find a job by id {call.params['jobid']}")
    if job is None:
        raise unknown_value(call.command.name, "jobid", call.params["jobid"])
    return dump(render.job(call.world, job))


@command("listAsyncJobs")
def list_async_jobs(call: Call) -> str:
    start = call.moment("startdate")
    jobs = call.select(
        [
            job
            for job in call.jobs.known(call.jobs.jobs.values())
            if job.status == RUNNING and call.flag("listall") and (start is None or job.created >= start)
        ],
        values={"managementserverid": lambda job: job.server.id},
        keyword=lambda job: [job.java_class],
    )
    rows = [render.job(call.world, job) for job in jobs]
    if call.flag("listall") and not call.world.does(versions.NO_PSEUDO_JOBS):
        rows.append(render.pseudo_job(call.world))
    return call.rows("asyncjobs", rows, dict)


@command(
    "listEvents",
    f"{OWNED} id:uuid type level startdate enddate resourceid resourcetype startid duration entrytime state archived",
)
def list_events(call: Call) -> str:
    """Page 1 has the newest events; within a page they may come in another order: those of projects first, say."""
    resource = call.params.get("resourceid")
    if resource is not None:
        if "resourcetype" not in call.params:
            raise invalid("resourceid parameter must be used with resourcetype parameter")
        if resource not in call.world.by_id:
            raise invalid("Invalid resourceid")
    start, end = call.moment("startdate"), call.moment("enddate")
    events = call.select(
        [
            event
            for event in reversed(call.world.events.events)
            if (start is None or event.created >= start) and (end is None or event.created <= end)
        ],
        values={
            "id": lambda event: event.id,
            "type": lambda event: event.type,
            "level": lambda event: event.level,
            "state": lambda event: event.state,
            "resourceid": lambda event: event.resource_id,
            "resourcetype": lambda event: event.resource_type,
        },
        keyword=lambda event: (event.type, event.description, event.level),
        owner=lambda event: event.owner,
    )
    # The page is cut by age, then read in another order.
    shown = call.page(events)
    if call.world.does(versions.EVENTS_UNORDERED):
        shown = sorted(shown, key=lambda event: (event.owner.project is None, event.nr))
    return call.counted("event", len(events), [call.shown("event", render.event(call.world, event)) for event in shown])
