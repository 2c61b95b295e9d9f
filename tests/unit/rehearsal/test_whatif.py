# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a run in which something goes wrong that was imagined."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.whatif_shapes import WhatIfData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import Stage, play
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.whatif import WhatIf, what_if
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from tests.unit.builders import TARGET
from tests.unit.rehearsal.test_plays import PATCH, RECREATE, START, hosted, ssvms, stage, took

TEN = "aabbccddee"


def ten(limits: Limits | None = None, **facts: Any) -> Stage:
    hosts = [Host(f"id-{name}", name, "id-zone", "KVM", TARGET, "Up", "Enabled") for name in "abcde"]
    units = hosted(*(f"id-{name}" for name in TEN))
    return stage((units, PATCH), limits=limits or Limits(parallel=2), hosts=hosts, **facts)


def of(there: Stage, minutes: float | None = None, **given: Any) -> WhatIfData:
    deadline = START + timedelta(minutes=minutes) if minutes is not None else None
    return what_if(there, WhatIf.of(given), play(there), deadline)


def test_nothing_that_goes_wrong_changes_nothing() -> None:
    told = of(ten())
    assert told["ends"] == {"upgraded": 10}
    assert told["likely_s"] == round(play(ten()).seconds, 1)


@pytest.mark.parametrize(
    ("fail", "most", "ends"),
    [
        ("10%", 0, {"failed": 1, "upgraded": 5, "not_started": 4}),  # the sixth; the one beside it is finished
        ("1%", 0, {"failed": 1, "upgraded": 5, "not_started": 4}),
        ("2", 1, {"failed": 2, "upgraded": 7, "not_started": 1}),  # each is tried twice
        ("2", 2, {"failed": 2, "upgraded": 8}),
        ("99", 10, {"failed": 10}),
        ("0", 0, {"upgraded": 10}),
    ],
)
def test_failures_stop_it_when_the_budget_is_used_up(fail: str, most: int, ends: dict[str, int]) -> None:
    told = of(ten(Limits(parallel=2, max_failures=most)), fail=fail)
    assert told["ends"] == ends
    assert ("max_failures" in told["words"]) == ("not_started" in ends)


def test_those_that_fail_are_the_same_each_time_and_spread_over_the_order() -> None:
    there = ten()
    likely = play(there)
    failing = WhatIf(fail="5").failing(there, likely)
    order = sorted(likely.units, key=lambda each: likely.units[each][0])
    assert failing == WhatIf(fail="5").failing(there, likely) == order[1::2]


def test_a_canary_that_fails_stops_it_whatever_the_budget() -> None:
    canary, others = hosted("a"), hosted("b", "c")[1:]
    there = stage((canary, PATCH), (others, PATCH), limits=Limits(max_failures=5))
    steps = [
        type(step)(step.units, step.method, step.want, canary=not number) for number, step in enumerate(there.steps)
    ]
    there = type(there)(**{**vars(there), "steps": steps})
    told = of(there, fail="100%")
    assert told["ends"] == {"failed": 1, "not_started": 1}
    assert told["words"].endswith("; it stops as a canary is not upgraded")
    assert WhatIf(fail="1").failing(there, play(there)) == [others[0].id], "a canary fails only if all others do"


def test_all_takes_so_many_times_longer() -> None:
    assert of(ten(), slow=2.0)["likely_s"] == pytest.approx(2 * play(ten()).seconds, rel=0.1)
    assert of(ten(), 9, slow=2.0)["ends"]["not_started"] > of(ten(), 9).get("ends", {}).get("not_started", 0)


def test_what_goes_wrong_goes_wrong_where_durations_are_known_too() -> None:
    there = ten()
    known = replace(there, pace=took(there.units, 90.0))
    assert of(known, slow=2.0)["likely_s"] == pytest.approx(2 * play(known).seconds, rel=0.1)
    assert of(known, fail="99")["ends"] == of(there, fail="99")["ends"]


def test_what_is_on_a_host_that_is_down_is_skipped() -> None:
    told = of(ten(), host_down="b")
    assert told["ends"] == {"upgraded": 8, "skipped": 2}
    assert told["if"] == "host b is down"
    assert of(ten(), host_down="id-b")["ends"] == told["ends"]


def test_an_unknown_host_is_refused_with_what_may_have_been_meant() -> None:
    hosts = [Host(f"id-{name}", name, "id-zone", "KVM", TARGET, "Up", "Enabled") for name in ("kvm-01", "kvm-02")]
    with pytest.raises(OptionError, match=r"rehearse.*host_down: 'kvm-03'.*Did you mean 'kvm-0[12]' or"):
        of(stage((hosted("a"), PATCH), hosts=hosts), host_down="kvm-03")


@pytest.mark.parametrize("there", [ten(), stage((ssvms(3, 3), RECREATE)), ten(Limits(parallel=10, per_host=1))])
@pytest.mark.parametrize("at", ["0s", "40s", "100s"])
def test_a_restart_of_the_server_loses_jobs_and_time_but_no_unit(there: Stage, at: str) -> None:
    told, without = of(there, server_restart=at), of(there)
    assert told["ends"] == without["ends"]
    assert told["likely_s"] > without["likely_s"] + 120


def test_the_restart_is_told() -> None:
    assert of(ten(), server_restart="60s")["if"] == "the server restarts 60 s after the begin"


def test_a_restart_after_the_end_is_said_to_come_too_late() -> None:
    told = of(ten(), server_restart="10h")
    assert "too late" in told["words"] and told["likely_s"] == of(ten())["likely_s"]
    assert "too late" not in of(ten(), server_restart="1m")["words"]


def test_a_system_vm_whose_destruction_is_lost_is_destroyed_again_as_in_a_run() -> None:
    there = stage((ssvms(3, 3), RECREATE))
    assert of(there, server_restart="10s")["ends"] == {"upgraded": 3}


def test_a_restart_about_the_end_of_a_step_breaks_nothing_off() -> None:
    first, *others = hosted("a", "b")
    there = stage(([first], PATCH), (others, PATCH))
    end = play(there).steps[0][1]
    for seconds in range(int(end) - 3, int(end) + 3):
        assert of(there, server_restart=f"{seconds}s")["ends"] == {"upgraded": 2}


def test_all_at_once() -> None:
    told = of(ten(Limits(parallel=2, max_failures=10)), 60, fail="20%", slow=1.5, server_restart="5m", host_down="c")
    assert sum(told["ends"].values()) == 10
    assert told["if"] == (
        "2 units fail, all takes 1.5 times as long, the server restarts 5 min after the begin, host c is down"
    )
