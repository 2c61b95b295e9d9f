# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in scope: exactly the units that were meant, always whole ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import estate
from tests.support.modules import call_module
from tests.support.runner import Cloud

pytestmark = pytest.mark.slow

CHECK = "cs_sysvm_version_check"

TWO_ZONES = estate(
    zones=[{"name": "Berlin"}, {"name": "Köln"}],
    networks=[
        {"name": "shop", "account": "shop", "domain": "Customers/Shop"},
        {"name": "pair", "redundant": True, "account": "shop", "domain": "Customers/Shop", "tags": {"env": "prod"}},
        {"name": "tricky {{ name }}"},
        {"name": "lan", "type": "Shared", "cidr": "10.99.0.0/16"},
        {"name": "in Köln", "zone": "Köln"},
        {"name": "in Köln too", "zone": "Köln"},
    ],
    vpcs=[{"name": "vpc", "tiers": ["web", "db"]}, {"name": "other vpc", "tiers": ["back"]}],
)
BERLIN = {"shop", "pair", "tricky {{ name }}", "lan", "vpc", "other vpc"}
COLOGNE = {"in Köln", "in Köln too"}
# What is asked for -> which routers' units are in the plan.
PLANS: list[tuple[dict[str, Any], set[str]]] = [
    ({"zones": ["Köln"]}, COLOGNE),
    ({"zones": ["id of Köln", "Berlin"]}, BERLIN | COLOGNE),
    ({"names": ["shop", "in Köln"]}, {"shop", "in Köln"}),
    ({"names": ["router 2 of pair"]}, {"pair"}),
    ({"names": ["db"]}, {"vpc"}),
    ({"names": ["id of other vpc"], "zones": ["Köln"]}, set()),
    ({"exclude_names": ["router 1 of pair", "back"], "zones": ["Berlin"]}, BERLIN - {"pair", "other vpc"}),
    ({"names": ["in *", "sh?p"]}, COLOGNE | {"shop"}),
    ({"exclude_names": ["*Köln*"]}, BERLIN),
    ({"owners": ["ROOT/Customers"]}, {"shop", "pair"}),
    ({"owners": ["Shop/shop"], "names": ["pair"]}, {"pair"}),
    ({"cidrs": ["10.99.0.0/16", "192.0.2.0/24"]}, {"lan"}),
    ({"select": "owner.domain == 'ROOT/Customers/Shop'"}, {"shop", "pair"}),
    ({"select": "tags.env == 'prod'"}, {"pair"}),
    ({"select": "redundant || length(tiers) > `1`"}, {"pair", "vpc"}),
]


def real(cloud: Cloud, name: str) -> str:
    """What only the simulator knows: ids and the names of routers."""
    if name == "id of Köln":
        return next(zone["id"] for zone in cloud.call("listZones")["zone"] if zone["name"] == "Köln")
    if name.startswith("id of "):
        return cloud.id_of(name.removeprefix("id of "))
    if name.startswith("router "):
        number, unit = name.removeprefix("router ").split(" of ")
        return cloud.vms_of(unit)[int(number) - 1]
    return name


def with_real_names(cloud: Cloud, options: dict[str, Any]) -> dict[str, Any]:
    return {
        option: [real(cloud, name) for name in value] if isinstance(value, list) else value
        for option, value in options.items()
    }


def test_plans(tmp_path: Path) -> None:
    with Cloud(TWO_ZONES, tmp_path) as cloud:
        results = [
            call_module(cloud.simulator, CHECK, **{"kinds": ["router"], **with_real_names(cloud, options)})
            for options, _units in PLANS
        ]
    for (options, units), result in zip(PLANS, results, strict=True):
        found = [unit["name"] for unit in result["plan"]["units"]]
        assert sorted(found) == sorted(units), options
        in_steps = [each for step in result["plan"]["steps"] for each in step["units"]]
        assert sorted(in_steps) == sorted(unit["id"] for unit in result["plan"]["units"]), options


def test_exactly_what_was_meant_is_touched(tmp_path: Path) -> None:
    """One run after the other, each with other options."""
    with Cloud(TWO_ZONES, tmp_path) as cloud:

        def touched_by(*arguments: str, **options: Any) -> set[str]:
            run = cloud.upgrade(*arguments, canaries=False, **with_real_names(cloud, options))
            assert run.rc == 0 and run.report["status"] == "success"
            assert len(run.targets) == len(set(run.targets))
            return set(run.targets)

        [cpvm] = [name for name, vm in cloud.vms().items() if vm.get("type") == "consoleproxy" and vm["zone"] == "Köln"]
        assert touched_by(kinds=["cpvm"], zones=["Köln"]) == {cpvm}

        some = "router 2 of pair", "db"
        variables = tmp_path / "variables.yml"
        # Ansible would take the braces for a template, unless it is told not to.
        names = json.dumps([real(cloud, name) for name in some])[:-1] + ", !unsafe 'tricky {{ name }}']"
        variables.write_text(f"sysvm_names: {names}\n", encoding="utf-8")
        assert touched_by("-e", f"@{variables}") == {"pair", "web", "db", "tricky {{ name }}"}

        others = {"exclude_names": ["back", "shop"], "select": "name != 'in Köln'", "cidrs": ["10.0.0.0/8"]}
        assert touched_by(kinds=["router"], zones=["id of Köln", "Berlin"], **others) == {"lan", "in Köln too"}

        left = {name for name, count in cloud.patches().items() if count == 0}
        assert left == {
            *(name for name, vm in cloud.vms().items() if vm["kind"] == "systemvm" and name != cpvm),
            *cloud.vms_of("in Köln"),
            *cloud.vms_of("other vpc"),
            *cloud.vms_of("shop"),
        }


@pytest.mark.nightly
def test_a_basic_zone_has_a_router_in_each_pod(tmp_path: Path) -> None:
    """They are one unit, patched by one call, and by no means surplus routers."""
    zones = [{"name": "Berlin", "networktype": "Basic"}]
    with Cloud(
        estate(zones=zones, networks=[{"name": "lan", "type": "Shared", "router": [{}, {}]}]), tmp_path
    ) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False)
        assert (run.rc, run.targets) == (0, ["lan"]), run.output
        assert [cloud.patches()[name] for name in cloud.vms_of("lan")] == [1, 1]
        renewed = cloud.upgrade(kinds=["router"], method="recreate")
        assert (renewed.rc, [call["command"] for call in renewed.journal]) == (0, ["rebootRouter"] * 2), renewed.output
        template = {cloud.vms()[name]["root"] for name in cloud.vms_of("lan")}
        assert template == {"4.22.0"}, "each has a new disk"
        assert cloud.upgrade(kinds=["router"], method="recreate").journal == []


def test_named_canaries_that_are_current_are_no_step(tmp_path: Path) -> None:
    networks = [{"name": "done", "version": "4.22.0"}, {"name": "old", "version": "4.19.1"}]
    with Cloud(estate(networks=networks), tmp_path) as cloud:
        run = cloud.upgrade(kinds="router", canaries=["done"], soak="5s")
    note = "No canary step: nothing is to be done to the units in sysvm_canaries, so nothing goes before the others."
    assert run.report["notes"] == [note] and note in run.stdout and "Soak" not in run.stdout
    assert set(run.targets) == {"old"}
