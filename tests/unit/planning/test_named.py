# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of units with wildcards, guesses at what was meant, and canaries by name."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.reading import read
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import VARIABLES
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Scope
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.scope import scope_text
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.selection import (
    canary_ids,
    in_words,
    select_units,
    widened,
)
from tests.unit.builders import estate, make_policy, network, network_unit, system_vm_unit, vm, vpc_unit

UNITS = (
    network_unit("web-1"),
    network_unit("web-2"),
    network_unit("web-*"),
    network_unit("w[e]b"),
    vpc_unit("shop", tiers=(network("front", vpc_id="id-shop"), network("db", vpc_id="id-shop"))),
    system_vm_unit(vm("s-1-VM", Kind.SSVM)),
)
CLOUD = estate(*UNITS)


def selected(**scope: Any) -> list[str]:
    return [unit.name for unit in select_units(CLOUD.units, CLOUD.zones, Scope(**scope))]


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (("web-?",), ["web-1", "web-2", "web-*"]),
        (("web*",), ["web-1", "web-2", "web-*"]),
        (("*b",), ["w[e]b", "shop"]),  # by its tier db
        (("w[e]*",), ["w[e]b"]),
        (("r-shop*",), ["shop"]),
        (("s-?-VM", "web-1"), ["web-1", "s-1-VM"]),
        (("*",), [unit.name for unit in UNITS]),
        # What something is really called comes first, and so does an id.
        (("web-*",), ["web-*"]),
        (("id-web-*",), ["web-*"]),
    ],
)
def test_what_a_name_comes_to(names: tuple[str, ...], meant: list[str]) -> None:
    assert selected(names=names) == meant
    assert selected(exclude_names=names) == [unit.name for unit in UNITS if unit.name not in meant]


@pytest.mark.parametrize("name", ["id-*", "x*", "Web-?", "web-??", "eb-?", "?-1"])
def test_what_fits_nothing_is_refused_and_ids_have_no_wildcards(name: str) -> None:
    for option in ("names", "exclude_names"):
        with pytest.raises(OptionError, match=re.escape(f"sysvm_{option} has '{name}', but no system VM")):
            selected(**{option: (name,)})


def test_a_long_list_of_another_cloud_is_refused_in_a_few_words() -> None:
    """For each of the names a guess was looked for, which took minutes."""
    with pytest.raises(OptionError, match="'x-19' and 9,980 more, but no system VM") as refused:
        selected(names=tuple(f"x-{number}" for number in range(10_000)))
    assert len(str(refused.value)) < 600


def test_some_of_a_pattern_may_be_left_out_but_nothing_that_is_named_itself() -> None:
    assert selected(names=("web-?",), exclude_names=("web-2",)) == ["web-1", "web-*"]
    with pytest.raises(OptionError, match="both name network web-2"):
        selected(names=("web-2",), exclude_names=("web-?",))


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("wbe-1", "'web-1'"),
        ("WEB-2", "'web-2'"),
        ("shpo", "'shop'"),
        ("r-web1", "'r-web-1'"),
        ("fornt", "'front'"),
        ("zzz", None),
    ],
)
def test_a_misspelt_name_gets_a_guess_and_the_place_of_all_names(name: str, guess: str | None) -> None:
    with pytest.raises(OptionError) as refused:
        selected(names=(name,))
    remedy = str(refused.value.remedy)
    assert ("Did you mean" in remedy) is (guess is not None) and (guess or "") in remedy
    assert "All names are in plan.csv" in remedy


def test_a_zone_gets_a_guess_too() -> None:
    with pytest.raises(OptionError, match=r"Did you mean 'zone'\? The zones are: zone\."):
        selected(zones=("Zonne",))


def test_the_scope_says_what_patterns_come_to() -> None:
    policy = make_policy(names=("web-?", "shop"), exclude_names=("web-2",), canaries=("web-1",))
    told = make_policy(names=in_words(policy.scope, CLOUD.units).names, exclude_names=("web-2",), canaries=("web-1",))
    text = scope_text(told, "c", 1, deadline=None, may_fail="none may fail")
    assert "names web-? (3 units), shop, all but web-2; method auto; canaries web-1; " in text
    assert {name: len(some) for name, some in widened(CLOUD.units, policy.scope).items()} == {"web-?": 3}


def test_canaries_by_name_are_in_scope_or_refused() -> None:
    in_scope = [unit for unit in UNITS if unit.name != "shop"]
    assert canary_ids(UNITS, in_scope, ("web-?",)) == ("id-web-*", "id-web-1", "id-web-2")
    with pytest.raises(OptionError, match="sysvm_canaries has VPC shop, which the scope leaves out"):
        canary_ids(UNITS, in_scope, ("web-1", "db"))
    with pytest.raises(OptionError, match="sysvm_canaries has 'wbe-1', but no system VM"):
        canary_ids(UNITS, in_scope, ("wbe-1",))


@pytest.mark.parametrize(
    ("given", "meant"),
    [(True, True), ("no", False), ("web, shop", ["web", "shop"]), (["yes"], ["yes"]), (["web"], ["web"])],
)
def test_what_a_module_takes_for_canaries(given: Any, meant: Any) -> None:
    assert read(VARIABLES["canaries"], given) == meant


@pytest.mark.parametrize("given", [[], ",", [" "]])
def test_canaries_that_name_nothing_are_refused(given: Any) -> None:
    with pytest.raises(OptionError, match=r"sysvm_canaries is .*Give true, false, or names"):
        read(VARIABLES["canaries"], given)
