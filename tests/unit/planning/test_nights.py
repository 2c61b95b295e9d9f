# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are done in which night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.reading import NotMeantError, nights
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.nights import (
    Night,
    Window,
    Windows,
    campaign,
    night_words,
    nights_like_this,
    parse_night,
    schedule,
)
from tests.support.clocks import clocks

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 30, 15, 0, tzinfo=BERLIN)
USUAL = {"start": "23:00", "length": "4h", "days": ["mon", "tue", "wed", "thu"]}


@pytest.fixture(autouse=True, scope="module")
def in_berlin() -> Iterator[None]:
    with clocks("Europe/Berlin"):
        yield


def window(**more: Any) -> Window:
    return Window.of(nights({**USUAL, **more}))


def unit(name: str, start_s: float, end_s: float, zone: str = "Berlin") -> Any:
    return {
        "id": name,
        "name": name,
        "kind": "network",
        "zone": zone,
        "predicted": {"start_s": start_s, "end_s": end_s},
    }


def planned(units: Sequence[Any], given: Mapping[str, Any] = USUAL, now: datetime = MONDAY, **more: Any) -> list[Night]:
    return schedule(units, Windows.of(nights(given)), now, **more)


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-30 15:00", "2026-11-30 23:00"),
        ("2026-11-30 23:00", "2026-11-30 23:00"),
        ("2026-11-30 23:01", "2026-12-01 23:00"),
        ("2026-12-04 03:00", "2026-12-07 23:00"),  # Friday: the next one is on Monday
        ("2027-03-28 12:00", "2027-03-29 23:00"),  # the day on which clocks change
    ],
)
def test_the_next_window(now: str, start: str) -> None:
    found = window().next(datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert found.strftime("%Y-%m-%d %H:%M") == start


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-30 22:49", None),
        ("2026-11-30 22:50", "03:00"),  # a little early counts
        ("2026-12-01 02:59", "03:00"),
        ("2026-12-01 03:00", None),
        ("2026-12-04 01:00", "03:00"),  # that of Thursday
        ("2026-12-04 23:30", None),
    ],
)
def test_the_window_that_is_open(now: str, end: str | None) -> None:
    found = window().open_at(datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert (found.strftime("%H:%M") if found else None) == end


def test_each_night_takes_the_units_in_their_order_until_its_window_is_full() -> None:
    units = [unit(str(number), 3600 * number, 3600 * (number + 1)) for number in range(9)]
    found = planned(units)
    assert [night.units for night in found] == [tuple("0123"), tuple("4567"), ("8",)]
    assert [night.start.strftime("%a %H:%M") for night in found] == ["Mon 23:00", "Tue 23:00", "Wed 23:00"]
    assert [night.ends_s for night in found] == [14400, 14400, 3600]
    assert campaign(found)["words"] == "3 nights, Mon 2026-11-30 to Wed 2026-12-02"


def test_a_night_is_played_with_what_is_left_for_it() -> None:
    asked: list[list[str]] = []

    def play(ids: Sequence[str]) -> dict[str, tuple[float, float]]:
        asked.append(list(ids))
        return {each: (3600.0 * number, 3600.0 * (number + 1)) for number, each in enumerate(ids)}

    units = [unit(str(number), 0, 3600) for number in range(6)]
    assert [night.units for night in planned(units, play=play)] == [tuple("0123"), ("4", "5")]
    assert asked == [list("012345"), ["4", "5"]]


def test_zones_with_windows_of_their_own_have_their_own_nights() -> None:
    given = {**USUAL, "zones": {"Oslo": {"start": "01:00", "length": "2h", "days": "sat,sun"}}}
    units = [
        unit("a", 0, 3600),
        unit("b", 0, 7200, "Oslo"),
        unit("c", 3600, 7200, "Oslo"),
        unit("d", 7200, 10800, "Oslo"),
    ]
    found = planned(units, given)
    assert [(f"{night.start:%a %H:%M}", night.units, dict(night.zones)) for night in found] == [
        ("Mon 23:00", ("a",), {"Berlin": 1}),
        ("Sat 01:00", ("b", "c"), {"Oslo": 2}),
        ("Sun 01:00", ("d",), {"Oslo": 1}),
    ]


def test_nights_that_begin_together_are_one_line() -> None:
    units = [unit("a", 0, 3600), unit("b", 0, 7200, "Oslo")]
    [night] = planned(units, {**USUAL, "zones": {"Oslo": {"length": "2h"}}})
    assert (night.units, night.ends_s, dict(night.zones)) == (("a", "b"), 7200, {"Berlin": 1, "Oslo": 1})


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 14_400)), min_size=1, max_size=30),
    st.sampled_from([BERLIN, ZoneInfo("UTC")]),
)
def test_every_unit_has_one_night_and_fits_into_it(times: list[tuple[int, int]], zone: ZoneInfo) -> None:
    units = [unit(str(number), start, start + lasts) for number, (start, lasts) in enumerate(sorted(times))]
    found = planned(units, now=MONDAY.astimezone(zone))
    assert sorted(each for night in found for each in night.units) == sorted(each["id"] for each in units)
    assert all(0 < night.ends_s <= 14400 for night in found)
    starts = [night.start for night in found]
    assert starts == sorted(set(starts))
    assert all(night.start.weekday() <= 3 for night in found)


def test_a_window_that_is_too_short_for_a_unit_is_refused() -> None:
    with pytest.raises(OptionError) as refused:
        planned([unit("a", 0, 600), unit("slow", 600, 600 + 5 * 3600)])
    assert "has a window of 4 h" in str(refused.value) and "network slow" in str(refused.value)
    assert "Give a length above 5 h" in str(refused.value)


def test_a_zone_without_a_window_and_one_that_is_not_there_are_refused() -> None:
    windows = Windows.of(nights({"zones": {"Oslo": USUAL}}))
    with pytest.raises(OptionError, match="no window for zone Berlin"):
        schedule([unit("a", 0, 1)], windows, MONDAY)
    with pytest.raises(OptionError, match=r"no such zone.*The zones are: Berlin"):
        windows.refuse_unknown(["Berlin"])


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("tonight", "Give start and length"),
        ({"start": 1380, "length": "4h"}, "in quotes"),
        ({"start": "25:00", "length": "4h"}, "in quotes"),
        ({"start": "23:00"}, "Give length as a duration"),
        ({"start": "23:00", "length": "25h"}, "at most a day"),
        ({"start": "23:00", "length": "0h"}, "at most a day"),
        ({**USUAL, "days": ["mo"]}, "'mo' is none of mon, tue"),
        ({**USUAL, "lenght": "4h"}, "Did you mean 'length'?"),
        ({**USUAL, "zones": ["Oslo"]}, "zones is no window by zone"),
        ({**USUAL, "zones": {"Oslo": {"length": "x"}}}, "Of zone Oslo: Give length"),
    ],
)
def test_what_is_no_window_is_refused_with_how_to_write_it(given: Any, remedy: str) -> None:
    with pytest.raises(NotMeantError) as refused:
        nights(given)
    assert remedy in refused.value.remedy


def test_windows_as_they_are_read() -> None:
    usual = {"start": "23:00", "length": 14400, "days": ["mon", "tue", "wed", "thu"]}
    assert nights(USUAL) == {**usual, "zones": {}}
    assert nights('{"start": "T9:30", "length": "90m", "days": "Monday, tue"}') == {
        **{"start": "9:30", "length": 5400, "days": ["mon", "tue"]},
        "zones": {},
    }
    assert nights(nights(USUAL)) == nights(USUAL), "modules read what roles have read"
    assert nights({**USUAL, "zones": {"Oslo": {"length": "6h"}}})["zones"] == {"Oslo": {**usual, "length": 21600}}


def test_a_night_survives_the_file_and_a_person() -> None:
    night = datetime(2026, 11, 30, 23, 0, tzinfo=BERLIN)
    assert night_words(night.isoformat()) == "2026-11-30 Mon 23:00 +0100"
    assert parse_night(night_words(night)) == night
    for text in (
        "2026-11-30 23:00",
        "2026-11-30T23:00",
        "2026-11-30T23:00:00+01:00",
        "2026-11-30 Mo. 23:00",
        "30.11.2026 23:00",
    ):
        assert parse_night(text) == night
    assert parse_night("2026-11-30") == night - timedelta(hours=11)
    assert parse_night("2026-11-30T22:00Z") == night
    for text in ("11/30/2026 23:00", "tomorrow", "2026-13-01", "2026-11-30 25:00", ""):
        assert parse_night(text) is None
    assert night_words(None) == ""


@pytest.mark.parametrize(
    ("left", "total", "nights_needed"), [(0, 10, 1), (5, 10, 2), (8, 10, 5), (1, 10, 2), (10, 10, None)]
)
def test_nights_like_this_one(left: int, total: int, nights_needed: int | None) -> None:
    assert nights_like_this(left, total) == nights_needed
