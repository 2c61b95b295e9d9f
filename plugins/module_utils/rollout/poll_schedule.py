# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When is it worth asking again, and how long is it until all is done? Learns from durations seen, so that short jobs
are noticed at once and long ones are not asked about every second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from ..units.ends import UnitStatus
from .results import UnitResult

# Jobs that are due within this share of a duration of each other are asked about at once, after the last of them.
HOLD = 0.03
# A job ended somewhere between the last question and the one that noticed. The middle is taken, but no more than this
# share of its duration earlier, as the last question may have been long ago. Uncorrected, each wave inherits the delay.
NOTICED_LATE = 0.05
# A job that is due and still runs is asked about again after this share of its duration.
AGAIN = 0.01
# While nothing is known, and for a job that takes longer than the others did: ask after this share of its age.
GROWTH = 0.15
SHORTEST_S = 0.05
REMEMBERED = 32


class Durations:
    """Predicts how long something takes, as I(estimate) times a ratio learned from what ended before it."""

    def __init__(self) -> None:
        self._ratios: deque[float] = deque(maxlen=REMEMBERED)
        self._ordered: list[float] = []

    @property
    def known(self) -> bool:
        return bool(self._ratios)

    def learn(self, estimate_s: float, took_s: float) -> None:
        if estimate_s >= SHORTEST_S:
            self._ratios.append(took_s / estimate_s)
            self._ordered = sorted(self._ratios)

    def quantile(self, share: float, estimate_s: float) -> float:
        """Seconds within which this share of what was seen would have ended; the estimate before anything was."""
        return estimate_s * (self._ordered[int(share * (len(self._ordered) - 1))] if self._ordered else 1.0)

    def typical(self, estimate_s: float) -> float:
        """The median."""
        return self.quantile(0.5, estimate_s)


class PollSchedule(Durations):
    """Of jobs.

    :param poll_interval: the longest pause between two questions, in seconds.
    """

    def __init__(self, poll_interval: float) -> None:
        super().__init__()
        self._poll_interval = poll_interval

    def learn_job(self, estimate_s: float, took_s: float, ran_s: float) -> None:
        """A job was over when it was I(took_s) old; it still ran when it was I(ran_s) old."""
        self.learn(estimate_s, took_s - min((took_s - ran_s) / 2, NOTICED_LATE * took_s))

    def soonest(self, estimate_s: float) -> float:
        """Seconds after which a job of this estimate may well have ended: a low quantile of what was seen."""
        return self.quantile(0.2, estimate_s)

    def next_poll(self, now: float, running: Iterable[tuple[float, float]]) -> float:
        """The moment for the next question about running jobs, given as (submitted at, estimate)."""
        latest = now + self._poll_interval
        if not self.known:
            next_ask = min((now + GROWTH * (now - submitted) for submitted, dummy in running), default=latest)
            return min(latest, max(now + SHORTEST_S, next_ask))
        asks: list[tuple[float, float]] = []  # (due, how long it lasts)
        for submitted, estimate_s in running:
            lasts = self.soonest(estimate_s)
            due = submitted + lasts
            if due < now:  # it takes longer than the others did
                due = now + max(AGAIN * lasts, GROWTH * (now - due))
            asks.append((due, lasts))
        first, lasts = min(asks)
        together = max(due for due, dummy in asks if due <= first + HOLD * lasts)
        return min(latest, max(together, now + SHORTEST_S))


class UnitDurations(Durations):
    """Of whole units, which may have several jobs, and wait between them and after the last.

    :param jobs: what is known before a unit has ended.
    """

    def __init__(self, jobs: PollSchedule) -> None:
        super().__init__()
        self._jobs = jobs

    def typical(self, estimate_s: float) -> float:
        return super().typical(estimate_s) if self.known else self._jobs.typical(estimate_s)

    def learn_of(self, result: UnitResult, estimate_s: float) -> None:
        if result.status is UnitStatus.UPGRADED and result.worked_s is not None:
            self.learn(estimate_s, result.worked_s)

    def time_left(
        self, parallel: int, running: Sequence[tuple[float, float]], waiting_s: float, longest_s: float
    ) -> float | None:
        """Seconds until all is done, from durations seen; None before the first has ended.

        :param running: (age, estimate) of what runs.
        :param waiting_s: the sum of the estimates of what has not started.
        :param longest_s: the longest of these.
        """
        if not self.known:
            return None
        rest = [max(0.0, self.typical(estimate) - age) for age, estimate in running]
        return max([(sum(rest) + self.typical(waiting_s)) / max(1, parallel), *rest, self.typical(longest_s)])
