# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud that moves while it is upgraded: plan and modules in this process, on the clock of the simulated cloud.

What owners, administrators, hosts and servers do meanwhile is nobody's failure and is never made worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose, job_id_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Restart
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest, Earlier
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.outcome import Outcome
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Method, WantedMethod
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Order, Policy, Strategy
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import RefusedError, Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout import inquiries
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.contract.replay import Client as Somebody
from tests.simulator import uuid_of
from tests.support.books import is_current, overlaps, patched_at_once
from tests.support.estates import VERSION, estate
from tests.support.virtual import VirtualSimulator

pytestmark = pytest.mark.slow

# As in a real cloud, for the time that it takes costs nothing here.
REAL = {
    "patch": 30.0,
    "restart": 5.0,
    "start": 20.0,
    "stop": 5.0,
    "agent_reconnect": 3.0,
    "scan_interval": 30.0,
    "router_check_interval": 10.0,
    "rvr_handover": 2.0,
    "start_failure": 10.0,
    "capacity_failure": 2.0,
}
ONE_BY_ONE = Limits(parallel=1, per_host=0, job_timeout=900.0, verify_timeout=60.0)
NEW = {"version": "4.22.0"}
GOOD = {"upgraded", "current", "gone"}


def cloud(timings: Mapping[str, float] | None = None, **sections: Any) -> VirtualSimulator:
    return VirtualSimulator(estate(timings={**REAL, **(timings or {})}, **sections))


def nets(*names: str, **facts: Any) -> list[dict[str, Any]]:
    return [{"name": name, **facts} for name in names]


def net(name: str) -> str:
    return uuid_of("network", name)


def act(simulator: VirtualSimulator, command: str, **params: str) -> None:
    """Somebody else calls the API."""
    answer = Somebody(simulator).ask(command=command, **params)
    assert answer.status == 200, answer.response


def planned(simulator: VirtualSimulator, method: WantedMethod = WantedMethod.AUTO, **more: Any) -> Outcome:
    with simulator.client() as client:
        policy = Policy(strategy=Strategy(method), order=Order())
        return check_versions(client, CheckRequest(policy, False, **more))


def units_of(plan: Outcome) -> dict[str, dict[str, Any]]:
    return {unit["name"]: unit for unit in plan.values["plan"]["units"]}


def step(
    simulator: VirtualSimulator, targets: Targets, method: Method = Method.LIVE_PATCH, **more: Any
) -> dict[str, dict[str, Any]]:
    """One step, as the playbook has it done; results by name (of what is gone: by id)."""
    wanted = {name: more.pop(name) for name in ("fallback", "looks_inside") if name in more}
    request = Request(targets, Want.by(method, **wanted), more.pop("limits", ONE_BY_ONE), planned=True, **more)
    with simulator.client(met=True) as client:
        outcome = upgrade(client, request)
    assert simulator.state()["bugs"] == []
    results = {result["name"]: result for result in outcome.values["results"]}
    assert (outcome.failure is None) == all(result["status"] in GOOD for result in results.values())
    return results


def of_networks(*names: str) -> Targets:
    return Targets(networks=[net(name) for name in names])


def night(simulator: VirtualSimulator, method: WantedMethod = WantedMethod.AUTO) -> dict[str, str]:
    """A plan and all its steps: what became of each unit."""
    plan = planned(simulator, method)
    units = {unit["id"]: unit for unit in plan.values["plan"]["units"]}
    ends = {unit["name"]: {"none": "current", "skip": "skipped"}.get(unit["method"], "") for unit in units.values()}
    for each in plan.values["plan"]["steps"]:
        chosen = [units[identity] for identity in each["units"]]
        targets = Targets(
            networks=[unit["id"] for unit in chosen if unit["kind"] == "network"],
            vpcs=[unit["id"] for unit in chosen if unit["kind"] == "vpc"],
            system_vms=[unit["id"] for unit in chosen if unit["kind"] in ("ssvm", "cpvm")],
        )
        ends |= {name: end["status"] for name, end in step(simulator, targets, Method(each["method"])).items()}
    return ends


def ours(simulator: VirtualSimulator) -> list[str]:
    """The calls of the collection, by the name of what they are about: only it gives jobs their ids."""
    return [f"{call['command']} {call['target']}" for call in simulator.journal() if "customjobid" in call["params"]]


def routers(simulator: VirtualSimulator, name: str) -> list[dict[str, Any]]:
    """Those of a network or VPC that there are, by the simulator's books."""
    vms = simulator.state()["vms"].items()
    there = [{"name": key, **vm} for key, vm in vms if vm["removed"] is None]
    return [vm for vm in there if name in (vm.get("network"), vm.get("vpc"))]


def overlapping(simulator: VirtualSimulator) -> list[str]:
    """Calls of the collection while another job ran; owners do not wait for anybody."""
    theirs = {call["command"] for call in simulator.journal() if "customjobid" not in call["params"]}
    found = overlaps(simulator.journal(), simulator.state()["jobs"])
    return [text for text in found if text.partition(" ")[0] not in theirs]


def outages(simulator: VirtualSimulator, name: str) -> list[Any]:
    """When no router of a network or VPC ran."""
    [unit] = [unit for unit in simulator.state()["units"].values() if unit["name"] == name]
    return list(unit["down"])


# -- routers that others start, stop, destroy and replace


def with_left_over(simulator: VirtualSimulator, name: str) -> tuple[str, str]:
    """A restart with cleanup that failed: the ids of the router that runs on and of the Stopped one beside it."""
    simulator.set_faults([{"kind": "start_failure", "match": {"name": name}}])
    act(simulator, "restartNetwork", id=net(name), cleanup="true")
    simulator.sleep(60)
    found = {vm["state"]: vm["id"] for vm in routers(simulator, name)}
    assert set(found) == {"Running", "Stopped"}
    return found["Running"], found["Stopped"]


def test_a_left_over_that_an_administrator_starts_meanwhile_is_not_destroyed() -> None:
    with cloud(networks=nets("a", "b", "n")) as simulator:
        old, left = with_left_over(simulator, "n")

        def swap() -> None:
            act(simulator, "startRouter", id=left)
            act(simulator, "stopRouter", id=old)

        simulator.later(5.0, swap)
        results = step(simulator, of_networks("a", "b", "n"))
        assert {result["status"] for result in results.values()} <= GOOD
        assert "destroyRouter n" not in ours(simulator)
        running = [vm["id"] for vm in routers(simulator, "n") if vm["state"] == "Running"]
        assert left in running and all(is_current(vm) for vm in routers(simulator, "n") if vm["id"] in running)
        assert overlapping(simulator) == []


def test_a_left_over_that_stays_one_is_destroyed_and_its_network_keeps_its_router() -> None:
    with cloud(networks=nets("n")) as simulator:
        old, dummy = with_left_over(simulator, "n")
        [result] = step(simulator, of_networks("n")).values()
        assert result["status"] == "upgraded"
        assert [vm["id"] for vm in routers(simulator, "n")] == [old]
        assert outages(simulator, "n") == []


@pytest.mark.parametrize("seconds", [2.0, 6.0, 26.0])
def test_a_router_that_somebodys_restart_with_cleanup_is_making_is_no_left_over(seconds: float) -> None:
    """Read while theirs is between allocating the new router, starting it, and destroying the old one."""
    with cloud(networks=nets("n")) as simulator:
        act(simulator, "restartNetwork", id=net("n"), cleanup="true")
        simulator.sleep(seconds)
        [result] = step(simulator, of_networks("n")).values()
        assert result["status"] == "current", result["reason"]
        assert ours(simulator) == [] and outages(simulator, "n") == []


@pytest.mark.parametrize("command", ["stopRouter", "destroyRouter"])
def test_a_router_that_an_administrator_stops_or_destroys_meanwhile_is_there_again_in_the_end(command: str) -> None:
    with cloud(networks=nets("a", "n")) as simulator:
        [router] = routers(simulator, "n")
        simulator.later(10.0, lambda: act(simulator, command, id=router["id"]))
        results = step(simulator, of_networks("a", "n"))
        assert {result["status"] for result in results.values()} == {"upgraded"}, results
        assert [is_current(vm) for vm in routers(simulator, "n")] == [True]
        assert overlapping(simulator) == []


@pytest.mark.parametrize("seconds", [15.0, 31.0], ids=["while it is patched", "while it is being proved"])
@pytest.mark.parametrize("command", ["stopSystemVm", "destroySystemVm"])
def test_a_system_vm_that_an_administrator_stops_or_destroys_meanwhile_is_there_again_in_the_end(
    command: str, seconds: float
) -> None:
    """The server starts it, or makes another one, by itself."""
    with cloud() as simulator:
        ssvm = uuid_of("vm", "s-1-VM")
        simulator.sleep(40)
        simulator.later(seconds, lambda: act(simulator, command, id=ssvm))
        [result] = step(simulator, Targets(system_vms=[ssvm])).values()
        assert result["status"] == "upgraded", result
        vms = simulator.state()["vms"].items()
        assert [is_current(vm) for name, vm in vms if vm["removed"] is None and name.startswith("s-")] == [True]


def test_an_ssvm_that_the_server_does_without_while_it_is_patched_is_gone() -> None:
    with cloud(zones=[{"name": "Berlin", "ssvm": 2}]) as simulator:
        simulator.sleep(40)
        simulator.later(15.0, lambda: simulator.update(vms={"s-1-VM": {"removed": True}}))
        results = step(simulator, Targets(system_vms=[uuid_of("vm", "s-1-VM"), uuid_of("vm", "s-2-VM")]))
        assert {name: result["status"] for name, result in results.items()} == {"s-1-VM": "gone", "s-2-VM": "upgraded"}
        assert "its zone has another" in results["s-1-VM"]["reason"]


# -- what is being expunged


def test_a_network_whose_old_router_is_still_being_expunged_is_current() -> None:
    """By a job that has ended, whoever began it; nobody knows for how long."""
    with cloud(networks=nets("n")) as simulator:
        dummy, left = with_left_over(simulator, "n")
        act(simulator, "restartNetwork", id=net("n"), livepatch="true")
        simulator.sleep(120)
        [name] = [vm["name"] for vm in routers(simulator, "n") if vm["id"] == left]
        simulator.update(vms={name: {"state": "Expunging"}})
        assert sorted(vm["state"] for vm in routers(simulator, "n")) == ["Expunging", "Running"]
        assert units_of(planned(simulator))["n"]["method"] == "none"
        [result] = step(simulator, of_networks("n")).values()
        assert result["status"] == "current" and ours(simulator) == []


def test_a_restart_that_cannot_get_rid_of_the_old_router_is_not_followed_by_another_with_cleanup() -> None:
    faults = [{"kind": "stays_expunging", "match": {"name": "n"}}]
    with cloud({"expunge": 60.0}, networks=nets("n"), faults=faults) as simulator:
        act(simulator, "restartNetwork", id=net("n"), cleanup="true")
        simulator.sleep(40)
        assert sorted(vm["state"] for vm in routers(simulator, "n")) == ["Expunging", "Running"]
        for method in (WantedMethod.AUTO, WantedMethod.RECREATE):
            assert units_of(planned(simulator, method))["n"]["method"] != "recreate"
            results = step(simulator, of_networks("n"), Method.RECREATE)
            assert results["n"]["status"] in GOOD, results
        assert not [call for call in simulator.journal()[1:] if call["params"].get("cleanup") == "true"]
        assert overlapping(simulator) == []


def test_what_stays_expunging_is_named_as_what_nobody_takes_care_of() -> None:
    zone = {"name": "Berlin", "ssvm": NEW, "cpvm": NEW}
    faults = [{"kind": "stays_expunging", "times": 2}]
    with cloud(zones=[zone], networks=nets("n", **NEW), faults=faults) as simulator:
        [name] = [vm["name"] for vm in routers(simulator, "n")]
        act(simulator, "restartNetwork", id=net("n"), cleanup="true")
        act(simulator, "destroySystemVm", id=uuid_of("vm", "s-1-VM"))
        simulator.sleep(120)
        simulator.clock.leap(24 * 3600)
        plan = planned(simulator)
        assert {unit["method"] for unit in units_of(plan).values()} == {"none"}
        named = str(plan.values["plan"]["not_handled"])
        assert name in named and "s-1-VM" in named and "Expunging" in named


# -- what is absent


def test_a_network_and_a_vpc_that_have_lost_their_only_router_get_one() -> None:
    with cloud(networks=nets("n", **NEW), vpcs=[{"name": "v", "tiers": 2, **NEW}]) as simulator:
        for name in ("n", "v"):
            act(simulator, "destroyRouter", id=routers(simulator, name)[0]["id"])
        simulator.sleep(60)
        ends = night(simulator)
        assert (ends["n"], ends["v"]) == ("upgraded", "upgraded")
        assert [is_current(vm) for name in ("n", "v") for vm in routers(simulator, name)] == [True, True]
        assert night(simulator)["n"] == "current"


@pytest.mark.parametrize("missing", [{"missing": True}, {"state": "Stopped"}])
@pytest.mark.parametrize(
    ("version", "method"),
    [("4.22.0", WantedMethod.AUTO), ("4.20.2", WantedMethod.AUTO), ("4.20.2", WantedMethod.RECREATE)],
)
def test_half_a_pair_is_made_whole(missing: dict[str, Any], version: str, method: WantedMethod) -> None:
    pair = {"name": "p", "redundant": True, "version": version, "router": [{}, missing]}
    with cloud(networks=[pair]) as simulator:
        simulator.sleep(30)
        assert night(simulator, method)["p"] == "upgraded"
        assert [is_current(vm) for vm in routers(simulator, "p")] == [True, True]
        simulator.sleep(30)
        assert sorted(vm["redundantstate"] for vm in routers(simulator, "p")) == ["BACKUP", "PRIMARY"]
        assert outages(simulator, "p") == []


@pytest.mark.parametrize("states", [("PRIMARY", "FAULT"), ("PRIMARY", "PRIMARY"), ("BACKUP", "BACKUP")])
def test_a_pair_that_has_broken_is_not_current(states: tuple[str, str]) -> None:
    pair = {"name": "p", "redundant": True, **NEW, "router": [{"redundantstate": state} for state in states]}
    with cloud(networks=[pair]) as simulator:
        plan = planned(simulator)
        unit = units_of(plan)["p"]
        assert unit["method"] == "skip" and all(state in unit["reason"] for state in states)
        assert [answer["name"] for answer in plan.values["checks"] if answer["status"] != "ok"]
        assert step(simulator, of_networks("p"))["p"]["status"] == "skipped" and ours(simulator) == []


def test_one_router_that_goes_and_one_that_comes_between_two_pages_hide_no_third() -> None:
    names = [f"n{number:02}" for number in range(12)]
    moves = {"kind": "list_moves", "match": {"command": "listRouters"}, "times": "always"}
    with cloud(networks=nets(*names), settings={"default.page.size": 5}, faults=[moves]) as simulator:
        seen = units_of(planned(simulator))
        assert set(names) <= set(seen)
        assert {name for name in names if seen[name]["method"] == "live_patch"} == {
            name for name in names if not is_current(routers(simulator, name)[0])
        }


def test_a_cloud_in_which_something_changes_every_second_is_planned() -> None:
    names = [f"n{number:02}" for number in range(20)]
    moves = {"kind": "list_moves", "match": {"command": "listVolumes"}, "times": "always"}
    with cloud(networks=nets(*names), settings={"default.page.size": 5}, faults=[moves]) as simulator:
        assert set(names) <= set(units_of(planned(simulator, WantedMethod.RECREATE)))


# -- a server that takes no jobs

WORDINGS = [("4.20.2.0", "4.19.1", "PreparingToShutDown"), (VERSION, "4.20.2", "PreparingForMaintenance")]


def refusing(version: str, template: str) -> VirtualSimulator:
    servers = [{"name": "one", "version": version}]
    return cloud(
        server={"version": version, "management_servers": servers},
        defaults={"version": template},
        networks=nets("a", "b"),
    )


def turn(simulator: VirtualSimulator, state: str) -> None:
    simulator.update(management_servers={"one": {"state": state}})


@pytest.mark.parametrize(("version", "template", "state"), WORDINGS)
def test_a_server_that_takes_no_jobs_for_a_while_is_waited_for(version: str, template: str, state: str) -> None:
    with refusing(version, template) as simulator:
        turn(simulator, state)
        simulator.later(60.0, lambda: turn(simulator, "Up"))
        results = step(simulator, of_networks("a", "b"))
        assert {result["status"] for result in results.values()} == {"upgraded"}, results


@pytest.mark.parametrize(("version", "template", "state"), WORDINGS)
def test_what_a_server_never_took_is_not_started_and_no_failure(version: str, template: str, state: str) -> None:
    with refusing(version, template) as simulator:
        turn(simulator, state)
        results = step(simulator, of_networks("a", "b"))
        assert {result["status"] for result in results.values()} == {"not_started"}
        assert not any(call["accepted"] for call in simulator.journal())
        assert all(state in result["reason"] or "Maintenance" in result["reason"] for result in results.values())


@pytest.mark.parametrize(("version", "template", "state"), WORDINGS)
def test_nothing_is_sent_after_the_stop_however_long_it_was_refused(
    version: str, template: str, state: str, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    with refusing(version, template) as simulator:
        turn(simulator, state)
        simulator.later(20.0, stop.touch)
        simulator.later(22.0, lambda: turn(simulator, "Up"))
        results = step(simulator, of_networks("a", "b"), stop_file=str(stop))
        assert {result["status"] for result in results.values()} == {"not_started"}
        assert not any(call["accepted"] for call in simulator.journal())


@pytest.mark.parametrize("version", ["4.20.2.0", VERSION])
def test_nothing_is_begun_once_a_server_of_another_version_is_up(version: str) -> None:
    servers = [{"name": "one", "version": version}, {"name": "two", "version": "4.20.1.0", "state": "Down"}]
    with cloud(
        server={"version": version, "management_servers": servers},
        defaults={"version": "4.19.1"},
        networks=nets("a", "b"),
    ) as simulator:
        simulator.later(5.0, lambda: simulator.update(management_servers={"two": {"state": "Up"}}))
        results = step(simulator, of_networks("a", "b"), limits=ONE_BY_ONE)
        assert [result["status"] for result in results.values()] == ["upgraded", "not_started"]
        assert "two runs 4.20.1.0 now" in results["b"]["reason"]


@pytest.mark.parametrize("seconds", [20.0, 200.0])
def test_a_server_that_restarts_between_two_steps_is_waited_for(seconds: float) -> None:
    with cloud({"host_reconnect": 30.0}, networks=nets("a", "b")) as simulator:
        step(simulator, of_networks("a"))
        simulator.restart(seconds)
        simulator.sleep(0.5)  # it is down
        simulator.sleep(0.5)  # it is down
        results = step(simulator, of_networks("b"), limits=replace(ONE_BY_ONE, verify_timeout=120.0))
        assert {result["status"] for result in results.values()} == {"upgraded"}, results


@pytest.mark.parametrize("seconds", [20.0, 200.0])
def test_after_a_restart_of_the_server_its_hosts_are_waited_for_before_anything_is_recreated(
    seconds: float, tmp_path: Path
) -> None:
    with cloud({"host_reconnect": 30.0}, networks=nets("a", "b")) as simulator:
        simulator.restart(seconds)
        simulator.sleep(0.5)  # it is down
        limits = replace(ONE_BY_ONE, verify_timeout=120.0)
        ends = step(simulator, of_networks("a", "b"), Method.RECREATE, limits=limits, log=str(tmp_path / "log"))
        ends |= step(simulator, Targets(system_vms=[uuid_of("vm", "s-1-VM")]), Method.RECREATE, limits=limits)
        assert [result["status"] for result in ends.values()] == ["upgraded"] * 3, ends
    assert " wait    zone Berlin has no KVM host that is Up" in (tmp_path / "log").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["stopSystemVm", "destroySystemVm"])
def test_a_system_vm_that_somebody_restarts_meanwhile_does_not_break_off_a_step(command: str) -> None:
    zones = [{"name": "Berlin"}, {"name": "Bern"}]
    with cloud(zones=zones) as simulator:
        simulator.sleep(40)
        act(simulator, command, id=uuid_of("vm", "v-4-VM"))
        simulator.sleep(2)
        result = step(simulator, Targets(system_vms=[uuid_of("vm", "v-2-VM")]), Method.RECREATE)["v-2-VM"]
        assert result["status"] == "upgraded", result


def test_a_zone_that_has_lost_its_hosts_keeps_only_its_own_units_from_being_recreated() -> None:
    zones = [{"name": "Berlin", "hosts": [{"name": "h1"}]}, {"name": "Bern", "hosts": [{"name": "h2"}]}]
    with cloud(zones=zones, networks=[{"name": "a", "zone": "Berlin"}, {"name": "b", "zone": "Bern"}]) as simulator:
        simulator.update(hosts={"h2": {"resourcestate": "Disabled"}})
        results = step(simulator, of_networks("a", "b"), Method.RECREATE)
        assert (results["a"]["status"], results["b"]["status"]) == ("upgraded", "skipped"), results
        assert "zone Bern has no KVM host" in results["b"]["reason"] and ours(simulator) == ["restartNetwork a"]
        with pytest.raises(RefusedError, match="zone Bern has no KVM host"):
            step(simulator, of_networks("b"), Method.RECREATE)


@pytest.mark.parametrize("version", ["4.20.2.0", VERSION])
def test_a_zone_that_is_disabled_meanwhile_keeps_its_system_vm(version: str) -> None:
    """Nothing would take the place of one that is destroyed."""
    zones = [{"name": "Berlin"}, {"name": "Bern"}]
    with cloud(server={"version": version}, defaults={"version": "4.19.1"}, zones=zones) as simulator:
        simulator.sleep(40)
        both = Targets(system_vms=[uuid_of("vm", "v-2-VM"), uuid_of("vm", "v-4-VM")])
        simulator.later(5.0, lambda: simulator.update(zones={"Bern": {"allocation": "Disabled"}}))
        results = step(simulator, both, Method.RECREATE)
        assert (results["v-4-VM"]["status"], results["v-4-VM"]["code"]) == ("skipped", "ZoneDisabled"), results
        assert ours(simulator) == ["destroySystemVm v-2-VM"]


def test_what_new_vms_need_is_not_waited_for_once_the_run_is_stopped(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with cloud(zones=[{"name": "Berlin", "hosts": [{"name": "h1"}]}], networks=nets("a")) as simulator:
        simulator.update(hosts={"h1": {"state": "Disconnected"}})
        simulator.later(15.0, stop.touch)
        began = simulator.now()
        results = step(simulator, of_networks("a"), Method.RECREATE, stop_file=str(stop))
        assert results["a"]["status"] == "not_started" and simulator.now() - began < 30, results


# -- jobs of others


def test_somebodys_restart_that_begins_while_a_canary_is_looked_at_is_waited_for() -> None:
    slow = {"kind": "slow", "match": {"command": "getRouterHealthCheckResults"}, "seconds": 20.0}
    with cloud(networks=nets("n"), faults=[slow]) as simulator:
        simulator.later(5.0, lambda: act(simulator, "restartNetwork", id=net("n"), cleanup="true"))
        [result] = step(simulator, of_networks("n"), looks_inside=True).values()
        assert (result["status"], ours(simulator)) == ("current", []), result
        assert overlapping(simulator) == []


OTHERS: dict[str, tuple[str, dict[str, str]]] = {
    "restartNetwork": ("n", {}),
    "updateNetwork": ("n", {"networkofferingid": uuid_of("offering", "other")}),
    "migrateNetwork": ("n", {"networkofferingid": uuid_of("offering", "other")}),
    "deleteNetwork": ("n", {}),
    "restartVPC": ("v", {"cleanup": "true"}),
    "updateVPC": ("v", {"sourcenatipaddress": "198.18.0.9"}),
    "deleteVPC": ("v", {}),
}


@pytest.mark.parametrize("before", [2.0, -3.0], ids=["when the step begins", "while another one is patched"])
@pytest.mark.parametrize("command", OTHERS)
def test_what_owners_do_to_a_network_is_waited_for_and_no_failure(command: str, before: float) -> None:
    name, params = OTHERS[command]
    identity = net(name) if name == "n" else uuid_of("vpc", name)
    with cloud(networks=nets("a", "n"), vpcs=[{"name": "v", "tiers": 2}]) as simulator:
        if before > 0:
            act(simulator, command, id=identity, **params)
            simulator.sleep(before)
        else:
            simulator.later(-before, lambda: act(simulator, command, id=identity, **params))
        targets = Targets(networks=[net("a"), net("n")], vpcs=[uuid_of("vpc", "v")])
        results = step(simulator, targets)
        assert {result["status"] for result in results.values()} <= GOOD, results
        assert overlapping(simulator) == []
        for one in ("a", "n", "v"):
            assert all(is_current(vm) for vm in routers(simulator, one))
        rules = {unit["rules"] for unit in simulator.state()["units"].values() if routers(simulator, unit["name"])}
        assert rules == {"applied"}


def test_what_changed_since_the_plan_is_gone_or_current_and_stops_nobody() -> None:
    with cloud(networks=nets("a", "deleted", "renewed", "z"), vpcs=[{"name": "v", "tiers": 1}]) as simulator:
        targets = Targets(networks=[net(name) for name in ("a", "deleted", "renewed", "z")])
        act(simulator, "deleteNetwork", id=net("deleted"))
        act(simulator, "restartNetwork", id=net("renewed"), cleanup="true")
        simulator.sleep(120)
        results = step(simulator, targets)
        ends = {name: result["status"] for name, result in results.items()}
        assert ends == {"a": "upgraded", net("deleted"): "gone", "renewed": "current", "z": "upgraded"}


def test_a_network_that_the_server_shuts_down_meanwhile_is_no_failure() -> None:
    with cloud(networks=nets("a", "idle")) as simulator:

        def collect() -> None:
            [router] = routers(simulator, "idle")
            simulator.update(vms={router["name"]: {"removed": True}}, networks={"idle": {"state": "Allocated"}})

        simulator.later(5.0, collect)
        results = step(simulator, of_networks("a", "idle"))
        assert results["a"]["status"] == "upgraded"
        assert results["idle"]["status"] in {"skipped", "gone", "current"}, results["idle"]
        assert "restartNetwork idle" not in ours(simulator)


@pytest.mark.parametrize("after", ["Implemented", ""], ids=["comes back", "does not"])
@pytest.mark.parametrize("state", ["Implementing", "Shutdown", "Allocated"])
def test_a_network_in_a_state_in_which_nothing_is_done_to_it_is_no_failure(state: str, after: str) -> None:
    with cloud(networks=nets("a", "n", "z")) as simulator:
        simulator.later(5.0, lambda: simulator.update(networks={"n": {"state": state}}))
        if after:
            simulator.later(50.0, lambda: simulator.update(networks={"n": {"state": after}}))
        results = step(simulator, of_networks("a", "n", "z"))
        assert {results[name]["status"] for name in ("a", "z")} == {"upgraded"}, results
        waited_for = after and state != "Allocated"
        assert results["n"]["status"] == ("upgraded" if waited_for else "skipped"), results["n"]
        assert waited_for or state in results["n"]["reason"]


@pytest.mark.parametrize("keeps_router", [True, False])
@pytest.mark.parametrize("seconds", [15.0, 32.0, 38.0], ids=["while patched", "while rules are sent", "afterwards"])
def test_a_network_that_nobody_uses_any_more_once_it_was_patched_is_no_failure(
    seconds: float, keeps_router: bool
) -> None:
    """The server stops its router, or it is destroyed, and its next one is made of the new template."""
    with cloud(defaults={"version": "4.18.1"}, networks=nets("n", "z")) as simulator:
        [router] = routers(simulator, "n")

        def collect() -> None:
            was = {"state": "Stopped"} if keeps_router else {"removed": True}
            simulator.update(vms={router["name"]: was}, networks={"n": {"state": "Allocated"}})

        simulator.later(seconds, collect)
        results = step(simulator, of_networks("n", "z"), limits=replace(ONE_BY_ONE, max_failures=0))
        assert results["z"]["status"] == "upgraded", results
        still_old = [vm for vm in routers(simulator, "n") if not is_current(vm)]
        assert results["n"]["status"] in ({"skipped"} if still_old else GOOD), results["n"]
        assert "Allocated" in results["n"]["reason"] or not still_old


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RECREATE])
@pytest.mark.parametrize("version", ["4.20.2.0", VERSION])
def test_a_vpc_whose_tiers_are_all_deleted_between_two_patches_is_no_failure(version: str, method: Method) -> None:
    """Its router serves nobody, and no live patch reaches it."""
    vpc = {"name": "v", "tiers": 2}
    with cloud(
        server={"version": version}, defaults={"version": "4.18.1"}, networks=nets("z"), vpcs=[vpc]
    ) as simulator:
        for tier in ("v-tier1", "v-tier2"):
            simulator.later(32.0, lambda tier=tier: act(simulator, "deleteNetwork", id=net(tier)))  # type: ignore[misc]
        targets = Targets(networks=[net("z")], vpcs=[uuid_of("vpc", "v")])
        results = step(simulator, targets, method, limits=replace(ONE_BY_ONE, max_failures=0))
        assert results["z"]["status"] == "upgraded", results
        assert results["v"]["status"] == ("skipped" if method is Method.LIVE_PATCH else "upgraded"), results["v"]
        assert method is not Method.LIVE_PATCH or "recreate it" in results["v"]["reason"]


def test_the_pair_of_a_network_that_its_owner_makes_redundant_meanwhile_is_looked_at() -> None:
    def make_redundant() -> None:
        simulator.update(networks={"n": {"redundant": True}})
        act(simulator, "updateNetwork", id=net("n"), networkofferingid=uuid_of("offering", "redundant"))

    with cloud(networks=nets("n")) as simulator:
        simulator.later(10.0, make_redundant)
        result = step(simulator, of_networks("n"))["n"]
        assert result["status"] in GOOD and not any("pair" in note for note in result["notes"]), result
        assert sorted(vm["redundantstate"] for vm in routers(simulator, "n")) == ["BACKUP", "PRIMARY"]


def test_a_network_that_is_gone_while_its_router_is_still_listed_is_no_failure() -> None:
    with cloud(networks=nets("a", "n", "z")) as simulator:
        simulator.later(10.0, lambda: simulator.update(networks={"n": {"removed": True}}))
        results = step(simulator, of_networks("a", "n", "z"))
        assert {name: result["status"] for name, result in results.items()} == {
            "a": "upgraded",
            "n": "gone",
            "z": "upgraded",
        }
        assert "is still listed" in results["n"]["reason"]


# -- nodes, databases and reads


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("kind", ["network", "ssvm"])
def test_a_node_that_knows_jobs_only_later_doubles_no_command(kind: str, every: int) -> None:
    late = {"kind": "late_jobs", "seconds": 5.0, "every": every}
    with cloud({"patch": 60.0}, networks=nets("n"), faults=[late]) as simulator:
        targets = of_networks("n") if kind == "network" else Targets(system_vms=[uuid_of("vm", "s-1-VM")])
        [result] = step(simulator, targets).values()
        assert result["status"] == "upgraded", result
        assert len(ours(simulator)) == 1 and patched_at_once(simulator.state()["vms"]) == []


def test_of_a_call_that_another_run_has_sent_and_a_late_node_does_not_know_there_is_no_second() -> None:
    with cloud({"patch": 60.0}, networks=nets("n")) as simulator:
        with simulator.client() as client:
            job = job_id_of(uuid_of("zone", "Berlin"), net("n"), Purpose.PATCH, VERSION, 1)
            client.submit("restartNetwork", job_id=job, id=net("n"), livepatch=True)
        simulator.set_faults([{"kind": "late_jobs", "seconds": 20.0}])
        [result] = step(simulator, of_networks("n")).values()
        assert result["status"] in GOOD, result
        assert [call["accepted"] for call in simulator.journal()].count(True) == 1


READS = ["listAsyncJobs", "queryAsyncJobResult", "listRouters", "listNetworks", "listEvents", "listHosts"]


@pytest.mark.parametrize("command", READS)
def test_one_read_that_the_server_stumbles_over_fails_nobody(command: str) -> None:
    stumble = {"kind": "http_status", "status": 530, "match": {"command": command}, "times": 2}
    names = ["a", "b", "c", "d"]
    with cloud(networks=nets(*names)) as simulator:
        simulator.later(10.0, lambda: simulator.set_faults([stumble]))
        simulator.later(12.0, lambda: act(simulator, "restartNetwork", id=net("d")))  # so that all of it is asked
        results = step(simulator, of_networks(*names), limits=replace(ONE_BY_ONE, parallel=2))
        assert {result["status"] for result in results.values()} <= GOOD, results


@pytest.mark.parametrize("times", [3, 6])
def test_an_empty_answer_for_a_moment_does_not_mean_that_a_router_is_gone(times: int) -> None:
    empty = {"kind": "drops_rows", "every": 1, "match": {"command": "listRouters"}, "times": times}
    with cloud(networks=nets("a", "n")) as simulator:
        simulator.later(32.0, lambda: simulator.set_faults([empty]))
        results = step(simulator, of_networks("a", "n"))
        assert {result["status"] for result in results.values()} == {"upgraded"}, results
        assert sorted(ours(simulator)) == ["restartNetwork a", "restartNetwork n"]


def test_a_first_call_whose_answer_a_load_balancer_lost_is_sent_again_with_its_id() -> None:
    lost = {"kind": "http_status", "status": 502, "match": {"command": "restartNetwork"}}
    with cloud(networks=nets("n"), faults=[lost]) as simulator:
        [result] = step(simulator, of_networks("n")).values()
        assert result["status"] == "upgraded", result
        assert [call["accepted"] for call in simulator.journal()] == [True]


def test_a_canary_whose_health_checks_never_come_back_is_upgraded_and_that_is_told() -> None:
    slow = {"kind": "slow", "match": {"command": "getRouterHealthCheckResults"}, "seconds": 40.0, "times": "always"}
    with cloud(networks=nets("n"), faults=[slow]) as simulator:
        simulator.patch.setattr(inquiries, "HEALTH_S", 30.0)
        [result] = step(simulator, of_networks("n"), looks_inside=True).values()
        assert result["status"] == "upgraded", result
        assert any("health" in note and "not compared" in note for note in result["notes"]), result["notes"]
        simulator.sleep(100)  # the last answer


# -- rules that are owed


def test_rules_that_failed_are_still_owed_when_the_server_has_forgotten_its_jobs() -> None:
    fails = {"kind": "rules_fail", "match": {"name": "n"}, "times": "always"}
    with cloud(server={"hosts": "simulated"}, networks=nets("n"), faults=[fails]) as simulator:
        failed = step(simulator, of_networks("n"))["n"]
        assert failed["status"] == "failed" and "rules not applied" in failed["reason"]
        told = [Restart(**restart) for restart in failed["restarts"]]
        simulator.set_faults([])
        simulator.clock.leap(50 * 3600)
        assert units_of(planned(simulator))["n"]["method"] == "none", units_of(planned(simulator))["n"]["reason"]
        unit = units_of(planned(simulator, earlier=Earlier(told)))["n"]
        assert unit["method"] == "restart" and "rules" in unit["reason"]


def test_a_restart_that_the_server_wanted_and_that_failed_is_a_failure() -> None:
    fails = {"kind": "job_fails", "match": {"command": "restartVPC"}, "work_done": True, "times": "always"}
    with cloud(vpcs=[{"name": "v", "tiers": 1}], faults=[fails]) as simulator:
        simulator.later(20.0, lambda: simulator.update(vpcs={"v": {"restartrequired": True}}))
        [result] = step(simulator, Targets(vpcs=[uuid_of("vpc", "v")])).values()
        assert "restartVPC v" in ours(simulator)
        assert result["status"] == "failed", result


# -- bounds, hosts and scripts that run on


def test_fallbacks_keep_to_one_at_a_time() -> None:
    silent = {"kind": "silent_patch_failure", "times": "always"}
    names = ["a", "b", "c"]
    with cloud(server={"hosts": "simulated"}, networks=nets(*names), faults=[silent]) as simulator:
        results = step(simulator, of_networks(*names), fallback=True)
        assert {result["method"] for result in results.values()} == {"recreate"}, results
        spans = sorted((job["created"], job["completed"]) for job in simulator.state()["jobs"])
        assert all(end <= begin for (dummy, end), (begin, dummy2) in pairwise(spans))


def migrate(simulator: VirtualSimulator, name: str, to: str, seconds: float) -> None:
    """An administrator moves a router to another host, which takes so long."""
    world = simulator.world
    [router] = [each for each in world.routers if each.unit and each.unit.name == name and each.removed is None]
    [host] = [each for each in world.hosts if each.name == to]

    def arrive() -> None:
        world.place(router, host)
        world.change(router, state="Running")

    world.change(router, state="Migrating")
    simulator.later(seconds, arrive)


@pytest.mark.parametrize("seconds", [5.0, 31.0, 34.0])
def test_what_is_migrated_to_a_host_that_is_busy_waits_for_its_turn_there(seconds: float) -> None:
    zone = {"name": "Berlin", "hosts": [{"name": "h1"}, {"name": "h2"}]}
    hosts = {"a": "h1", "b": "h1", "c": "h2", "d": "h2"}
    networks = [{"name": name, "router": {"host": host}} for name, host in hosts.items()]
    with cloud(zones=[zone], networks=networks) as simulator:
        for name in ("c", "d"):
            simulator.later(seconds, lambda name=name: migrate(simulator, name, "h1", 15.0))  # type: ignore[misc]
        results = step(simulator, of_networks(*hosts), limits=replace(ONE_BY_ONE, parallel=4, per_host=1))
        assert {result["status"] for result in results.values()} == {"upgraded"}, results
        arrived = simulator.journal()[0]["at"] + seconds + 15.0
        spans = sorted((job["created"], job["completed"]) for job in simulator.state()["jobs"])
        on_h1 = [span for span in spans if span[0] >= arrived]
        assert on_h1 and all(end <= begin for (dummy, end), (begin, dummy2) in pairwise(spans) if begin >= arrived)


def test_what_is_on_a_host_that_goes_into_maintenance_is_not_patched() -> None:
    zone = {"name": "Berlin", "hosts": [{"name": "h1"}, {"name": "h2"}]}
    networks = [{"name": "a", "router": {"host": "h1"}}, {"name": "n", "router": {"host": "h2"}}]
    with cloud(zones=[zone], networks=networks) as simulator:
        simulator.later(5.0, lambda: simulator.update(hosts={"h2": {"resourcestate": "PrepareForMaintenance"}}))
        results = step(simulator, of_networks("a", "n"), limits=replace(ONE_BY_ONE, verify_timeout=30.0))
        assert (results["a"]["status"], results["n"]["status"]) == ("upgraded", "skipped"), results
        assert "h2" in results["n"]["reason"] and ours(simulator) == ["restartNetwork a"]


def test_of_a_patch_whose_host_went_away_it_is_told_what_it_has_left() -> None:
    zone = {"name": "Berlin", "hosts": [{"name": "h1"}, {"name": "h2"}]}
    with cloud(zones=[zone], networks=[{"name": "a", "router": {"host": "h1"}}]) as simulator:
        simulator.later(10.0, lambda: simulator.update(hosts={"h1": {"state": "Alert"}}))
        result = step(simulator, of_networks("a"))["a"]
        assert (result["status"], result["code"]) == ("failed", "HostAway")
        assert "Failed to restart network. h1 is Alert, so nothing more was sent. " in result["reason"]
        assert "rules may be missing" in result["reason"]


@pytest.mark.parametrize("patched", [False, True])
def test_an_internal_lb_is_recreated_only_once_its_vpcs_router_is_sent_rules(patched: bool) -> None:
    """Its tier's restart fails before, after the old one is gone."""
    vpc = {"name": "v", "tiers": 1, "internal_lb": True}
    with cloud(vpcs=[vpc]) as simulator:
        if patched:
            assert step(simulator, Targets(vpcs=[uuid_of("vpc", "v")]))["v"]["status"] == "upgraded"
        [balancer] = [name for name in simulator.state()["vms"] if name.startswith("b-")]
        [result] = step(simulator, Targets(routers=[balancer]), Method.RECREATE).values()
        assert result["status"] == ("upgraded" if patched else "skipped"), result
        assert patched or "would refuse the rules of tier v-tier1" in result["reason"]
        assert patched == ("destroyRouter " + balancer in ours(simulator))


@pytest.mark.parametrize(("version", "template"), [("4.18.2.5", "4.17.2"), (VERSION, "4.20.2")])
def test_an_internal_lb_whose_vpcs_router_is_left_alone_is_proven_by_its_own_scripts(
    version: str, template: str
) -> None:
    vpc = {"name": "v", "tiers": 1, "internal_lb": True}
    with cloud(server={"version": version}, defaults={"version": template}, vpcs=[vpc]) as simulator:
        [balancer] = [name for name in simulator.state()["vms"] if name.startswith("b-")]
        [result] = step(simulator, Targets(routers=[balancer]), Method.RESTART).values()
        assert result["status"] == "upgraded", result
        assert ours(simulator) == [f"rebootRouter {balancer}"]


@pytest.mark.parametrize("method", [Method.LIVE_PATCH, Method.RECREATE])
def test_a_tier_that_comes_into_use_meanwhile_gets_its_rules(method: Method) -> None:
    vpc = {"name": "v", "tiers": [{"name": "t1"}, {"name": "t2"}, {"name": "t3", "state": "Allocated"}]}
    with cloud(networks=nets("a"), vpcs=[vpc]) as simulator:
        simulator.later(10.0, lambda: simulator.update(networks={"t3": {"state": "Implemented"}}))
        results = step(simulator, Targets(networks=[net("a")], vpcs=[uuid_of("vpc", "v")]), method)
        assert {result["status"] for result in results.values()} == {"upgraded"}, results
        assert {unit["rules"] for unit in simulator.state()["units"].values()} == {"applied"}
        assert method is Method.RECREATE or "restartNetwork t3" in ours(simulator)


@pytest.mark.parametrize("skew", [300.0, -300.0])
def test_a_job_of_before_is_not_taken_for_one_of_now_whatever_the_clocks_say(skew: float) -> None:
    ssvm = uuid_of("vm", "s-1-VM")
    faults = [{"kind": "clock_skew", "seconds": skew}, {"kind": "silent_patch_failure", "match": {"name": "s-1-VM"}}]
    with cloud(faults=faults) as simulator:
        with simulator.client() as client:
            job = job_id_of(uuid_of("zone", "Berlin"), ssvm, Purpose.PATCH, VERSION, 1)
            client.submit("patchSystemVm", job_id=job, id=ssvm)
        simulator.sleep(200)
        began = simulator.now()
        [result] = step(simulator, Targets(system_vms=[ssvm])).values()
        assert result["status"] == "upgraded", result
        assert simulator.journal()[-1]["accepted"] and simulator.journal()[-1]["at"] - began < 10


@pytest.mark.parametrize("kind", ["network", "ssvm"])
def test_a_patch_that_the_server_calls_lost_and_that_goes_on_is_not_doubled(kind: str) -> None:
    lost = {"kind": "job_lost", "goes_on": True, "seconds": 5.0}
    with cloud({"patch": 60.0}, networks=nets("n"), faults=[lost]) as simulator:
        targets = of_networks("n") if kind == "network" else Targets(system_vms=[uuid_of("vm", "s-1-VM")])
        [result] = step(simulator, targets).values()
        simulator.sleep(300)
        assert patched_at_once(simulator.state()["vms"]) == []
        assert result["status"] == "upgraded", result
        assert {unit["rules"] for unit in simulator.state()["units"].values()} <= {"applied"}
