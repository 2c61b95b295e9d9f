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
    CPVM,
    ELASTIC_LB,
    INTERNAL_LB,
    SSVM,
    VIRTUAL_ROUTER,
    Agent,
    Health,
    Host,
    Network,
    Router,
    SystemVm,
    Vpc,
    Zone,
)
from tests.simulator.estate_places import Places, names, text_of
from tests.simulator.estate_schema import (
    MONTH,
    NETWORK,
    ORPHAN,
    ROUTER,
    SHARED_FILE_SYSTEM,
    SYSTEM_VM,
    TIER,
    VPC,
    EstateError,
    Spec,
    check,
)
from tests.simulator.identity import parse_version, software_version, template_version
from tests.simulator.shared_files import SharedFileSystem
from tests.simulator.storage import uses_local
from tests.simulator.systemvms import REQUIRED
from tests.simulator.world import World


def load(path: str | Path, overrides: Sequence[str] = ()) -> World:
    with open(path, encoding="utf-8") as file:
        return build_with(yaml.safe_load(file) or {}, overrides)


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


def failing_checks(given: Any) -> dict[str, str]:
    """As an estate names them: a list, or a map with how each fails."""
    return dict(given) if isinstance(given, dict) else dict.fromkeys(given, "FAILED")


class Builder(Places):
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
        return world

    # -- SSVM and CPVM

    def system_vms(self, zone: Zone, spec: Spec, where: str) -> None:
        for key, type_ in (("ssvm", SSVM), ("cpvm", CPVM)):
            wanted = zone.details.get(REQUIRED[type_], "true") == "true" and zone.hypervisor != "External"
            given = spec.get(key, int(wanted))
            if isinstance(given, int):
                given = [{"count": given}]
            elif isinstance(given, dict):
                given = [given]
            for index, each in enumerate(given):
                place = f"{where}.{key}[{index}]"
                check(each, SYSTEM_VM, place)
                for _each in range(each.get("count", 1)):
                    zone.wants.add(type_)
                    self.system_vm(zone, type_, each, place)

    def system_vm(self, zone: Zone, type_: str, spec: Spec, where: str) -> None:
        world = self.world
        hypervisor = self.hypervisor(spec.get("hypervisor", zone.hypervisor), where)
        version = self.version_of(spec)
        default = version if "version" in spec else self.defaults.get("software", version)
        software = software_version(str(spec.get("software", default)))
        if software == world.software:
            # An agent tells the whole version of the package it came with.
            software = world.server.version
        state = spec.get("state", "Running")
        number = world.number("vm")
        name = f"{'v' if type_ == CPVM else 's'}-{number}-VM"
        agent = spec.get("agent", "Up" if state == "Running" else "Disconnected")
        created = self.age()
        vm = world.add(
            SystemVm(
                id=world.identify("vm", name),
                nr=number,
                name=name,
                born=world.started - MONTH,
                zone=zone,
                hypervisor=hypervisor,
                state=state,
                root=self.template_of(
                    hypervisor,
                    spec.get("template", template_version(version)),
                    self.arch(zone, hypervisor, spec),
                ),
                template=world.registered_template(hypervisor),
                created=created,
                local=uses_local(world, zone),
                software=software,
                type=type_,
                sessions=spec.get("sessions", 0),
                public_ip=world.addresses.of_systemvm(number),
                agent=None if agent == "none" else Agent(software, agent, created),
            )
        )
        self.reach(vm, spec, where)
        vm.template = world.registered_template(hypervisor)
        if vm.agent is not None and type_ == SSVM:
            # As recorded: an agent says when it was last disconnected, unless it never was.
            vm.agent.disconnected = world.started - 3600
        if state != "Stopped":
            self.put_on_host(vm, None)
        world.change(vm, state=state)

    # -- routers

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
                id=world.identify("network", name),
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
                id=world.identify("vpc", name),
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
                    self.put_on_host(ilb, None)

    def tier(self, vpc: Vpc, spec: Spec, index: int, where: str) -> None:
        world = self.world
        name = self.need(spec, "name", where)
        prefix = vpc.cidr.split("/")[0].rsplit(".", 2)[0]
        number = world.number("network")
        tier = Network(
            id=world.identify("network", name),
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
            self.router(vpc, router, INTERNAL_LB, where, tier=tier)

    def unit_routers(self, unit: Network | Vpc, spec: Spec, where: str, has_routers: bool) -> None:
        given = spec.get("router", [])
        if isinstance(given, dict):
            given = [given] * (2 if unit.redundant else 1)
        described = [check(each, ROUTER, f"{where}.router") for each in given]
        if not described and has_routers:
            described = [{}, {}] if unit.redundant else [{}]
        shared = {key: spec[key] for key in ("version", "software", "scripts", "arch") if key in spec}
        for index, each in enumerate(described):
            if not each.get("missing", False):
                router = self.router(unit, shared | each, VIRTUAL_ROUTER, where)
                # Without guest networks they cannot agree.
                agrees = not isinstance(unit, Vpc) or bool(unit.tiers)
                if unit.redundant and agrees and "redundantstate" not in each and router.state == "Running":
                    router.redundantstate = "BACKUP" if index else "PRIMARY"
        taken: set[Host] = set()
        for router in unit.routers:
            if router.state not in ("Stopped", "Error"):
                self.put_on_host(router, described[unit.routers.index(router)].get("host"), taken)
                if router.host is not None:
                    taken.add(router.host)
            self.world.change(router, state=router.state)

    def router(
        self, unit: Network | Vpc | None, spec: Spec, role: str, where: str, tier: Network | None = None, **more: Any
    ) -> Router:
        world = self.world
        zone: Zone = unit.zone if unit is not None else more["zone"]
        hypervisor = self.hypervisor(
            spec.get("hypervisor", unit.hypervisor if unit is not None else zone.hypervisor), where
        )
        version = self.version_of(spec)
        built_from = template_version(version)
        root = self.template_of(hypervisor, built_from, self.arch(zone, hypervisor, spec))
        software: str | None = spec.get("software", None if "version" in spec else self.defaults.get("software"))
        scripts = str(spec.get("scripts", software or self.defaults.get("scripts") or version))
        numbers = parse_version(software or version)
        if software is None and numbers is not None and numbers >= (4, 17, 0, 0):
            software = version
        software = software_version(software) if software else None
        never = spec.get("never_started", False)
        number = world.number("vm")
        letter = {INTERNAL_LB: "b", ELASTIC_LB: "l"}.get(role, "r")
        name = f"{letter}-{number}-VM"
        router = Router(
            id=world.identify("vm", name),
            nr=number,
            name=name,
            born=world.started - MONTH,
            zone=zone,
            hypervisor=hypervisor,
            state=spec.get("state", "Stopped" if never else "Running"),
            root=root,
            template=root,
            created=self.age(),
            placed=not never,
            local=uses_local(world, zone),
            owner=unit.owner if unit is not None else more["owner"],
            role=role,
            network=tier if tier is not None else unit if isinstance(unit, Network) else None,
            vpc=unit if isinstance(unit, Vpc) else None,
            redundant=unit is not None and unit.redundant and role != INTERNAL_LB,
            redundantstate=spec.get("redundantstate", "UNKNOWN"),
            redundantstate_fixed="redundantstate" in spec,
            version=None if never else built_from,
            software=None if never or (role != VIRTUAL_ROUTER and "software" not in spec) else software,
            scripts=None if never else software_version(scripts),
            scripts_checksum=spec.get("scriptsversion"),
            failing_checks=failing_checks(spec.get("failing_checks", [])),
        )
        if not never:
            ran = world.started - 60
            router.health = Health(dict(router.failing_checks), ran, ran, router.inside)
        router.template = world.registered_template(hypervisor)
        world.add(router)
        if tier is not None:
            tier.ilbs.append(router)
        elif unit is not None:
            unit.routers.append(router)
        return router

    def orphan(self, spec: Any, where: str, role: str) -> None:
        """A router whose network is gone, or an elastic load balancer, which the API shows of no network."""
        check(spec, ORPHAN, where)
        zone = self.zone_of(spec, where)
        for _each in range(spec.get("count", 1)):
            router = self.router(None, spec, role, where, zone=zone, owner=self.owner(spec))
            if router.state == "Running":
                self.put_on_host(router, spec.get("host"))

    def shared_file_system(self, spec: Any, where: str) -> None:
        world = self.world
        check(spec, SHARED_FILE_SYSTEM, where)
        self.need(spec, "name", where)
        zone = self.zone_of(spec, where)
        hypervisor = self.hypervisor(self.unit_hypervisor(spec, zone), where)
        template = self.template_of(
            hypervisor, template_version(self.version_of(spec)), self.arch(zone, hypervisor, spec)
        )
        network = next((each for each in world.networks if each.name == spec.get("network")), None)
        if "network" in spec and network is None:
            raise EstateError(f"{where}.network: there is no network {spec['network']!r}")
        state = spec.get("state", "Ready")
        for name in names(spec):
            world.shared_file_systems.append(
                world.add(
                    SharedFileSystem(
                        id=world.identify("sharedfs", name),
                        nr=world.number("sharedfs"),
                        name=name,
                        born=self.age(),
                        zone=zone,
                        owner=self.owner(spec),
                        template=template,
                        network=network,
                        host=next((host for host in world.hosts if host.zone is zone and host.runs(template)), None)
                        if state == "Ready"
                        else None,
                        state=state,
                    )
                )
            )
