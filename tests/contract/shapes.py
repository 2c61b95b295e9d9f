# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare two answers by their shape: keys, JSON types and the values that tell what happened."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import Any

LIMITED = (
    *("network", "vpc", "cpu", "memory", "gpu", "primarystorage", "secondarystorage", "bucket", "objectstorage"),
    *("vm", "ip", "volume", "snapshot", "backup", "backupstorage", "template"),
)
# Keys that may be present or absent, and why; with the list they stand in where they matter elsewhere.
OPTIONAL = {
    # An agent has this only once it was disconnected at least once.
    "disconnected",
    # It was made after the server's last start; or its host's statistics had not been read.
    *(f"host[].{key}" for key in ("managementserverid", "managementservername", "memoryused")),
    *(f"host[].{key}" for key in ("cpuused", "cpuloadaverage", "networkkbsread", "networkkbswrite")),
    *(f"volume[].{key}" for key in ("physicalsize", "virtualsize", "utilization")),
    "storagepool[].disksizeused",
    # A server that was never stopped.
    "lastserverstop",
    # The recorded cloud has simulated graphics cards.
    "gpugroup",
    "gputotal",
    "gpuused",
    # Of a network that was updated.
    "hideIpAddressUsage",
    # Where the guest NIC of a VPC's router was plugged in later than the router was made.
    "nic[].gateway",
    # listApis: which other commands a parameter is related to. Not needed by any client, and long.
    "related",
    # listProjects: limits and totals of a project.
    *(f"{what}{kind}" for what in LIMITED for kind in ("limit", "total", "available")),
    "vmstopped",
    "vmrunning",
}
# Values that must be the same, wherever they stand.
FACTS = frozenset(
    {
        "state",
        "redundantstate",
        "isredundantrouter",
        "softwareversion",
        "requiresupgrade",
        "healthchecksfailed",
        "hostcontrolstate",
        "role",
        "systemvmtype",
        "agentstate",
        "traffictype",
        "jobstatus",
        "jobprocstatus",
        "jobresultcode",
        "jobresulttype",
        "jobinstancetype",
        "cmd",
        "success",
        "details",
        "errorcode",
        "cserrorcode",
        "errortext",
        "templatetype",
        "isready",
        "downloadState",
        "datastoreRole",
        "vmtype",
        "allocationstate",
        "resourcestate",
        "managedstate",
        "scope",
        "category",
        "isdynamic",
    }
)

VARIABLE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b[bqrsv]-\d+-VM\b"), "<vm>"),
    (re.compile(r'(?<=[ \[:"=])\d+(?=[\]." ,:]|$)'), "<number>"),
)


def normal(text: str) -> str:
    """A text with ids, names of VMs and numbers taken out."""
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return text


def differences(recorded: Any, simulated: Any, facts: AbstractSet[str] = FACTS, path: str = "") -> list[str]:
    """What a client could tell apart, as sentences; empty if nothing."""
    if type(recorded) is not type(simulated):
        return [f"{path}: {type(recorded).__name__} was recorded, this is {type(simulated).__name__}: {simulated!r}"]
    if isinstance(recorded, dict):
        return dict_differences(recorded, simulated, facts, path)
    if isinstance(recorded, list):
        return list_differences(recorded, simulated, facts, path)
    key = path.rsplit(".", 1)[-1]
    if key in facts and comparable(recorded) != comparable(simulated):
        return [f"{path}: {recorded!r} was recorded, this is {simulated!r}"]
    return []


def comparable(value: Any) -> Any:
    return normal(value) if isinstance(value, str) else value


def dict_differences(
    recorded: dict[str, Any], simulated: dict[str, Any], facts: AbstractSet[str], path: str
) -> list[str]:
    found = [f"{path}.{key}: missing" for key in recorded if key not in simulated and not optional(path, key)]
    found += [f"{path}.{key}: was not recorded" for key in simulated if key not in recorded and not optional(path, key)]
    for key, value in recorded.items():
        if key in simulated:
            found += differences(value, simulated[key], facts, f"{path}.{key}")
    return found


def optional(path: str, key: str) -> bool:
    parent = re.sub(r"\d+", "", path.rsplit(".", 1)[-1])
    return key in OPTIONAL or f"{parent}.{key}" in OPTIONAL


def list_differences(recorded: list[Any], simulated: list[Any], facts: AbstractSet[str], path: str) -> list[str]:
    """One by one where both are equally long, else every object has to have its like on the other side."""
    if len(recorded) == len(simulated):
        pairwise = [
            text
            for index, (left, right) in enumerate(zip(recorded, simulated, strict=True))
            for text in differences(left, right, facts, f"{path}[{index}]")
        ]
        if not pairwise:
            return []
    found = []
    for index, right in enumerate(simulated):
        if not recorded:
            return [f"{path}: was recorded empty"] if isinstance(right, dict) else []
        candidates = [differences(left, right, facts, f"{path}[{index}]") for left in recorded]
        found += sorted(candidates, key=len)[0]
    for index, left in enumerate(recorded):
        if not any(not differences(left, right, facts, f"{path}[{index}]") for right in simulated):
            found.append(f"{path}: nothing here is like the recorded object {index}: {str(left)[:200]}")
    return found
