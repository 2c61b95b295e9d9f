# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all lives of a rollout share: the server, the clock, and answers that one question gives for many units."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.probing.probes import Probes
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.sender import Sender
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.server import Server

# How old the knowledge of the hosts may be when a call is sent.
HOSTS_FRESH_S = 30.0


class TargetMovedError(SysvmError):
    """The management servers do not run the version any more that this run upgrades to."""


@dataclass(frozen=True)
class Looks:
    """How the server looks after routers.

    :ivar pair_interval_s: seconds between two looks at a pair (router.check.interval); None where it never looks.
    :ivar inside: whether routers are asked to reach their gateways, before and after.
    :ivar health_zones: zones where fresh health checks may be asked for: they are enabled, and a failing one does not
        make the server recreate the router.
    """

    pair_interval_s: float | None = 30.0
    health_zones: frozenset[str] = frozenset()
    inside: bool = False

    @property
    def pair_settles_s(self) -> float | None:
        """How long after a job the server has surely looked at a pair again."""
        return None if self.pair_interval_s is None else self.pair_interval_s + max(1.0, self.pair_interval_s / 6)


@dataclass(eq=False)
class Desk:
    """One rollout's.

    :ivar fallback_blocker: given if a unit whose live patch failed in a way that recreation cures is to be
        recreated; says what speaks against it for a unit, None if nothing does.
    :ivar known_vms: ids of VMs that replace nothing.
    :ivar ask_what_runs: asks the server which jobs run, and tells the lives.
    :ivar why_not: why nothing that takes so many seconds may begin any more; None where it may.
    :ivar contact_lost: when the server was last out of reach, on the clock; its hosts connect again only later.
    """

    server: Server
    baseline: Baseline
    limits: Limits
    progress: Progress
    looks: Looks = field(default_factory=Looks)
    probes: Probes = field(default_factory=Probes)
    forced: bool = False
    fallback_blocker: Callable[[Unit], str | None] | None = None
    known_vms: set[str] = field(default_factory=set)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    contact_lost: float | None = None
    # set by the scheduler
    ask_what_runs: Callable[[], object] = lambda: None
    why_not: Callable[[float], str | None] = lambda expected_s: None

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self.sender = Sender(self.server, str(self.baseline.target), self.remark)
        self._hosts: dict[str, Host] = {}
        self._hosts_at: float | None = None
        self._marked: dict[bool, tuple[float, frozenset[str]]] = {}

    def remark(self, text: str) -> None:
        """Something about the whole rollout that its report tells."""
        self.notes.append(text)
        self.progress.remark(text)

    def lose_contact(self) -> None:
        self.contact_lost = self.clock()

    def away(self, unit: Unit, *, now: bool = False) -> tuple[str, ...]:
        """The hosts of a unit that are not Up, in words.

        :param now: ask, however short ago that was done.
        """
        if not unit.host_ids:
            return ()
        asked = self._hosts_at
        stale = asked is None or self.clock() - asked > HOSTS_FRESH_S
        if now or stale or (self.contact_lost is not None and asked is not None and asked <= self.contact_lost):
            self._hosts_at = self.clock()
            self._hosts = self.server.hosts()
        hosts = [host for identity in unit.host_ids if (host := self._hosts.get(identity))]
        return tuple(f"{host.name} is {host.state}" for host in hosts if host.state != "Up")

    def marked_for_restart(self, unit: Unit, since: float) -> frozenset[str]:
        """Which of a unit's networks, or its VPC, the server wants to be restarted, as of a moment on the clock."""
        marked = self._marked_of(False, since) & frozenset(unit.network_ids)
        return marked | (self._marked_of(True, since) & {unit.id} if unit.kind is Kind.VPC else frozenset())

    def _marked_of(self, vpcs: bool, since: float) -> frozenset[str]:
        asked, found = self._marked.get(vpcs, (-1.0, frozenset()))
        if asked < since:
            asked, found = self.clock(), self.server.marked_for_restart(vpcs=vpcs)
            self._marked[vpcs] = (asked, found)
        return found

    def check_target(self) -> None:
        """After a refutation: whether the server still is what the units are upgraded to.

        :raises TargetMovedError: when it is not, so nothing can be proven any more.
        """
        version = self.server.version()
        if version != self.baseline.target:
            runs = f"run {version}" if version else "have no single version"
            raise TargetMovedError(
                f"the management servers {runs} now, and this run upgrades to {self.baseline.target}",
                remedy="Plan again when all management servers run one version.",
            )
