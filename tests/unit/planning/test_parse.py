# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares, waves and deadlines, as operators write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.parse import (
    cut,
    parse_deadline,
    parse_share,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import PolicyError

NOW = datetime(2026, 11, 23, 22, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "total", "meant"),
    [("3", 100, 3), (" 3 ", 1, 3), ("0", 5, 0), ("10%", 25, 2), ("10 %", 9, 0), ("0%", 9, 0), ("100%", 7, 7)],
)
def test_a_share(text: str, total: int, meant: int) -> None:
    assert parse_share(text, total, "max_failures") == meant


@pytest.mark.parametrize("text", ["ten", "", "-1", "1.5", "101%", "%", "3 4"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^max_failures is .*Give a number such as 3, or a percentage such as 10%"):
        parse_share(text, 10, "max_failures")


@pytest.mark.parametrize(
    ("total", "sizes", "waves"),
    [
        (8, [], [8]),
        (0, ["1"], []),
        (7, ["1", "2"], [1, 2, 2, 2]),
        (7, ["50%"], [3, 3, 1]),
        (10, ["1", "5", "20%"], [1, 5, 2, 2]),
        (3, ["10%"], [1, 1, 1]),  # a wave has at least one
        (3, ["10"], [3]),
    ],
)
def test_waves(total: int, sizes: list[str], waves: list[int]) -> None:
    assert cut(total, sizes, "sysvm_steps") == waves


@given(st.integers(0, 300), st.lists(st.integers(1, 50).map(str) | st.integers(1, 100).map("{}%".format), max_size=4))
def test_each_unit_is_in_one_wave(total: int, sizes: list[str]) -> None:
    waves = cut(total, sizes, "sysvm_steps")
    assert sum(waves) == total and all(wave > 0 for wave in waves)


@pytest.mark.parametrize("size", ["0", "0%", "x", "-1", "1.5", "101%"])
def test_what_is_no_size_of_a_wave(size: str) -> None:
    with pytest.raises(PolicyError, match=rf"^sysvm_steps (has|is) '{size}'"):
        cut(10, [size], "sysvm_steps")


@pytest.mark.parametrize(
    ("text", "day", "hour", "minute"),
    [
        ("23:00", 23, 23, 0),
        ("22:30", 24, 22, 30),  # now: the next one is tomorrow's
        ("6:15", 24, 6, 15),
        ("90m", 24, 0, 0),
        ("4h30m", 24, 3, 0),
        ("2026-11-24T06:00", 24, 6, 0),
        ("2026-11-24 06:00", 24, 6, 0),
        ("2026-11-24T05:00Z", 24, 6, 0),
        ("2026-11-24T00:00-05:00", 24, 6, 0),
    ],
)
def test_a_deadline(text: str, day: int, hour: int, minute: int) -> None:
    assert parse_deadline(text, NOW) == NOW.replace(day=day, hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("six", "sysvm_deadline is 'six'. Give a time such as '06:00', quoted"),
        ("25:00", "sysvm_deadline is '25:00'"),
        ("2020-01-01T00:00", "sysvm_deadline 2020-01-01T00:00 has passed"),
        ("2026-11-23T22:30", "has passed"),
    ],
)
def test_what_is_no_deadline(text: str, says: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_deadline(text, NOW)
    assert says in str(error.value)
