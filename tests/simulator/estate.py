# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an estate file to a world. README.md describes the format."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterator
from dataclasses import fields
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
    X86,
    Agent,
    Cluster,
    Domain,
    Health,
    Host,
    ManagementServer,
    Network,
    Owner,
    Pod,
    Project,
    Router,
    SystemVm,
    Template,
    Vpc,
    Zone,
)
from tests.simulator.faults import Faults
from tests.simulator.identity import parse_version, software_version, template_version, uuid_of
from tests.simulator.offerings import SETTINGS as OFFERING_SETTINGS
from tests.simulator.shared_files import SharedFileSystem
from tests.simulator.storage import LOCAL, ImageStore, StoragePool, uses_local
from tests.simulator.systemvms import REQUIRED
from tests.simulator.templates import register, template_name
from tests.simulator.world import CUSTOM_JOB_ID, ServerFacts, Timings, World

Spec = dict[str, Any]

STR, BOOL, INT, NUMBER, LIST, MAP = (str,), (bool,), (int,), (int, float), (list,), (dict,)
TEXT = (str, int, float, bool)
VERSIONS = {"version": STR, "software": STR, "scripts": STR, "hypervisor": STR, "arch": STR}
OWNER = {"account": STR, "domain": STR, "project": STR}
TOP = {
    "server": MAP,
    "settings": MAP,
    "timings": MAP,
    "defaults": MAP,
    "offerings": MAP,
    "zones": LIST,
    "networks": LIST,
    "vpcs": LIST,
    "orphan_routers": LIST,
    "elastic_lbs": LIST,
    "shared_file_systems": LIST,
    "history": LIST,
    "forbidden_commands": LIST,
    "faults": LIST,
}
SERVER = {
    "version": STR,
    "key": STR,
    "secret": STR,
    "account": STR,
    "page_size": INT,
    "customjobid": STR,
    "healthchecksfailed": BOOL,
    "management_servers": LIST,
}
MANAGEMENT_SERVER = {"name": STR, "version": STR, "state": STR}
DEFAULTS = VERSIONS | {"zone": STR, "account": STR, "domain": STR}
ZONE = {
    "name": STR,
    "allocation": STR,
    "type": STR,
    "networktype": STR,
    "hypervisor": STR,
    "hosts": (list, int),
    "templates": LIST,
    "ssvm": (dict, int, list),
    "cpvm": (dict, int, list),
    "settings": MAP,
    "details": MAP,
    "picks": STR,
    "image_stores": LIST,
    "storage_pools": LIST,
}
IMAGE_STORE = {"name": STR, "readonly": BOOL, "total": INT, "used": INT}
STORAGE_POOL = {"name": STR, "scope": STR, "state": STR, "type": STR, "cluster": STR}
OFFERING = {"name": STR, "memory": INT}
HOST = {
    "name": STR,
    "count": INT,
    "hypervisor": STR,
    "arch": STR,
    "version": STR,
    "package": STR,
    "state": STR,
    "resourcestate": STR,
}
TEMPLATE = {"name": STR, "version": STR, "hypervisor": STR, "ready": BOOL, "arch": STR, "type": STR}
SYSTEM_VM = {
    "count": INT,
    "version": STR,
    "software": STR,
    "template": STR,
    "hypervisor": STR,
    "arch": STR,
    "state": STR,
    "agent": STR,
    "sessions": INT,
}
ROUTER = VERSIONS | {
    "state": STR,
    "redundantstate": STR,
    "scriptsversion": STR,
    "failing_checks": LIST,
    "host": STR,
    "missing": BOOL,
    "never_started": BOOL,
}
UNIT = (
    VERSIONS
    | OWNER
    | {
        "name": STR,
        "count": INT,
        "zone": STR,
        "state": STR,
        "redundant": BOOL,
        "router": (dict, list),
        "cidr": STR,
        "remote_access_vpn": BOOL,
        "restartrequired": BOOL,
        "tags": MAP,
    }
)
NETWORK = UNIT | {"type": STR, "provider": STR, "lb": (bool, int)}
VPC = UNIT | {
    "tiers": (int, list),
    "internal_lb": (bool, dict),
    "private_gateway": BOOL,
    "site_to_site": BOOL,
}
TIER = {"name": STR, "state": STR, "cidr": STR, "internal_lb": (bool, dict), "lb": (bool, int), "restartrequired": BOOL}
ORPHAN = ROUTER | OWNER | {"zone": STR, "count": INT}
PAST = {
    "network": STR,
    "vpc": STR,
    "systemvm": STR,
    "ago": NUMBER,
    "seconds": NUMBER,
    "count": INT,
    "every": NUMBER,
    "end": STR,
}
SHARED_FILE_SYSTEM = OWNER | {
    "name": STR,
    "count": INT,
    "zone": STR,
    "network": STR,
    "version": STR,
    "hypervisor": STR,
    "arch": STR,
    "state": STR,
}
HYPERVISORS = ("KVM", "VMware", "XenServer", "Hyperv", "LXC", "Ovm3", "Simulator", "External")
SCOPES = ("CLUSTER", "ZONE", LOCAL)
MONTH = 30 * 86400.0


class EstateError(ValueError):
    """The estate file is wrong; the text says where."""


def check(spec: Any, allowed: dict[str, Any], where: str) -> Spec:
    if not isinstance(spec, dict):
        raise EstateError(f"{where}: expected keys and values, found {spec!r}")
    for key, value in spec.items():
        if key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, 1)
            hint = f", did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(sorted(allowed))}"
            raise EstateError(f"{where}.{key}: unknown key{hint}")
        types = allowed[key]
        is_bool_for_number = isinstance(value, bool) and bool not in types
        if not isinstance(value, types) or is_bool_for_number:
            names = " or ".join({"dict": "map", "str": "text"}.get(t.__name__, t.__name__) for t in types)
            raise EstateError(f"{where}.{key}: expected {names}, found {value!r}")
    return spec


def load(path: str | Path, overrides: list[str] | None = None) -> World:
    with open(path, encoding="utf-8") as file:
        spec = yaml.safe_load(file) or {}
    for override in overrides or []:
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


class Builder:
    def __init__(self, spec: Any) -> None:
        self.spec = check(spec, TOP, "estate")
        server = check(self.spec.get("server", {}), SERVER, "server")
        facts = ServerFacts(**{key: value for key, value in server.items() if key != "management_servers"})
        if facts.customjobid not in CUSTOM_JOB_ID:
            raise EstateError(f"server.customjobid: {facts.customjobid!r} is not one of {', '.join(CUSTOM_JOB_ID)}")
        timings = check(self.spec.get("timings", {}), {item.name: NUMBER for item in fields(Timings)}, "timings")
        self.faults = Faults()
        try:
            self.faults.replace(self.spec.get("faults", []))
        except ValueError as error:
            raise EstateError(f"faults: {error}") from None
        self.world = World(facts, Timings(**timings), self.faults)
        self.defaults = check(self.spec.get("defaults", {}), DEFAULTS, "defaults")
        self.created = itertools.count()
        self.next_host: dict[tuple[str, str, str], Iterator[Host]] = {}
        self.networks_made = itertools.count(1)
        self.vpcs_made = itertools.count()

    def build(self) -> World:
        world = self.world
        self.management_servers()
        world.forbidden = set(self.spec.get("forbidden_commands", []))
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
        self.history()
        for template in world.templates:
            # A zone lists the old templates too, but the registered one is the newest.
            template.born = world.started - MONTH + template.nr
        return world

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
                    server.get("version", world.server.version),
                    server.get("state", "Up"),
                    world.started - 3600,
                    world.started - 3700,
                )
            )

    def zone(self, spec: Any, where: str) -> None:
        world = self.world
        check(spec, ZONE, where)
        name = self.need(spec, "name", where)
        hosts = spec.get("hosts", 2)
        if isinstance(hosts, int):
            hosts = [{"count": hosts}]
        hypervisor = spec.get("hypervisor") or next(
            (host["hypervisor"] for host in hosts if isinstance(host, dict) and "hypervisor" in host),
            self.defaults.get("hypervisor", "KVM"),
        )
        zone = world.add(
            Zone(
                id=world.identify("zone", name),
                nr=world.number("zone"),
                name=name,
                allocation=spec.get("allocation", "Enabled"),
                type=spec.get("type", "Core"),
                networktype=spec.get("networktype", "Advanced"),
                settings={key: text_of(value) for key, value in spec.get("settings", {}).items()},
                details={key: text_of(value) for key, value in spec.get("details", {}).items()},
                hypervisor=self.hypervisor(hypervisor, where),
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
            if hypervisor == "External":
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

    def arch(self, zone: Zone, hypervisor: str, spec: Spec | None = None) -> str:
        """What a VM has: its own, or that of the zone's first hosts of the hypervisor."""
        given = (spec or {}).get("arch")
        archs = (h.cluster.arch for h in self.world.hosts if h.zone is zone and h.hypervisor == hypervisor)
        return given or next(archs, X86)

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
                public_ip=f"198.19.{number >> 8 & 255}.{number & 255}",
                agent=None if agent == "none" else Agent(software, agent, created),
            )
        )
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
                public_ip=public_ip(number) if kind == "Isolated" and provider == "VirtualRouter" else "",
                remote_access_vpn=spec.get("remote_access_vpn", False),
                type=kind,
                vlan=100 + number % 3900,
                provider=None if provider == "none" else provider,
                lb_rules=int(spec.get("lb", 0)),
            )
            world.networks.append(world.add(network))
            has_routers = network.has_router_provider and network.state in ("Implemented", "Setup")
            has_routers = has_routers and network.hypervisor != "External"
            self.unit_routers(network, spec, where, has_routers)

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
                public_ip=public_ip(30000 + number),
                remote_access_vpn=spec.get("remote_access_vpn", False),
                private_gateway=spec.get("private_gateway", False),
                site_to_site=spec.get("site_to_site", False),
            )
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
            lb_rules=int(spec.get("lb", 0)),
            internal_lb=bool(spec.get("internal_lb", False)),
        )
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
            software = software_version(version)
        never = spec.get("never_started", False)
        number = world.number("vm")
        name = f"{ {INTERNAL_LB: 'b', ELASTIC_LB: 'l'}.get(role, 'r') }-{number}-VM"
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
            software=None if never or role != VIRTUAL_ROUTER else software_version(software) if software else None,
            scripts=None if never else software_version(scripts),
            scripts_checksum=spec.get("scriptsversion"),
            failing_checks=spec.get("failing_checks", []),
            health=None if never else Health(spec.get("failing_checks", []), world.started - 60),
        )
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

    def history(self) -> None:
        world = self.world
        commands: list[past.Past] = []
        for index, each in enumerate(self.spec.get("history", [])):
            where = f"history[{index}]"
            check(each, PAST, where)
            self.need(each, "ago", where)
            plans = past.plans_for(world, each)
            if not plans:
                raise EstateError(f"{where}: there is no such network, vpc or systemvm")
            if each.get("end", "completed") not in past.ENDS:
                raise EstateError(f"{where}.end: {each['end']!r} is not one of {', '.join(past.ENDS)}")
            commands += past.commands(world, each, plans)
        past.write(world, commands)

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


def public_ip(number: int) -> str:
    return f"198.18.{number >> 8 & 255}.{number & 255}"
