# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event log, as listEvents shows it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulator.entities import Owner


@dataclass(frozen=True)
class Event:
    nr: int
    id: str
    type: str
    state: str
    level: str
    description: str
    owner: Owner
    created: float
    username: str
    resource_id: str | None
    resource_type: str | None
    resource_name: str | None
    parent: str | None


@dataclass(frozen=True)
class Alert:
    id: str
    type: int
    name: str
    description: str
    sent: float


ALERT_NAMES = {
    7: "ALERT.COMPUTE.HOST",
    9: "ALERT.SERVICE.DOMAINROUTER",
    10: "ALERT.SERVICE.CONSOLEPROXY",
    11: "ALERT.NETWORK.ROUTING",
    14: "ALERT.MANAGEMENT",
    19: "ALERT.SERVICE.SSVM",
}
"""Of AlertService.AlertType."""
DOMAIN_ROUTER, CONSOLE_PROXY, MANAGEMENT_NODE, SECONDARY_STORAGE = 9, 10, 14, 19


class AlertLog:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def add(self, type: int, description: str, sent: float) -> None:
        self.alerts.append(Alert(str(uuid.uuid4()), type, ALERT_NAMES[type], description, sent))


class EventLog:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(
        self,
        type: str,
        state: str,
        description: str,
        owner: Owner,
        created: float,
        *,
        username: str = "admin",
        level: str = "INFO",
        resource: tuple[str, str, str] | None = None,
        parent: str | None = None,
    ) -> Event:
        """resource is (id, type, name)."""
        resource_id, resource_type, resource_name = resource or (None, None, None)
        event = Event(
            len(self.events) + 1,
            str(uuid.uuid4()),
            type,
            state,
            level,
            description,
            owner,
            created,
            username,
            resource_id,
            resource_type,
            resource_name,
            parent,
        )
        self.events.append(event)
        return event
