# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which units are looked at that wait for their start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

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


def pick(queue: StartQueue, load: Counter[str] | None = None) -> UnitUpgrade | None:
    def fits(*dummy: object) -> bool:
        return True

    return queue.pick(fits, fits, load or Counter())


def test_the_longest_of_the_hosts_with_most_left_comes_first() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert pick(queue) is LONG
    assert queue.longest_s == LONG.expected_s
    queue.remove(LONG)
    assert pick(queue) is ELSEWHERE


def test_idle_hosts_come_first_where_hosts_matter() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert pick(queue, Counter(h1=1)) is ELSEWHERE
    assert pick(StartQueue([SHORT, ELSEWHERE, LONG], per_host=False), Counter(h1=1)) is LONG


def test_what_may_not_begin_is_passed_over() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert queue.pick(lambda hosts, load: "h1" not in hosts, lambda one, load: True, Counter()) is ELSEWHERE
    assert queue.pick(lambda hosts, load: True, lambda one, load: one is SHORT, Counter()) is SHORT
    assert queue.pick(lambda hosts, load: True, lambda one, load: False, Counter()) is None


def test_what_begins_is_taken_from_all_accounts() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert (len(queue), queue.total_s) == (3, SHORT.expected_s + LONG.expected_s + ELSEWHERE.expected_s)
    queue.remove(LONG)
    queue.remove(SHORT)
    assert (len(queue), list(queue)) == (1, [ELSEWHERE])
    queue.remove(ELSEWHERE)
    assert (len(queue), queue.total_s, queue.longest_s, list(queue)) == (0, 0.0, 0.0, [])
    assert pick(queue) is None


@given(
    st.lists(st.tuples(st.integers(1, 3), st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True))),
    st.lists(st.tuples(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)), st.sets(st.integers(0, 30)))),
    st.booleans(),
)
def test_each_pick_is_the_best_of_all_that_fit(
    described: list[tuple[int, list[str]]], picks: list[tuple[dict[str, int], set[int]]], per_host: bool
) -> None:
    """Of all, one by one: how busy its hosts are, how much they have left, how long it takes, its place."""
    all_of_them = [
        upgrade(
            vpc_unit(
                f"v{n}", *(vm(f"r{n}{host}", host_id=host) for host in hosts), tiers=tiers, redundant=hosts[1:] != []
            )
        )
        for n, (tiers, hosts) in enumerate(described)
    ]
    waiting = sorted(all_of_them, key=lambda one: -one.expected_s)
    queue = StartQueue(all_of_them, per_host=per_host)
    for busy, barred in picks:
        load, left = Counter(busy), Counter[str]()
        for one in waiting:
            left.update(dict.fromkeys(one.unit.host_ids, int(one.expected_s)))

        def rank(one: UnitUpgrade, load: Counter[str] = load, left: Counter[str] = left) -> tuple[float, ...]:
            hosts = one.unit.host_ids if per_host else ()
            busiest, most = max((load[host] for host in hosts), default=0), max((left[h] for h in hosts), default=0)
            return (busiest, -most, -one.expected_s)

        def may(one: UnitUpgrade, _load: object, barred: set[int] = barred) -> bool:
            return all_of_them.index(one) not in barred

        def fits(hosts: Sequence[str], load: Counter[str]) -> bool:
            return all(load[host] < 2 for host in hosts)

        able = [one for one in waiting if fits(one.unit.host_ids, load) and may(one, load)]
        picked = queue.pick(fits, may, load)
        assert picked is (min(able, key=rank) if able else None)
        if picked:
            waiting.remove(picked)
            queue.remove(picked)
            assert queue.longest_s == max((one.expected_s for one in waiting), default=0.0)
