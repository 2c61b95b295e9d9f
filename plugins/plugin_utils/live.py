# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module, shows the lines of its log while it runs, and ends it in peace when the run is interrupted.

ansible-core shows nothing of a module until it ends. A thread follows the log that the module appends to and hands each
line to the display, which works on the terminal and under ansible-runner alike.

On Ctrl-C and SIGTERM ansible-core ends the play at once, without C(rescue) and C(always). So the signal is turned into
the module's stop file, and whoever runs the module is told that it was interrupted.
"""

from __future__ import annotations

import os
import select
import signal
import tempfile
import threading

from ansible.plugins.action import ActionBase

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import LogFile
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run import show

PAUSE_S = 0.2
SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})


class LiveAction(ActionBase):
    """Base of the acting modules' action plugins; they differ by name only."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        returned, _interrupted = self.run_live(self._task.action, dict(self._task.args), task_vars)
        return {**result, **returned}

    def run_live(self, module, args, task_vars, prefix="", where="stdout"):
        """Run a module and show its lines, and append them to its log.

        The module writes to a file of this call alone: two runs may share a log without showing each other's lines.

        :param prefix: of each line.
        :param where: the lines are shown, as I(sysvm_progress).
        :returns: what the module returned, and whether it was interrupted.
        """
        if self._connection.transport != "local":
            return self._execute_module(module_name=module, module_args=args, task_vars=task_vars), False
        with tempfile.TemporaryDirectory(prefix="sysvm-") as folder:
            log = LogFile(self._path(args["log"]) if args.get("log") else None)
            followed = os.path.join(folder, "log")
            stop_file = self._path(args.get("stop_file") or os.path.join(folder, "stop"))
            args = {**args, "log": followed, "stop_file": stop_file}
            with _Watch(followed, stop_file, log, lambda line: show([line], where, prefix)) as watch:
                result = self._execute_module(module_name=module, module_args=args, task_vars=task_vars)
            if watch.interrupted and os.path.exists(stop_file):
                os.unlink(stop_file)
        if log.problem:
            result.setdefault("warnings", []).append(f"The log could not be written: {log.problem}")
        return result, watch.interrupted

    def _path(self, text):
        """Relative paths are from the folder in which the connection runs the module."""
        return os.path.join(
            getattr(self._connection, "cwd", None) or os.getcwd(), os.path.expanduser(os.path.expandvars(text))
        )


class _Watch:
    """While the module runs: shows what is appended to the log, and makes the stop file on SIGINT and SIGTERM.

    Also when ansible-playbook itself is gone, killed with -9: worker and module, which nobody sees any more, would go
    on beside the next run.

    Python calls signal handlers in the main thread only, and that one sleeps until the module ends: a signal that the
    kernel hands to the other thread would not be noticed. The byte that Python writes to the wakeup descriptor is.
    """

    def __init__(self, followed, stop_file, log, show_line):
        self.interrupted = False
        self._followed = followed
        self._stop_file = stop_file
        self._log = log
        self._show_line = show_line
        self._parent = os.getppid()
        self._ended = threading.Event()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            for number in SIGNALS:
                signal.signal(number, lambda signum, frame: None)  # instead of dying
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._ended.set()
        os.write(self._writer, b"\0")
        self._thread.join(timeout=5)

    def _work(self):
        position, rest = 0, ""
        while True:
            woken = select.select([self._reader], [], [], PAUSE_S)[0]
            signalled = woken and SIGNALS.intersection(os.read(self._reader, 64))
            if not self.interrupted and (signalled or os.getppid() != self._parent):
                self.interrupted = True
                with open(self._stop_file, "w", encoding="utf-8"):
                    pass
            last_round = self._ended.is_set()
            position, rest = self._show(position, rest)
            if last_round:
                return

    def _show(self, position, rest):
        """Show what was appended since I(position); the new position, and what is no whole line yet."""
        try:
            with open(self._followed, encoding="utf-8", errors="replace") as file:
                file.seek(position)
                rest += file.read()
                position = file.tell()
            *lines, rest = rest.split("\n")
            for line in lines:
                self._log(line)
                self._show_line(line)
        except OSError:  # not there yet; or there is no display any more
            pass
        return position, rest
