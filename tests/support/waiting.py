# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until something has happened."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(what: Callable[[], Found | None], seconds: float = 240.0, every: float = 0.02) -> Found:
    """Until it is true; what it returned then."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"it did not happen within {seconds:g} seconds"
        time.sleep(every)
    return found


def wait_until_down(url: str) -> None:
    """Until nobody listens at the URL's port."""
    port = int(url.split(":")[2].partition("/")[0])
    with contextlib.suppress(ConnectionRefusedError):
        while True:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(0.005)
