# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read beside the units, by the module that plans and by those that act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Cloud
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.lists import Lists
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Restart, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.read import read_details
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import CHECKS, needed
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import Check, CheckContext


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
