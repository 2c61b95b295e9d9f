# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the report of plan, checks and results, shows it, and writes all its files; then what is known of failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError

from ..module_utils.cloud.evidence import MOST_UNITS
from ..module_utils.knowledge.shapes import ReportData
from ..module_utils.options.modules import CONNECTION
from ..module_utils.options.option import EVIDENCE
from ..plugin_utils.all_runs import keep_index
from ..plugin_utils.local_action import LocalAction
from ..plugin_utils.report.artifacts import report_artifact
from ..plugin_utils.report.build import BROKEN_OFF, build_report, foreseen, refused
from ..plugin_utils.report.runs import UPGRADE
from ..plugin_utils.report.text import report_text
from ..plugin_utils.report.write import WriteError, write_evidence, write_metrics
from ..plugin_utils.run import NOTHING_PLANNED, PlayContext, Run, message_of, show_warnings
from ..plugin_utils.run_folder import RunFolder, now

MODULE = f"cloudstack.sysvm.{EVIDENCE}"
EXPECTED = "Check mode: nothing was changed. A run is expected to end like this:"


class ActionModule(LocalAction):
    spec = {
        "run": {"type": "path"},
        "plan": {"type": "dict"},
        "checks": {"type": "list", "elements": "dict"},
        "results": {"type": "list", "elements": "dict"},
        "started": {"type": "str"},
        "error": {"type": "str"},
        "folder": {"type": "str"},
        **{name: {"type": "raw"} for name in CONNECTION},
    }
    constraints = {"mutually_exclusive": [("run", "plan")]}

    def act(self, around: PlayContext, args: Mapping[str, Any]) -> dict[str, Any]:
        around.read_some("report_dir", "progress", "metrics_file", "evidence", "keep_runs", "hooks", *CONNECTION)
        run = Run(args["run"]) if args["run"] else None
        report, checking, written = _report(args, run), around.checking, list[str]()
        report = foreseen(report) if checking else report
        failure, warnings = dict[str, Any](), list[str]()
        try:
            folder = None if checking else _folder(args, run, around)
        except WriteError as error:
            folder, failure = None, {"failed": True, "msg": str(error)}
        lines = [EXPECTED] if checking else []
        around.show(lines + report_text(report, f"{folder.path}/report.json" if folder else None))
        if not checking:
            warnings += _write_metrics(around, report)
        if folder is not None:
            try:
                written, problems = folder.end(report)
                warnings += problems
                if run and around.variables["evidence"] != "none":
                    warnings += self._leave_evidence(around, folder.path, report)
                    if any(unit["evidence"] for unit in report["units"]):
                        written, problems = folder.save(report)
            except WriteError as error:
                failure = {"failed": True, "msg": str(error)}
            else:
                keep_index(around.report_folder, around.base)
                around.show([f"Report: {file}" for file in written])
        return {
            **failure,
            "warnings": show_warnings(warnings),
            "changed": bool(written),
            "files": written,
            "artifact": report_artifact(report, written),
            "hooks": _hooks(around, report, folder),
            **{key: report[key] for key in ("status", "summary", "next", "scope")},
        }

    def _leave_evidence(self, around: PlayContext, folder: str, report: ReportData) -> list[str]:
        """What the server tells about the units that failed, in folders that these name then as C(evidence).

        It comes after the report and changes nothing about how the run ends.

        :returns: what went wrong.
        """
        failed = [unit for unit in report["units"] if unit["status"] == "failed"]
        if not failed:
            return []
        args = {
            "units": failed[:MOST_UNITS],
            "diagnostics": around.variables["evidence"] == "diagnostics",
            **around.connection(),
        }
        try:
            read = self._execute_module(module_name=MODULE, module_args=args, task_vars=around.vars)
        except AnsibleError as error:
            read = {"failed": True, "msg": str(error)}
        if read.get("failed") or read.get("unreachable"):
            return [f"There is no evidence about what failed: {message_of(read)}"]
        units = {unit["id"]: unit for unit in failed}
        try:
            for each in read["evidence"]:
                units[each["unit"]["id"]]["evidence"] = write_evidence(folder, each, report)
        except WriteError as error:
            return [str(error)]
        left = len(failed) - len(read["evidence"])
        more = [f"Evidence: of {left:,} more that failed there is none"] if left else []
        around.show([f"Evidence: {folder}/evidence/", *more])
        return list(read.get("warnings", ()))


def _folder(args: Mapping[str, Any], run: Run | None, around: PlayContext) -> RunFolder:
    """Of the run; one of its own for a report of which there was no plan, and the one that is asked for.

    :raises WriteError: it cannot be made.
    """
    if args["folder"]:
        return RunFolder(around.path(args["folder"]))
    return (run and run.on_disk) or RunFolder.make(around.report_folder, UPGRADE, cloud=around.cloud)


def _write_metrics(around: PlayContext, report: ReportData) -> list[str]:
    """What went wrong: metrics must not change how a run ends."""
    if metrics := around.metrics():
        path, host = metrics
        try:
            write_metrics(path, report, host=host)
        except WriteError as error:
            return [str(error)]
    return []


def _hooks(around: PlayContext, report: ReportData, folder: RunFolder | None) -> list[dict[str, Any]]:
    """The operator's tasks at the end, or where nothing was touched."""
    moment = "refusal" if report["status"] in ("refused", "empty", "error") else "end"
    told = {"scope": report["scope"], "counts": report["summary"], "next": report["next"] or ""}
    return around.hook(moment, **told, report=folder.page if folder else "", reason=report["error"] or "")


def _report(args: Mapping[str, Any], run: Run | None) -> ReportData:
    plan: Any
    plan, results, running, rollouts, stopped, code = args["plan"] or {}, args["results"] or [], {}, [], "", ""
    if run:
        plan, results, running, rollouts = run.plan(), run.results(), run.running(), run.rollouts()
        stopped, code = run.stopped or run.refused, run.stop_code
    error = args["error"] or stopped or ("" if "units" in plan else NOTHING_PLANNED)
    plan = {"checks": args["checks"] or [], "started": now(), **plan}
    plan["started"] = args["started"] or plan["started"]
    report = build_report(plan, results, finished=now(), error=error, running=running, rollouts=rollouts)
    if run and run.refused:
        return refused(report)
    known = code and report["code"] == BROKEN_OFF and report["error"] == stopped
    return {**report, "code": code} if known else report
