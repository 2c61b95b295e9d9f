# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the jobs that a rollout waits for have ended: its own, and those of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..api.errors import ApiError
from ..api.jobs import Job, JobStatus
from ..units.next_action import KNOWN_S
from ..units.record import Attempt
from .poll_schedule import PollSchedule
from .requests import OthersEnd
from .server import Server
from .submitter import Underway
from .view import LOST, View


class JobWatch:
    """One rollout's.

    :param job_timeout: for how long a job may run, and so be unknown, at most.
    """

    def __init__(
        self, server: Server, view: View, pace: PollSchedule, clock: Callable[[], float], job_timeout: float
    ) -> None:
        self._server, self._view, self._pace, self._clock = server, view, pace, clock
        self._known_s = min(KNOWN_S, job_timeout)

    def ends(self, underway: Iterable[Underway], asked_at: float) -> dict[str, Job]:
        """How jobs of ours ended, by id; without those that run, or that a node that lags may not know yet.

        :param asked_at: when the server was asked what runs.
        """
        gone = []
        for sent in underway:
            if sent.job_id in self._view.jobs:
                sent.seen_at = asked_at
            else:
                gone.append(sent)
        results = self._results(sent.job_id for sent in gone)
        return {sent.job_id: job for sent, job in zip(gone, results, strict=True) if self._is_end(sent, job, asked_at)}

    def _is_end(self, sent: Underway, job: Job, asked_at: float) -> bool:
        last = sent.seen_at or sent.since
        if job.status is JobStatus.RUNNING or (
            job.status is JobStatus.EXPIRED and self._clock() - last < self._known_s
        ):
            return False
        if job.error() is None:
            self._pace.learn_job(sent.call.expected_s, asked_at - sent.since, last - sent.since)
        if job.status is JobStatus.LOST:
            self._view.lost_at = self._clock()  # its server has to find its hosts again
        return True

    def ends_of(self, wait: OthersEnd) -> list[Attempt] | None:
        """How jobs of others ended, in the order in which they began; None while any runs."""
        if any(job.job_id in self._view.jobs for job in wait.jobs):
            return None
        results = self._results(job.job_id for job in wait.jobs)
        ends = sorted(zip(results, wait.jobs, strict=True), key=lambda end: end[0].created)
        now = self._clock()
        return [
            Attempt(
                None,
                now,
                now,
                end,
                ours=False,
                error=str(end.error() or ""),
                resource_ids=job.resource_ids,
                only_rules=self._view.applies_rules(job),
            )
            for end, job in ends
        ]

    def _results(self, job_ids: Iterable[str]) -> list[Job]:
        """:raises ApiError: when the server is lost. Of other errors one by one a job is EXPIRED: asked for again."""
        asked, found = list(job_ids), []
        for job_id, job in zip(asked, self._server.results(asked), strict=True):
            if isinstance(job, LOST):
                raise job
            found.append(Job(job_id, JobStatus.EXPIRED, errortext=job.errortext) if isinstance(job, ApiError) else job)
        return found
