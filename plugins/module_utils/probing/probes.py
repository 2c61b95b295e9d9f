# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches the endpoints of the units at work: asks a prober on each place they are seen from, and remembers what it
tells. A prober is a process of its own, so what it measures does not depend on what the rollout is waiting for."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..api.client import Client
from ..cloud.endpoints import Endpoint, Tried, Wanted, endpoint_of, read_endpoints, spread
from ..cloud.model import Unit, Vm
from . import prober
from .gaps import Change, Reach, reach_of

FIRST_LOOK_S = 0.02
SILENCE_S = 30.0
BEGIN_S = 15.0  # so long a prober on another host may take to begin, with its connection, on a machine that is busy
TRY_S = 4.0  # for the first results, before the run
# The folder with what probers on other hosts are asked and tell; set by the action plugin that runs them.
PLACES_VARIABLE = "SYSVM_PROBE_PLACES"
ASKED, TOLD, AHEAD = "asked", "told", "ahead"


@dataclass(frozen=True)
class Probing:
    """That and how probes are wanted.

    :ivar rate: connections in a second at most, from each place.
    :ivar patience_s: how long an endpoint that answered before may be silent after the proof.
    :ivar places: the folder of those on other hosts; None for this host.
    """

    wanted: Wanted = field(default_factory=Wanted)
    rate: float = 50.0
    patience_s: float = 60.0
    places: str | None = None

    def open(self, client: Client, units: Sequence[Unit]) -> Probes:
        """Read what the units serve, and start probers; C(close) ends them."""
        endpoints = read_endpoints(client, units, self.wanted) if units else {}
        places: list[Place] = []
        if self.places is not None:
            places += places_in(self.places)
        elif endpoints:
            places.append(Here(self.rate, socket.gethostname()))
        return Probes(endpoints, places, rate=self.rate, patience_s=self.patience_s)


def places_in(folder: str) -> list[Elsewhere]:
    """Those on other hosts."""
    return [Elsewhere(entry.path) for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)]


class Place(Protocol):
    """Where a prober runs; one that is not alive knows nothing any more.

    :ivar wait_s: how long a first call waits for its first results.
    :ivar first_s: how long these may take.
    :ivar ahead_s: how much this host's clock is ahead of the one there.
    """

    name: str
    wait_s: float
    first_s: float
    ahead_s: float

    @property
    def alive(self) -> bool:
        """Whether it still looks."""

    def ask(self, line: Mapping[str, object]) -> None:
        """See the prober for what it may be asked."""

    def told(self) -> Iterable[Mapping[str, object]]:
        """What it has told since the last call."""

    def close(self) -> None:
        """It ends."""


class Here:
    """A prober on this host. It ends with this process, however that ends."""

    wait_s, first_s, ahead_s = 0.5, 2.0, 0.0

    def __init__(self, rate: float, name: str) -> None:
        self.name = name
        self._rest = b""
        # pylint: disable-next=ansible-bad-function # it is spoken to while it runs
        self._process = subprocess.Popen(
            [sys.executable, "-c", inspect.getsource(prober), str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise AssertionError("both are pipes")
        self._asked, self._told = asked, told
        os.set_blocking(self._told.fileno(), False)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, line: Mapping[str, object]) -> None:
        with contextlib.suppress(OSError):  # it was killed
            self._asked.write(json.dumps(line).encode() + b"\n")
            self._asked.flush()

    def told(self) -> list[Mapping[str, object]]:
        text = b""
        try:
            while read := os.read(self._told.fileno(), 65536):
                text += read
        except BlockingIOError:
            pass
        *lines, self._rest = (self._rest + text).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        self._process.kill()
        with contextlib.suppress(OSError):
            self._asked.close()
        self._told.close()
        self._process.wait()


class Elsewhere:
    """A prober on another host: what it is asked is appended to one file, what it tells is found in another."""

    wait_s, first_s = 4.0, 4.0

    def __init__(self, folder: str) -> None:
        self.name = os.path.basename(folder)
        with open(os.path.join(folder, AHEAD), encoding="utf-8") as file:
            self.ahead_s = float(file.read())
        self._folder = folder
        self._position = 0

    @property
    def alive(self) -> bool:
        """Whether something was heard of it: what it tells is written anew whenever it was asked."""
        try:
            return time.time() - os.path.getmtime(os.path.join(self._folder, TOLD)) < SILENCE_S
        except FileNotFoundError:
            return False

    def ask(self, line: Mapping[str, object]) -> None:
        with open(os.path.join(self._folder, ASKED), "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def told(self) -> list[Mapping[str, object]]:
        try:
            with open(os.path.join(self._folder, TOLD), "rb") as file:
                file.seek(self._position)
                whole, newline, _rest = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._position += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]

    def close(self) -> None:
        pass  # whoever started it ends it


@dataclass
class _Watched:
    """One endpoint as seen from one place."""

    endpoint: Endpoint
    place: Place
    key: str = ""
    unconfirmed: bool = False  # whether an answer was wanted that has not come yet
    changes: list[Change] = field(default_factory=list)


class Probes:
    """Those of one rollout.

    :param rate: as of Probing.
    :ivar patience_s: how long an endpoint that answered before may be silent after the proof.
    :ivar endpoints: of each unit that has any, by its id.
    :ivar on: whether anything is probed.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Sequence[Endpoint]] | None = None,
        places: Sequence[Place] = (),
        *,
        rate: float = 50.0,
        patience_s: float = 0.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.patience_s = patience_s
        self.endpoints = endpoints or {}
        self._places = places
        self._rate = rate
        self._now = now
        self._began = now()
        self._watched: dict[str, list[_Watched]] = {}  # by unit
        self._expected: set[str] = set()
        self.on = bool(places)
        self._by_key: dict[str, _Watched] = {}
        self._asked = 0
        self._called: dict[str, float] = {}

    def expect(self, unit_id: str) -> None:
        """It will be watched later: see before whether it answers."""
        self._start(unit_id, once=True)

    def watch(self, unit_id: str) -> None:
        """From now on. Once for a unit is enough."""
        if unit_id in self._expected:
            self._expected.remove(unit_id)
            for watched in self._watched[unit_id]:
                watched.place.ask({"arm": watched.key})
        elif unit_id not in self._watched:
            self._start(unit_id)

    def _start(self, unit_id: str, *, once: bool = False) -> None:
        if once:
            self._expected.add(unit_id)
        endpoints = self.endpoints.get(unit_id, ())
        self._watched[unit_id] = [_Watched(each, place) for place in self._places for each in endpoints]
        for watched in self._watched[unit_id]:
            self._ask(watched, once)

    def _ask(self, watched: _Watched, once: bool = False) -> None:
        self._asked += 1
        watched.key = str(self._asked)
        self._by_key[watched.key] = watched
        where = {"address": watched.endpoint.address, "port": watched.endpoint.port}
        watched.place.ask({"watch": watched.key, **where, **({"once": True} if once else {})})

    def knows(self, unit_id: str) -> bool:
        """Whether there is a first result for each of its endpoints."""
        self._listen()
        return all(watched.changes for watched in self._watched.get(unit_id, ()))

    @property
    def first_s(self) -> float:
        """How long the first results may take."""
        return max((place.first_s for place in self._places), default=0.0)

    @property
    def wait_s(self) -> float:
        """How long a first call waits for them; longer while a prober on another host has yet to begin."""
        begins = self._now() - self._began < BEGIN_S and not all(place.alive for place in self._places)
        return max((place.wait_s for place in self._places), default=0.0) if not begins else BEGIN_S

    def call(self, unit_id: str) -> None:
        """The first call for the unit is sent now: what does not answer from now on is a gap."""
        self._called.setdefault(unit_id, self._now())

    def follow(self, unit_id: str, vms: Iterable[Vm]) -> None:
        """A new SSVM or CPVM may have another address, and answers there."""
        self._listen()  # what the old address told last still counts
        there = {each.address: each for vm in vms if (each := endpoint_of(vm)) is not None}
        for watched in self._watched.get(unit_id, ()) if there else ():
            if watched.endpoint.address not in there:
                self._leave(watched)
                watched.endpoint = next(iter(there.values()))
                self._ask(watched)

    def reach(self, unit_id: str) -> tuple[Reach, ...]:
        """What is known of its endpoints now."""
        self._listen()
        return tuple(self._reach(unit_id, watched) for watched in self._watched.get(unit_id, ()))

    def _reach(self, unit_id: str, watched: _Watched) -> Reach:
        now = self._now()
        place, since = watched.place, self._called.get(unit_id, now)
        reach = reach_of(watched.endpoint, place.name, watched.changes, since, now, late_s=place.first_s)
        return reach if place.alive else replace(reach, after=None)  # nobody looks at it any more

    def gaps_since(self, unit_id: str, moment: float) -> tuple[str, ...]:
        """What has not answered for a time since then, in words.

        :param moment: in seconds since the epoch.
        """
        told = []
        for reach in self.reach(unit_id):
            gaps = [(gap.end or reach.until) - gap.start for gap in reach.gaps if gap.start >= moment]
            if reach.lost_since is not None:
                told.append(reach.silence)
            elif gaps:
                told.append(f"{reach.endpoint} ({reach.endpoint.serves}) did not answer for {max(gaps):.1f} s")
        return tuple(told)

    def confirm(self, unit_id: str) -> None:
        """An answer from now on is wanted of all that answered before."""
        for watched in self._watched.get(unit_id, ()):
            watched.unconfirmed = True
            watched.place.ask({"confirm": watched.key})

    def unconfirmed(self, unit_id: str) -> list[Reach]:
        """Those that answered before and have not answered since C(confirm)."""
        self._listen()
        wanted = [watched for watched in self._watched.get(unit_id, ()) if watched.unconfirmed and watched.place.alive]
        reached = [self._reach(unit_id, watched) for watched in wanted]
        return [reach for reach in reached if reach.before]

    def leave(self, unit_id: str) -> None:
        for watched in self._watched.get(unit_id, ()):
            self._leave(watched)

    def _leave(self, watched: _Watched) -> None:
        if self._by_key.pop(watched.key, None):
            watched.place.ask({"leave": watched.key})

    def close(self) -> None:
        for place in self._places:
            place.close()

    def try_once(self, sleep: Callable[[float], None] = time.sleep) -> list[Tried]:
        """Before anything is done: which of the endpoints answer now, from each place.

        Of many, as many as take about a second: one of each unit before a second of any.
        """
        endpoints = spread(self.endpoints, max(1, int(self._rate)))
        chosen = [_Watched(endpoint, place) for endpoint in endpoints for place in self._places]
        for watched in chosen:
            self._ask(watched)
        end = self._now() + TRY_S
        while any(not watched.changes for watched in chosen) and self._now() < end:
            sleep(FIRST_LOOK_S)
            self._listen()
        for watched in chosen:
            self._leave(watched)
        return [_tried(place, [each for each in chosen if each.place is place]) for place in self._places]

    def _listen(self) -> None:
        for place in self._places:
            for said in place.told():
                watched = self._by_key.get(str(said["key"]))
                if watched is not None:
                    at, seen = (float(str(said[name])) + place.ahead_s for name in ("at", "seen"))
                    watched.changes.append(Change(at, bool(said["answers"]), seen))
                    watched.unconfirmed = watched.unconfirmed and not said.get("confirmed")


def _tried(place: Place, watched: Sequence[_Watched]) -> Tried:
    silent = [each.endpoint for each in watched if not each.changes or not each.changes[-1].answers]
    return Tried(place.name, len(watched) - len(silent), tuple(silent))
