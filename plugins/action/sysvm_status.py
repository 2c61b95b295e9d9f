# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells of all runs below the folder of reports; it asks no cloud."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.api.errors import SysvmError
from ..plugin_utils.all_runs import write_index
from ..plugin_utils.report.runs import status_text
from ..plugin_utils.run import PlayContext


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        around = PlayContext(self, task_vars)
        try:
            around.refuse_unknown()
            variables = around.variables()
            base = around.path(variables["report_dir"])
            if not os.path.isdir(base):
                raise SysvmError(
                    f"There is no folder {base}, so there are no runs to tell of",
                    remedy="Name the folder of the reports in sysvm_report_dir, or begin where the runs were begun.",
                )
            runs = write_index(base)
        except SysvmError as error:
            return {**result, "failed": True, "msg": str(error)}
        around.show([*status_text(base, runs), "", f"All runs: {base}/index.html"], variables["progress"])
        return {**result, "changed": False, "runs": [{**run, "folder": f"{base}/{path}"} for path, run in runs]}
