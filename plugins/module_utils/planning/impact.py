# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade means for users, in words and seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..cloud.model import Unit
from ..knowledge import durations
from ..knowledge.matrix import RESTARTED_SERVICES
from ..knowledge.vocabulary import Kind, Method
from ..units.expected import SCAN_S, START_S, expected_seconds

# Without connectivity, from the field (apache/cloudstack issues 2508 and 1198): a new single router takes over the
# addresses at the end of its boot, stale ARP entries last up to half a minute; a pair fails over.
TAKE_OVER_S = (10.0, 30.0)
FAIL_OVER_S = (1.0, 10.0)


@dataclass(frozen=True)
class Gaps:
    """For how long what units of one kind serve did not answer while one method was carried out, here, last time."""

    shortest_s: float
    longest_s: float

    def __str__(self) -> str:
        if not self.longest_s:
            return "measured here last time: no gap"
        return f"measured here last time: {durations.exact(self.shortest_s)} to {durations.exact(self.longest_s)}"


@dataclass(frozen=True)
class Impact:
    """What users notice: words, and for how long they are without the service at best and at worst.

    :ivar measured: what was seen of that from outside before, if anything.
    """

    text: str = ""
    best_s: float = 0.0
    worst_s: float = 0.0
    measured: Gaps | None = None

    def __str__(self) -> str:
        told = f"{self.text}, {durations.span(self.best_s, self.worst_s)}" if self.worst_s else self.text
        return f"{told} ({self.measured})" if self.measured else told


def impact(unit: Unit, method: Method, rolling_restart: bool = True, *, twice: bool = False) -> Impact:
    """What users notice.

    :param rolling_restart: the setting network.rolling.restart; without it there is no router until the new one is up.
    :param twice: whether two live patches are expected.
    """
    if method is Method.LIVE_PATCH:
        return _live_patch(unit, twice=twice)
    if not any(vm.running for vm in unit.vms) and method in (Method.RESTART, Method.RECREATE):
        return Impact("none: there is no service from it now")
    if method is Method.RESTART and unit.owed:
        return Impact("none: rules are applied again")
    if method is Method.RESTART:
        return Impact(f"{_service(unit)} is gone while it restarts", START_S, 2 * START_S)
    if method is Method.RECREATE:
        return _recreate(unit, rolling_restart)
    return Impact()


def _live_patch(unit: Unit, *, twice: bool) -> Impact:
    services = ", ".join(RESTARTED_SERVICES[unit.kind.group])
    if unit.kind is Kind.SSVM:
        return Impact(f"restarts {services}; running template, ISO and volume transfers of the zone fail")
    if unit.kind is Kind.CPVM:
        return Impact(f"restarts {services}; open consoles of the zone drop")
    if unit.dhcp_only:
        return Impact("none: its files are replaced, but its services go on with the old ones until it is restarted")
    pair = ", one router after the other, and keepalived, so the pair fails over" if unit.redundant else ""
    return Impact(
        f"restarts {services}{pair}; load balancing is down until the rules are applied again, DNS and DHCP pause for "
        "seconds; routing daemons restart, and changes made by hand inside the router are lost"
        f"{'; all of this twice, as two live patches are expected' if twice else ''}"
    )


def _recreate(unit: Unit, rolling_restart: bool) -> Impact:
    if unit.kind is Kind.SSVM:
        text = "no template, ISO and volume transfers in the zone; running ones fail"
        return Impact(text, SCAN_S + START_S / 3, 5 * START_S)
    if unit.kind is Kind.CPVM:
        return Impact("no consoles in the zone; open ones drop", SCAN_S + START_S / 3, 5 * START_S)
    if unit.kind is Kind.INTERNAL_LB or not rolling_restart:
        return Impact(
            f"{_service(unit)} is gone until the new router is up", START_S / 3, expected_seconds(unit, Method.RECREATE)
        )
    if unit.redundant:
        return Impact("one failover, then no standby for minutes", *FAIL_OVER_S)
    if unit.dhcp_only:
        return Impact("DNS, DHCP and user data pause", *TAKE_OVER_S)
    return Impact(
        "no gateway while the new router takes over; established connections, NAT and VPN are lost", *TAKE_OVER_S
    )


def _service(unit: Unit) -> str:
    if unit.kind is Kind.INTERNAL_LB:
        return "internal load balancing"
    return "template transfer" if unit.kind is Kind.SSVM else "the console" if unit.kind is Kind.CPVM else "the gateway"
