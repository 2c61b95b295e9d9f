# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan does by each strategy, also on odd estates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide, wanted
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.unit.builders import (
    NEW,
    SITUATION,
    TARGET_TEXT,
    network_unit,
    pair,
    ssvm,
    vm,
    vpc_unit,
)

HALF_FAULT = (pair("r")[0], replace(pair("r")[1], redundant_state="FAULT"))
LEFT_OVER = vm("r-2", built_from="UNKNOWN", software="", scripts=None, state="Stopped")
RECREATE = Strategy(WantedMethod.RECREATE)
UNSUPPORTED = Strategy(unsupported=True)
DISABLED = replace(SITUATION, disabled_zones=frozenset({"id-zone"}))

# The odd estates, each by name: unit, wishes, baseline, method, words the reason must have.
ODD = {
    "recreate: from an old template": (network_unit("n"), RECREATE, SITUATION, Method.RECREATE, "built from 4.18.1"),
    "recreate: already new": (network_unit("n", vm("r", **NEW)), RECREATE, SITUATION, Method.NONE, "already"),
    "recreate: new software on an old template": (
        network_unit("n", vm("r", software=TARGET_TEXT)),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "built from 4.18.1, not from systemvm-4.22.0",
    ),
    "recreate: system VM": (ssvm(), RECREATE, SITUATION, Method.RECREATE, "built from"),
    "recreate: new system VM": (
        ssvm(software=TARGET_TEXT, root_template_id="id-new"),
        RECREATE,
        SITUATION,
        Method.NONE,
        "already",
    ),
    "recreate: healthy pair": (network_unit("n", *pair("r")), RECREATE, SITUATION, Method.RECREATE, "built from"),
    "recreate: one half FAULT": (network_unit("n", *HALF_FAULT), RECREATE, SITUATION, Method.SKIP, "FAULT"),
    "recreate: BACKUP and BACKUP": (
        network_unit("n", *(replace(one, redundant_state="BACKUP") for one in pair("r"))),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "sysvm_recreate (degraded)",
    ),
    "recreate: degraded pair, allowed": (
        network_unit("n", *HALF_FAULT),
        Strategy(WantedMethod.RECREATE, allow_degraded=True),
        SITUATION,
        Method.RECREATE,
        "built from",
    ),
    "recreate: half a pair, allowed": (
        network_unit("n", pair("r")[0], redundant=True),
        Strategy(WantedMethod.RECREATE, allow_degraded=True),
        SITUATION,
        Method.RECREATE,
        "2 routers expected",
    ),
    "recreate: a pair of which nothing runs": (
        network_unit("n", *pair("r", state="Stopped")),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "r-1 is Stopped, r-2 is Stopped",
    ),
    "recreate: unknown redundant state of a single router": (
        network_unit("n", vm("r", redundant_state="UNKNOWN")),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "built from",
    ),
    "recreate: a network without a router": (
        replace(network_unit("n"), vms=()),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "1 router expected, there: none",
    ),
    "recreate: disabled zone": (ssvm(), RECREATE, DISABLED, Method.SKIP, "zone is disabled"),
    "recreate: network Allocated with a left-over router": (
        network_unit("n", vm("r", state="Stopped"), state="Allocated"),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "Allocated",
    ),
    "recreate: VPC disabled": (vpc_unit("v", state="Inactive"), RECREATE, SITUATION, Method.SKIP, "Inactive"),
    "recreate: Lswitch": (network_unit("n", broadcast="Lswitch"), RECREATE, SITUATION, Method.SKIP, "Lswitch"),
    "recreate: external provider": (
        network_unit("n", providers=frozenset({"NSX"})),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "NSX",
    ),
    "recreate: router Starting": (
        network_unit("n", vm("r", state="Starting")),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "Starting",
    ),
    "recreate: a Basic zone": (
        replace(network_unit("n"), per_pod=True),
        RECREATE,
        SITUATION,
        Method.RESTART,
        "rebooted onto a new disk",
    ),
    "auto: router in Error": (
        network_unit("n", vm("r", state="Error")),
        Strategy(),
        SITUATION,
        Method.RECREATE,
        "r is Error",
    ),
    "auto: duplicate router left over by a failed restart": (
        network_unit("n", vm("r-1"), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.LIVE_PATCH,
        "r-2 is left over from a recreation that failed",
    ),
    "auto: duplicate router although all is current": (
        network_unit("n", vm("r-1", **NEW), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.LIVE_PATCH,
        "r-2 is left over from a recreation that failed",
    ),
    "auto: a left-over router of a unit that must not be touched": (
        network_unit("n", vm("r-1", built_from="4.11"), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.SKIP,
        "OpenJDK",
    ),
    "auto: built from 4.11": (
        network_unit("n", vm("r", built_from="4.11")),
        Strategy(),
        SITUATION,
        Method.SKIP,
        "OpenJDK",
    ),
    "auto: built from 4.11, recreation allowed": (
        network_unit("n", vm("r", built_from="4.11")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "OpenJDK",
    ),
    # What nobody tells is no reason to destroy.
    "auto: unknown version, recreation allowed": (
        network_unit("n", vm("r", built_from="UNKNOWN")),
        UNSUPPORTED,
        SITUATION,
        Method.SKIP,
        "unknown",
    ),
    "auto: stopped router from 4.11, recreation allowed": (
        network_unit("n", vm("r", built_from="4.11", state="Stopped")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "OpenJDK",
    ),
    "auto: agent not connected": (
        ssvm(agent_state="Alert"),
        Strategy(),
        SITUATION,
        Method.SKIP,
        "the agent of s-1 is Alert",
    ),
    "live_patch: what only recreation cures": (
        vpc_unit("v", tiers=0),
        Strategy(WantedMethod.LIVE_PATCH),
        SITUATION,
        Method.SKIP,
        "recreate it",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_estate(name: str) -> None:
    unit, wishes, baseline, method, words = ODD[name]
    verdict = decide(unit, baseline, wanted(wishes))
    assert verdict.method is method, verdict.reason
    assert words in verdict.reason


def test_half_a_pair_that_is_to_be_recreated_is_planned_as_a_recreation() -> None:
    """Its other half is deployed first, by the same step."""
    verdict = decide(network_unit("n", pair("r")[0], redundant=True), SITUATION, wanted(RECREATE))
    assert (verdict.method, verdict.code) == (Method.RECREATE, "Missing")


@pytest.mark.parametrize(
    ("strategy", "want"),
    [
        (Strategy(), Want(recreate=True)),
        (Strategy(WantedMethod.LIVE_PATCH), Want()),
        (RECREATE, Want(renew=True)),
        (UNSUPPORTED, Want(recreate=True, unsupported=True)),
        (Strategy(WantedMethod.LIVE_PATCH, fallback=True), Want(fallback=True)),
        (Strategy(allow_degraded=True), Want(recreate=True, allow_degraded=True)),
    ],
)
def test_what_a_strategy_comes_to(strategy: Strategy, want: Want) -> None:
    assert replace(wanted(strategy), blocker=want.blocker) == want
