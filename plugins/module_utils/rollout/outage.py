# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For how long the server has not been of use."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Outage:
    """Reads may go on while nothing is taken, so each of the two is one of its own.

    :ivar what: it, in words.
    :ivar most_s: how long it may last.
    :ivar gap_s: what is noticed so long after the last time is another one; by default only I(ends) tells.
    """

    what: str
    most_s: float
    gap_s: float = math.inf
    _since: float = 0.0
    _seen: float | None = None

    def lasts_too_long(self, now: float) -> bool:
        """It is noticed now."""
        if self._seen is None or now - self._seen > self.gap_s:
            self._since = now
        self._seen = now
        return now - self._since >= self.most_s

    def ends(self) -> None:
        self._seen = None
