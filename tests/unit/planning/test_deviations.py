# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a plan differs from the one that was approved."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.campaign import Tonight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import ApprovedData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.reading import nights
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.approved import ApprovedPlan, approved_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.deviations import deviations
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.nights import Windows
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import decide_all
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.wording import approved_words, deviation_lines
from tests.unit.builders import NEW, estate, network_unit, vm

OLD, DONE, AS_APPROVED = network_unit("old"), network_unit("done", vm("r-d", **NEW)), network_unit("as")
OTHER, SKIPPED = network_unit("other"), network_unit("skipped", vm("r-s", built_from="4.11"))
UNITS = (OLD, DONE, AS_APPROVED, OTHER, SKIPPED)


def lines(**methods: str) -> ApprovedPlan:
    return approved_plan(
        {"id": f"id-{name}", "method": method, "place": f"plan.csv, line {n}", "name": f"network {name} in zone"}
        for n, (name, method) in enumerate(methods.items(), 2)
    )


APPROVED = lines(
    old="recreate", done="live_patch", gone="live_patch", **{"as": "live_patch"}, left="none", skipped="skip"
)


def found(approved: ApprovedPlan, in_scope: tuple[Unit, ...] = UNITS, **strategy: Any) -> ApprovedData:
    policy = Policy(strategy=Strategy(**strategy), approved=approved)
    cloud = estate(*UNITS)
    held = decide_all(cloud, [unit for unit in in_scope if unit.id in approved.lines], policy)
    others = decide_all(cloud, [unit for unit in in_scope if unit.id not in approved.lines], Policy())
    return deviations(approved, held, others, {*(unit.id for unit in UNITS), "id-left"})


def test_each_line_is_somewhere() -> None:
    told = found(APPROVED)
    listed = [[each["id"] for each in told[key]] for key in ("differs", "current", "gone", "left_out")]
    assert listed == [["id-old"], ["id-done"], ["id-gone"], ["id-left"]]
    assert (told["source"], told["lines"], told["as_approved"]) == ("plan.csv", 6, 2)
    assert [each["name"] for each in told["not_approved"]] == ["network other in zone"]


def test_a_unit_that_is_recreated_now_is_not_as_approved() -> None:
    told = found(lines(old="live_patch"), (OLD,), method=WantedMethod.RECREATE)
    [line] = told["differs"]
    assert line["why"].startswith("live patch was approved (plan.csv, line 2), but now it needs recreate: r-old ")
    assert line["why"].endswith("make a new plan and approve that")


def test_it_is_told_in_a_line_each() -> None:
    told = found(APPROVED)
    assert approved_words(told) == (
        "Approved plan: plan.csv, 6 lines: 2 as approved, 1 not touched, as they need something else now, 1 current by"
        " now, 1 gone, 1 left out by the rest of the scope. Without a line, and so not touched: 1 unit in scope that"
        " would need an upgrade"
    )
    first, *more = deviation_lines(told)
    assert first.startswith(
        "network old in zone: recreate was approved (plan.csv, line 2), but now it needs live patch"
    )
    assert more == [
        "plan.csv, line 4: network gone in zone: live patch was approved; it is not there any more",
        "plan.csv, line 6: network left in zone: nothing was approved; the rest of the scope leaves it out",
        "plan.csv, line 3: network done in zone: live patch was approved; already runs 4.22.0.0",
        "not approved: network other in zone: live patch: r-other reports 4.18.1.0, not 4.22.0.0; two live patches are"
        " expected (known defect 8497 of this server)",
    ]
    assert deviation_lines(None) == []


NOW = datetime(2026, 12, 1, 23, 0, tzinfo=timezone.utc)
NIGHTS = {
    "old": "2026-11-30T23:00Z",
    "done": "2026-11-30T23:00Z",
    "as": "2026-12-01T23:00Z",
    "other": "2026-12-02T23:00Z",
}
WINDOW = {"start": "23:00", "length": "4h"}


def of_nights(**more: str) -> ApprovedPlan:
    return approved_plan(
        {"id": f"id-{name}", "method": "live_patch", "night": night} for name, night in {**NIGHTS, **more}.items()
    )


def windows(**given: Any) -> Windows:
    return Windows.of(nights({**WINDOW, **given}))


def local_now(hour: int, day: int = 1) -> datetime:
    """At which the windows are, which are of the clocks of this machine."""
    return datetime(2026, 12, day, hour).astimezone()


def due(approved: ApprovedPlan, now: datetime, given: Windows | None = None) -> list[str]:
    in_lines = [unit for unit in UNITS if unit.id in approved.lines]
    units, later = Tonight(now, given).due(approved, in_lines)
    assert {unit.id for unit in (*units, *later)} == {unit.id for unit in in_lines}
    return [unit.name for unit in units]


def test_what_was_left_in_past_nights_is_done_tonight_and_what_is_for_another_one_is_not_touched() -> None:
    assert due(of_nights(), NOW) == ["old", "done", "as"]
    assert due(of_nights(), NOW - timedelta(minutes=9)) == ["old", "done", "as"], "a little early counts"
    assert due(of_nights(), NOW - timedelta(minutes=11)) == ["old", "done"]
    assert due(of_nights(old=""), NOW - timedelta(days=3)) == ["old"], "a line without a night is for any"


def test_outside_of_the_window_of_its_zone_nothing_is_touched() -> None:
    lines = of_nights()
    assert due(lines, local_now(23, 9), windows()) == ["old", "done", "as", "other"]
    assert due(lines, local_now(15, 9), windows()) == []
    assert due(lines, local_now(23, 9), windows(zones={"zone": {"start": "01:00"}})) == []
    assert Tonight(local_now(23, 9), windows()).closes(UNITS) == local_now(3, 10)
    assert Tonight(local_now(15, 9), windows()).closes(UNITS) is None


def test_each_night_says_what_is_left_and_owners_can_be_told_of_the_next() -> None:
    approved, cloud = of_nights(), estate(*UNITS)
    policy = Policy(approved=approved)
    units, later = Tonight(NOW, None).due(approved, [unit for unit in UNITS if unit.id in approved.lines])
    held, waiting = decide_all(cloud, units, policy), decide_all(cloud, later, policy)
    told = deviations(approved, held, (), {unit.id for unit in UNITS}, waiting)
    assert [(each["night"][:10], each["units"], each["left"]) for each in told["nights"]] == [
        ("2026-11-30", 2, 1),
        ("2026-12-01", 1, 1),
        ("2026-12-02", 1, 1),
    ]
    assert (told["left_out"], told["gone"], told["as_approved"]) == ([], [], 2)
    now = local_now(23)
    told = Tonight(now, windows()).with_later(told, approved, held, waiting)
    assert [(each["name"], each["night"]) for each in told["later"]] == [
        (
            "other",
            windows()
            .of_zone("zone")
            .next(datetime(2026, 12, 2, 23, tzinfo=timezone.utc))
            .isoformat(timespec="minutes"),
        )
    ]
    assert told["next_nights"] == {"zone": (now + timedelta(days=1)).isoformat(timespec="minutes")}
    assert "1 in another night" in approved_words(told)
