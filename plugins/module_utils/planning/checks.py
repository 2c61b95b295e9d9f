# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pre-flight checks: each a pure function of cloud and plan that answers ok, warn or fail, with what was seen
and what to do about it. A check that fails stops the run before anything is touched."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Cloud, Kind, Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning import matrix
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.commands import apply_rules, calls
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.impact import expected_seconds
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method, Policy, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.templates import new_templates
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Verdict

# A cancelled job leaves a unit half done: stay well below the server's threshold.
CANCEL_MARGIN = 0.5
CANCEL_THRESHOLD = "job.cancel.threshold.minutes"
MIB = 1024 * 1024
MINIMUM_MEMORY_MIB = 512  # for the Debian 12 template, since 4.20


class Status(str, enum.Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """The answer to one context, for a person: what was seen and, unless it is ok, what to do about it."""

    name: str
    status: Status
    seen: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "status": self.status.value, "seen": self.seen, "remedy": self.remedy}


@dataclass(frozen=True)
class CheckContext:
    """What the checks look at: the whole cloud, the units in scope with their verdicts, and the policy."""

    cloud: Cloud
    verdicts: Sequence[tuple[Unit, Verdict]]
    policy: Policy

    def planned(self, *methods: Method) -> list[Unit]:
        return [unit for unit, verdict in self.verdicts if verdict.method in methods]

    @property
    def commands(self) -> frozenset[str]:
        """What carrying out the plan sends and cannot do without, but for what was called already to make it."""
        sent = {
            call.command
            for unit, verdict in self.verdicts
            if verdict.method in ACTING
            for call in (*calls(unit, verdict.method), *map(apply_rules, unit.network_ids))
        }
        return frozenset(sent | {"queryAsyncJobResult"}) if sent else frozenset()

    @property
    def touches_ssvm(self) -> bool:
        return any(unit.kind is Kind.SSVM for unit in self.planned(*ACTING))

    @property
    def pending(self) -> list[Unit]:
        """Units that are not current, whatever is to be done to them."""
        return [unit for unit, verdict in self.verdicts if verdict.method is not Method.NONE]


def run_checks(context: CheckContext) -> list[Check]:
    """All checks, in the order in which an operator reads them."""
    return [check(context) for check in CHECKS]


def recreation_problems(context: CheckContext) -> list[Check]:
    """The checks without which nothing may be destroyed, as far as they fail; for a module that acts on its own."""
    needed = (_new_template, _room_for_new_vms, _offerings, _capacity_scan, _permissions)
    return [found for check in needed if (found := check(context)).status is Status.FAIL]


def _management_servers(context: CheckContext) -> Check:
    name = "management_servers"
    up = [server for server in context.cloud.management_servers if server.up]
    seen = ", ".join(f"{server.name} {server.version}" for server in up) or "none is Up"
    if context.cloud.version is None:
        return Check(
            name,
            Status.FAIL,
            f"no single version: {seen}",
            "Upgrade all management servers to one version first; a live patch takes the files of the newest.",
        )
    return Check(name, Status.OK, seen)


def _source_versions(context: CheckContext) -> Check:
    name = "source_versions"
    forbidden = [(unit, vm, why) for unit, verdict in context.verdicts for vm, why in verdict.forbidden if vm.running]
    if not forbidden:
        return Check(name, Status.OK, "every running VM in scope was built from 4.14 or newer, or is current")
    listed = _listed(f"{vm.name} ({unit.label}, zone {unit.zone}): {why}" for unit, vm, why in forbidden)
    return Check(
        name,
        Status.FAIL,
        f"{len(forbidden)} VM(s) cannot be live patched: {listed}",
        "Recreate these VMs from the new system VM template with sysvm_unsupported: recreate, or leave them out with "
        "sysvm_exclude_names. "
        f"See {matrix.SOURCE}.",
    )


def _live_patch_support(context: CheckContext) -> Check:
    name = "live_patch_support"
    target = context.cloud.version
    if not context.planned(Method.LIVE_PATCH):
        return Check(name, Status.OK, "no live patch is planned")
    if target is not None and not matrix.server_can_live_patch(target):
        return Check(
            name,
            Status.FAIL,
            f"the management server is {target}; live patching exists since 4.17",
            "Upgrade the management server to 4.17 or newer, or recreate the VMs.",
        )
    can = context.cloud.capabilities
    if can.has("restartNetwork") and not can.has("restartNetwork", "livepatch"):
        return Check(
            name,
            Status.FAIL,
            "restartNetwork of this server has no parameter livepatch (listApis); it would be ignored and the network "
            "merely restarted",
            "Upgrade the management server to 4.17 or newer.",
        )
    return Check(name, Status.OK, "patchSystemVm and restartNetwork with livepatch are there")


def _permissions(context: CheckContext) -> Check:
    name = "permissions"
    missing = sorted(command for command in context.commands if not context.cloud.capabilities.has(command))
    if missing:
        return Check(
            name,
            Status.FAIL,
            f"this account may not call, or the server does not know: {', '.join(missing)}",
            "Use the keys of a root admin; patchSystemVm is for root admins only.",
        )
    return Check(name, Status.OK, "every command the plan needs may be called")


def _wanted_method(context: CheckContext) -> Check:
    name = "wanted_method"
    if context.policy.method is not WantedMethod.LIVE_PATCH:
        return Check(name, Status.OK, f"sysvm_method is {context.policy.method.value}")
    others = [
        f"{unit.label}: {verdict.reason}"
        for unit, verdict in context.verdicts
        if verdict.method not in (Method.LIVE_PATCH, Method.NONE)
    ]
    if others:
        return Check(
            name,
            Status.FAIL,
            f"sysvm_method is live_patch, but {len(others)} unit(s) cannot be live patched: {_listed(others)}",
            "Leave them out with sysvm_exclude_names, or use sysvm_method: auto.",
        )
    return Check(name, Status.OK, "every unit in scope can be live patched or is current")


def _host_agents(context: CheckContext) -> Check:
    """On KVM the files that are patched in come from the host, not from the management server."""
    name = "host_agents"
    target = context.cloud.version
    if target is None:
        return Check(name, Status.OK, "not compared: the management servers have no single version")
    old = {
        host.id: host
        for host in context.cloud.hosts
        if host.hypervisor == "KVM" and host.version is not None and host.version < target
    }
    hit = sorted({host_id for unit in context.planned(Method.LIVE_PATCH, Method.RESTART) for host_id in unit.host_ids})
    affected = [old[host_id] for host_id in hit if host_id in old]
    if affected:
        return Check(
            name,
            Status.FAIL,
            f"KVM hosts with an agent older than the server {target} carry VMs in scope: "
            + _listed(f"{host.name} {host.version}" for host in affected),
            "Upgrade cloudstack-agent and cloudstack-common there first: a live patch takes its files from the host, "
            "so the VMs would get the old software while the server reports the new version.",
        )
    if old:
        return Check(
            name,
            Status.WARN,
            f"KVM hosts with an agent older than the server {target}: "
            + _listed(f"{host.name} {host.version}" for host in old.values()),
            "No VM in scope runs there now; upgrade them before one is started or migrated there.",
        )
    return Check(name, Status.OK, "no KVM host's agent is older than the server")


def _minimum_version(context: CheckContext) -> Check:
    name = "minreq.sysvmtemplate.version"
    minimum = {zone.id: zone.minimum_version for zone in context.cloud.zones}
    below = [
        vm
        for unit in context.planned(Method.LIVE_PATCH)
        for vm in unit.vms
        if vm.is_router and vm.built_from and (required := minimum.get(vm.zone_id)) and vm.built_from < required
    ]
    told = ", ".join(f"{zone.name} {zone.minimum_version or 'unset'}" for zone in context.cloud.zones)
    if below:
        return Check(
            name,
            Status.WARN,
            f"{len(below)} router(s) stay on a template below the minimum ({told}): {_listed(vm.name for vm in below)}",
            "After the live patch the server accepts them by their scripts checksum alone. That is supported; if a "
            "router then says 'Router requires upgrade', patch it again or recreate it.",
        )
    return Check(name, Status.OK, told)


def _new_template(context: CheckContext) -> Check:
    """Nothing is destroyed before it is sure that what replaces it can be made."""
    name = "new_template"
    units = context.planned(Method.RECREATE)
    if not units:
        return Check(name, Status.OK, "nothing is recreated")
    templates = new_templates(context.cloud)
    used = {(unit.zone_id, unit.hypervisor): templates[(unit.zone_id, unit.hypervisor)] for unit in units}
    problems = sorted({template.problem for template in used.values() if template.problem})
    if problems:
        return Check(
            name,
            Status.FAIL,
            "; ".join(problems),
            "Register the system VM template of the new version for that hypervisor, wait until it is Ready in the "
            "zone and let router.template.<hypervisor> name it.",
        )
    target = context.cloud.version
    old = sorted({t.name for t in used.values() if t.version and target and t.version.release < target.release})
    if old:
        return Check(
            name,
            Status.WARN,
            f"the template is older than the server {target}: {', '.join(old)}",
            "That is right when the new release brought no template of its own; else register the new one first.",
        )
    return Check(name, Status.OK, ", ".join(sorted({template.name for template in used.values()})))


def _room_for_new_vms(context: CheckContext) -> Check:
    name = "room_for_new_vms"
    problems = []
    for zone in context.cloud.zones:
        units = [unit for unit in context.planned(Method.RECREATE) if unit.zone_id == zone.id]
        for hypervisor in sorted({unit.hypervisor or "" for unit in units}):
            if not any(h.usable and h.zone_id == zone.id and h.hypervisor == hypervisor for h in context.cloud.hosts):
                problems.append(f"zone {zone.name} has no {hypervisor or 'known'} host that is Up and Enabled")
        memory = max((_memory(context.cloud, unit) for unit in units), default=0) * MIB
        needed = {"MEMORY": memory, "PRIVATE_IP": 1, "VIRTUAL_NETWORK_PUBLIC_IP": 1} if units else {}
        for capacity in context.cloud.capacities:
            if capacity.zone_id == zone.id and capacity.name in needed and capacity.free < needed[capacity.name]:
                problems.append(f"zone {zone.name} has no {capacity.name} left for one more VM")
    if problems:
        return Check(
            name,
            Status.FAIL,
            "; ".join(problems),
            "Make room first: a router is replaced by deploying the new one beside the old one. Enable hosts, free "
            "memory or add addresses; the number of VMs at a time is sysvm_parallel.",
        )
    return Check(name, Status.OK, "there is a host, memory and addresses for one more VM in every zone concerned")


def _offerings(context: CheckContext) -> Check:
    name = "offerings"
    small = sorted(
        f"{unit.label} {memory} MiB"
        for unit in context.planned(Method.RECREATE)
        if 0 < (memory := _memory(context.cloud, unit)) < MINIMUM_MEMORY_MIB
    )
    if small:
        return Check(
            name,
            Status.FAIL,
            f"system offerings with less than {MINIMUM_MEMORY_MIB} MiB: {_listed(small)}",
            "The templates since 4.20 (Debian 12) may not boot with less. Change the VMs to a larger system offering.",
        )
    return Check(name, Status.OK, f"no system offering in use has less than {MINIMUM_MEMORY_MIB} MiB")


def _capacity_scan(context: CheckContext) -> Check:
    """A destroyed system VM comes back through the capacity scan only."""
    name = "capacity_scan"
    units = [unit for unit in context.planned(Method.RECREATE) if unit.kind.is_system_vm]
    settings = context.cloud.settings
    problems = []
    if units and not settings.flag("system.vm.auto.reserve.capacity", True):
        problems.append("system.vm.auto.reserve.capacity is false")
    if (
        any(unit.kind is Kind.CPVM for unit in units)
        and settings.text("consoleproxy.management.state", "Auto") != "Auto"
    ):
        problems.append(f"consoleproxy.management.state is {settings.text('consoleproxy.management.state')}")
    if units and not settings.flag("consoleproxy.restart", True):
        problems.append("consoleproxy.restart is false")
    blocking = [
        vm.name
        for unit in context.cloud.units
        if unit.kind.is_system_vm
        for vm in unit.vms
        if units and vm.state == "Stopping"
    ]
    problems += [f"{vm} is Stopping, which blocks the scan in all zones" for vm in blocking]
    if problems:
        return Check(
            name,
            Status.FAIL,
            f"nothing would replace a destroyed system VM: {'; '.join(problems)}",
            "Set it right before system VMs are destroyed; the server makes the new ones in its capacity scan.",
        )
    return Check(name, Status.OK, "the server replaces destroyed system VMs" if units else "no system VM is recreated")


def _system_vms_present(context: CheckContext) -> Check:
    """An interrupted recreation, or a scan that cannot do its work, leaves a zone without its system VM."""
    name = "system_vms_present"
    there = {(unit.zone_id, unit.kind) for unit in context.cloud.units}
    missing = [
        f"zone {zone.name} has no {kind.value.upper()}"
        for zone in context.cloud.zones
        for kind in (Kind.SSVM, Kind.CPVM)
        if kind in context.policy.kinds
        and (not context.policy.zones or {zone.id, zone.name} & set(context.policy.zones))
        and not (context.policy.names or context.policy.cidrs or context.policy.select)
        and zone.enabled
        and not zone.edge
        and (zone.id, kind) not in there
        and any(host.usable and host.zone_id == zone.id for host in context.cloud.hosts)
    ]
    if missing:
        return Check(
            name,
            Status.FAIL,
            "; ".join(missing),
            "After a recreation that was interrupted, wait for the server's capacity scan (30 s, then some minutes for "
            "the deployment). If it stays so, look for 'system template' and 'capacity' in the server's log. "
            "Where it is meant to be so, leave the kind out with sysvm_kinds.",
        )
    return Check(name, Status.OK, "every enabled zone has its SSVM and CPVM, or they are not in scope")


def _rolling_restart(context: CheckContext) -> Check:
    name = "network.rolling.restart"
    routers = [unit for unit in context.planned(Method.RECREATE) if unit.kind.is_router]
    if routers and not context.cloud.settings.flag(name, True):
        return Check(
            name,
            Status.WARN,
            f"it is false: {len(routers)} network(s) and VPC(s) have no router until the new one is up",
            "Set it to true (it is dynamic), and the new router is deployed beside the old one.",
        )
    return Check(
        name, Status.OK, "routers are replaced by new ones beside them" if routers else "no router is recreated"
    )


def _transfers(context: CheckContext) -> Check:
    return _warn_about(
        "transfers",
        list(context.cloud.transfers) if context.touches_ssvm else [],
        "transfer(s) running through an SSVM",
        "They fail when it is patched or recreated. Wait for them, or go on and repeat them.",
        "no template, ISO or volume is being transferred, or no SSVM is touched",
    )


def _console_sessions(context: CheckContext) -> Check:
    return _warn_about(
        "console_sessions",
        [
            f"{vm.name} has {vm.sessions}"
            for unit in context.planned(*ACTING)
            if unit.kind is Kind.CPVM
            for vm in unit.vms
            if vm.sessions
        ],
        "console proxy VM(s) with open sessions",
        "The consoles drop. sysvm_wait_idle waits for them to be closed before a CPVM is recreated.",
        "no console is open, or no CPVM is touched",
    )


def _interruptions(context: CheckContext) -> Check:
    return _warn_about(
        "sensitive_units",
        [
            f"{unit.label} ({', '.join(unit.sensitive_services)})"
            for unit in context.planned(Method.RECREATE, Method.RESTART)
            if unit.sensitive_services
        ],
        "unit(s) lose VPN tunnels, private gateways or balanced connections",
        "They are done last. Tell their owners, or leave them out with sysvm_exclude_names.",
        "no unit with VPN, private gateway or load balancing is recreated or restarted",
    )


def _memory(cloud: Cloud, unit: Unit) -> int:
    return max((cloud.offering_memory.get(vm.offering_id or "", 0) for vm in unit.vms), default=0)


def _integration_port(context: CheckContext) -> Check:
    name = "integration.api.port"
    port = context.cloud.settings.number(name, 0)
    if port > 0:
        return Check(
            name,
            Status.WARN,
            f"the unauthenticated API is open on port {port}",
            "Set it to 0 and restart the management server: anyone who reaches this port is root admin. Nothing here "
            "needs it.",
        )
    return Check(name, Status.OK, "closed")


def _health_check_recreation(context: CheckContext) -> Check:
    name = "router.health.checks.failures.to.recreate.vr"
    settings = context.cloud.settings
    failures = settings.text(name)
    if failures and settings.flag("router.health.checks.enabled", True):
        return Check(
            name,
            Status.WARN,
            f"routers that fail {failures} are recreated by the server on its own",
            "Empty it for the time of the upgrade: services restart during a live patch and a check may fail, and with "
            "router_version_check.py every router may be recreated.",
        )
    return Check(name, Status.OK, "the server recreates no router on its own")


def _job_cancel_threshold(context: CheckContext) -> Check:
    name = CANCEL_THRESHOLD
    minutes = context.cloud.settings.number(name, 60)
    long = [
        f"{unit.label} about {expected_seconds(unit, verdict.method) / 60:.0f} min"
        for unit, verdict in context.verdicts
        if expected_seconds(unit, verdict.method) > CANCEL_MARGIN * 60 * minutes
    ]
    if long:
        return Check(
            name,
            Status.WARN,
            f"{minutes} minutes, but expected: {_listed(long)}",
            "Raise the setting (it is dynamic) before the upgrade, or the server may cancel these jobs half done.",
        )
    return Check(name, Status.OK, f"{minutes} minutes, longer than any unit is expected to take")


def _not_running(context: CheckContext) -> Check:
    vms = [(unit, vm) for unit in context.pending for vm in unit.vms if not vm.running]
    return _warn_about(
        "not_running",
        [f"{vm.name} {vm.state} ({unit.label})" for unit, vm in vms],
        "not Running",
        "A live patch needs a Running VM. See the plan for what happens to each.",
        "every VM in scope is Running",
    )


def _redundant_pairs(context: CheckContext) -> Check:
    def degraded(unit: Unit) -> bool:
        states = sorted(str(vm.redundant_state) for vm in unit.vms if vm.running)
        return unit.kind.is_router and unit.redundant and states != ["BACKUP", "PRIMARY"]

    return _warn_about(
        "redundant_pairs",
        [
            f"{unit.label}: " + ", ".join(f"{vm.name} {vm.state} {vm.redundant_state}" for vm in unit.vms)
            for unit in context.pending
            if degraded(unit)
        ],
        "not one PRIMARY and one BACKUP",
        "Repair the pair first if the network must not lose its gateway; a live patch restarts services on the only "
        "working router.",
        "every redundant pair in scope has one PRIMARY and one BACKUP",
    )


def _tierless_vpcs(context: CheckContext) -> Check:
    return _warn_about(
        "vpcs_without_tiers",
        [f"{unit.label} ({_names(unit.vms)})" for unit in context.pending if unit.vpc and not unit.vpc.tiers],
        "without a tier",
        "A live patch there succeeds and does nothing: sysvm_method auto recreates them, live_patch leaves them out.",
        "every VPC in scope has a tier to patch through",
    )


def _network_states(context: CheckContext) -> Check:
    return _warn_about(
        "network_states",
        [
            f"{unit.label} {unit.network.state} ({_names(unit.vms)})"
            for unit in context.pending
            if unit.network and not unit.network.restartable
        ],
        "neither Implemented nor Setup",
        "They cannot be restarted; their routers take the new software when the network is used again. Destroy "
        "left-over routers or leave these networks out with sysvm_exclude_names.",
        "every network in scope is Implemented or Setup",
    )


def _restart_required(context: CheckContext) -> Check:
    """The server marks a network after a restart that failed half-way, and when its offering was changed."""
    marked = [
        unit.label
        for unit, dummy in context.verdicts
        for of in ((unit.network,) if unit.network else (unit.vpc, *unit.tiers))
        if of and of.restart_required
    ]
    return _warn_about(
        "restart_required",
        list(dict.fromkeys(marked)),
        "that the server wants to be restarted",
        "What is upgraded is restarted with it; restart the others when their owners can do with it: something of them "
        "is not in force yet.",
        "the server wants no network or VPC in scope to be restarted",
    )


def _remote_access_vpn(context: CheckContext) -> Check:
    return _warn_about(
        "remote_access_vpn",
        [
            f"{unit.label} ({_names(unit.vms)})"
            for unit in context.planned(Method.LIVE_PATCH)
            if unit.remote_access_vpn
            and any(vm.built_from and matrix.row_for(vm.built_from).comment for vm in unit.vms)
        ],
        "with a remote access VPN on a 4.14 template",
        "Their strongSwan is older than the new software expects. Test the VPN after the live patch, or recreate them.",
        "no router from 4.14 with a remote access VPN is live patched",
    )


def _shared_networks(context: CheckContext) -> Check:
    """patch-sysvms.sh restarts the services of console proxies, SSVMs and routers, not those of a dhcpsrvr."""
    return _warn_about(
        "shared_networks",
        [f"{unit.label} ({_names(unit.vms)})" for unit in context.planned(Method.LIVE_PATCH) if unit.dhcp_only],
        "shared network(s) whose services a live patch does not restart",
        "They run the old code until the next start. Reboot these routers when DHCP and DNS may pause for minutes, or "
        "leave them out with sysvm_exclude_names and recreate them.",
        "no router of a shared network is live patched",
    )


def _jobs_in_flight(context: CheckContext) -> Check:
    busy = {resource for job in context.cloud.in_flight for resource in job.resource_ids}
    units = [unit.label for unit in context.pending if unit.resource_ids() & busy]
    return _warn_about(
        "jobs_in_flight",
        units,
        "with a job that runs now",
        "Nothing to do: the upgrade waits for these jobs and then decides.",
        "no job runs on a unit in scope",
    )


ACTING = (Method.LIVE_PATCH, Method.RESTART, Method.RECREATE)

CHECKS: tuple[Callable[[CheckContext], Check], ...] = (
    _management_servers,
    _source_versions,
    _live_patch_support,
    _permissions,
    _wanted_method,
    _host_agents,
    _new_template,
    _room_for_new_vms,
    _offerings,
    _capacity_scan,
    _system_vms_present,
    _minimum_version,
    _rolling_restart,
    _integration_port,
    _health_check_recreation,
    _job_cancel_threshold,
    _not_running,
    _redundant_pairs,
    _tierless_vpcs,
    _network_states,
    _restart_required,
    _remote_access_vpn,
    _shared_networks,
    _transfers,
    _console_sessions,
    _interruptions,
    _jobs_in_flight,
)


def _warn_about(name: str, found: list[str], what: str, remedy: str, fine: str) -> Check:
    if found:
        return Check(name, Status.WARN, f"{len(found)} {what}: {_listed(found)}", remedy)
    return Check(name, Status.OK, fine)


def _listed(items: Iterable[str]) -> str:
    """All of them: an operator must be able to act on the list, and the report keeps it."""
    return "; ".join(items)


def _names(vms: Iterable[Vm]) -> str:
    return ", ".join(vm.name for vm in vms)
