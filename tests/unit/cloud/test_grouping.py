# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which VMs one action upgrades, and what ought to have VMs and has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.grouping import group_units
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Network, Vm, Vpc
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import GOING_STATES, Kind
from tests.unit.builders import network, vm, vpc_unit

NET = network("net")
DB, WEB = (network(name, vpc_id="id-vpc", providers=frozenset({"VpcVirtualRouter"})) for name in ("db", "web"))
_vpc = vpc_unit("vpc").vpc
assert _vpc is not None
VPC: Vpc = replace(_vpc, tiers=())


def grouped(
    *routers: Vm,
    system_vms: Iterable[Vm] = (),
    networks: Iterable[Network] = (),
    vpcs: Iterable[Vpc] = (),
) -> dict[str, tuple[Kind, list[str]]]:
    units = group_units(system_vms, routers, (), networks, vpcs)
    assert len({unit.name for unit in units}) == len(units)
    return {unit.name: (unit.kind, [each.name for each in unit.vms]) for unit in units}


def test_a_pair_is_one_unit_in_the_order_of_names() -> None:
    pair = [vm(name, network_id="id-net") for name in ("r-2", "r-1")]
    assert grouped(*pair, networks=[NET]) == {"net": (Kind.NETWORK, ["r-1", "r-2"])}


def test_routers_of_a_vpc_are_the_vpcs_and_bring_its_tiers() -> None:
    """Also where the server names a tier's network."""
    router = vm("r-1", network_id="id-web", vpc_id="id-vpc")
    [unit] = group_units((), [router], (), [WEB, DB], [VPC])
    assert (unit.name, unit.kind, unit.vms) == ("vpc", Kind.VPC, (router,))
    assert [tier.name for tier in unit.tiers] == ["db", "web"]


def test_what_belongs_to_nothing_that_is_there_is_an_orphan() -> None:
    routers = [vm("r-1", network_id="id-gone"), vm("r-2", network_id="id-gone"), vm("r-3", vpc_id="id-gone-too")]
    found = grouped(*routers, networks=[replace(NET, state="Allocated")])
    assert found == {name: (Kind.ORPHAN, [name]) for name in ("r-1", "r-2", "r-3")}


def test_each_system_vm_is_a_unit() -> None:
    assert grouped(system_vms=[vm("s-1", Kind.SSVM), vm("v-2", Kind.CPVM)]) == {
        "s-1": (Kind.SSVM, ["s-1"]),
        "v-2": (Kind.CPVM, ["v-2"]),
    }


def test_where_there_is_nothing_there_is_no_unit() -> None:
    assert grouped() == {}


@pytest.mark.parametrize(
    ("facts", "is_unit"),
    [
        ({}, True),
        ({"state": "Allocated"}, False),  # nobody has used it yet
        ({"state": "Shutdown"}, False),  # its router comes back with its next instance
        ({"state": "Setup", "type": "Shared"}, False),
        ({"type": "Shared"}, False),  # gets its router with its first instance only
        ({"type": "L2", "providers": frozenset()}, False),
        ({"providers": frozenset({"ConfigDrive"})}, False),
        ({"providers": frozenset({"Nsx"})}, False),
    ],
)
def test_a_network_that_ought_to_have_a_router_is_a_unit_without_one(facts: dict[str, Any], is_unit: bool) -> None:
    found = grouped(networks=[replace(NET, **facts)])
    assert found == ({"net": (Kind.NETWORK, [])} if is_unit else {})


@pytest.mark.parametrize(
    ("facts", "tiers", "is_unit"),
    [
        ({}, [WEB, replace(DB, state="Allocated")], True),
        ({}, [replace(WEB, state="Allocated")], False),  # it gets its router with its first tier
        ({}, [], False),
        ({}, [replace(WEB, providers=frozenset({"Nsx"}))], False),
        ({"state": "Inactive"}, [WEB], False),
    ],
)
def test_a_vpc_that_ought_to_have_a_router_is_a_unit_without_one(
    facts: dict[str, Any], tiers: list[Network], is_unit: bool
) -> None:
    found = grouped(networks=tiers, vpcs=[replace(VPC, **facts)])
    assert found == ({"vpc": (Kind.VPC, [])} if is_unit else {}), "and a tier is none of its own"


@pytest.mark.parametrize("state", sorted(GOING_STATES))
def test_what_is_being_removed_is_no_member(state: str) -> None:
    """Only half of a pair is there while the other half is expunged; an SSVM that goes is none."""
    stays, goes = (vm(name, network_id="id-net", redundant=True) for name in ("r-1", "r-2"))
    gone = vm("s-1", Kind.SSVM, state=state)
    found = grouped(stays, replace(goes, state=state), system_vms=[gone], networks=[NET])
    assert found == {"net": (Kind.NETWORK, ["r-1"])}
    orphan = vm("r-9", network_id="id-gone", state=state)
    assert grouped(replace(stays, state=state), orphan, networks=[NET]) == {"net": (Kind.NETWORK, [])}
