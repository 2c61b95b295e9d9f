# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles: what a client needs to make one. The caller's own role is the estate's forbidden_commands."""

from __future__ import annotations

from typing import Any

from tests.simulator.commands import Call, command, dump
from tests.simulator.errors import unknown_value
from tests.simulator.identity import uuid_of
from tests.simulator.lists import PAGED, shown_as


@command("createRole", "name!:string type description ispublic:boolean roleid:uuid", mutating=True)
def create_role(call: Call) -> str:
    params = call.params
    role: dict[str, Any] = {
        "type": params.get("type", "Admin"),
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
    permission = {
        "id": uuid_of("rolepermission", f"{role}/{rule}"),
        "roleid": role,
        "rule": rule,
        "permission": call.params["permission"].lower(),
    }
    call.world.role_permissions[role].append(permission)
    return dump({"rolepermission": permission})


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
