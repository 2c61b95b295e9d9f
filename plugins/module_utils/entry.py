# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The functions the modules call: one for the plan, one for acting on targets. Plain data in and out."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError, SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.estate import (
    read_cloud,
    read_details,
    read_management_servers,
    read_setting,
    read_units,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    ROUTER_KINDS,
    Cloud,
    Kind,
    Owed,
    Restart,
    Settings,
    Unit,
    common_version,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.restarts import read_restarts
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.bounds import parse_share
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks import (
    CANCEL_MARGIN,
    CANCEL_THRESHOLD,
    Check,
    CheckContext,
    recreation_problems,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.matrix import server_can_live_patch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import baseline_of, decide_all, make_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method, Policy, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.scope import scope_text
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.selection import check_expressions, select_units
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import (
    Baseline,
    Strategy,
    Verdict,
    decide,
    degraded,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk, Looks
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import LogFile, Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus, diff
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.scheduler import Rollout, Scheduler
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server

PAIR_INTERVAL = "router.check.interval"
HEALTH_CHECKS = "router.health.checks.enabled"
HEALTH_RECREATION = "router.health.checks.failures.to.recreate.vr"
NO_VERSION = "The management servers have no single version"


# What decides whether a target needs the method at all.
WANTED_FOR = {
    Method.LIVE_PATCH: WantedMethod.LIVE_PATCH,
    Method.RESTART: WantedMethod.AUTO,
    Method.RECREATE: WantedMethod.RECREATE,
}


class RefusedError(SysvmError):
    """A target that must not be touched, found out before anything was."""


@dataclass(frozen=True)
class Targets:
    """What a module was told to act on, each by name or id. All empty means nothing."""

    system_vms: Sequence[str] = ()
    networks: Sequence[str] = ()
    vpcs: Sequence[str] = ()
    routers: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.system_vms) + len(self.networks) + len(self.vpcs) + len(self.routers)

    @property
    def kinds(self) -> frozenset[Kind]:
        """What has to be read to find them."""
        system_vms = {Kind.SSVM, Kind.CPVM} if self.system_vms else set()
        return frozenset(system_vms) | (ROUTER_KINDS if self.networks or self.vpcs or self.routers else set())


@dataclass(frozen=True)
class Request:
    """What a module was told to do.

    :ivar allow_degraded: recreate or restart also a redundant pair that is not healthy.
    :ivar fallback: recreate a unit whose live patch failed in a way that recreation cures.
    :ivar forced: patch a system VM although its scripts are the new ones.
    :ivar health_checks: run the routers' health checks afterwards, where a failing one makes the server do nothing.
    :ivar log: a file for progress lines; `label` says what their counts are of.
    :ivar stop_file: once it is there, nothing new is started.
    """

    targets: Targets
    method: Method
    limits: Limits
    allow_degraded: bool = False
    fallback: bool = False
    forced: bool = False
    health_checks: bool = False
    log: str | None = None
    label: str | None = None
    stop_file: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a module returns, and the message it fails with, if it does."""

    values: Mapping[str, Any]
    failure: str | None = None
    changed: bool = False
    diff: Mapping[str, str] | None = field(default=None)


def check_versions(
    client: Client,
    policy: Policy,
    fail_on_checks: bool,
    *,
    max_failures: str = "0",
    deadline: datetime | None = None,
    known_restarts: Sequence[Restart] = (),
) -> Outcome:
    """Read the cloud, apply the matrix, run the checks. Changes nothing.

    :param max_failures: how many units may fail, as a number or as a percentage of those to be upgraded.
    :param known_restarts: what an earlier report says of how networks were restarted last.
    :raises PolicyError: when the policy is wrong in itself or names what does not exist.
    """
    check_expressions(policy)
    parse_share(max_failures, 0, "max_failures")
    cloud = read_cloud(client)
    selected = select_units(cloud.units, cloud.zones, policy)
    if cloud.version is not None:
        target = str(cloud.version)
        selected = with_restarts(
            selected, read_restarts(client, selected, target, cloud.in_flight, time.time(), known_restarts)
        )
    context = CheckContext(cloud, decide_all(cloud, selected, policy), policy)
    plan = make_plan(_with_details(client, context))
    failed = plan.failed_checks
    failure = None
    if failed and fail_on_checks:
        failure = " ".join(f"{check.name}: {check.seen}. {check.remedy}" for check in failed)
    budget = parse_share(max_failures, sum(len(step.units) for step in plan.steps), "max_failures")
    scope = scope_text(policy, client.server, len(cloud.zones), deadline=deadline, budget=budget, share=max_failures)
    return Outcome(
        {
            "plan": {
                "scope": scope,
                "max_failures": budget,
                "deadline": deadline.isoformat(timespec="seconds") if deadline else None,
                **plan.as_dict(),
            },
            "checks": [check.as_dict() for check in plan.checks],
            "summary": plan.summary(),
            "management_server_version": plan.management_server_version,
        },
        failure,
    )


def upgrade(client: Client, request: Request, *, check_mode: bool = False) -> Outcome:
    """Act on the targets by one method and prove the result.

    :raises RefusedError: when a target does not exist or must not be touched that way; nothing was touched.
    """
    method = request.method
    target = _target(client, method)
    in_flight = read_in_flight(client)  # before the units: what a job does that ends meanwhile is then seen in them
    cloud = None if method is Method.LIVE_PATCH and not request.fallback else read_cloud(client)
    known = read_units(client, request.targets.kinds, details=False) if cloud is None else cloud.units
    baseline = (
        Baseline.of(target, (vm for unit in known for vm in unit.vms)) if cloud is None else baseline_of(cloud, target)
    )
    units = find_targets(known, request.targets, lambda: read_units(client))
    units = with_restarts(units, read_restarts(client, units, str(target), in_flight, time.time()))
    # A system VM that is stopped and started is to get a new disk, so it is recreated as far as the need is concerned.
    wanted = WantedMethod.RECREATE if method is Method.RESTART and request.targets.system_vms else WANTED_FOR[method]
    strategy = Strategy(wanted, allow_degraded=request.allow_degraded)
    verdicts = {unit.id: decide(unit, baseline, strategy) for unit in units}
    # Only of what is current are the rules all that there is to do; a patch applies them anyway.
    units = [unit if verdicts[unit.id].method is Method.RESTART else replace(unit, owed=()) for unit in units]
    _refuse_forbidden(units, verdicts)
    settled = {
        unit.id: result for unit in units if (result := _without_action(unit, verdicts[unit.id], request)) is not None
    }
    work = [unit for unit in units if unit.id not in settled]
    if cloud is not None and work:
        cloud = _with_details(client, _recreation(cloud, work)).cloud
        _refuse_what_cannot_come_back(cloud, work, method)

    def blocker(unit: Unit) -> str | None:
        recreation = decide(unit, baseline, Strategy(WantedMethod.RECREATE, allow_degraded=request.allow_degraded))
        if recreation.method is not Method.RECREATE:
            return recreation.reason
        return "; ".join(check.seen for check in _problems(cloud, [unit])) or None if cloud else None

    log_file = LogFile(request.log)
    progress = Progress(log_file, label=request.label)
    if check_mode:
        rollout = Rollout(tuple(_expected(unit, method, baseline) for unit in work))
    else:
        desk = Desk(
            Server(client),
            baseline,
            replace(request.limits, big_s=_big(client, work)),
            progress,
            _looks(client, work, request.health_checks),
            forced=request.forced,
            fallback_blocker=blocker if request.fallback and method is Method.LIVE_PATCH else None,
            known_vms={vm.id for unit in known for vm in unit.vms},
        )

        def retrying(error: ApiError, delay: float) -> None:
            desk.lose_contact()
            progress.retrying(error, delay)

        client.on_retry = retrying
        stop_file = request.stop_file
        scheduler = Scheduler(desk, interrupted=lambda: stop_file is not None and os.path.exists(stop_file))
        rollout = scheduler.run(work, method, in_flight)
    settled.update({result.unit.id: result for result in rollout.results})
    results = [settled[unit.id] for unit in units]
    values: dict[str, Any] = {
        "results": [result.as_dict() for result in results],
        "summary": dict(Counter(result.status.value for result in results)),
        "notes": list(rollout.notes),
        "guard": rollout.guard.value,
        "management_server_version": str(target),
    }
    if log_file.problem:
        values["warnings"] = [f"The log could not be written: {log_file.problem}"]
    return Outcome(
        values,
        failure=_failure(results, rollout),
        changed=any(result.submitted for result in rollout.results),
        diff=diff(result for result in results if result.submitted),
    )


def with_restarts(
    units: Iterable[Unit], found: Mapping[str, tuple[tuple[Owed, ...], tuple[Restart, ...]]]
) -> list[Unit]:
    """The units with what is known of their networks' last restarts."""
    nothing: tuple[tuple[Owed, ...], tuple[Restart, ...]] = ((), ())
    return [
        replace(unit, owed=owed, restarts=restarts)
        for unit in units
        for owed, restarts in (found.get(unit.id, nothing),)
    ]


def _big(client: Client, units: Sequence[Unit]) -> float:
    """From how many seconds on a unit runs alone: the server cancels what blocks others for too long."""
    if not any(unit.kind.is_router for unit in units):
        return math.inf
    minutes = Settings({CANCEL_THRESHOLD: read_setting(client, CANCEL_THRESHOLD) or ""})
    return CANCEL_MARGIN * 60 * minutes.number(CANCEL_THRESHOLD, 60)


def _looks(client: Client, units: Sequence[Unit], health_checks: bool) -> Looks:
    """How the server looks after the routers that are to be worked on."""
    interval: float | None = None
    if any(unit.elects for unit in units):
        setting = Settings({PAIR_INTERVAL: read_setting(client, PAIR_INTERVAL) or ""})
        interval = setting.number(PAIR_INTERVAL, 30)
    zones = {unit.zone_id for unit in units if unit.kind.is_router} if health_checks else set()
    fresh = {
        zone
        for zone in sorted(zones)
        if _valid_in(client, HEALTH_CHECKS, zone).lower() == "true" and not _valid_in(client, HEALTH_RECREATION, zone)
    }
    return Looks(interval if interval and interval > 0 else None, frozenset(fresh))


def _valid_in(client: Client, name: str, zone_id: str) -> str:
    """A setting's value in a zone: of its own, or the global one where it has none or cannot have any."""
    own = read_setting(client, name, zone_id)
    return (read_setting(client, name) if own is None else own) or ""


def _target(client: Client, method: Method) -> Version:
    """The version to upgrade to, once it is sure that this server can do it by this method."""
    target = common_version(read_management_servers(client))
    if target is None:
        raise RefusedError(f"{NO_VERSION}, so there is no version to upgrade to.", remedy="Upgrade them all first.")
    if method is Method.LIVE_PATCH and not server_can_live_patch(target):
        raise RefusedError(f"The management server is {target}; live patching exists since 4.17.")
    return target


def find_targets(known: Sequence[Unit], targets: Targets, read_all: Callable[[], Sequence[Unit]]) -> list[Unit]:
    """The units the targets name, in their order, each once.

    :param known: the units of the targets' kinds.
    :param read_all: reads all units, to say what an unknown name is.
    :raises RefusedError: for a name that nothing has, that two have, or that is of another sort.
    """
    wanted: dict[str, Unit] = {}
    for option, names, callable_by in (
        ("system_vms", targets.system_vms, _names_as(Kind.SSVM, Kind.CPVM)),
        ("networks", targets.networks, _names_as(Kind.NETWORK)),
        ("vpcs", targets.vpcs, _names_as(Kind.VPC)),
        ("routers", targets.routers, _names_of_routers),
    ):
        index: dict[str, list[Unit]] = {}
        for unit in known if names else ():
            for name in callable_by(unit):
                index.setdefault(name, []).append(unit)
        for name in names:
            found = index.get(name, [])
            if not found:
                raise RefusedError(f"{option}: {_no_such(read_all(), name)}")
            if len(found) > 1:
                raise RefusedError(
                    f"{option}: {len(found)} have the name {name!r}: {', '.join(unit.id for unit in found)}.",
                    remedy="Give the id instead of the name.",
                )
            wanted[found[0].id] = found[0]
    return list(wanted.values())


def _names_as(*kinds: Kind) -> Callable[[Unit], set[str]]:
    return lambda unit: {unit.id, unit.name} if unit.kind in kinds else set()


def _names_of_routers(unit: Unit) -> set[str]:
    return {name for vm in unit.vms for name in (vm.id, vm.name)} if unit.kind.is_router else set()


def _no_such(units: Sequence[Unit], name: str) -> str:
    """Say what the name is, where it is something else."""
    for unit in units:
        if unit.vpc and any(name in (tier.id, tier.name) for tier in unit.vpc.tiers):
            return f"{name!r} is a tier of VPC {unit.name}. The VPC is the unit: name it in vpcs."
        if any(name in (vm.id, vm.name) for vm in unit.vms) or name in (unit.id, unit.name):
            is_router = unit.kind.is_router
            option = "networks, vpcs or routers of cs_router_restart" if is_router else "cs_systemvm_livepatch"
            return f"{name!r} belongs to {unit.label}. Name it in {option}."
    return f"no such system VM, router, or network or VPC with a router: {name!r}. Check the spelling, or use the id."


def _refuse_forbidden(units: Iterable[Unit], verdicts: Mapping[str, Verdict]) -> None:
    forbidden = [why for unit in units for dummy, why in verdicts[unit.id].forbidden]
    if forbidden:
        raise RefusedError(f"Nothing was touched: {'; '.join(forbidden)}.")


def _refuse_what_cannot_come_back(cloud: Cloud, units: Sequence[Unit], method: Method) -> None:
    if method is Method.RECREATE:
        problems = _problems(cloud, units)
        if problems:
            told = "; ".join(check.seen for check in problems)
            raise RefusedError(f"Nothing was touched: {told}.", remedy=" ".join(check.remedy for check in problems))
    kept = [
        unit.vms[0].name
        for unit in units
        if method is Method.RESTART
        and unit.kind.is_system_vm
        and unit.vms[0].root_template_id == unit.vms[0].next_template_id
        and not cloud.settings.flag("recreate.systemvm.enabled", False)
    ]
    if kept:
        raise RefusedError(
            f"Nothing was touched: {', '.join(kept)} would keep the old disk when stopped and started.",
            remedy="Use mode: destroy.",
        )


def _problems(cloud: Cloud, units: Sequence[Unit]) -> list[Check]:
    """What speaks against recreating the units."""
    return recreation_problems(_recreation(cloud, units))


def _recreation(cloud: Cloud, units: Sequence[Unit]) -> CheckContext:
    return CheckContext(cloud, [(unit, Verdict(Method.RECREATE, "")) for unit in units], Policy())


def _with_details(client: Client, context: CheckContext) -> CheckContext:
    """The same with all that its checks look at."""
    recreates = bool(context.planned(Method.RECREATE))
    cloud = read_details(
        client, context.cloud, context.commands, recreates=recreates, touches_ssvm=context.touches_ssvm
    )
    return replace(context, cloud=cloud)


def _without_action(unit: Unit, verdict: Verdict, request: Request) -> UnitResult | None:
    """The result of a unit that gets no call; None for one that does."""
    method = request.method
    if verdict.method is Method.NONE:
        return UnitResult(unit, Method.NONE, UnitStatus.CURRENT, verdict.reason)
    # Stopping and starting does what a live patch does, and what recreation does where the disk is replaced.
    stronger = {Method.LIVE_PATCH, Method.RECREATE} if method is Method.RESTART else set()
    if unit.owed:
        return None  # whatever the method: its rules have to be applied
    if method is Method.RESTART and not request.allow_degraded and (why := degraded(unit)):
        return UnitResult(unit, Method.SKIP, UnitStatus.SKIPPED, why)
    if verdict.method is method or verdict.method in stronger:
        return None
    return UnitResult(unit, Method.SKIP, UnitStatus.SKIPPED, verdict.reason)


def _expected(unit: Unit, method: Method, baseline: Baseline) -> UnitResult:
    """What a run would be expected to return, for check mode."""
    after = tuple(replace(vm, state="Running", software=baseline.target) for vm in unit.vms)
    reason = f"would be upgraded to {baseline.target}"
    return UnitResult(unit, method, UnitStatus.UPGRADED, reason, after=after, submitted=True)


def _failure(results: Sequence[UnitResult], rollout: Rollout) -> str | None:
    bad = [result for result in results if not result.status.good]
    if not bad and rollout.error is None:
        return None
    counts = Counter(result.status.value.replace("_", " ") for result in results)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    told_of = [result for result in bad if result.status is not UnitStatus.NOT_STARTED]
    reasons = "; ".join(f"{result.unit.label}: {result.reason}" for result in told_of)
    return f"Not every target is proven to run the new software ({told}). {reasons or rollout.error}"
