# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Characters that do not print are visible."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.characters import visible

HIDDEN: tuple[Any, ...] = (
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Käserei №1 → 東京 ✓", "Käserei №1 → 東京 ✓"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mFAILED\x1b[0m", r"\u001b[31mFAILED\u001b[0m"),
        ("\x7f\x85\x9b1m", r"\u007f\u0085\u009b1m"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("bank\u202eknab\u2066", r"bank\u202eknab\u2066"),
        ("a\u200bb\ufeff\u00adc", r"a\u200bb\ufeff\u00adc"),
        ("a\u00a0b\u3000c", r"a\u00a0b\u3000c"),
        ("\U000e0041", r"\udb40\udc41"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(categories=HIDDEN) | st.characters()))
def test_nothing_is_hidden_and_nothing_is_changed_twice(text: str) -> None:
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in HIDDEN]
    assert visible(shown) == shown
    shown.encode()


@given(st.text())
def test_in_json_the_text_stays_what_it_is(text: str) -> None:
    assert json.loads(visible(json.dumps(text, ensure_ascii=False))) == text
