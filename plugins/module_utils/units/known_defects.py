# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known defects of management servers that matter when system VMs and routers are upgraded, and who meets them. Pure.

A row says what its source says. Bounds come from the release notes (docs.cloudstack.apache.org, releasenotes/changes)
and from whether the commit is an ancestor of a release's commit in the server's repository; what was inferred from the
code stands in a comment. Defects of the files that are patched in, and of the agent that starts VMs, follow the release
of the host on KVM; elsewhere the management server delivers the files and does the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from ..cloud.infrastructure import Cloud
from ..cloud.model import Unit
from ..knowledge.versions import Version
from ..knowledge.vocabulary import Kind, Method
from .defects import all_kinds, routers, system_vms
from .defects.row import Applicability, Defect, Effect, VersionRange, holds
from .templates import hypervisors_for

__all__ = [
    "DEFECTS",
    "FILES_FROM_HOST",
    "Defect",
    "Effect",
    "VersionRange",
    "defects_of",
    "met_by",
    "occurs_in",
    "oldest_agents",
]

DEFECTS = (*routers.ROWS, *system_vms.ROWS, *all_kinds.ROWS)


# Hypervisors whose hosts have files of their own to patch in (cloudstack-common). On XenServer the management server
# gives them to each host when it connects (CitrixResourceBase.setupServer), on VMware it copies them itself.
FILES_FROM_HOST = frozenset({"KVM"})


def defects_of(server: Version, agent: Version | None = None) -> tuple[Defect, ...]:
    """The defects that a management server of this version has.

    :param agent: the version of what the hosts have, where it is another one.
    """
    return tuple(
        defect
        for defect in DEFECTS
        if any((agent or server if defect.on_host else server) in span for span in defect.spans)
    )


def met_by(
    unit: Unit, method: Method, server: Version, minimum: Version | None = None, agent: Version | None = None
) -> tuple[Defect, ...]:
    """The defects that a unit meets when this is done to it.

    :param minimum: minreq.sysvmtemplate.version in the unit's zone, where it is known.
    :param agent: the oldest agent of the KVM hosts in the unit's zone, where it is known.
    """
    agent = agent if unit.hypervisor in FILES_FROM_HOST else None
    candidates = _candidates(unit.kind, unit.hypervisor, method, server, agent)
    return tuple(defect for defect in candidates if holds(defect.condition, unit, minimum))


@functools.cache  # a unit is asked about again and again, a plan has thousands of them, and there are few kinds
def _candidates(
    kind: Kind, hypervisor: str | None, method: Method, server: Version, agent: Version | None
) -> tuple[Defect, ...]:
    return tuple(
        defect
        for defect in defects_of(server, agent)
        if method in defect.methods
        and kind in defect.kinds
        and (not defect.hypervisors or hypervisor is None or hypervisor in defect.hypervisors)
    )


def occurs_in(cloud: Cloud, defect: Defect, unit: Unit) -> bool:
    """Whether the cloud is one in which a unit may meet the defect, as far as that is not for the unit to say."""
    if defect.condition is Applicability.OTHER_ZONES:
        return len(cloud.zones) > 1
    if defect.condition is Applicability.SEVERAL_HYPERVISORS:
        return len(hypervisors_for(cloud, unit)) > 1
    return True


def oldest_agents(cloud: Cloud) -> Mapping[str, Version]:
    """Of each zone the oldest agent of the hosts that may carry a VM there and have files of their own.

    A VM may move before it is its turn, so the one that carries it now is not enough. Of a host that is not Up the
    server tells the agent that it had.
    """
    oldest: dict[str, Version] = {}
    for host in cloud.hosts:
        if host.version and host.hypervisor in FILES_FROM_HOST and host.state == "Up":
            oldest[host.zone_id] = min(host.version, oldest.get(host.zone_id, host.version))
    return oldest
