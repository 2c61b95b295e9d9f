# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what units at work are now: one question for all of them where that is cheaper."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..api.errors import ApiError, AuthenticationError, MalformedAnswerError, RateLimitedError, UnavailableError
from ..api.jobs import Job
from ..cloud.infrastructure import Alert, Host, InFlight, ManagementServer
from ..cloud.job_ids import Purpose, purpose_of
from ..cloud.model import Unit, Vm
from ..knowledge.vocabulary import Kind
from ..probing.probes import Probes
from ..units.conditions import Facts, members
from ..units.record import Record
from .requests import Observe, Trouble
from .server import Server

HOSTS_FRESH_S = 2.0
SERVERS_FRESH_S = 5.0
ALERTS_FRESH_S = 2.0
JOBS_FRESH_S = 0.3  # what runs is not asked for again within this time
# The server itself is not there, whatever was asked.
LOST = (UnavailableError, RateLimitedError, MalformedAnswerError, AuthenticationError)


@dataclass(frozen=True)
class Asked:
    """One unit's question, with what tells its own VMs and jobs from others'.

    :ivar planned: the unit as it was planned.
    :ivar unit: as it was last read.
    """

    planned: Unit
    unit: Unit
    request: Observe
    record: Record


class View:
    """One rollout's.

    :ivar jobs: that run, as of I(jobs_at).
    :ivar lost_at: when the server was last out of reach, on the rollout's clock; its hosts connect again only later.
    :ivar known_vms: ids of VMs that replace nothing.
    """

    def __init__(
        self, server: Server, target: str, clock: Callable[[], float], known_vms: set[str], probes: Probes
    ) -> None:
        self.jobs: Mapping[str, Job] = {}
        self.jobs_at = self.lost_at = -1.0
        self.known_vms, self.zones = known_vms, set[str]()
        self._working: dict[str, InFlight] = {}  # what each job of others works on; also when it has ended
        self._server, self._target, self._clock, self._probes = server, target, clock, probes
        self._hosts: Mapping[str, Host] = {}
        self._hosts_at = -1.0
        self._servers, self._servers_at = tuple[ManagementServer, ...](), -SERVERS_FRESH_S - 1
        self._alerts: tuple[Alert, ...] | None = None
        self._alerts_at = -ALERTS_FRESH_S - 1
        self._marked: dict[bool, tuple[float, frozenset[str]]] = {}
        self._confirmed: dict[str, float] = {}  # since which end of a job each unit's endpoints are to answer again

    # --- jobs

    def notice(self, jobs: Sequence[InFlight]) -> None:
        """Jobs of others that are known to run."""
        self._working |= {job.job_id: job for job in jobs}

    def ask_jobs(self, own: Collection[str]) -> None:
        """What runs now; of jobs that are not ours an event tells what they work on."""
        at = self._clock()
        self.jobs = self._server.running()
        self.jobs_at = at
        unknown = [job_id for job_id in self.jobs if job_id not in self._working and job_id not in own]
        if unknown:
            told = {job.job_id: job for job in self._server.in_flight(self.jobs)}
            self.notice([told.get(job_id) or InFlight(job_id, "", None, frozenset()) for job_id in unknown])

    def applies_rules(self, job: InFlight) -> bool:
        """Whether its id is one by which a run of ours only applies rules."""
        return any(
            purpose_of(job.job_id, zone_id, object_id, self._target) is Purpose.APPLY_RULES
            for zone_id in self.zones
            for object_id in job.resource_ids
        )

    def foreign(self, ids: frozenset[str], known: Collection[str]) -> tuple[InFlight, ...]:
        """Jobs on a unit of which it does not know the end."""
        return tuple(job for job in self._working.values() if job.job_id not in known and job.resource_ids & ids)

    # --- units

    def observe(self, asked: Sequence[Asked], ask_jobs: Callable[[], None]) -> list[Facts | Trouble]:
        """Each unit as it is now; what only one unit's reading meets is that unit's trouble.

        :raises ApiError: when the server itself is not there.
        """
        # Before the VMs: a job that ends while they are read is then waited for. After them: of one that has begun
        # meanwhile the unit hears before anything is sent.
        self._freshen_jobs(ask_jobs)
        vms = self._read([(each.planned, each.request.new_disks) for each in asked])
        self._freshen_jobs(ask_jobs)
        return [self._facts(each, found) for each, found in zip(asked, vms, strict=True)]

    def _freshen_jobs(self, ask_jobs: Callable[[], None]) -> None:
        if self._clock() - self.jobs_at > JOBS_FRESH_S:
            ask_jobs()

    def _read(self, units: Sequence[tuple[Unit, bool]]) -> list[list[Vm] | ApiError]:
        plain = [unit for unit, new_disks in units if unit.kind in (Kind.NETWORK, Kind.VPC) and not new_disks]
        shared: Mapping[str, list[Vm]] = {}
        if len(plain) > self._server.router_pages:
            try:
                shared = self._server.read_routers_of(plain)
            except LOST:
                raise
            except ApiError:
                pass  # each is read on its own then
        answers: list[list[Vm] | ApiError] = []
        for unit, new_disks in units:
            try:
                listed = shared.get(unit.id)
                # A listing that comes short is no word about one unit: it is asked for by its own id.
                answers.append(listed if listed else self._server.read(unit, new_disks=new_disks))
            except LOST:
                raise
            except ApiError as error:
                answers.append(error)
        return answers

    def _facts(self, asked: Asked, vms: list[Vm] | ApiError) -> Facts | Trouble:
        if isinstance(vms, ApiError):
            return Trouble(vms)
        unit, request, first = asked.unit, asked.request, asked.record.first
        neighbours: tuple[Vm, ...] = ()
        if unit.kind.is_system_vm or unit.kind is Kind.INTERNAL_LB:
            neighbours = tuple(vm for vm in vms if vm.id not in first and vm.id in self.known_vms)
            vms = [vm for vm in vms if vm not in neighbours]
            self._probes.follow(unit.id, vms)
        staying, going = members(vms, first)
        more: dict[str, Any] = {}
        try:
            owner = self._server.owner(unit) if request.full or request.tiers else unit
            if request.full:
                more = {"full": True, "found": owner is not None, "version": self._server.version()}
                if request.new_disks:
                    more["zone_disabled"] = unit.zone_id in self._server.disabled_zones()
            unit = owner or unit
            there = tuple(sorted(staying, key=lambda vm: (vm.name, vm.id)))
            unit = unit if there == unit.vms else replace(unit, vms=there)  # what is known of it goes with it
            if request.since is not None and unit.kind.is_router:
                more["marked"] = self._marked_of(unit, request.since)
            if request.watched is not None:
                more |= {"alerts": self._read_alerts(), "gaps": self._probes.gaps_since(unit.id, request.watched)}
            more["away"] = self.away(unit, fresh_s=JOBS_FRESH_S if request.full else HOSTS_FRESH_S)
        except LOST:
            raise
        except ApiError as error:
            return Trouble(error)
        ids = unit.resource_ids() | asked.planned.resource_ids() | {vm.id for vm in going} | first.keys()
        return Facts(
            unit,
            self.jobs_at,
            going=going,
            foreign=self.foreign(ids, asked.record.job_ids),
            neighbours=neighbours,
            silent=self._silent(asked),
            **more,
        )

    def away(self, unit: Unit, *, fresh_s: float = HOSTS_FRESH_S) -> tuple[str, ...]:
        """The hosts of a unit that take nothing, in words.

        :param fresh_s: how old the knowledge may be.
        """
        if not unit.host_ids:
            return ()
        if self._hosts_at <= self.lost_at or self._clock() - self._hosts_at >= fresh_s:
            first, self._hosts = self._hosts_at < 0, self._server.hosts()
            self._hosts_at = self._clock()
            if first and any(host.connects for host in self._hosts.values()):
                self.lost_at = self._hosts_at  # it may have restarted a moment before this rollout began
        hosts = [host for identity in unit.host_ids if (host := self._hosts.get(identity))]
        return tuple(f"{host.name} is {host.trouble}" for host in hosts if host.trouble)

    def leaving(self) -> str:
        """The management servers that are about to go, in words; empty where nothing would break off by it."""
        leaving = [server for server in self._all_servers() if server.leaving and self._server.breaks_off]
        return ", ".join(f"{server.name} is {server.state}" for server in leaving)

    def moved(self) -> str:
        """Why nothing is to be begun any more, where a management server runs another version now; empty else."""
        runs = ", ".join(
            f"{server.name} runs {server.version}"
            for server in self._all_servers()
            if server.up and server.parsed and str(server.parsed) != self._target
        )
        return f"{runs} now, and this run upgrades to {self._target}" if runs else ""

    def _all_servers(self) -> Sequence[ManagementServer]:
        if self._clock() - self._servers_at > SERVERS_FRESH_S:
            self._servers, self._servers_at = self._server.servers(), self._clock()
        return self._servers

    def _read_alerts(self) -> tuple[Alert, ...] | None:
        if self._clock() - self._alerts_at > ALERTS_FRESH_S:
            alerts, self._alerts_at = self._server.alerts(), self._clock()
            self._alerts = None if alerts is None else tuple(alerts)
        return self._alerts

    def _marked_of(self, unit: Unit, since: float) -> frozenset[str]:
        marked = self._marked_list(False, since) & frozenset(unit.network_ids)
        return marked | (self._marked_list(True, since) & {unit.id} if unit.kind is Kind.VPC else frozenset())

    def _marked_list(self, vpcs: bool, since: float) -> frozenset[str]:
        at, found = self._marked.get(vpcs, (-1.0, frozenset()))
        if at < since:
            at, found = self._clock(), self._server.marked_for_restart(vpcs=vpcs)
            self._marked[vpcs] = (at, found)
        return found

    # --- from outside

    def _silent(self, asked: Asked) -> tuple[str, ...] | None:
        """What answered before anything was sent and does not answer now; None while some has not been tried again."""
        if not self._probes.on or not asked.request.proof:
            return ()
        over_at = asked.record.over_at or 0.0
        if self._confirmed.get(asked.unit.id) != over_at:
            self._confirmed[asked.unit.id] = over_at
            self._probes.confirm(asked.unit.id)
        missing = self._probes.unconfirmed(asked.unit.id)
        silent = tuple(each.silence for each in missing if each.lost_since is not None)
        return silent if silent or not missing else None
