# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout promises, whatever befalls it: bounds, no call too many, and that the next run finishes.

What others do meanwhile is in test_properties.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import decide, wanted
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import patch
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.support.examples import examples
from tests.unit.builders import SITUATION, network_unit, pair, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import PAIR_INTERVAL_S, FakeServer, Fault, Ids
from tests.unit.rollout.rolling import roll, statuses

LIVE_PATCH_FAULTS = [fault for fault in Fault if not fault.of_recreation]
RECREATION_FAULTS = [
    *(fault for fault in Fault if fault.of_recreation),
    *(Fault.FAILED, Fault.RULES_FAIL, Fault.LOST, Fault.LOST_DONE, Fault.REFUSED, Fault.NEVER_ENDS),
    *(Fault.UNCERTAIN_TAKEN, Fault.UNCERTAIN_NOT_TAKEN),
]


@dataclass(frozen=True)
class Drawn:
    """A unit and what befalls it.

    :ivar faults: of its jobs, one after the other.
    :ivar foreign: of a job of somebody else that runs on it when the rollout begins; None for no such job.
    """

    sort: str
    faults: tuple[Fault, ...]
    seconds: float
    place: int
    foreign: Fault | None = None

    def unit(self, number: int) -> Unit:
        one = vm(f"r{number}", host_id=f"h{self.place}")
        if self.sort == "system":
            return system_vm_unit(vm(f"s{number}", Kind.SSVM, host_id=f"h{self.place}", zone_id=f"z{number % 3}"))
        if self.sort == "network":
            return network_unit(f"u{number}", one)
        if self.sort == "pair":
            return network_unit(f"u{number}", *pair(f"r{number}"))
        return vpc_unit(f"u{number}", one, tiers=1 if self.sort == "vpc" else 3)


def drawn(sorts: Sequence[str], faults: Sequence[Fault], foreign: Sequence[Fault]) -> st.SearchStrategy[list[Drawn]]:
    unit = st.builds(
        Drawn,
        sort=st.sampled_from(sorts),
        faults=st.lists(st.sampled_from([Fault.NONE, *faults]), max_size=4).map(tuple),
        seconds=st.floats(0.5, 20),
        place=st.integers(0, 3),
        foreign=st.sampled_from([None, None, *foreign]),
    )
    return st.lists(unit, min_size=1, max_size=12)


LIMITS_DRAWN = st.builds(
    Limits,
    parallel=st.integers(1, 6),
    per_host=st.integers(0, 3),
    system_vms_at_once=st.integers(1, 3),
    max_failures=st.integers(0, 4),
    job_timeout=st.just(60),
    verify_timeout=st.just(40),
    start_timeout=st.just(30),
    agent_timeout=st.just(20),
    deadline=st.sampled_from([None, None, 1200.0]),
    big_s=st.sampled_from([math.inf, 100.0]),
)
IDS_DRAWN = st.sampled_from([Ids.TAKEN, Ids.TAKEN, Ids.IGNORED, Ids.REFUSED])


def carry_out(
    units: Sequence[Unit], drawn: Sequence[Drawn], limits: Limits, method: Method, ids: Ids, fallback: bool = False
) -> tuple[FakeServer, list[UnitResult]]:
    """One rollout, and the promises that hold for every method."""
    server = FakeServer(
        units,
        {unit.id: one.faults for unit, one in zip(units, drawn, strict=True)},
        {unit.id: one.seconds for unit, one in zip(units, drawn, strict=True)},
        ids,
    )
    for unit, one in zip(units, drawn, strict=True):
        if one.foreign is not None:
            server.start(unit, patch(unit), one.foreign)
    theirs = list(server.jobs.values())
    server.most_at_once = server.most_per_host = server.most_per_zone = server.most_per_kind = 0
    rollout = roll(server, units, limits, method, fallback=fallback, allow_degraded=method is Method.RECREATE)

    # every unit once in the results, in order
    assert [result.unit.id for result in rollout.results] == [unit.id for unit in units]
    # at most one job of whatever origin on a unit at any time
    assert server.doubled == []
    # nothing again for its purpose but what is known to have ended without doing its work
    for unit in units:
        check_repeats(server, unit)
    # nothing begins after the deadline, by any method; what has begun is finished
    if limits.deadline is not None:
        for unit in units:
            for purpose in (Purpose.PATCH, Purpose.RECREATE):
                begun = [when for when, id_, call in server.log if id_ == unit.id and call.purpose is purpose]
                assert not begun or begun[0] <= limits.deadline
    # bounds hold for every start: a job that never ends outlives its unit's slot, as do the jobs of others, and one of
    # which nobody knows that it is ours (test_guard.py)
    never_ends = any(Fault.NEVER_ENDS in one.faults for one in drawn)
    nobodys = ids is not Ids.TAKEN and any(Fault.UNCERTAIN_TAKEN in one.faults for one in drawn)
    if not theirs and not never_ends and not nobodys:
        assert server.most_at_once <= limits.parallel
        assert not limits.per_host or server.most_per_host <= limits.per_host
        assert server.most_per_kind <= limits.system_vms_at_once
        assert server.most_per_zone <= 1
    # failures: once they have used up the budget nothing begins; what may yet fail then was at work, or being proven
    failed = sorted(result.finished or 0.0 for result in rollout.results if result.status is UnitStatus.FAILED)
    if len(failed) > limits.max_failures:
        used_up = failed[limits.max_failures]
        firsts = {id_: when for when, id_, dummy in reversed(server.log)}
        assert all(when <= used_up for when in firsts.values())
    ends = Counter(statuses(rollout))
    if ends[UnitStatus.FAILED] <= limits.max_failures and rollout.error is None and limits.deadline is None:
        assert not ends[UnitStatus.NOT_STARTED]
    # upgraded means that the server reports it and that the rules are there, whatever happened on the way
    for result in rollout.results:
        if result.status is UnitStatus.UPGRADED:
            wishes = Strategy(WantedMethod.RECREATE) if result.method is Method.RECREATE else Strategy()
            assert decide(as_it_is(result.unit, server), SITUATION, wanted(wishes)).method is Method.NONE
            for network in result.unit.network_ids:
                assert server.rules[network], f"{network} has no rules"
                last = max((job for job in server.jobs.values() if network in job.networks), key=lambda job: job.begins)
                assert last.status is JobStatus.SUCCEEDED
    return server, list(rollout.results)


WITHOUT_EFFECT = (Fault.SILENT, Fault.FAILED, Fault.LOST, Fault.STALE_SCRIPTS, Fault.STALE_REFUSED)


def check_repeats(server: FakeServer, unit: Unit) -> None:
    """Each call comes once, unless the earlier ones of its purpose had no effect."""
    ours = [job for job in server.jobs.values() if job.unit is unit and job.call in server.calls_of(unit)]
    # Of a job that looks like somebody else's nobody knows what it did to the rules.
    nobodys = server.ids is not Ids.TAKEN and any(job.fault is Fault.UNCERTAIN_TAKEN for job in ours)
    for job in ours:
        earlier = [other for other in ours if other.begins < job.begins and other.call == job.call]
        for other in earlier:
            assert other.ends <= job.begins
            without_effect = other.fault in WITHOUT_EFFECT
            rules = not other.patches and (other.status is not JobStatus.SUCCEEDED or nobodys)
            # what follows does not see the end of a job whose rules are in doubt; what was done to a VM is gone with it
            in_doubt = other.fault in (Fault.MARKED, Fault.RULES_FAIL, Fault.LOST_DONE, Fault.VANISHES)
            assert without_effect or rules or in_doubt, (other, job)


@examples(100, nightly=10)
@given(
    drawn(["network", "pair", "vpc", "tiers"], LIVE_PATCH_FAULTS, [Fault.NONE, Fault.SILENT, Fault.LOST]),
    LIMITS_DRAWN,
    IDS_DRAWN,
)
def test_promises(described: list[Drawn], limits: Limits, ids: Ids) -> None:
    units = [one.unit(number) for number, one in enumerate(described)]
    server, dummy = carry_out(units, described, limits, Method.LIVE_PATCH, ids)
    # a second run without faults converges, a third does nothing
    left = [as_it_is(unit, server) for unit in units]
    todo = [unit for unit in left if unit.vms and decide(unit, SITUATION).method is Method.LIVE_PATCH]
    again = FakeServer(todo)
    assert roll(again, todo, replace(limits, deadline=None)).good
    assert all(decide(as_it_is(unit, again), SITUATION).method is Method.NONE for unit in todo)


@examples(70, nightly=10)
@given(drawn(["network", "pair", "vpc", "system"], RECREATION_FAULTS, []), LIMITS_DRAWN, IDS_DRAWN)
def test_promises_of_recreation(described: list[Drawn], limits: Limits, ids: Ids) -> None:
    units = [one.unit(number) for number, one in enumerate(described)]
    wishes = Strategy(WantedMethod.RECREATE, allow_degraded=True)
    server, dummy = carry_out(units, described, limits, Method.RECREATE, ids)
    left = [as_it_is(unit, server) for unit in units]
    todo = [unit for unit in left if unit.vms and decide(unit, SITUATION, wanted(wishes)).method is Method.RECREATE]
    again = FakeServer(todo)
    assert roll(again, todo, replace(limits, deadline=None), Method.RECREATE, allow_degraded=True).good
    assert all(decide(as_it_is(unit, again), SITUATION, wanted(wishes)).method is Method.NONE for unit in todo)


@examples(50, nightly=10)
@given(
    drawn(["network", "pair", "vpc", "system"], [Fault.SILENT, Fault.FAILED, Fault.STALE_SCRIPTS, Fault.LEFT_OVER], []),
    LIMITS_DRAWN,
    IDS_DRAWN,
)
@example(  # a pair's recreation waits until the server has looked at it again
    [Drawn("network", (), 1.0, 0)] * 4
    + [Drawn("pair", (Fault.SILENT, Fault.SILENT), seconds, 0) for seconds in (8.0, 10.0, 9.0)],
    Limits(1, 1, 1, 0, 60, 40, 30, 20, deadline=1200.0),
    Ids.TAKEN,
)
@example(
    [Drawn("network", (Fault.SILENT, Fault.SILENT, Fault.LEFT_OVER), 1.0, 0), Drawn("network", (), 1.0, 0)],
    Limits(1, 0, 1, 0, 60, 40, 30, 20),
    Ids.TAKEN,
)
def test_promises_of_fallback(described: list[Drawn], limits: Limits, ids: Ids) -> None:
    """A unit that changes over to recreation asks for its place like every other."""
    units = [one.unit(number) for number, one in enumerate(described)]
    carry_out(units, described, limits, Method.LIVE_PATCH, ids, fallback=True)


def as_it_is(unit: Unit, server: FakeServer) -> Unit:
    """The unit as the server shows it once it has looked at everything again."""
    server.time += PAIR_INTERVAL_S * 2
    server.gone, server.is_back = False, True
    vms = tuple(server.read(unit))
    # A new system VM is another unit.
    return system_vm_unit(*vms) if not unit.kind.is_router and len(vms) == 1 else replace(unit, vms=vms)
