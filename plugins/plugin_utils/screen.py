# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run outlives its screen: the reader of a pipe ends, a terminal hangs up, the disk below standard output is full.

ansible-core writes all lines in its main process, and an error there is its end or, worse, that of the thread which
takes the results of tasks: the run hangs. A collection is never called in that process, but it is where ansible-core
imports each action plugin, before it forks the worker, and looks up the hosts of a play. So these call outlive_all when
they are imported.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

_lost: set[int] = set()  # workers know what was lost before they were forked


def outlive(stream: TextIO) -> None:
    """From the first error on, what is written to I(stream) goes nowhere."""
    descriptor = stream.fileno()

    def forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def write(*args: Any) -> Any:
            try:
                return method(*args)
            except OSError:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
                _lost.add(descriptor)
                return method(*args)

        return write

    for name in ("write", "flush"):
        setattr(stream.buffer, name, forgiving(getattr(stream.buffer, name)))  # as ansible-core does for its lock


def is_lost() -> bool:
    """Whether nobody sees what is shown now."""
    return sys.__stdout__ is not None and sys.__stdout__.fileno() in _lost


@functools.cache
def outlive_all() -> None:
    """Standard output and error of ansible-playbook. Nothing in a worker, which has none of its own."""
    if multiprocessing.parent_process() is None and sys.stdout is sys.__stdout__:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with contextlib.suppress(AttributeError, OSError, ValueError):  # it is closed
                outlive(stream)
