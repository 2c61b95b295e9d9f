# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks after a running module: its log, signals, the death of ansible-playbook."""

from __future__ import annotations

import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleError

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.watch import FORK, SIGNALS, Watch
from tests.support.waiting import wait_for

LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal() -> Iterator[None]:
    """A shell starts what it runs in the background with SIGINT ignored, and a Watch leaves that as it is."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def raise_when(happened: Callable[[], bool], number: signal.Signals) -> None:
    """A signal to this process."""
    wait_for(happened)
    os.kill(os.getpid(), number)


class Module:
    """Stands for a module: appends to its log, ends when it finds the stop file."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.stop_file = folder / "stop" / "file"
        self.stop_file.parent.mkdir()
        self.shown: list[str] = []

    def watch(self, show: Callable[[str], None] | None = None) -> Watch:
        return Watch(str(self.log), str(self.stop_file), show or self.shown.append)

    def run_until_stopped(self) -> str:
        append(self.log, b"start\n")
        wait_for(self.stop_file.exists)
        append(self.log, b"stop\n")
        return "stopped"


@pytest.fixture
def module(tmp_path: Path) -> Module:
    return Module(tmp_path)


# The work beside


def test_lines_are_shown_by_the_main_thread_of_this_process_while_the_work_goes_on(module: Module) -> None:
    shown: list[tuple[str, int, threading.Thread]] = []
    seen = module.log.with_name("seen")

    def work() -> str:
        append(module.log, b"start\n")
        wait_for(seen.exists)
        append(module.log, b"end\n")
        return "ended"

    def show(line: str) -> None:
        seen.touch()
        shown.append((line, os.getpid(), threading.current_thread()))

    with module.watch(show) as watch:
        assert watch.beside(work) == "ended"
        assert watch.beside(lambda: "more than one") == "more than one"
    here = os.getpid(), threading.main_thread()
    assert shown == [("start", *here), ("end", *here)]
    assert watch.interrupted is None and not module.stop_file.exists()


def test_what_the_work_returns_may_be_big(module: Module) -> None:
    with module.watch() as watch:
        assert len(watch.beside(lambda: "x" * 5_000_000)) == 5_000_000


class OddError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def test_the_exception_of_the_work_comes_back(module: Module) -> None:
    def fail(error: Exception) -> Callable[[], None]:
        def work() -> None:
            raise error

        return work

    with module.watch() as watch:
        with pytest.raises(AnsibleError, match="the module is missing"):
            watch.beside(fail(AnsibleError("the module is missing")))
        with pytest.raises(RuntimeError, match="OddError: one and two"):  # which pickle cannot make again
            watch.beside(fail(OddError("one", "two")))
    assert not module.stop_file.exists()


def test_a_process_that_is_killed_is_no_result(module: Module) -> None:
    with module.watch() as watch:
        with pytest.raises(RuntimeError, match="came to an end of its own: -9"):
            watch.beside(lambda: os.kill(os.getpid(), signal.SIGKILL))
        assert module.stop_file.exists(), "for what it may have left"


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_makes_the_stop_file_and_the_work_ends_in_peace(number: signal.Signals, module: Module) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with module.watch() as watch:
        threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
        assert watch.beside(module.run_until_stopped) == "stopped"
        assert watch.interrupted is number
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_signal_that_comes_before_the_work_is_not_lost(module: Module) -> None:
    with module.watch() as watch:
        os.kill(os.getpid(), signal.SIGTERM)
        assert watch.beside(module.run_until_stopped) == "stopped"


def test_a_signal_that_is_ignored_stays_ignored(module: Module) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with module.watch() as watch:
            os.kill(os.getpid(), signal.SIGHUP)
        assert watch.interrupted is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_display_that_waits_for_ever_does_not_keep_a_signal(module: Module) -> None:
    """As it does when the terminal is stopped and the pipe to ansible-playbook full."""
    reader, dummy = os.pipe()

    def show(line: str) -> None:
        select.select([reader], [], [], LIMIT_S)

    began = time.monotonic()
    with module.watch(show) as watch:
        threading.Thread(target=raise_when, args=(module.log.exists, signal.SIGINT)).start()
        assert watch.beside(module.run_until_stopped) == "stopped"
    assert time.monotonic() - began < LIMIT_S / 2


def test_ctrl_c_on_the_terminal_does_not_reach_the_work_itself(module: Module) -> None:
    with module.watch() as watch:
        assert watch.beside(os.getpgrp) != os.getpgrp()


def test_where_no_stop_file_can_be_made_any_more_the_work_is_ended_hard(module: Module) -> None:
    def work() -> None:
        append(module.log, b"start\n")
        time.sleep(LIMIT_S)

    def show(line: str) -> None:
        shutil.rmtree(module.stop_file.parent)
        os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    with module.watch(show) as watch, pytest.raises(RuntimeError, match=r"came to an end of its own: -15"):
        watch.beside(work)
    assert time.monotonic() - began < LIMIT_S / 2
    assert watch.interrupted is signal.SIGINT


def test_the_timeout_of_a_task_leaves_nothing_running(module: Module) -> None:
    class TimeoutOfTaskError(BaseException):
        pass

    def alarm(*dummy: object) -> None:
        raise TimeoutOfTaskError

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        with module.watch() as watch:
            # Not sooner: Python drops what is raised while it forks.
            threading.Thread(target=raise_when, args=(lambda: module.shown == ["start"], signal.SIGALRM)).start()
            with pytest.raises(TimeoutOfTaskError):
                watch.beside(module.run_until_stopped)
            assert module.log.read_text().splitlines() == ["start", "stop"]
    finally:
        signal.signal(signal.SIGALRM, before)


# The death of ansible-playbook


def test_the_work_is_stopped_when_the_parent_is_gone(module: Module, tmp_path: Path) -> None:
    """kill -9 of ansible-playbook alone; also when that was before this item of a loop began."""
    outcomes = [tmp_path / "first", tmp_path / "second"]

    def worker() -> None:
        for outcome in outcomes:
            with module.watch() as watch:
                answer = watch.beside(module.run_until_stopped)
                new = outcome.with_suffix(".new")
                new.write_text(f"{answer}, {watch.interrupted!s}, {module.shown}")
                new.rename(outcome)

    def playbook() -> None:
        FORK.Process(target=worker).start()
        time.sleep(LIMIT_S)

    process = FORK.Process(target=playbook)
    process.start()
    wait_for(module.log.exists)
    time.sleep(0.5)
    process.kill()
    process.join()
    wait_for(outcomes[1].exists)
    assert outcomes[0].read_text() == f"stopped, {signal.SIGKILL!s}, ['start']"


def test_a_display_that_is_closed_does_not_end_the_work(module: Module) -> None:
    def show(line: str) -> None:
        module.shown.append(line)
        raise BrokenPipeError

    def work() -> str:
        append(module.log, b"one\ntwo\n")
        return "done"

    with module.watch(show) as watch:
        assert watch.beside(work) == "done"
    assert module.shown == ["one", "two"]
