# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all forms of a report say in the same words. Pure: plain data in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone

from ...module_utils.knowledge import durations, shapes
from ...module_utils.knowledge.counts import count, first_of
from ...module_utils.knowledge.drift_shapes import OddData, RunningData
from ...module_utils.knowledge.versions import parse_version
from ...module_utils.knowledge.vocabulary import METHODS, Kind, Method
from ...module_utils.knowledge.whatif_shapes import AlternativesData, WhatIfData
from ...module_utils.units.ends import UnitStatus

GOOD = frozenset(status.value for status in UnitStatus if status.good)
OUTCOMES = {
    "success": "Complete",
    "would_succeed": "Check mode: nothing was changed",
    "would_be_incomplete": "Check mode: nothing was changed",
    "incomplete": "Incomplete",
    "refused": "Refused",
    "empty": "Nothing in scope",
    "planned": "Planned",
    "error": "Error",
}
# How a run in check mode is told, by how it would end; its result must not pass for that of a run.
FORESEEN = {"success": "would_succeed", "incomplete": "would_be_incomplete"}
# Each status with a sign that tells it apart without colour, in the order in which an operator cares.
SIGNS = {
    "ignored": "~",
    "degraded": "!",
    "failed": "✗",
    "skipped": "-",
    "running": "▸",
    "left_running": "▸",
    "not_started": "○",
    "planned": "○",
    "upgraded": "✓",
    "current": "=",
    "gone": "∅",
    "fail": "✗",
    "warn": "!",
}
# What a plan has in store for a unit.
PLANNED = {
    "live_patch": "to live patch",
    "recreate": "to recreate",
    "restart": "to restart",
    "none": "already current",
    "skip": "not touched",
}
MISMATCH = "Scripts that do not match the version"
SHORT_CHECKSUM = 10
MOST_ZONES = 8  # columns of a table
KINDS = frozenset(kind.value for kind in Kind)
# What is told of a VM only where it changed.
DETAILS = {"state": "state", "agent_state": "agent", "redundant_state": "redundancy"}


def headline(report: shapes.ReportData) -> tuple[str, str]:
    """The outcome as one word and as a sentence."""
    units, status = report["units"], report["status"]
    bad = sum(unit["status"] not in GOOD for unit in units)
    if status == "error":
        sentence = "There is no plan, so nothing was touched."
    elif status == "refused":
        sentence = "The run was refused." if report["error"] else "A check failed, so nothing was touched."
    elif status == "planned":
        acting = sum(unit["status"] == "planned" for unit in units)
        expected = f" Expected: {report['expected']}." if report.get("expected") else ""
        return OUTCOMES[status], f"{count(acting, 'unit is', 'units are')} to be upgraded.{expected}"
    elif status == "running":
        return _alive(report, len(units) - bad)
    elif status in FORESEEN.values():
        sentence = f"{count(len(units) - bad, 'unit')} of {len(units):,} would be current after a run."
    elif bad:
        unproven = f"of {count(len(units), 'unit')}"
        sentence = f"{count(bad, f'{unproven} is', f'{unproven} are')} not proven current."
    elif units:
        proven = "Every unit in scope is proven current"
        sentence = f"{proven}." if status == "success" else f"{proven}, but the run was broken off."
    else:
        sentence = "No unit is in scope, so nothing was done."
    return OUTCOMES.get(status, status), " ".join(part for part in (sentence, report.get("next")) if part)


def _alive(report: shapes.ReportData, good: int) -> tuple[str, str]:
    """The same of a run that goes on."""
    run: shapes.RunFacts = report.get("run", {})
    state = state_words(run)
    done = f"{good:,} of {count(len(report['units']), 'unit is', 'units are')} done."
    return f"{state[:1].upper()}{state[1:]}", f"At work {where_words(run)}. {done}" if run else done


def state_words(run: shapes.RunFacts) -> str:
    """What a run that goes on does."""
    waiting = run.get("waiting_for")
    return f"waiting for {waiting}" if waiting else run.get("state", "running")


def where_words(run: shapes.RunFacts) -> str:
    """Where a run goes on, since when, and how far it is."""
    step = f", step {run['step']} of {run['steps']}" if "step" in run and "steps" in run else ""
    return f"on {run.get('host')} (process {run.get('pid')}) since {local_time(run.get('since'))}{step}"


def run_facts(report: shapes.ReportData) -> list[tuple[str, str]]:
    """What was upgraded, to what, when; only what is known."""
    versions = Counter(_version(vm["before"]) for unit in report["units"] for vm in unit["vms"] if vm["before"])
    before = [f"{'.'.join(map(str, old)) or 'unknown'} ({count(versions[old], 'VM')})" for old in sorted(versions)]
    units = Counter(unit["status"] for unit in report["units"])
    facts = {
        "Scope": report.get("scope"),
        "From": ", ".join(before),
        "To": report["management_server_version"],
        "Units": ", ".join(f"{units[status]:,} {status_words(status)}" for status in in_order(units)),
        "Planned" if report["status"] == "planned" else "Started": local_time(report["started"]),
        "Finished": local_time(report["finished"]),
        "Duration": took(report),
        "Last sign of life": report["status"] == "running" and local_time(report.get("run", {}).get("heartbeat")),
    }
    return [(name, value) for name, value in facts.items() if value]


def endpoint_words(endpoint: shapes.SeenEndpoint) -> str:
    """What was seen of one endpoint from outside."""
    where = f"[{endpoint['address']}]" if ":" in endpoint["address"] else endpoint["address"]
    name = f"{where}:{endpoint['port']} ({endpoint['serves']})"
    if not endpoint["before"]:
        return f"{name}: {'unknown' if endpoint['before'] is None else 'did not answer'} before"
    if not endpoint["after"]:
        return f"{name}: does not answer any more"
    longest, total = endpoint["longest_gap_s"] or 0, endpoint["total_gap_s"] or 0
    if not endpoint["gaps"]:
        return f"{name}: no gap"
    several = f", {durations.exact(total)} in all" if len(endpoint["gaps"]) > 1 else ""
    return f"{name}: gap {durations.exact(longest)}{several}"


def took(report: shapes.ReportData) -> str | None:
    """How long the run took, beside what was expected where all of it was carried out."""
    started, finished = moment(report["started"]), moment(report["finished"])
    if not started or not finished:
        return None
    seconds = duration((finished - started).total_seconds())
    whole = not {"running", "left_running", "not_started"} & {unit["status"] for unit in report["units"]}
    return f"{seconds}; {report['expected']} expected" if report.get("expected") and whole else seconds


def _version(facts: shapes.VmFacts) -> tuple[int, ...]:
    """What it runs; before 4.17 only the template tells."""
    version = parse_version(facts.get("software_version") or facts.get("template_version"))
    return version.numbers if version else ()


def in_order(statuses: Iterable[str]) -> list[str]:
    """What an operator cares about most comes first, and an unknown status before that."""
    order = list(SIGNS)
    return sorted(statuses, key=lambda status: order.index(status) if status in SIGNS else -1)


def not_good(units: Iterable[shapes.ReportedUnit]) -> list[shapes.ReportedUnit]:
    """The units that are not proven current, failed ones first."""
    bad: dict[str, list[shapes.ReportedUnit]] = {}
    for unit in units:
        if unit["status"] not in GOOD:
            bad.setdefault(unit["status"], []).append(unit)
    return [unit for status in in_order(bad) for unit in bad[status]]


def bad_checks(checks: Iterable[shapes.CheckData]) -> list[shapes.CheckData]:
    """The checks that are not ok, failed ones first."""
    bad = (check for check in checks if check["status"] != "ok")
    return sorted(bad, key=lambda check: check["status"] != "fail")


def checks_words(report: shapes.ReportData) -> str:
    bad = len(bad_checks(report["checks"]))
    return f"Checks: {bad} of {len(report['checks'])} not ok" if bad else f"Checks: all {len(report['checks'])} ok"


def approved_words(approved: shapes.ApprovedData) -> str:
    """What became of the lines of an approved plan, in one line."""
    counts = [
        f"{len(lines):,} {what}"
        for lines, what in (
            (approved["differs"], "not touched, as they need something else now"),
            (approved["current"], "current by now"),
            (approved["gone"], "gone"),
            (approved["left_out"], "left out by the rest of the scope"),
            (approved["later"], "in another night"),
        )
        if lines
    ]
    others = len(approved["not_approved"])
    other = f". Without a line, and so not touched: {count(others, 'unit')} in scope that would need an upgrade"
    source = f"{approved['source']}, {count(approved['lines'], 'line')}"
    told = ", ".join([f"{approved['as_approved']:,} as approved", *counts])
    return f"Approved plan: {source}: {told}{other if others else ''}"


def deviation_lines(approved: shapes.ApprovedData | None) -> list[str]:
    """What is not as it was approved, a line each: what is not touched comes first."""
    if not approved:
        return []
    return [
        *(f"{each['name']}: {each['why']}" for each in approved["differs"]),
        *(
            f"{each['place'] or each['name']}: {each['name']}: {method(each['approved'])} was approved; {each['why']}"
            for each in (*approved["gone"], *approved["left_out"], *approved["current"])
        ),
        *(f"not approved: {each['name']}: {each['why']}" for each in approved["not_approved"]),
    ]


def not_handled_words(entries: Sequence[shapes.NotHandledData]) -> str:
    """How many of what is outside of every plan; empty of nothing."""
    counts = Counter(entry["what"] for entry in entries if entry["name"] is not None)
    unknown = [f"{entry['what']}s: unknown" for entry in entries if entry["name"] is None]
    return ", ".join([*(count(number, what) for what, number in counts.items()), *unknown])


def scripts_words(running: RunningData | OddData) -> str:
    """A checksum as a person compares it: what sort it is, and its beginning."""
    if not running["scripts"]:
        return "-"
    shown = running["scripts"][:SHORT_CHECKSUM]
    return f"{running['digest']} {shown}" if running.get("digest") else shown


def odd_row(odd: OddData) -> list[str]:
    return [odd["name"], odd["zone"], odd["host"] or "-", odd["software"], scripts_words(odd), odd["why"]]


def what_runs(running: RunningData) -> tuple[str, ...]:
    """Zone, hypervisor, kind, software, scripts and number of VMs that are alike."""
    what = running["software"], scripts_words(running), f"{running['count']:,}"
    return running["zone"], running["hypervisor"], kind(running["group"]), *what


def changes(vm: shapes.ChangedVm) -> list[str]:
    """Software and template of one VM, before and after, and what else changed; a VM may have come or gone."""
    before, after = vm["before"], vm["after"]
    if before and after:
        details = [(word, key) for key, word in DETAILS.items() if before.get(key) != after.get(key)]
        listing = [("template", "template_version"), *details]
        return [
            _move(before, after, "software_version"),
            *(f"{word} {_move(before, after, key)}" for word, key in listing),
        ]
    facts = before or after
    software = facts.get("software_version") or "unknown"
    template = f"template {facts.get('template_version') or 'unknown'}"
    return [f"{software} → gone" if before else f"new → {software}", template]


def _move(before: Mapping[str, object], after: Mapping[str, object], key: str) -> str:
    old, new = before.get(key) or "unknown", after.get(key) or "unknown"
    return f"{old} → {new}" if old != new else str(new)


def owner(unit: shapes.NamedUnit) -> str:
    domain = unit["owner"].get("domain")
    return f"{owner_name(unit)} ({domain})" if domain else owner_name(unit)


def owner_name(unit: shapes.NamedUnit) -> str:
    who = unit["owner"]
    return f"project {who['project']}" if who.get("project") else who.get("account") or "-"


def words(name: str) -> str:
    return name.replace("_", " ")


def kind(name: str) -> str:
    return Kind(name).words if name in KINDS else words(name)


def method(name: str) -> str:
    return Method(name).words if name in METHODS else words(name)


def unit_name(unit: shapes.NamedUnit) -> str:
    """As C(Unit.label)."""
    return f"{kind(unit['kind'])} {unit['name']}"


def unit_notes(report: shapes.ReportData) -> list[tuple[shapes.ReportedUnit, str]]:
    """What else is worth knowing of units; what is the same of several stands once, at the first of them."""
    groups: dict[str, list[shapes.ReportedUnit]] = {}
    for unit in report["units"]:
        for note in unit["notes"]:
            groups.setdefault(note, []).append(unit)
    return [
        (first, f"{note}; the same for {len(more):,} more: {first_of(list(map(unit_name, more)))}" if more else note)
        for note, (first, *more) in groups.items()
    ]


def sign(status: str) -> str:
    return SIGNS.get(status, "?")


def counts_words(counts: Mapping[str, int]) -> str:
    """How many units ended how, what matters most first."""
    return ", ".join(f"{counts[status]:,} {words(status)}" for status in in_order(counts))


def status_words(status: str) -> str:
    return f"{sign(status)} {words(status)}"


def number(value: int) -> str:
    return f"{value:,}"


def moment(text: str | None) -> datetime | None:
    """An ISO 8601 time in UTC; one without a zone is UTC."""
    if not text:
        return None
    parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return parsed.replace(tzinfo=parsed.tzinfo or timezone.utc).astimezone(timezone.utc)


def local_time(text: str | None) -> str:
    """As the clock of this machine shows it, with its zone: 2026-11-30 23:14:57+01:00."""
    found = moment(text)
    return found.astimezone().isoformat(sep=" ", timespec="seconds") if found else ""


def night_rows(nights: Sequence[shapes.NightCount], campaign: shapes.CampaignData | None = None) -> list[list[str]]:
    """A table with its head: the nights that are planned with their zones, or those of an approved plan with what is
    left."""
    if not campaign:
        rows = [[night_time(each["night"]), f"{each['units']:,}", f"{each['left']:,}"] for each in nights]
        return [["Night", "Units", "Left"], *rows]
    zones = sorted({zone for night in campaign["nights"] for zone in night["zones"]})[:MOST_ZONES]
    rows = [
        [night_time(night["night"], night["ends_s"]), f"{night['units']:,}"]
        + [f"{night['zones'].get(zone, 0):,}" for zone in zones]
        for night in campaign["nights"]
    ]
    return [["Night", "Units", *zones], *rows]


def night_time(night: str, ends_s: float | None = None) -> str:
    """When a night begins, and when its last unit is expected to end: C(Mon 2026-11-30 23:00 to about 02:40)."""
    start = datetime.fromisoformat(night)
    ends = f" to about {start + timedelta(seconds=ends_s):%H:%M}" if ends_s else ""
    return f"{start:%a %Y-%m-%d %H:%M}{ends}"


def zone_of(local: datetime) -> str:
    offset = local.strftime("%z")
    return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"


def duration(seconds: float | None) -> str:
    return "" if seconds is None else durations.exact(seconds)


def what_if_words(told: WhatIfData) -> str:
    return f"What if {told['if'] or 'nothing goes wrong'}: {told['words']}"


def alternative_rows(told: AlternativesData) -> list[list[str]]:
    """How long it would take with other settings, as a table with its head; what is the same in all is left out."""
    rows = told["settings"]
    cuts = len({tuple(each["waves"]) for each in rows}) > 1
    fails = any(each["failed"] is not None for each in rows)
    head = ["parallel", "per host", *(["waves"] if cuts else []), "time", "left at the deadline"]
    return [[*head, *(["failures before the budget stops it"] if fails else []), ""]] + [
        [
            f"{each['parallel']:,}",
            f"{each['per_host']:,}" if each["per_host"] else "no bound",
            *([", ".join(each["waves"]) or "one"] if cuts else []),
            f"about {each['time']}",
            "-" if each["left"] is None else f"{each['left']:,}",
            *([f"{each['failed'] or 0:,}" + ("" if each["stopped"] else ", and it goes on")] if fails else []),
            "as it is set" if each["present"] else "",
        ]
        for each in rows
    ]
