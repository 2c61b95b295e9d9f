# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the simulator - as a process of its own, or quicker in a thread of this one - and talk to its control API."""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.simulator.estate import build_with, load
from tests.simulator.estate_schema import EstateError
from tests.simulator.server import Simulator
from tests.simulator.world import World

# Each is forked from a process that has imported everything, which takes longer than all the rest.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["__main__", __name__])

LOOK_S = 0.02  # between two looks at something that is waited for

Estate = str | Path | dict[str, Any]
"""A path, the name of one of the estates beside this module, or plain data."""


def estate_path(estate: str | Path) -> Path:
    path = Path(estate)
    if not path.exists() and path.parent == Path("."):
        return Path(__file__).parent / "estates" / path
    return path


class RunningSimulator:
    """What both kinds have in common: the credentials and the control API."""

    url = key = secret = ""

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        return {
            "CLOUDSTACK_ENDPOINT": self.url,
            "CLOUDSTACK_KEY": self.key,
            "CLOUDSTACK_SECRET": self.secret,
        }

    # -- the control API

    def control(self, method: str, what: str, body: Any = None) -> Any:
        url = urllib.parse.urljoin(self.url, f"/_simulator/{what}")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None

    def journal(self) -> list[dict[str, Any]]:
        """Every mutating call so far, in order."""
        return self.control("GET", "journal")

    def state(self) -> dict[str, Any]:
        return self.control("GET", "state")

    def requests(self) -> dict[str, Any]:
        return self.control("GET", "requests")

    def set_faults(self, faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Replace all faults; an empty list ends them."""
        return self.control("POST", "faults", faults)

    def add_faults(self, faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return self.control("POST", "faults", {"add": faults})

    def faults(self) -> list[dict[str, Any]]:
        """The faults with how often each struck."""
        return self.control("GET", "faults")

    def restart(self, down_seconds: float = 1.0, *, jobs: str = "lost", work_done: bool | str = False) -> None:
        """Restart the management server; returns at once, while it is going down.

        work_done "patched": what is at a live patch finishes it, and goes no further.
        """
        self.control("POST", "restart", {"down_seconds": down_seconds, "jobs": jobs, "work_done": work_done})

    def upgrade(
        self,
        version: str,
        *,
        hosts: bool = False,
        templates: bool = True,
        zones: dict[str, str] | None = None,
        down_seconds: float | None = None,
    ) -> None:
        """Upgrade the management servers to a version; their VMs run on as they are.

        hosts: the agents of KVM hosts, too. templates: whether the new system VM template is registered. zones: where
        it is not ready, as "not_ready" or "none". down_seconds: with a restart of the server, as restart().
        """
        options: dict[str, Any] = {"version": version, "hosts": hosts, "templates": templates, "zones": zones or {}}
        if down_seconds is not None:
            options["down_seconds"] = down_seconds
        self.control("POST", "upgrade", options)

    def update(self, **facts: Any) -> None:
        """update(vms={"r-3-VM": {"state": "Stopped"}}, settings={...}, ...)"""
        self.control("POST", "update", facts)

    def hurry(self) -> None:
        """What takes time now ends at once."""
        self.control("POST", "hurry")

    def listeners(self) -> list[dict[str, Any]]:
        """The endpoints of an estate with listeners, and when each was gone: [[closed, opened or None], ...]."""
        return self.control("GET", "listeners")

    def outage(self, name: str, gap: float | str | dict[str, Any]) -> int:
        """Endpoints go now, by the name of their rule, network, VPC or system VM; gap "back": they return."""
        return self.control("POST", "listeners", {"name": name, "gap": gap})

    def sleep(self, seconds: float) -> None:
        """Let so much time pass in the cloud."""
        time.sleep(seconds)

    def monotonic(self) -> float:
        """Seconds, on the clock of the cloud."""
        return time.monotonic()

    def wait_until_up(self, seconds: float = 30.0) -> None:
        """After a restart, also where it has not gone down yet."""
        self.wait_for(self._is_up, seconds)

    def wait_for(self, what: Callable[[], object], seconds: float = 30.0) -> None:
        """Until it is true."""
        for _attempt in range(int(seconds / LOOK_S)):
            if what():
                return
            self.sleep(LOOK_S)
        raise TimeoutError(f"it did not happen within {seconds:g} seconds")

    def _is_up(self) -> bool:
        try:
            return not self.requests()["restarting"]
        except (urllib.error.URLError, ConnectionError):
            return False


class SimulatorProcess(RunningSimulator):
    """with SimulatorProcess("small.yml", "timings.patch=0.1") as simulator: ..."""

    def __init__(self, estate: Estate, *settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
        self._estate = estate
        self._settings = settings
        self._process: ForkServerProcess | None = None

    @property
    def folder(self) -> Path:
        """Its own, with a short path; gone after I(stop)."""
        return Path(self._folder.name)

    def start(self) -> Self:
        receiver, sender = FORKED.Pipe(duplex=False)
        errors = self.folder / "stderr"
        errors.touch()
        self._process = FORKED.Process(
            target=_serve_and_tell, args=(self._estate, self._settings, sender, str(errors)), daemon=True
        )
        self._process.start()
        sender.close()
        with receiver:
            try:
                self.url, self.key, self.secret = receiver.recv()  # it comes when the simulator listens
            except EOFError:
                self._process.join()
                raise RuntimeError(f"the simulator did not start: {self.errors.strip()}") from None
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join(10)
            self._process.kill()
            self._process.join()
            self._process = None
        self._folder.cleanup()

    @property
    def errors(self) -> str:
        """What the simulator wrote to stderr: the traces of its own bugs, if any."""
        return (self.folder / "stderr").read_text(encoding="utf-8")


class SimulatorThread(RunningSimulator):
    """The same in this process; not for measuring."""

    def __init__(self, estate: Estate, *settings: str) -> None:
        self._estate = estate
        self._settings = settings
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._simulator: Simulator | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        if self._thread is None or self._loop is None or self._simulator is None:
            return
        self._loop.call_soon_threadsafe(self._simulator.stopped.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    @property
    def world(self) -> World:
        """What is simulated, for what the API and I(update) cannot do; in this process, while nothing goes on in it."""
        assert self._simulator is not None
        return self._simulator.world

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._simulator = simulator = Simulator(_world(self._estate, self._settings))

        def listening() -> None:
            self.url, self.key, self.secret = _facts(simulator)
            self._started.set()

        await simulator.serve(listening)


def _serve_and_tell(estate: Estate, settings: Sequence[str], sender: Connection, errors: str) -> None:
    """In a process of its own."""
    with open(errors, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())

    async def run() -> None:
        simulator = Simulator(_world(estate, settings))
        simulator.stop_at_signals()
        await simulator.serve(lambda: sender.send(_facts(simulator)))

    try:
        asyncio.run(run())
    except (EstateError, OSError) as error:
        print(error, file=sys.stderr)


def _facts(simulator: Simulator) -> tuple[str, str, str]:
    """Where it is, and who may ask it."""
    return simulator.url, simulator.world.server.key, simulator.world.server.secret


def _world(estate: Estate, settings: Sequence[str]) -> World:
    if isinstance(estate, dict):
        return build_with(copy.deepcopy(estate), settings)
    return load(estate_path(estate), settings)
