# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of an operator: each ends in one sentence that names the option and the way out, and touches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.process import SimulatorThread
from tests.support.estates import estate
from tests.support.modules import call_module
from tests.support.runner import Cloud, Run
from tests.support.sampling import sampled

pytestmark = pytest.mark.slow

FINE = estate(networks=[{"name": "net"}], vpcs=[{"name": "vpc", "tiers": ["web", "db"]}])


@dataclass(frozen=True)
class Mistake:
    """One wrong option or environment variable.

    :ivar says: what the message must have in it: what is wrong, the name of the option, the remedy.
    :ivar faults: of the server, for the time of the run.
    """

    says: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()


MISTAKES = {
    "nothing listens at the URL": Mistake(
        ("http://127.0.0.1:9/client/api", "Connection refused", "Check", "api_url", "CLOUDSTACK_ENDPOINT"),
        env={"CLOUDSTACK_ENDPOINT": "http://127.0.0.1:9/client/api"},
    ),
    "the URL is that of a web page": Mistake(
        ("text/html instead of CloudStack's JSON", "Check api_url (CLOUDSTACK_ENDPOINT)", "/client/api"),
        faults=({"kind": "html", "times": "always"},),
    ),
    "the secret is wrong": Mistake(
        ("CloudStack error 401", "a wrong api_key or api_secret (CLOUDSTACK_KEY, CLOUDSTACK_SECRET)"),
        env={"CLOUDSTACK_SECRET": "wrong-secret"},
    ),
    "there is no such kind": Mistake(
        ("sysvm_kinds is ['routers']", "'routers' is none of ssvm, cpvm, router, network"),
        {"kinds": ["routers"]},
    ),
    "what a variable refers to is not defined": Mistake(
        ("sysvm_names cannot be made out", "'ticket' is undefined", "Give what it refers to a value, or leave it out"),
        {"names": ["{{ ticket }}"]},
    ),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(FINE, tmp_path_factory.mktemp("bad")) as cloud:
        yield cloud


def assert_refused(run: Run, *says: str) -> None:
    """In one sentence or two, without a trace of Python, before anything was touched."""
    assert run.rc != 0
    assert run.journal == []
    assert "Traceback" not in run.output
    assert f"Broken off: {run.report['error']}" in run.stdout
    for part in says:
        assert part in run.report["error"]


@pytest.mark.parametrize("name", sampled(1, MISTAKES))
def test_playbook(name: str, cloud: Cloud) -> None:
    mistake = MISTAKES[name]
    cloud.simulator.set_faults(list(mistake.faults))
    try:
        run = cloud.upgrade(env=mistake.env, **mistake.options)
    finally:
        cloud.simulator.set_faults([])
    assert_refused(run, *mistake.says)
    assert (run.report["status"], run.report["steps"]) == ("error", [])
    assert "Run again" not in run.output, "the same would come again"


def test_the_report_of_a_mistake_is_where_it_belongs(tmp_path: Path) -> None:
    with Cloud(FINE, tmp_path) as cloud:
        run = cloud.upgrade(parallel="ten", report_dir="reports")
    latest = tmp_path.joinpath("reports/latest").resolve()
    assert run.rc != 0 and f"Report: {latest}/report.json" in run.stdout
    assert "Put right what it says first" in run.output


def test_a_file_of_tasks_that_is_not_there(tmp_path: Path) -> None:
    with Cloud(FINE, tmp_path) as cloud:
        assert_refused(cloud.upgrade(kinds=["router"], hooks={"failure": "tasks.yml"}), "sysvm_hooks", "for failure")


@pytest.mark.nightly
def test_an_account_that_may_not_patch(tmp_path: Path) -> None:
    with Cloud({**FINE, "forbidden_commands": ["patchSystemVm"]}, tmp_path) as cloud:
        run = cloud.upgrade()
        assert_refused(run, "Nothing was touched. permissions failed")
        [check] = [each for each in run.report["checks"] if each["status"] == "fail"]
        assert check["seen"] == "this account may not call, or the server does not know: patchSystemVm"
        assert check["remedy"].startswith("Allow them in the account's role")
        assert f"FAIL permissions: {check['seen']}\n       -> {check['remedy']}" in run.stdout


def test_modules(cloud: Cloud) -> None:
    check, routers, system_vms = "cs_sysvm_version_check", "cs_router_restart", "cs_systemvm_livepatch"
    wrong: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        (
            check,
            {"api_url": "cloud.example.com"},
            ("api_url (CLOUDSTACK_ENDPOINT) is not a plain http or https URL", "Expected: https://host[:port]/client/"),
        ),
        (
            check,
            {"api_url": f"{cloud.simulator.url}/wrong/path", "api_retry_limit": 0},
            ("/wrong/path answered HTTP 404", "Check api_url (CLOUDSTACK_ENDPOINT): it ends in /client/api"),
        ),
        (check, {"api_key": ""}, ("api_key is missing", "Set the option or the environment variable CLOUDSTACK_KEY")),
        (check, {"api_key": "has a space"}, ("api_key (CLOUDSTACK_KEY) contains white space",)),
        (
            check,
            {"zones": ["Berlin", "Hamburg"]},
            ("zones has 'Hamburg', but there is no such zone. The zones are: Berlin.",),
        ),
        (check, {"exclude_names": ["nett"]}, ("exclude_names has 'nett', but no system VM", "Did you mean 'net'?")),
        (
            check,
            {"names": ["net"], "exclude_names": ["net"]},
            ("names and exclude_names both name 'net'", "Remove it from one of the two"),
        ),
        (
            check,
            {"select": "zone = 'Berlin'"},
            ("select is not a valid JMESPath expression: \"zone = 'Berlin'\"", "for example: zone == 'Berlin'"),
        ),
        (
            check,
            {"cidrs": ["10.1.0.0/33"]},
            ("cidrs has '10.1.0.0/33', which is no network in CIDR notation", "Write it like 10.1.0.0/16"),
        ),
        (check, {"target_version": "next"}, ("target_version is 'next'",)),
        (check, {"ignore_checks": ["permissions"]}, ("ignore_checks has permissions, which cannot be ignored",)),
        (
            check,
            {"kinds": ["routers"]},
            (
                "kinds must be one or more of: ssvm, cpvm, router, network, vpc, internal_lb, orphan_router",
                "no match for: routers",
            ),
        ),
        (routers, {"networks": ["web"]}, ("networks: 'web' is a tier of VPC vpc", "name it in vpcs")),
        (routers, {"routers": ["s-1-VM"]}, ("routers: 's-1-VM' belongs to SSVM s-1-VM", "in cs_systemvm_livepatch")),
        (routers, {"networks": ["nett"]}, ("networks: no such", "'nett'", "Check the spelling")),
        (routers, {}, ("one of the following is required: networks, vpcs, routers",)),
        (routers, {"networks": ["net"], "parallel": 0}, ("parallel is 0. Give a whole number of at least 1",)),
        (
            system_vms,
            {"system_vms": [cloud.id_of(cloud.vms_of("net")[0])]},
            ("system_vms: ", "belongs to network net", "in networks, vpcs or routers of cs_router_restart"),
        ),
        (system_vms, {"system_vms": ["s-1-VM"], "job_timeout": -1}, ("job_timeout is -1", "at least 1")),
    ]
    before = cloud.simulator.journal()
    for name, options, says in wrong:
        result = call_module(cloud.simulator, name, **options)
        assert result["failed"] is True and result["changed"] is False
        for part in says:
            assert part in result["msg"], f"{name} {options}"
        assert " sysvm_" not in f" {result['msg']}", "a module has options"
    assert cloud.simulator.journal() == before


def test_what_modules_return_names_their_options_too() -> None:
    half = [{"redundantstate": "PRIMARY"}, {"redundantstate": "FAULT"}]
    with SimulatorThread(estate(networks=[{"name": "pair", "redundant": True, "router": half}])) as simulator:
        [pair] = call_module(simulator, "cs_router_restart", networks=["pair"], mode="recreate", verify_timeout=1)[
            "results"
        ]
        planned = call_module(simulator, "cs_sysvm_version_check", method="recreate", fail_on_checks=False)
    assert "or allow it with allow_degraded" in pair["reason"]
    assert " sysvm_" not in json.dumps(planned)


def test_what_is_called_like_a_variable_keeps_its_name() -> None:
    """Whoever uses a module alone reads of its options, and of the cloud as it is."""
    half = [{"redundantstate": "PRIMARY"}, {"redundantstate": "FAULT"}]
    pairs = [{"name": "sysvm_zones", "redundant": True, "router": half}]
    with SimulatorThread(estate(networks=pairs, vpcs=[{"name": "O(names)", "tiers": []}])) as simulator:
        check = partial(call_module, simulator, "cs_sysvm_version_check", fail_on_checks=False)
        [refused, unknown] = [check(names=["sysvm_zones"], exclude_names=["sysvm_zones"]), check(names=["O(zones)"])]
        [pair] = call_module(
            simulator, "cs_router_restart", networks=["sysvm_zones"], mode="recreate", verify_timeout=0
        )["results"]
        planned = check(names=["sysvm_zones", "O(names)"], method="recreate")
    assert refused["msg"].startswith("names and exclude_names both name 'sysvm_zones'")
    assert refused["error"]["option"] == "names"
    assert unknown["msg"].startswith("names has 'O(zones)', but no system VM")
    assert pair["name"] == "sysvm_zones" and "allow it with allow_degraded" in pair["reason"]
    seen = {each["name"]: each["seen"] for each in planned["checks"]}
    assert "network sysvm_zones" in seen["redundant_pairs"] and "VPC O(names)" in seen["vpcs_without_tiers"]
    assert "names sysvm_zones, O(names)" in planned["plan"]["scope"]
