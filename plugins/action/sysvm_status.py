# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells of all runs below the folder of reports; it asks no cloud."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..plugin_utils.all_runs import write_index
from ..plugin_utils.local_action import LocalAction
from ..plugin_utils.report.runs import status_text
from ..plugin_utils.run import PlayContext


class ActionModule(LocalAction):
    def act(self, around: PlayContext, args: Mapping[str, Any]) -> dict[str, Any]:
        around.refuse_unknown()
        around.read()
        base = around.base
        if not os.path.isdir(base):
            raise SysvmError(
                f"There is no folder {base}, so there are no runs to tell of",
                remedy="Name the folder of the reports in sysvm_report_dir, or begin where the runs were begun.",
            )
        runs = write_index(base)
        around.show([*status_text(base, runs), "", f"All runs: {base}/index.html"])
        return {"changed": False, "runs": [{**run, "folder": f"{base}/{path}"} for path, run in runs]}
