# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the last restart of each network ended, and which networks are therefore owed another one.

After a live patch the rules have to be applied again, or load balancing stays down. When that fails, or the server dies
before it, neither VM nor network nor event tells: an event says "Successfully completed" also of a restart that failed.
What tells is an event that began and never ended, the result of the job, which is known by its id if it was ours, and
what an earlier report says. A restart that failed is remembered until a later one of ours has succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .events import Event, Events
from .infrastructure import InFlight
from .model import SOME_NETWORK, Owed, Restart, Unit
from .moments import moment
from .own_jobs import Ours, RestartSought, find_ours

# The server forgets jobs after so many minutes, also those that still run (AsyncJobManagerImpl).
JOB_EXPIRY = "job.expire.minutes"
REMEMBERED_S = 24 * 3600.0
# Restarts that never ended are looked for in the events of so long.
WINDOW_S = 24 * 3600.0
# What failed of a network that is not there any more is remembered for so long.
MISSED_S = 30 * 24 * 3600.0
NEVER_ENDED = "began and never ended, so the management server died meanwhile"
# What succeeded in the very second of what failed may be that itself: what settles it began later.
AFTER_S = 1.0
ITS_LAST = "its last restart"
ROOT_STATES = ("Scheduled", "Started", "Completed")


@dataclass(frozen=True)
class Seen:
    """The last restart of a network or VPC, as its events tell it.

    :ivar created: when it was asked for, by the server's clock.
    :ivar ended: whether an event says that it ended, whatever that event says of how.
    :ivar earlier: when it was restarted before that.
    """

    created: str
    ended: bool
    earlier: tuple[float, ...] = ()

    @property
    def moment(self) -> float:
        return moment(self.created) or 0.0


def last_seen(events: Iterable[Event]) -> dict[str, Seen]:
    """The last restart of each network and VPC, from NETWORK.RESTART and VPC.RESTART events.

    A Scheduled event of a network that no Started one follows is none: a call that was refused leaves it. Of a VPC's
    restart the server writes no Started event.
    """
    restarts: dict[str, list[Event]] = {}
    for event in events:
        if event.get("state") in ROOT_STATES and event.get("resourceid") and moment(event.get("created")) is not None:
            restarts.setdefault(str(event.get("parentid") or event.get("id")), []).append(event)
    seen: dict[str, list[Seen]] = {}
    for group in restarts.values():
        states = {event["state"] for event in group}
        if states == {"Scheduled"} and group[0].get("type") == "NETWORK.RESTART":
            continue
        first = min(group, key=lambda event: (moment(event["created"]) or 0.0, ROOT_STATES.index(event["state"])))
        seen.setdefault(str(first["resourceid"]), []).append(Seen(str(first["created"]), "Completed" in states))
    last = {}
    for identity, found in seen.items():
        # Of two in one second the one that has not ended counts.
        found.sort(key=lambda one: (one.moment, not one.ended))
        last[identity] = replace(found[-1], earlier=tuple(one.moment for one in found[:-1]))
    return last


@dataclass(frozen=True)
class Memory:
    """What is known of restarts without asking.

    :ivar known: what an earlier report says.
    :ivar remembered_s: for how long the server knows its jobs.
    """

    known: Sequence[Restart] = ()
    remembered_s: float = REMEMBERED_S


def read_restarts(
    events: Events,
    units: Sequence[Unit],
    target: str,
    in_flight: Sequence[InFlight],
    now: float,
    memory: Memory | None = None,
) -> dict[str, tuple[tuple[Owed, ...], tuple[Restart, ...]]]:
    """For each unit with networks: what is owed, and how its networks were restarted last, as far as that is known.

    Asks for jobs only of networks that were restarted lately and that known does not tell of: for one that is ours most
    often once, for one of somebody else twice (C(own_jobs)), several at a time.

    :param units: those for which the rules are all that there may be to do.
    :param target: the version that is upgraded to; part of our jobs' ids.
    :param in_flight: the jobs that run now.
    :param now: seconds since the epoch.
    :raises ApiError: as Client.read.
    """
    memory = memory or Memory()
    remembered_s = memory.remembered_s
    with_networks = [unit for unit in units if unit.network_ids]
    if not with_networks:
        return {}
    # A job of ours may be the second for its purpose, though the first was forgotten meanwhile.
    since = now - max(WINDOW_S, 2 * remembered_s)
    kinds = ["NETWORK.RESTART", *(["VPC.RESTART"] if any(unit.vpc for unit in with_networks) else [])]
    last = last_seen(event for kind in kinds for event in events.of(kind, since))
    last = {identity: seen for identity, seen in last.items() if now - seen.moment <= max(WINDOW_S, remembered_s)}
    report = Report.of(memory.known)
    wanted = {
        identity: RestartSought(unit, identity, seen.moment, seen.earlier, now - remembered_s)
        for unit in with_networks
        for identity in (unit.id, *unit.network_ids)
        if (seen := last.get(identity)) and now - seen.moment <= remembered_s and not report.tells(identity, seen)
    }
    ours = find_ours(events.lists.client, wanted, target) | report.ours(last)
    busy = frozenset(identity for job in in_flight for identity in job.resource_ids)
    return {unit.id: judge(unit, last, busy, ours, report) for unit in with_networks}


@dataclass(frozen=True)
class Report:
    """What an earlier report says of restarts, by network or VPC."""

    good: Mapping[str, Restart]
    failed: Mapping[str, Restart]

    @classmethod
    def of(cls, known: Iterable[Restart]) -> Report:
        in_order = sorted(known, key=_began)
        good: dict[str, Restart] = {}
        failed: dict[str, Restart] = {}
        for restart in in_order:
            (good if restart.succeeded else failed)[restart.network_id] = restart
            if restart.succeeded:
                failed.pop(restart.network_id, None)
        return cls(good, failed)

    def tells(self, identity: str, seen: Seen) -> bool:
        """Whether it says how this very restart ended."""
        found = (restarts.get(identity) for restarts in (self.good, self.failed))
        return any(restart is not None and restart.created == seen.created for restart in found)

    def ours(self, last: Mapping[str, Seen]) -> dict[str, Ours | None]:
        return {
            identity: Ours(restart.job_id, restart.created, restart.succeeded, True, restart.why, told=True)
            for restarts in (self.good, self.failed)
            for identity, restart in restarts.items()
            if identity in last and restart.created == last[identity].created
        }

    def of_unit(self, unit: Unit) -> tuple[Restart, ...]:
        """What it says of a unit's networks, each time the last."""
        found = (r.get(identity) for identity in (unit.id, *unit.network_ids) for r in (self.good, self.failed))
        return tuple(restart for restart in found if restart is not None)

    def unsettled(self, network_id: str, whole_id: str, since: Mapping[str, Restart]) -> Restart | None:
        """The restart that failed and that no later one made good, of a network or of the VPC that it belongs to.

        :param since: restarts that the server knows to have succeeded.
        """
        ids = (network_id, whole_id)
        found = max((self.failed[i] for i in ids if i in self.failed), key=_began, default=None)
        later = [restarts[i] for restarts in (self.good, since) for i in ids if i in restarts]
        return None if found is None or any(_began(one) >= _began(found) for one in later) else found


def elsewhere(known: Iterable[Restart], units: Iterable[Unit], everywhere: Iterable[Unit], now: float) -> list[Restart]:
    """What failed elsewhere than in these units, for the next report to remember.

    :param everywhere: all units of the cloud; what is not there may be without a router for now, or in another cloud.
    """
    here = {identity for unit in units for identity in unit.resource_ids()}
    there = {identity for unit in everywhere for identity in unit.resource_ids()}
    return [
        restart
        for restart in known
        if not restart.succeeded
        and restart.network_id not in here
        and (restart.network_id in there or now - _began(restart) <= MISSED_S)
    ]


def _began(restart: Restart) -> float:
    return moment(restart.created) or 0.0


def judge(
    unit: Unit, last: Mapping[str, Seen], busy: frozenset[str], ours: Mapping[str, Ours | None], report: Report
) -> tuple[tuple[Owed, ...], tuple[Restart, ...]]:
    """What a unit is owed, and which last restarts of its networks succeeded for sure, or failed.

    :param last: the last restart of each network and VPC.
    :param busy: what jobs work on now.
    :param ours: our last restart of each network and VPC, where there is one.
    """
    owed: dict[str, Owed] = {}
    good: dict[str, Restart] = {}
    failed: dict[str, Restart] = {}

    def owe(network_id: str, why: str, since: float, restart: Restart | None = None) -> None:
        owed[network_id] = Owed(network_id, why, since)
        if restart is not None:
            failed[network_id] = replace(restart, network_id=network_id, succeeded=False, why=why)

    def look(network_id: str, identity: str, what: str) -> None:
        """Judge a network by the last restart of itself or of its VPC."""
        seen, own = last[identity], ours.get(identity)
        if identity in busy or (not seen.ended and SOME_NETWORK in busy) or (own and own.runs):
            # It may end well: then its own result settles it.
            owe(network_id, f"{what} still runs", seen.moment)
        elif own and own.succeeded:
            if own.is_last:
                good[identity] = Restart(identity, own.job_id, own.created, True)
        elif own:
            later = "" if own.is_last else " Somebody restarted it later; how that ended is not told."
            why = own.trouble if own.told else f"{failed_words(own.trouble, what)}{later}"
            owe(network_id, why, seen.moment + AFTER_S, Restart(identity, own.job_id, own.created, False))
        elif not seen.ended:
            owe(network_id, f"{what} {NEVER_ENDED}", seen.moment + AFTER_S, Restart(identity, "", seen.created, False))

    whole = last.get(unit.id) if unit.vpc else None
    for network_id in unit.network_ids:
        seen = last.get(network_id)
        if whole and (seen is None or seen.moment <= whole.moment):
            look(network_id, unit.id, "the last restart of its VPC")
        elif seen:
            look(network_id, network_id, ITS_LAST)
    through, left = _left_by_an_interruption(unit, last, ours)
    if left and not (whole and whole.moment >= last[through].moment):
        why = "a live patch of its VPC was interrupted before its rules were applied"
        for network_id in set(left) - owed.keys():
            owe(network_id, why, last[through].moment, Restart(through, "", last[through].created, False))
    for network_id in unit.network_ids:
        before = report.unsettled(network_id, unit.id, good)
        if before is not None and network_id not in failed:
            failed[network_id] = replace(before, network_id=network_id)
            owed.setdefault(network_id, Owed(network_id, before.why, _began(before) + AFTER_S))
    in_order = [owed[network_id] for network_id in unit.network_ids if network_id in owed]
    return tuple(in_order), (*good.values(), *failed.values())


def failed_words(trouble: str, what: str = ITS_LAST) -> str:
    """Why a restart is owed that is known to have failed."""
    return f"{what} did not succeed: {trouble}"


def _left_by_an_interruption(
    unit: Unit, last: Mapping[str, Seen], ours: Mapping[str, Ours | None]
) -> tuple[str, tuple[str, ...]]:
    """The tier through which the VPC was live patched, and the tiers that were not restarted since."""
    own_of = {identity: ours.get(identity) for identity in (unit.id, *unit.network_ids) if identity in last}
    patches = [n for n in unit.network_ids if (own := own_of.get(n)) is not None and own.patches and own.is_last]
    if patches:
        through = max(patches, key=lambda network_id: last[network_id].moment)
        began = last[through].moment
        return through, tuple(n for n in unit.network_ids if n != through and (n not in last or last[n].moment < began))
    if any(own is not None for own in own_of.values()) or not unit.network_ids:
        return "", ()
    return unit.network_ids[0], unfinished_tiers(unit.network_ids, {n: seen.moment for n, seen in last.items()})


def unfinished_tiers(tiers: Sequence[str], last: Mapping[str, float]) -> tuple[str, ...]:
    """The tiers that were not restarted after the first one was, where no job tells more.

    Only the pattern of an interrupted run counts: the first tiers were restarted one after the other, the rest were not
    restarted since. Somebody who restarts exactly the first tier by hand looks the same; then the others are restarted
    too, which only applies their rules again.

    :param tiers: ids in the order in which a live patch goes through them.
    :param last: when each was last restarted, in seconds since the epoch.
    """
    if len(tiers) < 2 or tiers[0] not in last:
        return ()
    finished = [last.get(tier, 0.0) >= last[tiers[0]] for tier in tiers]
    count = finished.index(False) if False in finished else len(finished)
    return () if any(finished[count:]) else tuple(tiers[count:])
