# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a router reaches its gateway, asked before and after; in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import network_unit, pair, vm
from tests.unit.rollout.fake import FakeServer
from tests.unit.rollout.rolling import LIMITS, only

YES, NO = {"diagnostics": {"exitcode": "0"}}, {"diagnostics": {"exitcode": "1"}}
ODD: dict[str, Any] = {"success": True}


class PingServer(FakeServer):
    """Answers the pings one after the other, the last one for ever; None: refused."""

    def __init__(self, units: Sequence[Unit], answers: Sequence[dict[str, Any] | None]) -> None:
        super().__init__(units)
        self._answers = list(answers)
        self.pinged: list[str] = []

    def start_ping(self, vm: Vm) -> str | None:
        self.pinged.append(vm.name)
        return "ping" if self._answers[0] is not None else None

    def result(self, job_id: str) -> Job:
        if job_id != "ping":
            return super().result(job_id)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        status = JobStatus.FAILED if answer is ODD else JobStatus.SUCCEEDED
        return Job("ping", status, result=answer or {}, errorcode=530 if answer is ODD else None)


def run(
    *answers: dict[str, Any] | None, unit: Unit | None = None, pair_settles_s: float = 2.0
) -> tuple[UnitResult, PingServer]:
    unit = unit or network_unit("web", vm("r-1", gateway="192.0.2.1"))
    server = PingServer([unit], answers)
    limits = replace(LIMITS, verify_timeout=30)
    return only(server, unit, limits, looks_inside=True, pair_settles_s=pair_settles_s), server


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([YES, YES], UnitStatus.UPGRADED),
        ([YES, NO], UnitStatus.FAILED),
        ([YES, NO, YES], UnitStatus.UPGRADED),  # a switch had to learn where it is
        ([NO, NO], UnitStatus.UPGRADED),  # as before
        ([None], UnitStatus.UPGRADED),  # the server does not allow it
        ([YES, ODD], UnitStatus.UPGRADED),  # it could not ask: nothing is known
    ],
)
def test_only_a_gateway_that_was_reached_before_counts(
    answers: list[dict[str, Any] | None], status: UnitStatus
) -> None:
    result, _server = run(*answers)
    assert result.status is status, result.reason
    assert ("does not reach its gateway" in result.reason) is (status is UnitStatus.FAILED)
    assert "ping" not in result.job_ids


PAIR = network_unit("pair", *(replace(one, gateway="192.0.2.1") for one in pair("r")), redundant=True)


def test_a_pair_too_is_asked_again_before_it_has_failed() -> None:
    result, _server = run(YES, NO, YES, unit=PAIR, pair_settles_s=40.0)
    assert result.status is UnitStatus.UPGRADED, result.reason


def test_of_a_pair_the_one_is_asked_that_has_the_address() -> None:
    result, server = run(YES, YES, unit=PAIR)
    assert result.status is UnitStatus.UPGRADED, result.reason
    primary = next(router.name for router in PAIR.vms if router.redundant_state == "PRIMARY")
    assert server.pinged == [primary, primary]


def test_a_router_without_a_public_network_is_not_asked() -> None:
    _result, server = run(YES, unit=network_unit("web", vm("r-1")))
    assert server.pinged == []
