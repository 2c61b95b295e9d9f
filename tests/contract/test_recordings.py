# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as the recorded management server did."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.cloud import as_found, cloud
from tests.contract.replay import RECORDINGS, Exchange, Replay, ask, recording
from tests.contract.shapes import FACTS, differences
from tests.simulator.commands import COMMANDS
from tests.support.clock import ClockedSimulator

CURRENT = {"version": "4.18.1", "software": "4.22.0.0"}
ALWAYS = {"times": "always"}
IN_LB = {"version": "4.22.0"}
SILENT = {"kind": "silent_patch_failure", **ALWAYS}
NO_AGENT = {"cpvm": {"agent": "none", "version": "4.22.0"}}

# The files that are played as they are: the estate they found, and the faults before a certain exchange.
PLAYED: dict[str, tuple[dict[str, Any], dict[int, list[dict[str, Any]]]]] = {
    "livepatch_network": (cloud(), {}),
    "livepatch_silent_failure": (cloud(), {0: [{"kind": "silent_patch_failure", "match": {"name": "t-iso1"}}]}),
    "livepatch_vpc": (cloud(), {}),
    "livepatch_vpc_one_tier": (cloud(), {}),
    "livepatch_version_check": (cloud(server={"hosts": "checked"}), {5: [SILENT], 14: []}),
    "network_without_router": (cloud(), {}),
    "vpc_without_router": (cloud(), {}),
    "half_a_pair": (cloud(timings={"router_check_interval": 0.6}), {}),
    "half_a_pair_stopped": (cloud({"t-red1": {"router": [CURRENT, IN_LB]}}), {}),
    "overlap": (cloud(), {}),
    "overlap_cleanup": (cloud(), {}),
    "recreate_network": (cloud(), {}),
    "recreate_vpc": (cloud({"t-rvpc0": CURRENT}), {}),
    "recreate_failing_start_iso": (cloud(), {0: [{"kind": "start_failure"}]}),
    "recreate_failing_start_red": (
        cloud(),
        {0: [{"kind": "start_failure"}]},
    ),
    "recreate_failing_start_vpc": (cloud(), {0: [{"kind": "start_failure"}]}),
    "recreate_no_capacity": (cloud(), {0: [{"kind": "capacity_failure", **ALWAYS}]}),
    "recreate_no_capacity_vpc": (cloud(), {0: [{"kind": "capacity_failure", **ALWAYS}]}),
    "router_ops": (cloud(), {}),
    "cheaper_lists": (cloud(), {}),
    "surplus_router": (cloud({"t-iso4": CURRENT}), {0: [{"kind": "start_failure"}]}),
    "internal_lb": (
        cloud(vpcs=[{"name": "i-vpc", "version": "4.22.0", "tiers": [{"name": "i-tier", "internal_lb": IN_LB}]}]),
        {},
    ),
    "templates_and_storage": (cloud(), {}),
    "capacity_and_stores": (cloud(), {}),
    "settings_of_a_zone": (cloud(), {}),
    "settings_paging": (cloud(), {}),
    "role": (cloud(), {}),
    "role_refused": (cloud(forbidden_commands=["listRoles", "deployVirtualMachine", "listUsers"]), {}),
    "role_refused_calls": (
        cloud(
            forbidden_commands=[
                *("updateConfiguration", "listUsers", "deployVirtualMachine", "listZones", "listCapabilities"),
                *("queryAsyncJobResult", "patchSystemVm"),
            ]
        ),
        {},
    ),
    "diagnostics": (cloud({"t-iso4": CURRENT}), {}),
    "redundant_vpc_without_tiers": (
        cloud(vpcs=[{"name": "x-rvpc", "redundant": True, "tiers": 0, "version": "4.22.0"}]),
        {},
    ),
    "vpc_tier_not_implemented": (
        cloud(vpcs=[{"name": "x-vpc", "tiers": [{"name": "x-tier", "state": "Shutdown"}]}]),
        {},
    ),
    "rules_fail": (cloud(), {0: [{"kind": "rules_fail", "match": {"name": "t-iso1"}, "times": 3}]}),
    "customjobid": (
        cloud(timings={"patch": 0.6, "scan_interval": 60}),
        {},
    ),
    "patch_systemvm": (cloud(zone={"cpvm": {"version": "4.18.1"}}), {}),
    "stop_start_systemvm": (
        cloud(zone=NO_AGENT | {"ssvm": {"version": "4.22.0"}}, timings={"scan_interval": 60}),
        {0: [{"kind": "agent_never_up", **ALWAYS}]},
    ),
}
ANY_API = {"command": "listApis"}
# What depends on the rest of the cloud: all commands of another role; the first of all the server's settings.
ELSEWHERE = (ANY_API, {"page": "1", "pagesize": "20", "command": "listConfigurations"})
# How many exchanges stand before the one where the recorded routers' versions were set back, by hand.
BEFORE_SET_BACK = {"customjobid": 4, "rules_fail": 2, "lost_after_patch": 2, "vpc_tier_not_implemented": 8}


@pytest.mark.parametrize("name", PLAYED)
def test_same_answers(name: str) -> None:
    estate, faults = PLAYED[name]
    with ClockedSimulator(estate) as simulator:
        # Its hosts had not all come back when it began.
        replay = Replay(simulator, FACTS - {"hostcontrolstate"} if name == "livepatch_version_check" else FACTS)
        # The second of two restarts finds the first one's router Starting; Stopped, it would destroy it.
        replay.gap = 0.05 if name == "overlap_cleanup" else 0.0
        for index, exchange in enumerate(recording(name)):
            if index in faults:
                simulator.set_faults(faults[index])
            if index < BEFORE_SET_BACK.get(name, 0) or exchange.request in ELSEWHERE:
                continue
            if name == "patch_systemvm" and is_last_submission(recording(name), index):
                simulator.set_faults([{"kind": "patch_failure"}])
            replay.step(exchange)
        assert replay.problems == []
        assert simulator.state()["bugs"] == []


def is_last_submission(exchanges: list[Exchange], index: int) -> bool:
    return index == max(n for n, exchange in enumerate(exchanges) if exchange.command == "patchSystemVm")


def test_what_a_reader_sees_while_a_router_is_replaced() -> None:
    """Every moment that was recorded, in the same order, and no other."""
    exchanges = recording("cleanup_watched")
    moments = [each for each in exchanges if each.command == "listRouters"]
    with ClockedSimulator(cloud(as_found(exchanges), timings={"start": 0.6, "stop": 0.4, "restart": 0.2})) as simulator:
        replay = Replay(simulator)
        submitted = replay.step(exchanges[0]).body["jobid"]
        position = 0
        while True:
            answer = replay.ask(**replay.translate(moments[0].request))
            while differences(moments[position].response, answer.response, FACTS):
                position += 1
                assert position < len(moments), answer.response
            job = replay.ask(command="queryAsyncJobResult", jobid=submitted).body
            if job["jobstatus"] != 0:
                break
            simulator.sleep(0.01)
        assert moments[position].body["count"] == 1 and position == len(moments) - 1


# -- errors

WRONG_CREDENTIALS = 3


def test_errors() -> None:
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        replay.play(recording("errors")[WRONG_CREDENTIALS:])
        assert replay.problems == []


@pytest.mark.parametrize(
    "request_of",
    [
        lambda simulator: (simulator.key, "wrong", {}),
        lambda simulator: ("wrong", simulator.secret, {}),
        lambda simulator: (
            simulator.key,
            simulator.secret,
            {"signatureVersion": "3", "expires": "2020-01-01T00:00:00+0000"},
        ),
        lambda simulator: (simulator.key, simulator.secret, {"signatureVersion": "3"}),
    ],
    ids=["secret", "key", "expired", "expires missing"],
)
def test_wrong_credentials(
    request_of: Callable[[ClockedSimulator], tuple[str, str, dict[str, str]]], shared: ClockedSimulator
) -> None:
    key, secret, more = request_of(shared)
    for recorded in recording("errors")[:WRONG_CREDENTIALS]:
        answer = ask(shared.url, key, secret, recorded.request | more)
        replay = Replay(shared)
        replay.compare(recorded, answer)
        assert replay.problems == []


# -- job ids of the client's choice


def test_customjobid_race() -> None:
    """Of each recorded pair of simultaneous requests one was accepted; which, and what the other got, varied."""
    exchanges = recording("customjobid_race")
    pairs: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        if "customjobid" in exchange.request:
            pairs.setdefault(exchange.request["customjobid"], []).append(exchange)
    assert len(pairs) == 8
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        for pair in pairs.values():
            accepted, refused = sorted(pair, key=lambda exchange: exchange.status)
            raced = refused.body["errorcode"] == 530
            simulator.set_faults([{"kind": "duplicate_race"}] if raced else [])
            replay.play([accepted, refused])
        assert replay.problems == []
        # At the same time, indeed.
        request = replay.translate(exchanges[1].request) | {"customjobid": str(uuid.uuid4())}
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda dummy: replay.ask(**request), range(2)))
        assert sorted(answer.status for answer in answers) == [200, 431]


# -- discovery

# A cloud of another size and age: only the shapes count.
SHAPES_ONLY = FACTS - {"softwareversion", "requiresupgrade"}
NOT_SIMULATED = {"createRemoteAccessVpn"}


@pytest.fixture(scope="module")
def shared() -> Any:
    with ClockedSimulator(cloud(timings={"scan_interval": 60, "router_check_interval": 60})) as simulator:
        yield simulator


@pytest.mark.parametrize("name", ["discovery", "discovery_more"])
def test_discovery(name: str, shared: ClockedSimulator) -> None:
    replay = Replay(shared, SHAPES_ONLY)
    for exchange in recording(name):
        if exchange.command in NOT_SIMULATED or (name == "discovery_more" and exchange.command == "listSystemVms"):
            # The latter shows agents that never came back, see tests/recordings/README.md.
            continue
        if exchange.command == "listRouters" and exchange.request.get("pagesize") == "5":
            check_pages(exchange, replay)
        elif exchange.command == "listRouters" and "pagesize" in exchange.request:
            # The Stopped routers of the recorded list never ran, yet got versions by hand.
            answer = replay.ask(**exchange.request)
            for each in (exchange, answer):
                each.body["router"] = [router for router in each.body["router"] if router["state"] == "Running"]
            replay.compare(exchange, answer)
        else:
            replay.step(exchange)
    assert replay.problems == []


def check_pages(exchange: Exchange, replay: Replay) -> None:
    """A page of five; the last of them, and one past the end."""
    size = int(exchange.request["pagesize"])
    total = len(replay.ask(command="listRouters", listall="true").body["router"])
    last = -(-total // size)
    for page, expected in ((1, size), (last, total - size * (last - 1)), (last + 1, 0)):
        body = replay.ask(**exchange.request | {"page": str(page)}).body
        assert body["count"] == total
        assert len(body.get("router", [])) == expected
        assert set(body) == ({"count", "router"} if expected else {"count"})


# -- SSVM and CPVM come back by the capacity scan


@pytest.mark.parametrize("name", ["destroy_systemvm", "destroy_ssvm"])
def test_destroyed_systemvm_comes_back(name: str) -> None:
    """The recorded answers of listSystemVms, one of each kind, appear here in the same order."""
    exchanges = recording(name)
    lists = [exchange for exchange in exchanges if exchange.command == "listSystemVms"]
    expected = [each for index, each in enumerate(lists) if not index or kind_of(each) != kind_of(lists[index - 1])]
    assert [kind_of(each)[:1] for each in expected] == [(None,), ("Starting",), ("Running",)]
    has_agent = kind_of(expected[-1])[1] is not None
    faults = [] if has_agent else [{"kind": "agent_never_up", **ALWAYS}]
    with ClockedSimulator(cloud(zone={} if has_agent else {"cpvm": {"agent": "none"}}, faults=faults)) as simulator:
        replay = Replay(simulator)
        before = replay.translate(exchanges[0].request)["id"]
        for exchange in exchanges:
            if exchange.command != "listSystemVms":
                replay.step(exchange)
        seen: list[Exchange] = []
        while len(seen) < 500 and (not seen or kind_of(seen[-1]) != kind_of(expected[-1])):
            seen.append(replay.ask(**expected[0].request))
            simulator.sleep(0.005)
        position = 0
        for recorded in expected:
            while position < len(seen) and differences(recorded.response, seen[position].response):
                position += 1
            assert position < len(seen), recorded.response
        after = seen[-1].body["systemvm"][0]
        assert after["id"] != before
        assert replay.problems == []


def kind_of(exchange: Exchange) -> tuple[str | None, str | None]:
    vms = exchange.body.get("systemvm")
    return (vms[0]["state"], vms[0].get("agentstate")) if vms else (None, None)


# -- the server dies


def test_management_server_restart() -> None:
    exchanges = recording("management_server_restart")
    dies_after = max(n for n, each in enumerate(exchanges) if each.command == "restartNetwork")
    estate = cloud(
        {"t-iso0": CURRENT},
        zone={"cpvm": {"agent": "none"}},
        timings={"patch": 0.6, "start": 1, "agent_reconnect": 0.4, "scan_interval": 60, "router_check_interval": 60},
        faults=[{"kind": "agent_never_up", **ALWAYS}],
    )
    with ClockedSimulator(estate) as simulator:
        replay = Replay(simulator)
        # The list of all networks is that of another cloud.
        replay.play(exchanges[1 : dies_after + 1])
        simulator.restart(0.2)
        simulator.sleep(0.15)
        with pytest.raises(OSError):
            replay.ask(command="listZones")
        simulator.sleep(0.2)
        # First the routers' hosts are Offline, half a minute later they are back.
        replay.play(exchanges[dies_after + 1 : -1])
        simulator.sleep(0.5)
        replay.play(exchanges[-1:])
        assert replay.problems == []


def test_server_dies_between_patch_and_rules() -> None:
    """The router has the new software, and nothing but a later restart brings its rules back."""
    exchanges = recording("lost_after_patch")[BEFORE_SET_BACK["lost_after_patch"] :]
    submitted, tried, last = (n for n, each in enumerate(exchanges) if each.command == "restartNetwork")
    died, up_again = submitted + 5, last - 2
    assert exchanges[died].body["jobstatus"] == 2 and exchanges[up_again].command == "listNetworks"
    faults = [{"kind": "server_dies", "match": {"name": "t-iso2"}, "down_seconds": 0.1}]
    with ClockedSimulator(cloud(timings={"host_reconnect": 0.4, "restart": 0.05}, faults=faults)) as simulator:
        replay = Replay(simulator)
        replay.play(exchanges[: submitted + 1])
        # What follows was recorded in the moment between patch and rules.
        simulator.sleep(0.3)
        assert simulator.state()["jobs"][0]["status"] != 0
        assert simulator.state()["units"][replay.find("network", "t-iso2")]["rules"] == "missing"
        replay.play(exchanges[died:up_again])
        assert tried in range(died, up_again)
        assert simulator.state()["units"][replay.find("network", "t-iso2")]["rules"] == "missing"
        simulator.sleep(0.5)
        replay.play(exchanges[up_again:])
        assert simulator.state()["units"][replay.find("network", "t-iso2")]["rules"] == "applied"
        assert replay.problems == []


def test_role_that_may_only_list_apis() -> None:
    everything_else = sorted(set(COMMANDS) - {"listApis"})
    with ClockedSimulator(cloud(forbidden_commands=everything_else)) as simulator:
        replay = Replay(simulator)
        (exchange,) = (e for e in recording("role_refused_calls") if e.request == ANY_API)
        replay.compare(exchange, replay.ask(**ANY_API))
        assert replay.problems == []


def test_every_recording_is_used() -> None:
    used = set(PLAYED) | {
        "errors",
        "discovery",
        "discovery_more",
        "in_flight_events",
        "destroy_systemvm",
        "destroy_ssvm",
        "management_server_restart",
        "customjobid_race",
        "lost_after_patch",
        "events_of_a_project",
        "events_startdate",
        "deleted_by_owner",
        "updated_by_owner",
        "cleanup_watched",
    }
    assert used == {path.stem for path in RECORDINGS.glob("*.jsonl")}
