# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exactly the commands of docs/permissions.md suffice, each of them is needed, and the role with them can be made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    PermissionDeniedError,
    SysvmError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.endpoints import Wanted
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.evidence import Reader
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.account import naming_all_that_is_refused
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.role import RoleRequest, make_role
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.permissions import (
    DECLARED,
    NEEDS,
    OFFERED,
    USUAL,
    Use,
    commands_of,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import Probing
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.simulator.process import RunningSimulator, SimulatorThread
from tests.support.estates import estate
from tests.support.runner import Cloud, Run

ROLE = "sysvm-upgrade"
METHODS = {Use.LIVE_PATCH: Method.LIVE_PATCH, Use.RESTART: Method.RESTART, Use.RECREATE: Method.RECREATE}


def every_kind(**more: Any) -> dict[str, Any]:
    """Of each kind of unit one, in each state that makes a difference to the commands sent."""
    surplus = [{}, {"state": "Stopped", "never_started": True}]
    return estate(
        timings={"scan_interval": 0.3},
        settings={"recreate.systemvm.enabled": True},
        networks=[
            {"name": "net", "lb": 1},
            {"name": "pair", "redundant": True},
            {"name": "stopped", "router": {"state": "Stopped"}},
            {"name": "surplus", "router": surplus},
        ],
        vpcs=[
            {"name": "vpc", "internal_lb": True},
            {"name": "idle", "internal_lb": {"state": "Stopped"}},
        ],
        shared_file_systems=[{"name": "files"}],
        **more,
    )


def client_of(simulator: RunningSimulator) -> Client:
    return Client(Connection(simulator.url, simulator.key, simulator.secret))


def carry_out(simulator: RunningSimulator, client: Client, use: Use) -> dict[str, Any]:
    """What the module of a use does, on everything there is."""
    if use in (Use.CHECK, Use.PROBE):
        policy = Policy(strategy=Strategy(WantedMethod.RECREATE))
        probing = Probing(Wanted(nat_ports=(22,))) if use is Use.PROBE else None
        with naming_all_that_is_refused(client, [Use.CHECK]):
            return dict(check_versions(client, CheckRequest(policy, False, probing=probing)).values)
    vms = simulator.state()["vms"]
    system_vms = [name for name in vms if name[0] in "sv"]
    routers = [name for name in vms if name[0] in "rb"]
    with naming_all_that_is_refused(client, [use]):
        request = Request(Targets(system_vms=system_vms, routers=routers), Want.by(METHODS[use]), Limits())
        return dict(upgrade(client, request).values)


@pytest.mark.parametrize("use", METHODS)
def test_the_commands_of_a_method_suffice(use: Use) -> None:
    with SimulatorThread(every_kind(allowed_commands=[*commands_of([use], optional=False)])) as simulator:
        with client_of(simulator) as client:
            summary = carry_out(simulator, client, use)["summary"]
        assert set(summary) <= {"upgraded", "skipped", "gone"} and summary["upgraded"] > 3, summary
        assert set(simulator.requests()["per_command"]) <= DECLARED


@pytest.mark.parametrize(
    ("use", "missing"), [(use, command) for use in (Use.CHECK, Use.PROBE, *METHODS) for command in NEEDS[use].required]
)
def test_without_one_that_is_needed_nothing_is_touched_and_it_is_named(use: Use, missing: str) -> None:
    allowed = set(commands_of([use, *METHODS], optional=True)) - {missing}
    with SimulatorThread(every_kind(allowed_commands=sorted(allowed))) as simulator, client_of(simulator) as client:
        try:
            answers = carry_out(simulator, client, use)["checks"]
            [told] = [f"{each['seen']}. {each['remedy']}" for each in answers if each["status"] == "fail"]
        except SysvmError as error:
            told = str(error)
        assert simulator.journal() == []
        for words in (missing, "account may not call", "create_role", "Allow them in the account's role"):
            assert words in told
        assert [each for each in DECLARED - {missing} if f" {each}," in told or f" {each}." in told] == []


def test_the_commands_of_probes_suffice() -> None:
    allowed = [*commands_of([Use.RECREATE, Use.PROBE], optional=False)]
    with SimulatorThread(every_kind(allowed_commands=allowed)) as simulator, client_of(simulator) as client:
        values = carry_out(simulator, client, Use.PROBE)
        assert [each for each in values["checks"] if each["status"] == "fail"] == []
        assert values["plan"]["probes"]["endpoints"] > 0
        assert set(NEEDS[Use.PROBE].required) <= set(simulator.requests()["per_command"])


def test_all_that_is_missing_is_named_at_once() -> None:
    gone = {"listHosts", "listVPCs", "patchSystemVm"}
    allowed = sorted(set(commands_of(METHODS, optional=True)) - gone)
    with (
        SimulatorThread(every_kind(allowed_commands=allowed)) as simulator,
        client_of(simulator) as client,
        pytest.raises(PermissionDeniedError, match="server does not know: listHosts, listVPCs, patchSystemVm"),
        naming_all_that_is_refused(client, METHODS),
    ):
        check_versions(client, CheckRequest(Policy(), False))


def test_without_what_is_optional_a_plan_is_made_and_says_so() -> None:
    def plan(optional: bool) -> dict[str, Any]:
        allowed = [*commands_of(METHODS, optional=optional)]
        with SimulatorThread(every_kind(allowed_commands=allowed)) as simulator, client_of(simulator) as client:
            return dict(check_versions(client, CheckRequest(Policy(), False)).values["plan"])

    def told(plan: dict[str, Any]) -> list[str]:
        return [json.dumps(each) for each in plan["not_handled"] if "shared file system" in json.dumps(each)]

    assert told(plan(True)) != told(plan(False))
    assert "unknown" in " ".join(told(plan(False)))


@pytest.mark.parametrize("use", [Use.EVIDENCE, Use.DIAGNOSTICS])
def test_evidence_tells_what_it_lacks(use: Use) -> None:
    def missing(*uses: Use) -> str:
        allowed = [*commands_of([Use.LIVE_PATCH, *uses], optional=True)]
        with SimulatorThread(every_kind(allowed_commands=allowed)) as simulator, client_of(simulator) as client:
            request = Request(Targets(networks=["net"]), Want(), Limits())
            [unit] = upgrade(client, request).values["results"]
            found = Reader(client, diagnostics=use is Use.DIAGNOSTICS, sleep=lambda dummy: None).read(unit)
        return " ".join(found["missing"])

    assert [command for command in NEEDS[use].optional if f"[{command}]" not in missing()] == []
    assert "not available for the account" not in missing(Use.EVIDENCE, use)


# The role


def test_the_role_is_made_once_and_completed() -> None:
    with SimulatorThread(every_kind()) as simulator, client_of(simulator) as client:

        def rules() -> list[str]:
            [role] = client.list("listRoles", "role", name=ROLE)
            found = client.read("listRolePermissions", roleid=role["id"])["rolepermission"]
            return [f"{each['permission']} {each['rule']}" for each in found]

        expected = make_role(client, RoleRequest(ROLE, [Use.CHECK]), check_mode=True)
        assert expected.changed and expected.values["role"]["id"] is None and simulator.journal() == []
        made = make_role(client, RoleRequest(ROLE, [Use.CHECK]))
        assert (
            made.changed
            and made.diff
            and expected.diff
            and made.diff() == expected.diff()
            and made.values["lacking"] == []
        )
        assert rules() == [*(f"allow {each}" for each in commands_of([Use.CHECK], optional=True)), "deny *"]
        assert not make_role(client, RoleRequest(ROLE, [Use.CHECK])).changed

        wider = make_role(client, RoleRequest(ROLE, [Use.RECREATE]), check_mode=True)
        assert {each["command"] for each in wider.values["lacking"]} == set(NEEDS[Use.RECREATE].required)
        assert make_role(client, RoleRequest(ROLE, [Use.RECREATE])).values["lacking"] == []
        assert rules()[-1] == "deny *" and "allow destroySystemVm" in rules()
        assert not make_role(client, RoleRequest(ROLE, [Use.CHECK])).changed, "nothing is taken away"


def test_a_role_that_was_left_half_made_is_finished() -> None:
    with SimulatorThread(every_kind()) as simulator, client_of(simulator) as client:
        role = client.change("createRole", name=ROLE, type="Admin")["role"]["id"]
        for permission, rule in (("allow", "listZones"), ("deny", "*"), ("allow", "listHosts")):
            client.change("createRolePermission", roleid=role, rule=rule, permission=permission)
        made = make_role(client, RoleRequest(ROLE, USUAL))
        assert made.changed and made.values["lacking"] == [] and made.diff is not None
        assert made.diff()["before"] == "allow listZones\ndeny *\nallow listHosts\n"
        assert made.diff()["after"].startswith("allow listZones\nallow listHosts\nallow destroyRouter\n")


def test_a_role_of_somebody_else_is_not_changed() -> None:
    with SimulatorThread(every_kind()) as simulator, client_of(simulator) as client:
        role = client.change("createRole", name="operations", type="Admin")["role"]["id"]
        for permission, rule in (("deny", "destroy*"), ("allow", "list*"), ("allow", "query*"), ("deny", "*")):
            client.change("createRolePermission", roleid=role, rule=rule, permission=permission)
        before = simulator.journal()
        assert make_role(client, RoleRequest("operations", [Use.CHECK])).failure is None, "wildcards allow all of it"
        lacks = make_role(client, RoleRequest("operations", [Use.RECREATE]))
        assert simulator.journal() == before and not lacks.changed and lacks.failure
        assert "destroySystemVm: rule 1 denies it (deny destroy*)" in lacks.failure
        assert "restartVPC: rule 4 denies it (deny *)" in lacks.failure


@pytest.mark.parametrize(
    ("static", "role_type", "words"),
    [
        (True, "Admin", "Roles are static on this server (dynamic.apichecker.enabled is false)"),
        (False, "User", f"The role {ROLE} is of type User"),
    ],
)
def test_where_no_role_can_do(static: bool, role_type: str, words: str) -> None:
    with SimulatorThread(every_kind()) as simulator, client_of(simulator) as client:
        client.change("createRole", name=ROLE, type=role_type)
        simulator.update(settings={"dynamic.apichecker.enabled": str(not static).lower()})
        before = simulator.journal()
        with pytest.raises(SysvmError) as caught:
            make_role(client, RoleRequest(ROLE, USUAL))
        assert words in str(caught.value) and simulator.journal() == before


@pytest.mark.parametrize("missing", NEEDS[Use.ROLE].required)
def test_who_may_not_make_roles_is_told(missing: str) -> None:
    allowed = sorted({"listApis", *NEEDS[Use.ROLE].required} - {missing})
    with (
        SimulatorThread(every_kind(allowed_commands=allowed)) as simulator,
        client_of(simulator) as client,
        pytest.raises(PermissionDeniedError, match=f"server does not know: {missing}\\."),
        naming_all_that_is_refused(client, [Use.ROLE]),
    ):
        make_role(client, RoleRequest(ROLE, [Use.CHECK]))
        make_role(client, RoleRequest(ROLE, [Use.RECREATE]))


# As an operator


def with_role(cloud: Cloud, *uses: Use, optional: bool = True) -> None:
    """Make the role by the playbook, and go on as an account that has it."""
    options = {"sysvm_role_uses": [use.value for use in uses], "sysvm_role_optional": optional}
    made = cloud.playbook("cloudstack.sysvm.create_role", "-e", json.dumps(options))
    assert made.rc == 0 and f"Role {ROLE} was changed. Of the " in made.stdout, made.output
    assert "needed it allows all" in made.stdout
    cloud.simulator.update(server={"role": ROLE})


def refusals(run: Run) -> int:
    return run.output.count("not available for the account")


@pytest.mark.slow
@pytest.mark.nightly
def test_a_role_that_may_only_look(tmp_path: Path) -> None:
    with Cloud(every_kind(server={"version": "4.20.1.0"}), tmp_path) as cloud:
        with_role(cloud, Use.CHECK)
        forecast = cloud.check(target_version="4.22")
        plan = cloud.check()
    assert forecast.rc == 0 and "Forecast: as if" in forecast.stdout, forecast.output
    assert re.findall(r"^  FAIL (\S+):", plan.stdout, re.MULTILINE) == ["permissions"]
    assert "patchSystemVm" in plan.stdout and plan.journal == [] and refusals(plan) == refusals(forecast) == 0


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("uses", "options"),
    [
        ((Use.LIVE_PATCH, Use.RESTART), {}),
        ((Use.RECREATE,), {"method": "recreate"}),
    ],
    ids=["live patch", "recreate"],
)
def test_an_upgrade_with_exactly_this_role(uses: tuple[Use, ...], options: dict[str, Any], tmp_path: Path) -> None:
    with Cloud(every_kind(), tmp_path) as cloud:
        with_role(cloud, *uses, optional=False)
        run = cloud.upgrade(recreate=["degraded"], **options)
    assert run.rc == 0 and set(run.counts) <= {"upgraded", "current"} and run.counts["upgraded"] > 8, run.output
    assert refusals(run) == 0


@pytest.mark.slow
@pytest.mark.nightly
def test_probes_and_soak_with_exactly_this_role(tmp_path: Path) -> None:
    spec = estate(
        listeners=True,
        networks=[{"name": "a", "load_balancers": 1}, {"name": "b", "port_forwardings": [2222], "static_nats": 1}],
    )
    with Cloud(spec, tmp_path) as cloud:
        with_role(cloud, Use.LIVE_PATCH, Use.HEALTH_CHECKS, Use.PROBE, Use.SOAK)
        run = cloud.upgrade(kinds=["router"], probe=True, probe_ports=[8022], soak=2)
    assert run.rc == 0 and run.counts == {"upgraded": 2}, run.output
    assert "Probed from outside: 3 addresses of 2 units" in run.stdout and refusals(run) == 0


@pytest.mark.slow
@pytest.mark.nightly
def test_evidence_with_exactly_this_role(tmp_path: Path) -> None:
    silent = {"kind": "silent_patch_failure", "match": {"name": "net"}, "times": 2}
    with Cloud(estate(networks=[{"name": "net"}], faults=[silent]), tmp_path) as cloud:
        with_role(cloud, *OFFERED)
        run = cloud.upgrade(kinds=["router"], evidence="diagnostics")
    found = json.loads((tmp_path / "sysvm-report/latest" / run.units["net"]["evidence"] / "evidence.json").read_text())
    assert found["events"] and "not available for the account" not in json.dumps(found)


@pytest.mark.slow
@pytest.mark.nightly
def test_what_a_role_lacks_is_said_by_the_playbook(tmp_path: Path) -> None:
    with Cloud(every_kind(), tmp_path) as cloud:
        role = cloud.call("createRole", name=ROLE, type="Admin")["role"]["id"]
        cloud.call("createRolePermission", roleid=role, rule="list*", permission="allow")
        run = cloud.playbook("cloudstack.sysvm.create_role", "--check", "--diff")
    assert run.rc != 0 and run.journal == []
    assert "patchSystemVm: no rule allows it" in run.errors[0] and "listZones:" not in run.errors[0]
    assert cloud.simulator.secret not in run.output
