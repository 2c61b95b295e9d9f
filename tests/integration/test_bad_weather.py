# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A management server that answers badly, restarts or loses jobs while a rollout runs: its end is proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import VERSION, estate
from tests.support.runner import TIME_LIMIT_S, UPGRADE, Cloud, extra_vars, kill_tree
from tests.support.waiting import wait_for, wait_until_down

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

NETS = [f"net-{number}" for number in range(1, 7)]
ROUTERS_ONLY: dict[str, Any] = {"kinds": ["router"], "canaries": False, "parallel": 3}


def nets(**sections: Any) -> dict[str, Any]:
    return estate(networks=[{"name": name} for name in NETS], **sections)


def test_answers_that_are_lost_late_or_nonsense(tmp_path: Path) -> None:
    """Reads are repeated; a call whose answer is lost is not sent twice."""
    faults = [
        {"kind": "http_status", "status": 503, "match": {"command": "listAsyncJobs"}, "nth": 2},
        {"kind": "html", "status": 502, "match": {"command": "listRouters"}, "nth": 2},
        {"kind": "truncated_json", "match": {"command": "listNetworks"}, "nth": 2},
        {"kind": "drop_after", "match": {"command": "restartNetwork", "name": "net-2"}},
        {"kind": "job_lost", "match": {"name": "net-4"}, "work_done": True},
    ]
    with Cloud(nets(timings={"patch": 1.0}, faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(**ROUTERS_ONLY)
        assert {fault["kind"] for fault in cloud.simulator.faults() if not fault["struck"]} == set()
        assert (run.rc, run.counts) == (0, {"upgraded": 6})
        assert sorted(run.targets) == sorted([*NETS, "net-4"]), "the lost one has its rules applied again"
        assert [cloud.patches()[vm] for name in NETS for vm in cloud.vms_of(name)] == [1] * 6
        assert_rules_applied(cloud)
    assert "although: RestartNetworkCmd job" in run.units["net-4"]["reason"]


def test_a_management_server_that_restarts(tmp_path: Path) -> None:
    """Its jobs die with it, and its hosts connect again only later. What they left undone is done in the same run."""
    with Cloud(nets(timings={"patch": 2.0, "host_reconnect": 3.0}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars({**ROUTERS_ONLY, "timeouts": {"verify": 10}}))
        wait_for(lambda: sum(cloud.patches().values()) == 3)
        cloud.simulator.restart(1.5, jobs="lost", work_done=False)
        stdout, _stderr = process.communicate(timeout=TIME_LIMIT_S)
        assert process.returncode == 0
        shown, result = stdout.split("Result: ")
        for text in (shown, result):  # as it happens, and once more among the result's notes
            assert text.count("showed no effect and is sent once more") == 3, stdout
        assert "the management server was restarted or stopped while the job ran" in shown
        assert result.startswith("success: 6 upgraded")
        software = [cloud.vms()[vm]["software"] for name in NETS for vm in cloud.vms_of(name)]
        assert software == [VERSION] * 6
        assert_rules_applied(cloud)


@pytest.mark.parametrize("status", [401, 503])
def test_a_server_that_is_away_when_a_step_begins_is_waited_for(status: int, tmp_path: Path) -> None:
    """The plan of this very run has been read with these keys."""
    away = {
        "kind": "http_status",
        "status": status,
        "match": {"command": "listManagementServers"},
        "nth": 2,
        "times": 2,
    }
    with Cloud(estate(networks=[{"name": "net"}], faults=[away]), tmp_path) as cloud:
        run = cloud.upgrade(**ROUTERS_ONLY)
        assert [fault["struck"] for fault in cloud.simulator.faults()] == [2]
        assert (run.rc, run.counts) == (0, {"upgraded": 1})
        assert "Trying again in" in run.stdout, "who looks at the screen knows why nothing happens"


def test_rules_that_fail_after_the_patch(tmp_path: Path) -> None:
    """Seen on a real server: the job ended 530, the routers reported the target, and the run said done."""
    faults = [
        {"kind": "rules_fail", "match": {"name": "net-2"}},
        {"kind": "rules_fail", "match": {"name": "net-5"}, "times": "always"},
    ]
    with Cloud(nets(faults=faults), tmp_path) as cloud:
        run = cloud.upgrade(**ROUTERS_ONLY, max_failures=1)
        assert (run.rc != 0, run.counts) == (True, {"upgraded": 5, "failed": 1})
        assert "a restart has applied its rules since" in run.units["net-2"]["reason"]
        assert "patched, rules not applied in network net-5" in run.units["net-5"]["reason"]
        assert "Failed to restart network" in run.units["net-5"]["reason"]

        check = cloud.check(**{name: value for name, value in ROUTERS_ONLY.items() if name == "kinds"})
        assert "the rules of network net-5 have to be applied again (its last restart did not succeed" in check.stdout

        cloud.simulator.set_faults([])
        again = cloud.upgrade(**ROUTERS_ONLY)
        assert (again.rc, again.targets) == (0, ["net-5"]), "only its rules, and nothing is patched again"
        assert set(cloud.patches().values()) == {0, 1}, "0: the SSVM and the CPVM"
        assert_rules_applied(cloud)

        third = cloud.upgrade(**ROUTERS_ONLY)
        assert (third.rc, third.targets, third.counts) == (0, [], {"current": 6})


def test_a_server_that_dies_between_patch_and_rules_under_eight_units(tmp_path: Path) -> None:
    """Seen on a real server: ten networks were left without rules, and the next run said that all was well."""
    names = [f"net-{number:03}" for number in range(1, 11)]
    clouds = estate(
        zones=[{"name": "Berlin", "hosts": 10}],
        networks=[{"name": "net", "count": 10}],
        timings={"patch": 1.0, "restart": 2.0, "host_reconnect": 2.0},
    )
    with Cloud(clouds, tmp_path) as cloud:
        process = cloud.start(
            UPGRADE, *extra_vars({"kinds": ["router"], "canaries": False, "parallel": 8, "per_host": 0})
        )
        wait_for(lambda: sum(bool(vm["patch_intervals"]) for vm in cloud.vms().values()) == 8)
        cloud.simulator.restart(1.5, jobs="lost", work_done="patched")
        stdout, _stderr = process.communicate(timeout=TIME_LIMIT_S)
        assert process.returncode == 0, stdout
        assert_rules_applied(cloud)
        assert [cloud.patches()[vm] for name in names for vm in cloud.vms_of(name)] == [1] * 10


def test_a_run_that_is_killed_while_the_server_dies_leaves_its_rules_to_the_next(tmp_path: Path) -> None:
    """Neither VM nor network tells; the events and the jobs' own results do, also of a project's network."""
    networks = [{"name": "net"}, {"name": "of a project", "project": "apollo"}]
    with Cloud(estate(networks=networks, timings={"patch": 1.0, "restart": 1.0}), tmp_path) as cloud:
        process = cloud.start(UPGRADE, *extra_vars(ROUTERS_ONLY))
        wait_for(lambda: sum(bool(vm["patch_intervals"]) for vm in cloud.vms().values()) == 2)
        kill_tree(process)
        cloud.simulator.restart(0.3, jobs="lost", work_done="patched")
        wait_until_down(cloud.simulator.url)
        cloud.simulator.wait_until_up()
        assert {unit["rules"] for unit in cloud.simulator.state()["units"].values()} == {"missing"}

        run = cloud.upgrade(**ROUTERS_ONLY)

        assert (run.rc, run.counts, sorted(run.targets)) == (0, {"upgraded": 2}, ["net", "of a project"])
        assert all("rules were applied again" in unit["reason"] for unit in run.units.values())
        assert all(call["params"].get("livepatch") is None for call in run.journal), "nothing is patched again"
        assert_rules_applied(cloud)


def assert_rules_applied(cloud: Cloud) -> None:
    """By the simulator's books."""
    units = cloud.simulator.state()["units"].values()
    assert {unit["name"]: unit["rules"] for unit in units if unit["rules"] != "applied"} == {}
