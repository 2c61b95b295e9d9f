# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the server's lists agree: what one list names, another has to show.

A list may come short without a word: a release that lists less than was asked for, a relay that drops rows, a node that
is starting and answers with nothing, an object that went between two questions. So what is missing is asked for by its
id. What the server then says twice that it does not have is gone; what contradicts itself even then is a doubt about
the unit, and nothing is done to a unit in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from ..api.client import Client
from ..knowledge.counts import first_of
from ..knowledge.vocabulary import ROUTER_KINDS, Kind
from . import items as parse
from .infrastructure import Host, UnlistedVm, Zone
from .inventory import unlisted_vms
from .lists import Lists, Volumes
from .model import Network, Vm, Vpc

# If more is missing the list is read once more first: that costs less.
FEW = 20
# More is not asked for by id: then a list is not short but wrong.
MOST_QUESTIONS = 200
# An answer that something is not there may be that of a node that is starting.
ASK_AGAIN_S = 1.0
Kept = TypeVar("Kept")
Thing = TypeVar("Thing", Host, Network, Vm, Vpc)


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

    :ivar kinds: of which everything was read.
    :ivar volumes: ROOT volumes by the id of their VM; None where they were not read.
    """

    kinds: Collection[Kind] = tuple(Kind)
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
    ask = _Questions(lists.client)
    read = _with_unlisted(lists, read, ask)
    networks, vpcs = _by_id(read.networks), _by_id(read.vpcs)
    while True:
        named_vpcs = {vm.vpc_id for vm in read.routers} | {network.vpc_id for network in networks.values()}
        named_networks = {vm.network_id for vm in (*read.routers, *read.internal_lbs) if not vm.vpc_id}
        named_networks |= {tier for vpc in vpcs.values() for tier in vpc.tier_ids}
        found_vpcs = ask.for_each(named_vpcs - vpcs.keys(), lists.vpc, lambda: _by_id(lists.vpcs(parse.vpc)))
        found_networks = ask.for_each(
            named_networks - networks.keys(), lists.network, lambda: _by_id(lists.networks(parse.network))
        )
        if not found_vpcs and not found_networks:
            break
        vpcs |= found_vpcs
        networks |= found_networks
    if ROUTER_KINDS & set(read.kinds):
        wanting = _wanting_routers(networks.values(), vpcs)
        read = replace(read, routers=read.routers + _routers_not_shown(lists, read, wanting, ask))
        read = replace(read, doubts=(*read.doubts, *_denied_routers(read, wanting, ask)))
    doubts = [*read.doubts]
    for vpc in [vpc for vpc in vpcs.values() if not networks.keys() >= set(vpc.tier_ids)]:
        now = lists.vpc(vpc.id)  # a tier that was deleted meanwhile is not named any more
        vpcs[vpc.id] = replace(vpc, tier_ids=now.tier_ids) if now else vpc
        for tier in sorted(set(vpcs[vpc.id].tier_ids) - networks.keys()):
            told = f"listVPCs names the tier {tier} of VPC {vpc.name}, and listNetworks {ask.said_of(tier)}"
            doubts.append(Doubt(frozenset({vpc.id}), told))
    for network in networks.values():
        if network.vpc_id and network.vpc_id not in vpcs:
            said = f"listVPCs {ask.said_of(network.vpc_id)}"
            told = f"network {network.name} is a tier of the VPC {network.vpc_id}, and {said}"
            doubts.append(Doubt(frozenset({network.id, network.vpc_id}), told))
    homeless = [vm for vm in read.routers if (vm.vpc_id not in vpcs if vm.vpc_id else vm.network_id not in networks)]
    there = ask.for_each({vm.id for vm in homeless}, lists.router, lambda: _by_id(lists.routers()))
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
    vms, ask = list(vms), _Questions(lists.client)
    found = ask.for_each({vm.host_id for vm in vms} - hosts.keys(), lists.host, lambda: _by_id(lists.hosts()))
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


def _with_unlisted(lists: Lists, read: Listed, ask: _Questions) -> Listed:
    """With the VMs of which only the disk was listed, as far as the server has them as such."""
    unlisted = unlisted_vms((read.volumes or {}).values(), {vm.id for vm in read.vms})

    def found(one: Callable[[str], Vm | None], every: Callable[[], list[Vm]], *types: str) -> tuple[Vm, ...]:
        ids = {vm.id for vm in unlisted if vm.type in types and not vm.elastic_lb}
        return tuple(ask.for_each(ids, one, lambda: _by_id(every())).values())

    if {Kind.SSVM, Kind.CPVM} & set(read.kinds):
        more = found(lists.system_vm, lists.system_vms, "SecondaryStorageVm", "ConsoleProxy")
        read = replace(read, system_vms=read.system_vms + more)
    if ROUTER_KINDS & set(read.kinds):
        more = found(lists.router, lists.routers, "DomainRouter")
        read = replace(read, routers=read.routers + more)
        more = found(lists.internal_lb, lists.internal_lbs, "InternalLoadBalancerVm")
        read = replace(read, internal_lbs=read.internal_lbs + more)
    return read


def _wanting_routers(networks: Iterable[Network], vpcs: Mapping[str, Vpc]) -> list[Network | Vpc]:
    """All that have routers for sure."""
    wanting: dict[str, Network | Vpc] = {}
    for network in networks:
        if network.wants_router and (owner := vpcs.get(network.vpc_id) if network.vpc_id else network):
            wanting[owner.id] = owner
    return [*wanting.values()]


def _short_of_routers(read: Listed, wanting: Iterable[Network | Vpc]) -> list[Network | Vpc]:
    there = Counter(vm.vpc_id or vm.network_id for vm in read.routers)
    return [owner for owner in wanting if there[owner.id] < (2 if owner.redundant else 1)]


def _routers_not_shown(lists: Lists, read: Listed, wanting: Iterable[Network | Vpc], ask: _Questions) -> tuple[Vm, ...]:
    """Of networks and VPCs that have too few of them, where no list of disks would have shown those."""
    if read.volumes and lists.tells_volumes:
        return ()
    short = {owner.id: "vpcid" if isinstance(owner, Vpc) else "networkid" for owner in _short_of_routers(read, wanting)}

    def all_of_them() -> dict[str, list[Vm]]:
        found: dict[str, list[Vm]] = {}
        for router in lists.routers():
            found.setdefault(router.vpc_id or router.network_id or "", []).append(router)
        return found

    answers = ask.for_each(short, lambda owner: lists.routers_of(**{short[owner]: owner}), all_of_them)
    known = {vm.id for vm in read.routers}
    return tuple(router for routers in answers.values() for router in routers if router.id not in known)


def _denied_routers(read: Listed, wanting: Iterable[Network | Vpc], ask: _Questions) -> list[Doubt]:
    """Routers that only their disk shows: of any network or VPC of their zone that has too few of them."""
    short: dict[str, set[str]] = {}
    for owner in _short_of_routers(read, wanting):
        short.setdefault(owner.zone_id, set()).add(owner.id)
    denied: dict[str, list[UnlistedVm]] = {}
    for vm in unlisted_vms((read.volumes or {}).values(), {vm.id for vm in read.vms}):
        if vm.type == "DomainRouter" and not vm.elastic_lb and vm.zone_id in short:
            denied.setdefault(vm.zone_id, []).append(vm)
    return [
        Doubt(
            frozenset(short[zone_id]),
            f"listVolumes shows the disk of {first_of([vm.name for vm in vms])}, and listRouters "
            f"{ask.said_of(vms[0].id)}",
        )
        for zone_id, vms in denied.items()
    ]


def _volumes(lists: Lists, read: Listed, ask: _Questions) -> Volumes | None:
    """With those of VMs that run and of which none was listed."""
    if read.volumes is None or not lists.tells_volumes:
        return read.volumes
    without = {vm.id for vm in read.vms if vm.running} - read.volumes.keys()
    missing = ask.for_each(
        without, lambda vm_id: lists.root_volumes(virtualmachineid=vm_id).get(vm_id), lists.root_volumes
    )
    return {**read.volumes, **missing}


def _by_id(things: Iterable[Thing]) -> dict[str, Thing]:
    return {thing.id: thing for thing in things}


class _Questions:
    """Asks for one thing after the other, and remembers what is not there.

    :ivar left_out: what was not asked for, as there was too much.
    """

    def __init__(self, client: Client) -> None:
        self.left_out: set[str] = set()
        self._absent: set[str] = set()
        self._client = client

    def for_each(
        self, ids: Iterable[str | None], ask: Callable[[str], Kept | None], every: Callable[[], Mapping[str, Kept]]
    ) -> dict[str, Kept]:
        """What the server has of these.

        :param every: the list that should have shown them.
        """
        wanted = {identity for identity in ids if identity} - self._absent - self.left_out
        found: dict[str, Kept] = {}
        if len(wanted) > FEW:
            found = {identity: thing for identity, thing in every().items() if identity in wanted}
        missing = sorted(wanted - found.keys())
        self.left_out.update(missing[MOST_QUESTIONS:])
        missing = missing[:MOST_QUESTIONS]
        for pause_s in (0.0, ASK_AGAIN_S):
            if pause_s and missing:
                self._client.wait(pause_s)
            found |= {identity: thing for identity in missing if (thing := ask(identity)) is not None}
            missing = [identity for identity in missing if identity not in found]
        self._absent.update(missing)
        return found

    def said_of(self, identity: str | None) -> str:
        if identity in self._absent:
            return "says that there is none of that id"
        return f"does not show it; {len(self.left_out) + MOST_QUESTIONS} are missing, too many to ask for each"
