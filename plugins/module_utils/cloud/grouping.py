# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups VMs into units: what one action upgrades. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..knowledge.vocabulary import GOING_STATES, LOAD_BALANCING, PRIVATE_GATEWAY, REMOTE_ACCESS_VPN, SITE_VPN, Kind
from .model import Network, Unit, Vm, Vpc


@dataclass(frozen=True)
class Services:
    """What makes an interruption of a network or VPC hurt more: the networks, VPCs and addresses that have it."""

    vpn_addresses: frozenset[str] = frozenset()  # remote access VPN
    site_vpns: frozenset[str] = frozenset()
    private_gateways: frozenset[str] = frozenset()
    balanced: frozenset[str] = frozenset()

    def of(self, owner: Network | Vpc, vms: Sequence[Vm]) -> tuple[str, ...]:
        """In words."""
        ids = {owner.id, *(tier.id for tier in owner.tiers)} if isinstance(owner, Vpc) else {owner.id}
        found = [REMOTE_ACCESS_VPN] if any(self.vpn_addresses.intersection(vm.addresses) for vm in vms) else []
        for words, having in (
            (SITE_VPN, self.site_vpns),
            (PRIVATE_GATEWAY, self.private_gateways),
            (LOAD_BALANCING, self.balanced),
        ):
            if ids & having:
                found.append(words)
        return tuple(found)

    def mark(self, networks: Iterable[Network]) -> list[Network]:
        """The networks, each with whether it has a load balancer rule."""
        return [replace(network, has_load_balancer=network.id in self.balanced) for network in networks]


def group_units(
    system_vms: Iterable[Vm],
    routers: Iterable[Vm],
    internal_lbs: Iterable[Vm],
    networks: Iterable[Network],
    vpcs: Iterable[Vpc],
    services: Services | None = None,
) -> list[Unit]:
    """Group VMs into units: what one action upgrades.

    A network or VPC that lacks its router is a unit, too; a VM that is being removed is of none any more.
    """
    system_vms, routers, internal_lbs = (
        [vm for vm in vms if vm.state not in GOING_STATES] for vms in (system_vms, routers, internal_lbs)
    )
    network_by_id = {network.id: network for network in networks}
    tiers: dict[str, list[Network]] = {}
    for network in network_by_id.values():
        if network.vpc_id:
            tiers.setdefault(network.vpc_id, []).append(network)
    vpc_by_id = {
        vpc.id: replace(vpc, tiers=tuple(sorted(tiers.get(vpc.id, ()), key=lambda tier: (tier.name, tier.id))))
        for vpc in vpcs
    }
    units = [_own_unit(vm, vm.systemvmtype) for vm in system_vms if vm.systemvmtype]
    units += [
        replace(_own_unit(vm, Kind.INTERNAL_LB), network=network_by_id.get(vm.network_id or "")) for vm in internal_lbs
    ]
    members: dict[str, list[Vm]] = {}
    for router in routers:
        members.setdefault(router.vpc_id or router.network_id or "", []).append(router)
    for owner_id, vms in members.items():
        owner = vpc_by_id.get(owner_id) or network_by_id.get(owner_id)
        units += [_own_unit(vm, Kind.ORPHAN) for vm in vms] if owner is None else [_unit_of(owner, vms, services)]
    owners: list[Network | Vpc] = [network for network in network_by_id.values() if network.vpc_id is None]
    owners += vpc_by_id.values()
    units += [_unit_of(owner, (), services) for owner in owners if owner.wants_router and owner.id not in members]
    return units


def _unit_of(owner: Network | Vpc, vms: Sequence[Vm], services: Services | None) -> Unit:
    return Unit(
        id=owner.id,
        name=owner.name,
        kind=Kind.VPC if isinstance(owner, Vpc) else Kind.NETWORK,
        zone_id=owner.zone_id,
        zone=owner.zone or (vms[0].zone if vms else ""),
        owner=owner.owner,
        vms=tuple(sorted(vms, key=lambda vm: (vm.name, vm.id))),
        network=owner if isinstance(owner, Network) else None,
        vpc=owner if isinstance(owner, Vpc) else None,
        sensitive_services=services.of(owner, vms) if services else (),
    )


def _own_unit(vm: Vm, kind: Kind) -> Unit:
    return Unit(vm.id, vm.name, kind, vm.zone_id, vm.zone, vm.owner, (vm,))
