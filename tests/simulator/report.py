# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth about the world, for tests: what the API shows only in part, or not at all."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from tests.simulator import render_vms
from tests.simulator.entities import (
    Agent,
    Entity,
    Health,
    Host,
    Network,
    Router,
    SystemVm,
    Template,
    Vm,
    Vpc,
    changeable,
)
from tests.simulator.estate import failing_checks
from tests.simulator.jobs import JobRunner
from tests.simulator.routers import choose_host
from tests.simulator.rules import gap_of
from tests.simulator.world import CUSTOM_JOB_ID, HOSTS, World


def state(world: World, jobs: JobRunner) -> dict[str, Any]:
    vms = [entity for entity in world.by_id.values() if isinstance(entity, Vm)]
    units: list[Network | Vpc] = [*world.networks, *world.vpcs]
    return {
        "version": world.server.version,
        "bugs": world.bugs,
        "vms": {vm.name: vm_state(vm) for vm in vms},
        "units": {
            unit.id: {
                "kind": unit.kind,
                "name": unit.name,
                "state": unit.state,
                "redundant": unit.redundant,
                "restartrequired": unit.restartrequired,
                "routers": [router.name for router in unit.routers],
                "down": unit.down,
                "rules": unit.rules,
                "last_restart": unit.last_restart,
            }
            for unit in units
        },
        "shared_file_systems": {
            each.name: {
                "id": each.id,
                "state": each.state,
                "restarts": each.restarts,
                "template": each.template.version,
            }
            for each in world.shared_file_systems
        },
        "jobs": [
            {
                "id": job.id,
                "command": job.command,
                "target": job.target.name if job.target is not None else None,
                "status": job.status,
                "code": job.code,
                "result": job.result,
                "created": job.created,
                "completed": job.completed,
            }
            for job in jobs.jobs.values()
        ],
    }


def vm_state(vm: Vm) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": vm.id,
        "kind": vm.kind,
        "zone": vm.zone.name,
        "hypervisor": vm.hypervisor,
        "host": vm.host.name if vm.host is not None else None,
        "state": vm.state,
        "removed": vm.removed,
        "created": vm.created,
        "template": vm.template.version,
        "root": vm.root.version,
        "software": vm.software,
        "patches": len(vm.patches),
        "patch_intervals": vm.patches,
        "down": vm.down,
    }
    if isinstance(vm, Router):
        facts |= {
            "role": vm.role,
            "network": vm.network.name if vm.network is not None else None,
            "vpc": vm.vpc.name if vm.vpc is not None else None,
            "unit": vm.unit.id if vm.unit is not None else None,
            "version": vm.version,
            "scripts": vm.scripts,
            "installed": vm.inside,
            "scriptsversion": render_vms.scripts_version(vm),
            "redundantstate": vm.redundantstate,
            "failing_checks": list(vm.failing_checks),
        }
    if isinstance(vm, SystemVm):
        facts |= {
            "type": vm.type,
            "agent": None if vm.agent is None else {"version": vm.agent.version, "state": vm.agent.state},
        }
    return facts


def update(world: World, body: dict[str, Any]) -> None:
    """Set facts from outside, as an administrator or an accident would. Names a wrong key before anything changes."""
    sections = {"settings", "timings", "server", "zones", "hosts", "templates", "networks", "vpcs", "vms"}
    sections |= {"image_stores", "storage_pools", "shared_file_systems"}
    unknown = set(body) - sections - {"management_servers"}
    if unknown:
        raise ValueError(f"update: unknown key {', '.join(sorted(unknown))}")
    for name, value in body.get("settings", {}).items():
        world.settings.set(name, str(value))
    for name, value in body.get("timings", {}).items():
        check_field(world.timings, name, "timings")
        setattr(world.timings, name, value)
    for name, value in body.get("server", {}).items():
        if name == "role":
            [world.caller_role] = [role["id"] for role in world.roles.values() if role["name"] == value]
            continue
        check_field(world.server, name, "server")
        for key, known in (("customjobid", CUSTOM_JOB_ID), ("hosts", HOSTS)):
            if name == key and value not in known:
                raise ValueError(f"update: server.{key} is one of {', '.join(known)}, not {value!r}")
        setattr(world.server, name, value)
    for name, values in body.get("management_servers", {}).items():
        server = next(s for s in world.management_servers if s.name == name)
        for key, value in values.items():
            check_field(server, key, f"management_servers.{name}")
            setattr(server, key, value)
    for section, entities in (
        ("zones", world.zones),
        ("hosts", world.hosts),
        ("templates", world.templates),
        ("image_stores", world.image_stores),
        ("storage_pools", world.storage_pools),
        ("shared_file_systems", world.shared_file_systems),
        ("networks", world.networks),
        ("vpcs", world.vpcs),
        ("vms", world.vms.values()),
    ):
        for name, values in body.get(section, {}).items():
            chosen = [entity for entity in entities if name in (entity.name, entity.id)]
            if not chosen:
                raise ValueError(f"update: no {section} named {name!r}")
            for entity in chosen:
                update_entity(world, entity, dict(values), f"{section}.{name}")
    world.forget_all()


def check_field(thing: Any, name: str, where: str) -> None:
    if name not in {item.name for item in fields(thing)}:
        raise ValueError(f"update: {where} has no {name!r}")


def update_entity(world: World, entity: Entity, values: dict[str, Any], where: str) -> None:
    if values.pop("removed", False):
        world.remove(entity)
        return
    if isinstance(entity, Template) and "ready" in values:
        # true: in all zones; false: in none; a list: in these zones.
        ready = values.pop("ready")
        names = {zone.name for zone in world.zones}
        entity.not_ready = set() if ready is True else names - set(ready or [])
    if isinstance(entity, SystemVm) and "agent" in values:
        agent = values.pop("agent")
        if agent is None:
            world.change(entity, agent=None)
        else:
            old = entity.agent or Agent(world.server.version, "Up", world.now())
            agent.setdefault("disconnected", old.disconnected)
            world.change(entity, agent=replace(old, **agent))
    if isinstance(entity, Vm) and "state" in values:
        # A VM that runs has a place, one that is stopped has none.
        host = entity.host or choose_host(world, entity.zone, entity.root, entity.last_host, ())
        world.place(entity, host if values["state"] == "Running" else None)
    if isinstance(entity, Vm) and "root" in values:
        version = values.pop("root")
        world.change(entity, root=next(t for t in world.system_templates(entity.hypervisor) if t.version == version))
    if values.get("gap") is not None:
        gap_of(values["gap"])
    if isinstance(entity, Host) and "version" in values:
        values.setdefault("package", values["version"])
    if isinstance(entity, Router) and "failing_checks" in values:
        values["failing_checks"] = failing_checks(values["failing_checks"])
        values["health"] = Health(values["failing_checks"], world.now(), world.now(), entity.inside)
    for name in values:
        if name not in changeable(entity):
            raise ValueError(f"update: {where} has no {name!r}")
    world.change(entity, **values)
