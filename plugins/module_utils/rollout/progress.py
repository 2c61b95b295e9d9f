# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rollout is, while it runs: lines for a person, and a journal for the report that is kept beside it."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..api.errors import ApiError
from ..cloud.model import Unit
from ..knowledge import durations
from ..knowledge.characters import visible
from ..knowledge.durations import iso_time
from ..units.ends import UnitStatus
from .control import WORDS
from .outage import Repetition
from .results import UnitResult

# Where the action plugin that runs the module wants the journal; no option, since it is no business of users.
JOURNAL_VARIABLE = "SYSVM_JOURNAL"
# What keeps calls from being carried out twice, as an earlier step has found out; likewise.
GUARD_VARIABLE = "SYSVM_GUARD"
MARKS = {
    UnitStatus.UPGRADED: "ok",
    UnitStatus.CURRENT: "current",
    UnitStatus.FAILED: "FAILED",
    UnitStatus.DEGRADED: "FAILED",
    UnitStatus.NOT_STARTED: "left",
    UnitStatus.LEFT_RUNNING: "left",
}


@dataclass(frozen=True)
class Counts:
    """How many units there are.

    :ivar at_work: those that have a place.
    :ivar proving: those that have given it to others, and wait for their proof or for others' jobs.
    """

    total: int
    done: int
    at_work: int
    proving: int
    failed: int
    time_left_s: float | None = None

    @property
    def under_way(self) -> str:
        """Those that have begun and are not done, in words."""
        return f"{self.at_work} at work" + (f", {self.proving} being proved" if self.proving else "")


class Progress:
    """Formats one line per event and hands it to I(write).

    :param label: what the counts are of, such as C(step 2 of 7).
    :ivar tells: whether anybody hears how far it is.
    """

    tells = True

    def __init__(
        self,
        write: Callable[[str], None],
        now: Callable[[], float] = time.time,
        *,
        label: str | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._write = write
        self._journal = journal or Journal(os.environ.get(JOURNAL_VARIABLE))
        self._label = f"{label}: " if label else ""
        self._now = now
        self._met: dict[tuple[type[ApiError], str | None], Repetition] = defaultdict(Repetition)

    def started(self, unit: Unit, counts: Counts) -> None:
        self._journal({"started": unit.id, "at": iso_time(self._now())})
        names = ", ".join(vm.name for vm in unit.vms if vm.name != unit.name)
        self._line("start", f"{unit.label}{f' ({names})' if names else ''}, zone {unit.zone}", counts)

    def finished(self, result: UnitResult, counts: Counts) -> None:
        self._journal({"result": result.as_dict()})
        took = f" in {result.duration_s:.0f} s" if result.duration_s is not None else ""
        gap = "" if result.gap_s is None else f", gap {durations.exact(result.gap_s)}" if result.gap_s else ", no gap"
        reason = "" if result.status.good else f": {result.reason}"
        self._line(MARKS.get(result.status, result.status.value), f"{result.unit.label}{took}{gap}{reason}", counts)

    def note(self, unit: Unit, text: str) -> None:
        """Something a person wants to know that is no start and no end."""
        self._say("note", f"{unit.label}: {text}")

    def remark(self, text: str) -> None:
        """The same about the whole rollout."""
        self._say("note", text)

    def stopping(self, counts: Counts, waits: bool) -> None:
        """The run was interrupted."""
        rest = "is waited for" if waits else "is left to the server"
        self._say("stop", f"interrupted: nothing new is started; what has begun {rest} ({counts.under_way})")

    def steered(self, word: str, counts: Counts, path: str) -> None:
        """Somebody steers the run by a file."""
        waiting = counts.total - counts.done - counts.at_work - counts.proving
        self._say("steer", f"{word}: {counts.under_way}, {waiting} waiting. {path}")

    def not_understood(self, text: str, path: str) -> None:
        """The same, but it means nothing."""
        self._say("steer", f"{path} says {text!r}, which changes nothing: the words are {WORDS}")

    def retrying(self, error: ApiError, delay: float) -> None:
        """The management server does not answer as it should; hours may pass in silence otherwise."""
        lasted = self._met[type(error), error.command].lasted(self._now())
        if lasted is not None:
            so_far = f" It has been so for {durations.rough(lasted)}." if lasted else ""
            self._say("wait", f"{error.message}{so_far} Trying again in {delay:.0f} s.")

    def waiting(self, why: str, most_s: float) -> None:
        """Before the first unit: what new VMs need is away."""
        self._say("wait", f"{why} Nothing of this step is begun before; waiting for up to {durations.rough(most_s)}.")

    def _line(self, mark: str, text: str, counts: Counts) -> None:
        seconds = counts.time_left_s or 0.0  # of what is late nobody knows
        left = f", about {durations.rough(seconds)} left" if seconds >= 0.5 else ""
        state = f"{counts.done}/{counts.total} done, {counts.under_way}, {counts.failed} failed{left}"
        self._say(mark, f"{text} [{self._label}{state}]")

    def _say(self, mark: str, text: str) -> None:
        self._write(log_line(mark, text, self._now()))


def log_line(mark: str, text: str, at: float | None = None) -> str:
    """A line of the log: when (local time with its zone), what, and about what.

    :param at: in seconds since the epoch; now by default.
    """
    moment = datetime.fromtimestamp(time.time() if at is None else at).astimezone()
    return f"{moment.isoformat(timespec='seconds')} {mark:<7} {visible(text)}"


def on_screen(line: str) -> str:
    """A line of the log with the time of day alone."""
    return re.sub(r"^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)[+-]\d\d:\d\d ", r"\1 ", line)


class LogFile:
    """Appends lines to a file to C(tail -f), which only its owner and group may read. A log that cannot be written must
    not stop a rollout: it goes quiet and keeps the first reason in I(problem)."""

    def __init__(self, path: str | None) -> None:
        self.problem: str | None = None
        self._path = path

    @property
    def warnings(self) -> list[str]:
        return [f"The log could not be written: {self.problem}"] if self.problem else []

    def __call__(self, line: str) -> None:
        if not self._path or self.problem:
            return
        try:
            with open(self._path, "a", encoding="utf-8", opener=_no_strange_link) as file:
                file.write(line + "\n")
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}"


def _no_strange_link(path: str, flags: int) -> int:
    """Open a file, but not where a link leads that somebody else has made."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        if error.errno != errno.ELOOP or os.lstat(path).st_uid not in (0, os.geteuid()):
            raise
    return os.open(path, flags, 0o640)


class Journal:
    """Appends one JSON object per line when a unit starts and when it ends, so that the report is true also if this
    process is killed. It goes quiet where it cannot write."""

    def __init__(self, path: str | None) -> None:
        self._file = LogFile(path) if path else None

    def __call__(self, event: Mapping[str, Any]) -> None:
        if self._file:
            self._file(json.dumps(event))
