# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields sysvm_select may ask for, names that fit several units, and the scope in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Kind,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Scope, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.scope import (
    budget_text,
    moment_text,
    scope_text,
    with_ends,
)
from tests.unit.builders import estate, make_policy, network, network_unit, system_vm_unit, vm, vpc_unit

WEB = network_unit("web")
SHOP = vpc_unit("shop", tiers=(network("web", vpc_id="id-shop"), network("db", vpc_id="id-shop")))
SSVM = system_vm_unit(vm("s-1", Kind.SSVM))
CLOUD = estate(WEB, SHOP, SSVM)


BERLIN = timezone(timedelta(hours=1), "CET")


def test_everything_in_words() -> None:
    text = scope_text(make_policy(), "cloud.example.com", 2, deadline=None, may_fail=budget_text(0, "0"))
    assert text == "cloud cloud.example.com (2 zones); everything; method auto; no deadline; none may fail"


def test_a_narrow_scope_in_one_line() -> None:
    policy = make_policy(
        zones=("Berlin",),
        kinds=frozenset({Kind.SSVM}),
        names=tuple(f"n{n}" for n in range(12)),
        exclude_names=("a\nb",),
    )
    deadline = datetime(2026, 11, 23, 6, 0, tzinfo=BERLIN)
    text = scope_text(policy, "h", 1, deadline=deadline, may_fail=budget_text(5, "10%"))
    for part in ("zones Berlin", "kinds ssvm", "n9 and 2 more", "all but a b", "5 may fail (10%)", "(1 zone)"):
        assert part in text
    assert "until Mon 2026-11-23 06:00 (CET, UTC+01:00)" in text and "\n" not in text


def test_a_long_expression_is_cut() -> None:
    policy = make_policy(select=" || ".join(f"name == 'web-{number}'" for number in range(1000)))
    text = scope_text(policy, "h", 1, deadline=None, may_fail="none may fail")
    assert "select name == 'web-0' || " in text and len(text) < 400 and text.endswith("none may fail")


def test_both_zones_are_told_where_the_clocks_change_before() -> None:
    summer = datetime(2026, 3, 29, 6, tzinfo=timezone(timedelta(hours=2), "CEST"))
    winter = datetime(2026, 3, 28, 22, tzinfo=BERLIN)
    assert moment_text(summer, winter) == "Sun 2026-03-29 06:00 (CEST, UTC+02:00; now UTC+01:00)"
    assert "now" not in moment_text(winter + timedelta(hours=1), winter)


def test_utc_is_said_once() -> None:
    assert moment_text(datetime(2026, 11, 23, 6, tzinfo=timezone.utc)) == "Mon 2026-11-23 06:00 (UTC+00:00)"


@pytest.mark.parametrize(
    ("make", "option", "other"),
    [
        (lambda: Scope(names=("a", "b"), exclude_names=("b",)), "names", "exclude_names"),
        (lambda: Strategy(WantedMethod.LIVE_PATCH, unsupported=True), "recreate", "method"),
        (lambda: Strategy(WantedMethod.RECREATE, fallback=True), "recreate", "method"),
    ],
)
def test_what_contradicts_is_named(make: Callable[[], object], option: str, other: str) -> None:
    with pytest.raises(OptionError, match=f"sysvm_{other}") as refused:
        make()
    assert refused.value.option == option and refused.value.remedy


def test_a_scope_with_another_deadline_and_budget_says_the_rest_as_before() -> None:
    at, later = (datetime(2026, 11, 23, hour, 0, tzinfo=BERLIN) for hour in (6, 7))
    for before in (None, at):
        policy = make_policy(names=("until (noon)", "no deadline"))
        scope = scope_text(policy, "h", 1, deadline=before, may_fail="5 may fail (10%)")
        for after in (None, later):
            expected = scope_text(policy, "h", 1, deadline=after, may_fail="none may fail")
            assert with_ends(scope, after, "none may fail") == expected
