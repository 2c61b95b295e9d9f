# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, and those of what owners do, are as the recorded server told them."""

from __future__ import annotations

import re
import time

from tests.contract.cloud import cloud
from tests.contract.replay import EVENT_FACTS, Exchange, Replay, recording
from tests.contract.shapes import differences
from tests.support.clock import ClockedSimulator


def test_in_flight_events() -> None:
    exchanges = recording("in_flight_events")
    with ClockedSimulator(cloud(timings={"patch": 0.6, "job_overhead": 0.01})) as simulator:
        replay = Replay(simulator)
        for exchange in exchanges:
            if exchange.command == "listEvents":
                compare_events(exchange, replay)
            else:
                replay.step(exchange)
        assert replay.problems == []
        # A patch of a system VM leaves only its Scheduled event, a VPC's restart no Started one.
        events = replay.ask(command="listEvents", listall="true", page="1", pagesize="100").body["event"]
        assert [(e["type"], e["state"]) for e in events] == [
            ("NETWORK.RESTART", "Scheduled"),
            ("NETWORK.RESTART", "Started"),
            ("VPC.RESTART", "Scheduled"),
            ("LIVE.PATCH.SYSTEM.VM", "Scheduled"),
            ("NETWORK.RESTART", "Completed"),
            ("VPC.RESTART", "Completed"),
        ]
        by_id = {event["id"]: event for event in events}
        for event in events:
            if event["state"] != "Scheduled":
                assert by_id[event["parentid"]]["resourceid"] == event["resourceid"]


def compare_events(exchange: Exchange, replay: Replay) -> None:
    """Every event here has its like among the recorded ones of the same type and state."""
    answer = replay.ask(**exchange.request)
    assert (answer.status, answer.content_type) == (exchange.status, exchange.content_type)
    facts = {"type", "state", "level", "username", "account", "resourcetype", "description"}
    everything = [
        e for each in recording("in_flight_events") if each.command == "listEvents" for e in each.body["event"]
    ]
    for event in answer.body["event"]:
        like = [e for e in everything if (e["type"], e["state"]) == (event["type"], event["state"])]
        assert like, event
        assert any(not differences(each, event, facts) for each in like), (event, like[0])


def test_events_of_a_project() -> None:
    exchanges = recording("events_of_a_project")
    lists = [each for each in exchanges if each.command == "listEvents"]
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        replay.play(exchanges[:4])
        replay.play(exchanges[1:4])
        without, with_projects = lists[0], lists[1]
        expected = [
            (without, ["Started", "Completed"] * 2),
            (with_projects, ["Scheduled"] * 2 + ["Started", "Completed"] * 2),
        ]
        for recorded, states in expected:
            events = replay.ask(**replay.translate(recorded.request)).body["event"]
            assert [event["state"] for event in events] == states
            # Recorded in the same order, with pauses between.
            kinds = [event["state"] for event in recorded.body["event"] if event["type"] == "NETWORK.RESTART"]
            assert [state == "Scheduled" for state in kinds] == sorted((s == "Scheduled" for s in kinds), reverse=True)
            for event in events:
                like = [each for each in recorded.body["event"] if each["state"] == event["state"]]
                assert any(not differences(each, event, EVENT_FACTS) for each in like), event
        for recorded in lists[2:]:
            request = recorded.request | {"startdate": recorded.request["startdate"].replace("2026-11-24", TODAY)}
            assert replay.ask(**request | {"startdate": request["startdate"].replace("10:00", "00:00")}).body["count"]
        assert replay.problems == []


TODAY = time.strftime("%Y-%m-%d", time.gmtime())
TOMORROW = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
# The recorded moment, in all its forms, becomes the last second of this day: nothing happens after it.
LAST_SECOND = {
    "2026-11-24T14:34:50+0200": f"{TOMORROW}T01:59:59+0200",
    "2026-11-24": TODAY,
    "2026-11-25": TOMORROW,
    "12:34:50": "23:59:59",
    "12:34": "23:59",
}


def test_events_startdate() -> None:
    exchanges = [each for each in recording("events_startdate") if each.command == "listEvents"]
    of_whole_day = max(each.body.get("count", 0) for each in exchanges)
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        network = replay.find("network", "t-proj0")
        replay.job("restartNetwork", id=network)
        replay.job("restartNetwork", id=network)
        seen = 0
        for recorded in exchanges:
            if recorded.status != 200:
                replay.step(recorded)
            elif "startdate" in recorded.request and "resourceid" not in recorded.request:
                date = recorded.request["startdate"]
                # All at once: a day that was put in may be one that is to be replaced.
                date = re.sub("|".join(map(re.escape, LAST_SECOND)), lambda found: LAST_SECOND[found[0]], date)
                request = {key: value for key, value in recorded.request.items() if key != "enddate"}
                found = replay.ask(**request | {"startdate": date}).body.get("count", 0)
                # Cut to midnight, or honoured.
                assert (found > 0) == (recorded.body.get("count") == of_whole_day), date
                seen += 1
        assert seen > 10
        project = replay.everything("listNetworks", "network", keyword="t-proj0")[0]["projectid"]
        filters = {"command": "listEvents", "resourceid": network, "resourcetype": "Network"}
        of_the_project = replay.ask(**filters, listall="true", projectid=project).body["event"]
        assert [event["state"] for event in of_the_project] == ["Scheduled"] * 2
        of_the_caller = replay.ask(**filters).body["event"]
        assert [event["state"] for event in of_the_caller] == ["Started", "Completed"] * 2
        # Pages hold the newest events, the project's first.
        pages = [
            replay.ask(**filters, listall="true", projectid="-1", page=str(page), pagesize="3").body["event"]
            for page in (1, 2)
        ]
        assert [[event["state"] for event in page] for page in pages] == [["Scheduled", "Started", "Completed"]] * 2
        assert pages[0][0]["created"] >= pages[1][0]["created"]
        assert replay.ask(**filters | {"enddate": TODAY}).body["count"] == 4
        assert replay.problems == []


def test_network_that_its_owner_deletes() -> None:
    networks = [{"name": "zz-gone", "account": "admin", "version": "4.22.0"}]
    with ClockedSimulator(cloud(networks=networks)) as simulator:
        replay = Replay(simulator)
        replay.scenery_commands = {"createNetwork"}
        for exchange in recording("deleted_by_owner"):
            if exchange.command == "listEvents":
                compare_newest_event(exchange, replay, "NETWORK.DELETE")
            else:
                replay.step(exchange)
        assert replay.problems == []


def test_network_whose_owner_gives_it_another_offering() -> None:
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        # The offerings are those of another cloud.
        for exchange in recording("updated_by_owner")[1:]:
            if exchange.command == "listEvents":
                compare_newest_event(exchange, replay, "NETWORK.UPDATE")
            else:
                replay.step(exchange)
        assert replay.problems == []


def compare_newest_event(exchange: Exchange, replay: Replay, type_: str) -> None:
    recorded, seen = (
        [event for event in each.body["event"] if event["type"] == type_]
        for each in (exchange, replay.ask(**exchange.request))
    )
    assert [event["state"] for event in recorded] == [event["state"] for event in seen]
    assert not differences(recorded, seen, EVENT_FACTS)
