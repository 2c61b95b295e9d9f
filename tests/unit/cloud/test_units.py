# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which VMs one action upgrades."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Vpc
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.units import group_units
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from tests.unit.builders import network, vm, vpc_unit

NET, DB, WEB = network("net"), network("db", vpc_id="id-vpc"), network("web", vpc_id="id-vpc")
_vpc = vpc_unit("vpc").vpc
assert _vpc is not None
VPC: Vpc = replace(_vpc, tiers=())


def grouped(*routers: Any, system_vms: Any = ()) -> dict[str, tuple[Kind, list[str]]]:
    units = group_units(system_vms, routers, (), [WEB, NET, DB], [VPC])
    return {unit.name: (unit.kind, [each.name for each in unit.vms]) for unit in units}


def test_a_pair_is_one_unit_in_the_order_of_names() -> None:
    pair = [vm(name, network_id="id-net") for name in ("r-2", "r-1")]
    assert grouped(*pair) == {"net": (Kind.NETWORK, ["r-1", "r-2"])}


def test_routers_of_a_vpc_are_the_vpcs_and_bring_its_tiers() -> None:
    """Also where the server names a tier's network."""
    router = vm("r-1", network_id="id-web", vpc_id="id-vpc")
    assert grouped(router) == {"vpc": (Kind.VPC, ["r-1"])}
    [unit] = group_units((), [router], (), [WEB, NET, DB], [VPC])
    assert [tier.name for tier in unit.tiers] == ["db", "web"]


def test_what_belongs_to_nothing_that_is_there_is_an_orphan() -> None:
    routers = [vm("r-1", network_id="id-gone"), vm("r-2", network_id="id-gone"), vm("r-3", vpc_id="id-gone-too")]
    assert grouped(*routers) == {name: (Kind.ORPHAN, [name]) for name in ("r-1", "r-2", "r-3")}


def test_each_system_vm_is_a_unit() -> None:
    assert grouped(system_vms=[vm("s-1", Kind.SSVM), vm("v-2", Kind.CPVM)]) == {
        "s-1": (Kind.SSVM, ["s-1"]),
        "v-2": (Kind.CPVM, ["v-2"]),
    }


def test_what_has_no_vm_is_no_unit() -> None:
    assert grouped() == {}
