# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the last restart of each network ended, and which networks are therefore owed another one.

After a live patch the rules have to be applied again, or load balancing stays down. When that fails, or the server dies
before it, neither VM nor network nor event tells: an event says "Successfully completed" also of a restart that failed.
What tells is an event that began and never ended, and the result of the job, which is known by its id if it was ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus, job_result
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.lists import Lists
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Restart, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import TOLERANCE_S, moment

# The server forgets jobs after a day (job.expire.minutes), so older restarts say nothing about a run of ours.
WINDOW_S = 24 * 3600.0
NEVER_ENDED = "began and never ended, so the management server died meanwhile"
# What succeeded in the very second of what failed may be that itself: what settles it began later.
AFTER_S = 1.0
ROOT_STATES = ("Scheduled", "Started", "Completed")
# What restarts a network or VPC; rules are applied after a patch, within the same seconds, so they are asked for first.
PURPOSES = (Purpose.APPLY_RULES, Purpose.PATCH, Purpose.RECREATE, Purpose.START)


@dataclass(frozen=True)
class Seen:
    """The last restart of a network or VPC, as its events tell it.

    :ivar created: when it was asked for, by the server's clock.
    :ivar ended: whether an event says that it ended, whatever that event says of how.
    """

    created: str
    ended: bool

    @property
    def moment(self) -> float:
        return moment(self.created) or 0.0


def last_seen(events: Iterable[Mapping[str, Any]]) -> dict[str, Seen]:
    """The last restart of each network and VPC, from NETWORK.RESTART and VPC.RESTART events.

    A Scheduled event of a network that no Started one follows is none: a call that was refused leaves it. Of a VPC's
    restart the server writes no Started event.
    """
    restarts: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event.get("state") in ROOT_STATES and event.get("resourceid") and moment(event.get("created")) is not None:
            restarts.setdefault(str(event.get("parentid") or event.get("id")), []).append(event)
    last: dict[str, Seen] = {}
    for group in restarts.values():
        states = {event["state"] for event in group}
        if states == {"Scheduled"} and group[0].get("type") == "NETWORK.RESTART":
            continue
        first = min(group, key=lambda event: (moment(event["created"]) or 0.0, ROOT_STATES.index(event["state"])))
        seen = Seen(str(first["created"]), "Completed" in states)
        known = last.get(str(first["resourceid"]))
        # Of two in one second the one that has not ended counts.
        if known is None or (seen.moment, not seen.ended) > (known.moment, not known.ended):
            last[str(first["resourceid"])] = seen
    return last


def read_restarts(
    lists: Lists,
    units: Sequence[Unit],
    target: str,
    in_flight: Sequence[InFlight],
    now: float,
    known: Sequence[Restart] = (),
) -> dict[str, tuple[tuple[Owed, ...], tuple[Restart, ...]]]:
    """For each unit with networks: what is owed, and the restarts that are known to have succeeded.

    Asks for events once, and for a job only of a network that was restarted within a day and that known does not
    tell of.

    :param units: those that matter; only they are asked about.
    :param target: the version that is upgraded to; part of our jobs' ids.
    :param in_flight: the jobs that run now.
    :param now: seconds since the epoch.
    :param known: what an earlier report says.
    :raises ApiError: as Client.read.
    """
    with_networks = [unit for unit in units if unit.network_ids]
    if not with_networks:
        return {}
    kinds = ["NETWORK.RESTART", *(["VPC.RESTART"] if any(unit.vpc for unit in with_networks) else [])]
    last = last_seen(event for kind in kinds for event in lists.events(kind, now - WINDOW_S))
    last = {identity: seen for identity, seen in last.items() if now - seen.moment <= WINDOW_S}
    busy = frozenset(identity for job in in_flight for identity in job.resource_ids)
    listing = {restart.network_id: restart for restart in known}
    found = {}
    for unit in with_networks:
        if any(identity in last for identity in (unit.id, *unit.network_ids)):
            ours = _Asked(lists.client, unit.zone_id, target, listing)
            found[unit.id] = judge(unit, last, busy, ours.last)
    return found


@dataclass
class _Asked:
    """Asks for jobs by the ids that they have if they are ours."""

    client: Client
    zone_id: str
    target: str
    listing: Mapping[str, Restart]

    def last(self, identity: str, seen: Seen) -> Ours | None:
        """What our last restart of a network or VPC came to; None if we never sent one."""
        earlier = self.listing.get(identity)
        if earlier is not None and earlier.created == seen.created:
            return Ours(earlier.job_id, earlier.created, earlier.succeeded, is_last=True, trouble="")
        newest: tuple[Job, Purpose] | None = None
        for purpose in PURPOSES:
            attempt = 1
            while (job := self._job(identity, purpose, attempt)).status is not JobStatus.EXPIRED:
                if newest is None or _at(job) >= _at(newest[0]):
                    newest = (job, purpose)
                attempt += 1
            if newest and _is_of(newest[0], seen):
                break
        if newest is None:
            return None
        job, purpose = newest
        trouble = job.error()
        return Ours(
            job.id,
            job.created,
            succeeded=job.status is JobStatus.SUCCEEDED,
            is_last=_is_of(job, seen),
            trouble=str(trouble or ""),
            patches=purpose is Purpose.PATCH,
        )

    def _job(self, identity: str, purpose: Purpose, attempt: int) -> Job:
        return job_result(self.client, job_id_of(self.zone_id, identity, purpose, self.target, attempt))


def _at(job: Job) -> float:
    return moment(job.created) or 0.0


def _is_of(job: Job, seen: Seen) -> bool:
    """Whether this job left these events; they are written one after the other."""
    return abs(_at(job) - seen.moment) <= TOLERANCE_S


@dataclass(frozen=True)
class Ours:
    """Our last restart of a network or VPC.

    :ivar is_last: whether nobody restarted it later.
    :ivar trouble: what is known of its end where it did not succeed.
    :ivar patches: whether it was a live patch, after which all networks of its routers need their rules.
    """

    job_id: str
    created: str
    succeeded: bool
    is_last: bool
    trouble: str
    patches: bool = False


def judge(
    unit: Unit, last: Mapping[str, Seen], busy: frozenset[str], ours_of: Callable[[str, Seen], Ours | None]
) -> tuple[tuple[Owed, ...], tuple[Restart, ...]]:
    """What a unit is owed, and which last restarts of its networks succeeded for sure.

    :param last: the last restart of each network and VPC.
    :param busy: what jobs work on now.
    :param ours_of: finds our last restart of a network or VPC.
    """
    owed: dict[str, Owed] = {}
    good: dict[str, Restart] = {}
    ours = {i: ours_of(i, last[i]) for i in (unit.id, *unit.network_ids) if i in last}

    def look(network_id: str, identity: str, what: str) -> None:
        """Judge a network by the last restart of itself or of its VPC."""
        seen, own = last[identity], ours.get(identity)
        if identity in busy:
            # It may end well: then its own result settles it.
            owed[network_id] = Owed(network_id, f"{what} still runs", seen.moment)
        elif own and own.succeeded:
            if own.is_last:
                good[identity] = Restart(identity, own.job_id, own.created, True)
        elif own:
            later = "" if own.is_last else " Somebody restarted it later; how that ended is not told."
            owed[network_id] = Owed(network_id, f"{what} did not succeed: {own.trouble}{later}", seen.moment + AFTER_S)
        elif not seen.ended:
            owed[network_id] = Owed(network_id, f"{what} {NEVER_ENDED}", seen.moment + AFTER_S)

    whole = last.get(unit.id) if unit.vpc else None
    for network_id in unit.network_ids:
        seen = last.get(network_id)
        if whole and (seen is None or seen.moment <= whole.moment):
            look(network_id, unit.id, "the last restart of its VPC")
        elif seen:
            look(network_id, network_id, "its last restart")
    through, left = _left_by_an_interruption(unit, last, ours)
    if left and not (whole and whole.moment >= last[through].moment):
        why = "a live patch of its VPC was interrupted before its rules were applied"
        for network_id in left:
            owed.setdefault(network_id, Owed(network_id, why, last[through].moment))
    return tuple(owed.values()), tuple(good.values())


def _left_by_an_interruption(
    unit: Unit, last: Mapping[str, Seen], ours: Mapping[str, Ours | None]
) -> tuple[str, tuple[str, ...]]:
    """The tier through which the VPC was live patched, and the tiers that were not restarted since."""
    patches = [n for n in unit.network_ids if (own := ours.get(n)) is not None and own.patches and own.is_last]
    if patches:
        through = max(patches, key=lambda network_id: last[network_id].moment)
        began = last[through].moment
        return through, tuple(n for n in unit.network_ids if n != through and (n not in last or last[n].moment < began))
    if any(own is not None for own in ours.values()):
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
