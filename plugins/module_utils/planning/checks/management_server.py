# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the management servers: one version, what they can do, what this account may call, their settings."""

from __future__ import annotations

from collections.abc import Iterator

from ...cloud.infrastructure import Settings
from ...cloud.restarts import JOB_EXPIRY, REMEMBERED_S
from ...knowledge import matrix
from ...knowledge.counts import count
from ...knowledge.differences import SHUTDOWN_LETS_JOBS_END
from ...knowledge.durations import rough
from ...knowledge.permissions import REMEDY
from ...knowledge.vocabulary import Method
from ...units.expected import expected_seconds, pair_settles_s
from .registry import Against, CheckContext, CheckStatus, check

# A cancelled job leaves a unit half done: stay well below the server's threshold.
CANCEL_MARGIN = 0.5
CANCEL_THRESHOLD = "job.cancel.threshold.minutes"
EXPIRY_MINUTES = REMEMBERED_S / 60
NIGHT_MINUTES = 12 * 60
MANY_PAIRS = 100
PORT = "integration.api.port"
ROLLING = "network.rolling.restart"
PAIR_INTERVAL = "router.check.interval"
PAIR_POOL = "router.check.poolsize"
HEALTH_CHECKS = "router.health.checks.enabled"
HEALTH_RECREATION = "router.health.checks.failures.to.recreate.vr"


def big_s(settings: Settings) -> float:
    """From how many seconds on a unit runs alone: the server cancels what blocks others for too long."""
    return CANCEL_MARGIN * 60 * settings.number(CANCEL_THRESHOLD, 60)


def settles_s(settings: Settings, pairs: int) -> float | None:
    """How long after a job the server has surely looked at each of so many pairs again; None where it never does."""
    return pair_settles_s(settings.number(PAIR_INTERVAL, 30), settings.number(PAIR_POOL, 10), pairs)


def _servers(context: CheckContext) -> str:
    up = [server for server in context.cloud.management_servers if server.up]
    return ", ".join(f"{server.name} {server.version}" for server in up) or "none is Up"


@check(
    "management_servers",
    "Do all management servers run one version?",
    worst=CheckStatus.FAIL,
    remedy="Upgrade all management servers to one version first; a live patch takes the files of the newest.",
    fine=_servers,
    guards=True,
)
def management_servers(context: CheckContext) -> Iterator[str | Against]:
    servers = context.cloud.management_servers
    unreadable = [server for server in servers if server.up and server.parsed is None]
    for server in unreadable:
        yield Against(
            f"the version of {server.name}, {server.version!r}, is no version",
            remedy="See listManagementServers; nothing can be compared with it.",
        )
    if context.cloud.version is None and not unreadable:
        yield f"no single version: {_servers(context)}"
    survives = SHUTDOWN_LETS_JOBS_END.holds(context.cloud.version)
    for server in servers:
        breaks_off = server.leaving and not survives
        if server.takes_no_jobs:
            yield Against(
                f"{server.name} is {server.state}, so it takes no jobs"
                + (", and restarts under way break off" if breaks_off else ""),
                CheckStatus.FAIL if breaks_off else CheckStatus.WARN,
                "Wait until it is gone or back, or cancel it (cancelShutdown, cancelMaintenance).",
            )


@check(
    "live_patch_support",
    "Can anything be done on this release, and can it live patch?",
    worst=CheckStatus.FAIL,
    remedy="Upgrade the management server to 4.17 or newer first; O(target_version) shows the plan for then.",
    fine="the server is 4.17 or newer, and restartNetwork knows livepatch where that is planned",
    guards=True,
)
def live_patch_support(context: CheckContext) -> Iterator[str]:
    target, can = context.cloud.version, context.cloud.capabilities
    if target is not None and not matrix.server_can_live_patch(target):
        yield f"the management server is {target}: {matrix.TOO_OLD}"
    elif (
        context.planned(Method.LIVE_PATCH) and can.has("restartNetwork") and not can.has("restartNetwork", "livepatch")
    ):
        yield (
            "restartNetwork of this server has no parameter livepatch (listApis); it would be ignored and the network "
            "merely restarted"
        )


@check(
    "lists",
    "Do the server's lists agree with each other?",
    worst=CheckStatus.FAIL,
    remedy="Run the check again: something may have changed meanwhile. If it stays so, look at what is named, and at "
    "what stands between here and the management server. Nothing is done to what is concerned.",
    fine="what one list names, the others show",
)
def lists(context: CheckContext) -> Iterator[str]:
    yield from context.cloud.doubts


@check(
    "permissions",
    "May this account call what the plan sends?",
    worst=CheckStatus.FAIL,
    remedy=f"{REMEDY} patchSystemVm is for accounts of type root admin only.",
    fine="every command the plan needs may be called",
    new_disks=True,
)
def permissions(context: CheckContext) -> Iterator[str]:
    missing = sorted(command for command in context.commands if not context.cloud.capabilities.has(command))
    if missing:
        yield f"this account may not call, or the server does not know: {', '.join(missing)}"


def _minimums(context: CheckContext) -> str:
    return ", ".join(f"{zone.name} {zone.minimum_version or 'unset'}" for zone in context.cloud.zones)


@check(
    "minreq.sysvmtemplate.version",
    "Are routers that are live patched from a template below the server's minimum?",
    one="router stays on a template below the minimum",
    many="routers stay on a template below the minimum",
    remedy="After the live patch the server accepts them by their scripts checksum alone. That is supported; if a "
    "router then says 'Router requires upgrade', patch it again or recreate it.",
    fine=_minimums,
)
def minimum_version(context: CheckContext) -> Iterator[str]:
    minimum = {zone.id: zone.minimum_version for zone in context.cloud.zones}
    for unit in context.planned(Method.LIVE_PATCH):
        for vm in unit.vms:
            required = minimum.get(vm.zone_id)
            if vm.is_router and vm.built_from and required and vm.built_from < required:
                yield f"{vm.name} from {vm.built_from}, minimum {required}"


@check(
    ROLLING,
    "Is a new router deployed beside the old one?",
    remedy="Set it to true (it is dynamic), and the new router is deployed beside the old one.",
    fine="routers are replaced by new ones beside them, or none is recreated",
    settings=(ROLLING,),
    concerns=lambda context: any(unit.kind.is_router for unit in context.planned(Method.RECREATE)),
)
def rolling_restart(context: CheckContext) -> Iterator[str]:
    if not context.cloud.settings.flag(ROLLING, True):
        routers = [unit for unit in context.planned(Method.RECREATE) if unit.kind.is_router]
        one, many = "network or VPC has", "networks and VPCs have"
        yield f"it is false: {count(len(routers), one, many)} no router until the new one is up"


@check(
    PORT,
    "Is the unauthenticated API closed?",
    remedy="Set it to 0 and restart the management server: anyone who reaches this port is root admin. Nothing here "
    "needs it.",
    fine="closed",
    settings=(PORT,),
)
def integration_port(context: CheckContext) -> Iterator[str]:
    port = context.cloud.settings.number(PORT, 0)
    if port > 0:
        yield f"the unauthenticated API is open on port {port:.0f}"


@check(
    HEALTH_RECREATION,
    "Does the server recreate routers on its own?",
    remedy="Empty it for the time of the upgrade: services restart during a live patch and a check may fail, and with "
    "router_version_check.py every router may be recreated.",
    fine="the server recreates no router on its own",
    settings=(HEALTH_RECREATION, HEALTH_CHECKS),
    concerns=lambda context: (
        any(unit.kind.is_router for unit in context.pending)
        and any(zone.settings.values.get(HEALTH_RECREATION, "not known of it") for zone in context.cloud.zones)
    ),
)
def health_check_recreation(context: CheckContext) -> Iterator[str]:
    if not context.cloud.settings.flag(HEALTH_CHECKS, True):
        return
    for zone in context.cloud.zones:
        if failures := context.in_zone(zone, HEALTH_RECREATION):
            yield f"routers of zone {zone.name} that fail {failures} are recreated by the server on its own"


@check(
    CANCEL_THRESHOLD,
    "Does the server give its jobs enough time?",
    remedy="Raise the setting (it is dynamic) before the upgrade, or the server may cancel these jobs half done.",
    fine=lambda context: (
        f"{context.cloud.settings.number(CANCEL_THRESHOLD, 60):.0f} minutes, longer than any unit is expected to take"
    ),
    settings=(CANCEL_THRESHOLD,),
)
def job_cancel_threshold(context: CheckContext) -> Iterator[str | Against]:
    minutes = context.cloud.settings.number(CANCEL_THRESHOLD, 60)
    long = [
        f"{unit.label} about {expected_seconds(unit, verdict.method) / 60:.0f} min"
        for unit, verdict in context.verdicts
        if expected_seconds(unit, verdict.method) > big_s(context.cloud.settings)
    ]
    if long:
        yield f"{minutes:.0f} minutes, but expected: {'; '.join(long)}"


@check(
    JOB_EXPIRY,
    "Does the server remember its jobs for a night?",
    remedy="Raise the setting for the time of the upgrade (1440 by default), or keep the report of each run where the "
    "next finds it: it remembers which networks lack their rules.",
    fine=lambda context: f"{context.cloud.settings.number(JOB_EXPIRY, EXPIRY_MINUTES):.0f} minutes",
    settings=(JOB_EXPIRY,),
)
def job_expiry(context: CheckContext) -> Iterator[str]:
    """The server forgets ended jobs, and running ones as well (AsyncJobManagerImpl)."""
    minutes = context.cloud.settings.number(JOB_EXPIRY, EXPIRY_MINUTES)
    if minutes < NIGHT_MINUTES:
        yield f"it forgets them after {minutes:.0f} minutes, and with them how the restarts of this night ended"


@check(
    PAIR_POOL,
    "Does the server look often enough at what redundant pairs elect?",
    remedy=f"A pair is proven once the server has looked at it again. Raise {PAIR_POOL} (and {PAIR_INTERVAL}, where it "
    "is 0) and restart the management servers before the upgrade, or allow for the time.",
    fine="it looks at each pair often enough",
    settings=(PAIR_INTERVAL, PAIR_POOL),
    concerns=lambda context: any(unit.elects for unit in context.pending),
)
def looks_at_pairs(context: CheckContext) -> Iterator[str]:
    pairs = sum(unit.elects for unit in context.cloud.units)
    lasts_s = settles_s(context.cloud.settings, pairs)
    if lasts_s is None:
        yield f"{PAIR_INTERVAL} is 0: the server never looks, so no pair can be proven whole"
    elif pairs > MANY_PAIRS:
        yield f"of {pairs} pairs a look may be {rough(lasts_s)} old; each unit that is one takes so much longer"
