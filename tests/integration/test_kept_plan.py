# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan.json in place of a cloud: what is rehearsed from it is what was rehearsed with the cloud."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Order, Policy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.whatif import WhatIf
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.bundle import make_bundle
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.kept_plan import KeptPlanError, rehearsed_again
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import as_json
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import read_variables
from tests.integration.test_rehearsal import estate
from tests.integration.test_simulated_plan import ESTATES
from tests.support.estates import estate as estate_
from tests.support.sampling import sampled
from tests.support.virtual import VirtualSimulator

CLOUDS: dict[str, Any] = {**ESTATES, "of two hypervisors": estate(0, (20, 30), [0.0])[0]}
SMALL = estate_(networks=[{"name": f"net{number}"} for number in range(6)])
NIGHTS = {"start": "23:00", "length": "4h"}
WHAT = {"fail": "10%", "server_restart": "00:02"}


def plan_of(spec: dict[str, Any], waves: tuple[str, ...] = ("5", "50%"), **asked: Any) -> dict[str, Any]:
    """As check_sysvms writes it."""
    given: dict[str, Any] = {"bounds": Limits(6, 1), "soak_s": 60.0, **asked}
    request = CheckRequest(Policy(order=Order(waves=waves)), fail_on_checks=False, **given)
    with VirtualSimulator(spec) as simulator, simulator.client() as client:
        values = check_versions(client, request).values
    return {"started": "2026-11-30T14:00:00+00:00", **values["plan"], "checks": values["checks"]}


def again(plan: dict[str, Any], folder: Path, what: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
    path = folder / "plan.json"
    path.write_text(as_json(plan), encoding="utf-8")
    given["rehearse"] = {"plan": str(path), **(what or {})}
    variables = read_variables({f"sysvm_{name}": value for name, value in given.items()})
    return rehearsed_again(str(path), variables, given.keys())


def figures(plan: dict[str, Any]) -> Any:
    keys = ("estimate", "steps", "zones", "scope", "max_failures", "deadline", "what_if", "alternatives", "scene")
    return json.loads(json.dumps([plan[key] for key in keys] + [unit["predicted"] for unit in plan["units"]]))


@pytest.mark.parametrize("name", sampled(1, reversed(CLOUDS)))
def test_a_rehearsal_without_the_cloud_is_that_with_it(name: str, tmp_path: Path) -> None:
    what = WhatIf.of(read_variables({"sysvm_rehearse": WHAT})["rehearse"])
    plan = plan_of(CLOUDS[name], what_if=what, alternatives=True, max_failures="2")
    assert figures(again(plan, tmp_path, WHAT)) == figures(plan)


def test_other_settings_come_to_what_they_come_to_with_the_cloud(tmp_path: Path) -> None:
    as_set = plan_of(SMALL)
    other = plan_of(SMALL, ("2",), bounds=Limits(2, 0), soak_s=30.0, max_failures="20%")
    other["scene"] |= {key: as_set["scene"][key] for key in ("start", "known")}  # a little later
    other["scope"] = other["scope"].replace(other["cloud"], as_set["cloud"])  # another port
    kept = again(as_set, tmp_path, waves="2", parallel=2, per_host=0, soak=30, max_failures="20%")
    assert figures(kept) == figures(again(other, tmp_path))


def test_a_deadline_is_that_of_the_evening_of_the_plan(tmp_path: Path) -> None:
    plan = plan_of(SMALL)
    seconds = int(plan["estimate"]["likely_s"] * 0.7)
    kept = again(plan, tmp_path, deadline=f"{seconds}s")
    assert 0 < kept["estimate"]["left"] < 6 and kept["scope"].count("; until ") == 1
    ends = datetime.fromisoformat(kept["deadline"]).timestamp()
    assert ends == pytest.approx(plan["scene"]["start"] + seconds, abs=1)
    assert again(kept, tmp_path)["estimate"] == kept["estimate"]
    assert "No cloud was asked" in kept["notes"][0]


def changed(plan: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    whole: Any = json.loads(json.dumps(plan))
    *path, last = (int(part) if part.isdigit() else part for part in place.split("."))
    part = whole
    for key in path:
        part = part[key]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return dict(whole)


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return plan_of(SMALL)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("scene", None, "the plan has no scene"),
        ("scene", False, "the plan.scene is False, not"),
        ("scene", {}, "nothing is to be done in it, or it was made with sysvm_rehearse=false"),
        ("units.0.vms", "none", "the plan.units[0].vms is 'none', not a list"),
        ("units.0.name", None, "the plan.units[0] has no name"),
        ("units.0.step", None, "the plan.units[0] has no step"),
        ("units.0.step", 9, "steps[0] names "),
        ("units.0.id", "another", "steps[0] names "),
        ("steps.0.units", [], "units[0] ("),
        ("steps.1.units.0", "nobody", "steps[1] names nobody, and no unit"),
        ("steps.0.method", "dance", "steps[0].method is 'dance'"),
        ("steps.0.canary", "no", "the plan.steps[0].canary is 'no', not true or false"),
        ("zones", [], "zones are not those of the units"),
        ("drift.running", 5, "the plan.drift.running is 5, not a list"),
        ("scene.known", [], "which scene.known does not have"),
        ("scene.known.0.vms.0.state", 5, "scene.known[0].vms[0].state is 5, not a text"),
        ("scene.known.0.colour", "red", "scene.known[0] has colour, which nobody knows"),
        ("scene.baseline.target", "soon", "scene.baseline.target is 'soon', not a version"),
        ("scene.limits.parallel", 0, "scene.limits.parallel is 0, less than 1"),
        ("scene.start", "now", "scene.start is 'now', not a number"),
        ("scene.start", 1e300, "scene.start is 1e+300"),
        ("deadline", "soon", "deadline is 'soon'"),
        ("deadline", "2026-11-30T06:00", "deadline is '2026-11-30T06:00', no moment with a time zone"),
        ("started", None, "started is None"),
    ],
)
def test_an_edited_plan_is_refused_with_the_place(
    place: str, value: Any, told: str, small: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(KeptPlanError) as refused:
        again(changed(small, place, value), tmp_path)
    assert told in str(refused.value) and "check_sysvms" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: no JSON, or cut off"),
        (b"hosts: all", "line 1: no JSON, or cut off"),
        (b'{\n "units": [\n  {"id": "a', "line 3: no JSON, or cut off"),
        (b"\xff\xfe", "is no text"),
        (b"[]", "the plan is [], not an object"),
        (b'{"status": "success", "units": []}', "the plan has no alternatives"),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content) if content is not None else path.mkdir()
    with pytest.raises(KeptPlanError) as refused:
        rehearsed_again(str(path), read_variables({}), frozenset())
    assert f"{path}" in str(refused.value) and told in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeptPlanError, match="No such file"):
        rehearsed_again(str(tmp_path / "plan.json"), read_variables({}), frozenset())


def test_what_a_plan_has_decided_is_refused(small: dict[str, Any], tmp_path: Path) -> None:
    decided: dict[str, Any] = {"zones": "Berlin", "method": "recreate", "canaries": False, "nights": NIGHTS}
    for name, value in decided.items():
        with pytest.raises(OptionError, match=f"{name} is given, but what is done is said by"):
            again(small, tmp_path, **{name: value})


def test_a_plan_without_names_can_be_rehearsed_too(small: dict[str, Any], tmp_path: Path) -> None:
    run, target = tmp_path / "run", tmp_path / "sent.tar.gz"
    run.mkdir()
    expected = again(small, run)
    make_bundle(str(run), str(target))
    with tarfile.open(target) as sent:
        [member] = (each for each in sent.getmembers() if each.name.endswith("plan.json"))
        plan = json.load(sent.extractfile(member) or io.BytesIO())
    assert "net1" in json.dumps(small) and "net1" not in json.dumps(plan)
    assert again(plan, tmp_path)["estimate"] == expected["estimate"]
