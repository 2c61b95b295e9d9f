# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the simulated cloud can be reached from outside: rules that the API lists, listeners that go and come.

Lengths are compared only downwards: a busy machine makes a gap longer, and nothing makes it shorter.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import NETWORK, estate, router, system_vm
from tests.simulator import uuid_of
from tests.simulator.estate import build
from tests.simulator.estate_schema import EstateError
from tests.simulator.process import SimulatorThread
from tests.support.waiting import wait_for

GAPS = {"patch": 0.2, "restart": 0.4, "redundant": 0.1}
VPC = {"name": "vpc", "project": "p", "tiers": [{"name": "tier", "port_forwardings": 1, "static_nats": 1}]}


def reachable(**network: Any) -> dict[str, Any]:
    return estate(listeners=True, gaps=GAPS, networks=[{"name": "net"} | network])


def connects(endpoint: dict[str, Any], timeout: float = 5.0) -> bool:
    with socket.socket() as client:
        client.settimeout(timeout)
        return client.connect_ex((endpoint["address"], endpoint["port"])) == 0


def hangs(endpoint: dict[str, Any]) -> bool:
    with socket.socket() as client:
        client.settimeout(0.3)
        try:
            client.connect((endpoint["address"], endpoint["port"]))
        except TimeoutError:
            return True
        except ConnectionRefusedError:
            return False
        return False


def of_rules(simulator: SimulatorThread) -> list[dict[str, Any]]:
    return [each for each in simulator.listeners() if each["kind"] != "systemvm"]


def only(simulator: SimulatorThread) -> dict[str, Any]:
    (endpoint,) = of_rules(simulator)
    return endpoint


def lengths(endpoint: dict[str, Any]) -> list[float]:
    # They are measured by another clock than they are made by.
    return [1.01 * (opened - closed) for closed, opened in endpoint["gone"]]


def back(simulator: SimulatorThread, gaps: int = 1) -> dict[str, Any]:
    """The only endpoint, when it was gone so many times and is back."""

    def there() -> dict[str, Any] | None:
        endpoint = only(simulator)
        return endpoint if endpoint["listening"] and len(endpoint["gone"]) >= gaps else None

    return wait_for(there)


# -- what the API lists


def test_rules_stand_at_the_addresses_that_are_listed() -> None:
    network = {"name": "net", "load_balancers": 2, "port_forwardings": [2200], "static_nats": 2}
    with SimulatorThread(estate(networks=[network], vpcs=[VPC])) as simulator:
        client = Client(simulator)
        balancers = client.everything("listLoadBalancerRules", "loadbalancerrule")
        forwardings = client.everything("listPortForwardingRules", "portforwardingrule")
        addresses = {row["id"]: row for row in client.everything("listPublicIpAddresses", "publicipaddress")}
        assert [(rule["publicport"], rule["protocol"], rule["state"]) for rule in balancers] == [
            ("8080", "tcp", "Active"),
            ("8081", "tcp", "Active"),
        ]
        assert [rule["publicport"] for rule in forwardings] == ["2200", "2222"]
        for rule in balancers:
            assert addresses[rule["publicipid"]]["ipaddress"] == rule["publicip"]
            assert addresses[rule["publicipid"]]["associatednetworkid"] == rule["networkid"] == NETWORK
        for rule in forwardings:
            assert addresses[rule["ipaddressid"]]["ipaddress"] == rule["ipaddress"]
            assert addresses[rule["ipaddressid"]]["hasrules"]
        of_tier = addresses[forwardings[1]["ipaddressid"]]
        assert (of_tier["vpcid"], of_tier["project"]) == (uuid_of("vpc", "vpc"), "p")
        assert of_tier["associatednetworkid"] == uuid_of("network", "tier")
        nats = [row for row in addresses.values() if row["isstaticnat"]]
        assert [row["associatednetworkname"] for row in nats] == ["net", "net", "tier"]
        assert all(row["virtualmachineid"] and row["vmipaddress"] for row in nats)
        assert len({row["ipaddress"] for row in addresses.values()}) == len(addresses)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("listLoadBalancerRules", "loadbalancerrule"),
        ("listPortForwardingRules", "portforwardingrule"),
        ("listFirewallRules", "firewallrule"),
        ("listRemoteAccessVpns", "remoteaccessvpn"),
    ],
)
def test_lists_of_rules_show_what_was_asked_for(command: str, key: str) -> None:
    rules = {"load_balancers": 3, "port_forwardings": 3, "remote_access_vpn": True}
    networks = [{"name": "net", **rules}, {"name": "other", "account": "acme", **rules}]
    of_project = {"name": "of-project", "project": "p", **rules}
    with SimulatorThread(estate(networks=[*networks, of_project])) as simulator:
        client = Client(simulator)

        def count(**filters: str) -> int:
            return client.ask(command=command, **filters).body.get("count", 0)

        each = count(listall="true", networkid=NETWORK)
        assert each > 0
        # Without listall the caller's own, and the caller has none.
        assert count() == 0
        assert count(listall="true") == 2 * each
        assert count(listall="true", projectid="-1") == 3 * each
        one = client.ask(command=command, listall="true", projectid="-1", page="2", pagesize="1").body
        assert (one["count"], len(one[key])) == (3 * each, 1)
        assert [row["id"] for row in client.everything(command, key, id=one[key][0]["id"])] == [one[key][0]["id"]]


def test_tiers_have_no_firewall() -> None:
    with SimulatorThread(estate(networks=[], vpcs=[VPC])) as simulator:
        assert not Client(simulator).everything("listFirewallRules", "firewallrule")


def test_rules_may_share_an_address_and_have_the_networks_own() -> None:
    rules = [{"port": 80, "count": 2}, {"port": 443, "address": "source_nat"}]
    network = {"name": "net", "load_balancers": rules, "port_forwardings": [{"port": 22, "address": "lb"}]}
    with SimulatorThread(estate(networks=[network])) as simulator:
        client = Client(simulator)
        first, second, third = client.everything("listLoadBalancerRules", "loadbalancerrule")
        (forwarding,) = client.everything("listPortForwardingRules", "portforwardingrule")
        (own,) = client.everything("listPublicIpAddresses", "publicipaddress", issourcenat="true")
        assert (first["publicport"], second["publicport"]) == ("80", "81")
        assert first["publicip"] == second["publicip"] == forwarding["ipaddress"] != own["ipaddress"]
        assert third["publicip"] == own["ipaddress"] and own["hasrules"]


def test_addresses_are_of_this_machine_only_where_there_are_listeners() -> None:
    for listeners, start in ((False, "198."), (True, "127.")):
        with SimulatorThread(reachable(load_balancers=1) | {"listeners": listeners}) as simulator:
            client = Client(simulator)
            rows = client.everything("listPublicIpAddresses", "publicipaddress")
            vms = client.everything("listSystemVms", "systemvm")
            found = {*(row["ipaddress"] for row in rows), *(vm["publicip"] for vm in vms), router(client)["publicip"]}
            assert {address[:4] for address in found} == {start} and "127.0.0.1" not in found


def test_two_simulators_have_different_addresses() -> None:
    with SimulatorThread(reachable(load_balancers=1)) as one, SimulatorThread(reachable(load_balancers=1)) as other:
        assert not {each["address"] for each in one.listeners()} & {each["address"] for each in other.listeners()}
        assert connects(only(one)) and connects(only(other))


@pytest.mark.parametrize(
    "network",
    [
        {"gap": "sometimes"},
        {"gap": -1},
        {"gap": {"late": 1}},
        {"load_balancers": [{"gap": {"seconds": "x"}}]},
        {"type": "L2", "load_balancers": 1},
        {"load_balancers": [{"prot": 80}]},
    ],
)
def test_wrong_rules_are_refused_with_their_place(network: dict[str, Any]) -> None:
    with pytest.raises(EstateError, match=r"networks\[0\]"):
        build(estate(networks=[{"name": "net"} | network]))


# -- listeners


def test_live_patch_makes_a_gap_and_the_book_knows_it() -> None:
    with SimulatorThread(reachable(load_balancers=1)) as simulator:
        before = only(simulator)
        assert connects(before) and before["gone"] == []
        Client(simulator).job("restartNetwork", id=NETWORK, livepatch="true")
        endpoint = back(simulator)
        patched = next(vm for vm in simulator.state()["vms"].values() if vm["kind"] == "router")["patch_intervals"]
        assert connects(endpoint)
        assert len(endpoint["gone"]) == 1 and lengths(endpoint)[0] >= GAPS["patch"]
        # It begins with the patch itself, and not when the job was submitted.
        assert endpoint["gone"][0][0] >= patched[0][0]


def test_nothing_connects_during_a_gap() -> None:
    with SimulatorThread(reachable(load_balancers=1)) as simulator:
        assert simulator.outage("net", "never") == 1
        assert not connects(only(simulator)) and not hangs(only(simulator))
        simulator.outage("net", "back")
        assert connects(only(simulator))


@pytest.mark.parametrize("rolling", ["true", "false"])
def test_a_new_router_makes_a_longer_gap(rolling: str) -> None:
    with SimulatorThread(reachable(static_nats=1) | {"settings": {"network.rolling.restart": rolling}}) as simulator:
        Client(simulator).job("restartNetwork", id=NETWORK, cleanup="true")
        assert lengths(back(simulator))[0] >= GAPS["restart"]


def test_a_pair_hands_over() -> None:
    with SimulatorThread(reachable(load_balancers=1, redundant=True)) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, cleanup="true")
        (length,) = lengths(back(simulator))
        assert GAPS["redundant"] <= length


def test_the_backup_can_go_without_a_gap() -> None:
    with SimulatorThread(reachable(load_balancers=1, redundant=True)) as simulator:
        client = Client(simulator)
        routers = client.everything("listRouters", "router")
        backup = next(vm for vm in routers if vm["redundantstate"] == "BACKUP")
        client.job("stopRouter", id=backup["id"])
        assert only(simulator)["gone"] == []


def test_it_stays_gone_while_nothing_serves_it() -> None:
    with SimulatorThread(reachable(load_balancers=1, gap=0.01)) as simulator:
        client = Client(simulator)
        vm = router(client)
        client.job("stopRouter", id=vm["id"])
        assert not connects(only(simulator))
        client.job("startRouter", id=vm["id"])
        assert connects(back(simulator))


def test_what_never_comes_back_does_not_and_has_its_next_chance_at_the_next_restart() -> None:
    with SimulatorThread(reachable(load_balancers=[{"gap": "never"}])) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert only(simulator)["gone"][0][1] is None and not connects(only(simulator))
    with SimulatorThread(reachable(load_balancers=1, gap="never")) as simulator:
        client = Client(simulator)
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert not connects(only(simulator))
        simulator.update(networks={"net": {"gap": 0.05}})
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        assert connects(back(simulator))


def test_a_late_gap_begins_later() -> None:
    with SimulatorThread(reachable(load_balancers=1, gap={"seconds": 0.1, "late": 0.5})) as simulator:
        Client(simulator).job("restartNetwork", id=NETWORK, livepatch="true")
        endpoint = back(simulator)
        patched = next(vm for vm in simulator.state()["vms"].values() if vm["kind"] == "router")["patch_intervals"]
        assert endpoint["gone"][0][0] >= patched[0][0] + 0.45


def test_the_gap_of_a_vpc_is_that_of_its_tiers_unless_they_have_their_own() -> None:
    tiers = [{"name": "one", "load_balancers": 1}, {"name": "two", "load_balancers": 1, "gap": 0}]
    with SimulatorThread(
        reachable() | {"networks": [], "vpcs": [{"name": "vpc", "tiers": tiers, "gap": 0.3}]}
    ) as cloud:
        Client(cloud).job("restartNetwork", id=uuid_of("network", "one"), livepatch="true")
        one, two = wait_for(lambda: (all(each["listening"] for each in of_rules(cloud)) and of_rules(cloud)) or None)
        assert lengths(one)[0] >= 0.3 and two["gone"] == []


def test_what_drops_makes_a_client_wait() -> None:
    with SimulatorThread(reachable(load_balancers=1, drops=True)) as simulator:
        assert connects(only(simulator))
        simulator.outage("lb-1", "never")
        assert hangs(only(simulator))
        simulator.outage("lb-1", "back")
        assert connects(only(simulator))


@pytest.mark.parametrize("drops", [False, True])
def test_what_is_down_is_so_from_the_start(drops: bool) -> None:
    with SimulatorThread(reachable(load_balancers=[{"down": True, "drops": drops}])) as simulator:
        endpoint = only(simulator)
        assert not endpoint["listening"] and endpoint["gone"][0][1] is None
        assert hangs(endpoint) is drops and not connects(endpoint, timeout=0.2)


def test_a_system_vm_listens_where_the_api_says() -> None:
    with SimulatorThread(reachable(load_balancers=1)) as simulator:
        client = Client(simulator)
        old = system_vm(client, "consoleproxy")
        assert old is not None
        listeners = {each["id"]: each for each in simulator.listeners()}
        assert (listeners[old["id"]]["address"], listeners[old["id"]]["port"]) == (old["publicip"], 443)
        client.job("destroySystemVm", id=old["id"])

        def new() -> dict[str, Any] | None:
            vm = system_vm(client, "consoleproxy")
            return vm if vm is not None and vm["id"] != old["id"] and vm["state"] == "Running" else None

        vm = wait_for(new)
        listeners = {each["id"]: each for each in simulator.listeners()}
        assert listeners[old["id"]]["removed"] and not listeners[old["id"]]["listening"]
        # Where the port cannot be had the book says why.
        assert listeners[vm["id"]]["listening"] or listeners[vm["id"]]["error"]


def test_a_vpn_is_no_tcp_port() -> None:
    with SimulatorThread(reachable(remote_access_vpn=True)) as simulator:
        assert of_rules(simulator) == []


def test_without_listeners_there_is_no_book() -> None:
    with SimulatorThread(estate()) as simulator, pytest.raises(ValueError, match="no listeners"):
        simulator.listeners()


# -- what else tells of a router that is not well


def test_an_alert_comes_after_a_patch() -> None:
    fault = {"kind": "alert", "match": {"name": "net"}, "text": "{name} is unwell", "seconds": 0.05}
    with SimulatorThread(estate(faults=[fault])) as simulator:
        client = Client(simulator)
        name = router(client)["name"]

        def unwell() -> list[dict[str, Any]]:
            alerts = client.everything("listAlerts", "alert")
            return [alert for alert in alerts if alert["description"] == f"{name} is unwell"]

        assert not unwell()
        client.job("restartNetwork", id=NETWORK, livepatch="true")
        (alert,) = wait_for(unwell)
        assert (alert["type"], alert["name"]) == (9, "ALERT.SERVICE.DOMAINROUTER")


def test_a_ping_that_is_lost_is_no_failed_job() -> None:
    fault = {"kind": "ping_fails", "match": {"name": "net"}}
    with SimulatorThread(estate(faults=[fault])) as simulator:
        client = Client(simulator)
        ends = [
            client.job("runDiagnostics", targetid=router(client)["id"], type="ping", ipaddress="10.1.1.1")
            for _each in range(2)
        ]
        assert [job["jobstatus"] for job in ends] == [1, 1]
        assert [job["jobresult"]["diagnostics"]["exitcode"] for job in ends] == ["1", "0"]
