# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prober as a process of its own, against sockets of this host."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing import prober

pytestmark = pytest.mark.slow

HOST = "127.0.0.1"


class Asked:
    """A prober that is asked, and what it has told by the moment that is waited for."""

    def __init__(self, rate: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, prober.__file__, str(rate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *lines: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines))
        self._process.stdin.flush()

    def line(self) -> dict[str, Any]:
        """The next one, as soon as it is told."""
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def told(self, seconds: float) -> list[dict[str, Any]]:
        """All, when so much time has passed; it ends then."""
        time.sleep(seconds)
        output, _nothing = self._process.communicate(timeout=10)
        assert self._process.returncode == 0
        return [json.loads(line) for line in output.splitlines()]

    def ends(self) -> None:
        """By itself, while its input goes on."""
        assert self._process.wait(timeout=10) == 0

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


Asking = Callable[[float], Asked]


@pytest.fixture
def asking() -> Iterator[Asking]:
    """Makes a prober with this rate, which ends with the test, however that ends."""
    made: list[Asked] = []

    def make(rate: float) -> Asked:
        made.append(Asked(rate))
        return made[-1]

    yield make
    for each in made:
        each.end()


@contextmanager
def listening() -> Iterator[tuple[socket.socket, int]]:
    with socket.create_server((HOST, 0), backlog=512) as listener:
        yield listener, listener.getsockname()[1]


def refusing(held: ExitStack) -> int:
    """A port at which nobody listens and nobody else will."""
    bound = held.enter_context(socket.socket())
    bound.bind((HOST, 0))
    return int(bound.getsockname()[1])


def accepted(listener: socket.socket) -> int:
    """How many connections were made so far."""
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def watch(key: str, port: int, **more: Any) -> dict[str, Any]:
    return {"watch": key, "address": HOST, "port": port, **more}


def test_first_results_have_their_share_while_others_do_not_answer(asking: Asking) -> None:
    """What is gone is tried again at once, and would leave nothing for what is to come next."""
    with listening() as (_listener, port), ExitStack() as held:
        gone = refusing(held)
        asked = asking(50)
        asked.ask(*(watch(f"gone-{number}", gone) for number in range(50)))
        asked.ask(*(watch(f"next-{number}", port, once=True) for number in range(10)))
        told = asked.told(2.0)
    assert [each["key"] for each in told if each["answers"]] == [f"next-{number}" for number in range(10)]
    assert {each["key"] for each in told if not each["answers"]} == {f"gone-{number}" for number in range(50)}


@pytest.mark.parametrize("rate", [50, 7])
def test_never_more_than_the_bound(asking: Asking, rate: int) -> None:
    with listening() as (listener, port):
        asked = asking(rate)
        asked.ask(*(watch(str(number), port) for number in range(3 * rate)))
        told = asked.told(2.0)
        made = accepted(listener)
    assert len(told) == made, "each of them once"
    began = [each["seen"] for each in told]
    assert all(began[last] - began[last - rate] >= 0.999 for last in range(rate, made)), "in no second, whenever begun"
    assert made - 1 >= 0.75 * rate * (began[-1] - began[0]), "and not much less"
    assert made > rate, "so that there is a second to look at"


def test_one_alone_is_tried_every_fifth_of_a_second(asking: Asking) -> None:
    with listening() as (listener, port):
        asked = asking(50)
        asked.ask(watch("1", port))
        told = asked.told(2.0)
        made = accepted(listener)
    assert len(told) == 1 and told[0]["answers"] is True
    assert 8 <= made <= 13


def test_what_is_tried_once_waits_until_it_is_armed(asking: Asking) -> None:
    with listening() as (listener, port):
        asked = asking(50)
        asked.ask(watch("1", port, once=True))
        time.sleep(0.6)
        assert accepted(listener) == 1
        asked.ask({"arm": "1"})
        time.sleep(0.6)
        assert accepted(listener) >= 2
        asked.ask({"leave": "1"})
        time.sleep(0.3)
        accepted(listener)
        asked.told(0.5)
        assert accepted(listener) == 0


def test_changes_and_confirmation_are_told(asking: Asking) -> None:
    with ExitStack() as held:
        with listening() as (_listener, port):
            asked = asking(50)
            asked.ask(watch("1", port))
            time.sleep(0.7)
            asked.ask({"confirm": "1"})
            time.sleep(0.7)
        gone = time.time()
        time.sleep(0.8)
        again = held.enter_context(socket.create_server((HOST, port)))
        back = time.time()
        told = asked.told(0.8)
        again.close()
    assert [(each["answers"], each.get("confirmed", False)) for each in told] == [
        (True, False),
        (True, True),
        (False, False),
        (True, False),
    ]
    assert abs(told[2]["at"] - gone) < 0.3 and abs(told[3]["at"] - back) < 0.3


def test_it_ends_with_its_input(asking: Asking) -> None:
    with listening() as (_listener, port):
        asked = asking(50)
        asked.ask(watch("1", port))
        assert asked.line()["answers"]
        asked.told(0.0)


def test_it_ends_when_it_is_asked_to(asking: Asking) -> None:
    asked = asking(50)
    asked.ask({"watch": "1", "address": HOST, "port": 1}, {"end": True})
    asked.ends()
