# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which job of ours, if any, was the last restart of a network, and how it ended.

No list has jobs that are over; one is found by its id alone, and the ids of ours are known but for purpose and attempt
(C(job_ids)). What the events tell of when a network was restarted, and what its routers tell of when they were made,
leaves few to ask for: the job of a restart that made a new router is one that does that, and an attempt follows only
on an earlier one. So a restart of ours is found by one question or two, and two tell that it was somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..api.client import Client
from ..api.errors import ApiError
from ..api.jobs import Job, JobStatus, job_results
from .job_ids import KNOWN_ATTEMPTS, Purpose, job_id_of
from .model import Unit
from .moments import TOLERANCE_S, moment

MOST_QUESTIONS = 2


@dataclass(frozen=True)
class RestartSought:
    """Of what the job is looked for.

    :ivar identity: the network or VPC that was restarted.
    :ivar began: when, by the server's clock in epoch seconds.
    :ivar earlier: when it was restarted before.
    :ivar forgotten: jobs from before that moment the server does not know any more.
    """

    unit: Unit
    identity: str
    began: float
    earlier: tuple[float, ...]
    forgotten: float

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What it may have been for, the likeliest first."""
        created = [moment(vm.created) for vm in self.unit.vms]
        made = (Purpose.RECREATE, Purpose.START)
        if any(made_at is not None and made_at >= self.began - TOLERANCE_S for made_at in created):
            return made
        # A VPC is patched through its first tier; then the rules of the others are applied.
        through = self.identity in (self.unit.id, self.unit.network_ids[0])
        others = (Purpose.PATCH, Purpose.APPLY_RULES) if through else (Purpose.APPLY_RULES, Purpose.PATCH)
        return (*others, *made) if None in created else others


@dataclass(frozen=True)
class Ours:
    """Our last restart of a network or VPC.

    :ivar is_last: whether nobody restarted it later.
    :ivar runs: whether it has not ended.
    :ivar trouble: what is known of its end where it did not succeed.
    :ivar patches: whether it was a live patch, after which all networks of its routers need their rules.
    :ivar told: whether an earlier report told it, in words that need no more.
    """

    job_id: str
    created: str
    succeeded: bool
    is_last: bool
    trouble: str
    patches: bool = False
    told: bool = False
    runs: bool = False


def find_ours(client: Client, wanted: Mapping[str, RestartSought], target: str) -> dict[str, Ours | None]:
    """Our last restart of each; None of what we never restarted. Several are asked for at a time.

    :param target: the version that is upgraded to; part of our jobs' ids.
    :raises ApiError: as Client.read.
    """
    searches = {identity: _Search(one) for identity, one in wanted.items()}
    while True:
        asked = {identity: call for identity, search in searches.items() if (call := search.next())}
        if not asked:
            return {identity: search.found() for identity, search in searches.items()}
        ids = [
            job_id_of(wanted[identity].unit.zone_id, identity, purpose, target, attempt)
            for identity, (purpose, attempt) in asked.items()
        ]
        for (identity, call), job in zip(asked.items(), job_results(client, ids), strict=True):
            if isinstance(job, ApiError):
                raise job
            searches[identity].asked[call] = job


@dataclass
class _Search:
    """
    :ivar asked: the jobs by purpose and attempt, also those that the server does not know.
    """

    wanted: RestartSought
    asked: dict[tuple[Purpose, int], Job] = field(default_factory=dict)

    def next(self) -> tuple[Purpose, int] | None:
        """What to ask for now; None where it is found or nothing is left that it may be."""
        newest = self._newest()
        if newest is not None and self._is_it(newest[1]) and not self._untold:
            return None
        left = (call for call in self._candidates(newest) if call not in self.asked and call[1] <= KNOWN_ATTEMPTS)
        return next(left, None)

    def found(self) -> Ours | None:
        newest = self._newest()
        if newest is None:
            return None
        (purpose, dummy), job = newest
        return Ours(
            job.id,
            job.created,
            succeeded=job.status is JobStatus.SUCCEEDED,
            is_last=self._is_it(job),
            trouble=str(job.error() or ""),
            patches=purpose is Purpose.PATCH,
            runs=job.status is JobStatus.RUNNING,
        )

    def _candidates(self, newest: tuple[tuple[Purpose, int], Job] | None) -> Iterator[tuple[Purpose, int]]:
        purposes = self.wanted.purposes
        if newest is None:
            # An attempt may have followed on one that is forgotten.
            forgotten = sum(began <= self.wanted.forgotten for began in self.wanted.earlier)
            for attempt in range(1, 2 + forgotten):
                yield from ((purpose, attempt) for purpose in purposes)
            return
        (purpose, attempt), job = newest
        after = sum(began > _at(job) + TOLERANCE_S for began in (*self.wanted.earlier, self.wanted.began))
        after += self._untold if self._is_it(job) else 0
        if job.status is JobStatus.SUCCEEDED:
            # What came later was most likely somebody else's, or the same once more.
            if len(self.asked) < MOST_QUESTIONS:
                yield purpose, attempt + after
            return
        last = {each: max((n for (what, n), dummy in self._known if what is each), default=0) for each in purposes}
        for further in range(1, after + 1):  # what was owed then may have been made good
            yield from ((other, last[other] + further) for other in purposes if other is not purpose)
            yield purpose, attempt + further

    def _newest(self) -> tuple[tuple[Purpose, int], Job] | None:
        return max(self._known, key=_in_order, default=None)

    @property
    def _known(self) -> list[tuple[tuple[Purpose, int], Job]]:
        return [(call, job) for call, job in self.asked.items() if job.status is not JobStatus.EXPIRED]

    @property
    def _untold(self) -> int:
        """How many restarts there were at about the same time as the last one, but for those whose jobs are known."""
        close = 1 + sum(self.wanted.began - began <= TOLERANCE_S for began in self.wanted.earlier)
        return max(0, close - sum(self._is_it(job) for dummy, job in self._known))

    def _is_it(self, job: Job) -> bool:
        """Whether this job left the events; they are written one after the other."""
        return abs(_at(job) - self.wanted.began) <= TOLERANCE_S


def _in_order(known: tuple[tuple[Purpose, int], Job]) -> tuple[float, float, bool, int]:
    """The jobs of a network run one after the other; rules are applied after a patch."""
    (purpose, attempt), job = known
    return _at(job), moment(job.completed) or 0.0, purpose is Purpose.APPLY_RULES, attempt


def _at(job: Job) -> float:
    return moment(job.created) or 0.0
