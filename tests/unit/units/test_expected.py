# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long things may be expected to take."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import pair_settles_s


@pytest.mark.parametrize(
    ("interval", "pool", "pairs", "least", "most"),
    [
        (30.0, 10.0, 1, 30.0, 40.0),
        (30.0, 10.0, 100, 30.0, 40.0),
        (30.0, 10.0, 1000, 300.0, 320.0),  # ten threads look at 200 pairs in a minute
        (30.0, 100.0, 1000, 30.0, 40.0),
        (600.0, 10.0, 1000, 600.0, 720.0),
        (30.0, 0.0, 20, 60.0, 70.0),
    ],
)
def test_what_a_server_says_of_pairs_is_as_old_as_their_number_makes_it(
    interval: float, pool: float, pairs: int, least: float, most: float
) -> None:
    settles = pair_settles_s(interval, pool, pairs)
    assert settles is not None and least < settles <= most


@pytest.mark.parametrize("interval", [0.0, -1.0])
def test_a_server_that_never_looks_never_tells(interval: float) -> None:
    assert pair_settles_s(interval, 10.0, 1) is None
