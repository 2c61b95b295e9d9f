# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server is asked, and how long its lists take."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.commands import COMMANDS
from tests.simulator.estate_schema import NUMBER, check
from tests.simulator.wire import public
from tests.simulator.world import ServerFacts


@dataclass
class Statistics:
    total: int = 0
    per_command: collections.Counter[str] = field(default_factory=collections.Counter)
    last: collections.deque[dict[str, Any]] = field(default_factory=lambda: collections.deque(maxlen=50))

    def count(self, command: str, params: dict[str, str]) -> None:
        self.total += 1
        self.per_command[command] += 1
        self.last.append({"at": time.time(), "command": command, "params": public(params)})

    def report(self) -> dict[str, Any]:
        return {"total": self.total, "per_command": dict(self.per_command), "last": list(self.last)}


class Workers:
    """Who makes the pages of lists that cost time. To be made when all commands are registered."""

    def __init__(self, server: ServerFacts) -> None:
        self._costs_ms = check(server.item_cost_ms, dict.fromkeys(COMMANDS, NUMBER), "server.item_cost_ms")
        self._free = asyncio.Semaphore(server.workers) if server.workers else contextlib.nullcontext()

    async def make(self, command: str, items: int) -> None:
        if items and command in self._costs_ms:
            async with self._free:
                await asyncio.sleep(items * self._costs_ms[command] / 1000)
