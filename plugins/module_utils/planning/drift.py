# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which software and which scripts run where, and which routers have others than they should. Pure.

What runs in a router is told by the checksum of its scripts, which is read inside; C(softwareversion) is what the
server believes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..cloud.infrastructure import Cloud
from ..cloud.model import Vm
from ..knowledge.drift_shapes import AgentsData, DriftData, OddData, RunningData
from ..knowledge.versions import Version
from ..units.baseline import Baseline, odd_ones
from ..units.checksums import digest, of_other_release

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Running:
    """Running VMs of one zone, hypervisor and group of kinds that are alike.

    :ivar group: C(ssvm), C(cpvm) or C(router).
    :ivar software: of a system VM its agent's version.
    :ivar scripts: the checksum; None of system VMs, of which the server tells none.
    :ivar hosts: how many of them each host has, by its name.
    """

    zone: str
    hypervisor: str
    group: str
    software: str
    scripts: str | None
    hosts: Mapping[str, int]

    @property
    def count(self) -> int:
        return sum(self.hosts.values())

    def as_dict(self) -> RunningData:
        return {
            "zone": self.zone,
            "hypervisor": self.hypervisor,
            "group": self.group,
            "software": self.software,
            "scripts": self.scripts,
            "digest": digest(self.scripts),
            "count": self.count,
            "hosts": dict(self.hosts),
        }


@dataclass(frozen=True)
class Agents:
    """KVM hosts of one zone with one version of the agent, which delivers the scripts."""

    zone: str
    version: str
    hosts: tuple[str, ...]

    def as_dict(self) -> AgentsData:
        return {"zone": self.zone, "version": self.version, "count": len(self.hosts), "hosts": list(self.hosts)}


@dataclass(frozen=True)
class Odd:
    """A router whose scripts contradict the version that it claims."""

    vm: Vm
    why: str

    def as_dict(self) -> OddData:
        return {
            "id": self.vm.id,
            "name": self.vm.name,
            "zone": self.vm.zone,
            "hypervisor": self.vm.hypervisor,
            "host": self.vm.host,
            "software": str(self.vm.software),
            "scripts": self.vm.scripts,
            "digest": digest(self.vm.scripts),
            "why": self.why,
        }


@dataclass(frozen=True)
class Drift:
    """
    :ivar not_running: how many VMs do not run; what they will run is told when they do.
    """

    running: tuple[Running, ...]
    odd: tuple[Odd, ...]
    agents: tuple[Agents, ...]
    not_running: int

    def as_dict(self) -> DriftData:
        return {
            "running": [each.as_dict() for each in self.running],
            "odd": [each.as_dict() for each in self.odd],
            "agents": [each.as_dict() for each in self.agents],
            "not_running": self.not_running,
        }


def drift(cloud: Cloud, baseline: Baseline | None) -> Drift:
    """
    :param baseline: what verdicts compare with; None while the management servers have no single version.
    """
    running = [vm for vm in cloud.vms if vm.running]
    return Drift(
        tuple(_alike(running)),
        tuple(sorted(_odd(running, baseline), key=lambda odd: (odd.vm.zone, odd.vm.name, odd.vm.id))),
        tuple(_agents(cloud)),
        len(cloud.vms) - len(running),
    )


def _alike(vms: Iterable[Vm]) -> Iterator[Running]:
    """By zone and hypervisor, the newest software first, within it the most frequent scripts."""
    groups: dict[tuple[str, str, str, Version | None, str | None], Counter[str]] = {}
    for vm in vms:
        group = vm.systemvmtype.group if vm.systemvmtype else "router"
        key = (vm.zone, vm.hypervisor or UNKNOWN, group, vm.software, vm.scripts)
        groups.setdefault(key, Counter())[vm.host or UNKNOWN] += 1

    def place(item: tuple[tuple[str, str, str, Version | None, str | None], Counter[str]]) -> tuple[Any, ...]:
        (zone, hypervisor, group, software, scripts), hosts = item
        newest_first = [-number for number in software.numbers] if software else [1]
        return zone, hypervisor, group != "router", group, newest_first, -hosts.total(), scripts or ""

    for (zone, hypervisor, group, software, scripts), hosts in sorted(groups.items(), key=place):
        listing = str(software) if software else UNKNOWN
        yield Running(zone, hypervisor, group, listing, scripts, dict(sorted(hosts.items())))


def _odd(vms: Iterable[Vm], baseline: Baseline | None) -> Iterator[Odd]:
    """The first reason that holds of each. What is wrong for another one does not count as its version's."""
    vms = list(vms)
    misfits = of_other_release(vms)
    alike: dict[tuple[Version, str | None], list[Vm]] = {}
    for vm in vms:
        if not vm.scripts or not vm.software:
            continue
        why = misfits.get(vm.id) or _of_older_software(vm, baseline)
        if why:
            yield Odd(vm, why)
        else:
            alike.setdefault((vm.software, digest(vm.scripts)), []).append(vm)
    for (software, dummy), claiming in alike.items():
        for vm in odd_ones(claiming):
            most = f"most {vm.hypervisor or 'other'} routers that claim {software}"
            yield Odd(vm, f"it claims {software}, but its scripts are not those of {most}")


def _of_older_software(vm: Vm, baseline: Baseline | None) -> str | None:
    if baseline and vm.software == baseline.target and vm.scripts in baseline.old_scripts:
        return f"it claims {baseline.target}, but has the scripts of routers that run older software"
    return None


def _agents(cloud: Cloud) -> Iterator[Agents]:
    found: dict[tuple[str, Version | None], list[str]] = {}
    for host in cloud.hosts:
        if host.hypervisor == "KVM":
            zone = cloud.zone(host.zone_id)
            found.setdefault((zone.name if zone else UNKNOWN, host.version), []).append(host.name)
    for (zone_name, version), names in sorted(found.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        yield Agents(zone_name, str(version) if version else UNKNOWN, tuple(sorted(names)))
