# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prober: on a clock and a network of its own, which no load disturbs, and as a process against real sockets."""

from __future__ import annotations

import errno
import heapq
import itertools
import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing import prober
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.prober import ANSWERED, REFUSED, SILENT

HOST = "127.0.0.1"
EPOCH = 1_795_500_000.0
INCOMING, OUTGOING = 0, 1
ROUND_TRIP_S = 0.001
LATE_S = 0.0002  # a kernel wakes nobody before the time


def watch(key: str, port: int, **more: Any) -> dict[str, Any]:
    return {"watch": key, "address": HOST, "port": port, **more}


class World:
    """What a prober meets: a clock, somebody who asks, and a network.

    :ivar answers: what an attempt at a port comes to that begins so many seconds after the start.
    :ivar made: the attempts, by port and moment.
    :ivar told: what the prober said.
    """

    def __init__(self, answers: Callable[[int, float], str]) -> None:
        self.answers = answers
        self.now = 0.0
        self.made: list[tuple[int, float]] = []
        self.told: list[dict[str, Any]] = []
        self._events: list[tuple[float, int]] = []  # what becomes ready when
        self._asked: dict[float, bytes] = {}
        self._numbers = itertools.count(10)

    def run(self, monkeypatch: pytest.MonkeyPatch, rate: float, until: float, **asked: list[dict[str, Any]]) -> None:
        """:param asked: C(at_1_5) is asked 1.5 seconds after the start."""
        self._asked = {
            float(name.removeprefix("at_").replace("_", ".")): "".join(
                f"{json.dumps(line)}\n" for line in lines
            ).encode()
            for name, lines in asked.items()
        } | {until: b""}
        self._events = [(moment, INCOMING) for moment in sorted(self._asked)]
        monkeypatch.setattr(prober, "time", SimpleNamespace(monotonic=lambda: self.now, time=lambda: EPOCH + self.now))
        monkeypatch.setattr(prober, "select", SimpleNamespace(poll=lambda: self, POLLIN=1, POLLOUT=4))
        calls = {"read": self._read, "write": self._write, "set_blocking": lambda descriptor, blocking: None}
        monkeypatch.setattr(prober, "os", SimpleNamespace(**calls))
        names = ("AF_INET", "AF_INET6", "SOCK_STREAM", "SOL_SOCKET", "SO_ERROR")
        constants = {name: getattr(socket, name) for name in names}
        monkeypatch.setattr(prober, "socket", SimpleNamespace(socket=self._socket, **constants))
        prober.Prober(rate, INCOMING, OUTGOING).run()

    # --- as select.poll has it

    def register(self, descriptor: object, event: int) -> None:
        """All is looked at."""

    def unregister(self, descriptor: int) -> None:
        self._events = [event for event in self._events if event[1] != descriptor]
        heapq.heapify(self._events)

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        until = self.now + milliseconds / 1000 + LATE_S
        if not self._events or self._events[0][0] > until:
            self.now = until
            return []
        self.now = max(self.now, self._events[0][0])
        return [(heapq.heappop(self._events)[1], select.POLLIN)]

    # --- as os and socket have it

    def _read(self, descriptor: int, size: int) -> bytes:
        return self._asked.pop(min(self._asked))

    def _write(self, descriptor: int, text: bytes) -> int:
        self.told += [json.loads(line) for line in text.splitlines()]
        return len(text)

    def _socket(self, family: int, kind: int) -> SimpleNamespace:
        descriptor = next(self._numbers)
        problems: list[int] = []

        def connect(where: tuple[str, int]) -> int:
            self.made.append((where[1], self.now))
            outcome = self.answers(where[1], self.now)
            problems.append(errno.ECONNREFUSED if outcome == REFUSED else 0)
            if outcome != SILENT:
                heapq.heappush(self._events, (self.now + ROUND_TRIP_S, descriptor))
            return errno.EINPROGRESS

        return SimpleNamespace(
            fileno=lambda: descriptor,
            connect_ex=connect,
            getsockopt=lambda level, name: problems[0],
            setblocking=lambda blocking: None,
            close=lambda: None,
        )


def always(port: int, moment: float) -> str:
    return ANSWERED


GONE, OTHER = 1, 2


@pytest.mark.parametrize("gone", [REFUSED, SILENT])
def test_first_results_have_their_share_while_others_do_not_answer(monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    """What is gone is tried again at once, and would leave nothing for what is to come next."""
    world = World(lambda port, moment: gone if port == GONE else ANSWERED)
    lost = [watch(f"gone-{number}", GONE) for number in range(50)]
    following = [watch(f"next-{number}", OTHER, once=True) for number in range(10)]
    world.run(monkeypatch, 50, until=3.0, at_0=lost + following)
    assert [each["key"] for each in world.told if each["answers"]] == [f"next-{number}" for number in range(10)]
    assert {each["key"] for each in world.told if not each["answers"]} == {f"gone-{number}" for number in range(50)}


@pytest.mark.parametrize("rate", [50, 7])
def test_never_more_than_the_bound(monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    world = World(always)
    world.run(monkeypatch, rate, until=2.0, at_0=[watch(str(number), number) for number in range(3 * rate)])
    began = [moment for port, moment in world.made]
    assert len(world.told) == len(began) == len({port for port, moment in world.made}), "each of them once"
    assert all(began[last] - began[last - rate] >= 0.999 for last in range(rate, len(began))), "in no second"
    assert len(began) - 1 >= 0.9 * rate * (began[-1] - began[0]), "and not much less"
    assert len(began) > rate, "so that there is a second to look at"


def test_one_alone_is_tried_every_fifth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(always)
    world.run(monkeypatch, 50, until=2.0, at_0=[watch("1", OTHER)])
    assert [each["answers"] for each in world.told] == [True]
    assert len(world.made) in (10, 11)


def test_what_is_tried_once_waits_until_it_is_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(always)
    once, arm, leave = watch("1", OTHER, once=True), {"arm": "1"}, {"leave": "1"}
    world.run(monkeypatch, 50, until=3.0, at_0=[once], at_1=[arm], at_2=[leave])
    moments = [moment for port, moment in world.made]
    assert moments[0] < 0.1 and moments[1] >= 1.0 and moments[-1] < 2.0
    assert len(moments) in (5, 6, 7)


def test_changes_and_confirmation_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, back = 1.4, 2.2
    world = World(lambda port, moment: REFUSED if gone <= moment < back else ANSWERED)
    world.run(monkeypatch, 50, until=3.0, at_0=[watch("1", OTHER)], at_0_7=[{"confirm": "1"}])
    assert [(each["answers"], each.get("confirmed", False)) for each in world.told] == [
        (True, False),
        (True, True),
        (False, False),
        (True, False),
    ]
    assert [each["at"] - EPOCH for each in world.told[2:]] == [
        pytest.approx(gone, abs=0.11),
        pytest.approx(back, abs=0.11),
    ]


def test_one_attempt_without_an_answer_is_no_gap_and_two_are(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[float] = []

    def answer(port: int, moment: float) -> str:
        if 1.0 <= moment < 1.5 and len(lost) < port:
            lost.append(moment)
            return SILENT
        return ANSWERED

    for packets, changes in ((1, [True]), (2, [True, False, True])):
        world = World(answer)
        with monkeypatch.context() as patch:
            world.run(patch, 50, until=4.0, at_0=[watch("1", packets)])
        assert [each["answers"] for each in world.told] == changes
        lost.clear()


# --- a process, and the sockets of this host


class Process:
    """A prober of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, prober.__file__, "50"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._limit = threading.Timer(90.0, self._process.kill)
        self._limit.start()

    def ask(self, *lines: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines))
        self._process.stdin.flush()

    def answers(self) -> bool:
        """What the next line says, as soon as it is told."""
        assert self._process.stdout is not None
        return bool(json.loads(self._process.stdout.readline())["answers"])

    def end_of_input(self) -> int:
        """The exit status."""
        self._process.communicate()
        return self._process.returncode

    def end(self) -> int:
        """While its input goes on: the exit status."""
        return self._process.wait()

    def kill(self) -> None:
        self._limit.cancel()
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def process() -> Iterator[Process]:
    made = Process()
    yield made
    made.kill()


@pytest.mark.slow
def test_it_sees_when_nobody_listens_and_ends_with_its_input(process: Process) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        process.ask(watch("1", port))
        assert process.answers() is True
    assert process.answers() is False
    with socket.create_server((HOST, port)):
        assert process.answers() is True
        assert process.end_of_input() == 0


@pytest.mark.slow
def test_it_ends_when_it_is_asked_to(process: Process) -> None:
    process.ask(watch("1", 1), {"end": True})
    assert process.end() == 0
