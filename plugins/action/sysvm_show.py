# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows a plan, a report or lines of text as they are."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils.report.text import plan_text, report_text
from ..plugin_utils.run import show


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        spec = {
            "lines": {"type": "list", "elements": "str"},
            "plan": {"type": "dict"},
            "checks": {"type": "list", "elements": "dict", "default": []},
            "report": {"type": "dict"},
            "progress": {"type": "str", "choices": ["stdout", "stderr", "none"], "default": "stdout"},
        }
        given = [("lines", "plan", "report")]
        dummy, args = self.validate_argument_spec(argument_spec=spec, mutually_exclusive=given, required_one_of=given)
        lines = [line for text in args["lines"] or () for line in text.split("\n")]
        if args["plan"]:
            lines = plan_text(args["plan"], args["checks"])
        elif args["report"]:
            lines = report_text(args["report"])
        show(lines, args["progress"])
        return {**result, "changed": False}
