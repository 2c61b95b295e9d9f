# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it will take: from what was seen, else from what is documented; and what that means for a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.history import Operation, Took
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import ACTING, Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.estimate import (
    DOCUMENTED,
    Estimate,
    Pace,
    RunBounds,
    Source,
    Span,
    Work,
    against_deadline,
    makespan,
    run_span,
    samples,
    unit_span,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import RESTART_S, expected_seconds
from tests.unit.builders import network_unit, pair, system_vm_unit, version, vm, vpc_unit

PATCH, RECREATE, RESTART = Method.LIVE_PATCH, Method.RECREATE, Method.RESTART
NOW = datetime(2026, 11, 24, 5, 0, tzinfo=timezone.utc)
NETWORK = network_unit("n")
UNITS = (
    NETWORK,
    network_unit("pair", *pair("p"), redundant=True),
    vpc_unit("v", tiers=3),
    system_vm_unit(vm("s", Kind.SSVM)),
    network_unit("vmware", vm("w", hypervisor="VMware")),
)


def pace(*found: tuple[Unit, Operation, float], source: Source = Source.REPORT) -> Pace:
    """From things that were done to units, an hour ago."""
    units = {unit.id: unit for unit, dummy, dummy2 in found}
    ended = NOW.timestamp() - 3600
    tooks = [Took(done, frozenset({unit.id}), seconds, ended) for unit, done, seconds in found]
    return Pace(samples(units.values(), {source: tooks}))


def seen(unit: Unit, *seconds: float, done: Operation = Operation.LIVE_PATCH) -> list[tuple[Unit, Operation, float]]:
    return [(unit, done, each) for each in seconds]


# --- one unit


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.parametrize("method", ACTING)
def test_of_a_cloud_without_a_past_documented_figures_are_given_and_it_says_so(unit: Unit, method: Method) -> None:
    expected = expected_seconds(unit, method)
    assert unit_span(unit, method, Pace()) == Span(DOCUMENTED[0] * expected, expected, DOCUMENTED[1] * expected)
    assert Pace().figures(unit, method).source is Source.DOCUMENTED


def test_of_what_is_left_alone_nothing_is_expected() -> None:
    assert unit_span(NETWORK, Method.NONE, Pace()) == Span()


def test_what_was_seen_counts() -> None:
    figures = pace(*seen(NETWORK, *range(20, 31))).figures(NETWORK, PATCH)
    span = unit_span(NETWORK, PATCH, pace(*seen(NETWORK, *range(20, 31))))
    assert (span.low_s, span.likely_s, span.high_s) == pytest.approx((21, 25, 29))
    assert figures.source is Source.REPORT and len(figures.samples) == 11


def test_one_that_was_stuck_for_an_hour_does_not_decide() -> None:
    assert unit_span(NETWORK, PATCH, pace(*seen(NETWORK, *[20] * 20, 3600))).likely_s == pytest.approx(20)


@pytest.mark.parametrize("seconds", [[20], [20, 30]])
def test_few_samples_count_but_the_span_is_wide(seconds: list[float]) -> None:
    span = unit_span(NETWORK, PATCH, pace(*seen(NETWORK, *seconds)))
    assert span.low_s < min(seconds) * 0.8 and span.high_s > max(seconds) * 1.2
    assert min(seconds) <= span.likely_s <= max(seconds)


@pytest.mark.parametrize(
    ("found", "unit", "method", "likely"),
    [
        # As much to do counts before more or less to do.
        ([*seen(NETWORK, 9, 9, 9), *seen(UNITS[1], 40, 40, 40)], UNITS[1], PATCH, 40),
        # Without it, what is known of others is scaled: a pair has 150 s documented, a single router 90 s.
        (seen(NETWORK, 9, 9, 9), UNITS[1], PATCH, 15),
        # One is not enough to be preferred.
        ([*seen(NETWORK, 9, 9, 9), *seen(UNITS[1], 900)], NETWORK, PATCH, 9),
        # The same hypervisor before any.
        ([*seen(NETWORK, 9, 9, 9), *seen(UNITS[4], 27, 27, 27)], UNITS[4], PATCH, 27),
        (seen(NETWORK, 9, 9, 9), UNITS[4], PATCH, 9),
        # Another kind or method tells nothing.
        (seen(NETWORK, 9, 9, 9), UNITS[2], PATCH, expected_seconds(UNITS[2], PATCH)),
        (seen(NETWORK, 9, 9, 9), NETWORK, RECREATE, expected_seconds(NETWORK, RECREATE)),
        (seen(UNITS[3], 40, 40, 40, done=Operation.RESTART), UNITS[3], RESTART, 40),
    ],
)
def test_the_closest_figures_count(
    found: list[tuple[Unit, Operation, float]], unit: Unit, method: Method, likely: float
) -> None:
    assert unit_span(unit, method, pace(*found)).likely_s == pytest.approx(likely)


def test_applying_rules_is_another_thing_than_stopping_and_starting() -> None:
    known = pace(*seen(NETWORK, 3, 3, 3, done=Operation.APPLY_RULES))
    owed = replace(UNITS[2], kind=Kind.NETWORK, owed=(Owed("a", "", 0.0), Owed("b", "", 0.0)))
    assert unit_span(owed, RESTART, known).likely_s == pytest.approx(6)
    assert known.figures(NETWORK, RESTART).source is Source.DOCUMENTED
    assert expected_seconds(owed, RESTART) == 2 * RESTART_S


def test_a_second_patch_that_is_expected_takes_its_time_and_is_not_counted_twice() -> None:
    """Of a unit that the last report tells of, both patches were measured."""
    twice = Baseline(version("4.21.0.0")).expects_two_patches
    assert unit_span(NETWORK, PATCH, Pace(twice=twice)).likely_s == 2 * expected_seconds(NETWORK, PATCH)
    assert unit_span(NETWORK, RECREATE, Pace(twice=twice)).likely_s == expected_seconds(NETWORK, RECREATE)
    done = replace(NETWORK, vms=(vm("r", software="4.21.0.0"),))
    for source, likely in ((Source.REPORT, 40), (Source.EVENTS, 80)):  # events tell of jobs, one by one
        took = [Took(Operation.LIVE_PATCH, frozenset({NETWORK.id}), 40, 0)] * 3
        assert unit_span(NETWORK, PATCH, Pace(samples([done], {source: took}, twice), twice)).likely_s == likely


def test_what_was_done_to_units_of_another_cloud_is_left_out() -> None:
    assert samples([NETWORK], {Source.REPORT: [Took(Operation.LIVE_PATCH, frozenset({"id-x", "id-y"}), 9, 0)]}) == ()


def test_until_it_is_proven_is_part_of_a_unit_but_what_it_worked_is_scaled() -> None:
    found = [Took(Operation.LIVE_PATCH, frozenset({"id-n"}), 9.0, 0.0, aside_s=20.0)] * 3
    known = Pace(samples([NETWORK], {Source.REPORT: found}))
    assert unit_span(NETWORK, PATCH, known).likely_s == pytest.approx(29)
    assert unit_span(UNITS[1], PATCH, known).likely_s == pytest.approx(15 + 20)


def test_a_replaced_vm_is_found_by_its_new_id() -> None:
    took = Took(Operation.RECREATE, frozenset({"id-old", "id-s"}), 99, 0)
    [sample] = samples([UNITS[3]], {Source.REPORT: [took]})
    assert sample.kind is Kind.SSVM


def test_the_source_that_knows_more_counts_and_the_report_if_they_know_as_much() -> None:
    few, more = (
        [Took(Operation.RECREATE, frozenset({"id-n"}), s, i) for i in range(n)] for n, s in ((3, 100), (4, 200))
    )
    for found, expected in (
        ({Source.EVENTS: more, Source.REPORT: few}, Source.EVENTS),
        ({Source.EVENTS: few, Source.REPORT: few}, Source.REPORT),
        ({Source.EVENTS: few}, Source.EVENTS),
    ):
        assert Pace(samples([NETWORK], found)).figures(NETWORK, RECREATE).source is expected


@given(st.lists(st.floats(0.5, 1e5), min_size=1, max_size=30))
def test_a_span_is_in_order_and_not_beyond_what_was_seen(seconds: list[float]) -> None:
    span = unit_span(NETWORK, PATCH, pace(*seen(NETWORK, *seconds)))
    assert 0 < span.low_s <= span.likely_s <= span.high_s
    assert min(seconds) * 0.999 <= span.likely_s <= max(seconds) * 1.001


# --- a step


def works(units: Sequence[Unit], seconds: float = 100.0, method: Method = PATCH, aside: float = 0.0) -> list[Work]:
    return [Work(unit, method, Span(seconds / 2, seconds, seconds * 2), aside) for unit in units]


def hosted(*hosts: str) -> list[Unit]:
    return [network_unit(f"n{number}", vm(f"r{number}", host_id=host)) for number, host in enumerate(hosts)]


SSVMS = [system_vm_unit(vm(f"s{n}", Kind.SSVM, zone_id=f"zone{n % 2}", host_id=f"h{n}")) for n in range(4)]


@pytest.mark.parametrize(
    ("step", "bounds", "likely"),
    [
        ([], RunBounds(), 0),
        (works(hosted("a")), RunBounds(), 100),
        (works(hosted("a", "b", "c")), RunBounds(parallel=2), 200),
        (works(hosted("a", "a", "a", "b")), RunBounds(per_host=1), 300),
        (works(hosted("a", "a", "a", "b")), RunBounds(per_host=2), 200),
        (works(hosted("a", "a", "a", "b")), RunBounds(per_host=0), 100),
        (works([UNITS[1], *hosted("id-host1", "id-host2")]), RunBounds(per_host=1), 200),  # a pair is on both hosts
        (works(SSVMS), RunBounds(), 100),  # patched side by side
        (works(SSVMS, method=RECREATE), RunBounds(), 400),  # replaced one after the other
        (works(SSVMS, method=RECREATE), RunBounds(system_vms_at_once=9), 200),  # of a zone one after the other
        (works(hosted("a", "b")), RunBounds(big_s=100), 200),
        ([*works(hosted("a"), 300), *works(hosted("b", "c", "d"))], RunBounds(parallel=2), 300),  # the longest first
        # What only waits to be proven leaves its place to others; the last one is waited for.
        (works(hosted("a", "b"), aside=30), RunBounds(parallel=1), 230),
        ([*works(hosted("a"), 100, aside=30), *works(hosted("b"), 90)], RunBounds(parallel=1), 190),
    ],
)
def test_a_step_takes_as_long_as_its_tightest_bound(step: list[Work], bounds: RunBounds, likely: float) -> None:
    assert makespan(step, bounds).likely_s == pytest.approx(likely)


SPANS = st.tuples(st.floats(1, 500), st.floats(0, 500), st.floats(0, 500)).map(
    lambda parts: Span(parts[0], parts[0] + parts[1], sum(parts))
)
STEPS = st.lists(st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True), SPANS), min_size=1)


@given(STEPS, st.integers(1, 12), st.integers(0, 3))
def test_a_step_takes_no_less_than_it_must_and_no_more_than_one_after_the_other(
    step: list[tuple[list[str], Span]], parallel: int, per_host: int
) -> None:
    made = [
        Work(network_unit(f"n{n}", *(vm(f"r{n}{host}", host_id=host) for host in hosts)), PATCH, span)
        for n, (hosts, span) in enumerate(step)
    ]
    spans = [span for dummy, span in step]
    took = makespan(made, RunBounds(parallel, per_host))
    for name in ("low_s", "likely_s", "high_s"):
        each, whole = [getattr(span, name) for span in spans], getattr(took, name)
        assert whole >= max(each) and whole >= sum(each) / parallel - 1e-6 and whole <= sum(each) + 1e-6
    assert took.low_s <= took.likely_s + 1e-6 and took.likely_s <= took.high_s + 1e-6
    wider = makespan(made, RunBounds(parallel + 1, per_host and per_host + 1))
    assert wider.likely_s <= took.likely_s + 1e-6


# --- a run


def estimate(count: int, seconds: float = 60.0, source: Source = Source.REPORT) -> Estimate:
    """Of so many networks one after the other, each of which takes the seconds, a fifth more or less."""
    spread = [seconds * 0.8, seconds, seconds * 1.2]
    units = hosted(*(f"h{number}" for number in range(count)))
    return run_span(
        [[(unit, PATCH) for unit in units]], RunBounds(parallel=1), pace(*seen(NETWORK, *spread), source=source)
    )


def test_steps_are_done_one_after_the_other() -> None:
    one, two = [(NETWORK, PATCH)], [(UNITS[3], RECREATE)]
    both = run_span([one, two], RunBounds(), Pace())
    assert both.span == run_span([one], RunBounds(), Pace()).span + run_span([two], RunBounds(), Pace()).span
    assert both.sizes == (1, 1)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (estimate(1), "from 3 units of the last report"),
        (estimate(1, source=Source.EVENTS), "from 3 restarts of this cloud in the last 24 h"),
        (run_span([[(NETWORK, PATCH)]], RunBounds(), Pace()), "from documented figures"),
        (
            run_span([[(NETWORK, PATCH), *[(unit, PATCH) for unit in SSVMS]]], RunBounds(), pace(*seen(NETWORK, 9))),
            "from 1 unit of the last report for 1 unit, from documented figures for 4 units",
        ),
    ],
)
def test_it_says_where_its_figures_come_from(run: Estimate, words: str) -> None:
    assert run.source(NOW) == words
    assert words in run.as_dict(NOW, None)["words"]


def test_old_events_are_told_in_days() -> None:
    run = estimate(1, source=Source.EVENTS)
    assert run.source(NOW + timedelta(days=3)) == "from 3 restarts of this cloud in the last 4 days"


@pytest.mark.parametrize(
    ("deadline", "words"),
    [
        (None, "ends about 05:16 to 05:23"),
        (timedelta(hours=1), "ends about 05:16 to 05:23; 06:00 leaves room"),
        (timedelta(minutes=22), "ends about 05:16 to 05:23; 05:22 may come too early"),
        (timedelta(minutes=15), "ends about 05:16 to 05:23; about 5 units would be left at 05:15"),
        (timedelta(hours=-1), "ends about 05:16 to 05:23; about 20 units would be left at 04:00"),
    ],
)
def test_a_deadline_in_words(deadline: timedelta | None, words: str) -> None:
    assert against_deadline(estimate(20), NOW, None if deadline is None else NOW + deadline) == words


def test_times_are_those_of_the_deadlines_zone_and_another_day_is_named() -> None:
    deadline = datetime(2026, 11, 25, 0, 30, tzinfo=timezone(timedelta(hours=5)))
    start = datetime(2026, 11, 24, 18, 50, tzinfo=timezone.utc)
    words = "ends about Wed 00:06 to Wed 00:13; Wed 00:30 leaves room"
    assert against_deadline(estimate(20), start, deadline) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(40, 60, 90), "40 to 90 s"),
        (Span(60, 60, 60), "about 60 s"),
        (Span(22 * 60, 0, 31 * 60), "22 to 31 min"),
        (Span(90, 0, 150), "2 min"),
        (Span(90 * 60, 0, 130 * 60), "1 h 30 min to 2 h 10 min"),
        (Span(40 * 60, 0, 130 * 60), "40 min to 2 h 10 min"),
    ],
)
def test_a_span_in_words(span: Span, words: str) -> None:
    assert str(span).removeprefix("about ") == words.removeprefix("about ")


@given(st.lists(st.lists(SPANS, min_size=1, max_size=9), min_size=1, max_size=4), st.floats(-100, 20000))
def test_what_is_left_at_a_moment_is_none_or_all_or_between(steps: list[list[Span]], moment: float) -> None:
    run = Estimate(tuple(sum(step, Span()) for step in steps), tuple(map(len, steps)), {}, frozenset())
    left = run.left_at(moment)
    assert 0 <= left <= sum(run.sizes)
    assert (left == 0) == (moment >= run.span.likely_s - 1e-6) or abs(moment - run.span.likely_s) < 1e-3
    assert run.left_at(moment + 10) <= left
