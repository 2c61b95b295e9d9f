# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was reachable from outside, and for how long it was not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ..cloud.endpoints import Endpoint
from ..knowledge.durations import iso_time
from ..knowledge.shapes import SeenEndpoint

MOST_GAPS = 20  # of one endpoint that are told one by one


@dataclass(frozen=True)
class Change:
    """An endpoint began to answer, or ceased to; seconds since the epoch.

    :ivar seen: when that was seen, for sure after it was so.
    """

    at: float
    answers: bool
    seen: float = 0.0


@dataclass(frozen=True)
class Gap:
    """A time without an answer; C(end) is None where it has not ended."""

    start: float
    end: float | None


@dataclass(frozen=True)
class Reach:
    """One endpoint of a unit, as it was seen while the unit was upgraded.

    :ivar seen_from: the host that tried to reach it.
    :ivar before: whether it answered before anything was sent; only then its gaps count. None: nobody could try.
    :ivar after: whether it answered in the end.
    :ivar until: when that was, in seconds since the epoch.
    """

    endpoint: Endpoint
    seen_from: str
    before: bool | None
    after: bool | None
    gaps: tuple[Gap, ...] = ()
    until: float = 0.0

    @property
    def lengths_s(self) -> list[float]:
        """Of its gaps; of one that has not ended, as far as it was looked at."""
        return [(self.until if gap.end is None else gap.end) - gap.start for gap in self.gaps]

    @property
    def longest_s(self) -> float:
        return max(self.lengths_s, default=0.0)

    @property
    def lost_since(self) -> float | None:
        """Since when it has not answered, if it answered before."""
        return self.gaps[-1].start if self.gaps and self.after is False else None

    @property
    def silence(self) -> str:
        """In words, that it does not answer."""
        moment = datetime.fromtimestamp(self.lost_since or self.until, timezone.utc)
        return f"{self.endpoint} ({self.endpoint.serves}) does not answer since {moment:%H:%M:%S} UTC"

    def as_dict(self) -> SeenEndpoint:
        counted = self.before is True
        return {
            **self.endpoint.as_dict(),
            "from": self.seen_from,
            "before": self.before,
            "after": self.after,
            "longest_gap_s": round(self.longest_s, 1) if counted else None,
            "total_gap_s": round(sum(self.lengths_s), 1) if counted else None,
            "gaps": [{"start": iso_time(gap.start), "end": iso_time(gap.end)} for gap in self.gaps[:MOST_GAPS]],
        }


def reach_of(
    endpoint: Endpoint, seen_from: str, changes: Sequence[Change], since: float, until: float, *, late_s: float = 0.0
) -> Reach:
    """What the changes come to.

    :param changes: in the order in which they were told, the first of them the first result.
    :param since: when the first call was sent.
    :param until: when it was looked at last.
    :param late_s: so long after that a first answer is one from before: a server needs seconds until it touches a VM.
    """
    if changes and changes[0].answers and since < changes[0].at <= since + late_s:
        since = changes[0].at
    early = [change.answers for change in changes if max(change.at, change.seen) <= since]
    before = early[-1] if early else None
    after = changes[-1].answers if changes else None
    gaps: list[Gap] = []
    for change in changes if before else ():
        if max(change.at, change.seen) <= since:
            continue
        if change.answers and gaps and gaps[-1].end is None:
            gaps[-1] = Gap(gaps[-1].start, max(change.at, gaps[-1].start))
        elif not change.answers and (not gaps or gaps[-1].end is not None):
            gaps.append(Gap(max(change.at, since), None))
    return Reach(endpoint, seen_from, before, after, tuple(gaps), until)
