# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that wait for their start, in the order in which they are looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.life import Life


class Pending:
    """Units that have not started, by the hosts that carry them; among those of the same hosts the longest first.

    :ivar place_of: in the order in which they were given, the longest first.
    :ivar left: seconds of work that each host has left.
    :ivar total_s: seconds of work that all have left.
    """

    def __init__(self, lives: Iterable[Life] = ()) -> None:
        self.left: dict[str, float] = defaultdict(float)
        self.total_s = 0.0
        self._count = 0
        self._by_hosts: dict[tuple[str, ...], list[Life]] = {}
        self.place_of: dict[Life, int] = {}
        for place, life in enumerate(sorted(lives, key=lambda life: -life.expected_s)):
            self.place_of[life] = place
            self._by_hosts.setdefault(life.unit.host_ids, []).append(life)
            self._account(life, 1)

    def __iter__(self) -> Iterator[Life]:
        return (life for lives in list(self._by_hosts.values()) for life in list(lives))

    def __len__(self) -> int:
        return self._count

    @property
    def longest_s(self) -> float:
        return max((lives[0].expected_s for lives in self._by_hosts.values()), default=0.0)

    def by_hosts(self) -> list[tuple[tuple[str, ...], list[Life]]]:
        """The groups, each with its units."""
        return list(self._by_hosts.items())

    def remove(self, life: Life) -> None:
        lives = self._by_hosts[life.unit.host_ids]
        lives.remove(life)
        if not lives:
            del self._by_hosts[life.unit.host_ids]
        self._account(life, -1)

    def _account(self, life: Life, sign: int) -> None:
        self._count += sign
        self.total_s += sign * life.expected_s
        for host in life.unit.host_ids:
            self.left[host] += sign * life.expected_s
