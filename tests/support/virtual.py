# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cloud and a rollout on one clock that only moves when the rollout sleeps.

What a rollout takes is then what the cloud's jobs take and when the rollout looks, however busy the machine is; and it
takes no time to find out. Requests cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry import rolling
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.surroundings import Surroundings
from tests.simulator import server
from tests.simulator.wire import verify
from tests.support.clock import ClockedSimulator


class VirtualSimulator(ClockedSimulator):
    """As a context it makes rollouts in this process use its clock, too."""

    def __init__(self, estate: Any, *settings: str) -> None:
        super().__init__(estate, *settings)
        self._due: list[tuple[float, Callable[[], object]]] = []

    def __enter__(self) -> Self:
        clocks: dict[str, Any] = {"clock": self.clock.time, "now": self.now, "sleep": self.sleep}
        self.patch.setattr(rolling, "Surroundings", partial(Surroundings, **clocks))
        self.patch.setattr(rolling, "Progress", partial(Progress, now=self.now))
        # Signatures expire by the clock of this machine, of which a day in the cloud is a moment.
        self.patch.setattr(server, "verify", lambda sent, secret, now: verify(sent, secret, 0.0))
        return super().__enter__()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """What somebody else does so long from now, as the clock of the rollout comes to it."""
        self._due.append((self.clock.time() + seconds, act))

    def sleep(self, seconds: float) -> None:
        end = self.clock.time() + seconds
        while due := min((each for each in self._due if each[0] <= end), key=lambda each: each[0], default=None):
            self._due.remove(due)
            super().sleep(max(0.0, due[0] - self.clock.time()))
            due[1]()
        super().sleep(end - self.clock.time())

    def client(self, *, met: bool = False) -> Client:
        """:param met: an earlier step of the run has met the server."""
        connection = Connection(url=self.url, key=self.key, secret=self.secret)
        return Client(connection, sleep=self.sleep, clock=self.clock.time, met=met)
