# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which listeners a cloud has, and what becomes of them when something happens to the VMs that serve them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.simulator.entities import VIRTUAL_ROUTER, Network, Router, SystemVm, Vm
from tests.simulator.listeners import Listener, Listeners, allow_files
from tests.simulator.rules import Gap, Gaps, Rule, gap_of
from tests.simulator.world import World

SYSTEM_VM_PORT = 443


@dataclass(eq=False)
class Endpoint:
    """Something that is reached at an address and port. Endpoints of one address and port share the listener."""

    listener: Listener
    server: Network | SystemVm
    rule: Rule | None = None

    @property
    def routers(self) -> list[Router]:
        return self.server.all_routers if isinstance(self.server, Network) else []

    @property
    def down(self) -> bool:
        return self.rule.down if self.rule is not None else isinstance(self.server, SystemVm) and self.server.closed

    @property
    def drops(self) -> bool:
        return self.rule.drops if self.rule is not None else isinstance(self.server, SystemVm) and self.server.drops

    @property
    def served(self) -> bool:
        if self.down:
            return False
        if isinstance(self.server, SystemVm):
            return self.server.state == "Running" and self.server.removed is None
        return any(router.state == "Running" and router.removed is None for router in self.routers)

    def gap(self, gaps: Gaps, vm: Vm, what: str) -> Gap:
        """How long it is gone now that a VM which serves it is at a "patch" or a "restart"."""
        vpc = self.server.vpc if isinstance(self.server, Network) else None
        for given in (self.rule and self.rule.gap, self.server.gap, vpc and vpc.gap):
            if given is not None:
                return gap_of(given)
        partner = any(router is not vm and router.redundant and router.state == "Running" for router in self.routers)
        return Gap(gaps.redundant if partner else getattr(gaps, what))


class Endpoints:
    """The endpoints of a world, in the thread of the world; opens their listeners."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.all: dict[Network | SystemVm, list[Endpoint]] = {}
        self.listeners: dict[tuple[str, int], Listener] = {}
        rules = sum(len(network.public_rules) for network in world.networks)
        allow_files(rules + 2 * len(list(world.systemvms)))
        self._thread = Listeners()
        for network in world.networks:
            for rule in network.public_rules:
                if rule.protocol != "udp":
                    self._add(network, rule.address, rule.port, rule)
        for vm in world.systemvms:
            self._add(vm, vm.public_ip, SYSTEM_VM_PORT)
        for server in self.all:
            self._serve(server)
        self._thread.ask(lambda: None)
        world.interrupted = self.interrupt
        world.state_changed = self.state_changed

    def stop(self) -> None:
        self._thread.stop(list(self.listeners.values()))
        self.world.addresses.release()

    def _add(self, server: Network | SystemVm, address: str, port: int, rule: Rule | None = None) -> None:
        listener = self.listeners.get((address, port))
        if listener is None:
            listener = self.listeners[address, port] = Listener(address, port)
        self.all.setdefault(server, []).append(Endpoint(listener, server, rule))

    def _serve(self, server: Network | SystemVm) -> None:
        for endpoint in self.all.get(server, ()):
            work = functools.partial(self._thread.serve, endpoint.listener, endpoint.served, endpoint.drops)
            self._thread.do(work)

    def _servers(self, vm: Vm) -> list[Network | SystemVm]:
        if isinstance(vm, SystemVm):
            return [vm]
        if isinstance(vm, Router) and vm.role == VIRTUAL_ROUTER:
            return list(vm.networks)
        return []

    def state_changed(self, vm: Vm) -> None:
        if isinstance(vm, SystemVm) and vm not in self.all:
            self._add(vm, vm.public_ip, SYSTEM_VM_PORT)
        for server in self._servers(vm):
            self._serve(server)

    def interrupt(self, vm: Vm, what: str) -> None:
        if isinstance(vm, Router) and vm.redundantstate == "BACKUP":
            # Its partner has the addresses.
            return
        for server in self._servers(vm):
            for endpoint in self.all.get(server, ()):
                self._gone(endpoint, endpoint.gap(self.world.gaps, vm, what))

    def _gone(self, endpoint: Endpoint, gap: Gap) -> None:
        if gap.seconds:
            interrupt = self._thread.interrupt
            self._thread.do(functools.partial(interrupt, endpoint.listener, gap.seconds, gap.late, endpoint.drops))

    def outage(self, name: str, gap: Any) -> int:
        """From outside: the endpoints of this name or pattern are gone, or "back" again; returns how many."""
        chosen = [each for endpoints in self.all.values() for each in endpoints if named(each, name)]
        for endpoint in chosen:
            if gap == "back":
                self._thread.do(functools.partial(self._thread.heal, endpoint.listener))
            else:
                self._gone(endpoint, gap_of(gap))
        return len(chosen)

    # -- the book

    def report(self) -> list[dict[str, Any]]:
        """Every endpoint, and when its listener was gone: [closed, opened] in seconds since the epoch."""
        return self._thread.ask(lambda: [describe(each) for endpoints in self.all.values() for each in endpoints])


def named(endpoint: Endpoint, pattern: str) -> bool:
    """By the name or id of the rule, the network, its VPC or the system VM, or "address:port"."""
    server, rule, listener = endpoint.server, endpoint.rule, endpoint.listener
    things = [server, rule, server.vpc if isinstance(server, Network) else None]
    names = {name for thing in things if thing is not None for name in (thing.name, thing.id)}
    return any(fnmatchcase(name, pattern) for name in names | {f"{listener.address}:{listener.port}"})


def describe(endpoint: Endpoint) -> dict[str, Any]:
    server, rule, listener = endpoint.server, endpoint.rule, endpoint.listener
    network = server if isinstance(server, Network) else None
    unit = (network.vpc or network) if network is not None else server
    return {
        "address": listener.address,
        "port": listener.port,
        "kind": rule.kind if rule is not None else "systemvm",
        "id": rule.id if rule is not None else server.id,
        "name": rule.name if rule is not None else server.name,
        "network": network.id if network is not None else None,
        "unit": unit.id if unit is not None else None,
        "unit_name": unit.name if unit is not None else None,
        "removed": server.removed is not None,
        "listening": listener.open,
        "error": listener.error,
        "gone": [list(each) for each in listener.gone],
    }
