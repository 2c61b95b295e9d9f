# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.impact import impact
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide, wanted
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import reboot, recreate
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import (
    PATCH_S,
    RESTART_S,
    expected_seconds,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.known_defects import (
    DEFECTS,
    Defect,
    Effect,
    defects_of,
    met_by,
    oldest_agents,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.templates import NewTemplate
from tests.unit.builders import estate, network, network_unit, pair, system_vm_unit, version, vm, vpc_unit

by_id = {defect.id: defect for defect in DEFECTS}
each_defect = pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: str(defect.id))


# Of each the first and the last release with it, and the next one without it, on each branch.
BOUNDS = [
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
    ("8497", ["4.20.0.0", "4.20.3.0", "4.21.0.0", "4.22.0.1"], ["4.18.2.5", "4.19.3.0"]),
    ("8497-python", ["4.20.0.0", "4.20.3.0", "4.21.0.0", "4.22.0.1"], ["4.18.2.5", "4.19.3.0"]),
    ("10710", ["4.22.0.0", "4.22.0.1"], ["4.20.3.0", "4.21.0.0"]),
    ("11557", ["4.21.0.0"], ["4.20.2.0", "4.20.3.0", "4.22.0.0"]),
    ("8741", ["4.18.0.0", "4.18.2.0", "4.18.2.5", "4.19.0.2"], ["4.17.2.0", "4.19.1.0", "4.20.0.0"]),
    ("8354", ["4.19.0.0", "4.19.0.2"], ["4.18.2.5", "4.19.1.0", "4.20.0.0"]),
    ("10366", ["4.16.1.0", "4.19.2.0", "4.20.0.0"], ["4.19.3.0", "4.20.1.0", "4.21.0.0", "4.22.0.0"]),
    ("6921", ["4.17.0.0", "4.17.1.0"], ["4.16.1.0", "4.17.2.0", "4.18.0.0"]),
    ("7982", ["4.17.0.0", "4.18.2.0", "4.22.0.1"], ["4.16.1.0"]),
    ("10067", ["4.20.0.0"], ["4.18.2.5", "4.19.1.3", "4.19.2.0", "4.20.1.0", "4.21.0.0"]),
    ("10563", ["4.17.0.0", "4.18.2.5", "4.19.2.0", "4.20.0.0"], ["4.19.3.0", "4.20.1.0", "4.21.0.0"]),
    ("7144", ["4.16.1.0", "4.17.2.0", "4.18.0.0"], ["4.18.1.0", "4.19.0.0"]),
    ("8089", ["4.17.2.0", "4.18.1.1"], ["4.18.2.0", "4.19.0.0"]),
    ("6853", ["4.17.0.0", "4.17.1.0"], ["4.16.1.0", "4.17.2.0", "4.18.0.0"]),
    ("9197", ["4.17.2.0", "4.18.2.5", "4.19.0.2"], ["4.19.1.0", "4.20.0.0"]),
    ("8395", ["4.17.2.0", "4.18.2.5", "4.19.0.2"], ["4.19.1.0", "4.20.0.0"]),
    ("6755", ["4.19.0.0", "4.19.3.0", "4.20.3.0"], ["4.18.2.5", "4.21.0.0", "4.22.0.0"]),
    ("10046", ["4.18.1.0", "4.18.2.5", "4.19.1.3", "4.20.0.0"], ["4.17.2.0", "4.18.0.0", "4.19.2.0", "4.20.1.0"]),
    ("12952", ["4.20.1.0", "4.20.2.0", "4.21.0.0", "4.22.0.1"], ["4.19.3.0", "4.20.0.0", "4.20.3.0"]),
    ("11592", ["4.21.0.0", "4.22.0.0", "4.22.0.1"], ["4.20.2.0", "4.20.3.0", "4.22.1.0"]),
    ("11965", ["4.21.0.0", "4.22.0.1"], ["4.20.1.0", "4.20.3.0"]),
    ("7433", ["4.16.1.0", "4.17.2.0", "4.18.0.0"], ["4.18.1.0", "4.19.0.0"]),
    ("13021", ["4.14.1.0", "4.18.2.5", "4.22.0.1"], []),
]


@pytest.mark.parametrize(("defect", "affected", "free"), BOUNDS)
def test_a_release_has_the_defects_of_its_branch(defect: str, affected: list[str], free: list[str]) -> None:
    having = {text for text in affected + free if by_id[defect] in defects_of(version(text))}
    assert having == set(affected)


def test_the_newest_release_that_was_looked_at_has_only_what_is_not_known_to_be_fixed() -> None:
    found = {defect.id for defect in defects_of(version("4.22.0.1"))}
    assert found == {
        *("12211", "12621", "9582", "8497", "8497-python", "10710", "7982", "12952", "11592", "11965", "13021")
    }


LB_TIERS = vpc_unit("v", tiers=(network("a", has_load_balancer=True), network("b", has_load_balancer=True)))
DOWN_TIERS = vpc_unit("v", tiers=(network("a", state="Shutdown"),))
WEB = network_unit("web", vm("r-web", built_from="4.20.1"))


UNKNOWN = network_unit("unknown", vm("r-unknown", built_from=""))


def from_template(built_from: str) -> Unit:
    return network_unit("old", vm("r-old", built_from=built_from))


PATCHED, MADE_ANEW = {Method.LIVE_PATCH}, {Method.RECREATE}
STARTED = {Method.RECREATE, Method.RESTART}
SSVM, CPVM = (system_vm_unit(vm(name, kind)) for name, kind in (("s-1", Kind.SSVM), ("v-2", Kind.CPVM)))
LB_VM = system_vm_unit(vm("b-3", internal_lb=True))
BALANCED = network_unit("lb", unit={"sensitive_services": ("load balancing",)})
PRIVATE_VPC = replace(vpc_unit("private"), sensitive_services=("private gateway",))
SITE_VPN_VPC = replace(vpc_unit("vpn"), sensitive_services=("site-to-site VPN",))
PAIR_VPC = vpc_unit("pair", *pair("r-pair"), redundant=True)


def on(unit: Unit, hypervisor: str | None) -> Unit:
    return replace(unit, vms=tuple(replace(one, hypervisor=hypervisor) for one in unit.vms))


# A release that has it, the methods, units that meet it, units that do not.
WHO: list[tuple[str, str, set[Method], list[Unit], list[Unit]]] = [
    ("8745", "4.19.0.0", STARTED, [LB_TIERS], [vpc_unit("v")]),
    ("10962", "4.20.1.0", PATCHED, [WEB, LB_TIERS], [SSVM, LB_VM]),
    ("8497", "4.20.2.0", PATCHED, [from_template("4.19.1"), from_template("4.16.0")], [WEB, UNKNOWN, SSVM]),
    ("8497-python", "4.20.0.0", PATCHED, [from_template("4.15.1")], [from_template("4.16.0"), UNKNOWN]),
    ("10710", "4.22.0.0", PATCHED, [from_template("4.19.1"), from_template("4.14.0")], [WEB, UNKNOWN, SSVM]),
    ("12211", "4.22.0.0", PATCHED, [from_template("4.21.0")], [from_template("4.22.0"), UNKNOWN]),
    ("12621", "4.22.0.0", MADE_ANEW, [vpc_unit("v")], [WEB]),
    ("7958", "4.18.1.0", PATCHED, [DOWN_TIERS], [vpc_unit("v"), vpc_unit("v", tiers=0)]),
    ("9582", "4.22.0.0", PATCHED | STARTED, [BALANCED], [WEB]),
    ("8729", "4.19.0.0", STARTED, [vpc_unit("v", tiers=0)], [vpc_unit("v")]),
    ("8055", "4.19.0.0", STARTED, [vpc_unit("v", tiers=6)], [vpc_unit("v", tiers=5)]),
    ("8741", "4.18.2.5", PATCHED | STARTED, [network_unit("s", type="Shared")], [WEB, vpc_unit("v")]),
    ("8354", "4.19.0.0", STARTED, [vpc_unit("v")], [WEB]),
    ("10366", "4.20.0.0", MADE_ANEW, [PAIR_VPC], [vpc_unit("v"), WEB]),
    ("6921", "4.17.1.0", STARTED, [on(vpc_unit("v"), "VMware"), on(vpc_unit("v"), None)], [vpc_unit("v"), WEB]),
    (
        "7982",
        "4.22.0.0",
        PATCHED,
        [PAIR_VPC, vpc_unit("v", vm("r", software=""), redundant=True)],
        [vpc_unit("v"), vpc_unit("v", vm("r", software="4.18.2.0"), redundant=True), WEB],
    ),
    ("10067", "4.20.0.0", PATCHED | STARTED, [SITE_VPN_VPC], [vpc_unit("v")]),
    ("10563", "4.19.2.0", PATCHED | STARTED, [WEB, vpc_unit("v"), LB_VM], [SSVM]),
    ("9086", "4.20.0.0", PATCHED, [SSVM], [CPVM, WEB]),
    ("8303", "4.19.0.0", STARTED, [CPVM], [SSVM]),
    ("11557", "4.21.0.0", STARTED, [SSVM, on(SSVM, None)], [CPVM, on(SSVM, "VMware")]),
    ("7144", "4.18.0.0", MADE_ANEW, [SSVM, CPVM], [WEB]),
    ("8089", "4.18.1.0", PATCHED | STARTED, [SSVM, CPVM], [WEB]),
    ("7953", "4.18.1.0", STARTED, [SSVM, CPVM, WEB, vpc_unit("v"), LB_VM], []),
    ("6853", "4.17.1.0", MADE_ANEW, [SSVM, CPVM, WEB, vpc_unit("v"), LB_VM], []),
    ("9197", "4.19.0.0", {Method.RESTART}, [SSVM, WEB, LB_VM], [on(WEB, "VMware")]),
    ("8395", "4.19.0.0", STARTED, [SSVM, CPVM, WEB, vpc_unit("v"), LB_VM], []),
    ("6755", "4.20.2.0", PATCHED | STARTED, [SSVM, CPVM, WEB, vpc_unit("v"), LB_VM], []),
    ("11592", "4.22.0.0", PATCHED | STARTED, [vpc_unit("v"), PAIR_VPC], [WEB, vpc_unit("v", tiers=0), LB_VM]),
    ("11965", "4.22.0.0", PATCHED | STARTED, [PRIVATE_VPC], [vpc_unit("v"), SITE_VPN_VPC, WEB]),
    ("7433", "4.18.0.0", MADE_ANEW, [WEB, vpc_unit("v")], [SSVM, CPVM]),
    ("13021", "4.22.0.0", MADE_ANEW, [CPVM], [SSVM, WEB]),
]


@pytest.mark.parametrize(("defect", "server", "methods", "meeting", "spared"), WHO)
def test_who_meets_a_defect(
    defect: str, server: str, methods: set[Method], meeting: list[Unit], spared: list[Unit]
) -> None:
    def meets(unit: Unit, method: Method) -> bool:
        return by_id[defect] in met_by(unit, method, version(server), version("4.22.0"))

    assert all(meets(unit, method) is (method in methods) for unit in meeting for method in Method)
    assert not [unit.label for unit in spared for method in Method if meets(unit, method)]


@pytest.mark.parametrize(
    ("hypervisor", "server", "agent", "has_it"),
    [
        ("KVM", "4.20.2.0", None, False),
        ("KVM", "4.20.2.0", "4.20.1.0", True),
        ("KVM", "4.20.1.0", "4.20.2.0", False),
        ("VMware", "4.20.2.0", "4.20.1.0", False),
        ("XenServer", "4.20.1.0", "4.20.2.0", True),
    ],
)
def test_a_defect_of_the_patched_files_is_that_of_what_delivers_them(
    hypervisor: str, server: str, agent: str | None, has_it: bool
) -> None:
    met = met_by(on(WEB, hypervisor), Method.LIVE_PATCH, version(server), agent=parse_version(agent))
    assert (by_id["10962"] in met) is has_it


def test_a_defect_of_the_server_is_that_of_the_server() -> None:
    met = met_by(DOWN_TIERS, Method.LIVE_PATCH, version("4.19.1.0"), agent=version("4.18.1.0"))
    assert "7958" not in {defect.id for defect in met}


def test_the_oldest_agent_of_a_zone_is_that_of_hosts_that_are_up() -> None:
    hosts = tuple(
        Host(f"h{number}", f"h{number}", zone, hypervisor, parse_version(agent), state, "Enabled")
        for number, (zone, hypervisor, agent, state) in enumerate(
            [
                ("a", "KVM", "4.20.2.0", "Up"),
                ("a", "KVM", "4.20.1.0", "Up"),
                ("a", "KVM", "4.18.0.0", "Down"),
                ("a", "XenServer", "4.17.0.0", "Up"),
                ("b", "KVM", "4.22.0.0", "Up"),
                ("c", "KVM", None, "Up"),
            ]
        )
    )
    assert oldest_agents(estate(hosts=hosts)) == {"a": version("4.20.1.0"), "b": version("4.22.0.0")}


def stale(*routers: Vm) -> Unit:
    """With the checksum of older software."""
    return network_unit("stale", *(replace(one, scripts="old-scripts") for one in routers))


@pytest.mark.parametrize(
    ("unit", "server", "defects"),
    [
        (WEB, "4.21.0.0", "10962"),
        (WEB, "4.18.2.5", ""),
        (WEB, "4.22.0.0", ""),
        (from_template("4.19.1"), "4.22.0.0", "8497"),
        (from_template("4.19.1"), "4.20.1.0", "10962, 8497"),
        (
            network_unit("half", *pair("r")[:1], vm("r-2", software="4.21.0.0"), redundant=True),
            "4.21.0.0",
            "10962, 8497",
        ),
        # A patch has been there: the next one stores what that one left.
        (stale(vm("r-1", software="4.21.0.0")), "4.21.0.0", ""),
        (stale(vm("r-1", software="4.21.0.0"), vm("r-2", state="Stopped")), "4.21.0.0", ""),
        (SSVM, "4.21.0.0", ""),
    ],
)
def test_the_plan_says_where_two_live_patches_are_expected(unit: Unit, server: str, defects: str) -> None:
    baseline = Baseline(version(server), frozenset({"old-scripts"}))
    twice = baseline.expects_two_patches(unit)
    assert twice is bool(defects)
    reason = decide(unit, baseline).reason
    assert ("two live patches are expected" in reason) is twice
    assert f"(known defect {defects} of this server)" in reason or not twice
    assert ("twice" in impact(unit, Method.LIVE_PATCH, twice=twice).text) is twice
    more = expected_seconds(unit, Method.LIVE_PATCH, twice=twice) - expected_seconds(unit, Method.LIVE_PATCH)
    assert more == (len(unit.vms) * PATCH_S + RESTART_S if twice else 0.0)


@pytest.mark.parametrize(("agent", "expected"), [("4.20.1.0", True), ("4.20.2.0", False)])
def test_what_delivers_the_files_decides_whether_two_live_patches_are_expected(agent: str, expected: bool) -> None:
    for server in ("4.20.1.0", "4.20.2.0"):
        baseline = Baseline(version(server), agents={"id-zone": version(agent)})
        assert baseline.expects_two_patches(WEB) is expected


def test_what_keeps_the_rules_of_one_tier_only_leaves_those_of_a_balanced_tier_to_be_applied() -> None:
    with_defect, without = (Baseline(version(text)) for text in ("4.19.0.0", "4.22.0.0"))
    balanced, other = (tier.id for tier in LB_TIERS.tiers)
    for call in (recreate(LB_TIERS, with_defect), reboot(LB_TIERS, LB_TIERS.vms[0], with_defect)):
        assert (call.settles, call.unsettles) == ((other,), (balanced, other))
    assert recreate(LB_TIERS, without).settles == recreate(LB_TIERS).settles == (balanced, other)
    assert recreate(vpc_unit("v"), with_defect) == recreate(vpc_unit("v")), "it does not meet it"


def test_a_live_patch_that_would_reach_no_router_is_not_planned() -> None:
    verdict = decide(DOWN_TIERS, Baseline(version("4.18.1.1")))
    assert verdict.method is Method.RECREATE
    assert "7958" in verdict.reason


SSVM_OF_4_20 = {"built_from": "4.20.1", "software": "4.20.1.0"}


@pytest.mark.parametrize(
    ("facts", "agents", "strategy", "method"),
    [
        (SSVM_OF_4_20, "4.21.0.0", {"method": WantedMethod.RECREATE}, Method.LIVE_PATCH),
        (SSVM_OF_4_20, "4.21.0.0", {}, Method.LIVE_PATCH),
        # Nothing is left to patch, and the new one might not start.
        ({**SSVM_OF_4_20, "software": "4.21.0.0"}, "4.21.0.0", {"method": WantedMethod.RECREATE}, Method.SKIP),
        ({**SSVM_OF_4_20, "state": "Stopped"}, "4.21.0.0", {}, Method.SKIP),
        ({"built_from": "4.13.0"}, "4.21.0.0", {"unsupported": True}, Method.SKIP),
        # It is the agent that cannot start it.
        (SSVM_OF_4_20, "4.20.2.0", {"method": WantedMethod.RECREATE}, Method.RECREATE),
        ({**SSVM_OF_4_20, "hypervisor": "VMware"}, "4.21.0.0", {"method": WantedMethod.RECREATE}, Method.RECREATE),
        ({**SSVM_OF_4_20, "systemvmtype": Kind.CPVM}, "4.21.0.0", {"method": WantedMethod.RECREATE}, Method.RECREATE),
    ],
)
def test_an_ssvm_that_might_not_start_is_not_recreated(
    facts: dict[str, Any], agents: str, strategy: dict[str, Any], method: Method
) -> None:
    ssvm = vm("s-1-VM", **{"systemvmtype": Kind.SSVM, **facts})
    template = NewTemplate("systemvm-kvm-4.20.2", frozenset({"id-new"}), version("4.20.2"))
    baseline = Baseline(
        version("4.21.0.0"),
        templates={("id-zone", "KVM", False): template},
        agents={"id-zone": version(agents)},
    )
    verdict = decide(system_vm_unit(ssvm), baseline, wanted(Strategy(**strategy)))
    assert verdict.method is method, verdict.reason
    avoided = method is not Method.RECREATE and strategy.get("method") is WantedMethod.RECREATE
    assert ("11557" in verdict.reason) is (avoided or method is Method.SKIP)


def test_agents_decide_over_a_newer_server() -> None:
    ssvm = system_vm_unit(vm("s-1-VM", Kind.SSVM, **SSVM_OF_4_20))
    hosts = (Host("id-host", "host", "id-zone", "KVM", version("4.21.0.0"), "Up", "Enabled"),)
    baseline = Baseline.of_cloud(version("4.22.0.0"), estate(ssvm, hosts=hosts))
    assert decide(ssvm, baseline, wanted(Strategy(WantedMethod.RECREATE))).method is Method.LIVE_PATCH


def test_every_row_stands_in_both_tables() -> None:
    assert {case[0] for case in BOUNDS} == set(by_id)
    assert {case[0] for case in WHO} == {defect.id for defect in DEFECTS if defect.methods}


def test_ids_are_unique() -> None:
    assert len(by_id) == len(DEFECTS)


@each_defect
def test_can_be_looked_up_and_acted_upon(defect: Defect) -> None:
    number = defect.id.partition("-")[0]
    assert re.fullmatch(rf"https://github\.com/apache/cloudstack/(issues|pull)/{number}", defect.source)
    assert defect.what
    assert defect.remedy
    assert defect.kinds
    assert bool(defect.methods) is (defect.effect is not Effect.PREPARE), "a plan would never meet it"
    assert not defect.methods & {Method.NONE, Method.SKIP}


@each_defect
def test_spans_are_in_order_and_apart(defect: Defect) -> None:
    bounds = [bound for span in defect.spans for bound in (span.first, span.until)]
    assert all(bound is not None for bound in bounds[1:-1])
    known = [bound for bound in bounds if bound is not None]
    assert known == sorted(known)
    assert len(set(known)) == len(known)


@each_defect
def test_what_may_need_a_second_patch_is_live_patched(defect: Defect) -> None:
    assert (defect.effect is Effect.SECOND_PATCH) <= (defect.methods == {Method.LIVE_PATCH})
