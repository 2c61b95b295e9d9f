# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which software and scripts run where, as plain data; part of a plan and of a report (I(shapes))."""

from __future__ import annotations

from typing import TypedDict


class RunningData(TypedDict):
    """Running VMs of one zone, hypervisor and group of kinds that are alike.

    :ivar group: C(ssvm), C(cpvm) or C(router).
    :ivar software: of a system VM its agent's version.
    :ivar scripts: the checksum; None of system VMs, of which the server tells none.
    :ivar hosts: how many of them each host has, by its name.
    """

    zone: str
    hypervisor: str
    group: str
    software: str
    scripts: str | None
    digest: str | None
    count: int
    hosts: dict[str, int]


class OddData(TypedDict):
    """A router whose scripts contradict the version that it claims."""

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
    """KVM hosts of one zone with one version of the agent, which delivers the scripts."""

    zone: str
    version: str
    count: int
    hosts: list[str]


class DriftData(TypedDict):
    """
    :ivar not_running: how many VMs do not run; what they will run is told when they do.
    """

    running: list[RunningData]
    odd: list[OddData]
    agents: list[AgentsData]
    not_running: int
