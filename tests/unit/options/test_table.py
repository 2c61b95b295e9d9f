# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of options, what is made from it, and that nothing of it is written a second time."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.arguments import (
    argument_spec,
    read_params,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.modules import CONNECTION, OWN
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option import (
    ACTING,
    CHECK,
    MODULES,
    RECREATE,
    ROLES,
    ROUTERS,
    Option,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError, naming_options
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.reading import NotMeantError, reader
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.rollout import LIMITS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import VARIABLES, options_of
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import read_one
from tests.tools import generate

TABLE = (*OWN, *VARIABLES.values())
BOUNDED = [
    (module, option) for module in MODULES for option in options_of(module).values() if option.lowest is not None
]


def test_what_is_made_from_the_table_is_up_to_date() -> None:
    made = generate.generated()
    old = [path for path, text in made.items() if (generate.ROOT / path).read_text(encoding="utf-8") != text]
    assert old == [], "run: make generate"


def test_everything_that_has_options_is_made_from_the_table() -> None:
    made = {Path(path) for path in generate.generated()}
    assert {Path(f"plugins/modules/{module}.py") for module in MODULES} < made
    there = {path.relative_to(generate.ROOT) for path in (generate.ROOT / "roles").glob("*/*/*.yml")}
    assert {path for path in there if path.name == "argument_specs.yml" or path.parent.name == "defaults"} < made
    assert {path.stem for path in (generate.ROOT / "plugins/modules").glob("cs_*.py")} == set(MODULES)


@pytest.mark.parametrize("place", [*MODULES, *ROLES])
def test_a_name_means_one_thing_in_one_place(place: str) -> None:
    assert [n for n, count in Counter(o.name for o in TABLE if place in o.where).items() if count > 1] == []


def test_an_option_is_somewhere() -> None:
    assert [option.name for option in TABLE if not set(option.where) <= {*MODULES, *ROLES}] == []
    # The hosts are the playbooks'; what hides is a variable, but in no role's specification.
    assert [option.name for option in TABLE if not option.where] == ["clouds"]


def test_what_a_variable_gives_to_the_modules_is_that_variable() -> None:
    """The actions hand variables on by name, whatever is in these groups."""
    own = {option.name for option in OWN if CHECK in option.where}
    assert own & set(VARIABLES) == set()
    assert [name for name in LIMITS if any(name not in options_of(module) for module in ACTING)] == []
    assert [name for name in CONNECTION if any(name not in options_of(module) for module in MODULES)] == []


@pytest.mark.parametrize("module", MODULES)
def test_ansible_takes_the_argument_specs_and_their_defaults(module: str) -> None:
    options = options_of(module)
    required: dict[str, Any] = {
        name: 1 if option.type == "int" else [{}] if option.elements == "dict" else ["x"]
        for name, option in options.items()
        if option.required
    }
    result = ArgumentSpecValidator(argument_spec(options.values())).validate(required)
    assert result.error_messages == []
    found = result.validated_parameters
    for name, option in options.items():
        if not option.required:
            assert found[name] == (list(option.default) if isinstance(option.default, tuple) else option.default), name
    read_params(options.values(), found)


@pytest.mark.parametrize(("module", "option"), BOUNDED, ids=[f"{place}-{option.name}" for place, option in BOUNDED])
def test_a_number_that_is_too_low_is_refused_and_named(module: str, option: Option) -> None:
    assert option.lowest is not None
    options = options_of(module).values()
    read_params(options, {option.name: option.lowest})
    with (
        naming_options(options_of(module)),
        pytest.raises(SysvmError, match=f"^{option.name} .*at least {option.lowest:g}"),
    ):
        read_params(options, {option.name: option.lowest - 0.01})
    with naming_options(options_of(module)), pytest.raises(SysvmError, match=f"^{option.name} "):
        read_params(options, {option.name: math.nan})


@pytest.mark.parametrize("name", [name for name, option in VARIABLES.items() if option.lowest is not None])
def test_modules_and_variables_have_the_same_lowest(name: str) -> None:
    lowest = VARIABLES[name].lowest
    assert lowest is not None
    assert read_one(name, lowest) == lowest
    with pytest.raises(OptionError, match=f"at least {lowest:g}"):
        read_one(name, lowest - 1)


@pytest.mark.parametrize("option", TABLE, ids=lambda option: f"{option.name}-{option.where[0] if option.where else ''}")
def test_a_default_may_be_given(option: Option) -> None:
    if option.default is None:
        return
    assert set(option.default if option.type == "list" else [option.default]) <= set(option.choices or [option.default])
    if option.name in VARIABLES and option.type != "list":
        assert reader(VARIABLES[option.name])(VARIABLES[option.name].default) == VARIABLES[option.name].default


def test_one_name_with_two_meanings() -> None:
    assert options_of(ROUTERS)["mode"].choices == ("live_patch", "restart", "recreate")
    assert options_of(RECREATE)["mode"].choices == ("destroy", "restart")


# How the text is made

ONE = Option("one", "int", ("At most as many as O(two), see O(two=3). More.",), ("here",), 5, lowest=2, env="ONE")


@pytest.mark.parametrize(
    ("known", "prefix", "text"),
    [
        ({"two"}, "", "At most as many as O(two), see O(two=3). More."),
        (set(), "", "At most as many as C(two), see C(two=3). More."),
        ({"two"}, "sysvm_", "At most as many as O(sysvm_two), see O(sysvm_two=3). More."),
    ],
)
def test_an_option_is_named_as_its_reader_knows_it(known: set[str], prefix: str, text: str) -> None:
    assert generate._named(ONE.words[0], known, prefix) == text


def test_what_the_fields_say_is_said_in_words() -> None:
    text = " ".join(generate._words(ONE))
    assert "At least V(2)." in text and "E(ONE)" in text


def test_a_row_of_the_readme() -> None:
    row = generate._row(Option("pause", "str", ("When it stops, as V(a|b) says: V(x).",), default="x", choices=("x",)))
    assert row == "| `sysvm_pause` | `x` | when it stops, as `a\\|b` says: `x` |\n"
    row = generate._row(Option("kinds", "list", ("SSVMs or others.",), default=(), choices=("x", "y"), unset="all"))
    assert row == "| `sysvm_kinds` | all | SSVMs or others: `x`, `y` |\n"


def test_a_reader_says_how_to_write_it() -> None:
    with pytest.raises(NotMeantError, match="at least 2"):
        reader(ONE)(1)
