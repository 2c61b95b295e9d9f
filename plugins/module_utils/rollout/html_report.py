# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page that needs nothing else: no network, no server, no JavaScript. Pure: data in, text out.

Every value goes through L(_text), also as an attribute. The page is built here and not by a template, because names may
look like one.
"""

from __future__ import annotations

import hashlib
import heapq
import html
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeVar

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.markdown_report import (
    SIGNS,
    bad_checks,
    changes,
    checks_words,
    count,
    duration,
    headline,
    in_order,
    kind,
    moment,
    not_good,
    owner,
    owner_name,
    run_facts,
    status_words,
    unit_type,
    words,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.report import GOOD

T = TypeVar("T")
Unit = Mapping[str, Any]

MOST_REASONS = 50  # rows of the table of what is not done
MOST_NAMES = 20  # units named in one of its rows
MOST_TEXT = 300  # characters of a check before it is folded
MOST_BARS = 60  # units of a step that have a row of their own in the timeline
MOST_LETTERS = 28  # of a name in the timeline
HEADER = ("Unit", "Kind", "Zone", "Hypervisor", "Owner", "Method", "Status", "Reason", "Before → after", "Time", "Jobs")
NO_STEP = "In no step: already current, or not touched"
# The timeline's measures, in units of its own width.
WIDTH, LEFT, PLOT, AXIS, ROW, LANE = 1100, 190, 820, 18, 16, 12
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
PATTERNS = """<svg viewBox="0 0 0 0" aria-hidden="true"><defs>
<pattern id="stripes" width="5" height="5" patternUnits="userSpaceOnUse">
<path d="M0 5L5 0M-1 1L1 -1M4 6L6 4"/></pattern>
<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse"><circle cx="2" cy="2" r="1.2"/></pattern>
</defs></svg>"""

CSS = """
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --faint: #57606a; --line: #d0d7de; --soft: #f6f8fa;
  --upgraded: #1a7f37; --current: #0b6bcb; --failed: #c4162a; --skipped: #8a5a00; --not_started: #5f6873; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #e6edf3; --faint: #9aa4af;
  --line: #30363d; --soft: #161b22; --upgraded: #3fb950; --current: #6cb6ff; --failed: #ff7b72; --skipped: #d9a22b;
  --not_started: #a0a9b4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 1700px; background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1rem; color: var(--faint); }
h2 { margin: 2.2rem 0 .6rem; font-size: 1.25rem; }
h3 { margin: 1.2rem 0 .1rem; font-size: .95rem; }
small, .faint { color: var(--faint); font-size: .86em; font-weight: normal; }
code { font: .78em/1.3 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--faint); }
a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: 2px; }
[hidden] { display: none !important; }
[data-status] { --color: var(--ink); }
[data-status=failed], [data-status=fail] { --color: var(--failed); }
[data-status=skipped], [data-status=warn] { --color: var(--skipped); }
[data-status=not_started] { --color: var(--not_started); }
[data-status=upgraded] { --color: var(--upgraded); }
[data-status=current] { --color: var(--current); }
.status { color: var(--color); font-weight: 600; white-space: nowrap; }
.outcome { display: flex; flex-wrap: wrap; gap: 1rem 4rem; padding: 1rem 1.25rem; background: var(--soft);
  border: 1px solid var(--line); border-left: .6rem solid var(--color); border-radius: 6px; }
.outcome div { flex: 1 1 22rem; }
.outcome strong { font-size: 1.7rem; line-height: 1.3; color: var(--color); }
.outcome p { margin: .2rem 0 .8rem; max-width: 60rem; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0; padding: 0; list-style: none; }
.counts a { display: block; padding: .4rem .9rem; border: 1px solid var(--line); border-top: 4px solid;
  border-radius: 6px; text-decoration: none; }
.counts b { font-size: 1.6rem; line-height: 1.2; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; align-content: start; gap: .15rem 1rem; margin: .4rem 0 0;
  flex: 2 1 26rem; }
dt { color: var(--faint); }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
thead th { color: var(--faint); font-size: .86em; border-bottom-width: 2px; background: var(--page); }
tbody th { min-width: 11rem; }
#units tbody th { overflow-wrap: anywhere; }
#undone th:last-child { width: 50%; }
tbody small, tbody code { display: block; }
.group th { padding-top: 1rem; }
.group small, #undone small { display: inline; }
#units thead th { position: sticky; top: 0; }
#units td:nth-child(9) { min-width: 14rem; }
#units td:nth-child(10) { white-space: nowrap; }
#units td:nth-child(11) { min-width: 9rem; }
tr:target > * { background: var(--soft); box-shadow: inset 0 2px var(--current), inset 0 -2px var(--current); }
#filter { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; margin: .6rem 0; color: var(--faint); }
#filter :is(input, select, button) { display: block; font: inherit; padding: .3rem .5rem; color: var(--ink);
  background: var(--soft); border: 1px solid var(--faint); border-radius: 4px; }
#filter input { width: min(24rem, 80vw); }
details[open] span { display: none; }
.chart { overflow-x: auto; }
svg { fill: var(--ink); font-size: 11px; }
.chart svg { display: block; min-width: 1000px; width: 100%; }
.tick { fill: var(--faint); text-anchor: middle; }
svg .faint { fill: var(--faint); }
svg line { stroke: var(--line); }
svg a { text-decoration: none; }
svg [data-status=failed] text, .mark { fill: var(--color); }
.mark { text-anchor: middle; font-weight: bold; stroke: var(--page); stroke-width: 2.5; paint-order: stroke; }
rect { fill: var(--color); stroke: var(--page); stroke-width: .6; }
[data-status=failed] rect { fill: url(#stripes); stroke: var(--color); stroke-width: 1; }
[data-status=current] rect { fill: url(#dots); stroke: var(--color); stroke-width: 1; }
[data-status=skipped] rect, [data-status=not_started] rect { fill: none; stroke: var(--color); stroke-width: 1; }
a:hover rect { stroke: var(--ink); }
#stripes path { stroke: var(--failed); stroke-width: 2.5; }
#dots circle { fill: var(--current); }
.key span { margin-left: 1.2rem; }
.key > svg { position: absolute; width: 0; height: 0; }
.key span svg { width: 26px; height: 12px; vertical-align: middle; }
@media screen and (max-width: 1250px) {
  .wide { overflow-x: auto; }
  #units thead th { position: static; }
}
@media screen and (max-width: 720px) {
  body { padding: .8rem; }
  thead { display: none; }
  table, tbody, tr, tbody :is(th, td) { display: block; }
  tbody tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  tbody :is(th, td) { border: 0; padding: .1rem 0; }
  td:empty { display: none; }
  #units tr[data-status] > * { padding-left: 7rem; position: relative; }
  #units tr[data-status] > ::before { position: absolute; left: 0; font-weight: normal; color: var(--faint); }
NAMES}
@page { size: A4 landscape; margin: 11mm; }
@media print {
  :root { color-scheme: light; font-size: 11px; }
  body { padding: 0; max-width: none; font-size: 8pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  #filter { display: none; }
  h2, h3 { break-after: avoid; }
  tr, .chart, .outcome { break-inside: avoid; }
  #units thead th { position: static; }
  .chart svg { min-width: 0; }
}
""".replace(
    "NAMES",
    "".join(
        f"  #units tr[data-status] > :nth-child({place})::before {{ content: '{name}'; }}\n"
        for place, name in enumerate(HEADER, 1)
    ),
)

JS = """
const find = id => document.getElementById(id), form = find("filter");
const rows = [...document.querySelectorAll("#units tr[data-status]")];
const texts = rows.map(row => row.textContent.toLowerCase());
const words = form.querySelector("input"), boxes = [...form.querySelectorAll("select")];
function apply() {
  const wanted = words.value.toLowerCase().split(" ");
  rows.forEach((row, at) => {
    row.hidden = !wanted.every(word => texts[at].includes(word))
      || boxes.some(box => box.value && box.value !== row.dataset[box.name]);
  });
  for (const body of find("units").tBodies) body.hidden = !body.querySelector("[data-status]:not([hidden])");
  form.querySelector("output").value = rows.filter(row => !row.hidden).length + " of " + rows.length;
}
function show(status) {
  words.value = "";
  for (const box of boxes) box.value = box.name === "status" ? status : "";
  apply();
}
form.hidden = false;
form.addEventListener("input", apply);
form.querySelector("button").addEventListener("click", () => show(""));
for (const link of document.querySelectorAll("[data-show]"))
  link.addEventListener("click", () => show(link.dataset.show));
addEventListener("hashchange", () => {
  const row = find(location.hash.slice(1));
  if (row && row.hidden) { show(""); row.scrollIntoView(); }
});
apply();
"""


def html_report(report: Mapping[str, Any]) -> str:
    """The whole page: outcome, checks, timeline, table of all units."""
    anchors = {unit["id"]: f"u{number}" for number, unit in enumerate(report["units"], 1)}
    script = b64encode(hashlib.sha256(JS.encode()).digest()).decode()
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script}'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>System VM upgrade: {_text(headline(report)[0].lower())}</title>
<style>{CSS}</style>
</head>
<body><main>
<h1>CloudStack system VM and router upgrade</h1>
{_outcome(report)}
{_not_done(report["units"], anchors)}
{_checks(report)}
{_timeline(report, anchors)}
{_all_units(report, anchors)}
</main></body>
</html>
"""


def _text(value: object) -> str:
    """As text and as an attribute's value; without the braces that a template engine would look for."""
    return html.escape(str(value)).replace("{", "&#123;")


def _breakable(name: str) -> str:
    """A long name, with places to break its line."""
    return re.sub(r"([/._])", r"\1<wbr>", _text(name))


def _status(status: str) -> str:
    return f'<td class="status">{_text(status_words(status))}</td>'


def _table(columns: Iterable[str], bodies: Iterable[str], name: str) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    return f'<table id="{name}"><thead><tr>{head}</tr></thead>\n' + "\n".join(bodies) + "</table>"


def _outcome(report: Mapping[str, Any]) -> str:
    word, sentence = headline(report)
    good = report["status"] == "success"
    statuses = Counter(unit["status"] for unit in report["units"])
    counts = "".join(
        f'<li data-status="{_text(status)}"><a class="status" href="#units" data-show="{_text(status)}">'
        f"<b>{statuses[status]:,}</b> {_text(status_words(status))}</a></li>"
        for status in in_order(statuses)
    )
    facts = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in run_facts(report) if name != "Units")
    error = f"<p><b>Broken off:</b> {_text(report['error'])}</p>" if report.get("error") else ""
    return f"""<section class="outcome" data-status="{"upgraded" if good else "failed"}"><div>
<strong>{"✓" if good else "✗"} {_text(word)}</strong><p>{_text(sentence)}</p>{error}
<ul class="counts">{counts}</ul></div><dl>{facts}</dl></section>"""


def _not_done(units: Sequence[Unit], anchors: Mapping[str, str]) -> str:
    """What is not proven current and why; units with the same reason share a row."""
    groups: dict[tuple[str, str], list[Unit]] = {}
    for unit in not_good(units):
        groups.setdefault((unit["status"], unit["reason"]), []).append(unit)
    rows = []
    for (status, reason), members in list(groups.items())[:MOST_REASONS]:
        names = ", ".join(
            f'<a href="#{anchors[unit["id"]]}">{_text(unit["name"])}</a>' for unit in members[:MOST_NAMES]
        )
        more = f" and {len(members) - MOST_NAMES:,} more" if len(members) > MOST_NAMES else ""
        about = f"{members[0]['zone']}, {owner(members[0])}" if len(members) == 1 else count(len(members), "unit")
        rows.append(
            f'<tr data-status="{_text(status)}">{_status(status)}<td>{names}{more} <small>{_text(about)}</small></td>'
            f"<td>{_text(reason)}</td></tr>"
        )
    left = len(groups) - len(rows)
    note = f"<p>... and {count(left, 'more reason')}: see the table of all units.</p>" if left else ""
    table = _table(("Status", "Unit", "Reason"), ["<tbody>", *rows, "</tbody>"], "undone")
    return f"<section><h2>What is not done</h2>\n{table}{note}</section>" if rows else ""


def _checks(report: Mapping[str, Any]) -> str:
    rows = []
    for check in bad_checks(report):
        status, seen = check["status"], _text(check["seen"])
        if len(check["seen"]) > MOST_TEXT:
            start = _text(check["seen"][:MOST_TEXT])
            seen = f"<details><summary><span>{start} ...</span></summary>{seen}</details>"
        rows.append(
            f'<tr data-status="{_text(status)}">{_status(status)}<th scope="row">{_breakable(check["name"])}</th>'
            f"<td>{seen}</td><td>{_text(check['remedy'])}</td></tr>"
        )
    table = _table(("Status", "Check", "Seen", "What to do"), ["<tbody>", *rows, "</tbody>"], "checks") if rows else ""
    return f"<section><h2>{checks_words(report)}</h2>\n{table}</section>" if report["checks"] else ""


# The timeline


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


def _timeline(report: Mapping[str, Any], anchors: Mapping[str, str]) -> str:
    """One chart per step, all on one scale: a row per unit, or where there are many, as many rows as ran at a time."""
    spans = sorted(_spans(report["units"]), key=lambda span: span[:2])
    if not spans:
        return ""
    scale = _Scale(spans[0].start, max(spans[0].start + 1, *(span.end for span in spans)))
    key = "".join(
        f'<span data-status="{_text(status)}"><svg viewBox="0 0 26 12" aria-hidden="true">'
        f'<rect x="1" y="1" width="24" height="10"/></svg> {_text(status_words(status))}</span>'
        for status in in_order({span.unit["status"] for span in spans})
    )
    charts = []
    for title, members in _by_step(report, spans, lambda span: span.unit):
        start, end = members[0].start, max(span.end for span in members)
        when = f"{count(len(members), 'unit')}, {_clock(start)} to {_clock(end)}, {duration(end - start)}"
        chart = _chart(members, scale, anchors)
        charts.append(f'<h3>{title} <small>{when}</small></h3>\n<div class="chart">{chart}</div>')
    date = _clock(scale.start, "%Y-%m-%d")
    return f"""<section><h2>Timeline</h2>
<p class="key faint">{PATTERNS}Times are UTC, {date}.{key}</p>
{"".join(charts)}</section>"""


def _by_step(report: Mapping[str, Any], items: Iterable[T], unit_of: Callable[[T], Unit]) -> list[tuple[str, list[T]]]:
    """What belongs to each step, under the step's name."""
    names = {step["number"]: f"Step {step['number']}: {words(step['name'])}" for step in report["steps"]}
    groups: dict[str, list[T]] = {name: [] for name in names.values()}
    for item in items:
        groups.setdefault(names.get(unit_of(item)["step"], NO_STEP), []).append(item)
    return [(_text(name), members) for name, members in groups.items() if members]


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
        shape = f'<rect x="{left}" y="{top + 1}" width="{width:.1f}" height="{height - 2}"/>'
        if not packed:
            name = unit["name"] if len(unit["name"]) <= MOST_LETTERS else unit["name"][: MOST_LETTERS - 1] + "…"
            shape += f'<text y="{top + 12}">{_text(name)}</text>'
            shape += f'<text x="{left + width + 4:.1f}" y="{top + 12}">{sign} {took}</text>'
        elif status not in GOOD:
            shape += f'<text class="mark" x="{left + width / 2:.1f}" y="{top + 9}">{sign}</text>'
        (shapes if status in GOOD else above).append(
            f'<a data-status="{_text(status)}" href="#{anchors[unit["id"]]}" tabindex="-1">'
            f"<title>{_text(tip)}</title>{shape}</a>"
        )
    label = f"{count(len(spans), 'unit')} on a time axis; the table of all units says the same in words"
    return f'<svg viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{label}">{"".join(shapes + above)}</svg>'


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


# The table of all units


def _all_units(report: Mapping[str, Any], anchors: Mapping[str, str]) -> str:
    units = report["units"]
    if not units:
        return ""
    bodies = [
        f'<tbody><tr class="group"><th colspan="{len(HEADER)}" scope="rowgroup">{title} '
        f"<small>{count(len(members), 'unit')}</small></th></tr>\n"
        + "\n".join(_row(unit, anchors[unit["id"]]) for unit in members)
        + "</tbody>"
        for title, members in _by_step(report, units, lambda unit: unit)
    ]
    choices = []  # shown by JavaScript, which makes them work
    for key, show in (("status", words), ("kind", kind), ("zone", str)):
        values = sorted({unit[key] for unit in units})
        options = "".join(f'<option value="{_text(value)}">{_text(show(value))}</option>' for value in values)
        choices.append(
            f'<label>{key.capitalize()} <select name="{key}"><option value="">all</option>{options}</select></label>'
        )
    return f"""<section><h2>{count(len(units), "unit")}</h2>
<div id="filter" role="search" hidden><label>Text <input type="search"></label>{"".join(choices)}
<button type="button">Show all</button><output></output></div>
<div class="wide">{_table(HEADER, bodies, "units")}</div></section>
<script>{JS}</script>"""


def _row(unit: Unit, anchor: str) -> str:
    planned = unit["planned"] if unit["planned"] != unit["reason"] else ""
    vms = ((vm["name"], changes(vm)) for vm in unit["vms"])
    cells = [
        _text(kind(unit["kind"])),
        _text(unit["zone"]),
        _text(unit["hypervisor"] or "-"),
        f"{_text(owner_name(unit))}<small>{_breakable(unit['owner'].get('domain') or '')}</small>",
        f"{_text(words(unit['method']))}<small>{_text(planned)}</small>",
        f'<span class="status">{_text(status_words(unit["status"]))}</span>',
        _text(unit["reason"]),
        "".join(
            f"<div><b>{_text(name)}</b> {_text(software)}<small>{_text(', '.join(rest))}</small></div>"
            for name, (software, *rest) in vms
        ),
        duration(unit["duration_s"]),
        "".join(f"<code>{_text(job)}</code>" for job in unit["job_ids"]),
    ]
    data = " ".join(f'data-{key}="{_text(unit[key])}"' for key in ("status", "kind", "zone"))
    name = f"{_text(unit['name'])}<small>{_text(unit_type(unit['type']))}</small><code>{_text(unit['id'])}</code>"
    return f'<tr id="{anchor}" {data}><th scope="row">{name}</th><td>{"</td><td>".join(cells)}</td></tr>'
