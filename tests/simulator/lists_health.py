# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that tell how routers and system VMs are: alerts."""

from __future__ import annotations

from dataclasses import asdict

from tests.simulator.commands import Call, command
from tests.simulator.lists import PAGED


@command("listAlerts", f"{PAGED} id:uuid name type")
def list_alerts(call: Call) -> str:
    chosen = call.select(
        list(reversed(call.world.alerts.alerts)),
        values={
            "id": lambda alert: alert.id,
            "name": lambda alert: alert.name,
            "type": lambda alert: str(alert.type),
        },
        keyword=lambda alert: [alert.description],
    )
    return call.rows("alert", chosen, lambda alert: asdict(alert) | {"sent": call.world.stamp(alert.sent)})
