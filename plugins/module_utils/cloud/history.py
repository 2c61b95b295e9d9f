# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long restarts and patches of this cloud took: from the server's events, and from the last report.

An event tells neither the method nor whether it ended well: a live patch, a plain restart and a restart with cleanup
leave the same NETWORK.RESTART events, and one that returned false says "Successfully completed". What does tell:

* a ROUTER.STOP event with the restart as its parent: the server replaced a router, and writes it only when the new one
  is up (recorded in rules_fail.jsonl; NetworkOrchestrator.rollingRestartRouters, VpcManagerImpl.rollingRestartVpc);
* the id of the job, where it was ours and is known to have succeeded (Restart, from cloud.restarts).

All others are left out. A live patch of a system VM leaves nothing but a Scheduled event, so only a report tells of it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .events import Events
from .job_ids import Purpose, purpose_of
from .model import Restart, Unit
from .moments import TOLERANCE_S, moment

NETWORK_RESTART, VPC_RESTART, ROUTER_STOP = "NETWORK.RESTART", "VPC.RESTART", "ROUTER.STOP"

# Servers keep events for event.purge.delay days (15 by default, 0 = for ever); older ones say little about today.
WINDOW_S = 30 * 24 * 3600.0
# Of each type: with 500 events a page the last 330 restarts. It is an estimate; more would not make it better.
MOST_PAGES = 2
# Events tell whole seconds, so what has none took half of one on average.
SHORTEST_S = 0.5


class Operation(str, enum.Enum):
    """What was done; the first three as the methods of a plan."""

    LIVE_PATCH = "live_patch"
    RECREATE = "recreate"
    RESTART = "restart"  # stopped and started
    APPLY_RULES = "apply_rules"  # one network restarted without cleanup


@dataclass(frozen=True)
class Took:
    """One thing that was done, and how long it took.

    :ivar ids: by which the unit may be found: its own id, or also those of its VMs before and after.
    :ivar seconds: of the server's work from events; from a report what counted against the bounds of the rollout.
    :ivar ended: seconds since the epoch.
    :ivar aside_s: how much longer it took until it was proven, while others were at work; events do not tell.
    """

    done: Operation
    ids: frozenset[str]
    seconds: float
    ended: float
    aside_s: float = 0.0

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Took:
        """Of what I(as_dict) made."""
        return cls(
            Operation(plain["done"]), frozenset(plain["ids"]), plain["seconds"], plain["ended"], plain["aside_s"]
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "done": self.done.value,
            "ids": sorted(self.ids),
            "seconds": self.seconds,
            "ended": self.ended,
            "aside_s": self.aside_s,
        }


def read_durations(
    events: Events, now: float, units: Sequence[Unit], target: str, *, recreates: bool = True
) -> tuple[Took, ...]:
    """What events tell of restarts within the window; at most two pages for each of at most three types, and at most
    one call where no router was replaced and nothing is known of our own jobs.

    :param now: seconds since the epoch.
    :param units: with what is known of their restarts; without routers nothing is asked.
    :param target: the version that our jobs were for.
    :param recreates: whether routers are to be recreated, so that it matters how long others took.
    :raises ApiError: as Client.read.
    """
    if not any(unit.kind.is_router for unit in units):
        return ()
    since = now - WINDOW_S
    found = events.of(ROUTER_STOP, since, MOST_PAGES) if recreates else []
    if not any(event.get("parentid") for event in found) and not any(unit.restarts for unit in units):
        return ()
    for kind in [NETWORK_RESTART, *([VPC_RESTART] if any(unit.vpc for unit in units) else [])]:
        found += events.of(kind, since, MOST_PAGES)
    return durations(found, units, target, since)


def durations(
    events: Iterable[Mapping[str, Any]], units: Iterable[Unit], target: str, since: float
) -> tuple[Took, ...]:
    """The same from events, in any order."""
    past = [restart for restart in _past(events) if restart.ended >= since]
    found = [
        Took(Operation.RECREATE, frozenset({restart.object_id}), restart.seconds, restart.ended)
        for restart in past
        if restart.replaced
    ]
    plain: dict[str, list[_Past]] = {}
    for restart in past:
        if not restart.replaced:
            plain.setdefault(restart.object_id, []).append(restart)
    for unit in units:
        found += _ours(unit, plain, target)
    return tuple(found)


@dataclass(frozen=True)
class _Past:
    """One restart that ended: what was restarted, from when to when, and whether a router was replaced."""

    object_id: str
    asked: float
    began: float
    ended: float
    replaced: bool

    @property
    def seconds(self) -> float:
        return max(SHORTEST_S, self.ended - self.began)


def _past(events: Iterable[Mapping[str, Any]]) -> list[_Past]:
    """Restarts whose begin and end are both there and that threw no error.

    A page may cut off the first events of its oldest restart. A VPC's has no Started event.
    """
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    replacing = set()
    for event in events:
        root, state = str(event.get("parentid") or event.get("id")), str(event.get("state"))
        if event.get("type") == ROUTER_STOP:
            if state == "Completed" and event.get("parentid"):
                replacing.add(root)
        elif event.get("resourceid") and moment(event.get("created")) is not None:
            groups.setdefault(root, {})[state] = event
    found = []
    for root, group in groups.items():
        end, asked = group.get("Completed"), group.get("Scheduled") or group.get("Started")
        if end is None or asked is None or end.get("level") == "ERROR":
            continue
        began, ended = _at(group.get("Started") or asked), _at(end)
        if began <= ended:
            found.append(_Past(str(end["resourceid"]), _at(asked), began, ended, root in replacing))
    return found


def _at(event: Mapping[str, Any]) -> float:
    return moment(event.get("created")) or 0.0


def _ours(unit: Unit, plain: Mapping[str, Sequence[_Past]], target: str) -> list[Took]:
    """What our own jobs on a unit took, as far as they are known to have succeeded."""
    runs: dict[Purpose, list[tuple[Restart, _Past]]] = {}
    for restart in unit.restarts:
        purpose = purpose_of(restart.job_id, unit.zone_id, restart.network_id, target)
        asked = moment(restart.created)
        past = None
        if asked is not None and restart.succeeded:
            same = (one for one in plain.get(restart.network_id, ()) if abs(one.asked - asked) <= TOLERANCE_S)
            past = next(same, None)
        if purpose is not None and past is not None:
            runs.setdefault(purpose, []).append((restart, past))
    found = []
    for restart, past in runs.get(Purpose.RECREATE, ()):
        found.append(Took(Operation.RECREATE, frozenset({restart.network_id}), past.seconds, past.ended))
    rules = [past for dummy, past in runs.get(Purpose.APPLY_RULES, ())]
    found += [Took(Operation.APPLY_RULES, frozenset({unit.id}), past.seconds, past.ended) for past in rules]
    for dummy, patch in runs.get(Purpose.PATCH, ()):
        # A VPC is patched through one tier; then the rules of all others are applied.
        later = [past for past in rules if past.began >= patch.began]
        if len(later) + 1 == len(unit.network_ids):
            ended = max(past.ended for past in (patch, *later))
            found.append(Took(Operation.LIVE_PATCH, frozenset({unit.id}), max(SHORTEST_S, ended - patch.began), ended))
    return found


def durations_of_report(report: Mapping[str, Any]) -> tuple[Took, ...]:
    """What the units of a report took that were upgraded.

    A router's restart is left out: whether its rules were applied or it was stopped and started, a report does not say.

    :param report: as in report.json; what is not as it should be is passed over.
    """
    found = []
    for unit in report.get("units") or ():
        try:
            done = Operation(unit["method"])
            ended = datetime.fromisoformat(unit["finished"]).timestamp()
            seconds = float(unit["worked_s"])
            aside_s = max(0.0, float(unit["duration_s"]) - seconds)
            ids = frozenset({str(unit["id"]), *(str(vm["id"]) for vm in unit["vms"])})
            listing = done is not Operation.RESTART or unit["kind"] in ("ssvm", "cpvm")
            if unit["status"] == "upgraded" and listing and seconds > 0:
                found.append(Took(done, ids, seconds, ended, aside_s))
        except (LookupError, TypeError, ValueError):
            continue
    return tuple(found)
