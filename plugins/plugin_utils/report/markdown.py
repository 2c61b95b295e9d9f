# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as Markdown for a ticket. Pure: plain data in, text out."""

from __future__ import annotations

from ...module_utils.knowledge.shapes import ReportData, ReportedUnit
from .rendering import MARKDOWN
from .tables import tables
from .wording import (
    bad_checks,
    changes,
    duration,
    endpoint_words,
    headline,
    kind,
    method,
    not_good,
    owner,
    run_facts,
    status_words,
    unit_name,
    unit_notes,
)


def markdown_report(report: ReportData) -> str:
    """Outcome, what is not done, the checks that are not ok, all units; long tables are cut, with a note."""
    units = report["units"]
    outcome, sentence = headline(report)
    return MARKDOWN.get_template("markdown.j2").render(
        checks=bad_checks(report["checks"]),
        facts=run_facts(report),
        notes=[
            *(("the run", note) for note in report["notes"]),
            *((unit_name(unit), note) for unit, note in unit_notes(report)),
        ],
        outcome=outcome,
        probed=[(unit_name(unit), endpoint_words(each)) for unit in units for each in unit["endpoints"]],
        report=report,
        sentence=sentence,
        tables=tables(report),
        undone=[
            (unit_name(unit), unit["zone"], owner(unit), status_words(unit["status"]), unit["reason"])
            for unit in not_good(units)
        ],
        units=[_row(unit) for unit in units],
    )


def _row(unit: ReportedUnit) -> tuple[str, ...]:
    vms = "; ".join(f"{vm['name']} {', '.join(changes(vm))}" for vm in unit["vms"])
    outcome = method(unit["method"]), status_words(unit["status"]), vms, duration(unit["duration_s"])
    return unit_name(unit), kind(unit["kind"]), unit["zone"], owner(unit), *outcome
