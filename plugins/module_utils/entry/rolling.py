# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the settings that a rollout goes by, and carries it out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..api.client import Client
from ..cloud import items as parse
from ..cloud.lists import Lists
from ..cloud.model import Unit
from ..cloud.read import read_setting, settings_of
from ..knowledge.versions import Version, parse_version
from ..knowledge.vocabulary import Kind
from ..planning.checks.management_server import (
    CANCEL_THRESHOLD,
    HEALTH_CHECKS,
    HEALTH_RECREATION,
    PAIR_INTERVAL,
    PAIR_POOL,
    big_s,
    settles_s,
)
from ..probing.probes import Probes
from ..rollout.control import Control
from ..rollout.progress import LogFile, Progress
from ..rollout.scheduler import Scheduler
from ..rollout.server import Server
from ..rollout.submitter import Guard
from ..rollout.surroundings import Rollout, Surroundings
from ..units.conditions import Standard
from .orders import CloudFacts, Orders, Request

VERSION_CHECK = "router.version.check"


def roll_out(lists: Lists, facts: CloudFacts, orders: Orders, request: Request, log_file: LogFile) -> Rollout:
    """Upgrade what is to be worked on."""
    client, units = lists.client, orders.work
    probes = request.probing.open(client, units) if request.probing else Probes()
    baseline = replace(facts.baseline, minimums=minimum_versions(client, units))
    around = Surroundings(
        Standard(baseline, _pair_settles(client, units, sum(unit.redundant for unit in facts.known))),
        replace(request.limits, big_s=_big(client, units)),
        Progress(log_file, label=request.label),
        probes,
        guard=Guard(request.guard),
        known_vms=frozenset(vm.id for unit in facts.known for vm in unit.vms),
        health_zones=health_zones(client, units) if request.want.looks_inside else frozenset(),
        lost_after_s=client.retry_limit,
        interrupted=request.is_interrupted,
        control=Control(request.control),
    )
    routers = sum(len(unit.vms) for unit in facts.known if unit.kind.is_router)
    server = Server(lists, router_pages=max(1, -(-routers // client.page_size)))
    client.patient = False  # from here on the scheduler decides what is asked again, and when
    try:
        return Scheduler(server, around).run(units, lambda unit: request.of(orders.want, unit), facts.in_flight)
    finally:
        client.patient = True
        probes.close()


def health_zones(client: Client, units: Iterable[Unit]) -> frozenset[str]:
    """The zones of routers where fresh health checks may be asked for."""
    zones = sorted({unit.zone_id for unit in units if unit.kind.is_router})
    return frozenset(
        zone
        for zone in zones
        if _valid_in(client, HEALTH_CHECKS, zone).lower() == "true" and not _valid_in(client, HEALTH_RECREATION, zone)
    )


def _big(client: Client, units: Sequence[Unit]) -> float:
    """From how many seconds on a unit runs alone."""
    if not any(unit.kind.is_router for unit in units):
        return math.inf
    return big_s(settings_of(client, CANCEL_THRESHOLD))


def _pair_settles(client: Client, units: Sequence[Unit], pairs: int) -> float | None:
    """How long after a job the server has surely looked at a pair again; None where it never does."""
    if not any(unit.kind in (Kind.NETWORK, Kind.VPC) for unit in units):  # owners may make one redundant meanwhile
        return None
    return settles_s(settings_of(client, PAIR_INTERVAL, PAIR_POOL), pairs)


def minimum_versions(client: Client, units: Sequence[Unit]) -> dict[str, Version]:
    """Of each zone the version of a template below which a router is sent rules only while its checksum is the server's
    own (NetworkHelperImpl.checkRouterVersion); none where the server does not look at it."""
    zones = sorted({unit.zone_id for unit in units if unit.kind.is_router})
    if not zones or (read_setting(client, VERSION_CHECK) or "true").lower() != "true":
        return {}
    found = {zone: parse_version(_valid_in(client, parse.MINIMUM_VERSION, zone)) for zone in zones}
    return {zone: minimum for zone, minimum in found.items() if minimum is not None}


def _valid_in(client: Client, name: str, zone_id: str) -> str:
    """A setting's value in a zone: of its own, or the global one where it has none or cannot have any."""
    own = read_setting(client, name, zone_id)
    return (read_setting(client, name) if own is None else own) or ""
