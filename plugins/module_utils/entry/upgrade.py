# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the acting modules do: read, decide, refuse what must not be, then act on the targets and prove the result."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ApiError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.events import Events
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import read_in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Cloud,
    InFlight,
    Settings,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.lists import Lists
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.read import (
    read_cloud,
    read_setting,
    read_units,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.restarts import REMEMBERED_S
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.details import with_details, with_restarts
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.outcome import Outcome
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.permissions import refuse_what_may_not_be_called
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.matrix import TOO_OLD, server_can_live_patch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import (
    CHECKS,
    new_disk_problems,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import CheckContext
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.server import (
    CANCEL_THRESHOLD,
    HEALTH_CHECKS,
    HEALTH_RECREATION,
    big_s,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import (
    RefusedError,
    Targets,
    find_targets,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import (
    Baseline,
    Verdict,
    decide,
    degraded,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk, Looks
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.probing.probes import Probes, Probing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import LogFile, Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus, diff
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.scheduler import Rollout, Scheduler
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server

PAIR_INTERVAL = "router.check.interval"
KEEPS_DISK = "recreate.systemvm.enabled"
NO_VERSION = "The management servers have no single version"
# What decides whether a target needs the method at all.
WANTED_FOR = {
    Method.LIVE_PATCH: WantedMethod.LIVE_PATCH,
    Method.RESTART: WantedMethod.AUTO,
    Method.RECREATE: WantedMethod.RECREATE,
}


@dataclass(frozen=True)
class Request:
    """What a module was told to do.

    :ivar allow_degraded: recreate or restart also a redundant pair that is not healthy.
    :ivar fallback: recreate a unit whose live patch failed in a way that recreation cures.
    :ivar forced: patch a system VM although its scripts are the new ones.
    :ivar health_checks: run the routers' health checks afterwards, where a failing one makes the server do nothing.
    :ivar probing: how what the units serve is watched from outside; None if it is not.
    :ivar log: a file for progress lines; C(label) says what their counts are of.
    :ivar stop_file: once it is there, nothing new is started.
    """

    targets: Targets
    method: Method
    limits: Limits
    allow_degraded: bool = False
    fallback: bool = False
    forced: bool = False
    health_checks: bool = False
    probing: Probing | None = None
    log: str | None = None
    label: str | None = None
    stop_file: str | None = None


@dataclass(frozen=True)
class Facts:
    """What was read.

    :ivar units: those that the targets name.
    :ivar known: all of their kinds.
    :ivar cloud: all the rest; None where nothing can get a new disk.
    """

    target: Version
    units: Sequence[Unit]
    known: Sequence[Unit]
    baseline: Baseline
    in_flight: Sequence[InFlight]
    cloud: Cloud | None


@dataclass(frozen=True)
class Orders:
    """What was decided: the results of units that get no call, and the units that do."""

    settled: Mapping[str, UnitResult]
    work: Sequence[Unit]


def upgrade(client: Client, request: Request, *, check_mode: bool = False) -> Outcome:
    """Act on the targets by one method and prove the result.

    :raises RefusedError: when a target does not exist or must not be touched that way; nothing was touched.
    """
    lists = Lists.of(client)
    facts = _read(lists, request)
    orders = _decide(facts, request)
    if facts.cloud is not None and orders.work:
        facts = replace(facts, cloud=_with_details(lists, facts.cloud, orders, request))
        _refuse_what_cannot_come_back(facts, orders, request)
    if request.method is Method.LIVE_PATCH:  # what may get a new disk has a check for this
        refuse_what_may_not_be_called(client, _commands(orders, request))
    log_file = LogFile(request.log)
    if check_mode:
        rollout = Rollout(tuple(_expected(unit, request.method, facts.target) for unit in orders.work))
    else:
        rollout = _roll_out(lists, facts, orders, request, log_file)
    return _outcome(facts, orders, rollout, log_file)


def _read(lists: Lists, request: Request) -> Facts:
    method = request.method
    target = _target(lists)
    events = Events(lists, time.time() - 2 * REMEMBERED_S)
    in_flight = read_in_flight(
        lists, events=events
    )  # before the units: what a job does that ends meanwhile is then seen in them
    if method is Method.LIVE_PATCH and not request.fallback:
        cloud = None
        known: Sequence[Unit] = read_units(lists, request.targets.kinds, details=False)
        baseline = Baseline.of(target, (vm for unit in known for vm in unit.vms))
    else:
        cloud = read_cloud(lists)
        known = cloud.units
        baseline = Baseline.of_cloud(target, cloud)
    units = find_targets(known, request.targets, lambda: read_units(lists))
    verdicts = ((unit.id, decide(unit, baseline, _strategy(unit, request))) for unit in units)
    current = {unit_id for unit_id, verdict in verdicts if verdict.method is Method.NONE}
    units = with_restarts(events, units, current, in_flight, target=str(target))
    return Facts(target, units, known, baseline, in_flight, cloud)


def _decide(facts: Facts, request: Request) -> Orders:
    """What happens to each target. Pure.

    :raises RefusedError: for what the matrix forbids.
    """
    verdicts = {unit.id: decide(unit, facts.baseline, _strategy(unit, request)) for unit in facts.units}
    forbidden = [why for unit in facts.units for dummy, why in verdicts[unit.id].forbidden]
    if forbidden:
        raise RefusedError(f"Nothing was touched: {'; '.join(forbidden)}.")
    settled: dict[str, UnitResult] = {}
    work: list[Unit] = []
    for unit in facts.units:
        verdict = verdicts[unit.id]
        # Only of what is current are the rules all that there is to do; a patch applies them anyway.
        to_do = unit if verdict.method is Method.RESTART else replace(unit, owed=())
        result = _without_action(to_do, verdict, request)
        if result is None:
            work.append(to_do)
        else:
            settled[unit.id] = result
    return Orders(settled, work)


def _strategy(unit: Unit, request: Request) -> Strategy:
    """What decides whether the unit needs the method.

    What is restarted for a new disk, system VMs and the routers of a Basic zone, is recreated as far as that goes.
    """
    for_new_disk = request.method is Method.RESTART and (unit.kind.is_system_vm or unit.per_pod)
    wanted = WantedMethod.RECREATE if for_new_disk else WANTED_FOR[request.method]
    return Strategy(wanted, allow_degraded=request.allow_degraded)


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


def _with_details(lists: Lists, cloud: Cloud, orders: Orders, request: Request) -> Cloud:
    """With what the checks of new disks look at."""
    checks = [check for check in CHECKS if check.new_disks]
    may_recreate = request.fallback and request.method is Method.LIVE_PATCH
    context = _context(cloud, orders.work, Method.RECREATE if may_recreate else request.method)
    return with_details(lists, context, checks, [KEEPS_DISK]).cloud


def _context(cloud: Cloud, units: Iterable[Unit], method: Method, parallel: int = 1) -> CheckContext:
    return CheckContext(cloud, [(unit, Verdict(method, "")) for unit in units], Policy(), parallel=parallel)


def _refuse_what_cannot_come_back(facts: Facts, orders: Orders, request: Request) -> None:
    method = request.method
    if facts.cloud is None or method is Method.LIVE_PATCH:
        return  # a fallback asks for each unit when its time comes
    problems = new_disk_problems(_context(facts.cloud, orders.work, method, request.limits.parallel))
    if problems:
        seen = "; ".join(answer.seen for answer in problems)
        raise RefusedError(f"Nothing was touched: {seen}.", remedy=" ".join(answer.remedy for answer in problems))
    untold = [
        unit.vms[0].name
        for unit in orders.work
        if method is Method.RESTART and unit.kind.is_system_vm and unit.vms[0].root_template_id is None
    ]
    if untold:
        raise RefusedError(
            f"Nothing was touched: the server does not list the disk of {', '.join(untold)}, so nothing would prove a "
            "new one.",
            remedy="Use mode: destroy.",
        )
    kept = [
        unit.vms[0].name
        for unit in orders.work
        if method is Method.RESTART
        and unit.kind.is_system_vm
        and unit.vms[0].root_template_id == unit.vms[0].next_template_id
        and not facts.cloud.settings.flag(KEEPS_DISK, False)
    ]
    if kept:
        raise RefusedError(
            f"Nothing was touched: {', '.join(kept)} would keep the old disk when stopped and started.",
            remedy="Use mode: destroy.",
        )


def _commands(orders: Orders, request: Request) -> frozenset[str]:
    """What carrying them out sends."""
    verdicts = [(unit, Verdict(request.method, "")) for unit in orders.work]
    policy = Policy(strategy=Strategy(fallback=request.fallback))
    return CheckContext(Cloud((), (), (), (), ()), verdicts, policy).commands


def _roll_out(lists: Lists, facts: Facts, orders: Orders, request: Request, log_file: LogFile) -> Rollout:
    client = lists.client
    progress = Progress(log_file, label=request.label)
    probes = request.probing.open(client, orders.work) if request.probing else Probes()
    desk = Desk(
        Server(lists),
        facts.baseline,
        replace(request.limits, big_s=_big(client, orders.work)),
        progress,
        _looks(client, orders.work, request.health_checks),
        probes,
        forced=request.forced,
        fallback_blocker=_fallback_blocker(facts, request),
        known_vms={vm.id for unit in facts.known for vm in unit.vms},
    )

    def retrying(error: ApiError, delay: float) -> None:
        desk.lose_contact()
        progress.retrying(error, delay)

    client.on_retry = retrying
    scheduler = Scheduler(desk, interrupted=stop_asked(request.stop_file))
    try:
        return scheduler.run(orders.work, request.method, facts.in_flight)
    finally:
        probes.close()


def _fallback_blocker(facts: Facts, request: Request) -> Callable[[Unit], str | None] | None:
    """Says what speaks against recreating a unit whose live patch failed; None where that is not wanted at all."""
    cloud = facts.cloud
    if not request.fallback or request.method is not Method.LIVE_PATCH or cloud is None:
        return None

    def blocker(unit: Unit) -> str | None:
        strategy = Strategy(WantedMethod.RECREATE, allow_degraded=request.allow_degraded)
        recreation = decide(unit, facts.baseline, strategy)
        if recreation.method is not Method.RECREATE:
            return recreation.reason
        problems = new_disk_problems(_context(cloud, [unit], Method.RECREATE))
        return "; ".join(answer.seen for answer in problems) or None

    return blocker


def _outcome(facts: Facts, orders: Orders, rollout: Rollout, log_file: LogFile) -> Outcome:
    by_id = {**orders.settled, **{result.unit.id: result for result in rollout.results}}
    results = [by_id[unit.id] for unit in facts.units]
    values: dict[str, Any] = {
        "results": [result.as_dict() for result in results],
        "summary": dict(Counter(result.status.value for result in results)),
        "notes": list(rollout.notes),
        "guard": rollout.guard.value,
        "management_server_version": str(facts.target),
    }
    if log_file.problem:
        values["warnings"] = log_file.warnings
    return Outcome(
        values,
        failure=_failure(results, rollout),
        changed=any(result.submitted for result in rollout.results),
        diff=lambda: diff(result for result in results if result.submitted),
    )


def _target(lists: Lists) -> Version:
    """The version to upgrade to, once it is sure that anything can be done and proven on this server."""
    target = version_of_all(lists, "upgrade to")
    if not server_can_live_patch(target):
        raise RefusedError(
            f"Nothing was touched: the management server is {target}; {TOO_OLD}.",
            remedy="Upgrade the management server first.",
        )
    return target


def version_of_all(lists: Lists, purpose: str) -> Version:
    """The one version that all management servers run.

    :param purpose: what it is needed for, in words.
    :raises RefusedError: while they differ.
    """
    target = lists.version
    if target is None:
        raise RefusedError(f"{NO_VERSION}, so there is no version to {purpose}.", remedy="Upgrade them all first.")
    return target


def stop_asked(stop_file: str | None) -> Callable[[], bool]:
    """Tells whether the file is there that stops a run."""
    return lambda: stop_file is not None and os.path.exists(stop_file)


def _big(client: Client, units: Sequence[Unit]) -> float:
    """From how many seconds on a unit runs alone."""
    if not any(unit.kind.is_router for unit in units):
        return math.inf
    return big_s(Settings({CANCEL_THRESHOLD: read_setting(client, CANCEL_THRESHOLD) or ""}))


def _looks(client: Client, units: Sequence[Unit], health_checks: bool) -> Looks:
    """How the server looks after the routers that are to be worked on."""
    interval: float | None = None
    if any(unit.elects for unit in units):
        setting = Settings({PAIR_INTERVAL: read_setting(client, PAIR_INTERVAL) or ""})
        interval = setting.number(PAIR_INTERVAL, 30)
    zones = health_zones(client, units) if health_checks else frozenset()
    return Looks(interval if interval and interval > 0 else None, zones, health_checks)


def health_zones(client: Client, units: Iterable[Unit]) -> frozenset[str]:
    """The zones of routers where fresh health checks may be asked for."""
    zones = sorted({unit.zone_id for unit in units if unit.kind.is_router})
    return frozenset(
        zone
        for zone in zones
        if _valid_in(client, HEALTH_CHECKS, zone).lower() == "true" and not _valid_in(client, HEALTH_RECREATION, zone)
    )


def _valid_in(client: Client, name: str, zone_id: str) -> str:
    """A setting's value in a zone: of its own, or the global one where it has none or cannot have any."""
    own = read_setting(client, name, zone_id)
    return (read_setting(client, name) if own is None else own) or ""


def _expected(unit: Unit, method: Method, target: Version) -> UnitResult:
    """What a run would be expected to return, for check mode."""
    after = tuple(replace(vm, state="Running", software=target) for vm in unit.vms)
    reason = f"would be upgraded to {target}"
    return UnitResult(unit, method, UnitStatus.UPGRADED, reason, after=after, submitted=True)


def _failure(results: Sequence[UnitResult], rollout: Rollout) -> str | None:
    bad = [result for result in results if not result.status.good]
    if not bad and rollout.error is None:
        return None
    counts = Counter(result.status.value.replace("_", " ") for result in results)
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    reasons = "; ".join(
        f"{result.unit.label}: {result.reason}" for result in bad if result.status is not UnitStatus.NOT_STARTED
    )
    return f"Not every target is proven to run the new software ({summary}). {reasons or rollout.error}"
