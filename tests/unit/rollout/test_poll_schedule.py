# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the server is asked about running jobs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.poll_schedule import (
    SHORTEST_S,
    PollSchedule,
    UnitDurations,
)

INTERVAL_S = 10.0
seconds = st.floats(0, 1000)


def schedule(*learned: tuple[float, float]) -> PollSchedule:
    """One that has seen jobs, each given as (estimate, took)."""
    made = PollSchedule(INTERVAL_S)
    for estimate, took in learned:
        made.learn_job(estimate, took, took)
    return made


@given(st.lists(st.tuples(seconds, seconds), max_size=5), st.lists(st.tuples(seconds, seconds), min_size=1, max_size=9))
def test_never_later_than_the_interval_and_never_at_once(
    learned: list[tuple[float, float]], running: list[tuple[float, float]]
) -> None:
    """Whatever the jobs did before."""
    now = 1000.0
    moment = schedule(*learned).next_poll(now, running)
    assert now + SHORTEST_S <= moment <= now + INTERVAL_S


def test_without_experience_after_a_share_of_the_age() -> None:
    assert schedule().next_poll(120.0, [(100.0, 60.0), (0.0, 60.0)]) == 123.0


def test_with_experience_when_the_first_is_due() -> None:
    assert schedule((60, 6), (90, 9)).next_poll(100.0, [(99.0, 60.0), (99.0, 90.0)]) == pytest.approx(105.0)


def test_jobs_that_end_at_nearly_the_same_time_share_a_question() -> None:
    assert schedule((60, 6)).next_poll(100.0, [(99.0, 60.0), (99.01, 60.0)]) == pytest.approx(105.01)


def test_a_job_that_is_late_is_asked_about_again_soon() -> None:
    assert schedule((60, 6)).next_poll(106.5, [(100.0, 60.0)]) == pytest.approx(106.575)


def test_time_left_is_told_once_something_was_seen() -> None:
    one = UnitDurations(schedule((60, 3)))
    assert one.time_left(2, [(1.0, 60.0)], 120.0, 60.0) is None
    assert one.typical(60.0) == 3.0, "what jobs tell"
    one.learn(60.0, 6.0)
    assert one.time_left(2, [(1.0, 60.0), (4.0, 60.0)], 120.0, 60.0) == pytest.approx((5 + 2 + 12) / 2)
    assert one.time_left(100, [(1.0, 60.0)], 60.0, 600.0) == pytest.approx(60.0), "the longest is not shared"
    assert one.time_left(4, [(99.0, 60.0)], 0.0, 0.0) == 0.0, "what is late may end at once"


def test_a_duration_is_taken_from_the_middle_of_two_questions_but_not_from_long_ago() -> None:
    one, other = PollSchedule(INTERVAL_S), PollSchedule(INTERVAL_S)
    one.learn_job(60.0, 10.0, 9.8)
    other.learn_job(60.0, 10.0, 1.0)
    assert (one.typical(60.0), other.typical(60.0)) == (pytest.approx(9.9), pytest.approx(9.5))
