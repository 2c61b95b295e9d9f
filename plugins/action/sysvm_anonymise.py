# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes an archive of one run that can be sent to others; it asks no cloud."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..plugin_utils.all_runs import all_runs
from ..plugin_utils.bundle import BundleError, make_bundle
from ..plugin_utils.local_action import LocalAction
from ..plugin_utils.report.runs import UPGRADE
from ..plugin_utils.run import PlayContext


class ActionModule(LocalAction):
    spec = {"run": {"type": "str"}}

    def act(self, around: PlayContext, args: Mapping[str, Any]) -> dict[str, Any]:
        around.refuse_unknown()
        around.read()
        base = around.base
        folder = _folder(base, args["run"])
        target = f"{base}/anonymised-{os.path.basename(folder)}.tar.gz"
        if not around.checking:
            replaced = len(make_bundle(folder, target))
            around.show(
                [
                    f"To send: {target}",
                    f"  {replaced} names and words are replaced in it. Please look through it first.",
                    f"Not to send: {target}.names.json says what stands for what.",
                ]
            )
        return {"changed": True, "path": target, "names": f"{target}.names.json"}


def _folder(base: str, name: str | None) -> str:
    """The run that is named, or the last upgrade.

    :raises BundleError: for one that is not there.
    """
    runs = all_runs(base) if os.path.isdir(base) else []
    for run in runs:
        if run.facts.get("id") == name if name else run.facts.get("kind") == UPGRADE:
            return run.folder.path
    raise BundleError(
        f"There is no run {name} in {base}" if name else f"There is no upgrade in {base}",
        remedy="status_sysvms shows the runs; name one with -e anonymise_run=ID, and their folder with"
        " sysvm_report_dir.",
    )
