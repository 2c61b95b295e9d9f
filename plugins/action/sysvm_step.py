# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out one step of a plan by the module that does it, and keeps the report of the run true meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.api.connection import MET_VARIABLE
from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.counts import count
from ..module_utils.options.modules import CONNECTION
from ..module_utils.options.probing import RATE
from ..module_utils.rollout.progress import GUARD_VARIABLE, JOURNAL_VARIABLE
from ..plugin_utils.all_runs import keep_index
from ..plugin_utils.live import LiveAction
from ..plugin_utils.live_report import LiveReport, control_file
from ..plugin_utils.pause import ask_before, next_words
from ..plugin_utils.probe_hosts import ProbeHosts, probe_hosts
from ..plugin_utils.report.runs import AWAY
from ..plugin_utils.report.write import WriteError
from ..plugin_utils.run import PlayContext, Run, message_of, show_warnings
from ..plugin_utils.run_folder import away_words
from ..plugin_utils.steps import ModuleCall, budget_left, failures, module_call, pause_due, statuses, why_stopped
from ..plugin_utils.watch import stopped_by


class ActionModule(LiveAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        options = {"run": {"type": "path", "required": True}, "number": {"type": "int", "required": True}}
        dummy, args = self.validate_argument_spec(
            argument_spec={**options, **{name: {"type": "raw"} for name in CONNECTION}}
        )
        around, run, number = PlayContext(self, task_vars), Run(args["run"]), args["number"]
        try:
            if run.refused:  # and the play ignores errors
                raise SysvmError(run.refused)
            around.read()
            if number == 1:
                around.refuse_shared_endpoint()
            if stopped := ask_before(number, around, run):
                return {**result, "skipped": True, "stopped": stopped, "failures": 0, "hooks": []}
            step = StepAtWork(around, run, number)
            step.tell()
            return {**result, **self._carry_out(step)}
        except SysvmError as error:
            return {**result, "failed": True, "msg": str(error)}

    def _carry_out(self, step: StepAtWork) -> dict[str, Any]:
        call = step.call()
        step.around.tell_modules(step.environment())
        step.around.show([step.headline])
        try:
            returned, interrupted = self._run(call, step)
        except BaseException:  # the timeout of a task is one: what was done by then is kept for the report
            step.end({})
            raise
        stopped = step.end(returned, stopped_by(interrupted) if interrupted else "")
        self.end_if(interrupted)
        return {
            "changed": bool(returned.get("changed")),
            "summary": returned.get("summary", {}),
            "failures": step.failures,
            "stopped": stopped,
            "hooks": step.hooks,
            "warnings": show_warnings(returned.get("warnings", ())),
            **({"diff": returned["diff"]} if "diff" in returned else {}),
        }

    def _run(self, call: ModuleCall, step: StepAtWork) -> tuple[dict[str, Any], signal.Signals | None]:
        """Run the module and show its lines, with probers on other hosts where these are wanted."""
        variables = step.around.variables
        probed_from = variables["probe_from"] if variables["probe"] and not step.around.checking else ()
        with ProbeHosts(probe_hosts(probed_from, self, step.around.vars), RATE) as hosts:
            step.around.tell_modules(hosts.environment)

            def look() -> list[str]:
                hosts.relay()
                return step.report.look(self._watch is not None and self._watch.interrupted is not None)

            returned, interrupted = self.run_live(
                f"cloudstack.sysvm.{call.module}",
                dict(call.options),
                step.around.vars,
                prefix=step.around.prefix,
                where=variables["progress"],
                tick=look,
            )
        returned["warnings"] = [*returned.get("warnings", []), *hosts.problems]
        return returned, interrupted


class StepAtWork:
    """One step of a run: what it is given, and what is kept of it."""

    def __init__(self, around: PlayContext, run: Run, number: int) -> None:
        self.around, self.run, self.number = around, run, number
        self.plan, self.before = run.plan(), run.results()
        self.step = self.plan["steps"][number - 1]
        self.budget = budget_left(self.step, self.plan["max_failures"], self.before)
        self.folder = run.on_disk
        self.failures = 0
        self.hooks: list[dict[str, Any]] = []
        self._journal = self.folder.journal(number) if self.folder else os.path.join(run.folder, f"journal-{number}")
        metrics = None if around.checking else around.metrics()
        self.report = LiveReport(self.folder, self.plan, self.before, self._journal, run.rollouts(), metrics)

    def tell(self) -> None:
        """Say on disk which step is at work, and in which process."""
        if self.folder is not None:
            with contextlib.suppress(WriteError):
                self.folder.begin_step(self.number, len(self.plan["steps"]))

    @property
    def headline(self) -> str:
        steps = len(self.plan["steps"])
        return f"Step {self.number} of {steps}: {self.step['name']}, {count(len(self.step['units']), 'unit')}"

    def call(self) -> ModuleCall:
        """The module with all its options."""
        wanted = frozenset(self.step["units"])
        units = [unit for unit in self.plan["units"] if unit["id"] in wanted]
        call = module_call(self.step, units, self.around.variables, len(self.plan["steps"]), self.budget)
        own = {
            "deadline": self.plan["deadline"] or None,
            "log": self.folder.log if self.folder else None,
            "control": control_file(self.around),
        }
        options = {**self.around.connection(), **call.options, **own}
        return replace(call, options={name: value for name, value in options.items() if value is not None})

    def environment(self) -> dict[str, str]:
        """What the module needs to know beside its options."""
        guards = [rollout["guard"] for rollout in self.run.rollouts()]
        return {JOURNAL_VARIABLE: self._journal, GUARD_VARIABLE: guards[-1] if guards else "", MET_VARIABLE: "1"}

    def end(self, returned: Mapping[str, Any], interrupted: str = "") -> str:
        """Keep what became of its units, in the run and in the report.

        :param returned: what the module returned; empty where it was lost.
        :param interrupted: by whom, where ansible-playbook is ending.
        :returns: what ends the run now; empty if nothing does.
        """
        followed = self.report.followed
        followed.follow()
        results = returned.get("results")
        known = list(followed.results.values()) if results is None else results
        running = followed.running if results is None else {}
        self.run.keep(f"results-{self.number:05}", known)
        self.run.keep("running", running)
        rollout = {"guard": returned.get("guard", "unknown"), "notes": returned.get("notes", []) + self.report.noted}
        self.run.keep(f"rollout-{self.number:05}", rollout)
        self.failures = failures(known) + (results is None)
        stopped, code = why_stopped(self.step, results, self.budget, message_of(returned))
        if stopped:
            self.run.stop(stopped, code)
        if interrupted:
            self.report.end(known, running, interrupted)
            keep_index(self.around.report_folder, self.around.base)
        else:
            self.hooks = self._hooks_after(stopped)
            self.report.write(known, running, state=AWAY, waiting_for=away_words("after", self.number, self.hooks))
        return stopped

    def _hooks_after(self, stopped: str) -> list[dict[str, Any]]:
        """The operator's tasks after it."""
        steps = self.plan["steps"]
        pauses = not stopped and pause_due(self.step, steps, self.around.variables["pause"])
        goes_on = not stopped and self.number < len(steps)
        told = {
            "scope": self.plan["scope"],
            "counts": statuses(self.run.results()),
            "report": self.run.page,
            "next": next_words(steps, self.number + 1) if goes_on else "",
            "reason": stopped,
        }
        moments = ["after_step", *(["failure"] if self.failures else ()), *(["pause"] if pauses else ())]
        return [hook for moment in moments for hook in self.around.hook(moment, **told)]
