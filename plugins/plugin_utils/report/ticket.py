# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence about one failed unit as a ticket for whoever looks into it, and how much of it is kept. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import plain, table_of
from .wording import changes, duration, moment, owner, unit_name, words

ALL = "evidence.json"
MOST_ROWS = 20  # of a table in the ticket
MOST_TEXT = 300  # characters of a cell
MOST_SIZE = 1 << 19  # characters of the evidence as JSON
LONGEST_TEXT = 4000  # characters of one text in it
LONGEST_NAME = 60
SERVER_LOG = "/var/log/cloudstack/management/management-server.log"
HOST_LOG = "/var/log/cloudstack/agent/agent.log"
PATCH_LOG = "/var/log/livepatchsystemvm.log"


def safe_name(unit: Mapping[str, Any]) -> str:
    """The folder of a unit: its name as far as any file system and shell takes it, and of its id what tells it from
    another unit of that name."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", unit["name"])[:LONGEST_NAME].strip("_-")
    identity = re.sub(r"[^A-Za-z0-9]+", "", unit["id"])[:8]
    return "-".join(part for part in (name, identity) if part) or "unit"


def bounded(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The same, small enough: long texts are cut, then the longest lists at their beginning, as the newest is last."""
    found = {key: _cut_texts(value) for key, value in evidence.items()}
    sizes = {key: _size(value) for key, value in found.items()}
    left_out: dict[str, int] = {}
    while sum(sizes.values()) > MOST_SIZE:
        lists = [key for key, value in found.items() if isinstance(value, list) and value and key != "missing"]
        if not lists:
            break
        key = max(lists, key=lambda key: sizes[key])
        gone = (len(found[key]) + 1) // 2
        left_out[key] = left_out.get(key, 0) + gone
        found[key] = found[key][gone:]
        sizes[key] = _size(found[key])
    cut = [f"{words(key)}: {number:,} left out, as they are too many to keep" for key, number in left_out.items()]
    return {**found, "missing": [*found["missing"], *cut]}


def ticket(evidence: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """What happened, when, what the server said, and what to do next, as Markdown.

    :param evidence: as I(cloud.evidence) reads it.
    :param report: of the run.
    """
    unit = evidence["unit"]
    versions = sorted({server["version"] for server in evidence["management_servers"]})
    facts = {
        "Unit": f"{unit_name(unit)} ({unit['id']})",
        "Zone": unit["zone"],
        "Owner": owner(unit),
        "What was tried": words(unit["method"]),
        "Started": _moment(unit["started"]),
        "Ended": " after ".join(part for part in (_moment(unit["finished"]), duration(unit["duration_s"])) if part),
        "Management server": ", ".join(versions) or report.get("management_server_version"),
        "Scope of the run": report.get("scope"),
    }
    lines = [f"# {plain(unit_name(unit))} in {plain(unit['zone'])} was not upgraded", ""]
    lines += [f"**{plain(_cut(unit['reason'], 2000))}**", ""]
    lines += [f"- {name}: {plain(str(value))}" for name, value in facts.items() if value]
    lines += [f"- Note: {plain(_cut(note))}" for note in unit["notes"] or ()]
    lines += ["", "## Its VMs", "", *_table(("VM", "Before and after the attempt", "Now"), _vms(evidence["vms"]))]
    lines += ["", "## What the server said", *_said(evidence)]
    lines += ["", "## What to do next", ""]
    lines += [f"{number}. {step}" for number, step in enumerate(_next(evidence), 1)]
    if evidence["missing"]:
        lines += [
            "",
            "## What is not in here",
            "",
            *(f"- {plain(_cut(each))}" for each in evidence["missing"][:MOST_ROWS]),
        ]
    lines += ["", f"Everything that was read is in `{ALL}` beside this file; fields with secrets were not kept."]
    return "\n".join(lines) + "\n"


def _vms(vms: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (vm["name"], ", ".join(changes(vm)) if vm["before"] or vm["after"] else "not there", _now(vm["now"]))
        for vm in vms
    ]


def _now(facts: Mapping[str, Any]) -> str:
    known = (("software", "software_version"), ("agent", "agent_state"), ("redundancy", "redundant_state"))
    told = [f"{word} {facts[key]}" for word, key in known if facts.get(key)]
    return ", ".join([facts.get("state") or "state unknown", *told]) if facts else "not listed"


def _said(evidence: Mapping[str, Any]) -> list[str]:
    """A table for each section that has something."""
    jobs, health = evidence["jobs"], [check for check in evidence["health_checks"] if check["success"] is not True]
    tables: dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]] = {
        "Jobs": (
            ("Created", "Command", "Status", "What it says", "Id"),
            [
                (
                    *(job.get("created"), job.get("command"), job["status"]),
                    *(job.get("errortext") or job.get("details"), job["id"]),
                )
                for job in jobs
            ],
        ),
        "Events, the newest first": (
            ("Created", "Type", "State", "Level", "Description"),
            [
                tuple(event[key] for key in ("created", "type", "state", "level", "description"))
                for event in reversed(evidence["events"])
            ],
        ),
        "Alerts, the newest first": (
            ("Sent", "Name", "Description"),
            [tuple(alert[key] for key in ("sent", "name", "description")) for alert in reversed(evidence["alerts"])],
        ),
        "Health checks that do not succeed, as the server last saw them": (
            ("VM", "Check", "Status", "Updated", "Details"),
            [tuple(check[key] for key in ("vm", "checkname", "status", "lastupdated", "details")) for check in health],
        ),
        "Hosts": (
            ("Host", "State", "Resource state", "Hypervisor", "Agent"),
            [
                tuple(host[key] for key in ("name", "state", "resourcestate", "hypervisor", "version"))
                for host in evidence["hosts"]
            ],
        ),
        "Diagnostics": (
            ("VM", "Bundle"),
            [(bundle["vm"], bundle["url"] or "none") for bundle in evidence["diagnostics"]],
        ),
    }
    lines = []
    for title, (header, rows) in tables.items():
        if rows:
            lines += ["", f"{title}:", "", *_table(header, rows)]
    nothing = [section for section in ("jobs", "events", "alerts") if not evidence[section]]
    return [*lines, "", f"Nothing was found of: {', '.join(nothing)}."] if nothing else lines


def _next(evidence: Mapping[str, Any]) -> list[str]:
    """Where to look, from the server inwards."""
    unit = evidence["unit"]
    live = unit["method"] == "live_patch"
    vms = ", ".join(plain(vm["name"]) for vm in evidence["vms"][:MOST_ROWS])
    jobs = [job["id"] for job in evidence["jobs"]]
    steps = []
    if jobs:
        steps.append(f"On each management server: `grep {jobs[-1]} {SERVER_LOG}`, and from there the lines of its job.")
    else:
        steps.append(f"No job of this unit is known: see {SERVER_LOG} of each management server at the time above.")
    bad = [host for host in evidence["hosts"] if host["state"] != "Up" or host["resourcestate"] != "Enabled"]
    steps += [
        f"Host {plain(host['name'])} is {plain(str(host['state']))}, {plain(str(host['resourcestate']))}: put it right"
        " first."
        for host in bad[:MOST_ROWS]
    ]
    kvm = [host for host in evidence["hosts"] if host["hypervisor"] == "KVM"]
    if kvm:
        names = ", ".join(plain(str(host["name"])) for host in kvm[:MOST_ROWS])
        steps.append(f"On {names}: `{HOST_LOG}` at that time.")
    if live and vms:
        steps.append(f"Inside {vms}: `{PATCH_LOG}`, which a live patch writes, and `df -h`.")
    if not evidence["diagnostics"]:
        steps.append("For the VM's own logs: run again with `sysvm_diagnostics: true`, or call getDiagnosticsData.")
    steps.append("Then run the upgrade again: it leaves alone what is current, and waits for a job that still runs.")
    return steps


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    texts = [tuple("-" if cell in (None, "") else _cut(str(cell)) for cell in row) for row in rows]
    return table_of(header, texts, most=MOST_ROWS, all_in=ALL)


def _moment(text: str | None) -> str:
    found = moment(text)
    return found.strftime("%Y-%m-%d %H:%M:%S UTC") if found else ""


def _cut(text: str, most: int = MOST_TEXT) -> str:
    return text if len(text) <= most else f"{text[:most]} ..."


def _cut_texts(data: Any) -> Any:
    if isinstance(data, str):
        return _cut(data, LONGEST_TEXT)
    if isinstance(data, Mapping):
        return {key: _cut_texts(value) for key, value in data.items()}
    return [_cut_texts(item) for item in data] if isinstance(data, list) else data


def _size(data: Any) -> int:
    return len(json.dumps(data, ensure_ascii=False))
