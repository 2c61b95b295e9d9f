# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollouts in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.scheduler import Scheduler
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.surroundings import Rollout, Surroundings
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Standard
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.unit.builders import SITUATION, network_unit, vm
from tests.unit.rollout.fake import FakeServer

WANT = frozenset(field.name for field in fields(Want))
LIMITS = Limits(parallel=4, per_host=0, max_failures=100, job_timeout=60, verify_timeout=10, poll_interval=5)


class Rolling(Scheduler):
    """Upgrades all units by one method."""

    def __init__(self, server: FakeServer, around: Surroundings, want: dict[str, Any]) -> None:
        super().__init__(server, around)
        self._wanted = want

    def roll(self, units: Sequence[Unit], method: Method, in_flight: Sequence[InFlight] = ()) -> Rollout:
        want = Want(renew=method is Method.RECREATE, reboot=method is Method.RESTART, **self._wanted)
        return self.run(units, lambda unit: want, in_flight)


def scheduler(server: FakeServer, limits: Limits = LIMITS, **facts: Any) -> Rolling:
    """Facts are of the surroundings, of the standard, or of what is wanted."""
    lines: list[str] = facts.pop("lines", [])
    want = {name: facts.pop(name) for name in [*facts] if name in WANT}
    standard = Standard(facts.pop("baseline", SITUATION), facts.pop("pair_settles_s", 35.0))
    clocks: dict[str, Any] = {"clock": server.clock, "now": server.clock, "sleep": server.sleep}
    around = Surroundings(standard, limits, Progress(lines.append, server.clock), **clocks, **facts)
    return Rolling(server, around, want)


def roll(
    server: FakeServer,
    units: Sequence[Unit],
    limits: Limits = LIMITS,
    method: Method = Method.LIVE_PATCH,
    in_flight: Sequence[InFlight] = (),
    **facts: Any,
) -> Rollout:
    return scheduler(server, limits, **facts).roll(units, method, in_flight)


def only(server: FakeServer, unit: Unit, limits: Limits = LIMITS, **facts: Any) -> UnitResult:
    """A rollout of one unit."""
    [result] = roll(server, [unit], limits, **facts).results
    return result


def networks(count: int) -> list[Unit]:
    """Each with a router of Debian 12, of which one live patch is expected."""
    return [
        network_unit(f"n{number}", vm(f"r{number}", built_from="4.20.1", host_id=f"h{number % 3}"))
        for number in range(count)
    ]


def statuses(rollout: Rollout) -> list[UnitStatus]:
    return [result.status for result in rollout.results]
