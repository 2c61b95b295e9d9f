# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done to each unit, and why: facts + matrix + exceptions + strategy -> one verdict per unit. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Cloud
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    Unit,
    Vm,
    is_healthy_pair,
    pair_states,
    vm_names,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge import matrix
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.releases import release_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    ROUTER_PROVIDERS,
    Kind,
    Method,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import (
    Strategy,
    Unsupported,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.checksums import of_other_release
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.known_defects import (
    FILES_FROM_HOST,
    Effect,
    met_by,
    oldest_agents,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.templates import (
    NewTemplate,
    Templates,
    new_templates,
)

# Hypervisors whose agent code does not know PatchSystemVmCommand.
NO_LIVE_PATCH_HYPERVISORS = frozenset({"Hyperv", "LXC", "Ovm", "Ovm3", "BareMetal", "External"})
# Why an orphan is touched by no method, and what to do about it.
ORPHANED = "the server says that its network or VPC does not exist"
LOOK_AT_IT = "look at it before anything else: what it serves, and for whom"
SETTLING_STATES = frozenset({"Starting", "Stopping", "Migrating"})


@dataclass(frozen=True)
class Verdict:
    """What happens to one unit.

    :ivar forbidden: VMs the matrix forbids to live patch and nothing else may be done to: they fail the plan.
    """

    method: Method
    reason: str
    forbidden: tuple[tuple[Vm, str], ...] = field(default=())


@dataclass(frozen=True)
class Baseline:
    """What a verdict needs beyond the unit: the target, what other routers tell, what new VMs would be made of."""

    target: Version
    old_scripts: frozenset[str] = frozenset()  # checksums of routers that run older software
    new_scripts: frozenset[str] = frozenset()  # checksums of routers known good
    odd: frozenset[tuple[str, str]] = frozenset()  # id and checksum of routers that claim the target with other scripts
    templates: Templates = field(default_factory=dict)
    disabled_zones: frozenset[str] = frozenset()
    minimums: Mapping[str, Version] = field(default_factory=dict)  # zone id -> minreq.sysvmtemplate.version
    agents: Mapping[str, Version] = field(default_factory=dict)  # of each zone the oldest that delivers files

    @classmethod
    def of(
        cls,
        target: Version,
        vms: Iterable[Vm],
        templates: Templates | None = None,
        disabled_zones: frozenset[str] = frozenset(),
    ) -> Baseline:
        """Sort the checksums by whom most of their owners are: routers behind the target or routers at it."""
        known = [vm for vm in vms if vm.scripts and vm.software]
        misfits = of_other_release(known)
        listing = [vm for vm in known if vm.id not in misfits]
        behind = Counter(str(vm.scripts) for vm in listing if vm.software != target)
        at_target = Counter(str(vm.scripts) for vm in listing if vm.software == target)
        old = frozenset(scripts for scripts, count in behind.items() if count >= at_target[scripts])
        current = [vm for vm in listing if vm.software == target and vm.scripts not in old]
        unpatched = [vm for vm in known if vm.id in misfits and vm.software == target]
        odd = frozenset((vm.id, str(vm.scripts)) for vm in (*odd_ones(current), *unpatched))
        new = frozenset(str(vm.scripts) for vm in current if (vm.id, vm.scripts) not in odd)
        return cls(target, old, new, odd, templates or {}, disabled_zones)

    @classmethod
    def of_cloud(cls, target: Version, cloud: Cloud) -> Baseline:
        """With all that is known of the cloud."""
        disabled = frozenset(zone.id for zone in cloud.zones if not zone.enabled)
        minimums = {zone.id: zone.minimum_version for zone in cloud.zones if zone.minimum_version}
        baseline = cls.of(target, cloud.vms, new_templates(cloud), disabled)
        return replace(baseline, minimums=minimums, agents=oldest_agents(cloud))

    @property
    def template_versions(self) -> frozenset[Version]:
        """Of the template that belongs to the target; a maintenance release may go without one of its own."""
        release = release_of(self.target)
        own = release.template(self.target) if release else None
        return frozenset({self.target, own} if own else {self.target})

    def has_wrong_scripts(self, vm: Vm) -> bool:
        """Whether what runs in a router contradicts the version it claims."""
        return vm.scripts in self.old_scripts or (vm.id, vm.scripts) in self.odd

    def left_old_scripts(self, before: Vm | None, after: Vm) -> bool:
        """Whether the server still has the checksum of older scripts for a router that now reports the target.

        One that changed is believed, unless routers with older software have it, and so is one that is not told: where
        nobody else is at the target, nothing contradicts it. A restart that applies rules, which disturbs nobody, shows
        whether the server takes it; another patch for a guess would restart the router's services.

        :param before: the router before anything was done to it; None of a new one.
        """
        if after.scripts is None or after.scripts in self.new_scripts:
            return False
        was_behind = before is not None and (before.software != self.target or not before.running)
        unchanged = before is not None and after.scripts == before.scripts
        return after.scripts in self.old_scripts or (was_behind and unchanged)

    def wants_second_patch(self, before: Iterable[Vm], after: Iterable[Vm]) -> bool:
        """Whether a live patch put the target into all of a unit's routers and left old checksums with the server.

        A further one cures that, as each reads in the VM what the one before has left.
        """
        old = {vm.id: vm for vm in before}
        now = list(after)
        return all(vm.is_router and vm.running and vm.software == self.target for vm in now) and any(
            self.left_old_scripts(old.get(vm.id), vm) for vm in now
        )

    def second_patch(self, unit: Unit) -> tuple[str, ...]:
        """The known defects, by id, for which a live patch may leave the old checksums of a unit's routers."""
        met = met_by(unit, Method.LIVE_PATCH, self.target, agent=self.agents.get(unit.zone_id))
        return tuple(defect.id for defect in met if defect.effect is Effect.SECOND_PATCH)

    def expects_two_patches(self, unit: Unit) -> bool:
        """Whether a second live patch is expected after the first one.

        Not where all of its routers report the target: a first patch has been there, and the next one stores what that
        one has left.
        """
        behind = any(vm.software != self.target for vm in unit.without(unit.surplus).vms)
        return behind and bool(self.second_patch(unit))

    def template(self, vm: Vm) -> NewTemplate | None:
        """What a new VM in its place would be made from, on its hypervisor."""
        return self.templates.get((vm.zone_id, vm.hypervisor, vm.is_router))


def odd_ones(vms: Sequence[Vm]) -> list[Vm]:
    """Of routers that claim one version, those with other scripts than most of their hypervisor.

    Where the files come from the host, what all of several routers on it have is what it delivers: a host of another
    distribution has a package of its own. Where no checksum has the majority, nobody can tell.
    """
    of_host: dict[str | None, list[str | None]] = {}  # of a running VM the host is known
    of_hypervisor: dict[str | None, Counter[str | None]] = {}
    for vm in vms:
        of_host.setdefault(vm.host_id, []).append(vm.scripts)
        of_hypervisor.setdefault(vm.hypervisor, Counter())[vm.scripts] += 1

    def is_odd(vm: Vm) -> bool:
        on_host, counts = of_host[vm.host_id], of_hypervisor[vm.hypervisor]
        delivered = vm.hypervisor in FILES_FROM_HOST and len(on_host) > 1 and len(set(on_host)) == 1
        return not delivered and counts[vm.scripts] < max(counts.values())

    return [vm for vm in vms if is_odd(vm)]


def is_current(vm: Vm, baseline: Baseline) -> bool:
    """Whether the server's own report proves that this VM runs the target software.

    A router whose checksum equals that of a router with older software, or is not that of the others at the target, was
    not patched, whatever C(softwareversion) claims. An agent's version counts only while the agent is connected. The
    software version of an internal LB VM means nothing: old releases wrote it when they patched one with its tier, and
    it stays for ever; there the template or the checksum must be the new one.
    """
    if not vm.running:
        return False
    if not vm.is_router:
        return vm.agent_state == "Up" and vm.software == baseline.target
    if vm.internal_lb:
        from_new = vm.built_from is not None and vm.built_from in baseline.template_versions
        return vm.scripts not in baseline.old_scripts and (from_new or vm.scripts in baseline.new_scripts)
    return vm.software == baseline.target and not baseline.has_wrong_scripts(vm)


def decide(unit: Unit, baseline: Baseline, strategy: Strategy | None = None) -> Verdict:
    """The verdict for one unit."""
    if not matrix.server_can_live_patch(baseline.target):
        return _read_only(unit, baseline)
    strategy = strategy or Strategy()
    behind = [vm for vm in unit.vms if not is_current(vm, baseline)]
    extra = _extra_routers(unit)
    instead = _avoided(unit, Method.RECREATE, baseline) if strategy.method is WantedMethod.RECREATE else None
    if strategy.method is WantedMethod.RECREATE and not (instead and behind):
        template = baseline.template(unit.vms[0])
        old = [vm for vm in unit.vms if vm in behind or (template and template.carries(vm) is False)]
        if not old and not extra and unit.owed and _untouchable(unit) is None:
            return Verdict(Method.RESTART, _owed_reason(unit))
        if not old and not extra:
            return Verdict(Method.NONE, f"already runs {baseline.target} on {template.name if template else 'it'}")
        return _recreate(unit, baseline, strategy, extra or f"wanted: {_from(old)}")
    if not behind and not extra and unit.owed and _untouchable(unit) is None:
        return Verdict(Method.RESTART, _owed_reason(unit))
    if not behind and not extra:
        return Verdict(Method.NONE, f"already runs {baseline.target}")
    settling = _untouchable(unit)
    if settling:
        return Verdict(Method.SKIP, settling)
    surplus = unit.surplus
    behind = [vm for vm in behind if vm not in surplus]
    forbidden = _forbidden(behind, baseline.target)
    if forbidden:
        why = "; ".join(why for dummy, why in forbidden)
        if strategy.unsupported is Unsupported.RECREATE:
            return _recreate(unit, baseline, strategy, why)
        return Verdict(Method.SKIP, f"{why}; recreate it from the new template", forbidden)
    if unit.kind is Kind.INTERNAL_LB:
        return Verdict(Method.RESTART, "no API live patches an internal LB VM; stopping and starting it does")
    silent = [vm for vm in behind if not vm.is_router and vm.running and vm.agent_state != "Up"]
    if silent:
        return Verdict(
            Method.SKIP,
            f"its agent is {silent[0].agent_state or 'not connected'}, so nothing could be proven; bring the agent Up, "
            "or recreate it with sysvm_method: recreate",
        )
    reason = (None if surplus else extra) or _not_live_patchable(unit, baseline)
    if reason:
        if strategy.method is WantedMethod.LIVE_PATCH:
            return Verdict(Method.SKIP, f"{reason}; recreate it from the new template")
        return _recreate(unit, baseline, strategy, reason)
    stopped = [vm for vm in behind if not vm.running]
    if stopped and len(stopped) == len(unit.vms):
        return Verdict(
            Method.RESTART,
            f"{vm_names(stopped)} {_is(stopped)} {stopped[0].state}; a restart of the network starts it with the "
            f"software {baseline.target}",
        )
    left_over = f"{extra}: {vm_names(surplus)}, left over from a recreation that failed, will be destroyed"
    parts = [f"not recreated: {instead}"] * bool(instead) + [left_over] * bool(surplus)
    parts += _live_patch_reasons(behind, stopped, baseline)
    if baseline.expects_two_patches(unit):
        defects = ", ".join(baseline.second_patch(unit))
        parts.append(f"two live patches are expected (known defect {defects} of this server)")
    return Verdict(Method.LIVE_PATCH, "; ".join(parts))


def _read_only(unit: Unit, baseline: Baseline) -> Verdict:
    """What an old server tells: of a router only its template, which has to be the minimum at least."""

    def is_old(vm: Vm) -> bool:
        if not vm.is_router:
            return vm.software != baseline.target
        minimum = baseline.minimums.get(vm.zone_id)
        return vm.built_from is None or minimum is None or vm.built_from < minimum

    old = [vm for vm in unit.vms if not vm.running or is_old(vm)]
    if not old:
        return Verdict(Method.NONE, f"is not older than {baseline.target} wants")
    return Verdict(Method.SKIP, f"{_from(old)}; {matrix.TOO_OLD}")


def degraded(unit: Unit) -> str | None:
    """Why taking down one router of the unit may take down the only one that works; None where it would not."""
    if not unit.elects or not any(vm.running for vm in unit.vms) or is_healthy_pair(unit.vms):
        return None
    return (
        f"the pair is not one PRIMARY and one BACKUP ({pair_states(unit.vms)}), so this may take down the only working "
        "router; repair the pair first, or allow it with sysvm_allow_degraded"
    )


def _owed_reason(unit: Unit) -> str:
    """Which networks need their rules applied again, and why."""
    names = {unit.id: unit.name, **{tier.id: tier.name for tier in unit.tiers}}
    reasons: dict[str, list[str]] = {}
    for owed in unit.owed:
        reasons.setdefault(owed.why, []).append(names.get(owed.network_id, owed.network_id))
    listing = "; ".join(f"{', '.join(of)}: {why}" for why, of in reasons.items())
    return f"the rules have to be applied again ({listing})"


def _recreate(unit: Unit, baseline: Baseline, strategy: Strategy, why: str) -> Verdict:
    """Recreation, unless something speaks against it that only the operator can change."""
    blocker = _untouchable(unit) or _avoided(unit, Method.RECREATE, baseline)
    if blocker is None and unit.zone_id in baseline.disabled_zones:
        blocker = f"zone {unit.zone} is disabled, so nothing new would be deployed there; enable the zone first"
    if blocker is None and not strategy.allow_degraded:
        blocker = degraded(unit)
    if blocker:
        return Verdict(Method.SKIP, f"{why}; {blocker}")
    if unit.per_pod:
        # A restart with cleanup may leave a pod without its router.
        return Verdict(Method.RESTART, f"{why}; in a Basic zone the router of each pod is rebooted onto a new disk")
    return Verdict(Method.RECREATE, why)


def _untouchable(unit: Unit) -> str | None:
    """Why no method may touch this unit now."""
    if unit.doubts:
        return f"the server's lists contradict each other: {'; '.join(unit.doubts)}"
    settling = [vm for vm in unit.vms if vm.state in SETTLING_STATES]
    if settling:
        return f"{vm_names(settling)} {_is(settling)} {settling[0].state}; run again when it has settled"
    if unit.kind is Kind.ORPHAN:
        return f"{ORPHANED}; {LOOK_AT_IT}"
    if unit.network and not unit.network.restartable:
        return (
            f"the network is {unit.network.state}, only Implemented and Setup can be restarted; its router takes the "
            "new software when the network is used again"
        )
    if unit.network and unit.network.broadcast == "Lswitch":
        return "it is an SDN network (Lswitch), which cannot be restarted"
    if unit.network and unit.network.providers and not unit.network.providers & ROUTER_PROVIDERS:
        return f"its services come from {', '.join(sorted(unit.network.providers))}, not from the virtual router"
    if unit.vpc and unit.vpc.state != "Enabled":
        return f"the VPC is {unit.vpc.state}, only an Enabled VPC can be restarted"
    return None


def _extra_routers(unit: Unit) -> str | None:
    """A rolling restart that failed leaves a router too many behind; a restart with cleanup removes it."""
    expected = 2 if unit.redundant else 1
    if unit.kind in (Kind.NETWORK, Kind.VPC) and len(unit.vms) > expected and not unit.per_pod:
        return f"it has {len(unit.vms)} routers ({vm_names(unit.vms)}) where {expected} is expected"
    return None


def _avoided(unit: Unit, method: Method, baseline: Baseline) -> str | None:
    """Why another method has to be taken, as this server or its hosts are known to fail."""
    for defect in met_by(unit, method, baseline.target, agent=baseline.agents.get(unit.zone_id)):
        if defect.effect is Effect.OTHER_METHOD:
            return f"{defect.what} (known defect {defect.id}: {defect.remedy})"
    return None


def _not_live_patchable(unit: Unit, baseline: Baseline) -> str | None:
    """Why a live patch would fail or do nothing, although recreation helps."""
    if unit.hypervisor in NO_LIVE_PATCH_HYPERVISORS:
        return f"{unit.hypervisor} does not support live patching"
    if unit.vpc and not unit.vpc.tiers:
        return "a live patch of a VPC without tiers succeeds and does nothing"
    if why := _avoided(unit, Method.LIVE_PATCH, baseline):
        return why
    broken = [vm for vm in unit.vms if vm.is_router and vm.state not in ("Running", "Stopped")]
    if broken:
        return f"{vm_names(broken)} {_is(broken)} {broken[0].state}"
    if unit.kind.is_system_vm:
        vm = unit.vms[0]
        if not vm.running:
            return f"it is {vm.state} and a live patch needs it Running"
    return None


def _forbidden(behind: list[Vm], target: Version) -> tuple[tuple[Vm, str], ...]:
    return tuple((vm, why) for vm in behind if (why := _matrix_forbids(vm, target)))


def _matrix_forbids(vm: Vm, target: Version) -> str | None:
    if vm.built_from is None:
        if not vm.running:
            return None  # nothing to live patch; whatever is done to its unit gives it a known version
        if (
            not vm.is_router
            and vm.agent_state == "Up"
            and vm.software
            and vm.software.release >= matrix.FIRST_OPENJDK_11
        ):
            return None  # its connected agent already runs on the newer OpenJDK
        return f"the version {vm.name} was built from is unknown, so it is never live patched"
    row = matrix.row_for(vm.built_from, target)
    if row is None or row.supported:
        return None  # of a server that cannot live patch at all a check says so
    return f"{vm.name} was built from {vm.built_from}: {row.comment}"


def _live_patch_reasons(behind: list[Vm], stopped: list[Vm], baseline: Baseline) -> list[str]:
    unproven = [vm for vm in behind if vm.running and vm.software == baseline.target]
    old = [vm for vm in behind if vm.running and vm.software != baseline.target]
    parts = []
    if old:
        parts.append(f"runs {', '.join(sorted({_runs(vm) for vm in old}))}")
    if unproven:
        parts.append(
            f"{vm_names(unproven)} claims {baseline.target} but has other scripts than the routers that run it"
        )
    if stopped:
        parts.append(f"{vm_names(stopped)} {_is(stopped)} {stopped[0].state} and will be started")
    rows = [matrix.row_for(vm.built_from, baseline.target) for vm in behind if vm.built_from]
    notes = {row.comment for row in rows if row} - {""}
    return [*parts, *sorted(notes)]


def _from(vms: Iterable[Vm]) -> str:
    return ", ".join(
        f"{vm.name} was built from {vm.built_from or vm.root_template or 'an unknown version'}" for vm in vms
    )


def _runs(vm: Vm) -> str:
    """Servers before 4.17 kept no software version of a router."""
    return str(vm.software) if vm.software else f"an unknown version (built from {vm.built_from})"


def _is(vms: list[Vm]) -> str:
    return "is" if len(vms) == 1 else "are"
