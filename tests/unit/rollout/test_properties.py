# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds whatever others do, whatever is lost and however old the answers are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.results import UnitResult
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.support.examples import examples
from tests.unit.builders import network_unit, pair, system_vm_unit, vm, vpc_unit
from tests.unit.rollout.fake import Fault, Ids
from tests.unit.rollout.rolling import scheduler
from tests.unit.rollout.world import WHATS, Event, Window, World

FAULTS = [
    *(Fault.NONE, Fault.NONE, Fault.NONE, Fault.SILENT, Fault.FAILED, Fault.RULES_FAIL, Fault.LOST, Fault.LOST_DONE),
    *(
        Fault.STALE_SCRIPTS,
        Fault.REFUSED,
        Fault.UNCERTAIN_TAKEN,
        Fault.UNCERTAIN_NOT_TAKEN,
        Fault.NEVER_ENDS,
        Fault.PAIR_BREAKS,
    ),
]
THEIRS = [Fault.NONE, Fault.NONE, Fault.SILENT, Fault.FAILED, Fault.RULES_FAIL, Fault.LOST_DONE]
SORTS = ["network", "network", "pair", "vpc", "tiers", "system", "current", "halted", "leftover", "half", "empty"]


def unit_of(sort: str, number: int) -> Unit:
    name, host = f"u{number}", f"h{number % 3}"
    one = vm(f"r{number}", host_id=host)
    at_target: dict[str, Any] = {"software": "4.22.0.0", "host_id": host}
    if sort == "system":
        return system_vm_unit(vm(f"s{number}", Kind.SSVM, host_id=host, zone_id=f"z{number % 3}"))
    if sort == "pair":
        return network_unit(name, *pair(f"r{number}"), redundant=True)
    if sort == "half":
        return network_unit(name, pair(f"r{number}")[0], redundant=True)
    if sort in ("vpc", "tiers"):
        return vpc_unit(name, one, tiers=1 if sort == "vpc" else 3)
    if sort == "current":
        return network_unit(name, vm(f"r{number}", **at_target))
    if sort == "halted":
        return network_unit(name, vm(f"r{number}", state="Stopped"))
    if sort == "leftover":
        return network_unit(name, one, vm(f"r{number}-left", state="Stopped", built_from="4.22.0", **at_target))
    return network_unit(name, one)


EVENTS = st.lists(
    st.builds(
        Event,
        at=st.one_of(st.floats(0, 60), st.floats(0, 300)).map(lambda at: round(at, 1)),
        what=st.sampled_from(WHATS),
        unit=st.integers(0, 5),
        seconds=st.sampled_from([1.5, 5.0, 20.0, 60.0]),
        fault=st.sampled_from(THEIRS),
    ),
    max_size=5,
)
WINDOWS = st.lists(
    st.builds(Window, begins=st.floats(0, 60).map(round), seconds=st.sampled_from([3.0, 40.0])), max_size=1
)
LIMITS = st.builds(
    Limits,
    parallel=st.integers(1, 4),
    per_host=st.integers(0, 2),
    system_vms_at_once=st.just(1),
    max_failures=st.sampled_from([0, 1, 100]),
    job_timeout=st.just(120),
    verify_timeout=st.just(40),
    start_timeout=st.just(60),
    agent_timeout=st.just(30),
    deadline=st.sampled_from([None, None, 1200.0]),
    big_s=st.sampled_from([math.inf, 100.0]),
    wait_when_interrupted=st.booleans(),
)
CLOUDS = {
    "sorts": st.lists(st.sampled_from(SORTS), min_size=1, max_size=6),
    "faults": st.lists(st.lists(st.sampled_from(FAULTS), max_size=3), min_size=6, max_size=6),
    "seconds": st.lists(st.sampled_from([0.7, 3.0, 15.0, 40.0]), min_size=6, max_size=6),
    "events": EVENTS,
    "limits": LIMITS,
    "ids": st.sampled_from([Ids.TAKEN, Ids.TAKEN, Ids.IGNORED, Ids.REFUSED]),
    "lag": st.sampled_from([0.0, 0.0, 1.0, 5.0]),
    "slow": st.sampled_from([0.0, 0.0, 2.0]),
    "rejects": WINDOWS,
    "silences": WINDOWS,
    "stop_at": st.sampled_from([math.inf, math.inf, 1010.0, 1050.0]),
    "soak_s": st.sampled_from([0.0, 0.0, 60.0]),
}


def check(world: World, units: Sequence[Unit], limits: Limits, method: Method, **more: Any) -> list[UnitResult]:
    """Roll out; what must hold of each result holds at the moment when it is told."""
    one = scheduler(world, limits, interrupted=lambda: world.time >= world.stop_at, **more)
    finish = one._finish
    told: list[str] = []

    def finished(upgrade: Any, result: UnitResult) -> None:
        if result.status is UnitStatus.GONE:
            assert result.unit.id in world.deleted or result.unit.kind.is_system_vm
        elif result.status.good and not ended_at_once(result):
            world._advance()
            told.extend(f"{result.unit.name} {result.status.value}, but {why}" for why in world.untrue(result.unit))
        finish(upgrade, result)

    def ended_at_once(result: UnitResult) -> bool:
        """Nobody looks again at what was proven and watched when a run is interrupted."""
        return result.code == "ServerLost" or (result.code == "Interrupted" and not limits.wait_when_interrupted)

    one._finish = finished  # type: ignore[method-assign]
    rollout = one.roll(units, method)
    assert world.violations == []
    assert told == []
    assert [result.unit.id for result in rollout.results] == [unit.id for unit in units]
    ends = Counter(result.status for result in rollout.results)
    if not more["soak_s"]:  # what is watched has given its place to others
        assert ends[UnitStatus.FAILED] <= limits.max_failures + limits.parallel + len(units) // 2 + 1
    return list(rollout.results)


def carry_out(drawn: dict[str, Any], method: Method, **more: Any) -> None:
    units = [unit_of(sort, number) for number, sort in enumerate(drawn["sorts"])]
    ids = drawn["ids"]
    wanted = method is Method.RECREATE or "fallback" in more
    world = World(
        units,
        {unit.id: faults for unit, faults in zip(units, drawn["faults"], strict=False)},
        {unit.id: seconds for unit, seconds in zip(units, drawn["seconds"], strict=False)},
        ids,
        events=drawn["events"],
        lag=drawn["lag"] if ids is Ids.TAKEN else 0.0,
        slow=drawn["slow"],
        rejects=drawn["rejects"],
        silences=drawn["silences"],
        recreation_wanted=wanted,
        stop_at=drawn["stop_at"],
        waits_when_stopped=drawn["limits"].wait_when_interrupted,
        deadline=drawn["limits"].deadline or math.inf,
    )
    for unit, sort in zip(units, drawn["sorts"], strict=False):
        if sort == "empty":
            world.vms[unit.id], world.visible[unit.id], world._last[unit.id] = [], [], []
    check(world, units, drawn["limits"], method, soak_s=drawn["soak_s"], **more)


@examples(400, nightly=10)
@given(st.fixed_dictionaries(CLOUDS))
def test_live_patch(drawn: dict[str, Any]) -> None:
    carry_out(drawn, Method.LIVE_PATCH)


@examples(200, nightly=10)
@given(st.fixed_dictionaries(CLOUDS))
def test_fallback(drawn: dict[str, Any]) -> None:
    carry_out(drawn, Method.LIVE_PATCH, fallback=True)


@examples(200, nightly=10)
@given(st.fixed_dictionaries(CLOUDS))
def test_recreation(drawn: dict[str, Any]) -> None:
    carry_out(drawn, Method.RECREATE, allow_degraded=True)


@examples(100, nightly=10)
@given(st.fixed_dictionaries(CLOUDS))
def test_reboot(drawn: dict[str, Any]) -> None:
    carry_out(drawn | {"sorts": [sort for sort in drawn["sorts"] if sort != "system"] or ["pair"]}, Method.RESTART)
