# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real TCP listeners that are gone at times, and the book of when. One thread for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BACKLOG = 128
FILES_OF_ITS_OWN = 512
"""What the simulator has open beside its listeners."""


@dataclass(eq=False)
class Listener:
    """One address and port. All of it belongs to the thread of the listeners."""

    address: str
    port: int
    gone: list[list[float | None]] = field(default_factory=list)
    """When it was closed and opened again, in seconds since the epoch."""
    error: str | None = None
    served: bool = False
    """Whether a VM runs that serves it."""
    until: float = -math.inf
    """Up to when it is gone, on the clock of the loop; inf: it does not come back."""
    drops: bool = False
    listening: socket.socket | None = None
    open: bool = False
    fillers: list[socket.socket] = field(default_factory=list)


class Listeners:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="listeners", daemon=True)
        self._thread.start()

    def stop(self, listeners: list[Listener]) -> None:
        def end() -> None:
            for listener in listeners:
                self._shut(listener)
            self._loop.stop()

        self._loop.call_soon_threadsafe(end)
        self._thread.join(10)
        if not self._thread.is_alive():
            self._loop.close()

    def do(self, work: Callable[[], Any]) -> None:
        """In the thread, soon; in the order of the calls."""
        self._loop.call_soon_threadsafe(work)

    def ask(self, question: Callable[[], Any]) -> Any:
        """In the thread, after all that was to be done before; returns the answer."""

        async def answer() -> Any:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(30)

    # -- what happens to a listener, in the thread

    def serve(self, listener: Listener, served: bool, drops: bool) -> None:
        listener.served, listener.drops = served, drops
        self._settle(listener)

    def interrupt(self, listener: Listener, seconds: float, late: float, drops: bool) -> None:
        if late:
            self._loop.call_later(late, self.interrupt, listener, seconds, 0.0, drops)
            return
        listener.drops = drops
        before, listener.until = listener.until, math.inf
        self._settle(listener)
        # From when it is closed. What had not come back has its next chance.
        until = self._loop.time() + seconds
        listener.until = until if before == math.inf else max(before, until)
        if listener.until != math.inf:
            self._loop.call_at(listener.until, self._settle, listener)

    def heal(self, listener: Listener) -> None:
        listener.until = -math.inf
        self._settle(listener)

    def _settle(self, listener: Listener) -> None:
        wanted = listener.served and self._loop.time() >= listener.until
        if wanted and not listener.open:
            self._open(listener)
        elif not wanted and (listener.open or not listener.gone):
            self._close(listener)

    # -- sockets

    def _open(self, listener: Listener) -> None:
        self._shut(listener)
        listening = socket.socket()
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setblocking(False)
            listening.bind((listener.address, listener.port))
            listening.listen(BACKLOG)
        except OSError as error:
            # A port below 1024, where only root may have it.
            listening.close()
            listener.error = str(error)
            return
        listener.listening, listener.open, listener.error = listening, True, None
        self._loop.add_reader(listening, accept_all, listening)
        if listener.gone:
            listener.gone[-1][1] = time.time()

    def _close(self, listener: Listener) -> None:
        if listener.drops:
            self._drop(listener)
        else:
            self._shut(listener)
        listener.open = False
        listener.gone.append([time.time(), None])

    def _drop(self, listener: Listener) -> None:
        """The kernel drops what comes to a socket whose queue is full and which nobody accepts from."""
        if listener.listening is None:
            self._open(listener)
        if listener.listening is None:
            return
        self._loop.remove_reader(listener.listening)
        accept_all(listener.listening)
        listener.listening.listen(0)
        for _each in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((listener.address, listener.port))
            listener.fillers.append(filler)

    def _shut(self, listener: Listener) -> None:
        for filler in listener.fillers:
            filler.close()
        listener.fillers.clear()
        if listener.listening is not None:
            self._loop.remove_reader(listener.listening)
            listener.listening.close()
        listener.listening, listener.open = None, False


def accept_all(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listening.accept()[0].close()


def allow_files(number: int) -> None:
    """Each listener is an open file, one that drops is three; the soft limit may be 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * number + FILES_OF_ITS_OWN
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
