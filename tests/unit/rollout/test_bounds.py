# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may go on at once, and until when something may begin."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import Probes
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.bounds import Bounds
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.poll_schedule import Durations
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.requests import Refused
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.unit_upgrade import Terms, UnitUpgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Patience, Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Standard
from tests.unit.builders import SITUATION, network_unit, pair, system_vm_unit, vm, vpc_unit

NOW = 1000.0
PATCH, RECREATE = Method.LIVE_PATCH, Method.RECREATE


def upgrade(unit: Unit, method: Method = PATCH) -> UnitUpgrade:
    terms = Terms(Standard(SITUATION), Patience(), 60.0, lambda: 0.0, lambda: 0.0, Probes())
    one = UnitUpgrade(unit, Want(renew=method is RECREATE), terms)
    assert one.method is method
    return one


def bounds(*held: UnitUpgrade, durations: Durations | None = None, **limits: Any) -> Bounds:
    made = Bounds(Limits(**{"per_host": 0, **limits}), durations or Durations(), lambda: NOW)
    made.held |= set(held)
    return made


def fits(made: Bounds, one: UnitUpgrade) -> bool:
    return made.fits(one, one.method, made.load)


def on(name: str, *hosts: str) -> UnitUpgrade:
    routers = (vm(f"r-{name}-{host}", host_id=host, redundant=len(hosts) > 1) for host in hosts)
    return upgrade(network_unit(name, *routers))


@pytest.mark.parametrize(("parallel", "full"), [(1, True), (2, True), (3, False)])
def test_so_many_at_a_time(parallel: int, full: bool) -> None:
    assert bounds(on("a", "h1"), on("b", "h1"), parallel=parallel).full is full


@pytest.mark.parametrize(
    ("per_host", "hosts", "right"),
    [
        (0, ["h1"], True),  # no bound
        (1, ["h1"], False),
        (1, ["h3"], True),
        (1, ["h2", "h3"], False),  # one half of it
        (2, ["h1"], False),
        (2, ["h2"], True),
        (3, ["h1"], True),
    ],
)
def test_so_many_on_each_host(per_host: int, hosts: list[str], right: bool) -> None:
    made = bounds(on("a", "h1"), on("b", "h1", "h2"), per_host=per_host)
    assert made.load == Counter(h1=2, h2=1)
    assert fits(made, on("c", *hosts)) is right
    assert made.fits_hosts(hosts, made.load) is right


def system_vm(kind: Kind, zone: str, method: Method = RECREATE) -> UnitUpgrade:
    return upgrade(system_vm_unit(vm(f"{kind.value}-{zone}", kind, zone_id=zone, host_id=zone)), method)


@pytest.mark.parametrize(
    ("at_once", "kind", "zone", "method", "right"),
    [
        (1, Kind.SSVM, "z2", RECREATE, False),  # the server replaces those of a kind one after the other
        (2, Kind.SSVM, "z2", RECREATE, True),
        (2, Kind.SSVM, "z1", RECREATE, False),  # and a zone without both is worse than one without one
        (1, Kind.CPVM, "z1", RECREATE, False),
        (1, Kind.CPVM, "z2", RECREATE, True),
        (1, Kind.SSVM, "z2", PATCH, True),
    ],
)
def test_system_vms_are_replaced_one_after_the_other(
    at_once: int, kind: Kind, zone: str, method: Method, right: bool
) -> None:
    made = bounds(system_vm(Kind.SSVM, "z1"), system_vms_at_once=at_once)
    assert fits(made, system_vm(kind, zone, method)) is right
    assert fits(made, upgrade(network_unit("n"), RECREATE)), "routers are another matter"


def test_a_unit_that_has_a_place_does_not_stand_in_its_own_way() -> None:
    one = system_vm(Kind.SSVM, "z1")
    assert fits(bounds(one, system_vms_at_once=1), one)


def test_big_units_are_done_one_by_one() -> None:
    big, small = upgrade(vpc_unit("v", *pair("r"), tiers=9)), upgrade(network_unit("n"))
    made = bounds(big, big_s=big.expected_s)
    assert fits(made, small)
    assert not fits(made, upgrade(vpc_unit("w", *pair("s"), tiers=9)))
    assert fits(bounds(small, big_s=big.expected_s), big)


@pytest.mark.parametrize(
    ("failures", "doubtful", "budget", "within"),
    [(0, 0, 0, True), (0, 1, 0, False), (1, 0, 0, False), (1, 1, 2, True), (2, 1, 2, False)],
)
def test_what_may_yet_fail_counts_as_if_it_had(failures: int, doubtful: int, budget: int, within: bool) -> None:
    made = bounds(max_failures=budget)
    made.failures = failures
    assert made.within_budget(range(doubtful)) is within


@pytest.mark.parametrize(("left", "right"), [(59.0, False), (60.0, True), (6000.0, True)])
def test_nothing_begins_that_would_not_end_before_the_deadline(left: float, right: bool) -> None:
    made = bounds(deadline=NOW + left)
    assert made.in_time(60.0) is right
    refused = made.why_not(60.0)
    assert (refused is None) is right
    assert right or (refused and (refused.reason, "before the deadline" in refused.why)) == ("Deadline", True)


def test_durations_seen_decide_about_the_deadline() -> None:
    seen = Durations()
    seen.learn(60.0, 6.0)
    assert bounds(durations=seen, deadline=NOW + 6).in_time(60.0)
    assert bounds(deadline=None).in_time(1e9)


def test_why_nothing_may_begin_any_more() -> None:
    made = bounds(max_failures=1)
    made.failures = 1
    assert made.why_not(60.0) is None
    made.failures = 2
    assert made.why_not(60.0) == Refused("2 units failed, and max_failures is 1", "BudgetUsedUp")
    made.stop = Refused("the run was interrupted", "Interrupted")
    assert made.why_not(60.0) is made.stop
    one = bounds(max_failures=0)
    one.failures = 1
    assert one.why_not(60.0) == Refused("1 unit failed, and max_failures is 0", "BudgetUsedUp")
