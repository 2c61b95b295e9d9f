# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Capabilities,
    Capacity,
    Cloud,
    Host,
    InFlight,
    ManagementServer,
    Offering,
    Template,
    Zone,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import CHECKS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import (
    CheckContext,
    CheckStatus,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan import Plan, decide_all, make_plan, recut
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.selection import select_units
from tests.unit.builders import (
    TARGET_TEXT,
    estate,
    internal_lb,
    make_policy,
    network_unit,
    pair,
    settings,
    system_vm_unit,
    version,
    vm,
    vpc_unit,
)
from tests.unit.planning.test_new_disks import CASES as NEW_DISKS

SSVM = system_vm_unit(vm("s-1", Kind.SSVM))
CPVM = system_vm_unit(vm("v-2", Kind.CPVM))
WEB = network_unit("web")
PAIR = network_unit("pair", *pair("r"))
SHOP = vpc_unit("shop", tiers=3)


def plan_of(estate: Cloud, policy: Policy) -> Plan:
    return make_plan(
        CheckContext(estate, decide_all(estate, select_units(estate.units, estate.zones, policy.scope), policy), policy)
    )


def names(plan: Plan) -> list[list[str]]:
    return [[item.unit.name for item in step.units] for step in plan.steps]


def check(name: str, *units: Unit, policy: Policy | None = None, **facts: Any) -> tuple[CheckStatus, str]:
    plan = plan_of(estate(*units, **facts), policy or make_policy())
    found = next(check for check in plan.checks if check.name == name)
    assert (found.status is CheckStatus.OK) or found.remedy
    return found.status, found.seen


def test_canaries_first_then_system_vms_before_routers() -> None:
    units = [network_unit(f"n{number}") for number in range(3)]
    plan = plan_of(estate(*units, SHOP, CPVM, SSVM), make_policy())
    assert [step.name for step in plan.steps] == [
        "canary SSVM live patch",
        "canary CPVM live patch",
        "canary router live patch",
        "router live patch",
    ]
    # the cheapest network is the canary; the longest unit starts first in the step
    assert names(plan)[2:] == [["n0"], ["shop", "n1", "n2"]]


def test_internal_lb_vms_come_last_and_are_canaries_only_where_nothing_else_is_to_do() -> None:
    """A new one is deployed with the rules of its network, which an old router may be refused."""
    for services in ((), ("load balancing",)):
        balancer = replace(internal_lb(), sensitive_services=services)
        plan = plan_of(estate(balancer, SHOP, WEB), make_policy())
        assert names(plan) == [["web"], ["shop"], ["b-1"]]
        assert plan.steps[-1].name == "internal LB router restart"
    assert [step.name for step in plan_of(estate(internal_lb()), make_policy()).steps] == ["canary router restart"]


def test_one_canary_per_kind_hypervisor_and_zone() -> None:
    units = [
        network_unit(
            f"{zone}-{hypervisor}-{number}",
            vm(f"r-{zone}{hypervisor}{number}", hypervisor=hypervisor, zone_id=zone),
            zone_id=zone,
        )
        for zone in ("a", "b")
        for hypervisor in ("KVM", "VMware")
        for number in range(2)
    ]
    units = [replace(unit, zone_id=unit.vms[0].zone_id) for unit in units]
    plan = plan_of(estate(*units), make_policy())
    assert [len(step.units) for step in plan.steps] == [4, 4]
    assert {(item.unit.zone_id, item.unit.hypervisor) for item in plan.steps[0].units} == {
        (zone, hypervisor) for zone in ("a", "b") for hypervisor in ("KVM", "VMware")
    }


@pytest.mark.parametrize("before", [(), ("1",), ("3", "50%")])
@pytest.mark.parametrize("after", [(), ("2",), ("1", "50%")])
def test_a_plan_that_is_cut_anew_is_as_if_it_had_been_made_so(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    cloud = estate(*(network_unit(f"n{number}") for number in range(6)), system_vm_unit(vm("s-1", Kind.SSVM)))
    made = {waves: plan_of(cloud, make_policy(waves=waves)).as_dict() for waves in (before, after)}
    assert recut(made[before], after) == made[after]


def test_without_canary() -> None:
    plan = plan_of(estate(WEB, SSVM), make_policy(canaries=False))
    assert [step.name for step in plan.steps] == ["SSVM live patch", "router live patch"]


def test_canaries_by_name_go_first_and_only_they() -> None:
    plan = plan_of(estate(WEB, SHOP, SSVM), make_policy(canaries=(SHOP.id,)))
    assert [(step.name, [item.unit.name for item in step.units]) for step in plan.steps] == [
        ("canary router live patch", ["shop"]),
        ("SSVM live patch", [SSVM.name]),
        ("router live patch", ["web"]),
    ]


def test_current_and_untouchable_units_are_in_the_plan_but_in_no_step() -> None:
    current = network_unit("current", vm("r-1", software=TARGET_TEXT))
    unused = network_unit("unused", state="Allocated")
    plan = plan_of(estate(current, unused, WEB), make_policy())
    assert plan.summary() == {"live_patch": 1, "none": 1, "skip": 1}
    assert names(plan) == [["web"]]
    assert [unit["name"] for unit in plan.as_dict()["units"]] == ["web", "current", "unused"]


def test_units_whose_interruption_hurts_more_come_last() -> None:
    vpn = network_unit("vpn", unit={"sensitive_services": ("remote access VPN",)})
    plan = plan_of(estate(vpn, WEB, SHOP), make_policy())
    assert [step.name for step in plan.steps] == [
        "canary router live patch",
        "router live patch",
        "sensitive router live patch",
    ]
    assert names(plan) == [["web"], ["shop"], ["vpn"]]


def test_recreation_has_its_own_steps_and_tells_for_how_long() -> None:
    plan = plan_of(estate(WEB, vpc_unit("tierless", tiers=0)), make_policy())
    assert [step.method for step in plan.steps] == [Method.LIVE_PATCH, Method.RECREATE]
    plan = plan_of(estate(WEB, network_unit("red", *pair("r"))), make_policy(method=WantedMethod.RECREATE))
    told = {unit["name"]: unit["without_service_s"] for unit in plan.as_dict()["units"]}
    assert told == {"web": [10.0, 30.0], "red": [1.0, 10.0]}


def test_each_zone_is_told_with_what_is_to_be_done_there_and_nothing_of_others() -> None:
    far = replace(network_unit("far"), zone="Zürich")
    plan = plan_of(estate(SSVM, WEB, SHOP, far), make_policy())
    assert [(each["name"], each["units"], each["kinds"]) for each in plan.as_dict()["zones"]] == [
        ("Zürich", 1, {"network": 1}),
        ("zone", 3, {"ssvm": 1, "network": 1, "vpc": 1}),
    ]


def test_a_stopped_router_has_its_own_step() -> None:
    stopped = network_unit("stopped", vm("r-9", state="Stopped"))
    plan = plan_of(estate(WEB, stopped), make_policy())
    assert [step.method for step in plan.steps] == [Method.LIVE_PATCH, Method.RESTART]


def test_servers_of_different_versions_make_no_steps() -> None:
    plan = plan_of(estate(WEB, SSVM, CPVM, servers=("4.22.0.0", "4.20.1.0")), make_policy())
    assert plan.steps == ()
    assert [check.name for check in plan.failed_checks] == ["management_servers"]


def test_a_management_server_that_is_down_does_not_count() -> None:
    down = ManagementServer("old", "Down", "4.18.0.0", version("4.18.0.0"))
    servers = (*estate().management_servers, down)
    assert plan_of(replace(estate(WEB, SSVM, CPVM), management_servers=servers), make_policy()).failed_checks == ()


@pytest.mark.parametrize(
    ("server", "state", "status", "words"),
    [
        ("4.19.3.0", "PreparingToShutDown", CheckStatus.FAIL, "restarts under way break off"),
        ("4.20.2.0", "ReadyToShutDown", CheckStatus.FAIL, "restarts under way break off"),
        ("4.21.0.0", "PreparingForShutDown", CheckStatus.WARN, "takes no jobs"),
        ("4.22.0.0", "PreparingForMaintenance", CheckStatus.WARN, "takes no jobs"),
        ("4.20.2.0", "Down", CheckStatus.OK, ""),
    ],
)
def test_a_management_server_that_is_about_to_go(server: str, state: str, status: CheckStatus, words: str) -> None:
    going = ManagementServer("ms2", state, server, version(server))
    cloud = estate(WEB, SSVM, CPVM, servers=(server,))
    plan = plan_of(replace(cloud, management_servers=(*cloud.management_servers, going)), make_policy())
    [check] = [each for each in plan.checks if each.name == "management_servers"]
    assert check.status is status
    assert words in check.seen


@pytest.mark.parametrize(
    ("state", "release", "status"),
    [
        ("PreparingForMaintenance", "4.22.0.0", "warn"),
        ("Maintenance", "4.22.0.0", "warn"),
        ("PreparingToShutDown", "4.20.2.0", "fail"),
    ],
)
def test_the_only_management_server_may_take_no_jobs_for_now(state: str, release: str, status: str) -> None:
    """Its version is no riddle: it answers, and is named with what it does."""
    only = ManagementServer("mgmt-1", state, release, version(release))
    cloud = replace(estate(WEB), management_servers=(only,))
    assert cloud.version == version(release)
    [answer] = [each for each in plan_of(cloud, make_policy()).checks if each.name == "management_servers"]
    assert (answer.status.value, f"mgmt-1 is {state}, so it takes no jobs" in answer.seen) == (status, True)
    assert "no single version" not in answer.seen


def test_beside_one_that_is_up_a_management_server_in_maintenance_does_not_count() -> None:
    up = ManagementServer("mgmt-1", "Up", "4.22.0.0", version("4.22.0.0"))
    away = ManagementServer("mgmt-2", "Maintenance", "4.20.1.0", version("4.20.1.0"))
    cloud = replace(estate(WEB), management_servers=(up, away))
    assert cloud.version == version("4.22.0.0")


SELECTIONS: list[tuple[Policy, list[str]]] = [
    (make_policy(), ["s-1", "v-2", "web", "shop"]),
    (make_policy(kinds=frozenset({Kind.SSVM})), ["s-1"]),
    (make_policy(zones=("zone",)), ["s-1", "v-2", "web", "shop"]),
    (make_policy(names=("web",)), ["web"]),
    (make_policy(names=("r-web",)), ["web"]),
    (make_policy(names=("id-shop-tier1",)), ["shop"]),
    (make_policy(exclude_names=("shop-tier0", "v-2")), ["s-1", "web"]),
    (make_policy(cidrs=("192.0.2.0/24",)), ["web"]),
    (make_policy(cidrs=("2001:db8::/32", "192.0.2.7")), ["web"]),
    (make_policy(select="kind == 'vpc' && length(tiers) == `3`"), ["shop"]),
    (make_policy(select="owner.domain == 'ROOT/nobody'"), []),
    (make_policy(select="tags.env == 'prod'"), ["web"]),
]


def selectable() -> Cloud:
    web = network_unit("web", vm("r-web", addresses=("192.0.2.7", "10.1.0.1")), tags=("env=prod",))
    return estate(SSVM, CPVM, web, SHOP)


@pytest.mark.parametrize(("policy", "expected"), SELECTIONS)
def test_selection(policy: Policy, expected: list[str]) -> None:
    plan = plan_of(selectable(), policy)
    assert sorted(item.unit.name for item in plan.units) == sorted(expected)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: make_policy(names=("typo",)), "sysvm_names has 'typo'"),
        (lambda: make_policy(exclude_names=("typo",)), "sysvm_exclude_names has 'typo'"),
        (lambda: make_policy(zones=("Berlni",)), "sysvm_zones has 'Berlni'"),
        (lambda: make_policy(cidrs=("10.1.0.0/99",)), "sysvm_cidrs has '10.1.0.0/99'"),
        (lambda: make_policy(select="zone ==="), "sysvm_select is not a valid JMESPath"),
        (lambda: make_policy(select="length(zone_id, zone)"), "sysvm_select is not a valid JMESPath"),
        (lambda: make_policy(names=("web",), exclude_names=("web",)), "both name 'web'"),
    ],
)
def test_bad_input_names_option_and_remedy(make: Callable[[], Policy], words: str) -> None:
    with pytest.raises(OptionError) as caught:
        plan_of(selectable(), make())
    assert words in str(caught.value)
    assert caught.value.remedy


def kvm_host(text: str, identity: str = "id-host") -> Host:
    return Host(identity, "kvm1", "id-zone", "KVM", version(text), "Up", "Enabled")


def template(name: str = "systemvm-4.22.0", ready: bool = True, created: str = "2026") -> Template:
    return Template(f"id-{name}", name, "id-zone", "KVM", ready, "x86_64", created)


KVM1 = kvm_host("4.22.0.0")
TIERLESS = vpc_unit("empty", vm("r-empty", offering_id="id-offering"), tiers=0)
STOPPED_SSVM = system_vm_unit(vm("s-9", Kind.SSVM, state="Stopped"))

CHECK_CASES: list[tuple[str, CheckStatus, str, tuple[Unit, ...], dict[str, Any]]] = [
    ("management_servers", CheckStatus.OK, "4.22.0.0-SNAPSHOT", (WEB,), {}),
    ("management_servers", CheckStatus.FAIL, "4.20.1.0", (WEB,), {"servers": ("4.22.0.0", "4.20.1.0")}),
    ("management_servers", CheckStatus.FAIL, "unknown", (WEB,), {"servers": ("unknown",)}),
    ("source_versions", CheckStatus.FAIL, "r-old", (network_unit("n", vm("r-old", built_from="4.11")),), {}),
    ("source_versions", CheckStatus.OK, "", (WEB, SSVM), {}),
    ("live_patch_support", CheckStatus.FAIL, "before 4.17", (WEB,), {"servers": ("4.16.1.0",)}),
    ("management_servers", CheckStatus.FAIL, "is no version", (WEB,), {"servers": ("garbage",)}),
    (
        "lists",
        CheckStatus.FAIL,
        "listVPCs names",
        (WEB,),
        {"doubts": ("listVPCs names a tier that listNetworks lacks",)},
    ),
    ("lists", CheckStatus.OK, "", (WEB,), {}),
    (
        "live_patch_support",
        CheckStatus.FAIL,
        "livepatch",
        (WEB,),
        {"capabilities": Capabilities({"restartnetwork": frozenset({"id"})})},
    ),
    ("live_patch_support", CheckStatus.OK, "", (WEB,), {}),
    (
        "permissions",
        CheckStatus.FAIL,
        "patchSystemVm",
        (SSVM,),
        {"capabilities": Capabilities({"restartnetwork": frozenset({"livepatch"})})},
    ),
    ("permissions", CheckStatus.OK, "", (SSVM, WEB), {}),
    ("host_agents", CheckStatus.FAIL, "kvm1 4.20.1", (WEB,), {"hosts": (kvm_host("4.20.1"),)}),
    ("host_agents", CheckStatus.WARN, "kvm1 4.20.1", (WEB,), {"hosts": (kvm_host("4.20.1", "elsewhere"),)}),
    ("host_agents", CheckStatus.OK, "", (WEB,), {"hosts": (kvm_host("4.22.0.0"),)}),
    (
        "minreq.sysvmtemplate.version",
        CheckStatus.WARN,
        "r-web",
        (WEB,),
        {"zones": (Zone("id-zone", "zone", True, minimum_version=version("4.22.0")),)},
    ),
    ("minreq.sysvmtemplate.version", CheckStatus.OK, "4.10.0", (WEB,), {}),
    (
        "integration.api.port",
        CheckStatus.WARN,
        "8096",
        (WEB,),
        {"settings": settings({"integration.api.port": "8096"})},
    ),
    ("integration.api.port", CheckStatus.OK, "closed", (WEB,), {"settings": settings({"integration.api.port": "0"})}),
    (
        "router.health.checks.failures.to.recreate.vr",
        CheckStatus.WARN,
        "router_version_check.py",
        (WEB,),
        {"settings": settings({"router.health.checks.failures.to.recreate.vr": "router_version_check.py"})},
    ),
    (
        "router.health.checks.failures.to.recreate.vr",
        CheckStatus.OK,
        "",
        (WEB,),
        {
            "settings": settings(
                {"router.health.checks.failures.to.recreate.vr": "x", "router.health.checks.enabled": "false"}
            )
        },
    ),
    (
        "job.cancel.threshold.minutes",
        CheckStatus.WARN,
        "VPC shop",
        (SHOP,),
        {"settings": settings({"job.cancel.threshold.minutes": "2"})},
    ),
    ("job.cancel.threshold.minutes", CheckStatus.OK, "60", (SHOP,), {}),
    ("job.expire.minutes", CheckStatus.OK, "1440 minutes", (SHOP,), {}),
    ("job.expire.minutes", CheckStatus.OK, "720", (SHOP,), {"settings": settings({"job.expire.minutes": "720"})}),
    (
        "job.expire.minutes",
        CheckStatus.WARN,
        "60 minutes",
        (SHOP,),
        {"settings": settings({"job.expire.minutes": "60"})},
    ),
    ("router.check.poolsize", CheckStatus.OK, "often enough", (PAIR,), {}),
    ("router.check.poolsize", CheckStatus.OK, "", (WEB,) * 400, {}),
    ("router.check.poolsize", CheckStatus.WARN, "of 400 pairs a look may be 2 min old", (PAIR,) * 400, {}),
    (
        "router.check.poolsize",
        CheckStatus.WARN,
        "never looks",
        (PAIR,),
        {"settings": settings({"router.check.interval": "0"})},
    ),
    ("not_running", CheckStatus.WARN, "r-9 Stopped", (network_unit("n", vm("r-9", state="Stopped")),), {}),
    (
        "redundant_pairs",
        CheckStatus.WARN,
        "BACKUP",
        (network_unit("n", *(replace(one, redundant_state="BACKUP") for one in pair("r"))),),
        {},
    ),
    ("redundant_pairs", CheckStatus.WARN, "r-1", (network_unit("n", pair("r")[0]),), {}),
    ("redundant_pairs", CheckStatus.OK, "", (network_unit("n", *pair("r")),), {}),
    ("vpcs_without_tiers", CheckStatus.WARN, "VPC empty", (vpc_unit("empty", tiers=0),), {}),
    ("network_states", CheckStatus.WARN, "Allocated", (network_unit("n", state="Allocated"),), {}),
    (
        "remote_access_vpn",
        CheckStatus.WARN,
        "r-vpn",
        (network_unit("n", vm("r-vpn", built_from="4.14.0"), unit={"sensitive_services": ("remote access VPN",)}),),
        {},
    ),
    (
        "remote_access_vpn",
        CheckStatus.OK,
        "",
        (network_unit("n", vm("r-vpn", built_from="4.15.0"), unit={"sensitive_services": ("remote access VPN",)}),),
        {},
    ),
    ("restart_required", CheckStatus.WARN, "network n", (network_unit("n", restart_required=True),), {}),
    ("restart_required", CheckStatus.WARN, "VPC v", (vpc_unit("v", restart_required=True),), {}),
    ("restart_required", CheckStatus.OK, "", (WEB,), {}),
    ("shared_networks", CheckStatus.WARN, "network n (r-n)", (network_unit("n", type="Shared"),), {}),
    ("shared_networks", CheckStatus.OK, "", (WEB,), {}),
    ("known_defects", CheckStatus.WARN, "10962 (1 unit: network web)", (WEB,), {"servers": ("4.20.1.0",), "hosts": ()}),
    (
        "known_defects",
        CheckStatus.WARN,
        "10962 (1 unit: network web)",
        (WEB,),
        {"servers": ("4.20.2.0",), "hosts": (replace(KVM1, version=version("4.20.1.0")),)},
    ),
    ("known_defects", CheckStatus.OK, "", (network_unit("web", vm("r-web", built_from="4.20.2")),), {}),
    ("new_template", CheckStatus.OK, "nothing", (WEB,), {}),
    ("new_template", CheckStatus.OK, "systemvm-4.22.0", (TIERLESS,), {}),
    ("new_template", CheckStatus.FAIL, "has no SYSTEM template", (TIERLESS,), {"templates": ()}),
    ("new_template", CheckStatus.FAIL, "not ready", (TIERLESS,), {"templates": (template(ready=False),)}),
    ("new_template", CheckStatus.FAIL, "of that name", (TIERLESS,), {"templates": (template("other"),)}),
    ("room_for_new_vms", CheckStatus.OK, "", (TIERLESS,), {"capacities": (Capacity("id-zone", "CPU_CORE", -3),)}),
    ("room_for_new_vms", CheckStatus.OK, "", (WEB,), {"capacities": (Capacity("id-zone", "MEMORY", -1),)}),
    ("room_for_new_vms", CheckStatus.FAIL, "no KVM host", (TIERLESS,), {"hosts": (replace(KVM1, state="Down"),)}),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "no MEMORY",
        (TIERLESS,),
        {"capacities": (Capacity("id-zone", "MEMORY", 1000),), "offerings": {"id-offering": Offering("routers", 512)}},
    ),
    (
        "room_for_new_vms",
        CheckStatus.FAIL,
        "PRIVATE_IP",
        (STOPPED_SSVM,),
        {"capacities": (Capacity("id-zone", "PRIVATE_IP", 0),)},
    ),
    ("offerings", CheckStatus.FAIL, "256 MiB", (TIERLESS,), {"offerings": {"id-offering": Offering("routers", 256)}}),
    ("offerings", CheckStatus.OK, "", (WEB,), {"offerings": {"id-offering": Offering("routers", 256)}}),
    ("capacity_scan", CheckStatus.OK, "replaces", (STOPPED_SSVM,), {}),
    (
        "capacity_scan",
        CheckStatus.OK,
        "",
        (STOPPED_SSVM,),
        {"settings": settings({"system.vm.auto.reserve.capacity": "false"})},
    ),
    (
        "capacity_scan",
        CheckStatus.FAIL,
        "v-9 is Stopping",
        (STOPPED_SSVM, system_vm_unit(vm("v-9", Kind.SSVM, state="Stopping"))),
        {},
    ),
    ("system_vms_present", CheckStatus.FAIL, "zone has no CPVM", (SSVM,), {}),
    ("system_vms_present", CheckStatus.OK, "", (SSVM, CPVM), {}),
    (
        "network.rolling.restart",
        CheckStatus.WARN,
        "false",
        (TIERLESS,),
        {"settings": settings({"network.rolling.restart": "false"})},
    ),
    ("network.rolling.restart", CheckStatus.OK, "", (TIERLESS,), {}),
    ("transfers", CheckStatus.WARN, "CopyTemplateCmd", (SSVM,), {"transfers": ("CopyTemplateCmd job 1",)}),
    ("transfers", CheckStatus.OK, "", (WEB,), {"transfers": ("CopyTemplateCmd job 1",)}),
    ("console_sessions", CheckStatus.WARN, "v-2 has 3", (system_vm_unit(vm("v-2", Kind.CPVM, sessions=3)),), {}),
    (
        "sensitive_units",
        CheckStatus.WARN,
        "load balancing",
        (network_unit("n", vm("a"), vm("b"), unit={"sensitive_services": ("load balancing",)}),),
        {},
    ),
    (
        "jobs_in_flight",
        CheckStatus.WARN,
        "network web",
        (WEB,),
        {"in_flight": (InFlight("j", "RestartNetworkCmd", None, frozenset({"id-web"})),)},
    ),
    (
        "jobs_in_flight",
        CheckStatus.OK,
        "",
        (SHOP,),
        {"in_flight": (InFlight("j", "RestartNetworkCmd", None, frozenset({"id-web"})),)},
    ),
]


@pytest.mark.parametrize(("name", "status", "words", "units", "facts"), CHECK_CASES)
def test_check(name: str, status: CheckStatus, words: str, units: tuple[Unit, ...], facts: dict[str, Any]) -> None:
    found, seen = check(name, *units, **facts)
    assert found is status, seen
    assert words in seen


def test_known_defects_of_thousands_of_units_are_a_line_each_with_a_few_names() -> None:
    units = [network_unit(f"web{number}", vm(f"r-{number}", built_from="4.15.1")) for number in range(1200)]
    dummy, seen = check("known_defects", *units, servers=("4.20.1.0",), hosts=())
    lines = seen.splitlines()
    assert len(lines) == len({line.split()[0] for line in lines}) > 3
    assert {"10962", "8497", "8497-python", "6755"} <= {line.split()[0] for line in lines}
    assert all("(1,200 units: network web0, network web1, network web2 and 1,197 more)" in line for line in lines)
    assert max(map(len, lines)) < 600
    assert "by hand" in lines[0], "what a person has to do comes first"
    assert "second live patch" in lines[-1]


OTHER_ZONE = replace(estate().zones[0], id="id-other", name="other")
VMWARE1 = replace(KVM1, id="id-esx1", name="esx1", hypervisor="VMware", version=None)
VMWARE_BY_DEFAULT = settings({"system.vm.default.hypervisor": "VMware"})


@pytest.mark.parametrize(
    ("defect", "unit", "server", "facts", "named"),
    [
        ("13021", CPVM, "4.22.0.0", {"zones": (*estate().zones, OTHER_ZONE)}, True),
        ("13021", CPVM, "4.22.0.0", {}, False),
        ("7433", WEB, "4.18.0.0", {"hosts": (KVM1, VMWARE1)}, True),
        ("7433", WEB, "4.18.0.0", {"hosts": (KVM1,)}, False),
        ("7433", WEB, "4.18.0.0", {"hosts": (KVM1, replace(VMWARE1, zone_id="id-other"))}, False),
        ("7433", WEB, "4.18.0.0", {"hosts": (KVM1, VMWARE1), "settings": VMWARE_BY_DEFAULT}, False),
    ],
)
def test_a_defect_of_a_cloud_with_several_zones_or_hypervisors_is_named_there_only(
    defect: str, unit: Unit, server: str, facts: dict[str, Any], named: bool
) -> None:
    policy = make_policy(method=WantedMethod.RECREATE)
    dummy, seen = check("known_defects", unit, policy=policy, servers=(server,), **facts)
    assert (defect in {line.split()[0] for line in seen.splitlines()}) is named, seen


def test_live_patch_policy_fails_on_what_cannot_be_live_patched() -> None:
    status, seen = check(
        "wanted_method", WEB, vpc_unit("empty", tiers=0), policy=make_policy(method=WantedMethod.LIVE_PATCH)
    )
    assert status is CheckStatus.FAIL
    assert "VPC empty" in seen


def test_every_check_is_covered() -> None:
    plan = plan_of(estate(WEB), make_policy())
    tested = {case[0] for case in (*CHECK_CASES, *NEW_DISKS)} | {"wanted_method", "probes"}
    assert {check.name for check in plan.checks} == tested
    assert len(plan.checks) == len(CHECKS)


@given(st.lists(st.sampled_from([SSVM, CPVM, WEB, SHOP]), max_size=4, unique=True), st.booleans())
def test_every_unit_that_needs_work_is_in_exactly_one_step(units: list[Unit], canary: bool) -> None:
    plan = plan_of(estate(*units), make_policy(canaries=canary))
    in_steps = [item.unit.id for step in plan.steps for item in step.units]
    assert sorted(in_steps) == sorted(unit.id for unit in units)
    ranks = [(not step.canary, ["ssvm", "cpvm", "router"].index(step.group)) for step in plan.steps]
    assert ranks == sorted(ranks)
