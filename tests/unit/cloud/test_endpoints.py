# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is probed: addresses that are the unit's own by the API's answers, a bounded number, always the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.endpoints import (
    Endpoint,
    Wanted,
    choose,
    read_endpoints,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from tests.unit.api.conversation import Conversation, client_for, ok
from tests.unit.builders import network, network_unit, system_vm_unit, vm, vpc_unit

ENDPOINTS = st.builds(
    Endpoint,
    st.integers(1, 9).map(lambda number: f"203.0.113.{number}"),
    st.integers(1, 65535),
    st.sampled_from(["load balancing: web", "port forwarding", "static NAT"]),
)


def balancing(network_id: str, address: str, port: int, **more: Any) -> dict[str, Any]:
    rule = {"id": f"{address}-{port}", "name": "web", "publicip": address, "publicport": str(port)}
    return {**rule, "networkid": network_id, "state": "Active", "protocol": "tcp", **more}


def forwarding(network_id: str, address: str, port: int, **more: Any) -> dict[str, Any]:
    rule = {"id": f"{address}-{port}", "ipaddress": address, "publicport": str(port), "publicendport": str(port)}
    return {**rule, "networkid": network_id, "state": "Active", "protocol": "tcp", **more}


def read(units: list[Any], lb: list[Any], pf: list[Any], nat: list[Any] | None = None, **wanted: Any) -> Any:
    calls: list[Any] = [
        ("listLoadBalancerRules", {"projectid": "-1"}, ok(count=len(lb), loadbalancerrule=lb)),
        ("listPortForwardingRules", {"projectid": "-1"}, ok(count=len(pf), portforwardingrule=pf)),
    ]
    if nat is not None:
        query = {"projectid": "-1", "isstaticnat": "true"}
        calls.append(("listPublicIpAddresses", query, ok(count=len(nat), publicipaddress=nat)))
    found = read_endpoints(client_for(Conversation(*calls)), units, Wanted(**wanted))
    return {name: [str(endpoint) for endpoint in endpoints] for name, endpoints in found.items()}


def test_only_what_is_the_units_own_and_answers_tcp() -> None:
    web, shop = network_unit("web"), vpc_unit("shop", tiers=(network("tier"),))
    lb = [
        balancing("id-web", "203.0.113.1", 80),
        balancing("id-other", "203.0.113.9", 80),
        balancing("id-web", "203.0.113.1", 53, protocol="udp"),
        balancing("id-web", "203.0.113.1", 81, state="Deleting"),
        balancing("id-tier", "203.0.113.2", 443, protocol="ssl"),
    ]
    pf = [forwarding("id-tier", "203.0.113.3", 2222), forwarding("id-web", "203.0.113.1", 22)]
    assert read([web, shop], lb, pf) == {
        "id-web": ["203.0.113.1:80", "203.0.113.1:22"],
        "id-shop": ["203.0.113.2:443", "203.0.113.3:2222"],
    }


def test_behind_static_nat_are_the_ports_that_are_named() -> None:
    nat = [
        {"ipaddress": "203.0.113.4", "associatednetworkid": "id-web", "isstaticnat": True},
        {"ipaddress": "203.0.113.5", "associatednetworkid": "id-other", "isstaticnat": True},
    ]
    assert read([network_unit("web")], [], [], nat, nat_ports=[22, 443]) == {
        "id-web": ["203.0.113.4:22", "203.0.113.4:443"]
    }


def test_a_system_vm_is_reached_by_its_public_address_and_needs_no_rules() -> None:
    cpvm = system_vm_unit(vm("v-1", Kind.CPVM, public_address="2001:db8::7"))
    found = read_endpoints(client_for(Conversation()), [cpvm], Wanted())
    assert {unit: [str(each) for each in endpoints] for unit, endpoints in found.items()} == {
        cpvm.id: ["[2001:db8::7]:443"]
    }


def test_thousands_of_rules_are_read_once_and_few_are_chosen() -> None:
    lb = [balancing("id-web", f"203.0.113.{number % 3}", 1000 + number) for number in range(499)]
    assert read([network_unit("web")], lb, []) == {
        "id-web": ["203.0.113.0:1000", "203.0.113.1:1001", "203.0.113.2:1002", "203.0.113.0:1003", "203.0.113.1:1004"]
    }


@given(st.lists(ENDPOINTS, max_size=30), st.integers(1, 8))
def test_the_choice_is_bounded_fair_and_the_same_in_any_order(endpoints: list[Endpoint], most: int) -> None:
    chosen = choose(endpoints, most)
    places = {(each.address, each.port) for each in endpoints}
    assert len({(each.address, each.port) for each in chosen}) == len(chosen) == min(most, len(places))
    assert set(chosen) <= set(endpoints)
    addresses = {each.address for each in chosen}
    assert len(addresses) == min(len(chosen), len({each.address for each in endpoints}))
    unique = list({(each.address, each.port): each for each in endpoints}.values())
    assert choose(reversed(unique), most) == choose(unique, most)
