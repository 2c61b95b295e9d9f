# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows what a module at work appends to its files: the log for people, the journal for the report."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

from ..module_utils.knowledge.shapes import ResultData


class Tail:
    """The lines that are appended to a file from now on. Of a device or a pipe there is no end: it is left alone.

    A file of the same name that took its place, or was cut off, is read from its beginning.

    :param whole: also those that it has already.
    """

    def __init__(self, path: str, *, whole: bool = False) -> None:
        self._path = path
        self._file: tuple[int, int] | None = None
        self._position = 0
        self._rest = b""
        with contextlib.suppress(OSError):
            if not whole and os.path.isfile(path):
                found = os.stat(path)
                self._file, self._position = _identity(found), found.st_size

    def lines(self) -> list[str]:
        """The whole lines since the last call. None of a file that is not there yet or that cannot be read."""
        with contextlib.suppress(OSError):
            if os.path.isfile(self._path):
                with open(self._path, "rb") as file:
                    self._seek(file)
                    self._rest += file.read()
                    self._position = file.tell()
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in lines]

    def _seek(self, file: BinaryIO) -> None:
        found = os.fstat(file.fileno())
        if self._file != _identity(found) or found.st_size < self._position:
            self._file, self._position, self._rest = _identity(found), 0, b""
        file.seek(self._position)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


class Followed:
    """What a journal has said so far. What is no event, such as a line that a full disk has cut off, says nothing.

    :ivar running: the units at work by id, and since when.
    :ivar results: of those that have ended, by id.
    """

    def __init__(self, path: str) -> None:
        self.running: dict[str, str] = {}
        self.results: dict[str, ResultData] = {}
        self._tail = Tail(path, whole=True)

    def follow(self) -> bool:
        """Read what was appended since the last time.

        :returns: whether there was anything.
        """
        lines = self._tail.lines()
        for line in lines:
            with contextlib.suppress(ValueError, LookupError, TypeError):
                self._take(json.loads(line))
        return bool(lines)

    def _take(self, event: Mapping[str, Any]) -> None:
        if "started" in event:
            self.running[event["started"]] = event["at"]
        else:
            result = event["result"]
            self.running.pop(result["id"], None)
            self.results[result["id"]] = result
