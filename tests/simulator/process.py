# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the simulator - as a process of its own, or quicker in a thread of this one - and talk to its control API."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.simulator.estate import build, load, set_override
from tests.simulator.server import Simulator

ROOT = Path(__file__).resolve().parents[2]


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

    def listeners(self) -> list[dict[str, Any]]:
        """The endpoints of an estate with listeners, and when each was gone: [[closed, opened or None], ...]."""
        return self.control("GET", "listeners")

    def outage(self, name: str, gap: float | str | dict[str, Any]) -> int:
        """Endpoints go now, by the name of their rule, network, VPC or system VM; gap "back": they return."""
        return self.control("POST", "listeners", {"name": name, "gap": gap})

    def wait_until_up(self, seconds: float = 30.0) -> None:
        """After a restart."""
        end = time.monotonic() + seconds
        while True:
            try:
                self.control("GET", "requests")
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                return


class SimulatorProcess(RunningSimulator):
    """with SimulatorProcess("small.yml", "timings.patch=0.1") as simulator: ..."""

    def __init__(self, estate: Estate, *settings: str, port: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
        if isinstance(estate, dict):
            path = self.folder / "estate.yml"
            path.write_text(yaml.safe_dump(estate, allow_unicode=True), encoding="utf-8")
        else:
            path = estate_path(estate)
        self._command = [sys.executable, "-m", "tests.simulator", "--estate", str(path), "--port", str(port)]
        for setting in settings:
            self._command += ["--set", setting]
        self._process: subprocess.Popen[str] | None = None

    @property
    def folder(self) -> Path:
        """Its own, with a short path; gone after I(stop)."""
        return Path(self._folder.name)

    def start(self) -> Self:
        errors = self.folder / "stderr"
        with errors.open("w", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        assert self._process.stdout is not None
        # The line comes when the simulator listens.
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise RuntimeError(f"the simulator did not start: {errors.read_text(encoding='utf-8').strip()}")
        facts = json.loads(line)
        self.url, self.key, self.secret = facts["url"], facts["key"], facts["secret"]
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
        self._folder.cleanup()

    @property
    def errors(self) -> str:
        """What the simulator wrote to stderr: the traces of its own bugs, if any."""
        return (self.folder / "stderr").read_text(encoding="utf-8")


class SimulatorThread(RunningSimulator):
    """The same, a third of a second faster to start; not for measuring."""

    def __init__(self, estate: Estate, *settings: str) -> None:
        self._estate = estate
        self._settings = list(settings)
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

    async def _serve(self) -> None:
        if isinstance(self._estate, dict):
            spec = copy.deepcopy(self._estate)
            for setting in self._settings:
                set_override(spec, setting)
            world = build(spec)
        else:
            world = load(estate_path(self._estate), self._settings)
        self._loop = asyncio.get_running_loop()
        self._simulator = Simulator(world)
        await self._simulator.start()
        self.url, self.key, self.secret = self._simulator.url, world.server.key, world.server.secret
        self._started.set()
        await self._simulator.stopped.wait()
        self._simulator.close_endpoints()
        await self._simulator.stop()
