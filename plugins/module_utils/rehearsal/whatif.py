# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What if: a run is played on a cloud in which something goes wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..api.errors import UnavailableError
from ..api.jobs import Job, JobStatus
from ..cloud.infrastructure import Host
from ..cloud.model import Unit, Vm
from ..knowledge.counts import count
from ..knowledge.durations import rough
from ..knowledge.guesses import did_you_mean
from ..knowledge.whatif_shapes import WhatIfData
from ..options.option_names import OptionError
from ..options.reading import duration_s
from ..units.calls import Call
from ..units.ends import UnitStatus
from .imagined import ImaginedJob, ImaginedServer
from .plays import MOST_PLAYED_THRICE, Play, Stage, play, time_words

AWAY_S = 180.0  # a restarted management server answers after one to three minutes
CONNECTING_S = 25.0  # and its hosts are connected so long after that
FAILS = "a failure that was imagined"
ENDED = {
    **{status: status.value.replace("_", " ") for status in UnitStatus},
    UnitStatus.NOT_STARTED: "not begun",
}


@dataclass(frozen=True)
class WhatIf:
    """What goes wrong.

    :ivar fail: how many units fail, as a number or a percentage.
    :ivar slow: how many times longer all jobs take.
    :ivar restart_s: how long after the begin the management server restarts.
    :ivar host_down: the name or id of a host that is down.
    """

    fail: str = "0"
    slow: float = 1.0
    restart_s: float | None = None
    host_down: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> WhatIf:
        """
        :param given: as options.reading reads it.
        :raises OptionError: a plan, where the cloud is asked.
        """
        if "plan" in given:
            raise OptionError(
                "names a plan, and this asks the cloud for it",
                option="rehearse",
                remedy="Run rehearse_sysvms, which asks no cloud then, or leave plan out.",
            )
        restart = given.get("server_restart")
        restart_s = None if restart is None else duration_s(restart)
        return cls(given.get("fail", "0"), given.get("slow", 1.0), restart_s, given.get("host_down", ""))

    def number(self, total: int) -> int:
        """How many of so many units fail; of a percentage at least one."""
        amount = int(self.fail.rstrip("%"))
        return math.ceil(total * amount / 100) if self.fail.endswith("%") else min(amount, total)

    def failing(self, stage: Stage, likely: Play) -> list[str]:
        """The units that fail, spread evenly over the order in which they would start.

        Canaries only where the others are too few: one that fails stops the run, whatever the budget.
        """
        number = self.number(len(stage.units))
        others = [unit for step in stage.steps if not step.canary for unit in step.units]
        units = others if number <= len(others) else stage.units
        order = sorted((unit.id for unit in units), key=lambda each: likely.units.get(each, (math.inf, 0.0))[0])
        return [order[(2 * place + 1) * len(order) // (2 * number)] for place in range(number)]

    def down(self, hosts: Sequence[Host]) -> frozenset[str]:
        """The ids of the hosts that are down.

        :raises OptionError: there is no such host.
        """
        if not self.host_down:
            return frozenset()
        found = frozenset(host.id for host in hosts if self.host_down in (host.name, host.id))
        if not found:
            guess = did_you_mean([self.host_down], [host.name for host in hosts])
            raise OptionError(
                f"has host_down: {self.host_down!r}, and there is no such host",
                option="rehearse",
                remedy=f"{guess}Give the name or id of a host.",
            )
        return found

    def words(self, failing: int) -> str:
        told = [
            f"{count(failing, 'unit')} fail{'s' if failing == 1 else ''}" if failing else "",
            f"all takes {self.slow:g} times as long" if self.slow != 1 else "",
            f"the server restarts {rough(self.restart_s)} after the begin" if self.restart_s is not None else "",
            f"host {self.host_down} is down" if self.host_down else "",
        ]
        return ", ".join(filter(None, told))


class StrickenServer(ImaginedServer):
    """The imagined cloud, and what goes wrong in it."""

    def suffer(self, what: WhatIf, failing: Sequence[str], down: frozenset[str]) -> StrickenServer:
        self._failing, self._back_at = frozenset(failing), -math.inf
        self._lost: set[str] = set()
        self._hosts = {key: replace(host, state="Down") if key in down else host for key, host in self._hosts.items()}
        seconds, returns_s = self._seconds, self._returns_s
        self._seconds = lambda unit, call: what.slow * seconds(unit, call)
        self._returns_s = lambda unit: what.slow * returns_s(unit)
        if what.restart_s is not None:
            self.later(self.time + what.restart_s, self._restart)
        return self

    def _restart(self) -> None:
        """What runs is lost; what the server was about to do it does once it is back."""
        self._back_at = self.time + AWAY_S
        self._due = [(moment + AWAY_S, number, do) for moment, number, do in self._due]
        for job in self._running.values():
            self._lost.add(job.id)
            self._free_at[job.unit.id] = self.time
        self._running.clear()

    def _settle(self) -> None:
        super()._settle()
        if self.time < self._back_at:
            raise UnavailableError("the management server restarts")

    def wait_for_it(self) -> None:
        self._advance()
        self.time = max(self.time, self._back_at)

    def hosts(self) -> dict[str, Host]:
        hosts = super().hosts()
        if self.time >= self._back_at + CONNECTING_S:
            return hosts
        return {key: replace(host, state="Disconnected") if host.state == "Up" else host for key, host in hosts.items()}

    def begin(self, unit: Unit, call: Call, job_id: str | None) -> ImaginedJob:
        job = super().begin(unit, call, job_id)
        if unit.id in self._failing:
            job.error = FAILS
        return job

    def result(self, job_id: str) -> Job:
        job = super().result(job_id)
        return replace(job, status=JobStatus.LOST, errorcode=530) if job_id in self._lost else job

    def _end(self, job: ImaginedJob) -> None:
        if job.id not in self._lost:
            super()._end(job)

    def _change(self, job: ImaginedJob, vms: list[Vm]) -> None:
        if job.error != FAILS:
            super()._change(job, vms)


def stricken(stage: Stage, what: WhatIf, likely: Play) -> Callable[..., ImaginedServer]:
    """What makes the cloud of the stage, with what goes wrong.

    :param likely: how the run goes otherwise.
    :raises OptionError: a host that there is not.
    """
    failing, down = what.failing(stage, likely), what.down(stage.hosts)

    def made(*given: Any, **named: Any) -> ImaginedServer:
        return StrickenServer(*given, **named).suffer(what, failing, down)

    return made


def what_if(stage: Stage, what: WhatIf, likely: Play, deadline: datetime | None) -> WhatIfData:
    """How the run goes if that goes wrong.

    :param likely: how it goes otherwise.
    :raises OptionError: a host that there is not.
    """
    ends_at = deadline.timestamp() if deadline else None
    played = play(replace(stage, server=stricken(stage, what, likely)), deadline=ends_at)
    ends = played.ends
    start = datetime.fromtimestamp(stage.start).astimezone(deadline.tzinfo if deadline else None)
    few = len(stage.units) <= MOST_PLAYED_THRICE
    told = [f"{count(ends[status], 'unit')} {word}" for status, word in ENDED.items() if ends.get(status)]
    ended = time_words(start + timedelta(seconds=played.seconds), start)
    words = f"{', '.join(told)}; about {rough(played.seconds)}, ends about {ended}"
    if played.stopped:
        words += f"; it stops as {played.stopped}"
    if what.restart_s is not None and what.restart_s >= played.seconds:
        words += "; the restart comes too late: the run has ended before"
    return {
        "if": what.words(what.number(len(stage.units))),
        "ends": {status.value: number for status, number in ends.items() if number},
        "likely_s": round(played.seconds, 1),
        "words": words,
        "units": played.times() if few else {},
        "ended": {each: end.value for each, end in played.how.items() if few and end is not UnitStatus.UPGRADED},
    }
