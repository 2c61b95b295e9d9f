# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields sysvm_select may ask for, names that fit several units, and the scope in one line."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owner
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
    Unsupported,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.fields import UNIT
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Scope, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.scope import (
    budget_text,
    moment_text,
    scope_text,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.selection import (
    check_expressions,
    describe,
    select_units,
)
from tests.unit.builders import estate, make_policy, network, network_unit, system_vm_unit, vm, vpc_unit

WEB = network_unit("web")
SHOP = vpc_unit("shop", tiers=(network("web", vpc_id="id-shop"), network("db", vpc_id="id-shop")))
SSVM = system_vm_unit(vm("s-1", Kind.SSVM))
CLOUD = estate(WEB, SHOP, SSVM)


def select(expression: str) -> list[str]:
    policy = make_policy(select=expression)
    check_expressions(policy.scope)
    return [unit.name for unit in select_units(CLOUD.units, CLOUD.zones, policy.scope)]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("zone == 'zone'", ["web", "shop", "s-1"]),
        ("kind != 'vpc'", ["web", "s-1"]),
        ("owner.account == 'acme' && !redundant", ["web", "shop", "s-1"]),
        ("redundant || length(tiers) > `1`", ["shop"]),
        ("tags.env == 'prod'", []),
        ("contains(tiers, 'db')", ["shop"]),
        ("vms[0].state == 'Running'", ["web", "shop", "s-1"]),
        ("length(vms[?agent_state == 'Up']) > `0`", ["s-1"]),
        ("length(vms[*].host) == `1` && hosts[0] == 'host'", ["web", "shop", "s-1"]),
        ("max_by(vms, &name).name == 'r-web'", ["web"]),
        ("[name, zone] == ['web', 'zone'] || {a: name} == `{}`", ["web"]),
        ("starts_with(name, 's') | @ == `true`", ["shop", "s-1"]),
        ("sort(vms[].name)[-1] == 'r-shop'", ["shop"]),
        ("vms[3].name == 'x' || vms[1:].name != `[]`", []),
        ("keys(owner)[0] == 'x' || merge(owner, tags).env == 'x' || values(tags)[0] == 'x'", []),
    ],
)
def test_expressions_that_may_be_meant(expression: str, names: list[str]) -> None:
    assert select(expression) == names


@pytest.mark.parametrize(
    ("expression", "field", "near"),
    [
        ('zone != "Berlin"', "Berlin", "'Berlin'"),
        ("zonename != 'Berlin'", "zonename", "zone"),
        ("owner.acount != 'vip'", "acount", "account"),
        ("!(owner.acount == 'vip')", "acount", "account"),
        ("vms[?stat == 'x']", "stat", "state"),
        ("length(vms[*].sate) > `0`", "sate", "state"),
        ("zone.name == 'x'", "name", "'name'"),
        ("tiers.name == 'x'", "name", "'name'"),
        ("vms.state == 'x'", "state", "vms[?"),
        ("max_by(vms, &sate).name == 'x'", "sate", "state"),
        ("{a: nam} == `1`", "nam", "name"),
        ("contains(tier, 'web')", "tier", "tiers"),
        ("vms[0] | sate == 'x'", "sate", "state"),
        ("kind == 'x' && zonename == 'y'", "zonename", "zone"),  # of this only the first part is evaluated
        ("kind != 'x' || zonename == 'y'", "zonename", "zone"),
        ("vms[?state == 'x'].sate == `[]`", "sate", "state"),
        ("vms[?kind == 'x'] == `[]`", "kind", "a VM does not have"),
        ("vms[7].sate != 'x'", "sate", "state"),
        ("vms[5:].sate == `[]`", "sate", "state"),
        ("abs(to_number(name)) > `1` && zonename == 'x'", "zonename", "zone"),
    ],
)
def test_a_field_that_no_unit_has_is_refused(expression: str, field: str, near: str) -> None:
    with pytest.raises(OptionError) as error:
        select(expression)
    assert f"sysvm_select asks for the field {field!r}" in str(error.value) and near in str(error.value)


@pytest.mark.parametrize("expression", ["name", "tags", "vms[0]", "`1`", "'x'", "tags.env", "vms[?state]"])
def test_what_is_neither_true_nor_false_is_refused(expression: str) -> None:
    with pytest.raises(OptionError, match="neither true nor false"):
        select(expression)


def test_the_fields_are_those_of_a_unit() -> None:
    for unit in CLOUD.units:
        described = describe(unit)
        assert set(described) == set(UNIT)
        assert set(described["owner"]) == set(UNIT["owner"])
        assert all(set(each) <= set(UNIT["vms"][0]) for each in described["vms"])


def test_any_expression_of_known_fields_passes() -> None:
    chance = random.Random(1)
    for dummy in range(200):
        parts = [f"{chance.choice(['zone', 'name', 'owner.domain', 'vms[0].host'])} == 'x'" for dummy in range(3)]
        check_expressions(make_policy(select=chance.choice([" && ", " || "]).join(parts)).scope)


@pytest.mark.parametrize("option", ["names", "exclude_names"])
def test_a_name_that_fits_several_units_is_refused_with_their_ids(option: str) -> None:
    policy = make_policy(names=("web",)) if option == "names" else make_policy(exclude_names=("web",))
    with pytest.raises(OptionError) as error:
        select_units(CLOUD.units, CLOUD.zones, policy.scope)
    for part in (f"sysvm_{option} is ambiguous", "id-shop", "id-web", "Give the id"):
        assert part in str(error.value)
    assert [
        unit.name for unit in select_units(CLOUD.units, CLOUD.zones, make_policy(names=("id-shop", "s-1")).scope)
    ] == [
        "shop",
        "s-1",
    ]


def test_a_unit_that_is_named_and_left_out_by_another_name_is_refused() -> None:
    with pytest.raises(OptionError, match="both name VPC shop"):
        select_units(CLOUD.units, CLOUD.zones, make_policy(names=("db",), exclude_names=("r-shop",)).scope)


BERLIN = timezone(timedelta(hours=1), "CET")


def test_everything_in_words() -> None:
    text = scope_text(make_policy(), "cloud.example.com", 2, deadline=None, may_fail=budget_text(0, "0"))
    assert text == "cloud cloud.example.com (2 zones); everything; method auto; no deadline; none may fail"


def test_a_narrow_scope_in_one_line() -> None:
    policy = make_policy(
        zones=("Berlin",),
        kinds=frozenset({Kind.SSVM}),
        names=tuple(f"n{n}" for n in range(12)),
        exclude_names=("a\nb",),
    )
    deadline = datetime(2026, 11, 23, 6, 0, tzinfo=BERLIN)
    text = scope_text(policy, "h", 1, deadline=deadline, may_fail=budget_text(5, "10%"))
    for part in ("zones Berlin", "kinds ssvm", "n9 and 2 more", "all but a b", "5 may fail (10%)", "(1 zone)"):
        assert part in text
    assert "until Mon 2026-11-23 06:00 (CET, UTC+01:00)" in text and "\n" not in text


def test_a_long_expression_is_cut() -> None:
    policy = make_policy(select=" || ".join(f"name == 'web-{number}'" for number in range(1000)))
    text = scope_text(policy, "h", 1, deadline=None, may_fail="none may fail")
    assert "select name == 'web-0' || " in text and len(text) < 400 and text.endswith("none may fail")


def test_both_zones_are_told_where_the_clocks_change_before() -> None:
    summer = datetime(2026, 3, 29, 6, tzinfo=timezone(timedelta(hours=2), "CEST"))
    winter = datetime(2026, 3, 28, 22, tzinfo=BERLIN)
    assert moment_text(summer, winter) == "Sun 2026-03-29 06:00 (CEST, UTC+02:00; now UTC+01:00)"
    assert "now" not in moment_text(winter + timedelta(hours=1), winter)


def test_utc_is_said_once() -> None:
    assert moment_text(datetime(2026, 11, 23, 6, tzinfo=timezone.utc)) == "Mon 2026-11-23 06:00 (UTC+00:00)"


@pytest.mark.parametrize("select", ["owner.domain == 'ROOT/customers'", "starts_with(owner.domain, '/customers')"])
def test_a_domains_path_is_refused_where_the_server_tells_only_names(select: str) -> None:
    named = replace(network_unit("n", vm("r")), owner=Owner("acme", "customers"))
    with pytest.raises(OptionError, match="tells only the names of domains") as refused:
        select_units([named], CLOUD.zones, Scope(select=select))
    assert "customers" in str(refused.value.remedy)
    assert select_units([named], CLOUD.zones, Scope(select="owner.domain == 'customers'")) == [named]


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ({"domainpath": "/"}, "ROOT"),
        ({"domainpath": "/customers/acme/"}, "ROOT/customers/acme"),
        ({"domainpath": "/ROOT/"}, "ROOT/ROOT"),
        ({"domainpath": "ROOT"}, "ROOT"),
        ({"domainpath": "ROOT/customers"}, "ROOT/customers"),
        ({"domain": "customers"}, "customers"),
    ],
)
def test_a_domain_has_one_form_whatever_the_release(told: dict[str, str], path: str) -> None:
    assert Owner.of(told).domain == path


@pytest.mark.parametrize(
    ("make", "option", "other"),
    [
        (lambda: Scope(names=("a", "b"), exclude_names=("b",)), "names", "exclude_names"),
        (lambda: Strategy(WantedMethod.LIVE_PATCH, Unsupported.RECREATE), "recreate", "method"),
        (lambda: Strategy(WantedMethod.RECREATE, fallback=True), "recreate", "method"),
    ],
)
def test_what_contradicts_is_named(make: Callable[[], object], option: str, other: str) -> None:
    with pytest.raises(OptionError, match=f"sysvm_{other}") as refused:
        make()
    assert refused.value.option == option and refused.value.remedy
