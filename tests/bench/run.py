# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a rollout and a plan against the simulator; ends with 1 when a target is missed. Linux only.

The modules run as processes of their own, as Ansible runs them, without ansible-playbook around them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.simulator.process import SimulatorProcess

ESTATES = ROOT / "tests/simulator/estates"
MODULES = "ansible_collections.cloudstack.sysvm.plugins.modules"

RATIO, CPU, CALLS = 1.05, 0.03, 3.5  # of a rollout beyond its plan; the last two per network
PER_HOST_RATIO = 1.10  # with a bound per host, of a rollout beyond its plan
PLAN_S, PLAN_CALLS, PLAN_MB = 10.0, 60, 250.0
# Milliseconds that a real 4.22 was seen to take for each item, and how many pages it shall make at a time.
ITEM_COST_MS, WORKERS = {"listNetworks": 19, "listRouters": 2.7, "listHosts": 6.5}, 4
CALL_S = 0.01  # what each call takes, the day after
OLDER, NEWEST = "4.20.2.0", "4.22.0.0"
TEMPLATE = "4.20.2"  # of Debian 12: one live patch is enough for it on hosts that do what real ones do
OLDER_CALLS = 15  # of a plan on the older one, beyond those on the newest
READS_RATIO = 0.35  # of a plan on such a server, to the same with one page after the other


@dataclass(frozen=True)
class Cost:
    """What one process took, and the simulator meanwhile."""

    seconds: float
    cpu: float
    calls: int
    megabytes: float
    server_cpu: float


def measure(
    simulator: SimulatorProcess, command: Sequence[str], folder: Path, stdin: str = "", result: Path | None = None
) -> Cost:
    """Run a command against the simulator; its standard output goes to the file I(result)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSTACK_")}
    # Neither a proxy nor the user's own cs configuration may take part, nor aiohttp: cs imports it where it is
    # installed, which costs more than everything else, and only the simulator needs it.
    (folder / "aiohttp.py").write_text("raise ImportError", encoding="utf-8")
    environment = {**clean, "HOME": str(folder), "PYTHONPATH": str(folder), "no_proxy": "127.0.0.1"}
    environment |= simulator.environment()
    source, errors = folder / "stdin", folder / "stderr"
    source.write_text(stdin, encoding="utf-8")
    calls, server_cpu, start = simulator.requests()["total"], cpu_of(simulator), time.monotonic()
    with source.open() as given, open(result or os.devnull, "w") as taken, errors.open("w") as complaints:
        process = subprocess.Popen(command, env=environment, stdin=given, stdout=taken, stderr=complaints)
        _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        told = errors.read_text() + (result.read_text()[:2000] if result else "")
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {told}")
    return Cost(
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        # The question for the number of calls is not counted.
        calls=simulator.requests()["total"] - calls,
        megabytes=usage.ru_maxrss / 1024,
        server_cpu=cpu_of(simulator) - server_cpu,
    )


def cpu_of(simulator: SimulatorProcess) -> float:
    """Seconds of CPU the simulator has used so far."""
    assert simulator._process is not None
    after_name = Path(f"/proc/{simulator._process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def run_module(simulator: SimulatorProcess, name: str, folder: Path, **options: Any) -> tuple[Cost, dict[str, Any]]:
    """Run a module the way ansible-core's developer guide does: arguments in a file, the result on stdout."""
    arguments, result = folder / "arguments.json", folder / "result.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
    cost = measure(simulator, [sys.executable, "-m", f"{MODULES}.{name}", str(arguments)], folder, result=result)
    return cost, json.loads(result.read_text(encoding="utf-8"))


def patched(simulator: SimulatorProcess) -> int:
    """How many routers run the server's version, by the simulator's own books."""
    state = simulator.state()
    routers = [vm for vm in state["vms"].values() if vm["kind"] == "router"]
    return sum(vm["software"] == state["version"] for vm in routers)


def show(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


def verdict(value: float, target: float) -> str:
    return f"<= {target:g}  {'ok' if value <= target else 'MISSED'}"


def rollout(count: int, parallel: int, patch: float, runs: int, folder: Path) -> bool:
    """All networks by the module, then the same by xargs, each on a fresh simulator."""
    timings = yaml.safe_load((ESTATES / "bench.yml").read_text(encoding="utf-8"))["timings"] | {"patch": patch}
    each = timings["job_overhead"] + timings["patch"] + timings["restart"]
    ideal = math.ceil(count / parallel) * each
    print(f"{count} networks, {parallel} at a time; the server takes {each:g} s for each, so {ideal:g} s is the ideal.")
    estate = ("bench.yml", f"networks.0.count={count}", f"timings.patch={patch}", "server.version=4.22.0.0")

    costs = []
    for _run in range(runs):
        with SimulatorProcess(*estate) as simulator:
            networks = list(simulator.state()["units"])
            options = {"networks": networks, "parallel": parallel, "per_host": 0}
            # In check mode it only reads and decides.
            idle, _dummy = run_module(simulator, "cs_router_restart", folder, **options, _ansible_check_mode=True)
            cost, result = run_module(simulator, "cs_router_restart", folder, **options)
            ours_patched = patched(simulator)
            _cost, again = run_module(simulator, "cs_router_restart", folder, **options)
        if result["summary"] != {"upgraded": count} or again["summary"] != {"current": count}:
            sys.exit(f"Not all were upgraded: {result['summary']}, and again: {again['summary']}")
        costs.append((cost, idle))
    ours, idle = sorted(costs, key=lambda pair: pair[0].seconds)[runs // 2]
    with SimulatorProcess(*estate) as simulator:
        command = ["xargs", "-P", str(parallel), "-I", "ID", "cs", "restartNetwork", "id=ID", "livepatch=true"]
        theirs = measure(simulator, command, folder, stdin="\n".join(networks))
        theirs_patched = patched(simulator)

    good = True
    print(f"The median of {runs} runs; its plan: the same call in check mode. xargs ran once.\n")
    rows = [["", "cs_router_restart", "its plan", "the rest", "target", f"xargs -P {parallel} cs"]]
    for label, figure, target in (
        ("seconds", lambda cost: cost.seconds, None),
        ("seconds / ideal", lambda cost: cost.seconds / ideal, RATIO),
        ("CPU-seconds per network", lambda cost: cost.cpu / count, CPU),
        ("API calls per network", lambda cost: cost.calls / count, CALLS),
        ("CPU-seconds of the simulator", lambda cost: cost.server_cpu, None),
    ):
        rest = figure(ours) - figure(idle)
        good = good and (target is None or rest <= target)
        told = [f"{value:.3f}" for value in (figure(ours), figure(idle), rest)]
        rows.append([label, *told, "" if target is None else verdict(rest, target), f"{figure(theirs):.3f}"])
    rows.append(["routers upgraded", str(ours_patched), "", "", "", str(theirs_patched)])
    rows.append(["routers proven upgraded", str(result["summary"]["upgraded"]), "", "", "", "0"])
    show(rows)
    return good


def per_host(count: int, patch: float, runs: int, folder: Path) -> bool:
    """Where only the hosts bound what runs at a time: a fifth of the networks are pairs, which take two of them."""
    bound, hosts = 2, max(2, count // 20)
    estate = {
        "server": {"version": "4.22.0.0"},
        "defaults": {"version": TEMPLATE},
        "timings": {"patch": patch, "restart": 0.5, "job_overhead": 0.05},
        "zones": [{"name": "bench", "hosts": hosts}],
        "networks": [
            {"name": "net", "count": count - count // 5},
            {"name": "pair", "count": count // 5, "redundant": True},
        ],
    }
    ratios, loads = [], []
    for _run in range(runs):
        with SimulatorProcess(estate) as simulator:
            state = simulator.state()
            options = {"networks": list(state["units"]), "parallel": count, "per_host": bound}
            work: dict[str, float] = defaultdict(float)  # seconds that each host's routers are at work in all
            for unit in state["units"].values():
                routers = [state["vms"][name] for name in unit["routers"]]
                for router in routers:
                    work[router["host"]] += len(routers) * patch + 0.55
            ideal = max(work.values()) / bound
            idle, _dummy = run_module(simulator, "cs_router_restart", folder, **options, _ansible_check_mode=True)
            cost, result = run_module(simulator, "cs_router_restart", folder, **options)
        if result["summary"] != {"upgraded": count}:
            sys.exit(f"Not all were upgraded: {result['summary']}")
        ratios.append((cost.seconds - idle.seconds) / ideal)
        loads.append(ideal)
    ratio = statistics.median(ratios)
    print(
        f"{count} networks, a fifth of them pairs, on {hosts} hosts, {bound} at a time on each: the ideal is "
        f"{statistics.median(loads):.1f} s.\nThe median of {runs} runs, without the plan: {ratio:.3f} x the ideal, "
        f"target {verdict(ratio, PER_HOST_RATIO)}\n"
    )
    return ratio <= PER_HOST_RATIO


def plan(runs: int, folder: Path) -> bool:
    """The plan of a large cloud, the median of some runs."""
    with SimulatorProcess("large.yml") as simulator:
        routers = sum(vm["kind"] == "router" for vm in simulator.state()["vms"].values())
        check = partial(run_module, simulator, "cs_sysvm_version_check", folder, rehearse=False)
        costs = [check()[0] for _run in range(runs)]
    print(f"The plan for {routers} routers, without its rehearsal. The median of {runs} runs.\n")
    good = True
    rows = [["", "cs_sysvm_version_check", "target"]]
    for label, values, target in (
        ("seconds", [cost.seconds for cost in costs], PLAN_S),
        ("API calls", [cost.calls for cost in costs], PLAN_CALLS),
        ("peak memory, MB", [cost.megabytes for cost in costs], PLAN_MB),
        ("CPU-seconds", [cost.cpu for cost in costs], None),
        ("CPU-seconds of the simulator", [cost.server_cpu for cost in costs], None),
    ):
        value = statistics.median(values)
        good = good and (target is None or value <= target)
        rows.append([label, f"{value:.2f}", "" if target is None else verdict(value, target)])
    show(rows)
    return good


def releases(folder: Path) -> bool:
    """The same plan on a server whose networks take two questions."""
    costs, plans = {}, {}
    for version in (NEWEST, OLDER):
        with SimulatorProcess("large.yml", f"server.version={version}") as simulator:
            networks = sum(unit["kind"] != "vpc" for unit in simulator.state()["units"].values())
            costs[version], plans[version] = run_module(simulator, "cs_sysvm_version_check", folder)
    if plans[OLDER]["summary"] != plans[NEWEST]["summary"]:
        sys.exit(f"Not the same plan: {plans[NEWEST]['summary']}, and on {OLDER}: {plans[OLDER]['summary']}")
    more = costs[OLDER].calls - costs[NEWEST].calls
    print(f"The plan for {networks} networks on two releases. One run of each.\n")
    rows = [["", NEWEST, OLDER], ["calls more", "", f"{more}, target {verdict(more, OLDER_CALLS)}"]]
    for label, figure in (
        ("API calls", lambda cost: cost.calls),
        ("seconds", lambda cost: cost.seconds),
        ("peak memory, MB", lambda cost: cost.megabytes),
        ("CPU-seconds", lambda cost: cost.cpu),
    ):
        rows.append([label, *(f"{figure(costs[version]):.2f}" for version in (NEWEST, OLDER))])
    show(rows)
    return more <= OLDER_CALLS


def reads(folder: Path) -> bool:
    """The plan of a large cloud on a server that takes as long for its lists as a real one."""
    costs = [f"server.item_cost_ms.{command}={cost}" for command, cost in ITEM_COST_MS.items()]
    with SimulatorProcess("large.yml", f"server.workers={WORKERS}", *costs) as simulator:
        several, plan_of_several = run_module(simulator, "cs_sysvm_version_check", folder)
        one, plan_of_one = run_module(simulator, "cs_sysvm_version_check", folder, api_connections=1)
    if plan_of_several["summary"] != plan_of_one["summary"]:
        sys.exit(f"Not the same plan: {plan_of_several['summary']}, and one after the other: {plan_of_one['summary']}")
    per_item = ", ".join(f"{cost:g} ms for each item of {command}" for command, cost in ITEM_COST_MS.items())
    print(f"The plan where the server takes {per_item}, and makes {WORKERS} pages at a time. One run of each.\n")
    good = True
    rows = [["", "pages side by side", "one after the other", "ratio", "target"]]
    for label, figure, target in (
        ("seconds", lambda cost: cost.seconds, READS_RATIO),
        ("API calls", lambda cost: cost.calls, None),
        ("peak memory, MB", lambda cost: cost.megabytes, None),
        ("CPU-seconds", lambda cost: cost.cpu, None),
    ):
        ratio = figure(several) / figure(one)
        good = good and (target is None or ratio <= target)
        told = [f"{value:.2f}" for value in (figure(several), figure(one), ratio)]
        rows.append([label, *told, "" if target is None else verdict(ratio, target)])
    show(rows)
    return good and several.megabytes <= PLAN_MB


def day_after(units: int, folder: Path) -> bool:
    """The plan of a large cloud that was upgraded the night before, on a server that takes a while for each call."""
    estate = {
        "server": {"version": "4.22.0.0"},
        "timings": {"patch": 0.05, "restart": 0.02, "job_overhead": 0.01},
        "zones": [{"name": "bench", "hosts": 50}],
        "networks": [{"name": "net", "count": units - units // 10}],
        "vpcs": [{"name": "vpc", "count": units // 10, "tiers": 2}],
    }
    with SimulatorProcess(estate) as simulator:
        routers = [name for unit in simulator.state()["units"].values() for name in unit["routers"]]
        options = {"routers": sorted(set(routers)), "parallel": 60, "per_host": 0, "poll_interval": 1}
        dummy, upgraded = run_module(simulator, "cs_router_restart", folder, **options)
        simulator.set_faults([{"kind": "slow", "seconds": CALL_S, "times": "always"}])
        known = [restart for result in upgraded["results"] for restart in result["restarts"]]
        check = partial(run_module, simulator, "cs_sysvm_version_check", folder, kinds=["router"])
        without, plan_without = check()
        with_report, plan_with = check(known_restarts=known)
        events = simulator.requests()["per_command"]["listEvents"] / 2
    if not plan_without["summary"] == plan_with["summary"] == {"none": units}:
        sys.exit(f"Not all are current: {plan_without['summary']}, with the report: {plan_with['summary']}")
    print(
        f"The plan for {units} units the day after, {CALL_S * 1000:g} ms for each call; {events:g} of them are pages "
        "of events. One run of each.\n"
    )
    good = True
    rows = [["", "without the report", "with it", "targets"]]
    for label, figure, targets in (
        ("seconds", lambda cost: cost.seconds, None),
        ("API calls", lambda cost: cost.calls, (PLAN_CALLS + events + 2 * units, PLAN_CALLS + events)),
        ("peak memory, MB", lambda cost: cost.megabytes, (PLAN_MB, PLAN_MB)),
        ("CPU-seconds", lambda cost: cost.cpu, None),
    ):
        values = (figure(without), figure(with_report))
        good = good and (targets is None or all(v <= t for v, t in zip(values, targets, strict=True)))
        told = [verdict(value, target) for value, target in zip(values, targets or (), strict=False)]
        rows.append([label, *(f"{value:.2f}" for value in values), " and ".join(told)])
    show(rows)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure a rollout and a plan against the simulator.")
    parts = ["rollout", "per_host", "plan", "releases", "reads", "day_after"]
    parser.add_argument("what", nargs="?", choices=[*parts, "all"], default="all")
    parser.add_argument("--networks", type=int, default=200, help="of the rollout (default: %(default)s)")
    parser.add_argument("--units", type=int, default=5000, help="of the day after (default: %(default)s)")
    parser.add_argument("--parallel", type=int, default=20, help="how many at a time (default: %(default)s)")
    parser.add_argument("--patch", type=float, default=3.0, help="seconds a live patch takes (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="of each, the median counts (default: %(default)s)")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        print(f"The machine is busy (load {load:.1f} on {cores} cores): expect times that are too long.\n")
    good = True
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        if arguments.what in ("rollout", "all"):
            good = rollout(arguments.networks, arguments.parallel, arguments.patch, arguments.runs, Path(name))
        if arguments.what in ("per_host", "all"):
            good = per_host(arguments.networks, arguments.patch, arguments.runs, Path(name)) and good
        if arguments.what in ("plan", "all"):
            good = plan(arguments.runs, Path(name)) and good
        if arguments.what in ("releases", "all"):
            good = releases(Path(name)) and good
        if arguments.what in ("reads", "all"):
            good = reads(Path(name)) and good
        if arguments.what in ("day_after", "all"):
            good = day_after(arguments.units, Path(name)) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
