# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A forecast says before the management server is upgraded what the plan says after it."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Strategy
from tests.simulator.process import RunningSimulator, SimulatorThread
from tests.support.estates import estate
from tests.support.runner import Cloud
from tests.support.sampling import sampled

BUILT_FROM = ("4.9.3", "4.11.3", "4.13.1", "4.14.0", "4.15.1", "4.16.1", "4.18.1", "4.20.1")
PATHS = [
    ("4.11.3.0", "4.22.0.0"),
    ("4.13.1.0", "4.17.2.0"),
    ("4.14.1.0", "4.20.2.0"),
    ("4.16.1.0", "4.22.0.0"),
    ("4.17.2.0", "4.18.2.0"),
    ("4.18.1.0", "4.22.0.0"),
    ("4.20.1.0", "4.22.0.0"),
]


def generated(seed: int, source: str) -> dict[str, Any]:
    """Units of every kind, built from what a server of that version may carry."""
    chance = random.Random(seed)
    release = tuple(map(int, source.split(".")))
    older = [text for text in BUILT_FROM if tuple(map(int, text.split("."))) <= release]

    def vms(**more: Any) -> dict[str, Any]:
        version = chance.choice(older)
        software = source if release >= (4, 17) and chance.random() < 0.5 and version > "4.14" else version
        return {"version": version, "software": software, **more}

    hypervisors = chance.sample(["KVM", "VMware", "XenServer"], chance.randint(1, 2))
    zones = [
        {
            "name": f"zone-{hypervisor}",
            "hypervisor": hypervisor,
            "ssvm": {"version": source},
            "cpvm": {"version": source},
        }
        for hypervisor in hypervisors
    ]
    networks = [
        {
            "name": f"net-{number}",
            "zone": chance.choice(zones)["name"],
            **vms(),
            **chance.choice(
                [
                    {},
                    {},
                    {"redundant": True},
                    {"router": {"state": "Stopped"}},
                    {"state": "Shutdown"},
                    {"lb": 2},
                    {"type": "Shared", "state": "Setup"},
                ]
            ),
        }
        for number in range(8)
    ]
    vpcs = [
        {"name": f"vpc-{number}", "zone": chance.choice(zones)["name"], "tiers": chance.choice([0, 1, 3]), **vms()}
        for number in range(4)
    ]
    return {"server": {"version": source}, "zones": zones, "networks": networks, "vpcs": vpcs}


def methods(simulator: RunningSimulator, strategy: Strategy, target: str = "") -> dict[str, str]:
    with Client(Connection(simulator.url, simulator.key, simulator.secret)) as client:
        plan = check_versions(client, CheckRequest(Policy(strategy=strategy), False, target_version=target)).values[
            "plan"
        ]
    assert bool(plan["forecast"]) == bool(target)
    return {unit["name"]: unit["method"] for unit in plan["units"]}


@pytest.mark.parametrize(("source", "target"), PATHS)
@pytest.mark.parametrize("seed", sampled(1, range(3)))
@pytest.mark.parametrize("unsupported", [False, True])
def test_the_verdicts_are_those_of_the_plan_afterwards(source: str, target: str, seed: int, unsupported: bool) -> None:
    strategy = Strategy(unsupported=unsupported)
    with SimulatorThread(generated(seed, source)) as simulator:
        before = methods(simulator, strategy, target)
        assert simulator.journal() == []
        simulator.upgrade(target, hosts=True)
        after = methods(simulator, strategy)
    assert before == after


AGED = estate(
    server={"version": "4.18.1.0"},
    networks=[{"name": "old", "version": "4.13.1"}, {"name": "new", "version": "4.18.1"}],
)


@pytest.mark.slow
def test_an_operator_sees_what_to_prepare_and_nothing_is_touched(tmp_path: Path) -> None:
    with Cloud(AGED, tmp_path) as cloud:
        run = cloud.check(target_version="4.22", recreate=["unsupported"])
        assert run.rc == 0, run.output
        assert run.journal == []
        for words in (
            "Forecast: as if the management server ran 4.22; it runs 4.18.1.0",
            "TO DO     java: 4.22 wants Java 17",
            "systemvm-kvm-4.22.0-x86_64",
            "Live patch the system VMs and virtual routers",
            "4.13.1",
        ):
            assert words in run.stdout, words


@pytest.mark.slow
def test_the_upgrade_refuses_a_target_that_the_server_does_not_run(tmp_path: Path) -> None:
    with Cloud(AGED, tmp_path) as cloud:
        run = cloud.upgrade(target_version="4.22", recreate=["unsupported"])
        assert run.rc != 0
        assert run.journal == []
        assert (
            "Nothing was touched. sysvm_target_version is 4.22, but the management server runs 4.18.1.0." in run.output
        )


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("4.17", "sysvm_target_version is 4.17, but the server is 4.18.1.0 already"),
        ("4.30", "nothing is known of that release. Known are 4.17"),
        ("newest", "'newest', which is no version"),
    ],
)
def test_what_is_no_target(target: str, words: str) -> None:
    with (
        SimulatorThread(AGED) as simulator,
        Client(Connection(simulator.url, simulator.key, simulator.secret)) as client,
        pytest.raises(SysvmError, match=re.escape(words)),
    ):
        check_versions(client, CheckRequest(Policy(), False, target_version=target))
