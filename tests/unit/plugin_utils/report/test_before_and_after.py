# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written of the demo's three runs is what the code before the templates wrote, but for white space."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.ticket import ticket

BEFORE = Path(__file__).parent / "before"


def shape(page: str) -> str:
    """One tag a line; without what is the same in every page, and white space that nobody sees."""
    page = re.sub(r"<style>.*?</style>|<script>.*?</script>|sha256-[^']*", "", page, flags=re.DOTALL)
    return re.sub(r"\s*<", "\n<", re.sub(r">\s*", ">", re.sub(r"\s+", " ", page)))


def written(name: str) -> dict[str, str]:
    """What is written of a run, by the end of the file's name."""
    data: Any = json.loads((BEFORE / f"{name}.json").read_text(encoding="utf-8"))
    made = {"html": shape(html_report(data)), "md": markdown_report(data)}
    evidence = BEFORE / f"{name}-evidence.json"
    if evidence.exists():
        made["ticket.md"] = ticket(json.loads(evidence.read_text(encoding="utf-8")), data)
    return made


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_what_is_written_is_the_same(name: str) -> None:
    for ending, text in written(name).items():
        assert text == (BEFORE / f"{name}.{ending}").read_text(encoding="utf-8")
