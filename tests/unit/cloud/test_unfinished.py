# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.unfinished import last_restarts, unfinished_tiers
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.actions import stages
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide
from tests.unit.builders import SITUATION, TARGET_TEXT, vm, vpc_unit

NOW = 1_000_000.0


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
        ({"a": 90_000}, ()),  # too long ago
        ({"a": 50, "b": 50, "c": 50}, ()),  # all in the same second
    ],
)
def test_pattern(ages: dict[str, float], left: tuple[str, ...]) -> None:
    assert unfinished_tiers(["a", "b", "c"], {tier: NOW - age for tier, age in ages.items()}, NOW) == left


def test_a_vpc_of_one_tier_is_never_unfinished() -> None:
    assert unfinished_tiers(["a"], {"a": NOW}, NOW) == ()
    assert unfinished_tiers([], {}, NOW) == ()


def test_only_what_was_scheduled_counts() -> None:
    events = [
        {"state": "Scheduled", "resourceid": "a", "created": "2026-11-23T00:00:10+0000"},
        {"state": "Scheduled", "resourceid": "a", "created": "2026-11-23T00:00:05+0000"},
        {"state": "Completed", "resourceid": "b", "created": "2026-11-23T00:00:20+0000"},
        {"state": "Scheduled", "resourceid": "c", "created": "garbage"},
    ]
    assert set(last_restarts(events)) == {"a"}
    assert last_restarts(events)["a"] % 60 == 10


def test_only_the_tiers_left_are_restarted() -> None:
    unit = replace(vpc_unit("v", vm("r", software=TARGET_TEXT), tiers=3), unfinished=("id-v-tier2",))
    verdict = decide(unit, SITUATION)
    assert verdict.method is Method.RESTART
    assert "v-tier2" in verdict.reason
    assert [dict(stage.params) for stage in stages(unit, Method.RESTART)] == [{"id": "id-v-tier2", "cleanup": False}]
