# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of reports."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.wording import (
    changes,
    duration,
    moment,
    run_facts,
)
from tests.unit.plugin_utils.report.reports import (
    NEW,
    OLD,
    planned,
    report,
)

RECREATED: Any = [
    ({"before": OLD, "after": NEW}, ["4.19.1.0 → 4.22.0.0", "template 4.19.1"]),
    ({"before": OLD, "after": OLD}, ["4.19.1.0", "template 4.19.1"]),
    ({"before": OLD, "after": {}}, ["4.19.1.0 → gone", "template 4.19.1"]),
    ({"before": {}, "after": NEW}, ["new → 4.22.0.0", "template 4.19.1"]),
    (
        {
            "before": {**OLD, "software_version": None, "state": "Stopped"},
            "after": {**NEW, "template_version": "4.22.0"},
        },
        ["unknown → 4.22.0.0", "template 4.19.1 → 4.22.0", "state Stopped → Running"],
    ),
    (
        {"before": {**OLD, "redundant_state": "BACKUP"}, "after": {**OLD, "redundant_state": "PRIMARY"}},
        ["4.19.1.0", "template 4.19.1", "redundancy BACKUP → PRIMARY"],
    ),
    (
        {"before": {**OLD, "agent_state": "Up"}, "after": {**OLD, "agent_state": "Alert"}},
        ["4.19.1.0", "template 4.19.1", "agent Up → Alert"],
    ),
]


@pytest.mark.parametrize(("vm", "told"), RECREATED)
def test_changes(vm: Any, told: list[str]) -> None:
    assert changes(vm) == told


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (0.0, "0 s"), (2.94, "2.9 s"), (59.96, "1 min 0 s"), (200.4, "3 min 20 s"), (3900.0, "1 h 5 min")],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_times_are_utc() -> None:
    same = ["2026-09-21T13:33:00", "2026-09-21T13:33:00Z", "2026-09-21T13:33:00+00:00", "2026-09-21T15:33:00+02:00"]
    assert len({moment(text) for text in same}) == 1
    assert moment(None) is None


def test_oldest_version_comes_first() -> None:
    units = [
        planned(1),
        planned(2, vms=[{"id": "a", "name": "a", "software_version": None, "template_version": "4.9.0"}]),
    ]
    assert run_facts(report(units))[0] == ("From", "4.9.0.0 (1 VM), 4.19.1.0 (1 VM)")
