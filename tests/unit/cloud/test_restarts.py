# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which networks are owed a restart: from events, and from the results of our own jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import NotFoundError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Restart, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.restarts import (
    last_seen,
    read_restarts,
    unfinished_tiers,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Strategy, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide, wanted
from tests.unit.builders import NEW, SITUATION, TARGET_TEXT, lists_of, network_unit, vm, vpc_unit

NOW = 1_795_500_000.0  # 2026-11-24T06:40:00+0000
CURRENT = vm("r", software=TARGET_TEXT)


def at(minute: int) -> str:
    return f"2026-11-24T06:{minute:02}:00+0000"


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
    """Answers listEvents and queryAsyncJobResult; counts the latter."""

    page_size = 500

    def __init__(self, happened: list[dict[str, Any]], jobs: dict[str, tuple[int, int]] | None = None) -> None:
        self.happened = happened
        self.jobs = jobs or {}  # id -> (jobstatus, minute)
        self.asked: list[str] = []

    def page(self, command: str, number: int, **params: Any) -> dict[str, Any]:
        assert command == "listEvents" and params["projectid"] == "-1" and params["listall"]
        assert params["startdate"].endswith("+0000"), "other forms are cut to midnight"
        return {"event": [event for event in self.happened if event["type"] == params["type"]]}

    def read(self, command: str, **params: Any) -> dict[str, Any]:
        assert command == "queryAsyncJobResult"
        self.asked.append(params["jobid"])
        if params["jobid"] not in self.jobs:
            raise NotFoundError("entity does not exist", rejected=True)
        status, minute = self.jobs[params["jobid"]]
        result = {"errorcode": 530, "errortext": "Failed to restart network"} if status == 2 else {"success": True}
        return {
            "jobstatus": status,
            "jobresultcode": 530,
            "jobresult": result,
            "created": at(minute),
            "cmd": "RestartNetworkCmd",
        }


def ours(identity: str, purpose: Purpose, attempt: int = 1) -> str:
    return job_id_of("id-zone", identity, purpose, TARGET_TEXT, attempt)


def judged(unit: Unit, api: Api, in_flight: list[InFlight] | None = None, known: list[Restart] | None = None) -> Any:
    found = read_restarts(lists_of(api), [unit], TARGET_TEXT, in_flight or [], NOW, known or [])
    return found.get(unit.id, ((), ()))


NETWORK = network_unit("n", CURRENT)
VPC = vpc_unit("v", CURRENT, tiers=3)


def test_a_network_that_was_not_restarted_lately_is_owed_nothing_and_costs_no_question() -> None:
    api = Api(events("id-other", 10, *ALL))
    assert judged(NETWORK, api) == ((), ())
    assert api.asked == []


def test_a_restart_that_never_ended_is_owed_for_an_isolated_network_too() -> None:
    [owed], good = judged(NETWORK, Api(events("id-n", 10, "Scheduled", "Started")))
    assert "never ended" in owed.why and owed.since == (moment(at(10)) or 0) + 1
    assert good == ()


def test_a_scheduled_event_that_nothing_follows_is_no_restart() -> None:
    """A refused call with an id that was taken leaves one."""
    assert judged(NETWORK, Api(events("id-n", 10, "Scheduled"))) == ((), ())
    happened = [*events("id-n", 10, *ALL), *events("id-n", 11, "Scheduled")]
    assert last_seen(happened)["id-n"].created == at(10)


def test_an_event_that_says_successfully_completed_proves_nothing() -> None:
    api = Api(events("id-n", 10, *ALL), {ours("id-n", Purpose.PATCH): (2, 10)})
    [owed], good = judged(NETWORK, api)
    assert "did not succeed" in owed.why and "Failed to restart network" in owed.why
    assert good == ()


def test_a_restart_of_ours_that_succeeded_is_good() -> None:
    api = Api(events("id-n", 10, *ALL), {ours("id-n", Purpose.PATCH): (1, 10)})
    assert judged(NETWORK, api) == ((), (Restart("id-n", ours("id-n", Purpose.PATCH), at(10), True),))


def test_the_last_attempt_counts() -> None:
    happened = [*events("id-n", 10, *ALL), *events("id-n", 12, *ALL)]
    jobs = {ours("id-n", Purpose.PATCH): (2, 10), ours("id-n", Purpose.APPLY_RULES): (1, 12)}
    owed, [good] = judged(NETWORK, Api(happened, jobs))
    assert owed == () and good.created == at(12)


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
    assert [restart.network_id for restart in good] == ["id-v-tier0", "id-v-tier1"]


def test_a_recreation_that_succeeded_settles_what_was_before_it() -> None:
    happened = [*events("id-v-tier0", 10, *ALL), *events("id-v", 20, "Scheduled", "Completed", kind="VPC.RESTART")]
    jobs = {ours("id-v-tier0", Purpose.PATCH): (2, 10), ours("id-v", Purpose.RECREATE): (1, 20)}
    owed, good = judged(VPC, Api(happened, jobs))
    assert owed == () and [restart.network_id for restart in good] == ["id-v"]


@pytest.mark.parametrize("jobs", [{}, {ours("id-v", Purpose.RECREATE): (2, 20)}])
def test_a_recreation_that_was_lost_or_failed_leaves_all_tiers_owed(jobs: dict[str, tuple[int, int]]) -> None:
    owed, dummy = judged(VPC, Api(events("id-v", 20, "Scheduled", kind="VPC.RESTART"), jobs))
    assert [one.network_id for one in owed] == ["id-v-tier0", "id-v-tier1", "id-v-tier2"]


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
