# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything there is in the simulated cloud, and the one way to change it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulator import render
from tests.simulator.entities import (
    VIRTUAL_ROUTER,
    Cluster,
    Entity,
    Host,
    Interval,
    ManagementServer,
    Network,
    Owner,
    Project,
    Router,
    SystemVm,
    Template,
    Vm,
    Vpc,
    Zone,
)
from tests.simulator.events import MANAGEMENT_NODE, AlertLog, EventLog
from tests.simulator.faults import Faults
from tests.simulator.identity import software_version, uuid_of
from tests.simulator.offerings import SETTINGS as OFFERING_SETTINGS
from tests.simulator.offerings import Offerings
from tests.simulator.rules import Addresses, Gaps
from tests.simulator.settings import DEFAULT_PAGE_SIZE, PAGE_SIZE, Settings
from tests.simulator.versions import RESTARTS_SURVIVE, SHUTDOWN_530, Behaviour, may_be_a_zones, within

if TYPE_CHECKING:
    from tests.simulator.shared_files import SharedFileSystem
    from tests.simulator.storage import ImageStore, StoragePool


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
    expunge: float = 0.0
    """How long a VM that is destroyed is Expunging; as recorded, nobody sees it."""
    jitter: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._over = asyncio.Event()

    def hurry(self) -> None:
        """What takes time now ends at once."""
        self._over.set()
        self._over = asyncio.Event()

    def seconds(self, name: str) -> float:
        value = getattr(self, name)
        return self.agent_reconnect if value is None else value

    async def pause(self, name: str, share: float = 1.0) -> None:
        seconds = self.seconds(name) * share
        if self.jitter:
            seconds *= 1 + self.jitter * self.random.uniform(-1, 1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)


@dataclass
class ServerFacts:
    version: str = "4.22.0.0-SNAPSHOT"
    says: str | None = None
    """What it says its version is; None: the truth."""
    key: str = "simulator-key"
    secret: str = "simulator-secret"
    account: str = "admin"
    hosts: str = "real"
    """What the hypervisor hosts do: real, checked or simulated (HOSTS)."""
    utc_offset: float = 0.0
    """Hours by which the server's own time zone is ahead of UTC."""
    healthchecksfailed: bool = True
    """Whether lists tell of failing health checks; the recorded 4.22.0.0 always said false."""
    customjobid: str = "accept"
    """What it does with a job id of the client's choice: accept, ignore (it does not know the parameter) or refuse."""
    item_cost_ms: dict[str, float] = field(default_factory=dict)
    """How long it takes for each item of a page, by command."""
    workers: int = 0
    """How many pages it makes at a time where they cost time; 0: any number."""


EXPUNGING = "Expunging"
CUSTOM_JOB_ID = ("accept", "ignore", "refuse")
PREPARING = {
    *("PreparingToShutDown", "PreparingForShutDown", "ReadyToShutDown", "ShuttingDown"),
    *("PreparingForMaintenance", "Maintenance"),
}
"""States of a management server that takes no new jobs; 4.19 and 4.20 know the first, and no maintenance."""
REAL, CHECKED, SIMULATED = HOSTS = ("real", "checked", "simulated")
"""As KVM, VMware and XenServer do; simulated ones, which are spared the check of a router's version, as in most
recordings; or not spared, as in livepatch_version_check. A patch of these last two prints what the server expects."""
AnyEntity = TypeVar("AnyEntity", bound=Entity)


class World:
    """Everything there is. Commands read it; change() is the only way to alter an entity."""

    def __init__(
        self, server: ServerFacts, timings: Timings, faults: Faults, gaps: Gaps | None = None, listeners: bool = False
    ) -> None:
        self.server = server
        self.timings = timings
        self.faults = faults
        self.gaps = gaps or Gaps()
        self.has_listeners = listeners
        self.addresses = Addresses(loopback=listeners)
        self.settings = Settings(server.version)
        self.offerings = Offerings(server.version)
        self.events = EventLog()
        self.alerts = AlertLog()
        self.management_servers: list[ManagementServer] = []
        self.forbidden: set[str] = set()
        self.allowed: set[str] | None = None
        self.caller_role: str | None = None
        self.roles: dict[str, dict[str, Any]] = {}
        self.role_permissions: dict[str, list[dict[str, str]]] = {}
        self.started = time.time()
        self._page_limit: int | None = None
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
        self.expunging: list[Vm] = []
        """Destroyed, and listed until what they had is cleaned up; no longer members of a network or VPC."""
        self.reconnecting: set[Host] = set()
        """The hosts that were Up when the server died, and have not come back."""
        self.unfetched: dict[Router, float] = {}
        """Routers whose health checks ran anew, and since when."""
        self.patches_finish = False
        """What is cut off now finishes the live patch that it is at: the VM does not need the server for it."""
        self.die: Callable[[float], None] = lambda down_seconds: None
        """The management server dies, and comes back after so many seconds."""
        self.interrupted: Callable[[Vm, str], None] = lambda vm, what: None
        """What a VM serves is gone from now on, for a while, by a "patch" or a "restart" (Gaps)."""
        self.state_changed: Callable[[Vm], None] = lambda vm: None
        self._tasks: set[asyncio.Task[None]] = set()

    def note_server_start(self) -> None:
        self._page_limit = None
        self.alerts.add(MANAGEMENT_NODE, "Management server node 127.0.0.1 is up", self.now())

    @property
    def page_limit(self) -> int:
        """default.page.size as it was when the server started, for the setting is not dynamic; -1: none."""
        if self._page_limit is None:
            given = self.setting(PAGE_SIZE)
            self._page_limit = int(given) if given.lstrip("-").isdigit() else DEFAULT_PAGE_SIZE
        return self._page_limit

    # -- time and identity

    def now(self) -> float:
        """The server's clock."""
        return time.time() + self.faults.clock_skew()

    @staticmethod
    def stamp(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")

    def number(self, kind: str, given: int | None = None) -> int:
        """The next one, or the one that is given: then the next is higher."""
        last = self._numbers.get(kind, 0)
        number = last + 1 if given is None else given
        self._numbers[kind] = max(last, number)
        return number

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

    @property
    def breaks_off(self) -> bool:
        """Whether what is at a VM's start or stop fails now."""
        if not self.does(SHUTDOWN_530) or self.does(RESTARTS_SURVIVE):
            return False
        return any(server.state in PREPARING for server in self.management_servers)

    def owner_of(self, vm: Vm) -> Owner:
        return vm.owner if isinstance(vm, Router) else self.system_owner

    def zone_named(self, name: str) -> Zone:
        return next(zone for zone in self.zones if zone.name == name)

    def setting(self, name: str, zone: Zone | None = None) -> str:
        if zone is not None and name in zone.settings:
            return zone.settings[name]
        return self.settings.value(name)

    def is_zone_scoped(self, name: str) -> bool:
        return self.settings.is_zone_scoped(name) and may_be_a_zones(name, self.server.version)

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
        """The software that a start or a live patch brings: on KVM that of the host (reference 4.1)."""
        return host.package if host is not None and hypervisor == "KVM" else self.server.version

    @property
    def version_said(self) -> str:
        return self.server.version if self.server.says is None else self.server.says

    def does(self, behaviour: Behaviour) -> bool:
        """Whether a server of this version behaves so."""
        return within(self.server.version, behaviour.spans)

    def knows(self, spans: str | None) -> bool:
        """Whether the server is of one of these versions."""
        return spans is None or within(self.server.version, spans)

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
            if entity.state == EXPUNGING and entity not in self.expunging:
                self.expunging.append(entity)
                if isinstance(entity, Router):
                    self._leave(entity)

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
            if entity in self.expunging:
                self.expunging.remove(entity)
        if isinstance(entity, Router):
            self._leave(entity)

    def _leave(self, router: Router) -> None:
        """It is a member of its network or VPC no longer."""
        for group in filter(None, (router.network, router.vpc)):
            if router in group.routers:
                group.routers.remove(router)
        if router.network is not None and router in router.network.ilbs:
            router.network.ilbs.remove(router)
        self._note_unit(router)

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
        self.state_changed(vm)
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
