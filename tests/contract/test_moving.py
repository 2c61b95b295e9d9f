# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud that moves: what owners do, what is being expunged, nodes that lag, lists that change between two pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, VPC, estate, router, routers, system_vm
from tests.simulator import uuid_of
from tests.support.clock import ClockedSimulator

TIERS = {"networks": [], "vpcs": [{"name": "vpc", "tiers": 2}]}


def moving(**sections: Any) -> ClockedSimulator:
    return ClockedSimulator(estate(**sections))


def states(client: Client, **filters: str) -> list[str]:
    return [each["state"] for each in routers(client, **filters)]


def begin(client: Client, command: str, **params: str) -> str:
    answer = client.ask(command=command, **params)
    assert answer.status == 200, answer.response
    return str(answer.body["jobid"])


# -- owners


def test_a_deleted_vpc_takes_its_tiers_and_routers_with_it() -> None:
    with moving(**TIERS) as simulator:
        client = Client(simulator)
        job = begin(client, "deleteVPC", id=VPC)
        [running] = client.everything("listAsyncJobs", "asyncjobs")
        assert running["cmd"].endswith("user.vpc.DeleteVPCCmd") and running["jobinstancetype"] == "Vpc"
        simulator.sleep(1)
        assert client.ask(command="queryAsyncJobResult", jobid=job).body["jobstatus"] == 1
        lists = (("listVPCs", "vpc"), ("listNetworks", "network"), ("listRouters", "router"))
        assert [client.everything(*each) for each in lists] == [[], [], []]
        assert client.ask(command="restartVPC", id=VPC).status == 200  # the row is there, as that of a network is


def test_another_address_of_a_vpc_means_another_router() -> None:
    with moving(**TIERS) as simulator:
        client = Client(simulator)
        before = router(client, vpcid=VPC)["id"]
        client.job("updateVPC", id=VPC, name="new")
        assert router(client, vpcid=VPC)["id"] == before
        begin(client, "updateVPC", id=VPC, sourcenatipaddress="198.18.0.9")
        [running] = client.everything("listAsyncJobs", "asyncjobs")
        assert running["cmd"].endswith("admin.vpc.UpdateVPCCmdByAdmin")
        simulator.sleep(1)
        assert router(client, vpcid=VPC)["id"] != before


def test_of_a_migration_no_event_tells_which_network_it_is_about() -> None:
    with moving() as simulator:
        client = Client(simulator)
        before = router(client)["id"]
        client.job("migrateNetwork", id=NETWORK, networkofferingid=uuid_of("offering", "other"))
        assert router(client)["id"] != before
        [event] = client.everything("listEvents", "event", type="NETWORK.MIGRATE")
        assert "resourceid" not in event and event["state"] == "Scheduled"


# -- what is being expunged


def test_a_destroyed_router_is_listed_until_it_is_expunged() -> None:
    with moving(timings={"expunge": 5.0}) as simulator:
        client = Client(simulator)
        begin(client, "restartNetwork", id=NETWORK, cleanup="true")
        simulator.sleep(2)
        for filters in ({}, {"networkid": NETWORK}):
            assert sorted(states(client, **filters)) == ["Expunging", "Running"]
        gone = next(each for each in routers(client) if each["state"] == "Expunging")
        assert "hostid" not in gone and gone["guestnetworkid"] == NETWORK
        simulator.sleep(5)
        assert states(client) == ["Running"]


def test_one_that_its_storage_keeps_stays_and_is_no_member() -> None:
    with moving(faults=[{"kind": "stays_expunging", "match": {"name": "net"}}]) as simulator:
        client = Client(simulator)
        job = client.job("destroyRouter", id=router(client)["id"])
        assert (job["jobstatus"], job["jobresultcode"]) == (2, 530)
        simulator.sleep(60)
        assert states(client) == ["Expunging"]
        assert client.job("restartNetwork", id=NETWORK)["jobstatus"] == 1
        assert sorted(states(client, networkid=NETWORK)) == ["Expunging", "Running"]


def test_a_destroyed_system_vm_stays_beside_the_one_that_the_scan_makes() -> None:
    with moving(faults=[{"kind": "stays_expunging"}]) as simulator:
        client = Client(simulator)
        old = system_vm(client, "secondarystoragevm")
        assert old is not None
        begin(client, "destroySystemVm", id=old["id"])
        simulator.sleep(2)
        found = client.everything("listSystemVms", "systemvm", systemvmtype="secondarystoragevm")
        assert sorted(each["state"] for each in found) == ["Expunging", "Running"]


def test_an_administrator_may_set_it_too() -> None:
    with moving() as simulator:
        client = Client(simulator)
        simulator.update(vms={router(client)["name"]: {"state": "Expunging"}})
        assert states(client, networkid=NETWORK) == ["Expunging"]
        assert client.job("restartNetwork", id=NETWORK)["jobstatus"] == 1
        assert sorted(states(client)) == ["Expunging", "Running"]


# -- nodes that lag


def test_a_second_node_knows_a_job_only_later() -> None:
    with moving(timings={"patch": 3.0}, faults=[{"kind": "late_jobs", "seconds": 2.0}]) as simulator:
        client = Client(simulator)
        given = "12345678-1234-1234-1234-123456789abc"
        question = {"command": "queryAsyncJobResult", "jobid": given}
        begin(client, "restartNetwork", id=NETWORK, livepatch="true", customjobid=given)
        assert client.ask(**question).status == 431
        assert client.everything("listAsyncJobs", "asyncjobs") == []
        again = client.ask(command="restartNetwork", id=NETWORK, livepatch="true", customjobid=given)
        assert again.status == 431 and "already exists" in again.body["errortext"]
        simulator.sleep(2.5)
        assert client.ask(**question).body["jobstatus"] == 0
        simulator.sleep(1.5)  # it has ended
        assert client.ask(**question).body["jobstatus"] == 0
        assert len(client.everything("listAsyncJobs", "asyncjobs")) == 1
        simulator.sleep(2)
        assert client.ask(**question).body["jobstatus"] == 1


def test_jobs_are_forgotten_by_their_age_and_their_ids_are_free_again() -> None:
    given = "12345678-1234-1234-1234-123456789abc"
    with moving(settings={"job.expire.minutes": 60}) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true", customjobid=given)
        simulator.clock.leap(3500)
        assert client.ask(command="queryAsyncJobResult", jobid=given).body["jobstatus"] == 1
        simulator.clock.leap(200)
        assert client.ask(command="queryAsyncJobResult", jobid=given).status == 431
        assert begin(client, "restartNetwork", id=NETWORK, customjobid=given) == given


def test_of_two_nodes_one_lags() -> None:
    with moving(faults=[{"kind": "late_jobs", "seconds": 60.0, "every": 2}]) as simulator:
        client = Client(simulator)
        job = begin(client, "restartNetwork", id=NETWORK, livepatch="true")
        question = {"command": "queryAsyncJobResult", "jobid": job}
        assert [client.ask(**question).status for dummy in range(4)] == [200, 431, 200, 431]


# -- a server that takes no jobs


@pytest.mark.parametrize(
    ("version", "state", "code", "words"),
    [
        ("4.19.3.0", "PreparingToShutDown", 530, "A shutdown has been triggered. Can not accept new jobs"),
        ("4.20.2.0", "PreparingToShutDown", 530, "A shutdown has been triggered. Can not accept new jobs"),
        ("4.22.0.0", "PreparingForMaintenance", 503, "Maintenance or Shutdown has been initiated"),
        ("4.22.0.0", "Maintenance", 503, "Maintenance or Shutdown has been initiated"),
    ],
)
def test_a_server_that_takes_no_jobs_reads_on(version: str, state: str, code: int, words: str) -> None:
    with moving(server={"version": version}) as simulator:
        client = Client(simulator)
        name = client.everything("listManagementServers", "managementserver")[0]["name"]
        simulator.update(management_servers={name: {"state": state}})
        answer = client.ask(command="restartNetwork", id=NETWORK)
        assert (answer.status, answer.body["errorcode"]) == (code, code) and words in answer.body["errortext"]
        assert len(routers(client)) == 1
        simulator.update(management_servers={name: {"state": "Up"}})
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1


# -- lists that change between two pages


def test_one_goes_and_one_comes_between_two_pages() -> None:
    with moving(networks=[{"name": "net", "count": 6}]) as simulator:
        client = Client(simulator)
        before = {each["id"] for each in routers(client)}
        simulator.set_faults([{"kind": "list_moves", "match": {"command": "listRouters"}, "nth": 2}])
        pages = [
            client.ask(command="listRouters", listall="true", page=str(page), pagesize="2").body for page in (1, 2, 3)
        ]
        seen = {each["id"] for page in pages for each in page["router"]}
        assert {page["count"] for page in pages} == {6}
        after = {each["id"] for each in routers(client)}
        assert (len(before - after), len(after - before)) == (1, 1)
        [hidden] = (before & after) - seen
        assert hidden  # it was there all the time


# -- half pairs


@pytest.mark.parametrize("missing", [{"missing": True}, {"state": "Stopped"}])
def test_half_a_pair_is_made_whole_by_a_live_patch(missing: dict[str, Any]) -> None:
    pair = [{"name": "net", "redundant": True, "router": [{}, missing]}]
    with moving(networks=pair) as simulator:
        client = Client(simulator)
        assert states(client).count("Running") == 1
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert states(client) == ["Running", "Running"]
        simulator.sleep(1)
        assert sorted(each["redundantstate"] for each in routers(client)) == ["BACKUP", "PRIMARY"]
