# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud in which some may be live patched and some must be recreated, upgraded three times for all tests here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud, Run, extra_vars

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

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


RECREATE = {"recreate": ["unsupported"]}


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
    assert "sysvm_recreate: [unsupported]" in refused.stdout


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
    sent = Counter((call["command"], call["target"]) for call in run.journal)
    twice = {target for (dummy, target), times in sent.items() if times > 1}
    assert all(run.units[target]["notes"] for target in twice) and twice <= {"pair"}, "a patch may need a second one"
    units = {unit["name"]: unit for unit in cloud.simulator.state()["units"].values()}
    assert [units[name]["down"] for name in ("pair", "old-pair", "vpc-new")] == [[], [], []]


def test_recreated_vms_have_a_before_and_an_after(mixed: tuple[Cloud, Run, Run, Run]) -> None:
    run = mixed[2]
    old, new = sorted(run.units["old-001"]["vms"], key=lambda vm: not vm["before"])
    assert (old["after"], new["before"]) == ({}, {})
    assert (old["before"]["template_version"], new["after"]["template_version"]) == ("4.11.3", "4.22.0")
