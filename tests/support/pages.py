# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation shows as code, in Markdown and in reStructuredText. Pure, but for reading the pages."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "docs/examples/*.md", "docs/docsite/rst/*.rst", "roles/*/README.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
MARKDOWN = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RST = re.compile(r"^ *\.\. code-block:: (\w+)\n\n((?:(?: .*)?\n)+)", re.MULTILINE)
FILE = re.compile(r"``([\w/]+\.yml)``[^\n]*\n(?:[^\n]+\n)*\n\Z")


class Block(NamedTuple):
    """One block of code; `file`: under which name the text before it says that it is kept."""

    page: str
    line: int
    language: str
    text: str
    file: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in (MARKDOWN if page.suffix == ".md" else RST).finditer(text):
        named = FILE.search(text[: match.start()])
        code = textwrap.dedent(match[2])
        if page.suffix == ".rst":  # up to the first line that is not as deep as the first
            depth = len(match[2]) - len(match[2].lstrip(" "))
            lines = match[2].splitlines()
            end = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith(" " * depth)), None)
            code = textwrap.dedent("\n".join(lines[:end])).strip() + "\n"
        line = text[: match.start()].count("\n") + 2
        found.append(Block(str(page.relative_to(ROOT)), line, match[1], code, named[1] if named else None))
    return found


def all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == language]


def commands(block: Block) -> list[str]:
    """Its commands, one a line, without comments."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    return [command for line in lines if (command := re.sub(r"(^|\s+)# .*", "", line).strip())]
