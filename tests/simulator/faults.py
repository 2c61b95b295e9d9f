# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: what goes wrong, where, and how often."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.simulator.events import ALERT_NAMES

# What happens to an HTTP exchange
HTTP_KINDS = {
    "http_status",
    "html",
    "truncated_json",
    "empty_body",
    "wrong_content_type",
    "slow",
    "drop_before",
    "drop_after",
    "refuse",
    "count_lies",
    "drops_rows",
    "repeats_page",
    "list_shrinks",
    "list_moves",
}
# How a job ends
JOB_KINDS = {"job_lost", "job_cancelled", "job_never_ends", "job_fails"}
# What happens to a VM
VM_KINDS = {
    "silent_patch_failure",
    "patch_failure",
    "patch_answer",
    "agent_lost",
    "no_answer",
    "rules_fail",
    "pair_breaks",
    "health_check_fails",
    "server_dies",
    "stale_scripts",
    "capacity_failure",
    "start_failure",
    "agent_never_up",
    "vanish_before",
    "vanish_after",
    "alert",
    "ping_fails",
    "stays_expunging",
}
# What happens to a request with a job id of the client's choice that another job has
DUPLICATE_KINDS = {"duplicate_race"}
# What holds as long as the fault is set
LASTING_KINDS = {"clock_skew", "stale_reads", "late_jobs"}
KINDS = HTTP_KINDS | JOB_KINDS | VM_KINDS | DUPLICATE_KINDS | LASTING_KINDS

OPTIONS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "http_status": {"status": int, "body": str, "phase": str, "text": str},
    "html": {"status": int, "phase": str},
    "truncated_json": {},
    "empty_body": {},
    "wrong_content_type": {"content_type": str},
    "slow": {"seconds": (int, float)},
    "drop_before": {},
    "drop_after": {},
    "refuse": {"seconds": (int, float)},
    "count_lies": {"by": int},
    "drops_rows": {"rows": list, "every": int, "count": str},
    "repeats_page": {},
    "list_shrinks": {"by": int},
    "list_moves": {"by": int},
    "job_lost": {"work_done": bool, "goes_on": bool, "seconds": (int, float)},
    "job_cancelled": {"work_done": bool, "seconds": (int, float)},
    "job_never_ends": {"work_done": bool},
    "job_fails": {"work_done": bool, "seconds": (int, float), "text": str, "code": int},
    "patch_failure": {"text": str},
    "patch_answer": {"answer": str},
    "agent_lost": {"text": str},
    "no_answer": {"text": str},
    "pair_breaks": {"states": list},
    "health_check_fails": {"check": str, "status": str},
    "server_dies": {"down_seconds": (int, float)},
    "alert": {"text": str, "type": int, "seconds": (int, float)},
    "ping_fails": {"text": str},
    "clock_skew": {"seconds": (int, float)},
    "stale_reads": {"seconds": (int, float)},
    "late_jobs": {"seconds": (int, float), "every": int},
}
MATCH_KEYS = {"command", "name", "id"}
PHASES = {"before", "after"}
COUNTS = {"lowered", "kept"}


@dataclass
class Fault:
    kind: str
    match: dict[str, str] = field(default_factory=dict)
    nth: int = 1
    """The first match that it strikes."""
    times: int | None = 1
    """How many matches it strikes; None: all."""
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0

    @classmethod
    def parse(cls, spec: Any) -> Fault:
        if not isinstance(spec, dict) or spec.get("kind") not in KINDS:
            raise ValueError(f"a fault needs a kind, one of {', '.join(sorted(KINDS))}: {spec!r}")
        kind = spec["kind"]
        allowed = OPTIONS.get(kind, {})
        options = {}
        for key, value in spec.items():
            if key in ("kind", "match", "nth", "times"):
                continue
            if key not in allowed:
                raise ValueError(f"fault {kind}: unknown key {key!r}, allowed: {', '.join(sorted(allowed)) or 'none'}")
            if not isinstance(value, allowed[key]):
                raise ValueError(f"fault {kind}: {key} has the wrong type: {value!r}")
            options[key] = value
        if options.get("count", "lowered") not in COUNTS:
            raise ValueError(f"fault {kind}: count is lowered or kept, not {options['count']!r}")
        if options.get("phase", "before") not in PHASES:
            raise ValueError(f"fault {kind}: phase is before or after, not {options['phase']!r}")
        if kind == "alert" and options.get("type", 9) not in ALERT_NAMES:
            raise ValueError(f"fault alert: type is one of {', '.join(map(str, ALERT_NAMES))}, not {options['type']!r}")
        match = spec.get("match", {})
        if not isinstance(match, dict) or not set(match) <= MATCH_KEYS:
            raise ValueError(f"fault {kind}: match takes {', '.join(sorted(MATCH_KEYS))}, not {match!r}")
        times = spec.get("times", 1)
        return cls(kind, match, int(spec.get("nth", 1)), None if times in ("always", None) else int(times), options)

    def matches(self, command: str, names: set[str], ids: set[str]) -> bool:
        match = self.match
        return (
            ("command" not in match or fnmatchcase(command.lower(), match["command"].lower()))
            and ("name" not in match or any(n == match["name"] or fnmatchcase(n, match["name"]) for n in names))
            and ("id" not in match or match["id"] in ids)
        )


class Faults:
    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def replace(self, specs: list[Any]) -> None:
        self.faults = [Fault.parse(spec) for spec in specs]

    def add(self, specs: list[Any]) -> None:
        self.faults += [Fault.parse(spec) for spec in specs]

    def take(self, kinds: set[str], command: str, names: set[str], ids: set[str]) -> Fault | None:
        """The fault that strikes now, if any; asking counts as one match for every fault that matches."""
        struck = None
        for fault in self.faults:
            if fault.kind not in kinds or not fault.matches(command, names, ids):
                continue
            fault.seen += 1
            exhausted = fault.times is not None and fault.struck >= fault.times
            if struck is None and fault.seen >= fault.nth and not exhausted:
                fault.struck += 1
                struck = fault
        return struck

    def lasting(self, kind: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.kind == kind), None)

    def clock_skew(self) -> float:
        fault = self.lasting("clock_skew") if self.faults else None
        return fault.options.get("seconds", 0.0) if fault else 0.0

    def wants_history(self) -> bool:
        return bool(self.faults) and self.lasting("stale_reads") is not None

    def stale_since(self, command: str) -> float | None:
        """The moment whose state a list answer shows; None: now."""
        fault = self.lasting("stale_reads") if self.faults else None
        if fault is None or not fault.matches(command, set(), set()):
            return None
        return time.time() - fault.options.get("seconds", 5.0)

    def job_lag(self) -> float:
        """How old the database is that the next question about jobs is answered from."""
        fault = self.lasting("late_jobs") if self.faults else None
        if fault is None:
            return 0.0
        fault.seen += 1
        late = fault.seen % fault.options.get("every", 1) == 0
        return float(fault.options.get("seconds", 2.0)) if late else 0.0

    def describe(self) -> list[dict[str, Any]]:
        return [
            {"kind": f.kind, "match": f.match, "nth": f.nth, "times": f.times, "struck": f.struck, **f.options}
            for f in self.faults
        ]
