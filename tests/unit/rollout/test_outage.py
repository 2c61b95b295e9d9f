# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For how long the server may be of no use."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.outage import Outage, Repetition


def noticed(outage: Outage, *moments: float) -> list[bool]:
    return [outage.lasts_too_long(moment) for moment in moments]


def test_it_lasts_until_it_is_said_to_have_ended_however_seldom_it_is_noticed() -> None:
    """Each question alone may be repeated for as long as an outage may last."""
    outage = Outage("lost", "back", 300.0, print)
    assert noticed(outage, 0.0, 302.0) == [False, True]
    outage.ends(302.0)
    assert noticed(outage, 400.0, 500.0, 700.0) == [False, False, True]


def test_what_is_noticed_long_afterwards_is_another_one_where_nobody_tells_of_an_end() -> None:
    outage = Outage("takes nothing", "takes jobs", 300.0, print, gap_s=300.0)
    assert noticed(outage, 0.0, 200.0, 600.0, 850.0, 900.0) == [False, False, False, False, True]


def test_what_is_met_again_and_again_is_told_after_ever_longer_times() -> None:
    met, every = Repetition(), 5.0
    told = [now for now in (every * number for number in range(720)) if met.lasted(now) is not None]
    assert told[0] == 0.0 and len(told) <= 12
    between = [later - sooner for sooner, later in pairwise(told)]
    assert between == sorted(between) and between[-1] <= 600.0


@pytest.mark.parametrize("now", [4000.0, -3000.0], ids=["long afterwards", "a clock that was set back"])
def test_what_is_met_anew_is_told_at_once(now: float) -> None:
    met = Repetition()
    assert [met.lasted(each) for each in (0.0, 5.0, now, now + 5.0)] == [0.0, None, 0.0, None]
