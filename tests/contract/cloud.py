# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded clouds as estates: one of each release, which differ in little but their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.replay import Exchange


@dataclass(frozen=True)
class Release:
    """A recorded server. Its recordings lie in the folder of this name, those of 4.22 in none."""

    folder: str
    version: str
    minimum: str
    """minreq.sysvmtemplate.version; what a recreated router says is the same, but for 4.18.2.5."""
    old: str
    """What its routers were set back to."""
    isolated: int = 12
    """How many isolated networks it has, without those named b-iso."""
    second: bool = False
    """Whether it has a second pair and a second VPC."""

    @property
    def events_newest_first(self) -> bool:
        return self in OLDER[:2]

    def has(self, name: str) -> bool:
        if self is NEWEST:
            return True
        number = int("".join(filter(str.isdigit, name)))
        return name.startswith("t-") and number < (self.isolated if "iso" in name else 1 + self.second)

    def __str__(self) -> str:
        return self.folder or self.version


NEWEST = Release("", "4.22.0.0-SNAPSHOT", "4.22.0", "4.18.1")
OLDER = [
    Release("4.17.2.0", "4.17.2.0", "4.17.2", "4.16.1", 6, True),
    Release("4.18.2.5", "4.18.2.5", "4.18.1", "4.17.2"),
    Release("4.19.3.0", "4.19.3.0", "4.19.1", "4.18.1", 6, True),
    Release("4.20.2.0", "4.20.2.0", "4.20.2", "4.19.1"),
    Release("4.21.0.0", "4.21.0.0", "4.20.2", "4.19.1"),
]
NETWORKS: list[dict[str, Any]] = [
    *({"name": f"b-iso{number}"} for number in range(3)),
    {"name": "b-iso41", "router": {"state": "Stopped", "never_started": True}},
    {"name": "b-iso59", "state": "Allocated"},
    *({"name": f"t-iso{number}"} for number in range(12)),
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


def as_found(exchanges: list[Exchange]) -> dict[str, dict[str, Any]]:
    """What a recording tells of networks and VPCs when it first lists their routers: changes to the estate."""
    changes: dict[str, dict[str, Any]] = {}
    for exchange in exchanges:
        if exchange.command != "listRouters" or exchange.status != 200:
            continue
        shown: dict[str, list[dict[str, Any]]] = {}
        for router in exchange.body.get("router", []):
            shown.setdefault(router.get("vpcname") or router["guestnetworkname"], []).append(router)
        for name, routers in shown.items():
            facts = [{"version": each["version"], "software": each.get("softwareversion")} for each in routers]
            states = [each["redundantstate"] for each in routers]
            if sorted(states) != ["BACKUP", "PRIMARY"]:
                # Simulated hosts elect nobody.
                facts = [fact | {"redundantstate": state} for fact, state in zip(facts, states, strict=True)]
            changes.setdefault(name, {"router": facts})
    return changes


def cloud(
    changes: dict[str, dict[str, Any]] | None = None, release: Release = NEWEST, **sections: Any
) -> dict[str, Any]:
    """The estate; changes are to networks and VPCs by their name, sections replace or extend whole sections."""
    changes = changes or {}
    zone = {
        "name": "zim1",
        "hypervisor": "Simulator",
        "hosts": 14,
        "templates": [
            {"name": "SystemVM Template (simulator)", "version": release.minimum},
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
    settings = {
        "expose.cloudstack.version.api.list.capabilities": True,
        "minreq.sysvmtemplate.version": release.minimum,
    }
    return {
        "server": {"version": release.version, "hosts": "simulated", **sections.pop("server", {})},
        "settings": settings | sections.pop("settings", {}),
        "timings": timings | sections.pop("timings", {}),
        "defaults": {"version": release.old, "software": release.old},
        "zones": [zone],
        "networks": [each | changes.get(each["name"], {}) for each in NETWORKS if release.has(each["name"])],
        "vpcs": [each | changes.get(each["name"], {}) for each in VPCS if release.has(each["name"])],
        **sections,
    }
