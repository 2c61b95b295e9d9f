# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreation, each case as a cloud of its own: what would break is refused, what is fine is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.outcome import Outcome
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import RefusedError, Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.simulator.process import RunningSimulator, SimulatorThread
from tests.support.estates import estate

NET = [{"name": "net"}]
LB = [{"name": "vpc", "tiers": 1, "internal_lb": True}]
NEW = {"version": "4.22.0"}
LIMITS = Limits(
    per_host=0, job_timeout=20.0, verify_timeout=5.0, start_timeout=20.0, agent_timeout=5.0, poll_interval=0.1
)
USER_TEMPLATE = {"version": "9.9.9", "name": "user-9.9.9", "type": "USER"}
QUICK = {"scan_interval": 0.3}


def zone(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "Berlin", **more}]


def planned(simulator: RunningSimulator, **strategy: Any) -> Outcome:
    with Client(Connection(simulator.url, simulator.key, simulator.secret)) as client:
        return check_versions(client, CheckRequest(Policy(strategy=Strategy(**strategy)), False))


RECREATE = {"method": WantedMethod.RECREATE}
BREAKS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], str, str]] = {
    "an internal LB VM would be stopped and could not start": (
        {"zones": zone(templates=[{**NEW, "ready": False}]), "vpcs": LB},
        {},
        "new_template",
        "not ready",
    ),
    "a host with an old agent would make an old router": (
        {"zones": zone(hosts=[{"name": "h1"}, {"name": "old", "version": "4.20.1.0"}]), "networks": NET},
        RECREATE,
        "host_agents",
        "old 4.20.1.0",
    ),
    "no secondary storage is writable": (
        {"zones": zone(image_stores=[{"name": "s", "readonly": True}])},
        RECREATE,
        "image_store",
        "no image store that is writable",
    ),
    "all secondary storage is full": (
        {"zones": zone(image_stores=[{"name": "s", "total": 1000, "used": 950}])},
        RECREATE,
        "image_store",
        "used to 90% or more",
    ),
    "system VMs are to use local storage and there is none": (
        {"zones": zone(settings={"system.vm.use.local.storage": True})},
        RECREATE,
        "primary_storage",
        "no local primary storage",
    ),
    "the setting of one zone keeps its console proxy away": (
        {"zones": [{"name": "Berlin"}, {"name": "Bern", "settings": {"consoleproxy.restart": False}}]},
        RECREATE,
        "capacity_scan",
        "zone Bern",
    ),
    "the other hypervisor of the zone has no template": (
        {
            "zones": zone(
                hosts=[{"name": "k"}, {"name": "x", "hypervisor": "XenServer"}],
                templates=[NEW, {**NEW, "hypervisor": "XenServer", "ready": False}],
            )
        },
        RECREATE,
        "new_template",
        "systemvm-xenserver-4.22.0-x86_64' is not ready",
    ),
    "no host could carry the new VMs": (
        {"zones": zone(hosts=[{"state": "Down"}]), "networks": NET},
        RECREATE,
        "room_for_new_vms",
        "no KVM host that is Up",
    ),
    "nobody would make a new console proxy": (
        {"settings": {"consoleproxy.management.state": "Manual"}, "networks": NET},
        RECREATE,
        "capacity_scan",
        "management.state is Manual",
    ),
    "a fallback that may happen could not be carried out": (
        {"zones": zone(templates=[{**NEW, "ready": False}]), "networks": NET},
        {"fallback": True},
        "new_template",
        "not ready",
    ),
}


@pytest.mark.parametrize("finding", BREAKS)
def test_what_would_break_is_refused(finding: str) -> None:
    sections, strategy, check, words = BREAKS[finding]
    with SimulatorThread(estate(**sections)) as simulator:
        answers = {answer["name"]: answer for answer in planned(simulator, **strategy).values["checks"]}
    assert answers[check]["status"] == "fail", answers[check]
    assert words in answers[check]["seen"]


FINE: dict[str, tuple[Mapping[str, Any], Targets]] = {
    "the stock router offering before 4.20 has 256 MiB": (
        {"server": {"version": "4.19.3.0"}, "networks": [{"name": "net", "version": "4.18.1"}]},
        Targets(networks=["net"]),
    ),
    "routers have a ROUTING template of their own": (
        {
            "zones": zone(
                templates=[NEW, {"version": "4.22.0", "name": "own-4.22.0", "type": "ROUTING"}],
                settings={"router.template.kvm": "own-4.22.0"},
            ),
            "networks": NET,
        },
        Targets(networks=["net"]),
    ),
    "the server ignores templatetype and there are user templates": (
        {
            "server": {"version": "4.18.2.0"},
            "zones": zone(templates=[{"version": "4.18.1"}, USER_TEMPLATE]),
            "networks": [{"name": "net", "version": "4.17.2"}],
        },
        Targets(networks=["net"]),
    ),
    "a newer template is on its way": (
        {"zones": zone(templates=[NEW, {"version": "4.22.1", "ready": False}]), "networks": NET},
        Targets(networks=["net"]),
    ),
    "a redundant VPC without tiers": (
        {"vpcs": [{"name": "vpc", "tiers": 0, "redundant": True}]},
        Targets(vpcs=["vpc"]),
    ),
}


@pytest.mark.parametrize("finding", FINE)
def test_what_is_fine_is_done(finding: str) -> None:
    sections, targets = FINE[finding]
    with SimulatorThread(estate(timings=QUICK, **sections)) as simulator:
        plan = planned(simulator, **RECREATE)
        assert [answer for answer in plan.values["checks"] if answer["status"] == "fail"] == []
        with Client(Connection(simulator.url, simulator.key, simulator.secret)) as client:
            done = upgrade(client, Request(targets, Want(renew=True), LIMITS))
    assert done.failure is None
    assert [result["status"] for result in done.values["results"]] == ["upgraded"]


def test_a_zone_that_is_to_have_no_system_vms_lacks_none() -> None:
    zones = zone(details={"enable.secstorage.vm": False, "enable.consoleproxy.vm": False})
    with SimulatorThread(estate(zones=zones, networks=NET)) as simulator:
        answers = {answer["name"]: answer for answer in planned(simulator).values["checks"]}
    assert answers["system_vms_present"]["status"] == "ok", answers["system_vms_present"]


@pytest.mark.parametrize(
    ("finding", "name"),
    [
        ("no secondary storage is writable", "s-1-VM"),
        ("no host could carry the new VMs", "v-2-VM"),
        ("nobody would make a new console proxy", "v-2-VM"),
    ],
)
def test_the_module_refuses_what_the_plan_would(finding: str, name: str) -> None:
    sections, *dummy, words = BREAKS[finding]
    with (
        SimulatorThread(estate(**sections)) as simulator,
        Client(Connection(simulator.url, simulator.key, simulator.secret)) as client,
    ):
        with pytest.raises(RefusedError, match=words):
            upgrade(client, Request(Targets(system_vms=[name]), Want(renew=True), LIMITS))
        assert simulator.journal() == []
