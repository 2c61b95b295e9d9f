# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends a call at most once for its purpose, by the server's own guard where it has one.

It never waits, and never repeats what was refused.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ..api import errors
from ..api.jobs import Job, JobStatus
from ..cloud.job_ids import job_id_of
from ..knowledge.server_texts import Meaning, meaning_of
from ..units.calls import Call
from ..units.record import Attempt
from .requests import Trouble
from .server import Server

# The server surely did not act on it, and may do so later.
NOT_NOW = (errors.UnavailableError, errors.RateLimitedError, errors.AuthenticationError)


class Guard(str, enum.Enum):
    """What keeps a call from being carried out twice."""

    UNKNOWN = "unknown"  # nothing was sent yet
    JOB_IDS = "job ids"  # the server takes each job id once
    EVENTS = "events"  # it does not know the parameter: what runs is told by events, a lost answer by what it did


@dataclass
class Underway:
    """A job that was sent, by us or by somebody else for the same purpose.

    :ivar since: when, on the rollout's clock.
    :ivar doubt: the error with which its answer was lost; empty where it was not.
    :ivar seen_at: when it was last seen to run.
    """

    job_id: str
    call: Call
    since: float
    ours: bool = True
    doubt: str = ""
    seen_at: float | None = None


class Submitter:
    """One rollout's.

    :param target: the version that is upgraded to; part of the ids.
    :param note: told what is out of the ordinary about an id, in words.
    :ivar guard: what keeps a call from being carried out twice; an earlier step may know it.
    """

    def __init__(
        self, server: Server, target: str, note: Callable[[str], None], clock: Callable[[], float], guard: Guard
    ) -> None:
        self.guard = guard
        self._server, self._target, self._note, self._clock = server, target, note, clock
        self._used: Counter[tuple[str, str]] = Counter()  # numbers of attempts whose jobs have ended, by purpose

    def submit_once(self, zone_id: str, call: Call, since: float | None) -> Underway | Attempt | Trouble | None:
        """Send a call, or find the job that it has already.

        :param since: an ended job for the same purpose counts if it succeeded and began then or later, by the server's
            clock.
        :returns: None where there is such a job that has ended and does not count: what is known of the unit may be
            older than what it did, as that of another run. The next call has another id.
        """
        key = (call.object_id, call.purpose.value)
        while True:
            job_id = None
            if self.guard is not Guard.EVENTS:
                job_id = job_id_of(zone_id, call.object_id, call.purpose, self._target, self._used[key] + 1)
            now = self._clock()
            try:
                answered = self._server.submit(call, job_id)
            except errors.JobExistsError:
                self.guard = Guard.JOB_IDS
                found = self._found(call, job_id or "", since, now)
                if found is None:
                    self._used[key] += 1  # it did not do what is wanted now, or is another command's
                return found
            except errors.JobIdRefusedError as error:
                self._fall_back(f"it refused a job id ({error.message})")
            except errors.ApiError as error:
                return self._not_answered(call, job_id, error, now)
            else:
                if job_id is not None and answered != job_id:
                    self._fall_back("it gave a job an id of its own")
                elif job_id is not None:
                    self.guard = Guard.JOB_IDS
                return Underway(answered, call, now)

    def _found(self, call: Call, job_id: str, since: float | None, now: float) -> Underway | Attempt | None:
        """The job that the server says it has: still at work, or done; None where it does not count."""
        job = self._job(job_id)
        if job.command not in ("", call.job_class):
            return None
        if job.status in (JobStatus.RUNNING, JobStatus.EXPIRED):  # a node that lags may not know it yet
            return Underway(job_id, call, now, ours=False)
        found = Attempt(call, now, now, job, ours=False)
        if since is None or job.error() is not None or (found.began or 0.0) < since:
            return None
        self._used[(call.object_id, call.purpose.value)] += 1
        return found

    def _not_answered(
        self, call: Call, job_id: str | None, error: errors.ApiError, now: float
    ) -> Underway | Attempt | Trouble:
        if isinstance(error, errors.SubmitUncertainError) or not error.rejected:
            if job_id is not None:  # the same id may be asked for, and sent again
                return Underway(job_id, call, now, doubt=str(error))
            return Attempt(call, now, self._clock(), error=str(error), guarded=False)
        if isinstance(error, NOT_NOW):
            return Trouble(error)
        return Attempt(call, now, self._clock(), error=str(error), taken=False)

    def ended(self, sent: Underway, job: Job) -> Attempt:
        """What became of it.

        :param job: EXPIRED where the server does not know it, and has had time to.
        """
        if sent.doubt and job.status is JobStatus.EXPIRED:
            return Attempt(sent.call, sent.since, self._clock(), error=sent.doubt)
        self._used[(sent.call.object_id, sent.call.purpose.value)] += 1
        error = str(job.error() or "")
        # Of a VPC's tiers some may have been restarted before one was refused.
        refused = meaning_of(error) is Meaning.REFUSED and sent.call.command != "restartVPC"
        return Attempt(sent.call, sent.since, self._clock(), job, sent.ours, error, taken=not refused)

    def _job(self, job_id: str) -> Job:
        try:
            return self._server.result(job_id)
        except errors.ApiError:
            return Job(job_id, JobStatus.RUNNING)  # it is asked for again

    def _fall_back(self, why: str) -> None:
        self.guard = Guard.EVENTS
        self._note(f"the server takes no job ids of ours: {why}; what runs is told by events")
