# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what a support engineer asks for about a unit that failed.

It changes nothing, but for the bundles of getDiagnosticsData where they are wanted. Only named fields are kept, their
texts without secrets. What cannot be read is said in C(missing); nothing here fails a run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from ..api.client import Client
from ..api.errors import ApiError, AuthenticationError, RateLimitedError, SysvmError, UnavailableError
from ..api.jobs import Job, JobStatus, job_result
from ..api.secrets import without_secrets
from ..knowledge.characters import mentions
from ..knowledge.vocabulary import ROUTER_KINDS, Kind
from .lists import ALL_OWNERS, Lists
from .model import Vm
from .moments import moment

MOST_UNITS = 20
MOST_JOBS = 20  # of a unit, the last ones
MOST_VMS = 10  # of a unit, of which more than their facts is read
MOST_ROWS = 200  # events and alerts that are looked at in one answer
BEFORE_S = 3600  # of the time before the unit was touched that is told of, too
RECENT_S = 6 * 3600  # where it is not known when that was
DIAGNOSTICS_S = 300.0  # for all bundles together
DIAGNOSTICS_PAUSE_S = 2.0

UNIT = (
    *("id", "name", "kind", "zone", "owner", "method", "status", "reason", "planned", "notes"),
    *("started", "finished", "duration_s"),
)
NEEDED = ("id", "name", "kind", "vms")
EVENT = ("created", "type", "level", "state", "description", "username", "resourcetype", "resourceid", "resourcename")
ALERT = ("sent", "type", "name", "description")
HOST = (
    *("id", "name", "zonename", "podname", "clustername", "state", "resourcestate", "hypervisor", "hypervisorversion"),
    *("version", "arch", "disconnected", "managementservername"),
)
HEALTH = ("checkname", "checktype", "success", "status", "lastupdated", "details")

Evidence = dict[str, Any]
Items = list[dict[str, Any]]
Found = TypeVar("Found")


class Reader:
    """Asks one management server about one unit after the other.

    :param diagnostics: whether to have a bundle made of each VM, which stays on the secondary storage.
    """

    def __init__(
        self,
        client: Client,
        *,
        diagnostics: bool = False,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._lists = Lists(client, ())  # until the servers were read; that may be just what fails
        self._diagnostics = diagnostics
        self._now, self._sleep = now, sleep
        self._lost: str | None = None  # why nothing is asked any more
        self._closed: dict[str, str] = {}  # and the sections of which nothing is
        self._missing: list[str] = []
        self._shared: dict[str, Items] = {}  # what is the same for all units
        self._diagnostics_left_s = DIAGNOSTICS_S

    def read(self, unit: Mapping[str, Any]) -> Evidence:
        """All about one unit.

        :param unit: as in the C(results) of a module, or in a report.
        :returns: its sections; C(missing) says what could not be read or was left out.
        :raises SysvmError: for what is no unit.
        """
        lacking = sorted(name for name in NEEDED if not unit.get(name))
        if lacking:
            raise SysvmError(
                f"units: one of them has no {', '.join(lacking)}.",
                remedy="Give units as they stand in the results of a module, or in a report.",
            )
        self._missing = []
        begun = moment(unit.get("started"))
        since = self._now() - RECENT_S if begun is None else begun - BEFORE_S
        vms = self._try("VMs", lambda: _read_vms(self._lists, unit)) or []
        told = _told(unit["vms"], vms)
        hosts = {facts.get("host") for vm in told for facts in (vm["before"], vm["after"], vm["now"])} - {None}
        jobs = list(unit.get("job_ids", ()))
        self._left_out("jobs", len(jobs), MOST_JOBS)
        about = mentions({unit["id"], *hosts, *(vm[key] for vm in told for key in ("id", "name"))})
        evidence: Evidence = {
            "unit": {key: unit.get(key) for key in UNIT},
            "vms": told,
            "management_servers": self._once("management servers", self._servers),
            "jobs": [self._job(job_id) for job_id in jobs[-MOST_JOBS:]],
            "events": self._events(unit, told[:MOST_VMS], since, about),
            "alerts": [
                alert
                for alert in reversed(self._once("alerts", self._alerts))
                if about(str(alert["description"])) and (moment(alert["sent"]) or since) >= since
            ],
            "hosts": [host for host in self._once("hosts", self._hosts) if host["name"] in hosts],
            "health_checks": self._health(unit, vms),
            "diagnostics": [self._bundle(vm) for vm in vms[:MOST_VMS] if vm.running] if self._diagnostics else [],
        }
        self._left_out("VMs", len(told), MOST_VMS)
        return without_secrets({**evidence, "missing": self._missing})  # type: ignore[no-any-return]

    # -- asking

    def _try(self, section: str, ask: Callable[[], Found], of: str = "") -> Found | None:
        """The answer; None where there is none, which is said in I(missing).

        What is refused is not asked again where each time would take long: everything after a server that is gone, and
        the section after a 401, which is how a server answers that does not have the command.
        """
        reason = self._lost or self._closed.get(section)
        if reason is None:
            try:
                return ask()
            except ApiError as error:
                reason = error.message
                if isinstance(error, (UnavailableError, RateLimitedError)):
                    self._lost = f"not asked any more: {reason}"
                elif isinstance(error, AuthenticationError):
                    self._closed[section] = reason
        self._missing.append(f"{section}{of}: {reason}")
        return None

    def _once(self, section: str, ask: Callable[[], Items]) -> Items:
        """What is read for the first unit, and holds for all; asked again where it could not be read."""
        if section not in self._shared:
            found = self._try(section, ask)
            if found is None:
                return []
            self._shared[section] = found
        return self._shared[section]

    def _left_out(self, what: str, number: int, most: int) -> None:
        if number > most:
            self._missing.append(f"{what}: {most} of {number:,} were looked at")

    # -- sections

    def _servers(self) -> Items:
        self._lists = Lists.of(self._client)
        return [{"name": each.name, "state": each.state, "version": each.version} for each in self._lists.servers]

    def _alerts(self) -> Items:
        """The newest ones (listAlerts)."""
        answer = self._client.page("listAlerts", 1, MOST_ROWS)
        return [_kept(item, ALERT) for item in _items(answer, "alert")]

    def _hosts(self) -> Items:
        return self._client.list_as("listHosts", "host", lambda item: _kept(item, HOST), type="Routing", details="min")

    def _job(self, job_id: str) -> dict[str, Any]:
        job = self._try("job", lambda: job_result(self._client, job_id), f" {job_id}")
        return _job_facts(job) if job else {"id": job_id, "status": "not read"}

    def _events(
        self, unit: Mapping[str, Any], vms: Sequence[Mapping[str, Any]], since: float, about: Callable[[str], bool]
    ) -> Items:
        """Of the unit and of its VMs, oldest first (listEvents).

        By resource where events have one; those of system VMs name it in their text only. A server before 4.17 knows
        no resources and lists all, so what is not about the unit is left out here.
        """
        resources = {Kind.NETWORK.value: "Network", Kind.VPC.value: "Vpc"}
        kind = unit["kind"]
        filters = [{"resourceid": unit["id"], "resourcetype": resources[kind]}] if kind in resources else []
        router = {"resourcetype": "DomainRouter"}
        filters += [{"resourceid": vm["id"], **router} if _is_router(unit) else {"keyword": vm["id"]} for vm in vms]
        begin = self._lists.start_date(since)
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for each in filters:
            of = f" of {each.get('resourceid') or each.get('keyword')}"
            ask = partial(self._client.page, "listEvents", 1, MOST_ROWS, **{**ALL_OWNERS, **each, "startdate": begin})
            answer = self._try("events", ask, of) or {}
            count = answer.get("count")
            self._left_out(f"events{of}", count if isinstance(count, int) else 0, len(_items(answer, "event")))
            for item in _items(answer, "event"):
                event = _kept(item, EVENT)
                recent = (moment(event["created"]) or since) >= since
                if recent and about(f"{event['resourceid']} {event['description']}"):
                    found[tuple(event.values())] = event
        return sorted(found.values(), key=lambda event: event["created"] or "")

    def _health(self, unit: Mapping[str, Any], vms: Sequence[Vm]) -> Items:
        """What the server has of its last look (getRouterHealthCheckResults): a fresh one could recreate the router."""
        found = []
        for vm in vms[:MOST_VMS] if _is_router(unit) else ():
            ask = partial(self._client.read, "getRouterHealthCheckResults", routerid=vm.id)
            answer = self._try("health checks", ask, f" of {vm.name}") or {}
            results = answer.get("routerhealthchecks")
            checks = _items(results, "healthchecks") if isinstance(results, Mapping) else []
            found += [{"vm": vm.name, **_kept(item, HEALTH)} for item in checks]
        return found

    def _bundle(self, vm: Vm) -> dict[str, Any]:
        """Where the server has put the bundle of a VM's files (getDiagnosticsData)."""
        of = f" of {vm.name}"
        job = self._try("diagnostics", lambda: self._made(vm), of)
        if job is None:
            return {"vm": vm.name, "job_id": None, "url": None}
        error = job.error()
        if error is not None:
            self._missing.append(f"diagnostics{of}: {error.message}")
        elif job.status is JobStatus.RUNNING:
            self._missing.append(
                f"diagnostics{of}: not made within {DIAGNOSTICS_S:.0f} seconds, in which all have to be"
            )
        made = job.result.get("diagnostics")
        url = made.get("url") if isinstance(made, Mapping) else None
        return {"vm": vm.name, "job_id": job.id or None, "url": without_query(url) if isinstance(url, str) else None}

    def _made(self, vm: Vm) -> Job:
        """The job at its end, or as it is when the time is over."""
        if self._diagnostics_left_s <= 0:
            return Job("", JobStatus.RUNNING)
        job_id = self._client.submit("getDiagnosticsData", targetid=vm.id)
        job = job_result(self._client, job_id)
        while job.status is JobStatus.RUNNING and self._diagnostics_left_s > 0:
            self._sleep(DIAGNOSTICS_PAUSE_S)
            self._diagnostics_left_s -= DIAGNOSTICS_PAUSE_S
            job = job_result(self._client, job_id)
        return job


def without_query(url: str) -> str:
    """A URL without what signs it."""
    return re.sub(r"[?#].*", "", url, flags=re.DOTALL)


def _read_vms(lists: Lists, unit: Mapping[str, Any]) -> list[Vm]:
    """The unit's VMs as they are now; of a network or VPC also those that came since."""
    kind, ids = unit["kind"], [vm["id"] for vm in unit["vms"]]
    if kind == Kind.NETWORK.value:
        return lists.routers(networkid=unit["id"])
    if kind == Kind.VPC.value:
        return lists.routers(vpcid=unit["id"])
    read = {Kind.INTERNAL_LB.value: lists.internal_lbs, Kind.ORPHAN.value: lists.routers}.get(kind, lists.system_vms)
    return [vm for identity in ids for vm in read(id=identity)]


def _told(vms: Iterable[Mapping[str, Any]], now: Iterable[Vm]) -> list[dict[str, Any]]:
    """Each VM before and after the attempt and now, of which it may lack any."""
    found = {
        vm["id"]: {
            **{key: vm[key] for key in ("id", "name")},
            **{key: vm.get(key) or {} for key in ("before", "after")},
            "now": {},
        }
        for vm in vms
    }
    for vm in now:
        known = found.setdefault(vm.id, {"id": vm.id, "name": vm.name, "before": {}, "after": {}})
        known["now"] = vm.facts()
    return list(found.values())


def _is_router(unit: Mapping[str, Any]) -> bool:
    return unit["kind"] in ROUTER_KINDS


def _job_facts(job: Job) -> dict[str, Any]:
    """Of the result only what says how it went: the rest repeats the object, with all that it has."""
    return {
        **{key: getattr(job, key) for key in ("id", "command", "created", "completed", "errorcode", "errortext")},
        "status": job.status.value,
        **{key: job.result[key] for key in ("success", "details") if isinstance(job.result.get(key), (bool, str))},
    }


def _kept(item: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The fields of these names that are plain values."""
    return {name: value if isinstance(value := item.get(name), (str, int, float)) else None for name in names}


def _items(answer: Mapping[str, Any], key: str) -> Items:
    found = answer.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
