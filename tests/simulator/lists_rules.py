# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be reached from outside: public addresses and their rules, and VPNs.

Of addresses there are recordings; the rules are made as ApiResponseHelper of 4.22 makes them (README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.simulator import render_parts
from tests.simulator.commands import Call, command
from tests.simulator.entities import Network, Owner, Vm, Vpc, Zone
from tests.simulator.identity import uuid_of
from tests.simulator.lists import OWNED, shown_as
from tests.simulator.rules import LOAD_BALANCER, PORT_FORWARDING, STATIC_NAT, Rule, own_addresses

Row = dict[str, Any]


def address_id(address: str) -> str:
    return uuid_of("ipaddress", address)


def network_or_vpc(unit: Network | Vpc) -> Row:
    if isinstance(unit, Vpc):
        return {"vpcid": unit.id, "vpcname": unit.name}
    return {"associatednetworkid": unit.id, "associatednetworkname": unit.name}


def guest(network: Network, rule: Rule) -> Row:
    """The VM behind a rule; the cloud has no more of it than this."""
    name = f"{network.name}-vm"
    return {
        "virtualmachineid": uuid_of("vm", f"{network.id}/{rule.id}"),
        "virtualmachinename": name,
        "virtualmachinedisplayname": name,
    }


def guest_address(network: Network) -> str:
    return network.cidr.split("/")[0].rsplit(".", 1)[0] + ".100"


@command(
    "listPublicIpAddresses",
    f"{OWNED} id:uuid zoneid:uuid associatednetworkid:uuid vpcid:uuid ipaddress issourcenat:boolean "
    "allocatedonly:boolean forvirtualnetwork:boolean state isstaticnat:boolean forloadbalancing:boolean",
)
def list_public_ip_addresses(call: Call) -> str:
    world = call.world
    rows = []
    if call.may_see()(world.system_owner) and not call.objects.keys() - {"zoneid"}:
        for vm in world.systemvms:
            if call.same("zoneid", vm.zone):
                row = common(call, vm.public_ip, world.system_owner, vm.zone) | {"issourcenat": False, "issystem": True}
                rows.append(row | vm_fields(vm, vm.type_name) | rest(vm.zone, "Lb"))
    units: list[Network | Vpc] = [*world.networks, *world.vpcs]
    for unit in call.select(
        [unit for unit in units if unit.public_ip],
        objects={
            "zoneid": lambda unit: unit.zone,
            "associatednetworkid": lambda unit: unit,
            "vpcid": lambda unit: unit,
        },
        owner=lambda unit: unit.owner,
    ):
        first = unit.routers[0] if unit.routers else None
        networks = unit.tiers if isinstance(unit, Vpc) else [unit]
        used = any(not rule.own_address for network in networks for rule in network.public_rules)
        row = common(call, unit.public_ip, unit.owner, unit.zone)
        if unit.owner.project is None:
            # As recorded: those of projects do not show the router.
            row |= vm_fields(first, "DomainRouter")
        rows.append(row | network_or_vpc(unit) | rest(unit.zone, None) | {"hasrules": used})
    for network in call.select(
        [network for network in world.networks if network.public_rules],
        objects={
            "zoneid": lambda network: network.zone,
            "associatednetworkid": lambda network: network,
            "vpcid": lambda network: network.vpc,
        },
        owner=lambda network: network.owner,
    ):
        rows += (of_rules(call, network, address, rules) for address, rules in own_addresses(network.public_rules))
    columns = ("id", "ipaddress", "issourcenat", "forvirtualnetwork", "isstaticnat", "state")
    shown = call.select(
        rows,
        values={column: shown_as(column) for column in columns},
        keyword=lambda row: [row["ipaddress"]],
    )
    return call.rows("publicipaddress", shown, dict)


def common(call: Call, address: str, owner: Owner, zone: Zone) -> Row:
    return {
        "id": address_id(address),
        "ipaddress": address,
        "allocated": call.world.stamp(call.world.started),
        **render_parts.zone_fields(zone),
        "issourcenat": True,
        **render_parts.owner_fields(call.world, owner),
        "forvirtualnetwork": True,
        "vlanid": uuid_of("vlan", zone.name),
        "vlanname": "vlan://50",
        "isstaticnat": False,
        "issystem": False,
    }


def rest(zone: Zone, purpose: str | None) -> Row:
    return {
        "networkid": render_parts.PUBLIC_NETWORK,
        "state": "Allocated",
        "physicalnetworkid": uuid_of("physicalnetwork", zone.name),
        **({"purpose": purpose} if purpose else {}),
        "tags": [],
        "isportable": False,
        "fordisplay": True,
        "hasrules": False,
        "forsystemvms": False,
        "forprovider": False,
        "hasannotations": False,
    }


def vm_fields(vm: Vm | None, type_: str) -> Row:
    if vm is None:
        return {}
    return {"virtualmachineid": vm.id, "virtualmachinetype": type_, "virtualmachinename": vm.name}


def of_rules(call: Call, network: Network, address: str, rules: Sequence[Rule]) -> Row:
    row = common(call, address, network.owner, network.zone) | {"issourcenat": False}
    nat = next((rule for rule in rules if rule.kind == STATIC_NAT), None)
    if nat is not None:
        vm = guest(network, nat)
        row |= {"isstaticnat": True, "virtualmachineid": vm["virtualmachineid"], "virtualmachinetype": "User"}
        row |= {"vmipaddress": guest_address(network), **vm}
    row |= network_or_vpc(network)
    if network.vpc is not None:
        row |= network_or_vpc(network.vpc)
    # Of a tier's static NAT there is no rule: its ACL lets the traffic in.
    has_rules = network.vpc is None or any(rule.kind != STATIC_NAT for rule in rules)
    return row | rest(network.zone, None) | {"hasrules": has_rules}


# -- rules


def rows_of(call: Call, kinds: set[str], show: Any, columns: Sequence[str], networks: Sequence[Network]) -> list[Row]:
    chosen = call.select(
        [network for network in networks if network.public_rules and network.removed is None],
        objects={"networkid": lambda network: network, "zoneid": lambda network: network.zone},
        owner=lambda network: network.owner,
    )
    rows = [show(network, rule) for network in chosen for rule in network.public_rules if rule.kind in kinds]
    return call.select(rows, values={column: shown_as(column) for column in columns})


@command("listLoadBalancerRules", f"{OWNED} id:uuid name networkid:uuid zoneid:uuid publicipid:uuid fordisplay:boolean")
def list_load_balancer_rules(call: Call) -> str:
    def show(network: Network, rule: Rule) -> Row:
        return {
            "id": rule.id,
            "name": rule.name,
            "publicipid": address_id(rule.address),
            "publicip": rule.address,
            "publicport": str(rule.port),
            "privateport": "80",
            "algorithm": "roundrobin",
            "networkid": network.id,
            **render_parts.owner_fields(call.world, network.owner),
            "state": "Active",
            **render_parts.zone_fields(network.zone),
            "protocol": rule.protocol,
            "tags": [],
            "fordisplay": True,
        }

    columns = ("id", "name", "publicipid", "fordisplay")
    rows = rows_of(call, {LOAD_BALANCER}, show, columns, call.world.networks)
    keyword = call.select(rows, keyword=lambda row: [row["name"]])
    return call.rows("loadbalancerrule", keyword, dict)


@command("listPortForwardingRules", f"{OWNED} id:uuid ipaddressid:uuid networkid:uuid fordisplay:boolean")
def list_port_forwarding_rules(call: Call) -> str:
    def show(network: Network, rule: Rule) -> Row:
        return {
            "id": rule.id,
            "privateport": "22",
            "privateendport": "22",
            "protocol": rule.protocol,
            "publicport": str(rule.port),
            "publicendport": str(rule.port),
            **guest(network, rule),
            "ipaddressid": address_id(rule.address),
            "ipaddress": rule.address,
            "state": "Active",
            "cidrlist": "",
            "tags": [],
            "vmguestip": guest_address(network),
            "networkid": network.id,
            "fordisplay": True,
        }

    rows = rows_of(call, {PORT_FORWARDING}, show, ("id", "ipaddressid", "fordisplay"), call.world.networks)
    return call.rows("portforwardingrule", rows, dict)


@command("listFirewallRules", f"{OWNED} id:uuid ipaddressid:uuid networkid:uuid fordisplay:boolean")
def list_firewall_rules(call: Call) -> str:
    """One for each rule, and the tiers of VPCs have none: they have ACLs."""

    def show(network: Network, rule: Rule) -> Row:
        return {
            "id": uuid_of("firewallrule", rule.id),
            "protocol": "udp" if rule.protocol == "udp" else "tcp",
            "startport": rule.port,
            "endport": rule.port,
            "ipaddressid": address_id(rule.address),
            "networkid": network.id,
            "ipaddress": rule.address,
            "state": "Active",
            "cidrlist": "0.0.0.0/0",
            "tags": [],
            "fordisplay": True,
            "destcidrlist": "",
            "traffictype": "Ingress",
        }

    kinds = {LOAD_BALANCER, PORT_FORWARDING, STATIC_NAT}
    isolated = [network for network in call.world.networks if network.vpc is None]
    rows = rows_of(call, kinds, show, ("id", "ipaddressid", "fordisplay"), isolated)
    return call.rows("firewallrule", rows, dict)


@command("listIpv6FirewallRules", f"{OWNED} id:uuid networkid:uuid traffictype fordisplay:boolean")
def list_ipv6_firewall_rules(call: Call) -> str:
    """There are no networks with IPv6 here."""
    return "{}"


# -- VPN


@command("listRemoteAccessVpns", f"{OWNED} id:uuid networkid:uuid publicipid:uuid fordisplay:boolean")
def list_remote_access_vpns(call: Call) -> str:
    units: list[Network | Vpc] = [*call.world.networks, *call.world.vpcs]
    chosen = call.select(
        [unit for unit in units if unit.remote_access_vpn],
        objects={"networkid": lambda unit: unit},
        owner=lambda unit: unit.owner,
    )
    rows = [
        {
            "publicipid": address_id(unit.public_ip),
            "publicip": unit.public_ip,
            "iprange": "10.1.2.1-10.1.2.8",
            "presharedkey": "simulated",
            **render_parts.owner_fields(call.world, unit.owner),
            "state": "Running",
            "id": uuid_of("remoteaccessvpn", unit.id),
            "fordisplay": True,
        }
        for unit in chosen
    ]
    shown = call.select(rows, values={column: shown_as(column) for column in ("id", "publicipid", "fordisplay")})
    return call.rows("remoteaccessvpn", shown, dict)
