# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module in this process: all of it but ansible-playbook, which costs a hundred times as much."""

from __future__ import annotations

import importlib
import json
import os
from typing import Any, NoReturn
from unittest import mock

from ansible.module_utils import basic

from tests.simulator.process import RunningSimulator


class Ended(BaseException):
    """Instead of the end of the process."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__()
        self.result = result


def call_module(simulator: RunningSimulator, name: str, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """What the module returns; C(failed) and C(changed) are always there."""

    def exit_json(dummy: basic.AnsibleModule, **values: Any) -> NoReturn:
        raise Ended({"changed": False, "failed": False, **values})

    def fail_json(dummy: basic.AnsibleModule, msg: str, **values: Any) -> NoReturn:
        raise Ended({"changed": False, **values, "failed": True, "msg": msg})

    arguments = {"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check_mode}}
    module = importlib.import_module(f"ansible_collections.cloudstack.sysvm.plugins.modules.{name}")
    with (
        mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode()),
        mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True),  # since ansible-core 2.19
        mock.patch.object(basic.AnsibleModule, "exit_json", exit_json),
        mock.patch.object(basic.AnsibleModule, "fail_json", fail_json),
        mock.patch.dict(os.environ, simulator.environment()),
    ):
        try:
            module.main()
        except Ended as ended:
            return ended.result
    raise AssertionError(f"{name} ended without a word")
