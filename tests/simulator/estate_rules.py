# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an estate file to the rules of a network, and how long what they serve is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.simulator.entities import Network
from tests.simulator.estate_schema import GAPS, NUMBER, RULE, EstateError, Spec, check
from tests.simulator.identity import uuid_of
from tests.simulator.rules import (
    LOAD_BALANCER,
    PORT_FORWARDING,
    SOURCE_NAT,
    STATIC_NAT,
    Addresses,
    Gaps,
    Rule,
    gap_of,
)

FIRST_PORTS = {LOAD_BALANCER: 8080, PORT_FORWARDING: 2222, STATIC_NAT: 8022}
KEYS = {"load_balancers": LOAD_BALANCER, "port_forwardings": PORT_FORWARDING, "static_nats": STATIC_NAT}
NAMES = {LOAD_BALANCER: "lb", PORT_FORWARDING: "pf", STATIC_NAT: "nat"}


def gaps(spec: Spec) -> Gaps:
    return Gaps(**check(spec.get("gaps", {}), dict.fromkeys(GAPS, NUMBER), "gaps"))


def check_gap(given: Any, where: str) -> Any:
    """As it was written, but right."""
    if given is not None:
        try:
            gap_of(given)
        except ValueError as error:
            raise EstateError(f"{where}.gap: {error}") from None
    return given


def rules(network: Network, spec: Spec, where: str, addresses: Addresses, numbers: Iterator[int]) -> list[Rule]:
    """The rules of a network. numbers: the next address of their own that is free.

    Load balancers of a network share an address, so do port forwardings; each static NAT has one for itself.
    "address" names another one: those of equal name share it, and source_nat is that of the network or VPC.
    """
    source_nat = (network.vpc or network).public_ip
    known = {SOURCE_NAT: source_nat}
    made = []
    for index in range(int(spec.get("lb", 0))):
        given: Spec = {"port": 8000 + index, "address": SOURCE_NAT}
        made.append(rule(network, LOAD_BALANCER, index, given, source_nat, own=False))
    for key, kind in KEYS.items():
        described = spec.get(key, [])
        place = f"{where}.{key}"
        if described and not source_nat:
            raise EstateError(f"{place}: {network.name} has no router with a public address")
        for index, given in enumerate(each_rule(described, kind, place)):
            default = f"{NAMES[kind]}-{index}" if kind == STATIC_NAT else NAMES[kind]
            label = given.get("address", default)
            if label not in known:
                known[label] = addresses.of_rules(next(numbers))
            shared = {name: spec[name] for name in ("down", "drops") if name in spec}
            number = sum(before.kind == kind for before in made)
            made.append(rule(network, kind, number, shared | given, known[label], own=label != SOURCE_NAT))
    return made


def each_rule(described: Any, kind: str, where: str) -> Iterator[Spec]:
    """One after the other, each with its port: a number of rules, or a list of ports and of what has a count."""
    step = 0 if kind == STATIC_NAT else 1
    free = FIRST_PORTS[kind]
    for index, each in enumerate([{"count": described}] if isinstance(described, int) else described):
        given = check({"port": each} if isinstance(each, int) else each, RULE, f"{where}[{index}]")
        check_gap(given.get("gap"), f"{where}[{index}]")
        first = given.get("port", free)
        for number in range(given.get("count", 1)):
            yield given | {"port": first + step * number}
        free = first + step * given.get("count", 1)


def rule(network: Network, kind: str, index: int, given: Spec, address: str, own: bool) -> Rule:
    # The names of load balancers' ids are older than the other kinds.
    kinds = {LOAD_BALANCER: "loadbalancerrule", PORT_FORWARDING: "portforwardingrule", STATIC_NAT: "staticnat"}
    return Rule(
        kind=kind,
        id=uuid_of(kinds[kind], f"{network.id}/{index}"),
        name=given.get("name", f"{NAMES[kind]}-{index + 1}"),
        address=address,
        own_address=own,
        port=given["port"],
        protocol=given.get("protocol", "tcp"),
        gap=given.get("gap"),
        down=given.get("down", False),
        drops=given.get("drops", False),
    )
