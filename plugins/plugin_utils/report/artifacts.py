# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves where only small data is kept, such as the artifacts of an AWX job: for whoever approves or looks.
Pure, and bounded in size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...module_utils.knowledge.characters import short, visible
from ...module_utils.knowledge.counts import count
from ...module_utils.knowledge.shapes import CheckData, PlanData, ReportData, ReportedUnit, UnitData
from ...module_utils.knowledge.vocabulary import METHODS
from .wording import bad_checks, deviation_lines, not_good

MOST_ITEMS = 50
# All of them always: Ansible merges what several hosts and runs leave, so one that is missing would keep an old number.
STATUSES = (
    *("upgraded", "current", "gone", "failed", "degraded", "skipped"),
    *("running", "left_running", "not_started"),
)


def plan_artifact(plan: PlanData, checks: Sequence[CheckData], path: str | None) -> dict[str, Any]:
    """For an approver: what would be done, and what speaks against it."""
    methods = Counter(unit["method"] for unit in plan["units"])
    bad = bad_checks(checks)
    refused = any(check["status"] == "fail" for check in checks)
    return {
        "status": "refused" if refused else "ok" if plan["units"] else "empty",
        "scope": plan["scope"],
        "summary": {method: methods[method] for method in METHODS},
        "steps": _cut([f"{step['name']}: {count(len(step['units']), 'unit')}" for step in plan["steps"]]),
        "checks": _cut([_one_line(f"{check['status']} {check['name']}: {check['seen']}") for check in bad]),
        "skipped": _cut([_told(unit) for unit in plan["units"] if unit["method"] == "skip"]),
        "deadline": plan.get("deadline"),
        "deviations": _cut(deviation_lines(plan.get("approved"))),
        "plan": path,
    }


def error_artifact(error: str) -> dict[str, Any]:
    """For an approver, where there is no plan: why. It has the keys of a plan's, as STATUSES says."""
    return {
        "status": "error",
        "scope": "",
        "summary": dict.fromkeys(METHODS, 0),
        **{key: [] for key in ("steps", "checks", "skipped", "deviations")},
        **dict.fromkeys(("deadline", "plan", "handed_on")),
        "error": short(visible(error), 1000),
    }


def report_artifact(report: ReportData, files: Sequence[str]) -> dict[str, Any]:
    """After the run: how it ended, and what is not done."""
    statuses = Counter(unit["status"] for unit in report["units"])
    return {
        "status": report["status"],
        "code": report["code"],
        "error": report["error"],
        "next": report["next"],
        "scope": report["scope"],
        "summary": {status: statuses[status] for status in STATUSES},
        "deviations": _cut(deviation_lines(report.get("approved"))),
        "not_done": _cut([f"{unit['status']} {_told(unit)}" for unit in not_good(report["units"])]),
        "report": files[0] if files else None,
    }


def _told(unit: UnitData | ReportedUnit) -> str:
    return f"{unit['name']} in {unit['zone']}: {unit['reason']}"


def _one_line(text: str) -> str:
    """A line with a list below it."""
    return text.replace(":\n", ": ").replace("\n", "; ")


def _cut(lines: Sequence[str]) -> list[str]:
    found = [short(visible(line)) for line in lines[:MOST_ITEMS]]
    return found + ([f"... and {len(lines) - MOST_ITEMS:,} more"] if len(lines) > MOST_ITEMS else [])
