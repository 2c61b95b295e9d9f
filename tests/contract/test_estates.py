# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud of every release: the same things under each of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.replay import Client
from tests.contract.scene import system_vm
from tests.simulator.releases import BEFORE, estate_of
from tests.support.clock import ClockedSimulator

LISTS = {
    "listNetworks": "network",
    "listVPCs": "vpc",
    "listRouters": "router",
    "listSystemVms": "systemvm",
    "listInternalLoadBalancerVMs": "internalloadbalancervm",
    "listProjects": "project",
}


def names(client: Client) -> dict[str, list[str]]:
    return {key: sorted(row["name"] for row in client.everything(command, key)) for command, key in LISTS.items()}


def test_the_same_things_under_every_release() -> None:
    seen = []
    for release in BEFORE:
        with ClockedSimulator(estate_of(release)) as simulator:
            seen.append(names(Client(simulator)))
    assert all(each == seen[0] for each in seen)
    assert {key: len(found) for key, found in seen[0].items()} == {
        "network": 14 + 7,
        "vpc": 6,
        "router": 14 + 7,
        "systemvm": 4,
        "internalloadbalancervm": 1,
        "project": 2,
    }


@pytest.mark.parametrize("release", BEFORE)
def test_everything_is_as_the_release_before_left_it(release: str) -> None:
    with ClockedSimulator(estate_of(release)) as simulator:
        client = Client(simulator)
        routers = client.everything("listRouters", "router")
        assert all(router["requiresupgrade"] for router in routers)
        assert {router["version"] for router in routers} == {BEFORE[release], "4.13.1"}
        assert {vm["version"] for vm in client.everything("listSystemVms", "systemvm")} == {f"{BEFORE[release]}.0"}


@pytest.mark.parametrize(
    ("release", "patches"),
    [("4.17.2.0", 1), ("4.18.2.5", 1), ("4.19.3.0", 2), ("4.20.2.0", 2), ("4.21.0.0", 2), ("4.22.0.0", 1)],
)
def test_patches_that_a_router_needs(release: str, patches: int) -> None:
    """Its hosts are real ones."""
    with ClockedSimulator(estate_of(release)) as simulator:
        client = Client(simulator)
        (network,) = (each for each in client.everything("listNetworks", "network") if each["name"] == "shop")
        ends = [client.job("restartNetwork", id=network["id"], livepatch="true")["jobstatus"] for _each in range(2)]
        assert ends == ([2, 1] if patches == 2 else [1, 1])
        vm = system_vm(client, "consoleproxy")
        assert vm is not None
        assert client.job("patchSystemVm", id=vm["id"])["jobstatus"] == 1


def test_sections_replace_or_extend_its_own() -> None:
    spec: dict[str, Any] = estate_of("4.18.2.5", timings={"patch": 3}, networks=[])
    assert (spec["timings"]["patch"], spec["timings"]["stop"], spec["networks"]) == (3, 0.1, [])
    assert spec["server"]["version"] == "4.18.2.5"
