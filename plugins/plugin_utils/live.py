# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module, shows the lines of its log while it runs, and ends it in peace when the run is interrupted.

ansible-core shows nothing of a module until it ends. A thread follows the log that the module appends to and hands each
line to the display, which works on the terminal and under ansible-runner alike.

On Ctrl-C and SIGTERM ansible-core ends the play at once, without C(rescue) and C(always). So the signal is turned into
the module's stop file, and the report is written here, before and after the module: whatever ends a run, its report
tells what had become of each unit by then.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import tempfile
import threading
from datetime import datetime, timezone

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.html_report import html_report
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.markdown_report import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.report import build_report

PAUSE_S = 0.2
UNFINISHED = "the run had not come to its end when this was written"
SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})


class LiveAction(ActionBase):
    """Base of the acting modules' action plugins; they differ by name only."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if self._connection.transport != "local":
            return {**result, **self._execute_module(module_args=args, task_vars=task_vars)}
        with tempfile.TemporaryDirectory(prefix="sysvm-") as folder:
            log = args["log"] = self._path(args.get("log") or os.path.join(folder, "log"))
            stop_file = args["stop_file"] = self._path(args.get("stop_file") or os.path.join(folder, "stop"))
            self._report(task_vars or {}, [], UNFINISHED)
            with _Watch(log, stop_file) as watch:
                result.update(self._execute_module(module_args=args, task_vars=task_vars))
            if watch.interrupted and os.path.exists(stop_file):
                os.unlink(stop_file)
            self._report(task_vars or {}, result.get("results", []), "interrupted" if watch.interrupted else UNFINISHED)
        return result

    def _path(self, text):
        """Where the module finds it: relative paths are from the folder in which the connection runs it."""
        return os.path.join(
            getattr(self._connection, "cwd", None) or os.getcwd(), os.path.expanduser(os.path.expandvars(text))
        )

    def _report(self, task_vars, results, error):
        """Write the report as it is now: after Ctrl-C, a kill or a crash nothing else will."""
        checked = task_vars.get("sysvm_checked") or {}
        if self._task.check_mode or not checked.get("plan"):
            return
        templated = self._templar.template(
            {name: task_vars.get(name) for name in ("sysvm_report_dir", "sysvm_results")}
        )
        report = build_report(
            checked["plan"],
            checked["checks"],
            [*(templated["sysvm_results"] or []), *results],
            started=str(task_vars.get("sysvm_started")),
            finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            error=error,
        )
        folder = os.path.expanduser(templated["sysvm_report_dir"])
        with contextlib.suppress(OSError):  # the role report meets the same obstacle at the end, and tells
            os.makedirs(folder, mode=0o750, exist_ok=True)
            for name, render in (("json", _json), ("html", html_report), ("md", markdown_report)):
                _write(os.path.join(folder, f"report.{name}"), render(report))


def _write(path, text):
    """Whole or not at all, also when the run is killed here or the disk is full."""
    new = f"{path}.new"
    try:
        with open(new, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o640)) as file:
            file.write(text)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def _json(report):
    return json.dumps(report, indent=4, ensure_ascii=False) + "\n"


class _Watch:
    """While the module runs: shows what is appended to the log, and makes the stop file on SIGINT and SIGTERM.

    Also when ansible-playbook itself is gone, killed with -9: worker and module, which nobody sees any more, would go
    on beside the next run.

    Python calls signal handlers in the main thread only, and that one sleeps until the module ends: a signal that the
    kernel hands to the other thread would not be noticed. The byte that Python writes to the wakeup descriptor is.
    """

    def __init__(self, log, stop_file):
        self.interrupted = False
        self._log = log
        self._stop_file = stop_file
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
        position = os.path.getsize(self._log) if os.path.exists(self._log) else 0
        rest = ""
        while True:
            woken = select.select([self._reader], [], [], PAUSE_S)[0]
            signalled = woken and SIGNALS.intersection(os.read(self._reader, 64))
            if not self.interrupted and (signalled or os.getppid() != self._parent):
                self.interrupted = True
                with open(self._stop_file, "w", encoding="utf-8"):
                    pass
            last_round = self._ended.is_set()
            position, rest = _show(self._log, position, rest)
            if last_round:
                return


def _show(path, position, rest):
    """Show what was appended to the file since I(position); the new position, and what is no whole line yet."""
    try:
        if os.path.isfile(path):  # of a device or a pipe there is no end
            with open(path, encoding="utf-8", errors="replace") as file:
                file.seek(position)
                rest += file.read()
                position = file.tell()
        *lines, rest = rest.split("\n")
        for line in lines:
            Display().display(line)
    except OSError:  # not there yet, or unreadable: the module tells; or there is no display any more
        pass
    return position, rest
