# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.durations import exact, rough, span


@pytest.mark.parametrize(
    ("seconds", "measured", "expected"),
    [
        (0.04, "0 s", "0 s"),
        (2.9, "2.9 s", "3 s"),
        (59.96, "1 min 0 s", "60 s"),
        (200, "3 min 20 s", "3 min"),
        (3900, "1 h 5 min", "65 min"),
        (9000, "2 h 30 min", "2 h 30 min"),
    ],
)
def test_one_duration(seconds: float, measured: str, expected: str) -> None:
    assert (exact(seconds), rough(seconds)) == (measured, expected)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (10, 30, "10 to 30 s"),
        (70, 1800, "1 to 30 min"),
        (299, 301, "about 5 min"),
        (5400, 9000, "1 h 30 min to 2 h 30 min"),
    ],
)
def test_from_one_to_another(low: float, high: float, words: str) -> None:
    assert span(low, high) == words
