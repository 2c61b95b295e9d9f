# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign: planned in nights, approved, and done one night after the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.reading import nights
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.approved import approved_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.nights import Windows
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan_csv import plan_csv, read_plan_csv
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy
from tests.support.estates import estate
from tests.support.virtual import VirtualSimulator

CLOUD = estate(
    zones=[{"name": "Berlin", "hosts": 4}, {"name": "Oslo", "hosts": 4}],
    networks=[{"name": "web", "count": 30}, {"name": "fjord", "count": 8, "zone": "Oslo"}],
)


def just_now() -> datetime:
    """Asked for by each test: the window that begins then closes minutes later."""
    return datetime.now().astimezone() - timedelta(minutes=1)


def window(length: str = "5m", **more: Any) -> dict[str, Any]:
    """That is open now, so that the next one is tomorrow."""
    return {"start": f"{just_now():%H:%M}", "length": length, **more}


def plan_of(simulator: VirtualSimulator, given: Any = None, **more: Any) -> Any:
    windows = Windows.of(nights(given)) if given else None
    with simulator.client() as client:
        return check_versions(client, CheckRequest(Policy(**more), False, windows=windows)).values["plan"]


def acting(plan: Any) -> list[Any]:
    return [unit for unit in plan["units"] if unit["step"] is not None]


def test_a_plan_in_nights_is_carried_out_night_by_night() -> None:
    with VirtualSimulator(CLOUD) as simulator:
        plan = plan_of(simulator, window())
        campaign = plan["campaign"]
        assert len(campaign["nights"]) > 1
        assert all(night["ends_s"] <= 300 for night in campaign["nights"])
        assert sum(night["units"] for night in campaign["nights"]) == len(acting(plan))
        canaries = {identity for step in plan["steps"] if step["canary"] for identity in step["units"]}
        first = campaign["nights"][0]["night"]
        assert {unit["night"] for unit in acting(plan) if unit["id"] in canaries} == {first}, "canaries come first"

        lines = read_plan_csv(plan_csv(plan).encode(), "plan.csv")
        tonight = plan_of(simulator, window(), approved=approved_plan(lines))
        assert (tonight["units"], tonight["approved"]["left_out"]) == ([], []), "the first night is tomorrow"
        assert len(tonight["approved"]["later"]) == len(acting(plan))
        assert tonight["approved"]["next_nights"]["Berlin"] == first

        day = f"{just_now():%Y-%m-%d %H:%M}"
        due = [{**line, "night": day} if line["night"].startswith(first[:10]) else line for line in lines]
        tonight = plan_of(simulator, window(), approved=approved_plan(due))
        assert {unit["id"] for unit in acting(tonight)} == {u["id"] for u in acting(plan) if u["night"] == first}
        assert tonight["deadline"] is not None, "the window's end"
        counts = [(each["units"], each["left"]) for each in tonight["approved"]["nights"]]
        assert counts == [(night["units"], night["units"]) for night in campaign["nights"]]

        closed = {**window(), "start": f"{just_now() + timedelta(hours=3):%H:%M}"}
        assert plan_of(simulator, closed, approved=approved_plan(due))["units"] == []


def test_zones_have_windows_of_their_own() -> None:
    given = window("8h", zones={"Oslo": {"start": f"{just_now() + timedelta(hours=2):%H:%M}"}})
    with VirtualSimulator(CLOUD) as simulator:
        plan = plan_of(simulator, given)
    nights_of = {zone: {unit["night"] for unit in acting(plan) if unit["zone"] == zone} for zone in ("Berlin", "Oslo")}
    assert all(len(found) == 1 for found in nights_of.values())
    assert nights_of["Berlin"] != nights_of["Oslo"]


@pytest.mark.parametrize(
    ("given", "told"),
    [(window("1m"), "has a window of 60 s in"), (window(zones={"Bergen": {}}), "no such zone")],
)
def test_a_window_that_cannot_be_meant_is_refused(given: Any, told: str) -> None:
    with VirtualSimulator(CLOUD) as simulator, pytest.raises(OptionError, match=told):
        plan_of(simulator, given)
