# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes in virtual time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.endpoints import Endpoint
from tests.unit.rollout.fake import FakeServer

WEB = Endpoint("203.0.113.7", 443, "load balancing: web")
Seen = list[tuple[float, bool]]
"""When an endpoint began to answer or ceased to."""


class Schedule:
    """A place from which an endpoint answers at times that a test sets."""

    name = "here"
    alive = True
    wait_s, first_s, ahead_s = 0.5, 2.0, 0.0

    def __init__(self, server: FakeServer, seen: Seen, first_after: float = 0.0) -> None:
        self._server = server
        self._seen = seen
        self._asked: dict[object, float] = {}
        self._told: set[tuple[object, float]] = set()
        self._first_after = first_after
        self._confirm: set[object] = set()
        self.left: list[object] = []
        self.armed: dict[object, float] = {}

    def ask(self, line: Mapping[str, object]) -> None:
        if "watch" in line:
            self._asked[line["watch"]] = self._server.clock()
        elif "arm" in line:
            self.armed[line["arm"]] = self._server.clock()
        elif "confirm" in line:
            self._confirm.add(line["confirm"])
        else:
            self.left.append(line["leave"])

    def told(self) -> Iterable[Mapping[str, object]]:
        for key, since in self._asked.items():
            for offset, answers in self._seen:
                at = since + offset + self._first_after
                if at <= self._server.clock() and (key, offset) not in self._told:
                    self._told.add((key, offset))
                    confirmed = answers and key in self._confirm
                    self._confirm -= {key} if confirmed else set()
                    yield {"key": key, "at": at, "seen": at, "answers": answers, "confirmed": confirmed}
            now = self._server.clock()
            states = [answers for offset, answers in self._seen if since + offset + self._first_after <= now]
            if key in self._confirm and states and states[-1]:
                self._confirm.remove(key)
                yield {"key": key, "at": now, "seen": now, "answers": True, "confirmed": True}

    def close(self) -> None:
        """Nothing runs."""
