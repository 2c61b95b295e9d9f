# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exists in the simulated cloud, and the one way to change it."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tests.simulator import render
from tests.simulator.events import MANAGEMENT_NODE, AlertLog, EventLog
from tests.simulator.faults import Fault, Faults
from tests.simulator.identity import software_version, uuid_of
from tests.simulator.offerings import SETTINGS as OFFERING_SETTINGS
from tests.simulator.offerings import Offerings
from tests.simulator.settings import Settings
from tests.simulator.versions import at_least

if TYPE_CHECKING:
    from tests.simulator.shared_files import SharedFileSystem
    from tests.simulator.storage import ImageStore, StoragePool

VIRTUAL_ROUTER = "VIRTUAL_ROUTER"
INTERNAL_LB = "INTERNAL_LB_VM"
ELASTIC_LB = "LB"
SSVM = "secondarystoragevm"
CPVM = "consoleproxy"
X86 = "x86_64"

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

    failing: list[str]
    at: float


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
    lb_rules: int = 0
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
    """Version of the scripts in it."""
    scripts_checksum: str | None = None
    """The checksum itself, where an estate wants a certain one."""
    failing_checks: list[str] = field(default_factory=list)
    """The truth; what the server has read of it is health."""
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


@dataclass
class Timings:
    """How long things take, in seconds."""

    patch: float = 3.0
    restart: float = 0.5
    start: float = 5.0
    stop: float = 2.0
    job_overhead: float = 0.02
    agent_reconnect: float = 1.0
    host_reconnect: float | None = None
    """After a restart of the server; None: as agent_reconnect."""
    scan_interval: float = 5.0
    router_check_interval: float = 3.0
    health_fetch: float = 600.0
    """How long after a patch or a start the server reads the results of health checks."""
    rvr_handover: float = 1.0
    start_failure: float = 8.0
    capacity_failure: float = 0.5
    jitter: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def seconds(self, name: str) -> float:
        value = getattr(self, name)
        return self.agent_reconnect if value is None else value

    async def pause(self, name: str, share: float = 1.0) -> None:
        seconds = self.seconds(name) * share
        if self.jitter:
            seconds *= 1 + self.jitter * self.random.uniform(-1, 1)
        await asyncio.sleep(seconds)


@dataclass
class ServerFacts:
    version: str = "4.22.0.0-SNAPSHOT"
    key: str = "simulator-key"
    secret: str = "simulator-secret"
    account: str = "admin"
    page_size: int = 500
    healthchecksfailed: bool = True
    """Whether lists tell of failing health checks; the recorded 4.22.0.0 always said false."""
    customjobid: str = "accept"
    """What it does with a job id of the client's choice: accept, ignore (it does not know the parameter) or refuse."""


CUSTOM_JOB_ID = ("accept", "ignore", "refuse")
AnyEntity = TypeVar("AnyEntity", bound=Entity)


class World:
    """Everything there is. Commands read it; change() is the only way to alter an entity."""

    def __init__(self, server: ServerFacts, timings: Timings, faults: Faults) -> None:
        self.server = server
        self.timings = timings
        self.faults = faults
        self.settings = Settings(server.version)
        self.offerings = Offerings(server.version)
        self.events = EventLog()
        self.alerts = AlertLog()
        self.management_servers: list[ManagementServer] = []
        self.forbidden: set[str] = set()
        self.roles: dict[str, dict[str, Any]] = {}
        self.role_permissions: dict[str, list[dict[str, str]]] = {}
        self.started = time.time()
        self.note_server_start()
        self.zones: list[Zone] = []
        self.clusters: list[Cluster] = []
        self.hosts: list[Host] = []
        self.templates: list[Template] = []
        self.image_stores: list[ImageStore] = []
        self.storage_pools: list[StoragePool] = []
        self.shared_file_systems: list[SharedFileSystem] = []
        self.networks: list[Network] = []
        self.vpcs: list[Vpc] = []
        self.projects: list[Project] = []
        self.vms: dict[str, Vm] = {}
        self.by_id: dict[str, Entity] = {}
        self.system_owner = Owner("system", None, "ROOT")
        self.caller = Owner(server.account, None, "ROOT")
        self._numbers: dict[str, int] = {"network": 203}
        self._names: dict[tuple[str, str], int] = {}
        self.bugs: list[str] = []
        self.reconnecting: set[Host] = set()
        """The hosts that were Up when the server died, and have not come back."""
        self.unfetched: dict[Router, float] = {}
        """Routers whose health checks ran anew, and since when."""
        self.patches_finish = False
        """What is cut off now finishes the live patch that it is at: the VM does not need the server for it."""
        self.die: Callable[[float], None] = lambda down_seconds: None
        """The management server dies, and comes back after so many seconds."""
        self._tasks: set[asyncio.Task[None]] = set()

    def note_server_start(self) -> None:
        self.alerts.add(MANAGEMENT_NODE, "Management server node 127.0.0.1 is up", self.now())

    # -- time and identity

    def now(self) -> float:
        """The server's clock."""
        return time.time() + self.faults.clock_skew()

    @staticmethod
    def stamp(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")

    def number(self, kind: str) -> int:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._numbers[kind]

    def identify(self, kind: str, name: str) -> str:
        """An id for a new object; objects of one kind may share a name."""
        self._names[kind, name] = count = self._names.get((kind, name), 0) + 1
        return uuid_of(kind, name if count == 1 else f"{name}#{count}")

    def add(self, entity: AnyEntity) -> AnyEntity:
        entity.born = entity.born or time.time()
        self.by_id[entity.id] = entity
        if isinstance(entity, Vm):
            self.vms[entity.id] = entity
        return entity

    # -- the parts

    @property
    def routers(self) -> Iterator[Router]:
        return (vm for vm in self.vms.values() if isinstance(vm, Router))

    @property
    def systemvms(self) -> Iterator[SystemVm]:
        return (vm for vm in self.vms.values() if isinstance(vm, SystemVm))

    @property
    def active_server(self) -> ManagementServer:
        """The management server that answers."""
        return next((server for server in self.management_servers if server.state == "Up"), self.management_servers[0])

    def owner_of(self, vm: Vm) -> Owner:
        return vm.owner if isinstance(vm, Router) else self.system_owner

    def zone_named(self, name: str) -> Zone:
        return next(zone for zone in self.zones if zone.name == name)

    def setting(self, name: str, zone: Zone | None = None) -> str:
        if zone is not None and name in zone.settings:
            return zone.settings[name]
        return self.settings.value(name)

    def setting_is_true(self, name: str, zone: Zone | None = None) -> bool:
        return self.setting(name, zone).lower() == "true"

    def registered_template(self, hypervisor: str) -> Template:
        """What the rows of all system VMs of the hypervisor say since the last upgrade (trap 1)."""
        return max(self.system_templates(hypervisor), key=lambda template: template.nr)

    def system_templates(self, hypervisor: str) -> Iterable[Template]:
        return (t for t in self.templates if t.hypervisor == hypervisor and t.type == "SYSTEM" and t.removed is None)

    def offering_of(self, vm: Vm) -> dict[str, Any]:
        chosen = self.setting(OFFERING_SETTINGS[vm.offering], vm.zone) if vm.offering in OFFERING_SETTINGS else ""
        return self.offerings.of(vm.offering, vm.local, chosen)

    @staticmethod
    def is_ready(template: Template, zone: Zone) -> bool:
        return zone.name not in template.not_ready and (template.zones is None or zone.name in template.zones)

    def package_of(self, host: Host | None, hypervisor: str) -> str:
        """The software that a start or a live patch brings: on KVM and XenServer that of the host (reference 4.1)."""
        if host is not None and hypervisor in ("KVM", "XenServer"):
            return host.package
        return self.server.version

    def at_least(self, version: str) -> bool:
        """Whether the server is of this version or newer."""
        return at_least(self.server.version, version)

    @property
    def software(self) -> str:
        return software_version(self.server.version)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that goes on by itself, outside of any job."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_ended)

    def _spawned_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.note_bug(error)

    def note_bug(self, error: BaseException) -> None:
        """An error of the simulator itself; tests find it in the state."""
        traceback.print_exception(error)
        self.bugs.append("".join(traceback.format_exception(error)))

    def stop_spawned(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    # -- change

    def change(self, entity: Entity, **values: Any) -> None:
        if self.faults.wants_history():
            entity.history.append((time.time(), self.json(entity)))
        for name, value in values.items():
            setattr(entity, name, value)
        self.forget(entity)
        if isinstance(entity, Vm) and "state" in values:
            self._note_state(entity)

    def forget(self, entity: Entity) -> None:
        """Its JSON, and that of what shows it, has to be made anew."""
        entity.cache.clear()
        if isinstance(entity, Network) and entity.vpc is not None:
            entity.vpc.cache.clear()

    def forget_all(self) -> None:
        for entity in self.by_id.values():
            entity.cache.clear()

    def remove(self, entity: Entity) -> None:
        """It leaves all lists. Its id stays known, as that of a removed row does."""
        self.change(entity, removed=time.time())
        if isinstance(entity, Vm):
            self.vms.pop(entity.id, None)
            self.place(entity, None)
            self._note_state(entity)
        if isinstance(entity, Router):
            for group in filter(None, (entity.network, entity.vpc)):
                if entity in group.routers:
                    group.routers.remove(entity)
            if entity.network is not None and entity in entity.network.ilbs:
                entity.network.ilbs.remove(entity)
            self._note_unit(entity)

    def place(self, vm: Vm, host: Host | None) -> None:
        if vm.host is not None:
            vm.host.vms -= 1
        if host is not None:
            host.vms += 1
        self.change(vm, last_host=host or vm.last_host, host=host, placed=vm.placed or host is not None)

    def json(self, entity: Entity) -> str:
        text = entity.cache.get("json")
        if text is None:
            text = entity.cache["json"] = render.to_json(self, entity)
        return text

    def _note_state(self, vm: Vm) -> None:
        _note(vm.down, vm.state != "Running" and vm.removed is None)
        if isinstance(vm, Router):
            self._note_unit(vm)

    @staticmethod
    def _note_unit(router: Router) -> None:
        unit = router.unit
        if unit is not None and router.role == VIRTUAL_ROUTER:
            _note(unit.down, not any(r.state == "Running" for r in unit.routers))


def _note(intervals: list[Interval], active: bool) -> None:
    """Open or close the last interval."""
    is_open = bool(intervals) and intervals[-1][1] is None
    if active and not is_open:
        intervals.append([time.time(), None])
    elif is_open and not active:
        intervals[-1][1] = time.time()


def changeable(entity: Entity) -> set[str]:
    return {item.name for item in fields(entity)} - {"id", "nr", "cache", "history", "born", "removed"}
