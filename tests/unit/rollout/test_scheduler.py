# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call, apply_rules, patch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import internal_lb, network_unit, pair, ssvm, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault, Ids
from tests.unit.rollout.rolling import LIMITS, networks, only, roll, scheduler, statuses


def test_all_are_patched_once_and_proven() -> None:
    units = networks(10)
    server = FakeServer(units)
    rollout = roll(server, units)
    assert statuses(rollout) == [UnitStatus.UPGRADED] * 10
    assert rollout.good
    assert [result.unit for result in rollout.results] == units
    assert Counter(unit for dummy, unit, dummy2 in server.log) == {unit.id: 1 for unit in units}
    assert server.most_at_once == 4


def test_a_vpc_is_patched_through_one_tier_then_the_rules_of_the_others_are_applied() -> None:
    unit = vpc_unit("v", *pair("r"), tiers=5)
    server = FakeServer([unit])
    assert only(server, unit).status is UnitStatus.UPGRADED
    sent = server.calls_of(unit)
    assert [call.params.get("livepatch", False) for call in sent] == [True, False, False, False, False]
    assert {call.command for call in sent} == {"restartNetwork"}
    assert len({call.object_id for call in sent}) == 5
    assert server.most_at_once == 1
    assert all(server.rules.values())


ENDS = {
    # fault of the first call: (what becomes of the unit, patches, calls)
    Fault.NONE: (UnitStatus.UPGRADED, 1, 1),
    Fault.SILENT: (UnitStatus.UPGRADED, 1, 2),  # sent once more
    Fault.FAILED: (UnitStatus.UPGRADED, 1, 2),
    Fault.LOST: (UnitStatus.UPGRADED, 1, 2),
    Fault.RULES_FAIL: (UnitStatus.UPGRADED, 1, 2),  # then the rules
    Fault.LOST_DONE: (UnitStatus.UPGRADED, 1, 2),
    Fault.MARKED: (UnitStatus.UPGRADED, 1, 2),
    Fault.STALE_SCRIPTS: (UnitStatus.UPGRADED, 2, 2),  # a second patch stores the right checksum
    Fault.STALE_REFUSED: (UnitStatus.UPGRADED, 2, 2),
    Fault.PAIR_BREAKS: (UnitStatus.UPGRADED, 1, 1),  # it is none
    Fault.UNCERTAIN_TAKEN: (UnitStatus.UPGRADED, 1, 1),
    Fault.UNCERTAIN_NOT_TAKEN: (UnitStatus.UPGRADED, 1, 1),  # sent again with its id
    Fault.NEVER_ENDS: (UnitStatus.FAILED, 0, 1),
    Fault.REFUSED: (UnitStatus.FAILED, 0, 0),
    Fault.VANISHES: (UnitStatus.UPGRADED, 0, 2),  # deployed again
    Fault.SERVER_GONE: (UnitStatus.LEFT_RUNNING, 0, 1),
}


@pytest.mark.parametrize("fault", ENDS)
def test_what_becomes_of_a_unit(fault: Fault) -> None:
    status, patches, sent = ENDS[fault]
    units = networks(2)
    server = FakeServer(units, {units[0].id: fault})
    rollout = roll(server, units, limits=replace(LIMITS, verify_timeout=60))
    assert rollout.results[0].status is status, rollout.results[0].reason
    assert rollout.results[0].reason
    if fault is not Fault.SERVER_GONE:
        assert rollout.results[1].status is UnitStatus.UPGRADED
        assert rollout.error is None
    assert (server.patched[units[0].id], len(server.calls_of(units[0]))) == (patches, sent)
    assert server.doubled == []


def test_every_fault_of_a_patch_has_its_end() -> None:
    assert set(ENDS) == {fault for fault in Fault if not fault.of_recreation}


def test_a_system_vm_is_proven_when_its_agent_reports_the_version() -> None:
    unit = system_vm_unit(vm("s-1", Kind.SSVM))
    assert roll(FakeServer([unit]), [unit]).good
    rollout = roll(FakeServer([unit], {unit.id: [Fault.SILENT, Fault.SILENT]}), [unit])
    assert statuses(rollout) == [UnitStatus.FAILED]
    assert "the agent of s-1 reports 4.18.1.0" in rollout.results[0].reason


def test_a_stopped_router_is_started() -> None:
    unit = network_unit("n", vm("r", state="Stopped"))
    server = FakeServer([unit])
    assert roll(server, [unit], method=Method.RESTART).good
    assert len(server.log) == 1


def test_a_job_of_somebody_else_is_waited_for_and_not_doubled() -> None:
    units = networks(2)
    server = FakeServer(units)
    server.start(units[0], patch(units[0]))
    rollout = roll(server, units)
    assert rollout.good
    assert [unit for dummy, unit, dummy2 in server.log] == [units[1].id], (
        "the job's result says that its rules are applied"
    )
    assert "already running" in rollout.results[0].reason


def test_somebody_else_begins_while_the_proof_of_another_unit_is_read() -> None:
    units = networks(2)

    class Slow(FakeServer):
        def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
            if unit is units[0] and len(self.jobs) == 1:
                self.time += 5
                self.start(units[1], patch(units[1]))
            return super().read(unit, new_disks=new_disks)

    server = Slow(units)
    assert roll(server, units, replace(LIMITS, parallel=1)).good
    assert server.doubled == []
    assert [unit for dummy, unit, dummy2 in server.log] == [units[0].id]


def test_somebody_else_restarts_a_tier_while_the_vpc_is_patched() -> None:
    unit = vpc_unit("v", tiers=3)

    class Shared(FakeServer):
        def submit(self, call: Call, job_id: str | None) -> str:
            job = super().submit(call, job_id)
            if len(self.log) == 1:
                self.start(unit, apply_rules(unit.tiers[2].id), seconds=23.0)
            return job

    server = Shared([unit])
    assert roll(server, [unit]).good
    assert server.doubled == []
    assert len(server.log) == 3


def test_somebody_else_begins_while_a_pair_is_waited_for() -> None:
    unit = network_unit("n", *pair("r"))

    class Electing(FakeServer):
        def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
            vms = super().read(unit, new_disks=new_disks)
            if unit.redundant and not any(job.unit is unit for job in self.jobs.values()):
                self.start(unit, patch(unit), Fault.SILENT, seconds=23.0)
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
    server.start(units[0], patch(units[0]), Fault.SILENT)
    assert roll(server, units).good
    assert len(server.log) == 1
    assert server.log[0][0] >= 1003


@pytest.mark.parametrize("unit", [network_unit("n"), network_unit("p", *pair("r"), redundant=True), vpc_unit("v")])
def test_what_another_run_did_between_the_reading_and_the_call_is_not_done_again(unit: Unit) -> None:
    """Its job has ended by then; all that tells is that there is one of the id."""

    class Quick(FakeServer):
        def submit(self, call: Call, job_id: str | None) -> str:
            if not self.jobs:
                super().submit(call, job_id)
                self.sleep(3.0)
            return super().submit(call, job_id)

    server = Quick([unit])
    assert only(server, unit).status in (UnitStatus.CURRENT, UnitStatus.UPGRADED)
    assert [call.purpose for call in server.calls_of(unit)].count(Purpose.PATCH) == 1


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.FAILED])
def test_what_another_run_did_in_vain_is_done_again_without_a_budget_for_failures(fault: Fault) -> None:
    """What is in doubt keeps others from being begun, and not itself from being tried once more."""

    class Quicker(FakeServer):
        def submit(self, call: Call, job_id: str | None) -> str:
            if not self.jobs:
                super().submit(call, job_id)
            assert self.time < 10_000
            return super().submit(call, job_id)

    unit = network_unit("n")
    server = Quicker([unit], {unit.id: [fault]})
    assert only(server, unit, replace(LIMITS, max_failures=0)).status is UnitStatus.UPGRADED


def test_the_other_tiers_are_restarted_after_an_adopted_patch() -> None:
    unit = vpc_unit("v", tiers=3)
    server = FakeServer([unit])
    server.start(unit, patch(unit))
    assert roll(server, [unit]).good
    assert len(server.log) == 2


def test_nothing_starts_once_the_budget_is_used_up() -> None:
    units = networks(10)
    server = FakeServer(units, {units[0].id: [Fault.SILENT, Fault.SILENT]})
    rollout = roll(server, units, Limits(parallel=1, per_host=0, max_failures=0))
    assert statuses(rollout) == [UnitStatus.FAILED] + [UnitStatus.NOT_STARTED] * 9
    assert "max_failures is 0" in rollout.results[1].reason


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LOST_DONE, Fault.UNCERTAIN_NOT_TAKEN])
def test_while_a_recreation_is_in_doubt_nothing_begins(fault: Fault) -> None:
    """Not in the moment in which it is read again either, nor where a first live patch was expected to fail."""
    units = [network_unit(f"n{number}", vm(f"r{number}")) for number in range(5)]
    server = FakeServer(units, {units[0].id: [fault] * 3}, {unit.id: 3.0 for unit in units[1:]}, Ids.REFUSED)
    rollout = roll(server, units, replace(LIMITS, parallel=2, max_failures=0, verify_timeout=40), Method.RECREATE)
    assert statuses(rollout)[0] is UnitStatus.FAILED
    assert statuses(rollout)[2:] == [UnitStatus.NOT_STARTED] * 3


def test_what_lacks_its_rules_comes_before_what_has_only_waited() -> None:
    """Both want a place in the same moment."""
    other, vpc = units = [vpc_unit("o", vm("r0"), tiers=3), vpc_unit("v", vm("r1"), tiers=3)]
    server = FakeServer(units, seconds={vpc.id: 5.0, other.id: 1.0})
    server.start(other, patch(other), Fault.SILENT)
    assert roll(server, units, replace(LIMITS, parallel=1)).good
    assert [identity for dummy, identity, dummy2 in server.log] == [vpc.id] * 3 + [other.id] * 3


@pytest.mark.parametrize(
    "limits",
    [{"wait_when_interrupted": True}, {"deadline": 1091.0}, {"max_failures": 0}],
    ids=["interruption", "deadline", "budget"],
)
def test_what_was_at_work_when_nothing_may_begin_any_more_is_proven(limits: dict[str, Any]) -> None:
    units = networks(4)
    faults = {units[3].id: Fault.REFUSED} if "max_failures" in limits else {}
    server = FakeServer(units, faults, {unit.id: 80.0 for unit in units})
    stop = "wait_when_interrupted" in limits
    one = scheduler(server, replace(LIMITS, job_timeout=600, **limits), interrupted=lambda: stop and server.time > 1010)
    assert statuses(one.roll(units, Method.LIVE_PATCH))[:3] == [UnitStatus.UPGRADED] * 3


@pytest.mark.parametrize(
    ("limits", "interrupted", "reason"),
    [
        ({"deadline": 1030.0}, False, "it takes about 20 s and would not end before the deadline"),
        ({"max_failures": 0}, False, "1 unit failed, and max_failures is 0"),
        ({"wait_when_interrupted": True}, True, "the run was interrupted"),
    ],
    ids=["deadline", "budget", "interruption"],
)
def test_what_has_only_waited_for_somebody_elses_job_is_not_started_any_more(
    limits: dict[str, Any], interrupted: bool, reason: str
) -> None:
    """Nothing of this run was sent for it, so it begins with its first call."""
    units = networks(2)
    server = FakeServer(units, {units[1].id: Fault.REFUSED}, {units[0].id: 40.0})
    job = server.start(units[0], patch(units[0]), Fault.SILENT)
    lines: list[str] = []

    def stop() -> bool:
        return interrupted and server.time > 1010

    one = scheduler(server, replace(LIMITS, job_timeout=600, **limits), lines=lines, interrupted=stop)
    one._pace.learn_job(90.0, 20.0, 20.0)
    waited = one.roll(units, Method.LIVE_PATCH).results[0]
    assert server.log == []
    assert (waited.status, waited.reason, waited.job_ids) == (UnitStatus.NOT_STARTED, reason, (job.id,))
    [line] = [line for line in lines if " left " in line]
    assert "network n0 in 4" in line and f": {reason} [" in line


@pytest.mark.parametrize(
    ("unit", "method", "boots"),
    [
        (network_unit("n"), Method.LIVE_PATCH, False),
        (network_unit("n"), Method.RECREATE, True),
        (network_unit("n"), Method.RESTART, True),
        (ssvm(), Method.RECREATE, False),  # its job only destroys
        (ssvm(), Method.RESTART, True),
    ],
)
def test_a_job_that_takes_too_long_is_left_alone(unit: Unit, method: Method, boots: bool) -> None:
    """On real hosts a VM that cannot boot holds its job for 10 to 20 minutes a host."""
    [result] = roll(FakeServer([unit], {unit.id: Fault.NEVER_ENDS}), [unit], method=method).results
    assert "still runs after" in result.reason
    assert "next run waits" in result.reason and "sysvm_timeouts (job)" in result.reason
    assert ("A VM that cannot boot looks like this" in result.reason) is boots


RECREATED = {
    # fault: (what the router's unit becomes, what the system VM's becomes, words of the reason)
    Fault.NONE: (UnitStatus.UPGRADED, UnitStatus.UPGRADED, "proven"),
    Fault.RULES_FAIL: (UnitStatus.UPGRADED, UnitStatus.UPGRADED, "although"),
    Fault.LOST_DONE: (UnitStatus.UPGRADED, UnitStatus.UPGRADED, "although"),
    Fault.FAILED: (UnitStatus.FAILED, UnitStatus.FAILED, "it failed"),
    Fault.SILENT: (UnitStatus.FAILED, UnitStatus.FAILED, "still there"),
    Fault.LEFT_OVER: (UnitStatus.FAILED, None, "Next:"),
    Fault.NO_REPLACEMENT: (UnitStatus.FAILED, UnitStatus.FAILED, ""),
    Fault.AGENT_STAYS_DOWN: (None, UnitStatus.FAILED, "port 8250"),
    Fault.OLD_TEMPLATE: (UnitStatus.FAILED, UnitStatus.FAILED, "not from systemvm-4.22.0"),
    Fault.OLD_PACKAGE: (UnitStatus.FAILED, None, "has an old package"),
}


@pytest.mark.parametrize("fault", RECREATED)
def test_recreation_is_proven_by_what_came_back(fault: Fault) -> None:
    router, system_vm, words = RECREATED[fault]
    for unit, status in ((network_unit("n"), router), (system_vm_unit(vm("s-1", Kind.SSVM)), system_vm)):
        if status is not None:
            server = FakeServer([unit], {unit.id: fault})
            result = only(server, unit, limits=replace(LIMITS, verify_timeout=60), method=Method.RECREATE)
            assert result.status is status, result.reason
            assert words in result.reason
            assert server.calls_of(unit)[0].purpose is Purpose.RECREATE
            assert all(server.rules.values()) or result.status is UnitStatus.FAILED
            assert Counter(call.purpose for call in server.calls_of(unit))[Purpose.RECREATE] == 1


@pytest.mark.parametrize("unit", [network_unit("n"), vpc_unit("v"), system_vm_unit(vm("s-1", Kind.SSVM))])
@pytest.mark.parametrize(("lost", "status"), [(1, UnitStatus.UPGRADED), (2, UnitStatus.FAILED)])
def test_a_recreation_that_was_lost_with_its_server_is_sent_once_more(
    unit: Unit, lost: int, status: UnitStatus
) -> None:
    server = FakeServer([unit], {unit.id: [Fault.LOST] * lost})
    result = only(server, unit, limits=replace(LIMITS, verify_timeout=60), method=Method.RECREATE)
    assert result.status is status, result.reason
    assert [call.purpose for call in server.calls_of(unit)][:2] == [Purpose.RECREATE] * 2
    assert Counter(call.purpose for call in server.calls_of(unit))[Purpose.RECREATE] == 2


@pytest.mark.parametrize("state", ["Running", "Stopped"])
def test_an_internal_lb_vm_that_is_recreated_is_deployed_again(state: str) -> None:
    unit = internal_lb(state=state)
    server = FakeServer([unit])
    result = only(server, unit, method=Method.RECREATE)
    assert (result.status, result.method) == (UnitStatus.UPGRADED, Method.RECREATE), result.reason
    assert [call.command for call in server.calls_of(unit)] == ["destroyRouter", "restartNetwork"]
    assert [vm.id for vm in result.after or ()] != [vm.id for vm in unit.vms]


def test_of_an_internal_lb_vm_whose_network_is_gone_nothing_is_missing() -> None:
    unit = internal_lb()
    server = FakeServer([unit])
    server.owner = lambda asked: None if server.calls_of(unit) else asked  # type: ignore[method-assign,assignment]
    result = only(server, unit, method=Method.RECREATE)
    assert (result.status, result.code) == (UnitStatus.GONE, "Gone")


def test_in_a_basic_zone_the_router_of_each_pod_gets_a_new_disk() -> None:
    routers = (vm(name, software="4.22.0.0", scripts="new-scripts") for name in ("r-1", "r-2"))
    unit = network_unit("n", *routers, unit={"per_pod": True})
    server = FakeServer([unit])
    result = only(server, unit, method=Method.RESTART)
    assert result.status is UnitStatus.UPGRADED, result.reason
    sent = [(call.command, call.params["id"]) for call in server.calls_of(unit)]
    assert sent == [("rebootRouter", "id-r-1"), ("rebootRouter", "id-r-2")]


def test_where_no_system_vm_comes_back_it_says_where_to_look() -> None:
    result = only(FakeServer([ssvm()], {"id-s-1": Fault.NO_REPLACEMENT}), ssvm(), method=Method.RECREATE)
    assert "Next:" in result.reason and "'system template'" in result.reason


def test_system_vms_are_recreated_one_at_a_time_in_a_zone() -> None:
    units = [system_vm_unit(vm(f"s-{n}", Kind.SSVM, zone_id=f"z{n % 2}", host_id=f"h{n}")) for n in range(6)]
    server = FakeServer(units)
    assert roll(server, units, method=Method.RECREATE).good
    assert server.most_at_once == 1, "by default one in the whole cloud"
    server = FakeServer(units)
    assert roll(server, units, replace(LIMITS, system_vms_at_once=4), Method.RECREATE).good
    assert server.most_at_once == 2, "never two in a zone"


@pytest.mark.parametrize(("agent", "status"), [("Up", UnitStatus.UPGRADED), ("Alert", UnitStatus.FAILED)])
def test_a_neighbour_is_no_replacement_but_may_make_one_needless(agent: str, status: UnitStatus) -> None:
    """Of several SSVMs of a zone the server replaces only the last one."""
    unit, neighbour = system_vm_unit(vm("s-1", Kind.SSVM)), vm("s-2", Kind.SSVM, agent_state=agent)

    class Neighbourhood(FakeServer):
        def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
            return [*super().read(unit, new_disks=new_disks), neighbour]

    server = Neighbourhood([unit], {unit.id: Fault.NO_REPLACEMENT})
    result = only(server, unit, method=Method.RECREATE, known_vms=frozenset({"id-s-1", "id-s-2"}))
    assert result.status is status
    assert list(result.after or ()) == []
    assert server.time >= 1000 + LIMITS.verify_timeout


def test_a_pair_that_is_not_whole_any_more_is_not_recreated() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit])
    server.vms[unit.id] = [replace(one, redundant_state="BACKUP") for one in unit.vms]
    [result] = roll(server, [unit], method=Method.RECREATE).results
    assert (result.status, result.code) == (UnitStatus.SKIPPED, "PairNotWhole")
    assert "r-1 Running BACKUP, r-2 Running BACKUP" in result.reason
    assert server.log == []
    assert server.time >= 1000 + LIMITS.verify_timeout, "it may become whole again"


def test_a_pair_is_restarted_half_by_half_standby_first() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit])
    assert only(server, unit, method=Method.RESTART).status is UnitStatus.UPGRADED
    assert [call.object_id for call in server.calls_of(unit)] == ["id-r-2", "id-r-1"]
    first, second = (when for when, *dummy in server.log)
    assert second - first >= 35, "only once the server has looked at the pair again"


def test_consoles_are_waited_for_as_long_as_wanted() -> None:
    unit = system_vm_unit(vm("v-1", Kind.CPVM, sessions=2))
    for wait_idle, at_least in ((0, 0), (60, 60)):
        server = FakeServer([unit])
        limits = replace(LIMITS, wait_idle=wait_idle)
        assert roll(server, [unit], limits, method=Method.RECREATE).good
        assert server.log[0][0] >= 1000 + at_least


def test_few_questions_and_little_waiting() -> None:
    """200 units, 20 at a time, 3 seconds each: near the ideal, and less than one question per two units."""
    units = networks(200)
    server = FakeServer(units)
    roll(server, units, Limits(parallel=20, per_host=0))
    assert server.time - 1000 <= 30 * 1.05
    assert server.questions <= 100


def test_lines_tell_how_many_are_at_work_and_how_many_are_being_proved() -> None:
    """Never more at work than may be: a pair that waits for the server to look at it has given its place away."""
    units = [network_unit(f"p{number}", *pair(f"r{number}", built_from="4.20.1")) for number in range(6)]
    lines: list[str] = []
    server = FakeServer(units, seconds={unit.id: 20.0 for unit in units})
    assert roll(server, units, replace(LIMITS, parallel=2), lines=lines).good
    started = [line.partition("[")[2] for line in lines if " start " in line]
    assert started[0] == "0/6 done, 1 at work, 0 failed]"
    at_work = [int(line.partition(" at work")[0].split()[-1]) for line in started]
    assert max(at_work) == 2 and any("being proved" in line for line in started)
    assert "0 at work, 0 failed" in lines[-1]
