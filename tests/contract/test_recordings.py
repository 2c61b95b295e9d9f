# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as the recorded management server did."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.cloud import as_found, cloud
from tests.contract.replay import EVENT_FACTS, RECORDINGS, Exchange, Replay, ask, recording
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


# -- what owners do


def test_network_that_its_owner_deletes() -> None:
    networks = [{"name": "zz-gone", "account": "admin", "version": "4.22.0"}]
    with ClockedSimulator(cloud(networks=networks)) as simulator:
        replay = Replay(simulator)
        replay.scenery_commands = {"createNetwork"}
        for exchange in recording("deleted_by_owner"):
            if exchange.command == "listEvents":
                compare_newest_event(exchange, replay, "NETWORK.DELETE")
            else:
                replay.step(exchange)
        assert replay.problems == []


def test_network_whose_owner_gives_it_another_offering() -> None:
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        # The offerings are those of another cloud.
        for exchange in recording("updated_by_owner")[1:]:
            if exchange.command == "listEvents":
                compare_newest_event(exchange, replay, "NETWORK.UPDATE")
            else:
                replay.step(exchange)
        assert replay.problems == []


def compare_newest_event(exchange: Exchange, replay: Replay, type_: str) -> None:
    recorded, seen = (
        [event for event in each.body["event"] if event["type"] == type_]
        for each in (exchange, replay.ask(**exchange.request))
    )
    assert [event["state"] for event in recorded] == [event["state"] for event in seen]
    assert not differences(recorded, seen, EVENT_FACTS)


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


# -- events and jobs in flight


def test_in_flight_events() -> None:
    exchanges = recording("in_flight_events")
    with ClockedSimulator(cloud(timings={"patch": 0.6, "job_overhead": 0.01})) as simulator:
        replay = Replay(simulator)
        for exchange in exchanges:
            if exchange.command == "listEvents":
                compare_events(exchange, replay)
            else:
                replay.step(exchange)
        assert replay.problems == []
        # A patch of a system VM leaves only its Scheduled event, a VPC's restart no Started one.
        events = replay.ask(command="listEvents", listall="true", page="1", pagesize="100").body["event"]
        assert [(e["type"], e["state"]) for e in events] == [
            ("NETWORK.RESTART", "Scheduled"),
            ("NETWORK.RESTART", "Started"),
            ("VPC.RESTART", "Scheduled"),
            ("LIVE.PATCH.SYSTEM.VM", "Scheduled"),
            ("NETWORK.RESTART", "Completed"),
            ("VPC.RESTART", "Completed"),
        ]
        by_id = {event["id"]: event for event in events}
        for event in events:
            if event["state"] != "Scheduled":
                assert by_id[event["parentid"]]["resourceid"] == event["resourceid"]


def compare_events(exchange: Exchange, replay: Replay) -> None:
    """Every event here has its like among the recorded ones of the same type and state."""
    answer = replay.ask(**exchange.request)
    assert (answer.status, answer.content_type) == (exchange.status, exchange.content_type)
    facts = {"type", "state", "level", "username", "account", "resourcetype", "description"}
    everything = [
        e for each in recording("in_flight_events") if each.command == "listEvents" for e in each.body["event"]
    ]
    for event in answer.body["event"]:
        like = [e for e in everything if (e["type"], e["state"]) == (event["type"], event["state"])]
        assert like, event
        assert any(not differences(each, event, facts) for each in like), (event, like[0])


def test_events_of_a_project() -> None:
    exchanges = recording("events_of_a_project")
    lists = [each for each in exchanges if each.command == "listEvents"]
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        replay.play(exchanges[:4])
        replay.play(exchanges[1:4])
        without, with_projects = lists[0], lists[1]
        expected = [
            (without, ["Started", "Completed"] * 2),
            (with_projects, ["Scheduled"] * 2 + ["Started", "Completed"] * 2),
        ]
        for recorded, states in expected:
            events = replay.ask(**replay.translate(recorded.request)).body["event"]
            assert [event["state"] for event in events] == states
            # Recorded in the same order, with pauses between.
            kinds = [event["state"] for event in recorded.body["event"] if event["type"] == "NETWORK.RESTART"]
            assert [state == "Scheduled" for state in kinds] == sorted((s == "Scheduled" for s in kinds), reverse=True)
            for event in events:
                like = [each for each in recorded.body["event"] if each["state"] == event["state"]]
                assert any(not differences(each, event, EVENT_FACTS) for each in like), event
        for recorded in lists[2:]:
            request = recorded.request | {"startdate": recorded.request["startdate"].replace("2026-11-24", TODAY)}
            assert replay.ask(**request | {"startdate": request["startdate"].replace("10:00", "00:00")}).body["count"]
        assert replay.problems == []


TODAY = time.strftime("%Y-%m-%d", time.gmtime())
TOMORROW = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
# The recorded moment, in all its forms, becomes the last second of this day: nothing happens after it.
LAST_SECOND = {
    "2026-11-24T14:34:50+0200": f"{TOMORROW}T01:59:59+0200",
    "2026-11-24": TODAY,
    "2026-11-25": TOMORROW,
    "12:34:50": "23:59:59",
    "12:34": "23:59",
}


def test_events_startdate() -> None:
    exchanges = [each for each in recording("events_startdate") if each.command == "listEvents"]
    of_whole_day = max(each.body.get("count", 0) for each in exchanges)
    with ClockedSimulator(cloud()) as simulator:
        replay = Replay(simulator)
        network = replay.find("network", "t-proj0")
        replay.job("restartNetwork", id=network)
        replay.job("restartNetwork", id=network)
        seen = 0
        for recorded in exchanges:
            if recorded.status != 200:
                replay.step(recorded)
            elif "startdate" in recorded.request and "resourceid" not in recorded.request:
                date = recorded.request["startdate"]
                # All at once: a day that was put in may be one that is to be replaced.
                date = re.sub("|".join(map(re.escape, LAST_SECOND)), lambda found: LAST_SECOND[found[0]], date)
                request = {key: value for key, value in recorded.request.items() if key != "enddate"}
                found = replay.ask(**request | {"startdate": date}).body.get("count", 0)
                # Cut to midnight, or honoured.
                assert (found > 0) == (recorded.body.get("count") == of_whole_day), date
                seen += 1
        assert seen > 10
        project = replay.everything("listNetworks", "network", keyword="t-proj0")[0]["projectid"]
        filters = {"command": "listEvents", "resourceid": network, "resourcetype": "Network"}
        of_the_project = replay.ask(**filters, listall="true", projectid=project).body["event"]
        assert [event["state"] for event in of_the_project] == ["Scheduled"] * 2
        of_the_caller = replay.ask(**filters).body["event"]
        assert [event["state"] for event in of_the_caller] == ["Started", "Completed"] * 2
        # Pages hold the newest events, the project's first.
        pages = [
            replay.ask(**filters, listall="true", projectid="-1", page=str(page), pagesize="3").body["event"]
            for page in (1, 2)
        ]
        assert [[event["state"] for event in page] for page in pages] == [["Scheduled", "Started", "Completed"]] * 2
        assert pages[0][0]["created"] >= pages[1][0]["created"]
        assert replay.ask(**filters | {"enddate": TODAY}).body["count"] == 4
        assert replay.problems == []


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
