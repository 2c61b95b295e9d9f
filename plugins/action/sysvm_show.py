# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows lines of text as they are."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.lines import WAYS


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        spec = {
            "lines": {"type": "list", "elements": "str", "required": True},
            "progress": {"type": "str", "choices": list(WAYS), "default": "stdout"},
        }
        dummy, args = self.validate_argument_spec(argument_spec=spec)
        for line in args["lines"]:
            WAYS[args["progress"]](line)
        return {"changed": False}
