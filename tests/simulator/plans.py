# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that a restart or a patch leaves, as recorded: of a VPC's none is Started, of a patch only Scheduled."""

from __future__ import annotations

from tests.simulator.entities import Network, Owner, Vm, Vpc
from tests.simulator.jobs import EventPlan


def restart_of_network(network: Network) -> EventPlan:
    return EventPlan(
        "NETWORK.RESTART",
        f"Restarting network: {network.nr}",
        network.owner,
        (network.id, "Network", network.name),
        started="restarting network",
        completed="Successfully completed restarting network",
        failed="Error while restarting network",
    )


def restart_of_vpc(vpc: Vpc) -> EventPlan:
    return EventPlan(
        "VPC.RESTART",
        f"restarting VPC id={vpc.nr}",
        vpc.owner,
        (vpc.id, "Vpc", vpc.name),
        completed="Successfully completed restarting vpc",
        failed="Error while restarting vpc",
    )


def patch_of_systemvm(vm: Vm | None, caller: Owner) -> EventPlan:
    return EventPlan(
        "LIVE.PATCH.SYSTEM.VM",
        f"Attempting to live patch System VM with Id: {vm.id if vm is not None else None} ",
        caller,
    )
