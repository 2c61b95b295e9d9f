# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates: what is refused, the examples, and the cloud of every release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import simulator as simulator_package
from tests.contract.replay import Client
from tests.contract.scene import system_vm
from tests.simulator import uuid_of
from tests.simulator.estate import build, set_override
from tests.simulator.estate_schema import EstateError
from tests.simulator.process import SimulatorProcess, SimulatorThread
from tests.simulator.releases import BEFORE, estate_of
from tests.support.clock import ClockedSimulator


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"netwroks": []}, "estate.netwroks: unknown key, did you mean 'networks'?"),
        ({"networks": [{"name": "n", "verison": "4.18"}]}, "networks[0].verison: unknown key, did you mean 'version'?"),
        ({"networks": [{"name": "n", "redundant": "yes"}]}, "networks[0].redundant: expected bool, found 'yes'"),
        ({"networks": [{"name": "n", "version": 4.18}]}, "networks[0].version: expected text, found 4.18"),
        ({"networks": [{}]}, "networks[0]: name is missing"),
        ({"networks": [{"name": "n", "zone": "mars"}]}, "networks[0].zone: there is no zone 'mars'"),
        ({"zones": [{"name": "z", "hosts": [{"hypervisor": "Xen"}]}]}, "'Xen' is not one of KVM"),
        ({"vpcs": [{"name": "v", "tiers": [{"nmae": "t"}]}]}, "vpcs[0].tiers[0].nmae: unknown key"),
        ({"faults": [{"kind": "gremlins"}]}, "faults: a fault needs a kind"),
        ({"timings": {"patch": True}}, "timings.patch: expected int or float, found True"),
    ],
)
def test_wrong_estate(spec: dict[str, Any], text: str) -> None:
    with pytest.raises(EstateError) as error:
        build(spec)
    assert text in str(error.value)


def test_set_override() -> None:
    spec: dict[str, Any] = {"networks": [{"name": "a"}]}
    set_override(spec, "timings.patch=0.5")
    set_override(spec, "networks.0.redundant=true")
    assert spec == {"networks": [{"name": "a", "redundant": True}], "timings": {"patch": 0.5}}
    with pytest.raises(EstateError, match="no such place"):
        set_override(spec, "networks.5.name=b")


def test_ids_can_be_predicted() -> None:
    world = build({"networks": [{"name": "same"}, {"name": "same"}, {"name": "many", "count": 2}]})
    assert [network.id for network in world.networks] == [
        uuid_of("network", name) for name in ("same", "same#2", "many-001", "many-002")
    ]
    first = next(world.routers)
    assert first.id == uuid_of("vm", first.name)


@pytest.mark.parametrize("name", ["small", "demo", "bench", "large"])
def test_example_estates(name: str) -> None:
    with SimulatorProcess(f"{name}.yml") as simulator:
        answer = Client(simulator).ask(command="listRouters", listall="true", page="1", pagesize="500")
        assert answer.body["count"] >= {"small": 12, "demo": 50, "bench": 200, "large": 4900}[name]


def test_wrong_estate_is_told_on_start() -> None:
    with pytest.raises(RuntimeError, match="unknown key"):
        SimulatorProcess({"netwroks": []}).start()
    with pytest.raises(EstateError, match="unknown key"):
        SimulatorThread({"netwroks": []}).start()


def test_estate_in_the_readme() -> None:
    readme = (Path(simulator_package.__file__).parent / "README.md").read_text(encoding="utf-8")
    spec = yaml.safe_load(readme.split("```yaml")[1].split("```")[0])
    world = build(spec)
    assert len(world.networks) == 3 + 2
    assert len(world.vpcs) == 1


# -- the cloud of every release

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


def test_what_was_made_from_an_older_template_is_older_than_the_newest() -> None:
    """A server makes nothing from a template that it has replaced."""
    with ClockedSimulator(estate_of("4.17.2.0")) as simulator:
        client = Client(simulator)
        templates = client.everything("listTemplates", "template", templatefilter="all")
        newest = max(row["created"] for row in templates if row["templatetype"] == "SYSTEM")
        vms = client.everything("listSystemVms", "systemvm") + client.everything("listRouters", "router")
        assert max(vm["created"] for vm in vms) < newest


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
