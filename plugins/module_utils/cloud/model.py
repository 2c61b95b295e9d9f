# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is out there: immutable facts about system VMs, routers and what they belong to.

Only fields that can be trusted are kept under a plain name (see each comment): C(templateid), C(templatename) and
C(requiresupgrade) of a VM are not evidence of anything after a management server upgrade.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from ..knowledge.shapes import OwnerData, RestartData, VmFacts
from ..knowledge.versions import Version, parse_version
from ..knowledge.vocabulary import ROUTER_PROVIDERS, Kind

# What a job works on of which the server does not tell what it is.
SOME_NETWORK = "some network or VPC"
SOME_INTERNAL_LB = "some internal LB VM"
SOME_VM = "some VM of CloudStack's own"

RESTARTABLE_NETWORK_STATES = frozenset({"Implemented", "Setup"})  # restartNetwork refuses the others with 431


@dataclass(frozen=True)
class Owner:
    """Who to tell: account or project, and the domain.

    :ivar domain: its path, such as ROOT/customers; only its own name where the server does not tell the path.
    :ivar domain_id: what tells two domains of one name apart there.
    """

    account: str | None = None
    domain: str | None = None
    project: str | None = None
    domain_id: str | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Owner:
        path = item.get("domainpath")
        domain = domain_path(path) if path else item.get("domain")
        return cls(item.get("account"), domain, item.get("project"), item.get("domainid"))

    def as_dict(self) -> OwnerData:
        return {"account": self.account, "domain": self.domain, "project": self.project}


def domain_path(path: str) -> str:
    """A domain's path in the one form of the newest releases: C(ROOT/a/b), where some say C(/a/b/) and C(/) is ROOT."""
    names = [name for name in path.split("/") if name]
    return "/".join(names if names[:1] == ["ROOT"] and not path.startswith("/") else ["ROOT", *names])


@dataclass(frozen=True)
class Vm:
    """One system VM, router or internal LB VM as the server reports it."""

    id: str
    name: str
    zone_id: str
    zone: str
    state: str
    built_from: Version | None  # routers: version inside the VM; system VMs: version in the ROOT volume's template name
    software: Version | None  # routers: softwareversion (what the server believes); system VMs: the agent's version
    systemvmtype: Kind | None = None  # SSVM or CPVM; None of a router
    scripts: str | None = None  # routers only: checksum read inside the VM
    agent_state: str | None = None  # system VMs only
    hypervisor: str | None = None
    host_id: str | None = None
    host: str | None = None
    redundant: bool = False
    redundant_state: str | None = None
    root_template_id: str | None = None  # of the ROOT volume: what really runs
    root_template: str | None = None
    next_template_id: str | None = None  # templateid of the VM: what a start with a new disk would take
    network_id: str | None = None
    vpc_id: str | None = None
    internal_lb: bool = False
    sessions: int = 0  # CPVM: active console sessions
    offering_id: str | None = None
    created: str | None = None
    addresses: tuple[str, ...] = ()
    public_address: str | None = None  # system VMs only
    gateway: str | None = None  # routers: of their public network
    public: bool | None = None  # routers: whether it has a public network; None where its NICs are not listed
    owner: Owner = field(default_factory=Owner)

    @property
    def running(self) -> bool:
        return self.state == "Running"

    @property
    def is_router(self) -> bool:
        return self.systemvmtype is None

    def facts(self) -> VmFacts:
        """What C(before) and C(after) show of this VM: plain data, only what applies to its kind."""
        facts: VmFacts = {
            "state": self.state,
            "software_version": str(self.software) if self.software else None,
            "template_version": str(self.built_from) if self.built_from else None,
            "host": self.host,
        }
        if self.is_router:
            facts["scripts_version"] = self.scripts
            facts["redundant_state"] = self.redundant_state if self.redundant else None
        else:
            facts["agent_state"] = self.agent_state
            facts["template"] = self.root_template
        return facts


@dataclass(frozen=True)
class Network:
    """A guest network.

    :ivar providers: who gives it its services; C(VirtualRouter) and C(VpcVirtualRouter) are CloudStack's own routers.
    :ivar balanced: whether such a router balances load for it, by its offering.
    :ivar has_load_balancer: whether it has a load balancer rule.
    :ivar restart_required: whether the server wants it to be restarted.
    :ivar zone: the name of its zone.
    """

    id: str
    name: str
    zone_id: str
    type: str
    state: str
    redundant: bool
    vpc_id: str | None
    broadcast: str | None
    providers: frozenset[str]
    tags: tuple[str, ...]
    owner: Owner
    balanced: bool = False
    has_load_balancer: bool = False
    restart_required: bool = False
    zone: str = ""

    @property
    def wants_router(self) -> bool:
        """Whether it has a router whenever it is in use: a shared one gets it with its first instance only."""
        return self.type == "Isolated" and self.state == "Implemented" and self.routed

    @property
    def restartable(self) -> bool:
        return self.state in RESTARTABLE_NETWORK_STATES

    @property
    def changing(self) -> bool:
        """Whether another state follows by itself, mostly within a minute."""
        return self.state in ("Implementing", "Shutdown")

    @property
    def unused(self) -> bool:
        """Whether it needs no router before somebody uses it again."""
        return not self.restartable and not self.changing

    @property
    def routed(self) -> bool:
        """Whether any service of it comes from a router of CloudStack's."""
        return bool(self.providers & ROUTER_PROVIDERS)


@dataclass(frozen=True)
class Vpc:
    """A VPC.

    :ivar tier_ids: the tiers that listVPCs names; C(tiers) are those that listNetworks shows.
    """

    id: str
    name: str
    zone_id: str
    state: str
    redundant: bool
    tags: tuple[str, ...]
    owner: Owner
    tiers: tuple[Network, ...] = ()
    tier_ids: tuple[str, ...] = ()
    restart_required: bool = False
    zone: str = ""

    @property
    def wants_router(self) -> bool:
        """Whether it has a router for sure: one that was made without being started gets it with its first tier."""
        return self.state == "Enabled" and any(tier.state == "Implemented" and tier.routed for tier in self.tiers)


@dataclass(frozen=True)
class Owed:
    """A network whose rules have to be applied again, as its last restart is not known to have succeeded.

    :ivar since: a restart that began then or later, by the server's clock in epoch seconds, and succeeded settles it.
    """

    network_id: str
    why: str
    since: float


@dataclass(frozen=True)
class Restart:
    """One restart of a network, and how it ended.

    :ivar job_id: empty where it is not known to have been sent by this collection.
    :ivar created: when it began, by the server's clock.
    :ivar why: of one that failed, what is known of that.
    """

    network_id: str
    job_id: str
    created: str
    succeeded: bool
    why: str = ""

    def as_dict(self) -> RestartData:
        return cast(RestartData, asdict(self))


@dataclass(frozen=True)
class Unit:
    """What one action upgrades: one system VM, one network with its routers, one VPC with its routers and tiers."""

    id: str
    name: str
    kind: Kind
    zone_id: str
    zone: str
    owner: Owner
    vms: tuple[Vm, ...]
    network: Network | None = None
    vpc: Vpc | None = None
    doubts: tuple[str, ...] = ()  # what the server's lists contradict each other in, about it
    owed: tuple[Owed, ...] = ()  # networks whose rules have to be applied again
    restarts: tuple[Restart, ...] = ()  # the last of its networks, as far as their ends are known
    per_pod: bool = False  # a network of a Basic zone: a router in each pod instead of one
    sensitive_services: tuple[str, ...] = ()  # what makes an interruption hurt more, in words

    @cached_property
    def hypervisor(self) -> str | None:
        """The hypervisor all its VMs share; of a stopped VM the server does not tell it."""
        return next((vm.hypervisor for vm in self.vms if vm.hypervisor), None)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({vm.host for vm in self.vms if vm.host}))

    @cached_property
    def host_ids(self) -> tuple[str, ...]:
        return tuple(sorted({vm.host_id for vm in self.vms if vm.host_id}))

    @cached_property
    def redundant(self) -> bool:
        """Whether this is meant to be a pair, by its offering or by what runs."""
        if self.kind not in (Kind.NETWORK, Kind.VPC):
            return False
        declared = (self.network is not None and self.network.redundant) or (
            self.vpc is not None and self.vpc.redundant
        )
        return declared or any(vm.redundant for vm in self.vms)

    @cached_property
    def dhcp_only(self) -> bool:
        """Whether its routers give a network DHCP, DNS and user data, and route nothing (type dhcpsrvr).

        Those are the routers without a public network, of no VPC (VirtualNetworkApplianceManagerImpl).
        """
        if self.network is None:
            return False
        known = [vm.public for vm in self.vms if vm.public is not None]
        return not any(known) if known else self.network.type == "Shared"

    @cached_property
    def tiers(self) -> tuple[Network, ...]:
        """The tiers a restart may be sent to, the one to live patch through first.

        That is one whose services come from the VPC's router, with load balancing before others: its restart sends the
        router something to do, which makes it process all rules again.
        """
        tiers = [tier for tier in self.vpc.tiers if tier.restartable] if self.vpc else []
        return tuple(sorted(tiers, key=lambda tier: (not tier.routed, not tier.balanced, tier.name, tier.id)))

    @cached_property
    def network_ids(self) -> tuple[str, ...]:
        """The networks whose rules its routers hold, as far as they can be restarted."""
        if self.kind is Kind.INTERNAL_LB:
            return (self.network.id,) if self.network else tuple(vm.network_id for vm in self.vms if vm.network_id)
        if self.network:
            return (self.network.id,) if self.network.restartable else ()
        return tuple(tier.id for tier in self.tiers)

    @property
    def elects(self) -> bool:
        """Whether its routers elect a PRIMARY; those of a VPC without tiers have nothing to elect over."""
        return self.redundant and (self.vpc is None or bool(self.tiers))

    @cached_property
    def surplus(self) -> tuple[Vm, ...]:
        """Stopped routers beside as many running ones as there should be: left over from a recreation that failed."""
        if self.kind not in (Kind.NETWORK, Kind.VPC) or self.per_pod:
            return ()
        running = [vm for vm in self.vms if vm.running]
        stopped = tuple(vm for vm in self.vms if vm.state == "Stopped")
        complete = len(running) == (2 if self.redundant else 1) and len(running) + len(stopped) == len(self.vms)
        return stopped if complete else ()

    def without(self, vms: Iterable[Vm]) -> Unit:
        """The unit as it is when these are gone."""
        gone = {vm.id for vm in vms}
        return self if not gone else replace(self, vms=tuple(vm for vm in self.vms if vm.id not in gone))

    @property
    def label(self) -> str:
        """How a person calls it."""
        return f"{self.kind.words} {self.name}"

    @property
    def label_in_zone(self) -> str:
        """The same where zones may have namesakes."""
        return f"{self.label} in {self.zone}"

    def resource_ids(self) -> frozenset[str]:
        """Every id by which a job or an event may speak of this unit."""
        ids = {self.id, SOME_VM, *(vm.id for vm in self.vms)}
        if self.kind is Kind.INTERNAL_LB:
            ids.add(SOME_INTERNAL_LB)
        if self.kind in (Kind.NETWORK, Kind.VPC, Kind.INTERNAL_LB):
            ids.add(SOME_NETWORK)
        if self.network:  # a restart of the network of an internal LB VM, or of its VPC, makes that anew
            ids |= {self.network.id, self.network.vpc_id or self.id}
        if self.vpc:
            ids.update(tier.id for tier in self.vpc.tiers)
        return frozenset(ids)


def vm_names(vms: Iterable[Vm]) -> str:
    """Of VMs, for a person."""
    return ", ".join(vm.name for vm in vms)


def pair_states(vms: Iterable[Vm]) -> str:
    """What each half of a pair is, in words."""
    return ", ".join(f"{vm.name} {vm.state} {vm.redundant_state}" for vm in vms)


def is_healthy_pair(vms: Iterable[Vm]) -> bool:
    """One PRIMARY and one BACKUP, both Running, and nothing else."""
    vms = list(vms)
    return all(vm.running for vm in vms) and sorted(str(vm.redundant_state) for vm in vms) == ["BACKUP", "PRIMARY"]


def version_of(item: Mapping[str, Any], key: str) -> Version | None:
    return parse_version(item.get(key))
