# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one list names, another has to show, or the server has to say that it is not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.agreement import (
    FEW,
    MOST_QUESTIONS,
    Listed,
    check_places,
    complete,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host, Zone
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.items import volume
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Network, Vm, Vpc
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from tests.unit.builders import OWNER, network, vm


class Server:
    """What the server has, whatever its lists show; counts the questions for one thing, and the lists."""

    tells_volumes = True
    KINDS = {"network": Network, "vpc": Vpc, "router": Vm, "internal_lb": Vm, "system_vm": Vm, "host": Host}

    def __init__(self, *things: Any, volumes: dict[str, dict[str, Any]] | None = None, empty: int = 0) -> None:
        self.things = {thing.id: thing for thing in things}
        self.volumes = volumes or {}
        self.asked: list[str] = []
        self.listed: list[str] = []
        self.empty = empty  # so many questions are answered by a node that is starting
        self.client = self
        self.waited = 0.0

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        self.empty = 0

    def __getattr__(self, name: str) -> Any:
        kind = self.KINDS.get(name)

        def ask(identity: str) -> Any:
            self.asked.append(identity)
            self.empty -= 1
            thing = self.things.get(identity)
            return thing if kind and isinstance(thing, kind) and self.empty < 0 else None

        def every(*dummy: Any) -> list[Any]:
            self.listed.append(name)
            return [thing for thing in self.things.values() if isinstance(thing, self.KINDS[name.removesuffix("s")])]

        return ask if kind else every

    def routers_of(self, **owner: str) -> list[Vm] | None:
        [identity] = owner.values()
        self.asked.append(identity)
        found = [vm for vm in self.things.values() if isinstance(vm, Vm) and identity in (vm.vpc_id, vm.network_id)]
        return found or None

    def root_volumes(self, virtualmachineid: str | None = None) -> dict[str, Any]:
        if virtualmachineid is None:
            return self.volumes
        self.asked.append(virtualmachineid)
        return {key: value for key, value in self.volumes.items() if key == virtualmachineid}


def agree(server: Server, **listed: Any) -> Listed:
    return complete(server, Listed(**listed))  # type: ignore[arg-type]


ROUTER = vm("r-1-VM", network_id="id-web")
WEB = network("web")
TIER = network("tier", vpc_id="id-shop")
SHOP = Vpc("id-shop", "shop", "id-zone", "Enabled", False, (), OWNER, tier_ids=("id-tier",))
VPC_ROUTER = vm("r-2-VM", vpc_id="id-shop")


def test_lists_that_agree_cost_no_question() -> None:
    server = Server()
    found = agree(server, routers=(ROUTER, VPC_ROUTER), networks=(WEB, TIER), vpcs=(SHOP,))
    assert (server.asked, found.doubts) == ([], ())


def test_a_network_that_the_list_did_not_show_is_found_by_its_id() -> None:
    found = agree(Server(WEB), routers=(ROUTER,))
    assert (found.networks, found.doubts) == ((WEB,), ())


def test_a_vpc_that_the_list_did_not_show_is_found_and_so_are_its_tiers() -> None:
    found = agree(Server(SHOP, TIER), routers=(VPC_ROUTER,))
    assert (found.vpcs, found.networks, found.doubts) == ((SHOP,), (TIER,), ())


def test_a_tier_that_only_its_vpc_names_puts_the_vpc_in_doubt() -> None:
    found = agree(Server(SHOP), routers=(VPC_ROUTER,), vpcs=(SHOP,))
    [doubt] = found.doubts
    assert doubt.about == {"id-shop"}
    assert "listVPCs names the tier id-tier" in doubt.seen and "there is none of that id" in doubt.seen


def test_a_tier_that_was_deleted_meanwhile_is_no_contradiction() -> None:
    found = agree(Server(replace(SHOP, tier_ids=())), routers=(VPC_ROUTER,), vpcs=(SHOP,))
    assert found.doubts == ()


def test_a_tier_of_a_vpc_that_the_server_does_not_have() -> None:
    [doubt] = agree(Server(), networks=(TIER,)).doubts
    assert "id-tier" in doubt.about and "listVPCs" in doubt.seen


def test_a_router_of_a_network_that_the_server_does_not_have_stays_for_a_look() -> None:
    found = agree(Server(ROUTER), routers=(ROUTER,))
    assert (found.routers, found.doubts) == ((ROUTER,), ())


def test_a_router_that_went_with_its_network_meanwhile_is_not_there() -> None:
    assert agree(Server(), routers=(ROUTER,)).routers == ()


def test_that_nothing_is_there_is_not_believed_at_once() -> None:
    server = Server(WEB, empty=1)
    found = agree(server, routers=(ROUTER,))
    assert (found.networks, found.doubts, server.asked) == ((WEB,), (), ["id-web"] * 2)
    assert server.waited == 1


def disk(one: Vm, kind: str) -> dict[str, Any]:
    facts = {"vmname": one.name, "vmtype": kind, "vmstate": "Running", "zoneid": one.zone_id}
    return volume({"virtualmachineid": one.id, **facts})


@pytest.mark.parametrize(
    ("one", "kind", "where"),
    [
        (ROUTER, "DomainRouter", "routers"),
        (vm("b-1-VM", internal_lb=True), "InternalLoadBalancerVm", "internal_lbs"),
        (vm("s-1-VM", Kind.SSVM), "SecondaryStorageVm", "system_vms"),
        (vm("v-1-VM", Kind.CPVM), "ConsoleProxy", "system_vms"),
    ],
)
def test_a_vm_that_only_its_disk_shows_is_asked_for(one: Vm, kind: str, where: str) -> None:
    """As when the list came from a node that was starting."""
    found = agree(Server(one, WEB), networks=(WEB,), volumes={one.id: disk(one, kind)})
    assert getattr(found, where) == (one,)


def test_what_nobody_lists_is_not_asked_for() -> None:
    elastic = vm("l-1-VM")
    server = Server(elastic)
    agree(server, volumes={elastic.id: disk(elastic, "DomainRouter")})
    agree(server, kinds=[Kind.SSVM], volumes={ROUTER.id: disk(ROUTER, "DomainRouter")})
    assert server.asked == []


def test_a_list_that_came_empty_is_read_once_more() -> None:
    routers = tuple(vm(f"r-{n}-VM", network_id="id-web") for n in range(FEW + 1))
    server = Server(WEB, *routers)
    found = agree(server, networks=(WEB,), volumes={one.id: disk(one, "DomainRouter") for one in routers})
    assert set(found.routers) == set(routers)
    assert (server.listed, server.asked) == (["routers"], [])


def test_of_a_list_that_is_wrong_altogether_not_everything_is_asked_for() -> None:
    routers = tuple(vm(f"r-{n}-VM", network_id=f"id-{n}") for n in range(MOST_QUESTIONS + 50))
    server = Server(*routers)
    found = agree(server, routers=routers)
    assert len(server.asked) == 2 * MOST_QUESTIONS
    assert len(found.doubts) == 50 and "too many to ask for each" in found.doubts[0].seen
    assert found.routers == routers


HALF = vm("r-3-VM", network_id="id-web")


@pytest.mark.parametrize("listed", [(), (ROUTER,)], ids=["none of them", "one half"])
def test_routers_that_neither_a_list_nor_a_disk_shows_are_asked_for_by_their_network(listed: tuple[Vm, ...]) -> None:
    """As on 4.17, which lists no disks of routers."""
    found = agree(Server(ROUTER, HALF), routers=listed, networks=(replace(WEB, redundant=True),))
    assert {one.id for one in found.routers} == {ROUTER.id, HALF.id}


def test_routers_that_the_list_did_not_show_are_asked_for_by_their_vpc() -> None:
    found = agree(Server(VPC_ROUTER), networks=(TIER,), vpcs=(SHOP,))
    assert found.routers == (VPC_ROUTER,)


@pytest.mark.parametrize("redundant", [False, True])
def test_a_router_whose_disk_is_there_and_that_the_server_denies_is_missing_somewhere(redundant: bool) -> None:
    """A network of its zone that has too few of them may be its own, so nobody sends that one a restart."""
    web = replace(WEB, redundant=redundant)
    there = (HALF,) if redundant else ()
    volumes = {ROUTER.id: disk(ROUTER, "DomainRouter")}
    found = agree(Server(*there), routers=there, networks=(web, replace(TIER, zone_id="id-far")), volumes=volumes)
    doubts = [doubt for doubt in found.doubts if "disk" in doubt.seen]
    assert [doubt.about for doubt in doubts] == [{web.id}]
    assert "listVolumes shows the disk of r-1-VM, and listRouters says that there is none" in doubts[0].seen


def test_where_every_network_has_its_routers_a_disk_that_is_left_over_is_no_contradiction() -> None:
    volumes = {one.id: disk(one, "DomainRouter") for one in (ROUTER, HALF)}
    assert agree(Server(ROUTER), routers=(ROUTER,), networks=(WEB,), volumes=volumes).doubts == ()


def test_what_wants_no_router_or_has_its_disk_listed_is_not_asked_for_one() -> None:
    server = Server()
    agree(server, networks=(replace(WEB, state="Allocated"), network("l2", providers=frozenset())))
    agree(server, networks=(WEB,), volumes={"id-x": {**disk(vm("x"), "User")}})
    assert server.asked == []


@pytest.mark.parametrize("listed", [{}, {"id-other": volume({"virtualmachineid": "id-other", "vmtype": "User"})}])
def test_a_disk_that_the_list_did_not_show_is_asked_for(listed: dict[str, Any]) -> None:
    ssvm = vm("s-1-VM", Kind.SSVM)
    server = Server(volumes={"id-s-1-VM": {"templateid": "new"}})
    found = agree(server, system_vms=(ssvm,), volumes=listed)
    assert found.volumes == {**listed, "id-s-1-VM": {"templateid": "new"}}


def test_disks_that_were_not_read_are_not_asked_for() -> None:
    server = Server()
    assert agree(server, system_vms=(vm("s-1-VM", Kind.SSVM),)).volumes is None
    assert server.asked == []


HOST = Host("id-host", "host", "id-zone", "KVM", None, "Up", "Enabled")
ZONE = Zone("id-zone", "zone", True)


def test_a_host_that_the_list_did_not_show_is_found_by_its_id() -> None:
    assert check_places(Server(HOST), [ROUTER], {}, [ZONE]) == ((HOST,), ())  # type: ignore[arg-type]


def test_a_vm_on_a_host_that_the_server_does_not_have() -> None:
    found, [doubt] = check_places(Server(), [ROUTER], {}, [ZONE])  # type: ignore[arg-type]
    assert found == () and doubt.about == {ROUTER.id} and "listHosts" in doubt.seen


def test_a_vm_in_a_zone_that_no_list_shows() -> None:
    dummy, [doubt] = check_places(Server(), [ROUTER], {HOST.id: HOST}, [])  # type: ignore[arg-type]
    assert "listZones does not show it" in doubt.seen
