# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of one listing: which to ask for, so that nothing is lost between two of them.

A server makes each page anew. What goes from an earlier page moves all that follows one place up, so what stood first
on the next page is on none; what comes may balance the count. So pages overlap: where two have an item in common,
whatever stands before it was on the first and whatever stands behind it is on the second. This holds for every item
that stays, whatever comes and goes meanwhile and in whatever order the pages are made, as the server's lists have a
fixed order (by id or by age).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

FEWEST_IN_COMMON = 2  # items that two pages have in common if nothing moves, where that is possible
IN_COMMON = 50  # of a page of so many items one is on the next page as well


class Page(NamedTuple):
    """As the parameters C(page) and C(pagesize) ask for it.

    :ivar after: how many items the pages before it have, as long as nothing moves.
    """

    number: int
    size: int
    after: int = 0

    @property
    def begin(self) -> int:
        """How many items stand before it."""
        return (self.number - 1) * self.size

    @property
    def end(self) -> int:
        return self.number * self.size

    @property
    def overlaps(self) -> bool:
        return self.begin < self.after


@cache
def page_at(position: int, most: int) -> Page:
    """One page of a listing.

    A page can only begin at a multiple of its size. So each has the size, of those allowed, with which it begins before
    the end of the page before it and reaches furthest: with 500, the second has 495 and begins 5 earlier. Some ten
    items in common cost one page more than none in fifty.

    :param position: 0 for the first page.
    :param most: how many items the server allows on a page.
    """
    if position == 0:
        return Page(1, most)
    read = page_at(position - 1, most).end
    in_common = max(FEWEST_IN_COMMON, most // IN_COMMON)
    for overlap in (in_common, 1, 0):  # with pages of one or two items there is no way
        end, size = max(((read - overlap) // size * size + size, size) for size in range(1, most + 1))
        if end > read:
            break
    return Page(end // size, size, read)


class NoPageError(Exception):
    """An answer of another form."""


@dataclass
class Reading(Generic[Item]):
    """All pages of a listing, read once, in their order.

    :ivar found: the items by identity, so each once.
    :ivar count: how many there are, by the highest count that any page gave.
    :ivar whole: whether nothing can be missing.
    """

    found: dict[str, Item] = field(default_factory=dict)
    count: int = 0
    whole: bool = True
    _before: frozenset[str] = frozenset()

    def add(self, page: Page, items: Any, count: Any, convert: Callable[[Mapping[str, Any]], Item]) -> bool:
        """Take in the next page.

        :returns: whether it was the last.
        :raises NoPageError: for what is none.
        :raises KeyError: when an item lacks a field that convert needs.
        """
        if not isinstance(count, int) or not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
            raise NoPageError
        here, known = frozenset(map(identity_of, items)), len(self.found)
        self.found.update((identity_of(item), convert(item)) for item in items)
        self.count = max(self.count, count)
        short, more = len(items) < page.size, count > page.begin + len(items)
        last = len(self.found) == known or (short and not more)
        torn = page.after > 0 and not (page.overlaps and here & self._before)
        # A page that is short of what it counts itself has lost some, and so has one that ends too early.
        self.whole = self.whole and not torn and not (more and (short or last))
        self._before = here
        return last


def identity_of(item: Mapping[str, Any]) -> str:
    """What makes an item one of a kind; a template has one row per zone."""
    if item.get("id"):
        return f"{item['id']} {item.get('zoneid')}"
    return str(item.get("jobid") or json.dumps(item, sort_keys=True))
