# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields that sysvm_select may ask for."""

from __future__ import annotations

import random

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.fields import UNIT
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
