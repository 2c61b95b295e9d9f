# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the units: what they were built from, how they stand, what is special about them."""

from __future__ import annotations

from collections.abc import Iterator

from ...cloud.model import Unit, pair_states, vm_names
from ...knowledge import matrix
from ...knowledge.counts import count, first_of
from ...knowledge.vocabulary import REMOTE_ACCESS_VPN, Kind, Method, WantedMethod
from ...options.option_names import words
from ...units.known_defects import Defect, Effect
from .registry import CheckContext, CheckStatus, check


@check(
    "source_versions",
    "Was every VM in scope built from a template that may be live patched?",
    worst=CheckStatus.FAIL,
    one="VM cannot be live patched",
    many="VMs cannot be live patched",
    remedy="Recreate these VMs from the new system VM template with O(recreate): [unsupported], or leave them out "
    f"with O(exclude_names). See {matrix.SOURCE}.",
    fine="every running VM in scope was built from 4.14 or newer, or is current",
    guards=True,
)
def source_versions(context: CheckContext) -> Iterator[str]:
    for unit, verdict in context.verdicts:
        for vm, why in verdict.forbidden:
            if vm.running:
                yield f"{vm.name} ({unit.label}, zone {unit.zone}): {why}"


@check(
    "wanted_method",
    "Can everything be done by the wanted method?",
    worst=CheckStatus.FAIL,
    remedy="Leave them out with O(exclude_names), or use O(method): auto.",
    one="unit cannot be live patched, and O(method) is live_patch",
    many="units cannot be live patched, and O(method) is live_patch",
    fine="every unit in scope can be done by the wanted method, or is current",
    concerns=lambda context: context.policy.strategy.method is WantedMethod.LIVE_PATCH,
)
def wanted_method(context: CheckContext) -> Iterator[str]:
    for unit, verdict in context.verdicts:
        if verdict.method not in (Method.LIVE_PATCH, Method.NONE):
            yield f"{unit.label}: {verdict.reason}"


@check(
    "system_vms_present",
    "Does every zone have its SSVM and CPVM?",
    worst=CheckStatus.FAIL,
    remedy="After a recreation that was interrupted, wait for the server's capacity scan (30 s, then some minutes for "
    "the deployment). If it stays so, look for 'system template' and 'capacity' in the server's log. Where it is meant "
    "to be so, leave the kind out with O(kinds) or this check with O(ignore_checks).",
    fine="every zone in scope has its SSVM and CPVM, or is to have none",
)
def system_vms_present(context: CheckContext) -> Iterator[str]:
    """An interrupted recreation, or a scan that cannot do its work, leaves a zone without its system VM."""
    scope = context.policy.scope
    if scope.names or scope.cidrs or scope.select:
        return
    there = {(unit.zone_id, unit.kind) for unit in context.cloud.units}
    for zone in context.cloud.zones:
        meant = zone.enabled and not zone.edge and (not scope.zones or {zone.id, zone.name} & set(scope.zones))
        able = any(
            host.usable and host.zone_id == zone.id and host.hypervisor != "External" for host in context.cloud.hosts
        )
        for kind, setting in ((Kind.SSVM, "enable.secstorage.vm"), (Kind.CPVM, "enable.consoleproxy.vm")):
            wanted = kind in scope.kinds and zone.settings.values.get(setting, "true").lower() != "false"
            if meant and able and wanted and (zone.id, kind) not in there:
                yield f"zone {zone.name} has no {kind.words}"


@check(
    "not_running",
    "Is every VM in scope Running?",
    one="VM is not Running",
    many="VMs are not Running",
    remedy="A live patch needs a Running VM. See the plan for what happens to each.",
    fine="every VM in scope is Running",
)
def not_running(context: CheckContext) -> Iterator[str]:
    for unit in context.pending:
        for vm in unit.vms:
            if not vm.running:
                yield f"{vm.name} {vm.state} ({unit.label})"


@check(
    "redundant_pairs",
    "Is every redundant pair one PRIMARY and one BACKUP?",
    one="redundant pair is not one PRIMARY and one BACKUP",
    many="redundant pairs are not one PRIMARY and one BACKUP",
    remedy="Repair the pair first if the network must not lose its gateway; a live patch restarts services on the only "
    "working router.",
    fine="every redundant pair in scope has one PRIMARY and one BACKUP",
)
def redundant_pairs(context: CheckContext) -> Iterator[str]:
    for unit in context.pending:
        states = sorted(str(vm.redundant_state) for vm in unit.vms if vm.running)
        if unit.elects and states != ["BACKUP", "PRIMARY"]:
            yield f"{unit.label}: {pair_states(unit.vms)}"


@check(
    "vpcs_without_tiers",
    "Does every VPC in scope have a tier to patch through?",
    one="VPC has no tier",
    many="VPCs have no tier",
    remedy="A live patch there succeeds and does nothing: O(method) auto recreates them, live_patch leaves them out.",
    fine="every VPC in scope has a tier to patch through",
)
def vpcs_without_tiers(context: CheckContext) -> Iterator[str]:
    for unit in context.pending:
        if unit.vpc and not unit.vpc.tiers:
            yield _with_routers(unit)


@check(
    "network_states",
    "Can every network in scope be restarted?",
    one="network is neither Implemented nor Setup",
    many="networks are neither Implemented nor Setup",
    remedy="They cannot be restarted; their routers take the new software when the network is used again. Destroy "
    "left-over routers or leave these networks out with O(exclude_names).",
    fine="every network in scope is Implemented or Setup",
)
def network_states(context: CheckContext) -> Iterator[str]:
    for unit in context.pending:
        if unit.network and not unit.network.restartable:
            yield f"{unit.label} {unit.network.state} ({vm_names(unit.vms)})"


@check(
    "restart_required",
    "Does the server want a network or VPC to be restarted?",
    one="network or VPC has changes that wait for a restart",
    many="networks or VPCs have changes that wait for a restart",
    remedy="What is upgraded is restarted with it; restart the others when their owners can do with it: something of "
    "them is not in force yet.",
    fine="the server wants no network or VPC in scope to be restarted",
)
def restart_required(context: CheckContext) -> Iterator[str]:
    """The server marks a network after a restart that failed half-way, and when its offering was changed."""
    for unit, dummy in context.verdicts:
        if any(of and of.restart_required for of in (unit.network, unit.vpc, *unit.tiers)):
            yield unit.label


@check(
    "remote_access_vpn",
    "Is a router from 4.14 with a remote access VPN live patched?",
    one="unit from a 4.14 template has a remote access VPN",
    many="units from a 4.14 template have a remote access VPN",
    remedy="Their strongSwan is older than the new software expects. Test the VPN after the live patch, or recreate "
    "them.",
    fine="no router from 4.14 with a remote access VPN is live patched",
)
def remote_access_vpn(context: CheckContext) -> Iterator[str]:
    for unit in context.planned(Method.LIVE_PATCH):
        warned = any(matrix.row_for(vm.built_from).comment for vm in unit.vms if vm.built_from)
        if REMOTE_ACCESS_VPN in unit.sensitive_services and warned:
            yield _with_routers(unit)


@check(
    "shared_networks",
    "Are routers live patched whose services a live patch does not restart?",
    one="shared network has services that a live patch does not restart",
    many="shared networks have services that a live patch does not restart",
    remedy="They run the old code until the next start. Reboot these routers when DHCP and DNS may pause for minutes, "
    "or leave them out with O(exclude_names) and recreate them.",
    fine="no router of a shared network is live patched",
)
def shared_networks(context: CheckContext) -> Iterator[str]:
    """patch-sysvms.sh restarts the services of console proxies, SSVMs and routers, not those of a dhcpsrvr."""
    for unit in context.planned(Method.LIVE_PATCH):
        if unit.dhcp_only:
            yield _with_routers(unit)


@check(
    "known_defects",
    "Does the plan do anything of which this server is known to make something else?",
    lines=True,
    remedy="The numbers are issues or pull requests of apache/cloudstack; docs/known_defects.md has all of them. What "
    "the upgrade itself can do about one, it does.",
    fine="no known defect of this server concerns what is to be done",
)
def known_defects(context: CheckContext) -> Iterator[str]:
    concerned: dict[Defect, list[str]] = {}
    for (unit, dummy), defects in zip(context.verdicts, context.defects, strict=True):
        for defect in defects:
            concerned.setdefault(defect, []).append(unit.label)
    # First what is left to a person.
    for defect, labels in sorted(concerned.items(), key=lambda item: item[0].effect is not Effect.WARN):
        yield (
            f"{defect.id} ({count(len(labels), 'unit')}: {first_of(labels)}): {defect.what}; {defect.effect.words}: "
            f"{words(defect.remedy)}"
        )


def _with_routers(unit: Unit) -> str:
    return f"{unit.label} ({vm_names(unit.vms)})"
