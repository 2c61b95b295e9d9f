# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two answers about a router's health checks say of the time between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.health import (
    Compared,
    Health,
    HealthCheck,
    checks_of,
    compare,
    merged,
    unjudged_words,
)

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
PASSED, FAILED, UNCLEAR = Health.PASSED, Health.FAILED, Health.UNCLEAR
DHCP, CONNECTED = "dhcp.service", "connectivity.test"


@pytest.mark.parametrize(
    ("item", "health"),
    [
        # 4.22
        ({"success": True, "status": "SUCCESS"}, PASSED),
        ({"success": False, "status": "FAILED"}, FAILED),
        ({"success": False, "status": "WARNING"}, UNCLEAR),
        ({"success": False, "status": "UNKNOWN"}, UNCLEAR),
        ({"status": "UNKNOWN"}, UNCLEAR),
        ({"success": True, "status": "NEWER"}, UNCLEAR),
        # before
        ({"success": True}, PASSED),
        ({"success": False}, FAILED),
        ({}, UNCLEAR),
    ],
)
def test_what_a_result_says(item: dict[str, Any], health: Health) -> None:
    answer = {"routerhealthchecks": {"healthchecks": [{"checkname": DHCP, **item}]}}
    assert checks_of(answer) == {DHCP: HealthCheck(health)}


def test_what_a_server_said() -> None:
    """A real 4.22: what is not known has success false as well."""
    lines = (RECORDINGS / "diagnostics.jsonl").read_text(encoding="utf-8").splitlines()
    key = "getrouterhealthcheckresultsresponse"
    [answer] = [found for line in lines if "routerhealthchecks" in (found := json.loads(line)["response"].get(key, {}))]
    checks = checks_of(answer)
    assert {name: check.health for name, check in checks.items()} == {
        CONNECTED: FAILED,
        "filesystem.writable.test": UNCLEAR,
    }
    assert len({check.updated for check in checks.values()}) == 1 and None not in checks.values()


NEW, OLD = 100.0, 90.0
SINCE = 95.0


@pytest.mark.parametrize(
    ("before", "now", "updated", "found"),
    [
        (PASSED, FAILED, NEW, Compared(lost=(DHCP,))),
        (PASSED, PASSED, NEW, Compared()),
        (PASSED, UNCLEAR, NEW, Compared()),
        (FAILED, FAILED, NEW, Compared()),
        (UNCLEAR, FAILED, NEW, Compared(unjudged=(DHCP,))),
        (None, FAILED, NEW, Compared(unjudged=(DHCP,))),
        (UNCLEAR, PASSED, NEW, Compared()),
        (PASSED, FAILED, OLD, Compared(stale=(DHCP,), last_run=OLD)),
        (PASSED, PASSED, OLD, Compared(stale=(DHCP,), last_run=OLD)),
        (PASSED, FAILED, None, Compared(stale=(DHCP,))),
    ],
)
def test_only_what_passed_before_and_was_asked_again_can_be_lost(
    before: Health | None, now: Health, updated: float | None, found: Compared
) -> None:
    known = {DHCP: HealthCheck(before, OLD)} if before else {}
    assert compare(known, {DHCP: HealthCheck(now, updated)}, SINCE) == found


def test_the_servers_own_checks_are_always_new() -> None:
    found = compare({CONNECTED: HealthCheck(PASSED, OLD)}, {CONNECTED: HealthCheck(FAILED, OLD)}, SINCE)
    assert found == Compared(lost=(CONNECTED,))


@pytest.mark.parametrize(("again", "lost"), [(OLD + 2, (DHCP,)), (OLD, ())])
def test_a_router_whose_clock_is_behind_runs_its_checks_at_each_question(again: float, lost: tuple[str, ...]) -> None:
    earlier = {DHCP: HealthCheck(FAILED, OLD)}
    found = compare({DHCP: HealthCheck(PASSED, 1.0)}, {DHCP: HealthCheck(FAILED, again)}, SINCE, earlier)
    assert found.lost == lost and bool(found.stale) is not bool(lost)


def test_of_a_pair_a_check_has_passed_where_it_has_on_both() -> None:
    one = {"a": HealthCheck(PASSED), "b": HealthCheck(PASSED), "c": HealthCheck(UNCLEAR), "d": HealthCheck(FAILED)}
    other = {"a": HealthCheck(PASSED), "b": HealthCheck(FAILED), "c": HealthCheck(PASSED)}
    found = {name: check.health for name, check in merged([one, None, other]).items()}
    assert found == {"a": PASSED, "b": FAILED, "c": UNCLEAR, "d": FAILED}
    assert merged([None]) == {}


def test_what_could_not_be_judged_is_said() -> None:
    assert list(unjudged_words("r-1-VM", Compared(lost=("a",)))) == []
    fails, stale = unjudged_words("r-1-VM", Compared(unjudged=("a",), stale=("b", "c"), last_run=1764441805.0))
    assert fails == (
        "r-1-VM fails health checks of which it is not known whether it passed them before, so they could not be "
        "judged: a"
    )
    assert stale == (
        "the router r-1-VM ran no health checks since 2025-11-29T18:43:25.000+00:00, so they could not be judged: b, c"
    )
    [never] = unjudged_words("r-1-VM", Compared(stale=("b",)))
    assert never == "the router r-1-VM ran no health checks, so they could not be judged: b"
