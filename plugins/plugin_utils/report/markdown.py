# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as Markdown for a ticket. Pure: plain data in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .gaps import gap_words
from .tables import tables
from .wording import (
    bad_checks,
    changes,
    checks_words,
    count,
    duration,
    endpoint_words,
    headline,
    kind,
    not_good,
    owner,
    run_facts,
    status_words,
    unit_name,
    words,
)

MOST_ROWS = 200
MOST_TEXT = 1000


def markdown_report(report: Mapping[str, Any]) -> str:
    """Outcome, what is not done, the checks that are not ok, all units; long tables are cut, with a note."""
    units, checks = report["units"], bad_checks(report)
    word, sentence = headline(report)
    lines = [f"# System VM upgrade: {plain(word.lower())}", "", f"**{sentence}**", ""]
    lines += [f"- {name}: {plain(value)}" for name, value in run_facts(report)]
    lines += [f"- Gaps seen from outside, {plain(gap_words(row))}" for row in report.get("gaps", ())]
    if report.get("error"):
        lines += ["", f"Broken off: {plain(report['error'])}"]
    bad = not_good(units)
    if bad:
        rows = [
            (unit_name(unit), unit["zone"], owner(unit), status_words(unit["status"]), unit["reason"]) for unit in bad
        ]
        lines += ["", f"## Not done: {count(len(bad), 'unit')}", ""]
        lines += table_of(("Unit", "Zone", "Owner", "Status", "Reason"), rows)
    noted = [(unit_name(unit), note) for unit in units for note in unit.get("notes", ())]
    if noted or report.get("notes"):
        noted = [*(("the run", note) for note in report.get("notes", ())), *noted]
        lines += ["", f"## {count(len(noted), 'note')}", "", *table_of(("Of", "Note"), noted)]
    if report["checks"]:
        lines += ["", f"## {checks_words(report)}", *([""] if checks else [])]
    for check in checks:
        seen = [line if len(line) <= MOST_TEXT else f"{line[:MOST_TEXT]} ..." for line in check["seen"].split("\n")]
        lines.append(f"- **{plain(check['status'].upper())}** {plain(check['name'])}: {plain(seen[0])}")
        lines += [f"  - {plain(line)}" for line in seen[1:]]
        if check["remedy"]:
            lines.append(f"  - {plain(check['remedy'])}")
    probed = [(unit_name(unit), endpoint_words(each)) for unit in units for each in unit.get("endpoints", ())]
    if probed:
        lines += [
            "",
            f"## Seen from outside: {count(len(probed), 'address')}",
            "",
            *table_of(("Unit", "Address"), probed),
        ]
    for table in tables(report):
        lines += ["", f"## {plain(table.title)}", "", *table_of(table.columns, table.rows)]
    if units:
        header = ("Unit", "Kind", "Zone", "Owner", "Method", "Status", "Before → after", "Time")
        lines += ["", f"## All: {count(len(units), 'unit')}", "", *table_of(header, [_row(unit) for unit in units])]
    return "\n".join(lines) + "\n"


def _row(unit: Mapping[str, Any]) -> tuple[str, ...]:
    vms = "; ".join(f"{vm['name']} {', '.join(changes(vm))}" for vm in unit["vms"])
    outcome = words(unit["method"]), status_words(unit["status"]), vms, duration(unit["duration_s"])
    return unit_name(unit), kind(unit["kind"]), unit["zone"], owner(unit), *outcome


def table_of(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    most: int = MOST_ROWS,
    all_in: str = "report.html or report.json",
) -> list[str]:
    """The lines of a table; further rows are counted, and I(all_in) has them."""
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    lines += [f"| {' | '.join(map(plain, row))} |" for row in rows[:most]]
    if len(rows) > most:
        lines += ["", f"... and {len(rows) - most:,} more: see {all_in}."]
    return lines


def plain(value: str) -> str:
    """A text as Markdown, on one line and nothing but text: no table cell, emphasis, link, HTML, entity or template."""
    line = " ".join(value.split()).replace("&", "&amp;").replace("<", "&lt;")
    line = re.sub(r"([\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", line)
    return re.sub(r"\{(?=[{%#])", "&#123;", line)
