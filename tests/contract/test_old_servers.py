# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients meet on servers older than the recorded one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, estate, router
from tests.simulator.process import SimulatorThread

LISTS = {
    "router": "listRouters",
    "systemvm": "listSystemVms",
    "network": "listNetworks",
    "zone": "listZones",
    "host": "listHosts",
    "managementserver": "listManagementServers",
    "configuration": "listConfigurations",
    "volume": "listVolumes",
    "template": "listTemplates",
}


def server(version: str, **sections: Any) -> SimulatorThread:
    template = ".".join(version.split(".")[:3])
    return SimulatorThread(estate(server={"version": version}, defaults={"version": template}, **sections))


@pytest.mark.parametrize(
    ("list_", "key", "since", "before"),
    [
        ("router", "softwareversion", "4.17.0.0", "4.16.1.0"),
        ("router", "templatename", "4.13.2.0", "4.13.1.0"),
        ("router", "arch", "4.20.1.0", "4.20.0.0"),
        ("router", "hasannotations", "4.16.0.0", "4.15.2.0"),
        ("systemvm", "version", "4.13.1.0", "4.13.0.0"),
        ("systemvm", "agentstate", "4.13.1.0", "4.12.0.0"),
        ("systemvm", "serviceofferingid", "4.19.0.0", "4.18.2.0"),
        ("network", "domainpath", "4.19.0.0", "4.18.2.0"),
        ("zone", "type", "4.18.0.0", "4.17.2.0"),
        ("host", "arch", "4.20.0.0", "4.19.3.0"),
        ("managementserver", "lastserverstart", "4.17.0.0", "4.12.0.0"),
        ("configuration", "defaultvalue", "4.18.0.0", "4.17.0.0"),
        ("template", "arch", "4.20.0.0", "4.19.1.0"),
    ],
)
def test_key_of_an_answer_exists_since(list_: str, key: str, since: str, before: str) -> None:
    shown = []
    for version in (since, before):
        with server(version) as simulator:
            more = {"templatefilter": "all"} if list_ == "template" else {}
            shown.append(key in Client(simulator).everything(LISTS[list_], list_, **more)[0])
    assert shown == [True, False]


@pytest.mark.parametrize(
    ("command", "since", "before"),
    [("listManagementServers", "4.12.0.0", "4.11.3.0"), ("patchSystemVm", "4.17.0.0", "4.16.1.0")],
)
def test_unknown_command_is_answered_like_a_wrong_signature_and_not_listed(
    command: str, since: str, before: str
) -> None:
    for version, status in ((since, 200), (before, 401)):
        with server(version) as simulator:
            client = Client(simulator)
            assert client.ask(command=command).status == status
            assert (command in {api["name"] for api in client.everything("listApis", "api")}) == (status == 200)


def test_templatetype_is_ignored_before_4_19() -> None:
    zones = [{"name": "zone1", "templates": [{"name": "debian", "version": "12.0.0", "type": "USER"}]}]
    shown = {}
    for version in ("4.18.2.0", "4.19.0.0"):
        with server(version, zones=zones) as simulator:
            rows = Client(simulator).everything(
                "listTemplates", "template", templatefilter="all", templatetype="SYSTEM"
            )
            shown[version] = "debian" in {row["name"] for row in rows}
    assert shown == {"4.18.2.0": True, "4.19.0.0": False}


def test_volumes_of_system_vms_are_listed_since_4_18() -> None:
    for version, found in (("4.17.2.0", False), ("4.18.0.0", True)):
        with server(version) as simulator:
            rows = Client(simulator).everything("listVolumes", "volume", type="ROOT", listsystemvms="true")
            assert bool(rows) is found


def test_live_patch_before_4_17_is_a_plain_restart() -> None:
    with server("4.16.1.0") as simulator:
        client = Client(simulator)
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert [vm["patches"] for vm in simulator.state()["vms"].values() if vm["kind"] == "router"] == [0]


def test_before_4_17_only_the_template_tells_whether_a_router_is_old() -> None:
    old = [{"name": "net", "version": "4.15.1", "software": "4.16.1"}]
    with server("4.16.1.0", networks=old) as simulator:
        assert router(Client(simulator))["requiresupgrade"] is True


def test_version_stands_in_listcapabilities_until_it_could_be_hidden() -> None:
    for version, shown in (("4.20.1.0", True), ("4.22.0.0", False)):
        with server(version) as simulator:
            capability = Client(simulator).ask(command="listCapabilities").body["capability"]
            assert ("cloudstackversion" in capability) is shown


def test_health_checks_are_new_in_4_14() -> None:
    for version, known in (("4.13.1.0", False), ("4.14.0.0", True)):
        with server(version) as simulator:
            client = Client(simulator)
            assert ("healthchecksfailed" in router(client)) is known
            settings = client.everything("listConfigurations", "configuration", name="router.health.checks.enabled")
            assert bool(settings) is known


def test_upgrade_brings_what_the_old_server_lacked() -> None:
    with server("4.16.1.0") as simulator:
        client = Client(simulator)
        assert "softwareversion" not in router(client)
        simulator.upgrade("4.22.0.0", hosts=True)
        # The old server never wrote it.
        assert "softwareversion" not in router(client)
        assert client.job("restartNetwork", id=NETWORK, livepatch="true")["jobstatus"] == 1
        assert router(client)["softwareversion"] == "4.22.0.0"
