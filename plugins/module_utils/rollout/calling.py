# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out one call for a unit: waits until nothing speaks against it, sends it once, waits for its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    JobTimedOutError,
    SubmitUncertainError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, is_healthy_pair, pair_states
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import moment
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout import observing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.observing import Observation, Reader
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server_messages import overdue
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.waits import JobEnd, OthersEnd, Pause, Steps
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call, Gate


@dataclass(frozen=True)
class Trouble:
    """Why a call is not known to have succeeded; `lost`: nobody knows what it did."""

    text: str
    lost: bool = False


class Failed(Exception):
    """The unit has failed; what is known of it then.

    :ivar trouble: with its last call.
    :ivar tried: whether live patches were carried out to their end.
    """

    def __init__(
        self, reason: str, seen: Observation | None = None, trouble: Trouble | None = None, *, tried: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.seen, self.trouble, self.tried = reason, seen, trouble, tried


class RulesRefusedError(Failed):
    """The server sends no rules to its routers, as their checksum is not that of the server's own scripts."""


class NotBegunError(Exception):
    """It is too late for the unit's first call, or for the first one of another method; why."""


@dataclass(frozen=True)
class Ended:
    """How a call ended: without trouble when its job is known to have succeeded; without a job when none is known."""

    trouble: Trouble | None
    job: Job | None = None

    @property
    def began(self) -> float | None:
        """When its job began, by the server's clock."""
        return began(self.job) if self.job else None


class Caller:
    """One unit's.

    :ivar foreign: jobs of others that work on the unit now, by id; kept by the scheduler.
    :ivar after_others: the last jobs of others that were waited for.
    :ivar submitted: whether anything was sent by this run.
    :ivar shared: whether somebody else has worked on the unit meanwhile.
    :ivar job_ids: of all jobs that were sent or waited for.
    :ivar over_at: when the last job was seen to be over, on the rollout's clock.
    :ivar call: what the unit is at, since `since` on that clock.
    """

    def __init__(self, unit: Unit, desk: Desk) -> None:
        self.foreign: dict[str, InFlight] = {}
        self.after_others: list[InFlight] = []
        self.submitted = False
        self.shared = False
        self.job_ids: list[str] = []
        self.over_at = desk.clock()
        self.call: Call | None = None
        self.since = 0.0
        self._unit = unit
        self._desk = desk
        self._attempts: dict[tuple[str, Purpose], int] = {}

    def carry_out(self, call: Call, counts: Callable[[Job], bool]) -> Steps[Ended]:
        """Send a call, once for its purpose, and wait for its end.

        :param counts: whether a job that somebody had sent for this purpose, and that has ended, did what is wanted
            now; if not, the next attempt is sent.
        """
        key = (call.object_id, call.purpose)
        while True:
            self.call, self.since = call, self._desk.clock()
            try:
                sent = self._desk.sender.send(self._unit.zone_id, call, self._attempts.get(key, 0) + 1)
            except SubmitUncertainError as error:  # the server may have taken it: look for the job
                self.submitted = True
                found = self.find_late()
                return (yield from self.end_of(found, call)) if found else Ended(Trouble(str(error), lost=True))
            except ApiError as error:
                if not error.rejected:
                    raise
                self.submitted = True
                return Ended(Trouble(str(error)))
            self._attempts[key] = sent.attempt
            self.submitted |= sent.ours
            self.shared |= not sent.ours
            if sent.found is None or sent.found.status is JobStatus.RUNNING:
                return (yield from self.end_of(sent.job_id, call))
            if counts(sent.found):
                self._remember(sent.job_id)
                return self._ended(sent.found)

    def end_of(self, job_id: str, call: Call) -> Steps[Ended]:
        """Wait for the end of a job.

        :raises Failed: when it takes too long; it is left running.
        """
        self._remember(job_id)
        wait = JobEnd(
            job_id=job_id,
            expected_s=call.expected_s,
            timeout=self._timeout(call),
            since=self.since,
            seen_at=self.since,
        )
        yield wait
        self.over_at = wait.over_at
        if wait.job is None:
            raise self._overdue(job_id, call)
        return self._ended(wait.job)

    def find_late(self) -> str | None:
        """The job of a call whose answer was lost, among those that run now."""
        for job in self._desk.server.in_flight():
            if job.resource_ids & self._unit.resource_ids():
                return job.job_id
        return None

    def until_free(self, call: Call, reader: Reader) -> Steps[bool]:
        """Wait until nothing speaks against a call: jobs of others, its gate, hosts that are away.

        :returns: whether a job of others was waited for.
        """
        waited = False
        if self.shared:  # whoever works on it as well may have begun something else
            self._desk.ask_what_runs()
        while True:
            if self.foreign:
                yield from self._others_end(call)
                waited = True
            yield from self._gate(call, reader)
            yield from self._hosts(call)
            if not self.foreign:
                return waited

    def _others_end(self, call: Call) -> Steps[None]:
        self.call, self.since = call, self._desk.clock()
        self.after_others = list(self.foreign.values())
        self.shared = True
        if not self.submitted:
            for job_id in sorted(self.foreign):
                self._remember(job_id)
        wait = OthersEnd(expected_s=call.expected_s, timeout=self._timeout(call), since=self.since)
        yield wait
        self.over_at = wait.over_at
        if wait.overdue:
            raise self._overdue(", ".join(sorted(self.foreign)), call)

    def _gate(self, call: Call, reader: Reader) -> Steps[None]:
        limits, began = self._desk.limits, self._desk.clock()
        if call.gate is None or (call.gate is Gate.IDLE and not limits.wait_idle):
            return
        if call.gate is Gate.PAIR and self.submitted:
            settles = self._desk.looks.pair_settles_s
            if settles is None:
                return  # the server never looks at pairs, so there is nothing to go by
            yield Pause(self.over_at + settles)  # what it says of the pair is older than what was done to it
        while True:
            vms, waited = reader.read().vms, self._desk.clock() - began
            if call.gate is Gate.PAIR and is_healthy_pair(vms):
                return
            if call.gate is Gate.IDLE and (not any(vm.sessions for vm in vms) or waited >= limits.wait_idle):
                return
            if call.gate is Gate.PAIR and waited >= limits.verify_timeout:
                raise Failed(
                    f"its pair was not one PRIMARY and one BACKUP for {waited:.0f} s ({pair_states(vms)}), so "
                    f"{call.command} was not sent"
                )
            yield Pause(self._desk.clock() + observing.REREAD_S)

    def _hosts(self, call: Call) -> Steps[None]:
        """A management server that has just started answers before its hosts are Up, and what is sent then fails."""
        began, away = self._desk.clock(), self._desk.away(self._unit)
        while away:
            if self._desk.clock() - began >= self._desk.limits.verify_timeout:
                raise Failed(f"{', '.join(away)}, so {call.command} was not sent")
            yield Pause(self._desk.clock() + observing.REREAD_S)
            away = self._desk.away(self._unit, now=True)

    def _ended(self, job: Job) -> Ended:
        error = job.error()
        if error is None:
            return Ended(None, job)
        if job.status is JobStatus.LOST:
            self._desk.lose_contact()  # it died with its server, which has to find its hosts again
        return Ended(Trouble(str(error), lost=job.status is not JobStatus.FAILED), job)

    def _timeout(self, call: Call) -> float:
        return self._desk.limits.job_timeout * call.weight

    def _overdue(self, job: str, call: Call) -> Failed:
        error = JobTimedOutError(
            f"job {job} still runs after {self._desk.clock() - self.since:.0f} s", remedy=overdue(call)
        )
        return Failed(str(error))

    def _remember(self, job_id: str) -> None:
        if job_id not in self.job_ids:
            self.job_ids.append(job_id)


def began(job: Job) -> float:
    """When a job began, in seconds since the epoch by the server's clock."""
    return moment(job.created) or 0.0
