# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways to make facts for tests: give only what the test is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Capabilities,
    Cloud,
    Host,
    ImageStore,
    ManagementServer,
    Settings,
    StoragePool,
    Template,
    Zone,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.lists import Lists
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Network, Owner, Unit, Vm, Vpc
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version, parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import CHECKS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import (
    Order,
    Policy,
    Scope,
    Strategy,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.templates import NewTemplate

ALL_SETTINGS = frozenset(name for check in CHECKS for name in check.settings)
TARGET_TEXT = "4.22.0.0"
OWNER = Owner("acme", "ROOT/customers")


def version(text: str) -> Version:
    parsed = parse_version(text)
    if parsed is None:
        raise ValueError(text)
    return parsed


def lists_of(client: Any, server: str = TARGET_TEXT) -> Lists:
    """The lists of a server of one version."""
    return Lists(client, (ManagementServer("mgmt-1", "Up", server, parse_version(server)),))


TARGET = version(TARGET_TEXT)
TEMPLATE = NewTemplate("systemvm-4.22.0", frozenset({"id-new"}), version("4.22.0"))
SITUATION = Baseline(
    TARGET,
    frozenset({"old-scripts"}),
    frozenset({"new-scripts"}),
    templates=dict.fromkeys((("id-zone", "KVM", True), ("id-zone", "KVM", False)), TEMPLATE),
)


# A VM that was made anew.
NEW: dict[str, Any] = {"built_from": "4.22.0", "software": TARGET_TEXT, "root_template_id": "id-new"}


def vm(
    name: str, systemvmtype: Kind | None = None, built_from: str = "4.18.1", software: str = "4.18.1.0", **more: Any
) -> Vm:
    """A running VM of 4.18.1."""
    facts: dict[str, Any] = {
        "id": f"id-{name}",
        "name": name,
        "systemvmtype": systemvmtype,
        "zone_id": "id-zone",
        "zone": "zone",
        "state": "Running",
        "built_from": parse_version(built_from),
        "software": parse_version(software),
        "hypervisor": "KVM",
        "host_id": "id-host",
        "host": "host",
        "owner": OWNER,
    }
    if systemvmtype is None:
        facts["scripts"] = "new-scripts" if facts["software"] == TARGET else "old-scripts"
    else:
        facts["agent_state"] = "Up"
    return Vm(**{**facts, **more})


def network(name: str, **more: Any) -> Network:
    facts: dict[str, Any] = {
        "id": f"id-{name}",
        "name": name,
        "zone_id": "id-zone",
        "type": "Isolated",
        "state": "Implemented",
        "redundant": False,
        "vpc_id": None,
        "broadcast": "Vlan",
        "providers": frozenset({"VirtualRouter"}),
        "tags": (),
        "owner": OWNER,
    }
    return Network(**{**facts, **more})


def _unit(name: str, kind: Kind, vms: tuple[Vm, ...], **more: Any) -> Unit:
    first = vms[0]
    return Unit(f"id-{name}", name, kind, first.zone_id, first.zone, OWNER, vms, **more)


def system_vm_unit(one: Vm) -> Unit:
    return _unit(one.name, one.systemvmtype or Kind.INTERNAL_LB, (one,))


def ssvm(**more: Any) -> Unit:
    return system_vm_unit(vm("s-1", Kind.SSVM, **more))


def _of_one(one: Vm, kind: Kind, **more: Any) -> Unit:
    return Unit(one.id, one.name, kind, one.zone_id, one.zone, OWNER, (one,), **more)


def internal_lb(**more: Any) -> Unit:
    """Of a tier."""
    one = vm("b-1", internal_lb=True, network_id="id-tier", **more)
    return _of_one(one, Kind.INTERNAL_LB, network=network("tier", vpc_id="id-v"))


def orphan(**more: Any) -> Unit:
    return _of_one(vm("r-9", **more), Kind.ORPHAN)


def network_unit(name: str, *vms: Vm, unit: dict[str, Any] | None = None, **facts: Any) -> Unit:
    return _unit(name, Kind.NETWORK, vms or (vm(f"r-{name}"),), network=network(name, **facts), **(unit or {}))


def vpc_unit(name: str, *vms: Vm, tiers: int | tuple[Network, ...] = 2, **facts: Any) -> Unit:
    networks = (
        tuple(network(f"{name}-tier{number}", vpc_id=f"id-{name}") for number in range(tiers))
        if isinstance(tiers, int)
        else tiers
    )
    values: dict[str, Any] = {"state": "Enabled", "redundant": False, "tags": (), "owner": OWNER, **facts}
    vpc = Vpc(id=f"id-{name}", name=name, zone_id="id-zone", tiers=networks, **values)
    return _unit(name, Kind.VPC, vms or (vm(f"r-{name}"),), vpc=vpc)


def pair(name: str, **more: Any) -> tuple[Vm, Vm]:
    """A healthy redundant pair."""
    return (
        vm(f"{name}-1", redundant=True, redundant_state="PRIMARY", host_id="id-host1", host="host1", **more),
        vm(f"{name}-2", redundant=True, redundant_state="BACKUP", host_id="id-host2", host="host2", **more),
    )


ALL_COMMANDS = Capabilities(
    {
        "patchsystemvm": frozenset({"id", "forced"}),
        "restartnetwork": frozenset({"id", "cleanup", "livepatch"}),
        "restartvpc": frozenset({"id", "cleanup", "livepatch"}),
        "destroysystemvm": frozenset({"id"}),
        "rebootsystemvm": frozenset({"id", "forced"}),
        "rebootrouter": frozenset({"id"}),
        "destroyrouter": frozenset({"id"}),
        "stopinternalloadbalancervm": frozenset({"id"}),
        "startinternalloadbalancervm": frozenset({"id"}),
        "queryasyncjobresult": frozenset({"jobid"}),
        "listasyncjobs": frozenset(),
        "listevents": frozenset(),
    }
)


def settings(values: Mapping[str, str] | None = None) -> Settings:
    """Some; of all others that checks ask for the server knows nothing."""
    return Settings(values or {}, ALL_SETTINGS)


def estate(*units: Unit, servers: tuple[str, ...] = ("4.22.0.0-SNAPSHOT",), **more: Any) -> Cloud:
    facts: dict[str, Any] = {
        "management_servers": tuple(
            ManagementServer(f"ms{number}", "Up", text, parse_version(text)) for number, text in enumerate(servers)
        ),
        "capabilities": ALL_COMMANDS,
        "zones": (
            Zone(
                "id-zone",
                "zone",
                True,
                minimum_version=version("4.10.0"),
                router_templates={"kvm": "systemvm-4.22.0"},
            ),
        ),
        "hosts": (Host("id-host-x", "hostx", "id-zone", "KVM", TARGET, "Up", "Enabled"),),
        "templates": (Template("id-new", "systemvm-4.22.0", "id-zone", "KVM", True, "x86_64", "2026"),),
        "image_stores": (ImageStore("nfs", "id-zone", read_only=False),),
        "storage_pools": (StoragePool("primary", "id-zone", "Up", "CLUSTER"),),
        "settings": settings(),
        "units": units,
    }
    return Cloud(**{**facts, **more})


def make_policy(**options: Any) -> Policy:
    """A policy from options, whichever part of it they are."""
    parts: list[Any] = [
        part(**{each.name: options.pop(each.name) for each in fields(part) if each.name in options})
        for part in (Scope, Strategy, Order)
    ]
    return Policy(*parts, **options)
