# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings, page after page, also while things come and go."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    MalformedAnswerError,
    NotFoundError,
)
from tests.unit.api.conversation import Conversation, client_for, ok, recorded, refusal


class Cloud:
    """A session that answers with pages of numbered items; `counts` says how the server counts."""

    def __init__(self, size: int, per_page_counts: bool = False, key: str = "id") -> None:
        self.items = [{key: str(number)} for number in range(size)]
        self.per_page_counts = per_page_counts
        self.pages = 0
        self.after_page: Any = lambda: None
        self._lock = threading.Lock()

    def send(self, prepared: Any, **options: Any) -> requests.Response:
        with self._lock:
            return self._answer(prepared)

    def _answer(self, prepared: Any) -> requests.Response:
        self.pages += 1
        params = dict(pair.split("=") for pair in prepared.body.split("&"))
        size, page = int(params["pagesize"]), int(params["page"])
        items = self.items[size * (page - 1) : size * page]
        count = len(items) if self.per_page_counts else len(self.items)
        self.after_page()
        return ok(count=count, vm=items) if items else ok(count=count) if count else ok()


@given(st.integers(0, 40), st.integers(1, 12), st.booleans(), st.sampled_from(["id", "jobid", "name"]))
def test_paging_returns_each_item_once(size: int, page_size: int, per_page_counts: bool, key: str) -> None:
    estate = Cloud(size, per_page_counts, key)
    assert client_for(estate, page_size=page_size).list("listThings", "vm") == estate.items
    assert estate.pages <= 2 * (size // max(1, page_size // 2) + 2)


@given(st.integers(1, 30), st.integers(1, 10), st.booleans(), st.data())
def test_an_estate_that_changes_while_it_is_read_is_read_again(
    size: int, page_size: int, grows: bool, data: st.DataObject
) -> None:
    estate = Cloud(size)
    when, where = data.draw(st.integers(1, 4)), data.draw(st.integers(0, size - 1))

    def change() -> None:
        if estate.pages == when and grows:
            estate.items.insert(where, {"id": "new"})
        elif estate.pages == when:
            del estate.items[where]

    estate.after_page = change
    before = [*estate.items]
    listed = client_for(estate, page_size=page_size).list("listThings", "vm")
    ids = [item["id"] for item in listed]
    assert len(ids) == len(set(ids))
    # Whatever was there all the time is listed.
    assert {item["id"] for item in before if item in estate.items} <= set(ids)


def test_items_that_stay_missing_are_an_error() -> None:
    page, end = ok(count=3, vm=[{"id": "a"}]), ok(count=3)
    talk = Conversation(*itertools.chain.from_iterable([[("listThings", page), ("listThings", end)]] * 2))
    with client_for(talk) as client, pytest.raises(MalformedAnswerError, match="counts 3 items but lists 1 as 'vm'"):
        client.list("listThings", "vm")


@pytest.mark.parametrize("value", [{"vm": {}}, {"vm": ["a"]}, {"vm": [], "count": "1"}])
def test_what_is_no_listing_is_an_error(value: dict[str, Any]) -> None:
    with client_for(Conversation(("listThings", ok(**value)))) as client, pytest.raises(MalformedAnswerError):
        client.list("listThings", "vm")


def test_empty_listings() -> None:
    with client_for(Conversation(("listRouters", {"page": "1"}, recorded("empty_list")))) as client:
        assert client.list("listRouters", "router") == []


def test_a_smaller_page_limit_of_the_server_is_kept_to() -> None:
    refused = refusal(431, "Page size can't exceed max allowed page size value: 2")
    page = ok(count=1, vm=[{"id": "a"}])
    talk = Conversation(
        ("listThings", {"pagesize": "500"}, refused),
        ("listThings", {"pagesize": "2", "page": "1"}, page),
        ("listThings", {"pagesize": "2"}, page),
    )
    with client_for(talk) as client:
        assert client.list("listThings", "vm") == client.list("listThings", "vm") == [{"id": "a"}]


def test_a_refused_listing_is_an_error() -> None:
    with client_for(Conversation(("listThings", recorded("no_such_entity")))) as client, pytest.raises(NotFoundError):
        client.list("listThings", "vm", id="x")
