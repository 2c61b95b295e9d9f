# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page that needs nothing else: no network, no server, no JavaScript. Pure: data in, text out.

Every value goes through C(escaped), also as an attribute. The page is built here and not by a template, because names
may look like one.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .gaps import gap_words
from .style import CSS, HEADER, JS
from .tables import Table, tables
from .timeline import Unit, by_step, escaped, timeline
from .wording import (
    bad_checks,
    changes,
    checks_words,
    count,
    duration,
    endpoint_words,
    headline,
    in_order,
    kind,
    not_good,
    owner,
    owner_name,
    run_facts,
    status_words,
    words,
)

MOST_REASONS = 50  # rows of the table of what is not done
MOST_NAMES = 20  # units named in one of its rows
MOST_PLAIN = 200  # rows of a table about the cloud around the run
MOST_TEXT = 300  # characters of a check before it is folded


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
<title>System VM upgrade: {escaped(headline(report)[0].lower())}</title>
<style>{CSS}</style>
</head>
<body><main>
<h1>CloudStack system VM and router upgrade</h1>
{_outcome(report)}
{_not_done(report["units"], anchors)}
{_checks(report)}
{timeline(report, anchors)}
{_all_units(report, anchors)}
{"".join(_around(table) for table in tables(report))}
</main></body>
</html>
"""


def _breakable(name: str) -> str:
    """A long name, with places to break its line."""
    return re.sub(r"([/._])", r"\1<wbr>", escaped(name))


def _status(status: str) -> str:
    return f'<td class="status">{escaped(status_words(status))}</td>'


def _table(columns: Iterable[str], bodies: Iterable[str], name: str = "") -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    anchor = f' id="{name}"' if name else ""
    return f"<table{anchor}><thead><tr>{head}</tr></thead>\n" + "\n".join(bodies) + "</table>"


def _outcome(report: Mapping[str, Any]) -> str:
    word, sentence = headline(report)
    good = report["status"] == "success"
    statuses = Counter(unit["status"] for unit in report["units"])
    counts = "".join(
        f'<li data-status="{escaped(status)}"><a class="status" href="#units" data-show="{escaped(status)}">'
        f"<b>{statuses[status]:,}</b> {escaped(status_words(status))}</a></li>"
        for status in in_order(statuses)
    )
    told = [(name, value) for name, value in run_facts(report) if name != "Units"]
    told += [("Gaps", gap_words(row)) for row in report.get("gaps", ())]
    facts = "".join(f"<dt>{name}</dt><dd>{escaped(value)}</dd>" for name, value in told)
    error = f"<p><b>Broken off:</b> {escaped(report['error'])}</p>" if report.get("error") else ""
    return f"""<section class="outcome" data-status="{"upgraded" if good else "failed"}"><div>
<strong>{"✓" if good else "✗"} {escaped(word)}</strong><p>{escaped(sentence)}</p>{error}
<ul class="counts">{counts}</ul></div><dl>{facts}</dl></section>"""


def _not_done(units: Sequence[Unit], anchors: Mapping[str, str]) -> str:
    """What is not proven current and why; units with the same reason share a row."""
    groups: dict[tuple[str, str], list[Unit]] = {}
    for unit in not_good(units):
        groups.setdefault((unit["status"], unit["reason"]), []).append(unit)
    rows = []
    for (status, reason), members in list(groups.items())[:MOST_REASONS]:
        names = ", ".join(
            f'<a href="#{anchors[unit["id"]]}">{escaped(unit["name"])}</a>' for unit in members[:MOST_NAMES]
        )
        more = f" and {len(members) - MOST_NAMES:,} more" if len(members) > MOST_NAMES else ""
        about = f"{members[0]['zone']}, {owner(members[0])}" if len(members) == 1 else count(len(members), "unit")
        rows.append(
            f'<tr data-status="{escaped(status)}">{_status(status)}'
            f"<td>{names}{more} <small>{escaped(about)}</small></td><td>{escaped(reason)}</td></tr>"
        )
    left = len(groups) - len(rows)
    note = f"<p>... and {count(left, 'more reason')}: see the table of all units.</p>" if left else ""
    table = _table(("Status", "Unit", "Reason"), ["<tbody>", *rows, "</tbody>"], "undone")
    return f"<section><h2>What is not done</h2>\n{table}{note}</section>" if rows else ""


def _checks(report: Mapping[str, Any]) -> str:
    rows = []
    for check in bad_checks(report):
        status, lines = check["status"], check["seen"].split("\n")
        seen = "\n".join(f"<p>{escaped(line)}</p>" for line in lines) if lines[1:] else escaped(check["seen"])
        if len(check["seen"]) > MOST_TEXT:
            start = escaped(check["seen"][:MOST_TEXT])
            seen = f"<details><summary><span>{start} ...</span></summary>{seen}</details>"
        rows.append(
            f'<tr data-status="{escaped(status)}">{_status(status)}<th scope="row">{_breakable(check["name"])}</th>'
            f"<td>{seen}</td><td>{escaped(check['remedy'])}</td></tr>"
        )
    table = _table(("Status", "Check", "Seen", "What to do"), ["<tbody>", *rows, "</tbody>"], "checks") if rows else ""
    return f"<section><h2>{checks_words(report)}</h2>\n{table}</section>" if report["checks"] else ""


def _around(table: Table) -> str:
    shown = [
        f'<tr><th scope="row">{escaped(first)}</th>{"".join(f"<td>{escaped(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in table.rows[:MOST_PLAIN]
    ]
    left = len(table.rows) - len(shown)
    note = f"<p>... and {left:,} more: see report.json.</p>" if left else ""
    body = _table(table.columns, ["<tbody>", *shown, "</tbody>"])
    return f"<section><h2>{escaped(table.title)}</h2>\n{body}{note}</section>"


def _all_units(report: Mapping[str, Any], anchors: Mapping[str, str]) -> str:
    units = report["units"]
    if not units:
        return ""
    bodies = [
        f'<tbody><tr class="group"><th colspan="{len(HEADER)}" scope="rowgroup">{title} '
        f"<small>{count(len(members), 'unit')}</small></th></tr>\n"
        + "\n".join(_row(unit, anchors[unit["id"]]) for unit in members)
        + "</tbody>"
        for title, members in by_step(report, units, lambda unit: unit)
    ]
    choices = []  # shown by JavaScript, which makes them work
    for key, show in (("status", words), ("kind", kind), ("zone", str)):
        values = sorted({unit[key] for unit in units})
        options = "".join(f'<option value="{escaped(value)}">{escaped(show(value))}</option>' for value in values)
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
        escaped(kind(unit["kind"])),
        escaped(unit["zone"]),
        escaped(unit["hypervisor"] or "-"),
        f"{escaped(owner_name(unit))}<small>{_breakable(unit['owner'].get('domain') or '')}</small>",
        f"{escaped(words(unit['method']))}<small>{escaped(planned)}</small>",
        f'<span class="status">{escaped(status_words(unit["status"]))}</span>',
        escaped(unit["reason"])
        + "".join(
            f"<small>{escaped(note)}</small>"
            for note in (*unit.get("notes", ()), *map(endpoint_words, unit.get("endpoints", ())))
        ),
        "".join(
            f"<div><b>{escaped(name)}</b> {escaped(software)}<small>{escaped(', '.join(rest))}</small></div>"
            for name, (software, *rest) in vms
        ),
        duration(unit["duration_s"]),
        "".join(f"<code>{escaped(job)}</code>" for job in unit["job_ids"]),
    ]
    data = " ".join(f'data-{key}="{escaped(unit[key])}"' for key in ("status", "kind", "zone"))
    name = f"{escaped(unit['name'])}<small>{escaped(kind(unit['kind']))}</small><code>{escaped(unit['id'])}</code>"
    return f'<tr id="{anchor}" {data}><th scope="row">{name}</th><td>{"</td><td>".join(cells)}</td></tr>'
