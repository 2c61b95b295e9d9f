# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a rehearsal adds to a plan, on one core; ends with 1 when a target is missed.

.venv/bin/python -m tests.bench.rehearsal
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import PlayedStep, Stage, rehearse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Standard
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.pace import Pace
from tests.bench.run import show, verdict
from tests.unit.builders import TARGET, network_unit, pair, vm, vpc_unit

HOSTS = 50
TARGETS = {500: (1.5, 300.0), 5000: (10.0, 300.0)}  # units: seconds, MB
BUILT: dict[str, Any] = {"built_from": "4.20.1"}  # of which one live patch is expected


def unit(number: int) -> Unit:
    """Three of five are networks, one is a VPC of two tiers, one a pair."""
    here, there = f"h{number % HOSTS}", f"h{(number * 7 + 3) % HOSTS}"
    if number % 5 == 4:
        first, second = pair(f"p{number}", **BUILT)
        halves = replace(first, host_id=here), replace(second, host_id=there)
        return network_unit(f"p{number}", *halves, redundant=True)
    if number % 5 == 3:
        return vpc_unit(f"v{number}", vm(f"r{number}", host_id=here, **BUILT))
    return network_unit(f"n{number}", vm(f"r{number}", host_id=here, **BUILT))


def measure(count: int) -> tuple[float, float]:
    """CPU-seconds and MB that a rehearsal takes; in a process of its own, since memory only grows."""
    units = [unit(number) for number in range(count)]
    stage = Stage(
        units,
        [PlayedStep(units, Method.LIVE_PATCH, lambda unit: Want())],
        Standard(Baseline.of(TARGET, (vm for each in units for vm in each.vms)), 35.0),
        Limits(parallel=20),
        Pace(),
        time.time(),
        [Host(f"h{number}", f"h{number}", "id-zone", "KVM", TARGET, "Up", "Enabled") for number in range(HOSTS)],
    )
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    rehearse(stage)
    seconds = time.process_time() - began
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> int:
    rows, good = [["units", "CPU-seconds", "target", "MB more", "target"]], True
    for count, (most_s, most_mb) in TARGETS.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, megabytes = pool.apply(measure, (count,))
        good = good and seconds <= most_s and megabytes <= most_mb
        rows.append(
            [str(count), f"{seconds:.2f}", verdict(seconds, most_s), f"{megabytes:.0f}", verdict(megabytes, most_mb)]
        )
    print("What a rehearsal adds to a plan.\n")
    show(rows)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
