# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module, shows the lines of its log while it runs, and ends it in peace when the run is interrupted.

ansible-core shows nothing of a module until it ends. So the command that is the module runs in a process beside this
one, and this one follows the log that the module appends to: the lines come at once, on the terminal and under
ansible-runner alike.

On Ctrl-C and SIGTERM ansible-core ends the play at once, without C(rescue) and C(always). So the signal is turned into
the module's stop file, and the report is written here, before and after the module: whatever ends a run, its report
tells what had become of each unit by then.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.html_report import html_report
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.markdown_report import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.report import build_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.lines import WAYS
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.watch import Watch

UNFINISHED = "the run had not come to its end when this was written"


class LiveAction(ActionBase):
    """Base of the acting modules' action plugins; they differ by name only."""

    _supports_check_mode = True
    _supports_diff = True

    _watch: Watch | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if self._connection.transport != "local":
            return {**result, **self._execute_module(module_args=args, task_vars=task_vars)}
        with tempfile.TemporaryDirectory(prefix="sysvm-") as folder:
            log = args["log"] = self._path(args.get("log") or os.path.join(folder, "log"))
            stop_file = args["stop_file"] = self._path(args.get("stop_file") or os.path.join(folder, "stop"))
            _check_that_it_can_be_made(stop_file)
            # A wrong one is refused by the module, before it does anything.
            with Watch(log, stop_file, WAYS.get(args.get("progress", "stdout"), WAYS["none"])) as watch:
                self._report(task_vars or {}, [], UNFINISHED)
                self._watch = watch
                try:
                    result.update(self._execute_module(module_args=args, task_vars=task_vars))
                finally:
                    self._watch = None
                self._report(
                    task_vars or {}, result.get("results", []), "interrupted" if watch.interrupted else UNFINISHED
                )
        if watch.interrupted:
            self.cleanup()
            _die(watch.interrupted)
        return result

    def _low_level_execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Every command of a module goes through here, and nothing else of it takes long."""
        command = partial(super()._low_level_execute_command, *args, **kwargs)
        return self._watch.beside(command) if self._watch else command()

    def _path(self, text: str) -> str:
        """Where the module finds it: relative paths are from the folder in which the connection runs it."""
        return os.path.join(
            getattr(self._connection, "cwd", None) or os.getcwd(), os.path.expanduser(os.path.expandvars(text))
        )

    def _report(self, task_vars: Mapping[str, Any], results: Sequence[Any], error: str) -> None:
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


def _write(path: str, text: str) -> None:
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


def _json(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=4, ensure_ascii=False) + "\n"


def _check_that_it_can_be_made(stop_file: str) -> None:
    """Or else Ctrl-C would not reach the module."""
    folder = os.path.dirname(stop_file)
    if not os.path.isdir(folder):
        problem = f"there is no folder {folder}"
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = f"files cannot be made in {folder}"
    else:
        return
    raise AnsibleActionFail(
        f"stop_file is {stop_file}, but {problem}. Nothing was touched. Make that folder, writable for you, or name a"
        " stop_file in another one; without it nothing could be stopped by Ctrl-C either."
    )


def _die(number: signal.Signals) -> None:
    """As this process would have done at the signal, had there not been a module at work.

    ansible-playbook is ending or gone. It would not take the result (putting it into its queue might wait for ever),
    and the next item of a loop must not begin.
    """
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
