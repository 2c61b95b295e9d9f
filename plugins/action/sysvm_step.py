# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out one step of a plan by the module that does it, and keeps the report of the run true meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.api.connection import MET_VARIABLE
from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.counts import count
from ..module_utils.options.modules import CONNECTION
from ..module_utils.options.probing import RATE
from ..module_utils.rollout.control import refuse_left_over
from ..module_utils.rollout.progress import GUARD_VARIABLE, JOURNAL_VARIABLE
from ..plugin_utils.keeper import Keeper
from ..plugin_utils.live import LiveAction
from ..plugin_utils.probe_hosts import ProbeHosts, probe_hosts
from ..plugin_utils.report.write import WriteError
from ..plugin_utils.run import PlayContext, Run, message_of, show_warnings
from ..plugin_utils.run_folder import RUNNING, UPGRADE, of_run
from ..plugin_utils.steps import budget_left, failures, module_call, why_stopped
from ..plugin_utils.watch import stopped_by


class ActionModule(LiveAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        options = {"run": {"type": "path", "required": True}, "number": {"type": "int", "required": True}}
        dummy, args = self.validate_argument_spec(
            argument_spec={**options, **{name: {"type": "raw"} for name in CONNECTION}}
        )
        around, run = PlayContext(self, task_vars), Run(args["run"])
        try:
            variables = around.variables()
            if args["number"] == 1:
                around.refuse_shared_endpoint(variables)
            return {**result, **self._step(around, run, args["number"], variables, task_vars)}
        except SysvmError as error:
            return {**result, "failed": True, "msg": str(error)}

    def _step(
        self,
        around: PlayContext,
        run: Run,
        number: int,
        variables: dict[str, Any],
        task_vars: dict[str, Any] | None,
    ) -> dict[str, Any]:
        plan, before = run.plan(), run.results()
        step = plan["steps"][number - 1]
        wanted = frozenset(step["units"])
        units = [unit for unit in plan["units"] if unit["id"] in wanted]
        budget = budget_left(step, plan["max_failures"], before)
        call = module_call(step, units, variables, len(plan["steps"]), budget)
        args = {**around.connection(variables), **call.options, "deadline": plan["deadline"] or None}
        args["control"] = os.path.join(around.report_folder(variables), "control")
        if number == 1 and not self._task.check_mode:
            refuse_left_over(args["control"], datetime.fromisoformat(plan["started"]).timestamp())
        folder = of_run(run)
        if folder is not None:
            args["log"] = folder.log
        args = {name: value for name, value in args.items() if value is not None}

        checking = self._task.check_mode
        journal = os.path.join(run.folder, f"journal-{number}")
        guards = [rollout["guard"] for rollout in run.rollouts()]
        around.tell_modules(
            {JOURNAL_VARIABLE: journal, GUARD_VARIABLE: guards[-1] if guards else "", MET_VARIABLE: "1"}
        )
        path = None if checking else around.metrics_file(variables)
        keeper = Keeper(folder, plan, before, journal, run.rollouts(), (path, around.host) if path else None)
        if folder is not None:
            with contextlib.suppress(WriteError):
                run.keep("worker", {"pid": os.getpid()})
                folder.tell(kind=UPGRADE, state=RUNNING, step=number, steps=len(plan["steps"]))
        if number == 1 and not checking:
            if folder is None:
                raise SysvmError(f"Nothing was touched, as there would be no report: {run.read('on_disk')['problem']}")
            keeper.begin()
            for mark, text in (("scope", plan["scope"]), *(("note", note) for note in plan["notes"])):
                folder.say(mark, text)
        around.show(
            [f"Step {number} of {len(plan['steps'])}: {step['name']}, {count(len(units), 'unit')}"],
            variables["progress"],
        )
        try:
            returned, interrupted = self._run(call.module, args, around, variables, task_vars, keeper.look)
        except BaseException:  # the timeout of a task is one: what was done by then is kept for the report
            keeper.followed.follow(journal)
            run.keep(f"results-{number:05}", list(keeper.followed.results.values()))
            run.keep("running", keeper.followed.running)
            keeper.write(list(keeper.followed.results.values()), keeper.followed.running)
            raise
        keeper.followed.follow(journal)
        results = returned.get("results")
        known = list(keeper.followed.results.values()) if results is None else results
        running = keeper.followed.running if results is None else {}
        run.keep(f"results-{number:05}", known)
        stopped = why_stopped(step, results, budget, message_of(returned))
        run.keep("running", running)
        run.keep(
            f"rollout-{number:05}", {"guard": returned.get("guard", "unknown"), "notes": returned.get("notes", [])}
        )
        if interrupted:
            keeper.end(known, running, stopped_by(interrupted))
        else:
            keeper.write(known, running)
        self.end_if(interrupted)
        return {
            "changed": bool(returned.get("changed")),
            "summary": returned.get("summary", {}),
            "failures": failures(known) + (results is None),
            "stopped": stopped,
            "warnings": show_warnings(returned.get("warnings", ())),
            **({"diff": returned["diff"]} if "diff" in returned else {}),
        }

    def _run(
        self,
        module: str,
        args: dict[str, Any],
        around: PlayContext,
        variables: dict[str, Any],
        task_vars: dict[str, Any] | None,
        tick: Callable[[bool], None] = lambda stopping: None,
    ) -> tuple[dict[str, Any], signal.Signals | None]:
        """Run a module and show its lines, with probers on other hosts where these are wanted."""
        probed_from = variables["probe_from"] if variables["probe"] and not self._task.check_mode else ()
        environment = self._task.environment or []
        with ProbeHosts(probe_hosts(probed_from, self, task_vars or {}), RATE) as hosts:
            self._task.environment = [*environment, hosts.environment]

            def look() -> None:
                tick(self._watch is not None and self._watch.interrupted is not None)
                hosts.relay()

            returned, interrupted = self.run_live(
                f"cloudstack.sysvm.{module}",
                args,
                task_vars,
                prefix=around.prefix,
                where=variables["progress"],
                tick=look,
            )
        self._task.environment = environment
        returned["warnings"] = [*returned.get("warnings", []), *hosts.problems]
        return returned, interrupted
