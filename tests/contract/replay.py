# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play a recording against the simulator: the same requests, in the same order, about the same things."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.contract.shapes import FACTS, differences
from tests.simulator.process import RunningSimulator
from tests.support.clock import ClockedSimulator

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
RUNNING = 0
# What the recording's author did to set the scene; here the estate does.
SCENERY = {"listFirewallRules", "createFirewallRule", "createEgressFirewallRule", "listVPCOfferings", "createVPC"}
SCENERY |= {"listDomains", "createNetwork", "deleteNetwork", "deleteVPC"}
EVENT_FACTS = {"type", "state", "level", "username", "account", "project", "resourcetype", "resourcename"}
EVENT_FACTS |= {"description"}
# Events of things that the simulator does not have, or of steps within a job.
NO_EVENTS = ("FIREWALL.", "ROUTER.STOP")
# Lists of what changes by itself, and how often they are asked again.
CHANGING = {"listRouters", "listSystemVms"}
SETTLES = 100
# What is found anew by its network or type.
REPLACED = {"router", "systemvm", "internal lb"}
# The recorded hosts could not run health checks.
SHAPE_ONLY = {"getRouterHealthCheckResults"}


@dataclass
class Exchange:
    request: dict[str, str]
    status: int
    content_type: str
    response: Any

    @property
    def command(self) -> str:
        return self.request["command"]

    @property
    def body(self) -> Any:
        return next(iter(self.response.values()))


def recording(name: str, folder: str = "") -> list[Exchange]:
    exchanges = []
    for line in (RECORDINGS / folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        exchanges.append(Exchange(entry["request"], entry["status"], entry["content_type"], entry["response"]))
    return exchanges


def ask(url: str, key: str, secret: str, request: dict[str, str], method: str = "POST") -> Exchange:
    """Send one signed request. Not the collection's client: that is what others test with the simulator."""
    params = {**request, "apiKey": key, "response": "json"}
    # As java.net.URLEncoder quotes, which quotes a tilde, too.
    quoted = {name: urllib.parse.quote(value, safe="*").replace("~", "%7E") for name, value in params.items()}
    text = "&".join(f"{name}={quoted[name]}" for name in sorted(params))
    digest = hmac.new(secret.encode(), text.lower().encode(), hashlib.sha1).digest()
    query = urllib.parse.urlencode({**params, "signature": base64.b64encode(digest).decode()})
    get = urllib.request.Request(f"{url}?{query}")
    call = urllib.request.Request(url, query.encode()) if method == "POST" else get
    try:
        with urllib.request.urlopen(call, timeout=20) as answer:
            return Exchange(request, answer.status, answer.headers["Content-Type"], json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            return Exchange(request, error.code, error.headers["Content-Type"], json.load(error))


def event_differences(recorded: dict[str, Any], simulated: dict[str, Any], newest_first: bool) -> list[str]:
    """The simulated events are the newest of the recorded page: before the recording others happened."""
    old = [event for event in recorded.get("event", []) if not event["type"].startswith(NO_EVENTS)]
    new = simulated.get("event", [])
    if not old or not new:
        return [f"{len(old)} events were recorded, here are {len(new)}"] if bool(old) != bool(new) else []
    if len(new) > len(old):
        return [f"{len(old)} events were recorded, here are {len(new)}"]
    if not newest_first:
        old.sort(key=lambda event: event["created"])
        return differences(old[-len(new) :], new, EVENT_FACTS)
    for events in (old, new):
        times = [event["created"] for event in events]
        if times != sorted(times, reverse=True):
            return [f"not newest first: {times}"]
    return differences(old[: len(new)], new, EVENT_FACTS)


@cache
def recorded_things() -> dict[str, tuple[str, str]]:
    """What each id in the recordings stands for: its kind, and the name by which to find it here."""
    things: dict[str, tuple[str, str]] = {}

    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
            for item in value.values():
                yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)

    for path in RECORDINGS.rglob("*.jsonl"):
        for exchange in recording(path.stem, str(path.parent)):
            for thing in walk(exchange.response):
                if "projectid" in thing and "project" in thing:
                    things[thing["projectid"]] = ("project", thing["project"])
                if thing.get("role") == "INTERNAL_LB_VM":
                    things[thing["id"]] = ("internal lb", "")
                    things[thing["guestnetworkid"]] = ("network", thing["guestnetworkname"])
                elif "role" in thing and ("vpcname" in thing or "guestnetworkname" in thing):
                    name = thing.get("vpcname") or thing["guestnetworkname"]
                    things.setdefault(thing["id"], ("router", name))
                    if "guestnetworkid" in thing:
                        things[thing["guestnetworkid"]] = ("network", thing["guestnetworkname"])
                    if "vpcid" in thing:
                        things[thing["vpcid"]] = ("vpc", thing["vpcname"])
                elif "systemvmtype" in thing and "created" in thing and "state" in thing and "zoneid" in thing:
                    things[thing["id"]] = ("systemvm", thing["systemvmtype"])
                elif "vpcofferingid" in thing:
                    things[thing["id"]] = ("vpc", thing["name"])
                elif "networkofferingid" in thing and "traffictype" in thing:
                    things[thing["id"]] = ("network", thing["name"])
                elif thing.get("providername") == "NFS":
                    things[thing["id"]] = ("image store", thing["name"])
                elif "ispublic" in thing and thing.get("state") == "enabled":
                    things[thing["id"]] = ("role", thing["name"])
                elif "zonetoken" in thing:
                    things[thing["id"]] = ("zone", thing["name"])
    return things


@cache
def watched_jobs() -> set[str]:
    """The jobs that a recording asks for; others have ended before the next exchange."""
    requests = (each.request for path in RECORDINGS.rglob("*.jsonl") for each in recording(path.stem, str(path.parent)))
    return {request["jobid"] for request in requests if "jobid" in request}


class Client:
    """Speaks to one simulator."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.simulator = simulator

    def ask(self, method: str = "POST", **request: str) -> Exchange:
        return ask(self.simulator.url, self.simulator.key, self.simulator.secret, request, method)

    def everything(self, command: str, key: str, /, **more: str) -> list[dict[str, Any]]:
        """Of networks, servers before 4.22 tell those of accounts and those of projects by two questions."""
        request = {"command": command, "listall": "true", "page": "1", "pagesize": "500", **more}
        rows = self.ask(**request, projectid="-1").body.get(key, [])
        if command == "listNetworks":
            known = {row["id"] for row in rows}
            rows += [row for row in self.ask(**request).body.get(key, []) if row["id"] not in known]
        return rows

    def job(self, command: str, **request: str) -> dict[str, Any]:
        """Submit, wait, and return how the job ended."""
        submitted = self.ask(command=command, **request)
        assert submitted.status == 200, submitted.response
        return self.poll({"command": "queryAsyncJobResult", "jobid": submitted.body["jobid"]}, until_done=True).body

    def poll(self, request: dict[str, str], until_done: bool) -> Exchange:
        for _each in range(1000):
            answer = self.ask(**request)
            if not until_done or answer.status != 200 or answer.body["jobstatus"] != RUNNING:
                return answer
            self.sleep(0.01)
        raise TimeoutError(f"the job of {request} does not end")

    def sleep(self, seconds: float) -> None:
        """On the simulator's clock, where it has its own."""
        if isinstance(self.simulator, ClockedSimulator):
            self.simulator.sleep(seconds)
        else:
            time.sleep(seconds)


class Replay(Client):
    """One recording, played against one simulator."""

    def __init__(
        self, simulator: RunningSimulator, facts: frozenset[str] = FACTS, events_newest_first: bool = False
    ) -> None:
        super().__init__(simulator)
        self.facts = facts
        self.events_newest_first = events_newest_first
        self.gap = 0.0
        """How long it takes from a submission to the next request."""
        self.jobs: dict[str, str] = {}
        self.known: dict[str, str] = {}
        """The id here of what has an id there."""
        self.scenery_commands = SCENERY
        self.scenery: set[str] = set()
        """Jobs of the commands that only set the scene."""
        self.problems: list[str] = []

    def find(self, kind: str, name: str) -> str:
        """The id in the simulator of what has this name in the recording."""
        if kind == "systemvm":
            found = self.everything("listSystemVms", "systemvm", systemvmtype=name)
        elif kind == "internal lb":
            found = self.everything("listInternalLoadBalancerVMs", "internalloadbalancervm")
        elif kind == "router":
            routers = self.everything("listRouters", "router")
            found = [r for r in routers if name in (r.get("vpcname"), r.get("guestnetworkname"))]
        else:
            command, key = {
                "network": ("listNetworks", "network"),
                "vpc": ("listVPCs", "vpc"),
                "project": ("listProjects", "project"),
                "image store": ("listImageStores", "imagestore"),
                "role": ("listRoles", "role"),
            }.get(kind, ("listZones", "zone"))
            found = [thing for thing in self.everything(command, key) if thing["name"] == name]
        return found[0]["id"]

    def translate(self, request: dict[str, str]) -> dict[str, str]:
        translated = {}
        for key, value in request.items():
            thing = None if value in self.known else recorded_things().get(value)
            if thing is None:
                translated[key] = self.known.get(value, self.jobs.get(value, value))
                continue
            translated[key] = self.find(*thing)
            if thing[0] not in REPLACED:
                self.known[value] = translated[key]
        return translated

    def step(self, recorded: Exchange) -> Exchange:
        if recorded.command in self.scenery_commands or recorded.request.get("jobid") in self.scenery:
            if isinstance(recorded.body, dict) and "jobid" in recorded.body:
                self.scenery.add(recorded.body["jobid"])
            return recorded
        request = self.translate(recorded.request)
        if recorded.command == "queryAsyncJobResult" and recorded.status == 200:
            answer = self.poll(request, until_done=recorded.body["jobstatus"] != RUNNING)
            if recorded.body["jobstatus"] == RUNNING and answer.body["jobstatus"] != RUNNING:
                # Things go faster here.
                return answer
        else:
            answer = self.ask(**request)
        if recorded.command in CHANGING:
            answer = self.until_alike(recorded, request, answer)
        self.compare(recorded, answer)
        self.learn(recorded, answer)
        if isinstance(recorded.body, dict) and "jobid" in recorded.body and "jobid" in answer.body:
            self.jobs[recorded.body["jobid"]] = answer.body["jobid"]
            if recorded.body["jobid"] not in watched_jobs():
                self.poll({"command": "queryAsyncJobResult", "jobid": answer.body["jobid"]}, until_done=True)
            self.sleep(self.gap)
        return answer

    def until_alike(self, recorded: Exchange, request: dict[str, str], answer: Exchange) -> Exchange:
        """Ask again for what was recorded while something happened: here it happens at another moment."""
        for _each in range(SETTLES):
            if not differences(recorded.response, answer.response, self.facts):
                break
            self.sleep(0.01)
            answer = self.ask(**request)
        return answer

    def learn(self, recorded: Exchange, answer: Exchange) -> None:
        """Which router is which."""
        if recorded.command == "listRouters" and recorded.status == answer.status == 200:
            left, right = recorded.body.get("router", []), answer.body.get("router", [])
            if len(left) == len(right):
                self.known |= {old["id"]: new["id"] for old, new in zip(left, right, strict=True)}

    def compare(self, recorded: Exchange, answer: Exchange) -> None:
        where = f"{recorded.request}: "
        if (recorded.status, recorded.content_type) != (answer.status, answer.content_type):
            self.problems.append(
                f"{where}{recorded.status} {recorded.content_type} was recorded, this is "
                f"{answer.status} {answer.content_type}: {str(answer.response)[:300]}"
            )
            return
        if recorded.command == "listEvents" and recorded.status == 200:
            self.problems += [
                where + text for text in event_differences(recorded.body, answer.body, self.events_newest_first)
            ]
            return
        facts = set() if recorded.command in SHAPE_ONLY else self.facts
        self.problems += [where + text for text in differences(recorded.response, answer.response, facts)]

    def play(self, exchanges: list[Exchange]) -> None:
        for exchange in exchanges:
            self.step(exchange)
