# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the jobs that are waited for have ended, also where one node knows less than another."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    MalformedAnswerError,
    ServerError,
    UnavailableError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.job_watch import JobWatch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.poll_schedule import PollSchedule
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.requests import OthersEnd
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.submitter import Underway
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.view import View
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import apply_rules
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.next_action import KNOWN_S

SENT_AT = 100.0


class Watched:
    """A watch whose list of running jobs and whose results a test sets."""

    def __init__(self, timeout: float = 3600.0, **results: Job | ApiError) -> None:
        self.now, self.timeout = SENT_AT, timeout
        self.known = results
        self.questions = 0
        self.view = SimpleNamespace(jobs={}, lost_at=-1.0, applies_rules=lambda job: False)
        self.pace = PollSchedule(10.0)
        self.watch = JobWatch(cast(Server, self), cast(View, self.view), self.pace, lambda: self.now, self.timeout)

    def results(self, job_ids: Sequence[str]) -> list[Job | ApiError]:
        self.questions += 1
        return [self.known.get(job_id, Job(job_id, JobStatus.EXPIRED)) for job_id in job_ids]

    def end_of(self, sent: Underway, at: float) -> Job | None:
        self.now = at
        return self.watch.ends([sent], at).get(sent.job_id)


def underway() -> Underway:
    return Underway("j", apply_rules("id-n"), SENT_AT)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.LOST])
def test_what_is_not_listed_any_more_is_asked_for(status: JobStatus) -> None:
    watched = Watched(j=Job("j", status))
    sent = underway()
    watched.view.jobs = {"j": Job("j", JobStatus.RUNNING)}
    assert watched.end_of(sent, 110.0) is None
    watched.view.jobs = {}
    found = watched.end_of(sent, 112.0)
    assert found is not None and found.status is status


def test_jobs_that_ended_together_are_asked_for_together() -> None:
    watched = Watched(a=Job("a", JobStatus.SUCCEEDED), b=ServerError("no", errorcode=530), c=Job("c", JobStatus.FAILED))
    watched.view.jobs = {"d": Job("d", JobStatus.RUNNING)}
    sent = [Underway(job_id, apply_rules("id-n"), SENT_AT) for job_id in "abcd"]
    watched.now = SENT_AT + 5
    ends = watched.watch.ends(sent, SENT_AT + 5)
    assert {job_id: job.status for job_id, job in ends.items()} == {"a": JobStatus.SUCCEEDED, "c": JobStatus.FAILED}
    assert watched.questions == 1


def test_what_is_not_listed_and_says_that_it_runs_runs() -> None:
    assert Watched(j=Job("j", JobStatus.RUNNING)).end_of(underway(), 1e6) is None


def test_a_job_that_a_node_does_not_know_yet_is_not_forgotten() -> None:
    """Counted from when it was last seen to run."""
    watched, sent = Watched(), underway()
    assert watched.end_of(sent, SENT_AT + KNOWN_S - 1) is None
    watched.view.jobs = {"j": Job("j", JobStatus.RUNNING)}
    assert watched.end_of(sent, SENT_AT + KNOWN_S + 50) is None
    watched.view.jobs = {}
    assert watched.end_of(sent, SENT_AT + 2 * KNOWN_S + 49) is None
    found = watched.end_of(sent, SENT_AT + 2 * KNOWN_S + 50)
    assert found is not None and found.status is JobStatus.EXPIRED


def test_a_job_that_nobody_knows_is_not_said_to_run_longer_than_jobs_may() -> None:
    watched = Watched(timeout=6.0)
    assert watched.end_of(underway(), SENT_AT + 5) is None
    found = watched.end_of(underway(), SENT_AT + 6)
    assert found is not None and found.status is JobStatus.EXPIRED


def test_a_refused_question_about_one_job_is_asked_again() -> None:
    watched = Watched(j=ServerError("Internal Server Error", errorcode=530, rejected=True))
    assert watched.end_of(underway(), SENT_AT + 5) is None
    watched.known["j"] = Job("j", JobStatus.SUCCEEDED)
    assert watched.end_of(underway(), SENT_AT + 6) is not None


@pytest.mark.parametrize("error", [UnavailableError("gone"), MalformedAnswerError("{")])
def test_a_server_that_is_lost_is_no_word_about_a_job(error: ApiError) -> None:
    with pytest.raises(type(error)):
        Watched(j=error).end_of(underway(), SENT_AT + 1e6)


@pytest.mark.parametrize(
    ("status", "learned"), [(JobStatus.SUCCEEDED, True), (JobStatus.FAILED, False), (JobStatus.LOST, False)]
)
def test_only_of_jobs_that_succeeded_a_duration_is_learned(status: JobStatus, learned: bool) -> None:
    watched = Watched(j=Job("j", status))
    watched.end_of(underway(), SENT_AT + 9)
    assert watched.pace.known is learned
    assert not learned or 0 < watched.pace.typical(underway().call.expected_s) <= 9


def test_after_a_job_that_died_with_its_server_hosts_are_asked_anew() -> None:
    watched = Watched(j=Job("j", JobStatus.LOST))
    watched.end_of(underway(), 130.0)
    assert watched.view.lost_at == 130.0


def others(*ids: str) -> OthersEnd:
    return OthersEnd(tuple(InFlight(job_id, "X", None, frozenset({f"net-{job_id}"})) for job_id in ids), 60.0)


def test_jobs_of_others_are_told_when_all_have_ended_in_the_order_in_which_they_began() -> None:
    def job(job_id: str, minute: int, status: JobStatus = JobStatus.SUCCEEDED) -> Job:
        return Job(job_id, status, created=f"2026-11-29T20:{minute:02}:00+0000")

    watched = Watched(a=job("a", 7, JobStatus.FAILED), b=job("b", 3))
    watched.view.jobs = {"a": Job("a", JobStatus.RUNNING)}
    assert watched.watch.ends_of(others("a", "b")) is None
    watched.view.jobs = {"c": Job("c", JobStatus.RUNNING)}
    ends: Any = watched.watch.ends_of(others("a", "b"))
    assert [(end.job.id, bool(end.error), set(end.resource_ids)) for end in ends] == [
        ("b", False, {"net-b"}),
        ("a", True, {"net-a"}),
    ]
    assert all(end.call is None and not end.ours for end in ends)


def test_of_a_job_of_others_that_nobody_knows_any_more_nothing_is_taken_for_a_success() -> None:
    ends: Any = Watched().watch.ends_of(others("a"))
    [end] = ends
    assert end.error and end.job is not None and end.job.status is JobStatus.EXPIRED
