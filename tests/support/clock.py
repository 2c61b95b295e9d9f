# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cloud on a clock that only moves when it is told to: no load of the machine disturbs it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Self

import pytest

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
        assert done.wait(180), "the simulator is busy without end"

    def leap(self, seconds: float) -> None:
        """Called in another thread: what is due meanwhile comes once, and late."""
        done = threading.Event()
        self.call_soon_threadsafe(setattr, self, "_now", self._now + seconds)
        self.call_soon_threadsafe(done.set)
        assert done.wait(180), "the simulator is busy without end"

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


class ClockedSimulator(SimulatorThread):
    """Requests take no time: what goes on in it goes on while somebody calls sleep."""

    def __init__(self, estate: Any, *settings: str) -> None:
        super().__init__(estate, *settings)
        self.patch = pytest.MonkeyPatch()
        self.clock = VirtualLoop()
        self._began = time.time()

    def start(self) -> Self:
        self.patch.setattr(time, "time", self.now)
        return super().start()

    def stop(self) -> None:
        super().stop()
        self.patch.undo()

    def now(self) -> float:
        """Seconds since the epoch, on this clock."""
        return self._began + self.clock.time()

    def monotonic(self) -> float:
        return self.clock.time()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self.clock) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()
