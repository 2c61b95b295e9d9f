# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline of the page: one chart per step, all on one time axis. Pure: where what is drawn, for the template."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple, TypeVar

from ...module_utils.knowledge.shapes import ReportData, ReportedUnit
from .build import PLANNED
from .wording import GOOD, duration, in_order, moment, status_words, zone_of

T = TypeVar("T")
MOST_BARS = 60  # units of a step that have a row of their own
NO_STEP = "In no step: already current, or not touched"
# Measures, in units of its own width.
WIDTH, LEFT, PLOT, AXIS, ROW, LANE = 1100, 190, 820, 18, 16, 12
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class _Span(NamedTuple):
    """One unit in the timeline; times in seconds since the epoch, also those that were I(predicted)."""

    start: float
    end: float
    unit: ReportedUnit
    predicted: tuple[float, float] | None = None


class _Scale(NamedTuple):
    start: float
    end: float

    def x(self, at: float) -> float:
        return round(LEFT + PLOT * (at - self.start) / (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, str]]:
        span = self.end - self.start
        step = next((step for step in TICKS_S if span <= 8 * step), 86400 * (1 + int(span / 86400 / 8)))
        pattern = "%m-%d %H:%M" if span > 86400 else "%H:%M:%S" if step < 60 else "%H:%M"
        offset = int(_local(self.start).utcoffset().total_seconds())  # type: ignore[union-attr]
        first = -int(-(self.start + offset) // step) * step - offset  # full hours of the clock here
        return [(self.x(at), _clock(at, pattern)) for at in range(first, int(self.end) + 1, step)]


class Bar(NamedTuple):
    """One unit in a chart; I(gaps) are the left edge and width of each time in which it did not answer, and
    I(predicted) those of the time in which a rehearsal had it."""

    unit: ReportedUnit
    tip: str
    top: int
    left: float
    width: float
    gaps: Sequence[tuple[float, float]]
    good: bool
    predicted: tuple[float, float] | None


class Chart(NamedTuple):
    """One step; where it is packed, units share rows."""

    title: str
    when: str
    packed: bool
    row: int  # its height
    height: int
    bars: Sequence[Bar]
    predicted: tuple[float, float] | None  # of the whole step


class Timeline(NamedTuple):
    date: str  # with the zone
    statuses: Sequence[str]
    has_gaps: bool
    has_predicted: bool
    ticks: Sequence[tuple[float, str]]
    charts: Sequence[Chart]
    width: int = WIDTH
    axis: int = AXIS


def _clock(at: float, pattern: str = "%H:%M:%S") -> str:
    return _local(at).strftime(pattern)


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, timezone.utc).astimezone()


def _spans(units: Iterable[ReportedUnit]) -> Iterable[_Span]:
    for unit in units:
        start, end = moment(unit["started"]), moment(unit["finished"])
        if start and end:
            yield _Span(start.timestamp(), end.timestamp(), unit)


def timeline(report: ReportData) -> Timeline | None:
    """One chart per step, all on one scale: a row per unit, or where there are many, as many rows as ran at a time.

    :returns: None where nothing was begun.
    """
    spans = sorted(_spans(report["units"]), key=lambda span: span[:2])
    if not spans:
        return None
    if report["status"] != PLANNED:
        spans = _with_predicted(spans)
    predicted = [span.predicted for span in spans if span.predicted]
    first = min([spans[0].start, *(start for start, dummy in predicted)])
    scale = _Scale(first, max([first + 1, *(span.end for span in spans), *(end for dummy, end in predicted)]))
    charts = [_chart(title, members, scale) for title, members in by_step(report, spans, lambda span: span.unit)]
    return Timeline(
        f"{_clock(scale.start, '%Y-%m-%d')}, {zone_of(_local(scale.start))}",
        in_order({span.unit["status"] for span in spans}),
        any(drawn.gaps for chart in charts for drawn in chart.bars),
        bool(predicted),
        scale.ticks(),
        charts,
    )


def _with_predicted(spans: Sequence[_Span]) -> list[_Span]:
    """With what a rehearsal had said, which knew nothing of pauses before the first unit."""
    known = [(span, when) for span in spans if (when := span.unit.get("predicted"))]
    begin = min((span.start for span, dummy in known), default=0.0) - min(
        (w["start_s"] for dummy, w in known), default=0.0
    )
    times = {span.unit["id"]: (begin + when["start_s"], begin + when["end_s"]) for span, when in known}
    return [span._replace(predicted=times.get(span.unit["id"])) for span in spans]


def by_step(report: ReportData, items: Iterable[T], unit_of: Callable[[T], ReportedUnit]) -> list[tuple[str, list[T]]]:
    """What belongs to each step, under the step's name."""
    steps = ((step["number"], step["name"]) for step in report["steps"])
    names: dict[int | None, str] = {number: f"Step {number}: {name}" for number, name in steps}
    groups: dict[str, list[T]] = {name: [] for name in names.values()}
    for item in items:
        groups.setdefault(names.get(unit_of(item)["step"], NO_STEP), []).append(item)
    return [(name, members) for name, members in groups.items() if members]


def _chart(title: str, spans: Sequence[_Span], scale: _Scale) -> Chart:
    packed = len(spans) > MOST_BARS
    lanes = _lanes(spans) if packed else list(range(len(spans)))
    row = LANE if packed else ROW
    start, end = spans[0].start, max(span.end for span in spans)
    when = f"{_clock(start)} to {_clock(end)}, {duration(end - start)}"
    bars = [_bar(span, AXIS + lane * row, scale) for lane, span in zip(lanes, spans, strict=True)]
    predicted = [span.predicted for span in spans if span.predicted]
    whole = (
        _place(scale, (min(first for first, dummy in predicted), max(last for dummy, last in predicted)))
        if predicted
        else None
    )
    return Chart(title, when, packed, row, AXIS + row * (max(lanes) + 1), bars, whole)


def _bar(span: _Span, top: int, scale: _Scale) -> Bar:
    start, end, unit, predicted = span
    left = scale.x(start)
    tip = f"{unit['name']}: {status_words(unit['status'])}, {_clock(start)} to {_clock(end)}, "
    tip += duration(unit["duration_s"]) + (f", gap {duration(unit['gap_s'])}" if unit.get("gap_s") else "")
    tip += f", predicted {_clock(predicted[0])} to {_clock(predicted[1])}" if predicted else ""
    gaps = [_place(scale, gap) for gap in _gaps(unit, end)]
    good = unit["status"] in GOOD or unit["status"] == PLANNED
    drawn = _place(scale, predicted) if predicted else None
    return Bar(unit, tip, top, left, max(1.0, scale.x(end) - left), gaps, good, drawn)


def _place(scale: _Scale, time: tuple[float, float]) -> tuple[float, float]:
    """Left edge and width."""
    left = scale.x(time[0])
    return left, max(1.5, scale.x(time[1]) - left)


def _gaps(unit: ReportedUnit, end: float) -> list[tuple[float, float]]:
    """When an endpoint of it did not answer; gaps of several that overlap are one."""
    found = sorted(
        (start.timestamp(), moment(gap["end"]).timestamp() if gap["end"] else end)  # type: ignore[union-attr]
        for endpoint in unit.get("endpoints", ())
        for gap in endpoint["gaps"]
        if (start := moment(gap["start"]))
    )
    joined: list[tuple[float, float]] = []
    for start_s, end_s in found:
        if joined and start_s <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end_s)
        else:
            joined.append((start_s, end_s))
    return joined


def _lanes(spans: Iterable[_Span]) -> list[int]:
    """For each span the first row that is free when it starts."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    lanes = []
    for start, end, *_others in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lanes.append(heapq.heappop(free) if free else len(busy))
        heapq.heappush(busy, (end, lanes[-1]))
    return lanes
