# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Kind, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.commands import calls, patch_again
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.impact import (
    PATCH_S,
    RESTART_S,
    expected_seconds,
    impact,
    two_patches_expected,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.known_defects import (
    DEFECTS,
    Defect,
    Effect,
    defects_of,
    met_by,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Baseline, decide
from tests.unit.builders import network, network_unit, system_vm_unit, version, vm, vpc_unit

by_id = {defect.id: defect for defect in DEFECTS}
each_defect = pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: str(defect.id))


@pytest.mark.parametrize(
    ("defect", "affected", "free"),
    [
        ("8745", ["4.16.0.0", "4.18.1.1", "4.19.0.2"], ["4.15.2.0", "4.18.2.0", "4.18.2.5", "4.19.1.0", "4.20.0.0"]),
        (
            "10962",
            ["4.19.2.0", "4.19.3.0", "4.20.1.0", "4.21.0.0"],
            ["4.18.2.5", "4.19.1.3", "4.20.0.0", "4.20.2.0", "4.20.3.0", "4.22.0.0"],
        ),
        ("12211", ["4.17.0.0", "4.20.2.0", "4.22.0.0"], ["4.16.1.0"]),
        ("12621", ["4.21.0.0", "4.22.0.1"], ["4.20.2.0", "4.20.3.0"]),
        ("7958", ["4.17.0.0", "4.18.1.1"], ["4.16.1.0", "4.18.2.0", "4.19.0.0"]),
        ("9582", ["4.11.0.0", "4.19.1.1", "4.22.0.0"], []),
        ("9086", ["4.17.0.0", "4.19.1.3", "4.20.0.0"], ["4.19.2.0", "4.19.3.0", "4.20.1.0", "4.22.0.0"]),
        ("8303", ["4.18.0.0", "4.18.1.1", "4.19.0.2"], ["4.17.2.0", "4.18.2.0", "4.19.1.0", "4.20.0.0"]),
        ("8729", ["4.17.0.0", "4.18.1.1", "4.19.0.0"], ["4.18.2.0", "4.19.1.0", "4.20.0.0"]),
        ("8055", ["4.17.2.0", "4.18.1.1", "4.19.0.0"], ["4.18.2.0", "4.19.1.0"]),
        ("7953", ["4.17.2.0", "4.18.1.1"], ["4.18.2.0", "4.19.0.0"]),
    ],
)
def test_a_release_has_the_defects_of_its_branch(defect: str, affected: list[str], free: list[str]) -> None:
    having = {text for text in affected + free if by_id[defect] in defects_of(version(text))}
    assert having == set(affected)


def test_the_newest_release_that_was_looked_at_has_only_what_is_not_known_to_be_fixed() -> None:
    assert {defect.id for defect in defects_of(version("4.22.0.1"))} == {"12211", "12621", "9582"}


LB_TIERS = vpc_unit("v", tiers=(network("a", has_load_balancer=True), network("b", has_load_balancer=True)))
DOWN_TIERS = vpc_unit("v", tiers=(network("a", state="Shutdown"),))
WEB = network_unit("web")


@pytest.mark.parametrize(
    ("unit", "method", "server", "expected"),
    [
        (LB_TIERS, Method.RECREATE, "4.19.0.0", ["8745"]),
        (LB_TIERS, Method.RECREATE, "4.19.1.0", []),
        (LB_TIERS, Method.LIVE_PATCH, "4.19.0.0", []),
        (vpc_unit("v", tiers=2), Method.RECREATE, "4.20.2.0", []),
        (DOWN_TIERS, Method.LIVE_PATCH, "4.18.1.0", ["7958"]),
        (DOWN_TIERS, Method.LIVE_PATCH, "4.19.0.0", []),
        (WEB, Method.LIVE_PATCH, "4.20.1.0", ["10962"]),
        (WEB, Method.LIVE_PATCH, "4.22.0.0", []),
        (WEB, Method.SKIP, "4.20.1.0", []),
    ],
)
def test_what_a_unit_meets(unit: Unit, method: Method, server: str, expected: list[str]) -> None:
    assert [defect.id for defect in met_by(unit, method, version(server))] == expected


def test_where_the_old_checksum_may_be_kept_a_second_patch_is_expected_and_sent_when_it_is_needed() -> None:
    once, maybe_twice = (calls(WEB, Method.LIVE_PATCH, server=version(text)) for text in ("4.18.2.5", "4.21.0.0"))
    assert once == maybe_twice and len(once) == 1
    again = patch_again(WEB)
    assert (again.command, again.params) == (once[0].command, once[0].params)
    assert again.purpose is not once[0].purpose, "the server would take the second for the first"


@pytest.mark.parametrize(
    ("unit", "server", "expected"),
    [
        (WEB, "4.21.0.0", True),
        (WEB, "4.18.2.5", False),
        (network_unit("half", vm("r-1"), vm("r-2", software="4.21.0.0"), redundant=True), "4.21.0.0", True),
        # A patch has been there: the next one stores what that one left.
        (network_unit("stale", vm("r-1", software="4.21.0.0")), "4.21.0.0", False),
        (network_unit("surplus", vm("r-1", software="4.21.0.0"), vm("r-2", state="Stopped")), "4.21.0.0", False),
        (system_vm_unit(vm("s-1", Kind.SSVM)), "4.21.0.0", False),
    ],
    ids=lambda value: value.name if isinstance(value, Unit) else None,
)
def test_the_plan_says_where_two_live_patches_are_expected(unit: Unit, server: str, expected: bool) -> None:
    assert two_patches_expected(unit, version(server)) is expected
    behind = replace(unit, vms=tuple(replace(one, scripts="old-scripts") for one in unit.vms if one.is_router))
    reason = decide(behind if behind.vms else unit, Baseline(version(server), frozenset({"old-scripts"}))).reason
    assert ("two live patches are expected (known defect 10962 of this server)" in reason) is expected
    assert ("twice" in impact(unit, Method.LIVE_PATCH, server=version(server)).text) is expected
    one = expected_seconds(unit, Method.LIVE_PATCH)
    patches = len(unit.without(unit.surplus).vms) * PATCH_S + RESTART_S if expected else 0.0
    assert expected_seconds(unit, Method.LIVE_PATCH, version(server)) == one + patches


def test_a_recreation_that_keeps_the_rules_of_one_tier_only_is_followed_by_a_restart_of_a_balanced_tier() -> None:
    sent = calls(LB_TIERS, Method.RECREATE, server=version("4.19.0.0"))
    assert [call.command for call in sent] == ["restartVPC", "restartNetwork"]
    assert sent[1].params == {"id": LB_TIERS.tiers[0].id, "cleanup": False}


def test_a_live_patch_that_would_reach_no_router_is_not_planned() -> None:
    verdict = decide(DOWN_TIERS, Baseline(version("4.18.1.1")))
    assert verdict.method is Method.RECREATE
    assert "7958" in verdict.reason


def test_ids_are_unique() -> None:
    assert len(by_id) == len(DEFECTS)


@each_defect
def test_can_be_looked_up_and_acted_upon(defect: Defect) -> None:
    assert re.fullmatch(rf"https://github\.com/apache/cloudstack/(issues|pull)/{defect.id}", defect.source)
    assert defect.what
    assert defect.remedy
    assert defect.kinds
    assert defect.methods
    assert not defect.methods & {Method.NONE, Method.SKIP}


@each_defect
def test_spans_are_in_order_and_apart(defect: Defect) -> None:
    bounds = [bound for span in defect.spans for bound in (span.first, span.until)]
    assert all(bound is not None for bound in bounds[1:-1])
    known = [bound for bound in bounds if bound is not None]
    assert known == sorted(known)
    assert len(set(known)) == len(known)


@each_defect
def test_what_is_to_be_patched_twice_is_live_patched(defect: Defect) -> None:
    assert (defect.effect is Effect.SECOND_PATCH) <= (defect.methods == {Method.LIVE_PATCH})
