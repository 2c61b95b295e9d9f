# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that a module's options name; what an unknown name is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import (
    RefusedError,
    Targets,
    find_targets,
)
from tests.unit.builders import network, network_unit, pair, system_vm_unit, vm, vpc_unit

WEB = network_unit("web", vm("r-1"))
PAIR = network_unit("pair", *pair("r-2"))
SHOP = vpc_unit("shop", tiers=(network("db", vpc_id="id-shop"),))
SSVM = system_vm_unit(vm("s-1", Kind.SSVM))
TWIN = replace(WEB, id="id-of-another")
ALL = (WEB, PAIR, SHOP, SSVM)


def found(**targets: Any) -> list[str]:
    came_to = find_targets(ALL, Targets(**targets), lambda: ALL)
    assert not came_to.gone
    return [unit.name for unit in came_to.units]


def refused(known: Any = ALL, **targets: Any) -> str:
    with pytest.raises(RefusedError) as error:
        find_targets(known, Targets(**targets), lambda: known)
    return str(error.value)


def test_in_the_order_of_the_options_and_of_each_list() -> None:
    assert found(routers=["r-1"], vpcs=["shop"], networks=["pair", "id-web"]) == ["pair", "web", "shop"]
    assert found(system_vms=["id-s-1"]) == ["s-1"]


def test_a_unit_that_is_named_in_several_ways_is_one() -> None:
    assert found(networks=["pair", PAIR.id], routers=[each.name for each in PAIR.vms]) == ["pair"]


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ({"networks": ["db"]}, "networks: 'db' is a tier of VPC shop. The VPC is the unit: name it in vpcs."),
        ({"networks": ["shop"]}, "networks: 'shop' belongs to VPC shop"),
        ({"routers": ["s-1"]}, "routers: 's-1' belongs to SSVM s-1. Name it in cs_systemvm_livepatch."),
        ({"system_vms": ["r-1"]}, "'r-1' belongs to network web. Name it in networks, vpcs or routers of"),
        ({"networks": ["wev"]}, "networks: no such system VM, router, or network or VPC with a router: 'wev'."),
    ],
)
def test_what_an_unknown_name_is(targets: dict[str, list[str]], says: str) -> None:
    assert says in refused(**targets)


def test_what_a_plan_named_may_be_gone_and_is_told_by_what_named_it() -> None:
    named = Targets(networks=["id-gone", "id-web"], vpcs=["id-gone-too"], system_vms=["id-s-9"])
    came_to = find_targets(ALL, named, lambda: ALL, may_be_gone=True)
    assert [unit.name for unit in came_to.units] == ["web"]
    assert came_to.gone == {"id-gone": "networks", "id-gone-too": "vpcs", "id-s-9": "system_vms"}


def test_of_a_plan_too_a_name_that_two_have_is_refused() -> None:
    with pytest.raises(RefusedError, match="2 have the name"):
        find_targets((WEB, TWIN), Targets(networks=["web"]), lambda: ALL, may_be_gone=True)


def test_a_name_that_two_have() -> None:
    text = refused((WEB, TWIN), networks=["web"])
    assert "networks: 2 have the name 'web': id-web, id-of-another" in text and "Give the id" in text
