# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and results as one report. Pure: plain data in, plain data out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from ...module_utils.knowledge.durations import iso_time
from ...module_utils.knowledge.shapes import (
    ApprovedData,
    CheckedPlan,
    NightCount,
    PlacedUnit,
    ReportData,
    ReportedUnit,
    RestartData,
    ResultData,
    UnitData,
    UnitOutcome,
    VmData,
    VmFacts,
)
from ...module_utils.knowledge.vocabulary import SYSTEM_VMS
from .gaps import gap_summary
from .wording import FORESEEN, GOOD, night_time

T = TypeVar("T")

METHOD_STATUS = {"none": "current", "skip": "skipped"}
FIRST = "Nothing was touched. Put right what it says first."
AT_WORK = "at work when this was written; a job that still runs is waited for by the next run"
IN_PROGRESS = "running"  # the status of a run that has not come to its end
IMAGINED = "in this night, with what was imagined to go wrong"
PLANNED = "planned"  # the status of a page of a plan
BROKEN_OFF = "BrokenOff"  # why a run is incomplete that something else than a unit has ended


def build_report(
    plan: CheckedPlan,
    results: Iterable[ResultData],
    *,
    finished: str | None = None,
    error: str | None = None,
    running: Mapping[str, str] | None = None,
    rollouts: Sequence[Mapping[str, Any]] = (),
) -> ReportData:
    """Every unit of the plan exactly once, with its result where it has one.

    :param plan: with its C(checks), and when the run C(started).
    :param results: the C(results) of all module calls, in their order.
    :param finished: None of a run that goes on.
    :param error: what broke the run off, if anything did.
    :param running: the units that are at work, by id, and since when.
    :param rollouts: of each module call the notes about the whole, and the guard that was in force.
    :returns: C(status) is C(success) only if there are units and every one is proven current; C(refused) if a check
        failed before anything was touched; C(empty) if nothing is in scope; C(error) if there is no plan; C(running) of
        a run that goes on; else C(incomplete). C(code) says why in one word: C(Failed) if a unit failed, C(BrokenOff),
        or what kept all that is left from being begun, such as C(Deadline). C(next) says what to do about it.
        C(not_handled) and C(drift) are the plan's: of before the run. C(gaps) is as gap_summary. C(restarts) are those
        that failed elsewhere than in these units.
    """
    by_id = {result["id"]: result for result in results}
    estimate = plan.get("estimate")
    at_work, checks = running or {}, plan.get("checks", ())
    refused = not by_id and any(check["status"] == "fail" for check in checks)
    waits = "not yet its turn" if finished is None else "the run ended before its turn"
    not_started = "a check failed" if refused else waits
    units = [
        _reported(unit, by_id.get(unit["id"]), at_work.get(unit["id"]), not_started) for unit in plan.get("units", ())
    ]
    summary = Counter(unit["status"] for unit in units)
    if "units" not in plan:
        status = "error"
    elif refused:
        status = "refused"
    elif finished is None:
        status = IN_PROGRESS
    else:
        status = _status(summary, error)
    return {
        "status": status,
        "code": _code(units, error) if status == "incomplete" else "",
        "error": error or None,
        "next": _next(status, set(summary)),
        "scope": plan.get("scope"),
        "approved": _approved(plan, units),
        "started": plan["started"],
        "finished": finished,
        "management_server_version": plan.get("management_server_version"),
        "expected": estimate["span"] if estimate else None,
        "summary": dict(summary),
        "guards": sorted({rollout["guard"] for rollout in rollouts} - {"unknown"}),
        "notes": [*plan.get("notes", ()), *(note for rollout in rollouts for note in rollout["notes"])],
        "checks": list(checks),
        "not_handled": list(plan.get("not_handled", ())),
        "drift": plan.get("drift"),
        "steps": list(plan.get("steps", ())),
        "gaps": gap_summary(units),
        "restarts": list(plan.get("restarts", ())),
        "units": units,
    }


def broken_off(report: ReportData, finished: str, error: str) -> ReportData:
    """The last report of a run that was killed; as it is if it tells already how the run ended.

    :param finished: when it was alive for the last time.
    :param error: what is known about its end.
    """
    if report["status"] != IN_PROGRESS:
        return report
    status = _status(report["summary"], error)
    next_ = _next(status, set(report["summary"]))
    return {**report, "status": status, "code": BROKEN_OFF, "error": error, "next": next_, "finished": finished}


def planned_report(plan: CheckedPlan, ended: Mapping[str, str] | None = None) -> ReportData:
    """A plan as the report of a run that goes as it was rehearsed, for its page; from the first night, or now, on.

    :param ended: how units end, by id, that are not upgraded.
    """
    report = build_report(plan, ())
    campaign, estimate = plan["campaign"], plan["estimate"]
    begin = datetime.fromisoformat(campaign["nights"][0]["night"] if campaign else plan["started"])
    nights = {unit["id"]: unit["night"] for unit in plan["units"]}
    units = [
        unit if unit["step"] is None else _foretold(unit, begin, nights[unit["id"]], (ended or {}).get(unit["id"]))
        for unit in report["units"]
    ]
    expected = [estimate["words"] if estimate else "", campaign["words"] if campaign else ""]
    return {
        **report,
        "status": {IN_PROGRESS: PLANNED if units else "empty"}.get(report["status"], report["status"]),
        "next": None,
        "expected": "; ".join(filter(None, expected)) or None,
        "summary": dict(Counter(unit["status"] for unit in units)),
        "units": units,
    }


def _foretold(unit: ReportedUnit, begin: datetime, night: str | None, ended: str | None) -> ReportedUnit:
    """
    :param night: in which it is done; the timeline is of the first one.
    :param ended: how, if it is not upgraded.
    """
    tonight = night is None or datetime.fromisoformat(night) == begin
    when = unit["predicted"] if tonight else None
    started = iso_time(begin.timestamp() + when["start_s"]) if when else None
    finished = iso_time(begin.timestamp() + when["end_s"]) if when else None
    lasts = round(when["end_s"] - when["start_s"], 1) if when else None
    reason = unit["planned"] if night is None else f"{night_time(night)}: {unit['planned']}"
    status, reason = (ended, IMAGINED) if ended else (PLANNED, reason)
    told = {"status": status, "reason": reason, "started": started, "finished": finished, "duration_s": lasts}
    return cast(ReportedUnit, {**unit, **told})


def caught_up(report: ReportData, running: Mapping[str, str], results: Mapping[str, ResultData]) -> ReportData:
    """A report with what became of its units since it was written.

    :param running: those at work, by id, and since when; I(results) likewise of those that have ended.
    """
    units = [_caught_up(unit, running.get(unit["id"]), results.get(unit["id"])) for unit in report["units"]]
    return {
        **report,
        "units": units,
        "summary": dict(Counter(unit["status"] for unit in units)),
        "gaps": gap_summary(units),
    }


def _caught_up(unit: ReportedUnit, running_since: str | None, result: ResultData | None) -> ReportedUnit:
    if unit["status"] not in ("not_started", "running") or not (running_since or result):
        return unit
    vms = [{"id": vm["id"], "name": vm["name"], **(vm["before"] or {})} for vm in unit["vms"]]
    return _reported(cast(UnitData, {**unit, "reason": unit["planned"], "vms": vms}), result, running_since, "")


def refused(report: ReportData) -> ReportData:
    """The report of a run that something else than a check has refused, as its error says."""
    return {**report, "status": "refused", "code": "", "next": FIRST}


def foreseen(report: ReportData) -> ReportData:
    """The report of a run in check mode, which has changed nothing."""
    status = FORESEEN.get(report["status"])
    if status is None:
        return report
    return {**report, "status": status, "next": "This was check mode: run again without --check to upgrade."}


def _status(summary: Mapping[str, int], error: str | None) -> str:
    if not summary:
        return "empty"
    return "success" if not error and set(summary) <= GOOD else "incomplete"


def _code(units: Sequence[ReportedUnit], error: str | None) -> str:
    bad = [unit for unit in units if unit["status"] not in GOOD]
    if any(unit["status"] in ("failed", "degraded", "skipped") for unit in bad):
        return "Failed"
    if error:
        return BROKEN_OFF
    codes = {unit["code"] for unit in bad}
    return codes.pop() if len(codes) == 1 else "NotStarted"


def _approved(plan: CheckedPlan, units: Sequence[ReportedUnit]) -> ApprovedData | None:
    """What became of the approved plan, with what is still left of each night."""
    approved = plan.get("approved")
    if not approved:
        return None
    acting = {unit["id"]: unit["night"] for unit in plan["units"] if unit["step"] is not None}
    done = Counter(acting[unit["id"]] for unit in units if unit["id"] in acting and unit["status"] in GOOD)
    nights: list[NightCount] = [{**each, "left": each["left"] - done[each["night"]]} for each in approved["nights"]]
    return {**approved, "nights": nights}


def _next(status: str, ends: Collection[str]) -> str | None:
    """What a person should do now; None if nothing is left to do."""
    if status in ("success", IN_PROGRESS):
        return None
    if status == "error":
        return FIRST
    if status == "refused":
        return "Do what the failed checks ask for, then run again."
    if status == "empty":
        return "Widen the scope, or leave this run out: there is nothing that it could prove."
    if set(ends) <= GOOD:
        return "All units are proven current; see what broke the run off."
    if "skipped" in ends and not {"failed", "running", "left_running", "not_started"} & set(ends):
        return "What is left was skipped: running again changes nothing before the reasons are gone."
    return "Run again to go on: what is current is left alone."


def _reported(unit: UnitData, result: ResultData | None, running_since: str | None, not_started: str) -> ReportedUnit:
    """One unit: the plan's words, overlaid by what became of it."""
    method = unit["method"]
    if result:
        outcome: UnitOutcome = result
        method = method if result["status"] in METHOD_STATUS.values() else result["method"]
    else:
        status, reason = METHOD_STATUS.get(method, "not_started"), unit["reason"]
        if running_since:
            status, reason = "running", AT_WORK
        elif method not in METHOD_STATUS:
            reason = not_started
        outcome = {
            "status": status,
            "reason": reason,
            "code": unit["code"] if status in METHOD_STATUS.values() else "",
            "conditions": unit["conditions"],
            "job_ids": [],
            "started": running_since,
            "finished": None,
            "duration_s": None,
            "vms": [
                {"id": vm["id"], "name": vm["name"], "before": _facts(vm), "after": _facts(vm)} for vm in unit["vms"]
            ],
        }
    return {
        **_part(unit, PlacedUnit),
        "method": method,
        "planned": unit["reason"],
        "impact": unit["impact"],
        **_part(outcome, UnitOutcome),
        "worked_s": result["worked_s"] if result else None,
        "notes": result["notes"] if result else [],
        "gap_s": result["gap_s"] if result else None,
        "endpoints": result["endpoints"] if result else [],
        "restarts": _restarts(unit, outcome, result["restarts"] if result else []),
        "evidence": None,
    }


def _restarts(unit: UnitData, outcome: UnitOutcome, restarts: Iterable[RestartData]) -> list[RestartData]:
    """The last restart of each network whose end is known: of this run, or else of an earlier one.

    A unit that was touched and is not proven may lack rules; what of its networks this run restarted does not.
    """
    ours = {restart["network_id"]: restart for restart in restarts}
    known = {restart["network_id"]: restart for restart in unit["restarts"]} | ours
    touched = outcome["job_ids"] or outcome["status"] == "running"
    if touched and outcome["status"] not in GOOD and unit["kind"] not in SYSTEM_VMS and unit["id"] not in ours:
        known[unit["id"]] = {
            "network_id": unit["id"],
            "job_id": next(iter(outcome["job_ids"][-1:]), ""),
            # Not later than what of it was restarted by then; the two clocks may differ.
            "created": min((restart["created"] for restart in ours.values()), default=outcome["started"] or ""),
            "succeeded": False,
            "why": f"an earlier run left it {outcome['status']}: {outcome['reason']}",
        }
    return list(known.values())


def _facts(vm: VmData) -> VmFacts:
    return cast(VmFacts, {key: value for key, value in vm.items() if key not in ("id", "name")})


def _part(whole: Mapping[str, Any], shape: type[T]) -> T:
    return cast(T, {key: whole[key] for key in shape.__annotations__})
