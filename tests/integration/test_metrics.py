# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics file of real runs: true while one goes on, kept from run to run, and never the reason of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.estates import estate
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, extra_vars
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

SILENT = {"kind": "silent_patch_failure", "match": {"name": "net-2"}, "times": 2}
NETS: Mapping[str, Any] = {"networks": [{"name": "net-1"}, {"name": "net-2"}]}
OPTIONS: dict[str, Any] = {
    "kinds": ["router"],
    "canaries": False,
    "max_failures": 1,
    "metrics_file": "textfile/sysvm.prom",
}


def series(path: Path) -> dict[str, float]:
    """By name and labels but C(host), as OpenMetrics' parser reads them."""
    samples = [sample for family in text_string_to_metric_families(path.read_text()) for sample in family.samples]
    return {
        " ".join([each.name, *(value for label, value in each.labels.items() if label != "host")]): each.value
        for each in samples
    }


def test_a_failed_run_then_a_complete_one(tmp_path: Path) -> None:
    path = tmp_path / "textfile" / "sysvm.prom"
    path.parent.mkdir()
    with Cloud(estate(faults=[SILENT], **NETS), tmp_path) as cloud:
        cloud.upgrade("--check", **OPTIONS)
        assert not path.exists(), "not in check mode"

        assert cloud.upgrade(**OPTIONS).rc != 0
        failed = series(path)
        assert (failed["sysvm_units upgraded"], failed["sysvm_units failed"]) == (1, 1)
        assert failed["sysvm_unit_duration_seconds_count live_patch network"] == 2
        assert failed["sysvm_info 4.22.0.0"] == 1 and failed["sysvm_run_in_progress"] == 0
        assert "sysvm_last_success_timestamp_seconds" not in failed

        assert cloud.upgrade(**OPTIONS).rc == 0
        complete = series(path)
        assert (complete["sysvm_units upgraded"], complete["sysvm_units current"]) == (1, 1)
        assert complete["sysvm_last_success_timestamp_seconds"] >= complete["sysvm_run_started_timestamp_seconds"]

        refused = cloud.upgrade(**OPTIONS, names=["nobody"])
        assert refused.rc != 0
        kept = "sysvm_last_success_timestamp_seconds"
        assert series(path)[kept] == complete[kept], "a run that is none keeps it"


def test_while_a_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "textfile" / "sysvm.prom"
    path.parent.mkdir()
    with Cloud(estate(timings={"patch": 3.0}, **NETS), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({**OPTIONS, "parallel": 1}))
        wait_for(lambda: path.exists() and series(path)["sysvm_units running"] == 1)
        assert series(path)["sysvm_run_in_progress"] == 1
        assert process.communicate(timeout=TIME_LIMIT_S) and process.returncode == 0
        assert series(path)["sysvm_run_in_progress"] == 0


def test_a_folder_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    with Cloud(estate(**NETS), tmp_path) as cloud:
        run = cloud.upgrade(**OPTIONS)
    assert run.rc == 0 and run.counts == {"upgraded": 2}
    assert "textfile/sysvm.prom cannot be written: No such file or directory" in " ".join(run.output.split())
