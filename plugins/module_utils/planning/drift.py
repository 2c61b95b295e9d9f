# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which software and which scripts run where, and which routers have others than they should. Pure.

What runs in a router is told by the checksum of its scripts, which is read inside; C(softwareversion) is what the
server believes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ..cloud.infrastructure import Cloud
from ..cloud.model import Vm
from ..knowledge.drift_shapes import AgentsData, DriftData, OddData, RunningData
from ..knowledge.versions import Version
from ..units.baseline import Baseline, odd_ones
from ..units.checksums import digest, of_other_release

UNKNOWN = "unknown"


def drift(cloud: Cloud, baseline: Baseline | None) -> DriftData:
    """
    :param baseline: what verdicts compare with; None while the management servers have no single version.
    """
    running = [vm for vm in cloud.vms if vm.running]
    return {
        "running": list(_alike(running)),
        "odd": sorted(_odd(running, baseline), key=lambda odd: (odd["zone"], odd["name"], odd["id"])),
        "agents": list(_agents(cloud)),
        "not_running": len(cloud.vms) - len(running),
    }


def _alike(vms: Iterable[Vm]) -> Iterator[RunningData]:
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
        yield {
            "zone": zone,
            "hypervisor": hypervisor,
            "group": group,
            "software": str(software) if software else UNKNOWN,
            "scripts": scripts,
            "digest": digest(scripts),
            "count": hosts.total(),
            "hosts": dict(sorted(hosts.items())),
        }


def _odd(vms: Iterable[Vm], baseline: Baseline | None) -> Iterator[OddData]:
    """The first reason that holds of each. What is wrong for another one does not count as its version's."""
    vms = list(vms)
    misfits = of_other_release(vms)
    alike: dict[tuple[Version, str | None], list[Vm]] = {}
    for vm in vms:
        if not vm.scripts or not vm.software:
            continue
        why = misfits.get(vm.id) or _of_older_software(vm, baseline)
        if why:
            yield _odd_one(vm, why)
        else:
            alike.setdefault((vm.software, digest(vm.scripts)), []).append(vm)
    for (software, dummy), claiming in alike.items():
        for vm in odd_ones(claiming):
            most = f"most {vm.hypervisor or 'other'} routers that claim {software}"
            yield _odd_one(vm, f"it claims {software}, but its scripts are not those of {most}")


def _odd_one(vm: Vm, why: str) -> OddData:
    return {
        "id": vm.id,
        "name": vm.name,
        "zone": vm.zone,
        "hypervisor": vm.hypervisor,
        "host": vm.host,
        "software": str(vm.software),
        "scripts": vm.scripts,
        "digest": digest(vm.scripts),
        "why": why,
    }


def _of_older_software(vm: Vm, baseline: Baseline | None) -> str | None:
    if baseline and vm.software == baseline.target and vm.scripts in baseline.old_scripts:
        return f"it claims {baseline.target}, but has the scripts of routers that run older software"
    return None


def _agents(cloud: Cloud) -> Iterator[AgentsData]:
    found: dict[tuple[str, Version | None], list[str]] = {}
    for host in cloud.hosts:
        if host.hypervisor == "KVM":
            zone = cloud.zone(host.zone_id)
            found.setdefault((zone.name if zone else UNKNOWN, host.version), []).append(host.name)
    for (zone_name, version), names in sorted(found.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        told = str(version) if version else UNKNOWN
        yield {"zone": zone_name, "version": told, "count": len(names), "hosts": sorted(names)}
