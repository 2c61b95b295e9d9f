# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The official matrix of live patch support and the documented effects, as data.

Source: "System-VMs and Virtual-Routers", section of every CloudStack upgrade page since 4.17
(https://docs.cloudstack.apache.org/en/latest/upgrading/).
"""

from __future__ import annotations

from dataclasses import dataclass

from .versions import Version
from .vocabulary import ROUTER, Kind

SOURCE = "https://docs.cloudstack.apache.org/en/latest/upgrading/ (System-VMs and Virtual-Routers)"

# Live patching exists from this management server release on ("Upgrade Version: 4.17+").
FIRST_SERVER = (4, 17)
# Before, nothing that is done could be proven: no list tells the software of a router.
TOO_OLD = (
    "nothing is done on a server before 4.17, which cannot live patch and does not tell what software a router runs"
)


@dataclass(frozen=True)
class Row:
    """One row: the releases I(first) to I(last) (both included, None = open) a VM was built from.

    :ivar targets: the first and the last release of management servers that it was documented for; None = open.
    """

    first: tuple[int, int] | None
    last: tuple[int, int] | None
    supported: bool
    comment: str
    targets: tuple[tuple[int, int], tuple[int, int] | None] = ((0, 0), None)

    def __contains__(self, pair: tuple[Version, Version]) -> bool:
        source, target = (version.release for version in pair)
        first, last = self.targets
        return (
            (self.first is None or source >= self.first)
            and (self.last is None or source <= self.last)
            and target >= first
            and (last is None or target <= last)
        )


ROWS = (
    Row(None, (4, 13), False, "its template is 4.13 or older, and the newer software needs a newer OpenJDK"),
    Row((4, 14), (4, 14), True, "remote access VPN may break: the template has an older strongSwan"),
    Row((4, 15), None, True, ""),
)

# Services that restart inside a VM when it is live patched.
RESTARTED_SERVICES = {
    Kind.SSVM: ("cloud", "apache2", "portmap"),
    Kind.CPVM: ("cloud",),
    ROUTER: ("haproxy", "apache2", "dnsmasq"),
}


def row_for(built_from: Version, target: Version) -> Row | None:
    """The row of the matrix for the release a VM was built from and the one of the server; None where there is none."""
    return next((row for row in ROWS if (built_from, target) in row), None)


def server_can_live_patch(server: Version) -> bool:
    """Whether this management server release can live patch at all."""
    return server.release >= FIRST_SERVER
