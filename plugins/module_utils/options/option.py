# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an option is, and who may have it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

CHECK = "cs_sysvm_version_check"
LIVE_PATCH = "cs_systemvm_livepatch"
RECREATE = "cs_systemvm_recreate"
ROUTERS = "cs_router_restart"
EVIDENCE = "cs_sysvm_evidence"
ROLE = "cs_sysvm_role"
ACTING = (LIVE_PATCH, RECREATE, ROUTERS)
MODULES = (CHECK, EVIDENCE, ROLE, *ACTING)

PREFLIGHT = "preflight"
UPGRADE = "upgrade"
REPORT = "report"
ROLES = (PREFLIGHT, UPGRADE, REPORT)
CONNECTED = (*MODULES, PREFLIGHT)  # which have the options of the connection


@dataclass(frozen=True)
class Option:
    """One option of modules, and the variable C(sysvm_NAME) of the roles.

    :ivar type: in Ansible's words; of a list also I(elements), of a dict in a list also I(suboptions).
    :ivar words: what it means, in Ansible's markup, an item a paragraph. The first is all that docs/variables.md says.
        C(O(name)) names another option and becomes C(O(sysvm_name)) in a role. What the other fields tell, such as
        choices and environment variable, is added to it.
    :ivar where: the modules and roles that have it, of MODULES and ROLES.
    :ivar default: None where there is none; a tuple stands for a list.
    :ivar lowest: of a number.
    :ivar choices: of a text, or of the items of a list.
    :ivar means: what a text or a number is more precisely, and so how a person may write it in a variable:
        C(seconds), C(share), C(sizes), C(moment), C(ports), C(release) or C(expression).
    :ivar unset: what it comes to when nothing is given.
    :ivar env: the environment variable that stands in for it.
    :ivar no_log: as in Ansible.
    :ivar variable: whether the roles have it, too; else who needs another value sets it with module_defaults.
    :ivar narrows: it says which units are meant; given without naming any it is refused, as it would mean all of them.
    :ivar hides: as a variable it is never shown, nor checked by Ansible, which would show it.
    """

    name: str
    type: str
    words: tuple[str, ...]
    where: tuple[str, ...] = ()
    default: Any = None
    lowest: float | None = None
    choices: tuple[str, ...] = ()
    elements: str | None = None
    suboptions: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()
    required: bool = False
    means: str = ""
    unset: str = "none"
    env: str = ""
    no_log: bool = False
    hides: bool = False
    narrows: bool = False
    variable: bool = True

    @property
    def unset_means(self) -> str:
        """What follows when one that narrows names nothing."""
        return "nothing would be left out" if self.name.startswith("exclude") else "everything would be meant"


def option(name: str, type: str, *words: str, **more: Any) -> Option:
    """:param more: the other fields of I(Option)."""
    return Option(name, type, words, **more)


def seconds(name: str, *words: str, **more: Any) -> Option:
    """A time, which a person may also write as a duration."""
    return option(name, "int", *words, **{"lowest": 0, **more}, means="seconds")


def narrowing(name: str, type: str, *words: str, **more: Any) -> Option:
    """One that says which units are meant; without it all are."""
    return option(name, type, *words, **{"unset": "all", **more}, narrows=True)


def group(where: tuple[str, ...], *options: Option) -> dict[str, Option]:
    """By name, in their order.

    :param where: the modules and roles that have those which do not say it themselves.
    """
    return {each.name: each if each.where else replace(each, where=where) for each in options}
