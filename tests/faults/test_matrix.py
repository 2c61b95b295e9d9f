# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of fault in every phase: what a run promises holds in each cell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.matrix import KINDS, End, Expected, Kind
from tests.faults.scene import UNITS, Ended, Phase, Scene, Versions, unit_vms
from tests.support.books import is_current, overlaps

GOOD = {"upgraded", "current"}
# What must never be shown: credentials, what requests and Python say of their own accord, URLs with a query.
UNFIT = re.compile(r"nobody-may-see|signature=|Traceback|https?://\S*\?", re.IGNORECASE)

Cell = tuple[Kind, Phase]


def cells(*phases: Phase) -> list[Any]:
    """The cells of the table that apply, as parameters of a test."""
    return [
        pytest.param(kind, phase, expected, id=f"{kind.name}-{phase.value}", marks=[pytest.mark.slow] * kind.slow)
        for kind in KINDS
        for phase in phases
        if (expected := kind.expected(phase))
    ]


PHASES = (Phase.PLAN, Phase.SUBMIT, Phase.POLL, Phase.VERIFY)


def is_of_a_day(kind: Kind, phase: Phase, versions: Versions) -> bool:
    """C(make test) meets each kind once, on the newest release, and one kind in this phase, another in that."""
    met = [each for each in PHASES if kind.expected(each)]
    return versions is kind.clouds[0] and phase is met[KINDS.index(kind) % len(met)]


@pytest.mark.parametrize(
    ("kind", "phase", "expected", "versions"),
    [
        pytest.param(
            kind,
            phase,
            expected,
            versions,
            id=f"{cell.id}-{versions.target}",
            marks=[*cell.marks, *[pytest.mark.nightly] * (not is_of_a_day(kind, phase, versions))],
        )
        for cell in cells(*PHASES)
        for kind, phase, expected in [cell.values]
        for versions in kind.clouds
    ],
)
def test_promises(
    kind: Kind,
    phase: Phase,
    expected: Expected,
    versions: Versions,
    tmp_path: Path,
    record_property: Any,
) -> None:
    record_property("cell", [kind.name, phase.value])
    with Scene(tmp_path, kind, versions) as scene:
        ended = scene.act(phase, kind.strike, first=expected.first)
        scene.simulator.wait_until_up()
        check = check_plan if phase is Phase.PLAN else check_run
        assert [*check(scene, ended, expected, kind), *check_words(scene, ended, expected)] == []
        scene.simulator.set_faults([])
        kind.repair(scene)
        scene.settle()
        assert [*check_next_runs(scene, kind)] == []


def check_plan(scene: Scene, ended: Ended, expected: Expected, kind: Kind) -> Iterator[str]:
    if scene.simulator.journal():
        yield "a plan changed something"
    if expected.end is not End.SURVIVES:
        if not ended.message:
            yield "the plan did not fail"
        return
    if ended.message:
        yield f"the plan failed: {ended.message}"
    planned = {unit["name"]: unit["method"] for unit in ended.values.get("plan", {}).get("units", ())}
    if planned != dict.fromkeys(UNITS, "live_patch"):
        yield f"the plan is wrong: {planned}"


def check_run(scene: Scene, ended: Ended, expected: Expected, kind: Kind) -> Iterator[str]:
    state, journal = scene.simulator.state(), scene.simulator.journal()
    if state["bugs"]:
        yield f"the simulator stumbled: {state['bugs']}"
    yield from check_submits(journal, state, scene.theirs, most=2 if kind.again else 1)
    if expected.end is End.DIES:
        if not ended.killed:
            yield "the run was not killed"
        return
    if expected.end is End.REFUSES:
        if ended.error is None or journal:
            yield f"not refused before anything was touched: {ended.message}, {journal}"
        return
    if ended.error is not None:
        yield f"no results, but an error: {ended.error}"
        return
    status = Counter(result["name"] for result in ended.results)
    if status != Counter(UNITS):
        yield f"not every unit exactly once in the results: {status}"
    all_good = all(result["status"] in GOOD for result in ended.results)
    if all_good != (ended.failure is None) or all_good != (expected.end is End.SURVIVES):
        told = [f"{result['name']} {result['status']}: {result['reason']}" for result in ended.results]
        yield f"wrong outcome: {ended.failure}, {told}"
    yield from check_upgraded(ended.results, state, scene.versions.target)


def check_submits(
    journal: list[dict[str, Any]], state: dict[str, Any], theirs: Collection[str], most: int = 1
) -> Iterator[str]:
    """No call twice in one run for one purpose, none while a job ran on the unit."""
    purposes = Counter(
        (entry["command"], entry["target"], entry["params"].get("livepatch", "false"))
        for entry in journal
        if entry["accepted"] and entry["job_id"] not in theirs
    )
    for (command, target, patch), count in purposes.items():
        if count > most:
            yield f"{command} of {target}, livepatch {patch}, was sent {count} times"
    yield from overlaps(journal, state["jobs"], theirs)


def check_upgraded(results: list[dict[str, Any]], state: dict[str, Any], target: str) -> Iterator[str]:
    """No unit is called upgraded that is not."""
    vms = unit_vms(state)
    for result in results:
        name = result["name"]
        if not result["reason"]:
            yield f"{name} is {result['status']} without a reason"
        if result["status"] == "upgraded" and not (vms[name] and all(is_current(vm, target) for vm in vms[name])):
            yield f"{name} is called upgraded, but is not: {vms[name]}"
        if result["status"] == "upgraded":
            yield from check_rules(state, name)


def check_rules(state: dict[str, Any], name: str) -> Iterator[str]:
    """By the simulator's books the rules of each network of the unit are applied."""
    for unit in state["units"].values():
        if unit["name"].partition("-tier")[0] == name and unit["rules"] != "applied":
            yield f"{unit['name']} has no rules: {unit['last_restart']}"


def check_words(scene: Scene, ended: Ended, expected: Expected) -> Iterator[str]:
    words = scene.versions.put_into(expected.words)
    if expected.end in (End.FAILS, End.REFUSES) and not re.search(words, ended.message, re.DOTALL):
        yield f"{words!r} is not in: {ended.message}"
    if not re.search(words, ended.said, re.DOTALL):
        yield f"{words!r} was not said: {ended.said}"
    if found := UNFIT.search(ended.said):
        yield f"{found[0]!r} must not be shown: {ended.said}"


def check_next_runs(scene: Scene, kind: Kind) -> Iterator[str]:
    """The next run brings everything to its end, and one more has nothing to do."""
    before = len(scene.simulator.journal())
    results = scene.roll_out(idle=kind.idle)
    state, journal = scene.simulator.state(), scene.simulator.journal()
    bad = [
        f"{result['name']} {result['status']}: {result['reason']}" for result in results if result["status"] not in GOOD
    ]
    if bad or Counter(result["name"] for result in results) != Counter(UNITS):
        yield f"the next run: {bad or results}"
    yield from check_submits(journal[before:], state, scene.theirs)
    yield from overlaps(journal, state["jobs"], scene.theirs)
    for name, vms in unit_vms(state).items():
        yield from check_rules(state, name)
        current = all(is_current(vm, scene.versions.target) for vm in vms)
        if len(vms) != (2 if name == "pair" else 1) or not current:
            yield f"after the next run {name} is not current: {vms}"
    scene.roll_out()
    if len(scene.simulator.journal()) != len(journal):
        yield f"a third run sent something: {scene.simulator.journal()[len(journal) :]}"
