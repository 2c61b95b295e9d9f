# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what goes on in the cloud right now and would be disturbed."""

from __future__ import annotations

from collections.abc import Iterator

from ...cloud.infrastructure import Need
from ...knowledge.vocabulary import ACTING, Kind, Method
from .registry import CheckContext, check


@check(
    "transfers",
    "Does an SSVM transfer anything that would fail?",
    one="transfer runs through an SSVM",
    many="transfers run through an SSVM",
    remedy="They fail when it is patched or recreated. Wait for them, or go on and repeat them.",
    fine="no template, ISO or volume is being transferred, or no SSVM is touched",
    needs=frozenset({Need.DOWNLOADS}),
    concerns=lambda context: any(unit.kind is Kind.SSVM for unit in context.planned(*ACTING)),
)
def transfers(context: CheckContext) -> Iterator[str]:
    yield from context.cloud.transfers


@check(
    "console_sessions",
    "Is a console open that would drop?",
    one="CPVM has open consoles",
    many="CPVMs have open consoles",
    remedy="The consoles drop. O(wait_idle) waits for them to be closed before a CPVM is recreated.",
    fine="no console is open, or no CPVM is touched",
)
def console_sessions(context: CheckContext) -> Iterator[str]:
    for unit in context.planned(*ACTING):
        for vm in unit.vms:
            if unit.kind is Kind.CPVM and vm.sessions:
                yield f"{vm.name} has {vm.sessions}"


@check(
    "sensitive_units",
    "Does recreation or a restart hit VPN tunnels, private gateways or balanced connections?",
    one="unit loses VPN tunnels, private gateways or balanced connections",
    many="units lose VPN tunnels, private gateways or balanced connections",
    remedy="They are done last. Tell their owners, or leave them out with O(exclude_names).",
    fine="no unit with VPN, private gateway or load balancing is recreated or restarted",
)
def sensitive_units(context: CheckContext) -> Iterator[str]:
    for unit in context.planned(Method.RECREATE, Method.RESTART):
        if unit.sensitive_services:
            yield f"{unit.label} ({', '.join(unit.sensitive_services)})"


@check(
    "jobs_in_flight",
    "Does a job run now on a unit in scope?",
    one="unit has a job that runs now",
    many="units have a job that runs now",
    remedy="Nothing to do: the upgrade waits for these jobs and then decides.",
    fine="no job runs on a unit in scope",
)
def jobs_in_flight(context: CheckContext) -> Iterator[str]:
    busy = {resource for job in context.cloud.in_flight for resource in job.resource_ids}
    for unit in context.pending:
        if unit.resource_ids() & busy:
            yield unit.label
