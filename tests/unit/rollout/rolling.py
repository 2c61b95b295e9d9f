# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollouts in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult, UnitStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.scheduler import Rollout, Scheduler
from tests.unit.builders import SITUATION, network_unit, vm
from tests.unit.rollout.fake import FakeServer

LIMITS = Limits(parallel=4, per_host=0, max_failures=100, job_timeout=60, verify_timeout=10, poll_interval=5)


def scheduler(server: FakeServer, limits: Limits = LIMITS, **facts: Any) -> Scheduler:
    """Facts are of the desk."""
    lines: list[str] = facts.pop("lines", [])
    baseline: Baseline = facts.pop("baseline", SITUATION)
    desk = Desk(server, baseline, limits, Progress(lines.append), clock=server.clock, now=server.clock, **facts)
    return Scheduler(desk, sleep=server.sleep)


def roll(
    server: FakeServer,
    units: Sequence[Unit],
    limits: Limits = LIMITS,
    method: Method = Method.LIVE_PATCH,
    in_flight: Sequence[InFlight] = (),
    **facts: Any,
) -> Rollout:
    return scheduler(server, limits, **facts).run(units, method, in_flight)


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
