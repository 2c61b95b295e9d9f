# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and results as one report, and both as text for a person. Pure: plain data in, plain data or text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

LONGEST_TEXT = 1000
GOOD = frozenset({"upgraded", "current"})
METHOD_STATUS = {"none": "current", "skip": "skipped"}
MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def build_report(
    plan: Mapping[str, Any],
    checks: Sequence[Mapping[str, Any]],
    results: Iterable[Mapping[str, Any]],
    *,
    started: str,
    finished: str,
    error: str | None = None,
) -> dict[str, Any]:
    """Every unit of the plan exactly once, with its result where it has one.

    :param results: the C(results) of all module calls, in their order.
    :param error: what broke the run off, if anything did.
    :returns: C(status) is C(success) only if every unit is proven current; C(refused) if a check failed before anything
        was touched; C(error) if there is no plan; else C(incomplete). C(next) says what to do about it.
    """
    by_id = {result["id"]: result for result in results}
    refused = not by_id and any(check["status"] == "fail" for check in checks)
    not_started = "not started: a check failed" if refused else "not started"
    units = [_reported(unit, by_id.get(unit["id"]), not_started) for unit in plan.get("units", ())]
    summary = Counter(unit["status"] for unit in units)
    if not plan:
        status = "error"
    elif refused:
        status = "refused"
    elif not error and all(unit["status"] in GOOD for unit in units):
        status = "success"
    else:
        status = "incomplete"
    return {
        "status": status,
        "error": error or None,
        "next": _next(status, set(summary)),
        "started": started,
        "finished": finished,
        "management_server_version": plan.get("management_server_version"),
        "summary": dict(summary),
        "checks": list(checks),
        "steps": list(plan.get("steps", ())),
        "units": units,
    }


def _next(status: str, ends: Collection[str]) -> str | None:
    """What a person should do now; None if nothing is left to do."""
    if status == "success":
        return None
    if status == "error":
        return "There was no plan. Mend what it says, then run again."
    if status == "refused":
        return "Do what the failed checks ask for, then run again."
    if "skipped" in ends and not {"failed", "not_started"} & set(ends):
        return "What is left was skipped: running again changes nothing before the reasons are gone."
    return "Run again to go on: what is current is left alone."


def _reported(unit: Mapping[str, Any], result: Mapping[str, Any] | None, not_started: str) -> dict[str, Any]:
    """One unit: the plan's words, overlaid by what became of it."""
    facts = [
        {"id": vm["id"], "name": vm["name"], "before": _facts(vm), "after": _facts(vm)} for vm in unit.get("vms", ())
    ]
    outcome = result or {
        "status": METHOD_STATUS.get(unit["method"], "not_started"),
        "reason": unit["reason"] if unit["method"] in METHOD_STATUS else not_started,
        "job_ids": [],
        "started": None,
        "finished": None,
        "duration_s": None,
        "vms": facts,
    }
    return {
        **{key: unit[key] for key in ("id", "name", "type", "kind", "zone", "hypervisor", "hosts", "owner", "step")},
        "method": result["method"] if result and result["status"] not in METHOD_STATUS.values() else unit["method"],
        "planned": unit["reason"],
        "impact": unit["impact"],
        **{key: outcome[key] for key in ("status", "reason", "job_ids", "started", "finished", "duration_s", "vms")},
    }


def _facts(vm: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in vm.items() if key not in ("id", "name")}


def plan_text(plan: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The plan as lines: a table of steps and units with method and reason, then the checks that are not ok."""
    units = {unit["id"]: unit for unit in plan["units"]}
    counts = _counts(plan["units"]) or "no unit in scope"
    lines = [f"Upgrade to {plan['management_server_version'] or 'an unknown version'}: {counts}"]
    for step in plan["steps"]:
        members = [units[identity] for identity in step["units"]]
        lines += ["", f"Step {step['number']}: {step['name']}, {len(members)} unit(s)"]
        impacts = Counter(unit["impact"] for unit in members)
        lines += [
            f"  Impact: {text}" + (f" ({count} units)" if len(impacts) > 1 else "") for text, count in impacts.items()
        ]
        lines += _table(members)
    left = [unit for unit in plan["units"] if unit["method"] == "skip"]
    if left:
        lines += ["", f"Not touched, and not current: {len(left)} unit(s)", *_table(left)]
    current = [unit for unit in plan["units"] if unit["method"] == "none"]
    if current:
        lines += ["", f"Already current: {len(current)} unit(s)"]
    return lines + checks_text(checks)


def checks_text(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The checks that are not ok, each with its remedy, failures last so that they stand above the prompt."""
    bad = sorted((check for check in checks if check["status"] != "ok"), key=lambda check: check["status"] == "fail")
    if not bad:
        return ["", f"All {len(checks)} checks are ok."]
    lines = ["", f"Checks: {len(checks) - len(bad)} ok, {len(bad)} not ok"]
    for check in bad:
        lines += [f"  {MARKS[check['status']]} {check['name']}: {_cut(check['seen'])}", f"       -> {check['remedy']}"]
    return lines


def report_text(report: Mapping[str, Any]) -> list[str]:
    """The outcome as lines: the counts, then each unit that is not proven current, with the reason."""
    units = report["units"]
    lines = [f"Result: {report['status']}: {_counts(units, 'status') or 'no unit in scope'}"]
    for status in ("failed", "skipped", "not_started"):
        members = [unit for unit in units if unit["status"] == status]
        if members:
            lines += ["", f"{status.replace('_', ' ').capitalize()}: {len(members)} unit(s)"]
            lines += _rows(
                [["UNIT", "ZONE", "REASON"], *([_called(unit), unit["zone"], unit["reason"]] for unit in members)]
            )
    if report.get("error"):
        lines += ["", f"Broken off: {report['error']}"]
    return lines


def _table(members: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [_called(unit), unit["zone"], unit["hypervisor"] or "-", _owner(unit), unit["method"], unit["reason"]]
        for unit in members
    ]
    return _rows([["UNIT", "ZONE", "HYPERVISOR", "OWNER", "METHOD", "REASON"], *rows])


def _rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; the last one is as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def _cut(text: str) -> str:
    """Long lists are whole in the report."""
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT].rpartition(";")[0] + "; ... (all in report.json)"


def _called(unit: Mapping[str, Any]) -> str:
    """Network or VPC with its routers' names, or just the VM."""
    names = [vm["name"] for vm in unit["vms"] if vm["name"] != unit["name"]]
    return f"{unit['type'].replace('_', ' ')} {unit['name']}" + (f" ({', '.join(names)})" if names else "")


def _owner(unit: Mapping[str, Any]) -> str:
    owner = unit["owner"]
    if owner.get("project"):
        return f"project {owner['project']}"
    return f"{owner.get('domain') or ''}/{owner['account']}" if owner.get("account") else "-"


def _counts(units: Sequence[Mapping[str, Any]], key: str = "method") -> str:
    counts = Counter(unit[key].replace("_", " ") for unit in units)
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
