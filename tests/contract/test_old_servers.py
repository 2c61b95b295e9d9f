# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What older servers answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, router, server
from tests.simulator import uuid_of

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
        ("network", "domainpath", "4.19.2.0", "4.19.1.0"),
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


NETWORKS = [
    {"name": "ours"},
    {"name": "theirs", "account": "acme", "domain": "customers"},
    {"name": "shared", "type": "Shared"},
    {"name": "their shared", "type": "Shared", "domain": "customers"},
    {"name": "project", "project": "apollo"},
]
ACCOUNTS = ["theirs", "ours"]
DOMAINS = ["their shared", "shared"]
EVERY_PROJECT: dict[str, str] = {"listall": "true", "projectid": "-1"}


def names(client: Client, **request: str) -> list[str]:
    return [row["name"] for row in client.ask(command="listNetworks", **request).body.get("network", [])]


@pytest.mark.parametrize(
    ("version", "of_all_projects", "without"),
    [
        ("4.16.1.0", ["project"], ACCOUNTS + DOMAINS),
        ("4.17.0.0", ["project"], ACCOUNTS + DOMAINS),
        ("4.17.2.0", ["project", *DOMAINS], ACCOUNTS + DOMAINS),
        ("4.19.0.0", ["project", *DOMAINS], ACCOUNTS + DOMAINS),
        ("4.19.3.0", ["project", *DOMAINS], DOMAINS + ACCOUNTS),
        ("4.21.0.0", ["project", *DOMAINS], DOMAINS + ACCOUNTS),
        ("4.22.0.0", ["project", *DOMAINS, *ACCOUNTS], DOMAINS + ACCOUNTS),
    ],
)
def test_networks_are_listed_by_two_questions_before_4_22(
    version: str, of_all_projects: list[str], without: list[str]
) -> None:
    with server(version, networks=NETWORKS) as simulator:
        client = Client(simulator)
        assert names(client, **EVERY_PROJECT) == of_all_projects
        assert names(client, listall="true") == without
        assert names(client) == [name for name in without if not name.startswith("their")]
        # An id is a filter like any other.
        assert names(client, id=uuid_of("network", "theirs")) == []
        assert names(client, id=uuid_of("network", "theirs"), listall="true") == ["theirs"]
        assert names(client, id=uuid_of("network", "project"), listall="true") == []
        assert names(client, id=uuid_of("network", "project"), **EVERY_PROJECT) == ["project"]
        # What is mapped to the caller's own domain comes with any project.
        assert set(names(client, projectid=uuid_of("project", "apollo"))) == {"project", "shared"}
        domain = uuid_of("domain", "ROOT/customers")
        assert set(names(client, domainid=domain)) == {"theirs", "their shared"}
        assert set(names(client, domainid=domain, account="acme")) == {"theirs", "their shared", "shared"}


@pytest.mark.parametrize(
    ("version", "networks", "refused"),
    [
        ("4.17.2.0", NETWORKS, False),
        ("4.18.2.5", NETWORKS, False),
        ("4.19.2.0", NETWORKS, False),
        ("4.19.3.0", NETWORKS, True),
        ("4.20.0.0", NETWORKS, False),
        ("4.20.1.0", NETWORKS, True),
        ("4.22.0.0", NETWORKS, True),
        # There is no project with a member whose row it could be.
        ("4.18.2.5", [{"name": "net"}], True),
    ],
)
@pytest.mark.parametrize("id_", ["00000000-0000-0000-0000-000000000000", "not-a-uuid"])
def test_unknown_id_of_a_network_is_taken_for_another_row(
    version: str, networks: list[dict[str, Any]], refused: bool, id_: str
) -> None:
    with server(version, networks=networks) as simulator:
        client = Client(simulator)
        lists = [
            client.ask(command="listNetworks", id=id_),
            client.ask(command="listRouters", networkid=id_, **EVERY_PROJECT),
        ]
        restart = client.ask(command="restartNetwork", id=id_)
        if refused:
            assert {answer.status for answer in (*lists, restart)} == {431}
            assert f"Invalid parameter id value={id_} due to" in restart.body["errortext"]
        else:
            assert [(answer.status, answer.body) for answer in lists] == [(200, {})] * 2
            assert (restart.status, restart.body["cserrorcode"]) == (431, 4350)
            assert restart.body["errortext"] == "Networkd ID=1 doesn't exist"
        # Nothing else is read like this.
        assert client.ask(command="listVPCs", id=id_).status == 431


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


def test_router_shows_its_hypervisor_without_a_host_from_4_17_1_to_4_18() -> None:
    stopped = [{"name": "net", "router": {"state": "Stopped"}}]
    for version, shown in (("4.17.0.0", False), ("4.17.1.0", True), ("4.18.2.5", True), ("4.19.0.0", False)):
        with server(version, networks=stopped) as simulator:
            assert ("hypervisor" in router(Client(simulator))) is shown


@pytest.mark.parametrize(
    ("version", "path"),
    [("4.19.1.0", None), ("4.19.2.0", "/a/b/"), ("4.21.0.0", "/a/b/"), ("4.22.0.0", "ROOT/a/b")],
)
def test_path_of_a_domain(version: str, path: str | None) -> None:
    with server(version, networks=[{"name": "net", "account": "acme", "domain": "a/b"}]) as simulator:
        client = Client(simulator)
        (network,) = client.everything("listNetworks", "network")
        for shown in (router(client), network):
            assert (shown["domain"], shown.get("domainpath")) == ("b", path)
