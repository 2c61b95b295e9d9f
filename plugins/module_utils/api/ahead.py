# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions that are asked before their answers are wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Ahead(Generic[Question, Answer]):
    """Asks some questions at a time, each in a thread of its own; what an answer means is the caller's thread's.

    :param ask: in any thread.
    """

    def __init__(self, ask: Callable[[Question], Answer]) -> None:
        self._ask = ask
        self._asked: dict[Question, Future[Answer]] = {}

    def begin(self, questions: Iterable[Question]) -> None:
        """Ask them, but for those that are asked already."""
        for question in questions:
            if question not in self._asked:
                self._asked[question] = in_a_thread(partial(self._ask, question))

    def take(self, question: Question) -> Answer:
        """Its answer, or the exception; to be asked again it has to be taken again."""
        asked = self._asked.pop(question, None)
        return asked.result() if asked else self._ask(question)

    def end(self) -> None:
        """Wait for what is under way, and forget it."""
        wait(self._asked.values())
        self._asked.clear()


def in_a_thread(ask: Callable[[], Answer]) -> Future[Answer]:
    """Ask beside everything else; an executor's threads would make an interrupted process wait for their answers."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except BaseException as exc:
            future.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return future
