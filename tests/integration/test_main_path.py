# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main path on each release: check, upgrade, second run, recreation, forecast; plan and modules in this process.
With hosts whose routers the server asks for their version before it sends rules, and with such as it spares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.simulator.releases import BEFORE, estate_of
from tests.support.sampling import sampled
from tests.support.virtual import VirtualSimulator

pytestmark = pytest.mark.slow

Plan = dict[str, Any]
NEWEST = "4.22.0.0"
LIMITS = Limits(
    parallel=4,
    per_host=0,
    max_failures=0,
    job_timeout=60.0,
    verify_timeout=15.0,
    start_timeout=20.0,
    agent_timeout=15.0,
    poll_interval=0.1,
)
AUTO = Strategy(unsupported=True)
RECREATE = Strategy(method=WantedMethod.RECREATE)

SYSTEM_VMS = ["s-1-VM", "v-2-VM", "s-3-VM", "v-4-VM"]
PATCHED = [
    *("office-001", "office-002", "shop", "lab", "apollo-net", "gemini-net", "shop-pair", "apollo-pair"),
    *("shared", "customers-shared", "plain-vpc", "acme-vpc", "apollo-vpc", "lb-vpc"),
]
# Its template is too old, or it has no tier to patch through; what is Stopped gets a new disk when it starts.
RECREATED, RESTARTED = ["leftover", "leftover-vpc", "empty-vpc"], ["stopped", "b-24-VM"]
PLAN = {
    **dict.fromkeys([*SYSTEM_VMS, *PATCHED], "live_patch"),
    **dict.fromkeys(RECREATED, "recreate"),
    **dict.fromkeys(RESTARTED, "restart"),
}
# Where the first patch of a router leaves the old checksum and real hosts' rules are refused.
PATCHED_TWICE = {"4.19.3.0", "4.20.2.0", "4.21.0.0"}
# There the patch of a tier patches its internal LB VM as well.
PATCHED_WITH_ITS_TIER = {"4.17.2.0": ["b-24-VM"]}
# What is not made anew, as its server would not start it (known defect 11557).
NOT_RECREATED = {"4.21.0.0": ["s-1-VM"]}

KINDS = {"system_vms": ("ssvm", "cpvm"), "networks": ("network",), "vpcs": ("vpc",), "routers": ("internal_lb",)}


def planned(simulator: VirtualSimulator, strategy: Strategy, target: str = "") -> Plan:
    with simulator.client() as client:
        values = check_versions(client, CheckRequest(Policy(strategy=strategy), False, target_version=target)).values
    assert [each for each in values["checks"] if each["status"] == "fail"] == []
    return values["plan"]


def methods(plan: Plan) -> dict[str, str]:
    return {unit["name"]: unit["method"] for unit in plan["units"]}


def without(names: Iterable[str], *others: Iterable[str]) -> list[str]:
    return sorted(set(names) - set().union(*others))


def carried_out(simulator: VirtualSimulator, plan: Plan) -> dict[str, list[str]]:
    """All steps, as the playbook calls the modules; the names of units by how they ended."""
    kinds = {unit["id"]: unit["kind"] for unit in plan["units"]}
    ended: dict[str, list[str]] = {}
    for step in plan["steps"]:
        named = {option: [id_ for id_ in step["units"] if kinds[id_] in those] for option, those in KINDS.items()}
        with simulator.client() as client:
            outcome = upgrade(client, Request(Targets(**named), Want.by(Method(step["method"])), LIMITS, planned=True))
        assert outcome.failure is None
        for result in outcome.values["results"]:
            ended.setdefault(result["status"], []).append(result["name"])
    return {status: sorted(names) for status, names in ended.items()}


RELEASES = sorted(BEFORE, key=lambda release: release != NEWEST)


@pytest.mark.parametrize("hosts", sampled(1, ["real", "simulated"]))
@pytest.mark.parametrize("release", sampled(1, RELEASES))
def test_check_upgrade_second_run_and_recreation(release: str, hosts: str) -> None:
    with_tier, kept = PATCHED_WITH_ITS_TIER.get(release, []), NOT_RECREATED.get(release, [])
    with VirtualSimulator(estate_of(release, server={"hosts": hosts})) as simulator:
        plan = planned(simulator, AUTO)
        assert methods(plan) == PLAN
        ended = carried_out(simulator, plan)
        assert ended == {"upgraded": without(PLAN, with_tier), **({"current": with_tier} if with_tier else {})}
        patches = Counter(call["target"] for call in simulator.journal() if call["params"].get("livepatch") == "true")
        assert len(patches) == len(PATCHED)
        assert set(patches.values()) == {2 if hosts == "real" and release in PATCHED_TWICE else 1}

        again = planned(simulator, AUTO)
        assert again["steps"] == [] and methods(again) == dict.fromkeys(PLAN, "none")

        renewal = planned(simulator, RECREATE)
        old = without([*SYSTEM_VMS, *PATCHED, *with_tier], kept)
        assert {name for name, method in methods(renewal).items() if method == "recreate"} == set(old)
        assert carried_out(simulator, renewal) == {"upgraded": old}
        assert planned(simulator, RECREATE)["steps"] == []

        state = simulator.state()
        assert state["bugs"] == []
        assert {unit["rules"] for unit in state["units"].values() if unit["routers"]} == {"applied"}
        there = {name: vm for name, vm in state["vms"].items() if not vm["removed"]}
        assert {vm["state"] for vm in there.values()} == {"Running"}
        # No start of an internal LB VM writes its software version.
        assert {vm["software"] for name, vm in there.items() if not name.startswith("b-")} == {release}


@pytest.mark.parametrize("release", sampled(1, without(BEFORE, [NEWEST])))
def test_the_forecast_is_the_plan_after_the_upgrade(release: str) -> None:
    with VirtualSimulator(estate_of(release)) as simulator:
        forecast = planned(simulator, AUTO, NEWEST)
        simulator.upgrade(NEWEST, hosts=True)
        plan = planned(simulator, AUTO)
    assert methods(forecast) == methods(plan) == PLAN
