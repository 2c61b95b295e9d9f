# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules as Ansible wants them, and what they mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import env_fallback

from ..api.connection import Connection
from ..api.errors import SysvmError
from ..cloud.endpoints import Wanted
from ..knowledge.vocabulary import Method
from ..options.modules import CONNECTION, NO_VERIFY_VARIABLE
from ..options.option import Option
from ..options.reading import read
from ..options.rollout import LIMITS
from ..options.sources import connection_values, is_true
from ..planning.approved import ApprovedPlan, approved_plan
from ..planning.policy import Scope, kinds_of
from ..planning.targets import Targets
from ..planning.values import parse_deadline, share_of
from ..probing.probes import PLACES_VARIABLE, Probing
from ..rollout.control import STOP_VARIABLE
from ..rollout.limits import Limits
from ..rollout.progress import GUARD_VARIABLE
from ..rollout.submitter import Guard
from ..units.actions import Want
from .orders import Request

ROUTER_TARGETS = ("networks", "vpcs", "routers")


def argument_spec(options: Iterable[Option]) -> dict[str, dict[str, Any]]:
    """What AnsibleModule wants to know of the options; a new one each time."""
    return {option.name: _argument(option) for option in options}


def _argument(option: Option) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": option.type}
    if option.type == "list":
        spec["elements"] = option.elements or "str"
    if option.default is not None:
        spec["default"] = list(option.default) if option.type == "list" else option.default
    for key in ("choices", "aliases"):
        if getattr(option, key):
            spec[key] = list(getattr(option, key))
    for key in ("required", "no_log"):
        if getattr(option, key):
            spec[key] = True
    if option.suboptions:
        spec["options"] = argument_spec(option.suboptions)
    if option.env:
        spec["fallback"] = (_verify_fallback if option.env == NO_VERIFY_VARIABLE else env_fallback, [option.env])
    return spec


def read_params(options: Iterable[Option], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with what Ansible does not read: bounds, shares, moments, and what names no unit at all.

    :raises OptionError: for a value that is invalid.
    """
    found = dict(params)
    for option in options:
        if found.get(option.name) is not None and (option.means or option.narrows or option.lowest is not None):
            source = f"({option.env}) " if option.env else ""
            found[option.name] = read(option, found[option.name], source=source)
    return found


def scope_from_params(params: Mapping[str, Any]) -> Scope:
    """What part of the cloud is meant.

    :raises OptionError: for names that are meant and left out.
    """
    named = {name: tuple(params[name] or ()) for name in ("zones", "names", "exclude_names", "owners", "cidrs")}
    return Scope(kinds=kinds_of(params["kinds"] or ()), select=params["select"], **named)


def approved_from_params(params: Mapping[str, Any]) -> ApprovedPlan | None:
    """What was approved; None where nobody had to approve.

    :raises ApprovedPlanError: as approved_plan.
    """
    lines = params["approved_lines"]
    return None if lines is None else approved_plan(lines)


def connection_from_params(params: Mapping[str, Any], environ: Mapping[str, str]) -> Connection:
    """Make a Connection of a module's parameters, or of an action plugin's that has only some of them.

    :param params: options by name; those that are absent or None are looked up in C(environ), then in a file, then have
        their default.
    :param environ: the environment variables.
    :raises SysvmError: as Connection and connection_values; and for numbers that are none.
    """
    values = connection_values(params, environ)

    def number(name: str) -> float:
        try:
            return float(values[name])
        except ValueError:
            env = f" ({CONNECTION[name].env})" if CONNECTION[name].env else ""
            raise SysvmError(f"{name}{env} is not a number.") from None

    urls = [url.strip() for url in str(values["api_url"] or "").split(",")]
    first, *others = dict.fromkeys(urls)
    return Connection(
        url=first,
        others=tuple(others),
        key=str(values["api_key"] or "").strip(),
        secret=str(values["api_secret"] or "").strip(),
        http_method=str(values["api_http_method"]).lower(),
        timeout=number("api_timeout"),
        verify_cert=values["validate_certs"],
        ca_file=values["api_verify_ssl_cert"],
        cert=values["api_cert"],
        cert_key=values["api_cert_key"],
        retry_limit=number("api_retry_limit"),
        connections=int(number("api_connections")),
    )


def _verify_fallback(variable: str) -> bool:
    """The variable says the opposite of the option."""
    return not is_true(env_fallback(variable))


def live_patch_request(params: Mapping[str, Any]) -> Request:
    return _request(params, Targets(system_vms=params["system_vms"]), Method.LIVE_PATCH)


def recreate_request(params: Mapping[str, Any]) -> Request:
    method = Method.RECREATE if params["mode"] == "destroy" else Method.RESTART
    return _request(params, Targets(system_vms=params["system_vms"]), method)


def router_request(params: Mapping[str, Any]) -> Request:
    targets = Targets(**{option: params[option] or () for option in ROUTER_TARGETS})
    return _request(params, targets, Method(params["mode"]))


def _request(params: Mapping[str, Any], targets: Targets, method: Method) -> Request:
    """What an acting module was told to do, from its parameters.

    :raises SysvmError: as limits_from_params.
    """
    want = Want.by(
        method,
        allow_degraded=params.get("allow_degraded", False),
        fallback=params.get("fallback") == "recreate" and method is Method.LIVE_PATCH,
        forced=params.get("forced", False),
        looks_inside=params["health_checks"],
        soak_s=params["soak"],
    )
    return Request(
        targets,
        want,
        limits_from_params(params, len(targets)),
        probing=probing_from_params(params, os.environ),
        log=params["log"],
        label=params["label"],
        control=params["control"],
        stop_file=os.environ.get(STOP_VARIABLE),
        planned=params["if_gone"] == "report",
        approved=approved_from_params(params),
        guard=os.environ.get(GUARD_VARIABLE) or Guard.UNKNOWN.value,
    )


def probing_from_params(params: Mapping[str, Any], environ: Mapping[str, str]) -> Probing | None:
    """How to watch from outside; None where that is not wanted."""
    if not params["probe"]:
        return None
    return Probing(
        Wanted(params["probe_endpoints"], params["probe_ports"]),
        params["probe_rate"],
        params.get("probe_patience") or 0,
        environ.get(PLACES_VARIABLE) or None,
    )


def deadline_from_params(params: Mapping[str, Any]) -> datetime | None:
    """When a run has to be over, in local time.

    :raises SysvmError: for a time that cannot be meant; it names the option.
    """
    return parse_deadline(params["deadline"], datetime.now(timezone.utc)) if params["deadline"] else None


def limits_from_params(params: Mapping[str, Any], targets: int) -> Limits:
    """The limits of a rollout of so many targets.

    :raises SysvmError: for a share or a time that cannot be meant; it names the option.
    """
    deadline = deadline_from_params(params)
    return Limits(
        **{name: params[name] for name in LIMITS if name != "on_interrupt"},
        max_failures=share_of(params["max_failures"], targets),
        deadline=deadline.timestamp() if deadline else None,
        wait_idle=params.get("wait_idle") or 0,
        wait_when_interrupted=params["on_interrupt"] == "wait",
    )
