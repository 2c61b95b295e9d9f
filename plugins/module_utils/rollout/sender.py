# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends a call exactly once for its purpose, by the server's own guard where it has one."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    JobExistsError,
    JobIdRefusedError,
    SubmitUncertainError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call

# With the server's guard a call whose answer was lost may be sent again: it is taken once at most.
RESENDS = 3


class Guard(str, enum.Enum):
    """What keeps a call from being carried out twice."""

    UNKNOWN = "unknown"  # nothing was sent yet
    JOB_IDS = "job ids"  # the server takes each job id once
    EVENTS = "events"  # it does not know the parameter: what runs is told by events, a lost answer by what it did


class JobServer(Protocol):
    """As rollout.server.Server."""

    def submit(self, call: Call, job_id: str | None) -> str:
        """Send it; the id of its job."""

    def result(self, job_id: str) -> Job:
        """How far it is."""


@dataclass(frozen=True)
class Sent:
    """The job of a call.

    :ivar ours: whether this run sent it; else somebody had sent it before, for the same purpose.
    :ivar found: the job as it was found then.
    """

    job_id: str
    attempt: int
    ours: bool = True
    found: Job | None = None


class Sender:
    """Sends calls and remembers which guard the server has.

    :param target: the version that is upgraded to; part of the ids.
    :param note: told what is out of the ordinary about an id, in words.
    """

    def __init__(self, server: JobServer, target: str, note: Callable[[str], None]) -> None:
        self.guard = Guard.UNKNOWN
        self._server = server
        self._target = target
        self._note = note

    def send(self, zone_id: str, call: Call, attempt: int) -> Sent:
        """Send a call, or find the job that it has already.

        :param attempt: the first number that may be free: earlier ones are known to have ended without effect.
        :raises SubmitUncertainError: the answer was lost, and nobody can tell whether there is a job.
        :raises ApiError: it was surely not accepted; or the server is lost.
        """
        resends = RESENDS
        while self.guard is not Guard.EVENTS:
            job_id = job_id_of(zone_id, call.object_id, call.purpose, self._target, attempt)
            ours = False
            try:
                answered = self._server.submit(call, job_id)
            except JobExistsError as error:
                job = self._server.result(job_id)
                if job.status is JobStatus.EXPIRED:
                    self._fall_back(
                        f"it says that a job has the id {job_id}, and does not know that job ({error.message})"
                    )
                    break
            except JobIdRefusedError as error:
                self._fall_back(f"it refused a job id ({error.message})")
                break
            except SubmitUncertainError:
                job = self._server.result(job_id)
                if job.status is JobStatus.EXPIRED:
                    if self.guard is Guard.UNKNOWN or not resends:
                        raise
                    resends -= 1
                    continue  # it was not taken; if it comes late after all, one of the two is refused
                ours = True
            else:
                if answered == job_id:
                    self.guard = Guard.JOB_IDS
                else:
                    self._fall_back("it gave a job an id of its own")
                return Sent(answered, attempt)
            self.guard = Guard.JOB_IDS
            if job.command in ("", call.job_class):
                return Sent(job_id, attempt, ours, job)
            self._note(f"the job id {job_id} belongs to another job ({job.command}); the next one is taken")
            attempt += 1
        return Sent(self._server.submit(call, None), attempt)

    def _fall_back(self, why: str) -> None:
        self.guard = Guard.EVENTS
        self._note(f"the server takes no job ids of ours: {why}; what runs is told by events")
