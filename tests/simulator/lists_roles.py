# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles: what a client needs to make one, and which of them the caller has. See RoleManagerImpl, Rule.java."""

from __future__ import annotations

import re
from typing import Any

from tests.simulator.commands import Call, command, dump
from tests.simulator.errors import INTERNAL, PARAMETER, ApiError, invalid, unknown_value
from tests.simulator.identity import uuid_of
from tests.simulator.lists import PAGED, shown_as

ACCOUNT = 531


def demand_dynamic(call: Call) -> None:
    if not call.world.setting_is_true("dynamic.apichecker.enabled"):
        raise ApiError(ACCOUNT, "Dynamic api checker is not enabled, aborting role operation")


@command("createRole", "name!:string type description ispublic:boolean roleid:uuid", mutating=True)
def create_role(call: Call) -> str:
    params = call.params
    demand_dynamic(call)
    if "type" not in params:
        raise ApiError(PARAMETER, "Neither role type nor role ID is provided")
    if any((role["name"], role["type"]) == (params["name"], params["type"]) for role in call.world.roles.values()):
        raise ApiError(INTERNAL, "Unable to persist: duplicate entry")  # the table's unique key
    role: dict[str, Any] = {
        "type": params["type"],
        "state": "enabled",
        "id": call.world.identify("role", params["name"]),
        "name": params["name"],
        "description": params.get("description", ""),
        "ispublic": params.get("ispublic", "true").lower() == "true",
    }
    call.world.roles[role["id"]] = role
    call.world.role_permissions[role["id"]] = []
    return dump({"role": role})


def role_of(call: Call) -> str:
    role = call.params["roleid"]
    if role not in call.world.roles:
        raise unknown_value(call.command.name, "roleid", role)
    return role


@command("createRolePermission", "roleid!:uuid rule! permission! description", mutating=True)
def create_role_permission(call: Call) -> str:
    role = role_of(call)
    rule = call.params["rule"]
    demand_dynamic(call)
    if not re.fullmatch("[a-zA-Z0-9*]+", rule):
        raise invalid(f"Only API names and wildcards are allowed, invalid rule provided: {rule}")
    if call.world.roles[role].get("isdefault"):
        raise ApiError(ACCOUNT, "Role permission cannot be added for Default roles")
    if any(each["rule"].lower() == rule.lower() for each in call.world.role_permissions[role]):
        raise ApiError(ACCOUNT, f"Rule already exists for the role: {call.world.roles[role]['name']}")
    permission = {
        "id": uuid_of("rolepermission", f"{role}/{rule}"),
        "roleid": role,
        "rule": rule,
        "permission": call.params["permission"].lower(),
    }
    call.world.role_permissions[role].append(permission)
    return dump({"rolepermission": permission})


@command("updateRolePermission", "roleid!:uuid ruleorder:list ruleid:uuid permission", mutating=True)
def update_role_permission(call: Call) -> str:
    """The order only: all ids of the rules, as they shall be."""
    role = role_of(call)
    demand_dynamic(call)
    rules = {each["id"]: each for each in call.world.role_permissions[role]}
    order = call.params["ruleorder"].split(",")
    if set(order) != set(rules) or len(order) != len(rules):
        raise ApiError(INTERNAL, "The role's rule permissions list has changed while you were making updates")
    call.world.role_permissions[role] = [rules[each] for each in order]
    return dump({"success": True})


@command("listRolePermissions", "roleid!:uuid")
def list_role_permissions(call: Call) -> str:
    role = role_of(call)
    name = call.world.roles[role]["name"]

    def show(permission: dict[str, str]) -> dict[str, str]:
        return {
            "id": permission["id"],
            "roleid": role,
            "rolename": name,
            "rule": permission["rule"],
            "permission": permission["permission"],
        }

    return call.rows("rolepermission", call.world.role_permissions[role], show)


@command("listRoles", f"{PAGED} id:uuid name type")
def list_roles(call: Call) -> str:
    chosen = call.select(
        call.world.roles.values(),
        values={key: shown_as(key) for key in ("id", "name", "type")},
        keyword=lambda role: [role["name"]],
    )
    return call.rows("role", chosen, dict)
