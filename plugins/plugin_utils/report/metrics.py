# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as metrics, for the textfile collector of node_exporter. Pure: plain data in, text out.

The text is OpenMetrics 1.0 and also Prometheus' older text format, which is what node_exporter reads: no type that only
one of them knows, no time stamps. No label names a unit, so the number of series is bounded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils.knowledge.shapes import ReportData
from .artifacts import STATUSES
from .build import IN_PROGRESS
from .wording import moment

LAST_SUCCESS = "sysvm_last_success_timestamp_seconds"
# Each metric with its type and what it means, in the order in which they are written.
METRICS = {
    "sysvm_info": ("gauge", "The version that is upgraded to, the one of the management servers."),
    "sysvm_run_in_progress": ("gauge", "Whether a run is at work: 1 or 0."),
    "sysvm_run_heartbeat_timestamp_seconds": ("gauge", "When the last run gave its last sign of life."),
    "sysvm_run_started_timestamp_seconds": ("gauge", "When the last run started."),
    LAST_SUCCESS: ("gauge", "When the last run ended that proved every unit in its scope current."),
    "sysvm_units": ("gauge", "Units in the scope of the last run by what became of them."),
    "sysvm_unit_duration_seconds": ("summary", "How long the units of the last run took, with the proof."),
    "sysvm_unit_gap_seconds": ("summary", "How long units of the last run did not answer from outside."),
    "sysvm_longest_gap_seconds": ("gauge", "The longest of these gaps."),
}
Sample = tuple[str, Mapping[str, str], "float | None"]  # what is appended to the name, labels, value
Seconds = Mapping[tuple[str, str], "list[float]"]  # of units, by method and kind


def metrics_text(report: ReportData, *, host: str, before: str = "") -> str:
    """What a report comes to in numbers.

    :param host: the host of the inventory that talks to the API. It is a label of every series: where two files of a
        folder have the same series, node_exporter takes neither.
    :param before: what the file said until now; the last success is kept from there, unless this run is one.
    """
    in_progress = report["status"] == IN_PROGRESS
    statuses = Counter(unit["status"] for unit in report["units"])
    took: dict[tuple[str, str], list[float]] = {}
    gaps: dict[tuple[str, str], list[float]] = {}
    for unit in report["units"]:
        for found, seconds_of in ((took, unit["duration_s"]), (gaps, unit.get("gap_s"))):
            if seconds_of is not None:
                found.setdefault((unit["method"], unit["kind"]), []).append(seconds_of)
    success = _seconds(report["finished"]) if report["status"] == "success" else _success(before)
    version = report["management_server_version"]
    heartbeat = report["run"]["heartbeat"] if in_progress else report["finished"]
    samples: dict[str, list[Sample]] = {
        "sysvm_info": [("", {"management_server_version": version}, 1)] if version else [],
        "sysvm_run_in_progress": [("", {}, int(in_progress))],
        "sysvm_run_heartbeat_timestamp_seconds": [("", {}, _seconds(heartbeat))],
        "sysvm_run_started_timestamp_seconds": [("", {}, _seconds(report["started"]))],
        LAST_SUCCESS: [("", {}, success)],
        "sysvm_units": [("", {"status": status}, statuses[status]) for status in STATUSES],
        "sysvm_unit_duration_seconds": _summary(took),
        "sysvm_unit_gap_seconds": _summary(gaps),
        "sysvm_longest_gap_seconds": [("", _labels(key), max(seconds)) for key, seconds in sorted(gaps.items())],
    }
    lines = [line for name in METRICS for line in _family(name, samples[name], host)]
    return "".join(f"{line}\n" for line in [*lines, "# EOF"])


def _summary(found: Seconds) -> list[Sample]:
    return [
        (suffix, _labels(key), value)
        for key, seconds in sorted(found.items())
        for suffix, value in (("_count", len(seconds)), ("_sum", round(sum(seconds), 3)))
    ]


def _labels(key: tuple[str, str]) -> Mapping[str, str]:
    return dict(zip(("method", "kind"), key, strict=True))


def _family(name: str, samples: Iterable[Sample], host: str) -> Iterator[str]:
    """All lines of one metric; a sample without value is left out."""
    kind, means = METRICS[name]
    yield f"# HELP {name} {means}"
    yield f"# TYPE {name} {kind}"
    if name.endswith("_seconds"):
        yield f"# UNIT {name} seconds"
    for suffix, labels, value in samples:
        if value is not None:
            pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in {"host": host, **labels}.items())
            yield f"{name}{suffix}{{{pairs}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _seconds(text: str | None) -> float | None:
    found = moment(text)
    return found.timestamp() if found else None


def _success(text: str) -> float | None:
    found = re.search(rf"^{LAST_SUCCESS}(?:{{.*}})? (\d+(?:\.\d+)?)$", text, re.MULTILINE)
    return float(found[1]) if found else None
