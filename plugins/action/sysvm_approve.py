# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a step may begin: before the first whether the plan may be carried out at all, before others by asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..plugin_utils.live_report import begin_run
from ..plugin_utils.local_action import LocalAction
from ..plugin_utils.pause import ask_before, next_words
from ..plugin_utils.run import NOTHING_PLANNED, PlayContext, Run
from ..plugin_utils.run_folder import away_words
from ..plugin_utils.steps import statuses


class ActionModule(LocalAction):
    spec = {"run": {"type": "path", "required": True}, "number": {"type": "int", "default": 0}}

    def act(self, around: PlayContext, args: Mapping[str, Any]) -> dict[str, Any]:
        if not args["run"]:
            raise SysvmError(NOTHING_PLANNED)
        run, number = Run(args["run"]), args["number"]
        try:
            around.read()
            plan = run.read("plan")
            stopped = ask_before(number, around, run) if number else _begin(plan, around, run)
        except SysvmError as error:
            if not number:
                run.refuse(str(error))
            raise
        hooks, folder = [], run.on_disk
        if plan["steps"] and not stopped:
            told = {
                "scope": plan["scope"],
                "next": next_words(plan["steps"], number or 1),
                "counts": statuses(run.results()),
                "report": run.page,
            }
            hooks = around.hook("before_step" if number else "begin", **told, reason="")
        if hooks and folder:
            folder.away(away_words("before", number or 1, hooks))
        return {"changed": False, "skipped": bool(stopped), "stopped": stopped, "hooks": hooks}


def _begin(plan: Mapping[str, Any], around: PlayContext, run: Run) -> str:
    """:raises SysvmError: nothing may begin, as for a plan that is only for a look."""
    if plan.get("forecast"):
        raise SysvmError(
            f"Nothing was touched. sysvm_target_version is {plan['forecast']['target']}, but the management server runs"
            f" {plan['forecast']['source']}",
            remedy="Upgrade the management server first; the playbook check_sysvms shows what to prepare for that.",
        )
    if around.variables["drift"]:
        raise SysvmError(
            "Nothing was touched. sysvm_drift shows what runs where instead of the plan",
            remedy="Use it with the playbook check_sysvms, or leave it out to upgrade.",
        )
    if not around.checking:
        begin_run(around, run)
    if run.page:
        around.show([f"Report, kept up to date while this runs: {run.page}"])
    return ""
