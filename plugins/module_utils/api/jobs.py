# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asynchronous jobs: what the server says of them, and what that means."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .client import Client
from .errors import ApiError, JobFailedError, JobLostError, MalformedAnswerError, NotFoundError
from .secrets import without_secrets


class JobStatus(enum.Enum):
    """How a job stands. All but RUNNING are final; LOST, CANCELLED and EXPIRED leave open what was done."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_END_WITHOUT_RESULT = {
    JobStatus.LOST: "the management server was restarted or stopped while the job ran",
    JobStatus.CANCELLED: "the management server cancelled the job because it blocked others for longer than the "
    "setting job.cancel.threshold.minutes",
    JobStatus.EXPIRED: "the management server does not know the job: it forgets jobs that are older than the setting "
    "job.expire.minutes",
}


@dataclass(frozen=True)
class Job:
    """One asynchronous job as of the moment it was read (queryAsyncJobResult, listAsyncJobs).

    C(command) is the server's short class name such as C(RestartNetworkCmd); C(created) and C(completed) are the
    server's own strings (ISO 8601 with offset); C(result) is C(jobresult), empty unless the job ended with an object.
    """

    id: str
    status: JobStatus
    command: str = ""
    created: str = ""
    completed: str = ""
    instance_type: str = ""
    instance_id: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    errorcode: int | None = None
    errortext: str | None = None

    def error(self) -> ApiError | None:
        """The end of a job in words: None while it runs or when it succeeded.

        :returns: JobFailedError with the server's reason, or JobLostError when nobody knows what was done.
        """
        if self.status in (JobStatus.RUNNING, JobStatus.SUCCEEDED):
            return None
        reason = _END_WITHOUT_RESULT.get(self.status)
        kind: type[ApiError] = JobLostError if reason else JobFailedError
        end = "ended without a result" if reason else "failed"
        why = reason or (self.errortext or "the management server gave no reason").rstrip(".")
        return kind(
            f"{self.command or 'The'} job {self.id} {end}: {why}.",
            command=self.command or None,
            errorcode=self.errorcode,
            errortext=self.errortext,
            job_id=self.id,
        )


def parse_job(entry: Mapping[str, Any]) -> Job:
    """Understand an item of listAsyncJobs or the answer of queryAsyncJobResult.

    A job that ended without C(jobresult) was LOST with its server (jobresultcode 530) or CANCELLED by it (code 0).

    :raises MalformedAnswerError: without a job id or with an unknown C(jobstatus).
    """
    job_id, number, code = entry.get("jobid"), entry.get("jobstatus"), entry.get("jobresultcode")
    if not isinstance(job_id, str) or not isinstance(number, int) or number not in (0, 1, 2):
        raise MalformedAnswerError("The answer about a job has no 'jobid', or no 'jobstatus' from 0 to 2.")
    result = entry.get("jobresult")
    status = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)[number]
    text, own = (result.get("errortext"), result.get("errorcode")) if isinstance(result, Mapping) else (result, None)
    if status is JobStatus.FAILED:
        end = JobStatus.CANCELLED if code == 0 else JobStatus.LOST
        status = _lost_end(text) or (status if result else end)
    return Job(
        id=job_id,
        status=status,
        command=_text(entry, "cmd").rpartition(".")[2],
        created=_text(entry, "created"),
        completed=_text(entry, "completed"),
        instance_type=_text(entry, "jobinstancetype"),
        instance_id=_text(entry, "jobinstanceid"),
        result=result if isinstance(result, Mapping) else {},
        # Until 4.18.0 the job says 530 of every failure, and its result what it was.
        errorcode=next((each for each in (own, code) if isinstance(each, int)), None) if number == 2 else None,
        errortext=without_secrets(str(text)) if number == 2 and text else None,
    )


def running_jobs(client: Client) -> dict[str, Job]:
    """All jobs in progress by id, in one listing (listAsyncJobs; jobs of project accounts are not in it).

    Without the pseudo jobs of threads, which older servers list as well.

    :raises ApiError: as Client.list.
    """
    entries = client.list("listAsyncJobs", "asyncjobs", listall=True)
    return {job.id: job for job in map(parse_job, entries) if job.instance_type != "Thread"}


def job_result(client: Client, job_id: str) -> Job:
    """One job, running or ended (queryAsyncJobResult). A job that the server does not know is EXPIRED, no error.

    CloudStack 4.18 and 4.19 answer with an error, "Unable to serialize: Job is cancelled ...", where later ones say
    that the job ended without a result; to the caller it is the same.

    :raises ApiError: as Client.read.
    """
    [job] = job_results(client, [job_id])
    if isinstance(job, ApiError):
        raise job
    return job


def job_results(client: Client, job_ids: Sequence[str]) -> list[Job | ApiError]:
    """The same of several jobs, of which several are asked for at a time; an error of one is in its place."""
    answers = client.read_each("queryAsyncJobResult", [{"jobid": job_id} for job_id in job_ids])
    return [_job_of(job_id, answer) for job_id, answer in zip(job_ids, answers, strict=True)]


def _job_of(job_id: str, answer: dict[str, Any] | ApiError) -> Job | ApiError:
    if isinstance(answer, dict):
        return parse_job({"jobid": job_id, **answer})
    status = JobStatus.EXPIRED if isinstance(answer, NotFoundError) else _lost_end(answer.errortext)
    return answer if status is None else Job(job_id, status, errorcode=answer.errorcode, errortext=answer.errortext)


def _lost_end(text: object) -> JobStatus | None:
    """Whether these words of the server (AsyncJobManagerImpl.java) say that the job has no result, and why."""
    if "blocking others for too long" in str(text):
        return JobStatus.CANCELLED
    if "management server restart or shutdown" in str(text) or "Unable to serialize" in str(text):
        return JobStatus.LOST
    return None


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
