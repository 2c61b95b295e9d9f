# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The question whether to go on after a step, and its answer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..module_utils.knowledge.counts import count
from ..module_utils.knowledge.durations import span
from .report.wording import counts_words, kind, words

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
ASK = "Go on? Type yes or no:"
ASK_AGAIN = "Please type yes or no:"


def question(steps: Sequence[Mapping[str, Any]], number: int, results: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a person needs to know before step I(number): how the canaries went, and what comes next.

    :param results: of all steps so far.
    """
    done = steps[number - 2]
    canaries = {identity for step in steps if step["canary"] for identity in step["units"]}
    shown = [result for result in results if result["id"] in (canaries or set(done["units"]))]
    lines = [f"Pause after step {done['number']} of {len(steps)} ({done['name']})"]
    if canaries:
        lines += [f"  Canary {kind(result['kind'])} {result['name']}: {how_it_went(result)}" for result in shown]
    else:
        lines.append(f"  Done: {counts_words(Counter(result['status'] for result in shown)) or 'nothing'}")
    return [*lines, f"  Next: {next_words(steps, number)}"]


def how_it_went(result: Mapping[str, Any]) -> str:
    took = f" in {result['duration_s']:.0f} s" if result.get("duration_s") is not None else ""
    gap = (
        ""
        if result.get("gap_s") is None
        else f", no answer for {result['gap_s']:.0f} s"
        if result["gap_s"]
        else ", no gap"
    )
    return f"{words(result['status'])}{took}{gap}: {result['reason']}"


def next_words(steps: Sequence[Mapping[str, Any]], number: int) -> str:
    """The step, its units, and how long it is expected to take."""
    step = steps[number - 1]
    expected = f", expected to take {span(*step['span_s'])}" if step.get("span_s") else ""
    return f"step {number} of {len(steps)} ({step['name']}), {count(len(step['units']), 'unit')}{expected}"


def answer(ask: Callable[[str], str]) -> bool:
    """What a person says; asked again until it is clear.

    :param ask: shows a text and returns what was typed.
    """
    text = ASK
    while (said := ask(text).strip().lower()) not in ANSWERS:
        text = ASK_AGAIN
    return ANSWERS[said]
