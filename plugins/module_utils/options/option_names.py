# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What options are called: as variables of the roles, unless somebody uses a module without them.

What is shown names an option where it is put into words; nothing is searched for names afterwards, as a network may be
called like a variable.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from ..api.errors import SysvmError

PREFIX = "sysvm_"  # of the variables of roles and playbooks
# Set for a module that works for a role; no option, since it is no business of users.
ROLE_VARIABLE = "SYSVM_ROLE"

# Options of the acting modules that are items of one variable.
WITHIN = {
    "allow_degraded": ("recreate", "degraded"),
    **{f"{name}_timeout": ("timeouts", name) for name in ("job", "verify", "start", "agent")},
}

_own: Collection[str] = ()  # the options of the module that somebody uses without the roles


@contextmanager
def naming_options(own: Collection[str]) -> Iterator[None]:
    """Call these options by their own names meanwhile; done once, by the outermost function of a module."""
    global _own
    before, _own = _own, own
    try:
        yield
    finally:
        _own = before


def called(option: str) -> str:
    """An option as whoever reads it may set it."""
    if option in _own:
        return option
    name, item = WITHIN.get(option, (option, ""))
    return f"{name if name in _own else PREFIX + name}{f' ({item})' if item else ''}"


def words(text: str) -> str:
    """A text of ours in which O(name) stands for an option. No name of the cloud may be in it yet."""
    return re.sub(r"\bO\((\w+)\)", lambda found: called(found[1]), text)


class OptionError(SysvmError):
    """An option whose value is invalid.

    :param wrong: what is wrong with it, to be read after its name.
    :param option: its name as a module has it.
    """

    def __init__(self, wrong: str, *, option: str, remedy: str | None = None) -> None:
        super().__init__(wrong, remedy=remedy)
        self.option = option

    def __str__(self) -> str:
        return f"{called(self.option)} {super().__str__()}"

    def details(self) -> dict[str, Any]:
        return {**super().details(), "message": f"{called(self.option)} {self.message}", "option": self.option}
