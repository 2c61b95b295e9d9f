# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call is sent exactly once for its purpose, whatever the server answers; and nothing is waited for here."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    AuthenticationError,
    JobExistsError,
    JobIdRefusedError,
    MalformedAnswerError,
    RateLimitedError,
    ServerError,
    SubmitUncertainError,
    UnavailableError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.requests import Trouble
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.submitter import (
    Guard,
    Submitter,
    Underway,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call, apply_rules
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.record import Attempt

CALL = apply_rules("id-n")
EXISTS, REFUSED = JobExistsError("already exists"), JobIdRefusedError("doesn't follow the UUID format")
LOST = SubmitUncertainError("the answer was lost")
BEGAN = "2026-11-29T20:00:00+0000"
BEGAN_AT = moment(BEGAN) or 0.0


def id_of(attempt: int) -> str:
    return job_id_of("z", "id-n", Purpose.APPLY_RULES, "4.22.0.0", attempt)


def job(attempt: int, status: JobStatus, command: str = "RestartNetworkCmd", **more: Any) -> Job:
    return Job(id_of(attempt), status, command=command, created=BEGAN, **more)


class Scripted:
    """Answers submits and questions in turn; an answer that is True accepts the id."""

    def __init__(self, submits: list[object], results: list[Job | ApiError] | None = None) -> None:
        self.submits, self.results = submits, results or []
        self.sent: list[str | None] = []

    def submit(self, call: Call, job_id: str | None) -> str:
        self.sent.append(job_id)
        answer = self.submits.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return str(job_id) if answer is True else str(answer)

    def result(self, job_id: str) -> Job:
        assert job_id == self.sent[-1], "it is asked for by the id that was sent"
        answer = self.results.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer


def submitter(server: Scripted, guard: Guard = Guard.UNKNOWN) -> tuple[Submitter, list[str]]:
    notes: list[str] = []
    return Submitter(cast(Server, server), "4.22.0.0", notes.append, lambda: 7.0, guard), notes


def submitted(
    submits: list[object],
    results: list[Job | ApiError] | None = None,
    *,
    since: float | None = None,
    guard: Guard = Guard.UNKNOWN,
) -> tuple[Underway | Attempt | Trouble | None, Scripted, Submitter]:
    server = Scripted(submits, results)
    made, dummy = submitter(server, guard)
    answer = made.submit_once("z", CALL, since)
    assert not server.submits and not server.results
    return answer, server, made


def test_the_job_has_the_id_that_was_asked_for() -> None:
    server = Scripted([True])
    made, notes = submitter(server)
    sent = made.submit_once("z", CALL, None)
    assert sent == Underway(id_of(1), CALL, 7.0)
    assert (server.sent, made.guard, notes) == ([id_of(1)], Guard.JOB_IDS, [])


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.EXPIRED])
def test_what_already_runs_for_this_purpose_is_waited_for_whoever_sent_it(status: JobStatus) -> None:
    """Also where one node says that there is such a job, and another one does not know it yet."""
    command = "" if status is JobStatus.EXPIRED else "RestartNetworkCmd"
    sent, server, made = submitted([EXISTS], [job(1, status, command)], since=0.0)
    assert sent == Underway(id_of(1), CALL, 7.0, ours=False)
    assert (server.sent, made.guard) == ([id_of(1)], Guard.JOB_IDS), "and nothing is sent without an id"


def test_what_cannot_be_asked_for_now_is_taken_to_run() -> None:
    refused = ServerError("Command failed due to Internal Server Error", errorcode=530, rejected=True)
    sent, *dummy = submitted([EXISTS], [refused])
    assert sent == Underway(id_of(1), CALL, 7.0, ours=False)


def test_what_succeeded_since_then_need_not_be_sent() -> None:
    done = job(1, JobStatus.SUCCEEDED)
    sent, server, made = submitted([EXISTS], [done], since=BEGAN_AT)
    assert sent == Attempt(CALL, 7.0, 7.0, done, ours=False)
    assert server.sent == [id_of(1)]
    server.submits.append(True)
    assert made.submit_once("z", CALL, None) == Underway(id_of(2), CALL, 7.0), "once more means another id"


@pytest.mark.parametrize(
    ("ended", "since"),
    [
        (job(1, JobStatus.SUCCEEDED), BEGAN_AT + 1),  # what put the rules in doubt came later
        (job(1, JobStatus.SUCCEEDED), None),  # nobody knows since when
        (job(1, JobStatus.FAILED, errorcode=530), 0.0),
        (job(1, JobStatus.LOST, errorcode=530), 0.0),
        (job(1, JobStatus.SUCCEEDED, "RebootRouterCmd"), 0.0),  # the id belongs to another command
        (job(1, JobStatus.RUNNING, "RebootRouterCmd"), 0.0),
    ],
)
def test_an_ended_job_that_did_not_do_it_is_passed_over_once_its_unit_was_read_again(
    ended: Job, since: float | None
) -> None:
    sent, server, made = submitted([EXISTS], [ended], since=since)
    assert (sent, server.sent) == (None, [id_of(1)])
    server.submits.append(True)
    assert made.submit_once("z", CALL, since) == Underway(id_of(2), CALL, 7.0)
    assert server.sent == [id_of(1), id_of(2)]


@pytest.mark.parametrize(
    ("submits", "words"),
    [(["an id of its own"], "an id of its own"), ([REFUSED, "j"], "refused a job id")],
)
def test_a_server_that_takes_no_ids_is_told_by_events_from_then_on(submits: list[object], words: str) -> None:
    server = Scripted([*submits, "next"])
    made, notes = submitter(server)
    first = made.submit_once("z", CALL, None)
    assert isinstance(first, Underway) and first.job_id == submits[-1]
    assert made.guard is Guard.EVENTS
    assert words in notes[0] and "events" in notes[0]
    made.submit_once("z", CALL, None)
    assert server.sent[-1] is None
    assert len(notes) == 1


def test_what_an_earlier_step_found_out_is_not_tried_again() -> None:
    sent, server, dummy = submitted(["j"], guard=Guard.EVENTS)
    assert (sent, server.sent) == (Underway("j", CALL, 7.0), [None])


@pytest.mark.parametrize("guard", [Guard.UNKNOWN, Guard.JOB_IDS])
@pytest.mark.parametrize("lost", [LOST, MalformedAnswerError("{"), UnavailableError("reset")])
def test_a_lost_answer_is_asked_for_by_the_id_that_was_sent(lost: ApiError, guard: Guard) -> None:
    """All servers that can live patch take ids."""
    sent, server, made = submitted([lost], guard=guard)
    assert sent == Underway(id_of(1), CALL, 7.0, doubt=str(lost))
    assert made.guard is guard, "it says nothing of ids"
    # Nobody knows of a job: the same id is sent again, which the server takes once.
    ended = made.ended(sent, Job(id_of(1), JobStatus.EXPIRED))
    assert (ended.job, ended.error, ended.taken, ended.guarded) == (None, str(lost), True, True)
    assert ended.uncertain and ended.lost
    server.submits.append(True)
    made.submit_once("z", CALL, None)
    assert server.sent == [id_of(1), id_of(1)]


def test_a_lost_answer_is_never_repeated_where_the_server_takes_no_ids() -> None:
    sent, *dummy = submitted([LOST], guard=Guard.EVENTS)
    assert isinstance(sent, Attempt)
    assert (sent.job, sent.error, sent.taken, sent.guarded) == (None, str(LOST), True, False)
    assert sent.uncertain and sent.lost


@pytest.mark.parametrize(
    "refused",
    [
        UnavailableError("Maintenance or Shutdown has been initiated", rejected=True),
        RateLimitedError("too many calls", rejected=True),
        AuthenticationError("unable to verify user credentials", rejected=True),
    ],
)
@pytest.mark.parametrize("guard", Guard)
def test_what_the_server_does_not_take_now_is_no_attempt(refused: ApiError, guard: Guard) -> None:
    sent, server, made = submitted([refused], guard=guard)
    assert sent == Trouble(refused)
    server.submits.append(True)
    made.submit_once("z", CALL, None)
    assert server.sent[0] == server.sent[1], "it is the same one that is sent later"


def test_any_other_refusal_is_an_attempt_that_was_not_taken() -> None:
    refused = ServerError("no", rejected=True)
    sent, server, made = submitted([refused])
    assert isinstance(sent, Attempt)
    assert (sent.job, sent.error, sent.taken) == (None, str(refused), False)
    assert not sent.uncertain and not sent.lost
    server.submits.append(True)
    made.submit_once("z", CALL, None)
    assert server.sent == [id_of(1), id_of(1)]


@pytest.mark.parametrize(
    ("ended", "error"),
    [
        (job(1, JobStatus.SUCCEEDED), ""),
        (job(1, JobStatus.FAILED, errorcode=530, errortext="Failed to restart network"), "Failed to restart network"),
        (job(1, JobStatus.LOST, errorcode=530), "restarted or stopped"),
        (job(1, JobStatus.EXPIRED), "does not kno"),
    ],
)
@pytest.mark.parametrize("ours", [True, False])
def test_what_became_of_a_job_and_the_next_one_has_another_id(ended: Job, error: str, ours: bool) -> None:
    server = Scripted([True, True] if ours else [EXISTS, True], [] if ours else [job(1, JobStatus.RUNNING)])
    made, dummy = submitter(server)
    sent = made.submit_once("z", CALL, None)
    assert isinstance(sent, Underway)
    attempt = made.ended(sent, ended)
    assert (attempt.job, attempt.ours, bool(attempt.error)) == (ended, ours, bool(error))
    assert error in attempt.error
    made.submit_once("z", CALL, None)
    assert server.sent[-1] == id_of(2)


def test_attempts_are_counted_for_each_purpose_and_object() -> None:
    server = Scripted([True, True])
    made, dummy = submitter(server)
    sent = made.submit_once("z", CALL, None)
    assert isinstance(sent, Underway)
    made.ended(sent, job(1, JobStatus.SUCCEEDED))
    made.submit_once("z", apply_rules("id-m"), None)
    assert server.sent[-1] == job_id_of("z", "id-m", Purpose.APPLY_RULES, "4.22.0.0", 1)
