# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which jobs are at work on which units."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import in_flight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.in_flight import (
    JOBS,
    match_jobs,
    read_in_flight,
    told_apart,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import (
    Purpose,
    job_id_of,
    objects_of_ids,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import (
    SOME_INTERNAL_LB,
    SOME_NETWORK,
    SOME_VM,
    Unit,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from tests.unit.builders import network_unit, system_vm_unit, vm, vpc_unit

OFFERING = "6f6b5f3a-0d5e-4a52-9d3c-2f7c7e1f0a11"
MOMENT, LATER = "2026-11-23T22:00:00+0000", "2026-11-23T22:10:00+0000"
EVENT: dict[str, Any] = {
    "id": "e",
    "type": "NETWORK.RESTART",
    "state": "Scheduled",
    "created": MOMENT,
    "resourceid": "id-net",
}


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
        [EVENT | {"resourceid": None, "description": f"Migrating network: 214. New network offering ID: {OFFERING}"}],
    ],
    ids=["none", "of another moment", "of another kind", "in words of other things"],
)
def test_where_no_event_tells_it_may_be_any_network(events: list[dict[str, Any]]) -> None:
    assert works_on(events) == [[SOME_NETWORK]]


def test_a_job_that_is_listed_although_its_event_is_over_ends_in_a_moment() -> None:
    over = {"id": "c", "type": "NETWORK.RESTART", "state": "Completed", "created": LATER, "parentid": "e"}
    assert works_on([EVENT, over]) == [["id-net"]]
    younger = EVENT | {"id": "f", "resourceid": "id-other"}
    assert works_on([EVENT, over, younger]) == [["id-other"]], "unless another one is open"


@pytest.mark.parametrize("over", [False, True])
def test_an_id_of_ours_tells_which_object_it_is(over: bool) -> None:
    """Of another run: also where its event is over, as it ended in this moment, and other events are open."""
    ours = job_id_of("id-zone", "id-net", Purpose.APPLY_RULES, "4.22.0.0", 2)
    others = [EVENT | {"id": name, "resourceid": f"id-{name}"} for name in ("f", "g")]
    end = {"id": "c", "type": "NETWORK.RESTART", "state": "Completed", "created": MOMENT, "parentid": "e"}
    events = [EVENT, *others, *([end] if over else [])]
    jobs = [Job(each, JobStatus.RUNNING, "RestartNetworkCmd", created=MOMENT) for each in (ours, "theirs")]
    known, unknown = told_apart(match_jobs(jobs, events), {"id-other-zone", "id-zone"}, "4.22.0.0")
    assert known.resource_ids == {"id-net"}
    assert unknown.resource_ids == {"id-f", "id-g"} | ({"id-net"} if not over else set())
    assert told_apart([known, unknown], {"id-zone"}, "4.20.0.0") == [known, unknown]


def test_a_thousand_jobs_of_one_second_ask_for_no_id_of_ours_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script of somebody else may restart all networks at once."""
    names = [f"n{number}" for number in range(1000)]
    events = [EVENT | {"id": name, "resourceid": f"id-{name}"} for name in names]
    jobs = [Job(name, JobStatus.RUNNING, "RestartNetworkCmd", created=MOMENT) for name in names]
    ours = job_id_of("id-zone", "id-n7", Purpose.PATCH, "4.22.0.0", 1)
    jobs.append(Job(ours, JobStatus.RUNNING, "RestartNetworkCmd", created=MOMENT))
    asked: list[str] = []

    def counted(zone_id: str, object_ids: Iterable[str], target: str) -> dict[str, str]:
        asked.extend(ids := list(object_ids))
        return objects_of_ids(zone_id, ids, target)

    monkeypatch.setattr(in_flight, "objects_of_ids", counted)
    found = told_apart(match_jobs(jobs, events), ["id-zone"], "4.22.0.0")
    assert found[-1].resource_ids == {"id-n7"} and len(found[0].resource_ids) == 1000
    assert len(asked) == len(set(asked))


def test_whoever_asks_what_runs_is_told_by_our_ids_what_it_works_on() -> None:
    """As the plan's check does, where another event of that second was left open by a server that died."""
    job_id = job_id_of("id-zone", "id-net", Purpose.PATCH, "4.22.0.0", 1)
    events: Any = SimpleNamespace(of=lambda kind, since: [EVENT, EVENT | {"id": "f", "resourceid": "id-other"}])
    jobs = {job_id: Job(job_id, JobStatus.RUNNING, "RestartNetworkCmd", created=MOMENT)}
    for target, works_on in (("4.22.0.0", {"id-net"}), (None, {"id-net", "id-other"})):
        lists: Any = SimpleNamespace(version=target, zone_ids={"id-zone"}, client=None)
        assert [each.resource_ids for each in read_in_flight(lists, jobs, events)] == [works_on]


@pytest.mark.parametrize(
    ("command", "event"),
    [
        ("DeleteNetworkCmd", "NETWORK.DELETE"),  # recorded in deleted_by_owner
        ("UpdateNetworkCmdByAdmin", "NETWORK.UPDATE"),  # in updated_by_owner
        ("UpdateNetworkCmd", "NETWORK.UPDATE"),
        ("UpdateVPCCmdByAdmin", "VPC.UPDATE"),
        ("DeleteVPCCmd", "VPC.DELETE"),
        ("RestartVPCCmd", "VPC.RESTART"),
        ("MigrateNetworkCmd", "NETWORK.MIGRATE"),
        ("MigrateVPCCmd", "NETWORK.MIGRATE"),
    ],
)
def test_what_owners_and_admins_do_to_networks(command: str, event: str) -> None:
    assert works_on([EVENT | {"type": event}], command=command) == [["id-net"]]
    assert works_on([], command=command) == [[SOME_NETWORK]]


@pytest.mark.parametrize(
    ("command", "event"), [("MigrateSystemVMCmd", "VM.MIGRATE"), ("ScaleSystemVMCmd", "VM.UPGRADE")]
)
def test_a_vm_that_only_the_words_of_an_event_name(command: str, event: str) -> None:
    words = EVENT | {"type": event, "resourceid": None, "description": f"Attempting to migrate VM Id: {OFFERING} to"}
    assert works_on([words], command=command) == [[OFFERING]]
    assert works_on([], command=command) == [[SOME_VM]]


def test_a_job_of_a_vm_that_the_server_does_not_name() -> None:
    assert works_on([], command="StopRouterCmd", instance_type="DomainRouter") == [[SOME_VM]]
    assert works_on([], command="StopInternalLBVMCmd", instance_type="InternalLbVm") == [[SOME_INTERNAL_LB]]


@pytest.mark.parametrize(
    ("unit", "some"),
    [
        (network_unit("n"), {SOME_NETWORK, SOME_VM}),
        (vpc_unit("v"), {SOME_NETWORK, SOME_VM}),
        (system_vm_unit(vm("s", Kind.SSVM)), {SOME_VM}),
        (system_vm_unit(vm("b", internal_lb=True)), {SOME_NETWORK, SOME_INTERNAL_LB, SOME_VM}),
    ],
)
def test_a_job_of_which_nobody_tells_the_object_may_be_at_work_on_any_of_its_kind(unit: Unit, some: set[str]) -> None:
    assert unit.resource_ids() & {SOME_NETWORK, SOME_INTERNAL_LB, SOME_VM} == some
    assert {told.else_some for told in JOBS.values()} == {SOME_NETWORK, SOME_INTERNAL_LB, SOME_VM}


def test_a_job_of_something_else_is_none_of_ours() -> None:
    assert works_on([EVENT], command="CreateVolumeCmd") == []
