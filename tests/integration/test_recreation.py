# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreation as a method of the same plan: mixed estates, what is refused, what fails and what then is said."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud, Run, extra_vars

pytestmark = pytest.mark.slow

# What happens in the background here is what recreates system VMs.
TIMINGS = {"scan_interval": 0.6, "agent_reconnect": 0.2, "router_check_interval": 0.4}
MIXED = estate(
    timings=TIMINGS,
    zones=[
        {"name": "Berlin", "hosts": 4, "ssvm": {"version": "4.11.3"}, "cpvm": {"version": "4.19.0"}},
        {"name": "Bern", "hosts": 2, "ssvm": {"version": "4.13.1"}, "cpvm": {"version": "4.12.0"}},
    ],
    networks=[
        {"name": "new", "zone": "Berlin", "version": "4.20.0", "count": 3},
        {"name": "old", "zone": "Berlin", "version": "4.11.3", "count": 2},
        {"name": "old-pair", "zone": "Berlin", "version": "4.13.1", "redundant": True},
        {"name": "pair", "zone": "Bern", "version": "4.18.1", "redundant": True},
        {"name": "shared", "zone": "Bern", "type": "Shared", "version": "4.12.0"},
        {"name": "stopped", "zone": "Berlin", "router": {"state": "Stopped"}},
    ],
    vpcs=[
        {"name": "vpc-old", "zone": "Berlin", "tiers": 2, "version": "4.11.3"},
        {"name": "vpc-new", "zone": "Bern", "tiers": 3, "redundant": True},
        {"name": "tierless", "zone": "Berlin", "tiers": 0},
        {"name": "vpc-lb", "zone": "Berlin", "tiers": 1, "internal_lb": True},
    ],
)


RECREATE = {"unsupported": "recreate"}


def reported(run: Run) -> Run:
    """Read the report before the next run writes its own."""
    assert run.report
    return run


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, Run, Run, Run]]:
    with Cloud(MIXED, tmp_path_factory.mktemp("mixed")) as cloud:
        runs = [reported(cloud.playbook(UPGRADE, *extra_vars(options))) for options in ({}, RECREATE, RECREATE)]
        yield cloud, runs[0], runs[1], runs[2]


def test_by_default_what_the_matrix_forbids_is_refused(mixed: tuple[Cloud, Run, Run, Run]) -> None:
    refused = mixed[1]
    assert refused.rc != 0
    assert refused.journal == []
    assert refused.report["status"] == "refused"
    assert "sysvm_unsupported: recreate" in refused.stdout


def test_a_mixed_estate_ends_with_every_vm_proven(mixed: tuple[Cloud, Run, Run, Run]) -> None:
    run, again = mixed[2:]
    assert run.rc == 0, run.output
    assert set(run.counts) == {"upgraded"}
    methods = {name: unit["method"] for name, unit in run.units.items() if unit["kind"] not in ("ssvm", "cpvm")}
    assert methods == {
        **{f"new-{number:03}": "live_patch" for number in (1, 2, 3)},
        **{f"old-{number:03}": "recreate" for number in (1, 2)},
        "old-pair": "recreate",
        "pair": "live_patch",
        "shared": "recreate",
        "stopped": "restart",
        "vpc-old": "recreate",
        "vpc-new": "live_patch",
        "tierless": "recreate",
        "vpc-lb": "live_patch",
        next(name for name, unit in run.units.items() if unit["kind"] == "internal_lb"): "restart",
    }
    assert (again.rc, again.journal) == (0, [])


def test_no_unit_is_done_twice_and_no_pair_is_down_at_once(mixed: tuple[Cloud, Run, Run, Run]) -> None:
    cloud, run = mixed[0], mixed[2]
    sent = [(call["command"], call["target"]) for call in run.journal]
    assert len(sent) == len(set(sent))
    units = {unit["name"]: unit for unit in cloud.simulator.state()["units"].values()}
    assert [units[name]["down"] for name in ("pair", "old-pair", "vpc-new")] == [[], [], []]


def test_recreated_vms_have_a_before_and_an_after(mixed: tuple[Cloud, Run, Run, Run]) -> None:
    run = mixed[2]
    old, new = sorted(run.units["old-001"]["vms"], key=lambda vm: not vm["before"])
    assert (old["after"], new["before"]) == ({}, {})
    assert (old["before"]["template_version"], new["after"]["template_version"]) == ("4.11.3", "4.22.0")


def test_recreate_for_all_takes_one_system_vm_of_a_kind_in_a_zone_at_a_time(tmp_path: Path) -> None:
    zones = [{"name": "Berlin", "hosts": 3, "ssvm": 2}, {"name": "Bern", "hosts": 3}]
    plain = estate(timings=TIMINGS, zones=zones, networks=[{"name": "net", "zone": "Berlin"}])
    with Cloud(plain, tmp_path) as cloud:
        run = reported(cloud.upgrade(method="recreate", parallel=10, verify_timeout=3))
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
        module = cloud.module("cs_systemvm_recreate", system_vms=["v-2-VM"])
    for each in (run, module):
        assert each.journal == []
        assert "not ready" in each.output
    assert run.rc != 0 and run.report["status"] == "refused"
    assert module.results[0]["failed"] and module.results[0]["msg"].startswith("Nothing was touched")


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
        run = cloud.upgrade(method="recreate", kinds=["ssvm", "router"], agent_timeout=2)
    assert run.rc != 0
    ssvm = next(unit for unit in run.units.values() if unit["kind"] == "ssvm")
    assert ssvm["status"] == "failed"
    assert "agent" in ssvm["reason"] and "port 8250" in ssvm["reason"]
    assert run.units["net"]["status"] == "not_started", "the canary budget is used up"


def test_a_new_router_that_fails_to_start_and_the_run_that_repairs_it(tmp_path: Path) -> None:
    broken = {"kind": "start_failure", "match": {"name": "net-2"}}
    nets = [{"name": "net-1"}, {"name": "net-2"}, {"name": "net-3"}]
    with Cloud(estate(timings={**TIMINGS, "start_failure": 0.5}, networks=nets, faults=[broken]), tmp_path) as cloud:
        run = reported(cloud.upgrade(method="recreate", kinds=["router"], canary=False, parallel=1))
        assert run.rc != 0
        failed = run.units["net-2"]
        assert failed["status"] == "failed"
        assert "Unable to orchestrate the start" in failed["reason"] and "Next:" in failed["reason"]
        assert "not_started" in run.counts
        again = cloud.upgrade(method="recreate", kinds=["router"])
        assert again.rc == 0, again.output
        assert "net-2" in again.targets


def test_fallback_recreates_what_a_live_patch_cannot_cure(tmp_path: Path) -> None:
    faults = [
        {"kind": "silent_patch_failure", "match": {"name": "net"}, "times": 2},
        {"kind": "patch_failure", "match": {"name": "s-1-VM"}, "text": "scp: No space left on device", "times": 2},
        {"kind": "patch_failure", "match": {"name": "v-2-VM"}, "text": "Agent is currently unavailable", "times": 2},
    ]
    with Cloud(estate(timings=TIMINGS, networks=[{"name": "net"}], faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(fallback="recreate", canary=False, max_failures=1)
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
        assert "sysvm_allow_degraded" in run.units["pair"]["reason"]
        again = cloud.upgrade(method="recreate", kinds=["router"], allow_degraded=True)
        assert again.rc == 0, again.output


def test_stop_and_start_keeps_the_vm_and_takes_the_new_disk(tmp_path: Path) -> None:
    with Cloud(estate(timings=TIMINGS), tmp_path) as cloud:
        run = cloud.module("cs_systemvm_recreate", system_vms=["s-1-VM"], mode="restart")
        [result] = run.results
        assert not result["failed"], result
        [vm] = result["results"][0]["vms"]
        assert (vm["before"]["template"] != vm["after"]["template"], vm["name"]) == (True, "s-1-VM")
