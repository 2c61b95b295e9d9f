# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an estate file to a world. README.md describes the format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.simulator import past
from tests.simulator.entities import (
    ELASTIC_LB,
    INTERNAL_LB,
    VIRTUAL_ROUTER,
    Network,
    Vpc,
)
from tests.simulator.estate_places import names, text_of
from tests.simulator.estate_schema import (
    MONTH,
    NETWORK,
    ROUTER,
    TIER,
    VPC,
    EstateError,
    Spec,
    check,
)
from tests.simulator.estate_vms import Machines
from tests.simulator.world import World


def load(path: str | Path, overrides: Sequence[str] = ()) -> World:
    return build_with(read_estate(path), overrides)


def read_estate(path: str | Path) -> Spec:
    """
    :raises EstateError: for what cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file) or {}
    except OSError as error:
        wrong = f"it cannot be read: {error.strerror}"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        wrong = f"it is no YAML: {' '.join(str(error).split())}"
    raise EstateError(f"{wrong}. Give the path of an estate, such as tests/simulator/estates/small.yml.")


def build_with(spec: dict[str, Any], overrides: Sequence[str]) -> World:
    """Changes what it is given."""
    for override in overrides:
        set_override(spec, override)
    return build(spec)


def set_override(spec: Any, override: str) -> None:
    """key.path=value; a number in the path is a position in a list, the value is YAML."""
    path, separator, text = override.partition("=")
    if not separator:
        raise EstateError(f"--set {override}: expected key.path=value")
    *parents, last = path.split(".")
    here = spec
    try:
        for key in parents:
            here = here[int(key)] if isinstance(here, list) else here.setdefault(key, {})
        here[int(last) if isinstance(here, list) else last] = yaml.safe_load(text)
    except (ValueError, IndexError, TypeError, AttributeError):
        raise EstateError(f"--set {override}: there is no such place") from None


def build(spec: Spec) -> World:
    """The world that an estate, given as plain data, describes."""
    return Builder(spec).build()


class Builder(Machines):
    def build(self) -> World:
        world = self.world
        self.management_servers()
        world.forbidden = set(self.spec.get("forbidden_commands", []))
        if "allowed_commands" in self.spec:
            world.allowed = set(self.spec["allowed_commands"])
        zones = self.spec.get("zones", [{"name": "zone1"}])
        for index, zone in enumerate(zones):
            self.zone(zone, f"zones[{index}]")
        self.offerings()
        self.templates(zones)
        # In whole seconds, and not less than what the simulator does: who goes by the setting must not be too early.
        world.settings.set("router.check.interval", str(max(1, math.ceil(world.timings.router_check_interval))))
        for name, value in self.spec.get("settings", {}).items():
            world.settings.set(name, text_of(value))
        for index, zone in enumerate(zones):
            self.system_vms(world.zones[index], zone, f"zones[{index}]")
        for index, each in enumerate(self.spec.get("networks", [])):
            self.network(each, f"networks[{index}]")
        for index, each in enumerate(self.spec.get("vpcs", [])):
            self.vpc(each, f"vpcs[{index}]")
        for index, each in enumerate(self.spec.get("orphan_routers", [])):
            self.orphan(each, f"orphan_routers[{index}]", VIRTUAL_ROUTER)
        for index, each in enumerate(self.spec.get("elastic_lbs", [])):
            self.orphan(each, f"elastic_lbs[{index}]", ELASTIC_LB)
        for index, each in enumerate(self.spec.get("shared_file_systems", [])):
            self.shared_file_system(each, f"shared_file_systems[{index}]")
        past.happen(world, self.spec.get("history", []))
        for template in world.templates:
            # A zone lists the old templates too, but the registered one is the newest.
            template.born = world.started - MONTH + template.nr
        for vm in [*world.routers, *world.systemvms]:
            if vm.root.id != world.registered_template(vm.hypervisor).id:
                vm.created -= MONTH
        return world

    # -- networks

    def network(self, spec: Any, where: str) -> None:
        world = self.world
        check(spec, NETWORK, where)
        self.need(spec, "name", where)
        zone = self.zone_of(spec, where)
        kind = spec.get("type", "Isolated")
        if kind not in ("Isolated", "Shared", "L2"):
            raise EstateError(f"{where}.type: Isolated, Shared or L2, not {kind!r}")
        provider = spec.get("provider", None if kind == "L2" else "VirtualRouter")
        has_public = kind == "Isolated" and provider == "VirtualRouter"
        for name in names(spec):
            number = next(self.networks_made)
            network = Network(
                id=spec.get("id") or world.identify("network", name),
                nr=world.number("network"),
                name=name,
                born=self.age(),
                zone=zone,
                owner=self.owner(spec),
                state=spec.get("state", "Setup" if kind == "Shared" else "Implemented"),
                cidr=spec.get("cidr", f"10.{number >> 8 & 127}.{number & 255}.0/24"),
                redundant=spec.get("redundant", False),
                hypervisor=self.hypervisor(self.unit_hypervisor(spec, zone), where),
                restartrequired=spec.get("restartrequired", False),
                tags=spec.get("tags", {}),
                public_ip=world.addresses.of_network(number) if has_public else "",
                remote_access_vpn=spec.get("remote_access_vpn", False),
                type=kind,
                vlan=100 + number % 3900,
                provider=None if provider == "none" else provider,
            )
            self.reach(network, spec, where)
            world.networks.append(world.add(network))
            in_use = network.state in ("Implemented", "Setup") and network.hypervisor != "External"
            self.unit_routers(network, spec, where, network.has_router_provider and in_use)

    def vpc(self, spec: Any, where: str) -> None:
        world = self.world
        check(spec, VPC, where)
        self.need(spec, "name", where)
        zone = self.zone_of(spec, where)
        for name in names(spec):
            number = next(self.vpcs_made)
            cidr = spec.get("cidr", f"10.{128 + number % 128}.0.0/16")
            vpc = Vpc(
                id=spec.get("id") or world.identify("vpc", name),
                nr=world.number("vpc"),
                name=name,
                born=self.age(),
                zone=zone,
                owner=self.owner(spec),
                state=spec.get("state", "Enabled"),
                cidr=cidr,
                redundant=spec.get("redundant", False),
                hypervisor=self.hypervisor(self.unit_hypervisor(spec, zone), where),
                restartrequired=spec.get("restartrequired", False),
                tags=spec.get("tags", {}),
                public_ip=world.addresses.of_network(30000 + number),
                remote_access_vpn=spec.get("remote_access_vpn", False),
                private_gateway=spec.get("private_gateway", False),
                site_to_site=spec.get("site_to_site", False),
            )
            self.reach(vpc, spec, where)
            world.vpcs.append(world.add(vpc))
            tiers = spec.get("tiers", 1)
            if isinstance(tiers, int):
                tiers = [f"{name}-tier{index + 1}" for index in range(tiers)]
            for index, tier in enumerate(tiers):
                place = f"{where}.tiers[{index}]"
                described = {"name": tier} if isinstance(tier, str) else check(tier, TIER, place)
                if index == 0 and spec.get("internal_lb"):
                    described = {"internal_lb": spec["internal_lb"]} | described
                self.tier(vpc, described, index, place)
            self.unit_routers(vpc, spec, where, has_routers=vpc.state == "Enabled")
            for tier_network in vpc.tiers:
                for ilb in tier_network.ilbs:
                    if ilb.host is None:
                        self.put_on_host(ilb, None)

    def tier(self, vpc: Vpc, spec: Spec, index: int, where: str) -> None:
        world = self.world
        name = self.need(spec, "name", where)
        prefix = vpc.cidr.split("/")[0].rsplit(".", 2)[0]
        number = world.number("network")
        tier = Network(
            id=spec.get("id") or world.identify("network", name),
            nr=number,
            name=name,
            born=vpc.born + 1 + index,
            zone=vpc.zone,
            owner=vpc.owner,
            state=spec.get("state", "Implemented"),
            cidr=spec.get("cidr", f"{prefix}.{index + 1}.0/24"),
            hypervisor=vpc.hypervisor,
            restartrequired=spec.get("restartrequired", False),
            vlan=100 + number % 3900,
            vpc=vpc,
            provider="VpcVirtualRouter",
            internal_lb=bool(spec.get("internal_lb", False)),
        )
        self.reach(tier, spec, where)
        vpc.tiers.append(tier)
        world.networks.append(world.add(tier))
        if tier.internal_lb:
            given = spec["internal_lb"]
            router = check(given, ROUTER, f"{where}.internal_lb") if isinstance(given, dict) else {}
            made = self.router(vpc, router, INTERNAL_LB, where, tier=tier)
            if "host" in router:
                self.put_on_host(made, router["host"])
