# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what the playbook reported with what the simulated server itself wrote down, and says it in words.

python -m tests.demo.judge STATUS FIRST [SECOND [THIRD]] - the exit status of the last run, and the folders of the
reports so far.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

BAD_PATCH = "telemetry-003"  # the estate's fault: its first two patches do nothing
BAD_RULES = "intranet-004"  # the other one: the rules fail after its patch
FIRST_BOOKWORM = (4, 20)  # the first patch of an older template leaves the old checksum, and its job fails

OFF_S = 0.7  # a gap may be measured so wrongly while many addresses share 50 attempts a second

Data = dict[str, Any]


def expect(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"\nNot as it should be: {what}.")


def ask(what: str) -> Any:
    """The simulator's control API, which no product code knows."""
    with urllib.request.urlopen(urljoin(os.environ["CLOUDSTACK_ENDPOINT"], f"/_simulator/{what}")) as answer:
        return json.load(answer)


def first(status: int, report: Data, server: Data) -> list[str]:
    expect(status != 0 and report["status"] == "incomplete", "the first run fails")
    bad = [unit for unit in report["units"] if unit["status"] not in ("upgraded", "current")]
    expect([(unit["name"], unit["status"]) for unit in bad] == [(BAD_PATCH, "failed")], f"only {BAD_PATCH} fails")
    jobs = {job["id"]: job for job in server["jobs"]}
    router = bad[0]["vms"][0]["name"]
    runs = software(server["vms"][router])
    mended = next(unit for unit in report["units"] if unit["name"] == BAD_RULES)
    expect("a restart has applied its rules since" in mended["reason"], f"the rules of {BAD_RULES} are mended")
    expect(all(jobs[job]["status"] == 2 for job in bad[0]["job_ids"]), f"both jobs of {BAD_PATCH} fail")
    expect(runs != server["version"], f"the patches of {BAD_PATCH} do nothing")
    number = proven(report, server)
    same = [unit for unit in touched(report) if unit is not bad[0] and jobs[unit["job_ids"][0]]["status"] == 2]
    expect(len(same) > 1, "the first job of others fails, too")
    proved = f"The other {number} units are proven to run {server['version']}"
    return [
        f"Exit status {status}, not 0: both jobs of network {BAD_PATCH} failed, and its router {router} runs {runs}.",
        f"{proved}, though the first job of {len(same)} said the same:",
        "their first patch had left the old checksum, and what they needed was a second one.",
        f"Of network {BAD_RULES} the patch worked and the rules failed: one restart more has applied them.",
        gaps(report),
    ]


def second(status: int, reports: list[Data], server: Data) -> list[str]:
    expect(status == 0 and reports[1]["status"] == "success", "the second run succeeds")
    expect([unit["name"] for unit in touched(reports[1])] == [BAD_PATCH], f"the second run touches only {BAD_PATCH}")
    calls = accounted(reports)
    number = proven(reports[1], server)
    routers = {name: vm["patches"] for name, vm in server["vms"].items() if vm["kind"] == "router" and vm["patches"]}
    system_vms = [vm["patches"] for vm in server["vms"].values() if vm["kind"] == "systemvm" and vm["patches"]]
    again = [vm["name"] for vm in touched(reports[1])[0]["vms"]]
    needed = {name: 1 if template(server["vms"][name]) >= FIRST_BOOKWORM else 2 for name in routers}
    more = [name for name in routers if routers[name] != needed[name]]
    expect(
        more == again, f"no router but that of {BAD_PATCH} is patched more often than it needs, also {', '.join(more)}"
    )
    expect(set(system_vms) == {1}, "each system VM is patched once")
    return [
        f"Exit status 0: all {number} units are proven. This run touched only {BAD_PATCH}.",
        "",
        "What the simulated server itself wrote down so far:",
        f"  {calls} calls that change something; each stands in exactly one of the two reports.",
        f"  {len(routers) - len(again)} routers live patched, each once, or twice if its template is older than 4.20;",
        f"  {again[0]} of {BAD_PATCH} {routers[again[0]]} times, twice in vain.",
        f"  {len(system_vms)} system VMs live patched, each once.",
    ]


def third(status: int, reports: list[Data], server: Data) -> list[str]:
    expect(status == 0 and reports[2]["status"] == "success", "the recreation succeeds")
    calls = accounted(reports)
    number = proven(reports[2], server)
    zone = reports[2]["units"][0]["zone"]
    vms = [vm for vm in server["vms"].values() if vm["zone"] == zone and not vm["removed"]]
    expect(all(vm["root"] == vm["template"] for vm in vms), f"every VM of {zone} has the new template")
    dark = [unit["name"] for unit in touched(reports[2]) if server["units"].get(unit["id"], {}).get("down")]
    expect(not dark, f"no network is ever without a running router, also not {', '.join(dark)}")
    return [
        f"Exit status 0: all {number} units of {zone} are proven; {len(touched(reports[2]))} of them were recreated.",
        "",
        "What the simulated server itself wrote down:",
        f"  {calls} calls that change something in all; each stands in exactly one of the three reports.",
        f"  All {len(vms)} VMs of {zone} are from the template {vms[0]['template']}.",
        "  None of the recreated networks and VPCs was without a running router at any moment.",
    ]


def touched(report: Data) -> list[Data]:
    return [unit for unit in report["units"] if unit["job_ids"]]


def proven(report: Data, server: Data) -> int:
    """How many units are reported as proven; the server must agree on each of their VMs."""
    good = [unit for unit in report["units"] if unit["status"] in ("upgraded", "current")]
    names = [vm["name"] for unit in good for vm in unit["vms"] if vm["after"]]
    wrong = [name for name in names if software(server["vms"][name]) != server["version"]]
    expect(not wrong, f"what is called proven is true, also of {', '.join(wrong)}")
    books = [server["units"].get(unit["id"], {}) for unit in good]
    bare = [book["name"] for book in books if book.get("rules", "applied") != "applied"]
    expect(not bare, f"what is called proven has its rules, also {', '.join(bare)}")
    return len(good)


def gaps(report: Data) -> str:
    """What was measured from outside; what really listened there must agree."""
    books = {(each["address"], each["port"]): each["gone"] for each in ask("listeners")}
    measured = [
        (endpoint["longest_gap_s"], [end - start for start, end in books[endpoint["address"], endpoint["port"]] if end])
        for unit in report["units"]
        for endpoint in unit["endpoints"]
        if endpoint["before"]
    ]
    expect(bool(measured), "something is measured from outside")
    wrong = [(told, true) for told, true in measured if min(abs(told - each) for each in [*true, 0.0]) > OFF_S]
    expect(not wrong, f"gaps are those of the listeners, also {wrong[:3]}")
    longest = max(told for told, _true in measured)
    return (
        f"From outside {len(measured)} addresses were tried, the longest gap was {longest:g} s; their listeners agree."
    )


def template(vm: Data) -> tuple[int, ...]:
    """The version of the one it was built from."""
    return tuple(map(int, vm["root"].split(".")))


def software(vm: Data) -> str:
    """What really is on the disk. Of routers the server also keeps a claim, and of internal LB VMs not even that."""
    return vm.get("scripts") or vm["software"]


def accounted(reports: list[Data]) -> int:
    """How many calls changed something; the reports must account for each."""
    journal = [call for call in ask("journal") if call["accepted"]]
    reported = [job for report in reports for unit in report["units"] for job in unit["job_ids"]]
    other = [f"{call['command']} of {call['target']}" for call in journal if reported.count(call["job_id"]) != 1]
    expect(not other, f"each call stands in exactly one report, also {', '.join(other)}")
    expect(len(journal) == len(reported), "each reported job was a call")
    return len(journal)


def main() -> None:
    status = int(sys.argv[1])
    reports = [json.loads(Path(folder, "latest/report.json").read_text(encoding="utf-8")) for folder in sys.argv[2:]]
    server = ask("state")
    if len(reports) == 1:
        lines = first(status, reports[0], server)
    elif len(reports) == 2:
        lines = second(status, reports, server)
    else:
        lines = third(status, reports, server)
    print("", *(f">>> {line}".rstrip() for line in lines), sep="\n")


if __name__ == "__main__":
    main()
