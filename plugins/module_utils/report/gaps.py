# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long what units serve did not answer, in numbers and words. Pure: plain data in, plain data out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning import durations
from ansible_collections.cloudstack.sysvm.plugins.module_utils.report.words import count, kind, words

KNOWN = ("kind", "method", "shortest_s", "longest_s")


def gap_summary(units: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By kind and method of all units that were measured: how many, and their longest gaps in seconds."""
    found: dict[tuple[str, str], list[float]] = {}
    for unit in units:
        if unit.get("gap_s") is not None:
            found.setdefault((unit["kind"], unit["method"]), []).append(unit["gap_s"])
    return [
        {
            "kind": kind_,
            "method": method,
            "units": len(gaps),
            "shortest_s": min(gaps),
            "median_s": round(statistics.median(gaps), 1),
            "p95_s": sorted(gaps)[math.ceil(0.95 * len(gaps)) - 1],
            "longest_s": max(gaps),
        }
        for (kind_, method), gaps in sorted(found.items())
    ]


def gap_words(row: Mapping[str, Any]) -> str:
    """One row of the summary as a sentence."""
    what = f"{words(row['method'])} of {count(row['units'], kind(row['kind']))}"
    if not row["longest_s"]:
        return f"{what}: none"
    longest = durations.exact(row["longest_s"])
    if row["units"] == 1:
        return f"{what}: {longest}"
    median, p95 = durations.exact(row["median_s"]), durations.exact(row["p95_s"])
    return f"{what}: median {median}, 95th percentile {p95}, longest {longest}"


def known_gaps(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a report tells, for the next plan; nothing where it tells none or was written by another version."""
    try:
        return [{key: row[key] for key in KNOWN} for row in report["gaps"]]
    except (LookupError, TypeError):
        return []
