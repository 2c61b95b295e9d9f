# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Kind, Unit, UnitType, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.actions import Gate, Stage, stages
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Method, Wanted
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Wishes, decide
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.engine import Engine, Limits, Rollout
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitStatus
from tests.unit.builders import SITUATION, network_unit, pair, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault

LIMITS = Limits(parallel=4, per_host=0, max_failures=100, job_timeout=60, verify_timeout=10, poll_interval=5)


def roll(
    server: FakeServer, units: Sequence[Unit], limits: Limits = LIMITS, method: Method = Method.LIVE_PATCH
) -> Rollout:
    lines: list[str] = []
    engine = Engine(
        server, SITUATION, limits, Progress(lines.append), clock=server.clock, now=server.clock, sleep=server.sleep
    )
    return engine.run(units, method)


def networks(count: int) -> list[Unit]:
    return [network_unit(f"n{number}", vm(f"r{number}", host_id=f"h{number % 3}")) for number in range(count)]


def statuses(rollout: Rollout) -> list[UnitStatus]:
    return [result.status for result in rollout.results]


def test_all_are_patched_once_and_proven() -> None:
    units = networks(10)
    server = FakeServer(units)
    rollout = roll(server, units)
    assert statuses(rollout) == [UnitStatus.UPGRADED] * 10
    assert rollout.good
    assert [result.unit for result in rollout.results] == units
    assert Counter(unit for dummy, unit, dummy2 in server.log) == {unit.id: 1 for unit in units}
    assert server.most_at_once == 4


def test_a_vpc_is_patched_through_one_tier_then_its_other_tiers_are_restarted() -> None:
    unit = vpc_unit("v", *pair("r"), tiers=5)
    planned = stages(unit, Method.LIVE_PATCH)
    assert [stage.params.get("livepatch", False) for stage in planned] == [True, False, False, False, False]
    assert {stage.command for stage in planned} == {"restartNetwork"}
    assert len({stage.params["id"] for stage in planned}) == 5
    assert planned[0].weight == 2
    server = FakeServer([unit])
    assert roll(server, [unit]).good
    assert len(server.log) == 5
    assert server.most_at_once == 1


LIVE_PATCH_FAULTS = [fault for fault in Fault if not fault.of_recreation]


@pytest.mark.parametrize("fault", LIVE_PATCH_FAULTS)
def test_only_the_servers_own_report_decides(fault: Fault) -> None:
    units = networks(2)
    server = FakeServer(units, {units[0].id: fault})
    rollout = roll(server, units)
    assert rollout.results[0].status is (UnitStatus.UPGRADED if fault.harmless else UnitStatus.FAILED)
    if fault is not Fault.SERVER_GONE:
        assert rollout.results[1].status is UnitStatus.UPGRADED
        assert rollout.error is None
    assert len([entry for entry in server.log if entry[1] == units[0].id]) == 1
    if not fault.harmless:
        assert rollout.results[0].reason


def test_a_system_vm_is_proven_when_its_agent_reports_the_version() -> None:
    unit = system_vm_unit(vm("s-1", Kind.SSVM))
    assert roll(FakeServer([unit]), [unit]).good
    rollout = roll(FakeServer([unit], {unit.id: Fault.SILENT}), [unit])
    assert statuses(rollout) == [UnitStatus.FAILED]
    assert "still reports 4.18.1.0" in rollout.results[0].reason


def test_a_stopped_router_is_started() -> None:
    unit = network_unit("n", vm("r", state="Stopped"))
    server = FakeServer([unit])
    assert roll(server, [unit], method=Method.RESTART).good
    assert len(server.log) == 1


def test_a_job_of_somebody_else_is_waited_for_and_not_doubled() -> None:
    units = networks(2)
    server = FakeServer(units)
    server.start(units[0], stages(units[0], Method.LIVE_PATCH)[0])
    rollout = roll(server, units)
    assert rollout.good
    assert [unit for dummy, unit, dummy2 in server.log] == [units[1].id]
    assert "already running" in rollout.results[0].reason


def test_somebody_else_begins_while_the_proof_of_another_unit_is_read() -> None:
    units = networks(2)

    class Slow(FakeServer):
        def read(self, unit: Unit, method: Method) -> list[Vm]:
            if unit is units[0] and len(self.jobs) == 1:
                self.time += 5
                self.start(units[1], stages(units[1], Method.LIVE_PATCH)[0])
            return super().read(unit, method)

    server = Slow(units)
    assert roll(server, units, replace(LIMITS, parallel=1)).good
    assert server.doubled == []
    assert [unit for dummy, unit, dummy2 in server.log] == [units[0].id]


def test_somebody_else_restarts_a_tier_while_the_vpc_is_patched() -> None:
    unit = vpc_unit("v", tiers=3)
    theirs = stages(unit, Method.LIVE_PATCH)[2]

    class Shared(FakeServer):
        def submit(self, stage: Stage) -> str:
            job = super().submit(stage)
            if len(self.log) == 1:
                self.start(unit, theirs).ends += 20
            return job

    server = Shared([unit])
    assert roll(server, [unit]).good
    assert server.doubled == []
    assert len(server.log) == 3


def test_somebody_else_begins_while_a_pair_is_waited_for() -> None:
    unit = network_unit("n", *pair("r"))

    class Electing(FakeServer):
        def read(self, unit: Unit, method: Method) -> list[Vm]:
            vms = super().read(unit, method)
            if unit.redundant and not any(job.unit is unit for job in self.jobs.values()):
                self.start(unit, stages(unit, Method.LIVE_PATCH)[0], Fault.SILENT).ends += 20
                return [replace(one, redundant_state="UNKNOWN") for one in vms]
            return vms

    other = network_unit("other", vm("r-other"))
    server = Electing([unit, other])
    server.seconds = {"id-other": 1.0}
    assert roll(server, [unit, other], method=Method.RECREATE).good
    assert server.doubled == []


def test_after_somebody_elses_job_that_did_nothing_it_is_our_turn() -> None:
    units = networks(1)
    server = FakeServer(units)
    server.start(units[0], stages(units[0], Method.LIVE_PATCH)[0], Fault.SILENT)
    assert roll(server, units).good
    assert len(server.log) == 1
    assert server.log[0][0] >= 3


def test_the_other_tiers_are_restarted_after_an_adopted_patch() -> None:
    unit = vpc_unit("v", tiers=3)
    server = FakeServer([unit])
    server.start(unit, stages(unit, Method.LIVE_PATCH)[0])
    assert roll(server, [unit]).good
    assert len(server.log) == 2


def test_nothing_starts_once_the_budget_is_used_up() -> None:
    units = networks(10)
    server = FakeServer(units, {units[0].id: Fault.SILENT})
    rollout = roll(server, units, Limits(parallel=1, per_host=0, max_failures=0))
    assert statuses(rollout) == [UnitStatus.FAILED] + [UnitStatus.NOT_STARTED] * 9
    assert "max_failures is 0" in rollout.results[1].reason


def test_a_job_that_takes_too_long_is_left_alone() -> None:
    units = networks(1)
    rollout = roll(FakeServer(units, {units[0].id: Fault.NEVER_ENDS}), units)
    assert "still runs after" in rollout.results[0].reason
    assert "next run waits" in rollout.results[0].reason


RECREATED = {
    # fault: (what the router's unit becomes, what the system VM's becomes, words of the reason)
    Fault.NONE: (UnitStatus.UPGRADED, UnitStatus.UPGRADED, "proven"),
    Fault.FAILED_DONE: (UnitStatus.UPGRADED, UnitStatus.UPGRADED, "although"),
    Fault.LOST_DONE: (UnitStatus.UPGRADED, UnitStatus.UPGRADED, "although"),
    Fault.FAILED: (UnitStatus.FAILED, UnitStatus.FAILED, "it failed"),
    Fault.SILENT: (UnitStatus.FAILED, UnitStatus.FAILED, "still there"),
    Fault.LEFT_OVER: (UnitStatus.FAILED, None, "Next:"),
    Fault.NO_REPLACEMENT: (UnitStatus.FAILED, UnitStatus.FAILED, "Next:"),
    Fault.AGENT_STAYS_DOWN: (None, UnitStatus.FAILED, "port 8250"),
    Fault.OLD_TEMPLATE: (UnitStatus.FAILED, UnitStatus.FAILED, "not from systemvm-4.22.0"),
}


@pytest.mark.parametrize("fault", RECREATED)
def test_recreation_is_proven_by_what_came_back(fault: Fault) -> None:
    router, system_vm, words = RECREATED[fault]
    for unit, status in ((network_unit("n"), router), (system_vm_unit(vm("s-1", Kind.SSVM)), system_vm)):
        if status is not None:
            server = FakeServer([unit], {unit.id: fault})
            [result] = roll(server, [unit], method=Method.RECREATE).results
            assert result.status is status, result.reason
            assert words in result.reason
            assert len(server.log) == 1


def test_system_vms_are_recreated_one_at_a_time_in_a_zone() -> None:
    units = [system_vm_unit(vm(f"s-{n}", Kind.SSVM, zone_id=f"z{n % 2}", host_id=f"h{n}")) for n in range(6)]
    server = FakeServer(units)
    assert roll(server, units, method=Method.RECREATE).good
    assert server.most_at_once == 2


@pytest.mark.parametrize(("agent", "status"), [("Up", UnitStatus.UPGRADED), ("Alert", UnitStatus.FAILED)])
def test_a_neighbour_is_no_replacement_but_may_make_one_needless(agent: str, status: UnitStatus) -> None:
    """Of several SSVMs of a zone the server replaces only the last one."""
    unit, neighbour = system_vm_unit(vm("s-1", Kind.SSVM)), vm("s-2", Kind.SSVM, agent_state=agent)

    class Neighbourhood(FakeServer):
        def read(self, unit: Unit, method: Method) -> list[Vm]:
            return [*super().read(unit, method), neighbour]

    server = Neighbourhood([unit], {unit.id: Fault.NO_REPLACEMENT})
    engine = Engine(
        server, SITUATION, LIMITS, Progress(print), clock=server.clock, now=server.clock, sleep=server.sleep
    )
    rollout = engine.run([unit], Method.RECREATE, known_vms=frozenset({"id-s-1", "id-s-2"}))
    assert statuses(rollout) == [status]
    assert rollout.results[0].after == []
    assert server.time >= LIMITS.verify_timeout


def test_a_pair_that_is_not_whole_any_more_is_not_recreated() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit])
    server.vms[unit.id] = [replace(one, redundant_state="BACKUP") for one in unit.vms]
    [result] = roll(server, [unit], method=Method.RECREATE).results
    assert result.status is UnitStatus.FAILED
    assert "was not sent" in result.reason
    assert server.log == []


def test_a_pair_is_restarted_half_by_half_standby_first() -> None:
    unit = network_unit("n", *pair("r"))
    planned = stages(unit, Method.RESTART)
    assert [stage.params["id"] for stage in planned] == ["id-r-2", "id-r-1"]
    assert all(stage.gate is Gate.PAIR for stage in planned)


def test_consoles_are_waited_for_as_long_as_wanted() -> None:
    unit = system_vm_unit(vm("v-1", Kind.CPVM, sessions=2))
    for wait_idle, at_least in ((0, 0), (60, 60)):
        server = FakeServer([unit])
        limits = replace(LIMITS, wait_idle=wait_idle)
        assert roll(server, [unit], limits, method=Method.RECREATE).good
        assert server.log[0][0] >= at_least


@pytest.mark.parametrize(
    ("fault", "hosts_down", "obstacle", "status", "method"),
    [
        (Fault.SILENT, False, None, UnitStatus.UPGRADED, Method.RECREATE),
        (Fault.SILENT, True, None, UnitStatus.FAILED, Method.LIVE_PATCH),
        (Fault.SILENT, False, "no template", UnitStatus.FAILED, Method.LIVE_PATCH),
        (Fault.LOST, False, None, UnitStatus.FAILED, Method.LIVE_PATCH),
    ],
)
def test_fallback(fault: Fault, hosts_down: bool, obstacle: str | None, status: UnitStatus, method: Method) -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: fault})
    server.hosts_down = hosts_down
    engine = Engine(
        server, SITUATION, LIMITS, Progress(print), clock=server.clock, now=server.clock, sleep=server.sleep
    )
    [result] = engine.run([unit], Method.LIVE_PATCH, obstacle_to_fallback=lambda unit: obstacle).results
    assert (result.status, result.method) == (status, method), result.reason
    if obstacle:
        assert obstacle in result.reason


def test_few_questions_and_little_waiting() -> None:
    """200 units, 20 at a time, 3 seconds each: near the ideal, and less than one question per two units."""
    units = networks(200)
    server = FakeServer(units)
    roll(server, units, Limits(parallel=20, per_host=0))
    assert server.time <= 30 * 1.05
    assert server.questions <= 100


@dataclass(frozen=True)
class Drawn:
    """A unit and what befalls it.

    :ivar faults: of its jobs, one after the other.
    :ivar foreign: of a job of somebody else that runs on it when the rollout begins; None for no such job.
    """

    sort: str
    faults: tuple[Fault, ...]
    seconds: float
    place: int
    foreign: Fault | None = None

    def unit(self, number: int) -> Unit:
        one = vm(f"r{number}", host_id=f"h{self.place}")
        if self.sort == "system":
            return system_vm_unit(vm(f"s{number}", Kind.SSVM, host_id=f"h{self.place}"))
        if self.sort == "network":
            return network_unit(f"u{number}", one)
        if self.sort == "pair":
            return network_unit(f"u{number}", *pair(f"r{number}"))
        return vpc_unit(f"u{number}", one, tiers=1 if self.sort == "vpc" else 3)


def drawn(sorts: Sequence[str], faults: Sequence[Fault], foreign: Sequence[Fault]) -> st.SearchStrategy[list[Drawn]]:
    unit = st.builds(
        Drawn,
        sort=st.sampled_from(sorts),
        faults=st.lists(st.sampled_from([Fault.NONE, *faults]), max_size=3).map(tuple),
        seconds=st.floats(0.5, 20),
        place=st.integers(0, 3),
        foreign=st.sampled_from([None, None, *foreign]),
    )
    return st.lists(unit, min_size=1, max_size=12)


LIMITS_DRAWN = st.builds(
    Limits,
    parallel=st.integers(1, 6),
    per_host=st.integers(0, 3),
    max_failures=st.integers(0, 4),
    job_timeout=st.just(60),
    verify_timeout=st.just(10),
    start_timeout=st.just(30),
    agent_timeout=st.just(20),
    deadline=st.sampled_from([None, None, 200.0]),
    big_s=st.sampled_from([math.inf, 100.0]),
)


def carry_out(units: Sequence[Unit], drawn: Sequence[Drawn], limits: Limits, method: Method) -> FakeServer:
    """One rollout, and the promises that hold for every method."""
    server = FakeServer(
        units,
        {unit.id: one.faults for unit, one in zip(units, drawn, strict=True)},
        {unit.id: one.seconds for unit, one in zip(units, drawn, strict=True)},
    )
    for unit, one in zip(units, drawn, strict=True):
        if one.foreign is not None:
            server.start(unit, stages(unit, method)[0], one.foreign)
    theirs, server.most_at_once, server.most_per_host, server.most_per_zone = len(server.jobs), 0, 0, 0
    rollout = roll(server, units, limits, method)

    # every unit once in the results, in order
    assert [result.unit.id for result in rollout.results] == [unit.id for unit in units]
    # nothing sent twice, and nothing while a job of whatever origin runs on the unit
    assert max(Counter(server.sent).values(), default=0) <= 1
    assert server.doubled == []
    # bounds: a job that never ends outlives its unit's slot, as do the jobs of others
    if not theirs and all(Fault.NEVER_ENDS not in one.faults for one in drawn):
        assert server.most_at_once <= limits.parallel
        assert not limits.per_host or server.most_per_host <= limits.per_host
    # failures: no more than the budget and what was at work when it was used up
    ends = Counter(statuses(rollout))
    assert ends[UnitStatus.FAILED] <= limits.max_failures + limits.parallel
    if ends[UnitStatus.FAILED] <= limits.max_failures and rollout.error is None and limits.deadline is None:
        assert not ends[UnitStatus.NOT_STARTED]
    # upgraded means that the server reports it, whatever happened on the way
    wishes = Wishes(Wanted.RECREATE) if method is Method.RECREATE else Wishes()
    for result in rollout.results:
        if result.status is UnitStatus.UPGRADED:
            assert decide(replace_vms(result.unit, server), SITUATION, wishes).method is Method.NONE
            for tier in result.unit.tiers[1:]:
                done = [job for job in server.jobs.values() if job.stage.params["id"] == tier.id and job.applied]
                assert any(job.fault.succeeds for job in done), "the rules of each tier were applied"
    return server


@settings(max_examples=300, deadline=None)
@given(
    drawn(["network", "pair", "vpc", "tiers"], LIVE_PATCH_FAULTS, [Fault.NONE, Fault.SILENT, Fault.LOST]), LIMITS_DRAWN
)
def test_promises(described: list[Drawn], limits: Limits) -> None:
    units = [one.unit(number) for number, one in enumerate(described)]
    server = carry_out(units, described, limits, Method.LIVE_PATCH)
    # a second run without faults converges, a third does nothing
    left = [replace_vms(unit, server) for unit in units]
    todo = [unit for unit in left if unit.vms and decide(unit, SITUATION).method is Method.LIVE_PATCH]
    again = FakeServer(todo)
    assert roll(again, todo, replace(limits, deadline=None)).good
    assert all(decide(replace_vms(unit, again), SITUATION).method is Method.NONE for unit in todo)


RECREATION_FAULTS = [
    *(fault for fault in Fault if fault.of_recreation),
    *(Fault.FAILED, Fault.FAILED_DONE, Fault.LOST, Fault.LOST_DONE, Fault.REFUSED, Fault.NEVER_ENDS),
    *(Fault.UNCERTAIN_TAKEN, Fault.UNCERTAIN_NOT_TAKEN),
]


@settings(max_examples=200, deadline=None)
@given(drawn(["network", "pair", "vpc", "system"], RECREATION_FAULTS, []), LIMITS_DRAWN)
def test_promises_of_recreation(described: list[Drawn], limits: Limits) -> None:
    units = [one.unit(number) for number, one in enumerate(described)]
    wishes = Wishes(Wanted.RECREATE, allow_degraded=True)
    server = carry_out(units, described, limits, Method.RECREATE)
    if all(unit.type is UnitType.SYSTEM_VM for unit in units) and Fault.NEVER_ENDS not in {
        fault for one in described for fault in one.faults
    }:
        assert server.most_per_zone <= 1
    left = [replace_vms(unit, server) for unit in units]
    todo = [unit for unit in left if unit.vms and decide(unit, SITUATION, wishes).method is Method.RECREATE]
    again = FakeServer(todo)
    assert roll(again, todo, replace(limits, deadline=None), Method.RECREATE).good
    assert all(decide(replace_vms(unit, again), SITUATION, wishes).method is Method.NONE for unit in todo)


def replace_vms(unit: Unit, server: FakeServer) -> Unit:
    return replace(unit, vms=tuple(server.vms[unit.id]))
