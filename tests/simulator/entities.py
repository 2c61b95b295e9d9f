# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exists in the simulated cloud."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from tests.simulator.faults import Fault
from tests.simulator.identity import uuid_of
from tests.simulator.rules import Rule

VIRTUAL_ROUTER = "VIRTUAL_ROUTER"
INTERNAL_LB = "INTERNAL_LB_VM"
ELASTIC_LB = "LB"
SSVM = "secondarystoragevm"
CPVM = "consoleproxy"
X86 = "x86_64"
RESTARTABLE = ("Implemented", "Setup")
"""The states in which a network can be restarted."""

Interval = list[float | None]
"""[from, to] in seconds since the epoch; to is None while it lasts."""


@dataclass(eq=False, kw_only=True)
class Entity:
    """Something with an id that commands can name and lists can show."""

    kind: ClassVar[str]

    id: str
    nr: int
    name: str
    born: float = 0.0
    removed: float | None = None
    cache: dict[str, str] = field(default_factory=dict, repr=False)
    history: list[tuple[float, str]] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Owner:
    account: str | None
    project: str | None
    path: str

    @property
    def domain(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def domain_id(self) -> str:
        return uuid_of("domain", self.path)

    @property
    def project_id(self) -> str:
        return uuid_of("project", self.project or "")


@dataclass(eq=False, kw_only=True)
class Zone(Entity):
    kind = "zone"
    allocation: str = "Enabled"
    type: str = "Core"
    networktype: str = "Advanced"
    settings: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    hypervisor: str = "KVM"
    picks: str | None = None
    """The hypervisor of new SSVMs and CPVMs, where a real server would pick at random; None: hypervisor."""
    wants: set[str] = field(default_factory=set)
    """Types of the system VMs that the capacity scan keeps here."""

    @property
    def pod_id(self) -> str:
        return uuid_of("pod", self.name)

    @property
    def pod_name(self) -> str:
        return f"{self.name}-pod"


@dataclass(eq=False, kw_only=True)
class Pod(Entity):
    kind = "pod"
    zone: Zone


@dataclass(eq=False, kw_only=True)
class Domain(Entity):
    kind = "domain"


@dataclass(eq=False, kw_only=True)
class Project(Entity):
    kind = "project"
    domain: Domain


@dataclass(eq=False, kw_only=True)
class Cluster(Entity):
    kind = "cluster"
    zone: Zone
    hypervisor: str
    arch: str = X86


@dataclass(eq=False, kw_only=True)
class Host(Entity):
    kind = "host"
    zone: Zone
    cluster: Cluster
    hypervisor: str
    version: str
    package: str
    """Version of the system VM package that a live patch or a start takes from this host."""
    state: str = "Up"
    resourcestate: str = "Enabled"
    ip: str = ""
    disconnected: float | None = None
    vms: int = 0

    @property
    def usable(self) -> bool:
        return self.state == "Up" and self.resourcestate == "Enabled"

    def runs(self, template: Template) -> bool:
        return (self.hypervisor, self.cluster.arch) == (template.hypervisor, template.arch)


@dataclass(eq=False, kw_only=True)
class Template(Entity):
    kind = "template"
    version: str
    hypervisor: str
    type: str = "SYSTEM"
    arch: str = X86
    not_ready: set[str] = field(default_factory=set)
    """Names of the zones where it is not downloaded."""
    zones: set[str] | None = None
    """Names of the zones that list it; None: all."""


@dataclass(eq=False)
class Broken:
    """A redundant pair that is none any more."""

    states: list[str]
    """What its routers say of themselves, from the server's next check on."""
    since: float
    fault: Fault


@dataclass
class Health:
    """The results of a router's health checks, as the server read them last."""

    failing: dict[str, str]
    at: float
    ran: float | None
    """When the router's own checks ran; None: never."""
    scripts: str | None
    """Version of the scripts that ran them: how the results are written."""


@dataclass(eq=False, kw_only=True)
class Restartable(Entity):
    """A network or a VPC."""

    zone: Zone
    owner: Owner
    state: str
    cidr: str
    redundant: bool = False
    hypervisor: str = "KVM"
    restartrequired: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    routers: list[Router] = field(default_factory=list)
    public_ip: str = ""
    gap: Any = None
    """How long what it serves is gone when it is interrupted (rules.gap_of); None: as the estate's gaps say."""
    remote_access_vpn: bool = False
    deployment: asyncio.Lock = field(default_factory=asyncio.Lock)
    """The server locks a network (a VPC) while it deploys its routers, and only then."""
    down: list[Interval] = field(default_factory=list)
    last_restart: dict[str, Any] | None = None
    primary: Router | None = None
    broken: Broken | None = None

    @property
    def rules(self) -> str:
        """Whether its routers have its rules: the truth, which the API does not show."""
        raise NotImplementedError


@dataclass(eq=False, kw_only=True)
class Network(Restartable):
    kind = "network"
    type: str = "Isolated"
    vlan: int = 0
    vpc: Vpc | None = None
    provider: str | None = "VirtualRouter"
    public_rules: list[Rule] = field(default_factory=list)
    internal_lb: bool = False
    ilbs: list[Router] = field(default_factory=list)

    @property
    def all_routers(self) -> list[Router]:
        """The routers that a restart of this network deals with: those of the VPC for a tier."""
        return self.routers if self.vpc is None else self.vpc.routers

    @property
    def rules(self) -> str:
        return "missing" if any(self in router.without_rules for router in self.all_routers) else "applied"

    @property
    def acltype(self) -> str:
        return "Domain" if self.type == "Shared" and self.owner.project is None else "Account"

    @property
    def has_router_provider(self) -> bool:
        return self.provider in ("VirtualRouter", "VpcVirtualRouter")


@dataclass(eq=False, kw_only=True)
class Vpc(Restartable):
    kind = "vpc"
    tiers: list[Network] = field(default_factory=list)
    private_gateway: bool = False
    site_to_site: bool = False

    @property
    def all_routers(self) -> list[Router]:
        return self.routers

    @property
    def rules(self) -> str:
        return "missing" if any(tier.rules == "missing" for tier in self.tiers) else "applied"


@dataclass(eq=False, kw_only=True)
class Vm(Entity):
    zone: Zone
    hypervisor: str
    state: str
    template: Template
    """What the VM's row says (trap 1)."""
    root: Template
    """What its ROOT volume was made from."""
    disk: int = 1
    created: float = 0.0
    host: Host | None = None
    last_host: Host | None = None
    local: bool = False
    """Whether its offering is one of local storage."""
    placed: bool = True
    """Whether it ever had a place: a VM that no host had room for has no pod."""
    starts: int = 1
    started: float = 0.0
    busy: str | None = None
    """The job that works on it, as lists show it."""
    software: str | None = None
    """Version of the software in it (SSVM/CPVM), or what the server believes it is (routers: trap 3)."""
    patches: list[Interval] = field(default_factory=list)
    down: list[Interval] = field(default_factory=list)

    @property
    def volume_id(self) -> str:
        return uuid_of("volume", f"{self.id}/{self.disk}")

    @property
    def type_name(self) -> str:
        """As volumes, addresses and error texts say it."""
        raise NotImplementedError

    @property
    def offering(self) -> str:
        """Which system offering it uses."""
        raise NotImplementedError


@dataclass(eq=False, kw_only=True)
class Router(Vm):
    kind = "router"
    owner: Owner
    role: str = VIRTUAL_ROUTER
    network: Network | None = None
    vpc: Vpc | None = None
    redundant: bool = False
    redundantstate: str = "UNKNOWN"
    redundantstate_fixed: bool = False
    """The estate wants this state to last: router checks leave the pair alone until it is started anew."""
    version: str | None = None
    """Release of the template it runs, as the server stored it; None: never read (UNKNOWN)."""
    scripts: str | None = None
    """Version of the scripts in it, as the server stored it."""
    scripts_checksum: str | None = None
    """The checksum itself, where an estate wants a certain one."""
    installed: str | None = None
    """The truth, where a patch has not told the server; None: scripts."""
    failing_checks: dict[str, str] = field(default_factory=dict)
    """The truth, as FAILED, WARNING or UNKNOWN; what the server has read of it is health."""
    health: Health | None = None
    without_rules: set[Network] = field(default_factory=set)
    """The networks whose rules it has lost: a live patch overwrites what they were written to."""

    @property
    def type_name(self) -> str:
        return "ElasticLoadBalancerVm" if self.role == ELASTIC_LB else "DomainRouter"

    @property
    def offering(self) -> str:
        kinds = {INTERNAL_LB: "internalloadbalancervm", ELASTIC_LB: "elasticloadbalancervm"}
        return kinds.get(self.role, "domainrouter")

    @property
    def unit(self) -> Network | Vpc | None:
        return self.vpc or self.network

    @property
    def inside(self) -> str:
        """Version of the scripts that are really in it."""
        return self.installed or self.scripts or self.root.version

    @property
    def networks(self) -> list[Network]:
        if self.network is not None:
            return [self.network]
        return self.vpc.tiers if self.vpc is not None else []


@dataclass
class Agent:
    """The host row of an SSVM's or CPVM's agent."""

    version: str
    state: str
    created: float
    disconnected: float | None = None


@dataclass(eq=False, kw_only=True)
class SystemVm(Vm):
    kind = "systemvm"
    type: str = SSVM
    agent: Agent | None = None
    sessions: int = 0
    public_ip: str = ""
    gap: Any = None
    closed: bool = False
    """Nothing listens at its address."""
    drops: bool = False

    @property
    def type_name(self) -> str:
        return "ConsoleProxy" if self.type == CPVM else "SecondaryStorageVm"

    @property
    def offering(self) -> str:
        return self.type


@dataclass
class ManagementServer:
    id: str
    name: str
    version: str
    state: str
    started: float
    stopped: float


def changeable(entity: Entity) -> set[str]:
    return {item.name for item in fields(entity)} - {"id", "nr", "cache", "history", "born", "removed"}
