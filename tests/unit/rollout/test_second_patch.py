# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first live patch that leaves the old checksum with the server, and a second one that cures it; in virtual time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.moments import TOLERANCE_S
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import Recovery, UnitStatus
from tests.unit.builders import SITUATION, network_unit, pair, version, vm, vpc_unit
from tests.unit.rollout.fake import FakeJob, FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, networks, only, roll

# 4.21.0.0 is known for it (10962), 4.18.2.5 is not.
KNOWN, OTHER = version("4.21.0.0"), version("4.18.2.5")
PATCH, RULES = Purpose.PATCH, Purpose.APPLY_RULES
STALE = (Fault.STALE_SCRIPTS, Fault.STALE_REFUSED)
KINDS = [network_unit("n"), network_unit("p", *pair("r")), vpc_unit("v", tiers=3)]


MINIMUM = {"id-zone": version("4.20.1")}


def at(target: Version = KNOWN, **more: Any) -> Baseline:
    """What is known beside other routers."""
    return replace(SITUATION, **{"target": target, "minimums": MINIMUM, **more})


ALONE = Baseline(KNOWN, minimums=MINIMUM)  # no other router tells anything


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
    assert sent.count(PATCH) == 1
    assert result.notes == ()


@pytest.mark.parametrize("fault", STALE)
@pytest.mark.parametrize("unit", KINDS, ids=lambda unit: unit.kind.value)
def test_the_old_checksum_of_a_server_known_for_it_takes_a_second_patch_and_is_no_failure(
    unit: Unit, fault: Fault
) -> None:
    result, sent = carry_out(unit, [fault])
    assert result.status is UnitStatus.UPGRADED
    assert sent[:2] == [PATCH, PATCH] and set(sent[2:]) <= {RULES}
    assert result.reason == "proven: runs 4.21.0.0"
    assert result.notes == (
        "the first live patch left the old checksum, as is known of this server (10962, 8497); patched again",
    )


@pytest.mark.parametrize("built_from", ["4.16.0", "4.19.1"])
def test_the_first_patch_of_a_debian_11_router_to_4_20_or_newer_needs_a_second_one(built_from: str) -> None:
    """Real hosts only: it installs packages, whose words hide the checksum."""
    unit = network_unit("n", vm("r", built_from=built_from))
    result, sent = carry_out(unit, [Fault.STALE_REFUSED], SITUATION)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, PATCH])
    assert "as is known of this server (8497)" in result.notes[0]


def test_it_uses_up_no_budget_and_holds_up_nobody() -> None:
    units = networks(12)
    server = FakeServer(units, {unit.id: Fault.STALE_REFUSED for unit in units}, target=KNOWN)
    rollout = roll(server, units, replace(LIMITS, max_failures=0), baseline=at())
    assert rollout.good
    assert set(server.patched.values()) == {2}
    assert server.most_at_once == LIMITS.parallel
    assert all(server.rules.values())


def test_while_one_is_patched_again_others_begin() -> None:
    first, *others = units = networks(4)
    server = FakeServer(units, {first.id: Fault.STALE_REFUSED}, target=KNOWN)
    assert roll(server, units, replace(LIMITS, parallel=2, max_failures=0), baseline=at()).good
    proven = max(job.ends for job in server.jobs.values() if job.unit.id == first.id)
    begun = [min(moment for moment, identity, dummy in server.log if identity == unit.id) for unit in others]
    assert sum(moment < proven for moment in begun) > 1


def test_the_time_that_is_left_holds_the_patch_that_is_yet_to_come() -> None:
    """Those that need a second one were told as done in 0 s, with all of it before them."""
    units = [
        network_unit("once", vm("a", built_from="4.20.1")),
        *(network_unit(f"n{n}", vm(f"r{n}", built_from="4.19.1")) for n in range(4)),
    ]
    server = FakeServer(
        units, {unit.id: Fault.STALE_REFUSED for unit in units[1:]}, seconds={unit.id: 60.0 for unit in units}
    )
    lines: list[str] = []
    assert roll(server, units, replace(LIMITS, parallel=5), lines=lines).good
    [left] = [line.partition(", about ")[2].partition(" left")[0] for line in lines if "[1/5 done" in line]
    assert 50 <= int(left.removesuffix(" s")) <= 70
    assert not any("about 0 s" in line for line in lines), "of what is late nobody knows"


def test_a_patch_that_did_nothing_is_told_from_one_that_left_the_old_checksum() -> None:
    result, sent = carry_out(network_unit("n"), [Fault.FAILED, Fault.STALE_REFUSED, Fault.NONE])
    assert result.status is UnitStatus.UPGRADED
    assert sent == [PATCH, PATCH, PATCH]
    assert ["showed no effect" in note for note in result.notes] == [True, False]


def test_a_second_patch_that_was_lost_with_its_server_is_sent_once_more() -> None:
    result, sent = carry_out(network_unit("n"), [Fault.STALE_SCRIPTS, Fault.LOST], patience=60)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, PATCH, PATCH])


def test_a_run_that_was_killed_after_the_first_patch_is_followed_by_one_patch_more() -> None:
    """The job of the first has the id that the next run would give it."""
    unit = network_unit("n")
    server = FakeServer([unit], {unit.id: [Fault.STALE_REFUSED, Fault.REFUSED]}, target=KNOWN)
    assert only(server, unit, baseline=at()).status is UnitStatus.FAILED
    left = replace(unit, vms=tuple(server.vms[unit.id]))
    result = only(server, left, baseline=at())
    assert result.status is UnitStatus.UPGRADED
    assert server.patched[unit.id] == 2 and server.rules == {"id-n": True}


@pytest.mark.parametrize("fault", STALE)
def test_a_second_patch_that_leaves_it_too_has_failed(fault: Fault) -> None:
    result, sent = carry_out(network_unit("n"), [fault] * 5)
    assert (result.status, sent) == (UnitStatus.FAILED, [PATCH, PATCH])
    assert "r-n reports 4.21.0.0, but with the scripts of an older version" in result.reason


def test_of_a_pair_one_old_checksum_is_enough() -> None:
    unit = network_unit("p", *pair("r"))

    class OneOfTwo(FakeServer):
        def _settle(self) -> None:
            super()._settle()
            if self.patched[unit.id] == 1:
                self.vms[unit.id][1] = replace(self.vms[unit.id][1], scripts="old-scripts")

    server = OneOfTwo([unit], target=KNOWN)
    assert only(server, unit, baseline=at()).status is UnitStatus.UPGRADED
    assert [call.purpose for call in server.calls_of(unit)] == [PATCH, PATCH]


@pytest.mark.parametrize("before", ["old-scripts", "stale-for-long"])
def test_of_the_only_router_a_checksum_that_changed_is_believed(before: str) -> None:
    """Nobody else is at the target: what harms least is not to restart its services again for a guess."""
    unit = network_unit("n", vm("r", scripts=before))
    result, sent = carry_out(unit, [], ALONE)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH])
    result, sent = carry_out(unit, [Fault.STALE_REFUSED], ALONE)
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, PATCH])


def test_an_unchanged_checksum_that_others_at_the_target_have_is_the_right_one() -> None:
    """Its host had been upgraded before, and it was started since."""
    unit = network_unit("n", vm("r", scripts="new-scripts"))
    result, sent = carry_out(unit, [Fault.STALE_SCRIPTS])
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH])


def test_of_a_server_that_is_not_known_for_it_it_is_sent_once_more_too() -> None:
    result, sent = carry_out(network_unit("n"), [Fault.STALE_SCRIPTS], at(OTHER))
    assert (result.status, sent) == (UnitStatus.UPGRADED, [PATCH, PATCH])
    [note] = result.notes
    assert "is sent once more (the job succeeded)" in note


def test_a_patch_that_left_the_old_checksum_is_not_said_to_have_had_no_effect() -> None:
    result, dummy = carry_out(network_unit("n"), [Fault.STALE_SCRIPTS], at(OTHER))
    assert "showed no effect" not in result.notes[0]


# --- rules that the server refuses to a router below the minimum whose checksum is not its own


class Checking(FakeServer):
    """Sends rules to an old template's router only while it has the right checksum, as real hypervisors are treated.

    And says so as it was recorded, on each release: not with a word about the checksum.
    """

    def __init__(self, unit: Unit, faults: Sequence[Fault] = (), right: str = "new-scripts", **more: Any) -> None:
        super().__init__([unit], {unit.id: list(faults)}, **more)
        self._right = right

    def result(self, job_id: str) -> Job:
        job = super().result(job_id)
        return replace(job, errortext="Failed to restart network") if job.status is JobStatus.FAILED else job

    def submit(self, call: Call, job_id: str | None) -> str:
        job_id = super().submit(call, job_id)
        job = self.jobs[job_id]
        [unit] = self.units.values()
        if job.fault is Fault.NONE and self._right not in self._left_by(job, unit):
            job.fault = Fault.RULES_FAIL
        return job_id

    def _left_by(self, job: FakeJob, unit: Unit) -> set[str | None]:
        """What the routers report when the rules are to be sent."""
        replaced = job.call.params.get("cleanup")  # a new one is above the minimum
        return (
            {self._right} if replaced else {"new-scripts"} if job.patches else {vm.scripts for vm in self.vms[unit.id]}
        )


OWED = (Owed("id-n", "its last restart failed", 0.0),)


def test_where_all_routers_have_the_old_checksum_the_rules_that_are_refused_tell_it() -> None:
    """Somebody patched them all by the UI: all claim the target with one checksum, so they look current."""
    unit = network_unit("n", vm("r", software="4.21.0.0", scripts="old-scripts"), unit={"owed": OWED})
    server = Checking(unit, target=KNOWN)
    result = only(server, unit, method=Method.RESTART, baseline=ALONE)
    assert result.status is UnitStatus.UPGRADED, result.reason
    assert [call.purpose for call in server.calls_of(unit)] == [RULES, PATCH]
    assert any("10962" in note for note in result.notes)
    assert server.rules == {"id-n": True}


def test_a_checksum_that_changed_to_another_old_one_is_found_out_by_the_rules() -> None:
    """The server had noted one of two releases before; the first patch stored that of the release before."""
    unit = vpc_unit("v", vm("r", scripts="older-scripts"), tiers=3)

    class Older(Checking):
        def _settle(self) -> None:
            super()._settle()
            if self.patched[unit.id] == 1:
                self.vms[unit.id] = [replace(one, scripts="seen-nowhere") for one in self.vms[unit.id]]

    server = Older(unit, [Fault.RULES_FAIL], target=KNOWN)
    result = only(server, unit, baseline=ALONE)
    assert result.status is UnitStatus.UPGRADED, result.reason
    assert [call.purpose for call in server.calls_of(unit)] == [PATCH, RULES, PATCH, RULES, RULES]
    assert all(server.rules.values())
    _first, refused, again, *_rest = (when for when, dummy, dummy2 in server.log)
    assert again - refused > TOLERANCE_S, "which came last tells what an interrupted run owes"


@pytest.mark.parametrize("target", [KNOWN, OTHER])
def test_rules_that_are_refused_for_good_mean_that_the_hosts_package_is_not_the_servers(target: Version) -> None:
    unit = network_unit("n", vm("r", host="kvm-3"))
    server = Checking(unit, right="the-servers-own", target=target)
    result = only(server, unit, baseline=at(target))
    assert (result.status, result.recovery) == (UnitStatus.FAILED, Recovery.RECREATE)
    assert "kvm-3" in result.reason
    assert "the same build on hosts and management servers" in result.reason
    assert "the next run applies them again" not in result.reason
    sent = [call.purpose for call in server.calls_of(unit)]
    assert sent == ([PATCH, RULES, PATCH, RULES] if target is KNOWN else [PATCH, RULES])


def test_what_the_server_refuses_for_good_is_recreated_where_that_is_wanted() -> None:
    unit = network_unit("n")
    server = Checking(unit, right="the-servers-own", target=OTHER)
    result = only(server, unit, baseline=at(OTHER), fallback=True)
    assert (result.method, result.status) == (Method.RECREATE, UnitStatus.UPGRADED), result.reason


@pytest.mark.parametrize(
    ("unit", "minimum"),
    [
        (network_unit("n"), None),  # the server does not check
        (network_unit("n", vm("r", built_from="4.21.0")), "4.20.1"),  # nothing that it would check
    ],
)
def test_rules_that_fail_for_other_reasons_are_left_to_the_next_run(unit: Unit, minimum: str | None) -> None:
    server = Checking(unit, [Fault.RULES_FAIL, Fault.FAILED], target=KNOWN)
    minimums = {"id-zone": version(minimum)} if minimum else {}
    result = only(server, unit, baseline=at(minimums=minimums))
    assert (result.status, result.recovery) == (UnitStatus.FAILED, None)
    assert "the next run applies them again" in result.reason
    assert [call.purpose for call in server.calls_of(unit)] == [PATCH, RULES]


def test_a_tier_that_fails_after_another_was_served_is_not_refused_for_its_checksum() -> None:
    unit = vpc_unit("v", tiers=2)
    server = Checking(unit, [Fault.NONE, Fault.FAILED], target=KNOWN)
    result = only(server, unit, baseline=at())
    assert (result.status, result.recovery) == (UnitStatus.FAILED, None)
    assert [call.purpose for call in server.calls_of(unit)] == [PATCH, RULES]


def test_the_time_left_is_that_of_whole_units() -> None:
    """Not of their jobs alone: before the second patch a unit waits."""
    units = networks(20)
    faults = {unit.id: [Fault.STALE_REFUSED, Fault.NONE] for unit in units}
    server = FakeServer(units, faults, dict.fromkeys(faults, 1.0), target=KNOWN)
    told: list[tuple[float, float]] = []

    class Lines(list[str]):
        def append(self, line: str) -> None:
            if left := re.search(r"about (\d+) s left", line):
                told.append((server.time, float(left[1])))

    assert roll(server, units, baseline=at(), lines=Lines()).good
    assert told and all(left >= 0.7 * (server.time - moment) for moment, left in told), told
