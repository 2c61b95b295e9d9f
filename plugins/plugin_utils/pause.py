# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a person before a step, where sysvm_pause wants it, and keeps the answer in log and run."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from .approval import answer, question
from .run import PlayContext, Run, somebody_can_answer
from .steps import pause_due


def ask_before(number: int, around: PlayContext, run: Run, variables: Mapping[str, Any]) -> str:
    """Ask whether to go on with this step, unless that was asked already. The answer is for this pause only.

    :returns: what ended the run; empty if the step may begin.
    """
    if run.stopped or run.approved >= number or number < 2 or around.checking:
        return run.stopped
    steps = run.read("plan")["steps"]  # without its units, which may be thousands
    done = steps[number - 2]
    if not pause_due(done, steps, variables["pause"]):
        return ""
    after, folder = f"after step {done['number']} ({done['name']})", run.on_disk
    why = ""
    try:
        if not somebody_can_answer(os.environ):
            raise AnsiblePromptNoninteractive("nobody sits there")
        # Also where no other lines are wanted: nobody answers a question without knowing what it is about.
        where = "stderr" if variables["progress"] == "none" else variables["progress"]
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
