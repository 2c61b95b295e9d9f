# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which networks are owed a restart: from events, and from the results of our own jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import NotFoundError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.events import Events
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Restart, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.restarts import (
    Memory,
    elsewhere,
    last_seen,
    read_restarts,
    unfinished_tiers,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide, wanted
from tests.unit.builders import NEW, SITUATION, TARGET_TEXT, lists_of, network_unit, vm, vpc_unit

NOW = 1_795_500_000.0  # 2026-11-24T06:00:00+0000
HOUR, DAY = 60, 24 * 60


def at(minute: int) -> str:
    """Minutes after six; negative ones before."""
    moment = datetime(2026, 11, 24, 6, tzinfo=timezone.utc) + timedelta(minutes=minute)
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


def events(network: str, minute: int, *states: str, kind: str = "NETWORK.RESTART") -> list[dict[str, Any]]:
    """What one restart leaves."""
    root = f"{network}-{minute}"
    return [
        {"id": root, "type": kind, "resourceid": network, "created": at(minute), "state": state}
        if state == "Scheduled"
        else {"id": f"{root}-{state}", "parentid": root, "type": kind, "resourceid": network, "created": at(minute),
              "state": state, "level": "INFO"}
        for state in states
    ]  # fmt: skip


ALL = ("Scheduled", "Started", "Completed")


class Api:
    """Answers listEvents and queryAsyncJobResult; counts both."""

    page_size = 500

    def __init__(self, happened: list[dict[str, Any]], jobs: dict[str, tuple[int, int]] | None = None) -> None:
        self.happened = happened
        self.jobs = jobs or {}  # id -> (jobstatus, minute)
        self.asked: list[str] = []
        self.read: list[str] = []

    def page(self, command: str, number: int, **params: Any) -> dict[str, Any]:
        assert command == "listEvents" and params["projectid"] == "-1" and params["listall"]
        assert params["startdate"].endswith("+0000"), "other forms are cut to midnight"
        self.read.append(params["type"])
        return {"event": [event for event in self.happened if event["type"] == params["type"]]}

    def read_each(self, command: str, each: list[dict[str, str]]) -> Any:
        assert command == "queryAsyncJobResult"
        return [self.job(**params) for params in each]

    def job(self, jobid: str) -> Any:
        self.asked.append(jobid)
        if jobid not in self.jobs:
            return NotFoundError("entity does not exist", rejected=True)
        status, minute = self.jobs[jobid]
        result = {"errorcode": 530, "errortext": "Failed to restart network"} if status == 2 else {"success": True}
        return {
            "jobstatus": status,
            "jobresultcode": 530,
            "jobresult": result,
            "created": at(minute),
            "completed": at(minute),
            "cmd": "RestartNetworkCmd",
        }


def ours(identity: str, purpose: Purpose, attempt: int = 1) -> str:
    return job_id_of("id-zone", identity, purpose, TARGET_TEXT, attempt)


def judged(unit: Unit, api: Api, in_flight: Sequence[InFlight] = (), **more: Any) -> Any:
    events = Events(lists_of(api), NOW - 30 * 24 * 3600)
    return read_restarts(events, [unit], TARGET_TEXT, in_flight, NOW + HOUR * 60, Memory(**more))[unit.id]


CURRENT = vm("r", software=TARGET_TEXT, created=at(-30 * DAY))
NETWORK = network_unit("n", CURRENT)
VPC = vpc_unit("v", CURRENT, tiers=3)


def test_a_network_that_was_not_restarted_lately_is_owed_nothing_and_costs_no_question() -> None:
    api = Api(events("id-other", 10, *ALL))
    assert judged(NETWORK, api) == ((), ())
    assert api.asked == []


def test_a_restart_that_never_ended_is_owed_for_an_isolated_network_too() -> None:
    [owed], [failed] = judged(NETWORK, Api(events("id-n", 10, "Scheduled", "Started")))
    assert "never ended" in owed.why and owed.since == (moment(at(10)) or 0) + 1
    assert failed == Restart("id-n", "", at(10), False, owed.why)


@pytest.mark.parametrize("purpose", [Purpose.PATCH, Purpose.APPLY_RULES])
def test_a_job_that_began_after_the_jobs_were_read_still_runs(purpose: Purpose) -> None:
    """Of another run, which will have applied the rules when this one would."""
    [owed], failed = judged(NETWORK, Api(events("id-n", 10, "Scheduled", "Started"), {ours("id-n", purpose): (0, 10)}))
    assert ("still runs" in owed.why, owed.since, failed) == (True, moment(at(10)), ())


def test_a_scheduled_event_that_nothing_follows_is_no_restart() -> None:
    """A refused call with an id that was taken leaves one."""
    assert judged(NETWORK, Api(events("id-n", 10, "Scheduled"))) == ((), ())
    happened = [*events("id-n", 10, *ALL), *events("id-n", 11, "Scheduled")]
    assert last_seen(happened)["id-n"].created == at(10)


def test_an_event_that_says_successfully_completed_proves_nothing() -> None:
    api = Api(events("id-n", 10, *ALL), {ours("id-n", Purpose.PATCH): (2, 10)})
    [owed], [failed] = judged(NETWORK, api)
    assert "did not succeed" in owed.why and "Failed to restart network" in owed.why
    assert failed == Restart("id-n", ours("id-n", Purpose.PATCH), at(10), False, owed.why)


def test_a_restart_of_ours_that_succeeded_is_good() -> None:
    api = Api(events("id-n", 10, *ALL), {ours("id-n", Purpose.PATCH): (1, 10)})
    assert judged(NETWORK, api) == ((), (Restart("id-n", ours("id-n", Purpose.PATCH), at(10), True),))


def test_the_last_attempt_counts() -> None:
    happened = [*events("id-n", 10, *ALL), *events("id-n", 12, *ALL)]
    jobs = {ours("id-n", Purpose.PATCH): (2, 10), ours("id-n", Purpose.APPLY_RULES): (1, 12)}
    owed, [good] = judged(NETWORK, Api(happened, jobs))
    assert owed == () and good.created == at(12)


@pytest.mark.parametrize(("rules", "owed"), [(1, 0), (2, 1), (None, 1)])
def test_of_two_restarts_within_a_moment_both_are_looked_for(rules: int | None, owed: int) -> None:
    """A live patch whose rules failed and the restart that applied them may be of one second."""
    second = [{**event, "id": f"{event['id']}-b", "parentid": "b"} for event in events("id-n", 10, *ALL)]
    jobs = {ours("id-n", Purpose.PATCH): (2, 10)}
    jobs |= {ours("id-n", Purpose.APPLY_RULES): (rules, 10)} if rules else {}
    found = judged(NETWORK, Api([*events("id-n", 10, *ALL), *second], jobs))
    assert len(found[0]) == owed
    assert [each.succeeded for each in found[1]] == [not owed]


def test_a_second_patch_after_rules_that_failed_is_found() -> None:
    happened = [event for minute in (10, 11, 12) for event in events("id-n", minute, *ALL)]
    jobs = {ours("id-n", Purpose.PATCH): (2, 10), ours("id-n", Purpose.APPLY_RULES): (2, 11)}
    second = ours("id-n", Purpose.PATCH, 2)
    assert judged(NETWORK, Api(happened, {**jobs, second: (1, 12)})) == ((), (Restart("id-n", second, at(12), True),))


def test_what_somebody_restarted_after_a_failure_of_ours_is_owed_as_nobody_tells_how_it_ended() -> None:
    happened = [*events("id-n", 10, *ALL), *events("id-n", 20, *ALL)]
    [owed], dummy = judged(NETWORK, Api(happened, {ours("id-n", Purpose.PATCH): (2, 10)}))
    assert "Somebody restarted it later" in owed.why


def test_what_others_restarted_is_theirs() -> None:
    assert judged(NETWORK, Api(events("id-n", 10, *ALL))) == ((), ())


def test_what_the_last_report_tells_is_not_asked() -> None:
    api = Api(events("id-n", 10, *ALL))
    known = Restart("id-n", "job", at(10), True)
    assert judged(NETWORK, api, known=[known]) == ((), (known,))
    assert api.asked == []
    judged(NETWORK, api, known=[replace(known, created=at(9))])
    assert api.asked, "somebody restarted it since"


def test_a_restart_that_still_runs_is_waited_for_and_its_result_settles_it() -> None:
    api = Api(events("id-n", 10, "Scheduled", "Started"))
    [owed], good = judged(NETWORK, api, [InFlight("job", "RestartNetworkCmd", None, frozenset({"id-n"}))])
    assert "still runs" in owed.why and owed.since == moment(at(10))
    assert good == ()


def test_of_a_vpc_that_is_being_patched_the_other_tiers_are_owed() -> None:
    api = Api(events("id-v-tier0", 10, "Scheduled", "Started"), {ours("id-v-tier0", Purpose.PATCH): (0, 10)})
    owed, dummy = judged(VPC, api, [InFlight("job", "RestartNetworkCmd", None, frozenset({"id-v-tier0"}))])
    assert [one.network_id for one in owed] == ["id-v-tier0", "id-v-tier1", "id-v-tier2"]


def test_tiers_that_an_interrupted_run_left_are_owed() -> None:
    happened = [*events("id-v-tier0", 10, *ALL), *events("id-v-tier1", 11, *ALL)]
    jobs = {ours("id-v-tier0", Purpose.PATCH): (1, 10), ours("id-v-tier1", Purpose.APPLY_RULES): (1, 11)}
    [owed], good = judged(VPC, Api(happened, jobs))
    assert owed.network_id == "id-v-tier2" and "interrupted" in owed.why
    assert [restart.network_id for restart in good if restart.succeeded] == ["id-v-tier0", "id-v-tier1"]


def test_a_recreation_that_succeeded_settles_what_was_before_it() -> None:
    happened = [*events("id-v-tier0", 10, *ALL), *events("id-v", 20, "Scheduled", "Completed", kind="VPC.RESTART")]
    jobs = {ours("id-v-tier0", Purpose.PATCH): (2, 10), ours("id-v", Purpose.RECREATE): (1, 20)}
    owed, good = judged(replace(VPC, vms=(replace(CURRENT, created=at(21)),)), Api(happened, jobs))
    assert owed == () and [restart.network_id for restart in good] == ["id-v"]


@pytest.mark.parametrize("jobs", [{}, {ours("id-v", Purpose.RECREATE): (2, 20)}])
def test_a_recreation_that_was_lost_or_failed_leaves_all_tiers_owed(jobs: dict[str, tuple[int, int]]) -> None:
    owed, dummy = judged(VPC, Api(events("id-v", 20, "Scheduled", kind="VPC.RESTART"), jobs))
    assert [one.network_id for one in owed] == ["id-v-tier0", "id-v-tier1", "id-v-tier2"]


# --- longer than a day


LAST_NIGHT, TONIGHT = -DAY + 30, -HOUR  # asked at seven: 24 and a half and two hours ago


def test_an_attempt_that_followed_on_a_forgotten_one_is_found() -> None:
    """The rules failed last night, and again tonight; the job of last night is purged."""
    happened = [*events("id-n", LAST_NIGHT, *ALL), *events("id-n", TONIGHT, *ALL)]
    api = Api(happened, {ours("id-n", Purpose.APPLY_RULES, 2): (2, TONIGHT)})
    [owed], dummy = judged(NETWORK, api)
    assert "Failed to restart network" in owed.why


FAILED = Restart("id-n", "job", at(LAST_NIGHT), False, "the rules were refused")


def test_what_a_report_calls_failed_is_owed_for_as_long_as_nothing_tells_that_it_was_made_good() -> None:
    for api in (Api([]), Api(events("id-n", TONIGHT, *ALL))):
        [owed], kept = judged(NETWORK, api, known=[FAILED])
        assert owed.why == "the rules were refused" and kept == (FAILED,)
        assert len(api.asked) <= 2


def test_a_later_restart_of_ours_that_succeeded_makes_good_what_a_report_calls_failed() -> None:
    job = ours("id-n", Purpose.APPLY_RULES)
    api = Api(events("id-n", TONIGHT, *ALL), {job: (1, TONIGHT)})
    assert judged(NETWORK, api, known=[FAILED]) == ((), (Restart("id-n", job, at(TONIGHT), True),))
    good = Restart("id-n", job, at(TONIGHT), True)
    assert judged(NETWORK, Api([]), known=[FAILED, good]) == ((), ()), "as an earlier report says"


def test_what_the_report_says_of_the_very_restart_is_not_asked() -> None:
    api = Api(events("id-n", TONIGHT, *ALL))
    failed = replace(FAILED, created=at(TONIGHT))
    [owed], kept = judged(NETWORK, api, known=[failed])
    assert (owed.why, kept, api.asked) == ("the rules were refused", (failed,), [])


def test_what_failed_of_a_vpc_is_owed_to_each_tier_that_was_not_restarted_since() -> None:
    whole = Restart("id-v", "job", at(LAST_NIGHT), False, "the rules were refused")
    good = Restart("id-v-tier1", "other", at(LAST_NIGHT), True)
    owed, kept = judged(VPC, Api([]), known=[whole, good])
    assert [one.network_id for one in owed] == ["id-v-tier0", "id-v-tier2"]
    assert kept == tuple(replace(whole, network_id=one.network_id) for one in owed)


def test_what_still_runs_does_not_make_good_what_failed_before() -> None:
    busy = InFlight("job", "RestartNetworkCmd", None, frozenset({"id-n"}))
    api = Api(events("id-n", 50, "Scheduled", "Started"))
    [owed], kept = judged(NETWORK, api, [busy], known=[FAILED])
    assert "still runs" in owed.why and kept == (FAILED,)


def test_a_server_that_forgets_its_jobs_sooner_is_not_asked_for_those() -> None:
    happened = events("id-n", TONIGHT, *ALL)
    api = Api(happened)
    assert judged(NETWORK, api, remembered_s=3600) == ((), ())
    assert api.asked == []
    assert judged(NETWORK, api, remembered_s=3600, known=[FAILED])[0], "but its report is believed"


def test_a_server_that_remembers_its_jobs_longer_is_asked_for_those() -> None:
    api = Api(events("id-n", LAST_NIGHT, *ALL), {ours("id-n", Purpose.PATCH): (2, LAST_NIGHT)})
    assert judged(NETWORK, api) == ((), ())
    [owed], dummy = judged(NETWORK, api, remembered_s=7 * 24 * 3600)
    assert "Failed" in owed.why


def test_what_failed_elsewhere_is_not_forgotten_by_a_run_with_another_scope() -> None:
    other, gone = (replace(FAILED, network_id=identity) for identity in ("id-other", "id-gone"))
    known = [FAILED, other, gone, Restart("id-other", "job", at(0), True)]
    everywhere = [NETWORK, network_unit("other")]
    assert elsewhere(known, [NETWORK], everywhere, NOW) == [other, gone]
    assert elsewhere(known, [NETWORK], everywhere, NOW + 40 * DAY * 60) == [other]


# --- what it costs


def count(unit: Unit, happened: list[dict[str, Any]], *jobs: tuple[str, Purpose, int, int]) -> int:
    """Questions for these jobs of ours: object, purpose, jobstatus, minute."""
    attempts: Counter[tuple[str, Purpose]] = Counter()
    known = {}
    for identity, purpose, status, minute in jobs:
        attempts[identity, purpose] += 1
        known[ours(identity, purpose, attempts[identity, purpose])] = (status, minute)
    api = Api(happened, known)
    judged(unit, api)
    assert len(api.asked) == len(set(api.asked))
    return len(api.asked)


PATCH, RULES, RECREATE = Purpose.PATCH, Purpose.APPLY_RULES, Purpose.RECREATE
MADE = network_unit("n", vm("r", software=TARGET_TEXT, created=at(11)))
N10, N20, N30 = (events("id-n", minute, *ALL) for minute in (10, 20, 30))
TIERS = [event for tier in range(3) for event in events(f"id-v-tier{tier}", 10 + tier, *ALL)]
OURS = [("id-v-tier0", PATCH, 1, 10), ("id-v-tier1", RULES, 1, 11), ("id-v-tier2", RULES, 1, 12)]


@pytest.mark.parametrize(
    ("questions", "unit", "happened", "jobs"),
    [
        (1, NETWORK, N10, [("id-n", PATCH, 1, 10)]),
        (2, NETWORK, N10, []),  # somebody else's
        (2, NETWORK, [*N10, *N20, *N30], []),
        (2, NETWORK, [*N10, *N20], [("id-n", PATCH, 1, 10)]),
        (2, NETWORK, [*N10, *N20], [("id-n", PATCH, 2, 10), ("id-n", RULES, 1, 20)]),
        (2, NETWORK, [*N10, *N20, *N30], [("id-n", PATCH, 1, minute) for minute in (10, 20, 30)]),
        (1, MADE, N10, [("id-n", RECREATE, 1, 10)]),
        (2, MADE, N10, []),
        (3, VPC, TIERS, OURS),
    ],
)
def test_one_question_or_two_tell_whose_the_last_restart_was(
    questions: int, unit: Unit, happened: list[dict[str, Any]], jobs: list[Any]
) -> None:
    assert count(unit, happened, *jobs) == questions


def test_a_first_try_that_failed_is_made_good_by_a_second_one() -> None:
    api = Api([*N10, *N20], {ours("id-n", PATCH): (2, 10), ours("id-n", PATCH, 2): (1, 20)})
    owed, [good] = judged(NETWORK, api)
    assert owed == () and good.created == at(20)
    assert len(api.asked) == 3


def test_the_second_patch_that_a_server_needs_is_found() -> None:
    api = Api([*N10, *events("id-n", 11, *ALL)], {ours("id-n", PATCH): (1, 10), ours("id-n", PATCH, 2): (2, 11)})
    [owed], dummy = judged(NETWORK, api)
    assert "Failed" in owed.why


def test_events_are_read_once_for_all_who_ask() -> None:
    api = Api(events("id-v-tier0", 10, *ALL), {ours("id-v-tier0", PATCH): (1, 10)})
    seen = Events(lists_of(api), NOW - 30 * 24 * 3600)
    job = Job("job", JobStatus.RUNNING, "RestartNetworkCmd", at(10))
    read_in_flight(seen.lists, {"job": job}, seen)
    read_restarts(seen, [VPC], TARGET_TEXT, [], NOW + HOUR * 60)
    assert api.read == ["NETWORK.RESTART", "VPC.RESTART"]


@pytest.mark.parametrize(
    ("ages", "left"),
    [
        ({"a": 50, "b": 40, "c": 30}, ()),  # all done
        ({"a": 50}, ("b", "c")),  # killed after the first
        ({"a": 50, "b": 40}, ("c",)),  # killed after the second
        ({"a": 50, "b": 900, "c": 900}, ("b", "c")),  # the others were restarted before
        ({}, ()),  # never restarted
        ({"b": 10}, ()),  # somebody restarted one tier by hand
        ({"a": 50, "c": 40}, ()),  # not the pattern of an interrupted run
        ({"a": 50, "b": 50, "c": 50}, ()),  # all in the same second
    ],
)
def test_pattern_of_an_interrupted_run(ages: dict[str, float], left: tuple[str, ...]) -> None:
    assert unfinished_tiers(["a", "b", "c"], {tier: NOW - age for tier, age in ages.items()}) == left


def test_a_vpc_of_one_tier_is_never_unfinished() -> None:
    assert unfinished_tiers(["a"], {"a": NOW}) == ()
    assert unfinished_tiers([], {}) == ()


@pytest.mark.parametrize("method", [WantedMethod.AUTO, WantedMethod.RECREATE])
def test_what_is_owed_is_taken_up_with_its_reason(method: WantedMethod) -> None:
    unit = replace(vpc_unit("v", vm("r", **NEW), tiers=3), owed=(Owed("id-v-tier2", "it failed", 0.0),))
    verdict = decide(unit, SITUATION, wanted(Strategy(method)))
    assert verdict.method is Method.RESTART
    assert verdict.reason == "the rules of tier v-tier2 have to be applied again (it failed)"
