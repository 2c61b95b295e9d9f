# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an estate file to zones, hosts, storage and templates."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from tests.simulator import estate_rules
from tests.simulator.entities import (
    X86,
    Cluster,
    Domain,
    Host,
    ManagementServer,
    Network,
    OldDisk,
    Owner,
    Pod,
    Project,
    SystemVm,
    Template,
    Vm,
    Vpc,
    Zone,
)
from tests.simulator.estate_schema import (
    DEFAULTS,
    HOST,
    HYPERVISORS,
    IMAGE_STORE,
    MANAGEMENT_SERVER,
    MONTH,
    NUMBER,
    OFFERING,
    SCOPES,
    SERVER,
    STORAGE_POOL,
    TEMPLATE,
    TOP,
    ZONE,
    EstateError,
    Spec,
    check,
)
from tests.simulator.faults import Faults
from tests.simulator.identity import parse_version, template_version, uuid_of
from tests.simulator.offerings import SETTINGS as OFFERING_SETTINGS
from tests.simulator.storage import LOCAL, ImageStore, StoragePool
from tests.simulator.systemvms import REQUIRED
from tests.simulator.templates import register, template_name
from tests.simulator.world import CUSTOM_JOB_ID, HOSTS, ServerFacts, Timings, World


class Places:
    """The part of a builder that makes zones and what is in them, and the helpers of all parts."""

    def __init__(self, spec: Any) -> None:
        self.spec = check(spec, TOP, "estate")
        server = check(self.spec.get("server", {}), SERVER, "server")
        facts = ServerFacts(**{key: value for key, value in server.items() if key != "management_servers"})
        if facts.customjobid not in CUSTOM_JOB_ID:
            raise EstateError(f"server.customjobid: {facts.customjobid!r} is not one of {', '.join(CUSTOM_JOB_ID)}")
        if facts.hosts not in HOSTS:
            raise EstateError(f"server.hosts: {facts.hosts!r} is not one of {', '.join(HOSTS)}")
        timings = check(self.spec.get("timings", {}), {item.name: NUMBER for item in fields(Timings)}, "timings")
        self.faults = Faults()
        try:
            self.faults.replace(self.spec.get("faults", []))
        except ValueError as error:
            raise EstateError(f"faults: {error}") from None
        self.world = World(
            facts,
            Timings(**timings),
            self.faults,
            estate_rules.gaps(self.spec),
            self.spec.get("listeners", False),
        )
        self.defaults = check(self.spec.get("defaults", {}), DEFAULTS, "defaults")
        self.created = itertools.count()
        self.next_host: dict[tuple[str, str, str], Iterator[Host]] = {}
        self.networks_made = itertools.count(1)
        self.vpcs_made = itertools.count()
        self.rule_addresses = itertools.count(1)

    # -- server and zones

    def management_servers(self) -> None:
        world = self.world
        for index, spec in enumerate(self.spec.get("server", {}).get("management_servers", [{"name": "localhost"}])):
            server = check(spec, MANAGEMENT_SERVER, f"server.management_servers[{index}]")
            name = self.need(server, "name", f"server.management_servers[{index}]")
            world.management_servers.append(
                ManagementServer(
                    uuid_of("managementserver", name),
                    name,
                    server.get("version", world.version_said),
                    server.get("state", "Up"),
                    world.started - 3600,
                    world.started - 3700,
                )
            )

    def zone(self, spec: Any, where: str) -> None:
        world = self.world
        check(spec, ZONE, where)
        name = self.need(spec, "name", where)
        for key in set(spec.get("settings", {})) & set(REQUIRED.values()):
            raise EstateError(f"{where}.settings.{key}: this is one of a zone's details")
        hosts = spec.get("hosts", 2)
        if isinstance(hosts, int):
            hosts = [{"count": hosts}]
        hypervisor = spec.get("hypervisor") or next(
            (host["hypervisor"] for host in hosts if isinstance(host, dict) and "hypervisor" in host),
            self.defaults.get("hypervisor", "KVM"),
        )
        zone = world.add(
            Zone(
                id=spec.get("id") or world.identify("zone", name),
                nr=world.number("zone"),
                name=name,
                allocation=spec.get("allocation", "Enabled"),
                type=spec.get("type", "Core"),
                networktype=spec.get("networktype", "Advanced"),
                settings={key: text_of(value) for key, value in spec.get("settings", {}).items()},
                details={key: text_of(value) for key, value in spec.get("details", {}).items()},
                hypervisor=self.hypervisor(hypervisor, where),
                added_later=spec.get("added_later", False),
                private_ips=spec.get("private_ips", 2297),
                picks=self.hypervisor(spec["picks"], where) if "picks" in spec else None,
            )
        )
        world.zones.append(zone)
        world.add(Pod(id=zone.pod_id, nr=zone.nr, name=zone.pod_name, zone=zone))
        for index, host in enumerate(hosts):
            self.host(zone, check(host, HOST, f"{where}.hosts[{index}]"), f"{where}.hosts[{index}]")
        self.storage(zone, spec, where)

    def storage(self, zone: Zone, spec: Spec, where: str) -> None:
        """As recorded: one image store, and two pools in the first cluster."""
        world = self.world
        for index, each in enumerate(spec.get("image_stores", [{}])):
            check(each, IMAGE_STORE, f"{where}.image_stores[{index}]")
            name = each.get("name", f"{zone.name}-sec" if index == 0 else f"{zone.name}-sec{index}")
            world.image_stores.append(
                world.add(
                    ImageStore(
                        id=world.identify("imagestore", name),
                        nr=world.number("imagestore"),
                        name=name,
                        zone=zone,
                        readonly=each.get("readonly", False),
                        total=each.get("total"),
                        used=each.get("used"),
                    )
                )
            )
        clusters = [cluster for cluster in world.clusters if cluster.zone is zone]
        for index, each in enumerate(spec.get("storage_pools", [{}, {}])):
            place = f"{where}.storage_pools[{index}]"
            check(each, STORAGE_POOL, place)
            scope = each.get("scope", "CLUSTER")
            if scope not in SCOPES:
                raise EstateError(f"{place}.scope: {scope!r} is not one of {', '.join(SCOPES)}")
            cluster = clusters[0] if clusters and scope != "ZONE" else None
            if "cluster" in each:
                cluster = next((c for c in clusters if c.name == each["cluster"]), None)
                if cluster is None:
                    raise EstateError(f"{place}.cluster: there is no cluster {each['cluster']!r}")
            world.storage_pools.append(
                world.add(
                    StoragePool(
                        # The first is the one that volumes show.
                        id=world.identify("storagepool", zone.name),
                        nr=world.number("storagepool"),
                        name=each.get("name", f"{zone.name}-ps{index}"),
                        born=world.started - 86400,
                        zone=zone,
                        cluster=cluster,
                        path=f"/export/{zone.name}/primary{index}",
                        scope=scope,
                        state=each.get("state", "Up"),
                        type=each.get("type", "Filesystem" if scope == LOCAL else "NetworkFilesystem"),
                    )
                )
            )

    def offerings(self) -> None:
        """Memory of the server's own offerings or, with a name, an operator's that the setting chooses."""
        world = self.world
        for kind, given in self.spec.get("offerings", {}).items():
            if kind not in OFFERING_SETTINGS:
                raise EstateError(f"offerings.{kind}: unknown key; allowed: {', '.join(sorted(OFFERING_SETTINGS))}")
            spec = check(given, OFFERING, f"offerings.{kind}")
            memory = spec.get("memory", 512)
            if "name" in spec:
                world.settings.set(OFFERING_SETTINGS[kind], world.offerings.add(kind, spec["name"], memory))
            else:
                world.offerings.set_memory(kind, memory)

    def host(self, zone: Zone, spec: Spec, where: str) -> None:
        world = self.world
        hypervisor = self.hypervisor(spec.get("hypervisor", zone.hypervisor), where)
        arch = spec.get("arch", X86)
        alike = (c for c in world.clusters if (c.zone, c.hypervisor, c.arch) == (zone, hypervisor, arch))
        cluster = next(alike, None)
        if cluster is None:
            name = f"{zone.name}-{hypervisor.lower()}{'' if arch == X86 else '-' + arch}"
            cluster = world.add(
                Cluster(
                    id=world.identify("cluster", name),
                    nr=world.number("cluster"),
                    name=name,
                    zone=zone,
                    hypervisor=hypervisor,
                    arch=arch,
                )
            )
            world.clusters.append(cluster)
        for name in names(spec, f"{cluster.name}-host", always_number="name" not in spec):
            number = world.number("host")
            version: str = spec.get("version", world.server.version)
            world.hosts.append(
                world.add(
                    Host(
                        id=world.identify("host", name),
                        nr=number,
                        name=name,
                        born=world.started - MONTH,
                        zone=zone,
                        cluster=cluster,
                        hypervisor=hypervisor,
                        version=version,
                        package=spec.get("package", version),
                        state=spec.get("state", "Up"),
                        resourcestate=spec.get("resourcestate", "Enabled"),
                        ip=f"172.16.{number >> 8 & 255}.{number & 255}",
                    )
                )
            )

    def templates(self, zones: list[Spec]) -> None:
        """The ones the zones name, and for every hypervisor in use that of the server's own version."""
        world = self.world
        for index, spec in enumerate(zones):
            for number, each in enumerate(spec.get("templates", [])):
                where = f"zones[{index}].templates[{number}]"
                check(each, TEMPLATE, where)
                hypervisor = self.hypervisor(each.get("hypervisor", world.zones[index].hypervisor), where)
                version: str = each.get("version", template_version(world.server.version))
                arch = each.get("arch", X86)
                name = each.get("name", template_name(hypervisor, version, arch))
                template = next((t for t in world.templates if t.name == name), None)
                if template is None:
                    template = self.template(hypervisor, version, name, arch)
                    template.type = each.get("type", "SYSTEM")
                    if "name" in each:
                        template.zones = set()
                if template.zones is not None:
                    template.zones.add(world.zones[index].name)
                if not each.get("ready", True):
                    template.not_ready.add(world.zones[index].name)
        current = template_version(world.server.version)
        in_use = {(host.hypervisor, host.cluster.arch) for host in world.hosts}
        in_use |= {(zone.hypervisor, self.arch(zone, zone.hypervisor)) for zone in world.zones}
        # The last architecture of a hypervisor wins its setting, as in an upgrade; x86_64 is the first.
        for hypervisor, arch in sorted(in_use, key=lambda each: (each[0], each[1] != X86, each[1])):
            if hypervisor == "External" or (hypervisor == "Simulator" and any(world.system_templates(hypervisor))):
                continue
            named = [t for t in world.system_templates(hypervisor) if (t.version, t.arch) == (current, arch)]
            newest = max(named, key=lambda t: t.nr) if named else self.template(hypervisor, current, arch=arch)
            setting = f"router.template.{hypervisor.lower()}"
            if hypervisor != "Simulator":
                world.settings.set(setting, newest.name)

    def template(self, hypervisor: str, version: str, name: str | None = None, arch: str = X86) -> Template:
        world = self.world
        template = register(world, hypervisor, version, arch, name)
        # Newer versions were registered later: their numbers are higher.
        world.templates.sort(key=lambda t: parse_version(t.version) or (0, 0, 0, 0))
        for number, each in enumerate(world.templates, 1):
            each.nr = number
        return template

    def template_of(self, hypervisor: str, version: str, arch: str = X86) -> Template:
        found = [t for t in self.world.system_templates(hypervisor) if (t.version, t.arch) == (version, arch)]
        return found[-1] if found else self.template(hypervisor, version, arch=arch)

    def old_disks(self, vm: Vm, versions: list[str]) -> None:
        """ROOT volumes that it had, by the versions of their templates; still in state Destroy."""
        for number, version in enumerate(versions):
            template = self.template_of(vm.hypervisor, version, vm.root.arch)
            vm.old_disks.append(OldDisk(uuid_of("volume", f"{vm.id}/old{number}"), template))

    def arch(self, zone: Zone, hypervisor: str, spec: Spec | None = None) -> str:
        """What a VM has: its own, or that of the zone's first hosts of the hypervisor."""
        given = (spec or {}).get("arch")
        archs = (h.cluster.arch for h in self.world.hosts if h.zone is zone and h.hypervisor == hypervisor)
        return given or next(archs, X86)

    # -- small helpers

    def put_on_host(self, vm: Any, name: str | None, taken: set[Host] | None = None) -> None:
        world = self.world
        if name is not None:
            host = next((host for host in world.hosts if host.name == name), None)
            if host is None:
                raise EstateError(f"{vm.name}: there is no host {name!r}")
            world.place(vm, host)
            return
        key = (vm.zone.name, vm.hypervisor, vm.root.arch)
        if key not in self.next_host:
            hosts = [host for host in world.hosts if host.zone is vm.zone and host.runs(vm.root)]
            if not hosts:
                raise EstateError(f"zone {vm.zone.name!r} has no {vm.hypervisor} host ({vm.root.arch}) for {vm.name}")
            self.next_host[key] = itertools.cycle(hosts)
        host = next(self.next_host[key])
        if host in (taken or ()):
            host = next(self.next_host[key])
        world.place(vm, host)

    def age(self) -> float:
        """When something was made: a month ago, one object a minute."""
        return self.world.started - MONTH + 60 * next(self.created)

    def owner(self, spec: Spec) -> Owner:
        world = self.world
        path = str(spec.get("domain", self.defaults.get("domain", "ROOT")))
        if path != "ROOT" and not path.startswith("ROOT/"):
            path = f"ROOT/{path}"
        domain_id = uuid_of("domain", path)
        domain = world.by_id.get(domain_id)
        if not isinstance(domain, Domain):
            domain = world.add(Domain(id=domain_id, nr=world.number("domain"), name=path))
        project = spec.get("project")
        if project is not None and uuid_of("project", project) not in world.by_id:
            made = Project(id=uuid_of("project", project), nr=world.number("project"), name=project, domain=domain)
            world.projects.append(world.add(made))
        account = None if project is not None else spec.get("account", self.defaults.get("account", "system"))
        return Owner(account, project, path)

    def reach(self, thing: Network | Vpc | SystemVm, spec: Spec, where: str) -> None:
        """How it is reached from outside, and for how long it is gone."""
        thing.gap = estate_rules.check_gap(spec.get("gap"), where)
        if isinstance(thing, SystemVm):
            thing.closed, thing.drops = spec.get("down", False), spec.get("drops", False)
        if isinstance(thing, Network):
            thing.public_rules = estate_rules.rules(thing, spec, where, self.world.addresses, self.rule_addresses)

    def version_of(self, spec: Spec) -> str:
        return str(spec.get("version", self.defaults.get("version", "4.18.1")))

    def zone_of(self, spec: Spec, where: str) -> Zone:
        name = spec.get("zone", self.defaults.get("zone", self.world.zones[0].name))
        for zone in self.world.zones:
            if zone.name == name:
                return zone
        raise EstateError(f"{where}.zone: there is no zone {name!r}")

    def unit_hypervisor(self, spec: Spec, zone: Zone) -> str:
        return spec.get("hypervisor", zone.hypervisor)

    @staticmethod
    def hypervisor(name: str, where: str) -> str:
        for known in HYPERVISORS:
            if known.lower() == name.lower():
                return known
        raise EstateError(f"{where}.hypervisor: {name!r} is not one of {', '.join(HYPERVISORS)}")

    @staticmethod
    def need(spec: Spec, key: str, where: str) -> str:
        if key not in spec:
            raise EstateError(f"{where}: {key} is missing")
        return spec[key]


def names(spec: Spec, base: str = "", always_number: bool = False) -> list[str]:
    name = spec.get("name", base)
    count = spec.get("count", 1)
    if "count" not in spec and not always_number:
        return [name]
    width = max(3, len(str(count)))
    return [f"{name}-{number:0{width}}" for number in range(1, count + 1)]


def text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
