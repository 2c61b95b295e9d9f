# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was approved is what is done: clouds that change between the approval and the run, and while it runs."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import PlanData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.approved import approved_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan_csv import plan_csv, read_plan_csv
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import RefusedError, Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.contract.replay import Client as Somebody
from tests.simulator import uuid_of
from tests.support.estates import estate
from tests.support.runner import Cloud
from tests.support.sampling import sampled
from tests.support.virtual import VirtualSimulator

pytestmark = pytest.mark.slow

CLOUDS, AT_ONCE = 200, 5  # of all tests, and of each; a second or two a cloud
TIMINGS = {
    **{"patch": 30.0, "restart": 5.0, "start": 20.0, "stop": 5.0, "agent_reconnect": 3.0, "scan_interval": 30.0},
    **{"router_check_interval": 10.0, "rvr_handover": 2.0, "start_failure": 10.0, "capacity_failure": 2.0},
}
LIMITS = Limits(parallel=3, per_host=0, job_timeout=900.0, verify_timeout=60.0, max_failures=99)
NEW, OLD, TOO_OLD = {"version": "4.22.0"}, dict[str, str](), {"version": "4.11.0"}
FAULTS = ("silent_patch_failure", "patch_failure", "no_answer", "rules_fail", "start_failure", "pair_breaks")
GOOD = {"upgraded", "current", "gone"}


class Night:
    """One cloud, what is approved of it, and what somebody else and the run do then."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.networks = [f"n{number}" for number in range(self.chance.randint(2, 5))]
        self.vpcs = [f"v{number}" for number in range(self.chance.randint(0, 2))]

    def cloud(self) -> VirtualSimulator:
        chance = self.chance
        return VirtualSimulator(
            estate(
                timings=TIMINGS,
                zones=[{"name": "Berlin", "ssvm": self.facts(), "cpvm": self.facts()}],
                networks=[{"name": name, "redundant": chance.random() < 0.3, **self.facts()} for name in self.networks],
                vpcs=[{"name": name, "tiers": chance.randint(1, 3), **self.facts()} for name in self.vpcs],
            )
        )

    def facts(self) -> Mapping[str, str]:
        return self.chance.choices([OLD, NEW, TOO_OLD], [6, 3, 1])[0]

    def strategy(self) -> Strategy:
        method = self.chance.choice([WantedMethod.AUTO, WantedMethod.AUTO, WantedMethod.RECREATE])
        fallback = method is WantedMethod.AUTO and self.chance.random() < 0.5
        return Strategy(method, unsupported=True, fallback=fallback)

    def plan(self, simulator: VirtualSimulator, **more: Any) -> PlanData:
        with simulator.client() as client:
            found = check_versions(client, CheckRequest(Policy(strategy=self.strategy(), **more), False))
        plan: PlanData = found.values["plan"]
        return plan

    def approve(self, plan: PlanData) -> list[dict[str, Any]]:
        """Some of it, by way of the file."""
        lines = read_plan_csv(plan_csv(plan).encode(), "plan.csv")
        kept = [line for line in lines if self.chance.random() < 0.7]
        return kept or lines

    def meddle(self, simulator: VirtualSimulator) -> None:
        """Owners and administrators do something, and something is about to go wrong."""
        chance = self.chance
        for dummy in range(chance.randint(0, 4)):
            vms = simulator.state()["vms"].items()
            there = [vm for name, vm in vms if vm["removed"] is None and vm.get("network") in self.networks]
            network = uuid_of("network", chance.choice(self.networks))
            acts: list[dict[str, str]] = [
                {"command": "restartNetwork", "id": network, "cleanup": "true"},
                {"command": "restartNetwork", "id": network, "cleanup": "false"},
                {"command": "restartNetwork", "id": network, "livepatch": "true"},
                {"command": "deleteNetwork", "id": network, "forced": "true"},
                {"command": "destroySystemVm", "id": uuid_of("vm", "s-1-VM")},
            ]
            if there:
                router = chance.choice(there)["id"]
                acts += [{"command": command, "id": router} for command in ("stopRouter", "destroyRouter")]
            if chance.random() < 0.4:
                match = {"name": chance.choice(self.networks)}
                simulator.add_faults([{"kind": chance.choice(["start_failure", "rules_fail"]), "match": match}])
            Somebody(simulator).ask(**chance.choice(acts))  # the server may refuse
            simulator.sleep(chance.choice([0.0, 5.0, 60.0, 300.0]))
        for dummy in range(chance.randint(0, 3)):
            names = [*self.networks, *self.vpcs]
            kind, times = chance.choice(FAULTS), chance.choice([1, 1, 9])
            simulator.add_faults([{"kind": kind, "times": times, "match": {"name": chance.choice(names)}}])
        for dummy in range(chance.randint(0, 2)):
            command = {"command": "restartNetwork", "id": uuid_of("network", chance.choice(self.networks))}
            more = chance.choice([{"cleanup": "true"}, {"cleanup": "false"}, {"livepatch": "true"}])
            act = {**command, **more}
            simulator.later(chance.uniform(0, 200), lambda act=act: Somebody(simulator).ask(**act))  # type: ignore[misc]

    def run(self, simulator: VirtualSimulator, lines: Sequence[Mapping[str, Any]]) -> None:
        """As the playbook does; or the steps of a plan that was not held to the lines, where only the modules are."""
        approved = approved_plan(lines)
        plan = self.plan(simulator, approved=approved if self.chance.random() < 0.6 else None)
        units = {unit["id"]: unit for unit in plan["units"]}
        fallback = self.chance.random() < 0.7
        for step in plan["steps"]:
            chosen = [units[identity] for identity in step["units"]]
            of = {kind: [unit["id"] for unit in chosen if unit["kind"] in kinds] for kind, kinds in KINDS.items()}
            method = Method(step["method"])
            want = Want.by(method, fallback=fallback and method is Method.LIVE_PATCH)
            request = Request(Targets(**of), want, LIMITS, planned=True, approved=approved)
            with simulator.client(met=True) as client:
                try:
                    upgrade(client, request)
                except RefusedError:
                    continue  # nothing was touched


KINDS = {"networks": {"network"}, "vpcs": {"vpc"}, "system_vms": {"ssvm", "cpvm"}}


def stray(
    journal: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> Iterator[str]:
    """Calls of the collection that no line covers.

    :param names: the unit of each name in the journal, by id.
    """
    approved = {line["id"]: line for line in lines}
    begun: dict[str, set[str]] = {}
    for call in journal:
        if "customjobid" not in call["params"]:
            continue
        params, target = call["params"], str(call["target"])
        unit = names.get(target.partition("-tier")[0], "?")
        line, before = approved.get(unit, {"method": "none"}), begun.setdefault(unit, set())
        method, told = line["method"], f"{call['command']} {target} {params} for {line}"
        patches = params.get("livepatch") == "true" or call["command"] == "patchSystemVm"
        recreates = params.get("cleanup") == "true" or call["command"] in ("destroySystemVm", "destroyRouter")
        if call["command"] == "destroyRouter" and call.get("vm") in line.get("destroys", ()):
            recreates = False
        if method not in ("live_patch", "recreate", "restart"):
            yield told
        elif recreates:
            after_failure = line["recreates"] and "patch" in before
            if method != "recreate" and not after_failure:
                yield told
            before.add("recreate")
        elif patches:
            if method != "live_patch" and "recreate" not in before:
                yield told
            before.add("patch")
        elif call["command"].startswith("reboot") and method == "live_patch":
            yield told


def names_of(plan: PlanData) -> dict[str, str]:
    names = {}
    for unit in plan["units"]:
        for name in (unit["name"], *(vm["name"] for vm in unit["vms"])):
            names[name] = unit["id"]
    return names


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.nightly) for first in range(AT_ONCE, CLOUDS, AT_ONCE))]
)
def test_what_is_sent_is_covered_by_the_approved_lines_however_the_cloud_changes(first: int) -> None:
    sent = 0
    for seed in range(first, first + AT_ONCE):
        night = Night(seed)
        with night.cloud() as simulator:
            lines = night.approve(plan := night.plan(simulator))
            night.meddle(simulator)
            before = len(simulator.journal())
            night.run(simulator, lines)
            journal = simulator.journal()[before:]
            found = list(stray(journal, lines, names_of(plan)))
            assert found == [], (seed, found)
            assert simulator.state()["bugs"] == []
            sent += sum("customjobid" in call["params"] for call in journal)
    assert sent, "nothing had to be done"


def test_rules_that_an_earlier_run_has_left_belong_to_what_was_approved() -> None:
    """Or a customer would stay without them until somebody approves another plan."""
    faults = [{"kind": "rules_fail", "match": {"name": "n"}, "times": 2}]
    networks = [{"name": name, **OLD} for name in ("n", "other")]
    with VirtualSimulator(estate(timings=TIMINGS, networks=networks, faults=faults)) as simulator:
        with simulator.client() as client:
            plan = check_versions(client, CheckRequest(Policy(), False)).values["plan"]
        lines = [line for line in read_plan_csv(plan_csv(plan).encode(), "plan.csv") if "network n in" in line["name"]]
        assert [line["method"] for line in lines] == ["live_patch"]
        policy = Policy(approved=approved_plan(lines))

        def run() -> tuple[str, list[str]]:
            """The status of the unit, and what was sent."""
            before = len(simulator.journal())
            with simulator.client() as client:
                [unit] = check_versions(client, CheckRequest(policy, False)).values["plan"]["units"]
            if unit["method"] == "none":
                return "current", []
            targets = Targets(networks=[unit["id"]])
            with simulator.client(met=True) as client:
                want = Want.by(Method(unit["method"]))
                request = Request(targets, want, LIMITS, planned=True, approved=policy.approved)
                [result] = upgrade(client, request).values["results"]
            return result["status"], [str(call["params"].get("livepatch")) for call in simulator.journal()[before:]]

        first, second, third = run(), run(), run()
        assert first[0] == "failed" and first[1][0] == "true"
        assert second[0] == "upgraded" and set(second[1]) == {"None"}, "rules only"
        assert third == ("current", [])


# With the playbooks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("approved")


@pytest.fixture(scope="module")
def cloud(folder: Path) -> Iterator[Cloud]:
    nets = [{"name": name} for name in ("web", "=cmd", "other", "later")]
    with Cloud(estate(networks=nets, vpcs=[{"name": "shop", "tiers": 2}]), folder) as cloud:
        yield cloud


def test_from_check_by_a_spreadsheet_to_what_was_approved(cloud: Cloud, folder: Path) -> None:
    assert cloud.check(kinds="router").rc == 0
    [written] = (folder / "sysvm-report").rglob("plan.csv")
    header, *rows = csv.reader(io.StringIO(written.read_text(encoding="utf-8")))
    name, method = header.index("name"), header.index("method")
    assert {row[name] for row in rows} == {"web", "'=cmd", "other", "later", "shop"}
    kept = [row for row in rows if row[name] in ("web", "'=cmd", "shop")]
    [shop] = [row for row in kept if row[name] == "shop"]
    shop[method] = "recreate"
    approved = io.StringIO()
    csv.writer(approved, delimiter=";").writerows([header, *kept])
    path = folder / "approved.csv"
    path.write_bytes(b"\xef\xbb\xbf" + approved.getvalue().encode())

    run = cloud.upgrade(kinds="router", approved_plan="approved.csv")
    assert run.rc == 2
    assert run.statuses == {"web": "upgraded", "=cmd": "upgraded", "shop": "skipped"}
    assert set(run.targets) == {"web", "=cmd"}
    assert "as approved in approved.csv (3 lines)" in run.report["scope"]
    assert "Approved plan: approved.csv, 3 lines: 2 as approved, 1 not touched" in run.stdout
    assert "recreate was approved (approved.csv, line " in run.stdout and "but now it needs live patch" in run.stdout
    assert "not approved: network other in Berlin" in run.stdout
    again = cloud.upgrade(kinds="router", approved_plan="approved.csv", names="web")
    assert (again.rc, again.journal, again.statuses) == (0, [], {"web": "current"})
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "it is left as it was"


@pytest.mark.parametrize(
    ("text", "says"),
    sampled(
        1,
        [
            (
                "method,id,night,cloud,target_version\nlivepatch,1\n",
                "approved.csv, line 2 has 'livepatch' as method. Did you mean 'live_patch'?",
            ),
            (
                "method,id,night,target_version,cloud\nlive_patch,1,,,b.example.com\n",
                "approved.csv, line 2 is of the cloud b.example.com",
            ),
        ],
    ),
)
def test_what_cannot_be_meant_is_refused_before_anything_is_touched(
    cloud: Cloud, folder: Path, text: str, says: str
) -> None:
    (folder / "approved.csv").write_text(text, encoding="utf-8")
    run = cloud.upgrade(approved_plan="approved.csv")
    assert run.rc == 2 and run.journal == []
    assert says in " ".join(run.output.split()) and "Traceback" not in run.output
