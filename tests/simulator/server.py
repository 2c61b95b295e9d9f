# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side: signatures, dispatch, faults on the wire, and the control API."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

# Registers the commands.
from tests.simulator import (  # noqa: F401  # pylint: disable=unused-import
    actions,
    checks,
    lists,
    lists_health,
    lists_infrastructure,
    lists_networks,
    lists_roles,
    lists_rules,
    lists_storage,
    lists_vms,
    moves,
    owners,
    report,
    shared_files,
    systemvms,
)
from tests.simulator.commands import COMMANDS, Command, may_call
from tests.simulator.endpoints import Endpoints
from tests.simulator.entities import CPVM, SSVM, Entity
from tests.simulator.errors import ApiError
from tests.simulator.estate import build
from tests.simulator.faults import HTTP_KINDS, Fault
from tests.simulator.jobs import JobRunner, names_of
from tests.simulator.load import Statistics, Workers
from tests.simulator.upgrade import check_upgrade, upgrade
from tests.simulator.wire import Answer, as_xml, error_answer, public, verify
from tests.simulator.wire_faults import UNVERIFIED, faulty
from tests.simulator.world import World

UNAVAILABLE = "The API [%s] does not exist or is not available for the account for user id [%s]."
NO_FAULT = Fault("none")
PATCHED = "patched"
# Refused before the command is looked at.
UNNAMED = {432}
CHANGE_ANSWERS = {"http_status", "html", "truncated_json", "empty_body", "wrong_content_type", "drops_rows"}


def later_page(params: dict[str, str]) -> bool:
    return params.get("page", "").isdigit() and int(params["page"]) > 1


class Simulator:
    """One management server: its world, its jobs and its listener."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.jobs = JobRunner(world)
        self.journal: list[dict[str, Any]] = []
        self.statistics = Statistics()
        self.stopped = asyncio.Event()
        self.port = 0
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/client/api", self.handle)
        app.router.add_route("*", "/_simulator/{what}", self.control)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        self._site: web.TCPSite | None = None
        # Tasks that outlive a restart of the management server.
        self._own_tasks: set[asyncio.Task[None]] = set()
        self._restarting = False
        self._workers = Workers(world.server)
        self._endpoints: Endpoints | None = None
        world.die = self._die

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/client/api"

    # -- life

    async def start(self, port: int = 0) -> None:
        await self._runner.setup()
        self.port = port
        # Nobody who measures should wait for the JSON of thousands of objects.
        for entity in [*self.world.vms.values(), *self.world.networks, *self.world.vpcs]:
            with contextlib.suppress(ApiError):
                self.world.json(entity)
        if self.world.has_listeners:
            self._endpoints = Endpoints(self.world)
        await self._listen()
        self._start_loops()

    async def stop(self) -> None:
        self.jobs.interrupt(work_done=False)
        self.world.stop_spawned()
        for task in self._own_tasks:
            task.cancel()
        await self._runner.cleanup()
        self.close_endpoints()
        self.stopped.set()

    async def serve(self, listening: Callable[[], None], port: int = 0) -> None:
        """From start to stop; tells when it listens."""
        await self.start(port)
        listening()
        await self.stopped.wait()
        await self.stop()

    def stop_at_signals(self) -> None:
        """The signals that end a process, of this process."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stopped.set)

    def close_endpoints(self) -> None:
        if self._endpoints is not None:
            self._endpoints.stop()
            self._endpoints = None

    def _start_loops(self) -> None:
        self.world.spawn(systemvms.scan(self.world, SSVM))
        self.world.spawn(systemvms.scan(self.world, CPVM))
        self.world.spawn(checks.watch_redundant_states(self.world))
        self.world.spawn(checks.watch_health(self.world))

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, backlog=1024)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def _refuse_connections(self, seconds: float) -> None:
        await self._close()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _close(self) -> None:
        assert self._site is not None and self._runner.server is not None
        await self._site.stop()
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._own_tasks.add(task)
        task.add_done_callback(self._own_tasks.discard)

    async def _restart_later(
        self, down_seconds: float, lose_jobs: bool, work_done: bool | str, while_down: Callable[[], None] | None = None
    ) -> None:
        # Let the answer to the control call out first.
        await asyncio.sleep(0.05)
        await self._restart(down_seconds, lose_jobs, work_done, while_down)

    def _die(self, down_seconds: float) -> None:
        # Once, where two routers are patched at the same time.
        if not self._restarting:
            self._restarting = True
            self._later(self._restart(down_seconds, lose_jobs=True, work_done=False))

    async def _restart(
        self, down_seconds: float, lose_jobs: bool, work_done: bool | str, while_down: Callable[[], None] | None = None
    ) -> None:
        """The management server dies and comes back (reference 7)."""
        world = self.world
        self._restarting = True
        world.patches_finish = work_done == PATCHED
        lost = self.jobs.interrupt(work_done is True) if lose_jobs else []
        world.stop_spawned()
        died = world.now()
        await asyncio.gather(self._close(), self.jobs.settled(lost), asyncio.sleep(down_seconds))
        world.patches_finish = False
        self.jobs.lose(lost)
        if while_down is not None:
            while_down()
        world.active_server.stopped = died
        world.active_server.started = world.now()
        world.note_server_start()
        if lose_jobs:
            systemvms.lose_hosts(world, died)
        for vm in world.systemvms:
            if vm.agent is not None and vm.state == "Running":
                world.spawn(systemvms.reconnect_agent(world, "management server restart", vm))
        world.spawn(systemvms.reconnect_hosts(world))
        self._start_loops()
        # They begin before the first request.
        await asyncio.sleep(0)
        self._restarting = False
        await self._listen()

    # -- the API

    async def handle(self, request: web.Request) -> web.StreamResponse:
        # As it was sent: request.query has been quoted anew.
        pairs = parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True)
        if request.method == "POST":
            pairs += parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        # The signature covers the names as they were sent.
        sent = dict(pairs)
        params = {name.lower(): value for name, value in sent.items()}
        name = params.get("command", "")
        self.statistics.count(name, params)
        lie = 0
        fault = NO_FAULT
        if self.world.faults.faults:
            target = self._target(params)
            ids = {target.id} if target is not None else set()
            fault = self.world.faults.take(HTTP_KINDS, name, names_of(target), ids) or NO_FAULT
        options = fault.options
        if fault.kind == "drop_before":
            return self._drop(request)
        if fault.kind == "refuse":
            self._later(self._refuse_connections(options.get("seconds", 1.0)))
            return self._drop(request)
        if fault.kind == "slow":
            await asyncio.sleep(options.get("seconds", 1.0))
        elif fault.kind == "count_lies":
            lie = options.get("by", 1)
        elif fault.kind == "list_shrinks" and later_page(params):
            lie = -options.get("by", 1)
        elif fault.kind == "list_moves" and later_page(params):
            moves.replace_first(self.world, options.get("by", 1))
        elif fault.kind == "repeats_page" and later_page(params):
            params["page"] = str(int(params["page"]) - 1)
        elif fault.kind in ("http_status", "html") and options.get("phase", "before") == "before":
            return faulty(fault, name, None).response()
        answer = self.answer(request.method, sent, params, name, lie, shrinks=fault.kind == "list_shrinks")
        await self._workers.make(name, answer.items)
        if fault.kind == "drop_after":
            return self._drop(request)
        if fault.kind in CHANGE_ANSWERS:
            answer = faulty(fault, name, answer)
        return answer.response()

    def answer(
        self,
        method: str,
        sent: dict[str, str],
        params: dict[str, str],
        name: str,
        lie: int = 0,
        *,
        shrinks: bool = False,
    ) -> Answer:
        command = COMMANDS.get(name)
        if command is not None and not command.exists(self.world):
            command = None
        response_name = command.response if command is not None else "errorresponse"
        try:
            self._admit(method, sent, params, command)
            assert command is not None
            body, items = self._carry_out(command, params, lie, shrinks)
            answer = Answer(200, f'{{"{response_name}":{body}}}', items=items)
        except ApiError as error:
            answer = error_answer("errorresponse" if error.code in UNNAMED else response_name, error)
        if params.get("response") != "json":
            answer = as_xml(answer)
        return answer

    def _admit(self, method: str, sent: dict[str, str], params: dict[str, str], command: Command | None) -> None:
        world = self.world
        name = params.get("command", "")
        forbidden = not may_call(world, name)
        if not forbidden and command is None:
            # Answered like a wrong signature, which is not even looked at.
            raise ApiError(401, UNVERIFIED, None)
        if params.get("apikey") != world.server.key or not verify(sent, world.server.secret, world.now()):
            raise ApiError(401, UNVERIFIED, None)
        if forbidden:
            # The id is another one in every answer.
            raise ApiError(432, UNAVAILABLE % (name, uuid.uuid4()))
        assert command is not None
        reads = command.name.lower().startswith(("get", "list", "query", "find"))
        if method == "GET" and not reads and world.setting_is_true("enforce.post.requests.and.timestamps"):
            raise ApiError(400, f"State changing command {command.name} needs to be sent using POST request")

    def _carry_out(self, command: Command, params: dict[str, str], lie: int, shrinks: bool) -> tuple[str, int]:
        """The answer, and how many items it has where it is a list."""
        if not command.mutating:
            call = command.prepare(self.world, self.jobs, params)
            call.lie = lie
            call.lost = -lie if shrinks else 0
            call.at = self.world.faults.stale_since(command.name)
            return command.handler(call), call.items
        target = self._target(params)
        entry: dict[str, Any] = {
            "seq": len(self.journal) + 1,
            "at": time.time(),
            "command": command.name,
            "params": public(params),
            "target": target.name if target is not None else None,
            "job_id": None,
            "accepted": False,
        }
        self.journal.append(entry)
        try:
            body = command.handler(command.prepare(self.world, self.jobs, params))
        except ApiError as error:
            entry["error"] = error.text
            raise
        entry["accepted"] = True
        entry["job_id"] = json.loads(body).get("jobid")
        return body, 0

    def _target(self, params: dict[str, str]) -> Entity | None:
        """The object that a request is about."""
        for name in ("id", "networkid", "vpcid", "virtualmachineid", "routerid"):
            entity = self.world.by_id.get(params.get(name, ""))
            if entity is not None:
                return entity
        job = self.jobs.jobs.get(params.get("jobid", ""))
        return job.target if job is not None else None

    # -- faults on the wire

    @staticmethod
    def _drop(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    # -- control

    async def control(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        try:
            body = await request.json() if request.can_read_body else {}
            result = self._control(request.method, what, body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(result)

    def _control(self, method: str, what: str, body: Any) -> Any:
        if (method, what) == ("GET", "journal"):
            return self.journal
        if (method, what) == ("GET", "state"):
            return report.state(self.world, self.jobs)
        if (method, what) == ("GET", "requests"):
            return {**self.statistics.report(), "restarting": self._restarting}
        if (method, what) == ("POST", "faults"):
            if isinstance(body, list):
                self.world.faults.replace(body)
            else:
                self.world.faults.add(body["add"])
            return self.world.faults.describe()
        if (method, what) == ("GET", "faults"):
            return self.world.faults.describe()
        if (method, what) == ("POST", "restart"):
            jobs, work_done = body.get("jobs", "lost"), body.get("work_done", False)
            if jobs not in ("lost", "kept"):
                raise ValueError(f"jobs is lost or kept, not {jobs!r}")
            if work_done not in (True, False, PATCHED):
                raise ValueError(f"work_done is true, false or {PATCHED!r}, not {work_done!r}")
            self._restarting = True
            self._later(self._restart_later(float(body.get("down_seconds", 1)), jobs == "lost", work_done))
            return {}
        if (method, what) == ("POST", "upgrade"):
            check_upgrade(self.world, body)
            down_seconds = body.pop("down_seconds", None)
            work = functools.partial(upgrade, self.world, **body)
            if down_seconds is None:
                work()
            else:
                self._restarting = True
                self._later(self._restart_later(float(down_seconds), True, False, work))
            return {}
        if what == "listeners":
            if self._endpoints is None:
                raise ValueError("this estate has no listeners")
            if method == "POST":
                return self._endpoints.outage(body["name"], body["gap"])
            return self._endpoints.report()
        if (method, what) == ("POST", "update"):
            report.update(self.world, body)
            return {}
        if (method, what) == ("POST", "hurry"):
            self.world.timings.hurry()
            return {}
        if (method, what) == ("POST", "quit"):
            asyncio.get_running_loop().call_later(0.05, self.stopped.set)
            return {}
        raise ValueError(f"no {method} {what} here")


@contextlib.asynccontextmanager
async def simulate(spec: dict[str, Any]) -> AsyncIterator[Simulator]:
    """A simulator in this process and event loop: async with simulate({...}) as simulator."""
    simulator = Simulator(build(spec))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()
