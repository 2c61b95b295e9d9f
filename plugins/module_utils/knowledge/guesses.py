# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody may have meant by a word that means nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

MOST_GUESSES = 3


def nearest(unknown: Iterable[str], known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """What there is that looks like it, whatever its case; at most MOST_GUESSES.

    :param cutoff: how alike it has to be, from 0 to 1.
    """
    lower: dict[str, list[str]] = {}
    for name in sorted(known):
        lower.setdefault(name.lower(), []).append(name)
    near = [
        name
        for each in islice(unknown, MOST_GUESSES)  # each takes a tenth of a second beside 5,000 that are known
        for match in difflib.get_close_matches(each.lower(), list(lower), MOST_GUESSES, cutoff)
        for name in lower[match]
    ]
    return list(dict.fromkeys(near))[:MOST_GUESSES]


def did_you_mean(unknown: Iterable[str], known: Iterable[str], cutoff: float = 0.6, most: int = MOST_GUESSES) -> str:
    """The same as the beginning of a remedy; empty where nothing looks like it."""
    guesses = nearest(unknown, known, cutoff)[:most]
    return f"Did you mean {' or '.join(map(repr, guesses))}? " if guesses else ""
