# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and VPCs, and what belongs to them."""

from __future__ import annotations

from tests.simulator import render_networks, render_parts, versions
from tests.simulator.commands import Call, command
from tests.simulator.entities import Network, Owner
from tests.simulator.identity import uuid_of
from tests.simulator.lists import OWNED


def tags_match(call: Call, tags: dict[str, str]) -> bool:
    for name, key in call.params.items():
        if name.startswith("tags[") and name.endswith(".key"):
            value = call.params.get(name[: -len("key")] + "value")
            if key not in tags or value not in (None, tags[key]):
                return False
    return True


def seen(call: Call) -> list[Network]:
    """The networks that a root admin is shown, in their order (NetworkServiceImpl.searchForNetworks).

    Nothing of this is as in other lists: without listall only the caller's own domain, whoever its networks belong to;
    an id is a filter like any other.
    """
    world, project, domain = call.world, call.params.get("projectid"), call.objects.get("domainid")
    account = call.params.get("account") if domain is not None else None
    path = domain.name if domain is not None else world.caller.path
    recursive = call.flag("isrecursive") or (call.flag("listall") and domain is None)
    of_one_project = project not in (None, "-1")

    def in_domain(owner: Owner) -> bool:
        return owner.path == path or (recursive and owner.path.startswith(f"{path}/"))

    def of_account(owner: Owner) -> bool:
        if of_one_project:
            return owner.project is not None and owner.project_id == project
        if account is not None:
            return (owner.account, owner.path) == (account, path)
        if project is None:
            wanted = owner.project is None
        else:
            wanted = owner.project is not None or world.does(versions.NETWORKS_OF_ALL)
        return wanted and in_domain(owner)

    def of_domain(owner: Owner) -> bool:
        if of_one_project or account is not None:
            return path == owner.path or path.startswith(f"{owner.path}/")
        return in_domain(owner) and (project is None or world.does(versions.DOMAIN_NETWORKS))

    networks = [network for network in reversed(world.networks) if network.removed is None]
    found = [each for each in networks if (of_domain if each.acltype == "Domain" else of_account)(each.owner)]
    return found if world.does(versions.NETWORKS_IN_ONE_QUERY) else sorted(found, key=lambda each: each.acltype)


@command("listNetworks", ids="network")
def list_networks(call: Call) -> str:
    wanted = set(filter(None, call.params.get("supportedservices", "").split(",")))
    networks = call.select(
        [
            network
            for network in seen(call)
            if (not wanted or wanted <= {service["name"] for service in render_networks.services_of(network)})
            and tags_match(call, network.tags)
        ],
        objects={
            "id": lambda network: network,
            "zoneid": lambda network: network.zone,
            "vpcid": lambda network: network.vpc,
        },
        values={
            "name": lambda network: network.name,
            "type": lambda network: network.type,
            "forvpc": lambda network: network.vpc is not None,
            "restartrequired": lambda network: network.restartrequired,
            "issystem": lambda network: False,
            "traffictype": lambda network: "Guest",
            "networkofferingid": lambda network: render_networks.offering_of(network)["id"],
        },
        keyword=lambda network: [network.name],
    )
    return call.entities("network", networks)


@command("listVPCs", ids="vpc")
def list_vpcs(call: Call) -> str:
    vpcs = call.select(
        [vpc for vpc in reversed(call.world.vpcs) if vpc.removed is None and tags_match(call, vpc.tags)],
        objects={"id": lambda vpc: vpc, "zoneid": lambda vpc: vpc.zone},
        values={
            "name": lambda vpc: vpc.name,
            "state": lambda vpc: vpc.state,
            "cidr": lambda vpc: vpc.cidr,
            "restartrequired": lambda vpc: vpc.restartrequired,
        },
        keyword=lambda vpc: [vpc.name],
        owner=lambda vpc: vpc.owner,
    )
    return call.entities("vpc", vpcs)


@command("listVpnGateways", f"{OWNED} id:uuid vpcid:uuid fordisplay:boolean")
def list_vpn_gateways(call: Call) -> str:
    chosen = call.select(
        [vpc for vpc in call.world.vpcs if vpc.site_to_site],
        objects={"vpcid": lambda vpc: vpc},
        owner=lambda vpc: vpc.owner,
    )
    return call.rows(
        "vpngateway",
        chosen,
        lambda vpc: {
            "id": uuid_of("vpngateway", vpc.id),
            "publicip": vpc.public_ip,
            "vpcid": vpc.id,
            "vpcname": vpc.name,
            **render_parts.owner_fields(call.world, vpc.owner),
            "fordisplay": True,
        },
    )


@command("listVpnConnections", f"{OWNED} id:uuid vpcid:uuid fordisplay:boolean")
def list_vpn_connections(call: Call) -> str:
    chosen = call.select(
        [vpc for vpc in call.world.vpcs if vpc.site_to_site],
        objects={"vpcid": lambda vpc: vpc},
        owner=lambda vpc: vpc.owner,
    )
    return call.rows(
        "vpnconnection",
        chosen,
        lambda vpc: {
            "id": uuid_of("vpnconnection", vpc.id),
            "s2svpngatewayid": uuid_of("vpngateway", vpc.id),
            "publicip": vpc.public_ip,
            "s2scustomergatewayid": uuid_of("vpncustomergateway", vpc.id),
            "gateway": "203.0.113.1",
            "cidrlist": "192.168.100.0/24",
            **render_parts.owner_fields(call.world, vpc.owner),
            "state": "Connected",
            "passive": False,
            "created": call.world.stamp(vpc.born),
            "fordisplay": True,
        },
    )


@command("listPrivateGateways", f"{OWNED} id:uuid vpcid:uuid ipaddress vlan state")
def list_private_gateways(call: Call) -> str:
    chosen = call.select(
        [vpc for vpc in call.world.vpcs if vpc.private_gateway],
        objects={"vpcid": lambda vpc: vpc},
        owner=lambda vpc: vpc.owner,
    )
    return call.rows(
        "privategateway",
        chosen,
        lambda vpc: {
            "id": uuid_of("privategateway", vpc.id),
            "gateway": "172.20.0.1",
            "netmask": "255.255.255.0",
            "ipaddress": "172.20.0.2",
            **render_parts.zone_fields(vpc.zone),
            "vlan": "vlan://3000",
            "vpcid": vpc.id,
            "vpcname": vpc.name,
            "physicalnetworkid": uuid_of("physicalnetwork", vpc.zone.name),
            **render_parts.owner_fields(call.world, vpc.owner),
            "state": "Ready",
            "sourcenatsupported": False,
        },
    )


@command("listProjects", f"{OWNED} id:uuid name state displaytext", ids="project")
def list_projects(call: Call) -> str:
    world = call.world
    projects = call.select(
        world.projects if call.flag("listall") or "id" in call.params else [],
        objects={"id": lambda project: project},
        values={"name": lambda project: project.name},
        keyword=lambda project: [project.name],
    )
    return call.rows(
        "project",
        projects,
        lambda project: {
            "id": project.id,
            "name": project.name,
            "displaytext": project.name,
            "domainid": project.domain.id,
            "domain": project.domain.name.rsplit("/", 1)[-1],
            "owner": [{"account": world.server.account}],
            "projectaccountname": f"PrjAcct-{project.name}-{project.nr}",
            "state": "Active",
            "tags": [],
            "created": world.stamp(project.born),
        },
    )


def nothing(call: Call) -> str:
    """Objects of a kind that this cloud has none of."""
    return "{}"


for name in ("listSnapshots", "listIsos", "listVpnCustomerGateways"):
    command(name, f"{OWNED} id:uuid name zoneid:uuid")(nothing)
