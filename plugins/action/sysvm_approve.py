# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks whether to go on after a step, where that is wanted and somebody can answer."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.api.errors import SysvmError
from ..plugin_utils.run import PlayContext, Run, somebody_can_answer
from ..plugin_utils.steps import pause_due


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = {**super().run(tmp, task_vars), "changed": False, "stopped": ""}
        spec = {"run": {"type": "path", "required": True}, "number": {"type": "int", "required": True}}
        dummy, args = self.validate_argument_spec(argument_spec=spec)
        around = PlayContext(self, task_vars)
        try:
            variables = around.variables()
        except SysvmError as error:
            return {**result, "failed": True, "msg": str(error)}
        steps = Run(args["run"]).read("plan")["steps"]
        step = steps[args["number"] - 1]
        if self._task.check_mode or variables["approved"] or not pause_due(step, steps, variables["pause"]):
            return result
        if not _yes(f"{around.prefix}Step {step['number']} ({step['name']}) is done. Type yes to go on:"):
            told = f"not approved after step {step['number']} ({step['name']})"
            result["stopped"] = f"{told}; run again with sysvm_approved=true to go on"
        return result


def _yes(question: str) -> bool:
    if not somebody_can_answer(os.environ):
        return False
    try:
        return Display().prompt_until(question).decode(errors="replace").strip().lower() == "yes"
    except (AnsiblePromptInterrupt, AnsiblePromptNoninteractive):
        return False
