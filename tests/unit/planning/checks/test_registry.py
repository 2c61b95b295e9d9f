# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a check says of the things it has found."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import (
    CheckResult,
    CheckStatus,
    check,
)


def ask(*found: str, **declared: Any) -> CheckResult:
    given = {"worst": CheckStatus.WARN, "remedy": "r", "fine": "fine", "one": "VM is old", "many": "VMs are old"}
    context: Any = None
    return check("c", "?", **{**given, **declared})(lambda context: iter(found)).ask(context)


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        ((), "fine"),
        (("r-1",), "1 VM is old: r-1"),
        (("r-1", "r-2"), "2 VMs are old: r-1; r-2"),
    ],
)
def test_a_short_list_is_one_line(found: tuple[str, ...], seen: str) -> None:
    assert ask(*found).seen == seen


def test_a_long_list_has_a_line_for_each_thing_found() -> None:
    found = [f"r-{number}-VM is old" for number in range(600)]
    assert ask(*found).seen.split("\n") == ["600 VMs are old:", *found]
    assert ask(*found, one="", many="").seen.split("\n") == found
    assert ask("r-1", "r-2", lines=True).seen.split("\n") == ["2 VMs are old:", "r-1", "r-2"]
