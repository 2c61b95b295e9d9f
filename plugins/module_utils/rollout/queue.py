# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that wait for their start, in the order in which they are looked at."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from .unit_upgrade import UnitUpgrade

Rank = tuple[float, float, int]
"""Of a unit: how much its hosts have left to do, how long it takes, its place; the lowest first, so all but the last
are negative."""


class StartQueue:
    """Units that have not started, by the hosts that carry them; among those of the same hosts the longest first.

    :param per_host: whether hosts matter.
    :ivar lasts: how long each takes as a whole, in seconds.
    :ivar total_s: seconds of work that all have left.
    """

    def __init__(self, upgrades: Iterable[UnitUpgrade] = (), *, per_host: bool = True) -> None:
        self._per_host = per_host
        self._left: dict[str, float] = defaultdict(float)  # seconds of work by host
        self.total_s = 0.0
        self._by_hosts: dict[tuple[str, ...], list[UnitUpgrade]] = {}
        self._groups: dict[str, set[tuple[str, ...]]] = defaultdict(set)  # of each host
        self.lasts = {upgrade: upgrade.expected_s for upgrade in upgrades}
        self._waiting = sorted(self.lasts, key=lambda upgrade: -self.lasts[upgrade])
        self._place_of = {upgrade: place for place, upgrade in enumerate(self._waiting)}
        self._longest = 0  # places before it have started
        for upgrade in self._waiting:
            hosts = upgrade.unit.host_ids
            self._by_hosts.setdefault(hosts, []).append(upgrade)
            for host in hosts:
                self._groups[host].add(hosts)
            self._account(upgrade, 1)
        self._ranks = {hosts: self._rank(upgrades[0]) for hosts, upgrades in self._by_hosts.items()}
        self._ordered = sorted((rank, hosts) for hosts, rank in self._ranks.items())

    def __iter__(self) -> Iterator[UnitUpgrade]:
        return (upgrade for upgrades in list(self._by_hosts.values()) for upgrade in list(upgrades))

    def __len__(self) -> int:
        return len(self._place_of)

    @property
    def longest_s(self) -> float:
        while self._longest < len(self._waiting) and self._waiting[self._longest] not in self._place_of:
            self._longest += 1
        return self.lasts[self._waiting[self._longest]] if self._place_of else 0.0

    def pick(
        self,
        fits_hosts: Callable[[Sequence[str], Counter[str]], bool],
        may_begin: Callable[[UnitUpgrade, Counter[str]], bool],
        load: Counter[str],
    ) -> UnitUpgrade | None:
        """The next unit: on the idlest hosts; of these one whose hosts have most left to do; of these the longest.

        :param load: units at work on each host.
        """
        best: tuple[int, Rank, UnitUpgrade] | None = None
        for rank, hosts in self._ordered:  # none of the units of a group ranks before its first
            if best is not None and best[0] == 0 and best[1] <= rank:
                break
            busy = max((load[host] for host in hosts), default=0) if self._per_host else 0
            if (best is not None and best[0] < busy) or not fits_hosts(hosts, load):
                continue
            one = next((one for one in self._by_hosts[hosts] if may_begin(one, load)), None)
            if one is not None and (best is None or (busy, self._rank(one)) < best[:2]):
                best = busy, self._rank(one), one
        return best[2] if best else None

    def remove(self, upgrade: UnitUpgrade) -> None:
        hosts = upgrade.unit.host_ids
        self._by_hosts[hosts].remove(upgrade)
        del self._place_of[upgrade]
        self._account(upgrade, -1)
        for changed in {hosts}.union(*(self._groups[host] for host in hosts)):
            self._rank_again(changed)

    def _rank(self, upgrade: UnitUpgrade) -> Rank:
        hosts = upgrade.unit.host_ids if self._per_host else ()
        left = max((self._left[host] for host in hosts), default=0.0)
        return -left, -self.lasts[upgrade], self._place_of[upgrade]

    def _rank_again(self, hosts: tuple[str, ...]) -> None:
        """Its first unit, or what its hosts have left, is another one."""
        del self._ordered[bisect.bisect_left(self._ordered, (self._ranks.pop(hosts), hosts))]
        if not self._by_hosts[hosts]:
            del self._by_hosts[hosts]
            for host in hosts:
                self._groups[host].discard(hosts)
            return
        self._ranks[hosts] = self._rank(self._by_hosts[hosts][0])
        bisect.insort(self._ordered, (self._ranks[hosts], hosts))

    def _account(self, upgrade: UnitUpgrade, sign: int) -> None:
        self.total_s += sign * self.lasts[upgrade]
        for host in upgrade.unit.host_ids:
            self._left[host] += sign * self.lasts[upgrade]
