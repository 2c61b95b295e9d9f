# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened before the simulator began: the events of an estate's history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.simulator.estate_schema import PAST, EstateError, check
from tests.simulator.events import Event
from tests.simulator.jobs import EventPlan
from tests.simulator.plans import patch_of_systemvm, restart_of_network, restart_of_vpc
from tests.simulator.world import World

ENDS = ("completed", "failed", "lost")
"""failed: the server threw an error; a restart that merely returned false is completed. lost: the server died."""


@dataclass
class Past:
    """One command of the past, with when it began and ended."""

    plan: EventPlan
    began: float
    ended: float
    end: str

    def events(self) -> Iterator[tuple[float, str, str, str]]:
        """Its events as (when, state, level, description)."""
        plan = self.plan
        yield self.began, "Scheduled", "INFO", plan.scheduled
        if plan.started is not None:
            yield self.began, "Started", "INFO", plan.started
        if self.end == "completed" and plan.completed is not None:
            yield self.ended, "Completed", "INFO", plan.completed
        if self.end == "failed" and plan.failed is not None:
            yield self.ended, "Completed", "ERROR", plan.failed


def plans_for(world: World, spec: dict[str, Any]) -> list[EventPlan]:
    """The events of whatever the entry names; a name may be a pattern."""
    networks, vpcs, vms = spec.get("network"), spec.get("vpc"), spec.get("systemvm")
    return [
        *(restart_of_network(each) for each in world.networks if networks and fnmatchcase(each.name, networks)),
        *(restart_of_vpc(each) for each in world.vpcs if vpcs and fnmatchcase(each.name, vpcs)),
        *(
            patch_of_systemvm(each, world.caller)
            for each in world.systemvms
            if vms and (fnmatchcase(each.name, vms) or each.type == vms)
        ),
    ]


def commands(world: World, spec: dict[str, Any], plans: list[EventPlan]) -> Iterator[Past]:
    for number in range(spec.get("count", 1)):
        began = world.started - spec["ago"] + number * spec.get("every", 86400)
        for plan in plans:
            yield Past(plan, began, began + spec.get("seconds", 0), spec.get("end", "completed"))


def write(world: World, past: list[Past]) -> None:
    """Into the event log, in the order in which they happened."""
    scheduled: dict[int, Event] = {}
    entries = [(when, nr, rest) for nr, each in enumerate(past) for when, *rest in each.events()]
    # What one command leaves at one time keeps its order.
    for when, nr, (state, level, text) in sorted(entries, key=lambda entry: entry[:2]):
        plan, parent = past[nr].plan, scheduled.get(nr)
        event = world.events.add(
            plan.type,
            state,
            text,
            plan.owner if parent is None else world.caller,
            when,
            level=level,
            resource=plan.resource,
            parent=parent.id if parent is not None else None,
        )
        scheduled.setdefault(nr, event)


def happen(world: World, specs: list[Any]) -> None:
    """An estate's history section."""
    past: list[Past] = []
    for index, spec in enumerate(specs):
        where = f"history[{index}]"
        check(spec, PAST, where)
        if "ago" not in spec:
            raise EstateError(f"{where}: ago is missing")
        if spec.get("end", "completed") not in ENDS:
            raise EstateError(f"{where}.end: {spec['end']!r} is not one of {', '.join(ENDS)}")
        plans = plans_for(world, spec)
        if not plans:
            raise EstateError(f"{where}: there is no such network, vpc or systemvm")
        past += commands(world, spec, plans)
    write(world, past)
