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
    """One row: VMs that were built from releases up to I(last), but for those of the rows before; None: all newer."""

    last: tuple[int, int] | None
    supported: bool
    comment: str


ROWS = (
    Row((4, 13), False, "its template is 4.13 or older, and the newer software needs a newer OpenJDK"),
    Row((4, 14), True, "remote access VPN may break: the template has an older strongSwan"),
    Row(None, True, ""),
)

# Services that restart inside a VM when it is live patched.
RESTARTED_SERVICES = {
    Kind.SSVM: ("cloud", "apache2", "portmap"),
    Kind.CPVM: ("cloud",),
    ROUTER: ("haproxy", "apache2", "dnsmasq"),
}


def row_for(built_from: Version) -> Row:
    """The row of the matrix for the release a VM was built from, whichever release the server is."""
    return next(row for row in ROWS if row.last is None or built_from.release <= row.last)


def server_can_live_patch(server: Version) -> bool:
    """Whether this management server release can live patch at all."""
    return server.release >= FIRST_SERVER
