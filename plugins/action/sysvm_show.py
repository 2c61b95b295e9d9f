# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows a plan, a report or lines of text as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.local_action import LocalAction
from ..plugin_utils.report.text import plan_text, report_text
from ..plugin_utils.run import PlayContext, show

GIVEN = [("lines", "plan", "report")]


class ActionModule(LocalAction):
    spec = {
        "lines": {"type": "list", "elements": "str"},
        "plan": {"type": "dict"},
        "checks": {"type": "list", "elements": "dict", "default": []},
        "report": {"type": "dict"},
        "progress": {"type": "str", "choices": ["stdout", "stderr", "none"], "default": "stdout"},
    }
    constraints = {"mutually_exclusive": GIVEN, "required_one_of": GIVEN}

    def act(self, around: PlayContext, args: Mapping[str, Any]) -> dict[str, Any]:
        lines = [line for text in args["lines"] or () for line in text.split("\n")]
        if args["plan"]:
            lines = plan_text(args["plan"], args["checks"])
        elif args["report"]:
            lines = report_text(args["report"])
        show(lines, args["progress"])
        return {"changed": False}
