# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the table of the fault matrix at the end of a test run."""

from __future__ import annotations

from typing import Any

from tests.faults.matrix import KINDS
from tests.faults.scene import Phase

WORDS = {"passed": "ok", "skipped": "skipped"}


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
