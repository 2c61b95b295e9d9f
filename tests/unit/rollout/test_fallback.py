# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit that a live patch did not help is recreated, where that is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import network_unit, pair, system_vm_unit, vm
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, networks, roll, scheduler

PATIENT = replace(LIMITS, verify_timeout=60)


# --- fallback


def fall_back(units: list[Unit], server: FakeServer, limits: Limits) -> list[str]:
    rollout = roll(server, units, limits, fallback=True)
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
    assert told[0].startswith("live_patch failed: the job succeeded, but r0 reports 4.18.1.0")
    assert told[0].endswith("1 unit failed, and max_failures is 0")


def test_fallback_does_not_begin_after_an_interruption() -> None:
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: TWICE})
    limits = replace(LIMITS, wait_when_interrupted=True)
    one = scheduler(server, limits, fallback=True, interrupted=lambda: len(server.log) == 2)
    [result] = one.roll([unit], Method.LIVE_PATCH).results
    assert (result.method, result.status) == (Method.LIVE_PATCH, UnitStatus.LEFT_RUNNING)
    assert result.reason.endswith("the run was interrupted")
    assert len(server.log) == 2
