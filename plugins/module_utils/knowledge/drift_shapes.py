# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which software and scripts run where, as plain data; part of a plan and of a report (I(shapes))."""

from __future__ import annotations

from typing import TypedDict


class RunningData(TypedDict):
    """VMs that are alike."""

    zone: str
    hypervisor: str
    group: str
    software: str
    scripts: str | None
    digest: str | None
    count: int
    hosts: dict[str, int]


class OddData(TypedDict):
    id: str
    name: str
    zone: str
    hypervisor: str | None
    host: str | None
    software: str
    scripts: str | None
    digest: str | None
    why: str


class AgentsData(TypedDict):
    zone: str
    version: str
    count: int
    hosts: list[str]


class DriftData(TypedDict):
    running: list[RunningData]
    odd: list[OddData]
    agents: list[AgentsData]
    not_running: int
