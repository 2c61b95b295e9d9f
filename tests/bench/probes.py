# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what probing costs: 200 networks with 5 endpoints each; ends with 1 when a target is missed.

.venv/bin/python tests/bench/probes.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.run import Cost, run_module, show, verdict
from tests.simulator.process import SimulatorProcess

COUNT, ENDPOINTS, PARALLEL = 200, 5, 10
MAKESPAN, CPU = 1.01, 1.3
ESTATE: dict[str, Any] = {
    "server": {"version": "4.22.0.0"},
    "timings": {"patch": 10.0, "restart": 0.5, "job_overhead": 0.05},
    "listeners": True,
    "zones": [{"name": "bench", "hosts": 40}],
    "networks": [{"name": "net", "count": COUNT, "load_balancers": ENDPOINTS, "gap": 1.0}],
}


def measure(folder: Path, probe: bool) -> tuple[Cost, dict[str, Any]]:
    with SimulatorProcess(ESTATE) as simulator:
        networks = list(simulator.state()["units"])
        options = {
            "networks": networks,
            "parallel": PARALLEL,
            "per_host": 0,
            "probe": probe,
            "max_failures": str(COUNT),
        }
        cost, result = run_module(simulator, "cs_router_restart", folder, **options)
    if result["summary"] != {"upgraded": COUNT}:
        sys.exit(f"Not all were upgraded: {result['summary']}")
    return cost, result


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="probes-") as name:
        folder = Path(name)
        without, _result = measure(folder, False)
        cost, result = measure(folder, True)
    gaps = sorted(unit["gap_s"] for unit in result["results"] if unit["gap_s"] is not None)
    rows = [["", "without", "with probes", "ratio", "target"]]
    good = True
    for label, before, after, target in (
        ("makespan, s", without.seconds, cost.seconds, MAKESPAN),
        ("CPU with the prober's, s", without.cpu, cost.cpu, CPU),
        ("calls", float(without.calls), float(cost.calls), None),
    ):
        ratio = after / before
        good = good and (target is None or ratio <= target)
        told = "" if target is None else verdict(ratio, target)
        rows.append([label, f"{before:.1f}", f"{after:.1f}", f"{ratio:.3f}", told])
    print(f"{COUNT} networks with {ENDPOINTS} endpoints each, {PARALLEL} at a time.\n")
    show(rows)
    median = gaps[len(gaps) // 2]
    print(f"  {len(gaps)} gaps of 1.0 s were measured as {gaps[0]:.1f} to {gaps[-1]:.1f} s, median {median:.1f} s\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
