# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs say of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    JobFailedError,
    JobLostError,
    MalformedAnswerError,
    ServerError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import (
    Job,
    JobStatus,
    job_result,
    parse_job,
    running_jobs,
)
from tests.unit.api.conversation import Conversation, client_for, ok, recorded, refusal


def ask(answer: Any) -> Job:
    with client_for(Conversation(("queryAsyncJobResult", {"jobid": "j"}, answer))) as client:
        return job_result(client, "j")


@pytest.mark.parametrize(
    ("name", "status", "error", "words"),
    [
        ("job_running", JobStatus.RUNNING, None, ""),
        ("job_succeeded", JobStatus.SUCCEEDED, None, ""),
        ("job_failed", JobStatus.FAILED, JobFailedError, r"PatchSystemVMCmd job 5eae.* failed: Unable to .* only\.$"),
        ("job_lost", JobStatus.LOST, JobLostError, "RestartNetworkCmd .* management server was restarted .* Read the"),
        ("no_such_job", JobStatus.EXPIRED, JobLostError, "job.expire.minutes"),
    ],
)
def test_recorded_jobs(name: str, status: JobStatus, error: type[ApiError] | None, words: str) -> None:
    job = ask(recorded(name))
    assert job.status is status
    raised = job.error()
    assert raised.__class__ is (error or None.__class__)
    if raised is not None:
        assert raised.job_id == job.id
        with pytest.raises(ApiError, match=words):
            raise raised


def test_a_recorded_success_in_full() -> None:
    assert ask(recorded("system_vm_job")) == Job(
        id="1a63a1b8-e26b-4ef0-89a5-81750fe7aa82",
        status=JobStatus.SUCCEEDED,
        command="PatchSystemVMCmd",
        created="2026-11-23T00:15:15+0000",
        completed="2026-11-23T00:15:17+0000",
        result={"success": True, "details": "Successfully patched systemVM v-25-VM "},
    )


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ({"jobresultcode": 530, "jobresult": {"errorcode": 431, "errortext": "no"}}, 431),  # until 4.18.0
        ({"jobresultcode": 533, "jobresult": {"errorcode": 533, "errortext": "no"}}, 533),
        ({"jobresultcode": 530, "jobresult": {"errortext": "no"}}, 530),
    ],
)
def test_what_a_failed_job_meant_stands_in_its_result(ended: dict[str, Any], code: int) -> None:
    assert parse_job({"jobid": "j", "jobstatus": 2, **ended}).errorcode == code


def test_threads_of_the_server_are_no_jobs() -> None:
    """As 4.17.0 and older list them."""
    rows = [{"jobid": "t", "jobstatus": 0, "jobinstancetype": "Thread"}, {"jobid": "j", "jobstatus": 0}]
    with client_for(Conversation(("listAsyncJobs", {}, ok(count=2, asyncjobs=rows)))) as client:
        assert list(running_jobs(client)) == ["j"]


def test_running_jobs() -> None:
    with client_for(Conversation(("listAsyncJobs", {"listall": "true"}, recorded("async_jobs")))) as client:
        jobs = running_jobs(client)
    assert [(job.command, job.instance_type) for job in jobs.values()] == [
        ("RestartNetworkCmd", "Network"),
        ("RestartVPCCmd", "Vpc"),
        ("PatchSystemVMCmd", ""),
    ]
    assert all(key == job.id and job.status is JobStatus.RUNNING for key, job in jobs.items())


@pytest.mark.parametrize(
    ("ended", "status", "words"),
    [
        ({"jobresultcode": 0}, JobStatus.CANCELLED, "job.cancel.threshold.minutes"),
        ({"jobresultcode": 530}, JobStatus.LOST, "restarted"),
        ({}, JobStatus.LOST, "restarted"),
        ({"jobresultcode": 530, "jobresult": {}}, JobStatus.LOST, "restarted"),
        ({"jobresultcode": 530, "jobresult": {"errorcode": 530}}, JobStatus.FAILED, "gave no reason"),
        ({"jobresultcode": 530, "jobresult": "out of luck"}, JobStatus.FAILED, "failed: out of luck"),
        (
            {"jobresult": "job cancelled because of management server restart or shutdown"},
            JobStatus.LOST,
            "restarted",
        ),
        (
            {"jobresult": {"errortext": "Job is cancelled as it has been blocking others for too long"}},
            JobStatus.CANCELLED,
            "cancelled",
        ),
    ],
)
def test_ends(ended: dict[str, Any], status: JobStatus, words: str) -> None:
    job = parse_job({"jobid": "j", "jobstatus": 2, **ended})
    assert job.status is status
    assert words in str(job.error())


def test_servers_that_cannot_serialize_a_cancelled_job() -> None:
    cancelled = "Unable to serialize: Job is cancelled as it has been blocking others for too long"
    assert ask(refusal(530, cancelled)).status is JobStatus.CANCELLED
    lost = "Unable to serialize: job cancelled because of management server restart or shutdown"
    assert ask(refusal(530, lost)).status is JobStatus.LOST


def test_other_errors_of_the_question_are_errors() -> None:
    with pytest.raises(ServerError):
        ask(refusal(530, "Internal error"))


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 600)
    | st.sampled_from([0.0, 2.0])
    | st.sampled_from(["", "j", "org.x.Cmd"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["errortext", "errorcode"]), inner),
)
keys = st.sampled_from(["jobid", "jobstatus", "jobresultcode", "jobresult", "cmd", "created", "jobinstanceid"])


@given(st.dictionaries(keys, odd), st.sampled_from([{}, {"jobid": "j"}, {"jobid": "j", "jobstatus": 2}]))
def test_odd_shapes_never_surprise(entry: dict[str, Any], sure: dict[str, Any]) -> None:
    try:
        job = parse_job(entry | sure)
    except MalformedAnswerError:
        return
    assert job.status in (JobStatus.RUNNING, JobStatus.SUCCEEDED) or str(job.error())
