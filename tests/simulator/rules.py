# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a network can be reached from outside, at which public address - and for how long it is gone."""

from __future__ import annotations

import contextlib
import ipaddress
import math
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

LOAD_BALANCER, PORT_FORWARDING, STATIC_NAT = "loadbalancer", "portforwarding", "staticnat"
SOURCE_NAT = "source_nat"
"""The label of the address that a network or VPC has by itself."""
PUBLIC = int(ipaddress.IPv4Address("198.18.0.0"))
SYSTEM_VMS, OF_RULES = 1 << 16, (1 << 16) + (1 << 15)
"""Where the addresses of SSVMs and CPVMs begin, and those that rules have of their own."""
BLOCK = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A load balancer rule, a port forwarding rule or a static NAT address."""

    kind: str
    id: str
    name: str
    address: str
    own_address: bool
    """Whether the address exists for rules only."""
    port: int
    protocol: str = "tcp"
    gap: Any = None
    """As an estate writes it (gap_of); None: as the network's."""
    down: bool = False
    """Nothing ever listens."""
    drops: bool = False
    """While it is gone, what is sent to it is dropped and not refused."""


@dataclass(frozen=True)
class Gap:
    """How long something is gone, in seconds; for ever: inf. late: how long after the interruption it goes."""

    seconds: float
    late: float = 0.0


@dataclass
class Gaps:
    """How long what a router or system VM serves is gone, in seconds, where nothing else is said."""

    patch: float = 0.8
    """From the beginning of a live patch."""
    restart: float = 8.0
    """From the stop of a VM that has no partner, be it restarted or replaced; longer if nothing runs by then."""
    redundant: float = 0.3
    """When the router of a pair that is not the BACKUP is patched or stopped, and the other one takes over."""


GAP_FIELDS = {each.name for each in fields(Gaps)}


def gap_of(given: Any) -> Gap:
    """A number of seconds, "never" - it does not come back - or {"seconds": either, "late": seconds}."""
    late = 0.0
    if isinstance(given, dict):
        if not given.keys() <= {"seconds", "late"} or "seconds" not in given:
            raise ValueError(f"expected seconds and perhaps late, found {given!r}")
        given, late = given["seconds"], given.get("late", 0.0)
    if given == "never":
        given = math.inf
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) or each < 0 for each in (given, late)):
        raise ValueError(f"expected seconds or never, found {given!r}")
    return Gap(float(given), float(late))


class Addresses:
    """The public addresses: 198.18.0.0/15 or, where they have listeners, a block of this machine's own."""

    def __init__(self, loopback: bool = False) -> None:
        self._claim: socket.socket | None = None
        self._base = PUBLIC
        if loopback:
            self._claim, self._base = claim_block()

    def numbered(self, number: int) -> str:
        return str(ipaddress.IPv4Address(self._base + number % BLOCK))

    def of_network(self, number: int) -> str:
        return self.numbered(number % SYSTEM_VMS)

    def of_systemvm(self, number: int) -> str:
        return self.numbered(SYSTEM_VMS + number % SYSTEM_VMS)

    def of_rules(self, number: int) -> str:
        return self.numbered(OF_RULES + number % (BLOCK - OF_RULES))

    def release(self) -> None:
        if self._claim is not None:
            self._claim.close()


def claim_block() -> tuple[socket.socket, int]:
    """A block of 127.0.0.0/8 that no other simulator on this machine has, for as long as the socket is open."""
    blocks = list(range(2, 254, 2))
    first = os.getpid() % len(blocks)
    for second in blocks[first:] + blocks[:first]:
        base = int(ipaddress.IPv4Address(f"127.{second}.0.0"))
        claim = socket.socket()
        with contextlib.suppress(OSError):
            claim.bind((str(ipaddress.IPv4Address(base)), 65535))
            return claim, base
        claim.close()
    raise OSError("there is no free block of loopback addresses: too many simulators run")


def own_addresses(rules: list[Rule]) -> Iterator[tuple[str, list[Rule]]]:
    """The addresses that these rules have of their own, each with all its rules."""
    addresses = dict.fromkeys(rule.address for rule in rules if rule.own_address)
    for address in addresses:
        yield address, [rule for rule in rules if rule.address == address]
