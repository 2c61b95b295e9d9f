# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a person before a step, where sysvm_pause wants it, and keeps the answer in log and run."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from ..module_utils.knowledge.counts import count
from ..module_utils.knowledge.durations import span
from .report.wording import counts_words, kind, words
from .run import PlayContext, Run, somebody_can_answer
from .steps import pause_due

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
ASK = "Go on? Type yes or no:"
ASK_AGAIN = "Please type yes or no:"


def ask_before(number: int, around: PlayContext, run: Run) -> str:
    """Ask whether to go on with this step, unless that was asked already. The answer is for this pause only.

    :returns: what ended the run; empty if the step may begin.
    """
    if run.stopped or run.approved >= number or number < 2 or around.checking:
        return run.stopped
    steps = run.read("plan")["steps"]  # without its units, which may be thousands
    done = steps[number - 2]
    if not pause_due(done, steps, around.variables["pause"]):
        return ""
    after, folder = f"after step {done['number']} ({done['name']})", run.on_disk
    why = ""
    try:
        if not somebody_can_answer(os.environ):
            raise AnsiblePromptNoninteractive("nobody sits there")
        # Also where no other lines are wanted: nobody answers a question without knowing what it is about.
        where = "stderr" if around.variables["progress"] == "none" else ""
        around.show(question(steps, number, run.results()), where)
        with folder.waiting(f"an answer {after}") if folder else contextlib.nullcontext():
            if not answer(lambda text: Display().prompt_until(around.prefix + text).decode(errors="replace")):
                why = f"{_who()} answered no {after}"
    except AnsiblePromptNoninteractive:
        why = f"paused {after}, where nobody can be asked; run again with sysvm_pause=none to go on"
    except AnsiblePromptInterrupt:
        why = f"stopped by Ctrl-C at the pause {after}"
    if folder:
        folder.say("pause", why or f"{_who()} answered yes {after}")
    if why:
        run.stop(why)
    else:
        run.approve(number)
    return why


def _who() -> str:
    """Who sits there, as far as this machine knows."""
    with contextlib.suppress(KeyError, OSError, ImportError):
        return os.environ.get("SUDO_USER") or getpass.getuser()
    return f"uid {os.getuid()}"


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
