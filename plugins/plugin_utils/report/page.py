# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page that needs nothing else: no network, no server. Pure: data in, text out."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ...module_utils.knowledge.shapes import CheckedPlan, ReportData, ReportedUnit
from .build import PLANNED
from .gaps import gap_words
from .rehearsals import tables_beside
from .rendering import PAGE
from .tables import Table, tables
from .timeline import by_step, timeline
from .wording import FORESEEN, bad_checks, headline, in_order, kind, night_rows, not_good, run_facts, words

REFRESH_S = 10  # while the run goes on
TITLES = {True: "Predicted timeline of the first night", False: "Predicted timeline"}
COLUMNS = (
    "Unit",
    "Kind",
    "Zone",
    "Hypervisor",
    "Owner",
    "Method",
    "Status",
    "Reason",
    "Before → after",
    "Time",
    "Jobs",
)
# How the outcome looks, as that of a unit; any other has failed.
COLORS = {
    "success": "upgraded",
    "running": "running",
    "planned": "planned",
    **dict.fromkeys(FORESEEN.values(), "not_started"),
}


def html_report(report: ReportData, plan: CheckedPlan | None = None) -> str:
    """The whole page: outcome, checks, timeline, table of all units.

    :param plan: whose page it is, for its nights and what was rehearsed beside it.
    """
    approved, campaign = report.get("approved"), plan["campaign"] if plan else None
    head, *rows = night_rows(approved["nights"] if approved else (), campaign)
    beside = [Table("Nights", head, rows), *(tables_beside(plan) if plan else ())]
    units = report["units"]
    statuses = Counter(unit["status"] for unit in units)
    outcome, sentence = headline(report)
    facts = [(name, value) for name, value in run_facts(report) if name != "Units"]
    script = PAGE.get_template("script.j2").render()
    return PAGE.get_template("page.j2").render(
        beside=[table for table in beside if table.rows],
        anchors={unit["id"]: f"u{number}" for number, unit in enumerate(units, 1)},
        checks=bad_checks(report["checks"]),
        choices=[_choice(units, "status", words), _choice(units, "kind", kind), _choice(units, "zone", str)],
        color=COLORS.get(report["status"], "failed"),
        columns=COLUMNS,
        facts=facts + [("Gaps", gap_words(row)) for row in report.get("gaps", ())],
        outcome=outcome,
        refresh=REFRESH_S if report["status"] == "running" else 0,
        report=report,
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        sentence=sentence,
        statuses={status: statuses[status] for status in in_order(statuses)},
        steps=by_step(report, units, lambda unit: unit),
        tables=tables(report),
        timeline=timeline(report),
        timeline_title=TITLES[bool(campaign)] if report["status"] == PLANNED else "Timeline",
        undone=_undone(units),
    )


def _choice(units: Sequence[Mapping[str, Any]], key: str, show: Any) -> tuple[str, list[tuple[str, str]]]:
    """What a filter offers: the values and their words."""
    return key, [(value, show(value)) for value in sorted({unit[key] for unit in units})]


def _undone(units: Sequence[ReportedUnit]) -> list[tuple[tuple[str, str], list[ReportedUnit]]]:
    """What is not proven current, by status and reason."""
    groups: dict[tuple[str, str], list[ReportedUnit]] = {}
    for unit in not_good(unit for unit in units if unit["status"] != PLANNED):
        groups.setdefault((unit["status"], unit["reason"]), []).append(unit)
    return list(groups.items())
