# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the engine asks of a management server, in one place that tests can replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError, SubmitUncertainError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, job_result, running_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import parse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Host,
    InFlight,
    common_version,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.lists import Lists, read_management_servers
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.read import read_setting
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version, parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import SYSTEM_VM_KINDS, Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Check, checks_of

MOST_ALERTS = 100  # that are looked at
VERSION_CHECK = "router.version.check"


@dataclass(frozen=True)
class Alert:
    """What the server alerts people to."""

    id: str
    description: str
    sent: float  # seconds since the epoch, by the server's clock


class Server:
    """The management server as the engine sees it. Reads are retried by the client, submits never are."""

    def __init__(self, lists: Lists) -> None:
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

    def in_flight(self, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
        """Which objects the running jobs work on."""
        return read_in_flight(self._lists, jobs)

    def read(self, unit: Unit, method: Method) -> list[Vm]:
        """The unit's VMs as they are now; after what may change the disk also what their ROOT volumes tell.

        A recreated system VM or internal LB VM comes back under another id: then all of its kind and place are read.
        """
        keeps_disk = method is Method.LIVE_PATCH or (method is Method.RESTART and not unit.kind.is_system_vm)
        vms = self._read(unit, method)
        return vms if keeps_disk else [parse.with_root_volume(vm, self._root_volume(vm)) for vm in vms]

    def _root_volume(self, vm: Vm) -> Mapping[str, Any] | None:
        return self._lists.root_volumes(virtualmachineid=vm.id).get(vm.id)

    def _read(self, unit: Unit, method: Method) -> list[Vm]:
        if unit.kind.is_system_vm:
            if method is Method.RECREATE:
                kinds = {kind: name for name, kind in SYSTEM_VM_KINDS.items()}
                return self._lists.system_vms(zoneid=unit.zone_id, systemvmtype=kinds[unit.kind])
            return self._lists.system_vms(id=unit.id)
        if unit.kind is Kind.INTERNAL_LB:
            if method is Method.RECREATE:
                return self._lists.internal_lbs(networkid=unit.vms[0].network_id)
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
        return frozenset(listed(_id, restartrequired=True))

    def version(self) -> Version | None:
        """The one version of all management servers that are Up; None while they differ."""
        return common_version(read_management_servers(self._client))

    def checked_minimum(self, zone_id: str) -> Version | None:
        """Below which version of its template a router is sent rules only while its checksum is that of the server's
        own scripts (NetworkHelperImpl.checkRouterVersion); None where the server does not look at it, or cannot be
        asked."""
        try:
            if (read_setting(self._client, VERSION_CHECK) or "true").lower() != "true":
                return None
            own = read_setting(self._client, parse.MINIMUM_VERSION, zone_id)
            return parse_version(own or read_setting(self._client, parse.MINIMUM_VERSION))
        except ApiError as error:
            if not error.rejected:
                raise
            return None

    def alerts(self) -> list[Alert] | None:
        """The newest alerts (listAlerts); None where the account may not list them."""
        answer = self._unless_refused(partial(self._client.page, "listAlerts", 1, MOST_ALERTS))
        return None if answer is None else [_alert(item) for item in answer.get("alert") or ()]

    def start_ping(self, vm: Vm) -> str | None:
        """Have a router reach for its gateway (runDiagnostics, an asynchronous job); the job's id.

        :returns: None where the server cannot or may not do that.
        """
        try:
            return self._client.submit("runDiagnostics", targetid=vm.id, type="ping", ipaddress=vm.gateway)
        except SubmitUncertainError:
            return None
        except ApiError as error:
            if not error.rejected:
                raise
            return None

    def health_checks(self, vm: Vm) -> dict[str, Check] | None:
        """A router's health checks by name, run now as far as it can run them; None where the server cannot tell.

        Not where a failing check makes the server recreate the router. The field healthchecksfailed of listRouters is
        no help: 4.22 says false of routers whose checks fail.
        """
        answer = self._unless_refused(
            partial(self._client.read, "getRouterHealthCheckResults", routerid=vm.id, performfreshchecks=True)
        )
        return None if answer is None else checks_of(answer)

    def _unless_refused(self, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """What a server answers that may not be able, or allowed, to answer: then None."""
        try:
            return ask()
        except ApiError as error:
            if not error.rejected:
                raise
            return None


def _alert(item: Mapping[str, Any]) -> Alert:
    return Alert(str(item["id"]), str(item.get("description", "")), moment(item.get("sent")) or 0.0)


def _id(item: Mapping[str, Any]) -> str:
    return str(item["id"])
