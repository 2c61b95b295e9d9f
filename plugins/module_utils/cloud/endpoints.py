# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit serves to the outside, as far as TCP can tell: addresses and ports that the API names as its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import Client
from ..knowledge.shapes import EndpointData, ProbesData
from .lists import ALL_OWNERS
from .model import Unit, Vm

MOST = 5  # of a unit, unless told otherwise
SYSTEM_VM_PORT = 443  # of an SSVM and a CPVM that are reached by TLS
# Rules of other protocols say nothing to a TCP connection; of old ones the server does not tell the protocol.
TCP = frozenset({"tcp", "tcp-proxy", "ssl", "none", ""})
GONE = frozenset({"Deleting", "Revoke"})


@dataclass(frozen=True, order=True)
class Endpoint:
    """An address with a port that answers TCP connections from outside.

    :ivar serves: what is behind it, in words.
    """

    address: str
    port: int
    serves: str

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def as_dict(self) -> EndpointData:
        return {"address": self.address, "port": self.port, "serves": self.serves}


@dataclass(frozen=True)
class Tried:
    """What came of trying endpoints from one place before anything was done.

    :ivar silent: those that did not answer.
    """

    place: str
    answered: int
    silent: tuple[Endpoint, ...]

    @property
    def all(self) -> int:
        return self.answered + len(self.silent)


@dataclass(frozen=True)
class Probed:
    """What is going to be watched.

    :ivar endpoints: of each unit that has any, by its id.
    :ivar tried: what came of trying some of them.
    """

    endpoints: Mapping[str, Sequence[Endpoint]]
    tried: Sequence[Tried] = ()

    @classmethod
    def from_plan(cls, plan: Mapping[str, Any]) -> Probed:
        """What stands in a plan; nothing was tried yet."""
        return cls(
            {
                unit["id"]: [Endpoint(each["address"], each["port"], each["serves"]) for each in unit["endpoints"]]
                for unit in plan["units"]
                if unit["endpoints"]
            }
        )

    def as_dict(self) -> ProbesData:
        serves = Counter(each.serves.partition(":")[0] for found in self.endpoints.values() for each in found)
        return {
            "units": len(self.endpoints),
            "endpoints": sum(serves.values()),
            "serves": dict(serves),
            "from": [each.place for each in self.tried],
        }


@dataclass(frozen=True)
class Wanted:
    """Which endpoints are looked for.

    :ivar most: of each unit.
    :ivar nat_ports: what answers behind a static NAT address, which only its owner knows.
    """

    most: int = MOST
    nat_ports: Sequence[int] = ()


def read_endpoints(client: Client, units: Iterable[Unit], wanted: Wanted) -> dict[str, tuple[Endpoint, ...]]:
    """The chosen endpoints of each unit that has any, by its id.

    Rules of all owners are read once (listLoadBalancerRules, listPortForwardingRules and, where ports are named for
    them, listPublicIpAddresses isstaticnat). A remote access VPN has no TCP port, so it is none.
    """
    units = list(units)
    found: dict[str, list[Endpoint]] = {}
    unit_of: dict[str, str] = {}
    for unit in units:
        found[unit.id] = [each for vm in unit.vms if (each := endpoint_of(vm)) is not None]
        if unit.kind.is_router:
            tiers = unit.vpc.tiers if unit.vpc else ()
            unit_of |= dict.fromkeys([unit.id, *(tier.id for tier in tiers)], unit.id)
    if unit_of:
        for command, key, parse in _RULES:
            for network_id, endpoint in _read(client, command, key, parse):
                if network_id in unit_of and endpoint is not None:
                    found[unit_of[network_id]].append(endpoint)
    if unit_of and wanted.nat_ports:
        for owners, address in client.list_as(
            "listPublicIpAddresses", "publicipaddress", _static_nat, isstaticnat=True, **ALL_OWNERS
        ):
            for owner in {unit_of[each] for each in owners if each in unit_of}:
                found[owner] += [Endpoint(address, port, "static NAT") for port in wanted.nat_ports]
    return {unit_id: choose(endpoints, wanted.most) for unit_id, endpoints in found.items() if endpoints}


def spread(endpoints: Mapping[str, Sequence[Endpoint]], most: int) -> list[Endpoint]:
    """So many of the endpoints of all units: one of each before a second of any."""
    ranked = sorted(
        (place, unit_id, endpoint) for unit_id, found in endpoints.items() for place, endpoint in enumerate(found)
    )
    return [endpoint for *_rank, endpoint in ranked[:most]]


def endpoint_of(vm: Vm) -> Endpoint | None:
    """Of an SSVM or CPVM that has a public address."""
    if vm.is_router or not vm.public_address:
        return None
    return Endpoint(vm.public_address, SYSTEM_VM_PORT, vm.systemvmtype.words if vm.systemvmtype else "")


def choose(endpoints: Iterable[Endpoint], most: int) -> tuple[Endpoint, ...]:
    """One of each address before a second of any, load balancing first, then by number; the same ones every time."""
    by_address: dict[str, list[Endpoint]] = {}
    for endpoint in sorted({(each.address, each.port): each for each in endpoints}.values(), key=_rank):
        by_address.setdefault(endpoint.address, []).append(endpoint)
    ranked = sorted(
        (place, *_rank(endpoint), endpoint.address, endpoint)
        for members in by_address.values()
        for place, endpoint in enumerate(members)
    )
    return tuple(row[-1] for row in ranked[:most])


def _rank(endpoint: Endpoint) -> tuple[bool, int]:
    return not endpoint.serves.startswith("load balancing"), endpoint.port


def _read(
    client: Client, command: str, key: str, parse: Callable[[Mapping[str, Any]], Endpoint | None]
) -> list[tuple[str, Endpoint | None]]:
    def with_network(item: Mapping[str, Any]) -> tuple[str, Endpoint | None]:
        usable = item.get("state") not in GONE and str(item.get("protocol", "")).lower() in TCP
        return str(item.get("networkid")), parse(item) if usable else None

    return client.list_as(command, key, with_network, **ALL_OWNERS)


def _load_balancing(item: Mapping[str, Any]) -> Endpoint | None:
    return _endpoint(
        item.get("publicip"), item.get("publicport"), f"load balancing: {item.get('name', '')}".removesuffix(": ")
    )


def _port_forwarding(item: Mapping[str, Any]) -> Endpoint | None:
    return _endpoint(item.get("ipaddress"), item.get("publicport"), "port forwarding")


def _endpoint(address: object, port: object, serves: str) -> Endpoint | None:
    return Endpoint(str(address), int(str(port)), serves) if address and str(port).isdigit() else None


def _static_nat(item: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
    return (str(item.get("associatednetworkid")), str(item.get("vpcid"))), str(item["ipaddress"])


_RULES = (
    ("listLoadBalancerRules", "loadbalancerrule", _load_balancing),
    ("listPortForwardingRules", "portforwardingrule", _port_forwarding),
)
