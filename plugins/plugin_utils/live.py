# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module, shows the lines of its log while it runs, and ends it in peace when the run is interrupted.

ansible-core shows nothing of a module until it ends. So the command that is the module runs in a process beside this
one, and this one follows the log that the module appends to: the lines come at once, on the terminal and under
ansible-runner alike.

On Ctrl-C and SIGTERM ansible-core ends the play at once, without rescue and always. So the signal is turned into a
file that the module looks for, and whoever runs the module is told that it was interrupted.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.rollout.control import STOP_VARIABLE
from ..module_utils.rollout.progress import LogFile, on_screen
from .run import show, show_warnings
from .watch import Watch


class LiveAction(ActionBase):
    """Base of the acting modules' action plugins, which differ by name only, and of the one that carries out a step."""

    _supports_check_mode = True
    _supports_diff = True

    _watch: Watch | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        returned, interrupted = self.run_live(self._task.action, args, task_vars, where=args.get("progress", "stdout"))
        self.end_if(interrupted)
        return {**result, **returned}

    def run_live(
        self,
        module: str,
        args: dict[str, Any],
        task_vars: dict[str, Any] | None,
        *,
        prefix: str = "",
        where: str = "stdout",
        tick: Callable[[], Iterable[str]] = tuple,
    ) -> tuple[dict[str, Any], signal.Signals | None]:
        """Run a module and show its lines, and append them to its log.

        The module writes to a file of this call alone: two runs may share a log without showing each other's lines.

        :param prefix: of each line.
        :param where: the lines are shown, as sysvm_progress.
        :param tick: called several times a second while it runs; what it returns is told like the lines of the log.
        :returns: what the module returned, and by which signal it was interrupted.
        """
        execute = partial(self._execute_module, module_name=module, task_vars=task_vars)
        if self._connection.transport != "local":
            return execute(module_args=args), None
        with tempfile.TemporaryDirectory(prefix="sysvm-") as folder:
            log = LogFile(self._path(args["log"]) if args.get("log") else None)
            followed = os.path.join(folder, "log")
            stop_file = os.path.join(folder, "stop")
            environment = self._task.environment or []
            self._task.environment = [*environment, {STOP_VARIABLE: stop_file}]
            with Watch(followed, stop_file, lambda line: show([on_screen(line)], where, prefix), log, tick) as watch:
                self._watch = watch
                try:
                    result = execute(module_args={**args, "log": followed})
                finally:
                    self._watch = None
                    self._task.environment = environment
        if left := show_warnings(log.warnings):
            result["warnings"] = [*result.get("warnings", ()), *left]
        return result, watch.interrupted

    def end_if(self, interrupted: signal.Signals | None) -> None:
        """End this process as it would have ended at the signal, had there not been a module at work.

        ansible-playbook is ending or gone. It would not take the result (putting it into its queue might wait for
        ever), and the next item of a loop must not begin.
        """
        if interrupted is None:
            return
        self.cleanup()
        if interrupted != signal.SIGKILL:
            signal.signal(interrupted, signal.SIG_DFL)
        os.kill(os.getpid(), interrupted)

    def _low_level_execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Every command of a module goes through here, and nothing else of it takes long."""
        command = partial(super()._low_level_execute_command, *args, **kwargs)
        return self._watch.beside(command) if self._watch else command()

    def _path(self, text: str) -> str:
        """Where the module finds it: relative paths are from the folder in which the connection runs it."""
        return os.path.join(
            getattr(self._connection, "cwd", None) or os.getcwd(), os.path.expanduser(os.path.expandvars(text))
        )
