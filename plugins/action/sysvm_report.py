# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the report of plan, checks and results, shows it, and writes all its files; then what is known of failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.cloud.evidence import MOST_UNITS
from ..module_utils.knowledge.shapes import ReportData
from ..module_utils.options.modules import CONNECTION
from ..module_utils.options.option import EVIDENCE
from ..module_utils.rollout.progress import LogFile, log_line
from ..plugin_utils.report.artifacts import report_artifact
from ..plugin_utils.report.build import build_report
from ..plugin_utils.report.text import outcome, report_text
from ..plugin_utils.report.write import (
    WriteError,
    known_restarts,
    last_report,
    write_evidence,
    write_metrics,
    write_report,
)
from ..plugin_utils.run import PlayContext, Run, message_of, now, show_warnings

MODULE = f"cloudstack.sysvm.{EVIDENCE}"
EXPECTED = "Check mode: nothing was touched. A run would be expected to end like this:"


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        spec = {
            "run": {"type": "path"},
            "plan": {"type": "dict"},
            "checks": {"type": "list", "elements": "dict"},
            "results": {"type": "list", "elements": "dict"},
            "started": {"type": "str"},
            "error": {"type": "str"},
            "folder": {"type": "str"},
        }
        spec |= {name: {"type": "raw"} for name in CONNECTION}
        dummy, args = self.validate_argument_spec(argument_spec=spec, mutually_exclusive=[("run", "plan")])
        around = PlayContext(self, task_vars)
        variables = around.readable(
            "report_dir", "progress", "log", "metrics_file", "evidence", "diagnostics", *CONNECTION
        )
        if args["folder"]:
            variables["report_dir"] = args["folder"]
        path = around.report_folder(variables)
        report = _report(args, last_report(path))
        lines = [EXPECTED] if self._task.check_mode else []
        around.show(lines + report_text(report, f"{path}/report.json"), variables["progress"])
        written: list[str] = []
        if not self._task.check_mode:
            result["warnings"] = _write_log(around, variables, report) + _write_metrics(around, variables, report)
            try:
                written, problems = write_report(path, report)
                if args["run"] and variables["evidence"]:
                    result["warnings"] += self._leave_evidence(around, variables, task_vars, path, report)
                    if any(unit["evidence"] for unit in report["units"]):
                        written, problems = write_report(path, report)
            except WriteError as error:
                result |= {"failed": True, "msg": str(error)}
            else:
                result["warnings"] += problems
                around.show([f"Report: {file}" for file in written], variables["progress"])
        result["warnings"] = show_warnings(result.get("warnings", ()))
        return {
            **result,
            "changed": bool(written),
            "files": written,
            "artifact": report_artifact(report, written),
            **{key: report[key] for key in ("status", "summary", "next", "scope")},
        }

    def _leave_evidence(
        self,
        around: PlayContext,
        variables: Mapping[str, Any],
        task_vars: dict[str, Any] | None,
        folder: str,
        report: ReportData,
    ) -> list[str]:
        """What the server tells about the units that failed, in folders that these name then as C(evidence).

        It comes after the report and changes nothing about how the run ends.

        :returns: what went wrong.
        """
        failed = [unit for unit in report["units"] if unit["status"] == "failed"]
        if not failed:
            return []
        args = {"units": failed[:MOST_UNITS], "diagnostics": variables["diagnostics"], **around.connection(variables)}
        try:
            read = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
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
        around.show([f"Evidence: {folder}/evidence/", *more], variables["progress"])
        return list(read.get("warnings", ()))


def _write_log(around: PlayContext, variables: Mapping[str, Any], report: ReportData) -> list[str]:
    """How the run ended, in a line that is the only one where nothing was begun. What went wrong."""
    log = LogFile(around.path(variables["log"], own=True) if variables["log"] else None)
    told = [outcome(report), report.get("scope"), report.get("error")]
    log(log_line("end", " ".join(". ".join(filter(None, told)).split())))
    return log.warnings


def _write_metrics(around: PlayContext, variables: Mapping[str, Any], report: ReportData) -> list[str]:
    """What went wrong: metrics must not change how a run ends."""
    path = around.metrics_file(variables)
    if path is not None:
        try:
            write_metrics(path, report, host=around.host, in_progress=False)
        except WriteError as error:
            return [str(error)]
    return []


def _report(args: Mapping[str, Any], last: Mapping[str, Any]) -> ReportData:
    plan: Any
    plan, results, running, rollouts = args["plan"] or {}, args["results"] or [], {}, []
    if args["run"]:
        run = Run(args["run"])
        plan, results, running, rollouts = run.plan(), run.results(), run.running(), run.rollouts()
    if not plan:  # there was none, so nothing was done about what the last report remembers
        plan = {"restarts": [restart for restart in known_restarts(last) if not restart["succeeded"]]}
    plan = {"checks": args["checks"] or [], "started": now(), **plan}
    plan["started"] = args["started"] or plan["started"]
    return build_report(
        plan,
        results,
        finished=now(),
        error=args["error"],
        running=running,
        rollouts=rollouts,
    )
