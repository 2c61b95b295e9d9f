# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module for roles does: make the role that upgrades need, or say what one lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import Client
from ..api.errors import SysvmError
from ..cloud.read import read_setting
from ..cloud.roles import ADMIN, Role, Rule, deciding, read_role, read_rules
from ..knowledge.permissions import DECLARED, Use, commands_of
from .outcome import Outcome

DYNAMIC = "dynamic.apichecker.enabled"
DESCRIPTION = "Upgrades system VMs and virtual routers"
NOTHING_ELSE = Rule("*", allows=False)
_OURS = frozenset(command.lower() for command in DECLARED)


@dataclass(frozen=True)
class RoleRequest:
    """The role that is wanted.

    :ivar uses: what for.
    :ivar optional: allow also what is not indispensable.
    """

    name: str
    uses: Collection[Use]
    optional: bool = True


def role_request(params: Mapping[str, Any]) -> RoleRequest:
    return RoleRequest(params["name"], [Use(use) for use in params["uses"]], params["optional"])


def make_role(client: Client, request: RoleRequest, check_mode: bool = False) -> Outcome:
    """Make the role, or complete one that was made here. Of any other it is only said what it lacks.

    :returns: with C(lacking): what the role does not allow, and a failure where that is to remain so.
    :raises SysvmError: where no role can do: rules do not count on this server, or the role is of another type.
    """
    if (read_setting(client, DYNAMIC) or "true").lower() == "false":
        raise SysvmError(
            f"Roles are static on this server ({DYNAMIC} is false): rules of a role do not count there.",
            remedy="An account of type root admin may call everything. For roles with rules, follow CloudStack's"
            " documentation on dynamic roles, which are used since 4.9.",
        )
    name, commands = request.name, commands_of(request.uses, optional=request.optional)
    role = read_role(client, name)
    if role is not None and role.type != ADMIN:
        raise SysvmError(
            f"The role {name} is of type {role.type}: it cannot upgrade anything, whatever its rules.",
            remedy=f"Give another name. What works on system VMs is for accounts of type {ADMIN} only.",
        )
    before = role.rules if role else ()
    if role is not None and not made_here(role):
        return _told(role, commands)
    after = completed(before, commands)
    changed = role is None or [*map(str, after)] != [*map(str, before)]
    if changed and not check_mode:
        role = _write(client, name, role, after)
    return Outcome(
        _values(role or Role("", name, ADMIN, default=False), commands),
        changed=changed,
        diff=lambda: {"before": _listing(before), "after": _listing(after)},
    )


def made_here(role: Role) -> bool:
    """Whether there is nothing in the role but rules that this module makes; it may be unfinished. Pure."""
    return not role.default and all(
        rule.text.lower() in _OURS if rule.allows else rule.text == NOTHING_ELSE.text for rule in role.rules
    )


def completed(rules: Sequence[Rule], commands: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of a role made here, with what was missing; last the one that denies all else. Pure.

    Without that one, the server allows much of what no rule speaks of.
    """
    allowed = [rule for rule in rules if rule.allows]
    names = {rule.text.lower() for rule in allowed}
    new = [Rule(command, allows=True) for command in commands if command.lower() not in names]
    last = next((rule for rule in rules if not rule.allows), NOTHING_ELSE)
    return (*allowed, *new, last)


def lacking(role: Role, commands: Sequence[str]) -> dict[str, str]:
    """Which of the commands the role does not allow, and why. Pure."""
    found: dict[str, str] = {}
    for command in () if role.everything else commands:
        rule = deciding(role.rules, command)
        if rule is None:
            found[command] = "no rule allows it"
        elif not rule.allows:
            found[command] = f"rule {role.rules.index(rule) + 1} denies it ({rule})"
    return found


def _told(role: Role, commands: Sequence[str]) -> Outcome:
    """Of a role that somebody else has made: they know why it is as it is."""
    found = lacking(role, commands)
    why = "; ".join(f"{command}: {reason}" for command, reason in found.items())
    failure = (
        f"The role {role.name} lacks {len(found)} of {len(commands)} commands. It has rules that were not made here, so"
        f" it was not changed. {why}. Allow them above the rules that deny them, or give another name for a new role."
    )
    return Outcome(_values(role, commands), failure=failure if found else None)


def _write(client: Client, name: str, role: Role | None, rules: Sequence[Rule]) -> Role:
    """Make the role and what is missing in it; as the server adds rules at the end, put them in order.

    :raises SysvmError: when the server shows other rules afterwards.
    """
    if role is None:
        client.change("createRole", name=name, type=ADMIN, description=DESCRIPTION)
        role = read_role(client, name)
        if role is None:
            raise SysvmError(f"The role {name} was created, but the server does not list it.")
    for rule in rules:
        if not rule.id:
            permission = "allow" if rule.allows else "deny"
            client.change("createRolePermission", roleid=role.id, rule=rule.text, permission=permission)
    found = read_rules(client, role.id)
    ids = {str(rule): rule.id for rule in found}
    wanted = [ids[text] for text in map(str, rules) if text in ids]
    if wanted != [rule.id for rule in found]:
        client.change("updateRolePermission", roleid=role.id, ruleorder=wanted)
        found = read_rules(client, role.id)
    if [*map(str, found)] != [*map(str, rules)]:
        raise SysvmError(
            f"The rules of the role {name} are not what they were made to be.",
            remedy="Somebody else may be changing them: run this again.",
        )
    return Role(role.id, name, role.type, role.default, found)


def _values(role: Role, commands: Sequence[str]) -> dict[str, object]:
    """The role as it is now."""
    found = lacking(role, commands)
    return {
        "role": {"id": role.id or None, "name": role.name, "type": role.type},
        "commands": list(commands),
        "lacking": [{"command": command, "reason": reason} for command, reason in found.items()],
    }


def _listing(rules: Sequence[Rule]) -> str:
    return "".join(f"{rule}\n" for rule in rules)
