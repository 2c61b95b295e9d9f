# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan or a report as lines for a terminal, readable for 10 units and for 10,000. Pure: plain data in, lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.report.words import count, owner, unit_name, words

Unit = Mapping[str, Any]

LONGEST_TEXT = 1000
MOST_ROWS = 36  # of one table; what is more is grouped and counted
MOST_NAMES = 3  # of a group
PREPARATION = {"to_do": "TO DO    ", "unknown": "unknown  ", "by_upgrade": "automatic", "done": "done     "}
MARKS = {"ignored": "IGN ", "ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def plan_text(plan: Mapping[str, Any], checks: Sequence[Mapping[str, Any]], all_in: str | None = None) -> list[str]:
    """The plan as lines: the scope, a table of steps and units with method and reason, the checks that are not ok.

    :param all_in: the file that has every unit.
    """
    units = {unit["id"]: unit for unit in plan["units"]}
    counts = _counts(plan["units"]) or "no unit in scope"
    lines = [f"Scope: {plan['scope']}"] if plan.get("scope") else []
    forecast = plan.get("forecast")
    if forecast:
        lines.append(
            f"Forecast: as if the management server ran {forecast['target']}; it runs {forecast['source']}. "
            "Nothing is touched."
        )
    lines.append(f"Upgrade to {plan['management_server_version'] or 'an unknown version'}: {counts}")
    for step in plan["steps"]:
        members = [units[identity] for identity in step["units"]]
        lines += ["", f"Step {step['number']}: {step['name']}, {len(members):,} unit(s)"]
        impacts = Counter(unit["impact"] for unit in members)
        lines += [
            f"  Impact: {text}" + (f" ({number:,} units)" if len(impacts) > 1 else "")
            for text, number in impacts.items()
        ]
        lines += _table(members) if len(members) <= MOST_ROWS else _grouped(members, _planned, all_in)
    left = [unit for unit in plan["units"] if unit["method"] == "skip"]
    if left:
        lines += ["", f"Not touched, and not current: {len(left):,} unit(s)", *_table(left)]
    current = sum(unit["method"] == "none" for unit in plan["units"])
    if current:
        lines += ["", f"Already current: {current:,} unit(s)"]
    return lines + (forecast_text(forecast) if forecast else []) + checks_text(checks)


def forecast_text(forecast: Mapping[str, Any]) -> list[str]:
    """What has to be prepared before the management server is upgraded, then the documentation's steps."""
    lines = ["", "Before the management server is upgraded:"]
    for each in sorted(forecast["prepare"], key=lambda each: list(PREPARATION).index(each["state"])):
        lines.append(f"  {PREPARATION[each['state']]} {each['what'].replace('_', ' ')}: {_cut(each['seen'])}")
        if each["remedy"] and each["state"] != "done":
            lines.append(f"            -> {each['remedy']}")
    if forecast["unknown"]:
        lines += ["", f"Not known before the upgrade, as {forecast['source']} does not tell:"]
        lines += [f"  {text}" for text in forecast["unknown"]]
    lines += ["", f"The steps, as in {forecast['documentation']}:"]
    return lines + [f"  {number:2}. {step}" for number, step in enumerate(forecast["steps"], 1)]


def checks_text(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The checks that are not ok, each with its remedy, failures last so that they stand above the prompt."""
    bad = sorted((check for check in checks if check["status"] != "ok"), key=lambda check: check["status"] == "fail")
    if not bad:
        return ["", f"All {len(checks)} checks are ok."]
    lines = ["", f"Checks: {len(checks) - len(bad)} ok, {len(bad)} not ok"]
    for check in bad:
        lines += [f"  {MARKS[check['status']]} {check['name']}: {_cut(check['seen'])}", f"       -> {check['remedy']}"]
    return lines


def report_text(report: Mapping[str, Any], all_in: str | None = None) -> list[str]:
    """The outcome as lines: the counts, then the units that are not proven current, with the reason; those that failed
    or were skipped one by one."""
    units = report["units"]
    lines = [f"Result: {report['status']}: {_counts(units, 'status') or 'no unit in scope'}"]
    lines += [f"Scope: {report['scope']}"] if report.get("scope") else []
    for status in ("failed", "skipped", "running", "not_started"):
        members = [unit for unit in units if unit["status"] == status]
        if not members:
            continue
        lines += ["", f"{words(status).capitalize()}: {len(members):,} unit(s)"]
        if status == "not_started" and len(members) > MOST_ROWS:
            lines += _grouped(members, lambda unit: unit["reason"], all_in)
        else:
            rows = [[_called(unit), unit["zone"], unit["reason"]] for unit in members]
            lines += _rows([["UNIT", "ZONE", "REASON"], *rows])
    lines += _notes(report, all_in)
    if report.get("error"):
        lines += ["", f"Broken off: {report['error']}"]
    return lines


def _notes(report: Mapping[str, Any], all_in: str | None) -> list[str]:
    """What else is worth knowing: of the run, and of units that are done all the same."""
    noted = [(unit, note) for unit in report["units"] for note in unit.get("notes", ())]
    rows = [[_called(unit), unit["zone"], note] for unit, note in noted[:MOST_ROWS]]
    lines = [f"  {note}" for note in report.get("notes", ())] + (_rows(rows) if rows else [])
    if len(noted) > MOST_ROWS:
        lines.append(f"  ... and {len(noted) - MOST_ROWS:,} more" + (f", in {all_in}" if all_in else ""))
    return ["", "Notes:", *lines] if lines else []


def _planned(unit: Unit) -> str:
    return f"{unit['method']}, {unit['reason']}"


def _grouped(members: Sequence[Unit], why: Callable[[Unit], str], all_in: str | None) -> list[str]:
    """One row for all that share a reason, with the first of their names."""
    groups: dict[str, list[Unit]] = {}
    for unit in members:
        groups.setdefault(why(unit), []).append(unit)
    lines = []
    for reason, found in sorted(groups.items(), key=lambda group: -len(group[1]))[:MOST_ROWS]:
        names = ", ".join(unit["name"] for unit in found[:MOST_NAMES])
        more = f" and {len(found) - MOST_NAMES:,} more" if len(found) > MOST_NAMES else ""
        lines.append(f"  {count(len(found), 'unit')}: {reason} ({names}{more})")
    if len(groups) > MOST_ROWS:
        rest = sum(map(len, groups.values())) - sum(sorted(map(len, groups.values()), reverse=True)[:MOST_ROWS])
        lines.append(f"  ... and {count(rest, 'unit')} with {len(groups) - MOST_ROWS:,} other reasons")
    return lines + ([f"  All of them: {all_in}"] if all_in else [])


def _table(members: Sequence[Unit]) -> list[str]:
    rows = [
        [_called(unit), unit["zone"], unit["hypervisor"] or "-", owner(unit), unit["method"], unit["reason"]]
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


def _called(unit: Unit) -> str:
    """Network or VPC with its routers' names, or just the VM."""
    names = [vm["name"] for vm in unit["vms"] if vm["name"] != unit["name"]]
    return f"{unit_name(unit)}" + (f" ({', '.join(names)})" if names else "")


def _counts(units: Sequence[Unit], key: str = "method") -> str:
    counts = Counter(words(unit[key]) for unit in units)
    return ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
