# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of the audit of 2026-11-29, each as what has to happen instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ServerError, UnavailableError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import ManagementServer
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import patch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import TARGET, network_unit, pair, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, networks, roll, scheduler, statuses
from tests.unit.rollout.world import Event, Window, World

OLD = vm("r-old")
NEW: dict[str, Any] = {"software": "4.22.0.0", "built_from": "4.22.0", "root_template_id": "id-new"}
PATIENT = replace(LIMITS, job_timeout=900, verify_timeout=60)


def sent(server: FakeServer, unit: Any) -> list[str]:
    return [f"{call.command} {call.purpose.value}" for call in server.calls_of(unit)]


def test_what_was_left_over_and_runs_now_is_not_destroyed() -> None:
    """e10a: their rolling restart is between allocating the new router and starting it; e10b: swapped by hand."""
    unit = network_unit("n", OLD)
    world = World([unit], events=[Event(0.0, "cleanup", 0, 30.0)])
    world._advance()
    world.time += 12.0  # the new router is allocated, and Stopped
    world._advance()
    seen = replace(unit, vms=tuple(world.vms[unit.id]))
    assert seen.surplus
    [result] = roll(world, [seen], PATIENT, in_flight=world.in_flight()).results
    assert (result.status, sent(world, unit)) == (UnitStatus.CURRENT, [])

    left = vm("r-new", state="Stopped", **NEW)
    unit = network_unit("n", OLD, left)
    others = networks(2)
    world = World([*others, unit], seconds={other.id: 30.0 for other in others})
    world.later(
        1020.0, lambda: world.vms.update({unit.id: [replace(OLD, state="Stopped"), replace(left, state="Running")]})
    )
    result = roll(world, [*others, unit], replace(PATIENT, parallel=1)).results[-1]
    assert [vm.id for vm in world.vms[unit.id] if vm.running] == ["id-r-new"]
    assert result.status.good and world.violations == []


@pytest.mark.parametrize("kind", ["network", "ssvm"])
def test_what_is_being_expunged_is_no_member(kind: str) -> None:
    gone = vm("r-gone", state="Expunging")
    unit = network_unit("n", vm("r", **NEW), gone)
    if kind == "ssvm":
        unit = system_vm_unit(vm("s-1", Kind.SSVM, **NEW))
        world = World([unit])
        world.vms[unit.id].append(vm("s-0", Kind.SSVM, state="Expunging"))
    else:
        world = World([unit])
    [result] = roll(world, [unit], method=Method.RECREATE).results
    assert (result.status, sent(world, unit)) == (UnitStatus.CURRENT, [])


@pytest.mark.parametrize("vpc", [False, True])
def test_a_network_or_vpc_without_routers_gets_one(vpc: bool) -> None:
    unit = vpc_unit("v", tiers=1) if vpc else network_unit("n")
    world = World([unit])
    world.vms[unit.id] = []
    [result] = roll(world, [replace(unit, vms=())], method=Method.LIVE_PATCH).results
    assert result.status is UnitStatus.UPGRADED, result.reason
    assert sent(world, unit) == ["restartVPC start" if vpc else "restartNetwork start"]
    assert world.untrue(unit) == []


def test_a_broken_pair_is_not_current_and_a_half_one_is_made_whole() -> None:
    broken = network_unit("b", *pair("r-b", **NEW), redundant=True)
    half = network_unit("h", pair("r-h", **NEW)[0], redundant=True)
    world = World([broken, half])
    world.broken.add(broken.id)
    world.shown |= {vm.id: "FAULT" for vm in broken.vms}
    first, second = roll(world, [broken, half], PATIENT).results
    assert (first.status, first.code, sent(world, broken)) == (UnitStatus.SKIPPED, "PairNotWhole", [])
    assert (second.status, sent(world, half)) == (UnitStatus.UPGRADED, ["restartNetwork start"])
    assert world.untrue(half) == []


@pytest.mark.parametrize("end", ["stop", "deadline"])
def test_what_was_not_taken_is_not_sent_after_the_stop_or_the_deadline(end: str) -> None:
    units = networks(2)
    world = World(units, rejects=[Window(0.0, 60.0)])
    limits = replace(LIMITS, deadline=1100.0) if end == "deadline" else LIMITS
    one = scheduler(world, limits, interrupted=lambda: end == "stop" and world.time >= 1020.0)
    assert statuses(one.roll(units, Method.LIVE_PATCH)) == [UnitStatus.NOT_STARTED] * 2
    assert world.log == []


def test_what_a_server_never_takes_ends_the_run_and_is_no_failure() -> None:
    """It reads on, so that it is not out of reach; its patience ends all the same."""
    units = networks(3)
    world = World(units, rejects=[Window(0.0, 1e9)])
    rollout = roll(world, units, LIMITS, lost_after_s=300.0)
    assert statuses(rollout) == [UnitStatus.NOT_STARTED] * 3
    assert rollout.error is not None and "Maintenance" in str(rollout.error)
    assert world.time < 1400.0 and world.log == []


def test_what_is_refused_now_and_then_is_waited_for_each_time() -> None:
    units = networks(4)
    world = World(units, rejects=[Window(begin, begin + 200.0) for begin in (0.0, 240.0, 480.0, 720.0)])
    assert roll(world, units, replace(PATIENT, parallel=1), lost_after_s=300.0).good


class Leaving(World):
    """Its server prepares to shut down for a time."""

    breaks_off, leaves_until = True, 1280.0

    def servers(self) -> tuple[ManagementServer, ...]:
        self._settle()
        preparing = ManagementServer("mgmt-1", "PreparingToShutDown", "4.20.2.0", None)
        return (preparing,) if self.time < self.leaves_until else ()


@pytest.mark.parametrize("lasts", [200.0, 1e9])
def test_a_server_that_prepares_to_go_is_waited_for_but_not_for_ever(lasts: float) -> None:
    units = networks(2)
    world = Leaving(units)
    world.leaves_until = 1000.0 + lasts
    rollout = roll(world, units, lost_after_s=300.0)
    assert (rollout.good, world.log == []) == ((True, False) if lasts < 300 else (False, True))
    assert statuses(rollout) == [UnitStatus.UPGRADED if rollout.good else UnitStatus.NOT_STARTED] * 2


@pytest.mark.parametrize(
    ("kind", "ends"),
    [("rejects", "takes jobs again"), ("silences", "answers again"), ("leaves", "takes jobs again")],
)
def test_what_lasts_is_told_in_few_lines_and_so_is_its_end(kind: str, ends: str) -> None:
    lines: list[str] = []
    units = networks(6)
    world = Leaving(units) if kind == "leaves" else World(units, **{kind: [Window(1.0, 280.0)]})  # type: ignore[arg-type]
    assert roll(world, units, lost_after_s=300.0, lines=lines).good
    waits = [line for line in lines if " wait " in line]
    assert 2 <= len(waits) <= 8 and len(set(waits)) == len(waits), waits
    assert next(line for line in lines if ends in line).endswith("min")


def test_the_end_of_a_moment_is_not_worth_a_line() -> None:
    lines: list[str] = []
    units = networks(2)
    assert roll(World(units, silences=[Window(1.0, 3.0)]), units, lost_after_s=300.0, lines=lines).good
    assert any(" wait " in line for line in lines) and not any("again, after" in line for line in lines)


@pytest.mark.parametrize("version", ["4.21.0.0", "4.23.0.0"])
def test_nothing_is_begun_once_a_server_of_another_version_has_joined(version: str) -> None:
    units = networks(3)

    class Joined(World):
        def servers(self) -> tuple[ManagementServer, ...]:
            self._settle()
            state = "Up" if self.time > 1005.0 else "Down"
            return tuple(
                ManagementServer(name, up, runs, parse_version(runs))
                for name, up, runs in (("mgmt-1", "Up", str(TARGET)), ("mgmt-2", state, version))
            )

    world = Joined(units, seconds={unit.id: 30.0 for unit in units})
    rollout = roll(world, units, replace(PATIENT, parallel=1))
    assert statuses(rollout) == [UnitStatus.UPGRADED, UnitStatus.NOT_STARTED, UnitStatus.NOT_STARTED]
    assert rollout.results[1].code == "TargetMoved"
    assert rollout.results[1].reason.startswith(f"mgmt-2 runs {version} now, and this run upgrades to {TARGET}")


def test_others_are_looked_after_while_one_is_not_taken() -> None:
    units = networks(3)

    class Picky(World):
        def submit(self, call: Any, job_id: str | None) -> str:
            if call.object_id == units[0].id and self.time < 1100.0:
                raise UnavailableError("not now", rejected=True)
            return super().submit(call, job_id)

    world = Picky(units)
    assert roll(world, units, replace(LIMITS, parallel=2)).good
    assert [when < 1010.0 for when, unit, dummy in world.log if unit != units[0].id] == [True, True]


def test_a_job_of_others_that_began_while_a_gate_was_waited_for_is_not_overlapped() -> None:
    unit = network_unit("p", *pair("r-p"), redundant=True)
    world = World([unit], recreation_wanted=True, events=[Event(20.0, "cleanup", 0, 300.0)])
    world.shown["id-r-p-2"] = "FAULT"
    world._look = lambda: None  # type: ignore[method-assign]
    world.later(1060.0, lambda: world.shown.update(world.true_states(unit)))
    [result] = roll(world, [unit], PATIENT, method=Method.RECREATE).results
    assert world.violations == []
    assert result.status is not UnitStatus.FAILED


def test_facts_grow_old_while_other_submits_are_slow() -> None:
    units = networks(4)
    world = World(units, slow=3.0, events=[Event(1.0, "cleanup", number, 300.0) for number in range(1, 4)])
    roll(world, units, PATIENT)
    assert world.violations == []
    assert [unit for dummy, unit, dummy2 in world.log] == [units[0].id]


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RECREATE])
@pytest.mark.parametrize("kind", ["network", "ssvm"])
def test_a_node_that_lags_does_not_double_commands(method: Method, kind: str) -> None:
    unit = network_unit("n") if kind == "network" else system_vm_unit(vm("s-1", Kind.SSVM))
    world = World([unit], seconds={unit.id: 60.0}, lag=1.0, recreation_wanted=True)
    [result] = roll(world, [unit], PATIENT, method=method).results
    assert result.status is UnitStatus.UPGRADED
    assert (len(world.log), world.violations, world.doubled) == (1, [], [])


def test_after_job_exists_nothing_is_sent_unguarded() -> None:
    unit = network_unit("n")
    world = World([unit], seconds={unit.id: 30.0}, lag=1.0)
    call = patch(unit)
    world.start(unit, call, Fault.NONE, job_id_of(unit.zone_id, unit.id, Purpose.PATCH, "4.22.0.0", 1))
    [result] = roll(world, [unit], PATIENT).results
    assert result.status.good
    assert (world.log, len(world.jobs)) == ([], 1)


def test_a_restart_that_the_server_wanted_and_that_failed_is_no_success() -> None:
    unit = vpc_unit("v", tiers=1)

    class Throws(FakeServer):
        def _apply(self, job: Any) -> None:
            super()._apply(job)
            self.marked |= {unit.id} if job.patches else set()
            self.marked -= {unit.id} if job.call.command == "restartVPC" else set()

        def submit(self, call: Any, job_id: str | None) -> str:
            self.faults[unit.id] = [Fault.FAILED] if call.command == "restartVPC" else []
            return super().submit(call, job_id)

    [result] = roll(Throws([unit]), [unit]).results
    assert (result.status, result.code) == (UnitStatus.FAILED, "RulesNotApplied")


def test_a_unit_is_read_again_after_a_restart_that_the_server_wanted() -> None:
    unit = network_unit("n")

    class Halts(FakeServer):
        def _apply(self, job: Any) -> None:
            super()._apply(job)
            if job.patches:
                self.marked.add(unit.id)
            elif job.call.purpose is Purpose.APPLY_RULES:
                self.vms[unit.id][:] = [replace(one, state="Stopped") for one in self.vms[unit.id]]

    server = Halts([unit])
    [result] = roll(server, [unit]).results
    assert result.status is UnitStatus.UPGRADED and result.after is not None
    assert [one.state for one in result.after] == [one.state for one in server.vms[unit.id]] == ["Running"]


@pytest.mark.parametrize("question", ["running", "result", "marked_for_restart", "read"])
def test_one_530_of_a_read_fails_nothing(question: str) -> None:
    units = networks(8)
    world = World(units)
    answer, left = getattr(world, question), [1]

    def fails_once(*args: Any, **more: Any) -> Any:
        if world.time > 1001.0 and left and left.pop():
            raise ServerError("Command failed due to Internal Server Error", errorcode=530, rejected=True)
        return answer(*args, **more)

    setattr(world, question, fails_once)
    if question == "read":
        world.router_pages = 99
    assert roll(world, units).good


def test_what_cannot_be_read_of_one_unit_is_its_own_trouble() -> None:
    units = networks(8)
    world = World(units, unreadable={units[3].id: Window(0.0, 1e9)})
    rollout = roll(world, units)
    assert [result.code for result in rollout.results if not result.status.good] == ["Unreadable"]
    assert rollout.error is None


def test_a_server_that_comes_back_has_failed_nobody() -> None:
    units = networks(8)
    assert roll(World(units, seconds={unit.id: 30.0 for unit in units}, silences=[Window(10.0, 120.0)]), units).good


def test_what_changed_since_the_plan_stops_nobody() -> None:
    """Deleted, renewed by its owner, current by somebody's restart with cleanup: no failure, and no budget used."""
    units = [*networks(4), network_unit("half", pair("r-half")[0], redundant=True)]
    deleted, renewed, waited = units[1], units[2], units[3]
    world = World(
        units, seconds={units[0].id: 60.0},
        events=[Event(5.0, "delete", 1), Event(5.0, "cleanup", 2, 20.0), Event(40.0, "cleanup", 3, 60.0)],
    )  # fmt: skip
    rollout = roll(world, units, replace(PATIENT, parallel=1, max_failures=0))
    ends = {result.unit.id: result.status.value for result in rollout.results}
    assert (ends[deleted.id], ends[renewed.id], ends[waited.id]) == ("gone", "current", "current")
    assert ends[units[0].id] == "upgraded"
    assert ends["id-half"] == "upgraded", "the live patch's restart deployed the router that was missing"
    assert world.violations == []


def test_an_orderly_stop_leaves_what_runs() -> None:
    units = networks(4)
    world = World(units, seconds={unit.id: 60.0 for unit in units})
    one = scheduler(world, replace(LIMITS, parallel=2), interrupted=lambda: world.time > 1010.0)
    assert statuses(one.roll(units, Method.LIVE_PATCH)).count(UnitStatus.LEFT_RUNNING) == 2


def test_fallbacks_keep_the_bounds() -> None:
    """e12: each unit fails in its last look, when it has given its place away."""
    units = [network_unit(f"p{n}", vm(f"r-p{n}")) for n in range(6)]

    class Halts(FakeServer):
        def start(self, unit: Any, call: Any, *args: Any, **facts: Any) -> Any:
            self.seconds[unit.id] = 120.0 if call.params.get("cleanup") else 10.0
            return super().start(unit, call, *args, **facts)

    server = Halts(units, {unit.id: [Fault.SILENT, Fault.SILENT] for unit in units})
    limits = replace(PATIENT, parallel=1, per_host=1, verify_timeout=5)
    rollout = roll(server, units, limits, fallback=True)
    assert (server.most_at_once, server.most_per_host) == (1, 1)
    assert [result.method for result in rollout.results] == [Method.RECREATE] * 6 and rollout.good


def test_a_lost_answer_of_the_first_submit_is_sent_again_with_its_id() -> None:
    unit = network_unit("n")
    world = World([unit], {unit.id: Fault.UNCERTAIN_NOT_TAKEN})
    assert roll(world, [unit], PATIENT).good
    assert len(world.log) == 1


def test_pairs_that_the_server_never_looks_at_are_told() -> None:
    unit = network_unit("n", *pair("r"), redundant=True)
    [result] = roll(World([unit]), [unit], PATIENT, pair_settles_s=None).results
    assert result.status is UnitStatus.UPGRADED and "not checked" in result.notes[0]
