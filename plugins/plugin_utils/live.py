# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module, shows the lines of its log while it runs, and ends it in peace when the run is interrupted.

ansible-core shows nothing of a module until it ends. A thread follows the log that the module appends to and hands each
line to the display, which works on the terminal and under ansible-runner alike.

On Ctrl-C and SIGTERM ansible-core ends the play at once, without C(rescue) and C(always). So the signal is turned into
the module's stop file, and the report is written here.
"""

from __future__ import annotations

import json
import os
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
            args["log"] = args.get("log") or os.path.join(folder, "log")
            args["stop_file"] = args.get("stop_file") or os.path.join(folder, "stop")
            done = threading.Event()
            follower = threading.Thread(target=_follow, args=(_path(args["log"]), done), daemon=True)
            follower.start()
            interrupted = _stop_on_signal(_path(args["stop_file"]))
            try:
                result.update(self._execute_module(module_args=args, task_vars=task_vars))
            finally:
                done.set()
                follower.join(timeout=5)
            if interrupted.is_set():
                if os.path.exists(_path(args["stop_file"])):
                    os.unlink(_path(args["stop_file"]))
                self._report(task_vars or {}, result)
        return result

    def _report(self, task_vars, result):
        """Write the report of a run whose play is already over; nothing else will."""
        checked = task_vars.get("sysvm_checked") or {}
        if not checked.get("plan"):
            return
        templated = self._templar.template(
            {name: task_vars.get(name) for name in ("sysvm_report_dir", "sysvm_results")}
        )
        report = build_report(
            checked["plan"],
            checked["checks"],
            [*(templated["sysvm_results"] or []), *result.get("results", [])],
            started=str(task_vars.get("sysvm_started")),
            finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            error="interrupted",
        )
        os.makedirs(templated["sysvm_report_dir"], mode=0o750, exist_ok=True)
        for name, render in (("json", _json), ("html", html_report), ("md", markdown_report)):
            path = os.path.join(templated["sysvm_report_dir"], f"report.{name}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(render(report))


def _json(report):
    return json.dumps(report, indent=4, ensure_ascii=False) + "\n"


def _path(text):
    return os.path.expanduser(os.path.expandvars(text))


def _stop_on_signal(stop_file):
    """Make the stop file on SIGINT and SIGTERM instead of dying; the event tells that it happened."""
    interrupted = threading.Event()

    def stop(signum, frame):
        interrupted.set()
        with open(stop_file, "w", encoding="utf-8"):
            pass

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
    return interrupted


def _follow(path, done):
    """Show what is appended to the file from now on, until I(done) and the end of the file."""
    display = Display()
    position = os.path.getsize(path) if os.path.exists(path) else 0
    rest = ""
    while True:
        last_round = done.wait(PAUSE_S)
        try:
            text = rest
            if os.path.isfile(path):  # of a device or a pipe there is no end
                with open(path, encoding="utf-8", errors="replace") as file:
                    file.seek(position)
                    text += file.read()
                    position = file.tell()
            *lines, rest = text.split("\n")
            for line in lines:
                display.display(line)
        except OSError:  # not there yet, or unreadable: the module tells; or there is no display any more
            pass
        if last_round:
            return
