# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is asked at a pause, and which answers count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.pause import ASK, ASK_AGAIN, answer, question

STEPS: list[dict[str, Any]] = [
    {"number": 1, "name": "canary router live patch", "canary": True, "units": ["a"], "span_s": [10, 30]},
    {"number": 2, "name": "router live patch", "canary": False, "units": ["b", "c"], "span_s": [40, 90]},
]


def result(**more: Any) -> dict[str, Any]:
    return {"id": "a", "name": "web", "kind": "network", "status": "upgraded", "reason": "runs 4.22.0.0", **more}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (result(duration_s=4.2, gap_s=0.0), "upgraded in 4 s, no gap: runs 4.22.0.0"),
        (result(duration_s=4.2, gap_s=3.0), "upgraded in 4 s, no answer for 3 s: runs 4.22.0.0"),
        (result(status="left_running", reason="why"), "left running: why"),
    ],
)
def test_the_question_says_how_the_canaries_went_and_what_comes_next(found: dict[str, Any], line: str) -> None:
    assert question(STEPS, 2, [found]) == [
        "Pause after step 1 of 2 (canary router live patch)",
        f"  Canary network web: {line}",
        "  Next: step 2 of 2 (router live patch), 2 units, expected to take 40 to 90 s",
    ]


def test_without_canaries_the_question_says_how_the_step_went() -> None:
    steps = [{**step, "canary": False, "span_s": None} for step in STEPS]
    assert question(steps, 2, [result(), result(id="b", status="failed")])[1:] == [
        "  Done: 1 upgraded",
        "  Next: step 2 of 2 (router live patch), 2 units",
    ]


@pytest.mark.parametrize(
    ("typed", "yes"),
    [
        *((text, True) for text in ("yes", "YES", "y", "Y", "  yes ", "y\r")),
        *((text, False) for text in ("no", "No", "n", " N ")),
    ],
)
@pytest.mark.parametrize("before", [(), ("", "yea", "nope", "yes no", "ja", "j\x08")])
def test_only_a_clear_yes_or_no_counts(typed: str, yes: bool, before: tuple[str, ...]) -> None:
    texts: list[str] = []
    lines: Iterator[str] = iter([*before, typed])

    def ask(text: str) -> str:
        texts.append(text)
        return next(lines)

    assert answer(ask) is yes
    assert texts == [ASK, *[ASK_AGAIN] * len(before)]
