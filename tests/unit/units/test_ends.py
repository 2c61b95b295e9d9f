# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What helps a unit that was not upgraded, and what a person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import (
    Meaning,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import apply_rules, patch, recreate
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import (
    Conditions,
    Facts,
    Standard,
    assess,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import (
    Recovery,
    UnitStatus,
    failure,
    recovery_of,
    rules_not_applied,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.record import Attempt, Record
from tests.support.server_words import WORDS
from tests.unit.builders import SITUATION, network_unit, ssvm, vm, vpc_unit

LATER, RECREATE = Recovery.LATER, Recovery.RECREATE
OTHER_WORDS = ["", "Failed to restart network", "Command failed due to Internal Server Error"]


def of_kind(kind: Kind) -> Unit:
    return ssvm() if kind.is_system_vm else replace(network_unit("n"), kind=kind)


def conditions(unit: Unit, **facts: Any) -> Conditions:
    return assess(Facts(unit, 0.0, **facts), Record(), Standard(SITUATION), 0.0, {})


def attempt(unit: Unit, said: str = "", status: JobStatus | None = JobStatus.FAILED, **more: Any) -> Attempt:
    """A live patch that ended so; None: nobody knows of a job."""
    job = None if status is None else Job("j", status if said else JobStatus.SUCCEEDED)
    return Attempt(patch(unit), 0.0, 1.0, job, error=said, **more)


def helps(kind: Kind, said: str = "", status: JobStatus | None = JobStatus.FAILED, **more: Any) -> Recovery | None:
    away = more.pop("away", ())
    unit = of_kind(kind)
    return recovery_of(unit, conditions(unit, away=away), attempt(unit, said, status, **more))


@pytest.mark.parametrize(("meaning", "said"), [*WORDS, *((None, said) for said in OTHER_WORDS)])
@pytest.mark.parametrize("kind", Kind)
def test_what_helps_after_all_tries(kind: Kind, meaning: Meaning | None, said: str) -> None:
    """A router's report decides; of a system VM's patch the job tells the host's words, and these do."""
    if meaning in (Meaning.NOT_NOW, Meaning.REFUSED):
        expected: Recovery | None = LATER
    elif meaning is Meaning.MEND_HOST:
        expected = None
    elif kind.is_system_vm:
        expected = RECREATE if not said or meaning is Meaning.VM_BROKEN else None
    else:
        expected = RECREATE
    assert helps(kind, said) is expected


@pytest.mark.parametrize("said", [said for dummy, said in WORDS] + OTHER_WORDS)
@pytest.mark.parametrize("kind", [Kind.NETWORK, Kind.SSVM])
def test_nothing_is_recreated_for_a_host_that_is_away_or_a_patch_that_nobody_carried_out(kind: Kind, said: str) -> None:
    assert helps(kind, said, away=("host h is Disconnected",)) is LATER
    if said:
        assert helps(kind, said, JobStatus.LOST) is LATER
        assert helps(kind, said, None) is LATER
        assert helps(kind, said, None, taken=False) in (None, LATER)


@pytest.mark.parametrize("call", [apply_rules("id-n"), recreate(network_unit("n"))])
def test_what_was_no_live_patch_says_nothing_of_one(call: Any) -> None:
    unit = network_unit("n")
    last = Attempt(call, 0.0, 1.0, Job("j", JobStatus.FAILED), error="it failed")
    assert recovery_of(unit, conditions(unit), last) is None
    assert recovery_of(unit, conditions(unit), None) is None
    assert recovery_of(unit, conditions(unit), Attempt(None, 0.0, 1.0, error="theirs")) is None


@pytest.mark.parametrize(
    ("status", "good"),
    [
        (UnitStatus.UPGRADED, True),
        (UnitStatus.CURRENT, True),
        (UnitStatus.GONE, True),
        (UnitStatus.FAILED, False),
        (UnitStatus.DEGRADED, False),
        (UnitStatus.SKIPPED, False),
        (UnitStatus.NOT_STARTED, False),
        (UnitStatus.LEFT_RUNNING, False),
    ],
)
def test_of_what_nothing_is_left_to_do(status: UnitStatus, good: bool) -> None:
    assert status.good is good


ONE = vm("r-1")
NETWORK, VPC = network_unit("n", ONE), vpc_unit("v", ONE)
HOST_WORDS = next(said for meaning, said in WORDS if meaning is Meaning.MEND_HOST)


def test_what_the_server_said_and_what_is_seen_are_both_told() -> None:
    end = failure("NoEffect", NETWORK, Record(), "job j failed: no.", "r-1 reports 4.18.1.0", RECREATE)
    assert (end.status, end.reason, end.recovery) == (UnitStatus.FAILED, "NoEffect", RECREATE)
    assert end.message == "job j failed: no. r-1 reports 4.18.1.0."


def test_a_job_that_claims_success_is_told_with_what_is_seen() -> None:
    end = failure("NoEffect", NETWORK, Record(), "", "r-1 reports 4.18.1.0", None)
    assert end.message == "the job succeeded, but r-1 reports 4.18.1.0."


def test_words_of_the_server_that_are_known_get_their_hint() -> None:
    end = failure("NoEffect", ssvm(), Record(), HOST_WORDS, "", None)
    assert end.message.startswith(HOST_WORDS) and len(end.message) > len(HOST_WORDS)


@pytest.mark.parametrize(
    ("unit", "next_step"),
    [
        (NETWORK, "the next run restarts it with cleanup"),
        (VPC, "the next run restarts it with cleanup"),
        (ssvm(), "port 8250"),
        (ssvm(state="Starting"), "'system template' and capacity"),
        (replace(ssvm(), vms=()), "'system template' and capacity"),
    ],
)
def test_after_a_recreation_that_came_to_nothing_it_says_where_to_look(unit: Unit, next_step: str) -> None:
    end = failure("RecreationIncomplete", unit, Record(), "", "it is not there", None)
    assert next_step in end.message
    assert "Next:" not in failure("NoEffect", unit, Record(), "", "it is not there", None).message


def test_a_router_that_should_have_gone_is_named() -> None:
    end = failure("RecreationIncomplete", NETWORK, Record({ONE.id: ONE}), "", "r-1 reports 4.18.1.0", None)
    assert "r-1 is still there; r-1 reports 4.18.1.0." in end.message


# Rules


def not_applied(**more: Any) -> Any:
    given: dict[str, Any] = {"named": "network n", "said": "job j failed.", "troubles": [], "marked": False}
    return rules_not_applied(**{**given, "packages": [], **more})


def test_what_lacks_its_rules_says_in_which_network_and_what_comes_next() -> None:
    end = not_applied()
    assert (end.status, end.reason, end.recovery) == (UnitStatus.FAILED, "RulesNotApplied", None)
    assert end.message.startswith("patched, rules not applied in network n: job j failed.")
    assert "the next run applies them again" in end.message


def test_what_was_before_that_is_told_once() -> None:
    end = not_applied(troubles=["job i failed.", "job j failed."])
    assert end.message.endswith("Before that: job i failed.")


def test_where_the_server_still_wants_a_restart_it_says_so() -> None:
    end = not_applied(marked=True, said="")
    assert "the server still wants a restart of network n" in end.message


def test_where_the_hosts_package_is_not_the_servers_a_restart_never_helps() -> None:
    end = not_applied(packages=["kvm-3"])
    assert (end.reason, end.recovery) == ("HostPackage", RECREATE)
    assert "Install the same build on hosts and management servers" in end.message
    assert "the next run applies them" not in end.message
