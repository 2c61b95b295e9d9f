# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares, waves and deadlines, as operators write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.values import (
    cut,
    parse_deadline,
    share_of,
)
from tests.support.clocks import clocks

NOW = datetime(2026, 11, 23, 22, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "total", "meant"),
    [("3", 100, 3), ("0", 5, 0), ("10%", 25, 2), ("10%", 9, 0), ("0%", 9, 0), ("100%", 7, 7)],
)
def test_a_share(text: str, total: int, meant: int) -> None:
    assert share_of(text, total) == meant


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
    assert cut(total, sizes) == waves


@given(st.integers(0, 300), st.lists(st.integers(1, 50).map(str) | st.integers(1, 100).map("{}%".format), max_size=4))
def test_each_unit_is_in_one_wave(total: int, sizes: list[str]) -> None:
    waves = cut(total, sizes)
    assert sum(waves) == total and all(wave > 0 for wave in waves)


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
    with clocks("CET-1"):
        assert parse_deadline(text, NOW) == NOW.replace(day=day, hour=hour, minute=minute)


BERLIN, NEW_YORK, SYDNEY, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe"
NIGHTS = [
    # where, now, what was written, when that is there
    (BERLIN, "2026-03-28T22:00+01:00", "06:00", "2026-03-29T06:00+02:00"),
    (BERLIN, "2026-03-28T22:00+01:00", "01:30", "2026-03-29T01:30+01:00"),
    (BERLIN, "2026-03-28T22:00+01:00", "02:30", "2026-03-29T03:00+02:00"),  # clocks skip it: it is the change
    (BERLIN, "2026-03-28T22:00+01:00", "8h", "2026-03-29T07:00+02:00"),
    (BERLIN, "2026-03-28T22:00+01:00", "2026-03-29T06:00", "2026-03-29T06:00+02:00"),
    (BERLIN, "2026-03-28T22:00+01:00", "2026-03-29 02:30:00", "2026-03-29T03:00+02:00"),
    (BERLIN, "2026-10-24T22:00+02:00", "06:00", "2026-10-25T06:00+01:00"),
    (BERLIN, "2026-10-24T22:00+02:00", "02:30", "2026-10-25T02:30+02:00"),  # clocks repeat it: the first
    (BERLIN, "2026-10-25T02:45+02:00", "02:30", "2026-10-25T02:30+01:00"),  # which is over
    (BERLIN, "2026-10-25T02:45+01:00", "02:30", "2026-10-26T02:30+01:00"),
    (BERLIN, "2026-10-24T22:00+02:00", "8h", "2026-10-25T05:00+01:00"),
    (BERLIN, "2026-10-24T22:00+02:00", "2026-10-25T06:00", "2026-10-25T06:00+01:00"),
    (BERLIN, "2026-10-25T02:45+02:00", "2026-10-25T02:30", "2026-10-25T02:30+01:00"),
    (BERLIN, "2026-10-24T22:00+02:00", "2026-10-25T05:00Z", "2026-10-25T06:00+01:00"),
    (NEW_YORK, "2026-03-07T22:00-05:00", "06:00", "2026-03-08T06:00-04:00"),
    (NEW_YORK, "2026-10-31T22:00-04:00", "06:00", "2026-11-01T06:00-05:00"),
    (SYDNEY, "2026-10-03T22:00+10:00", "06:00", "2026-10-04T06:00+11:00"),
    (SYDNEY, "2026-04-04T22:00+11:00", "06:00", "2026-04-05T06:00+10:00"),
    (LORD_HOWE, "2026-10-03T22:00+10:30", "02:15", "2026-10-04T02:30+11:00"),  # half an hour
    ("Asia/Kolkata", "2026-03-28T22:00+05:30", "06:00", "2026-03-29T06:00+05:30"),
    ("UTC", "2026-03-28T22:00+00:00", "06:00", "2026-03-29T06:00+00:00"),
]


@pytest.mark.parametrize(("where", "now", "text", "meant"), NIGHTS)
def test_a_deadline_is_local_time_of_the_day_on_which_it_falls(where: str, now: str, text: str, meant: str) -> None:
    at = datetime.fromisoformat(now)
    with clocks(where):
        found = parse_deadline(text, at)
        of_utc = parse_deadline(text, at.astimezone(timezone.utc))
    expected = datetime.fromisoformat(meant)
    assert found == expected == of_utc, "it does not matter in which zone the present moment is told"
    if "Z" not in text:
        assert found.isoformat() == expected.isoformat(), "told as the clocks there will show it"


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.times(), st.sampled_from([BERLIN, LORD_HOWE, "UTC"])
)
def test_a_time_of_day_is_the_next_moment_at_which_clocks_show_it(wall: datetime, when: Any, where: str) -> None:
    now = wall.replace(tzinfo=timezone.utc)
    with clocks(where):
        found = parse_deadline(f"{when:%H:%M}", now)
    assert timedelta(0) < found - now <= timedelta(hours=25)
    shown = found.astimezone(ZoneInfo(where))
    assert f"{shown:%H:%M}" >= f"{when:%H:%M}" and shown.hour - when.hour <= 1


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
    with clocks("CET-1"), pytest.raises(OptionError) as error:
        parse_deadline(text, NOW)
    assert says in str(error.value)
