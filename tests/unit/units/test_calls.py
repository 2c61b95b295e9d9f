# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for a unit."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import JOB_CLASSES, Gate, calls
from tests.unit.builders import network, network_unit, pair, system_vm_unit, vm, vpc_unit


def test_a_surplus_router_is_destroyed_before_the_rest_is_patched() -> None:
    unit = network_unit("n", vm("r-1"), vm("r-2", state="Stopped"))
    destroy, patch = calls(unit, Method.LIVE_PATCH)
    assert (destroy.command, destroy.object_id, destroy.proves) == ("destroyRouter", "id-r-2", False)
    assert patch.params["livepatch"] and patch.weight == 1


def test_only_a_surplus_router_of_a_current_network_is_destroyed() -> None:
    unit = network_unit("n", vm("r-1"), vm("r-2", state="Stopped"))
    assert [call.command for call in calls(unit, Method.LIVE_PATCH, current=["id-r-1"])] == ["destroyRouter"]


def test_a_vpc_whose_tiers_are_all_down_is_patched_as_a_whole() -> None:
    unit = vpc_unit("v", tiers=(network("t", vpc_id="id-v", state="Shutdown"),))
    [patch] = calls(unit, Method.LIVE_PATCH)
    assert (patch.command, patch.params["livepatch"], patch.object_id) == ("restartVPC", True, "id-v")
    assert patch.settles == patch.unsettles == ()


def test_the_tier_to_patch_through_has_router_services_and_load_balancing_first() -> None:
    vpc_router = frozenset({"VpcVirtualRouter"})
    tiers = (
        network("a", vpc_id="id-v", providers=frozenset({"Nsx"})),
        network("b", vpc_id="id-v", providers=vpc_router),
        network("c", vpc_id="id-v", providers=vpc_router, balanced=True),
        network("d", vpc_id="id-v", providers=vpc_router, balanced=True, state="Shutdown"),
    )
    [patch] = calls(vpc_unit("v", tiers=tiers), Method.LIVE_PATCH)
    assert patch.object_id == "id-c"
    assert patch.settles == ("id-c",) and set(patch.unsettles) == {"id-a", "id-b", "id-c"}


def test_an_internal_lb_vm_restarts_by_one_job() -> None:
    one = vm("b-1", internal_lb=True, network_id="id-tier")
    unit = replace(system_vm_unit(one), kind=Kind.INTERNAL_LB)
    [reboot] = calls(unit, Method.RESTART)
    assert (reboot.command, reboot.object_id) == ("rebootRouter", "id-b-1")
    stopped = replace(unit, vms=(replace(one, state="Stopped"),))
    assert [call.command for call in calls(stopped, Method.RESTART)] == ["startInternalLoadBalancerVM"]


def test_a_pair_is_gated_only_where_it_elects() -> None:
    assert calls(network_unit("n", *pair("r")), Method.RECREATE)[0].gate is Gate.PAIR
    unknown = [vm(f"r-{n}", redundant=True, redundant_state="UNKNOWN") for n in range(2)]
    assert calls(vpc_unit("v", *unknown, tiers=0, redundant=True), Method.RECREATE)[0].gate is None


def test_every_command_has_its_job_class() -> None:
    units = [
        network_unit("n"),
        network_unit("s", vm("a"), vm("b", state="Stopped")),
        vpc_unit("v"),
        system_vm_unit(vm("s-1", Kind.SSVM)),
    ]
    sent = [
        call
        for unit in units
        for method in Method
        if method.value not in ("none", "skip")
        for call in calls(unit, method)
    ]
    assert {call.command for call in sent} <= set(JOB_CLASSES)


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
