# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has been done to a unit: by this run, and by others as far as it was seen. A log, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..api.jobs import Job, JobStatus
from ..cloud.infrastructure import Alert
from ..cloud.job_ids import Purpose
from ..cloud.model import Unit, Vm
from ..cloud.moments import moment
from .calls import Call
from .health import Checks

TRIES = 2  # of a live patch, and of any call whose job was lost with its server
RESENDS = 3  # of a call whose answer was lost, where the server takes each id once


@dataclass(frozen=True)
class Attempt:
    """One thing that was done to the unit, and how it ended.

    :ivar call: what was sent; None for a job of somebody else.
    :ivar began_at: when it was sent, on the rollout's clock; of a job of somebody else when its end was seen.
    :ivar ended_at: when its end was seen, on the rollout's clock.
    :ivar job: as it ended; None where nobody knows of one.
    :ivar ours: whether this run sent it; else another run had, for the same purpose.
    :ivar error: empty when it is known to have succeeded.
    :ivar taken: whether the server may have acted on it.
    :ivar guarded: whether it may be sent again although nobody knows whether it was taken.
    :ivar resource_ids: what a job of somebody else worked on.
    :ivar only_rules: whether that is known to have only applied rules, as another run of ours does.
    """

    call: Call | None
    began_at: float
    ended_at: float
    job: Job | None = None
    ours: bool = True
    error: str = ""
    taken: bool = True
    guarded: bool = True
    resource_ids: frozenset[str] = frozenset()
    only_rules: bool = False

    @property
    def lost(self) -> bool:
        """Whether nobody knows what it did."""
        return self.taken and bool(self.error) and (self.job is None or self.job.status is not JobStatus.FAILED)

    @property
    def uncertain(self) -> bool:
        """Whether nobody knows if there was a job at all."""
        return self.taken and self.job is None

    @property
    def began(self) -> float | None:
        """When its job began, in seconds since the epoch by the server's clock."""
        return moment(self.job.created) if self.job else None


@dataclass(frozen=True)
class Inside:
    """What a unit's routers said of themselves when they were asked.

    :ivar at: when they had answered, on the rollout's clock.
    :ivar asked: when they were asked, in seconds since the epoch.
    :ivar health: the checks of each router that was asked for them; None where the server could not run them.
    :ivar reaches_gateway: whether a ping did; None where none could be made.
    """

    at: float
    asked: float
    health: Mapping[str, Checks | None] = field(default_factory=dict)
    reaches_gateway: bool | None = None


@dataclass
class Soak:
    """A unit that is proven and watched for a while before it counts as done.

    :ivar began: in seconds since the epoch; I(until) on the rollout's clock.
    :ivar inside: what its routers said when it began; None before they were asked.
    :ivar known: the server's alerts likewise.
    """

    began: float
    until: float
    inside: Inside | None = None
    known: tuple[Alert, ...] | None = None


@dataclass
class Record:
    """One unit's, in this run.

    :ivar first: its VMs as they were first read.
    :ivar attempts: what was done, in order.
    :ivar pair_was_broken: whether its pair was not whole before anything was sent.
    :ivar before: what its routers said before anything was sent; None where they were not asked.
    :ivar after: what they said since, in order.
    :ivar soak: since it has been proven; None where it was not, or is not watched.
    :ivar notes: what else is worth knowing, in words.
    """

    first: Mapping[str, Vm] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    pair_was_broken: bool = False
    before: Inside | None = None
    after: list[Inside] = field(default_factory=list)
    soak: Soak | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def over_at(self) -> float | None:
        """When the last attempt was seen to be over."""
        return self.last.ended_at if self.last else None

    @property
    def completed(self) -> float | None:
        """When the last job ended, in seconds since the epoch by the server's clock."""
        return moment(self.last.job.completed) if self.last and self.last.job else None

    @property
    def answers(self) -> list[Inside]:
        """What its routers said since the last attempt was over."""
        return [each for each in self.after if each.at >= (self.over_at or 0.0)]

    @property
    def sent(self) -> list[Attempt]:
        """All but the jobs of others."""
        return [each for each in self.attempts if each.call]

    @property
    def submitted(self) -> bool:
        """Whether this run has sent anything."""
        return any(each.ours and each.taken for each in self.sent)

    @property
    def worked(self) -> bool:
        """Whether a job of this purpose has changed it for sure, or tried to."""
        return any(each.job for each in self.sent)

    @property
    def job_ids(self) -> frozenset[str]:
        """Of the jobs whose end is known."""
        return frozenset(each.job.id for each in self.attempts if each.job)

    @property
    def troubles(self) -> list[str]:
        """Why calls did not succeed, in the server's words, but for those that succeeded when they were sent again."""
        last = {_key(each.call): each for each in self.sent if each.call}
        return [each.error for each in self.sent if each.call and each.error and last[_key(each.call)].error]

    def tries(self, call: Call) -> list[Attempt]:
        """Attempts at this call for this object, since something else was last done that lets it be tried anew.

        That is a job of somebody else, and for rules a live patch.
        """
        rules = call.purpose is Purpose.APPLY_RULES
        anew = (n for n, each in enumerate(self.attempts) if each.call is None or (rules and each.call.patches))
        since = self.attempts[max(anew, default=-1) + 1 :]
        return [each for each in since if each.call and _key(each.call) == _key(call)]

    def may_send(self, call: Call, most: int) -> bool:
        """Whether it may be sent (again), if it may be tried so often; once more where its job was lost."""
        unsure = [each for each in self.tries(call) if each.uncertain]
        sure = [each for each in self.tries(call) if not each.uncertain]
        most = max(most, TRIES) if sure and sure[-1].lost else most
        again = all(each.guarded for each in unsure) and len(unsure) <= RESENDS
        return again and (not sure or (len(sure) < most and sure[-1].job is not None))


def _key(call: Call) -> tuple[str, str]:
    return call.object_id, call.purpose.value.removeprefix("force_")


def pending_rules(unit: Unit, record: Record) -> dict[str, float | None]:
    """The networks whose rules have to be applied, and since when by the server's clock; None where nobody knows."""
    pending: dict[str, float | None] = {owed.network_id: owed.since for owed in unit.owed}
    renewed = bool(unit.vms) and not any(vm.id in record.first for vm in unit.vms)
    for each in record.attempts:
        doubted, settled = _rules_of(each, unit, renewed)
        if each.taken:
            pending |= dict.fromkeys(doubted, each.began)
        if not each.error:
            pending = {network: since for network, since in pending.items() if network not in settled}
    return {network: since for network, since in pending.items() if network in (unit.id, *unit.network_ids)}


def _rules_of(attempt: Attempt, unit: Unit, renewed: bool) -> tuple[Sequence[str], Sequence[str]]:
    """The networks whose rules it puts in doubt, and those whose rules it applies if it succeeds."""
    if attempt.call is not None:
        doubted = {*attempt.call.unsettles, *unit.network_ids} if attempt.call.patches else attempt.call.unsettles
        return tuple(doubted), attempt.call.settles
    if attempt.only_rules:
        return tuple(attempt.resource_ids), tuple(attempt.resource_ids)
    # Of its tiers a job on a whole VPC tells nothing, but for a recreation.
    whole = unit.id in attempt.resource_ids and (unit.vpc is None or renewed)
    return unit.network_ids, unit.network_ids if whole else tuple(attempt.resource_ids)
