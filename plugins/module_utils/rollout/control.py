# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file by which people steer a rollout while it runs: pause, resume, stop, parallel."""

from __future__ import annotations

import errno
import math
import os
import re
from dataclasses import dataclass, replace

from ..api.errors import SysvmError

# Where the action plugin that runs the module makes a file to end it; no option, since it is no business of users.
STOP_VARIABLE = "SYSVM_STOP"
WORDS = "pause, resume, stop and parallel: N"
MOST_CHARACTERS = 10_000
PARALLEL = re.compile(r"parallel ?[:= ] ?([1-9]\d{0,5})")


@dataclass(frozen=True)
class Steering:
    """What people want.

    :ivar paused: None where nothing is said of it; likewise I(parallel).
    :ivar unknown: what has no meaning, as it is written.
    :ivar problem: why it cannot be read, although it is there.
    """

    paused: bool | None = None
    stopped: bool = False
    parallel: int | None = None
    unknown: tuple[str, ...] = ()
    problem: str = ""


def steering_of(text: str) -> Steering:
    """What lines say: the last of each kind counts, case and blanks do not matter, and C(#) begins a comment."""
    paused, stopped, parallel, unknown = None, False, None, []
    for line in text.lstrip("\ufeff").splitlines():
        word = " ".join(line.partition("#")[0].lower().split())
        if word in ("pause", "resume"):
            paused = word == "pause"
        elif word == "stop":
            stopped = True
        elif found := PARALLEL.fullmatch(word):
            parallel = int(found[1])
        elif word:
            unknown.append(line.strip()[:80])
    return Steering(paused, stopped, parallel, tuple(unknown))


def refuse_left_over(path: str, since: float = math.inf) -> None:
    """A file from before the run would steer what it was not meant for.

    :param since: when the run began, in seconds since the epoch.
    :raises SysvmError: there is one.
    """
    if os.path.exists(path) and os.path.getmtime(path) < since:
        raise SysvmError(
            f"Nothing was touched: {path}, by which a run is steered, is there from before it.",
            remedy="Remove it, and write it again once the run has begun.",
        )


class Control:
    """The file of one rollout.

    :param path: None where nothing can be steered.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self._read = ""
        self._unknown: set[str] = set()

    def news(self) -> Steering | None:
        """What the file says; None where it says nothing else than the last time. A file that goes says nothing, and
        what has no meaning, or cannot be read, is told once."""
        try:
            text = self._text()
            found = steering_of(text)
        except OSError as error:
            text, found = str(error), Steering(problem=error.strerror or str(error))
        if not text or text == self._read:
            return None
        self._read = text
        new = tuple(each for each in found.unknown if each not in self._unknown)
        self._unknown.update(new)
        return replace(found, unknown=new)

    def _text(self) -> str:
        """:raises OSError: it is there and cannot be read."""
        if self.path is None or not os.path.exists(self.path):
            return ""
        if not os.path.isfile(self.path):
            raise OSError(errno.EINVAL, "it is no file")
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read(MOST_CHARACTERS)
