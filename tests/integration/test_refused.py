# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clouds that cannot be upgraded as they are: refused before anything is touched, with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.modules import call_module
from tests.support.runner import Cloud, Run
from tests.support.sampling import sampled

pytestmark = pytest.mark.slow


def assert_refused(run: Run, check: str) -> dict[str, str]:
    """Nothing was touched, and this check alone failed; the check."""
    assert run.rc != 0
    assert run.journal == []
    assert run.errors[0].startswith(f"Nothing was touched. {check} failed"), "the error leads to the plan"
    assert run.report["status"] == "refused"
    assert "upgraded" not in run.counts
    [failed] = [each for each in run.report["checks"] if each["status"] == "fail"]
    assert failed["name"] == check
    assert f"FAIL {check}: {failed['seen']}\n       -> {failed['remedy']}" in run.stdout
    return failed


def test_one_router_from_4_13(tmp_path: Path) -> None:
    """In an otherwise fine cloud. The module alone fails likewise, and returns what it found out."""
    networks = [{"name": "fine-1"}, {"name": "old", "version": "4.13.1"}, {"name": "fine-2"}]
    with Cloud(estate(networks=networks), tmp_path) as cloud:
        [router] = cloud.vms_of("old")
        run = cloud.upgrade()
        check = assert_refused(run, "source_versions")
        assert f"{router} (network old, zone Berlin): {router} was built from 4.13.1" in check["seen"]
        assert "Recreate these VMs" in check["remedy"] and "sysvm_exclude_names" in check["remedy"]
        assert run.counts == {"not_started": 4, "skipped": 1}

        options: list[dict[str, Any]] = [{}, {"fail_on_checks": False}, {"exclude_names": ["old"]}]
        result, told, way_out = (call_module(cloud.simulator, "cs_sysvm_version_check", **each) for each in options)
        assert result["failed"] is True and result["changed"] is False
        assert f"{router} was built from" in result["msg"] and "leave them out with exclude_names" in result["msg"]
        assert [unit["name"] for unit in result["plan"]["units"]][-1] == "old"
        assert {each["name"]: each["status"] for each in result["checks"]}["source_versions"] == "fail"
        assert result["summary"] == {"live_patch": 4, "skip": 1}
        assert told["failed"] is False and told["plan"]["units"] == result["plan"]["units"]
        assert way_out["failed"] is False and way_out["summary"] == {"live_patch": 4}


REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "management servers of two versions": (
        {"server": {"management_servers": [{"name": "mgmt-1"}, {"name": "mgmt-2", "version": "4.20.1.0"}]}},
        "management_servers",
        "no single version: mgmt-1 4.22.0.0, mgmt-2 4.20.1.0",
        "Upgrade all management servers to one version first",
    ),
    "a KVM host with an older agent under a router in scope": (
        {
            "zones": [{"name": "Berlin", "hosts": [{"name": "kvm-new"}, {"name": "kvm-old", "version": "4.20.1.0"}]}],
            "networks": [{"name": "there", "router": {"host": "kvm-old"}}, {"name": "here"}],
        },
        "host_agents",
        "carry VMs in scope, or may get new ones: kvm-old 4.20.1.0",
        "Upgrade cloudstack-agent and cloudstack-common there first",
    ),
}


@pytest.mark.parametrize("name", sampled(1, REFUSED))
def test_refused(name: str, tmp_path: Path) -> None:
    sections, check, seen, remedy = REFUSED[name]
    with Cloud(estate(**{"networks": [{"name": "net"}], **sections}), tmp_path) as cloud:
        failed = assert_refused(cloud.upgrade(), check)
    assert seen in failed["seen"]
    assert remedy in failed["remedy"]


@pytest.mark.nightly
def test_a_server_that_cannot_live_patch(tmp_path: Path) -> None:
    """4.16 does not know the parameter livepatch and would merely restart the networks."""
    old = estate(server={"version": "4.16.1.0"}, networks=[{"name": "net"}], defaults={"version": "4.15.2"})
    with Cloud(old, tmp_path) as cloud:
        run = cloud.upgrade()
        assert (run.rc, run.journal, run.report["status"]) == (2, [], "refused")
        [check] = [each for each in run.report["checks"] if each["name"] == "live_patch_support"]
        assert check["status"] == "fail"
        assert check["seen"].startswith("the management server is 4.16.1.0: nothing is done on a server before 4.17")
        assert "Upgrade the management server to 4.17 or newer" in check["remedy"]

        alone = call_module(cloud.simulator, "cs_router_restart", networks=["net"])
        assert alone["failed"] is True
        assert "the management server is 4.16.1.0; nothing is done on a server before 4.17" in alone["msg"]
        assert cloud.simulator.journal() == []
