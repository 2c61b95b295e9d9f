# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owner
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Scope
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.selection import (
    select_units,
)
from tests.unit.builders import estate, make_policy, network, network_unit, system_vm_unit, vm, vpc_unit

WEB = network_unit("web")


SHOP = vpc_unit("shop", tiers=(network("web", vpc_id="id-shop"), network("db", vpc_id="id-shop")))


SSVM = system_vm_unit(vm("s-1", Kind.SSVM))


CLOUD = estate(WEB, SHOP, SSVM)


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
