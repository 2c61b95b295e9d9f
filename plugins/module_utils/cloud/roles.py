# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles of the server, and what their rules come to (DynamicRoleBasedAPIAccessChecker, Rule.java)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..api.client import Client

ADMIN = "Admin"


@dataclass(frozen=True)
class Rule:
    """One rule of a role; C(*) in it stands for any letters. The first that fits a command decides."""

    text: str
    allows: bool
    id: str = ""

    def fits(self, command: str) -> bool:
        return bool(re.fullmatch(re.escape(self.text).replace(r"\*", r"\w*"), command, re.IGNORECASE))

    def __str__(self) -> str:
        return f"{'allow' if self.allows else 'deny'} {self.text}"


@dataclass(frozen=True)
class Role:
    """A role with its rules, in their order.

    :ivar default: one of the server's own, which nobody can change.
    """

    id: str
    name: str
    type: str
    default: bool
    rules: tuple[Rule, ...] = ()

    @property
    def everything(self) -> bool:
        """The root admin's role has no rules, and none are asked for."""
        return self.default and self.type == ADMIN and not self.rules


def deciding(rules: Sequence[Rule], command: str) -> Rule | None:
    """The rule that decides about a command. None: what the server has as default for the role's type does."""
    return next((rule for rule in rules if rule.fits(command)), None)


def read_role(client: Client, name: str) -> Role | None:
    """The role of that name (listRoles, listRolePermissions); of type Admin where roles of several types have it.

    :raises ApiError: when the account may not ask.
    """
    found = [
        Role(str(item["id"]), name, str(item.get("type")), item.get("isdefault") is True)
        for item in client.list("listRoles", "role", name=name)
        if item.get("name") == name
    ]
    if not found:
        return None
    role = min(found, key=lambda each: each.type != ADMIN)
    return replace(role, rules=read_rules(client, role.id))


def read_rules(client: Client, role_id: str) -> tuple[Rule, ...]:
    """The rules of a role in their order. The command knows no pages (ListRolePermissionsCmd)."""
    answer = client.read("listRolePermissions", roleid=role_id)
    return tuple(
        Rule(str(item["rule"]), item.get("permission") == "allow", str(item["id"]))
        for item in answer.get("rolepermission", ())
    )
