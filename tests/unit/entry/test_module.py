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
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.arguments import limits_from_params, router_request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import CloudFacts, Orders, Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import _decide, _outcome
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import RefusedError, Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import LogFile
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.surroundings import Rollout
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import NEW, SITUATION, TARGET, TARGET_TEXT, network_unit, pair, ssvm, vm, vpc_unit


def facts(*units: Unit, gone: dict[str, str] | None = None) -> CloudFacts:
    return CloudFacts(TARGET, units, gone or {}, units, SITUATION, (), None)


def orders(*units: Unit, method: Method = Method.LIVE_PATCH, **more: Any) -> Orders:
    return _decide(facts(*units), Request(Targets(), Want.by(method, **more), Limits()))


def settled(unit: Unit, method: Method, **more: Any) -> UnitStatus | None:
    """What becomes of it without a rollout; None where it has one."""
    found = orders(unit, method=method, **more)
    assert [each.id for each in found.work] == [unit.id] * (unit.id not in found.settled)
    return found.settled[unit.id].status if found.settled else None


HEALTHY = network_unit("n", *pair("r"))
DEGRADED = network_unit("n", *(replace(one, redundant_state="BACKUP") for one in pair("r")))
TIERLESS = vpc_unit("v", *(replace(one, redundant_state="UNKNOWN") for one in pair("r")), tiers=0)


@pytest.mark.parametrize(
    ("unit", "method", "status"),
    [
        (network_unit("n", vm("r", **NEW)), Method.LIVE_PATCH, UnitStatus.CURRENT),
        (network_unit("n", vm("r", **NEW)), Method.RECREATE, UnitStatus.CURRENT),
        (network_unit("n", vm("r", software=TARGET_TEXT)), Method.RECREATE, None),
        (network_unit("n", state="Allocated"), Method.LIVE_PATCH, UnitStatus.SKIPPED),
        (network_unit("n", vm("r-1"), vm("r-2")), Method.LIVE_PATCH, UnitStatus.SKIPPED),  # needs recreation
        (replace(network_unit("n"), vms=()), Method.LIVE_PATCH, None),
        (HEALTHY, Method.RESTART, None),
        (TIERLESS, Method.RESTART, None),  # its routers have nothing to elect over
        # These may come out of it by themselves, so they are looked at again when it is their turn.
        (DEGRADED, Method.RESTART, None),
        (network_unit("n", vm("r", state="Starting")), Method.LIVE_PATCH, None),
        (ssvm(agent_state="Disconnected"), Method.LIVE_PATCH, None),
    ],
)
def test_what_gets_no_rollout(unit: Unit, method: Method, status: UnitStatus | None) -> None:
    assert settled(unit, method) is status


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RESTART, Method.RECREATE])
def test_rules_that_are_owed_are_applied_whatever_the_method(method: Method) -> None:
    current = vm("r", **NEW)
    assert settled(network_unit("n", current), method) is UnitStatus.CURRENT
    if method is Method.RESTART:
        old_disk = replace(current, root_template_id="id-old", root_template="old")
        per_pod = {"per_pod": True}
        assert settled(network_unit("n", old_disk), method) is UnitStatus.CURRENT, "it would keep its disk"
        assert settled(network_unit("n", old_disk, unit=per_pod), method) is None
    assert settled(network_unit("n", current, unit={"owed": (Owed("id-n", "it failed", 0.0),)}), method) is None


def test_what_the_matrix_forbids_refuses_all() -> None:
    with pytest.raises(RefusedError, match=r"Nothing was touched: r was built from 4\.11") as refused:
        orders(network_unit("m"), network_unit("n", vm("r", built_from="4.11")))
    assert "OpenJDK" in str(refused.value)


@pytest.mark.parametrize(
    ("method", "given", "wanted"),
    [
        (Method.LIVE_PATCH, {}, set()),
        (Method.LIVE_PATCH, {"fallback": "recreate", "forced": True}, {"fallback", "forced"}),
        (Method.RECREATE, {"fallback": "recreate"}, {"renew"}),
        (Method.RECREATE, {"allow_degraded": True}, {"renew", "allow_degraded"}),
        (Method.RESTART, {}, {"reboot"}),
    ],
)
def test_what_a_request_comes_to(method: Method, given: dict[str, Any], wanted: set[str]) -> None:
    options = {"probe": False, "log": None, "label": None, "control": None, "if_gone": "fail", "approved_lines": None}
    asked = {"networks": ["n"], "vpcs": [], "routers": [], "mode": method.value, "health_checks": False, "soak": 0}
    want = router_request({**PARAMS, **options, **asked, **given}).want
    assert {name for name, value in vars(want).items() if value is True} == wanted


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RESTART, Method.RECREATE])
def test_health_checks_are_a_matter_of_the_rollout(method: Method) -> None:
    found = orders(network_unit("n"), network_unit("m", vm("r", **NEW)), method=method, looks_inside=True)
    assert ([unit.name for unit in found.work], list(found.settled)) == (["n"], ["id-m"])
    assert found.want.looks_inside


# What it tells in the end

GOOD, BAD, LEFT = network_unit("good"), network_unit("bad"), network_unit("left")


def result(unit: Unit, status: UnitStatus, reason: str = "why", **more: Any) -> UnitResult:
    return UnitResult(unit, Method.LIVE_PATCH, status, reason, **more)


def outcome(*results: UnitResult, gone: dict[str, str] | None = None, **more: Any) -> Any:
    units = [each.unit for each in results]
    nothing = Orders({}, units, orders().want)
    return _outcome(facts(*units, gone=gone), nothing, Rollout(tuple(results), **more), LogFile(None))


def test_what_a_plan_named_and_is_gone_is_a_result_and_no_failure() -> None:
    found = outcome(result(GOOD, UnitStatus.UPGRADED, submitted=True), gone={"id-x": "networks", "id-s": "system_vms"})
    told = [(each["id"], each["kind"], each["status"], each["code"]) for each in found.values["results"][1:]]
    assert told == [("id-x", "network", "gone", "Gone"), ("id-s", "ssvm", "gone", "Gone")]
    assert (found.failure, found.changed) == (None, True)
    assert found.values["summary"] == {"upgraded": 1, "gone": 2}


@pytest.mark.parametrize(
    ("status", "fails"),
    [(status, not status.good) for status in UnitStatus],
)
def test_what_is_not_proven_is_named(status: UnitStatus, fails: bool) -> None:
    found = outcome(result(GOOD, UnitStatus.CURRENT), result(BAD, status, "the reason"))
    assert bool(found.failure) is fails
    assert not fails or "1 current" in found.failure
    told = fails and status is not UnitStatus.NOT_STARTED
    assert ("network bad: the reason" in (found.failure or "")) is told, "each that was not started would say the same"


def test_why_nothing_was_started_is_told_once() -> None:
    results = [result(unit, UnitStatus.NOT_STARTED, "the run was interrupted") for unit in (LEFT, GOOD)]
    failure = outcome(*results).failure
    assert failure.count("the run was interrupted") == 1 and "None" not in failure


def test_nothing_was_changed_where_nothing_was_sent() -> None:
    assert not outcome(result(GOOD, UnitStatus.CURRENT), result(LEFT, UnitStatus.NOT_STARTED)).changed


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


@pytest.mark.parametrize(("option", "value"), [("deadline", "tomorrow-ish")])
def test_a_limit_that_cannot_be_meant_is_named(option: str, value: str) -> None:
    with pytest.raises(SysvmError, match=option):
        limits_from_params({**PARAMS, option: value}, 10)
