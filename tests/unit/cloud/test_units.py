# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which VMs one action upgrades, and which jobs are at work on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import match_jobs
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Vpc
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.units import group_units
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from tests.unit.builders import network, vm, vpc_unit

NET, DB, WEB = network("net"), network("db", vpc_id="id-vpc"), network("web", vpc_id="id-vpc")
_vpc = vpc_unit("vpc").vpc
assert _vpc is not None
VPC: Vpc = replace(_vpc, tiers=())


def grouped(*routers: Any, system_vms: Any = ()) -> dict[str, tuple[Kind, list[str]]]:
    units = group_units(system_vms, routers, (), [WEB, NET, DB], [VPC])
    return {unit.name: (unit.kind, [each.name for each in unit.vms]) for unit in units}


def test_a_pair_is_one_unit_in_the_order_of_names() -> None:
    pair = [vm(name, network_id="id-net") for name in ("r-2", "r-1")]
    assert grouped(*pair) == {"net": (Kind.NETWORK, ["r-1", "r-2"])}


def test_routers_of_a_vpc_are_the_vpcs_and_bring_its_tiers() -> None:
    """Also where the server names a tier's network."""
    router = vm("r-1", network_id="id-web", vpc_id="id-vpc")
    assert grouped(router) == {"vpc": (Kind.VPC, ["r-1"])}
    [unit] = group_units((), [router], (), [WEB, NET, DB], [VPC])
    assert [tier.name for tier in unit.tiers] == ["db", "web"]


def test_what_belongs_to_nothing_that_is_there_is_an_orphan() -> None:
    routers = [vm("r-1", network_id="id-gone"), vm("r-2", network_id="id-gone"), vm("r-3", vpc_id="id-gone-too")]
    assert grouped(*routers) == {name: (Kind.ORPHAN, [name]) for name in ("r-1", "r-2", "r-3")}


def test_each_system_vm_is_a_unit() -> None:
    assert grouped(system_vms=[vm("s-1", Kind.SSVM), vm("v-2", Kind.CPVM)]) == {
        "s-1": (Kind.SSVM, ["s-1"]),
        "v-2": (Kind.CPVM, ["v-2"]),
    }


def test_what_has_no_vm_is_no_unit() -> None:
    assert grouped() == {}


MOMENT, LATER = "2026-11-23T22:00:00+0000", "2026-11-23T22:10:00+0000"
EVENT = {"id": "e", "type": "NETWORK.RESTART", "state": "Scheduled", "created": MOMENT, "resourceid": "id-net"}


def works_on(events: list[dict[str, Any]], **facts: Any) -> list[list[str]]:
    """The ids that a job may be working on; nothing where it is no job of ours."""
    job = Job(**{"id": "j", "status": JobStatus.RUNNING, "command": "RestartNetworkCmd", "created": MOMENT, **facts})
    return [sorted(each.resource_ids) for each in match_jobs([job], events)]


def test_the_job_of_a_vm_says_so_itself() -> None:
    assert works_on([], command="RebootRouterCmd", instance_type="DomainRouter", instance_id="id-r") == [["id-r"]]


def test_a_job_of_a_network_is_told_by_the_open_event_of_its_kind_and_moment() -> None:
    assert works_on([EVENT]) == [["id-net"]]
    assert works_on([EVENT | {"state": "Started", "created": MOMENT.replace(":00+", ":01+")}]) == [["id-net"]]


def test_two_events_of_one_moment_cannot_be_told_apart() -> None:
    assert works_on([EVENT, EVENT | {"id": "f", "resourceid": "id-other"}]) == [["id-net", "id-other"]]


@pytest.mark.parametrize(
    "events",
    [
        [],
        [EVENT | {"created": LATER}],
        [EVENT | {"type": "VPC.RESTART"}],
        [EVENT, {"id": "c", "type": "NETWORK.RESTART", "state": "Completed", "created": LATER, "parentid": "e"}],
    ],
    ids=["none", "of another moment", "of another kind", "over"],
)
def test_where_no_event_tells_nothing_is_known(events: list[dict[str, Any]]) -> None:
    assert works_on(events) == [[]]


def test_an_older_event_names_its_object_in_words() -> None:
    text = "restarting network. Network Id: 6f6b5f3a-0d5e-4a52-9d3c-2f7c7e1f0a11 cleanup false"
    assert works_on([EVENT | {"resourceid": None, "description": text}]) == [["6f6b5f3a-0d5e-4a52-9d3c-2f7c7e1f0a11"]]


def test_a_job_of_something_else_is_none_of_ours() -> None:
    assert works_on([EVENT], command="CreateVolumeCmd") == []
