# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long restarts took: from recorded events, from our own jobs, from a report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.events import Events
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.history import (
    Operation,
    Took,
    durations,
    durations_of_report,
    read_durations,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Restart, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from tests.unit.api.conversation import Conversation, answer, client_for
from tests.unit.builders import TARGET_TEXT, lists_of, network_unit, system_vm_unit, vm, vpc_unit

MONTH = 30 * 24 * 3600
RECORDINGS = Path(__file__).parents[2] / "recordings"
NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc).timestamp()


def stamp(second: float) -> str:
    """Seconds after noon, as the server writes them."""
    return datetime.fromtimestamp(NOON + second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")


def restart(
    identity: str, begin: float, end: float | None, *, stops: int = 0, level: str = "INFO", kind: str = "NETWORK"
) -> list[dict[str, Any]]:
    """What the server writes of one restart; that of a VPC has no Started event."""
    root = f"{identity}@{begin}"
    fact = {"type": f"{kind}.RESTART", "resourceid": identity, "level": "INFO"}
    events = [{**fact, "id": root, "state": "Scheduled", "created": stamp(begin)}]
    if kind == "NETWORK":
        events.append({**fact, "id": f"{root}s", "parentid": root, "state": "Started", "created": stamp(begin)})
    for number in range(stops):
        for state in ("Started", "Completed"):
            stop = {"type": "ROUTER.STOP", "resourceid": identity, "parentid": root, "created": stamp(begin + 1)}
            events.append({**stop, "id": f"{root}{number}{state}", "state": state, "level": "INFO"})
    if end is not None:
        done = {"id": f"{root}c", "parentid": root, "state": "Completed", "created": stamp(end), "level": level}
        events.append({**fact, **done})
    return events


def recorded_events(name: str) -> list[dict[str, Any]]:
    """All events of a recording, the latest answers first, each once."""
    found: dict[str, dict[str, Any]] = {}
    for line in (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        for event in exchange["response"].get("listeventsresponse", {}).get("event", ()):
            found[event["id"]] = event
    return list(found.values())[::-1]


def ours(unit: Unit, *restarts: tuple[str, Purpose, float]) -> Unit:
    """The unit with restarts that are known to be ours and to have succeeded."""
    known = (
        Restart(identity, job_id_of(unit.zone_id, identity, purpose, TARGET_TEXT, 1), stamp(begin), True)
        for identity, purpose, begin in restarts
    )
    return replace(unit, restarts=tuple(known))


NETWORK = network_unit("n")
VPC = vpc_unit("v", tiers=3)


def found(events: list[dict[str, Any]], *units: Unit, since: float = 0.0) -> list[tuple[Operation, float]]:
    return [(took.done, took.seconds) for took in durations(events, units, TARGET_TEXT, since)]


def test_of_recorded_restarts_those_count_that_replaced_a_router() -> None:
    """The recording also has live patches whose rules failed; each says "Successfully completed", INFO."""
    assert found(recorded_events("rules_fail")) == [(Operation.RECREATE, 6.0), (Operation.RECREATE, 5.0)]


@pytest.mark.parametrize("name", ["events_of_a_project", "lost_after_patch", "customjobid"])
def test_recorded_restarts_with_cleanup_of_other_networks_count_too(name: str) -> None:
    [(done, seconds)] = found(recorded_events(name))
    assert done is Operation.RECREATE and 7 <= seconds <= 11


def test_what_somebody_else_restarted_without_replacing_a_router_may_be_anything() -> None:
    assert found(restart("id-n", 0, 60), NETWORK) == []


@pytest.mark.parametrize(
    "events",
    [
        restart("id-n", 0, None, stops=1),
        restart("id-n", 0, 60, stops=1, level="ERROR"),
        restart("id-n", 0, 60, stops=1)[2:],  # a page ended here
        restart("id-n", 60, 0, stops=1),  # a clock was set back
        [{**event, "created": "yesterday"} for event in restart("id-n", 0, 60, stops=1)],
    ],
    ids=["never ended", "error", "cut off", "clock", "no time"],
)
def test_what_did_not_end_or_begin_tells_nothing(events: list[dict[str, Any]]) -> None:
    assert found(events, NETWORK) == []


def test_the_order_of_events_does_not_matter_and_a_wait_before_the_start_does_not_count() -> None:
    events = restart("id-n", 0, 90, stops=1)
    events[1]["created"] = stamp(30)
    assert found(events[::-1], NETWORK) == [(Operation.RECREATE, 60.0)]


def test_what_took_less_than_the_second_that_events_tell_took_half_of_one() -> None:
    assert found(restart("id-n", 0, 0, stops=1), NETWORK) == [(Operation.RECREATE, 0.5)]


def test_older_events_than_asked_for_are_left_out() -> None:
    assert found(restart("id-n", 0, 60, stops=1), NETWORK, since=NOON + 61) == []


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.PATCH, [(Operation.LIVE_PATCH, 60.0)]),
        (Purpose.APPLY_RULES, [(Operation.APPLY_RULES, 60.0)]),
        (Purpose.RECREATE, [(Operation.RECREATE, 60.0)]),
        (Purpose.START, []),  # it makes what is missing: neither of these
    ],
)
def test_a_job_of_ours_tells_what_was_done(purpose: Purpose, expected: list[tuple[Operation, float]]) -> None:
    assert found(restart("id-n", 0, 60), ours(NETWORK, ("id-n", purpose, 0))) == expected


def test_a_recreation_of_ours_is_counted_once() -> None:
    unit = ours(NETWORK, ("id-n", Purpose.RECREATE, 0))
    assert found(restart("id-n", 0, 60, stops=1), unit) == [(Operation.RECREATE, 60.0)]


def test_what_somebody_else_did_later_is_not_taken_for_ours() -> None:
    events = [*restart("id-n", 0, 60), *restart("id-n", 100, 300)]
    assert found(events, ours(NETWORK, ("id-n", Purpose.PATCH, 0))) == [(Operation.LIVE_PATCH, 60.0)]


def test_a_live_patch_of_a_vpc_ends_with_the_rules_of_its_last_tier() -> None:
    events = [*restart("id-v-tier0", 0, 60), *restart("id-v-tier1", 62, 70), *restart("id-v-tier2", 71, 80)]
    rules = [("id-v-tier1", Purpose.APPLY_RULES, 62), ("id-v-tier2", Purpose.APPLY_RULES, 71)]
    whole = ours(VPC, ("id-v-tier0", Purpose.PATCH, 0), *rules)
    assert found(events, whole) == [
        (Operation.APPLY_RULES, 8.0),
        (Operation.APPLY_RULES, 9.0),
        (Operation.LIVE_PATCH, 80.0),
    ]
    interrupted = ours(VPC, ("id-v-tier0", Purpose.PATCH, 0), rules[0])
    assert found(events, interrupted) == [(Operation.APPLY_RULES, 8.0)]


# --- what is asked


def page(events: list[dict[str, Any]]) -> Any:
    return answer({"listeventsresponse": {"count": len(events), "event": events}})


def test_two_pages_of_each_type_are_asked_for_at_most() -> None:
    replaced = restart("id-0", 0, 50, stops=1)[2:4]
    many = [event for begin in range(0, 300, 100) for event in restart(f"id-{begin}", begin, begin + 50)]
    script = Conversation(
        ("listEvents", {"type": "ROUTER.STOP", "page": "1", "startdate": "2026-10-25T11:59:58+0000"}, page(replaced)),
        ("listEvents", {"type": "NETWORK.RESTART", "page": "1", "projectid": "-1"}, page(many[:6])),
        ("listEvents", {"type": "NETWORK.RESTART", "page": "2", "listall": "true"}, page(many[3:])),
    )
    with client_for(script, page_size=6) as client:
        read_durations(Events(lists_of(client), NOON - MONTH), NOON + 300, [NETWORK], TARGET_TEXT)
    script.close()


def test_vpcs_are_asked_for_where_there_are_any_and_nothing_where_there_are_no_routers() -> None:
    events = restart("id-v", 0, 150, stops=2, kind="VPC")
    script = Conversation(
        ("listEvents", {"type": "ROUTER.STOP"}, page([e for e in events if e["type"] == "ROUTER.STOP"])),
        ("listEvents", {"type": "NETWORK.RESTART"}, page([])),
        ("listEvents", {"type": "VPC.RESTART"}, page([e for e in events if e["type"] == "VPC.RESTART"])),
    )
    with client_for(script) as client:
        [took] = read_durations(Events(lists_of(client), NOON - MONTH), NOON + 300, [VPC], TARGET_TEXT)
        assert took == Took(Operation.RECREATE, frozenset({"id-v"}), 150.0, NOON + 150)
        ssvm = system_vm_unit(vm("s", Kind.SSVM))
        assert read_durations(Events(lists_of(client), NOON - MONTH), NOON, [ssvm], TARGET_TEXT) == ()
    script.close()


def test_one_call_is_enough_where_nothing_tells_what_was_done() -> None:
    asked_for = {"type": "ROUTER.STOP", "projectid": "-1"}
    by_hand = {**restart("id-n", 0, 60, stops=1)[2], "parentid": None}  # stopRouter, no part of a restart
    script = Conversation(("listEvents", asked_for, page([by_hand])))
    with client_for(script) as client:
        assert read_durations(Events(lists_of(client), NOON - MONTH), NOON, [NETWORK], TARGET_TEXT) == ()
    script.close()


# --- the last report


def reported(**changes: Any) -> dict[str, Any]:
    unit = {
        "id": "id-n",
        "kind": "network",
        "method": "live_patch",
        "status": "upgraded",
        "finished": "2026-11-24T12:01:00.000+00:00",
        "duration_s": 70.0,
        "worked_s": 60.0,
        "vms": [{"id": "id-r"}],
    }
    return {**unit, **changes}


def test_a_report_tells_of_what_was_upgraded() -> None:
    [took] = durations_of_report({"units": [reported()]})
    assert took == Took(Operation.LIVE_PATCH, frozenset({"id-n", "id-r"}), 60.0, NOON + 60, aside_s=10.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"status": "current", "worked_s": None, "finished": None},
        {"method": "none"},
        {"method": "restart"},  # of a router: rules applied, or stopped and started
        {"worked_s": None},
        {"finished": "soon"},
        {"vms": None},
    ],
)
def test_what_a_report_does_not_tell_for_sure_is_left_out(changes: dict[str, Any]) -> None:
    assert durations_of_report({"units": [reported(**changes), reported(id="id-2")]}) == durations_of_report(
        {"units": [reported(id="id-2")]}
    )


def test_a_system_vm_that_was_restarted_was_stopped_and_started() -> None:
    [took] = durations_of_report({"units": [reported(kind="ssvm", method="restart")]})
    assert took.done is Operation.RESTART


@pytest.mark.parametrize("report", [{}, {"units": None}, {"units": [None, 3, "x"]}])
def test_a_report_of_another_kind_tells_nothing(report: dict[str, Any]) -> None:
    assert durations_of_report(report) == ()
