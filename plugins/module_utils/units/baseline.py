# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What units are compared with: the target, what routers tell of its scripts, what new VMs would be made of. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..cloud.infrastructure import Cloud
from ..cloud.model import Unit, Vm
from ..knowledge.releases import release_of
from ..knowledge.versions import Version
from ..knowledge.vocabulary import Method
from .checksums import of_other_release
from .known_defects import FILES_FROM_HOST, Defect, Effect, met_by, oldest_agents
from .templates import NewTemplate, Templates, new_templates


@dataclass(frozen=True)
class Baseline:
    """All of it, for all units of a run."""

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
        """Of the template that came with the target and with nothing older, so that its scripts are the target's."""
        release = release_of(self.target)
        template = release.template(self.target) if release else None
        own = template if template and template.numbers[:3] == self.target.numbers[:3] else None
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

    def got_scripts(self, before: Vm | None, after: Vm) -> bool:
        """Whether an internal LB VM has other scripts than before, which no router with older software has.

        It gets them when it starts. Where nobody else is at the target, nothing else tells.

        :param before: as above.
        """
        other = before is None or after.scripts != before.scripts
        return other and after.scripts is not None and after.scripts not in self.old_scripts

    def second_patch(self, unit: Unit) -> tuple[str, ...]:
        """The known defects, by id, for which a live patch may leave the old checksums of a unit's routers."""
        met = self.defects(unit, Method.LIVE_PATCH)
        return tuple(defect.id for defect in met if defect.effect is Effect.SECOND_PATCH)

    def defects(self, unit: Unit, method: Method) -> tuple[Defect, ...]:
        """The known defects that a unit meets when this is done to it."""
        zone = unit.zone_id
        return met_by(unit, method, self.target, self.minimums.get(zone), self.agents.get(zone))

    def avoids(self, unit: Unit, method: Method) -> str | None:
        """Why another method is taken, in words; None where none is."""
        for defect in self.defects(unit, method):
            if defect.effect is Effect.OTHER_METHOD:
                return f"{defect.what} (known defect {defect.id} of this server)"
        return None

    def expects_two_patches(self, unit: Unit) -> bool:
        """Whether a second live patch is expected after the first one.

        Not where all of its routers report the target: a first patch has been there, and the next one stores what that
        one has left.
        """
        return bool(self.second_patch(unit)) and any(
            vm.software != self.target for vm in unit.without(unit.surplus).vms
        )

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


def has_old_disk(vm: Vm, baseline: Baseline) -> bool:
    """Whether its ROOT volume is known not to be from the template that a new one would be from."""
    template = baseline.template(vm)
    return template is not None and template.carries(vm, new=False) is False
