# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that wait for their start, in the order in which they are looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from .unit_upgrade import UnitUpgrade


class StartQueue:
    """Units that have not started, by the hosts that carry them; among those of the same hosts the longest first.

    :ivar place_of: in the order in which they were given, the longest first.
    :ivar left: seconds of work that each host has left.
    :ivar total_s: seconds of work that all have left.
    """

    def __init__(self, upgrades: Iterable[UnitUpgrade] = ()) -> None:
        self.left: dict[str, float] = defaultdict(float)
        self.total_s = 0.0
        self._count = 0
        self._by_hosts: dict[tuple[str, ...], list[UnitUpgrade]] = {}
        self.place_of: dict[UnitUpgrade, int] = {}
        for place, upgrade in enumerate(sorted(upgrades, key=lambda upgrade: -upgrade.expected_s)):
            self.place_of[upgrade] = place
            self._by_hosts.setdefault(upgrade.unit.host_ids, []).append(upgrade)
            self._account(upgrade, 1)

    def __iter__(self) -> Iterator[UnitUpgrade]:
        return (upgrade for upgrades in list(self._by_hosts.values()) for upgrade in list(upgrades))

    def __len__(self) -> int:
        return self._count

    @property
    def longest_s(self) -> float:
        return max((upgrades[0].expected_s for upgrades in self._by_hosts.values()), default=0.0)

    def by_hosts(self) -> list[tuple[tuple[str, ...], list[UnitUpgrade]]]:
        """The groups, each with its units."""
        return list(self._by_hosts.items())

    def remove(self, upgrade: UnitUpgrade) -> None:
        upgrades = self._by_hosts[upgrade.unit.host_ids]
        upgrades.remove(upgrade)
        if not upgrades:
            del self._by_hosts[upgrade.unit.host_ids]
        self._account(upgrade, -1)

    def _account(self, upgrade: UnitUpgrade, sign: int) -> None:
        self._count += sign
        self.total_s += sign * upgrade.expected_s
        for host in upgrade.unit.host_ids:
            self.left[host] += sign * upgrade.expected_s
