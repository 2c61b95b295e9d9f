# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened, as events tell it: each type is read once, for all who ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api.errors import ParameterError
from .lists import ALL_OWNERS, Lists
from .moments import TOLERANCE_S, moment

Event = Mapping[str, Any]

KEPT = ("id", "parentid", "type", "state", "level", "created", "resourceid", "description")


@dataclass
class Events:
    """The events of one moment (listEvents). Whoever wants those of a later one makes it anew.

    A project's events are listed with C(projectid=-1) only.

    :param begin: none that is older is asked for, by the server's clock in epoch seconds; None: by age no bound.
    """

    lists: Lists
    begin: float | None
    _read: dict[str, _Pages] = field(default_factory=dict)

    def of(self, kind: str, since: float | None) -> list[Event]:
        """Events of one type back to a moment; more may be listed than was asked for.

        :raises ApiError: as Client.read.
        """
        begin = None if since is None or self.begin is None else min(since, self.begin)
        pages = self._read.get(kind)
        if pages is None or not pages.goes_back_to(begin):
            pages = self._read[kind] = _Pages(self.lists, kind, begin)
        return pages.back_to(since)


class _Pages:
    """Those of one type, newest page first; within a page they are in no order."""

    def __init__(self, lists: Lists, kind: str, begin: float | None) -> None:
        self._client, self._begin = lists.client, begin
        self._filters: dict[str, Any] = {**ALL_OWNERS, "type": kind}
        if begin is not None:
            self._filters["startdate"] = lists.start_date(begin - TOLERANCE_S)
        self._events: dict[str, Event] = {}
        self._read = 0
        self._oldest = float("inf")
        self._ended = False

    def goes_back_to(self, begin: float | None) -> bool:
        return self._begin is None or (begin is not None and begin >= self._begin)

    def back_to(self, since: float | None) -> list[Event]:
        while not self._ended:
            if since is not None and self._oldest < since - TOLERANCE_S:
                break
            self._next()
        return [*self._events.values()]

    def _next(self) -> None:
        try:
            answer = self._client.page("listEvents", self._read + 1, **self._filters)
        except ParameterError:
            if self._filters.pop("startdate", None) is None:
                raise
            return  # a release that wants it in another form
        self._read += 1
        batch = answer.get("event") or []
        for event in batch:
            self._events[str(event.get("id"))] = {key: event.get(key) for key in KEPT}
            created = moment(event.get("created"))
            self._oldest = min(self._oldest, self._oldest if created is None else created)
        self._ended = len(batch) < self._client.page_size
