# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions have in common that do their work here, in ansible-playbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.api.errors import SysvmError
from .run import PlayContext


class LocalAction(ActionBase):
    """Base of them. They run in check mode, too; a SysvmError fails the task.

    :cvar spec: the options, as Ansible wants them.
    :cvar constraints: between these, such as C(required_one_of).
    """

    _supports_check_mode = True
    _requires_connection = False
    spec: Mapping[str, Mapping[str, Any]] = {}
    constraints: Mapping[str, Any] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(argument_spec=dict(self.spec), **self.constraints)
        try:
            return {**result, **self.act(PlayContext(self, task_vars), args)}
        except SysvmError as error:
            return {**result, "changed": False, "failed": True, "msg": str(error)}

    def act(self, around: PlayContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """What the task returns.

        :raises SysvmError: why it fails.
        """
        raise NotImplementedError
