# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence about one failed unit as a ticket for whoever looks into it, and how much of it is kept. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any

from ...module_utils.knowledge.characters import short
from ...module_utils.knowledge.shapes import ReportData
from .rendering import MARKDOWN
from .wording import changes, duration, local_time, method, owner, unit_name, words

MOST_SIZE = 1 << 19  # characters of the evidence as JSON
LONGEST_TEXT = 4000  # characters of one text in it
LONGEST_NAME = 60


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


def ticket(evidence: Mapping[str, Any], report: ReportData) -> str:
    """What happened, when, what the server said, and what to do next, as Markdown.

    :param evidence: as I(cloud.evidence) reads it.
    :param report: of the run.
    """
    unit, hosts = evidence["unit"], evidence["hosts"]
    versions = sorted({server["version"] for server in evidence["management_servers"]})
    return MARKDOWN.get_template("ticket.j2").render(
        bad_hosts=[host for host in hosts if host["state"] != "Up" or host["resourcestate"] != "Enabled"],
        bundles=[{**bundle, "url": bundle["url"] or "none"} for bundle in evidence["diagnostics"]],
        evidence=evidence,
        facts={
            "Unit": f"{unit_name(unit)} ({unit['id']})",
            "Zone": unit["zone"],
            "Owner": owner(unit),
            "What was tried": method(unit["method"]),
            "Started": local_time(unit["started"]),
            "Ended": " after ".join(filter(None, (local_time(unit["finished"]), duration(unit["duration_s"])))),
            "Management server": ", ".join(versions) or report.get("management_server_version"),
            "Scope of the run": report.get("scope"),
        },
        health=[check for check in evidence["health_checks"] if check["success"] is not True],
        jobs=[{**job, "says": job.get("errortext") or job.get("details")} for job in evidence["jobs"]],
        kvm_hosts=[host for host in hosts if host["hypervisor"] == "KVM"],
        nothing=[section for section in ("jobs", "events", "alerts") if not evidence[section]],
        number=partial(next, count(1)),
        vms=[_vm(vm) for vm in evidence["vms"]],
    )


def _vm(vm: Any) -> dict[str, str]:
    changed = ", ".join(changes(vm)) if vm["before"] or vm["after"] else "not there"
    return {"name": vm["name"], "changed": changed, "now": _now(vm["now"])}


def _now(facts: Mapping[str, object]) -> str:
    known = (("software", "software_version"), ("agent", "agent_state"), ("redundancy", "redundant_state"))
    found = [f"{word} {facts[key]}" for word, key in known if facts.get(key)]
    return ", ".join([str(facts.get("state") or "state unknown"), *found]) if facts else "not listed"


def _cut_texts(data: Any) -> Any:
    if isinstance(data, str):
        return short(data, LONGEST_TEXT)
    if isinstance(data, Mapping):
        return {key: _cut_texts(value) for key, value in data.items()}
    return [_cut_texts(item) for item in data] if isinstance(data, list) else data


def _size(data: Any) -> int:
    return len(json.dumps(data, ensure_ascii=False))
