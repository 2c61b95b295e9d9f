# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen from outside, and what a rollout makes of it; in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.endpoints import Endpoint
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import Probes
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import vm
from tests.unit.rollout.fake import FakeServer
from tests.unit.rollout.rolling import LIMITS, networks, roll
from tests.unit.rollout.schedule import WEB, Schedule, Seen

START = FakeServer([]).clock()


def probed(seen: Seen, *faults: Any, first_after: float = 0.0, **facts: Any) -> tuple[UnitResult, FakeServer, Schedule]:
    """One network whose endpoint is seen like this, in seconds after it was watched."""
    [unit] = networks(1)
    server = FakeServer([unit], *faults)
    place = Schedule(server, seen, first_after)
    probes = Probes({unit.id: [WEB]}, [place], patience_s=20, now=server.clock)
    [result] = roll(server, [unit], LIMITS, probes=probes, **facts).results
    return result, server, place


def unprobed_s() -> float:
    """How long the same takes without probes."""
    units = networks(1)
    server = FakeServer(units)
    roll(server, units, LIMITS)
    return server.clock() - START


def test_a_gap_stands_in_the_result_and_in_the_line() -> None:
    lines: list[str] = []
    result, *_rest, place = probed([(0.0, True), (2.0, False), (3.2, True)], lines=lines)
    assert result.status is UnitStatus.UPGRADED
    assert result.gap_s == pytest.approx(1.2)
    assert any("ok" in line and "gap 1.2 s" in line for line in lines)
    [told] = result.as_dict()["endpoints"]
    assert (told["address"], told["port"], told["from"]) == ("203.0.113.7", 443, "here")
    assert (told["before"], told["after"], told["longest_gap_s"], told["total_gap_s"]) == (True, True, 1.2, 1.2)
    assert place.left == ["1"]  # nothing is probed after the unit's end


def test_what_does_not_come_back_is_a_failure_though_the_server_proves_the_unit() -> None:
    result, server, _place = probed([(0.0, True), (2.0, False)])
    assert result.status is UnitStatus.FAILED
    assert "proven by the server, but 203.0.113.7:443 (load balancing: web) does not answer since" in result.reason
    assert server.clock() - START >= unprobed_s() + 20


def test_an_answer_from_before_the_proof_does_not_count() -> None:
    """It ceases just when the server proves the unit: nobody has told of it yet."""
    lasts = unprobed_s()
    result, *_rest = probed([(0.0, True), (lasts + 0.3, False)])
    assert result.status is UnitStatus.UPGRADED  # it answered once more after the proof
    result, *_rest = probed([(0.0, True), (lasts - 0.01, False)])
    assert result.status is UnitStatus.FAILED


def test_what_comes_back_late_is_waited_for() -> None:
    lasts = unprobed_s()
    result, *_rest = probed([(0.0, True), (2.0, False), (lasts + 15.0, True)])
    assert result.status is UnitStatus.UPGRADED
    assert result.gap_s == pytest.approx(lasts + 13.0, abs=0.1)


@pytest.mark.parametrize(
    "seen", [[(0.0, False)], [(0.0, False), (4.0, True)], [(0.0, False), (4.0, True), (5.0, False)]]
)
def test_what_did_not_answer_before_makes_no_failure_and_no_gap(seen: Seen) -> None:
    result, *_rest = probed(seen)
    assert result.status is UnitStatus.UPGRADED
    assert result.gap_s is None


def test_a_firewall_that_drops_delays_by_half_a_second_at_most() -> None:
    """Its first result takes as long as a connection is waited for; one that never comes is not waited for."""
    lasts = unprobed_s()
    _result, server, _place = probed([], first_after=1e9)
    assert server.clock() - START - lasts <= 0.6


class SlowToBegin(Schedule):
    """Its prober lives only once it has told something."""

    @property
    def alive(self) -> bool:  # type: ignore[override]
        return bool(self._told)


@pytest.mark.parametrize(("first_after", "gap", "delay"), [(10.0, 1.2, 10), (1e9, None, 15)])
def test_a_prober_that_takes_long_to_begin_is_waited_for_once(
    first_after: float, gap: float | None, delay: float
) -> None:
    units = networks(2)
    server = FakeServer(units)
    place = SlowToBegin(server, [(0.0, True), (2.0, False), (3.2, True)], first_after)
    probes = Probes({unit.id: [WEB] for unit in units}, [place], patience_s=20, now=server.clock)
    first, _second = roll(server, units, LIMITS, probes=probes).results
    assert first.gap_s == (None if gap is None else pytest.approx(gap))
    assert server.log[0][0] - START == pytest.approx(delay, abs=0.6)


def test_a_service_that_is_lost_counts_against_the_budget() -> None:
    units = networks(4)
    server = FakeServer(units)
    probes = Probes(
        {units[0].id: [WEB]}, [Schedule(server, [(0.0, True), (2.0, False)])], patience_s=5, now=server.clock
    )
    limits = type(LIMITS)(parallel=1, per_host=0, max_failures=0, job_timeout=60, verify_timeout=10, poll_interval=5)
    results = roll(server, units, limits, probes=probes).results
    assert [result.status.value for result in results] == ["failed", "not_started", "not_started", "not_started"]


def test_a_place_that_is_gone_makes_no_failure() -> None:
    [unit] = networks(1)
    server = FakeServer([unit])
    place = Schedule(server, [(0.0, True), (2.0, False)])
    place.alive = False
    probes = Probes({unit.id: [WEB]}, [place], patience_s=5, now=server.clock)
    [result] = roll(server, [unit], LIMITS, probes=probes).results
    assert result.status is UnitStatus.UPGRADED
    assert result.as_dict()["endpoints"][0]["after"] is None


def test_the_gap_of_a_system_vm_that_comes_back_elsewhere_goes_on_at_its_new_address() -> None:
    new = vm("s-2", Kind.SSVM, public_address="203.0.113.2")
    server = FakeServer([])
    place = Schedule(server, [(0.0, True), (2.0, False)])
    probes = Probes({"unit": [Endpoint("203.0.113.1", 443, "SSVM")]}, [place], now=server.clock)
    probes.watch("unit")
    assert probes.knows("unit")
    probes.call("unit")
    server.sleep(5)
    probes.follow("unit", [new])  # nobody has listened since
    place._seen = [(0.0, True)]
    [reach] = probes.reach("unit")
    assert reach.endpoint.address == "203.0.113.2"
    assert (reach.lengths_s, reach.after) == ([pytest.approx(3.0, abs=0.01)], True)


def test_the_next_unit_is_watched_before_it_is_its_turn() -> None:
    units = networks(2)
    server = FakeServer(units)
    place = Schedule(server, [(0.0, True)])
    probes = Probes({unit.id: [WEB] for unit in units}, [place], now=server.clock)
    limits = type(LIMITS)(parallel=1, per_host=0, job_timeout=60, verify_timeout=10, poll_interval=5)
    results = roll(server, units, limits, probes=probes).results
    second = max(results, key=lambda result: result.started or 0)
    assert (second.started or 0) - max(place._asked.values()) >= 2
    assert max(place.armed.values()) >= (second.started or 0)  # and often only when it is
