# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outermost function of every module of this collection: the only place that knows AnsibleModule, and the only one
that turns an error into fail_json."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.arguments import (
    connection_argument_spec,
    connection_from_params,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import CS_IMPORT_ERROR, Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry import Outcome, Request, Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.bounds import parse_deadline, parse_share
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits


def run(
    argument_spec: Mapping[str, Any],
    function: Callable[[Client, Mapping[str, Any], bool], Outcome],
    *,
    missing: Mapping[str, bool] | None = None,
    **constraints: Any,
) -> NoReturn:
    """Read the parameters, call I(function) with client, parameters and check mode, and exit with its outcome.

    :param missing: further Python libraries the module needs -> whether they are missing.
    :param constraints: AnsibleModule's own, such as C(required_one_of).
    """
    module = AnsibleModule(
        argument_spec={**connection_argument_spec(), **argument_spec}, supports_check_mode=True, **constraints
    )
    for library, absent in {"cs": CS_IMPORT_ERROR is not None, **(missing or {})}.items():
        if absent:
            module.fail_json(msg=missing_required_lib(library), exception=CS_IMPORT_ERROR if library == "cs" else None)
    try:
        with Client(connection_from_params(module.params, os.environ)) as client:
            outcome = function(client, module.params, module.check_mode)
    except SysvmError as error:
        module.fail_json(msg=str(error), error=error.details())
    gc.freeze()  # only the answer is left to write; looking through thousands of units for garbage would delay it
    values = {"changed": outcome.changed, **outcome.values}
    for warning in values.pop("warnings", ()):
        module.warn(warning)
    if outcome.diff is not None and module._diff:
        values["diff"] = dict(outcome.diff)
    if outcome.failure is not None:
        module.fail_json(msg=outcome.failure, **values)
    module.exit_json(**values)


def limits_argument_spec() -> dict[str, Any]:
    """The options of a rollout, shared by the acting modules; documented in the fragment C(rollout)."""
    return {
        "parallel": {"type": "int", "default": 10},
        "per_host": {"type": "int", "default": 2},
        "system_vms_at_once": {"type": "int", "default": 1},
        "max_failures": {"type": "str", "default": "0"},
        "deadline": {"type": "str"},
        "job_timeout": {"type": "int", "default": 1800},
        "verify_timeout": {"type": "int", "default": 300},
        "start_timeout": {"type": "int", "default": 1800},
        "agent_timeout": {"type": "int", "default": 900},
        "health_checks": {"type": "bool", "default": False},
        "poll_interval": {"type": "float", "default": 5.0},
        "log": {"type": "path"},
        "label": {"type": "str"},
        "progress": {"type": "str", "choices": ["stdout", "stderr", "none"], "default": "stdout"},
        "stop_file": {"type": "path"},
        "on_interrupt": {"type": "str", "choices": ["leave", "wait"], "default": "leave"},
    }


def request_from_params(params: Mapping[str, Any], targets: Targets, method: Method) -> Request:
    """What an acting module was told to do, from its parameters.

    :raises SysvmError: as limits_from_params.
    """
    return Request(
        targets,
        method,
        limits_from_params(params, len(targets)),
        allow_degraded=params.get("allow_degraded", False),
        fallback=params.get("fallback") == "recreate",
        forced=params.get("forced", False),
        health_checks=params["health_checks"],
        log=params["log"],
        label=params["label"],
        stop_file=params["stop_file"],
    )


def limits_from_params(params: Mapping[str, Any], targets: int) -> Limits:
    """The limits of a rollout of so many targets.

    :raises SysvmError: for a number or a time that cannot be meant; it names the option.
    """
    for name, lowest in (
        ("parallel", 1),
        ("per_host", 0),
        ("system_vms_at_once", 1),
        ("job_timeout", 1),
        ("verify_timeout", 0),
        ("start_timeout", 0),
        ("agent_timeout", 0),
        ("poll_interval", 0.05),
    ):
        if params[name] < lowest:
            raise SysvmError(f"{name} is {params[name]}.", remedy=f"Give a number of at least {lowest}.")
    now = datetime.now().astimezone()
    return Limits(
        parallel=params["parallel"],
        per_host=params["per_host"],
        system_vms_at_once=params["system_vms_at_once"],
        max_failures=parse_share(params["max_failures"], targets, "max_failures"),
        deadline=parse_deadline(params["deadline"], now).timestamp() if params["deadline"] else None,
        job_timeout=params["job_timeout"],
        verify_timeout=params["verify_timeout"],
        start_timeout=params["start_timeout"],
        agent_timeout=params["agent_timeout"],
        wait_idle=params.get("wait_idle") or 0,
        poll_interval=params["poll_interval"],
        wait_when_interrupted=params["on_interrupt"] == "wait",
    )
