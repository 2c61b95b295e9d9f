# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The management server is upgraded under a running estate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, estate, router, system_vm
from tests.simulator import uuid_of
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for

OLD = {"version": "4.20.1.0"}
AGED: dict[str, Any] = {"server": OLD, "defaults": {"version": "4.20.1"}}


def root_template(client: Client, vm: dict[str, Any]) -> str:
    (volume,) = client.everything("listVolumes", "volume", type="ROOT", listsystemvms="true", virtualmachineid=vm["id"])
    return volume["templatename"]


def setting(client: Client, name: str) -> str:
    (entry,) = client.everything("listConfigurations", "configuration", name=name)
    return entry["value"]


def templates(client: Client, name: str) -> list[dict[str, Any]]:
    return client.everything("listTemplates", "template", templatefilter="all", templatetype="SYSTEM", name=name)


def test_estate_is_old_after_an_upgrade_of_the_server_and_runs_on() -> None:
    with SimulatorThread(estate(**AGED)) as simulator:
        client = Client(simulator)
        before, ssvm = router(client), system_vm(client, "secondarystoragevm")
        assert ssvm is not None and not before["requiresupgrade"]
        simulator.upgrade("4.22.0.0")
        after = router(client)
        versions = {server["version"] for server in client.everything("listManagementServers", "managementserver")}
        assert versions == {"4.22.0.0"}
        assert setting(client, "minreq.sysvmtemplate.version") == "4.22.0"
        assert setting(client, "router.template.kvm") == "systemvm-kvm-4.22.0-x86_64"
        assert after["requiresupgrade"] and after["state"] == "Running"
        assert before["templatename"] == "systemvm-kvm-4.20.1-x86_64"
        assert after["templatename"] == "systemvm-kvm-4.22.0-x86_64"
        assert root_template(client, after) == "systemvm-kvm-4.20.1-x86_64"
        unchanged = ("id", "version", "softwareversion", "scriptsversion", "linklocalip", "hostid")
        assert {key: before[key] for key in unchanged} == {key: after[key] for key in unchanged}
        again = system_vm(client, "secondarystoragevm")
        assert again is not None and again["id"] == ssvm["id"]
        assert (again["version"], again["agentstate"]) == ("4.20.1.0", "Up")
        assert again["templatename"] == "systemvm-kvm-4.22.0-x86_64"
        assert [row["isready"] for row in templates(client, "systemvm-kvm-4.22.0-x86_64")] == [True]


@pytest.mark.parametrize(("hosts", "agent"), [(False, "4.20.1.0"), (True, "4.22.0.0")])
def test_hosts_are_upgraded_only_on_request(hosts: bool, agent: str) -> None:
    hosts_ = [{"name": "k"}, {"name": "v", "hypervisor": "VMware"}]
    zones = [{"name": "zone1", "hypervisor": "KVM", "hosts": hosts_}]
    with SimulatorThread(estate(**AGED, zones=zones)) as simulator:
        client = Client(simulator)
        simulator.upgrade("4.22.0.0", hosts=hosts)
        versions = {host["name"]: host["version"] for host in client.everything("listHosts", "host", type="Routing")}
        # The server itself is the agent of a VMware host.
        assert versions == {"k": agent, "v": "4.22.0.0"}


def test_template_that_is_not_ready_everywhere() -> None:
    zones = [{"name": "zone1"}, {"name": "zone2"}, {"name": "zone3"}]
    with SimulatorThread(estate(**AGED, zones=zones)) as simulator:
        client = Client(simulator)
        simulator.upgrade("4.22.0.0", zones={"zone2": "not_ready", "zone3": "none"})
        rows = templates(client, "systemvm-kvm-4.22.0-x86_64")
        assert {row["zonename"]: row["isready"] for row in rows} == {"zone1": True, "zone2": False}


def test_upgrade_that_registers_nothing_leaves_settings_and_rows() -> None:
    with SimulatorThread(estate(**AGED)) as simulator:
        client = Client(simulator)
        simulator.upgrade("4.22.0.0", templates=False)
        assert setting(client, "minreq.sysvmtemplate.version") == "4.20.1"
        assert router(client)["templatename"] == "systemvm-kvm-4.20.1-x86_64"
        assert not router(client)["requiresupgrade"]


def test_rows_of_all_architectures_name_the_template_of_the_last() -> None:
    hosts = [{"name": "x"}, {"name": "a", "arch": "aarch64"}]
    with SimulatorThread(estate(**AGED, zones=[{"name": "zone1", "hosts": hosts}])) as simulator:
        client = Client(simulator)
        simulator.upgrade("4.22.0.0")
        shown = {
            row["name"]: row["arch"] for row in client.everything("listTemplates", "template", templatefilter="all")
        }
        assert shown["systemvm-kvm-4.22.0-x86_64"] == "x86_64"
        assert shown["systemvm-kvm-4.22.0-aarch64"] == "aarch64"
        assert router(client)["templatename"] == "systemvm-kvm-4.22.0-aarch64"


def test_template_registered_beforehand_becomes_the_system_template() -> None:
    templates_ = [{"version": "4.22.0", "type": "USER", "ready": False}]
    with SimulatorThread(estate(**AGED, zones=[{"name": "zone1", "templates": templates_}])) as simulator:
        client = Client(simulator)
        assert router(client)["templatename"] == "systemvm-kvm-4.20.1-x86_64"
        simulator.upgrade("4.22.0.0")
        (row,) = templates(client, "systemvm-kvm-4.22.0-x86_64")
        assert (row["id"], row["isready"]) == (uuid_of("template", "systemvm-kvm-4.22.0-x86_64"), False)
        assert router(client)["templateid"] == row["id"]


def test_upgrade_with_a_restart_cuts_off_what_runs() -> None:
    with SimulatorThread(estate({"patch": 30}, **AGED)) as simulator:
        client = Client(simulator)
        submitted = client.ask(command="restartNetwork", id=NETWORK, livepatch="true")
        simulator.upgrade("4.22.0.0", down_seconds=0.1)
        poll = {"command": "queryAsyncJobResult", "jobid": submitted.body["jobid"]}
        job = wait_for(lambda: answered(client, poll))
        assert (job["jobstatus"], job["jobresultcode"], "jobresult" in job) == (2, 530, False)
        assert router(client)["softwareversion"] == "4.20.1.0"
        assert setting(client, "minreq.sysvmtemplate.version") == "4.22.0"


def answered(client: Client, request: dict[str, str]) -> dict[str, Any] | None:
    try:
        job = client.ask(**request).body
    except OSError:
        return None
    return job if job["jobstatus"] else None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"version": "new"}, "'new' is no version"),
        ({"version": "4.22.0.0", "zones": {"zone9": "none"}}, "no zone 'zone9'"),
        ({"version": "4.22.0.0", "zones": {"zone1": "later"}}, "ready, not_ready, none"),
        ({"version": "4.22.0.0", "host": True}, "unknown key host"),
    ],
)
def test_wrong_upgrade(options: dict[str, Any], text: str) -> None:
    with SimulatorThread(estate()) as simulator, pytest.raises(ValueError, match=text):
        simulator.control("POST", "upgrade", options)
