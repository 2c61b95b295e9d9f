# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a cloud is: from what reports tell, else from what is documented."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import ACTING, Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.expected import RESTART_S, expected_seconds
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.pace import (
    DOCUMENTED,
    Pace,
    Source,
    Span,
    Took,
    durations_of_report,
    samples,
)
from tests.unit.builders import network_unit, pair, system_vm_unit, version, vm, vpc_unit

PATCH, RECREATE, RESTART = Method.LIVE_PATCH, Method.RECREATE, Method.RESTART
NETWORK = network_unit("n")
UNITS = (
    NETWORK,
    network_unit("pair", *pair("p"), redundant=True),
    vpc_unit("v", tiers=3),
    system_vm_unit(vm("s", Kind.SSVM)),
    network_unit("vmware", vm("w", hypervisor="VMware")),
)
Seen = tuple[Unit, Method, float]


def pace(*found: Seen) -> Pace:
    """From things that were done to units."""
    units = {unit.id: unit for unit, dummy, dummy2 in found}
    tooks = [Took(done, frozenset({unit.id}), seconds) for unit, done, seconds in found]
    return Pace(samples(units.values(), tooks))


def seen(unit: Unit, *seconds: float, done: Method = PATCH) -> list[Seen]:
    return [(unit, done, each) for each in seconds]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.parametrize("method", ACTING)
def test_of_a_cloud_without_a_past_documented_figures_are_given_and_it_says_so(unit: Unit, method: Method) -> None:
    expected = expected_seconds(unit, method)
    assert Pace().span(unit, method) == Span(DOCUMENTED[0] * expected, expected, DOCUMENTED[1] * expected)
    assert Pace().figures(unit, method).source is Source.DOCUMENTED


def test_of_what_is_left_alone_nothing_is_expected() -> None:
    assert Pace().span(NETWORK, Method.NONE) == Span()


def test_what_was_seen_counts() -> None:
    known = pace(*seen(NETWORK, *range(20, 31)))
    span, figures = known.span(NETWORK, PATCH), known.figures(NETWORK, PATCH)
    assert (span.low_s, span.likely_s, span.high_s) == pytest.approx((21, 25, 29))
    assert figures.source is Source.REPORTS and len(figures.samples) == 11


def test_one_that_was_stuck_for_an_hour_does_not_decide() -> None:
    assert pace(*seen(NETWORK, *[20] * 20, 3600)).span(NETWORK, PATCH).likely_s == pytest.approx(20)


@pytest.mark.parametrize("seconds", [[20], [20, 30]])
def test_few_samples_count_but_the_span_is_wide(seconds: list[float]) -> None:
    span = pace(*seen(NETWORK, *seconds)).span(NETWORK, PATCH)
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
        (seen(UNITS[3], 40, 40, 40, done=RESTART), UNITS[3], RESTART, 40),
    ],
)
def test_the_closest_figures_count(found: list[Seen], unit: Unit, method: Method, likely: float) -> None:
    assert pace(*found).span(unit, method).likely_s == pytest.approx(likely)


def test_of_rules_to_be_applied_the_restarts_alone_are_expected() -> None:
    owed = replace(UNITS[2], owed=(Owed("a", "", 0.0), Owed("b", "", 0.0)))
    assert Pace().span(owed, RESTART).likely_s == 2 * RESTART_S


def test_a_second_patch_that_is_expected_takes_its_time_and_is_not_counted_twice() -> None:
    """Of a unit that a report tells of, both patches were measured."""
    twice = Baseline(version("4.21.0.0")).expects_two_patches
    assert Pace(twice=twice).span(NETWORK, PATCH).likely_s == 2 * expected_seconds(NETWORK, PATCH)
    assert Pace(twice=twice).span(NETWORK, RECREATE).likely_s == expected_seconds(NETWORK, RECREATE)
    done = replace(NETWORK, vms=(vm("r", software="4.21.0.0"),))
    took = [Took(PATCH, frozenset({NETWORK.id}), 40)] * 3
    assert Pace(samples([done], took, twice), twice).span(NETWORK, PATCH).likely_s == 40


def test_what_was_done_to_units_of_another_cloud_is_left_out() -> None:
    assert samples([NETWORK], [Took(PATCH, frozenset({"id-x", "id-y"}), 9)]) == ()


def test_a_replaced_vm_is_found_by_its_new_id() -> None:
    [sample] = samples([UNITS[3]], [Took(RECREATE, frozenset({"id-old", "id-s"}), 99)])
    assert sample.kind is Kind.SSVM


@given(st.lists(st.floats(0.5, 1e5), min_size=1, max_size=30))
def test_a_span_is_in_order_and_not_beyond_what_was_seen(seconds: list[float]) -> None:
    span = pace(*seen(NETWORK, *seconds)).span(NETWORK, PATCH)
    assert 0 < span.low_s <= span.likely_s <= span.high_s
    assert min(seconds) * 0.999 <= span.likely_s <= max(seconds) * 1.001


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(40, 60, 90), "40 to 90 s"),
        (Span(60, 60, 60), "about 60 s"),
        (Span(22 * 60, 0, 31 * 60), "22 to 31 min"),
        (Span(90, 0, 150), "about 2 min"),
        (Span(90 * 60, 0, 130 * 60), "1 h 30 min to 2 h 10 min"),
        (Span(40 * 60, 0, 130 * 60), "40 min to 2 h 10 min"),
    ],
)
def test_a_span_in_words(span: Span, words: str) -> None:
    assert str(span) == words


# --- what reports tell


def reported(**changes: Any) -> dict[str, Any]:
    unit = {
        "id": "id-n",
        "kind": "network",
        "method": "live_patch",
        "status": "upgraded",
        "worked_s": 60.0,
        "vms": [{"id": "id-r"}],
    }
    return {**unit, **changes}


def test_a_report_tells_of_what_was_upgraded() -> None:
    [took] = durations_of_report({"units": [reported()]})
    assert took == Took(PATCH, frozenset({"id-n", "id-r"}), 60.0) == Took.from_dict(took.as_dict())


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"status": "current", "worked_s": None},
        {"method": "none"},
        {"method": "restart"},  # of a router: rules applied, or stopped and started
        {"worked_s": None},
        {"vms": None},
    ],
)
def test_what_a_report_does_not_tell_for_sure_is_left_out(changes: dict[str, Any]) -> None:
    assert durations_of_report({"units": [reported(**changes), reported(id="id-2")]}) == durations_of_report(
        {"units": [reported(id="id-2")]}
    )


def test_a_system_vm_that_was_restarted_was_stopped_and_started() -> None:
    [took] = durations_of_report({"units": [reported(kind="ssvm", method="restart")]})
    assert took.done is RESTART


@pytest.mark.parametrize("report", [{}, {"units": None}, {"units": [None, 3, "x"]}])
def test_a_report_of_another_kind_tells_nothing(report: dict[str, Any]) -> None:
    assert durations_of_report(report) == ()
