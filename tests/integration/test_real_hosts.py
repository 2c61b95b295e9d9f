# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A night on hosts that do what KVM does: checksums that the first patch leaves, rules that the server refuses, health
checks that cannot be read; plan and modules in this process."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.outcome import Outcome
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.simulator import uuid_of
from tests.support.estates import estate
from tests.support.virtual import VirtualSimulator

pytestmark = pytest.mark.slow

NET = uuid_of("network", "net")
LIMITS = Limits(
    per_host=0, job_timeout=20.0, verify_timeout=5.0, start_timeout=20.0, agent_timeout=5.0, poll_interval=0.1
)


def cloud(version: str, template: str, **sections: Any) -> VirtualSimulator:
    """Under a server of a version, with routers that a template of some older one was made for."""
    server = {"version": version, "hosts": "real"}
    return VirtualSimulator(estate(server=server, defaults={"version": template}, **sections))


def planned(simulator: VirtualSimulator) -> dict[str, dict[str, Any]]:
    """What the plan says of each router's unit."""
    with simulator.client() as client:
        units = check_versions(client, CheckRequest(Policy(), False)).values["plan"]["units"]
    return {unit["name"]: unit for unit in units if unit["kind"] in ("network", "vpc")}


def done(
    simulator: VirtualSimulator,
    targets: Targets,
    method: Method = Method.LIVE_PATCH,
    limits: Limits = LIMITS,
    **wanted: Any,
) -> Outcome:
    with simulator.client() as client:
        return upgrade(client, Request(targets, Want.by(method, **wanted), limits))


def patches(simulator: VirtualSimulator) -> Counter[str]:
    """How often each network or VPC was live patched."""
    return Counter(call["target"] for call in simulator.journal() if call["params"].get("livepatch") == "true")


MANY: dict[str, Any] = {
    "networks": [{"name": "net", "count": 4}, {"name": "pair", "redundant": True}],
    "vpcs": [{"name": "vpc", "tiers": 3}],
}
ALL = Targets(networks=["pair", *(f"net-{number:03}" for number in range(1, 5))], vpcs=["vpc"])


@pytest.mark.parametrize(
    ("version", "template", "defects"),
    [
        ("4.19.3.0", "4.18.1", "10962"),
        ("4.20.1.0", "4.19.1", "10962, 8497"),
        ("4.20.2.0", "4.19.1", "8497"),
        ("4.21.0.0", "4.20.2", "10962"),
        ("4.22.0.0", "4.18.1", "8497"),
        ("4.18.2.5", "4.17.2", ""),
        ("4.22.0.0", "4.20.2", ""),
    ],
)
def test_a_first_patch_that_leaves_the_old_checksum_costs_a_second_one_and_no_failure(
    version: str, template: str, defects: str
) -> None:
    with cloud(version, template, **MANY) as simulator:
        plan = planned(simulator)
        outcome = done(simulator, ALL, limits=replace(LIMITS, parallel=4, max_failures=0))
        assert outcome.failure is None
        sent = patches(simulator)
        again = planned(simulator)
    expected = f"two live patches are expected (known defect {defects} of this server)"
    assert {expected in unit["reason"] for unit in plan.values()} == {bool(defects)}
    assert set(sent.values()) == {2 if defects else 1} and len(sent) == 6
    notes = [note for result in outcome.values["results"] for note in result["notes"]]
    assert len(notes) == (6 if defects else 0)
    assert all(f"as is known of this server ({defects}); patched again" in note for note in notes)
    assert {unit["method"] for unit in again.values()} == {"none"}


def sent_before(simulator: VirtualSimulator, *jobs: tuple[str, Purpose, int]) -> None:
    """By a run that was killed, one after the other: through which network, what for, and which attempt it was."""
    with simulator.client() as client:
        for name, purpose, attempt in jobs:
            network = uuid_of("network", name)
            job = job_id_of(uuid_of("zone", "Berlin"), network, purpose, "4.21.0.0", attempt)
            client.submit("restartNetwork", job_id=job, id=network, livepatch=purpose is Purpose.PATCH)
            simulator.sleep(5)


def all_rules(simulator: VirtualSimulator) -> set[str]:
    return {unit["rules"] for unit in simulator.state()["units"].values() if unit["kind"] == "network"}


def test_a_run_that_was_killed_after_the_first_patch_of_each_is_followed_by_one_that_heals_them() -> None:
    """All claim the target with one checksum, so they look current; that our last job failed is what tells."""
    names = [f"net-{number:03}" for number in range(1, 4)]
    with cloud("4.21.0.0", "4.20.2", networks=[{"name": "net", "count": 3}]) as simulator:
        sent_before(simulator, *((name, Purpose.PATCH, 1) for name in names))
        assert {unit["method"] for unit in planned(simulator).values()} == {"restart"}
        outcome = done(simulator, Targets(networks=names), Method.RESTART, limits=replace(LIMITS, max_failures=0))
        assert outcome.failure is None
        assert all_rules(simulator) == {"applied"}
        assert {unit["method"] for unit in planned(simulator).values()} == {"none"}


def test_a_run_that_was_killed_while_it_healed_a_vpc_owes_all_of_its_tiers() -> None:
    through = "vpc-tier1"
    with cloud("4.21.0.0", "4.20.2", vpcs=[{"name": "vpc", "tiers": 3}]) as simulator:
        sent_before(simulator, *((through, *job) for job in [(Purpose.PATCH, 1), (Purpose.APPLY_RULES, 1)]))
        sent_before(simulator, (through, Purpose.PATCH, 2))
        assert done(simulator, Targets(vpcs=["vpc"]), Method.RESTART).failure is None
        assert all_rules(simulator) == {"applied"}


RPM = {"zones": [{"name": "Berlin", "hosts": [{"name": "kvm-3", "version": "4.22.0.0", "package": "4.22.0.0+rpm"}]}]}


def test_a_package_of_another_build_is_named_and_the_same_in_each_run() -> None:
    with cloud("4.22.0.0", "4.20.2", networks=[{"name": "net"}], **RPM) as simulator:
        for method in (Method.LIVE_PATCH, Method.RESTART):
            [result] = done(simulator, Targets(networks=["net"]), method).values["results"]
            assert (result["status"], result["recovery"]) == ("failed", "recreate"), result
            assert "the package of kvm-3 is not the server's" in result["reason"]


def test_what_takes_no_rules_for_its_hosts_package_is_recreated_where_that_is_wanted() -> None:
    with cloud("4.22.0.0", "4.20.2", networks=[{"name": "net"}], **RPM) as simulator:
        [result] = done(simulator, Targets(networks=["net"]), fallback=True).values["results"]
        rules = simulator.state()["units"][NET]["rules"]
    assert (result["method"], result["status"], rules) == ("recreate", "upgraded", "applied")


@pytest.mark.parametrize("vpc", [False, True])
def test_the_fallback_comes_though_the_server_says_no_more_than_failed_to_restart(vpc: bool) -> None:
    faults = [{"kind": "silent_patch_failure", "times": 2}]
    sections: dict[str, Any] = {"vpcs": [{"name": "net", "tiers": 2}]} if vpc else {"networks": [{"name": "net"}]}
    targets = Targets(vpcs=["net"]) if vpc else Targets(networks=["net"])
    with cloud("4.22.0.0", "4.20.2", faults=faults, **sections) as simulator:
        [result] = done(simulator, targets, fallback=True).values["results"]
    assert (result["method"], result["status"]) == ("recreate", "upgraded"), result["reason"]
    assert any("live patch failed, recreating" in note for note in result["notes"])


@pytest.mark.parametrize("answer", ["Answer", "UnsupportedAnswer"])
def test_a_hosts_own_failure_recreates_nothing(answer: str) -> None:
    faults = [{"kind": "patch_answer", "answer": answer, "times": "always"}]
    with cloud("4.22.0.0", "4.20.2", faults=faults, networks=[{"name": "net"}]) as simulator:
        for targets in (Targets(networks=["net"]), Targets(system_vms=["s-1-VM"])):
            [result] = done(simulator, targets, fallback=True).values["results"]
            assert (result["method"], result["status"], result["recovery"]) == ("live_patch", "failed", None)
            assert "cloudstack-common" in result["reason"] or "upgrade cloudstack-agent" in result["reason"]


HEALTH = {"router.health.checks.enabled": "true", "router.health.checks.failures.to.recreate.vr": ""}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("4.20.2", "it is not known whether it passed them before, so they could not be judged: dhcp.service"),
        ("4.19.1", "ran no health checks since "),  # Debian 11 does not run the scripts of 4.22
    ],
)
def test_an_old_ailment_of_the_canary_does_not_end_the_night(template: str, words: str) -> None:
    networks = [{"name": "net", "router": {"failing_checks": ["dhcp.service"]}}]
    with cloud("4.22.0.0", template, networks=networks, settings=HEALTH) as simulator:
        [result] = done(simulator, Targets(networks=["net"]), looks_inside=True).values["results"]
    assert result["status"] == "upgraded", result["reason"]
    assert [note for note in result["notes"] if words in note], result["notes"]
