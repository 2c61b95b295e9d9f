# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an estate file to system VMs, routers and shared file systems."""

from __future__ import annotations

import re
from typing import Any

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
from tests.simulator.estate_places import Places, names
from tests.simulator.estate_schema import MONTH, ORPHAN, ROUTER, SHARED_FILE_SYSTEM, SYSTEM_VM, EstateError, Spec, check
from tests.simulator.identity import parse_version, software_version, template_version
from tests.simulator.shared_files import SharedFileSystem
from tests.simulator.storage import uses_local
from tests.simulator.systemvms import REQUIRED


def failing_checks(given: Any) -> dict[str, str]:
    """As an estate names them: a list, or a map with how each fails."""
    return dict(given) if isinstance(given, dict) else dict.fromkeys(given, "FAILED")


class Machines(Places):
    """The part of a builder that makes VMs."""

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
        number, name = self.vm_name(spec, "v" if type_ == CPVM else "s")
        agent = spec.get("agent", "Up" if state == "Running" else "Disconnected")
        created = self.age()
        vm = world.add(
            SystemVm(
                id=spec.get("id") or world.identify("vm", name),
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
        self.old_disks(vm, spec.get("old_disks", []))
        vm.template = world.registered_template(hypervisor)
        if vm.agent is not None and type_ == SSVM:
            # As recorded: an agent says when it was last disconnected, unless it never was.
            vm.agent.disconnected = world.started - 3600
        if state != "Stopped":
            self.put_on_host(vm, spec.get("host"))
        world.change(vm, state=state)

    def vm_name(self, spec: Spec, letter: str) -> tuple[int, str]:
        """The number and name of a VM: its own, or the next one."""
        if "name" not in spec:
            number = self.world.number("vm")
            return number, f"{letter}-{number}-VM"
        digits = re.search(r"\d+", spec["name"])
        return self.world.number("vm", int(digits.group()) if digits else None), spec["name"]

    # -- routers

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
        number, name = self.vm_name(spec, {INTERNAL_LB: "b", ELASTIC_LB: "l"}.get(role, "r"))
        router = Router(
            id=spec.get("id") or world.identify("vm", name),
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
        self.old_disks(router, spec.get("old_disks", []))
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
