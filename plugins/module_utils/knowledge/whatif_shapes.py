# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rehearsal says beside the plan, as data."""

from __future__ import annotations

from typing import TypedDict

# What goes wrong in words (I(if)), how many units end how (I(ends)), and all that comes of it in words. Unless
# there are many: when I(units) that were begun start and end, in seconds, and how those ended that were not upgraded.
WhatIfData = TypedDict(
    "WhatIfData",
    {
        "if": str,
        "ends": dict[str, int],
        "likely_s": float,
        "words": str,
        "units": dict[str, list[float]],
        "ended": dict[str, str],
    },
)


class AlternativeData(TypedDict):
    """How long a run takes with these settings, how many units would not be begun by the deadline, if there is one, and
    how many would have failed when it stopped, if some are to. Unless there are many, when the I(units) that were begun
    start and end, in seconds."""

    parallel: int
    per_host: int
    waves: list[str]
    likely_s: float
    time: str
    left: int | None
    failed: int | None
    stopped: bool
    present: bool
    units: dict[str, list[float]]


class AlternativesData(TypedDict):
    """I(words): what there is to know of them."""

    settings: list[AlternativeData]
    words: str
