# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the waits of a run as short as its cloud is quick; prints the table of the fault matrix at the end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api import client as api_client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout import observing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Looks
from tests.faults.matrix import KINDS
from tests.faults.scene import Phase

WORDS = {"passed": "ok", "skipped": "skipped"}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "REREAD_S", 0.1)
    monkeypatch.setattr(api_client, "AUTH_LIMIT", 0.5)
    # CloudStack's setting is in whole seconds; the simulator looks at its pairs every 0.05 s.
    monkeypatch.setattr(Looks, "pair_settles_s", property(lambda looks: None if looks.pair_interval_s is None else 0.3))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found: dict[tuple[str, str], str] = {}
    for category in ("passed", "skipped", "failed", "error", "xfailed", "xpassed"):
        for report in terminalreporter.stats.get(category, ()):
            for name, cell in getattr(report, "user_properties", ()):
                if name == "cell":
                    found[cell[0], cell[1]] = WORDS.get(category, "WRONG")
    if not found:
        return
    terminalreporter.section("faults: what a run promises, kind by phase")
    width = max(len(kind.name) for kind in KINDS) + 2
    terminalreporter.write_line("".ljust(width) + "".join(phase.value.ljust(9) for phase in Phase).rstrip())
    for kind in KINDS:
        words = [found.get((kind.name, phase.value), "not run" if kind.expected(phase) else "-") for phase in Phase]
        terminalreporter.write_line(kind.name.ljust(width) + "".join(word.ljust(9) for word in words).rstrip())
    terminalreporter.write_line(f"ok: every promise holds; {sum(map(bool, found))} cells were run; - does not apply")
