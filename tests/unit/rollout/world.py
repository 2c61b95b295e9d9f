# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud in which others act at any moment and whose answers may be late, in virtual time; it knows the truth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ServerError, UnavailableError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.jobs import Job, JobStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.imagined import ImaginedJob
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import JOB_CLASSES, Call
from tests.unit.builders import SITUATION, TARGET, version
from tests.unit.rollout.fake import PAIR_INTERVAL_S, FakeJob, FakeServer, Fault, Ids

JOB_CLASSES.update(stopRouter="StopRouterCmd", startRouter="StartRouterCmd")  # of others
FRESH_S = 1.0
SLACK_S = 0.6  # what asking itself takes, in this world
EXPUNGE_S = 10.0
END_OF_TIME_S = 6 * 3600.0
FINISHING = (Purpose.APPLY_RULES, Purpose.START)


@dataclass(frozen=True)
class Event:
    """What somebody else does."""

    at: float  # seconds after the start
    what: str
    unit: int
    seconds: float = 5.0
    fault: Fault = Fault.NONE


WHATS = ("restart", "cleanup", "patch", "stop", "start", "destroy", "delete", "break", "crash")


@dataclass(frozen=True)
class Window:
    """A time in which the server takes no submits, or answers nothing."""

    begins: float
    seconds: float

    def __contains__(self, moment: float) -> bool:
        return self.begins <= moment - 1000.0 < self.begins + self.seconds


class World(FakeServer):
    """:ivar violations: of what must never happen, as they happened."""

    def __init__(
        self, units: Sequence[Unit], faults: Any = None, seconds: Any = None, ids: Ids = Ids.TAKEN, *,
        events: Sequence[Event] = (), lag: float = 0.0, slow: float = 0.0, rejects: Sequence[Window] = (),
        silences: Sequence[Window] = (), unreadable: dict[str, Window] | None = None, recreation_wanted: bool = False,
        stop_at: float = math.inf, waits_when_stopped: bool = False, deadline: float = math.inf,
    ) -> None:  # fmt: skip
        super().__init__(units, faults, seconds, ids)
        self.router_pages = 1
        self.slow = slow  # seconds that a submit takes before the server acts on it
        self.lag, self.rejects, self.silences, self.unreadable = lag, rejects, silences, unreadable or {}
        self.recreation_wanted, self.stop_at, self.deadline = recreation_wanted, stop_at, deadline
        self.waits_when_stopped = waits_when_stopped
        self.deleted: set[str] = set()
        self.broken: set[str] = set()
        self.violations: list[str] = []
        self.calls = 0
        self.changed: dict[str, float] = {}  # when each VM changed its state
        self.touched: dict[str, float] = {}  # when somebody else last changed anything of a unit
        self.broke: dict[str, float] = {}
        self.shown: dict[str, str] = {vm.id: str(vm.redundant_state) for unit in units for vm in unit.vms}
        self.reported: set[str] = set()  # jobs of others that running() has told of
        self._last = {identity: list(vms) for identity, vms in self.vms.items()}
        self.visible = {identity: list(vms) for identity, vms in self.vms.items()}
        self._numbers = itertools.count()
        self._ids = [unit.id for unit in units]
        for event in events:
            self.later(1000.0 + event.at, lambda event=event: self.happen(event))  # type: ignore[misc]
        self.later(1000.0 + PAIR_INTERVAL_S, self._look)

    # time

    def later(self, moment: float, do: Callable[[], None]) -> None:
        def happens() -> None:
            do()
            self._remember()

        super().later(moment, happens)

    def _settle(self) -> None:
        self.time += 0.001
        self.calls += 1
        if self.time > 1000.0 + END_OF_TIME_S:
            raise AssertionError("it never ends")
        self._advance()
        if self.gone or any(self.time in window for window in self.silences):
            raise UnavailableError("gone")

    def _remember(self) -> None:
        """What changed shows on all nodes a moment later."""
        for identity, vms in self.vms.items():
            if vms != self._last[identity]:
                self._last[identity] = list(vms)
                shown = list(vms)
                self.later(self.time + min(self.lag, 1.0), lambda i=identity, v=shown: self.visible.update({i: v}))  # type: ignore[misc]

    def _look(self) -> None:
        """The server looks at all pairs."""
        for unit in self.units.values():
            self.shown.update(self.true_states(unit))
        self.later(self.time + PAIR_INTERVAL_S, self._look)

    def true_states(self, unit: Unit) -> dict[str, str]:
        running = [vm for vm in self.vms[unit.id] if vm.running]
        states = ["FAULT", "FAULT"] if unit.id in self.broken else ["PRIMARY", "BACKUP"]
        return {vm.id: states[min(place, 1)] for place, vm in enumerate(running)}

    # what it answers

    def running(self) -> dict[str, Job]:
        jobs = {i: job for i, job in super().running().items() if self.jobs[i].begins + self.lag <= self.time}
        self.reported |= jobs.keys()
        return jobs

    def in_flight(self, jobs: Any = None) -> list[InFlight]:
        self._settle()
        return [
            InFlight(job.id, "RestartNetworkCmd", None, frozenset({job.call.object_id}))
            for job in self.jobs.values()
            if job.begins + self.lag <= self.time < job.ends and (jobs is None or job.id in jobs)
        ]

    def result(self, job_id: str) -> Job:
        job = super().result(job_id)
        if job_id in self.jobs and self.jobs[job_id].begins + self.lag > self.time:
            return Job(job_id, JobStatus.EXPIRED)
        return job

    def read(self, unit: Unit, *, new_disks: bool = False) -> list[Vm]:
        self._settle()
        if unit.id in self.unreadable and self.time in self.unreadable[unit.id]:
            raise ServerError("Command failed due to Internal Server Error", errorcode=530, rejected=True)
        return self._as_shown(unit)

    def read_routers_of(self, units: Sequence[Unit]) -> dict[str, list[Vm]]:
        """All routers, page by page."""
        for dummy in range(self.router_pages):
            self._settle()
        return {unit.id: self._as_shown(unit) for unit in units if unit.id not in self.unreadable}

    def _as_shown(self, unit: Unit) -> list[Vm]:
        shown = self.visible[unit.id] if self.lag else self.vms[unit.id]
        return [replace(vm, redundant_state=self.shown.get(vm.id, "UNKNOWN")) if vm.redundant else vm for vm in shown]

    def owner(self, unit: Unit) -> Unit | None:
        self._settle()
        return None if unit.id in self.deleted else self.units[unit.id]

    # what it takes

    def submit(self, call: Call, job_id: str | None) -> str:
        self.time += self.slow
        self._settle()
        if any(self.time in window for window in self.rejects):
            raise UnavailableError("Maintenance or Shutdown has been initiated", rejected=True)
        unit = self._unit_of(call.object_id)
        if unit.id in self.deleted:
            raise ServerError("no such network", errorcode=431, rejected=True)
        before = len(self.log)
        try:
            return super().submit(call, job_id)
        finally:
            if len(self.log) > before:
                self._judge(unit, call)

    def _unit_of(self, identity: str) -> Unit:
        for unit in self.units.values():
            if identity in unit.resource_ids() or identity in {vm.id for vm in self.vms[unit.id]}:
                return unit
        raise ServerError("no such entity", errorcode=431, rejected=True)

    def _judge(self, unit: Unit, call: Call) -> None:
        """Whether this may have been sent."""
        now, told = self.time, f"{call.command} {call.purpose.value} of {unit.name} at {self.time - 1000:.1f}"
        at_work = [job for job in list(self.jobs.values())[:-1] if job.unit.id == unit.id and job.ends > now]
        if any(job.ours for job in at_work):
            self.violations.append(f"{told}: a job of ours runs")
        old = FRESH_S + SLACK_S + self.lag + self.slow
        same = [job for job in self.jobs.values() if job.ours and job.call == call and job.fault is Fault.NONE]
        twice = call.purpose is Purpose.PATCH and len(same) > 1 and same[-2].ends <= now and self.lag <= 1.0
        wanting = any(state in " ".join(self.untrue(unit)) for state in ("runs", "has", "Stopped", "routers"))
        if twice and not wanting and self.touched.get(unit.id, 0.0) < same[-2].begins:
            self.violations.append(f"{told}: patched again")
        if any(not job.ours and now - job.begins > old for job in at_work):
            self.violations.append(f"{told}: a job of somebody else runs")
        running = [vm for vm in self.vms[unit.id] if vm.running]
        settled = all(now - self.changed.get(vm.id, 0.0) > old for vm in self.vms[unit.id])
        if call.command == "destroyRouter" and settled and [vm.id for vm in running] == [call.object_id]:
            self.violations.append(f"{told}: the only router that runs")
        if call.params.get("cleanup") and running and not self.recreation_wanted:
            self.violations.append(f"{told}: nobody wanted it recreated")
        lacking = not all(self.rules[network] for network in unit.network_ids)
        again = call.purpose is Purpose.PATCH and lacking
        finishing = (call.purpose in FINISHING or again) and len(self.calls_of(unit)) > 1
        if now > self.stop_at + SLACK_S + self.slow and not (finishing and self.waits_when_stopped):
            self.violations.append(f"{told}: after the stop")
        if now > self.deadline + self.slow and not finishing:
            self.violations.append(f"{told}: after the deadline")

    # what jobs do

    def _take(self, job: ImaginedJob) -> None:
        super()._take(job)
        if job.call.params.get("cleanup") and not math.isinf(job.ends):
            self.later(job.begins + 0.3 * (job.ends - job.begins), lambda: self._allocate(job))

    def _new(self, unit: Unit, state: str) -> Vm:
        number = next(self._numbers)
        model = unit.vms[0]
        made = replace(
            model, id=f"id-{unit.name}-new{number}", name=f"{unit.name}-new{number}", state=state, software=TARGET,
            scripts="new-scripts" if model.is_router else None, built_from=version("4.22.0"), root_template_id="id-new",
        )  # fmt: skip
        self.changed[made.id] = self.time
        return made

    def _expected(self, unit: Unit) -> int:
        return 2 if unit.redundant else 1

    def _allocate(self, job: ImaginedJob) -> None:
        if job.unit.id not in self.deleted:
            new = [self._new(job.unit, "Stopped") for dummy in range(self._expected(job.unit))]
            self.vms[job.unit.id] += new
            job.__dict__["new"] = {vm.id for vm in new}

    def _set(self, unit: Unit, which: Callable[[Vm], bool], **facts: Any) -> None:
        for vm in self.vms[unit.id]:
            if which(vm) and facts.get("state", vm.state) != vm.state:
                self.changed[vm.id] = self.time
        self.vms[unit.id] = [replace(vm, **facts) if which(vm) else vm for vm in self.vms[unit.id]]

    def _expunge(self, unit: Unit, which: Callable[[Vm], bool]) -> None:
        ids = {vm.id for vm in self.vms[unit.id] if which(vm)}
        self._set(unit, lambda vm: vm.id in ids, state="Expunging")
        self.later(self.time + EXPUNGE_S, lambda: self._forget(unit, ids))

    def _forget(self, unit: Unit, ids: set[str]) -> None:
        self.vms[unit.id] = [vm for vm in self.vms[unit.id] if vm.id not in ids]

    def _apply(self, job: ImaginedJob) -> None:
        assert isinstance(job, FakeJob)
        unit, call, fault = job.unit, job.call, job.fault
        if not job.ours:
            self.touched[unit.id] = self.time
        if unit.id in self.deleted:
            return
        if fault is Fault.PAIR_BREAKS:
            self.broken.add(unit.id)
        nothing = fault in (Fault.FAILED, Fault.LOST, Fault.SILENT)
        new: dict[str, Any] = {"state": "Running", "software": TARGET, "scripts": "new-scripts"}
        if unit.kind.is_system_vm:
            new["scripts"] = None
        if call.command in ("destroyRouter", "destroySystemVm"):
            if not nothing:
                self._expunge(unit, lambda vm: vm.id == call.object_id)
                if unit.kind.is_system_vm and fault is not Fault.NO_REPLACEMENT:
                    made = self._new(unit, "Running")
                    self.later(self.time + 20, lambda: self.vms[unit.id].append(made))
        elif call.command == "stopRouter":
            self._set(unit, lambda vm: vm.id == call.object_id and vm.running, state="Stopped")
        elif call.command in ("startRouter", "rebootRouter"):
            self._set(unit, lambda vm: vm.id == call.object_id and vm.state in ("Stopped", "Running"), **new)
        elif call.params.get("cleanup"):
            made = job.__dict__.get("new", set())
            if not nothing:
                self._set(unit, lambda vm: vm.id in made, state="Running")
                self._expunge(unit, lambda vm: vm.id not in made and vm.state != "Expunging")
        else:
            if job.patches and not nothing:
                self.patched[unit.id] += 1
                scripts = {"scripts": "new-scripts"} if unit.kind.is_router and fault is not Fault.STALE_SCRIPTS else {}
                self._set(unit, lambda vm: vm.running, software=TARGET, **scripts)
            if unit.kind.is_router and fault not in (Fault.FAILED, Fault.LOST):
                self._set(unit, lambda vm: vm.state == "Stopped", **new)
                there = [vm for vm in self.vms[unit.id] if vm.state != "Expunging"]
                missing = self._expected(unit) - len(there)
                self.vms[unit.id] += [self._new(unit, "Running") for dummy in range(missing)]
        if job.status is JobStatus.SUCCEEDED and not (fault is Fault.SILENT and call.params.get("cleanup")):
            self.rules.update(dict.fromkeys(job.networks, True))
        if not nothing and call.command == "restartVPC" and call.params.get("cleanup"):
            self.rules.update(dict.fromkeys(unit.network_ids, True))

    # what others do

    def happen(self, event: Event) -> None:
        unit = self.units[self._ids[event.unit % len(self._ids)]]
        if unit.id in self.deleted:
            return
        vms = self.vms[unit.id]
        self.touched[unit.id] = self.time
        running = [vm for vm in vms if vm.running]
        stopped = [vm for vm in vms if vm.state == "Stopped"]
        networks = unit.network_ids
        if event.what == "delete":
            self.deleted.add(unit.id)
            self.vms[unit.id] = []
        elif event.what == "break":
            self.broken.add(unit.id)
            self.broke[unit.id] = self.time
        elif event.what == "crash" and running:
            self._set(unit, lambda vm: vm.id == running[0].id, state="Stopped")
        elif unit.kind.is_system_vm:
            return
        elif event.what in ("stop", "destroy") and running:
            self._others(unit, event, f"{event.what}Router", {"id": running[0].id}, ())
        elif event.what == "start" and stopped:
            self._others(unit, event, "startRouter", {"id": stopped[0].id}, ())
        elif event.what in ("restart", "patch", "cleanup"):
            whole = unit.vpc is not None and event.what == "cleanup"
            params: dict[str, Any] = {"id": unit.id if whole or not networks else networks[0]}
            params["cleanup"] = event.what == "cleanup"
            if event.what == "patch":
                params["livepatch"] = True
            settled = networks if event.what == "cleanup" else networks[:1]
            self._others(unit, event, "restartVPC" if whole or not networks else "restartNetwork", params, settled)

    def _others(self, unit: Unit, event: Event, command: str, params: dict[str, Any], settles: tuple[str, ...]) -> None:
        call = Call(command, params, Purpose.RECREATE, 30.0, settles=settles)
        call_id = f"theirs-{next(self._numbers)}"
        self.start(unit, call, event.fault, call_id, ours=False, seconds=event.seconds)

    # the truth

    def untrue(self, unit: Unit) -> list[str]:
        """What is not so of a unit that is said to be upgraded; empty where others have just changed it."""
        wrong = []
        if self.time - self.touched.get(unit.id, 0.0) <= FRESH_S + SLACK_S + 2 * self.lag + self.slow:
            return []
        there = [vm for vm in self.vms[unit.id] if vm.state != "Expunging"]
        if unit.id in self.deleted and not (unit.kind.is_system_vm and there):  # which the server has made anew
            wrong.append("deleted")
        if unit.kind.is_router and len(there) != self._expected(unit):
            wrong.append(f"{len(there)} routers")
        wrong += [f"{vm.name} {vm.state}" for vm in there if not vm.running]
        wrong += [f"{vm.name} runs {vm.software}" for vm in there if vm.running and vm.software != TARGET]
        wrong += [f"{vm.name} has {vm.scripts}" for vm in there if vm.running and SITUATION.has_wrong_scripts(vm)]
        theirs = [job for job in self.jobs.values() if not job.ours and job.unit.id == unit.id]
        unseen = [job for job in theirs if job.id not in self.reported]  # nobody could know of it
        if not unseen:
            wrong += [f"{network} has no rules" for network in unit.network_ids if not self.rules[network]]
        recent = self.time - self.broke.get(unit.id, 0.0) <= PAIR_INTERVAL_S + 6
        if unit.elects and unit.kind is not Kind.ORPHAN and not recent and not unseen:
            states = sorted(self.true_states(unit).values())
            wrong += [] if states == ["BACKUP", "PRIMARY"] else [f"pair {states}"]
        return wrong
