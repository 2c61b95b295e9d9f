# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal foretells against what a run then does, on the simulator, both in virtual time."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest, Earlier
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Scope, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal import scene
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import Play, Rehearsal
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import rehearse as rehearse_a_stage
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.pace import Took, durations_of_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report
from tests.support.sampling import sampled
from tests.support.virtual import VirtualSimulator

pytestmark = pytest.mark.slow

WITHIN = 0.1
CALLS = ("restartNetwork", "restartVPC", "patchSystemVm", "destroySystemVm", "rebootSystemVm", "rebootRouter",
         "destroyRouter", "startInternalLoadBalancerVM")  # fmt: skip


@dataclass
class Done:
    """What a run did.

    :ivar units: when each began and ended, in seconds after the first one.
    """

    report: Any
    units: dict[str, tuple[float, float]]

    @property
    def seconds(self) -> float:
        return max(end for dummy, end in self.units.values())


class Run:
    """One cloud, planned and upgraded as the playbook does, with the bounds of its seed."""

    def __init__(self, client: Client, limits: Limits, method: WantedMethod) -> None:
        self._client, self._limits, self._method = client, limits, method

    def plan(self, known: tuple[Took, ...] = (), **scope: Any) -> dict[str, Any]:
        policy = Policy(Scope(**scope), Strategy(self._method))
        request = CheckRequest(policy, True, earlier=Earlier(durations=known), bounds=self._limits)
        outcome = check_versions(self._client, request)
        assert outcome.failure is None, outcome.failure
        plan: dict[str, Any] = outcome.values["plan"]
        return plan

    def carry_out(self, plan: dict[str, Any], failing: Collection[str] = ()) -> Done:
        """:param failing: names of units that fail; all others are upgraded."""
        units = {unit["id"]: unit for unit in plan["units"]}
        results: list[Any] = []
        for step in plan["steps"]:
            targets = _targets([units[identity] for identity in step["units"]])
            request = Request(targets, Want.by(Method(step["method"])), self._limits)
            done = upgrade(self._client, request).values["results"]
            results += done
        ends = {result["name"]: result["status"] for result in results}
        assert ends == {name: "failed" if name in failing else "upgraded" for name in ends}
        assert ends.keys() >= set(failing)
        began = min(_moment(result["started"]) for result in results)
        times = {each["id"]: (_moment(each["started"]) - began, _moment(each["finished"]) - began) for each in results}
        now = datetime.now(timezone.utc).isoformat()
        kept: Any = {**plan, "started": now}
        return Done(build_report(kept, results, finished=now), times)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _targets(units: Sequence[dict[str, Any]]) -> Targets:
    named = {
        "networks": [unit["id"] for unit in units if unit["kind"] == "network"],
        "vpcs": [unit["id"] for unit in units if unit["kind"] == "vpc"],
        "system_vms": [unit["id"] for unit in units if unit["kind"] in ("ssvm", "cpvm")],
        "routers": [unit["vms"][0]["id"] for unit in units if unit["kind"] == "internal_lb"],
    }
    return Targets(**{option: ids for option, ids in named.items() if ids})


def estate(seed: int, sizes: tuple[int, int], jitter: Sequence[float]) -> tuple[dict[str, Any], Limits, WantedMethod]:
    """An estate of two hypervisors, the bounds and the method."""
    chance = random.Random(seed)
    count = chance.randint(*sizes)
    pairs, vpcs = count // chance.choice([4, 6]), count // chance.choice([5, 8])
    zones = [
        {"name": "one", "hosts": chance.randint(4, 12), "hypervisor": "KVM"},
        {"name": "two", "hosts": chance.randint(3, 8), "hypervisor": "VMware"},
    ]
    where = ["one", "one", "two"]
    spec = {
        "server": {"version": "4.22.0.0"},
        "timings": {
            "patch": 40.0,
            "restart": 15.0,
            "start": 50.0,
            "stop": 10.0,
            "rvr_handover": 10.0,
            "router_check_interval": 30.0,
            "jitter": chance.choice(jitter),
            "seed": seed,
        },
        "zones": zones,
        "networks": [{"name": f"net{n}", "zone": chance.choice(where)} for n in range(count - pairs - vpcs)]
        + [{"name": f"pair{n}", "redundant": True, "zone": chance.choice(where)} for n in range(pairs)],
        "vpcs": [{"name": f"vpc{n}", "tiers": chance.randint(1, 3), "zone": chance.choice(where)} for n in range(vpcs)],
    }
    limits = Limits(chance.choice([5, 10, 20]), chance.choice([0, 1, 2]))
    return spec, limits, chance.choice([WantedMethod.AUTO, WantedMethod.RECREATE])


class Watched:
    """Keeps the rehearsals of plans that are made meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[Rehearsal] = []
        monkeypatch.setattr(scene, "rehearse", self._rehearse)
        self._real = rehearse_a_stage

    def _rehearse(self, *given: Any) -> Rehearsal:
        self.all.append(self._real(*given))
        return self.all[-1]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def sent(journal: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was sent to change anything, in order."""
    calls = [each for each in journal if each["command"] in CALLS]
    return [(each["command"], str(each["params"]["id"])) for each in calls]


def foretold(play: Play) -> list[tuple[str, str]]:
    return [(call.command, call.object_id) for call in play.calls]


# As documented (units.expected), so that the imagined cloud and the simulator take the same time.
DOCUMENTED = {
    "patch": 60.0,
    "restart": 30.0,
    "job_overhead": 0.0,
    "agent_reconnect": 0.0,
    "jitter": 0.0,
    "router_check_interval": 30.0,
}


@pytest.mark.parametrize("seed", sampled(1, range(10)))
def test_what_a_rehearsal_sends_is_what_a_run_sends_in_its_order(seed: int, watched: Watched) -> None:
    spec, limits, dummy = estate(seed, (8, 24), [0.0])
    spec["timings"] |= DOCUMENTED
    with VirtualSimulator(spec) as simulator, simulator.client() as client:
        run = Run(client, limits, WantedMethod.AUTO)
        plan = run.plan(kinds=("network", "vpc", "ssvm", "cpvm"))
        run.carry_out(plan)
        calls = sent(simulator.journal())
    assert calls and foretold(watched.all[0].likely) == calls


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(6))
def test_a_second_run_ends_when_it_was_expected_to(seed: int) -> None:
    """The first one has upgraded the same cloud to the release before; each job of it took its own time.

    Now two networks fail for good.
    """
    spec, limits, method = estate(seed, (100, 300), [0.0, 0.1, 0.3])
    before = {**spec, "timings": {**spec["timings"], "seed": seed + 1000}}
    kinds: Any = {"kinds": ("network", "vpc")}
    failing = ("net1", "net20")
    spec["faults"] = [{"kind": "job_fails", "match": {"name": name}, "times": "always"} for name in failing]
    with VirtualSimulator(before) as simulator, simulator.client() as client:
        run = Run(client, limits, method)
        known = durations_of_report(run.carry_out(run.plan(**kinds)).report)
    with VirtualSimulator(spec) as simulator, simulator.client() as client:
        run = Run(client, replace(limits, max_failures=len(failing)), method)
        plan = run.plan(known, **kinds)
        done = run.carry_out(plan, failing)
    expected = plan["estimate"]
    print(f"seed {seed}: {expected['words']}; likely {expected['likely_s']} s, took {done.seconds:.0f} s")
    assert "documented" not in expected["source"]
    assert abs(expected["likely_s"] - done.seconds) <= WITHIN * done.seconds
    if spec["timings"]["jitter"]:  # whose turn it is depends on who has ended
        return
    starts = {unit["id"]: unit["predicted"]["start_s"] for unit in plan["units"] if unit["predicted"]}
    assert starts.keys() == done.units.keys()
    late = {one: starts[one] - began for one, (began, dummy) in done.units.items()}
    assert all(abs(seconds) <= WITHIN * done.seconds for seconds in late.values()), late
