# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics file: what node_exporter and OpenMetrics understand, whatever the report says."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.metrics import metrics_text
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import WriteError, write_metrics

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]
STARTED, FINISHED = 1_790_000_000, 1_790_000_600


def report(*units: tuple[str, str, str, float | None], **more: Any) -> Any:
    """Of units with status, method, kind and duration."""
    names = ("status", "method", "kind", "duration_s")
    return {
        "status": "incomplete",
        "started": "2026-09-21T14:13:20+00:00",
        "finished": "2026-09-21T14:23:20+00:00",
        "management_server_version": "4.22.0.0",
        "units": [dict(zip(names, unit, strict=True)) for unit in units],
        **more,
    }


def read(text: str) -> Series:
    """As OpenMetrics' parser and Prometheus' older one read it, which must be the same."""
    found: list[Series] = []
    for parse in (openmetrics_parser.text_string_to_metric_families, parser.text_string_to_metric_families):
        samples = [sample for family in parse(text) for sample in family.samples]
        series = {
            (each.name, tuple(sorted((k, v) for k, v in each.labels.items() if k != "host"))): each.value
            for each in samples
        }
        assert len(series) == len(samples), "a series is there twice"
        found.append(series)
    assert found[0] == found[1]
    return found[0]


def text(made: Any, *, host: str = "localhost", before: str = "") -> str:
    return metrics_text(made, host=host, before=before)


def test_units_and_durations() -> None:
    made = report(
        ("upgraded", "live_patch", "network", 10.5),
        ("failed", "live_patch", "network", 20.1),
        ("upgraded", "recreate", "ssvm", 60.0),
        ("current", "none", "vpc", None),
    )
    series = read(text(made))
    assert {dict(labels)["status"]: value for (name, labels), value in series.items() if name == "sysvm_units"} == {
        "upgraded": 2,
        "failed": 1,
        "current": 1,
        "skipped": 0,
        "gone": 0,
        "degraded": 0,
        "left_running": 0,
        "running": 0,
        "not_started": 0,
    }
    assert {key: value for key, value in series.items() if key[0].startswith("sysvm_unit_duration")} == {
        ("sysvm_unit_duration_seconds_count", (("kind", "network"), ("method", "live_patch"))): 2,
        ("sysvm_unit_duration_seconds_sum", (("kind", "network"), ("method", "live_patch"))): 30.6,
        ("sysvm_unit_duration_seconds_count", (("kind", "ssvm"), ("method", "recreate"))): 1,
        ("sysvm_unit_duration_seconds_sum", (("kind", "ssvm"), ("method", "recreate"))): 60,
    }
    assert series["sysvm_info", (("management_server_version", "4.22.0.0"),)] == 1
    assert series["sysvm_run_started_timestamp_seconds", ()] == STARTED


def test_gaps() -> None:
    made = report(("upgraded", "live_patch", "network", 10.5), ("upgraded", "live_patch", "network", 20.1))
    made["units"][0]["gap_s"], made["units"][1]["gap_s"] = 1.5, 0.0
    labels = (("kind", "network"), ("method", "live_patch"))
    series = {key[0]: value for key, value in read(text(made)).items() if key[1] == labels}
    assert series["sysvm_unit_gap_seconds_count"] == 2
    assert series["sysvm_unit_gap_seconds_sum"] == series["sysvm_longest_gap_seconds"] == 1.5


@pytest.mark.parametrize(
    ("status", "before", "success"),
    [
        ("success", None, FINISHED),
        ("success", 5, FINISHED),
        ("incomplete", 5, 5),
        ("running", 5, 5),  # all may be done, but the run has not ended
        ("incomplete", None, None),
        ("refused", None, None),
        ("error", 5.5, 5.5),
    ],
)
def test_the_last_success_outlives_runs_that_are_none(status: str, before: float | None, success: float | None) -> None:
    older = "" if before is None else f'sysvm_last_success_timestamp_seconds{{host="localhost"}} {before}\n# EOF\n'
    series = read(text({**report(status=status), "run": {"heartbeat": report()["finished"]}}, before=older))
    assert series.get(("sysvm_last_success_timestamp_seconds", ())) == success
    assert series["sysvm_run_in_progress", ()] == (status == "running")
    assert series["sysvm_run_heartbeat_timestamp_seconds", ()] == FINISHED


def test_what_was_written_is_kept_from_run_to_run() -> None:
    first = text(report(status="success"))
    assert text(report(status="incomplete"), before=first) == text(
        report(status="incomplete"), before=text(report(status="error"), before=first)
    )


@pytest.mark.parametrize("before", ["garbage", "sysvm_last_success_timestamp_seconds NaN", "\0" * 50])
def test_an_older_file_of_another_program_says_nothing(before: str) -> None:
    assert ("sysvm_last_success_timestamp_seconds", ()) not in read(text(report(), before=before))


def test_no_plan() -> None:
    series = read(text(report(status="error", management_server_version=None)))
    assert not any(name == "sysvm_info" for name, _labels in series)


@given(st.text(), st.text(min_size=1))
def test_any_host_and_version(host: str, version: str) -> None:
    made = text(report(management_server_version=version), host=host)
    [info] = [
        sample
        for family in openmetrics_parser.text_string_to_metric_families(made)
        for sample in family.samples
        if sample.name == "sysvm_info"
    ]
    assert info.labels == {"host": host, "management_server_version": version}


def test_thousands_of_units_make_no_more_series() -> None:
    few = report(("upgraded", "live_patch", "network", 1.0))
    many = report(*[("upgraded", "live_patch", "network", 1.0)] * 5000)
    assert read(text(few)).keys() == read(text(many)).keys()


def test_the_file_is_whole_and_readable_for_node_exporter(tmp_path: Path) -> None:
    """It runs as a user of its own, and there is no name in the file that would be a secret."""
    path = tmp_path / "sysvm.prom"
    mask = os.umask(0o022)
    try:
        write_metrics(str(path), report(status="success"), host="h")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    write_metrics(str(path), report(), host="h")
    assert read(path.read_text())["sysvm_last_success_timestamp_seconds", ()] == FINISHED
    assert [each.name for each in tmp_path.iterdir()] == ["sysvm.prom"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "misspelt" / "sysvm.prom"
    with pytest.raises(WriteError, match=r"No such file or directory.*sysvm_metrics_file"):
        write_metrics(str(path), report(), host="h")
    assert not path.parent.exists()
