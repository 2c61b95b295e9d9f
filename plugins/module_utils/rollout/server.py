# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the engine asks of a management server, in one place that tests can replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from ..api.ahead import in_a_thread
from ..api.errors import ApiError, SubmitUncertainError
from ..api.jobs import Job, job_result, job_results, running_jobs
from ..cloud import items as parse
from ..cloud.in_flight import read_in_flight
from ..cloud.infrastructure import Alert, Host, InFlight, ManagementServer, common_version
from ..cloud.lists import Lists, read_management_servers
from ..cloud.model import Unit, Vm
from ..cloud.moments import moment
from ..knowledge.differences import SHUTDOWN_LETS_JOBS_END
from ..knowledge.versions import Version
from ..knowledge.vocabulary import SYSTEM_VM_KINDS, Kind
from ..units.calls import Call
from ..units.health import Checks, checks_of

HEALTH_S = 300.0  # how long a router may take to run its health checks
T = TypeVar("T")
MOST_ALERTS = 100  # that are looked at


class PendingChecks(Protocol):
    """A router's health checks, asked for and not waited for."""

    def done(self) -> bool:
        """Whether there is a result."""

    def result(self) -> Checks | None:
        """The checks by name; None where the server could not run them."""


class Server:
    """The management server as the engine sees it. Nothing is repeated here: the scheduler decides what is.

    :param router_pages: how many pages a list of all routers has.
    """

    def __init__(self, lists: Lists, *, router_pages: int = 1) -> None:
        self.router_pages = router_pages
        self._lists, self._client = lists, lists.client

    def submit(self, call: Call, job_id: str | None) -> str:
        """Send one call; the job's id.

        :param job_id: the id that the job is to have.
        :raises JobExistsError: when there is a job of that id.
        :raises JobIdRefusedError: when the server objects to the id.
        :raises SubmitUncertainError: when the answer was lost and the server may have taken it.
        :raises ApiError: when it was surely not accepted.
        """
        return self._client.submit(call.command, job_id=job_id, **call.params)

    def running(self) -> dict[str, Job]:
        """All running jobs by id, in one question."""
        return running_jobs(self._client)

    def result(self, job_id: str) -> Job:
        return job_result(self._client, job_id)

    def results(self, job_ids: Sequence[str]) -> list[Job | ApiError]:
        """The same of several jobs, asked side by side; an error of one is in its place."""
        return job_results(self._client, job_ids)

    def in_flight(self, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
        """Which objects the running jobs work on."""
        return read_in_flight(self._lists, jobs)

    def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
        """The unit's VMs as they are now.

        :param new_disks: whether they may have new disks: then also what their ROOT volumes tell. A recreated system
            VM or internal LB VM comes back under another id: then all of its kind and place are read, and so they are
            of a system VM that is gone, whoever has destroyed it.
        """
        vms = self._read(unit, new_disks=new_disks)
        if not new_disks:
            return vms
        return [parse.with_root_volume(vm, self._lists.root_volumes(virtualmachineid=vm.id).get(vm.id)) for vm in vms]

    def read_routers_of(self, units: Sequence[Unit]) -> dict[str, list[Vm]]:
        """The routers of networks and VPCs, from one list of all there are."""
        found: dict[str, list[Vm]] = {unit.id: [] for unit in units}
        routers = self._lists.routers()
        self.router_pages = max(1, -(-len(routers) // self._client.page_size))
        for vm in routers:
            key = vm.vpc_id or vm.network_id or ""
            if key in found:
                found[key].append(vm)
        return found

    def owner(self, unit: Unit) -> Unit | None:
        """The unit with its network, or VPC and tiers, as they are now; None where that is not there any more.

        An internal LB VM is its network's.
        """
        if unit.kind is Kind.NETWORK:
            network = self._lists.network(unit.id)
            balanced = unit.network is not None and unit.network.has_load_balancer
            return None if network is None else replace(unit, network=replace(network, has_load_balancer=balanced))
        if unit.kind is Kind.VPC:
            vpc = self._lists.vpc(unit.id)
            balancing = {tier.id for tier in (unit.vpc.tiers if unit.vpc else ()) if tier.has_load_balancer}
            tiers = [tier for identity in (vpc.tier_ids if vpc else ()) if (tier := self._lists.network(identity))]
            known = tuple(replace(tier, has_load_balancer=tier.id in balancing) for tier in tiers)
            return None if vpc is None else replace(unit, vpc=replace(vpc, tiers=known))
        if unit.kind is Kind.INTERNAL_LB and unit.network_ids and self._lists.network(unit.network_ids[0]) is None:
            return None
        return unit

    def _read(self, unit: Unit, *, new_disks: bool) -> list[Vm]:
        if unit.kind.is_system_vm:
            if not new_disks and (found := self._lists.system_vms(id=unit.id)):
                return found
            kinds = {kind: name for name, kind in SYSTEM_VM_KINDS.items()}
            return self._lists.system_vms(zoneid=unit.zone_id, systemvmtype=kinds[unit.kind])
        if unit.kind is Kind.INTERNAL_LB:
            if new_disks and unit.network_ids:
                return self._lists.internal_lbs(networkid=unit.network_ids[0])
            return self._lists.internal_lbs(id=unit.id)
        if unit.kind is Kind.VPC:
            return self._lists.routers(vpcid=unit.id)
        return self._lists.routers(networkid=unit.id)

    def hosts(self) -> dict[str, Host]:
        """The hypervisor hosts by id, as they are now."""
        return {host.id: host for host in self._lists.hosts(details="min")}

    def marked_for_restart(self, *, vpcs: bool) -> frozenset[str]:
        """The networks, or the VPCs, that the server wants to be restarted (restartrequired), by id."""
        listed = self._lists.vpcs if vpcs else self._lists.networks
        return frozenset(listed(lambda item: str(item["id"]), restartrequired=True))

    def disabled_zones(self) -> frozenset[str]:
        """Nothing new is deployed in these."""
        return frozenset(zone.id for zone in self._lists.zones() if not zone.enabled)

    def version(self) -> Version | None:
        """The one version of all management servers that are Up; None while they differ."""
        return common_version(read_management_servers(self._client))

    @property
    def breaks_off(self) -> bool:
        """Whether what is begun while a management server is about to go would break off."""
        return not SHUTDOWN_LETS_JOBS_END.holds(self._lists.version)

    def servers(self) -> tuple[ManagementServer, ...]:
        """The management servers, as they are now."""
        return read_management_servers(self._client)

    def alerts(self) -> list[Alert] | None:
        """The newest alerts (listAlerts); None where the account may not list them."""
        answer = self._unless_refused(partial(self._client.page, "listAlerts", 1, MOST_ALERTS))
        if answer is None:
            return None
        told = answer.get("alert") or ()
        return [Alert(str(i["id"]), str(i.get("description", "")), moment(i.get("sent")) or 0.0) for i in told]

    def start_ping(self, vm: Vm) -> str | None:
        """Have a router reach for its gateway (runDiagnostics, an asynchronous job); the job's id.

        :returns: None where the server cannot or may not do that.
        """
        ask = partial(self._client.submit, "runDiagnostics", targetid=vm.id, type="ping", ipaddress=vm.gateway)
        try:
            return self._unless_refused(ask)
        except SubmitUncertainError:
            return None

    def health_checks(self, vm: Vm) -> Checks | None:
        """A router's health checks by name, run now as far as it can run them; None where the server cannot tell.

        Asked once and with a time limit of its own: each question has the router run its checks. Not where a failing
        check makes the server recreate the router. The field healthchecksfailed of listRouters is no help: 4.22 says
        false of routers whose checks fail.
        """
        try:
            answer = self._client.once("getRouterHealthCheckResults", HEALTH_S, routerid=vm.id, performfreshchecks=True)
        except ApiError:
            return None
        return checks_of(answer)

    def start_health_checks(self, vm: Vm) -> PendingChecks:
        """The same without waiting for it: the server answers when the router has run them, which may take minutes."""
        pending: Future[Checks | None] = in_a_thread(partial(self.health_checks, vm))
        return pending

    def _unless_refused(self, ask: Callable[[], T]) -> T | None:
        """What a server answers that may not be able, or allowed, to answer: then None."""
        try:
            return ask()
        except ApiError as error:
            if not error.rejected:
                raise
            return None
