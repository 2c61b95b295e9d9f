# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables about the cloud around the run, which page and Markdown show alike. Pure: plain data in, texts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...module_utils.knowledge.counts import count
from ...module_utils.knowledge.drift_shapes import DriftData
from ...module_utils.knowledge.shapes import ApprovedData, ReportData
from .wording import MISMATCH, approved_words, method, not_handled_words, odd_row, unit_name, what_runs


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(report: ReportData) -> list[Table]:
    """What is not as it was approved; where more is known about what failed; what is outside of every plan; which
    software and scripts ran where.

    A table without rows is left out.
    """
    approved = report.get("approved")
    found = [
        *([_approved(approved)] if approved else ()),
        Table(
            "Evidence: what the server tells about what failed",
            ("Unit", "Zone", "Folder"),
            [(unit_name(unit), unit["zone"], unit["evidence"]) for unit in report["units"] if unit["evidence"]],
        ),
        Table(
            f"Not handled by this collection: {not_handled_words(report['not_handled'])}",
            ("What", "Name", "Zone", "Because", "What to do"),
            [
                (each["what"], each["name"] or "-", each["zone"] or "-", each["because"], each["remedy"])
                for each in report["not_handled"]
            ],
        ),
        *(_drift(report["drift"]) if report["drift"] else ()),
    ]
    return [table for table in found if table.rows]


def _approved(approved: ApprovedData) -> Table:
    lines = (*approved["differs"], *approved["gone"], *approved["left_out"], *approved["current"])
    rows = [(each["place"] or "-", each["name"], method(each["approved"]), each["why"]) for each in lines]
    rows += [("-", each["name"], "not approved", each["why"]) for each in approved["not_approved"]]
    return Table(approved_words(approved), ("Line", "Unit", "Approved", "Now"), rows)


def _drift(drift: DriftData) -> list[Table]:
    odd, running, agents = drift["odd"], drift["running"], drift["agents"]
    return [
        Table(
            f"{MISMATCH}, before the run: {count(len(odd), 'router')}",
            ("Router", "Zone", "Host", "Software", "Scripts", "Why"),
            [odd_row(each) for each in odd],
        ),
        Table(
            "What ran where before the run",
            ("Zone", "Hypervisor", "Kind", "Software", "Scripts", "VMs", "On"),
            [(*what_runs(each), count(len(each["hosts"]), "host")) for each in running],
        ),
        Table(
            "Agents of KVM hosts before the run",
            ("Zone", "Agent", "Hosts"),
            [(each["zone"], each["version"], f"{each['count']:,}") for each in agents],
        ),
    ]
