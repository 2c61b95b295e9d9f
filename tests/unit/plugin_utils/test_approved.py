# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The approved plan as a run is given it: a file, or what a check in AWX has handed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.approved import ApprovedPlanError, approved_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan_csv import plan_csv
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import approved
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.approved import given_plan, handed_on
from tests.unit.planning.test_plan_csv import PLAN


def artifact(file: str | None = None, **more: Any) -> dict[str, Any]:
    """As AWX keeps it."""
    kept: dict[str, Any] = json.loads(json.dumps({"handed_on": handed_on(PLAN, file), "deadline": None, **more}))
    return kept


def ids(lines: Any) -> set[tuple[str, str, bool, frozenset[str]]]:
    plan = approved_plan(lines)
    return {(key, a.method.value, a.recreates, a.destroys) for key in plan.lines for a in [plan.of(key)]}


def test_a_file_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(plan_csv(PLAN), encoding="utf-8")
    given = given_plan("plan.csv", "localhost", str(path))
    assert (given.deadline, len(given.lines)) == (None, len(PLAN["units"]))


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ApprovedPlanError, match=r"sysvm_approved_plan names .*, which cannot be read"):
        given_plan(name, "localhost", str(tmp_path / name))


@pytest.mark.parametrize("by_host", [True, False])
def test_what_the_check_hands_on_says_as_much_as_the_file(tmp_path: Path, by_host: bool) -> None:
    kept = artifact(deadline="2026-12-01T06:00:00+01:00")
    given = given_plan({"cloud1": kept, "cloud2": {}} if by_host else kept, "cloud1", "")
    path = tmp_path / "plan.csv"
    path.write_text(plan_csv(PLAN), encoding="utf-8")
    read = ids(given_plan("plan.csv", "localhost", str(path)).lines)
    # In an artifact it is said once whether any may be recreated after a failure.
    assert {(i, m, d) for i, m, dummy, d in ids(given.lines)} == {(i, m, d) for i, m, dummy, d in read}
    assert given.deadline == "2026-12-01T06:00:00+01:00"
    approved_plan(given.lines).refuse_other("cloud.example.com", "4.22.0.0")


def test_lines_may_be_given_as_they_are() -> None:
    given = given_plan([{"id": "1", "method": "live_patch"}], "localhost", "")
    assert ids(given.lines) == {("1", "live_patch", False, frozenset())}
    with pytest.raises(ApprovedPlanError, match=r"sysvm_approved_plan, item 2 has no id"):
        approved_plan(given_plan([{"id": "1", "method": "none"}, {"method": "none"}], "localhost", "").lines)


def test_what_does_not_fit_is_in_the_file_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approved, "MOST_HANDED_ON", 3)
    path = tmp_path / "plan.csv"
    kept = artifact(str(path))
    assert kept["handed_on"]["note"] == f"4 units are too many for an artifact: they stand in {path}"
    assert not any(kept["handed_on"]["units"].values())
    with pytest.raises(ApprovedPlanError, match=r"which is not there.*on a volume"):
        given_plan({"localhost": kept}, "localhost", "")
    path.write_text(plan_csv(PLAN), encoding="utf-8")
    assert len(given_plan({"localhost": kept}, "localhost", "").lines) == 4


@pytest.mark.parametrize("here", [None, {}, "x", {"handed_on": 1}, {"handed_on": {}}])
def test_what_holds_no_plan_is_refused(here: Any) -> None:
    with pytest.raises(ApprovedPlanError, match="sysvm_approved_plan has no plan of localhost"):
        given_plan({"localhost": here}, "localhost", "")


def test_what_is_handed_on_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = PLAN["units"][0]
    many: Any = {**PLAN, "units": [{**unit, "id": f"{n:08}-aaaa-bbbb-cccc-dddddddddddd"} for n in range(9000)]}
    assert len(json.dumps(handed_on(many, "plan.csv"))) < 1000
    fits: Any = {**many, "units": many["units"][: approved.MOST_HANDED_ON]}
    assert len(json.dumps(handed_on(fits, "plan.csv"))) < 100_000
