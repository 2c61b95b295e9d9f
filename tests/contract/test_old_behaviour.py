# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What older servers do."""

from __future__ import annotations

import time

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, QUICK, estate, router, routers, server, system_vm
from tests.simulator import uuid_of
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for


def test_live_patch_before_4_17_is_a_plain_restart() -> None:
    with server("4.16.1.0") as simulator:
        client = Client(simulator)
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert [vm["patches"] for vm in simulator.state()["vms"].values() if vm["kind"] == "router"] == [0]


# -- jobs


def test_result_code_of_a_failed_job_is_always_530_before_4_18_1() -> None:
    for version, code in (("4.18.0.0", 530), ("4.18.1.0", 431)):
        with server(version, networks=[{"name": "net", "state": "Allocated"}]) as simulator:
            job = Client(simulator).job("restartNetwork", id=NETWORK)
            assert (job["jobresultcode"], job["jobresult"]["errorcode"]) == (code, 431)


def test_threads_of_the_server_are_listed_as_jobs_before_4_17_1() -> None:
    for version, types in (("4.17.0.0", ["Thread"]), ("4.17.1.0", [])):
        with server(version) as simulator:
            jobs = Client(simulator).everything("listAsyncJobs", "asyncjobs")
            assert [job["jobinstancetype"] for job in jobs] == types


def test_answer_that_is_lost_while_the_command_is_carried_out() -> None:
    """As 4.16 does where a job ends at once: a 530 without a text."""
    fault = {"kind": "http_status", "status": 530, "text": "", "phase": "after", "match": {"command": "restartNetwork"}}
    with server("4.16.1.0", faults=[fault]) as simulator:
        client = Client(simulator)
        answer = client.ask(command="restartNetwork", id=NETWORK)
        assert (answer.status, "errortext" in answer.body) == (530, False)
        assert len(simulator.state()["jobs"]) == 1


@pytest.mark.parametrize(
    ("version", "state", "status", "text"),
    [
        ("4.18.2.5", "PreparingToShutDown", 200, None),
        ("4.19.0.0", "PreparingToShutDown", 530, "A shutdown has been triggered. Can not accept new jobs"),
        ("4.20.2.0", "ReadyToShutDown", 530, "A shutdown has been triggered. Can not accept new jobs"),
        (
            "4.21.0.0",
            "PreparingForShutDown",
            503,
            "Maintenance or Shutdown has been initiated on this management server. Can not accept new jobs",
        ),
        (
            "4.22.0.0",
            "PreparingForMaintenance",
            503,
            "Maintenance or Shutdown has been initiated on this management server. Can not accept new jobs",
        ),
    ],
)
def test_server_that_prepares_to_shut_down(version: str, state: str, status: int, text: str | None) -> None:
    with server(version) as simulator:
        client = Client(simulator)
        simulator.update(management_servers={"localhost": {"state": state}})
        answer = client.ask(command="restartNetwork", id=NETWORK)
        assert (answer.status, answer.body.get("errortext")) == (status, text)
        assert len(simulator.state()["jobs"]) == (status == 200)
        (shown,) = client.everything("listManagementServers", "managementserver")
        assert shown["state"] == state


@pytest.mark.parametrize(("version", "survives"), [("4.20.2.0", False), ("4.21.0.0", True)])
def test_restart_under_way_breaks_off_when_a_server_prepares_to_shut_down(version: str, survives: bool) -> None:
    with server(version, timings=QUICK | {"stop": 0.1, "start": 0.3}) as simulator:
        client = Client(simulator)
        submitted = client.ask(command="restartNetwork", id=NETWORK, cleanup="true").body["jobid"]
        wait_for(lambda: len(routers(client)) == 2)
        simulator.update(management_servers={"localhost": {"state": "ReadyToShutDown"}})
        job = client.poll({"command": "queryAsyncJobResult", "jobid": submitted}, until_done=True).body
        assert (job["jobstatus"] == 1) is survives
        if not survives:
            assert job["jobresult"]["errortext"] == "A shutdown has been triggered. Can not accept new jobs"


# -- events


def test_dates_are_cut_to_midnight_of_the_servers_own_zone_before_4_18() -> None:
    """A server west of UTC drops the newest hours of the day."""
    hour = time.gmtime().tm_hour
    midnight = time.strftime("%Y-%m-%dT00:00:01+0000", time.gmtime())
    for version, offset, found in (
        ("4.17.2.0", 0, True),
        ("4.17.2.0", -hour - 1, False),
        ("4.18.0.0", -hour - 1, True),
    ):
        with server(version, server={"version": version, "hosts": "simulated", "utc_offset": offset}) as simulator:
            client = Client(simulator)
            client.job("restartNetwork", id=NETWORK)
            assert bool(client.ask(command="listEvents", listall="true", startdate=midnight).body) is found


def test_events_do_not_tell_their_object_before_4_17() -> None:
    for version, told in (("4.16.1.0", False), ("4.17.0.0", True)):
        with server(version) as simulator:
            client = Client(simulator)
            client.job("restartNetwork", id=NETWORK)
            filters = {"command": "listEvents", "listall": "true", "type": "NETWORK.RESTART"}
            # A filter that the server does not know.
            events = client.ask(**filters, resourceid=NETWORK, resourcetype="Vpc").body.get("event", [])
            assert bool(events) is not told
            (scheduled,) = (e for e in client.ask(**filters).body["event"] if e["state"] == "Scheduled")
            assert ("resourceid" in scheduled) is told
            assert scheduled["description"] == "Restarting network: 204"


# -- disks, templates, pairs


@pytest.mark.parametrize(
    ("version", "hypervisor", "states"),
    [
        ("4.18.2.5", "KVM", ["Destroy", "Ready"]),
        ("4.19.0.0", "XenServer", ["Destroy", "Ready"]),
        ("4.19.0.0", "VMware", ["Ready"]),
        ("4.19.1.0", "KVM", ["Ready"]),
    ],
)
def test_start_on_a_new_disk_may_leave_the_old_one(version: str, hypervisor: str, states: list[str]) -> None:
    zones = [{"name": "zone1", "hypervisor": hypervisor}]
    spec = estate(server={"version": version}, defaults={"version": "4.17.2"}, zones=zones)
    with SimulatorThread(spec) as simulator:
        client = Client(simulator)
        vm = router(client)
        client.job("rebootRouter", id=vm["id"])
        client.job("rebootRouter", id=vm["id"])
        filters = {"type": "ROOT", "listsystemvms": "true", "virtualmachineid": vm["id"]}
        volumes = client.everything("listVolumes", "volume", **filters)
        assert [volume["state"] for volume in volumes] == states
        assert volumes[-1]["templateid"] == vm["templateid"]
        assert len({volume["id"] for volume in volumes}) == len(states)
        assert client.everything("listVolumes", "volume", **filters, id=volumes[0]["id"]) == volumes[:1]


def test_disks_that_a_vm_had_from_the_start() -> None:
    zones = [{"name": "zone1", "ssvm": {"old_disks": ["4.16.1"]}}]
    with server("4.18.2.5", zones=zones) as simulator:
        volumes = Client(simulator).everything("listVolumes", "volume", type="ROOT", listsystemvms="true")
        shown = [(volume["templatename"], volume["state"]) for volume in volumes if volume["vmname"] == "s-1-VM"]
        assert shown == [("systemvm-kvm-4.16.1", "Destroy"), ("systemvm-kvm-4.18.2", "Ready")]


def test_templates_do_not_show_in_a_zone_that_was_added_later_before_4_19_1() -> None:
    zones = [{"name": "zone1"}, {"name": "zone2", "added_later": True}]
    for version, shown in (("4.18.2.5", {"zone1"}), ("4.19.0.0", {"zone1"}), ("4.19.1.0", {"zone1", "zone2"})):
        with server(version, zones=zones) as simulator:
            rows = Client(simulator).everything("listTemplates", "template", templatefilter="all")
            assert {row["zonename"] for row in rows} == shown


@pytest.mark.parametrize(("version", "comes"), [("4.20.0.0", False), ("4.20.1.0", True)])
def test_newest_template_of_any_hypervisor_must_be_in_the_zone_before_4_20_1(version: str, comes: bool) -> None:
    hosts = [{"name": "k", "hypervisor": "KVM"}, {"name": "v", "hypervisor": "VMware"}]
    newer = {"hypervisor": "VMware", "name": "newer", "version": "4.20.9", "ready": False}
    zones = [{"name": "zone1", "hypervisor": "KVM", "hosts": hosts, "templates": [newer]}]
    with server(version, zones=zones) as simulator:
        client = Client(simulator)
        old = system_vm(client, "consoleproxy")
        assert old is not None
        client.job("destroySystemVm", id=old["id"])
        time.sleep(3 * QUICK["scan_interval"])
        assert (system_vm(client, "consoleproxy") is not None) is comes


@pytest.mark.parametrize(
    ("version", "states"),
    [
        ("4.20.1.0", {"PRIMARY", "FAULT"}),
        ("4.20.2.0", {"UNKNOWN"}),
        ("4.21.0.0", {"PRIMARY", "FAULT"}),
        ("4.22.0.0", {"UNKNOWN"}),
    ],
)
def test_pair_without_tiers(version: str, states: set[str]) -> None:
    with server(version, networks=[], vpcs=[{"name": "vpc", "tiers": 0, "redundant": True}]) as simulator:
        client = Client(simulator)
        wait_for(lambda: {each["redundantstate"] for each in routers(client)} == states)


@pytest.mark.parametrize(
    ("version", "refused"), [("4.19.2.0", False), ("4.19.3.0", True), ("4.20.0.0", False), ("4.20.1.0", True)]
)
def test_makeredundant_needs_an_offering_for_it(version: str, refused: bool) -> None:
    with server(version) as simulator:
        job = Client(simulator).job("restartNetwork", id=NETWORK, makeredundant="true")
        assert (job["jobstatus"] == 2) is refused


# -- internal load balancer VMs


@pytest.mark.parametrize(("version", "software"), [("4.18.1.0", "4.18.1.0"), ("4.18.2.0", None)])
def test_live_patch_of_a_tier_is_one_of_its_load_balancers_too_before_4_18_2(
    version: str, software: str | None
) -> None:
    vpcs = [{"name": "vpc", "tiers": ["a", "b"], "internal_lb": True, "version": "4.17.2"}]
    with server(version, networks=[], vpcs=vpcs) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=uuid_of("network", "b"), livepatch="true")
        (lb,) = client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        assert "softwareversion" not in lb
        client.job("restartNetwork", id=uuid_of("network", "a"), livepatch="true")
        (lb,) = client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        assert lb.get("softwareversion") == software
        # Nothing else writes it: it is stale for ever.
        simulator.upgrade("4.22.0.0", hosts=True)
        client.job("rebootRouter", id=lb["id"])
        (lb,) = client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        assert (lb["version"], lb.get("softwareversion")) == ("4.22.0", software)


def test_stale_software_of_a_load_balancer_from_the_start() -> None:
    vpcs = [{"name": "vpc", "internal_lb": {"version": "4.22.0", "software": "4.18.0"}}]
    with server("4.22.0.0", networks=[], vpcs=vpcs) as simulator:
        (lb,) = Client(simulator).everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        assert (lb["version"], lb["softwareversion"]) == ("4.22.0", "4.18.0.0")


def test_job_of_a_load_balancer_does_not_tell_which() -> None:
    vpcs = [{"name": "vpc", "internal_lb": True}]
    with server("4.22.0.0", networks=[], vpcs=vpcs) as simulator:
        client = Client(simulator)
        (lb,) = client.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        client.ask(command="stopInternalLoadBalancerVM", id=lb["id"])
        (job,) = client.everything("listAsyncJobs", "asyncjobs")
        assert (job["jobinstancetype"], "jobinstanceid" in job) == ("InternalLbVm", False)
