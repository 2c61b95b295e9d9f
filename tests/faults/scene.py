# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run against a simulated cloud, over real HTTP, into which a fault strikes at a chosen moment."""

from __future__ import annotations

import contextlib
import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import requests

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import SysvmError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.orders import Request
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.upgrade import upgrade
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import (
    ROUTER_KINDS,
    Kind,
    Method,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Scope
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.targets import Targets
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from tests.faults.relay import Relay, make_certificate
from tests.simulator import server
from tests.simulator.process import SimulatorThread
from tests.simulator.wire import verify
from tests.support.virtual import VirtualSimulator

KEY, SECRET = "a-key-that-nobody-may-see", "a-secret-that-nobody-may-see"


@dataclass(frozen=True)
class Versions:
    """What is upgraded to what.

    :ivar template: of all VMs; of one live patch is enough for it on hosts that do what real ones do.
    :ivar told: what a router from it is said to report.
    :ivar earlier: of a management server that was forgotten.
    """

    target: str
    template: str
    told: str
    earlier: str

    def put_into(self, pattern: str) -> str:
        """The versions in place of their names in braces."""
        for name, version in asdict(self).items():
            pattern = pattern.replace(f"{{{name}}}", re.escape(version))
        return pattern


NEWEST = Versions("4.22.0.0", "4.20.2", "4.20.2.0", "4.21.0.0")
OLDEST = Versions("4.17.2.0", "4.16.1", "no version", "4.17.1.0")


def estate(versions: Versions = NEWEST) -> dict[str, Any]:
    """What the simulator imagines."""
    target = versions.target
    return {
        "server": {
            "version": target,
            "key": KEY,
            "secret": SECRET,
            "management_servers": [{"name": "mgmt-1", "version": target}, {"name": "mgmt-2", "version": target}],
        },
        "timings": dict(TIMINGS),
        "defaults": {"version": versions.template},
        "zones": [{"name": "zone1", "hosts": 2, "cpvm": 0}],
        "networks": [{"name": "web"}, {"name": "db"}, {"name": "pair", "redundant": True}],
        "vpcs": [{"name": "shop", "tiers": 3}],
    }


TIMINGS = {
    "patch": 0.06,
    "restart": 0.02,
    "start": 0.06,
    "stop": 0.02,
    "job_overhead": 0.01,
    "agent_reconnect": 0.05,
    "router_check_interval": 0.05,
    "rvr_handover": 0.02,
}
UNITS = ("s-1-VM", "web", "db", "pair", "shop")
TARGETS = Targets(system_vms=["s-1-VM"], networks=["web", "db", "pair"], vpcs=["shop"])
POLICY = Policy(Scope(kinds=frozenset({Kind.SSVM}) | ROUTER_KINDS))
# Two at a time, so that the fault finds units at work, done and waiting.
LIMITS = Limits(parallel=2, per_host=0, job_timeout=3.0, verify_timeout=1.0, poll_interval=0.1)
SUBMITS = frozenset({"restartNetwork", "patchSystemVm"})


class Phase(enum.Enum):
    """When a fault strikes: right before the first request of its phase."""

    PLAN = "plan"
    SUBMIT = "submit"
    POLL = "poll"
    VERIFY = "verify"
    REPORT = "report"


MOMENTS: dict[Phase, Callable[[str, bool], bool]] = {
    # (command, whether something was submitted before)
    Phase.PLAN: lambda command, submitted: command == "listRouters",
    Phase.SUBMIT: lambda command, submitted: command in SUBMITS,
    Phase.POLL: lambda command, submitted: submitted and command == "listAsyncJobs",
    Phase.VERIFY: lambda command, submitted: submitted and command in ("listRouters", "listSystemVms"),
    # What is reported on is a run that met the fault while it polled.
    Phase.REPORT: lambda command, submitted: submitted and command == "listAsyncJobs",
}


class Way(enum.Enum):
    """How the client reaches the server."""

    DIRECT = "direct"
    BALANCER = "through a load balancer"
    TLS = "through a load balancer with TLS"
    PROXY = "through a proxy"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """In which a run meets a fault.

    :ivar patience: for how many seconds reads are repeated.
    :ivar timeout: of a request, in seconds of this machine: long enough for one that pauses, where none shall time out.
    :ivar timings: of the cloud, where the usual ones are too short.
    :ivar cloud: a simulator on its own clock, or on this machine's.
    """

    way: Way = Way.DIRECT
    patience: float = 5.0
    timeout: float = 60.0
    timings: Mapping[str, float] = field(default_factory=dict)
    cloud: type[VirtualSimulator] | type[SimulatorThread] = VirtualSimulator


class Killed(BaseException):
    """The process died: nothing after it was executed."""


class Watched(requests.Session):
    """Sends for real, and calls I(strike) before the requests of a moment until it says that it has struck."""

    def __init__(self, scene: Scene, moment: Callable[[str, bool], bool], strike: Callable[[str], bool]) -> None:
        super().__init__()
        self._scene = scene
        self._moment = moment
        self._strike = strike
        self._submitted = False
        self.struck = False

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        [command] = parse_qs(body)["command"]
        if not self.struck and self._moment(command, self._submitted):
            self.struck = self._strike(command)
        self._submitted |= command in SUBMITS
        if seconds := self._scene.late.get(command):
            self._scene.simulator.sleep(seconds.pop())
        try:
            return super().send(request, **options)
        except requests.Timeout:
            self._scene.simulator.sleep(self._scene.timeout)  # which have passed in the cloud as well
            raise


@dataclass
class Ended:
    """How a run ended."""

    values: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None
    error: SysvmError | None = None
    killed: bool = False
    log: str = ""

    @property
    def results(self) -> list[dict[str, Any]]:
        return list(self.values.get("results", ()))

    @property
    def message(self) -> str:
        """What the module fails with."""
        return str(self.error or self.failure or "")

    @property
    def said(self) -> str:
        """All words that a person may get to see."""
        reasons = [result["reason"] for result in self.results]
        details = [str(self.error.details())] if self.error else []
        return "\n".join([self.message, *details, *reasons, *self.values.get("warnings", ()), self.log])


class Scene:
    """The cloud, the way to it, and the run: all on one clock, which moves only when the run waits.

    :ivar command: of the request that the fault strikes.
    :ivar late: how long the next requests with a command take, by command.
    :ivar theirs: the jobs of owners and administrators.
    :ivar versions: of the cloud.
    """

    def __init__(self, folder: Path, circumstances: Circumstances, versions: Versions = NEWEST) -> None:
        self.folder = folder
        self.log = folder / "rollout.log"
        self.report_dir = folder / "report"
        self.command = "*"
        self.theirs: list[str] = []
        self.late: dict[str, list[float]] = {}
        self.timeout = circumstances.timeout
        self.versions = versions
        self.simulator = circumstances.cloud(estate(versions) | {"timings": TIMINGS | dict(circumstances.timings)})
        self._way = circumstances.way
        self._patience = circumstances.patience
        self._relay: Relay | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Scene:
        self._stack.enter_context(self.simulator)
        if isinstance(self.simulator, VirtualSimulator):
            self.simulator.patch.setattr(server, "verify", verify)  # no days pass here: signatures expire as they do
        if self._way is not Way.DIRECT:
            certificate = make_certificate(self.folder / "good.pem") if self._way is Way.TLS else None
            self._relay = self._stack.enter_context(Relay(self.simulator.url, certificate))
        return self

    def __exit__(self, *dummy: object) -> None:
        self._stack.close()

    @property
    def relay(self) -> Relay:
        assert self._relay is not None, "the kind of fault needs a way with a relay"
        return self._relay

    @property
    def trusted(self) -> Path:
        """The file of certificates that the client trusts."""
        return self.folder / "good.pem"

    def client(self, session: requests.Session | None = None, **connection: Any) -> Client:
        """Straight to the server, with what are the right credentials now."""
        cloud = self.simulator
        facts = {"url": cloud.url, "key": KEY, "secret": SECRET, "retry_limit": 5.0, **connection}
        clocks: dict[str, Any] = {"sleep": cloud.sleep, "clock": cloud.monotonic}
        return Client(Connection(timeout=self.timeout, **facts), session=session, rng=lambda: 0.0, **clocks)

    def _faulty_client(self, session: requests.Session) -> Client:
        facts: dict[str, Any] = {"retry_limit": self._patience}
        environment = {"no_proxy": "*"}
        if self._way is Way.PROXY:
            environment = {"http_proxy": f"http://{self.relay.address}", "no_proxy": ""}
        elif self._relay is not None:
            facts["url"] = self.relay.url
        if self._way is Way.TLS:
            facts["ca_file"] = str(self.trusted)
        with mock.patch.dict("os.environ", environment):  # read when the client is made, and not by the simulator's
            return self.client(session, **facts)

    def act(self, phase: Phase, strike: Callable[[Scene], bool | None], *, first: bool = False) -> Ended:
        """Plan or upgrade, and let the fault strike.

        :param strike: returns False where it waits for a later request of the phase.
        :param first: it strikes before the run sends anything.
        """

        def strike_at(command: str) -> bool:
            self.command = command
            return strike(self) is not False

        session = Watched(self, (lambda command, submitted: False) if first else MOMENTS[phase], strike_at)
        ended = Ended()
        with self._faulty_client(session) as client:
            if first:
                strike_at("*")
            try:
                if phase is Phase.PLAN:
                    outcome = check_versions(client, CheckRequest(POLICY, True))
                else:
                    request = Request(TARGETS, Want(), LIMITS, log=str(self.log))
                    outcome = upgrade(client, request)
            except SysvmError as error:
                ended.error = error
            except Killed:
                ended.killed = True
            else:
                ended.values, ended.failure = dict(outcome.values), outcome.failure
        assert first or session.struck or ended.killed, "the moment for the fault did not come"
        if self.log.is_file() and not self.log.is_symlink():
            ended.log = self.log.read_text(encoding="utf-8")
        return ended

    def settle(self) -> None:
        """Until the server answers and the agents are back; what jobs still run is left to the next run."""
        self.simulator.wait_until_up()
        self.simulator.wait_for(
            lambda: all(vm.get("agent", {}).get("state", "Up") == "Up" for vm in self.simulator.state()["vms"].values())
        )

    def roll_out(self, *, idle: bool = False) -> list[dict[str, Any]]:
        """As the playbook does: plan, then one call per step. The results of all units of the plan.

        :param idle: the first step begins when no job runs any more.
        """
        with self.client() as client:
            outcome = check_versions(client, CheckRequest(POLICY, True))
            assert outcome.failure is None, outcome.failure
            plan = outcome.values["plan"]
            units = {unit["id"]: unit for unit in plan["units"]}
            results = [unit | {"status": "current"} for unit in plan["units"] if unit["method"] == "none"]
            results += [unit | {"status": "skipped"} for unit in plan["units"] if unit["method"] == "skip"]
            if idle:
                self.simulator.wait_for(lambda: not client.list("listAsyncJobs", "asyncjobs", listall=True))
            for step in plan["steps"]:
                if step["group"] == "router":
                    targets = Targets(routers=[units[name]["vms"][0]["id"] for name in step["units"]])
                else:
                    targets = Targets(system_vms=step["units"])
                limits = Limits(per_host=0, job_timeout=60.0, verify_timeout=60.0, poll_interval=0.1)
                request = Request(targets, Want.by(Method(step["method"])), limits)
                results += upgrade(client, request).values["results"]
        return results


def unit_vms(state: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The VMs there are, by the name of their unit."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in UNITS}
    for name, vm in state["vms"].items():
        if vm["removed"] is None:
            found[name if "agent" in vm else vm["vpc"] or vm["network"]].append(vm)
    return found
