# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules and what they mean.

The connection's have the names and variables of ngine_io.cloudstack and the C(cs) library.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible.module_utils.basic import env_fallback

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.connection import Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.parse import parse_deadline, parse_share
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits

VARIABLES = {
    "api_url": "CLOUDSTACK_ENDPOINT",
    "api_key": "CLOUDSTACK_KEY",
    "api_secret": "CLOUDSTACK_SECRET",
    "api_http_method": "CLOUDSTACK_METHOD",
    "api_timeout": "CLOUDSTACK_TIMEOUT",
    "api_verify_ssl_cert": "CLOUDSTACK_VERIFY",
}
NO_VERIFY_VARIABLE = "CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY"


def connection_argument_spec() -> dict[str, dict[str, Any]]:
    """The part of the argument spec that is documented in plugins/doc_fragments/cloudstack.py; a new one each time.

    No option is C(required): Connection says better what is missing, and names the variables.
    """
    spec: dict[str, dict[str, Any]] = {
        "api_url": {"type": "str"},
        "api_key": {"type": "str", "no_log": True},
        "api_secret": {"type": "str", "no_log": True},
        "api_http_method": {"type": "str", "choices": ["get", "post"], "default": "post"},
        "api_timeout": {"type": "int", "default": 60},
        "api_verify_ssl_cert": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True, "fallback": (_verify_fallback, [NO_VERIFY_VARIABLE])},
        "api_retry_limit": {"type": "int", "default": 300},
    }
    for option, variable in VARIABLES.items():
        spec[option]["fallback"] = (env_fallback, [variable])
    return spec


def connection_from_params(params: Mapping[str, Any], environ: Mapping[str, str]) -> Connection:
    """Make a Connection of a module's parameters, or of an action plugin's that has only some of them.

    :param params: options by name; those that are absent or None are looked up in C(environ), then have their default.
    :param environ: the environment variables.
    :raises SysvmError: as Connection; and for numbers that are none.
    """
    spec = connection_argument_spec()

    def value(option: str) -> Any:
        if params.get(option) is not None:
            return params[option]
        return environ.get(VARIABLES.get(option, "")) or spec[option].get("default")

    def seconds(option: str) -> float:
        try:
            return float(value(option))
        except ValueError:
            raise SysvmError(f"{option} ({VARIABLES.get(option, 'seconds')}) is not a number.") from None

    verify = params.get("validate_certs")
    return Connection(
        url=str(value("api_url") or "").strip(),
        key=str(value("api_key") or "").strip(),
        secret=str(value("api_secret") or "").strip(),
        http_method=str(value("api_http_method")).lower(),
        timeout=seconds("api_timeout"),
        verify_cert=not _is_true(environ.get(NO_VERIFY_VARIABLE, "")) if verify is None else bool(verify),
        ca_file=value("api_verify_ssl_cert"),
        retry_limit=seconds("api_retry_limit"),
    )


def _verify_fallback(variable: str) -> bool:
    """The variable says the opposite of the option."""
    return not _is_true(env_fallback(variable))


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("1", "on", "t", "true", "y", "yes")


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
