# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs that begin at the same time share the work: nothing is sent twice, and both end well."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scene import UNITS, Circumstances, Scene, unit_vms
from tests.simulator.process import SimulatorThread
from tests.support.books import overlaps
from tests.support.sampling import sampled

APART_S = 0.1


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled(4, range(20)))
def test_two_runs_at_once(seed: int, tmp_path: Path) -> None:
    generator = random.Random(seed)
    timings = {"patch": generator.uniform(0.05, 0.4), "restart": generator.uniform(0.02, 0.2), "jitter": 0.3}
    timings["agent_reconnect"] = 0.0  # who comes just then skips the VM, and says so
    delays = [0.0, generator.uniform(0, APART_S)]
    ended: list[list[dict[str, Any]]] = []
    with Scene(tmp_path, Circumstances(timings=timings, cloud=SimulatorThread)) as scene:

        def run(delay: float) -> None:
            time.sleep(delay)
            ended.append(scene.roll_out())

        runs = [threading.Thread(target=run, args=(delay,)) for delay in delays]
        for each in runs:
            each.start()
        for each in runs:
            each.join()
        state, journal = scene.simulator.state(), scene.simulator.journal()
    for results in ended:
        bad = [f"{result['name']}: {result['reason']}" for result in results if result["status"] not in GOOD]
        assert not bad
        assert sorted(result["name"] for result in results) == sorted(UNITS)
    assert len(ended) == 2, "a run broke off"
    accepted = [call for call in journal if call["accepted"]]
    calls = Counter((call["command"], call["target"], call["params"].get("livepatch")) for call in accepted)
    assert {call: count for call, count in calls.items() if count > 1} == {}
    shop = [call for call in accepted if "shop" in call["target"]]
    assert list(overlaps(accepted, state["jobs"])) == [], shop
    assert {vm["patches"] for vms in unit_vms(state).values() for vm in vms} == {1}
    assert {unit["rules"] for unit in state["units"].values()} == {"applied"}


GOOD = {"upgraded", "current"}
