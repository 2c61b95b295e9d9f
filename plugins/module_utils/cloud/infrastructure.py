# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the units live on: zones, hosts, templates, storage, settings; and all of it together, the cloud."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..knowledge.versions import Version
from .model import Unit, Vm


class NotReadError(LookupError):
    """A setting that was asked for without having been read: a mistake of the caller, not of the cloud."""


@dataclass(frozen=True)
class Settings:
    """Settings that matter for an upgrade.

    :ivar values: what the server said; a name that it does not know is absent.
    :ivar asked: the names that were read. What nobody read has no default: a check would call it right.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()

    def text(self, name: str, default: str = "") -> str:
        """
        :raises NotReadError: when it was not read.
        """
        if name not in self.asked and name not in self.values:
            raise NotReadError(name)
        return self.values.get(name) or default

    def number(self, name: str, default: float) -> float:
        try:
            return float(self.text(name) or default)
        except ValueError:
            return default

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name)
        return value.lower() == "true" if value else default


@dataclass(frozen=True)
class Zone:
    id: str
    name: str
    enabled: bool
    basic: bool = False  # its networks have a router in each pod
    edge: bool = False  # an edge zone has no system VMs
    settings: Settings = field(default_factory=Settings)  # as valid in this zone
    minimum_version: Version | None = None  # minreq.sysvmtemplate.version as valid in this zone
    # hypervisor in lower case -> router.template.<hypervisor> as valid in this zone
    router_templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    id: str
    name: str
    zone_id: str
    hypervisor: str | None
    version: Version | None  # of the agent
    state: str
    resource_state: str | None
    arch: str | None = None  # since 4.20
    cluster_id: str | None = None
    pod_id: str | None = None
    tags: frozenset[str] | None = frozenset()  # None: a rule, which only the server can apply

    @property
    def usable(self) -> bool:
        return self.state == "Up" and self.resource_state == "Enabled"

    @property
    def connects(self) -> bool:
        """Whether its agent is on its way, as after a restart of the server; one that stays away is Alert or Down."""
        return self.state in ("Disconnected", "Connecting", "Rebalancing")

    @property
    def trouble(self) -> str:
        """Why nothing is sent to a VM on it, in a word; empty where nothing speaks against it.

        While a maintenance is prepared its VMs are being migrated.
        """
        if self.state != "Up":
            return self.state
        return str(self.resource_state) if "Maintenance" in str(self.resource_state) else ""


@dataclass(frozen=True)
class Template:
    """One system VM template in one zone; I(type) is SYSTEM or ROUTING."""

    id: str
    name: str
    zone_id: str
    hypervisor: str | None
    ready: bool
    arch: str | None
    created: str | None
    type: str = "SYSTEM"


@dataclass(frozen=True)
class Capacity:
    """One resource of a zone (listCapacity): memory in bytes, addresses in pieces."""

    zone_id: str
    name: str  # the server's name, such as MEMORY, VIRTUAL_NETWORK_PUBLIC_IP, PRIVATE_IP
    free: int


STORE_THRESHOLD = 0.9  # the default of secondary.storage.capacity.threshold


@dataclass(frozen=True)
class ImageStore:
    """Secondary storage (listImageStores); sizes in bytes, 0 where the server does not tell them."""

    name: str
    zone_id: str | None  # None of one for all zones
    read_only: bool
    total: int = 0
    used: int = 0
    protocol: str = "nfs"

    def is_full(self, threshold: float = STORE_THRESHOLD) -> bool:
        """Whether it is used to this part or more; not where the server tells no sizes."""
        return bool(self.total) and self.used >= threshold * self.total


@dataclass(frozen=True)
class Offering:
    """A system offering (listServiceOfferings).

    :ivar memory_mib: 0 where it is not known.
    :ivar stock: whether it is one that the server brought for routers and the like.
    :ivar host_tags: what a host must have, all of them; storage_tags: what a storage pool must have.
    """

    name: str = ""
    memory_mib: int = 0
    stock: bool = False
    host_tags: frozenset[str] = frozenset()
    storage_tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StoragePool:
    """Primary storage (listStoragePools)."""

    name: str
    zone_id: str
    state: str
    scope: str  # CLUSTER, ZONE or HOST
    tags: frozenset[str] | None = frozenset()  # None: a rule, which only the server can apply

    @property
    def local(self) -> bool:
        return self.scope == "HOST"


@dataclass(frozen=True)
class ManagementServer:
    name: str
    state: str
    version: str
    parsed: Version | None

    @property
    def up(self) -> bool:
        return self.state == "Up"

    @property
    def leaving(self) -> bool:
        """Whether it prepares to shut down or to be maintained, in the words of any release."""
        return self.state.startswith(("Preparing", "ReadyTo", "ShuttingDown"))

    @property
    def takes_no_jobs(self) -> bool:
        """Whether it answers, but accepts nothing that changes something."""
        return self.leaving or self.state == "Maintenance"


@dataclass(frozen=True)
class Alert:
    """What the server alerts people to.

    :ivar sent: in seconds since the epoch, by the server's clock.
    """

    id: str
    description: str
    sent: float


@dataclass(frozen=True)
class SharedFileSystem:
    """A shared file system (listSharedFileSystems, since 4.20): a guest whose disk is made from the system VM template.

    :ivar template: what its VM's disk was made from; None where no volume tells it.
    """

    id: str
    name: str
    zone_id: str
    zone: str
    vm_id: str | None = None
    template: str | None = None


@dataclass(frozen=True)
class UnlistedVm:
    """A VM of CloudStack's own of which only the ROOT volume is shown (listVolumes listsystemvms, since 4.18)."""

    id: str
    name: str
    zone_id: str
    zone: str
    type: str  # the server's word, such as DomainRouter
    template: str | None = None  # what its disk was made from

    @property
    def elastic_lb(self) -> bool:
        """The server keeps it as a DomainRouter (LoadBalanceRuleHandler.deployELBVm); only its name tells."""
        return self.type == "ElasticLoadBalancerVm" or self.name.startswith("l-")


@dataclass(frozen=True)
class Capabilities:
    """What this account may call on this server, from listApis: command -> parameter names, in lower case."""

    commands: Mapping[str, frozenset[str]]
    everything: bool = False

    @classmethod
    def all(cls) -> Capabilities:
        """Of a server that cannot be asked yet."""
        return cls({}, everything=True)

    def has(self, command: str, parameter: str | None = None) -> bool:
        if self.everything:
            return True
        parameters = self.commands.get(command.lower())
        return parameters is not None and (parameter is None or parameter.lower() in parameters)


@dataclass(frozen=True)
class InFlight:
    """A job that runs now and the ids it may be working on (several when the server cannot tell them apart).

    :ivar fitting: those and the ids of other jobs of its kind and moment, which are over; so may it be.
    """

    job_id: str
    command: str
    created: str | None
    resource_ids: frozenset[str]
    fitting: frozenset[str] = frozenset()


class Need(enum.Enum):
    """What is read only if something of the plan asks for it."""

    CAPACITIES = "listCapacity"
    OFFERINGS = "listServiceOfferings"
    PLACES = "listClusters, listPods"
    TEMPLATES = "listTemplates"
    DOWNLOADS = "listTemplates, for downloads"
    IMAGE_STORES = "listImageStores"
    STORAGE_POOLS = "listStoragePools"


@dataclass(frozen=True)
class Cloud:
    """Everything the plan needs, read once. What follows I(in_flight) is read only as far as a plan asks for it.

    :ivar going: VMs that are being removed, or are stuck in it.
    :ivar doubts: what the server's lists contradict each other in.
    :ivar shared_file_systems: None where the account may not list them.
    :ivar offerings: system offerings by id.
    :ivar disabled_places: ids of clusters and pods that are Disabled; None where the account may not list them.
    """

    management_servers: tuple[ManagementServer, ...]
    zones: tuple[Zone, ...]
    hosts: tuple[Host, ...]
    templates: tuple[Template, ...]
    units: tuple[Unit, ...]
    doubts: tuple[str, ...] = ()
    going: tuple[Vm, ...] = ()
    shared_file_systems: tuple[SharedFileSystem, ...] | None = ()
    unlisted_vms: tuple[UnlistedVm, ...] = ()
    in_flight: tuple[InFlight, ...] = ()
    capabilities: Capabilities = field(default_factory=lambda: Capabilities({}))
    settings: Settings = field(default_factory=Settings)
    capacities: tuple[Capacity, ...] = ()
    offerings: Mapping[str, Offering] = field(default_factory=dict)
    disabled_places: frozenset[str] | None = frozenset()
    image_stores: tuple[ImageStore, ...] = ()
    storage_pools: tuple[StoragePool, ...] = ()
    transfers: tuple[str, ...] = ()  # running jobs and downloads that need an SSVM, in words

    @property
    def version(self) -> Version | None:
        """The one version of all management servers that are Up; None while they differ or none can be read."""
        return common_version(self.management_servers)

    def zone(self, zone_id: str) -> Zone | None:
        return next((zone for zone in self.zones if zone.id == zone_id), None)

    @property
    def vms(self) -> tuple[Vm, ...]:
        return tuple(vm for unit in self.units for vm in unit.vms)


def common_version(servers: Iterable[ManagementServer]) -> Version | None:
    """The one version of all that are Up, or, where none is, of those that answer; None while they differ."""
    servers = tuple(servers)
    answering = [each for each in servers if each.up] or [each for each in servers if each.takes_no_jobs]
    versions = {server.parsed for server in answering}
    return versions.pop() if len(versions) == 1 else None
