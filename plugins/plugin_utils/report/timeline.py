# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline of the page: one chart per step, all on one time axis. Pure: data in, SVG out."""

from __future__ import annotations

import heapq
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeVar

from .wording import GOOD, SIGNS, count, duration, in_order, moment, status_words, words

T = TypeVar("T")
Unit = Mapping[str, Any]

MOST_BARS = 60  # units of a step that have a row of their own
MOST_LETTERS = 28  # of a name
NO_STEP = "In no step: already current, or not touched"
# Measures, in units of its own width.
WIDTH, LEFT, PLOT, AXIS, ROW, LANE = 1100, 190, 820, 18, 16, 12
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
PATTERNS = """<svg viewBox="0 0 0 0" aria-hidden="true"><defs>
<pattern id="stripes" width="5" height="5" patternUnits="userSpaceOnUse">
<path d="M0 5L5 0M-1 1L1 -1M4 6L6 4"/></pattern>
<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse"><circle cx="2" cy="2" r="1.2"/></pattern>
</defs></svg>"""


def escaped(value: object) -> str:
    """As text and as an attribute's value; without the braces that a template engine would look for."""
    return html.escape(str(value)).replace("{", "&#123;")


class _Span(NamedTuple):
    """One unit in the timeline; times in seconds since the epoch."""

    start: float
    end: float
    unit: Unit


class _Scale(NamedTuple):
    start: float
    end: float

    def x(self, at: float) -> float:
        return round(LEFT + PLOT * (at - self.start) / (self.end - self.start), 1)

    def axis(self, height: int) -> str:
        span = self.end - self.start
        step = next((step for step in TICKS_S if span <= 8 * step), 86400 * (1 + int(span / 86400 / 8)))
        pattern = "%m-%d %H:%M" if span > 86400 else "%H:%M:%S" if step < 60 else "%H:%M"
        return "".join(
            f'<line x1="{self.x(at)}" x2="{self.x(at)}" y1="{AXIS - 4}" y2="{height}"/>'
            f'<text class="tick" x="{self.x(at)}" y="10">{_clock(at, pattern)}</text>'
            for at in range(-int(-self.start // step) * step, int(self.end) + 1, step)
        )


def _clock(at: float, pattern: str = "%H:%M:%S") -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime(pattern)


def _spans(units: Iterable[Unit]) -> Iterable[_Span]:
    for unit in units:
        start, end = moment(unit["started"]), moment(unit["finished"])
        if start and end:
            yield _Span(start.timestamp(), end.timestamp(), unit)


def timeline(report: Mapping[str, Any], anchors: Mapping[str, str]) -> str:
    """One chart per step, all on one scale: a row per unit, or where there are many, as many rows as ran at a time."""
    spans = sorted(_spans(report["units"]), key=lambda span: span[:2])
    if not spans:
        return ""
    scale = _Scale(spans[0].start, max(spans[0].start + 1, *(span.end for span in spans)))
    key = "".join(
        f'<span data-status="{escaped(status)}"><svg viewBox="0 0 26 12" aria-hidden="true">'
        f'<rect x="1" y="1" width="24" height="10"/></svg> {escaped(status_words(status))}</span>'
        for status in in_order({span.unit["status"] for span in spans})
    )
    if any(_gaps(span.unit, span.end) for span in spans):
        key += (
            '<span><svg viewBox="0 0 26 12" aria-hidden="true">'
            '<rect class="gap" x="1" y="4" width="24" height="4"/></svg>'
            " did not answer from outside</span>"
        )
    charts = []
    for title, members in by_step(report, spans, lambda span: span.unit):
        start, end = members[0].start, max(span.end for span in members)
        when = f"{count(len(members), 'unit')}, {_clock(start)} to {_clock(end)}, {duration(end - start)}"
        chart = _chart(members, scale, anchors)
        charts.append(f'<h3>{title} <small>{when}</small></h3>\n<div class="chart">{chart}</div>')
    date = _clock(scale.start, "%Y-%m-%d")
    return f"""<section><h2>Timeline</h2>
<p class="key faint">{PATTERNS}Times are UTC, {date}.{key}</p>
{"".join(charts)}</section>"""


def by_step(report: Mapping[str, Any], items: Iterable[T], unit_of: Callable[[T], Unit]) -> list[tuple[str, list[T]]]:
    """What belongs to each step, under the step's name."""
    names = {step["number"]: f"Step {step['number']}: {words(step['name'])}" for step in report["steps"]}
    groups: dict[str, list[T]] = {name: [] for name in names.values()}
    for item in items:
        groups.setdefault(names.get(unit_of(item)["step"], NO_STEP), []).append(item)
    return [(escaped(name), members) for name, members in groups.items() if members]


def _chart(spans: Sequence[_Span], scale: _Scale, anchors: Mapping[str, str]) -> str:
    packed = len(spans) > MOST_BARS
    lanes = _lanes(spans) if packed else list(range(len(spans)))
    height = LANE if packed else ROW
    total = AXIS + height * (max(lanes) + 1)
    shapes, above = [scale.axis(total)], [f'<text class="faint" y="28">{len(spans):,} units</text>'] if packed else []
    for lane, (start, end, unit) in zip(lanes, spans, strict=True):
        top, left, width = AXIS + lane * height, scale.x(start), max(1.0, scale.x(end) - scale.x(start))
        status, sign, took = unit["status"], SIGNS.get(unit["status"], "?"), duration(unit["duration_s"])
        tip = f"{unit['name']}: {status_words(status)}, {_clock(start)} to {_clock(end)}, {took}"
        tip += f", gap {duration(unit['gap_s'])}" if unit.get("gap_s") else ""
        shape = f'<rect x="{left}" y="{top + 1}" width="{width:.1f}" height="{height - 2}"/>'
        shape += "".join(
            f'<rect class="gap" x="{scale.x(gap_start)}" y="{top + height / 2 - 2:g}" height="4" '
            f'width="{max(1.5, scale.x(gap_end) - scale.x(gap_start)):.1f}"/>'
            for gap_start, gap_end in _gaps(unit, end)
        )
        if not packed:
            name = unit["name"] if len(unit["name"]) <= MOST_LETTERS else unit["name"][: MOST_LETTERS - 1] + "…"
            shape += f'<text y="{top + 12}">{escaped(name)}</text>'
            shape += f'<text x="{left + width + 4:.1f}" y="{top + 12}">{sign} {took}</text>'
        elif status not in GOOD:
            shape += f'<text class="mark" x="{left + width / 2:.1f}" y="{top + 9}">{sign}</text>'
        (shapes if status in GOOD else above).append(
            f'<a data-status="{escaped(status)}" href="#{anchors[unit["id"]]}" tabindex="-1">'
            f"<title>{escaped(tip)}</title>{shape}</a>"
        )
    label = f"{count(len(spans), 'unit')} on a time axis; the table of all units says the same in words"
    return f'<svg viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{label}">{"".join(shapes + above)}</svg>'


def _gaps(unit: Unit, end: float) -> list[tuple[float, float]]:
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
    for start, end, _unit in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lanes.append(heapq.heappop(free) if free else len(busy))
        heapq.heappush(busy, (end, lanes[-1]))
    return lanes
