# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module that plans is told. Not in arguments.py, which the acting modules carry."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..cloud.model import Restart
from ..knowledge.vocabulary import WantedMethod
from ..planning.impact import Gaps
from ..planning.nights import Windows
from ..planning.policy import Order, Policy, Strategy
from ..probing.probes import Probing
from ..rehearsal.whatif import WhatIf
from ..rollout.limits import Limits
from ..units.pace import Took
from .arguments import approved_from_params, deadline_from_params, probing_from_params, scope_from_params


@dataclass(frozen=True)
class Earlier:
    """What an earlier report says.

    :ivar restarts: of how networks were restarted last.
    :ivar durations: of how long units took.
    :ivar gaps: of what was measured from outside, by kind and method.
    """

    restarts: Sequence[Restart] = ()
    durations: Sequence[Took] = ()
    gaps: Mapping[tuple[str, str], Gaps] | None = None


@dataclass(frozen=True)
class CheckRequest:
    """What to plan.

    :ivar fail_on_checks: whether a check that fails is a failure.
    :ivar max_failures: how many units may fail, as a number or as a percentage of those to be upgraded.
    :ivar rehearse: whether the run is played before it takes place.
    :ivar what_if: what goes wrong in one more play.
    :ivar alternatives: whether it is also played with other bounds.
    :ivar bounds: of the rollout, for its rehearsal; I(soak_s) is for how long canaries are watched.
    :ivar probing: what is going to be watched from outside; some of it is tried now.
    :ivar windows: of each night.
    :ivar target_version: plan as if the management servers ran it already; what they run now for a plan as it is.
    """

    policy: Policy = field(default_factory=Policy)
    fail_on_checks: bool = True
    max_failures: str = "0"
    deadline: datetime | None = None
    earlier: Earlier = field(default_factory=Earlier)
    rehearse: bool = True
    what_if: WhatIf | None = None
    alternatives: bool = False
    bounds: Limits = field(default_factory=Limits)
    soak_s: float = 0.0
    probing: Probing | None = None
    target_version: str = ""
    windows: Windows | None = None


def check_request(params: Mapping[str, Any]) -> CheckRequest:
    """
    :param params: of the module.
    :raises SysvmError: for what is wrong in itself; it names the option.
    """
    return CheckRequest(
        _policy(params),
        params["fail_on_checks"],
        max_failures=params["max_failures"],
        deadline=deadline_from_params(params),
        earlier=Earlier(
            [Restart(**restart) for restart in params["known_restarts"]],
            [Took.from_dict(took) for took in params["known_durations"]],
            {
                (each["kind"], each["method"]): Gaps(each["shortest_s"], each["longest_s"])
                for each in params["known_gaps"]
            },
        ),
        rehearse=bool(params["rehearse"]),
        what_if=WhatIf.of(params["rehearse"]) if isinstance(params["rehearse"], dict) else None,
        alternatives=params["alternatives"],
        bounds=Limits(params["parallel"], params["per_host"], params["system_vms_at_once"]),
        soak_s=params["soak"],
        probing=probing_from_params(params, os.environ),
        target_version=params["target_version"] or "",
        windows=Windows.of(params["nights"]) if params["nights"] else None,
    )


def _policy(params: Mapping[str, Any]) -> Policy:
    canaries = True if params["canaries"] is None else params["canaries"]  # of an empty text
    return Policy(
        scope_from_params(params),
        Strategy(
            method=WantedMethod(params["method"]),
            unsupported="unsupported" in params["recreate"],
            allow_degraded="degraded" in params["recreate"],
            fallback="failed" in params["recreate"],
        ),
        Order(canaries if isinstance(canaries, bool) else tuple(canaries), tuple(params["waves"])),
        frozenset(params["ignore_checks"]),
        approved_from_params(params),
    )
