# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long what units serve did not answer, in numbers and words. Pure: plain data in, plain data out."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils.knowledge import durations
from ...module_utils.knowledge.counts import count
from ...module_utils.knowledge.shapes import GapSummary, KnownGap, ReportedUnit
from .wording import kind, method


def gap_summary(units: Iterable[ReportedUnit]) -> list[GapSummary]:
    """By kind and method of all units that were measured: how many came back, their longest gaps in seconds, and how
    many did not come back."""
    found: dict[tuple[str, str], list[float]] = {}
    lost: Counter[tuple[str, str]] = Counter()
    for unit in units:
        key = unit["kind"], unit["method"]
        if any(endpoint["before"] and endpoint["after"] is False for endpoint in unit["endpoints"]):
            lost[key] += 1
        elif unit["gap_s"] is not None:
            found.setdefault(key, []).append(unit["gap_s"])
    return [_summary(*key, sorted(found.get(key, [])), lost[key]) for key in sorted({*found, *lost})]


def _summary(kind: str, method: str, gaps: Sequence[float], lost: int) -> GapSummary:
    return {
        "kind": kind,
        "method": method,
        "units": len(gaps),
        "shortest_s": gaps[0] if gaps else None,
        "median_s": round(statistics.median(gaps), 1) if gaps else None,
        "p95_s": gaps[math.ceil(0.95 * len(gaps)) - 1] if gaps else None,
        "longest_s": gaps[-1] if gaps else None,
        "lost": lost,
    }


def gap_words(row: GapSummary) -> str:
    """One row of the summary as a sentence."""
    what = f"{method(row['method'])} of {count(row['units'] + row['lost'], kind(row['kind']))}"
    told = [f"{row['lost']:,} did not come back"] if row["lost"] else []
    if row["units"]:
        longest = durations.exact(row["longest_s"]) if row["longest_s"] else "none"
        if row["units"] > 1 and row["longest_s"]:
            median, p95 = durations.exact(row["median_s"] or 0), durations.exact(row["p95_s"] or 0)
            longest = f"median {median}, 95th percentile {p95}, longest {longest}"
        told.append(longest)
    return f"{what}: {'; '.join(told)}"


def known_gaps(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a report tells, for the next plan; nothing where it tells none or was written by another version."""
    try:
        return [{key: row[key] for key in KnownGap.__annotations__} for row in report["gaps"] if row["units"]]
    except (LookupError, TypeError):
        return []
