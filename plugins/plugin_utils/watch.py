# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does something that takes long in a process beside this one, and looks after it: shows the lines of its log, tells it
to stop when the run is interrupted.

A process and not a thread. ansible-core's worker is forked while its main thread holds the display's lock, and keeps it
for ever: whatever else wants to display there may wait for ever too, and under an old ansible-runner does. ansible-core
displays in nearly everything it does (with C(-vvv)), so nothing of it may run in a second thread.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from types import FrameType, TracebackType
from typing import Any, TypeVar

from .tail import Tail

T = TypeVar("T")

FORK = multiprocessing.get_context("fork")  # as ansible-core does: what is done beside need not be pickled
PAUSE_S = 0.2
# A terminal that goes away sends the last one.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WHO = {
    signal.SIGINT: "Ctrl-C (SIGINT)",
    signal.SIGTERM: "SIGTERM",
    signal.SIGHUP: "the end of its terminal (SIGHUP)",
    signal.SIGKILL: "the end of ansible-playbook",
}


def stopped_by(number: signal.Signals) -> str:
    """Who stopped the run, and when by the clock of this machine."""
    return f"stopped by {WHO[number]} at {time.strftime('%H:%M:%S %Z')}"


class Watch:
    """While it is entered, SIGINT, SIGTERM and SIGHUP make the stop file instead of ending this process.

    So does the death of ansible-playbook: what runs here, which nobody sees any more, would go on beside the next run.

    Everything that is not the work itself happens in the main thread of this process.

    :param log: the file that the work appends its lines to.
    :param show: shows one of them; not after an interruption, when nobody takes it any more.
    :param keep: gets each of them, whatever happens.
    :param tick: called several times a second; the lines that it returns are kept and shown like those of the log.
    :ivar interrupted: by which signal; SIGKILL means that ansible-playbook is gone.
    """

    def __init__(
        self,
        log: str,
        stop_file: str,
        show: Callable[[str], None],
        keep: Callable[[str], None] = lambda line: None,
        tick: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.interrupted: signal.Signals | None = None
        self._tail = Tail(log)
        self._stop_file = stop_file
        self._show = show
        self._keep = keep
        self._tick = tick
        self._showing = False
        self._process: ForkProcess | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Watch:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                self._handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def beside(self, work: Callable[[], T]) -> T:
        """Do it in a process of its own while the log is shown; what it returns or raises."""
        receiver, sender = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_answer, args=(work, sender))
        self._process.start()
        sender.close()
        try:
            while not receiver.poll(PAUSE_S):
                self._look()
        except BaseException:  # the timeout of a task is one: nothing may go on unseen
            self._stop()
            raise
        finally:
            answer = _receive(receiver)
            self._process.join()
        self._look()
        if answer is None:
            self._stop()  # what it had started may have survived it
            raise RuntimeError(f"the process that ran the module came to an end of its own: {self._process.exitcode}")
        result, error = answer
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _look(self) -> None:
        self._tell(self._tail.lines())
        self._is_over()
        self._tell(self._tick())

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._keep(line)
            # Nobody takes lines any more when ansible-playbook ends, and trying long enough means waiting for ever.
            if self._is_over():
                continue
            self._showing = True
            with contextlib.suppress(OSError):  # there is no display any more
                self._show(line)
            self._showing = False

    def _is_over(self) -> bool:
        if _orphaned():
            self._interrupt(signal.SIGKILL)
        return self.interrupted is not None

    def _handle(self, number: int, dummy: FrameType | None) -> None:
        self._interrupt(signal.Signals(number))
        if self._showing:
            raise InterruptedError  # the display waits for as long as its terminal is stopped

    def _interrupt(self, number: signal.Signals) -> None:
        if self.interrupted is None:
            self.interrupted = number
            self._stop()

    def _stop(self) -> None:
        try:
            with open(self._stop_file, "w", encoding="utf-8"):
                pass
        except OSError:  # the folder is gone, the disk full: a hard end is better than none
            if self._process is not None and self._process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGTERM)


def _orphaned() -> bool:
    """Whether ansible-playbook, whose worker this is, is gone."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.pid != os.getppid()


def _answer(work: Callable[[], Any], sender: Connection) -> None:
    """Do the work and send what it returned or raised. In the process beside."""
    os.setsid()  # Ctrl-C reaches all that belongs to a terminal; what is at work is told by the stop file
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    try:
        answer: tuple[Any, BaseException | None] = work(), None
    except BaseException as error:
        answer = None, _picklable(error)
    sender.send(answer)


def _receive(receiver: Connection) -> tuple[Any, BaseException | None] | None:
    """The answer of the process beside; None if it ended without one."""
    with receiver, contextlib.suppress(EOFError):
        return receiver.recv()  # type: ignore[no-any-return]
    return None


def _picklable(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
