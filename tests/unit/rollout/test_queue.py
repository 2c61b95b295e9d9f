# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which units are looked at that wait for their start."""

from __future__ import annotations

from collections import Counter

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.queue import StartQueue
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.unit_upgrade import UnitUpgrade
from tests.unit.builders import network_unit, pair, vm, vpc_unit
from tests.unit.rollout.test_bounds import upgrade

SHORT, LONG, ELSEWHERE = (
    upgrade(unit)
    for unit in (
        network_unit("short", vm("r-1", host_id="h1")),
        vpc_unit("long", vm("r-2", host_id="h1"), tiers=9),
        network_unit("elsewhere", *pair("r-3")),
    )
)


def pick(queue: StartQueue, load: Counter[str] | None = None, *, per_host: bool = True) -> UnitUpgrade | None:
    def fits(*dummy: object) -> bool:
        return True

    return queue.pick(fits, fits, load or Counter(), per_host=per_host)


def test_the_longest_of_the_hosts_with_most_left_comes_first() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert pick(queue) is LONG
    assert queue.longest_s == LONG.expected_s
    queue.remove(LONG)
    assert pick(queue) is ELSEWHERE


def test_idle_hosts_come_first_where_hosts_matter() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert pick(queue, Counter(h1=1)) is ELSEWHERE
    assert pick(queue, Counter(h1=1), per_host=False) is LONG


def test_what_may_not_begin_is_passed_over() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert (
        queue.pick(lambda hosts, load: "h1" not in hosts, lambda one, load: True, Counter(), per_host=True) is ELSEWHERE
    )
    assert queue.pick(lambda hosts, load: True, lambda one, load: one is SHORT, Counter(), per_host=True) is SHORT
    assert queue.pick(lambda hosts, load: True, lambda one, load: False, Counter(), per_host=True) is None


def test_what_begins_is_taken_from_all_accounts() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert (len(queue), queue.total_s) == (3, SHORT.expected_s + LONG.expected_s + ELSEWHERE.expected_s)
    queue.remove(LONG)
    queue.remove(SHORT)
    assert (len(queue), list(queue)) == (1, [ELSEWHERE])
    queue.remove(ELSEWHERE)
    assert (len(queue), queue.total_s, queue.longest_s, list(queue)) == (0, 0.0, 0.0, [])
    assert pick(queue) is None
