# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected of a run against what it takes, in clouds that have been upgraded in part already."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.history import Took, durations_of_report
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest, Earlier
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    ROUTER_KINDS,
    Method,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.estimate import RunBounds
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Scope, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report
from tests.support.sampling import sampled
from tests.support.virtual import VirtualSimulator

pytestmark = pytest.mark.slow

WITHIN = 0.25


class Run:
    """One cloud, planned and upgraded as the playbook does, with the bounds of its seed."""

    def __init__(self, client: Client, bounds: RunBounds, method: WantedMethod) -> None:
        self._client = client
        self._bounds = bounds
        self._method = method

    def plan(self, known: tuple[Took, ...] = (), **scope: Any) -> dict[str, Any]:
        policy = Policy(Scope(kinds=ROUTER_KINDS, **scope), Strategy(self._method))
        outcome = check_versions(
            self._client, CheckRequest(policy, True, earlier=Earlier(durations=known), bounds=self._bounds)
        )
        assert outcome.failure is None, outcome.failure
        plan: dict[str, Any] = outcome.values["plan"]
        return plan

    def carry_out(self, plan: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """The report, and how long the steps took without what is read before each."""
        units = {unit["id"]: unit for unit in plan["units"]}
        results, seconds = [], 0.0
        for step in plan["steps"]:
            targets = Targets(routers=[units[identity]["vms"][0]["id"] for identity in step["units"]])
            limits = Limits(
                parallel=self._bounds.parallel,
                per_host=self._bounds.per_host,
                poll_interval=0.1,
            )
            done = upgrade(self._client, Request(targets, Method(step["method"]), limits)).values["results"]
            assert {result["status"] for result in done} == {"upgraded"}, [result["reason"] for result in done]
            moments = [datetime.fromisoformat(result[key]) for result in done for key in ("started", "finished")]
            seconds += (max(moments) - min(moments)).total_seconds()
            results += done
        now = datetime.now(timezone.utc).isoformat()
        kept: Any = {**plan, "started": now}
        report: Any = build_report(kept, results, finished=now)
        return report, seconds


def cloud(seed: int) -> tuple[dict[str, Any], tuple[str, ...], RunBounds, WantedMethod]:
    """An estate, what of it is upgraded first, the bounds and the method."""
    chance = random.Random(seed)
    kinds = {"net": chance.randint(6, 12), "pair": chance.choice([0, 4, 5]), "vpc": chance.choice([0, 4, 6])}
    estate = {
        "server": {"version": "4.22.0.0"},
        "timings": {
            "patch": 0.8,
            "restart": 0.2,
            "start": 1.0,
            "stop": 0.2,
            "rvr_handover": 0.1,
            "router_check_interval": 0.2,
            "jitter": chance.choice([0.0, 0.1, 0.3]),
            "seed": seed,
        },
        "zones": [{"name": "zone", "hosts": chance.randint(2, 5), "ssvm": 0, "cpvm": 0}],
        "networks": [{"name": f"net{n}"} for n in range(kinds["net"])]
        + [{"name": f"pair{n}", "redundant": True} for n in range(kinds["pair"])],
        "vpcs": [{"name": f"vpc{n}", "tiers": chance.randint(1, 3)} for n in range(kinds["vpc"])],
    }
    first = tuple(f"{kind}{n}" for kind, count in kinds.items() for n in range(min(3, count)))
    bounds = RunBounds(parallel=chance.randint(2, 6), per_host=chance.choice([0, 1, 2]))
    return estate, first, bounds, chance.choice([WantedMethod.AUTO, WantedMethod.RECREATE])


@pytest.mark.parametrize("seed", sampled(5, range(20)))
def test_what_is_expected_of_the_rest_is_what_it_takes(seed: int) -> None:
    estate, first, bounds, method = cloud(seed)
    with VirtualSimulator(estate) as simulator, simulator.client() as client:
        run = Run(client, bounds, method)
        report = run.carry_out(run.plan(names=first))[0]
        rest = run.plan(durations_of_report(report), exclude_names=first)
        took = run.carry_out(rest)[1]
    expected = rest["estimate"]
    print(f"seed {seed}: {expected['words']}; likely {expected['likely_s']} s, took {took:.2f} s")
    assert "documented" not in expected["source"]
    assert abs(expected["likely_s"] - took) <= WITHIN * took
