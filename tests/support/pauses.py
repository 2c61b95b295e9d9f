# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this machine has paused while something was measured: no measurement is more exact than that."""

from __future__ import annotations

import threading
import time
from typing import Self

LOOK_S = 0.02


class Pauses:
    """with Pauses() as pauses: ...; pauses.longest_s"""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        before = time.monotonic()
        while not self._over.wait(LOOK_S):
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - before - LOOK_S)
            before = now
