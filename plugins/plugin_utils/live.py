# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module and shows the lines of its log while it runs.

ansible-core shows nothing of a module until it ends. A thread follows the log that the module appends to and hands each
line to the display, which works on the terminal and under ansible-runner alike.
"""

from __future__ import annotations

import os
import tempfile
import threading

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

PAUSE_S = 0.2


class LiveAction(ActionBase):
    """Base of the acting modules' action plugins; they differ by name only."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        own = None
        if self._connection.transport != "local":
            return {**result, **self._execute_module(module_args=args, task_vars=task_vars)}
        if not args.get("log"):
            handle, own = tempfile.mkstemp(prefix="sysvm-", suffix=".log")
            os.close(handle)
            args["log"] = own
        done = threading.Event()
        follower = threading.Thread(target=_follow, args=(args["log"], done), daemon=True)
        follower.start()
        try:
            return {**result, **self._execute_module(module_args=args, task_vars=task_vars)}
        finally:
            done.set()
            follower.join(timeout=5)
            if own:
                os.unlink(own)


def _follow(path, done):
    """Show what is appended to the file from now on, until I(done) and the end of the file."""
    display = Display()
    path = os.path.expanduser(os.path.expandvars(path))
    position = os.path.getsize(path) if os.path.exists(path) else 0
    rest = ""
    while True:
        last_round = done.wait(PAUSE_S)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                file.seek(position)
                text = rest + file.read()
                position = file.tell()
        except OSError:  # not there yet, or unreadable: the module tells
            text = rest
        *lines, rest = text.split("\n")
        for line in lines:
            display.display(line)
        if last_round:
            return
