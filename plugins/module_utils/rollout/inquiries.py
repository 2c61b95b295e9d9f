# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks routers about themselves, beside everything else: their health checks, and whether they reach their gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..api.errors import ApiError
from ..api.jobs import JobStatus
from ..cloud.model import Vm
from ..units.record import Inside
from .server import PendingChecks, Server

# How long routers may take to say whether they reach their gateway, and to run their health checks.
PING_S, HEALTH_S = 60.0, 300.0


@dataclass
class Inquiry:
    """What one unit's routers were asked.

    :ivar since: when, on the rollout's clock; I(asked) in seconds since the epoch.
    :ivar health: by the name of the router.
    :ivar ping: the job that pings; empty where there is none, or it has ended.
    """

    since: float
    asked: float
    health: Mapping[str, PendingChecks]
    ping: str = ""
    reaches_gateway: bool | None = None


class Inquiries:
    """Those of one rollout.

    :param health_zones: zones where fresh health checks may be asked for.
    :ivar jobs: ids of the jobs that ask; they change nothing.
    """

    def __init__(
        self, server: Server, health_zones: Iterable[str], clock: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self.jobs: set[str] = set()
        self._server, self._zones, self._clock, self._now = server, frozenset(health_zones), clock, now

    def begin(self, vms: Iterable[Vm]) -> Inquiry:
        """Ask; nothing is waited for."""
        vms = list(vms)
        health = {vm.name: self._server.start_health_checks(vm) for vm in vms if vm.zone_id in self._zones}
        inquiry = Inquiry(self._clock(), self._now(), health)
        # Asked of the router that has the public address.
        pings = next((vm for vm in vms if vm.gateway and vm.redundant_state != "BACKUP"), None)
        inquiry.ping = (self._server.start_ping(pings) if pings else None) or ""
        self.jobs |= {inquiry.ping} - {""}
        return inquiry

    def answer(self, inquiry: Inquiry) -> Inside | None:
        """What they said; None while they have not answered. What takes too long has no answer."""
        age = self._clock() - inquiry.since
        self._look_at_ping(inquiry)
        pings = inquiry.ping and age < PING_S
        checks = age < HEALTH_S and not all(pending.done() for pending in inquiry.health.values())
        if pings or checks:
            return None
        health = {name: pending.result() if pending.done() else None for name, pending in inquiry.health.items()}
        return Inside(self._clock(), inquiry.asked, health, inquiry.reaches_gateway)

    def _look_at_ping(self, inquiry: Inquiry) -> None:
        if not inquiry.ping:
            return
        try:
            job = self._server.result(inquiry.ping)
        except ApiError:
            return  # looked at again, for a while
        if job.status is not JobStatus.RUNNING:
            told = job.result.get("diagnostics") if job.error() is None else None
            inquiry.reaches_gateway = str(told.get("exitcode")) == "0" if isinstance(told, dict) else None
            inquiry.ping = ""
