# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The official matrix of live patch support and the documented effects, as data.

Source: "System-VMs and Virtual-Routers", section of every CloudStack upgrade page since 4.17
(https://docs.cloudstack.apache.org/en/latest/upgrading/).
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import ROUTER, Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.versions import Version

SOURCE = "https://docs.cloudstack.apache.org/en/latest/upgrading/ (System-VMs and Virtual-Routers)"

# Live patching exists from this management server release on ("Upgrade Version: 4.17+").
FIRST_SERVER = (4, 17)


@dataclass(frozen=True)
class Row:
    """One row: the releases I(first) to I(last) (both included, None = open) a VM was built from."""

    first: tuple[int, int] | None
    last: tuple[int, int] | None
    supported: bool
    comment: str


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

# What the template must have for the OpenJDK that the new software needs. An agent of this release or newer that is
# connected runs on it, so it proves as much for a system VM whose template does not tell its version.
FIRST_OPENJDK_11 = (4, 14)


def row_for(built_from: Version) -> Row:
    """The row of the matrix for the release a VM was built from."""
    for row in ROWS:
        if (row.first is None or built_from.release >= row.first) and (
            row.last is None or built_from.release <= row.last
        ):
            return row
    raise LookupError(f"the matrix has no row for {built_from}")  # its rows leave no gap; a test proves it


def server_can_live_patch(server: Version) -> bool:
    """Whether this management server release can live patch at all."""
    return server.release >= FIRST_SERVER
