# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded cloud as an estate, and how each recording found it."""

from __future__ import annotations

from typing import Any

OLD = {"version": "4.18.1"}
NETWORKS: list[dict[str, Any]] = [
    *({"name": f"b-iso{number}"} for number in range(3)),
    {"name": "b-iso41", "router": {"state": "Stopped", "never_started": True}},
    {"name": "b-iso59", "state": "Allocated"},
    *({"name": f"t-iso{number}"} for number in range(6)),
    {"name": "t-red0", "redundant": True},
    {"name": "t-red1", "redundant": True},
    {"name": "t-proj0", "project": "t-proj"},
]
VPCS: list[dict[str, Any]] = [
    {"name": "t-vpc0", "tiers": ["t-vpc0-tier0", "t-vpc0-tier1"]},
    {"name": "t-vpc1", "tiers": ["t-vpc1-tier0", "t-vpc1-tier1"]},
    {"name": "t-rvpc0", "tiers": ["t-rvpc0-tier0", "t-rvpc0-tier1"], "redundant": True},
    {"name": "t-empty0", "tiers": 0},
]


def cloud(changes: dict[str, dict[str, Any]] | None = None, **sections: Any) -> dict[str, Any]:
    """The estate; changes are to networks and VPCs by their name, sections replace or extend whole sections."""
    changes = changes or {}
    zone = {
        "name": "zim1",
        "hypervisor": "Simulator",
        "hosts": 14,
        "templates": [
            {"name": "SystemVM Template (simulator)", "version": "4.22.0"},
            {"name": "CentOS 5.6 (64-bit) no GUI (Simulator)", "version": "5.6.0", "type": "BUILTIN"},
        ],
        **sections.pop("zone", {}),
    }
    timings = {
        "patch": 0.1,
        "restart": 0.02,
        "start": 0.15,
        "stop": 0.05,
        "job_overhead": 0.02,
        "agent_reconnect": 0,
        "scan_interval": 0.3,
        "router_check_interval": 0.12,
        "rvr_handover": 0.05,
        "start_failure": 0.2,
        "capacity_failure": 0.05,
    }
    return {
        "server": {"version": "4.22.0.0-SNAPSHOT", "hosts": "simulated", **sections.pop("server", {})},
        "settings": {
            "expose.cloudstack.version.api.list.capabilities": True,
            "minreq.sysvmtemplate.version": "4.22.0",
            **sections.pop("settings", {}),
        },
        "timings": timings | sections.pop("timings", {}),
        "defaults": OLD,
        "zones": [zone],
        "networks": [each | changes.get(each["name"], {}) for each in NETWORKS],
        "vpcs": [each | changes.get(each["name"], {}) for each in VPCS],
        **sections,
    }
