# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an acting module does with a target before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.arguments import limits_from_params
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import Request, _without_action
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitStatus
from tests.unit.builders import SITUATION, TARGET_TEXT, network_unit, pair, vm, vpc_unit


def without_action(unit: Unit, method: Method, *, allow_degraded: bool = False) -> UnitStatus | None:
    request = Request(Targets(), method, Limits(), allow_degraded=allow_degraded)
    result = _without_action(unit, decide(unit, SITUATION), request)
    return result.status if result else None


HEALTHY = network_unit("n", *pair("r"))
DEGRADED = network_unit("n", *(replace(one, redundant_state="BACKUP") for one in pair("r")))
TIERLESS = vpc_unit("v", *(replace(one, redundant_state="UNKNOWN") for one in pair("r")), tiers=0)


@pytest.mark.parametrize(
    ("unit", "allow_degraded", "status"),
    [
        (HEALTHY, False, None),
        (DEGRADED, False, UnitStatus.SKIPPED),
        (DEGRADED, True, None),
        (TIERLESS, False, None),  # its routers have nothing to elect over
    ],
)
def test_a_restart_of_a_degraded_pair_has_to_be_allowed(
    unit: Unit, allow_degraded: bool, status: UnitStatus | None
) -> None:
    assert without_action(unit, Method.RESTART, allow_degraded=allow_degraded) is status


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RESTART, Method.RECREATE])
def test_rules_that_are_owed_are_applied_whatever_the_method(method: Method) -> None:
    current = vm("r", software=TARGET_TEXT)
    assert without_action(network_unit("n", current), method) is UnitStatus.CURRENT
    assert without_action(network_unit("n", current, unit={"owed": (Owed("id-n", "it failed", 0.0),)}), method) is None


# What a person asks for, and what bounds the rollout then

PARAMS: dict[str, Any] = {
    "parallel": 7,
    "per_host": 2,
    "system_vms_at_once": 1,
    "max_failures": "10%",
    "deadline": None,
    "job_timeout": 3600,
    "verify_timeout": 300,
    "start_timeout": 600,
    "agent_timeout": 900,
    "wait_idle": None,
    "poll_interval": 5,
    "on_interrupt": "wait",
}


@pytest.mark.parametrize(
    ("given", "targets", "expected"),
    [
        ({}, 200, {"parallel": 7, "per_host": 2, "max_failures": 20, "deadline": None, "wait_idle": 0}),
        ({}, 5, {"max_failures": 0, "wait_when_interrupted": True}),
        ({"max_failures": "3"}, 200, {"max_failures": 3}),
        ({"on_interrupt": "leave", "wait_idle": 60}, 1, {"wait_when_interrupted": False, "wait_idle": 60}),
        (
            {"deadline": "2030-01-02T03:04:05+02:00"},
            1,
            {"deadline": datetime(2030, 1, 2, 1, 4, 5, tzinfo=timezone.utc).timestamp()},
        ),
    ],
)
def test_the_limits_of_a_rollout(given: dict[str, Any], targets: int, expected: dict[str, Any]) -> None:
    limits = limits_from_params({**PARAMS, **given}, targets)
    assert {name: getattr(limits, name) for name in expected} == expected


@pytest.mark.parametrize(("option", "value"), [("max_failures", "many"), ("deadline", "tomorrow-ish")])
def test_a_limit_that_cannot_be_meant_is_named(option: str, value: str) -> None:
    with pytest.raises(SysvmError, match=option):
        limits_from_params({**PARAMS, option: value}, 10)
