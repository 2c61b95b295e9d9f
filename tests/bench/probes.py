# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what probing costs: 200 networks with 5 endpoints each; ends with 1 when a target is missed.

.venv/bin/python tests/bench/probes.py
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.run import show, verdict
from tests.support.runner import UPGRADE, Cloud, extra_vars

COUNT, ENDPOINTS, PARALLEL = 200, 5, 10
MAKESPAN, CPU = 1.01, 1.3
ESTATE: dict[str, Any] = {
    "server": {"version": "4.22.0.0"},
    "timings": {"patch": 6.0, "restart": 0.5, "job_overhead": 0.05},
    "listeners": True,
    "zones": [{"name": "bench", "hosts": 40}],
    "networks": [{"name": "net", "count": COUNT, "load_balancers": ENDPOINTS, "gap": 1.0}],
}


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds from the first start of a unit to the last end, and CPU of all its processes."""

    makespan: float
    cpu: float
    gaps: list[float]


def measure(folder: Path, probe: bool) -> Cost:
    options = {"kinds": ["router"], "canaries": False, "parallel": PARALLEL, "per_host": 0, "probe": probe}
    with Cloud(ESTATE, folder) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({**options, "report_dir": str(folder / "report")}))
        assert process.stdout is not None
        process.stdout.read()
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    units = json.loads((folder / "report/latest/report.json").read_text())["units"]
    routers = [unit for unit in units if unit["kind"] == "network"]
    if process.returncode or {unit["status"] for unit in routers} != {"upgraded"}:
        sys.exit(f"Not all were upgraded: {process.returncode}")
    moments = [[datetime.fromisoformat(unit[key]).timestamp() for unit in routers] for key in ("started", "finished")]
    gaps = sorted(unit["gap_s"] for unit in routers if unit["gap_s"] is not None)
    return Cost(max(moments[1]) - min(moments[0]), usage.ru_utime + usage.ru_stime, gaps)


def main() -> int:
    costs = []
    for probe in (False, True):
        with tempfile.TemporaryDirectory(prefix="probes-") as name:
            costs.append(measure(Path(name), probe))
    without, probed = costs
    rows = [["", "without", "with probes", "ratio", "target"]]
    good = True
    for label, before, after, target in (
        ("makespan, s", without.makespan, probed.makespan, MAKESPAN),
        ("CPU of the whole run, s", without.cpu, probed.cpu, CPU),
    ):
        good = good and after / before <= target
        rows.append([label, f"{before:.1f}", f"{after:.1f}", f"{after / before:.3f}", verdict(after / before, target)])
    print(f"{COUNT} networks with {ENDPOINTS} endpoints each, {PARALLEL} at a time, by the playbook.\n")
    show(rows)
    gaps = probed.gaps
    median = gaps[len(gaps) // 2]
    print(f"  {len(gaps)} gaps of 1.0 s were measured as {gaps[0]:.1f} to {gaps[-1]:.1f} s, median {median:.1f} s\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
