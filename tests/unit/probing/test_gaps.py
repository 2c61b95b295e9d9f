# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the changes that probers tell come to."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.gaps import Change, reach_of
from tests.unit.rollout.schedule import WEB, Seen


@pytest.mark.parametrize(
    ("seen", "before", "gaps", "after"),
    [
        ([(0.0, True)], True, [], True),
        ([(0.0, True), (12.0, False), (13.5, True)], True, [1.5], True),
        ([(0.0, True), (12.0, False), (13.0, True), (15.0, False), (15.5, True)], True, [1.0, 0.5], True),
        ([(0.0, True), (12.0, False)], True, [88.0], False),
        ([(0.0, False)], False, [], False),
        ([(0.0, False), (20.0, True)], False, [], True),  # it came back, but nobody knows since when it was away
        ([(0.0, True), (5.0, False)], False, [], False),  # away before anything was sent
        ([(0.0, True), (5.0, False), (8.0, True), (20.0, False), (21.0, True)], True, [1.0], True),
        ([(12.0, True)], None, [], True),  # its first answer came after the first call
        ([(0.0, True), (12.0, False), (12.5, False), (14.0, True)], True, [2.0], True),  # under its new address
        ([], None, [], None),
    ],
)
def test_what_changes_come_to(seen: Seen, before: bool | None, gaps: list[float], after: bool | None) -> None:
    reach = reach_of(WEB, "here", [Change(*each) for each in seen], since=10.0, until=100.0)
    assert (reach.before, reach.lengths_s, reach.after) == (before, gaps, after)


def test_what_was_seen_to_be_gone_only_after_the_first_call_was_there_before() -> None:
    """It was tried long before, and again just after the call."""
    changes = [Change(2.0, True, 2.0), Change(6.2, False, 10.4), Change(11.4, True, 11.5)]
    reach = reach_of(WEB, "here", changes, since=10.0, until=100.0)
    assert (reach.before, reach.lengths_s) == (True, [pytest.approx(1.4)])


@pytest.mark.parametrize(
    ("seen", "before"),
    [([(11.0, True)], True), ([(13.0, True)], None), ([(11.0, False)], None), ([(11.0, False), (11.5, True)], None)],
)
def test_a_first_answer_just_after_the_first_call_is_one_from_before(seen: Seen, before: bool | None) -> None:
    reach = reach_of(WEB, "here", [Change(*each) for each in seen], since=10.0, until=100.0, late_s=2.0)
    assert (reach.before, reach.gaps) == (before, ())


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=12))
def test_gaps_are_the_time_without_an_answer(lengths: list[float]) -> None:
    """Of a history that alternates, every second length is a gap."""
    moments = [0.0]
    for length in lengths:
        moments.append(moments[-1] + length)
    changes = [Change(at, place % 2 == 0) for place, at in enumerate(moments)]
    reach = reach_of(WEB, "here", changes, since=0.05, until=moments[-1])
    silent = [end - start for place, (start, end) in enumerate(pairwise(moments)) if place % 2 == 1]
    told = reach.lengths_s if len(moments) % 2 else reach.lengths_s[:-1]
    assert told == pytest.approx(silent)
