# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Done means served: rules applied, pair whole as the server sees it, hosts there, target still the target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call, patch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import TARGET_TEXT, network_unit, pair, system_vm_unit, version, vm, vpc_unit
from tests.unit.rollout.fake import PAIR_INTERVAL_S, FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, networks, only, roll, statuses

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
    ends = {restart.network_id: restart.succeeded for restart in result.restarts}
    assert ends == {"id-v-tier0": True, "id-v-tier1": True, "id-v-tier2": False}, "the next run knows what it owes"


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
    back = server.away["h0"] = server.time + 16.5  # the last of the others has begun
    rollout = roll(server, units, replace(LIMITS, parallel=1))
    assert rollout.good
    assert [unit for dummy, unit, dummy2 in server.log][-3:] == ["id-n0", "id-n3", "id-n6"]
    assert all((when >= back) is (unit in ("id-n0", "id-n3", "id-n6")) for when, unit, dummy in server.log)


def test_where_the_server_has_just_restarted_when_a_step_begins_its_hosts_are_waited_for() -> None:
    """Nobody in this step has seen the restart; that its hosts connect again is all that tells of it."""
    units = networks(3)
    server = FakeServer(units)
    back = server.time + 25.0
    server.away |= {"h0": back, "h1": back, "h2": back}
    assert roll(server, units, PATIENT).good
    assert all(when >= back for when, dummy, dummy2 in server.log)


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
    result = only(server, unit, pair_settles_s=None)
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
    server.start(unit, patch(unit))
    theirs = [InFlight(job, "RestartNetworkCmd", None, frozenset({"id-n"})) for job in server.jobs]
    result = only(server, unit, method=Method.RESTART, in_flight=theirs)
    assert (result.status, result.submitted) == (UnitStatus.CURRENT, False)
    assert "rebootRouter" not in {call.command for call in server.calls_of(unit)}


# --- the target


def test_a_run_whose_target_has_moved_stops_and_says_so() -> None:
    units = networks(6)
    server = FakeServer(units, {units[0].id: [Fault.SILENT, Fault.SILENT]})
    server.target = version("4.22.1.0")
    rollout = roll(server, units, replace(LIMITS, parallel=1, max_failures=0))
    assert statuses(rollout) == [UnitStatus.FAILED] + [UnitStatus.NOT_STARTED] * 5
    assert "run 4.22.1.0 now, and this run upgrades to 4.22.0.0" in rollout.results[0].reason
    assert "run 4.22.1.0 now" in rollout.results[5].reason
    assert len(server.log) == 1
