# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of before the simulator's start."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.contract.replay import EVENT_FACTS, Client, recording
from tests.contract.scene import NETWORK, estate
from tests.contract.shapes import differences
from tests.simulator.estate import build
from tests.simulator.estate_schema import EstateError
from tests.simulator.process import SimulatorThread

DAY = 86400


def events(client: Client, **filters: str) -> list[dict[str, Any]]:
    return client.everything("listEvents", "event", **filters)


def when(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["created"]).timestamp()


def durations(shown: list[dict[str, Any]]) -> dict[str, float]:
    """From Scheduled to Completed, by the name of what was restarted."""
    began = {event["id"]: event for event in shown if event["state"] == "Scheduled"}
    return {
        event["resourcename"]: when(event) - when(began[event["parentid"]])
        for event in shown
        if event["state"] == "Completed"
    }


def test_durations_of_past_restarts_can_be_read_from_events() -> None:
    spec = estate(
        networks=[{"name": "net", "count": 2}, {"name": "other"}],
        vpcs=[{"name": "vpc"}],
        history=[
            {"network": "net*", "ago": 2 * DAY, "seconds": 40},
            {"network": "other", "ago": DAY, "seconds": 7, "end": "lost"},
            {"vpc": "vpc", "ago": 3600, "seconds": 15},
        ],
    )
    with SimulatorThread(spec) as simulator:
        client = Client(simulator)
        assert durations(events(client)) == {"net-001": 40, "net-002": 40, "vpc": 15}
        states = [event["state"] for event in events(client, type="NETWORK.RESTART")]
        # Of the lost one nobody noted the end.
        assert sorted(states) == ["Completed"] * 2 + ["Scheduled"] * 3 + ["Started"] * 3


def test_past_events_look_like_recorded_ones() -> None:
    old = [
        event
        for exchange in recording("rules_fail")
        if exchange.command == "listEvents"
        for event in exchange.body.get("event", [])
        if event["type"] == "NETWORK.RESTART" and event["resourcename"] == "t-iso1"
    ]
    spec = estate(networks=[{"name": "t-iso1"}], history=[{"network": "t-iso1", "ago": DAY, "seconds": 1}])
    with SimulatorThread(spec) as simulator:
        for event in events(Client(simulator)):
            like = next(each for each in old if each["state"] == event["state"])
            assert differences(like, event, EVENT_FACTS) == []


def test_past_and_present_are_in_the_order_of_time() -> None:
    history = [
        {"network": "net", "ago": 5 * DAY, "seconds": 30, "count": 3},
        {"systemvm": "secondarystoragevm", "ago": 3 * DAY - 10},
    ]
    with SimulatorThread(estate(history=history)) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK)
        shown = events(client)
        assert [when(event) for event in shown] == sorted(when(event) for event in shown)
        assert len([event for event in shown if event["type"] == "NETWORK.RESTART"]) == 4 * 3
        (patch,) = events(client, type="LIVE.PATCH.SYSTEM.VM")
        assert patch["state"] == "Scheduled"


def test_past_that_threw_an_error() -> None:
    with SimulatorThread(estate(history=[{"network": "net", "ago": DAY, "end": "failed"}])) as simulator:
        (error,) = events(Client(simulator), level="ERROR")
        assert (error["state"], error["description"]) == ("Completed", "Error while restarting network")


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"network": "nothing", "ago": 1}, "no such network"),
        ({"network": "net"}, "ago is missing"),
        ({"network": "net", "ago": 1, "end": "well"}, "completed, failed, lost"),
    ],
)
def test_wrong_history(entry: dict[str, Any], text: str) -> None:
    with pytest.raises(EstateError, match=text):
        build(estate(history=[entry]))
