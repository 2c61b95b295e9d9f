# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud that acts quickly, and questions to it."""

from __future__ import annotations

from typing import Any

from tests.contract.replay import Client
from tests.simulator import uuid_of

NEW = "4.22.0.0"
QUICK = {
    "patch": 0.1,
    "restart": 0.02,
    "start": 0.15,
    "stop": 0.05,
    "agent_reconnect": 0.1,
    "scan_interval": 0.2,
    "router_check_interval": 0.1,
    "rvr_handover": 0.05,
    "start_failure": 0.1,
    "capacity_failure": 0.02,
}
NETWORK = uuid_of("network", "net")
VPC = uuid_of("vpc", "vpc")


def estate(timings: dict[str, float] | None = None, **sections: Any) -> dict[str, Any]:
    """Its hosts check versions, but no patch hides a checksum: that is for test_real_hosts.py."""
    server = {"hosts": "checked"} | sections.pop("server", {})
    common = {"timings": QUICK | (timings or {}), "zones": [{"name": "zone1"}], "networks": [{"name": "net"}]}
    return {**common, "server": server, **sections}


def routers(client: Client, **filters: str) -> list[dict[str, Any]]:
    return client.everything("listRouters", "router", **filters)


def router(client: Client, **filters: str) -> dict[str, Any]:
    (only,) = routers(client, **filters)
    return only


def system_vm(client: Client, type_: str) -> dict[str, Any] | None:
    vms = client.ask(command="listSystemVms", systemvmtype=type_).body.get("systemvm", [])
    return vms[0] if vms else None
