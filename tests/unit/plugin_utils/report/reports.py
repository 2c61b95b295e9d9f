# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of each kind, for the tests of what is made of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.durations import iso_time
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report

MOST_ROWS, MOST_NAMES = 200, 20


T0 = 1_790_000_000.0


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 1 + 1 }} {% x %} {# y #} &amp; | a b *Käserei*"


OLD = {"state": "Running", "software_version": "4.19.1.0", "template_version": "4.19.1", "host": "h1"}


NEW = {**OLD, "software_version": "4.22.0.0"}


def planned(number: int = 1, **more: Any) -> Any:
    unit = {
        "id": f"id-{number}",
        "name": f"net-{number}",
        "kind": "network",
        "zone": "east",
        "hypervisor": "KVM",
        "hosts": ["h1"],
        "owner": {"account": "acme", "domain": "ROOT/Customers/Acme", "project": None},
        "step": 1,
        "predicted": None,
        "night": None,
        "method": "live_patch",
        "reason": "runs 4.19.1.0",
        "code": "OldVersion",
        "conditions": [],
        "impact": "DNS and DHCP pause for seconds",
        "vms": [{"id": f"vm-{number}", "name": f"r-{number}-VM", **OLD}],
        "restarts": [],
        "endpoints": [],
        "sensitive_services": [],
    }
    return {**unit, **more}


def result(number: int = 1, status: str = "upgraded", start: float = 0, length: float = 12.3, **more: Any) -> Any:
    facts = {
        "id": f"id-{number}",
        "method": "live_patch",
        "status": status,
        "code": "Done" if status == "upgraded" else "NoEffect",
        "conditions": [],
        "reason": "proven: runs 4.22.0.0" if status == "upgraded" else f"r-{number}-VM still reports 4.19.1.0",
        "job_ids": [f"6e29340c-e68e-434d-aea9-{number:012}"],
        "started": iso_time(T0 + start),
        "finished": iso_time(T0 + start + length),
        "duration_s": length,
        "vms": [
            {
                "id": f"vm-{number}",
                "name": f"r-{number}-VM",
                "before": OLD,
                "after": NEW if status == "upgraded" else OLD,
            }
        ],
        **{"worked_s": length, "notes": [], "gap_s": None, "endpoints": [], "restarts": []},
    }
    return {**facts, **more}


def report(units: Sequence[Mapping[str, Any]] = (), results: Sequence[Any] = (), **more: Any) -> Any:
    steps = sorted({unit["step"] for unit in units if unit["step"]})
    plan = {
        "management_server_version": "4.22.0.0",
        "steps": [{"number": step, "name": "router live patch", "units": []} for step in steps],
        "units": units,
    }
    facts: dict[str, Any] = {
        "checks": [{"name": "not_running", "status": "ok", "seen": "all run", "remedy": ""}],
        "started": "2026-09-21T13:33:00",
        "finished": "2026-09-21T14:35:05+00:00",
    }
    given: Any = {name: more.pop(name, facts[name]) for name in ("checks", "started")}
    given |= more.pop("plan", plan)
    return build_report(given, results, **{"finished": facts["finished"], **more})


def many(number: int) -> Any:
    """A pair in every tenth unit, one failure in fifty, ten at a time, the last hundred not started."""
    chance = random.Random(number)
    workers = [0.0] * 10
    units, results = [], []
    for at in range(number):
        unit = planned(at, id=f"45df7d2e-62f8-5058-a85f-{at:012}", name=f"customer-network-{at}", step=1 + (at >= 4))
        ended = result(at, chance.choice(["upgraded"] * 49 + ["failed"]), id=unit["id"])
        if at % 10 == 0:
            unit["vms"] = [*unit["vms"], {"id": f"vm-{at}b", "name": f"r-{at}b-VM", **OLD}]
            ended["vms"] = [*ended["vms"], {"id": f"vm-{at}b", "name": f"r-{at}b-VM", "before": OLD, "after": NEW}]
        units.append(unit)
        if at < number - 100:
            worker = workers.index(min(workers))
            ended["duration_s"] = round(chance.uniform(8, 30), 1)
            ended["started"] = iso_time(T0 + workers[worker])
            workers[worker] += ended["duration_s"]
            ended["finished"] = iso_time(T0 + workers[worker])
            results.append(ended)
    return report(units, results, error="the failure budget is used up after step 2 (router live patch)")


NOT_HANDLED = {"what": "shared file system", "name": "files", "id": "sf", "zone": "east", "because": "b", "remedy": "r"}


DRIFT: Any = {
    "running": [
        {"zone": "east", "hypervisor": "KVM", "group": "router", "software": "4.22.0.0", "scripts": "a" * 128,
         "digest": "sha512", "count": 12, "hosts": {"kvm1": 7, "kvm2": 5}},
        {"zone": "east", "hypervisor": "KVM", "group": "router", "software": "4.22.0.0", "scripts": "b" * 32,
         "digest": "md5", "count": 1, "hosts": {"kvm3": 1}},
        {"zone": "east", "hypervisor": "KVM", "group": "ssvm", "software": "4.22.0.0", "scripts": None,
         "digest": None, "count": 1, "hosts": {"kvm1": 1}},
    ],
    "odd": [
        {"id": "r", "name": "r-9-VM", "zone": "east", "hypervisor": "KVM", "host": "kvm3", "software": "4.22.0.0",
         "scripts": "b" * 32, "digest": "md5", "why": "it claims 4.22.0.0, but its checksum is an md5"},
    ],
    "agents": [{"zone": "east", "version": "4.22.0.0", "count": 3, "hosts": ["kvm1", "kvm2", "kvm3"]}],
    "not_running": 2,
}  # fmt: skip


def around(number: int = 1, **entry: Any) -> Any:
    """A report that tells what is around the units."""
    entries = [{**NOT_HANDLED, "name": f"files-{at}", **entry} for at in range(number)]
    plan = {"management_server_version": "4.22.0.0", "units": [planned()], "not_handled": entries, "drift": DRIFT}
    return report(plan=plan)


def everything() -> Any:
    """Each status once, among them one that is not known yet; every text says the worst it can."""
    evil = {"name": EVIL, "zone": EVIL, "hypervisor": EVIL, "reason": EVIL, "owner": {"account": EVIL, "domain": EVIL}}
    units = [
        planned(0, **{**evil, "id": EVIL, "vms": [{"id": EVIL, "name": EVIL, **OLD, "software_version": EVIL}]}),
        *(planned(number) for number in range(1, 6)),
        planned(6, step=None, method="none", reason="already runs 4.22.0.0"),
        planned(7, step=None, method="skip", reason="r-7-VM is Stopped"),
        planned(8, owner={"account": None, "domain": "ROOT", "project": "apollo"}, kind="ssvm", type="system_vm"),
    ]
    facts = {"before": {**OLD, "software_version": EVIL}, "after": {**OLD, "state": EVIL}}
    results = [
        result(0, "failed", id=EVIL, reason=EVIL, job_ids=[f"{EVIL} job"], vms=[{"id": EVIL, "name": EVIL, **facts}]),
        result(1),
        result(2, "current"),
        result(3, "skipped"),
        result(4, EVIL),
        result(5, "not_started", started=None, finished=None, duration_s=None, job_ids=[]),
    ]
    checks = [
        {"name": EVIL, "status": "warn", "seen": EVIL * 9, "remedy": EVIL},
        {"name": "permissions", "status": "fail", "seen": "seen", "remedy": ""},
        {"name": "fine", "status": "ok", "seen": "fine", "remedy": ""},
    ]
    return report(units, results, checks=checks, error=EVIL)


EDGES: dict[str, Any] = {
    "nothing in scope": report(),
    "no plan": report(plan={}, checks=[], error="api_key is missing", started="2026-09-21T13:33:00Z"),
    "refused": report(
        [planned(n) for n in range(30)], checks=[{"name": "c", "status": "fail", "seen": "", "remedy": ""}]
    ),
    "broken off at the end": report([planned()], [result()], error="interrupted"),
    "nothing started": report([planned()], error="interrupted"),
    "all current": report([planned(step=None, method="none", reason="already runs 4.22.0.0")]),
    "no time passes": report([planned()], [result(length=0.0)]),
    "days": report([planned(1), planned(2)], [result(1, length=400_000.0), result(2)]),
    "everything": everything(),
    "many": many(300),
}


each_edge = pytest.mark.parametrize("data", EDGES.values(), ids=list(EDGES))
