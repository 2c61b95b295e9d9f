# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cloud and a rollout on one clock that only moves when the rollout sleeps.

What a rollout takes is then what the cloud's jobs take and when the rollout looks, however busy the machine is; and it
takes no time to find out. Requests cost nothing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import Self

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.desk import Desk
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.progress import Progress
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.scheduler import Scheduler
from tests.simulator.process import SimulatorThread


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until somebody advances it."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        """Called in another thread: let everything happen here that happens in so many seconds, one after the other."""
        done = threading.Event()
        self.call_soon_threadsafe(self._advance, self._now + seconds, done)
        assert done.wait(30), "the simulator is busy without end"

    def _advance(self, until: float, done: threading.Event) -> None:
        moments = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        following = min(moments, default=until)
        if not self._ready:  # type: ignore[attr-defined]
            self._now = max(self._now, min(following, until))
            if following > until or not moments:
                self._now = until
                done.set()
                return
        self.call_soon(self._advance, until, done)


class VirtualSimulator(SimulatorThread):
    """As a context it makes rollouts in this process use its clock, too."""

    def __enter__(self) -> Self:
        self._patch = pytest.MonkeyPatch()
        self._began = time.time()
        self._virtual = VirtualLoop()
        self._patch.setattr(time, "time", self.now)
        self._patch.setattr(upgrade, "Desk", partial(Desk, clock=self._virtual.time, now=self.now))
        self._patch.setattr(upgrade, "Progress", partial(Progress, now=self.now))
        self._patch.setattr(upgrade, "Scheduler", partial(Scheduler, sleep=self._virtual.sleep))
        return super().__enter__()

    def stop(self) -> None:
        super().stop()
        self._patch.undo()

    def now(self) -> float:
        """Seconds since the epoch, on this clock."""
        return self._began + self._virtual.time()

    def sleep(self, seconds: float) -> None:
        """Let everything happen that happens in so many seconds."""
        self._virtual.sleep(seconds)

    def client(self) -> Client:
        connection = Connection(url=self.url, key=self.key, secret=self.secret)
        return Client(connection, sleep=self._virtual.sleep, clock=self._virtual.time)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._virtual) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()
