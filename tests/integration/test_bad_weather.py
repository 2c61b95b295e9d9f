# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A management server that answers badly, restarts or loses jobs while a rollout runs: its end is proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.runner import UPGRADE, VERSION, Cloud, estate, extra_vars

pytestmark = pytest.mark.slow

NETS = [f"net-{number}" for number in range(1, 7)]
ROUTERS_ONLY: dict[str, Any] = {"kinds": ["router"], "canary": False, "parallel": 3}


def nets(**sections: Any) -> dict[str, Any]:
    return estate(networks=[{"name": name} for name in NETS], **sections)


def test_answers_that_are_lost_late_or_nonsense(tmp_path: Path) -> None:
    """Reads are repeated; a call whose answer is lost is not sent twice."""
    faults = [
        {"kind": "http_status", "status": 503, "match": {"command": "listAsyncJobs"}, "nth": 2},
        {"kind": "html", "status": 502, "match": {"command": "listRouters"}, "nth": 2},
        {"kind": "truncated_json", "match": {"command": "listNetworks"}, "nth": 2},
        {"kind": "drop_after", "match": {"command": "restartNetwork", "name": "net-2"}},
        {"kind": "job_lost", "match": {"name": "net-4"}, "work_done": True},
    ]
    with Cloud(nets(timings={"patch": 1.0}, faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(**ROUTERS_ONLY)
        assert {fault["kind"] for fault in cloud.simulator.faults() if not fault["struck"]} == set()
        assert (run.rc, run.counts) == (0, {"upgraded": 6})
        assert sorted(run.targets) == NETS
        assert [cloud.patches()[vm] for name in NETS for vm in cloud.vms_of(name)] == [1] * 6
    assert "although: RestartNetworkCmd job" in run.units["net-4"]["reason"]


def test_a_management_server_that_restarts(tmp_path: Path) -> None:
    """Its jobs die with it. What they did is read from the routers; the rest fails and is done by the next run."""
    with Cloud(nets(timings={"patch": 2.0}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({**ROUTERS_ONLY, "max_failures": 3}))
        cloud.wait_for(lambda: sum(cloud.patches().values()) == 3)
        cloud.simulator.restart(1.5, jobs="lost", work_done=False)
        stdout, _stderr = process.communicate(timeout=90)
        assert process.returncode != 0
        assert stdout.count(" FAILED  network") == 3
        assert "the management server was restarted or stopped while the job ran" in stdout
        assert "Result: incomplete: 3 failed, 3 upgraded" in stdout

        again = cloud.upgrade(**ROUTERS_ONLY)
        assert (again.rc, again.counts) == (0, {"upgraded": 3, "current": 3})
        software = [cloud.vms()[vm]["software"] for name in NETS for vm in cloud.vms_of(name)]
        assert software == [VERSION] * 6
