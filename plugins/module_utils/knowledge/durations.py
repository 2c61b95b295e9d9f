# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as a person says them, and moments as data has them. Pure."""

from __future__ import annotations

from datetime import datetime, timezone


def iso_time(moment: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC."""
    if moment is None:
        return None
    milliseconds = round(moment * 1000)
    second = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    return second.replace(microsecond=milliseconds % 1000 * 1000).isoformat(timespec="milliseconds")


def exact(seconds: float) -> str:
    """What was measured: C(2.9 s), C(3 min 20 s), C(1 h 5 min)."""
    if seconds < 59.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def rough(seconds: float) -> str:
    """What is expected: C(45 s), C(12 min), C(2 h 30 min)."""
    if round(seconds) < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if round(seconds / 60) < 120 else _hours(seconds)


def span(low_s: float, high_s: float) -> str:
    """From one to the other: C(10 to 30 s), C(22 to 31 min), C(about 5 min)."""
    for unit, seconds, limit in (("s", 1, 120), ("min", 60, 120)):
        low, high = round(low_s / seconds), round(high_s / seconds)
        if high < limit:
            return f"about {high} {unit}" if low == high else f"{low} to {high} {unit}"
    low_words, high_words = _hours(low_s), _hours(high_s)
    return f"about {high_words}" if low_words == high_words else f"{low_words} to {high_words}"


def _hours(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
