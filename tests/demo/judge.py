# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what the playbook reported with what the simulated server itself wrote down, and says it in words.

python -m tests.demo.judge STATUS FIRST_REPORT [SECOND_REPORT] - STATUS is the exit status of the last run.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

BAD_PATCH = "telemetry-003"  # the estate's fault: its first patch does nothing


def expect(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"\nNot as it should be: {what}.")


def ask(what: str) -> Any:
    """The simulator's control API, which no product code knows."""
    with urllib.request.urlopen(urljoin(os.environ["CLOUDSTACK_ENDPOINT"], f"/_simulator/{what}")) as answer:
        return json.load(answer)


def called(unit: dict[str, Any]) -> str:
    return f"{unit['type'].replace('_', ' ')} {unit['name']}"


def first(status: int, report: dict[str, Any], server: dict[str, Any]) -> list[str]:
    units = report["units"]
    failed = [unit for unit in units if unit["status"] == "failed"]
    expect([unit["name"] for unit in failed] == [BAD_PATCH], f"only {BAD_PATCH} fails")
    jobs = {job["id"]: job for job in server["jobs"]}
    said = {jobs[job]["status"] for job in failed[0]["job_ids"]}
    router = failed[0]["vms"][0]["name"]
    runs = server["vms"][router]["software"]
    expect(said == {1} and runs != server["version"], f"the job of {BAD_PATCH} succeeds and patches nothing")
    return [
        f"Exit status {status}, not 0, because not everything is done:",
        f"  {called(failed[0])}: the server says that its job succeeded, but its router {router} still runs {runs}.",
        f"  {left(report)}: a live patch cannot do it, only recreation.",
        f"All other {proven(report, server)} units are proven to run {server['version']}.",
    ]


def second(status: int, before: dict[str, Any], report: dict[str, Any], server: dict[str, Any]) -> list[str]:
    touched = [unit for unit in report["units"] if unit["job_ids"]]
    expect([unit["name"] for unit in touched] == [BAD_PATCH], f"the second run touches only {BAD_PATCH}")
    expect(touched[0]["status"] == "upgraded", f"the second run upgrades {BAD_PATCH}")
    expect(all(unit["status"] != "failed" for unit in report["units"]), "nothing fails in the second run")
    return [
        f"It touched only {called(touched[0])}, which is proven to run {server['version']} now.",
        f"Exit status {status} again, for one reason: {left(report)} still wait for recreation.",
        "",
        "What the simulated server itself wrote down during both runs:",
        *books(server, [before, report]),
    ]


def left(report: dict[str, Any]) -> str:
    """The units that only recreation can cure."""
    skipped = [unit for unit in report["units"] if unit["status"] == "skipped"]
    expect(sorted(unit["type"] for unit in skipped) == ["internal_lb", "vpc"], "a VPC and an internal LB VM are left")
    return " and ".join(called(unit) for unit in skipped)


def proven(report: dict[str, Any], server: dict[str, Any]) -> int:
    """How many units are reported as proven; the server must agree on each of their VMs."""
    good = [unit for unit in report["units"] if unit["status"] in ("upgraded", "current")]
    wrong = [
        vm["name"] for unit in good for vm in unit["vms"] if server["vms"][vm["name"]]["software"] != server["version"]
    ]
    expect(not wrong, f"what is called proven is true, also of {', '.join(wrong)}")
    return len(good)


def books(server: dict[str, Any], reports: list[dict[str, Any]]) -> list[str]:
    journal = ask("journal")
    reported = [job for report in reports for unit in report["units"] for job in unit["job_ids"]]
    expect(sorted(call["job_id"] for call in journal) == sorted(reported), "each job is in exactly one report, once")
    last = reports[-1]
    number = proven(last, server)
    lines = [f"  {len(journal)} calls that change something; each stands in one of the two reports."]
    for kind, name in (("router", "routers"), ("systemvm", "system VMs")):
        patches = Counter(vm["patches"] for vm in server["vms"].values() if vm["kind"] == kind)
        expect(set(patches) <= {0, 1, 2}, "no VM is patched more than twice")
        lines.append(f"  {patches[1]} {name} live patched, each once.")
        twice = [vm["name"] for vm in unit_vms(last, BAD_PATCH)] if kind == "router" else []
        found = [vm for vm, facts in server["vms"].items() if facts["kind"] == kind and facts["patches"] == 2]
        expect(found == twice, f"only the router of {BAD_PATCH} is patched twice")
        lines += [f"  {vm} of {BAD_PATCH} live patched twice: the first time in vain." for vm in found]
    lines.append(f"  {number} of {len(last['units'])} units run {server['version']}.")
    return lines


def unit_vms(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [vm for unit in report["units"] if unit["name"] == name for vm in unit["vms"]]


def main() -> None:
    status = int(sys.argv[1])
    reports = [json.loads(Path(folder, "report.json").read_text(encoding="utf-8")) for folder in sys.argv[2:]]
    expect(status != 0 and reports[-1]["status"] == "incomplete", "the playbook fails as long as something is left")
    server = ask("state")
    lines = first(status, reports[0], server) if len(reports) == 1 else second(status, reports[0], reports[1], server)
    print("", *(f">>> {line}".rstrip() for line in lines), sep="\n")


if __name__ == "__main__":
    main()
