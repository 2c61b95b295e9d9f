# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the server's lists agree: what one list names, another has to show.

A list may come short without a word: a release that lists less than was asked for, a relay that drops rows, an object
that went between two questions. So what is missing is asked for by its id. What the server then says it does not have
is gone; what contradicts itself even then is a doubt about the unit, and nothing is done to a unit in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from .infrastructure import Host, Zone
from .lists import Lists, Volumes
from .model import Network, Vm, Vpc

# More is not asked for by id: then a list is not short but wrong.
MOST_QUESTIONS = 200
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Doubt:
    """One contradiction.

    :ivar about: ids of what it is about: a unit, or a VM of one.
    :ivar seen: both answers, in words.
    """

    about: frozenset[str]
    seen: str


@dataclass(frozen=True)
class Listed:
    """What was read, before it is grouped into units.

    :ivar volumes: ROOT volumes by the id of their VM; None where they were not read.
    """

    system_vms: tuple[Vm, ...] = ()
    routers: tuple[Vm, ...] = ()
    internal_lbs: tuple[Vm, ...] = ()
    networks: tuple[Network, ...] = ()
    vpcs: tuple[Vpc, ...] = ()
    volumes: Volumes | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def vms(self) -> tuple[Vm, ...]:
        return (*self.system_vms, *self.routers, *self.internal_lbs)


def complete(lists: Lists, read: Listed) -> Listed:
    """The same with what one list names and another did not show, as far as the server has it."""
    ask = _Questions()
    networks = {network.id: network for network in read.networks}
    vpcs = {vpc.id: vpc for vpc in read.vpcs}
    while True:
        named_vpcs = {vm.vpc_id for vm in read.routers} | {network.vpc_id for network in networks.values()}
        named_networks = {vm.network_id for vm in (*read.routers, *read.internal_lbs) if not vm.vpc_id}
        named_networks |= {tier for vpc in vpcs.values() for tier in vpc.tier_ids}
        found_vpcs = ask.for_each(named_vpcs - vpcs.keys(), lists.vpc)
        found_networks = ask.for_each(named_networks - networks.keys(), lists.network)
        if not found_vpcs and not found_networks:
            break
        vpcs |= found_vpcs
        networks |= found_networks
    doubts = [*read.doubts]
    for vpc in [vpc for vpc in vpcs.values() if not networks.keys() >= set(vpc.tier_ids)]:
        now = lists.vpc(vpc.id)  # a tier that was deleted meanwhile is not named any more
        vpcs[vpc.id] = replace(vpc, tier_ids=now.tier_ids) if now else vpc
        for tier in sorted(set(vpcs[vpc.id].tier_ids) - networks.keys()):
            doubts.append(
                Doubt(
                    frozenset({vpc.id}),
                    f"listVPCs names the tier {tier} of VPC {vpc.name}, and listNetworks {ask.said_of(tier)}",
                )
            )
    for network in networks.values():
        if network.vpc_id and network.vpc_id not in vpcs:
            doubts.append(
                Doubt(
                    frozenset({network.id, network.vpc_id}),
                    f"network {network.name} is a tier of the VPC {network.vpc_id}, and listVPCs "
                    f"{ask.said_of(network.vpc_id)}",
                )
            )
    homeless = [vm for vm in read.routers if (vm.vpc_id not in vpcs if vm.vpc_id else vm.network_id not in networks)]
    there = ask.for_each({vm.id for vm in homeless}, lists.router)
    gone = {vm.id for vm in homeless} - there.keys() - ask.left_out
    doubts += [
        Doubt(frozenset({vm.id}), f"router {vm.name} names {home}, and the list of those {ask.said_of(home)}")
        for vm in homeless
        if (home := vm.vpc_id or vm.network_id) in ask.left_out
    ]
    return replace(
        read,
        routers=tuple(vm for vm in read.routers if vm.id not in gone),
        networks=tuple(networks.values()),
        vpcs=tuple(vpcs.values()),
        volumes=_volumes(lists, read, ask),
        doubts=tuple(doubts),
    )


def check_places(
    lists: Lists, vms: Iterable[Vm], hosts: Mapping[str, Host], zones: Iterable[Zone]
) -> tuple[tuple[Host, ...], tuple[Doubt, ...]]:
    """The hosts that VMs name and listHosts did not show, and what is in no host or zone that the server has."""
    vms, ask = list(vms), _Questions()
    found = ask.for_each({vm.host_id for vm in vms} - hosts.keys(), lists.host)
    known, zone_ids = {*hosts, *found}, {zone.id for zone in zones}
    doubts = [
        Doubt(frozenset({vm.id}), f"{vm.name} runs on {vm.host or vm.host_id}, and listHosts {ask.said_of(vm.host_id)}")
        for vm in vms
        if vm.host_id and vm.host_id not in known
    ]
    doubts += [
        Doubt(frozenset({vm.id}), f"{vm.name} is in zone {vm.zone or vm.zone_id}, and listZones does not show it")
        for vm in vms
        if vm.zone_id not in zone_ids
    ]
    return tuple(found.values()), tuple(doubts)


def _volumes(lists: Lists, read: Listed, ask: _Questions) -> Volumes | None:
    """With those of VMs that run and of which none was listed."""
    if read.volumes is None or not lists.tells_volumes:
        return read.volumes
    without = {vm.id for vm in read.vms if vm.running} - read.volumes.keys()
    missing = ask.for_each(without, lambda vm_id: lists.root_volumes(virtualmachineid=vm_id).get(vm_id))
    return {**read.volumes, **missing}


class _Questions:
    """Asks for one thing after the other, and remembers what is not there.

    :ivar left_out: what was not asked for, as there was too much.
    """

    def __init__(self) -> None:
        self.left_out: set[str] = set()
        self._absent: set[str] = set()

    def for_each(self, ids: Iterable[str | None], ask: Callable[[str], Kept | None]) -> dict[str, Kept]:
        wanted = sorted({identity for identity in ids if identity} - self._absent - self.left_out)
        self.left_out.update(wanted[MOST_QUESTIONS:])
        found: dict[str, Kept] = {}
        for identity in wanted[:MOST_QUESTIONS]:
            answer = ask(identity)
            if answer is None:
                self._absent.add(identity)
            else:
                found[identity] = answer
        return found

    def said_of(self, identity: str | None) -> str:
        if identity in self._absent:
            return "says that there is none of that id"
        return f"does not show it; {len(self.left_out) + MOST_QUESTIONS} are missing, too many to ask for each"
