# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what the playbooks add to their modules, at 500 and at 5,000 units; ends with 1 when a target is missed.

    .venv/bin/python tests/bench/scale.py [--units 500 5000]

A canary, a wave of all others but ten, and those ten: so the second pause between two steps comes after a large one.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.run import TEMPLATE, run_module, show
from tests.support.runner import CHECK, UPGRADE, Cloud, extra_vars

BETWEEN_S = 2.0  # two steps
CHECK_S, CHECK_RATIO = 2.0, 1.5  # check_sysvms may take so many seconds and so many times its module
GROWTH = 1.25  # of what the playbooks add, beyond the growth of the units
LINES = 200  # of the plan


def estate(units: int) -> dict[str, Any]:
    pairs = units // 10
    return {
        "server": {"version": "4.22.0.0"},
        "defaults": {"version": TEMPLATE},
        "timings": {"patch": 0.05, "restart": 0.02, "job_overhead": 0.01, "agent_reconnect": 0, "scan_interval": 600},
        "zones": [{"name": "east", "hosts": 50}, {"name": "west", "hosts": 50}],
        "networks": [
            {"name": "net", "count": units - pairs},
            {"name": "pair", "count": pairs, "redundant": True},
        ],
    }


@dataclass
class Rollout:
    """When what was seen, in seconds."""

    last_end: dict[int, float] = field(default_factory=dict)  # step -> its last unit has ended
    module: dict[int, float] = field(default_factory=dict)  # step -> its module is called
    first_start: dict[int, float] = field(default_factory=dict)
    end: float = 0.0

    def until_module(self, step: int) -> float:
        """Seconds that the playbook takes between two steps."""
        return self.module[step] - self.last_end[step - 1] if step in self.module else float("nan")

    def until_start(self, step: int) -> float:
        """The same, with what the next module reads before it starts anything."""
        return self.first_start[step] - self.last_end[step - 1]

    @property
    def after(self) -> float:
        """Seconds from the last unit to the end, with the final report."""
        return self.end - max(self.last_end.values())


def roll_out(cloud: Cloud, units: int) -> Rollout:
    options = {"kinds": ["router"], "parallel": 60, "per_host": 0, "waves": [str(units - 11), "10"]}
    seen, begin = Rollout(), time.monotonic()
    # Into a pipe ansible-core writes in blocks; the times here are those of the lines.
    process = cloud.start(UPGRADE, *extra_vars(options), env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    for line in process.stdout:
        moment = time.monotonic() - begin
        if found := re.search(r" (start|ok) +(?:network|VPC) .*\[step (\d+) of", line):
            step = int(found[2])
            if found[1] == "start":
                seen.first_start.setdefault(step, moment)
            else:
                seen.last_end[step] = moment
        elif found := re.match(r"Step (\d+) of \d+: ", line):
            seen.module[int(found[1])] = moment
    if process.wait():
        sys.exit("the rollout failed")
    seen.end = time.monotonic() - begin
    return seen


def measure(units: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="scale-") as name, Cloud(estate(units), Path(name)) as cloud:
        module = min(run_module(cloud.simulator, "cs_sysvm_version_check", Path(name))[0].seconds for _run in range(3))
        checks, lines = [], 0
        for _run in range(3):
            begin = time.monotonic()
            run = cloud.playbook(CHECK)
            checks.append(time.monotonic() - begin)
            lines = run.stdout.count("\n")
            if run.rc:
                sys.exit(run.output)
        seen = roll_out(cloud, units)
    return {
        "module": module,
        "check": min(checks),
        "lines": lines,
        "small": seen.until_module(2),
        "small_start": seen.until_start(2),
        "large": seen.until_module(3),
        "large_start": seen.until_start(3),
        "after": seen.after,
        "all": seen.end,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the playbooks add to their modules.")
    parser.add_argument("--units", type=int, nargs=2, default=[500, 5000], help="(default: %(default)s)")
    counts = parser.parse_args().units
    few, many = (measure(units) for units in counts)
    growth = counts[1] / counts[0]
    rows = [["", *(f"{units:,} units" for units in counts), "growth", "target"]]
    good = True
    for key, label, targets in (
        ("module", "cs_sysvm_version_check alone, s", None),
        ("check", "check_sysvms, s", [CHECK_S + CHECK_RATIO * each["module"] for each in (few, many)]),
        ("lines", "its lines", [LINES, LINES]),
        ("small", "between two steps, the first of one unit, s", [BETWEEN_S, BETWEEN_S]),
        ("small_start", "  until the next unit starts, with its module's reading, s", None),
        ("large", "between two steps, the first of nearly all, s", [BETWEEN_S, BETWEEN_S]),
        ("large_start", "  until the next unit starts, with its module's reading, s", None),
        ("after", "from the last unit to the end, s", None),
        ("all", "the whole rollout, s", None),
    ):
        values = [few[key], many[key]]
        met = targets is None or all(value <= target for value, target in zip(values, targets, strict=True))
        if key not in ("module", "all"):  # which tests/bench/run.py judges
            met = met and values[1] <= max(values[0], 0.1) * growth * GROWTH
        good = good and met
        told = "" if targets is None else "<= " + " and ".join(dict.fromkeys(f"{target:.1f}" for target in targets))
        ratio = f"{values[1] / values[0]:.1f}" if values[0] else "-"
        rows.append(
            [label, *(f"{value:.1f}" for value in values), ratio, f"{told}  {'ok' if met else 'MISSED'}".strip()]
        )
    print(f"What the playbooks add to their modules; the units grow {growth:g} times.\n")
    show(rows)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
