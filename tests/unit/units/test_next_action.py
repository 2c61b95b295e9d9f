# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done after a live patch that left a VM as it was; in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import (
    Meaning,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import Recovery, UnitStatus
from tests.support.server_words import WORDS
from tests.unit.builders import SITUATION, network_unit, pair, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, only

LATER = Recovery.LATER


def fall_back(unit: Unit, said: str = "it failed", *faults: Fault, **facts: Any) -> tuple[UnitResult, list[str]]:
    """What becomes of a unit whose patches fail with these words, and what was sent for it."""

    class Says(FakeServer):
        def result(self, job_id: str) -> Job:
            job = super().result(job_id)
            return replace(job, errortext=said) if job.status is JobStatus.FAILED else job

    server = Says([unit], {unit.id: list(faults or (Fault.FAILED, Fault.FAILED))})
    result = only(server, unit, LIMITS, **{"fallback": True, **facts})
    return result, [call.purpose.value for call in server.calls_of(unit)]


@pytest.mark.parametrize(
    "unit", [network_unit("n"), network_unit("p", *pair("r")), vpc_unit("v")], ids=lambda unit: unit.name
)
@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.SILENT, Fault.STALE_SCRIPTS, Fault.STALE_REFUSED])
def test_a_router_that_still_has_the_old_software_or_checksum_is_recreated(unit: Unit, fault: Fault) -> None:
    """Real servers end the job of a network with 530 where simulated hosts show a silent failure."""
    result, sent = fall_back(unit, "Failed to restart network", fault, fault)
    assert (result.method.value, result.status) == ("recreate", UnitStatus.UPGRADED), result.reason
    assert sent[:3] == [Purpose.PATCH.value, Purpose.PATCH.value, Purpose.RECREATE.value]


def test_without_a_fallback_it_says_what_would_help() -> None:
    result, sent = fall_back(network_unit("n"), "it failed", fallback=False)
    assert (result.status, result.recovery) == (UnitStatus.FAILED, Recovery.RECREATE)
    assert sent == [Purpose.PATCH.value] * 2


def test_what_speaks_against_new_disks_is_asked_when_its_time_has_come() -> None:
    asked: list[str] = []

    def blocker(unit: Unit) -> str:
        asked.append(unit.id)
        return "no host has room"

    result, sent = fall_back(network_unit("n"), "it failed", blocker=blocker)
    assert (result.status, sent) == (UnitStatus.FAILED, [Purpose.PATCH.value] * 2)
    assert "It was not recreated: no host has room" in result.reason
    assert asked == ["id-n"]


def test_in_a_basic_zone_no_pod_loses_its_router() -> None:
    """A restart with cleanup may leave a pod without one; a reboot brings a new disk, too."""
    result, sent = fall_back(replace(network_unit("n"), per_pod=True))
    assert (result.status, sent[-1]) == (UnitStatus.UPGRADED, Purpose.REBOOT.value)
    assert Purpose.RECREATE.value not in sent


def test_in_a_disabled_zone_nothing_is_recreated() -> None:
    """Nothing new would be deployed there."""
    baseline = replace(SITUATION, disabled_zones=frozenset({"id-zone"}))
    result, sent = fall_back(network_unit("n"), baseline=baseline)
    assert (result.status, sent) == (UnitStatus.FAILED, [Purpose.PATCH.value] * 2)
    assert "zone is disabled" in result.reason


@pytest.mark.parametrize(("meaning", "said"), [row for row in WORDS if row[0] in (Meaning.NOT_NOW, Meaning.MEND_HOST)])
@pytest.mark.parametrize("unit", [system_vm_unit(vm("v-1", Kind.CPVM)), network_unit("n")], ids=lambda unit: unit.name)
def test_a_healthy_vm_is_left_alone_for_what_its_host_lacks(unit: Unit, meaning: Meaning, said: str) -> None:
    result, sent = fall_back(unit, said)
    assert (result.method.value, result.status) == ("live_patch", UnitStatus.FAILED)
    assert result.recovery is (LATER if meaning is Meaning.NOT_NOW else None)
    assert sent == [Purpose.PATCH.value] * 2


def test_a_system_vm_that_is_broken_is_recreated() -> None:
    said = "Failed to patch systemVM v-1-VM due to GetSystemVMVersionCmd failed due to com.cloud..."
    result, sent = fall_back(system_vm_unit(vm("v-1", Kind.CPVM)), said)
    assert (result.method.value, result.status) == ("recreate", UnitStatus.UPGRADED)
    assert sent[-1] == Purpose.RECREATE.value


@pytest.mark.parametrize(
    "faults",
    [
        (Fault.REFUSED,),
        (Fault.UNCERTAIN_NOT_TAKEN,) * 9,
        (Fault.NEVER_ENDS,),
        (Fault.RULES_FAIL, Fault.FAILED),
    ],
)
def test_what_no_patch_left_as_it_was_is_not_recreated(faults: tuple[Fault, ...]) -> None:
    result, sent = fall_back(network_unit("n"), "Failed to restart network", *faults)
    assert result.status is UnitStatus.FAILED
    assert Purpose.RECREATE.value not in sent


def test_a_router_that_is_gone_after_its_patch_is_deployed_again_and_not_recreated() -> None:
    result, sent = fall_back(network_unit("n"), "", Fault.VANISHES)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [Purpose.PATCH.value, Purpose.START.value])


def test_a_pair_that_elects_nobody_after_its_patch_has_the_new_software() -> None:
    result, sent = fall_back(network_unit("p", *pair("r")), "", Fault.PAIR_BREAKS)
    assert (result.status, result.recovery) == (UnitStatus.FAILED, None)
    assert Purpose.RECREATE.value not in sent


def test_a_surplus_router_that_could_not_be_destroyed_says_nothing_of_a_patch() -> None:
    unit = network_unit("n", vm("r-1"), vm("r-2", state="Stopped"))
    result, sent = fall_back(unit, "Failed to destroy router", Fault.FAILED)
    assert (result.status, result.recovery) == (UnitStatus.FAILED, None)
    assert sent == [Purpose.DESTROY_SURPLUS.value]
