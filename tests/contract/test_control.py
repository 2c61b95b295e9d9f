# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API: restarts and deaths of the management server, changes, what it tells."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, NEW, QUICK, estate, router, routers, rules
from tests.simulator import uuid_of
from tests.simulator.process import SimulatorThread
from tests.simulator.server import simulate
from tests.support.waiting import wait_for, wait_until_down


def patches_begun(simulator: SimulatorThread) -> int:
    """How many live patches are under way or done."""
    return sum(len(vm["patch_intervals"]) for vm in simulator.state()["vms"].values())


@pytest.mark.parametrize(("work_done", "software"), [(False, "4.18.1.0"), (True, NEW)])
def test_restart_of_the_management_server(work_done: bool, software: str) -> None:
    with SimulatorThread(estate({"patch": 2.0})) as simulator:
        client = Client(simulator)
        job = client.ask(command="restartNetwork", id=NETWORK, livepatch="true").body["jobid"]
        simulator.restart(0.5, work_done=work_done)
        wait_until_down(simulator.url)
        simulator.wait_until_up()
        answer = client.ask(command="queryAsyncJobResult", jobid=job).body
        assert (answer["jobstatus"], answer["jobresultcode"], "jobresult" in answer) == (2, 530, False)
        assert router(client)["softwareversion"] == software
        events = client.ask(command="listEvents", listall="true", type="NETWORK.RESTART").body["event"]
        assert [event["state"] for event in events] == ["Scheduled", "Started"]


def test_journal_state_and_requests() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        client.ask(command="restartNetwork", id="nonsense")
        first, second = simulator.journal()
        assert (first["seq"], first["command"], first["target"]) == (1, "restartNetwork", "net")
        assert first["params"] == {"id": NETWORK, "livepatch": "true"}
        assert (first["accepted"], first["job_id"]) == (True, job["jobid"])
        assert (second["accepted"], second["job_id"]) == (False, None)
        vm = simulator.state()["vms"][router(client)["name"]]
        ((begin, end),) = vm["patch_intervals"]
        assert end - begin >= QUICK["patch"]
        requests = simulator.requests()
        assert requests["per_command"]["restartNetwork"] == 2
        assert simulator.key not in str(requests) and simulator.secret not in str(requests)


def test_server_that_dies_lets_a_running_patch_finish() -> None:
    networks = [{"name": "net", "redundant": True}]
    with SimulatorThread(estate({"patch": 0.3, "host_reconnect": 0.3}, networks=networks)) as simulator:
        client = Client(simulator)
        job = client.ask(command="restartNetwork", id=NETWORK, livepatch="true").body["jobid"]
        wait_for(lambda: patches_begun(simulator) == 1)
        simulator.restart(0.05, work_done="patched")
        simulator.wait_until_up()
        answer = client.ask(command="queryAsyncJobResult", jobid=job).body
        assert (answer["jobstatus"], answer["jobresultcode"], "jobresult" in answer) == (2, 530, False)
        # The second of the pair was not begun.
        assert [r["softwareversion"] for r in routers(client)] == [NEW, "4.18.1.0"]
        assert {r["hostcontrolstate"] for r in routers(client)} == {"Offline"}
        unit = simulator.state()["units"][NETWORK]
        assert (unit["rules"], unit["last_restart"]["succeeded"]) == ("missing", False)
        assert client.job("restartNetwork", id=NETWORK)["jobresultcode"] == 530
        wait_for(lambda: {r["hostcontrolstate"] for r in routers(client)} == {"Enabled"})
        # The second one takes no rules as long as it is old.
        assert client.job("restartNetwork", id=NETWORK)["jobresultcode"] == 530
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert rules(simulator) == {"net": "applied"}
        with pytest.raises(ValueError, match="work_done"):
            simulator.restart(work_done="half")


def test_server_that_dies_cuts_off_everything() -> None:
    fault = {"kind": "server_dies", "match": {"name": "net"}, "down_seconds": 1.0}
    networks = [{"name": "net"}, {"name": "other"}]
    with SimulatorThread(estate({"patch": 2.0}, networks=networks, faults=[fault])) as simulator:
        client = Client(simulator)
        client.ask(command="restartNetwork", id=NETWORK, livepatch="true")
        wait_for(lambda: patches_begun(simulator) == 1)
        simulator.update(timings={"patch": 60.0})
        client.ask(command="restartNetwork", id=uuid_of("network", "other"), livepatch="true")
        wait_until_down(simulator.url)
        simulator.wait_until_up()
        versions = {r["guestnetworkname"]: r["softwareversion"] for r in routers(client)}
        assert versions == {"net": NEW, "other": "4.18.1.0"}
        assert [job["status"] for job in simulator.state()["jobs"]] == [2, 2]
        assert rules(simulator) == {"net": "missing", "other": "applied"}


@pytest.mark.parametrize("state", ["Down", "Disconnected", "Alert"])
def test_host_that_is_not_up(state: str) -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        host = router(client)["hostname"]
        simulator.update(hosts={host: {"state": state}})
        assert router(client)["hostcontrolstate"] == "Offline"
        job = client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to restart network"}
        assert router(client)["softwareversion"] == "4.18.1.0"
        simulator.update(hosts={host: {"state": "Up"}})
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1


JOB_ID = "0b8f346e-4f23-4460-9e81-1e0a5576368f"
ANY_JOB = {"command": "restartNetwork", "id": NETWORK, "livepatch": "true", "customjobid": JOB_ID}


def test_duplicate_job_id_starts_nothing() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        assert client.ask(**ANY_JOB).body == {"jobid": JOB_ID}
        assert client.ask(**ANY_JOB).status == 431
        client.poll({"command": "queryAsyncJobResult", "jobid": JOB_ID}, until_done=True)
        assert client.ask(**ANY_JOB).body["errortext"] == "Entity already exists "
        assert [(entry["accepted"], entry["job_id"]) for entry in simulator.journal()] == [
            (True, JOB_ID),
            (False, None),
            (False, None),
        ]
        assert len(simulator.state()["jobs"]) == 1
        assert simulator.state()["vms"][router(client)["name"]]["patches"] == 1


def test_job_id_stays_used_after_a_restart_of_the_server() -> None:
    with SimulatorThread(estate({"patch": 60.0})) as simulator:
        client = Client(simulator)
        client.ask(**ANY_JOB)
        simulator.restart(0.05)
        simulator.wait_until_up()
        assert client.ask(command="queryAsyncJobResult", jobid=JOB_ID).body["jobstatus"] == 2
        answer = client.ask(**ANY_JOB)
        assert (answer.status, answer.body["cserrorcode"]) == (530, 9999)


def test_server_that_does_not_know_job_ids_of_the_client() -> None:
    with SimulatorThread(estate(server={"customjobid": "ignore"})) as simulator:
        client = Client(simulator)
        first, second = (client.ask(**ANY_JOB).body["jobid"] for _each in range(2))
        assert JOB_ID not in (first, second) and first != second
        simulator.update(server={"customjobid": "refuse"})
        answer = client.ask(**ANY_JOB)
        assert (answer.status, answer.body["errortext"]) == (431, f"UUID: {JOB_ID} doesn't follow the UUID format")
        with pytest.raises(ValueError, match="accept, ignore, refuse"):
            simulator.update(server={"customjobid": "maybe"})


def test_update() -> None:
    with SimulatorThread(estate()) as simulator:
        client = Client(simulator)
        name = router(client)["name"]
        simulator.update(
            vms={name: {"state": "Stopped"}},
            zones={"zone1": {"allocation": "Disabled"}},
            management_servers={"localhost": {"version": "4.21.0.0"}},
            settings={"router.version.check": "false"},
        )
        assert "hostid" not in router(client)
        assert client.everything("listZones", "zone")[0]["allocationstate"] == "Disabled"
        assert client.everything("listManagementServers", "managementserver")[0]["version"] == "4.21.0.0"
        with pytest.raises(ValueError, match="has no 'colour'"):
            simulator.update(vms={name: {"colour": "red"}})


def test_simulator_in_this_process() -> None:
    async def run() -> str:
        async with simulate(estate()) as simulator:
            return simulator.url

    assert asyncio.run(run()).startswith("http://127.0.0.1:")
