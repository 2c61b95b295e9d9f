# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a run would take with other bounds."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.whatif_shapes import AlternativesData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.alternatives import alternatives, settings
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import Rehearsal, rehearse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.whatif import WhatIf
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from tests.unit.rehearsal.test_plays import PATCH, START, hosted, stage


@pytest.mark.parametrize(
    ("parallel", "per_host", "units", "tried"),
    [
        (10, 2, 20, [(5, 2), (10, 2), (20, 2), (40, 2), (10, 1), (10, 0)]),
        (1, 0, 20, [(1, 0), (2, 0), (4, 0), (1, 1), (1, 2)]),
        (10, 5, 20, [(5, 5), (10, 5), (20, 5), (40, 5), (10, 1), (10, 2), (10, 0)]),
        (10, 2, 151, [(10, 2), (20, 2), (10, 4)]),
        (10, 0, 5000, [(10, 0), (20, 0)]),
    ],
)
def test_what_is_tried(parallel: int, per_host: int, units: int, tried: list[tuple[int, int]]) -> None:
    assert settings(Limits(parallel, per_host), [("5",)], units) == [(*bounds, ("5",)) for bounds in tried]


def test_waves_are_tried_last_and_of_many_units_not_at_all() -> None:
    waves: list[tuple[str, ...]] = [("5",), (), ("1", "20%")]
    assert settings(Limits(10, 2), waves, 20)[-2:] == [(10, 2, ()), (10, 2, ("1", "20%"))]
    assert len(settings(Limits(10, 2), waves, 151)) == 3


def tried(played: Rehearsal, deadline: float | None = None) -> AlternativesData:
    return alternatives(played, deadline, {(): played.stage})


def test_a_table_says_which_bound_is_the_tight_one() -> None:
    """Eight on one host, two at a time there: more at a time in the whole cloud changes nothing."""
    there = stage((hosted(*"aaaaaaaa"), PATCH), limits=Limits(parallel=4, per_host=2))
    told = tried(rehearse(there))
    times = {(each["parallel"], each["per_host"]): each["likely_s"] for each in told["settings"]}
    assert times[8, 2] == times[4, 2] == times[16, 2]
    assert times[4, 1] > 1.8 * times[4, 2] > 3 * times[4, 0]
    [present] = [each for each in told["settings"] if each["present"]]
    assert (present["parallel"], present["per_host"], present["likely_s"]) == (4, 2, times[4, 2])
    assert (present["time"], present["left"], present["failed"], present["units"]) == ("6 min", None, None, {})
    [four] = [each for each in told["settings"] if each["per_host"] == 1]
    assert len(four["units"]) == 8 and max(end for dummy, end in four["units"].values()) <= four["likely_s"]
    assert told["words"] == ""


def test_what_would_be_left_at_the_deadline() -> None:
    there = stage((hosted(*"abcdefgh"), PATCH), limits=Limits(parallel=2))
    ends = START.timestamp() + 200
    told = tried(rehearse(there, ends), ends)
    left = {each["parallel"]: each["left"] for each in told["settings"] if each["per_host"] == 2}
    assert left == {1: 6, 2: 4, 4: 0, 8: 0}


def test_the_more_at_a_time_the_more_fail_before_the_budget_stops_it() -> None:
    there = stage((hosted(*"abcdefgh"), PATCH), limits=Limits(parallel=2))
    told = alternatives(rehearse(there), None, {(): there}, WhatIf(fail="100%"))
    failed = {each["parallel"]: each["failed"] for each in told["settings"] if each["per_host"] == 2}
    assert failed == {1: 1, 2: 2, 4: 4, 8: 8}
    assert all(each["stopped"] for each in told["settings"])
    enough = stage((hosted(*"abcd"), PATCH), limits=Limits(parallel=2, max_failures=1))
    told = alternatives(rehearse(enough), None, {(): enough}, WhatIf(fail="1"))
    assert {(each["failed"], each["stopped"]) for each in told["settings"]} == {(1, False)}


def test_of_many_units_few_are_tried_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    there = rehearse(stage((hosted(*"abc"), PATCH)))
    for module in ("plays", "alternatives"):
        monkeypatch.setattr(
            f"ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.{module}.MOST_PLAYED_THRICE", 1
        )
    told = tried(there)
    assert len(told["settings"]) == 2
    assert told["words"] == "There are 3 units, so few settings were played."
