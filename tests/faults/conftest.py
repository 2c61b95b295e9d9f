# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the waits of a run as short as its cloud is quick; prints the table of the fault matrix at the end."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api import client as api_client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry import rolling
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.management_server import settles_s
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout import (
    job_watch,
    scheduler,
    unit_upgrade,
    view,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units import actions, last_looks, next_action
from tests.faults.matrix import KINDS
from tests.faults.scene import Phase

SHORT: tuple[tuple[ModuleType, str, float], ...] = (
    (api_client, "AUTH_LIMIT", 0.5),
    (next_action, "SETTLE_S", 0.3),
    (next_action, "KNOWN_S", 2.0),
    (job_watch, "KNOWN_S", 2.0),
    (unit_upgrade, "RETRY_S", 0.2),
    (unit_upgrade, "UNREADABLE_S", 2.0),
    (scheduler, "RETRY_S", 0.2),
    (scheduler, "AWAY_S", 0.3),
    (view, "HOSTS_FRESH_S", 0.1),
    (view, "SERVERS_FRESH_S", 0.2),
)
WRONG = "WRONG"
WORDS = {"passed": "ok", "skipped": "skipped"}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (actions, last_looks, next_action, unit_upgrade):
        monkeypatch.setattr(module, "REREAD_S", 0.1)
    for module, name, seconds in SHORT:
        monkeypatch.setattr(module, name, seconds)
    # CloudStack's setting is in whole seconds; the simulator looks at its pairs every 0.05 s.
    monkeypatch.setattr(rolling, "settles_s", lambda values, pairs: 0.3 if settles_s(values, pairs) else None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found: dict[tuple[str, str], str] = {}
    for category in ("passed", "skipped", "failed", "error", "xfailed", "xpassed"):
        for report in terminalreporter.stats.get(category, ()):
            for name, cell in getattr(report, "user_properties", ()):
                if name == "cell" and found.get((cell[0], cell[1])) != WRONG:  # on another release
                    found[cell[0], cell[1]] = WORDS.get(category, WRONG)
    if not found:
        return
    terminalreporter.section("faults: what a run promises, kind by phase")
    width = max(len(kind.name) for kind in KINDS) + 2
    terminalreporter.write_line("".ljust(width) + "".join(phase.value.ljust(9) for phase in Phase).rstrip())
    for kind in KINDS:
        words = [found.get((kind.name, phase.value), "not run" if kind.expected(phase) else "-") for phase in Phase]
        terminalreporter.write_line(kind.name.ljust(width) + "".join(word.ljust(9) for word in words).rstrip())
    terminalreporter.write_line(
        f"ok: every promise holds; {sum(map(bool, found))} cells were run, on the oldest and the newest release; "
        "- does not apply"
    )
