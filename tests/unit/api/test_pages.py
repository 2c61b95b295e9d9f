# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of one listing that are read side by side: nobody can tell from the outcome."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    ApiError,
    MalformedAnswerError,
    PermissionDeniedError,
)
from tests.support.examples import examples
from tests.unit.api.conversation import Clock, answer, client_for, html, ok, refusal

NOT_ALLOWED = "The given command 'x' either does not exist, is not available for user."
PASSES = {
    "503": lambda: html(503),
    "429": lambda: refusal(429, "please retry after [900] ms."),
    "nonsense": lambda: answer("{", 200),
}
STAYS = {
    "refused": lambda: refusal(401, NOT_ALLOWED),
    "no listing": lambda: ok(count=1, vm={}),
    "no id": lambda: ok(count=1, vm=[{}]),
}


class Pages:
    """A session that answers by the page that is asked for; it may be asked by several threads at once."""

    def __init__(self, size: int, largest_page: int = 500) -> None:
        self.items = [{"id": str(number)} for number in range(size)]
        self.largest_page = largest_page
        self.faults: dict[int, list[str]] = {}  # of a page: how the first requests for it end
        self.counts: dict[int, int] = {}  # of a page: what it gives as the count instead
        self.slow: set[int] = set()
        self.threads: dict[int, int] = {}  # who asked for a page last
        self.meeting: frozenset[int] = frozenset()  # pages of which none is answered before all are asked for
        self.asked: Counter[int] = Counter()
        self.now = self.most = 0
        self._condition = threading.Condition()

    def send(self, prepared: Any, **dummy: Any) -> requests.Response:
        params = dict(parse_qsl(prepared.body))
        if params["command"] != "listThings":
            return ok()
        page, size = int(params["page"]), int(params["pagesize"])
        with self._condition:
            self.asked[page] += 1
            self.threads[page] = threading.get_ident()
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            if page in self.meeting:
                self._meet(page)
            if page in self.slow:
                time.sleep(0.1)
            return self._answer(page, size)
        finally:
            with self._condition:
                self.now -= 1

    def _answer(self, page: int, size: int) -> requests.Response:
        faults = self.faults.get(page)
        with self._condition:
            fault = faults.pop(0) if faults else None
        if fault == "reset":
            raise requests.ConnectionError("reset")
        if fault is not None:
            return (PASSES | STAYS)[fault]()
        if size > self.largest_page:
            return refusal(431, f"Page size can't exceed max allowed page size value: {self.largest_page}")
        return ok(count=self.counts.get(page, len(self.items)), vm=self.items[size * (page - 1) : size * page])

    def _meet(self, page: int) -> None:
        with self._condition:
            self._condition.notify_all()
            if not self._condition.wait_for(lambda: all(self.asked[each] for each in self.meeting), 30):
                pytest.fail(f"page {page} is asked for alone")

    def close(self) -> None:
        pass


def outcome_of(pages: Pages, connections: int, page_size: int, expected: int = 0) -> Any:
    """The ids in their order, or the error."""
    with client_for(pages, page_size=page_size, connections=connections) as client:
        client.read("listZones")  # a server that has never answered is given up sooner
        try:
            ids = client.list_as("listThings", "vm", lambda item: item["id"], expected=expected)
        except ApiError as error:
            return type(error), error.message.partition(" (Tried")[0]
    assert pages.now == 0, "nothing is under way when a listing has been read"
    assert pages.most <= connections
    return ids


page_numbers = st.integers(1, 8)
faults = st.dictionaries(page_numbers, st.lists(st.sampled_from([*PASSES, "reset"]), max_size=3), max_size=3)
lasting = st.dictionaries(page_numbers, st.sampled_from([*STAYS]), max_size=1)


@given(
    st.integers(0, 40),
    st.integers(1, 12),
    st.integers(2, 5),
    st.integers(0, 50),
    st.integers(1, 15),
    faults,
    lasting,
    st.dictionaries(page_numbers, st.integers(0, 60), max_size=3),
)
def test_pages_read_side_by_side_are_as_those_read_one_after_the_other(
    size: int,
    page_size: int,
    connections: int,
    expected: int,
    largest_page: int,
    faults: dict[int, list[str]],
    lasting: dict[int, str],
    counts: dict[int, int],
) -> None:
    outcomes = []
    for at_once in (1, connections):
        pages = Pages(size, largest_page)
        pages.faults = {
            page: [*faults.get(page, ()), *([lasting[page]] * 99 if page in lasting else ())]
            for page in {*faults, *lasting}
        }
        pages.counts = counts
        outcomes.append(outcome_of(pages, at_once, page_size, expected if at_once > 1 else 0))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("expected", "meeting"), [(0, {2, 3, 4, 5}), (400, {1, 2, 3, 4})])
def test_as_many_pages_are_asked_for_at_a_time_as_there_may_be_connections(expected: int, meeting: set[int]) -> None:
    """Also the first, where it is known how many there are."""
    pages = Pages(750)
    pages.meeting = frozenset(meeting)
    assert outcome_of(pages, 4, 100, expected) == [item["id"] for item in pages.items]
    assert pages.most == 4
    assert pages.asked == Counter(range(1, 10)), "no page more than one after the other"


@pytest.mark.parametrize(("size", "connections"), [(5, 4), (40, 1)])
def test_there_are_no_threads_for_a_single_page_or_a_single_connection(size: int, connections: int) -> None:
    pages = Pages(size)
    outcome_of(pages, connections, 6)
    assert set(pages.threads.values()) == {threading.get_ident()}


def test_a_listing_that_ends_early_leaves_nothing_under_way() -> None:
    """Neither a second look nor the next listing has more requests under way than allowed."""
    pages = Pages(110)
    pages.counts, pages.slow = dict.fromkeys(range(1, 9), 800), {3, 4, 5}
    pages.meeting = frozenset({2, 3, 4, 5})
    assert outcome_of(pages, 4, 100) == (
        MalformedAnswerError,
        "listThings: the server counts 800 items but lists 110 as 'vm'.",
    )
    assert (pages.now, pages.most) == (0, 4)


def test_a_page_that_fails_is_repeated_with_patience_by_the_callers_thread() -> None:
    pages, clock, told = Pages(750), Clock(), []
    pages.faults = {4: ["503", "reset"], 5: ["429"]}
    with client_for(pages, clock, page_size=100, connections=4) as client:
        client.on_retry = lambda error, delay: told.append((threading.get_ident(), delay))
        assert len(client.list("listThings", "vm")) == 750
    assert told == [(threading.get_ident(), delay) for delay in clock.slept]
    assert clock.slept == [0.5, 1.0, 0.5 + 0.9]
    assert pages.asked.total() == 9 + 3


def test_what_is_refused_on_a_later_page_is_the_error_of_the_listing() -> None:
    pages, clock = Pages(40), Clock()
    pages.faults = {4: ["refused"]}
    with (
        client_for(pages, clock, page_size=5, connections=4) as client,
        pytest.raises(PermissionDeniedError, match="is not available for user"),
    ):
        client.list("listThings", "vm")
    assert clock.slept == []


class Moving(Pages):
    """A list in which things come and go: before an answer, those at these places go and so many come.

    :param newest_first: where those that come stand; the server's lists have them at one of their ends.
    """

    def __init__(self, size: int, moves: dict[int, tuple[list[int], int]], newest_first: bool = False) -> None:
        super().__init__(size)
        self.moves, self.newest_first = moves, newest_first
        self.stayed = {item["id"] for item in self.items}
        self._lock = threading.Lock()

    def _answer(self, page: int, size: int) -> requests.Response:
        with self._lock:
            going, coming = self.moves.get(self.asked.total(), ([], 0))
            for place in going:
                if self.items:
                    self.stayed.discard(self.items.pop(place % len(self.items))["id"])
            for number in range(coming):
                new = {"id": f"new-{self.asked.total()}-{number}"}
                self.items.insert(0 if self.newest_first else len(self.items), new)
            return super()._answer(page, size)


@pytest.mark.parametrize("page_size", [2, 3, 4])
def test_one_that_goes_and_one_that_comes_between_two_pages_hide_no_third(page_size: int) -> None:
    pages = Moving(6, {2: ([0], 1)})
    assert set(outcome_of(pages, 1, page_size)) >= {"1", "2", "3", "4", "5"}


class OutOfOrder(Moving):
    """Of two pages that are asked for at once, the later one is answered first."""

    def __init__(self, size: int, moves: dict[int, tuple[list[int], int]]) -> None:
        super().__init__(size, moves)
        self._answered: Counter[int] = Counter()
        self._later = threading.Condition()

    def _answer(self, page: int, size: int) -> requests.Response:
        with self._later:
            if page % 2:
                self._later.wait_for(lambda: self._answered[page + 1] > self._answered[page], 0.05)
            self._answered[page] += 1
            self._later.notify_all()
            return super()._answer(page, size)


def test_what_moves_is_read_again_page_after_page() -> None:
    """A page that is older than the one before it brings nothing new, and would end the list."""
    pages = OutOfOrder(30, {number: ([0], 1) for number in range(2, 99)})
    assert set(outcome_of(pages, 4, 5, expected=30)) >= pages.stayed


some_moves = st.tuples(st.lists(st.integers(0, 60), max_size=3), st.integers(0, 3))


@given(
    st.integers(0, 60),
    st.sampled_from([1, 2, 3, 7, 12, 20]),
    st.dictionaries(st.integers(2, 12), some_moves, max_size=3),
    st.booleans(),
)
@examples(50)
def test_whatever_was_there_all_the_time_is_listed(
    size: int, page_size: int, moves: dict[int, tuple[list[int], int]], newest_first: bool
) -> None:
    pages = Moving(size, moves, newest_first)
    listed = outcome_of(pages, 1, page_size)
    assert isinstance(listed, list), "things come and go: that is no error"
    assert pages.stayed <= set(listed)


@given(st.integers(500, 2500), st.booleans(), st.lists(st.integers(0, 3000), min_size=30, max_size=30))
@examples(20)
def test_a_list_that_never_stands_still_is_read_once(size: int, newest_first: bool, places: list[int]) -> None:
    """One goes and one comes before each answer."""
    pages = Moving(size, {number: ([place], 1) for number, place in enumerate(places, 2)}, newest_first)
    listed = outcome_of(pages, 4, 500)
    assert pages.stayed <= set(listed)
    assert pages.asked.total() <= size // 470 + 2


@given(st.integers(20, 80), st.integers(2, 20), st.booleans(), st.data())
@examples(30)
def test_nothing_is_hidden_however_much_moves(
    size: int, page_size: int, newest_first: bool, data: st.DataObject
) -> None:
    """Pages so small that what moves is more than what they have in common."""
    places = data.draw(st.lists(st.integers(0, 80), min_size=60, max_size=60))
    pages = Moving(size, {number: ([place], 1) for number, place in enumerate(places, 2)}, newest_first)
    listed = outcome_of(pages, 3, page_size, expected=size)
    assert isinstance(listed, tuple) or pages.stayed <= set(listed)


def test_pages_that_overlap_cost_no_more_calls() -> None:
    for size, calls in ((499, 1), (5000, 11), (5500, 12), (20_000, 43)):
        pages = Pages(size)
        assert len(outcome_of(pages, 4, 500)) == size
        assert pages.asked.total() == calls


def test_of_a_list_of_which_not_all_matters_one_reading_is_enough() -> None:
    pages = Moving(40, {number: ([0, 0, 0], 2) for number in range(2, 30)})
    with client_for(pages, page_size=7, connections=1) as client:
        assert len(client.list_as("listThings", "vm", str, all_matter=False)) > 20
    assert pages.asked.total() < 12


HANGS = """
import os, signal, threading
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from tests.unit.api.test_pages import Pages

class Silent(Pages):
    def _answer(self, page, size):
        if page < 3:
            return super()._answer(page, size)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()

signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it
client = Client(Connection("http://cloud.test/client/api", "k", "s", page_size=5), session=Silent(40))
try:
    client.list("listThings", "vm")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupted_process_does_not_wait_for_answers() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "interrupted\n"), ended.stderr
