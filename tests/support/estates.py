# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated clouds that act quickly."""

from __future__ import annotations

from typing import Any

VERSION = "4.22.0.0"
OLD = "4.20.2.0"  # what the estates run unless they say otherwise
# Of Debian 12: one live patch is enough for it on real hosts; integration/test_real_hosts.py has others.
TEMPLATE = "4.20.2"
# A second of the real thing is some milliseconds here; nothing happens in the background that a test did not ask for.
TIMINGS = {
    "patch": 0.2,
    "restart": 0.05,
    "start": 0.3,
    "stop": 0.1,
    "agent_reconnect": 0,
    "scan_interval": 600,
    "router_check_interval": 0.2,
    "rvr_handover": 0.1,
}

Estate = dict[str, Any]


def estate(**sections: Any) -> Estate:
    """An estate under a management server of C(VERSION) with quick timings and one zone."""
    server = {"version": VERSION, **sections.pop("server", {})}
    defaults = {"version": TEMPLATE} if server["version"] == VERSION else {}
    return {
        "server": server,
        "defaults": {**defaults, **sections.pop("defaults", {})},
        "timings": {**TIMINGS, **sections.pop("timings", {})},
        "zones": [{"name": "Berlin"}],
        **sections,
    }
