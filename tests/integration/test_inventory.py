# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around the units: what nobody upgrades is named, and what runs where is shown to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.estates import VERSION, estate
from tests.support.runner import Cloud

pytestmark = pytest.mark.slow

MIXED = estate(
    zones=[{"name": "Berlin", "hosts": 3, "ssvm": {"version": VERSION}, "cpvm": {"version": VERSION}}],
    networks=[
        {"name": "good", "count": 3, "version": VERSION},
        {"name": "stale", "version": VERSION, "scripts": "4.20.1.0"},
        {"name": "old", "version": "4.20.1"},
    ],
    orphan_routers=[{"version": VERSION}],
    elastic_lbs=[{"count": 2}],
    shared_file_systems=[{"name": "files", "zone": "Berlin", "version": "4.20.1"}],
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(MIXED, tmp_path_factory.mktemp("around")) as cloud:
        yield cloud


def test_what_runs_where_is_shown_on_its_own(cloud: Cloud) -> None:
    """It is no plan: it does not fail because of what an upgrade would fail for."""
    [stale] = cloud.vms_of("stale")
    run = cloud.check(drift=True, zones=["Berlin"])
    assert run.rc == 0, run.output
    assert "What runs where:" in run.stdout and "Scripts that do not match the version: 1 router" in run.stdout
    table = run.stdout.split("Scripts that do not match the version: 1 router")[1]
    assert stale in table and "not patched" in table and cloud.vms()[stale]["host"] in table
    assert "Upgrade to" not in run.stdout and "Step 1" not in run.stdout


@pytest.mark.nightly
def test_an_upgrade_does_not_begin_with_a_plan_that_was_not_shown(cloud: Cloud) -> None:
    run = cloud.upgrade(drift=True)
    assert run.rc != 0 and run.journal == []
    assert "Nothing was touched. sysvm_drift shows" in run.output


@pytest.mark.nightly
def test_what_is_not_handled_is_named_in_plan_and_report(cloud: Cloud) -> None:
    run = cloud.upgrade(exclude_names=["stale", "old"])
    entries = {entry["name"]: entry["what"] for entry in run.report["not_handled"]}
    assert sorted(entries.values()) == [
        *["elastic load balancer VM"] * 2,
        *("router", "shared file system"),
    ]
    shown = "Not handled by this collection: 1 shared file system, 2 elastic load balancer VMs, 1 router"
    assert run.stdout.count(shown) == 2, "in the plan and in the result"
    for name in ("report.html", "report.md"):
        text = (Path(cloud.folder) / "sysvm-report/latest" / name).read_text(encoding="utf-8")
        assert all(entry in text for entry in entries)
