# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as real servers of older releases did: one folder of recordings each."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.cloud import OLDER, Release, as_found, cloud
from tests.contract.replay import RECORDINGS, Client, Exchange, Replay, recording
from tests.contract.shapes import FACTS
from tests.support.clock import ClockedSimulator

Faults = list[dict[str, Any]]
SLOW = {"timings": {"start": 0.6, "stop": 0.3}}
SILENT = {"kind": "silent_patch_failure", "times": "always"}
# Sections of the estate, and the faults from a certain job on. The rest is as the recording finds it.
PLAYED: dict[str, tuple[dict[str, Any], dict[int, Faults]]] = {
    "customjobid": ({"timings": {"patch": 0.6, "scan_interval": 60}}, {}),
    "defect_10962": ({"server": {"hosts": "real"}}, {}),
    "destroy_systemvm": ({}, {1: [{"kind": "agent_never_up", "times": "always"}]}),
    "errors": ({}, {}),
    "livepatch_network": ({}, {}),
    "livepatch_silent_failure": ({}, {1: [SILENT]}),
    "livepatch_version_check": ({"server": {"hosts": "checked"}}, {1: [SILENT], 4: []}),
    "livepatch_vpc": ({}, {}),
    "patch_systemvm": ({}, {}),
    "recreate_network": (SLOW, {}),
    "recreate_vpc": (SLOW, {}),
    "rules_fail": ({}, {1: [{"kind": "rules_fail"}]}),
}
# Simulated hosts elect nobody: who is PRIMARY follows from the order in which they were started.
ELECTIONS = {"recreate_network", "recreate_vpc"}
# Of the errors, those by a wrong signature.
WRONG_CREDENTIALS = 1


def files(*without: str) -> list[Any]:
    return [
        pytest.param(release, path.stem, id=f"{release}-{path.stem}")
        for release in OLDER
        for path in sorted((RECORDINGS / release.folder).glob("*.jsonl"))
        if path.stem not in without
    ]


def replay(simulator: ClockedSimulator, release: Release, facts: frozenset[str] = FACTS) -> Replay:
    return Replay(simulator, facts, events_newest_first=release.events_newest_first)


@pytest.mark.parametrize(("release", "name"), files("discovery", "networks_projects"))
def test_same_answers(release: Release, name: str) -> None:
    exchanges = recording(name, release.folder)
    sections, faults = PLAYED[name]
    with ClockedSimulator(cloud(as_found(exchanges), release, **sections)) as simulator:
        player = replay(simulator, release, FACTS - {"redundantstate"} if name in ELECTIONS else FACTS)
        jobs = 0
        for exchange in exchanges[WRONG_CREDENTIALS if name == "errors" else 0 :]:
            if exchange.status == 200 and exchange.body.keys() == {"jobid"}:
                jobs += 1
                if jobs in faults:
                    simulator.set_faults(faults[jobs])
                if name == "patch_systemvm":
                    simulator.set_faults(patch_failure(exchanges, exchange.body["jobid"]))
            player.step(exchange)
        assert player.problems == []
        assert simulator.state()["bugs"] == []


def patch_failure(exchanges: list[Exchange], job: str) -> Faults:
    """What the host was told to say to this job."""
    results = [each.body.get("jobresult", {}) for each in exchanges if each.request.get("jobid") == job]
    reasons = [re.match(r"Failed to patch systemVM \S+ due to (.*)", result.get("errortext", "")) for result in results]
    return [{"kind": "patch_failure", "text": reason[1]} for reason in reasons if reason is not None]


# -- lists

# How settings are grouped, and what of them takes a restart of the server.
SHAPES_ONLY = FACTS - {"softwareversion", "requiresupgrade", "category", "isdynamic"}
# The default roles.
NOT_SIMULATED = {"listRoles"}
# The offering for elastic load balancers is made when the server first needs it.
ELASTIC = {"listServiceOfferings": {"systemvmtype"}}
COUNTED = {"listNetworks", "listRouters", "listVPCs", "listVolumes", "listSystemVms", "listPublicIpAddresses"}


@pytest.mark.parametrize("name", ["discovery", "networks_projects"])
@pytest.mark.parametrize("release", OLDER, ids=str)
def test_same_lists(release: Release, name: str) -> None:
    if not (RECORDINGS / release.folder / f"{name}.jsonl").exists():
        assert (release.folder, name) in {("4.20.2.0", "networks_projects"), ("4.21.0.0", "networks_projects")}
        return
    exchanges = recording(name, release.folder)
    with ClockedSimulator(cloud(as_found(exchanges), release)) as simulator:
        for exchange in exchanges:
            if exchange.command in NOT_SIMULATED or (exchange.command == "listEvents" and name == "networks_projects"):
                # There are no events of how the cloud was made.
                continue
            player = replay(simulator, release, SHAPES_ONLY - ELASTIC.get(exchange.command, set()))
            answer = player.step(exchange)
            assert player.problems == []
            if exchange.command in COUNTED and exchange.status == 200:
                assert answer.body.get("count") == exchange.body.get("count"), exchange.request


# -- what listApis tells

NOT_MADE = {
    "createNetwork",
    "deleteNetwork",
    "updateNetwork",
    "listPods",
    "prepareForMaintenance",
    "prepareForShutdown",
}
# Filters that would be ignored here without a word.
NO_FILTERS = {
    "listPods": {"showcapacities", "storageaccessgroup"},
    "listCapacity": {"tag"},
    "listClusters": {"arch", "showcapacities", "storageaccessgroup"},
    "listLoadBalancerRules": {"tags", "virtualmachineid"},
    "listPortForwardingRules": {"tags"},
    "listPublicIpAddresses": {
        *("fordisplay", "forprovider", "forsystemvms", "networkid", "physicalnetworkid", "tags", "vlanid"),
        "retrieveonlyresourcecount",
    },
    "listRoles": {"state"},
    "listServiceOfferings": {
        *("cpunumber", "cpuspeed", "encryptroot", "gpuenabled", "memory", "state", "storagetype", "templateid"),
        *("vgpuprofileid", "virtualmachineid", "zoneid"),
    },
    "listSharedFileSystems": {"retrieveonlyresourcecount", "tags"},
    "listStoragePools": {"hostid", "storageaccessgroup", "storagecustomstats"},
    "updateNetwork": {
        *("changecidr", "customid", "displaynetwork", "dns1", "dns2", "guestvmcidr", "hideipaddressusage", "ip6dns1"),
        *("ip6dns2", "networkdomain", "privatemtu", "publicmtu", "sourcenatipaddress", "updateinsequence"),
    },
}


def apis(release: Release) -> dict[str, dict[str, Any]]:
    return json.loads((RECORDINGS / release.folder / "apis.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("release", OLDER, ids=str)
def test_same_commands_and_parameters(release: Release) -> None:
    with ClockedSimulator(cloud(release=release)) as simulator:
        known = {api["name"]: api for api in Client(simulator).ask(command="listApis").body["api"]}
    recorded = apis(release)
    assert recorded.keys() - known.keys() <= NOT_MADE
    # What another release has and this one was asked for in vain.
    assert not {name for other in OLDER for name in apis(other)} & known.keys() - recorded.keys()
    for name in recorded.keys() & known.keys():
        taken = {parameter["name"] for parameter in known[name]["params"]}
        assert taken <= set(recorded[name]["params"]), name
        assert set(recorded[name]["params"]) - taken <= NO_FILTERS.get(name, set()), name
        assert known[name]["isasync"] is recorded[name]["isasync"]


LISTS = {
    "listAlerts": "alert",
    "listCapacity": "capacity",
    "listClusters": "cluster",
    "listConfigurations": "configuration",
    "listHosts": "host",
    "listImageStores": "imagestore",
    "listInternalLoadBalancerVMs": "internalloadbalancervm",
    "listManagementServers": "managementserver",
    "listNetworks": "network",
    "listPublicIpAddresses": "publicipaddress",
    "listRouters": "router",
    "listServiceOfferings": "serviceoffering",
    "listSharedFileSystems": "sharedfs",
    "listStoragePools": "storagepool",
    "listSystemVms": "systemvm",
    "listTemplates": "template",
    "listVPCs": "vpc",
    "listVolumes": "volume",
    "listZones": "zone",
}
ASKED = {
    "listServiceOfferings": {"issystem": "true"},
    "listTemplates": {"templatefilter": "all"},
    "listVolumes": {"listsystemvms": "true"},
}


@pytest.mark.parametrize("release", OLDER, ids=str)
def test_no_field_that_the_release_does_not_have(release: Release) -> None:
    vpcs = [{"name": "vpc", "internal_lb": True}]
    files = [{"name": "files"}]
    with ClockedSimulator(cloud(release=release, vpcs=vpcs, shared_file_systems=files)) as simulator:
        client = Client(simulator)
        for command, key in LISTS.items():
            if command not in apis(release):
                continue
            rows = client.everything(command, key, **ASKED.get(command, {}))
            assert rows or (command, release.folder) == ("listVolumes", "4.17.2.0")
            assert set().union(*rows) <= set(apis(release)[command]["response"]), command


def test_every_recording_is_used() -> None:
    assert {values[1] for values in (each.values for each in files())} == set(PLAYED) | {
        "discovery",
        "networks_projects",
    }
    folders = {path.name for path in RECORDINGS.iterdir() if path.is_dir()}
    assert folders == {release.folder for release in OLDER}
