# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that wait for their start, in the order in which they are looked at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from .unit_upgrade import UnitUpgrade


class StartQueue:
    """Units that have not started, by the hosts that carry them; among those of the same hosts the longest first.

    :ivar total_s: seconds of work that all have left.
    """

    def __init__(self, upgrades: Iterable[UnitUpgrade] = ()) -> None:
        self._left: dict[str, float] = defaultdict(float)  # seconds of work by host
        self.total_s = 0.0
        self._count = 0
        self._by_hosts: dict[tuple[str, ...], list[UnitUpgrade]] = {}
        self._place_of: dict[UnitUpgrade, int] = {}
        self._lasts = {upgrade: upgrade.expected_s for upgrade in upgrades}
        for place, upgrade in enumerate(sorted(self._lasts, key=lambda upgrade: -self._lasts[upgrade])):
            self._place_of[upgrade] = place
            self._by_hosts.setdefault(upgrade.unit.host_ids, []).append(upgrade)
            self._account(upgrade, 1)

    def __iter__(self) -> Iterator[UnitUpgrade]:
        return (upgrade for upgrades in list(self._by_hosts.values()) for upgrade in list(upgrades))

    def __len__(self) -> int:
        return self._count

    @property
    def longest_s(self) -> float:
        return max((self._lasts[upgrades[0]] for upgrades in self._by_hosts.values()), default=0.0)

    def pick(
        self,
        fits_hosts: Callable[[Sequence[str], Counter[str]], bool],
        may_begin: Callable[[UnitUpgrade, Counter[str]], bool],
        load: Counter[str],
        *,
        per_host: bool,
    ) -> UnitUpgrade | None:
        """The next unit: on the idlest hosts; of these one whose hosts have most left to do; of these the longest.

        :param load: units at work on each host.
        :param per_host: whether hosts matter.
        """
        ready: list[tuple[float, float, float, int, UnitUpgrade]] = []
        for hosts, upgrades in self._by_hosts.items():
            one = next((one for one in upgrades if may_begin(one, load)), None) if fits_hosts(hosts, load) else None
            if one is not None:
                busy = max((load[host] for host in hosts), default=0) if per_host else 0
                left = max((self._left[host] for host in hosts), default=0.0) if per_host else 0.0
                ready.append((busy, -left, -self._lasts[one], self._place_of[one], one))
        return min(ready, key=lambda rank: rank[:4])[4] if ready else None

    def remove(self, upgrade: UnitUpgrade) -> None:
        upgrades = self._by_hosts[upgrade.unit.host_ids]
        upgrades.remove(upgrade)
        if not upgrades:
            del self._by_hosts[upgrade.unit.host_ids]
        self._account(upgrade, -1)

    def _account(self, upgrade: UnitUpgrade, sign: int) -> None:
        self._count += sign
        self.total_s += sign * self._lasts[upgrade]
        for host in upgrade.unit.host_ids:
            self._left[host] += sign * self._lasts[upgrade]
