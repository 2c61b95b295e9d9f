# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge import matrix
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import (
    Strategy,
    Unsupported,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import Proof, verify
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline, is_current
from tests.unit.builders import (
    OWNER,
    SITUATION,
    TARGET,
    TARGET_TEXT,
    network,
    network_unit,
    pair,
    system_vm_unit,
    version,
    vm,
    vpc_unit,
)


def ssvm(**more: object) -> Unit:
    return system_vm_unit(vm("s-1", Kind.SSVM, **more))  # type: ignore[arg-type]


def internal_lb(**more: object) -> Unit:
    one = vm("b-1", internal_lb=True, **more)  # type: ignore[arg-type]
    return Unit(one.id, one.name, Kind.INTERNAL_LB, one.zone_id, one.zone, OWNER, (one,))


CASES = [
    # unit, method, words the reason must have
    (network_unit("n"), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (network_unit("n", vm("r", software=TARGET_TEXT)), Method.NONE, "already runs 4.22"),
    (network_unit("n", vm("r", software=TARGET_TEXT, scripts="old-scripts")), Method.LIVE_PATCH, "claims 4.22"),
    (network_unit("n", vm("r", software="")), Method.LIVE_PATCH, "unknown version"),
    (network_unit("n", vm("r", built_from="4.14.0")), Method.LIVE_PATCH, "strongSwan"),
    (network_unit("n", vm("r", built_from="4.13.1")), Method.SKIP, "OpenJDK"),
    (network_unit("n", vm("r", built_from="UNKNOWN")), Method.SKIP, "unknown"),
    (network_unit("n", *pair("r")), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (network_unit("n", pair("r")[0], pair("r", software=TARGET_TEXT)[1]), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (network_unit("n", vm("r", state="Stopped")), Method.RESTART, "Stopped"),
    (network_unit("n", vm("r", state="Stopped", software=TARGET_TEXT)), Method.RESTART, "Stopped"),
    (network_unit("n", vm("r", state="Stopped", built_from="4.11")), Method.SKIP, "OpenJDK"),
    (network_unit("n", vm("r", state="Starting")), Method.SKIP, "Starting"),
    (network_unit("n", pair("r")[0], vm("r-2", redundant=True, state="Stopped")), Method.LIVE_PATCH, "will be started"),
    (network_unit("n", state="Allocated"), Method.SKIP, "Allocated"),
    (network_unit("n", state="Shutdown"), Method.SKIP, "Shutdown"),
    (network_unit("n", state="Setup", type="Shared"), Method.LIVE_PATCH, "runs"),
    (network_unit("n", broadcast="Lswitch"), Method.SKIP, "Lswitch"),
    (network_unit("n", providers=frozenset({"Netris"})), Method.SKIP, "Netris"),
    (network_unit("n", vm("r", hypervisor="Hyperv")), Method.RECREATE, "Hyperv"),
    (network_unit("n", vm("r-1"), vm("r-2")), Method.RECREATE, "2 routers"),
    (replace(network_unit("n", vm("r-1"), vm("r-2")), per_pod=True), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (replace(network_unit("n", vm("r", hypervisor="Hyperv")), per_pod=True), Method.RESTART, "Basic zone"),
    (vpc_unit("v"), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (vpc_unit("v", tiers=0), Method.RECREATE, "without tiers"),
    (vpc_unit("v", vm("r", software=TARGET_TEXT), tiers=0), Method.NONE, "already"),
    (vpc_unit("v", tiers=(network("t", state="Allocated", vpc_id="id-v"),)), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (vpc_unit("v", state="Inactive"), Method.SKIP, "Inactive"),
    (ssvm(), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (ssvm(software="4.22.0.0-SNAPSHOT"), Method.NONE, "already"),
    (ssvm(software="4.22.0.0-SNAPSHOT", agent_state="Disconnected"), Method.SKIP, "agent is Disconnected"),
    (ssvm(built_from="4.11.2"), Method.SKIP, "OpenJDK"),
    (ssvm(built_from=""), Method.LIVE_PATCH, "runs"),
    (ssvm(built_from="", software="4.13.0"), Method.SKIP, "unknown"),
    (ssvm(state="Stopped"), Method.RECREATE, "Stopped"),
    (internal_lb(), Method.RESTART, "internal LB VM"),
    (internal_lb(software="", scripts="new-scripts"), Method.NONE, "already"),
    (internal_lb(software="", scripts="other"), Method.RESTART, "internal LB VM"),
]


@pytest.mark.parametrize(
    ("unit", "method", "words"), CASES, ids=[f"{c[1].value}-{c[2]}-{n}" for n, c in enumerate(CASES)]
)
def test_verdict(unit: Unit, method: Method, words: str) -> None:
    verdict = decide(unit, SITUATION)
    assert verdict.method is method, verdict.reason
    assert words in verdict.reason


def test_an_orphan_is_not_touched() -> None:
    one = vm("r-9")
    unit = Unit(one.id, one.name, Kind.ORPHAN, one.zone_id, one.zone, OWNER, (one,))
    assert decide(unit, SITUATION).method is Method.SKIP


def test_forbidden_names_each_vm() -> None:
    unit = network_unit("n", *pair("r", built_from="4.11.3"))
    verdict = decide(unit, SITUATION)
    assert [one.name for one, dummy in verdict.forbidden] == ["r-1", "r-2"]
    assert verdict.method is Method.SKIP
    assert "recreate it from the new template" in verdict.reason


def test_current_routers_of_an_old_template_are_not_forbidden() -> None:
    """A VM from 4.13 that runs the target already needs nothing."""
    verdict = decide(network_unit("n", vm("r", built_from="4.11", software=TARGET_TEXT)), SITUATION)
    assert (verdict.method, verdict.forbidden) == (Method.NONE, ())


RECREATE = Strategy(WantedMethod.RECREATE)
UNSUPPORTED = Strategy(unsupported=Unsupported.RECREATE)
NEW: dict[str, Any] = {"built_from": "4.22.0", "software": TARGET_TEXT, "root_template_id": "id-new"}
HALF_FAULT = (pair("r")[0], replace(pair("r")[1], redundant_state="FAULT"))
LONELY = (pair("r")[0],)
DISABLED = replace(SITUATION, disabled_zones=frozenset({"id-zone"}))
LEFT_OVER = vm("r-2", built_from="UNKNOWN", software="", scripts=None, state="Stopped")

# The odd estates, each by name: unit, wishes, baseline, method, words the reason must have.
ODD = {
    "recreate: from an old template": (network_unit("n"), RECREATE, SITUATION, Method.RECREATE, "built from 4.18.1"),
    "recreate: already new": (network_unit("n", vm("r", **NEW)), RECREATE, SITUATION, Method.NONE, "already"),
    "recreate: new software on an old template": (
        network_unit("n", vm("r", software=TARGET_TEXT)),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "built from 4.18.1",
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
        "not one PRIMARY and one BACKUP",
    ),
    "recreate: pair that lost its BACKUP": (
        network_unit("n", *LONELY, redundant=True),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "sysvm_allow_degraded",
    ),
    "recreate: degraded pair, allowed": (
        network_unit("n", *HALF_FAULT),
        Strategy(WantedMethod.RECREATE, allow_degraded=True),
        SITUATION,
        Method.RECREATE,
        "",
    ),
    "recreate: unknown redundant state of a single router": (
        network_unit("n", vm("r", redundant_state="UNKNOWN")),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "built from",
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
    "auto: router in Error": (
        network_unit("n", vm("r", state="Error")),
        Strategy(),
        SITUATION,
        Method.RECREATE,
        "Error",
    ),
    "auto: duplicate router left over by a failed restart": (
        network_unit("n", vm("r-1"), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.LIVE_PATCH,
        "left over from a recreation that failed, will be destroyed",
    ),
    "auto: duplicate router although all is current": (
        network_unit("n", vm("r-1", **NEW), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.LIVE_PATCH,
        "2 routers",
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
    "auto: unknown version, recreation allowed": (
        network_unit("n", vm("r", built_from="UNKNOWN")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "unknown",
    ),
    "auto: stopped router from 4.11, recreation allowed": (
        network_unit("n", vm("r", built_from="4.11", state="Stopped")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "OpenJDK",
    ),
    "auto: agent not connected": (ssvm(agent_state="Alert"), Strategy(), SITUATION, Method.SKIP, "agent is Alert"),
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
    verdict = decide(unit, baseline, wishes)
    assert verdict.method is method, verdict.reason
    assert words in verdict.reason
