# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence of one unit as files: small, at a safe place, and a ticket that says what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.ticket import (
    MOST_SIZE,
    bounded,
    safe_name,
    ticket,
)
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import write_evidence

EVIL = "<script>x</script> ](http://evil) | `rm -rf` {{ 1 }}\n# title"
REPORT: Any = {"scope": "cloud x", "management_server_version": "4.22.0.0"}
FACTS = {"state": "Running", "software_version": "4.18.1.0", "template_version": "4.18.1", "host": "h1"}


def evidence(**more: Any) -> Any:
    unit = {
        **{"id": "251ffca5-cf63", "name": "web", "kind": "network", "zone": "Berlin", "method": "live_patch"},
        **{"owner": {"account": "acme", "domain": "ROOT", "project": None}, "status": "failed", "notes": []},
        **{"reason": "r-1-VM still reports 4.18.1.0.", "started": None, "finished": None, "duration_s": None},
    }
    return {
        "unit": {**unit, **more.pop("unit", {})},
        "vms": [{"id": "vm-1", "name": "r-1-VM", "before": FACTS, "after": FACTS, "now": FACTS}],
        "management_servers": [{"name": "ms", "state": "Up", "version": "4.22.0.1"}],
        **{key: [] for key in ("jobs", "events", "alerts", "hosts", "health_checks", "diagnostics", "missing")},
        **more,
    }


def event(number: int, text: str = "Restarting network") -> Any:
    return {
        **{"created": f"2026-11-24T12:00:{number % 60:02}+0000", "type": "NETWORK.RESTART", "level": "INFO"},
        **{"state": "Started", "description": f"{text} {number}"},
    }


@given(st.text(), st.text())
def test_a_safe_name_is_one(name: str, identity: str) -> None:
    found = safe_name({"name": name, "id": identity})
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*|unit", found) and len(found) < 80


def test_units_of_the_same_name_have_folders_of_their_own() -> None:
    assert safe_name({"name": "web", "id": "251ffca5-cf63"}) == "web-251ffca5"
    assert safe_name({"name": "web", "id": "e1c0b3a0-cf63"}) != "web-251ffca5"


def test_what_a_ticket_tells() -> None:
    jobs = [
        {"id": "job-1", "command": "RestartNetworkCmd", "created": "c", "status": "failed", "errortext": "No space"}
    ]
    hosts = [
        {"name": "h1", "state": "Alert", "resourcestate": "Enabled", "hypervisor": "KVM", "version": "4.22.0.0"},
    ]
    health = [
        {"vm": "r-1-VM", "checkname": "dns", "success": False, "status": "FAILED", "lastupdated": None, "details": "x"},
        {"vm": "r-1-VM", "checkname": "fine", "success": True, "status": "SUCCESS", "lastupdated": None, "details": ""},
    ]
    text = ticket(
        evidence(
            unit={"started": "2026-11-24T12:00:00+00:00", "finished": "2026-11-24T12:01:00+00:00", "duration_s": 60.0},
            jobs=jobs,
            hosts=hosts,
            health_checks=health,
            events=[event(1), event(2)],
            missing=["alerts: CloudStack error 401"],
        ),
        REPORT,
    )
    for told in (
        "**r-1-VM still reports 4.18.1.0.**",
        "Started: 2026-11-24 12:00:00+00:00",
        "Ended: 2026-11-24 12:01:00+00:00 after 1 min 0 s",
        "Management server: 4.22.0.1",
        "| r-1-VM | 4.18.1.0, template 4.18.1 | Running, software 4.18.1.0 |",
        "| c | RestartNetworkCmd | failed | No space | job-1 |",
        "grep job-1 ",
        "Host h1 is Alert, Enabled",
        "| r-1-VM | dns | FAILED |",
        "- alerts: CloudStack error 401",
        "Nothing was found of: alerts.",
    ):
        assert told in text
    assert "fine" not in text, "a check that succeeds"
    assert text.index("Restarting network 2") < text.index("Restarting network 1"), "the newest first"


def test_nothing_known_reads_well_too() -> None:
    text = ticket({**evidence(vms=[], management_servers=[]), "missing": ["its VMs: refused"]}, REPORT)
    assert "Management server: 4.22.0.0" in text and "No job of this unit is known" in text
    assert "None" not in text


def test_a_ticket_is_harmless_whatever_a_name_says() -> None:
    text = ticket(
        evidence(
            unit={"name": EVIL, "zone": EVIL, "reason": EVIL, "notes": [EVIL]}, events=[event(1, EVIL)], missing=[EVIL]
        ),
        REPORT,
    )
    assert "<script" not in text and "\n# title" not in text and "{{" not in text.replace("&#123;{", "")
    assert "](http" not in text.replace("\\](http", "")


@pytest.mark.parametrize(("length", "times"), [(10, 100), (100_000, 10)])
def test_the_files_are_bounded_and_say_so(length: int, times: int, tmp_path: Path) -> None:
    many = [event(number, "x" * length) for number in range(60)]
    full = evidence(unit={"reason": "y" * length}, events=many * times, jobs=[])
    folder = tmp_path / write_evidence(str(tmp_path), full, REPORT)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert max(sizes.values()) < MOST_SIZE * 1.2
    kept = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    assert kept["events"], "something is left"
    assert kept["events"][-1]["created"] == many[-1]["created"], "the newest"
    assert "events" in kept["missing"][-1] and "left out" in kept["missing"][-1]
    assert "left out" in (folder / "ticket.md").read_text(encoding="utf-8")


def test_what_is_small_is_whole() -> None:
    assert bounded(evidence(events=[event(1)])) == evidence(events=[event(1)])
