# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4.22.0.0-SNAPSHOT", (4, 22, 0, 0)),
        ("4.18.1-shapeblue1", (4, 18, 1, 0)),
        ("4.20.2.0-20251104", (4, 20, 2, 0)),
        ("Cloudstack Release 4.18.1 Wed Jan 10 10:00:00 UTC 2024", (4, 18, 1, 0)),
        ("systemvm-kvm-4.22.0-x86_64", (4, 22, 0, 0)),
        ("24.0.0", (24, 0, 0, 0)),
        ("4.9", (4, 9, 0, 0)),
        (" 4.18.1\n", (4, 18, 1, 0)),
    ],
)
def test_parses_what_is_seen_in_the_field(text: str, numbers: tuple[int, ...]) -> None:
    parsed = parse_version(text)
    assert parsed is not None
    assert parsed.numbers == numbers


@pytest.mark.parametrize(
    "text", ["UNKNOWN", "unknown", "", "0", "0.0", "4", None, 4.18, "SystemVM Template (KVM)", "1.2.3.4.5"]
)
def test_what_is_no_version_is_unknown(text: object) -> None:
    assert parse_version(text) is None


def test_compares_numbers() -> None:
    texts = ["4.9", "4.13", "4.18.1", "4.22.0.0-SNAPSHOT", "4.23", "24.0.0"]
    versions = [parse_version(text) for text in texts]
    assert versions == sorted(versions, key=lambda version: version.numbers if version else ())
    assert all(one < two for one, two in itertools.pairwise(versions) if one and two)


def test_padding_makes_equal() -> None:
    assert parse_version("4.22") == parse_version("4.22.0.0-SNAPSHOT")
    assert hash(parse_version("4.22")) == hash(parse_version("4.22.0.0"))
    assert parse_version("4.22") != parse_version("4.22.0.1")


@given(st.text())
def test_never_fails(text: str) -> None:
    parse_version(text)


@given(
    st.lists(st.integers(0, 99), min_size=2, max_size=4).filter(any),
    st.lists(st.integers(0, 99), min_size=2, max_size=4).filter(any),
)
def test_order_is_that_of_padded_numbers(one: list[int], two: list[int]) -> None:
    first, second = (parse_version(".".join(map(str, numbers))) for numbers in (one, two))
    assert first is not None
    assert second is not None
    padded = [numbers + [0] * (4 - len(numbers)) for numbers in (one, two)]
    assert (first < second) == (padded[0] < padded[1])
    assert (first == second) == (padded[0] == padded[1])
