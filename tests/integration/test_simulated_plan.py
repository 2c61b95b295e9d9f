# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud like the one that a plan has read: its plan is the same, and it can be upgraded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import as_json
from tests.simulator.estate import read_estate
from tests.simulator.estate_schema import EstateError
from tests.simulator.from_plan import estate_of_plan, load_plan
from tests.simulator.releases import estate_of
from tests.support.estates import estate
from tests.support.virtual import VirtualSimulator

ROOT = Path(__file__).parents[2]
MIXED = estate(
    zones=[
        {
            "name": "Berlin",
            "hosts": [{"hypervisor": "KVM", "count": 3}, {"hypervisor": "VMware", "count": 2}],
            "ssvm": {"version": "4.20.2"},
            "cpvm": {"version": "4.22.0"},
        },
        {"name": "Oslo", "hosts": [{"name": "oslo", "count": 2}], "cpvm": {"count": 2, "state": "Running"}},
        {"name": "Basel", "networktype": "Basic", "hosts": 2},
    ],
    networks=[
        {"name": "web", "account": "acme", "domain": "customers/acme", "count": 2, "tags": {"stage": "test"}},
        {"name": "pair", "redundant": True, "project": "apollo", "zone": "Oslo"},
        {"name": "broken", "redundant": True, "router": [{"redundantstate": "PRIMARY"}, {"redundantstate": "PRIMARY"}]},
        {"name": "half", "redundant": True, "router": [{}]},
        {"name": "lame", "router": {"state": "Stopped"}},
        {"name": "never", "router": {"never_started": True}},
        {"name": "alone", "router": {"missing": True}},
        {"name": "done", "version": "4.22.0"},
        {"name": "patched", "software": "4.22.0.0"},
        {"name": "lying", "software": "4.22.0.0", "scripts": "4.20.2"},
        {"name": "ancient", "version": "4.13.1"},
        {"name": "vmware", "hypervisor": "VMware"},
        {"name": "vpn", "remote_access_vpn": True, "load_balancers": 2},
        {"name": "owing", "version": "4.22.0"},
        {"name": "pods", "zone": "Basel", "type": "Shared", "router": [{}, {}]},
    ],
    vpcs=[
        {"name": "shop", "tiers": ["front", "back"], "account": "acme", "site_to_site": True},
        {"name": "balanced", "tiers": 2, "internal_lb": True, "redundant": True},
        {"name": "empty", "tiers": 0},
    ],
    orphan_routers=[{"zone": "Oslo", "state": "Stopped"}],
    history=[{"network": "owing", "ago": 900, "end": "failed"}],
)
TARGETS = {
    "networks": {"network"},
    "vpcs": {"vpc"},
    "system_vms": {"ssvm", "cpvm"},
    "routers": {"internal_lb", "orphan_router"},
}
ESTATES = {
    "mixed": MIXED,
    **{release: estate_of(release) for release in ("4.17.2.0", "4.20.2.0", "4.22.0.0")},
}


def plan_of(simulator: VirtualSimulator) -> dict[str, Any]:
    with simulator.client() as client:
        return dict(check_versions(client, CheckRequest(fail_on_checks=False)).values["plan"])


def decided(plan: dict[str, Any], *keys: str) -> list[tuple[Any, ...]]:
    """What the plan says of its units, in its order."""
    return [tuple(str(unit[key]) for key in (*keys, "method", "reason", "step")) for unit in plan["units"]]


def outline(plan: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(step["name"], step["canary"], step["units"]) for step in plan["steps"]]


def kinds(plan: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted((unit["kind"], unit["method"], unit["code"], str(unit["step"])) for unit in plan["units"])


@pytest.fixture(scope="module")
def plans() -> dict[str, dict[str, Any]]:
    found = {}
    for name, spec in ESTATES.items():
        with VirtualSimulator(spec) as simulator:
            found[name] = plan_of(simulator)
    return found


@pytest.mark.parametrize("name", ESTATES)
def test_the_plan_of_a_cloud_like_that_of_a_plan_is_the_same(name: str, plans: dict[str, dict[str, Any]]) -> None:
    plan = plans[name]
    with VirtualSimulator(estate_of_plan(plan)) as simulator:
        again = plan_of(simulator)
    keys = ("id", "name", "kind", "zone", "hypervisor", "owner", "tags", "tiers", "redundant")
    assert decided(again, *keys) == decided(plan, *keys)
    assert outline(again) == outline(plan)


def test_names_can_be_replaced(plans: dict[str, dict[str, Any]]) -> None:
    plan = plans["mixed"]
    spec = estate_of_plan(plan, anonymous=True)
    told = json.dumps(spec)
    for secret in ("Berlin", "Oslo", "acme", "customers", "apollo", "shop", "front", "stage", "oslo-001", "owing"):
        assert secret not in told
    assert not any(unit["id"] in told for unit in plan["units"])
    with VirtualSimulator(spec) as simulator:
        again = plan_of(simulator)
    assert kinds(again) == kinds(plan)


def test_such_a_cloud_can_be_upgraded(plans: dict[str, dict[str, Any]]) -> None:
    with VirtualSimulator(estate_of_plan(plans["4.22.0.0"])) as simulator:
        before = plan_of(simulator)
        kinds = {unit["id"]: unit["kind"] for unit in before["units"]}
        for step in before["steps"]:
            of = {where: [each for each in step["units"] if kinds[each] in some] for where, some in TARGETS.items()}
            with simulator.client(met=True) as client:
                ended = upgrade(client, Request(Targets(**of), Want.by(Method(step["method"])), Limits(), planned=True))
            assert ended.failure is None
        assert not plan_of(simulator)["steps"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1 is no plan.json"),
        ("hosts: all", "line 1 is no plan.json"),
        ('{\n "units": [\n  {"id": "a', "line 3 is cut off, or edited"),
        ("[]", "it is no plan, or of another version: it has no keys"),
        ('{"status": "success", "units": [], "steps": []}', "it has no management_server_version"),
        (
            '{"management_server_version": null, "units": [], "steps": [], "zones": []}',
            "it has None as management_server_version",
        ),
        (
            '{"management_server_version": "4.22.0.0", "units": [{"id": "a"}], "steps": [], "zones": []}',
            "units[0] is no plan, or of another version: it has no name",
        ),
    ],
)
def test_what_is_no_plan_is_refused_with_place_and_remedy(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EstateError) as refused:
        load_plan(path)
    assert told in str(refused.value)
    assert "check_sysvms" in str(refused.value)


@pytest.mark.parametrize("read", [load_plan, read_estate])
def test_what_cannot_be_read_is_refused_with_remedy(read: Callable[[Path], Any], tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(EstateError, match=r"it cannot be read: .*\. (Make it anew|Give the path)"):
            read(path)


def test_from_the_command_line_a_bad_plan_is_one_line(tmp_path: Path, plans: dict[str, dict[str, Any]]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(as_json(plans["mixed"]), encoding="utf-8")
    assert load_plan(path) == estate_of_plan(plans["mixed"])
    path.write_text(path.read_text(encoding="utf-8")[:500], encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulator", "--from", str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.startswith(f"{path}: line ")
    assert run.stderr.count("\n") == 1
