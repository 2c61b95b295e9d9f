# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Done means served: rules applied, pair whole as the server sees it, hosts there, target still the target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Looks
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call, calls
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Check, Health
from tests.unit.builders import TARGET_TEXT, network_unit, pair, system_vm_unit, version, vm, vpc_unit
from tests.unit.rollout.fake import PAIR_INTERVAL_S, FakeServer, Fault, Ids
from tests.unit.rollout.rolling import LIMITS, networks, only, roll, scheduler, statuses

PATIENT = replace(LIMITS, verify_timeout=60)


# --- rules


@pytest.mark.parametrize("fault", [Fault.RULES_FAIL, Fault.LOST_DONE])
def test_a_patch_whose_rules_failed_is_upgraded_once_a_plain_restart_has_succeeded(fault: Fault) -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: fault})
    result = only(server, unit, PATIENT)
    assert result.status is UnitStatus.UPGRADED
    assert [call.purpose for call in server.calls_of(unit)] == [Purpose.PATCH, Purpose.APPLY_RULES]
    assert server.rules == {unit.id: True}
    assert "although" in result.reason and "a restart has applied its rules since" in result.reason
    assert [(restart.network_id, restart.succeeded) for restart in result.restarts] == [(unit.id, True)]


def test_a_patch_whose_rules_fail_again_has_failed() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: [Fault.RULES_FAIL, Fault.FAILED]})
    result = only(server, unit)
    assert result.status is UnitStatus.FAILED
    assert result.reason.startswith("patched, rules not applied in network n: RestartNetworkCmd job")
    assert "it failed" in result.reason and "the next run applies them again" in result.reason
    assert len(server.log) == 2


def test_of_a_vpc_every_tier_needs_a_restart_that_succeeded() -> None:
    unit = vpc_unit("v", tiers=3)
    server = FakeServer([unit], {unit.id: [Fault.NONE, Fault.NONE, Fault.FAILED]})
    result = only(server, unit)
    assert result.status is UnitStatus.FAILED
    assert "rules not applied in tier v-tier2" in result.reason
    assert [restart.network_id for restart in result.restarts] == ["id-v-tier0", "id-v-tier1"]


def test_rules_that_an_earlier_run_owes_are_applied_and_nothing_is_patched() -> None:
    unit = network_unit("n", vm("r", software=TARGET_TEXT), unit={"owed": (Owed("id-n", "it failed", 0.0),)})
    server = FakeServer([unit])
    server.rules["id-n"] = False
    result = only(server, unit, method=Method.RESTART)
    assert result.status is UnitStatus.UPGRADED
    assert [call.purpose for call in server.calls_of(unit)] == [Purpose.APPLY_RULES]
    assert server.rules["id-n"]


def test_what_the_server_marks_for_a_restart_is_restarted() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: Fault.MARKED})
    result = only(server, unit)
    assert result.status is UnitStatus.UPGRADED
    assert not server.marked
    assert any("marked network n" in note for note in result.notes)


def test_what_stays_marked_has_failed() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: [Fault.MARKED, Fault.MARKED]})
    result = only(server, unit)
    assert result.status is UnitStatus.FAILED
    assert "still wants a restart of network n" in result.reason


def test_a_vpc_that_is_marked_itself_is_restarted_as_a_whole() -> None:
    unit = vpc_unit("v", tiers=1)
    server = FakeServer([unit])
    server.marked.add(unit.id)
    assert only(server, unit).status is UnitStatus.UPGRADED
    assert [call.command for call in server.calls_of(unit)] == ["restartNetwork", "restartVPC"]


# --- one more try


def test_a_patch_without_effect_is_sent_once_more_and_that_is_told() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: Fault.SILENT})
    lines: list[str] = []
    result = only(server, unit, lines=lines)
    assert result.status is UnitStatus.UPGRADED
    assert [call.purpose for call in server.calls_of(unit)] == [Purpose.PATCH] * 2
    assert any("sent once more" in note for note in result.notes)
    assert any("note" in line and "sent once more" in line for line in lines)


def test_twice_without_effect_has_failed() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: [Fault.SILENT] * 5})
    assert only(server, unit).status is UnitStatus.FAILED
    assert len(server.log) == 2


def test_an_old_agent_with_new_scripts_is_patched_by_force() -> None:
    unit = system_vm_unit(vm("s-1", Kind.SSVM))

    class SameScripts(FakeServer):
        """An unforced patch sees no change in the scripts, and the agent stays old."""

        def submit(self, call: Call, job_id: str | None) -> str:
            if not call.params.get("forced"):
                self.faults[unit.id] = [Fault.SILENT]
            return super().submit(call, job_id)

        def result(self, job_id: str) -> Job:
            job = super().result(job_id)
            details = {"details": "No change in the scripts checksum, not patching systemVM s-1"}
            return replace(job, result=details) if self.jobs[job_id].fault is Fault.SILENT else job

    server = SameScripts([unit])
    assert only(server, unit).status is UnitStatus.UPGRADED
    assert [call.params.get("forced", False) for call in server.calls_of(unit)] == [False, True]


# --- hosts


def test_a_unit_whose_host_is_away_comes_last_and_is_skipped_if_it_stays_so() -> None:
    units = networks(6)
    server = FakeServer(units)
    server.away["h0"] = float("inf")
    rollout = roll(server, units, replace(LIMITS, parallel=1))
    assert [result.status.value for result in rollout.results] == ["skipped", "upgraded", "upgraded"] * 2
    assert "h0 is Disconnected; nothing was sent" in rollout.results[0].reason


def test_a_host_that_comes_back_meanwhile_is_done_in_the_end() -> None:
    units = networks(9)
    server = FakeServer(units)
    server.away["h0"] = server.time + 15
    rollout = roll(server, units, replace(LIMITS, parallel=1))
    assert rollout.good
    assert [unit for dummy, unit, dummy2 in server.log][-3:] == ["id-n0", "id-n3", "id-n6"]


def test_after_a_loss_of_contact_nothing_is_sent_before_the_hosts_are_there() -> None:
    unit = vpc_unit("v", tiers=2)
    server = FakeServer([unit], {unit.id: Fault.LOST_DONE})
    assert only(server, unit, PATIENT).status is UnitStatus.UPGRADED
    lost = server.log[0][0] + 3
    assert all(when >= lost + 25 for when, dummy, dummy2 in server.log[1:])


def test_a_server_that_dies_under_eight_units_leaves_none_without_rules() -> None:
    units = [network_unit(f"n{n}", vm(f"r{n}", host_id=f"h{n}")) for n in range(10)]
    server = FakeServer(units, {unit.id: Fault.LOST_DONE for unit in units[:8]})
    rollout = roll(server, units, replace(PATIENT, parallel=8))
    assert rollout.good
    assert all(server.rules.values())
    assert set(server.patched.values()) == {1}


# --- pairs


def test_a_pair_is_judged_by_what_the_server_says_after_it_looked_again() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit], {unit.id: Fault.PAIR_BREAKS})
    result = only(server, unit)
    assert result.status is UnitStatus.FAILED
    assert "not one PRIMARY and one BACKUP" in result.reason
    assert server.time >= 1000 + PAIR_INTERVAL_S


def test_where_the_server_never_looks_at_pairs_that_is_told() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit])
    result = only(server, unit, looks=Looks(None))
    assert result.status is UnitStatus.UPGRADED
    assert any("not checked" in note for note in result.notes)
    assert server.time < 1000 + PAIR_INTERVAL_S


def test_waiting_for_the_server_to_look_holds_up_nobody() -> None:
    units = [network_unit(f"n{n}", *pair(f"r{n}")) for n in range(4)]
    server = FakeServer(units)
    done = roll(server, units, replace(LIMITS, parallel=1))
    assert done.good
    assert server.time < 1000 + 4 * 5 + PAIR_INTERVAL_S * 1.5
    # So what they worked one after the other is less than the whole; the rest of each they only waited.
    assert sum(result.worked_s or 0 for result in done.results) <= server.time - 1000
    assert all((result.duration_s or 0) > (result.worked_s or 0) > 0 for result in done.results)


def test_the_second_half_of_a_pair_is_rebooted_only_when_the_server_has_looked() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit])
    assert only(server, unit, method=Method.RESTART).status is UnitStatus.UPGRADED
    first, second = (when for when, dummy, dummy2 in server.log)
    assert second - first >= PAIR_INTERVAL_S


def test_a_pair_that_somebody_else_has_made_current_is_not_rebooted() -> None:
    unit = network_unit("n", *pair("r"))
    server = FakeServer([unit])
    server.start(unit, calls(unit, Method.LIVE_PATCH)[0])
    theirs = [InFlight(job, "RestartNetworkCmd", None, frozenset({"id-n"})) for job in server.jobs]
    assert only(server, unit, method=Method.RESTART, in_flight=theirs).status is UnitStatus.UPGRADED
    assert "rebootRouter" not in {call.command for call in server.calls_of(unit)}


# --- health

PASSED, FAILED, UNCLEAR = {"dhcp": Health.PASSED}, {"dhcp": Health.FAILED}, {"dhcp": Health.UNCLEAR}
NOBODY_KNOWS = "it is not known whether it passed them before"
HEALTHY = Looks(health_zones=frozenset({"id-zone"}))


@pytest.mark.parametrize(
    ("before", "after", "status", "note"),
    [
        (PASSED, PASSED, UnitStatus.UPGRADED, None),
        (PASSED, FAILED, UnitStatus.FAILED, None),
        (PASSED, UNCLEAR, UnitStatus.UPGRADED, None),
        (FAILED, FAILED, UnitStatus.UPGRADED, None),
        # Before an upgrade to 4.22 no script's result is known: an old ailment is no loss.
        (UNCLEAR, FAILED, UnitStatus.UPGRADED, NOBODY_KNOWS),
        ({}, FAILED, UnitStatus.UPGRADED, NOBODY_KNOWS),
        (None, FAILED, UnitStatus.UPGRADED, NOBODY_KNOWS),
        (PASSED, None, UnitStatus.UPGRADED, "could not run its checks"),
    ],
)
def test_fresh_health_checks(
    before: dict[str, Health] | None, after: dict[str, Health] | None, status: UnitStatus, note: str | None
) -> None:
    unit = network_unit("n", vm("r"))
    server = FakeServer([unit])
    server.health_before, server.health["id-r"] = before, after
    result = only(server, unit, looks=HEALTHY)
    assert result.status is status
    assert ("fails health checks that it passed before: dhcp" in result.reason) is (status is UnitStatus.FAILED)
    assert len(result.notes) == (note is not None)
    assert note is None or note in result.notes[0]
    server = FakeServer([unit])
    server.health_before, server.health["id-r"] = PASSED, after
    assert only(server, unit).status is UnitStatus.UPGRADED, "not asked for where it may not"


@pytest.mark.parametrize("after", [PASSED, FAILED])
def test_what_a_router_noted_before_its_patch_is_neither_proof_nor_loss(after: dict[str, Health]) -> None:
    """On Debian 11 the scripts of 4.22 do not run, and the server shows the results of before."""
    unit = network_unit("n", vm("r"))
    server = FakeServer([unit])
    server.health_before, server.health["id-r"], server.ran_at = PASSED, after, server.time
    result = only(server, unit, looks=HEALTHY)
    assert result.status is UnitStatus.UPGRADED
    [note] = result.notes
    assert note.startswith("the router r ran no health checks since 1970-01-01T00:16:40.000+00:00")


def test_a_router_whose_clock_is_behind_is_asked_again_and_judged() -> None:
    unit = network_unit("n", vm("r"))

    class Behind(FakeServer):
        def health_checks(self, vm: Vm) -> dict[str, Check] | None:
            checks = super().health_checks(vm) or {}
            return {name: replace(check, updated=(check.updated or 0) - 3600) for name, check in checks.items()}

    server = Behind([unit])
    server.health_before, server.health["id-r"] = PASSED, FAILED
    result = only(server, unit, looks=HEALTHY)
    assert (result.status, result.notes) == (UnitStatus.FAILED, ())


def test_what_one_half_of_a_pair_failed_before_the_other_may_fail_afterwards() -> None:
    unit = network_unit("n", *pair("r"))

    class Pair(FakeServer):
        def health_checks(self, vm: Vm) -> dict[str, Check] | None:
            self.health_before = FAILED if vm.name == "r-1" else PASSED
            return super().health_checks(vm)

    server = Pair([unit])
    server.health = {"id-r-1": PASSED, "id-r-2": FAILED}
    assert only(server, unit, looks=HEALTHY).status is UnitStatus.UPGRADED


# --- the target


def test_a_run_whose_target_has_moved_stops_and_says_so() -> None:
    units = networks(6)
    server = FakeServer(units, {units[0].id: [Fault.SILENT, Fault.SILENT]})
    server.target = version("4.22.1.0")
    rollout = roll(server, units, replace(LIMITS, parallel=1))
    assert statuses(rollout) == [UnitStatus.FAILED] + [UnitStatus.NOT_STARTED] * 5
    assert "run 4.22.1.0 now, and this run upgrades to 4.22.0.0" in rollout.results[0].reason
    assert "run 4.22.1.0 now" in rollout.results[5].reason
    assert len(server.log) == 1


# --- fallback


def fall_back(units: list[Unit], server: FakeServer, limits: Limits) -> list[str]:
    rollout = roll(server, units, limits, fallback_blocker=lambda unit: None)
    return [f"{result.method.value} {result.status.value}: {result.reason}" for result in rollout.results]


TWICE = [Fault.SILENT, Fault.SILENT]


def test_fallback_recreates_what_a_patch_did_not_help() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: TWICE})
    [told] = fall_back([unit], server, LIMITS)
    assert told.startswith("recreate upgraded")
    assert [call.purpose for call in server.calls_of(unit)] == [Purpose.PATCH, Purpose.PATCH, Purpose.RECREATE]


@pytest.mark.parametrize(("fault", "away"), [(Fault.LOST, False), (Fault.SILENT, True)])
def test_fallback_leaves_alone_what_may_mend_itself(fault: Fault, away: bool) -> None:
    unit = network_unit("n")

    class Gone(FakeServer):
        def result(self, job_id: str) -> Job:
            self.away |= {"id-host": float("inf")} if away else {}
            return super().result(job_id)

    server = Gone([unit], {unit.id: [fault, fault]})
    [told] = fall_back([unit], server, PATIENT)
    assert told.startswith("live_patch failed"), told


def test_fallback_of_two_ssvms_of_one_zone_goes_one_after_the_other() -> None:
    units = [system_vm_unit(vm(f"s-{n}", Kind.SSVM, host_id=f"h{n}")) for n in range(2)]
    server = FakeServer(units, {unit.id: TWICE for unit in units})
    assert all(told.startswith("recreate upgraded") for told in fall_back(units, server, PATIENT))
    assert server.most_per_zone == 1


def test_fallback_that_would_not_end_before_the_deadline_is_not_begun() -> None:
    [unit] = networks(1)
    server = FakeServer([unit], {unit.id: TWICE}, {unit.id: 40.0})
    [told] = fall_back([unit], server, replace(LIMITS, deadline=server.time + 150))
    assert told.startswith("live_patch failed")
    assert "It was not recreated: it takes about" in told
    assert len(server.log) == 2


def test_fallback_that_waited_too_long_for_its_gate_is_not_begun() -> None:
    """What the server says of a pair after the patch is known only when it has looked at it again."""
    unit = network_unit("n", *pair("r", built_from="4.20.1"))
    server = FakeServer([unit], {unit.id: TWICE}, {unit.id: 30.0})
    limits = replace(LIMITS, verify_timeout=5, deadline=server.time + 151)
    [told] = fall_back([unit], server, limits)
    assert told.startswith("live_patch failed"), told
    assert "It was not recreated: it takes about" in told
    assert [call.purpose for call in server.calls_of(unit)] == [Purpose.PATCH, Purpose.PATCH]


def test_fallback_asks_whether_the_failure_budget_is_used_up() -> None:
    units = networks(2)
    server = FakeServer(units, {units[0].id: TWICE, units[1].id: Fault.REFUSED})
    told = fall_back(units, server, replace(LIMITS, max_failures=0))
    assert "It was not recreated: 1 unit(s) failed, and max_failures is 0" in told[0]


def test_fallback_does_not_begin_after_an_interruption() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: TWICE})
    lines: list[str] = []
    one = scheduler(server, replace(LIMITS, wait_when_interrupted=True), lines=lines, fallback_blocker=lambda u: None)
    one._interrupted = lambda: len(server.log) == 2
    [result] = one.run([unit], Method.LIVE_PATCH).results
    assert "It was not recreated: the run was interrupted" in result.reason


# --- the guard


@pytest.mark.parametrize("ids", Ids)
def test_which_guard_is_in_force_is_told(ids: Ids) -> None:
    unit = network_unit("n")
    server = FakeServer([unit], ids=ids)
    rollout = roll(server, [unit])
    assert rollout.good
    assert rollout.guard.value == ("job ids" if ids is Ids.TAKEN else "events")
    assert bool(rollout.notes) == (ids is not Ids.TAKEN)
    assert len(server.log) == 1


def test_a_lost_answer_is_asked_for_by_its_id_and_sent_again_with_it() -> None:
    units = networks(2)
    server = FakeServer(units, {units[1].id: Fault.UNCERTAIN_NOT_TAKEN})
    assert roll(server, units, replace(LIMITS, parallel=1)).good
    assert [unit for dummy, unit, dummy2 in server.log] == ["id-n0", "id-n1"]


def test_two_runs_share_the_work() -> None:
    """The second run was planned before the first sent anything, so it sends the same calls."""
    unit = vpc_unit("v", tiers=3)
    server = FakeServer([unit])
    assert roll(server, [unit]).good
    sent = len(server.log)
    result = only(server, unit)
    assert result.status is UnitStatus.UPGRADED
    assert len(server.log) == sent, "nothing was sent twice"
    assert not result.submitted


def test_an_attempt_that_did_nothing_is_followed_by_the_next() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: TWICE})
    assert only(server, unit).status is UnitStatus.FAILED
    assert only(server, unit).status is UnitStatus.UPGRADED, "the next run has ids of its own"
    assert len(set(server.jobs)) == 3


def test_what_a_failed_patch_broke_was_not_broken_before_the_fallback() -> None:
    """The health that counts as before is the one before anything was sent, also when the method changes."""
    unit = network_unit("n", vm("r"))
    server = FakeServer([unit], {unit.id: TWICE})
    server.health_before = PASSED
    server.health = dict.fromkeys(("id-r", "id-r-new"), FAILED)
    result = only(server, unit, looks=HEALTHY, fallback_blocker=lambda unit: None)
    assert result.status is UnitStatus.FAILED
    assert "it passed before: dhcp" in result.reason
