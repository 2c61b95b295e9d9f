# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a call from being carried out twice, within a run and between runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.next_action import SCRIPT_S
from tests.unit.builders import network_unit, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault, Ids
from tests.unit.rollout.rolling import LIMITS, networks, only, roll

PATIENT = replace(LIMITS, verify_timeout=60)


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


def test_no_script_is_waited_for_where_the_id_tells_that_none_runs() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: [Fault.UNCERTAIN_NOT_TAKEN] * 9})
    began = server.clock()
    result = only(server, unit, replace(LIMITS, verify_timeout=600))
    assert (result.status, server.log) == (UnitStatus.FAILED, [])
    assert server.clock() - began < SCRIPT_S


def test_two_runs_share_the_work() -> None:
    """The second run was planned before the first sent anything, so it sends the same calls."""
    unit = vpc_unit("v", tiers=3)
    server = FakeServer([unit])
    assert roll(server, [unit]).good
    sent = len(server.log)
    result = only(server, unit)
    assert (result.status, result.method) == (UnitStatus.CURRENT, Method.NONE)
    assert len(server.log) == sent, "nothing was sent twice"
    assert not result.submitted


def test_an_attempt_that_did_nothing_is_followed_by_the_next() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: [Fault.SILENT, Fault.SILENT]})
    assert only(server, unit).status is UnitStatus.FAILED
    assert only(server, unit).status is UnitStatus.UPGRADED, "the next run has ids of its own"
    assert len(set(server.jobs)) == 3


def test_a_job_whose_answer_was_lost_keeps_its_place_where_the_server_takes_no_ids() -> None:
    units = networks(3)
    server = FakeServer(units, {units[0].id: Fault.UNCERTAIN_TAKEN}, ids=Ids.REFUSED)
    assert roll(server, units, replace(LIMITS, parallel=1)).good
    assert server.most_at_once == 1
