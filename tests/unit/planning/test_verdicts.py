# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of each unit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Status, Type
from tests.unit.builders import (
    NEW,
    SITUATION,
    TARGET,
    TARGET_TEXT,
    internal_lb,
    network,
    network_unit,
    orphan,
    pair,
    ssvm,
    version,
    vm,
    vpc_unit,
)

BEHIND = "reports 4.18.1.0, not 4.22.0.0"
HALF_STOPPED = (pair("r")[0], vm("r-2", redundant=True, state="Stopped"))
LEFT_OVER = vm("r-2", built_from="UNKNOWN", software="", scripts=None, state="Stopped")
OWED = (Owed("id-n", "its last restart failed", 1.0),)

CASES = [
    # unit, method, the reason as a stable word, words that it must have for a person
    (network_unit("n"), Method.LIVE_PATCH, "OldVersion", f"r-n {BEHIND}"),
    (network_unit("n", vm("r", software=TARGET_TEXT)), Method.NONE, "Done", "already runs 4.22"),
    (
        network_unit("n", vm("r", software=TARGET_TEXT, scripts="old-scripts")),
        Method.LIVE_PATCH,
        "OldScripts",
        "r reports 4.22.0.0, but with the scripts of an older version",
    ),
    (network_unit("n", vm("r", software="")), Method.LIVE_PATCH, "OldVersion", "r reports no version"),
    (network_unit("n", vm("r", built_from="4.14.0")), Method.LIVE_PATCH, "OldVersion", "strongSwan"),
    (network_unit("n", vm("r", built_from="4.13.1")), Method.SKIP, "Forbidden", "OpenJDK"),
    (network_unit("n", vm("r", built_from="UNKNOWN")), Method.SKIP, "OriginUnknown", "unknown"),
    (network_unit("n", *pair("r")), Method.LIVE_PATCH, "OldVersion", f"r-1 {BEHIND}; r-2 {BEHIND}"),
    (network_unit("n", pair("r")[0], pair("r", **NEW)[1]), Method.LIVE_PATCH, "OldVersion", f"r-1 {BEHIND}"),
    (network_unit("n", vm("r", state="Stopped")), Method.RESTART, "Halted", "r is Stopped"),
    (network_unit("n", vm("r", state="Stopped", software=TARGET_TEXT)), Method.RESTART, "Halted", "r is Stopped"),
    (network_unit("n", vm("r", state="Stopped", built_from="4.11")), Method.SKIP, "Forbidden", "OpenJDK"),
    (network_unit("n", vm("r", state="Stopped", built_from="")), Method.RESTART, "Halted", "r is Stopped"),
    (network_unit("n", vm("r", state="Starting")), Method.SKIP, "StillSettling", "r is Starting; run again"),
    (network_unit("n", *HALF_STOPPED), Method.LIVE_PATCH, "Halted", f"r-2 is Stopped; r-1 {BEHIND}"),
    (network_unit("n", state="Allocated"), Method.SKIP, "WrongState", "Allocated"),
    (network_unit("n", state="Shutdown"), Method.SKIP, "WrongState", "Shutdown"),
    (network_unit("n", state="Setup", type="Shared"), Method.LIVE_PATCH, "OldVersion", BEHIND),
    (network_unit("n", broadcast="Lswitch"), Method.SKIP, "SdnNetwork", "Lswitch"),
    (network_unit("n", providers=frozenset({"Netris"})), Method.SKIP, "OtherProvider", "Netris"),
    (network_unit("n", vm("r", hypervisor="Hyperv")), Method.RECREATE, "OldVersion", "Hyperv"),
    (network_unit("n", vm("r-1"), vm("r-2")), Method.RECREATE, "TooMany", "2 routers"),
    (replace(network_unit("n", vm("r-1"), vm("r-2")), per_pod=True), Method.LIVE_PATCH, "OldVersion", BEHIND),
    (
        replace(network_unit("n", vm("r", hypervisor="Hyperv")), per_pod=True),
        Method.RESTART,
        "OldVersion",
        "Basic zone",
    ),
    (vpc_unit("v"), Method.LIVE_PATCH, "OldVersion", BEHIND),
    (vpc_unit("v", tiers=0), Method.RECREATE, "OldVersion", "without tiers"),
    (vpc_unit("v", vm("r", software=TARGET_TEXT), tiers=0), Method.NONE, "Done", "already"),
    (
        vpc_unit("v", tiers=(network("t", state="Allocated", vpc_id="id-v"),)),
        Method.LIVE_PATCH,
        "OldVersion",
        BEHIND,
    ),
    (vpc_unit("v", state="Inactive"), Method.SKIP, "WrongState", "Inactive"),
    (ssvm(), Method.LIVE_PATCH, "OldVersion", f"the agent of s-1 {BEHIND}"),
    (ssvm(software="4.22.0.0-SNAPSHOT"), Method.NONE, "Done", "already"),
    (
        ssvm(software="4.22.0.0-SNAPSHOT", agent_state="Disconnected"),
        Method.SKIP,
        "AgentAway",
        "the agent of s-1 is Disconnected",
    ),
    (ssvm(built_from="4.11.2"), Method.SKIP, "Forbidden", "OpenJDK"),
    (ssvm(built_from=""), Method.LIVE_PATCH, "OldVersion", BEHIND),
    (ssvm(built_from="", software="4.13.0"), Method.SKIP, "Forbidden", "4.13.0 or older"),
    (ssvm(built_from="", software=""), Method.SKIP, "OriginUnknown", "unknown"),
    (ssvm(state="Stopped"), Method.RECREATE, "Halted", "Stopped"),
    (internal_lb(), Method.RESTART, "OldScripts", "internal LB VM"),
    (internal_lb(software="", scripts="new-scripts"), Method.NONE, "Done", "already"),
    (internal_lb(software="", scripts="other"), Method.RESTART, "OldScripts", "internal LB VM"),
    (orphan(), Method.SKIP, "Orphan", "does not exist"),
    (replace(network_unit("n"), doubts=("two lists",)), Method.SKIP, "ListsContradict", "two lists"),
    # what is missing is looked for, not only what is old
    (replace(network_unit("n"), vms=()), Method.RESTART, "Missing", "1 router expected, there: none"),
    (replace(vpc_unit("v"), vms=()), Method.RESTART, "Missing", "1 router expected, there: none"),
    (network_unit("n", pair("r", **NEW)[0], redundant=True), Method.RESTART, "Missing", "2 routers expected"),
    (network_unit("n", pair("r")[0], redundant=True), Method.LIVE_PATCH, "Missing", f"there: r-1; r-1 {BEHIND}"),
    (network_unit("n", *pair("r", **NEW), redundant=True), Method.NONE, "Done", "already"),
    (
        network_unit("n", *(replace(one, redundant_state="PRIMARY") for one in pair("r", **NEW))),
        Method.SKIP,
        "PairNotWhole",
        "r-1 Running PRIMARY, r-2 Running PRIMARY",
    ),
    (replace(network_unit("n", vm("r", **NEW)), owed=OWED), Method.RESTART, "Pending", "its last restart failed"),
    (replace(network_unit("n"), owed=OWED), Method.LIVE_PATCH, "OldVersion", BEHIND),
    # nobody needs it, so it is nobody's trouble
    (network_unit("n", vm("r", **NEW), state="Shutdown"), Method.NONE, "Done", "already"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "method", "code", "words"), CASES, ids=[f"{c[1].value}-{c[2]}-{n}" for n, c in enumerate(CASES)]
)
def test_verdict(unit: Unit, method: Method, code: str, words: str) -> None:
    verdict = decide(unit, SITUATION)
    assert verdict.method is method, verdict.reason
    assert (verdict.code, words in verdict.reason) == (code, True), verdict.reason


def test_an_internal_lb_vm_of_the_new_template_is_current_before_any_router_is() -> None:
    """It tells no software version, and no router has its checksum yet."""
    unit = internal_lb(software="", built_from="4.22.0", scripts="seen-nowhere")
    assert decide(unit, Baseline(TARGET, old_scripts=frozenset({"old-scripts"}))).method is Method.NONE
    assert decide(unit, Baseline(TARGET, old_scripts=frozenset({"seen-nowhere"}))).method is Method.RESTART


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


def test_what_will_be_destroyed_is_named() -> None:
    reason = decide(network_unit("n", vm("r-1"), LEFT_OVER), SITUATION).reason
    [told] = [part for part in reason.split("; ") if "will be destroyed" in part]
    assert "r-2" in told


@pytest.mark.parametrize("unit", [network_unit("n"), ssvm(), vpc_unit("v")])
def test_a_plan_does_not_ask_routers_about_themselves(unit: Unit) -> None:
    assert decide(unit, SITUATION, Want(looks_inside=True)) == decide(unit, SITUATION, Want())


def test_a_verdict_carries_all_conditions_with_their_reasons() -> None:
    verdict = decide(network_unit("n", vm("r-1"), LEFT_OVER), SITUATION)
    found = {each.type: (each.status, each.reason) for each in verdict.conditions}
    assert list(found) == list(Type)
    assert found[Type.SOFTWARE] == (Status.FALSE, "OldVersion")
    assert found[Type.COMPLETE] == (Status.FALSE, "LeftOver")
    assert found[Type.IDLE][0] is found[Type.EXISTS][0] is Status.TRUE
    assert decide(orphan(), SITUATION).conditions, "and so does one that is skipped"


def test_a_reason_says_which_of_several_networks_needs_its_rules_and_why() -> None:
    owed = (
        Owed("id-v-tier0", "it was lost", 1.0),
        Owed("id-v-tier1", "it was lost", 1.0),
        Owed("id-v", "it failed", 1.0),
    )
    verdict = decide(replace(vpc_unit("v", vm("r", **NEW)), owed=owed), SITUATION)
    assert verdict.method is Method.RESTART
    assert "tier v-tier0, tier v-tier1" in verdict.reason
    assert verdict.reason.count("it was lost") == 1 and "it failed" in verdict.reason


OLD_SERVER = Baseline(version("4.16.1.0"), minimums={"id-zone": version("4.16.0")})


@pytest.mark.parametrize(
    ("unit", "method", "words"),
    [
        (network_unit("n", vm("r", built_from="4.16.0", software="")), Method.NONE, "is not older than 4.16.1.0 wants"),
        (network_unit("n", vm("r", built_from="4.15.1", software="")), Method.SKIP, "r was built from 4.15.1"),
        (network_unit("n", vm("r", built_from="", software="")), Method.SKIP, "an unknown version"),
        (network_unit("n", vm("r", built_from="4.16.0", state="Stopped")), Method.SKIP, "before 4.17"),
        (ssvm(software="4.16.1.0"), Method.NONE, "is not older"),
        (ssvm(software="4.15.1.0"), Method.SKIP, "before 4.17"),
    ],
)
def test_on_a_server_that_cannot_live_patch_nothing_is_done(unit: Unit, method: Method, words: str) -> None:
    verdict = decide(unit, OLD_SERVER)
    assert (verdict.method, words in verdict.reason) == (method, True), verdict.reason
    elsewhere = decide(replace(unit, vms=tuple(replace(one, zone_id="other") for one in unit.vms)), OLD_SERVER)
    assert unit.kind is Kind.SSVM or elsewhere.method is Method.SKIP, (
        "of a zone whose minimum is unknown nothing is known"
    )
