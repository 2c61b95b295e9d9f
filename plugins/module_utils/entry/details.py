# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read beside the units, by the module that plans and by those that act."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ..cloud.events import Events
from ..cloud.infrastructure import Cloud, InFlight, Settings
from ..cloud.lists import Lists
from ..cloud.model import Owed, Restart, Unit
from ..cloud.read import read_details, settings_of
from ..cloud.restarts import JOB_EXPIRY, REMEMBERED_S, Memory, Report, read_restarts
from ..planning.checks.catalogue import CHECKS, needed
from ..planning.checks.registry import Check, CheckContext


def with_restarts(
    events: Events,
    units: Sequence[Unit],
    current: Collection[str],
    in_flight: Sequence[InFlight],
    target: str,
    memory: Memory | None = None,
) -> list[Unit]:
    """The units with what is known of their networks' last restarts, and what they are owed.

    :param current: ids of those that need nothing else; of others nothing is asked, as all that is done to them applies
        rules anyway.
    :param target: the version that is upgraded to.
    :param memory: where it is known for how long the server knows its jobs, or what an earlier report says.
    """
    of_these = [unit for unit in units if unit.id in current and unit.network_ids]
    found: Mapping[str, tuple[tuple[Owed, ...], tuple[Restart, ...]]] = {}
    if of_these:
        if memory is None:
            memory = Memory(remembered_s=remembered(settings_of(events.lists.client, JOB_EXPIRY)))
        found = read_restarts(events, of_these, target, in_flight, time.time(), memory)
    report = Report.of(memory.known if memory else ())
    return [
        replace(unit, owed=owed, restarts=restarts)
        for unit in units
        for owed, restarts in (found.get(unit.id) or ((), report.of_unit(unit)),)
    ]


def remembered(settings: Settings) -> float:
    """For how many seconds the server knows its jobs."""
    return 60 * settings.number(JOB_EXPIRY, REMEMBERED_S / 60)


def with_details(
    lists: Lists, context: CheckContext, checks: Sequence[Check] = CHECKS, settings: Iterable[str] = ()
) -> CheckContext:
    """The same with all that the checks look at.

    :param settings: further ones.
    """
    wanted, needs = needed(context, checks)
    wanted = (wanted | set(settings)) - _in_every_zone(context.cloud)
    commands = () if context.cloud.capabilities.everything else context.commands
    cloud = read_details(lists, context.cloud, commands, wanted, needs)
    return replace(context, cloud=cloud)


def _in_every_zone(cloud: Cloud) -> frozenset[str]:
    """Settings that are known of each zone, so that no global value is asked for."""
    known = [frozenset(zone.settings.values) for zone in cloud.zones]
    return frozenset.intersection(*known) if known else frozenset()
