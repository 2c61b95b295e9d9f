# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of commands is what the code sends. What a server is asked: tests/integration/test_permissions.py."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.account import USES_OF
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.permissions import (
    DECLARED,
    NEEDS,
    OFFERED,
    USUAL,
    Use,
    commands_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option import MODULES

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
TABLES = {"permissions.py", "releases.py"}  # what is said of commands, and nothing sent
COMMAND = re.compile(
    "(create|delete|destroy|find|get|list|migrate|patch|query|reboot|restart|run|scale|start|stop|update)[A-Z][A-Za-z]+"
)


def commands_in(text: str) -> set[str]:
    """The texts that are names of commands; all commands are written as such."""
    constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and COMMAND.fullmatch(value)}


def test_the_table_has_what_the_code_sends_and_nothing_else() -> None:
    files = [path for path in PLUGINS.rglob("*.py") if path.name not in TABLES]
    assert set().union(*(commands_in(path.read_text(encoding="utf-8")) for path in files)) == DECLARED


def test_a_command_is_found_wherever_it_is_written() -> None:
    text = 'client.list("listVMs", "vm")\ncommand = "stopRouter" if odd else other\nTABLE = {"patchIt": "listen"}'
    assert commands_in(text) == {"listVMs", "stopRouter", "patchIt"}


@pytest.mark.parametrize("use", list(Use))
def test_no_command_is_both_needed_and_optional(use: Use) -> None:
    assert set(NEEDS[use].required) & set(NEEDS[use].optional) == set()
    for commands in (NEEDS[use].required, NEEDS[use].optional):
        assert [*commands] == sorted(set(commands))


@pytest.mark.parametrize("use", OFFERED)
def test_each_use_can_plan(use: Use) -> None:
    assert set(NEEDS[Use.CHECK].required) <= set(commands_of([use], optional=False))
    assert set(NEEDS[use].optional) <= set(commands_of([use], optional=True))


def test_a_role_may_never_make_roles_nor_change_settings() -> None:
    allowed = set(commands_of(OFFERED, optional=True))
    assert [name for name in allowed if "role" in name.lower() or "Configuration" in name] == ["listConfigurations"]


def test_who_only_looks_changes_nothing() -> None:
    assert [name for name in commands_of([Use.CHECK], optional=True) if not name.startswith(("list", "query"))] == []


def test_each_module_has_its_uses() -> None:
    assert set(USES_OF) == set(MODULES)
    assert set(USUAL) <= set(OFFERED)
