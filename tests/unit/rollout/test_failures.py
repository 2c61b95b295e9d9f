# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What helps after a live patch that left a VM as it was; the decision alone, and in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import SERVER_TEXTS, Meaning
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server_messages import Recovery, recovery_of
from tests.unit.builders import network_unit, pair, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, only

LATER, RECREATE = Recovery.LATER, Recovery.RECREATE
NETWORK, SSVM = Kind.NETWORK, Kind.SSVM
WORDS = [(row.meaning, example) for row in SERVER_TEXTS for example in row.examples]
OTHER_WORDS = ["", "Failed to restart network", "Command failed due to Internal Server Error"]


@pytest.mark.parametrize(("meaning", "said"), [*WORDS, *((None, said) for said in OTHER_WORDS)])
@pytest.mark.parametrize("kind", Kind)
def test_what_helps_after_all_tries(kind: Kind, meaning: Meaning | None, said: str) -> None:
    """A router's report decides; of a system VM's patch the job tells the host's words, and these do."""
    if meaning is Meaning.NOT_NOW:
        expected: Recovery | None = LATER
    elif meaning is Meaning.MEND_HOST:
        expected = None
    elif kind.is_system_vm:
        expected = RECREATE if not said or meaning is Meaning.VM_BROKEN else None
    else:
        expected = RECREATE
    assert recovery_of(kind, said) is expected


@pytest.mark.parametrize("said", [said for dummy, said in WORDS] + OTHER_WORDS)
@pytest.mark.parametrize("kind", [NETWORK, SSVM])
def test_nothing_is_recreated_for_a_host_that_is_away_or_a_patch_that_nobody_carried_out(kind: Kind, said: str) -> None:
    assert recovery_of(kind, said, hosts_up=False) is LATER
    assert recovery_of(kind, said, lost=True) is LATER
    assert recovery_of(kind, said, tried=False) in (None, LATER)


def fall_back(unit: Unit, said: str = "it failed", *faults: Fault, host: float = 0.0) -> tuple[UnitResult, list[str]]:
    """What becomes of a unit whose patches fail with these words, and what was sent for it."""

    class Says(FakeServer):
        def result(self, job_id: str) -> Job:
            job = super().result(job_id)
            return replace(job, errortext=said) if job.status is JobStatus.FAILED else job

    server = Says([unit], {unit.id: list(faults or (Fault.FAILED, Fault.FAILED))})
    server.away = dict.fromkeys(unit.host_ids, host)
    result = only(server, unit, LIMITS, fallback_blocker=lambda unit: None)
    return result, [call.purpose.value for call in server.calls_of(unit)]


@pytest.mark.parametrize(
    "unit", [network_unit("n"), network_unit("p", *pair("r")), vpc_unit("v")], ids=lambda unit: unit.name
)
@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.SILENT, Fault.STALE_SCRIPTS, Fault.STALE_REFUSED])
def test_a_router_that_still_has_the_old_software_or_checksum_is_recreated(unit: Unit, fault: Fault) -> None:
    """Real servers end the job of a network with 530 where simulated hosts show a silent failure."""
    result, sent = fall_back(unit, "Failed to restart network", fault, fault)
    assert (result.method.value, result.status) == ("recreate", UnitStatus.UPGRADED), result.reason
    assert sent[1] in (Purpose.PATCH.value, Purpose.PATCH_AGAIN.value)
    assert (sent[0], sent[2]) == (Purpose.PATCH.value, Purpose.RECREATE.value)


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
        (Fault.UNCERTAIN_NOT_TAKEN,),
        (Fault.NEVER_ENDS,),
        (Fault.VANISHES,),
        (Fault.RULES_FAIL, Fault.FAILED),
    ],
)
def test_what_no_patch_left_as_it_was_is_not_recreated(faults: tuple[Fault, ...]) -> None:
    result, sent = fall_back(network_unit("n"), "Failed to restart network", *faults)
    assert result.status is UnitStatus.FAILED
    assert Purpose.RECREATE.value not in sent


def test_a_pair_that_elects_nobody_after_its_patch_has_the_new_software() -> None:
    result, sent = fall_back(network_unit("p", *pair("r")), "", Fault.PAIR_BREAKS)
    assert (result.status, result.recovery) == (UnitStatus.FAILED, None)
    assert Purpose.RECREATE.value not in sent


def test_a_surplus_router_that_could_not_be_destroyed_says_nothing_of_a_patch() -> None:
    unit = network_unit("n", vm("r-1"), vm("r-2", state="Stopped"))
    result, sent = fall_back(unit, "Failed to destroy router", Fault.FAILED)
    assert (result.status, result.recovery) == (UnitStatus.FAILED, None)
    assert sent == [Purpose.DESTROY_SURPLUS.value]
