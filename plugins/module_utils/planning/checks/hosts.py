# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the hosts: what they deliver to the VMs on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...cloud.infrastructure import Host
from ...knowledge.vocabulary import Method
from .registry import Against, CheckContext, CheckStatus, check


@check(
    "host_agents",
    "Do the KVM hosts have the new agent?",
    worst=CheckStatus.FAIL,
    remedy="Upgrade cloudstack-agent and cloudstack-common there first: a live patch and a start take their files from "
    "the host, so the VMs would get the old software while the server reports the new version.",
    fine="no KVM host's agent is older than the server",
)
def host_agents(context: CheckContext) -> Iterator[str | Against]:
    """On KVM the files that are patched in come from the host, not from the management server."""
    target = context.cloud.version
    old = [
        host
        for host in context.cloud.hosts
        if host.hypervisor == "KVM" and host.version and target and host.version < target
    ]
    carrying = {host for unit in context.planned(Method.LIVE_PATCH, Method.RESTART) for host in unit.host_ids}
    # A VM that gets a new disk is put on any host of its zone.
    zones = {disk.unit.zone_id for disk in context.new_disks if disk.is_new and disk.hypervisor == "KVM"}
    affected = [host for host in old if host.id in carrying or (host.usable and host.zone_id in zones)]
    if affected:
        yield (
            f"KVM hosts with an agent older than the server {target} carry VMs in scope, or may get new ones: "
            + _versions(affected)
        )
    elif old:
        yield Against(
            f"KVM hosts with an agent older than the server {target}: {_versions(old)}",
            CheckStatus.WARN,
            "No VM in scope runs there now; upgrade them before one is started or migrated there.",
        )


def _versions(hosts: Iterable[Host]) -> str:
    return "; ".join(f"{host.name} {host.version}" for host in hosts)
