# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for a unit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import (
    JOB_CLASSES,
    Call,
    apply_rules,
    commands_of,
    destroy_left_over,
    patch,
    reboot,
    recreate,
    restart_internal_lb,
    restart_vpc,
    start,
)
from tests.unit.builders import network, network_unit, pair, system_vm_unit, vm, vpc_unit

STOPPED = vm("r-2", state="Stopped")
LB_VM = replace(
    system_vm_unit(vm("b-1", internal_lb=True, network_id="id-tier")),
    kind=Kind.INTERNAL_LB,
    network=network("tier", vpc_id="id-v"),
)
SSVM = system_vm_unit(vm("s-1", Kind.SSVM))
DOWN = vpc_unit("v", tiers=(network("t", vpc_id="id-v", state="Shutdown"),))
ROUTERLESS = replace(vpc_unit("v"), vms=())
HALTED_LB_VM = replace(LB_VM, vms=(replace(LB_VM.vms[0], state="Stopped"),))
TIERS, MANY = tuple(f"id-v-tier{n}" for n in range(2)), tuple(f"id-v-tier{n}" for n in range(9))
N, T = ("id-n",), ("id-tier",)
NET, VPC = "restartNetwork", "restartVPC"
KEEP, LIVE, CLEAN = {"cleanup": False}, {"cleanup": False, "livepatch": True}, {"cleanup": True}

# The call, what is sent, the networks whose rules it applies and puts in doubt, and how many timeouts it may take.
CALLS: list[tuple[Call, str, str, dict[str, bool], tuple[str, ...], tuple[str, ...], int]] = [
    (apply_rules("x"), NET, "x", KEEP, ("x",), ("x",), 1),
    (restart_vpc("x"), VPC, "x", KEEP, ("x",), ("x",), 1),
    (patch(SSVM), "patchSystemVm", "id-s-1", {}, (), (), 1),
    (patch(SSVM, forced=True), "patchSystemVm", "id-s-1", {"forced": True}, (), (), 1),
    (patch(network_unit("n")), NET, "id-n", LIVE, N, N, 1),
    (patch(network_unit("n", *pair("r"))), NET, "id-n", LIVE, N, N, 2),
    (patch(network_unit("n", vm("r-1"), STOPPED)), NET, "id-n", LIVE, N, N, 1),
    (patch(vpc_unit("v")), NET, TIERS[0], LIVE, TIERS[:1], TIERS, 1),
    (patch(DOWN), VPC, "id-v", LIVE, (), (), 1),
    (destroy_left_over(STOPPED), "destroyRouter", "id-r-2", {}, (), (), 1),
    (start(network_unit("n", STOPPED)), NET, "id-n", KEEP, N, N, 1),
    (start(network_unit("n", *pair("r", state="Stopped"))), NET, "id-n", KEEP, N, N, 2),
    (start(network_unit("n", pair("r")[0])), NET, "id-n", KEEP, N, N, 2),
    (start(vpc_unit("v", STOPPED)), NET, TIERS[0], KEEP, TIERS[:1], TIERS, 1),
    (start(ROUTERLESS), VPC, "id-v", KEEP, TIERS, TIERS, 1),
    (start(vpc_unit("v", STOPPED, tiers=0)), VPC, "id-v", KEEP, (), (), 1),
    (start(replace(LB_VM, vms=())), NET, "id-tier", KEEP, T, T, 1),
    (reboot(SSVM, SSVM.vms[0]), "rebootSystemVm", "id-s-1", {"forced": True}, (), (), 2),
    (reboot(vpc_unit("v"), vm("r-2")), "rebootRouter", "id-r-2", {}, TIERS, TIERS, 2),
    (restart_internal_lb(LB_VM), "rebootRouter", "id-b-1", {}, T, T, 2),
    (restart_internal_lb(HALTED_LB_VM), "startInternalLoadBalancerVM", "id-b-1", {}, T, T, 1),
    (recreate(SSVM), "destroySystemVm", "id-s-1", {}, (), (), 1),
    (recreate(LB_VM), "destroyRouter", "id-b-1", {}, (), T, 1),
    (recreate(network_unit("n")), NET, "id-n", CLEAN, N, N, 1),
    (recreate(network_unit("n", *pair("r"))), NET, "id-n", CLEAN, N, N, 2),
    (recreate(vpc_unit("v")), VPC, "id-v", CLEAN, TIERS, TIERS, 1),
    (recreate(vpc_unit("v", *pair("r"), tiers=9)), VPC, "id-v", CLEAN, MANY, MANY, 4),
]


@pytest.mark.parametrize(("call", "command", "identity", "options", "settles", "unsettles", "weight"), CALLS)
def test_what_a_call_sends_and_does_to_rules(
    call: Call,
    command: str,
    identity: str,
    options: dict[str, bool],
    settles: tuple[str, ...],
    unsettles: tuple[str, ...],
    weight: int,
) -> None:
    assert (call.command, call.object_id, dict(call.params)) == (command, identity, {"id": identity, **options})
    assert (call.settles, set(call.unsettles), call.weight) == (settles, set(unsettles), weight)
    assert call.job_class == JOB_CLASSES[command]


def test_a_patch_takes_longer_the_more_it_patches() -> None:
    one, two = (patch(network_unit("n", *routers)).expected_s for routers in ((vm("r"),), pair("r")))
    assert two > one
    whole = patch(vpc_unit("v", *pair("r"), tiers=tuple(replace(DOWN.vpc.tiers[0], id=f"t{n}") for n in range(3))))  # type: ignore[union-attr]
    assert whole.weight == 6, "each router once per tier"


@pytest.mark.parametrize(
    ("call", "patches", "destroys"),
    [
        (patch(network_unit("n")), True, False),
        (patch(SSVM, forced=True), True, False),
        (recreate(network_unit("n")), False, True),
        (recreate(SSVM), False, True),
        (recreate(LB_VM), False, True),
        (destroy_left_over(STOPPED), False, True),
        (start(network_unit("n")), False, False),
        (reboot(SSVM, SSVM.vms[0]), False, False),
    ],
)
def test_what_patches_and_what_destroys(call: Call, patches: bool, destroys: bool) -> None:
    assert (call.patches, call.destroys) == (patches, destroys)


def test_the_tier_to_patch_through_has_router_services_and_load_balancing_first() -> None:
    vpc_router = frozenset({"VpcVirtualRouter"})
    tiers = (
        network("a", vpc_id="id-v", providers=frozenset({"Nsx"})),
        network("b", vpc_id="id-v", providers=vpc_router),
        network("c", vpc_id="id-v", providers=vpc_router, balanced=True),
        network("d", vpc_id="id-v", providers=vpc_router, balanced=True, state="Shutdown"),
    )
    call = patch(vpc_unit("v", tiers=tiers))
    assert call.object_id == "id-c"
    assert call.settles == ("id-c",) and set(call.unsettles) == {"id-a", "id-b", "id-c"}


RULES = {"restartNetwork"}


@pytest.mark.parametrize(
    ("unit", "method", "commands"),
    [
        (network_unit("n"), Method.LIVE_PATCH, RULES),
        (network_unit("n", vm("r-1"), STOPPED), Method.LIVE_PATCH, RULES | {"destroyRouter"}),
        (network_unit("n"), Method.RECREATE, RULES),
        (network_unit("n", *pair("r")), Method.RESTART, RULES | {"rebootRouter"}),
        (network_unit("n", STOPPED), Method.RESTART, RULES),
        (vpc_unit("v"), Method.LIVE_PATCH, RULES | {"restartVPC"}),
        (vpc_unit("v"), Method.RECREATE, RULES | {"restartVPC"}),
        (DOWN, Method.LIVE_PATCH, {"restartVPC"}),
        (ROUTERLESS, Method.RESTART, RULES | {"restartVPC"}),
        (SSVM, Method.LIVE_PATCH, {"patchSystemVm"}),
        (SSVM, Method.RECREATE, {"destroySystemVm"}),
        (SSVM, Method.RESTART, {"rebootSystemVm"}),
        (LB_VM, Method.RECREATE, RULES | {"destroyRouter"}),
        (LB_VM, Method.RESTART, RULES | {"rebootRouter"}),
        (LB_VM, Method.LIVE_PATCH, RULES | {"rebootRouter"}),
        (network_unit("n", vm("r-1"), STOPPED), Method.RESTART, RULES | {"rebootRouter", "destroyRouter"}),
        (replace(network_unit("n", vm("r-1")), per_pod=True), Method.RECREATE, RULES | {"rebootRouter"}),
    ],
)
def test_every_command_that_a_method_may_send(unit: Unit, method: Method, commands: set[str]) -> None:
    assert commands_of(unit, method) == commands
    assert commands <= set(JOB_CLASSES)


def test_the_same_purpose_has_the_same_id_and_no_other_has_it() -> None:
    ids = {
        job_id_of(zone, identity, purpose, target, attempt)
        for zone in ("z1", "z2")
        for identity in ("a", "b")
        for purpose in Purpose
        for target in ("4.22.0.0", "4.22.1.0")
        for attempt in (1, 2, 11)
    }
    assert len(ids) == 2 * 2 * len(Purpose) * 2 * 3
    assert job_id_of("z", "a", Purpose.PATCH, "4.22.0.0", 1) == job_id_of("z", "a", Purpose.PATCH, "4.22.0.0", 1)
    assert all(one == one.lower() and len(one) == 36 for one in ids), "any other form is refused"
