# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreation as a method of the same plan: mixed estates, what is refused, what fails and what then is said."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.modules import call_module
from tests.support.runner import Cloud, Run

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

# What happens in the background here is what recreates system VMs.
TIMINGS = {"scan_interval": 0.6, "agent_reconnect": 0.2, "router_check_interval": 0.4}


def reported(run: Run) -> Run:
    """Read the report before the next run writes its own."""
    assert run.report
    return run


def test_recreate_for_all_takes_one_system_vm_of_a_kind_in_a_zone_at_a_time(tmp_path: Path) -> None:
    zones = [{"name": "Berlin", "hosts": 3, "ssvm": 2}, {"name": "Bern", "hosts": 3}]
    plain = estate(timings=TIMINGS, zones=zones, networks=[{"name": "net", "zone": "Berlin"}])
    with Cloud(plain, tmp_path) as cloud:
        run = reported(cloud.upgrade(method="recreate", parallel=10, timeouts={"verify": 3}))
        assert run.rc == 0, run.output
        assert "makes one when load asks" in json.dumps(run.report)
        assert {unit["method"] for unit in run.units.values()} == {"recreate"}
        again = cloud.upgrade(method="recreate")
        assert (again.rc, again.journal, set(again.counts)) == (0, [], {"current"})
    for kind in ("ssvm", "cpvm"):
        for zone in ("Berlin", "Bern"):
            spans = sorted(
                (unit["started"], unit["finished"])
                for unit in run.units.values()
                if (unit["kind"], unit["zone"]) == (kind, zone)
            )
            assert all(one[1] <= two[0] for one, two in itertools.pairwise(spans)), spans


def test_nothing_is_destroyed_before_its_replacement_is_sure(tmp_path: Path) -> None:
    """By the playbook and by the module alone; test_findings.py has the other reasons."""
    zones = [{"name": "Berlin", "templates": [{"version": "4.22.0", "ready": False}]}]
    with Cloud(estate(networks=[{"name": "net"}], zones=zones), tmp_path) as cloud:
        run = cloud.upgrade(method="recreate")
        alone = call_module(cloud.simulator, "cs_systemvm_recreate", system_vms=["v-2-VM"])
        assert cloud.simulator.journal() == []
    assert run.rc != 0 and run.report["status"] == "refused"
    assert "not ready" in run.output and "not ready" in alone["msg"]
    assert alone["failed"] and alone["msg"].startswith("Nothing was touched")


def test_a_disabled_zone_is_left_alone(tmp_path: Path) -> None:
    zones = [{"name": "Berlin"}, {"name": "Bern", "allocation": "Disabled"}]
    with Cloud(estate(timings=TIMINGS, zones=zones), tmp_path) as cloud:
        run = cloud.upgrade(method="recreate")
    assert run.rc != 0
    assert {(unit["zone"], unit["status"]) for unit in run.units.values()} == {
        ("Berlin", "upgraded"),
        ("Bern", "skipped"),
    }
    assert "zone Bern is disabled" in run.stdout


def test_an_ssvm_that_never_comes_up(tmp_path: Path) -> None:
    never = {"kind": "agent_never_up", "times": "always"}
    with Cloud(estate(timings=TIMINGS, networks=[{"name": "net"}], faults=[never]), tmp_path) as cloud:
        run = cloud.upgrade(method="recreate", kinds=["ssvm", "router"], timeouts={"agent": 2})
    assert run.rc != 0
    ssvm = next(unit for unit in run.units.values() if unit["kind"] == "ssvm")
    assert ssvm["status"] == "failed"
    assert "agent" in ssvm["reason"] and "port 8250" in ssvm["reason"]
    assert run.units["net"]["status"] == "not_started", "the canary budget is used up"


def test_a_new_router_that_fails_to_start_and_the_run_that_repairs_it(tmp_path: Path) -> None:
    broken = {"kind": "start_failure", "match": {"name": "net-2"}}
    nets = [{"name": "net-1"}, {"name": "net-2"}, {"name": "net-3"}]
    with Cloud(estate(timings={**TIMINGS, "start_failure": 0.5}, networks=nets, faults=[broken]), tmp_path) as cloud:
        run = reported(cloud.upgrade(method="recreate", kinds=["router"], canaries=False, parallel=1))
        assert run.rc != 0
        failed = run.units["net-2"]
        assert failed["status"] == "failed"
        assert "Unable to orchestrate the start" in failed["reason"] and "Next:" in failed["reason"]
        assert "not_started" in run.counts
        again = cloud.upgrade(method="recreate", kinds=["router"])
        assert again.rc == 0, again.output
        assert "net-2" in again.targets


def test_fallback_recreates_what_a_live_patch_cannot_cure(tmp_path: Path) -> None:
    """A full disk is the VM's own trouble; files that its host lacks are not."""
    scp = "Failed to scp files to system VM due to, "
    full = f"{scp}Remote scp terminated with error (scp: /var/cache/cloud//agent.zip: No space left on device)."
    lacking = f"{scp}/usr/share/cloudstack-common/vms/agent.zip (No such file or directory)"
    faults = [
        {"kind": "silent_patch_failure", "match": {"name": "net"}, "times": 2},
        {"kind": "patch_failure", "match": {"name": "s-1-VM"}, "text": full, "times": 2},
        {"kind": "patch_failure", "match": {"name": "v-2-VM"}, "text": lacking, "times": 2},
    ]
    with Cloud(estate(timings=TIMINGS, networks=[{"name": "net"}], faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(recreate="failed", canaries=False, max_failures=1)
    assert run.rc != 0
    done = {unit["name"]: (unit["method"], unit["status"]) for unit in run.units.values()}
    assert done == {
        "s-1-VM": ("recreate", "upgraded"),
        "v-2-VM": ("live_patch", "failed"),
        "net": ("recreate", "upgraded"),
    }
    assert "recreating" in run.stdout


def test_a_degraded_pair_needs_the_operators_word(tmp_path: Path) -> None:
    half = [{"redundantstate": "PRIMARY"}, {"redundantstate": "FAULT"}]
    with Cloud(
        estate(timings=TIMINGS, networks=[{"name": "pair", "redundant": True, "router": half}]), tmp_path
    ) as cloud:
        run = reported(cloud.upgrade(method="recreate", kinds=["router"]))
        assert (run.rc != 0, run.journal, run.statuses["pair"]) == (True, [], "skipped")
        assert "sysvm_recreate (degraded)" in run.units["pair"]["reason"]
        again = cloud.upgrade(method="recreate", kinds=["router"], recreate=["degraded"])
        assert again.rc == 0, again.output


def test_stop_and_start_keeps_the_vm_and_takes_the_new_disk(tmp_path: Path) -> None:
    with Cloud(estate(timings=TIMINGS), tmp_path) as cloud:
        result = call_module(cloud.simulator, "cs_systemvm_recreate", system_vms=["s-1-VM"], mode="restart")
        assert not result["failed"], result
        [vm] = result["results"][0]["vms"]
        assert (vm["before"]["template"] != vm["after"]["template"], vm["name"]) == (True, "s-1-VM")
