# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rooms of ARCHITECTURE.md, held against the imports of plugins/: arrows go down, none goes round in a circle."""

from __future__ import annotations

import ast
import graphlib
import re
from collections import Counter

import pytest

from tests.tools.rooms import PREFIX, ROOT, SOURCES, Arrows, all_arrows, arrows_of, between_rooms, room_of, with_drawing

MOST_LINES = 450
MOST_PARAMETERS = 6
MOST_LINES_OF_CODE = 30  # of a module
# From top to bottom; what runs in ansible-playbook and what runs as a module stand on the same rooms.
BELOW = ("rehearsal", "rollout", "planning", "probing", "units", "options", "cloud", "api", "knowledge")
CHAINS = (("action", "plugin_utils", *BELOW), ("lookup", "plugin_utils", *BELOW), ("modules", "entry", *BELOW))
ALONE = {"doc_fragments"}  # text only
# Files of data, types or wiring, which decide nothing.
NO_TEST = """
api/errors api/line cloud/infrastructure cloud/model cloud/moments entry/check_request entry/orders entry/outcome
knowledge/drift_shapes knowledge/shapes knowledge/vocabulary knowledge/whatif_shapes options/modules options/option
options/probing options/rollout options/sources options/wanted planning/policy plugin_utils/local_action
rollout/limits rollout/requests rollout/results rollout/server rollout/surroundings units/actions
units/defects/all_kinds units/defects/routers units/defects/row units/defects/system_vms
"""
# Tests that show what other files decide, too.
SHOWN_BY = {
    "integration/test_evidence": "entry/failed_units",
    "integration/test_kept_plan": "plugin_utils/kept_plan rehearsal/scene",
    "integration/test_findings": "entry/check entry/details entry/rolling entry/upgrade",
    "unit/api/test_pages": "api/ahead",
    "unit/cloud/test_lists": "cloud/events",
    "unit/cloud/test_read": "cloud/items",
    "unit/cloud/test_restarts": "cloud/job_ids cloud/own_jobs",
    "unit/cloud/test_roles": "entry/role",
    "unit/entry/test_arguments": "api/connection api/profiles",
    "unit/knowledge/test_permissions": "entry/account",
    "unit/planning/test_deviations": "entry/campaign planning/approved",
    "unit/planning/test_drift": "units/checksums",
    "unit/planning/test_new_disks": "planning/checks/new_vms units/templates",
    "unit/planning/test_plan": "planning/checks/catalogue planning/checks/hosts planning/checks/management_server "
    "planning/checks/planned_units planning/checks/sessions",
    "unit/plugin_utils/report/test_page": "plugin_utils/report/rendering plugin_utils/report/tables",
    "unit/plugin_utils/test_anonymise": "plugin_utils/bundle",
    "unit/plugin_utils/test_variables": "options/reading",
    "unit/rehearsal/test_any_cloud": "rehearsal/imagined",
    "unit/rehearsal/test_plays": "entry/rehearse",
    "unit/rollout/test_scheduler": "rollout/progress rollout/view",
    "unit/rollout/test_soak": "units/alerts units/last_looks",
    "unit/units/test_ends": "units/record",
    "unit/units/test_known_defects": "planning/impact",
}


def goes_down(upper: str, lower: str) -> bool:
    chains = [chain for chain in CHAINS if upper in chain and lower in chain]
    return upper == lower or any(chain.index(upper) < chain.index(lower) for chain in chains)


def upward(arrows: Arrows) -> list[str]:
    return sorted(
        f"{name} -> {other}"
        for name, others in arrows.items()
        for other in others
        if not goes_down(room_of(name), room_of(other))
    )


def circle(arrows: Arrows) -> list[str]:
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_each_file_is_in_a_room() -> None:
    assert {room_of(name) for name in SOURCES} == ALONE.union(*CHAINS)


def test_arrows_between_rooms_go_down() -> None:
    assert upward(all_arrows()) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(all_arrows()) == []


@pytest.mark.parametrize("module", ["cs_systemvm_livepatch", "cs_systemvm_recreate", "cs_router_restart"])
def test_what_acts_does_not_carry_what_plans(module: str) -> None:
    """ansible-core packs all that a module imports for each step, and each step reads it."""
    carried, left = set[str](), {f"plugins.modules.{module}"}
    while left:
        carried |= left
        left = set[str]().union(*(all_arrows()[name] for name in left)) - carried
    assert "plugins.module_utils.rollout.server" in carried
    assert (
        carried & {f"plugins.module_utils.{name}" for name in ("entry.check", "planning.plan", "rehearsal.plays")}
        == set()
    )


def test_imports_within_plugins_are_relative() -> None:
    absolute = re.compile(rf"^ *(from|import) {PREFIX}", re.MULTILINE)
    assert [name for name, text in SOURCES.items() if absolute.search(text)] == []


def test_no_room_holds_more_than_a_fifth_of_the_house() -> None:
    lines: Counter[str] = Counter()
    for name, text in SOURCES.items():
        lines[room_of(name)] += len(text.splitlines())
    assert {room: count for room, count in lines.items() if count > lines.total() / 5} == {}


def test_no_two_files_of_what_modules_run_have_one_name() -> None:
    names = Counter(name.rpartition(".")[2] for name in SOURCES if name.startswith("plugins.module_utils."))
    assert {name for name, count in names.items() if count > 1} == set()


def test_no_two_classes_have_one_name() -> None:
    classes = Counter(name for text in SOURCES.values() for name in re.findall(r"^class (\w+)", text, re.MULTILINE))
    assert {name for name, count in classes.items() if count > 1} == {"ActionModule", "ModuleDocFragment"}


def test_each_file_that_decides_has_its_test_under_the_same_path() -> None:
    tests = ROOT / "tests"
    files = {name.replace(".", "/").removeprefix("plugins/").removeprefix("module_utils/") for name in SOURCES}
    own = {name for name in files if (tests / "unit" / name).with_name(f"test_{name.rpartition('/')[2]}.py").is_file()}
    elsewhere = {name for names in SHOWN_BY.values() for name in names.split()}
    rooms = ("action/", "doc_fragments/", "lookup/", "modules/")  # what only Ansible can break: integration
    assert {name for name in files - own if not name.startswith(rooms)} == elsewhere | {*NO_TEST.split()}
    assert [name for name in SHOWN_BY if not (tests / f"{name}.py").is_file()] == []


def test_no_file_is_too_long_to_be_read() -> None:
    assert {name: lines for name, text in SOURCES.items() if (lines := len(text.splitlines())) > MOST_LINES} == {}


def parameters(text: str) -> dict[str, int]:
    """How many each function has, without the instance or class that it belongs to."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            count = sum(each is not None and each.arg not in ("self", "cls") for each in every)
            found[node.name] = max(count, found.get(node.name, 0))
    return found


def test_no_function_has_too_many_parameters() -> None:
    """What it needs together has a name of its own; the constructors of dataclasses are no functions."""
    counts = {f"{name}.{each}": count for name, text in SOURCES.items() for each, count in parameters(text).items()}
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def test_modules_hold_documentation_and_little_else() -> None:
    """What they do is in the room entry, where types are checked strictly."""
    code = {name: text.rpartition('"""')[2] for name, text in SOURCES.items() if name.startswith("plugins.modules.")}
    assert {name: lines for name, text in code.items() if (lines := len(text.splitlines())) > MOST_LINES_OF_CODE} == {}


def test_the_drawing_shows_the_arrows_of_the_code() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert page == with_drawing(page)


def test_the_page_names_files_that_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(named) > 50
    folders = (ROOT, ROOT / "plugins", ROOT / "plugins/module_utils", ROOT / "plugins/plugin_utils")
    assert [name for name in named if not any((folder / name).is_file() for folder in folders)] == []


# That these tests can fail

READ, PLAN, RUN = "plugins.module_utils.cloud.read", "plugins.module_utils.planning.plan", "plugins.plugin_utils.run"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (READ, f"import {PREFIX}{PLAN}", {PLAN}),
        (READ, f"from {PREFIX}{PLAN} import make_plan", {PLAN}),
        (READ, "from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning import plan", {PLAN}),
        (READ, "from ..planning.plan import make_plan", {PLAN}),
        (READ, "from ..planning import plan", {PLAN}),
        (READ, f"def late():\n    from {PREFIX}{PLAN} import make_plan", {PLAN}),
        (READ, "import html\nfrom datetime import datetime", set()),
    ],
)
def test_an_import_is_an_arrow_however_it_is_written(name: str, text: str, found: set[str]) -> None:
    assert arrows_of({name: text, PLAN: ""})[name] == found


@pytest.mark.parametrize(
    ("upper", "lower", "right"),
    [
        ("modules", "entry", True),
        ("modules", "api", True),
        ("cloud", "cloud", True),
        ("plugin_utils", "rollout", True),
        ("cloud", "planning", False),
        ("entry", "plugin_utils", False),
        ("action", "entry", False),
        ("api", "doc_fragments", False),
    ],
)
def test_what_goes_down(upper: str, lower: str, right: bool) -> None:
    assert goes_down(upper, lower) is right


def test_parameters_are_counted_however_they_are_written() -> None:
    text = "class A:\n    async def f(self, a, /, b, *c, d=1, **e): pass\n\ndef g(): pass"
    assert parameters(text) == {"f": 5, "g": 0}


def test_a_circle_is_found() -> None:
    assert set(circle({READ: {PLAN}, PLAN: {RUN}, RUN: {READ}})) == {READ, PLAN, RUN}
    assert circle({READ: {PLAN}, PLAN: {RUN}, RUN: set()}) == []


def test_an_arrow_that_others_imply_is_not_drawn() -> None:
    wire = "plugins.module_utils.api.wire"
    assert between_rooms({PLAN: {READ, wire}, READ: {wire}, wire: set()}) == {("planning", "cloud"), ("cloud", "api")}
