# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud with units of every kind is upgraded, and a second run finds nothing to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import ReportData, ReportedUnit
from tests.support.estates import OLD, VERSION, estate
from tests.support.runner import Cloud, Run

pytestmark = pytest.mark.slow

TRICKY = 'Käserei\'s "Büro" {{ net }} {% if %} \\ $HOME'
NETWORKS: list[dict[str, Any]] = [
    {"name": "iso"},
    {"name": TRICKY, "account": "käserei", "domain": "Kunden/Käserei"},
    {"name": "shared", "type": "Shared"},
    {"name": "pair", "redundant": True},
    {"name": "of a project", "project": "apollo"},
    {"name": "new", "version": "4.22.0"},
    {"name": "without a router", "type": "L2"},
    {"name": "not used yet", "state": "Allocated"},
    {"name": "in Köln", "zone": "Köln", "hypervisor": "VMware"},
    {"name": "in Köln too", "zone": "Köln", "hypervisor": "VMware"},
]
VPCS: list[dict[str, Any]] = [
    *({"name": f"vpc{tiers}", "tiers": tiers} for tiers in range(1, 6)),
    {"name": "redundant vpc", "tiers": 3, "redundant": True},
    {"name": "vpc with an lb", "tiers": 2, "internal_lb": True},
]
ROUTERS = {"iso": 1, TRICKY: 1, "shared": 1, "pair": 2, "of a project": 1, "in Köln": 1, "in Köln too": 1} | {
    vpc["name"]: 2 if vpc.get("redundant") else 1 for vpc in VPCS
}
MIXED = estate(
    zones=[
        {"name": "Berlin", "hosts": 4, "ssvm": 2},
        {"name": "Köln", "hosts": [{"hypervisor": "VMware", "count": 2}]},
    ],
    networks=NETWORKS,
    vpcs=VPCS,
)
FACTS = {"state", "software_version", "template_version", "host"}


@dataclass(frozen=True)
class Scenario:
    cloud: Cloud
    first: Run
    patches: dict[str, int]
    second: Run


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    options: dict[str, Any] = {"select": "kind != 'internal_lb'"}
    with Cloud(MIXED, tmp_path_factory.mktemp("happy")) as cloud:
        first = cloud.upgrade(**options)
        yield Scenario(cloud, first, cloud.patches(), cloud.upgrade(**options))


def test_it_succeeds(scenario: Scenario) -> None:
    assert (scenario.first.rc, scenario.first.report["status"], scenario.first.report["error"]) == (0, "success", None)
    assert scenario.first.counts == {"upgraded": len(ROUTERS) + 5, "current": 1}


def test_every_router_is_patched_exactly_once(scenario: Scenario) -> None:
    routers = {name: [scenario.patches[vm] for vm in scenario.cloud.vms_of(name)] for name in ROUTERS}
    assert routers == {name: [1] * count for name, count in ROUTERS.items()}


def test_what_needs_no_patch_or_is_not_in_scope_is_not_touched(scenario: Scenario) -> None:
    untouched = {name for name, count in scenario.patches.items() if count == 0}
    [current] = scenario.cloud.vms_of("new")
    assert untouched == {current, *(name for name in scenario.patches if name.startswith("b-"))}


def test_the_vms_really_run_the_new_software(scenario: Scenario) -> None:
    software = {name: vm["software"] for name, vm in scenario.cloud.vms().items() if not name.startswith("b-")}
    assert software == dict.fromkeys(software, VERSION)


def test_the_other_tiers_of_a_vpc_are_restarted_without_patching(scenario: Scenario) -> None:
    calls = {call["target"]: call["params"] for call in scenario.first.journal}
    tiers = [calls[f"vpc5-tier{number}"] for number in range(1, 6)]
    assert [tier.get("livepatch", "false") for tier in tiers] == ["true", "false", "false", "false", "false"]


def test_nothing_is_cleaned_up_or_destroyed(scenario: Scenario) -> None:
    assert {call["command"] for call in scenario.first.journal} == {"patchSystemVm", "restartNetwork"}
    assert not any(call["params"].get("cleanup") == "true" for call in scenario.first.journal)


def test_canaries_first_and_system_vms_before_the_routers(scenario: Scenario) -> None:
    """A canary per kind, hypervisor and zone. Only one of the two SSVMs of Berlin is no canary."""
    vms = scenario.cloud.vms()
    kinds = [vms[name]["type"] if name in vms else "router" for name in scenario.first.targets]
    in_steps = [kind for kind, _members in groupby(kinds)]
    ssvm, cpvm = "secondarystoragevm", "consoleproxy"
    assert in_steps == [ssvm, cpvm, "router", ssvm, "router"]
    assert [kinds[:7].count(kind) for kind in (ssvm, cpvm, "router")] == [3, 2, 2]
    zone = {unit["name"]: unit["zone"] for unit in scenario.first.report["units"]}
    for canaries in (scenario.first.targets[:2], scenario.first.targets[2:4], scenario.first.targets[4:6]):
        assert {zone[name] for name in canaries} == {"Berlin", "Köln"}
    canaries = scenario.first.targets[4:6]
    patched_by = max(vms[name]["patch_intervals"][-1][1] for unit in canaries for name in scenario.cloud.vms_of(unit))
    assert min(call["at"] for call in scenario.first.journal[6:]) >= patched_by


def test_the_report_has_every_unit_once_with_all_keys(scenario: Scenario) -> None:
    report = scenario.first.report
    assert report.keys() == ReportData.__annotations__.keys()
    names = [unit["name"] for unit in report["units"]]
    assert sorted(name for name in names if not name.endswith("-VM")) == sorted([*ROUTERS, "new"])
    assert len({unit["id"] for unit in report["units"]}) == len(names)
    assert {frozenset(unit) for unit in report["units"]} == {frozenset(ReportedUnit.__annotations__)}
    assert report["management_server_version"] == VERSION


def test_the_report_shows_each_vm_before_and_after(scenario: Scenario) -> None:
    for unit in scenario.first.report["units"]:
        assert len(unit["vms"]) == ROUTERS.get(unit["name"], 1)
        for vm in unit["vms"]:
            assert vm["before"].keys() == vm["after"].keys() >= FACTS
            was = VERSION if unit["name"] == "new" else OLD
            assert (vm["before"]["software_version"], vm["after"]["software_version"]) == (was, VERSION)
    pair = scenario.first.units["pair"]
    assert sorted(vm["after"]["redundant_state"] for vm in pair["vms"]) == ["BACKUP", "PRIMARY"]


def test_the_report_says_whose_it_is_and_how_long_it_took(scenario: Scenario) -> None:
    unit = scenario.first.units[TRICKY]
    assert unit["owner"] == {"account": "käserei", "domain": "ROOT/Kunden/Käserei", "project": None}
    assert scenario.first.units["of a project"]["owner"]["project"] == "apollo"
    assert len(unit["job_ids"]) == 1 and unit["duration_s"] > 0
    assert scenario.first.report["started"] <= unit["started"] <= unit["finished"] <= scenario.first.report["finished"]


def test_names_are_shown_as_they_are(scenario: Scenario) -> None:
    assert f"network {TRICKY} (" in scenario.first.stdout


def test_the_plan_and_a_line_per_start_and_end_are_shown(scenario: Scenario) -> None:
    stdout = scenario.first.stdout
    assert f"Upgrade to {VERSION}: {len(ROUTERS) + 5} to live patch, 1 already current" in stdout
    assert len(re.findall(r"^\d\d:\d\d:\d\d start   ", stdout, re.MULTILINE)) == len(ROUTERS) + 5
    assert len(re.findall(r"^\d\d:\d\d:\d\d ok      ", stdout, re.MULTILINE)) == len(ROUTERS) + 5
    assert f"Result: success: 1 current, {len(ROUTERS) + 5} upgraded" in stdout


def test_a_second_run_changes_nothing(scenario: Scenario) -> None:
    second = scenario.second
    assert (second.rc, second.journal) == (0, [])
    assert second.counts == {"current": len(ROUTERS) + 6}
    assert second.report["status"] == "success" and second.report["steps"] == []
    assert scenario.cloud.patches() == scenario.patches
