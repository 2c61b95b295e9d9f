# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the engine asks of a management server, in one place that tests can replace."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, job_result, running_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.estate import read_routers, read_system_vms
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import InFlight, Unit, UnitType, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.actions import Stage


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

    def read(self, unit: Unit) -> list[Vm]:
        """The unit's VMs as they are now, without what only a volume tells."""
        if unit.type is UnitType.SYSTEM_VM:
            return read_system_vms(self._client, id=unit.id)
        if unit.type is UnitType.VPC:
            return read_routers(self._client, vpcid=unit.id)
        if unit.type is UnitType.NETWORK:
            return read_routers(self._client, networkid=unit.id)
        return read_routers(self._client, id=unit.id)
