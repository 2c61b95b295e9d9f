# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows what a module at work appends to its files: the log for people, the journal for the report."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field

from ..module_utils.knowledge.shapes import ResultData


class Tail:
    """The lines that are appended to a file from now on. Of a device or a pipe there is no end: it is left alone."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._position = os.path.getsize(path) if os.path.isfile(path) else 0
        self._rest = b""

    def lines(self) -> list[str]:
        """The whole lines since the last call. None of a file that is not there yet or that cannot be read."""
        with contextlib.suppress(OSError):
            if os.path.isfile(self._path):
                with open(self._path, "rb") as file:
                    file.seek(self._position)
                    self._rest += file.read()
                    self._position = file.tell()
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in lines]


@dataclass
class Followed:
    """What a journal has said so far.

    :ivar running: the units at work by id, and since when.
    :ivar results: of those that have ended, by id.
    """

    running: dict[str, str] = field(default_factory=dict)
    results: dict[str, ResultData] = field(default_factory=dict)
    _position: int = 0

    def follow(self, path: str) -> bool:
        """Read what was appended since the last time.

        :returns: whether there was anything.
        """
        try:
            with open(path, "rb") as file:
                file.seek(self._position)
                whole, newline, _rest = file.read().rpartition(b"\n")
        except OSError:
            return False
        self._position += len(whole) + len(newline)
        for line in whole.splitlines():
            event = json.loads(line)
            if "started" in event:
                self.running[event["started"]] = event["at"]
            else:
                self.running.pop(event["result"]["id"], None)
                self.results[event["result"]["id"]] = event["result"]
        return bool(newline)
