# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the API shows networks and VPCs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulator.identity import uuid_of
from tests.simulator.render_parts import (
    DNS,
    JsonObject,
    domain_fields,
    drop_newer,
    gateway,
    netmask,
    owner_fields,
    zone_fields,
)

if TYPE_CHECKING:
    from tests.simulator.entities import Network, Vpc
    from tests.simulator.world import World


RECORDED = Path(__file__).parent / "recorded"
SERVICES = json.loads((RECORDED / "services.json").read_text(encoding="utf-8"))
NETWORK_OFFERINGS = json.loads((RECORDED / "networkofferings.json").read_text(encoding="utf-8"))
OFFERINGS_BY_NAME = {offering["name"]: offering for offering in NETWORK_OFFERINGS}


def offering_of(network: Network) -> JsonObject:
    if network.vpc is not None:
        if network.internal_lb:
            return OFFERINGS_BY_NAME["DefaultIsolatedNetworkOfferingForVpcNetworksWithInternalLB"]
        return OFFERINGS_BY_NAME["ref-vpc-tier"]
    if network.type == "Shared":
        return OFFERINGS_BY_NAME["DefaultSharedNetworkOffering"]
    if network.type == "L2":
        name = "DefaultL2NetworkOffering" + ("ConfigDrive" if network.provider == "ConfigDrive" else "")
        return OFFERINGS_BY_NAME[name]
    if network.has_router_provider:
        return OFFERINGS_BY_NAME["ref-iso-rvr" if network.redundant else "ref-iso"]
    return OFFERINGS_BY_NAME["DefaultNATNSXNetworkOffering"]


def services_of(network: Network) -> list[JsonObject]:
    offering = offering_of(network)
    if offering["name"].startswith("ref-iso"):
        return SERVICES["isolated"]
    if offering["name"] == "ref-vpc-tier":
        return SERVICES["tier"]
    services = []
    for service in offering.get("service", []):
        providers = service["provider"]
        if offering["name"] == "DefaultNATNSXNetworkOffering":
            providers = [{"name": network.provider}] if network.provider else []
        services.append({"name": service["name"], "provider": providers, "capability": []})
    return services


def owner(world: World, network: Network) -> JsonObject:
    """One of a domain has no account (ApiResponseHelper.createNetworkResponse)."""
    if network.acltype == "Account":
        return owner_fields(world, network.owner)
    return domain_fields(world, network.owner) | {"subdomainaccess": True}


def network(world: World, network: Network) -> JsonObject:
    offering = offering_of(network)
    layer2 = network.type == "L2"
    shown: JsonObject = {
        "id": network.id,
        "name": network.name,
        "displaytext": network.name,
        "broadcastdomaintype": "Vlan",
        "traffictype": "Guest",
    }
    if not layer2:
        shown |= {"gateway": gateway(network.cidr), "netmask": netmask(network.cidr), "cidr": network.cidr}
    shown |= {
        **zone_fields(network.zone),
        "networkofferingid": offering["id"],
        "networkofferingname": offering["name"],
        "networkofferingdisplaytext": offering["displaytext"],
        "networkofferingconservemode": offering["conservemode"],
        "networkofferingavailability": offering["availability"],
        "issystem": False,
        "state": network.state,
        "related": network.id,
    }
    # Shutdown is the state on the way to Allocated: its VLAN is still its own.
    in_use = network.state in ("Implemented", "Setup", "Shutdown")
    if in_use:
        shown["broadcasturi"] = f"vlan://{network.vlan}"
    shown |= {"dns1": DNS, "type": network.type}
    if in_use:
        shown["vlan"] = str(network.vlan)
    shown |= {
        "acltype": network.acltype,
        **owner(world, network),
        "service": services_of(network),
        "networkdomain": "cs1cloud.internal",
        "physicalnetworkid": uuid_of("physicalnetwork", network.zone.name),
        "restartrequired": network.restartrequired,
        "specifyvlan": offering["specifyvlan"],
        "specifyipranges": offering["specifyipranges"],
    }
    if network.vpc is not None:
        shown |= {"vpcid": network.vpc.id, "vpcname": network.vpc.name}
    shown |= {
        "canusefordeploy": True,
        "ispersistent": offering["ispersistent"],
        "tags": tags(world, network),
        "details": {},
        "displaynetwork": True,
        "strechedl2subnet": False,
        "redundantrouter": network.redundant and network.vpc is None,
        "supportsvmautoscaling": False,
        "created": world.stamp(network.born),
        "receivedbytes": 0,
        "sentbytes": 0,
    }
    if network.vpc is None:
        shown["egressdefaultpolicy"] = True
    return shown | {"publicmtu": 1500, "privatemtu": 1500, "hasannotations": False}


def tags(world: World, entity: Network | Vpc) -> list[JsonObject]:
    return [
        {
            "key": key,
            "value": value,
            "resourcetype": "Vpc" if entity.kind == "vpc" else "Network",
            "resourceid": entity.id,
            **owner_fields(world, entity.owner),
        }
        for key, value in entity.tags.items()
    ]


def vpc(world: World, vpc: Vpc) -> JsonObject:
    offering = "Redundant VPC offering" if vpc.redundant else "Default VPC offering"
    return {
        "id": vpc.id,
        "name": vpc.name,
        "displaytext": vpc.name,
        "state": vpc.state,
        **zone_fields(vpc.zone),
        "service": SERVICES["vpc"],
        "cidr": vpc.cidr,
        "vpcofferingid": uuid_of("vpcoffering", offering),
        "vpcofferingname": offering,
        "created": world.stamp(vpc.born),
        **owner_fields(world, vpc.owner),
        "network": [drop_newer(world, "network", network(world, tier)) for tier in vpc.tiers],
        "restartrequired": vpc.restartrequired,
        "networkdomain": "cs1cloud.internal",
        "tags": tags(world, vpc),
        "fordisplay": True,
        "distributedvpcrouter": False,
        "regionlevelvpc": False,
        "redundantvpcrouter": vpc.redundant,
        "publicmtu": 1500,
        "hasannotations": False,
    }
