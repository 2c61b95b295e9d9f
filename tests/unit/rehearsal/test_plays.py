# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run is expected to go: played with the bounds that hold for it, and what that means for a deadline."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host, InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import (
    PlayedStep,
    Rehearsal,
    Stage,
    against_deadline,
    play,
    rehearse,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Standard
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import expected_seconds
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.pace import Pace, Span, Took, samples
from tests.unit.builders import SITUATION, TARGET, internal_lb, network_unit, pair, system_vm_unit, vm, vpc_unit

PATCH, RECREATE, RESTART = Method.LIVE_PATCH, Method.RECREATE, Method.RESTART
START = datetime(2026, 11, 24, 5, 0, tzinfo=timezone.utc)


def took(units: Sequence[Unit], seconds: float) -> Pace:
    """Of a cloud where a live patch of each kind takes so long, a tenth more or less."""
    ids = [frozenset({unit.id}) for unit in units]
    return Pace(samples(units, [Took(PATCH, each, seconds * spread) for each in ids for spread in (0.9, 1, 1.1)]))


def stage(*steps: tuple[Sequence[Unit], Method], limits: Limits | None = None, **facts: Any) -> Stage:
    def by(method: Method) -> Callable[[Unit], Want]:
        return lambda unit: Want.by(method)

    given: dict[str, Any] = {
        "known": [unit for units, dummy in steps for unit in units],
        "standard": Standard(SITUATION, 35.0),
        "limits": limits or Limits(per_host=0),
        "pace": Pace(),
        "start": START.timestamp(),
    }
    return Stage(steps=[PlayedStep(units, method, by(method)) for units, method in steps], **{**given, **facts})


def hosted(*hosts: str) -> list[Unit]:
    """Each with a router of Debian 12, of which one live patch is expected."""
    return [network_unit(f"n{n}", vm(f"r{n}", built_from="4.20.1", host_id=host)) for n, host in enumerate(hosts)]


def ssvms(count: int, zones: int) -> list[Unit]:
    return [system_vm_unit(vm(f"s{n}", Kind.SSVM, zone_id=f"zone{n % zones}", host_id=f"h{n}")) for n in range(count)]


@pytest.mark.parametrize(
    ("units", "method", "limits", "rounds"),
    [
        (hosted("a"), PATCH, Limits(), 1),
        (hosted("a", "b", "c"), PATCH, Limits(parallel=2), 2),
        (hosted("a", "a", "a", "b"), PATCH, Limits(per_host=1), 3),
        (hosted("a", "a", "a", "b"), PATCH, Limits(per_host=2), 2),
        (hosted("a", "a", "a", "b"), PATCH, Limits(per_host=0), 1),
        (ssvms(4, 4), PATCH, Limits(), 1),  # patched side by side
        (ssvms(4, 4), RECREATE, Limits(), 4),  # replaced one after the other
        (ssvms(4, 4), RECREATE, Limits(system_vms_at_once=9), 1),
        (hosted("a", "b"), PATCH, Limits(big_s=60.0), 2),
    ],
)
def test_a_step_takes_as_long_as_its_tightest_bound(
    units: list[Unit], method: Method, limits: Limits, rounds: int
) -> None:
    each = expected_seconds(units[0], method)
    seconds = play(stage((units, method), limits=limits)).seconds
    assert rounds * each <= seconds <= rounds * (each * 1.15 + 5)


@pytest.mark.parametrize(
    ("unit", "method", "calls"),
    [
        (network_unit("n"), PATCH, ["restartNetwork patch"] * 2),  # one of 4.18 keeps its checksum at first
        (hosted("a")[0], PATCH, ["restartNetwork patch"]),
        (vpc_unit("v", vm("r", built_from="4.20.1")), PATCH, ["restartNetwork patch", "restartNetwork apply_rules"]),
        (network_unit("p", *pair("p"), redundant=True), RECREATE, ["restartNetwork recreate"]),
        (system_vm_unit(vm("s", Kind.SSVM)), PATCH, ["patchSystemVm patch"]),
        (system_vm_unit(vm("s", Kind.SSVM)), RECREATE, ["destroySystemVm recreate"]),
        (system_vm_unit(vm("s", Kind.CPVM)), RESTART, ["rebootSystemVm reboot"]),
        (internal_lb(), RESTART, ["rebootRouter reboot"]),
        (internal_lb(), RECREATE, ["destroyRouter recreate", "restartNetwork start"]),
    ],
)
def test_what_is_sent_is_what_a_run_sends_and_it_ends_well(unit: Unit, method: Method, calls: list[str]) -> None:
    played = play(stage(([unit], method)))
    assert [f"{call.command} {call.purpose.value}" for call in played.calls] == calls
    assert unit.id in played.units and not played.left


def test_a_network_that_the_server_wants_restarted_is_restarted_once_more() -> None:
    marked = vpc_unit("v", vm("r", built_from="4.20.1"), tiers=1, restart_required=True)
    assert [call.command for call in play(stage(([marked], PATCH))).calls] == ["restartNetwork", "restartVPC"]


def test_steps_begin_when_the_one_before_has_ended_and_units_in_them() -> None:
    first, second = hosted("a"), ssvms(1, 1)
    played = play(stage((first, PATCH), (second, RECREATE)))
    assert played.steps[0][0] == 0.0 and played.steps[1][0] == played.steps[0][1] > 0
    begins, ends = played.units[second[0].id]
    assert begins == pytest.approx(played.steps[0][1], abs=1) and ends <= played.seconds


def test_a_job_of_somebody_else_is_waited_for() -> None:
    [unit] = hosted("a")
    busy = InFlight("job", "RestartNetworkCmd", None, frozenset({unit.id}))
    assert play(stage(([unit], PATCH), in_flight=[busy])).seconds > 180 + play(stage(([unit], PATCH))).seconds / 2


def test_what_is_on_a_host_that_is_away_is_not_begun() -> None:
    units = hosted("a", "b")
    hosts = [Host("a", "a", "id-zone", "KVM", TARGET, "Down", "Enabled")]
    assert set(play(stage((units, PATCH), hosts=hosts)).units) == {units[1].id}


def test_a_system_vm_is_destroyed_only_once_the_one_before_is_there_again() -> None:
    times = sorted(play(stage((ssvms(3, 3), RECREATE))).units.values())
    assert len(times) == 3
    assert all(later[0] >= earlier[1] - 0.01 for earlier, later in itertools.pairwise(times))


def test_a_soak_is_waited_for() -> None:
    [unit] = hosted("a")
    step = PlayedStep([unit], PATCH, lambda unit: Want(soak_s=600.0))
    without = stage(([unit], PATCH))
    assert play(replace(without, steps=[step])).seconds >= 600 + play(without).seconds / 2


def test_what_is_left_at_a_deadline_is_what_would_not_be_begun() -> None:
    """Six at 90 s each, two at a time: after 200 s the last two would not end in time."""
    six = stage((hosted(*"abcdef"), PATCH), limits=Limits(parallel=2))
    assert rehearse(six, START.timestamp() + 200).left == 2
    assert rehearse(six, START.timestamp() + 400).left == 0
    assert rehearse(six, START.timestamp() - 1).left == 6
    assert rehearse(six).left == 0


def of(units: Sequence[Unit], pace: Pace, zone: str = "zone") -> Rehearsal:
    return rehearse(stage(([replace(unit, zone=zone) for unit in units], PATCH), pace=pace))


def test_quick_and_slow_plays_make_the_span() -> None:
    span = of(hosted("a", "b"), Pace()).span
    assert (span.low_s, span.high_s) == pytest.approx((span.likely_s / 2, span.likely_s * 2), rel=0.1)


@pytest.mark.parametrize(
    "unit",
    [
        network_unit("n", vm("r", built_from="4.20.1")),
        network_unit("p", *pair("r", built_from="4.20.1"), redundant=True),
        vpc_unit("v", vm("r", built_from="4.20.1")),
    ],
)
def test_a_play_takes_what_runs_have_measured(unit: Unit) -> None:
    """Which is more than jobs: they are noticed late, and some are waited after."""
    played = play(stage(([unit], PATCH), pace=took([unit], 400.0)))
    assert played.worked[unit.id] == pytest.approx(400.0, rel=0.05)


def test_a_large_cloud_is_played_once_and_its_span_is_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    thrice = of(hosted("a", "b"), Pace())
    monkeypatch.setattr(
        "ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays.MOST_PLAYED_THRICE", 1
    )
    once = of(hosted("a", "b"), Pace())
    assert thrice.others and not once.others
    assert once.span.rounded() == pytest.approx(thrice.span.rounded(), rel=0.1)
    assert "one play" in once.as_dict(None)["source"] and "one play" not in thrice.as_dict(None)["source"]


def test_units_and_zones_are_told_with_their_times() -> None:
    units = hosted("a", "b")
    there = of(units, Pace(), "Zürich")
    at = there.predicted(units[0].id)
    assert at is not None and 0 <= at["start_s"] < at["end_s"] <= round(there.likely.seconds, 1)
    assert there.predicted("id-x") is None
    assert {zone: span.likely_s for zone, span in there.zones().items()} == {
        "Zürich": pytest.approx(at["end_s"], abs=1)
    }
    assert [span.likely_s for span in there.steps()] == [there.span.likely_s]


@pytest.mark.parametrize(
    ("units", "known", "words"),
    [
        (hosted("a"), took(hosted("a"), 60), "from 3 units of earlier runs"),
        (hosted("a"), Pace(), "from documented figures"),
        (
            [*hosted("a"), *ssvms(4, 4)],
            took(hosted("a"), 60),
            "from 3 units of earlier runs for 1 unit, from documented figures for 4 units",
        ),
    ],
)
def test_it_says_where_its_figures_come_from(units: list[Unit], known: Pace, words: str) -> None:
    told = of(units, known).as_dict(None)
    assert told["source"] == words
    assert told["words"].startswith(f"{told['span']} ({words}); ends about ")


@pytest.mark.parametrize(
    ("deadline", "left", "words"),
    [
        (None, 0, "ends about 05:16 to 05:23"),
        (timedelta(hours=1), 0, "ends about 05:16 to 05:23; 06:00 leaves room"),
        (timedelta(minutes=22), 0, "ends about 05:16 to 05:23; 05:22 may come too early"),
        (timedelta(minutes=15), 5, "ends about 05:16 to 05:23; about 5 units would be left at 05:15"),
    ],
)
def test_a_deadline_in_words(deadline: timedelta | None, left: int, words: str) -> None:
    until = None if deadline is None else START + deadline
    assert against_deadline(Span(960.0, 1200.0, 1380.0), START, until, left) == words


def test_times_are_those_of_the_deadlines_zone_and_another_day_is_named() -> None:
    deadline = datetime(2026, 11, 25, 0, 30, tzinfo=timezone(timedelta(hours=5)))
    start = datetime(2026, 11, 24, 18, 50, tzinfo=timezone.utc)
    words = "ends about Wed 00:06 to Wed 00:13; Wed 00:30 leaves room"
    assert against_deadline(Span(960.0, 1200.0, 1380.0), start, deadline, 0) == words
