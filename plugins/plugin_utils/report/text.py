# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan or a report as lines for a terminal, readable for 10 units and for 10,000. Pure: plain data in, lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ...module_utils.knowledge import shapes
from ...module_utils.knowledge.characters import short
from ...module_utils.knowledge.counts import count, first_of
from ...module_utils.knowledge.drift_shapes import DriftData
from ...module_utils.knowledge.whatif_shapes import AlternativesData
from ...module_utils.planning.nights import nights_like_this
from .gaps import gap_words
from .wording import (
    FORESEEN,
    MISMATCH,
    PLANNED,
    alternative_rows,
    approved_words,
    deviation_lines,
    kind,
    method,
    night_rows,
    not_handled_words,
    odd_row,
    owner,
    took,
    unit_name,
    unit_notes,
    what_if_words,
    what_runs,
    words,
)

Unit = shapes.UnitData | shapes.ReportedUnit
T = TypeVar("T", shapes.UnitData, shapes.ReportedUnit)

LONGEST_TEXT = 1000
MOST_ROWS = 36  # of one table; what is more is grouped and counted
MOST_FOUND = 12  # lines of a check
MOST_HOSTS = 8  # of those that run the same
PREPARATION = {"to_do": "TO DO    ", "unknown": "unknown  ", "by_upgrade": "automatic", "done": "done     "}
MARKS = {"ignored": "IGN ", "ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def plan_text(plan: shapes.PlanData, checks: Sequence[shapes.CheckData], all_in: str | None = None) -> list[str]:
    """The plan as lines: the scope, a table of steps and units with method and reason, the checks that are not ok.

    :param all_in: the file that has every unit.
    """
    units = {unit["id"]: unit for unit in plan["units"]}
    counts = _counts(Counter(PLANNED.get(unit["method"], unit["method"]) for unit in plan["units"]), PLANNED.values())
    lines = [f"Scope: {plan['scope']}"] if plan["scope"] else []
    named = plan.get("wildcards", {}).items()
    lines += [f"Named: {name} is {count(len(some), 'unit')}: {first_of(some, MOST_HOSTS)}" for name, some in named]
    forecast = plan["forecast"]
    if forecast:
        lines.append(
            f"Forecast: as if the management server ran {forecast['target']}; it runs {forecast['source']}. "
            "Nothing is touched."
        )
    version = plan["management_server_version"] or "an unknown version"
    lines.append(f"Upgrade to {version}: {counts or 'no unit in scope'}")
    lines += [f"Note: {note}" for note in plan["server_notes"]]
    if plan["estimate"]:
        lines.append(f"Expected: {plan['estimate']['words']}")
    if what_if := plan.get("what_if"):
        lines.append(what_if_words(what_if))
    if words_ := _nights_words(plan):
        lines.append(f"Nights: {words_}")
    if plan["probes"]:
        lines.append(f"Probed from outside: {_probes(plan['probes'], units.values())}")
    lines += _zones(plan["zones"])
    lines += alternatives_text(plan.get("alternatives"))
    lines += nights_text(plan["approved"]["nights"] if plan["approved"] else (), plan["campaign"])
    for step in plan["steps"]:
        members = [units[identity] for identity in step["units"]]
        lines += ["", f"Step {step['number']}: {step['name']}, {count(len(members), 'unit')}"]
        impacts = Counter(unit["impact"] for unit in members)
        lines += [
            f"  Impact: {text}" + (f" ({count(number, 'unit')})" if len(impacts) > 1 else "")
            for text, number in impacts.items()
        ]
        lines += _table(members) if len(members) <= MOST_ROWS else _grouped(members, _planned, all_in)
    left = [unit for unit in plan["units"] if unit["method"] == "skip"]
    if left:
        lines += ["", f"Not touched, and not current: {count(len(left), 'unit')}", *_table(left)]
    current = sum(unit["method"] == "none" for unit in plan["units"])
    if current:
        lines += ["", f"Already current: {count(current, 'unit')}"]
    lines += not_handled_text(plan["not_handled"], all_in)
    odd = plan["drift"]["odd"] if plan["drift"] else ()
    if odd:
        names = first_of([each["name"] for each in odd])
        lines += ["", f"{MISMATCH}: {count(len(odd), 'router')} ({names}); sysvm_drift=true shows what runs where"]
    lines += approved_text(plan.get("approved"), all_in)
    return lines + (forecast_text(forecast, all_in) if forecast else []) + checks_text(checks, all_in)


def _nights_words(plan: shapes.PlanData) -> str:
    """How many nights it takes: with the windows that are given, or with a deadline that leaves some of it."""
    if plan["campaign"]:
        return plan["campaign"]["words"]
    left = plan["estimate"]["left"] if plan["estimate"] else 0
    nights = nights_like_this(left, sum(len(step["units"]) for step in plan["steps"])) if left else None
    return f"{nights:,} like this one" if nights else ""


def _zones(zones: Sequence[shapes.ZoneData]) -> list[str]:
    """What is to be done where, and after how long each zone is done."""
    rows = [
        [
            each["name"],
            f"{each['units']:,}",
            each["span"] or "-",
            ", ".join(count(number, kind(name)) for name, number in each["kinds"].items()),
        ]
        for each in zones
    ]
    return ["", *_rows([["ZONE", "UNITS", "DONE AFTER", "KINDS"], *rows])] if rows else []


def alternatives_text(told: AlternativesData | None) -> list[str]:
    """How long it would take with other settings, as a table."""
    if not told:
        return []
    head, *rows = alternative_rows(told)
    table = _rows([[cell.upper() for cell in head], *rows])
    return ["", "Alternatives:", *table, *([f"  {told['words']}"] if told["words"] else [])]


def nights_text(nights: Sequence[shapes.NightCount], campaign: shapes.CampaignData | None = None) -> list[str]:
    """The nights of a campaign, as a table."""
    head, *rows = night_rows(nights, campaign)
    more = [f"  ... and {count(len(rows) - MOST_ROWS, 'more night')}"] if len(rows) > MOST_ROWS else []
    return ["", *_rows([[cell.upper() for cell in head[:2]] + head[2:], *rows[:MOST_ROWS]]), *more] if rows else []


def approved_text(approved: shapes.ApprovedData | None, all_in: str | None = None) -> list[str]:
    """How the plan differs from the one that was approved, line by line; nothing where none was."""
    if not approved:
        return []
    told = deviation_lines(approved)
    shown = [f"  {line}" for line in told[:MOST_ROWS]]
    return ["", approved_words(approved), *shown, *_more(len(told) - MOST_ROWS, all_in)]


def _probes(probes: shapes.ProbesData, units: Iterable[shapes.UnitData]) -> str:
    """How many endpoints of how many units are watched, and what there is nothing to watch of."""
    without = sum(unit["step"] is not None and not unit["endpoints"] for unit in units)
    none = f"; {count(without, 'unit to be touched has', 'units to be touched have')} none" if without else ""
    serves = ", ".join(f"{number:,} {what}" for what, number in sorted(probes["serves"].items()))
    what = f"{count(probes['endpoints'], 'address')} of {count(probes['units'], 'unit')} ({serves})"
    return f"{what if probes['endpoints'] else 'nothing'}{none}"


def not_handled_text(entries: Sequence[shapes.NotHandledData], all_in: str | None = None) -> list[str]:
    """What is outside of every plan: how many, then a row for all that share zone, reason and remedy."""
    if not entries:
        return []
    groups: dict[tuple[str, ...], list[str]] = {}
    for entry in entries:
        key = (entry["what"], entry["zone"] or "", entry["because"], entry["remedy"])
        groups.setdefault(key, []).append(entry["name"] or "")
    lines = ["", f"Not handled by this collection: {not_handled_words(entries)}"]
    listing: list[str] = []
    for (what, zone, because, remedy), names in list(groups.items())[:MOST_ROWS]:
        where = f"{count(len(names), what)} in {zone} ({first_of(names)})" if zone else f"{what}s"
        lines.append(f"  {where}: {because}")
        if remedy not in listing:
            lines.append(f"       -> {remedy}")
            listing.append(remedy)
    return lines + _more(sum(len(names) for names in list(groups.values())[MOST_ROWS:]), all_in)


def drift_text(drift: DriftData, all_in: str | None = None) -> list[str]:
    """Which software and scripts run where, the agents of the KVM hosts, and the routers that contradict it."""
    running, odd, agents = drift["running"], drift["odd"], drift["agents"]
    vms = count(sum(each["count"] for each in running), "running VM")
    lines = [f"What runs where: {vms}" + (f", {drift['not_running']:,} not running" if drift["not_running"] else "")]
    rows = [
        [*what_runs(each), first_of([f"{host} ({number:,})" for host, number in each["hosts"].items()], MOST_HOSTS)]
        for each in running
    ]
    lines += _rows([["ZONE", "HYPERVISOR", "KIND", "SOFTWARE", "SCRIPTS", "VMS", "HOSTS"], *rows]) if rows else []
    if len({each["digest"] for each in running} - {None}) > 1:
        lines.append("  Scripts before 4.22 have an md5, those since a sha512: the two say nothing about each other.")
    if agents:
        lines += ["", "Agents of KVM hosts:"]
        rows = [
            [each["zone"], each["version"], f"{each['count']:,}", first_of(each["hosts"], MOST_HOSTS)]
            for each in agents
        ]
        lines += _rows([["ZONE", "AGENT", "HOSTS", "NAMES"], *rows])
    lines += ["", f"{MISMATCH}: {count(len(odd), 'router') if odd else 'none'}"]
    if odd:
        lines += _rows([["ROUTER", "ZONE", "HOST", "SOFTWARE", "SCRIPTS", "WHY"], *map(odd_row, odd)])
    return lines + ([f"With all hosts and whole checksums: {all_in}"] if all_in else [])


def forecast_text(forecast: shapes.ForecastData, all_in: str | None = None) -> list[str]:
    """What has to be prepared before the management server is upgraded, then the documentation's steps."""
    lines = ["", "Before the management server is upgraded:"]
    for each in sorted(forecast["prepare"], key=lambda each: list(PREPARATION).index(each["state"])):
        lines.append(f"  {PREPARATION[each['state']]} {each['what'].replace('_', ' ')}: {_cut(each['seen'], all_in)}")
        if each["remedy"] and each["state"] != "done":
            lines.append(f"            -> {each['remedy']}")
    if forecast["unknown"]:
        lines += ["", f"Not known before the upgrade, as {forecast['source']} does not tell:"]
        lines += [f"  {text}" for text in forecast["unknown"]]
    lines += ["", f"The steps, as in {forecast['documentation']}:"]
    return lines + [f"  {number:2}. {step}" for number, step in enumerate(forecast["steps"], 1)]


def checks_text(checks: Sequence[shapes.CheckData], all_in: str | None = None) -> list[str]:
    """The checks that are not ok, each with its remedy, failures last so that they stand above the prompt."""
    bad = sorted((check for check in checks if check["status"] != "ok"), key=lambda check: check["status"] == "fail")
    if not bad:
        return ["", f"All {len(checks)} checks are ok."]
    lines = ["", f"Checks: {len(checks) - len(bad)} ok, {len(bad)} not ok"]
    for check in bad:
        first, *more = (_cut(line, all_in) for line in check["seen"].split("\n"))
        lines += [f"  {MARKS[check['status']]} {check['name']}: {first}"]
        lines += [f"       {line}" for line in more[:MOST_FOUND]]
        lines += _more(len(more) - MOST_FOUND, all_in, "       ")
        lines.append(f"       -> {check['remedy']}")
    return lines


def outcome(report: shapes.ReportData) -> str:
    """How a run ended, in a line."""
    statuses = Counter(unit["status"] for unit in report["units"])
    counts = _counts(statuses, sorted(statuses))
    none = "no unit in scope" if report["status"] == "empty" else "no plan was made"
    return f"{words(report['status'])}: {counts or none}"


def report_text(report: shapes.ReportData, all_in: str | None = None) -> list[str]:
    """The outcome as lines: the counts, then the units that are not proven current, with the reason; those that failed
    or were skipped one by one."""
    units = report["units"]
    lines = [f"{'Expected result' if report['status'] in FORESEEN.values() else 'Result'}: {outcome(report)}"]
    lines += [f"Scope: {report['scope']}"] if report.get("scope") else []
    lines += [f"Took: {took(report)}"] if report.get("expected") and report["status"] not in FORESEEN.values() else []
    lines += approved_text(report.get("approved"), all_in)
    lines += [f"Gaps seen from outside, {gap_words(row)}" for row in report.get("gaps", ())]
    for status in ("degraded", "failed", "skipped", "running", "left_running", "not_started"):
        members = [unit for unit in units if unit["status"] == status]
        if not members:
            continue
        lines += ["", f"{words(status).capitalize()}: {count(len(members), 'unit')}"]
        if status == "not_started" and len(members) > MOST_ROWS:
            lines += _grouped(members, lambda unit: unit["reason"], all_in)
        else:
            rows = [[_called(unit), unit["zone"], unit["reason"]] for unit in members]
            lines += _rows([["UNIT", "ZONE", "REASON"], *rows])
    lines += _notes(report, all_in)
    if report.get("not_handled"):
        where = f", see {all_in}" if all_in else ""
        lines += ["", f"Not handled by this collection: {not_handled_words(report['not_handled'])}{where}"]
    if report.get("error"):
        lines += ["", f"Broken off: {report['error']}"]
    return lines


def _notes(report: shapes.ReportData, all_in: str | None) -> list[str]:
    """What else is worth knowing: of the run, and of units that are done all the same."""
    noted = unit_notes(report)
    rows = [[_called(unit), unit["zone"], note] for unit, note in noted[:MOST_ROWS]]
    lines = [f"  {note}" for note in report.get("notes", ())] + (_rows(rows) if rows else [])
    lines += _more(len(noted) - MOST_ROWS, all_in)
    return ["", "Notes:", *lines] if lines else []


def _planned(unit: shapes.UnitData) -> str:
    return f"{method(unit['method'])}, {_why(unit)}"


def _why(unit: shapes.UnitData) -> str:
    """Why it needs its method, and what makes it sensitive."""
    services = ", ".join(unit["sensitive_services"])
    return f"{unit['reason']}; has {services}" if services and unit["step"] else unit["reason"]


def _grouped(members: Sequence[T], why: Callable[[T], str], all_in: str | None) -> list[str]:
    """One row for all that share a reason, with the first of their names."""
    groups: dict[str, list[T]] = {}
    for unit in members:
        groups.setdefault(why(unit), []).append(unit)
    largest = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = [
        f"  {count(len(found), 'unit')}: {reason} ({first_of([unit['name'] for unit in found])})"
        for reason, found in largest[:MOST_ROWS]
    ]
    if rest := largest[MOST_ROWS:]:
        units = count(sum(len(found) for dummy, found in rest), "unit")
        lines.append(f"  ... and {units} with {len(rest):,} other reasons")
    return lines + ([f"  All of them: {all_in}"] if all_in else [])


def _table(members: Sequence[shapes.UnitData]) -> list[str]:
    rows = [
        [_called(unit), unit["zone"], unit["hypervisor"] or "-", owner(unit), method(unit["method"]), _why(unit)]
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


def _more(number: int, all_in: str | None, indent: str = "  ") -> list[str]:
    """That there are so many more, and where; nothing where there are none."""
    return [f"{indent}... and {number:,} more" + (f", in {all_in}" if all_in else "")] if number > 0 else []


def _cut(text: str, all_in: str | None) -> str:
    """The beginning of a text that is too long, and where the rest is."""
    return short(text, LONGEST_TEXT) + (f" (all of it in {all_in})" if all_in and len(text) > LONGEST_TEXT else "")


def _called(unit: Unit) -> str:
    """Network or VPC with its routers' names, or just the VM."""
    names = [vm["name"] for vm in unit["vms"] if vm["name"] != unit["name"]]
    return f"{unit_name(unit)}" + (f" ({', '.join(names)})" if names else "")


def _counts(counts: Counter[str], order: Iterable[str]) -> str:
    return ", ".join(f"{counts[name]:,} {words(name)}" for name in dict.fromkeys([*order, *counts]) if counts[name])
