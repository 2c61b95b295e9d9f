# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service offerings of system VMs: the server's own, and those of an operator."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from tests.simulator.identity import parse_version, uuid_of
from tests.simulator.versions import MEMORY_RAISED, within

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "recorded" / "serviceofferings.json").read_text(encoding="utf-8")
)
SETTINGS = {
    "secondarystoragevm": "secstorage.service.offering",
    "consoleproxy": "consoleproxy.service.offering",
    "domainrouter": "router.service.offering",
    "internalloadbalancervm": "internallbvm.service.offering",
}
RAISED_IN_4_20 = ("domainrouter", "internalloadbalancervm", "elasticloadbalancervm")
"""Of those schema-41910to42000.sql raises the memory, from 256 to 512 MiB."""
MEMORY_SINCE_4_20 = 512
"""In MiB: what a template of 4.20 or newer needs to boot."""


class Offerings:
    def __init__(self, server_version: str) -> None:
        self.rows = copy.deepcopy(RECORDED)
        for row in self.rows:
            if row.get("systemvmtype") in RAISED_IN_4_20 and not within(server_version, MEMORY_RAISED.spans):
                row["memory"] = 128 if row["systemvmtype"] == "elasticloadbalancervm" else 256

    def raise_memory(self) -> None:
        """What the upgrade to 4.20 does to the server's own; an operator's stay."""
        for row in self.rows:
            if row["defaultuse"] and row.get("systemvmtype") in RAISED_IN_4_20:
                row["memory"] = max(row["memory"], MEMORY_SINCE_4_20)

    def add(self, kind: str, name: str, memory: int) -> str:
        """An operator's offering; returns its id."""
        row = dict(self.of(kind, local=False), id=uuid_of("serviceoffering", name), name=name, memory=memory)
        self.rows.append(row | {"defaultuse": False})
        return row["id"]

    def set_memory(self, kind: str, memory: int) -> None:
        for row in self.rows:
            if row.get("systemvmtype") == kind:
                row["memory"] = memory

    def of(self, kind: str, local: bool, chosen: str = "") -> dict[str, Any]:
        """What a VM of this kind uses: the one chosen by the setting, or the server's own."""
        if chosen:
            found = next((row for row in self.rows if row["id"] == chosen), None)
            if found is not None:
                return found
        storage = "local" if local else "shared"
        own = (row for row in self.rows if row.get("systemvmtype") == kind and row["storagetype"] == storage)
        return next(own)


def memory_needed(template_version: str) -> int:
    numbers = parse_version(template_version)
    return MEMORY_SINCE_4_20 if numbers is not None and numbers >= (4, 20, 0, 0) else 0
