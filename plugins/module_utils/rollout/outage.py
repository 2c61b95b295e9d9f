# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For how long the server has not been of use, and when that is worth a line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..knowledge.durations import rough

SHORT_S = 30.0  # the end of what was shorter is not worth a line, nor is that it goes on
SELDOM_S = 600.0  # at most, between two lines about what goes on
ANOTHER_S = 150.0  # what is noticed so long after the last time is another one; one try may take a minute


@dataclass
class Outage:
    """Reads may go on while nothing is taken, so each of the two is one of its own.

    :ivar what: it, in words; I(over): its end.
    :ivar most_s: how long it may last.
    :ivar tell: told of its end.
    :ivar gap_s: what is noticed so long after the last time is another one; by default only I(ends) tells.
    """

    what: str
    over: str
    most_s: float
    tell: Callable[[str], None]
    gap_s: float = math.inf
    _since: float = 0.0
    _seen: float | None = None

    def lasts_too_long(self, now: float) -> bool:
        """It is noticed now."""
        if self._seen is None or now - self._seen > self.gap_s:
            self._since = now
        self._seen = now
        return now - self._since >= self.most_s

    def ends(self, now: float) -> None:
        if self._seen is not None and now - self._since >= SHORT_S:
            self.tell(f"{self.over}, after {rough(now - self._since)}")
        self._seen = None


class Repetition:
    """What is met again and again is worth a line at once, and then after ever longer times."""

    def __init__(self) -> None:
        self._since = self._seen = self._due = -math.inf

    def lasted(self, now: float) -> float | None:
        """It is met now: for how many seconds so far; None where that is not worth a line."""
        if not 0 <= now - self._seen <= ANOTHER_S:  # clocks may be set back
            self._since = self._due = now
        self._seen = now
        if now < self._due:
            return None
        lasted = now - self._since
        self._due = now + min(SELDOM_S, max(SHORT_S, lasted))
        return lasted
