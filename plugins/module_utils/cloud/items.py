# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Items of the server's answers as dataclasses: which field means what, and which are not to be trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..knowledge.versions import Version, parse_version
from ..knowledge.vocabulary import ROUTER_PROVIDERS, SYSTEM_VM_KINDS
from . import infrastructure
from .model import Network, Owner, Vm, Vpc, version_of

MINIMUM_VERSION = "minreq.sysvmtemplate.version"

# What a zone has as details of its own instead of settings (ZoneConfig).
ZONE_DETAILS = frozenset({"enable.consoleproxy.vm", "enable.secstorage.vm"})
# Of these an upgrade to 4.20 raises the memory of its own (schema-41910to42000.sql).
RAISED_OFFERINGS = frozenset({"domainrouter", "internalloadbalancervm", "elasticloadbalancervm"})
ROUTER_TEMPLATE = "router.template."  # followed by the hypervisor
# Settings that may differ from zone to zone; an older server has some of them for all zones only.
ZONE_SETTINGS = frozenset(
    {
        MINIMUM_VERSION,
        "consoleproxy.restart",
        "consoleproxy.url.domain",
        "router.health.checks.failures.to.recreate.vr",
        "system.vm.preferred.architecture",
        "system.vm.use.local.storage",
    }
)


def zone_setting(item: Mapping[str, Any]) -> tuple[str, str]:
    """Others are not kept: there are passwords among them."""
    name = str(item.get("name"))
    wanted = name in ZONE_SETTINGS or name.startswith(ROUTER_TEMPLATE)
    return name, str(item.get("value") or "") if wanted else ""


def zone(item: Mapping[str, Any]) -> infrastructure.Zone:
    details = item.get("resourcedetails") or {}
    return infrastructure.Zone(
        item["id"],
        item["name"],
        item.get("allocationstate") == "Enabled",
        basic=item.get("networktype") == "Basic",
        edge=item.get("type") == "Edge",
        settings=infrastructure.Settings({name: str(value) for name, value in details.items() if name in ZONE_DETAILS}),
    )


def capacity(item: Mapping[str, Any]) -> infrastructure.Capacity:
    used = item.get("capacityallocated") or item.get("capacityused") or 0
    return infrastructure.Capacity(
        item.get("zoneid", ""), str(item.get("name", "")), int(item.get("capacitytotal") or 0) - int(used)
    )


def offering(item: Mapping[str, Any]) -> tuple[str, infrastructure.Offering]:
    """With its id."""
    return item["id"], infrastructure.Offering(
        str(item.get("name", item["id"])),
        int(item.get("memory") or 0),
        stock=item.get("defaultuse") is True and item.get("systemvmtype") in RAISED_OFFERINGS,
        host_tags=_split(item.get("hosttags")),
        storage_tags=_split(item.get("storagetags")),
    )


def disabled(item: Mapping[str, Any]) -> str | None:
    """The id of a cluster or pod that takes no new VMs."""
    return str(item["id"]) if item.get("allocationstate") == "Disabled" else None


def _split(tags: object) -> frozenset[str]:
    return frozenset(tag.strip() for tag in str(tags or "").split(",") if tag.strip())


def _given_tags(item: Mapping[str, Any], key: str) -> frozenset[str] | None:
    """Since 4.19 they may be a rule."""
    return None if item.get("istagarule") is True else _split(item.get(key))


def management_server(item: Mapping[str, Any]) -> infrastructure.ManagementServer:
    return infrastructure.ManagementServer(
        item.get("name", ""), item.get("state", ""), str(item.get("version", "unknown")), version_of(item, "version")
    )


def host(item: Mapping[str, Any]) -> infrastructure.Host:
    return infrastructure.Host(
        item["id"],
        item["name"],
        item.get("zoneid", ""),
        item.get("hypervisor"),
        version_of(item, "version"),
        item.get("state", ""),
        item.get("resourcestate"),
        item.get("arch"),
        item.get("clusterid"),
        item.get("podid"),
        _given_tags(item, "hosttags"),
    )


def template(item: Mapping[str, Any]) -> infrastructure.Template:
    return infrastructure.Template(
        item["id"],
        item["name"],
        item.get("zoneid", ""),
        item.get("hypervisor"),
        item.get("isready") is True,
        item.get("arch"),
        item.get("created"),
        str(item.get("templatetype") or ""),
    )


def image_store(item: Mapping[str, Any]) -> infrastructure.ImageStore:
    return infrastructure.ImageStore(
        str(item.get("name", "")),
        item.get("zoneid"),
        item.get("readonly") is True,
        int(item.get("disksizetotal") or 0),
        int(item.get("disksizeused") or 0),
        str(item.get("protocol") or "").lower(),
    )


def storage_pool(item: Mapping[str, Any]) -> infrastructure.StoragePool:
    return infrastructure.StoragePool(
        str(item.get("name", "")),
        item.get("zoneid", ""),
        str(item.get("state", "")),
        str(item.get("scope", "")),
        _given_tags(item, "tags"),
    )


def _tags(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(f"{tag.get('key')}={tag.get('value')}" for tag in item.get("tags") or ()))


def network(item: Mapping[str, Any]) -> Network:
    return Network(
        id=item["id"],
        name=item.get("name", item["id"]),
        zone_id=item.get("zoneid", ""),
        type=item.get("type", ""),
        state=item.get("state", ""),
        redundant=item.get("redundantrouter") is True,
        vpc_id=item.get("vpcid"),
        broadcast=item.get("broadcastdomaintype"),
        providers=frozenset(
            provider["name"]
            for service in item.get("service") or ()
            for provider in service.get("provider") or ()
            if "name" in provider
        ),
        tags=_tags(item),
        owner=Owner.of(item),
        balanced=any(
            provider.get("name") in ROUTER_PROVIDERS
            for service in item.get("service") or ()
            if service.get("name") == "Lb"
            for provider in service.get("provider") or ()
        ),
        restart_required=item.get("restartrequired") is True,
        zone=item.get("zonename", ""),
    )


def vpc(item: Mapping[str, Any]) -> Vpc:
    return Vpc(
        id=item["id"],
        name=item.get("name", item["id"]),
        zone_id=item.get("zoneid", ""),
        state=item.get("state", ""),
        redundant=item.get("redundantvpcrouter") is True,
        tags=_tags(item),
        owner=Owner.of(item),
        tier_ids=tuple(str(tier["id"]) for tier in item.get("network") or () if tier.get("id")),
        restart_required=item.get("restartrequired") is True,
        zone=item.get("zonename", ""),
    )


VOLUME = (
    *("virtualmachineid", "vmname", "vmtype", "vmstate"),
    *("templateid", "templatename", "hypervisor", "zoneid", "zonename", "state", "created"),
)
# Of a volume in one of these states no VM runs (Volume.State).
GONE_VOLUMES = frozenset({"Destroy", "Destroying", "Expunging", "Expunged"})


def volume(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item.get(key) for key in VOLUME}


def shared_file_system(item: Mapping[str, Any]) -> infrastructure.SharedFileSystem:
    return infrastructure.SharedFileSystem(
        item["id"],
        item["name"],
        item.get("zoneid", ""),
        item.get("zonename", ""),
        vm_id=item.get("virtualmachineid"),
    )


def _common(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": item["id"],
        "name": item.get("name", item["id"]),
        "zone_id": item.get("zoneid", ""),
        "zone": item.get("zonename", ""),
        "state": item.get("state", ""),
        "hypervisor": item.get("hypervisor"),
        "host_id": item.get("hostid"),
        "host": item.get("hostname"),
        "next_template_id": item.get("templateid"),
        "offering_id": item.get("serviceofferingid"),
        "created": item.get("created"),
        "owner": Owner.of(item),
    }


def system_vm(item: Mapping[str, Any]) -> Vm:
    return Vm(
        **_common(item),
        systemvmtype=SYSTEM_VM_KINDS[item["systemvmtype"]],
        built_from=None,  # listSystemVms does not tell; the ROOT volume does
        software=version_of(item, "version"),
        agent_state=item.get("agentstate"),
        sessions=int(item.get("activeviewersessions") or 0),
        addresses=tuple(str(item[key]) for key in ("publicip", "privateip") if item.get(key)),
        public_address=item.get("publicip"),
    )


def router(item: Mapping[str, Any]) -> Vm:
    nics = [nic for nic in item.get("nic") or () if nic.get("traffictype") in ("Guest", "Public")]
    addresses = [nic.get("ipaddress") for nic in nics] + [item.get("publicip"), item.get("guestipaddress")]
    return Vm(
        **_common(item),
        built_from=version_of(item, "version"),
        software=version_of(item, "softwareversion"),
        scripts=str(item.get("scriptsversion") or "").strip() or None,
        redundant=item.get("isredundantrouter") is True,
        # Servers before 4.16 say MASTER.
        redundant_state="PRIMARY" if item.get("redundantstate") == "MASTER" else item.get("redundantstate"),
        network_id=item.get("guestnetworkid"),
        vpc_id=item.get("vpcid"),
        gateway=next((nic.get("gateway") for nic in nics if nic.get("traffictype") == "Public"), None),
        public=any(nic.get("traffictype") == "Public" for nic in item["nic"]) if item.get("nic") else None,
        addresses=tuple(dict.fromkeys(str(address) for address in addresses if address)),
    )


def with_root_volume(vm: Vm, volume: Mapping[str, Any] | None) -> Vm:
    """The VM with what only its ROOT volume tells."""
    if volume is None:
        return vm
    built_from: Version | None = vm.built_from if vm.is_router else parse_version(volume["templatename"])
    return replace(
        vm,
        built_from=built_from,
        hypervisor=vm.hypervisor or volume["hypervisor"],
        root_template_id=volume["templateid"],
        root_template=volume["templatename"],
    )
