# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of plugins/ imports which, and the drawing of their rooms in ARCHITECTURE.md."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "ansible_collections.cloudstack.sysvm."

Arrows = dict[str, set[str]]


def arrows_of(sources: Mapping[str, str]) -> Arrows:
    """For each file, by its name with dots, those of the others that it imports, wherever in it."""
    return {name: {found for found in _imported(name, text) if found in sources} for name, text in sources.items()}


@functools.cache
def all_arrows() -> Arrows:
    """Those of plugins/; every worker of the tests imports this file, few need them."""
    return arrows_of(SOURCES)


def _imported(name: str, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(PREFIX) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").removeprefix(PREFIX)
            if node.level:
                module = ".".join([*name.split(".")[: -node.level], *filter(None, [module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def room_of(name: str) -> str:
    """plugins.module_utils.cloud.read -> cloud, plugins.action.sysvm_plan -> action"""
    parts = name.split(".")
    return parts[2] if parts[1] == "module_utils" else parts[1]


def between_rooms(arrows: Arrows) -> set[tuple[str, str]]:
    """The arrows between rooms, without those that a longer way down says as well."""
    rooms: Arrows = {}
    for name, others in arrows.items():
        rooms.setdefault(room_of(name), set()).update(map(room_of, others))

    def below(room: str) -> set[str]:
        direct = rooms.get(room, set()) - {room}
        return direct.union(*map(below, direct))

    return {
        (room, other)
        for room, others in rooms.items()
        for other in others - {room}
        if not any(other in below(between) for between in others - {room, other})
    }


def with_drawing(page: str) -> str:
    """The page with the rooms and arrows of today's code."""
    arrows = "".join(f"  {room} --> {other}\n" for room, other in sorted(between_rooms(all_arrows())))
    return re.sub(r"(?<=```mermaid\nflowchart TD\n)[^`]*", arrows, page)


SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in (ROOT / "plugins").rglob("*.py")
}
