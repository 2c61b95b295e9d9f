# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which units are looked at that wait for their start."""

from __future__ import annotations

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.queue import StartQueue
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


def names(queue: StartQueue) -> list[list[str]]:
    return [[each.unit.name for each in upgrades] for dummy, upgrades in queue.by_hosts()]


def test_by_hosts_and_the_longest_first() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert {tuple(group) for group in names(queue)} == {("long", "short"), ("elsewhere",)}
    assert sorted([SHORT, LONG, ELSEWHERE], key=queue.place_of.__getitem__)[0] is LONG
    assert queue.longest_s == LONG.expected_s


def test_what_begins_is_taken_from_all_accounts() -> None:
    queue = StartQueue([SHORT, ELSEWHERE, LONG])
    assert (len(queue), queue.total_s) == (3, SHORT.expected_s + LONG.expected_s + ELSEWHERE.expected_s)
    queue.remove(LONG)
    assert (len(queue), queue.left["h1"]) == (2, SHORT.expected_s)
    queue.remove(SHORT)
    assert names(queue) == [["elsewhere"]] and list(queue) == [ELSEWHERE]
    queue.remove(ELSEWHERE)
    assert (len(queue), queue.total_s, queue.longest_s, list(queue)) == (0, 0.0, 0.0, [])
