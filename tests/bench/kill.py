# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills rollouts with SIGKILL at random moments and lets the next run go on; ends with 1 when a promise is broken.

    .venv/bin/python tests/bench/kill.py [--points 50] [--seed 1] [--clouds 2]

Each cloud of 40 units is upgraded by the real playbook, which is killed again and again, with all processes that it
started, until one run comes to its end. Then everything must be current, nothing may have been done while a job of the
same unit ran, and nothing twice without need. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.client import Client, Connection
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import ROUTER_KINDS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import Policy, Scope
from tests.simulator.process import SimulatorProcess
from tests.support import playbook
from tests.support.books import is_current, overlaps, unit_of

TARGET = "4.22.0.0"
UNITS = 40
ESTATE = {
    "server": {"version": TARGET},
    "defaults": {"version": "4.20.2"},  # of Debian 12: one live patch is enough for it on real hosts
    "timings": {"patch": 0.6, "restart": 0.15, "router_check_interval": 0.3},
    "zones": [{"name": "zone1", "hosts": 10}],
    "networks": [{"name": "net", "count": 24}, {"name": "pair", "count": 8, "redundant": True}],
    "vpcs": [{"name": "vpc", "count": 8, "tiers": 3}],
}
VARIABLES = {
    "sysvm_kinds": ["router"],
    "sysvm_canaries": False,  # one more step before the one that is to be killed
    "sysvm_parallel": 6,
    "sysvm_per_host": 0,
}
# Seconds after the first call of a run that changes something; every tenth kill comes before it.
SPAN = 1.5
BEFORE, EARLY_SPAN = 0.1, 6.0
LONGEST_RUN = 120.0


@dataclass
class Kill:
    """One kill, and how it found the cloud."""

    cloud: int
    moment: float
    early: bool
    current: int = 0  # units
    at_work: list[str] = field(default_factory=list)  # units with a job when it came
    processes: int = 0


@dataclass
class Cloud:
    """One cloud from its first run to the end."""

    number: int
    kills: list[Kill]
    violations: list[str]
    repeated: int  # patches more than one per router
    finished: int  # VPCs whose tiers were restarted by more than one run
    seconds: float


class Moments:
    """The moments of all kills, taken by the clouds as they need them."""

    def __init__(self, points: int, seed: int) -> None:
        generator = random.Random(seed)
        early = [generator.random() < BEFORE for dummy in range(points)]
        self._left = [(is_early, generator.uniform(0, EARLY_SPAN if is_early else SPAN)) for is_early in early]
        self._lock = threading.Lock()

    def take(self) -> tuple[bool, float] | None:
        with self._lock:
            return self._left.pop(0) if self._left else None

    def give_back(self, moment: tuple[bool, float]) -> None:
        """The run was over before it came."""
        with self._lock:
            self._left.insert(0, moment)


def upgrade(number: int, moments: Moments) -> Cloud:
    """Upgrade one cloud, killed as often as its runs last long enough."""
    began = time.monotonic()
    kills: list[Kill] = []
    starts = [0]  # entries in the journal when each run began
    with SimulatorProcess(ESTATE) as simulator, tempfile.TemporaryDirectory(prefix="sysvm-kill-") as name:
        while True:
            folder = Path(name, f"run-{len(starts)}")
            folder.mkdir()
            moment = moments.take()
            mark = f"SYSVM_KILL_{uuid.uuid4().hex}"
            run = playbook.start(
                "cloudstack.sysvm.upgrade_sysvms", VARIABLES, folder, {**simulator.environment(), mark: "1"}
            )
            if moment is None or not wait_for(run, simulator, starts[-1], *moment):
                if moment is not None:
                    moments.give_back(moment)
                violations = [*finish(run, folder)]
                break
            killed_at = time.time()
            kill = Kill(number, moment[1], moment[0], processes=kill_all(run, mark))
            state = simulator.state()
            kill.current = sum(all(is_current(vm) for vm in vms) for vms in routers_by_unit(state).values())
            kill.at_work = [unit_of(job) for job in state["jobs"] if (job["completed"] or math.inf) > killed_at]
            kills.append(kill)
            starts.append(len(simulator.journal()))
        state, journal = simulator.state(), simulator.journal()
        violations += check(state, journal, kills)
        violations += check_plan(simulator)
    runs = [journal[start:end] for start, end in zip(starts, [*starts[1:], len(journal)], strict=True)]
    return Cloud(
        number,
        kills,
        [f"cloud {number}: {violation}" for violation in violations],
        sum(vm["patches"] - 1 for vms in routers_by_unit(state).values() for vm in vms if vm["patches"] > 1),
        sum(sum(any(is_tier_of(call, vpc) for call in run) for run in runs) > 1 for vpc in vpcs(state)),
        time.monotonic() - began,
    )


def wait_for(run: subprocess.Popen[str], simulator: SimulatorProcess, calls: int, early: bool, seconds: float) -> bool:
    """Wait for the moment; False when the run ended before it."""
    while not early and run.poll() is None and len(simulator.journal()) == calls:
        time.sleep(0.05)
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(seconds)
    return run.poll() is None


def kill_all(run: subprocess.Popen[str], mark: str) -> int:
    """Kill what the run started, wherever it went; how many processes these were.

    All of them, and nothing else, have the mark in their environment: Ansible's workers leave their session.
    """
    killed = set()
    while found := [pid for pid in marked(mark) if not is_dead(pid)]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.update(found)
    run.wait()
    return len(killed)


def marked(mark: str) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes():
                    yield int(folder.name)


def is_dead(pid: int) -> bool:
    """Whether it is only waiting to be buried by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


# --- what must be true in the end


def finish(run: subprocess.Popen[str], folder: Path) -> Iterator[str]:
    """Let the last run come to its end."""
    try:
        status = run.wait(LONGEST_RUN)
    except subprocess.TimeoutExpired:
        run.kill()
        yield f"the last run did not end within {LONGEST_RUN:.0f} s"
        return
    if status != 0:
        yield f"the last run ended with {status}: {(folder / 'stdout').read_text(encoding='utf-8')[-3000:]}"
        return
    report = json.loads((folder / "report/latest/report.json").read_text(encoding="utf-8"))
    if report["status"] != "success" or len(report["units"]) != UNITS:
        yield f"the report says {report['status']} of {len(report['units'])} units"


def check(state: dict[str, Any], journal: list[dict[str, Any]], kills: Sequence[Kill]) -> Iterator[str]:
    yield from state["bugs"]
    yield from overlaps(journal, state["jobs"])
    interrupted = Counter(unit for kill in kills for unit in set(kill.at_work))
    for unit, vms in routers_by_unit(state).items():
        for vm in vms:
            if not is_current(vm):
                yield f"{unit} is not current"
            # A job goes on after its run was killed, and the next run waits for it.
            if vm["patches"] > 1:
                yield f"{unit} was patched {vm['patches']} times, and {interrupted[unit]} kill(s) interrupted it"
    for unit in state["units"].values():
        last = unit["last_restart"]
        if unit["kind"] == "network" and (unit["rules"] != "applied" or not (last and last["succeeded"])):
            yield f"{unit['name']}: its rules are {unit['rules']}, its last restart was {last}"


def check_plan(simulator: SimulatorProcess) -> Iterator[str]:
    """One more run would have nothing to do."""
    with Client(Connection(simulator.url, simulator.key, simulator.secret)) as client:
        left = check_versions(client, CheckRequest(Policy(Scope(kinds=ROUTER_KINDS)), False)).values["summary"]
    if left != {"none": UNITS}:
        yield f"one more run would do {left}"


def routers_by_unit(state: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for vm in state["vms"].values():
        if vm["kind"] == "router" and vm["removed"] is None:
            found.setdefault(vm["vpc"] or vm["network"], []).append(vm)
    return found


def vpcs(state: dict[str, Any]) -> set[str]:
    return {vm["vpc"] for vm in state["vms"].values() if vm.get("vpc")}


def is_tier_of(call: dict[str, Any], vpc: str) -> bool:
    return bool(call["accepted"]) and unit_of(call) == vpc


# --- the table


def print_table(clouds: Sequence[Cloud]) -> None:
    print(f"{'cloud':>5} {'kill':>4}  {'moment':24} {'processes':>9} {'current':>7}  at work")
    for cloud in clouds:
        for number, kill in enumerate(cloud.kills, 1):
            moment = f"{kill.moment:.2f} s after {'start' if kill.early else 'first call'}"
            at_work = ", ".join(kill.at_work) or "-"
            print(f"{cloud.number:5} {number:4}  {moment:24} {kill.processes:9} {kill.current:4}/{UNITS}  {at_work}")
        end = "all current" if not cloud.violations else f"{len(cloud.violations)} violation(s)"
        print(f"{cloud.number:5}  end  {end}, {cloud.seconds:.0f} s in all")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--points", type=int, default=50, help="how many kills")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--clouds", type=int, default=2, help="how many at a time")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    moments = Moments(options.points, options.seed)
    clouds: list[Cloud] = []
    errors: list[BaseException] = []

    def work(first: int) -> None:
        number = first
        try:
            while (moment := moments.take()) is not None:
                moments.give_back(moment)
                clouds.append(upgrade(number, moments))
                number += options.clouds
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number + 1,)) for number in range(options.clouds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error
    clouds.sort(key=lambda cloud: cloud.number)
    kills = [kill for cloud in clouds for kill in cloud.kills]
    violations = [violation for cloud in clouds for violation in cloud.violations]
    print_table(clouds)
    print(*violations, sep="\n", end="\n" if violations else "")
    print(
        f"{len(kills)} kills on {len(clouds)} clouds of {UNITS} units, {sum(len(kill.at_work) for kill in kills)} jobs "
        f"at work when killed, {sum(cloud.finished for cloud in clouds)} VPCs finished by a later run, "
        f"{sum(cloud.repeated for cloud in clouds)} routers patched again, {len(violations)} violations, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
