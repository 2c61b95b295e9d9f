# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call is sent exactly once for its purpose, whatever the server answers."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    JobExistsError,
    JobIdRefusedError,
    ServerError,
    SubmitUncertainError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.sender import RESENDS, Guard, Sender
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call, apply_rules

CALL = apply_rules("id-n")
EXISTS, REFUSED = JobExistsError("already exists"), JobIdRefusedError("doesn't follow the UUID format")
LOST = SubmitUncertainError("the answer was lost")
UNKNOWN = Job("", JobStatus.EXPIRED)


def id_of(attempt: int) -> str:
    return job_id_of("z", "id-n", Purpose.APPLY_RULES, "4.22.0.0", attempt)


class Scripted:
    """Answers submits and questions in turn; an answer that is True accepts the id."""

    def __init__(self, submits: list[object], results: list[Job] | None = None) -> None:
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
        return self.results.pop(0)


def sender(server: Scripted, guard: Guard = Guard.UNKNOWN) -> tuple[Sender, list[str]]:
    notes: list[str] = []
    made = Sender(server, "4.22.0.0", notes.append)
    made.guard = guard
    return made, notes


def test_the_job_has_the_id_that_was_asked_for() -> None:
    server = Scripted([True])
    made, notes = sender(server)
    sent = made.send("z", CALL, 1)
    assert (sent.job_id, sent.ours, sent.found, made.guard, notes) == (id_of(1), True, None, Guard.JOB_IDS, [])


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_an_id_that_exists_is_a_job_for_this_purpose_whoever_sent_it(status: JobStatus) -> None:
    server = Scripted([EXISTS], [Job(id_of(2), status, command="RestartNetworkCmd")])
    made, dummy = sender(server)
    sent = made.send("z", CALL, 2)
    assert (sent.job_id, sent.attempt, sent.ours, made.guard) == (id_of(2), 2, False, Guard.JOB_IDS)
    assert sent.found is not None and sent.found.status is status


def test_an_id_that_belongs_to_another_command_is_passed_over() -> None:
    server = Scripted([EXISTS, True], [Job(id_of(1), JobStatus.SUCCEEDED, command="RebootRouterCmd")])
    made, notes = sender(server)
    assert made.send("z", CALL, 1).job_id == id_of(2)
    assert "belongs to another job (RebootRouterCmd)" in notes[0]


@pytest.mark.parametrize(
    ("submits", "results", "words"),
    [
        (["an id of its own"], [], "an id of its own"),
        ([REFUSED, "j"], [], "refused a job id"),
        ([EXISTS, "j"], [UNKNOWN], "does not know that job"),
    ],
)
def test_a_server_that_takes_no_ids_is_told_by_events_from_then_on(
    submits: list[object], results: list[Job], words: str
) -> None:
    server = Scripted([*submits, "next"], results)
    made, notes = sender(server)
    made.send("z", CALL, 1)
    assert made.guard is Guard.EVENTS
    assert words in notes[0]
    made.send("z", CALL, 1)
    assert server.sent[-1] is None
    assert len(notes) == 1


def test_a_lost_answer_is_asked_for_by_its_id() -> None:
    server = Scripted([LOST], [Job(id_of(1), JobStatus.RUNNING)])
    made, dummy = sender(server)
    sent = made.send("z", CALL, 1)
    assert (sent.job_id, sent.ours, made.guard) == (id_of(1), True, Guard.JOB_IDS)


def test_a_lost_answer_is_never_repeated_where_the_server_may_ignore_ids() -> None:
    server = Scripted([LOST], [UNKNOWN])
    made, dummy = sender(server)
    with pytest.raises(SubmitUncertainError):
        made.send("z", CALL, 1)
    assert len(server.sent) == 1


def test_a_lost_answer_is_repeated_with_the_same_id_where_the_server_takes_each_once() -> None:
    server = Scripted([LOST, EXISTS], [UNKNOWN, Job(id_of(1), JobStatus.RUNNING)])
    made, dummy = sender(server, Guard.JOB_IDS)
    assert made.send("z", CALL, 1).job_id == id_of(1)
    assert server.sent == [id_of(1)] * 2


def test_repeating_ends() -> None:
    server = Scripted([LOST] * (RESENDS + 1), [UNKNOWN] * (RESENDS + 1))
    made, dummy = sender(server, Guard.JOB_IDS)
    with pytest.raises(SubmitUncertainError):
        made.send("z", CALL, 1)


def test_any_other_refusal_is_the_callers() -> None:
    made, dummy = sender(Scripted([ServerError("no", rejected=True)]))
    with pytest.raises(ServerError):
        made.send("z", CALL, 1)
