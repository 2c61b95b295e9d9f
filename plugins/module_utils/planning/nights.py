# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A campaign: which units are done in which night, given a window for each night. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from ..knowledge.counts import count
from ..knowledge.durations import rough
from ..knowledge.shapes import CampaignData, NightData, PredictedData, UnitData
from ..options.option_names import OptionError
from ..options.reading import DAYS
from .values import local, shown

EARLY = timedelta(minutes=10)  # whoever begins a little before the window means it
WORDS = "%Y-%m-%d %a %H:%M"  # spreadsheets leave it as it is
_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ ,]+[^\W\d]+\.?)?(?:[T ,]+(\d\d:\d\d)(?::\d\d)?)? ?(Z|[+-]\d\d:?\d\d)?")
# A spreadsheet may have made such dates; with slashes days may be months.
_DOTTED = re.compile(r"^(\d\d)\.(\d\d)\.(\d{4})")

Play = Callable[[Sequence[str]], Mapping[str, tuple[float, float]]]
"""When each of these units starts and ends, in seconds after the begin, if they are all that is done, in this order."""


@dataclass(frozen=True)
class Window:
    """When a night's work may run.

    :ivar days: on which it starts; 0 is Monday.
    """

    start: time
    length_s: int
    days: frozenset[int] = frozenset(range(7))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Window:
        hour, minute = map(int, given["start"].split(":"))
        return cls(time(hour, minute), given["length"], frozenset(map(DAYS.index, given.get("days") or DAYS)))

    def next(self, after: datetime) -> datetime:
        """Its first start at that moment or later, as the clocks of this machine show it."""
        today = local(after).date()
        return next(found for n in range(-1, 9) if (found := self._on(today + timedelta(n))) and found >= after)

    def open_at(self, now: datetime) -> datetime | None:
        """When the window that is open now ends; None while none is."""
        today = local(now).date()
        starts = (self._on(today + timedelta(n)) for n in (-1, 0, 1))
        ends = (start + timedelta(seconds=self.length_s) for start in starts if start and start <= now + EARLY)
        return next((local(end) for end in ends if now < end), None)

    def _on(self, day: date) -> datetime | None:
        return shown(datetime.combine(day, self.start))[0] if day.weekday() in self.days else None


@dataclass(frozen=True)
class Windows:
    """The usual one, and those of zones that have their own."""

    usual: Window | None
    zones: Mapping[str, Window]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Windows:
        """:param given: as C(options.reading.nights) reads it."""
        usual = Window.of(given) if "start" in given else None
        return cls(usual, {name: Window.of(each) for name, each in given.get("zones", {}).items()})

    def of_zone(self, name: str) -> Window:
        """:raises OptionError: the zone has none."""
        found = self.zones.get(name) or self.usual
        if found is None:
            raise OptionError(
                f"has no window for zone {name}",
                option="nights",
                remedy=f"Give start and length for all zones, or for {name} below zones.",
            )
        return found

    def refuse_unknown(self, zones: Sequence[str]) -> None:
        """:raises OptionError: for a zone that is not there."""
        unknown = [name for name in self.zones if name not in zones]
        if unknown:
            raise OptionError(
                f"has a window for zone {', '.join(unknown)}, but there is no such zone",
                option="nights",
                remedy=f"The zones are: {', '.join(sorted(zones))}.",
            )


@dataclass(frozen=True)
class Night:
    """
    :ivar times: when each unit is expected to start and end, by id, in seconds after the night's start.
    :ivar zones: how many units of each.
    """

    start: datetime
    times: Mapping[str, tuple[float, float]]
    zones: Mapping[str, int]

    @property
    def units(self) -> tuple[str, ...]:
        """In the order in which they are done."""
        return tuple(self.times)

    @property
    def ends_s(self) -> float:
        """When the last one is expected to end."""
        return max(end for dummy, end in self.times.values())

    def as_dict(self) -> NightData:
        return {
            "night": self.start.isoformat(timespec="minutes"),
            "ends_s": round(self.ends_s, 1),
            "zones": dict(self.zones),
            "units": len(self.units),
            "left": len(self.units),
        }


def schedule(units: Sequence[UnitData], windows: Windows, now: datetime, play: Play | None = None) -> list[Night]:
    """The nights that are needed, the first one first.

    Zones with the same window share their nights; those with another one are done by runs of their own. Each night
    takes the units in their order until its window is full.

    :param units: those to be touched, in the order in which they are done.
    :param play: of these units; without it they are done as they are predicted to be all together.
    :raises OptionError: for a window that is too short for a unit.
    """
    play = play or _as_predicted(units)
    by_window: dict[Window, list[UnitData]] = {}
    for unit in units:
        by_window.setdefault(windows.of_zone(unit["zone"]), []).append(unit)
    found = []
    for window, members in by_window.items():
        zone_of = {unit["id"]: unit["zone"] for unit in members}
        left, start = list(zone_of), window.next(now)
        while left:
            times = play(left)
            taken = [identity for identity in left if times[identity][1] <= window.length_s]
            if not taken:
                raise _too_short(next(unit for unit in members if unit["id"] == left[0]), window, times[left[0]])
            zones = Counter(zone_of[identity] for identity in taken)
            found.append(Night(start, {identity: times[identity] for identity in taken}, zones))
            gone = set(taken)
            left, start = [each for each in left if each not in gone], window.next(start + timedelta(minutes=1))
    return sorted(_together(found), key=lambda night: night.start)


def _together(nights: Sequence[Night]) -> Iterator[Night]:
    """Nights that begin at the same time as one."""
    by_start: dict[datetime, list[Night]] = {}
    for night in nights:
        by_start.setdefault(night.start, []).append(night)
    for start, some in by_start.items():
        zones = Counter[str]()
        for night in some:
            zones.update(night.zones)
        yield Night(start, {identity: when for night in some for identity, when in night.times.items()}, zones)


def _as_predicted(units: Sequence[UnitData]) -> Play:
    found = ((unit["id"], unit["predicted"]) for unit in units)
    times = {identity: (when["start_s"], when["end_s"]) for identity, when in found if when}

    def play(ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        begin = min(times[each][0] for each in ids)
        return {each: (times[each][0] - begin, times[each][1] - begin) for each in ids}

    return play


def _too_short(unit: UnitData, window: Window, when: tuple[float, float]) -> OptionError:
    needed = rough(when[1])
    return OptionError(
        f"has a window of {rough(window.length_s)} in {unit['zone']}, but {unit['kind'].replace('_', ' ')}"
        f" {unit['name']} alone is expected to take {needed}",
        option="nights",
        remedy=f"Give a length above {needed}, or leave it out with exclude_names.",
    )


def predicted(when: tuple[float, float]) -> PredictedData:
    return {"start_s": round(when[0], 1), "end_s": round(when[1], 1)}


def campaign(nights: Sequence[Night]) -> CampaignData:
    """As plain data; C(words) is for a person."""
    first, last = (night.start.strftime("%a %Y-%m-%d") for night in (nights[0], nights[-1]))
    when = first if first == last else f"{first} to {last}"
    days = len({night.start.date() for night in nights})
    return {"words": f"{count(days, 'night')}, {when}", "nights": [night.as_dict() for night in nights]}


def nights_like_this(left: int, total: int) -> int | None:
    """How many nights like this one it takes, where so many of all units are left at its end; None if none is done."""
    return None if left >= total else -(-total // (total - left))


def night_words(moment: str | datetime | None) -> str:
    """A night in plan.csv, such as C(2026-11-30 Mon 23:00 +0100)."""
    if moment is None:
        return ""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.strftime(f"{WORDS} %z")


def parse_night(text: str) -> datetime | None:
    """When a night begins; one without a time of day begins at noon. None for what is no night."""
    match = _WRITTEN.fullmatch(_DOTTED.sub(r"\3-\2-\1", text.strip()))
    if match is None:
        return None
    day, at, offset = match.groups()
    try:
        found = datetime.fromisoformat(f"{day}T{at or '12:00'}")
    except ValueError:
        return None
    return shown(found)[0] if offset is None else datetime.strptime(f"{found:%Y%m%d%H%M}{offset}", "%Y%m%d%H%M%z")
