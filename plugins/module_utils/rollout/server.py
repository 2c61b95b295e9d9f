# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the engine asks of a management server, in one place that tests can replace."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, job_result, running_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.estate import (
    read_hosts,
    read_internal_lbs,
    read_root_volume,
    read_routers,
    read_system_vms,
    with_root_volume,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    SYSTEM_VM_KINDS,
    InFlight,
    Unit,
    UnitType,
    Vm,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.actions import Stage
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method


class Server:
    """The management server as the engine sees it. Reads are retried by the client, submits never are."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def submit(self, stage: Stage) -> str:
        """Send one stage; the job's id.

        :raises SubmitUncertainError: when the answer was lost and the server may have taken it.
        :raises ApiError: when it was surely not accepted.
        """
        return self._client.submit(stage.command, **stage.params)

    def running(self) -> dict[str, Job]:
        """All running jobs by id, in one question."""
        return running_jobs(self._client)

    def result(self, job_id: str) -> Job:
        return job_result(self._client, job_id)

    def in_flight(self, jobs: Mapping[str, Job] | None = None) -> list[InFlight]:
        """Which objects the running jobs work on."""
        return read_in_flight(self._client, jobs)

    def read(self, unit: Unit, method: Method) -> list[Vm]:
        """The unit's VMs as they are now; after what may change the disk also what their ROOT volumes tell.

        A recreated system VM or internal LB VM comes back under another id: then all of its kind and place are read.
        """
        keeps_disk = method is Method.LIVE_PATCH or (method is Method.RESTART and unit.type is not UnitType.SYSTEM_VM)
        vms = self._read(unit, method)
        return vms if keeps_disk else [with_root_volume(vm, read_root_volume(self._client, vm)) for vm in vms]

    def _read(self, unit: Unit, method: Method) -> list[Vm]:
        if unit.type is UnitType.SYSTEM_VM:
            if method is Method.RECREATE:
                kinds = {kind: name for name, kind in SYSTEM_VM_KINDS.items()}
                return read_system_vms(self._client, zoneid=unit.zone_id, systemvmtype=kinds[unit.kind])
            return read_system_vms(self._client, id=unit.id)
        if unit.type is UnitType.INTERNAL_LB:
            if method is Method.RECREATE:
                return read_internal_lbs(self._client, networkid=unit.vms[0].network_id)
            return read_internal_lbs(self._client, id=unit.id)
        if unit.type is UnitType.VPC:
            return read_routers(self._client, vpcid=unit.id)
        return read_routers(self._client, networkid=unit.id)

    def hosts_up(self, unit: Unit) -> bool:
        """Whether the agents of all hosts that carry the unit are connected."""
        return all(host.state == "Up" for identity in unit.host_ids for host in read_hosts(self._client, id=identity))
