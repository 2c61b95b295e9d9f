# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What KVM, VMware and XenServer hosts do that the recorded simulated ones do not: from the source of the server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, NEW, VPC, estate, router, routers, system_vm
from tests.simulator import uuid_of
from tests.simulator.identity import scripts_checksum
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for

REAL = {"hosts": "real"}
REFUSED = {"errorcode": 530, "errortext": "Failed to restart network"}
SUCCESS = {"success": True}
PATCH = {"id": NETWORK, "livepatch": "true"}


def cloud(version: str = NEW, template: str = "4.18.1", **sections: Any) -> SimulatorThread:
    server = {"version": version, "hosts": "real"} | sections.pop("server", {})
    return SimulatorThread(estate(server=server, defaults={"version": template}, **sections))


def restart(client: Client, **more: str) -> dict[str, Any]:
    return client.job("restartNetwork", **{"id": NETWORK} | more)["jobresult"]


def told(client: Client) -> tuple[str, str]:
    """What the server says of the only router: its software, and whose scripts it has."""
    shown = router(client)
    known = {scripts_checksum(version): version for version in ("4.18.1", "4.19.3", "4.20.1", "4.20.2", "4.21.0", NEW)}
    return shown["softwareversion"], known[shown["scriptsversion"]]


# -- the check of a router's version


@pytest.mark.parametrize("hosts", ["real", "checked", "simulated"])
def test_a_router_below_the_minimum_takes_no_rules_before_it_is_patched(hosts: str) -> None:
    with cloud(server={"hosts": hosts}) as simulator:
        assert restart(Client(simulator)) == (SUCCESS if hosts == "simulated" else REFUSED)
        assert simulator.state()["units"][NETWORK]["rules"] == "applied"


@pytest.mark.parametrize(
    "more",
    [
        {"settings": {"router.version.check": False}},
        {"settings": {"minreq.sysvmtemplate.version": "4.18.0"}},
        {"networks": [{"name": "net", "version": "4.22.0", "scripts": "4.18.1"}]},
        {"networks": [{"name": "net", "software": NEW}]},
    ],
    ids=["no check", "a low minimum", "a template at the minimum", "the server's scripts"],
)
def test_a_router_takes_rules_all_the_same(more: dict[str, Any]) -> None:
    with cloud(**more) as simulator:
        assert restart(Client(simulator)) == SUCCESS


def test_before_4_17_no_checksum_helps_not_even_on_simulated_hosts() -> None:
    networks = [{"name": "net", "version": "4.15.2", "scripts": "4.16.1"}]
    with cloud("4.16.1.0", networks=networks, server={"hosts": "simulated"}) as simulator:
        assert restart(Client(simulator)) == REFUSED


def test_a_patch_that_fails_is_no_silent_failure() -> None:
    """releases.md 0 d"""
    with cloud(template="4.20.1", faults=[{"kind": "silent_patch_failure"}]) as simulator:
        client = Client(simulator)
        assert (restart(client, livepatch="true"), told(client)) == (REFUSED, ("4.20.1.0", "4.20.1"))
        assert (restart(client, livepatch="true"), told(client)) == (SUCCESS, (NEW, NEW))


def test_a_patch_that_fails_is_silent_at_the_minimum() -> None:
    settings = {"minreq.sysvmtemplate.version": "4.18.0"}
    with cloud(template="4.20.1", faults=[{"kind": "silent_patch_failure"}], settings=settings) as simulator:
        client = Client(simulator)
        assert (restart(client, livepatch="true"), told(client)) == (SUCCESS, ("4.20.1.0", "4.20.1"))


def test_a_vpc_claims_success_though_its_router_takes_no_rules() -> None:
    fault = {"kind": "silent_patch_failure", "times": "always"}
    with cloud(networks=[], vpcs=[{"name": "vpc", "tiers": ["a", "b"]}], faults=[fault]) as simulator:
        client = Client(simulator)
        assert client.job("restartVPC", id=VPC, livepatch="true")["jobresult"] == SUCCESS
        assert router(client)["softwareversion"] == "4.18.1.0"
        assert restart(client, id=uuid_of("network", "a"), livepatch="true") == REFUSED
        assert not any(
            unit["last_restart"]["succeeded"]
            for unit in simulator.state()["units"].values()
            if unit["kind"] == "network"
        )


def test_a_pair_takes_no_rules_where_one_of_the_two_does_not() -> None:
    fault = {"kind": "silent_patch_failure"}
    with cloud(template="4.20.1", networks=[{"name": "net", "redundant": True}], faults=[fault]) as simulator:
        client = Client(simulator)
        assert restart(client, livepatch="true") == REFUSED
        assert [each["softwareversion"] for each in routers(client)] == ["4.20.1.0", NEW]


def test_a_start_passes_the_check() -> None:
    with cloud() as simulator:
        client = Client(simulator)
        assert client.job("rebootRouter", id=router(client)["id"])["jobstatus"] == 1
        assert restart(client) == restart(client, cleanup="true") == SUCCESS


def test_a_new_router_below_the_minimum_is_told_no_rules_by_a_host_with_another_package() -> None:
    zones = [{"name": "zone1", "hosts": [{"name": "h", "version": "4.21.0.0"}], "templates": [{"version": "4.22.0"}]}]
    with cloud(zones=zones, settings={"minreq.sysvmtemplate.version": "4.22.1"}) as simulator:
        job = Client(simulator).job("restartNetwork", id=NETWORK, cleanup="true")
        assert job["jobresultcode"] == 530
        assert "Unable to apply network rules as a part of network" in job["jobresult"]["errortext"]


# -- the checksum that the server stores


@pytest.mark.parametrize(
    ("version", "template", "patches"),
    [
        ("4.17.2.0", "4.16.1", 1),
        ("4.18.2.5", "4.16.1", 1),
        ("4.19.1.0", "4.18.1", 1),
        # Defect 10962.
        ("4.19.2.0", "4.18.1", 2),
        ("4.19.3.0", "4.18.1", 2),
        ("4.20.1.0", "4.20.0", 2),
        ("4.21.0.0", "4.20.2", 2),
        # Debian packages.
        ("4.20.0.0", "4.19.1", 2),
        ("4.20.2.0", "4.19.3", 2),
        ("4.22.0.0", "4.16.1", 2),
        ("4.22.0.0", "4.19.3", 2),
        ("4.20.2.0", "4.20.0", 1),
        ("4.22.0.0", "4.20.0", 1),
    ],
)
def test_first_patch_may_leave_the_old_checksum_and_fail(version: str, template: str, patches: int) -> None:
    with cloud(version, template) as simulator:
        client = Client(simulator)
        old = router(client)["scriptsversion"]
        if patches == 2:
            assert restart(client, livepatch="true") == REFUSED
            shown = router(client)
            assert (shown["softwareversion"], shown["scriptsversion"]) == (version, old)
            assert simulator.state()["vms"][shown["name"]]["installed"] == version
            assert simulator.state()["units"][NETWORK]["rules"] == "missing"
            # Without a patch nobody reads the checksum anew.
            assert restart(client) == REFUSED
        assert restart(client, livepatch="true") == SUCCESS
        assert router(client)["scriptsversion"] == scripts_checksum(version)
        assert simulator.state()["units"][NETWORK]["rules"] == "applied"


def test_packages_are_installed_once() -> None:
    networks = [{"name": "net", "software": "4.20.2.0"}]
    with cloud("4.22.0.0", networks=networks) as simulator:
        assert restart(Client(simulator), livepatch="true") == SUCCESS


def test_two_tiers_are_two_patches() -> None:
    with cloud("4.21.0.0", networks=[], vpcs=[{"name": "vpc", "tiers": 2}]) as simulator:
        client = Client(simulator)
        assert client.job("restartVPC", id=VPC, livepatch="true")["jobresult"] == SUCCESS
        assert told(client) == ("4.21.0.0", "4.21.0")


@pytest.mark.parametrize("hosts", ["checked", "simulated"])
def test_simulated_hosts_print_what_the_server_expects(hosts: str) -> None:
    with cloud("4.21.0.0", server={"hosts": hosts}) as simulator:
        client = Client(simulator)
        assert (restart(client, livepatch="true"), told(client)) == (SUCCESS, ("4.21.0.0", "4.21.0"))


# -- hosts with another package than the server's


@pytest.mark.parametrize("package", ["4.22.0.0+rpm", "4.21.0.0"])
def test_a_hosts_package_that_is_not_the_servers(package: str) -> None:
    """real-hosts.md 7: a patch moves the software, and no restart brings the rules back; a new router is fine."""
    hosts = [{"name": "h", "version": NEW, "package": package}]
    with cloud(template="4.20.1", zones=[{"name": "zone1", "hosts": hosts}]) as simulator:
        client = Client(simulator)
        for _each in range(2):
            assert restart(client, livepatch="true") == restart(client) == REFUSED
        shown = router(client)
        assert (shown["softwareversion"], shown["scriptsversion"]) == (NEW, scripts_checksum(package))
        assert restart(client, cleanup="true") == SUCCESS
        assert restart(client) == SUCCESS


@pytest.mark.parametrize("hypervisor", ["VMware", "XenServer"])
def test_vmware_and_xenserver_get_their_files_from_the_server(hypervisor: str) -> None:
    hosts = [{"name": "h", "hypervisor": hypervisor, "version": "4.21.0.0"}]
    with cloud(template="4.20.1", zones=[{"name": "zone1", "hypervisor": hypervisor, "hosts": hosts}]) as simulator:
        client = Client(simulator)
        assert (restart(client, livepatch="true"), told(client)) == (SUCCESS, (NEW, NEW))


# -- health checks


def health(client: Client, **more: str) -> dict[str, tuple[bool, str | None, str]]:
    answer = client.ask(command="getRouterHealthCheckResults", routerid=router(client)["id"], **more)
    checks = answer.body["routerhealthchecks"]["healthchecks"]
    return {check["checkname"]: (check["success"], check.get("status"), check["lastupdated"]) for check in checks}


FRESH = {"performfreshchecks": "true"}
SERVERS_OWN = ("connectivity.test", "filesystem.writable.test")


def test_checks_of_an_older_router_cannot_be_read() -> None:
    """real-hosts.md 1: before a patch nothing fails that does not fail afterwards."""
    networks = [{"name": "net", "router": {"failing_checks": ["dhcp.service"]}}]
    with cloud(template="4.20.1", networks=networks) as simulator:
        client = Client(simulator)
        before = health(client, **FRESH)
        assert {name: status for name, (_success, status, _at) in before.items()} == {
            **dict.fromkeys(SERVERS_OWN, "SUCCESS"),
            "dhcp.service": "UNKNOWN",
            "dns_check.py": "UNKNOWN",
        }
        # As recorded of UNKNOWN; RouterHealthCheckResultResponse.result is no object.
        assert before["dns_check.py"][0] is False
        restart(client, livepatch="true")
        after = health(client, **FRESH)
        assert (after["dhcp.service"][:2], after["dns_check.py"][:2]) == ((False, "FAILED"), (True, "SUCCESS"))


def test_a_patched_router_of_an_old_template_runs_no_checks() -> None:
    """real-hosts.md 2: what it tells is what it told before the patch."""
    with cloud(template="4.18.1") as simulator:
        client = Client(simulator)
        before = health(client, **FRESH)
        restart(client, livepatch="true")

        def newer() -> dict[str, tuple[bool, str | None, str]] | None:
            now = health(client, **FRESH)
            return now if all(now[name][2] > before[name][2] for name in SERVERS_OWN) else None

        after = wait_for(newer)
        assert after["dhcp.service"] == before["dhcp.service"]


@pytest.mark.parametrize("status", ["FAILED", "WARNING", "UNKNOWN"])
@pytest.mark.parametrize("version", ["4.21.0.0", NEW])
def test_a_check_that_warns_or_is_not_known_does_not_succeed(version: str, status: str) -> None:
    networks = [{"name": "net", "software": version, "router": {"failing_checks": {"cpu_usage_check.py": status}}}]
    with cloud(version, "4.20.1", networks=networks) as simulator:
        success, shown, _at = health(Client(simulator), **FRESH)["cpu_usage_check.py"]
        assert (success, shown) == (False, status if version == NEW else None)


# -- words


@pytest.mark.parametrize(
    ("fault", "hypervisor", "text"),
    [
        ({"kind": "patch_failure"}, "KVM", "Failed to patch systemVM {vm} due to /root"),
        ({"kind": "patch_failure"}, "XenServer", "Failed to patch systemVM {vm} due to "),
        (
            {"kind": "agent_lost"},
            "KVM",
            "SystemVM live patch failed due to: Resource [Host:{host}] is unreachable: Host {host}: Channel is closed",
        ),
        (
            {"kind": "patch_answer"},
            "KVM",
            "class com.cloud.agent.api.Answer cannot be cast to class com.cloud.agent.api.PatchSystemVmAnswer",
        ),
    ],
)
def test_words_of_a_system_vms_patch(fault: dict[str, Any], hypervisor: str, text: str) -> None:
    with cloud(zones=[{"name": "zone1", "hypervisor": hypervisor, "hosts": 1}], faults=[fault]) as simulator:
        client = Client(simulator)
        vm = system_vm(client, "consoleproxy")
        assert vm is not None
        job = client.job("patchSystemVm", id=vm["id"])
        assert (job["jobresultcode"], job["jobresult"]["errortext"]) == (530, text.format(vm=vm["name"], host=1))
        assert simulator.state()["vms"][vm["name"]]["software"] == "4.18.1.0"


@pytest.mark.parametrize(
    ("fault", "errortext"),
    [
        ("agent_lost", "Failed to restart network"),
        ("no_answer", "Failed to restart network"),
        (
            "patch_answer",
            "class com.cloud.agent.api.Answer cannot be cast to class com.cloud.agent.api.PatchSystemVmAnswer",
        ),
    ],
)
def test_of_a_routers_patch_only_a_wrong_answer_is_told(fault: str, errortext: str) -> None:
    with cloud(template="4.20.1", faults=[{"kind": fault}]) as simulator:
        client = Client(simulator)
        assert restart(client, livepatch="true") == {"errorcode": 530, "errortext": errortext}
        assert told(client) == ("4.20.1.0", "4.20.1")


def test_a_router_that_does_not_answer_takes_no_rules() -> None:
    faults = [{"kind": "no_answer", "times": "always"}]
    networks = [{"name": "net", "software": NEW}]
    for hosts, result in (("real", REFUSED), ("simulated", SUCCESS)):
        with cloud(networks=networks, faults=faults, server={"hosts": hosts}) as simulator:
            assert restart(Client(simulator)) == result
