# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Health checks of routers, asked before and after; in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import Health, HealthCheck
from tests.unit.builders import network_unit, pair, vm
from tests.unit.rollout.fake import FakeServer, Fault
from tests.unit.rollout.rolling import LIMITS, only

PATIENT = replace(LIMITS, verify_timeout=60)


TWICE = [Fault.SILENT, Fault.SILENT]
# --- health

PASSED, FAILED, UNCLEAR = {"dhcp": Health.PASSED}, {"dhcp": Health.FAILED}, {"dhcp": Health.UNCLEAR}
NOBODY_KNOWS = "it is not known whether it passed them before"
HEALTHY: dict[str, Any] = {"health_zones": frozenset({"id-zone"}), "looks_inside": True}


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
    result = only(server, unit, **HEALTHY)
    assert result.status is status
    assert ("health checks fail that passed before (r: dhcp)" in result.reason) is (status is UnitStatus.FAILED)
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
    result = only(server, unit, **HEALTHY)
    assert result.status is UnitStatus.UPGRADED
    [note] = result.notes
    assert note.startswith("the router r ran no health checks since 1970-01-01T00:16:40.000+00:00")


def test_a_router_whose_clock_is_behind_is_asked_again_and_judged() -> None:
    unit = network_unit("n", vm("r"))

    class Behind(FakeServer):
        def health_checks(self, vm: Vm) -> dict[str, HealthCheck] | None:
            checks = super().health_checks(vm) or {}
            return {name: replace(check, updated=(check.updated or 0) - 3600) for name, check in checks.items()}

    server = Behind([unit])
    server.health_before, server.health["id-r"] = PASSED, FAILED
    result = only(server, unit, **HEALTHY)
    assert (result.status, result.notes) == (UnitStatus.FAILED, ())


def test_what_one_half_of_a_pair_failed_before_the_other_may_fail_afterwards() -> None:
    unit = network_unit("n", *pair("r"))

    class Pair(FakeServer):
        def health_checks(self, vm: Vm) -> dict[str, HealthCheck] | None:
            self.health_before = FAILED if vm.name == "r-1" else PASSED
            return super().health_checks(vm)

    server = Pair([unit])
    server.health = {"id-r-1": PASSED, "id-r-2": FAILED}
    assert only(server, unit, **HEALTHY).status is UnitStatus.UPGRADED


def test_what_a_failed_patch_broke_was_not_broken_before_the_fallback() -> None:
    """The health that counts as before is the one before anything was sent, also when the method changes."""
    unit = network_unit("n", vm("r"))
    server = FakeServer([unit], {unit.id: TWICE})
    server.health_before = PASSED
    server.health = dict.fromkeys(("id-r", "id-r-new"), FAILED)
    result = only(server, unit, **HEALTHY, fallback=True)
    assert result.status is UnitStatus.FAILED
    assert "that passed before (r-new: dhcp)" in result.reason
