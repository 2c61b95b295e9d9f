# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asynchronous jobs: how they start, run and end."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulator import versions
from tests.simulator.entities import Entity, ManagementServer, Owner, Router, Vm
from tests.simulator.errors import INTERNAL, ApiError, ReturnedFalse, existing_entity, invalid
from tests.simulator.events import Event
from tests.simulator.faults import JOB_KINDS, Fault
from tests.simulator.world import PREPARING, World

RUNNING, SUCCEEDED, FAILED = 0, 1, 2

JobResult = dict[str, Any]

UNAVAILABLE = 503
SHUTDOWN_530 = "A shutdown has been triggered. Can not accept new jobs"
SHUTDOWN_503 = "Maintenance or Shutdown has been initiated on this management server. Can not accept new jobs"

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(eq=False)
class Job:
    command: str
    java_class: str
    created: float
    server: ManagementServer
    target: Entity | None
    instance_type: str | None = None
    instance_id: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: int = RUNNING
    code: int = 0
    result: JobResult | None = None
    completed: float | None = None
    on_server: bool = True
    """Whether the job's row still names the management server it runs on."""
    abandoned: bool = False
    """Its work goes on, but how that ends is no longer noted."""
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class EventPlan:
    """Which events a job leaves: a Scheduled one, and others only where the server writes them."""

    type: str
    scheduled: str
    owner: Owner
    resource: tuple[str, str, str] | None = None
    started: str | None = None
    completed: str | None = None
    failed: str | None = None


Work = Callable[[Job], Awaitable[JobResult]]


class JobRunner:
    def __init__(self, world: World) -> None:
        self.world = world
        self.jobs: dict[str, Job] = {}

    @property
    def running(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.status == RUNNING]

    def known(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that the node which answers knows, and as it knows them: another one's database may be older."""
        jobs = [job for job in jobs if not self._forgotten(job)]
        lag = self.world.faults.job_lag()
        if not lag:
            return jobs
        moment = self.world.now() - lag
        return [
            replace(job, status=RUNNING, code=0, result=None, completed=None, on_server=True)
            if job.completed is not None and job.completed > moment
            else job
            for job in jobs
            if job.created <= moment
        ]

    def _forgotten(self, job: Job) -> bool:
        """Jobs are purged by their age, also those that still run (AsyncJobManagerImpl)."""
        return self.world.now() - job.created > 60 * float(self.world.setting("job.expire.minutes"))

    def submit(
        self,
        command: str,
        java_class: str,
        work: Work,
        *,
        target: Entity | None,
        plan: EventPlan,
        instance_type: str | None = None,
        show_instance: bool = False,
        instance_id: str | None = None,
        custom_id: str | None = None,
    ) -> Job:
        world = self.world
        refused = world.active_server.state in PREPARING
        if refused and world.does(versions.SHUTDOWN_503):
            raise ApiError(UNAVAILABLE, SHUTDOWN_503)
        job = Job(command, java_class, world.now(), world.active_server, target, instance_type)
        job.instance_id = target.id if show_instance and target is not None else instance_id
        # Written before the id is looked at: a refused one leaves an event that no Started follows.
        scheduled = world.events.add(
            plan.type, "Scheduled", plan.scheduled, plan.owner, job.created, resource=plan.resource
        )
        if refused and world.does(versions.SHUTDOWN_530):
            raise ApiError(INTERNAL, SHUTDOWN_530)
        if custom_id is not None:
            self._check_custom_id(custom_id, command, target)
            job.id = custom_id
        self.jobs[job.id] = job
        if plan.started is not None:
            self._event(plan, "Started", plan.started, scheduled, job.created)
        names = names_of(target)
        fault = world.faults.take(JOB_KINDS, command, names, {target.id} if target is not None else set())
        if show_instance and isinstance(target, Vm):
            world.change(target, busy=job.id)
        job.task = asyncio.get_running_loop().create_task(self._run(job, work, plan, scheduled, fault))
        return job

    def _check_custom_id(self, custom_id: str, command: str, target: Entity | None) -> None:
        if self.world.server.customjobid == "refuse" or not UUID.fullmatch(custom_id):
            raise invalid(f"UUID: {custom_id} doesn't follow the UUID format")
        known = self.jobs.get(custom_id)
        if known is None or self._forgotten(known):
            return
        # The server looks for the id among the jobs that run; those that ended only the database's key finds.
        ids = {target.id} if target is not None else set()
        raced = self.world.faults.take({"duplicate_race"}, command, names_of(target), ids) is not None
        if known.status == RUNNING and not raced:
            raise invalid(f"UUID: {custom_id} already exists so can't create/update with custom id")
        raise existing_entity()

    def _event(
        self, plan: EventPlan, state: str, text: str, scheduled: Event, created: float, level: str = "INFO"
    ) -> None:
        self.world.events.add(
            plan.type,
            state,
            text,
            self.world.caller,
            created,
            level=level,
            resource=plan.resource,
            parent=scheduled.id,
        )

    async def _run(self, job: Job, work: Work, plan: EventPlan, scheduled: Event, fault: Fault | None) -> None:
        await self.world.timings.pause("job_overhead")
        error: ApiError | None = None
        result: JobResult = {"success": True}
        try:
            if fault is None:
                result = await work(job)
            else:
                error = await self._strike(job, work, fault)
        except ApiError as exc:
            error = exc
        except Exception as exc:
            # The job fails as it would for a bug of the server.
            self.world.note_bug(exc)
            error = ApiError(INTERNAL, f"{type(exc).__name__}: {exc}")
        self._release(job)
        if job.abandoned or job.status != RUNNING:
            return
        job.completed = self.world.now()
        job.on_server = False
        if error is None:
            job.status, job.result = SUCCEEDED, result
        else:
            job.status, job.code, job.result = FAILED, error.code, error.result()
        threw = error is not None and not isinstance(error, ReturnedFalse)
        if threw and plan.failed is not None:
            self._event(plan, "Completed", plan.failed, scheduled, job.completed, level="ERROR")
        elif not threw and plan.completed is not None:
            self._event(plan, "Completed", plan.completed, scheduled, job.completed)

    async def _strike(self, job: Job, work: Work, fault: Fault) -> ApiError:
        options = fault.options
        if options.get("goes_on", False):
            loss = asyncio.get_running_loop().call_later(options.get("seconds", 0.1), self._lose, job)
            with contextlib.suppress(ApiError):
                await work(job)
            loss.cancel()
        elif options.get("work_done", False):
            with contextlib.suppress(ApiError):
                await work(job)
        else:
            await asyncio.sleep(options.get("seconds", 0.1))
        if fault.kind == "job_never_ends":
            await asyncio.Event().wait()
        elif fault.kind == "job_lost" and job.status == RUNNING:
            self._lose(job)
        elif fault.kind == "job_cancelled":
            job.status, job.code, job.completed, job.on_server = FAILED, 0, self.world.now(), False
        if "code" not in options and "text" not in options:
            return ReturnedFalse("Failed to restart network")
        return ApiError(options.get("code", INTERNAL), options.get("text", "Failed to restart network"))

    def _release(self, job: Job) -> None:
        if isinstance(job.target, Vm) and job.target.busy == job.id:
            self.world.change(job.target, busy=None)

    def _lose(self, job: Job) -> None:
        """As the server marks the jobs it finds unfinished when it starts: no result, still on the server."""
        job.status, job.code, job.completed = FAILED, INTERNAL, self.world.now()

    def interrupt(self, work_done: bool) -> list[Job]:
        """The server dies: nothing notes any more how the running jobs end."""
        lost = self.running
        for job in lost:
            job.abandoned = True
            self._release(job)
            if not work_done and job.task is not None:
                job.task.cancel()
        return lost

    @staticmethod
    async def settled(jobs: list[Job]) -> None:
        """Wait until their work is done, or cut off. Not for ever: a fault may make one that never ends."""
        tasks = [job.task for job in jobs if job.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=60)

    def lose(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._lose(job)


def names_of(entity: Entity | None) -> set[str]:
    """The names by which a fault may mean this object: its own and those of what it belongs to."""
    if entity is None:
        return set()
    names = {entity.name}
    if isinstance(entity, Router):
        names |= {group.name for group in (entity.network, entity.vpc) if group is not None}
    return names
