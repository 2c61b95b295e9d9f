# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be touched is left alone with a reason, and the run is not called a success; all else is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.estates import VERSION, estate
from tests.support.runner import Cloud, Run

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

SOME = estate(
    zones=[{"name": "Berlin", "ssvm": {"agent": "none"}}],
    networks=[
        {"name": "net"},
        {"name": "stopped", "router": {"state": "Stopped"}},
        {"name": "half", "redundant": True, "router": [{}, {"state": "Stopped"}]},
    ],
    vpcs=[{"name": "vpc", "tiers": 1}],
    orphan_routers=[{"zone": "Berlin"}],
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(SOME, tmp_path_factory.mktemp("skipped")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def run(cloud: Cloud) -> Run:
    return cloud.upgrade()


def test_the_others_are_upgraded_and_yet_it_is_no_success(run: Run) -> None:
    assert run.rc != 0
    assert (run.counts, run.report["status"]) == ({"upgraded": 5, "skipped": 2}, "incomplete")
    [told] = run.errors
    assert told.startswith("The upgrade is not complete (incomplete). What is left was skipped")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("ssvm", "the agent of s-1-VM is not connected, so nothing could be proven"),
        ("orphan_router", "the server says that its network or VPC does not exist"),
    ],
)
def test_skipped_with_a_reason(run: Run, cloud: Cloud, kind: str, reason: str) -> None:
    [unit] = [each for each in run.report["units"] if each["kind"] == kind and each["status"] == "skipped"]
    assert unit["reason"].startswith(reason)
    assert f"  {unit['reason']}\n" in run.stdout
    assert unit["step"] is None and unit["job_ids"] == []
    assert cloud.patches()[unit["vms"][0]["name"]] == 0


def test_a_stopped_router_of_a_network_in_use_is_started_and_proven(run: Run, cloud: Cloud) -> None:
    unit = run.units["stopped"]
    assert (unit["method"], unit["status"]) == ("restart", "upgraded")
    [vm] = unit["vms"]
    assert (vm["before"]["state"], vm["after"]["state"]) == ("Stopped", "Running")
    assert vm["after"]["software_version"] == VERSION
    [call] = [call for call in run.journal if call["target"] == "stopped"]
    assert call["command"] == "restartNetwork" and "livepatch" not in call["params"]
    assert cloud.patches()[vm["name"]] == 0


def test_the_stopped_half_of_a_pair_is_started_by_the_live_patch(run: Run) -> None:
    unit = run.units["half"]
    assert (unit["method"], unit["status"]) == ("live_patch", "upgraded")
    assert [vm["after"]["software_version"] for vm in unit["vms"]] == [VERSION, VERSION]
    assert sorted(vm["after"]["redundant_state"] for vm in unit["vms"]) == ["BACKUP", "PRIMARY"]
