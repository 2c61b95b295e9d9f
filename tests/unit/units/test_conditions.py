# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words that consumers of plans and reports rely on: docs/reasons.md has all that the code says, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils import units
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Type

ROOMS = Path(units.__path__[0]).parent
PAGE = (ROOMS.parents[1] / "docs" / "reasons.md").read_text(encoding="utf-8")
# Condition, status and reason; and the code of an end.
CONDITION_REASONS = re.findall(r"^\| `(\w+)` \| (True|False|Unknown) \| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
END_REASONS = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
# In the files that give reasons: the words of the server.
SERVERS = {"BareMetal", "Enabled", "External", "Hyperv", "Lswitch", "Ovm", "Running", "Stopped", "True", "False"}
SERVERS |= {"Unknown", "Answer", "Terms", "UnitUpgrade"}
FILES = [
    *(ROOMS / "units" / name for name in ("conditions.py", "allowed.py", "next_action.py", "ends.py")),
    *(ROOMS / "rollout" / name for name in ("unit_upgrade.py", "scheduler.py", "bounds.py")),
    ROOMS / "planning" / "verdicts.py",
    ROOMS / "entry" / "upgrade.py",
]


def said() -> Iterator[str]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and re.fullmatch(r"(?:[A-Z][a-z]+)+", value):
                yield value


def test_every_word_has_its_meaning_and_every_meaning_its_word() -> None:
    told = {word for dummy, dummy, word in CONDITION_REASONS} | set(END_REASONS)
    assert set(said()) - SERVERS - {kind.value for kind in Type} == told


@pytest.mark.parametrize("kind", Type)
def test_each_condition_may_be_true_and_may_not(kind: Type) -> None:
    found = {status for name, status, dummy in CONDITION_REASONS if name == kind.value}
    assert {"True", "False"} <= found


def test_a_word_is_told_once_for_each_status() -> None:
    assert len(CONDITION_REASONS) == len(set(CONDITION_REASONS)) and len(END_REASONS) == len(set(END_REASONS))
