# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first live patch that leaves the old checksum with the server, and a second one that cures it; in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from tests.unit.builders import SITUATION, network_unit, pair, version, vm, vpc_unit
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, networks, only, roll

# 4.21.0.0 is known for it (10962), 4.18.2.5 is not.
KNOWN, OTHER = version("4.21.0.0"), version("4.18.2.5")
PATCH, AGAIN, RULES = Purpose.PATCH, Purpose.PATCH_AGAIN, Purpose.APPLY_RULES
STALE = (Fault.STALE_SCRIPTS, Fault.STALE_REFUSED)
KINDS = [network_unit("n"), network_unit("p", *pair("r")), vpc_unit("v", tiers=3)]


def at(target: Version = KNOWN) -> Baseline:
    """What is known beside other routers."""
    return replace(SITUATION, target=target)


ALONE = Baseline(KNOWN)  # no other router tells anything


def carry_out(
    unit: Unit, faults: Sequence[Fault], baseline: Baseline | None = None, patience: float = 10
) -> tuple[UnitResult, list[Purpose]]:
    """What becomes of a unit, and what was sent for it."""
    baseline = baseline or at()
    server = FakeServer([unit], {unit.id: faults}, target=baseline.target)
    result = only(server, unit, replace(LIMITS, verify_timeout=patience), baseline=baseline)
    return result, [call.purpose for call in server.calls_of(unit)]


@pytest.mark.parametrize("unit", KINDS, ids=lambda unit: unit.kind.value)
def test_a_patch_that_left_the_right_checksum_is_not_sent_again(unit: Unit) -> None:
    result, sent = carry_out(unit, [])
    assert result.status is UnitStatus.UPGRADED
    assert sent.count(PATCH) == 1 and AGAIN not in sent
    assert result.notes == ()


@pytest.mark.parametrize("fault", STALE)
@pytest.mark.parametrize("unit", KINDS, ids=lambda unit: unit.kind.value)
def test_the_old_checksum_of_a_server_known_for_it_takes_a_second_patch_and_is_no_failure(
    unit: Unit, fault: Fault
) -> None:
    result, sent = carry_out(unit, [fault])
    assert result.status is UnitStatus.UPGRADED
    assert sent[:2] == [PATCH, AGAIN] and set(sent[2:]) <= {RULES}
    assert result.reason == "proven: runs 4.21.0.0"
    assert result.notes == (
        "the first live patch left the old checksum, as is known of this server (10962); patched a second time",
    )


def test_it_uses_up_no_budget_and_holds_up_nobody() -> None:
    units = networks(12)
    server = FakeServer(units, {unit.id: Fault.STALE_REFUSED for unit in units}, target=KNOWN)
    rollout = roll(server, units, replace(LIMITS, max_failures=0), baseline=at())
    assert rollout.good
    assert set(server.patched.values()) == {2}
    assert server.most_at_once == LIMITS.parallel
    assert all(server.rules.values())


def test_a_patch_that_did_nothing_is_told_from_one_that_left_the_old_checksum() -> None:
    result, sent = carry_out(network_unit("n"), [Fault.FAILED, Fault.STALE_REFUSED, Fault.NONE])
    assert result.status is UnitStatus.UPGRADED
    assert sent == [PATCH, PATCH, AGAIN]
    assert ["showed no effect" in note for note in result.notes] == [True, False]


def test_a_second_patch_that_was_lost_with_its_server_is_sent_once_more() -> None:
    result, sent = carry_out(network_unit("n"), [Fault.STALE_SCRIPTS, Fault.LOST], patience=60)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, AGAIN, AGAIN])


@pytest.mark.parametrize("fault", STALE)
def test_a_second_patch_that_leaves_it_too_has_failed(fault: Fault) -> None:
    result, sent = carry_out(network_unit("n"), [fault] * 5)
    assert (result.status, sent) == (UnitStatus.FAILED, [PATCH, AGAIN])
    assert "its scripts are still those of the older version" in result.reason


def test_of_a_pair_one_old_checksum_is_enough() -> None:
    unit = network_unit("p", *pair("r"))

    class OneOfTwo(FakeServer):
        def _settle(self) -> None:
            super()._settle()
            if self.patched[unit.id] == 1:
                self.vms[unit.id][1] = replace(self.vms[unit.id][1], scripts="old-scripts")

    server = OneOfTwo([unit], target=KNOWN)
    assert only(server, unit, baseline=at()).status is UnitStatus.UPGRADED
    assert [call.purpose for call in server.calls_of(unit)] == [PATCH, AGAIN]


@pytest.mark.parametrize("before", ["old-scripts", "stale-for-long"])
def test_of_the_only_router_a_checksum_that_changed_is_believed(before: str) -> None:
    """Nobody else is at the target: what harms least is not to restart its services again for a guess."""
    unit = network_unit("n", vm("r", scripts=before))
    result, sent = carry_out(unit, [], ALONE)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH])
    result, sent = carry_out(unit, [Fault.STALE_REFUSED], ALONE)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, AGAIN])


def test_an_unchanged_checksum_that_others_at_the_target_have_is_the_right_one() -> None:
    """Its host had been upgraded before, and it was started since."""
    unit = network_unit("n", vm("r", scripts="new-scripts"))
    result, sent = carry_out(unit, [Fault.STALE_SCRIPTS])
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH])


def test_of_a_server_that_is_not_known_for_it_the_words_are_right_too() -> None:
    result, sent = carry_out(network_unit("n"), [Fault.STALE_SCRIPTS], at(OTHER))
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, PATCH])
    assert result.notes == ("the live patch left the old checksum and is sent once more (the job succeeded)",)
