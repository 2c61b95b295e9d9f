# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the variables of a run and refuses what cannot be meant; then plans, checks and shows the plan."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.api.errors import SysvmError
from ..module_utils.cloud.endpoints import Probed
from ..module_utils.knowledge.counts import count
from ..module_utils.knowledge.durations import rough
from ..module_utils.options.modules import CONNECTION
from ..module_utils.options.option import CHECK
from ..module_utils.options.option_names import OptionError
from ..module_utils.options.probing import RATE
from ..module_utils.options.table import options_of
from ..module_utils.planning.checks.catalogue import probes_answer
from ..module_utils.planning.checks.registry import CheckResult
from ..module_utils.probing.probes import PLACES_VARIABLE
from ..plugin_utils.all_runs import at_work, keep_index, last_report, remove_old, reports
from ..plugin_utils.approved import GivenPlan, given_plan, handed_on
from ..plugin_utils.kept_plan import rehearsed_again
from ..plugin_utils.probe_hosts import ProbeHost, ProbeHosts, probe_hosts
from ..plugin_utils.report.artifacts import error_artifact, plan_artifact
from ..plugin_utils.report.gaps import known_gaps
from ..plugin_utils.report.runs import ENDED, PLAN, nights_of
from ..plugin_utils.report.text import drift_text, plan_text
from ..plugin_utils.report.wording import night_time
from ..plugin_utils.report.write import WriteError, known_durations, known_restarts, write_plan, write_plan_text
from ..plugin_utils.run import PlayContext, Run, end_left, message_of, show_warnings
from ..plugin_utils.run_folder import RunFolder, at_work_words, now

MODULE = f"cloudstack.sysvm.{CHECK}"
NO_MESSAGE = f"{MODULE} broke off without a message; -vvv shows what it wrote."


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        spec: dict[str, Any] = {**{name: {"type": "raw"} for name in CONNECTION}, "alternatives": {"type": "bool"}}
        self.validate_argument_spec(argument_spec=spec)
        try:
            return {**result, **self._planned(PlayContext(self, task_vars))}
        except SysvmError as error:
            return {**result, **_not_planned(str(error))}

    def _planned(self, around: PlayContext) -> dict[str, Any]:
        """:raises SysvmError: there is no plan."""
        started = now()
        around.refuse_unknown()
        around.read()
        around.refuse_absent_hosts()
        around.refuse_missing_hooks()
        around.refuse_shared_endpoint()
        approved = _approved(around)
        variables, base, anew = around.variables, around.report_folder, self._task.args.get("alternatives", False)
        if anew and not variables["rehearse"]:
            raise OptionError(
                "is false, so nothing would be rehearsed",
                option="rehearse",
                remedy="Leave it out, or run check_sysvms for the plan alone.",
            )
        end_left("the play began anew with a plan", base)
        kept = variables["rehearse"].get("plan") if anew and isinstance(variables["rehearse"], dict) else None
        checked = _kept(around, kept) if kept else self._ask(around, approved, anew)
        warnings = show_warnings(checked.get("warnings", ()))
        if checked.get("failed"):
            return {"warnings": warnings, **_not_planned(message_of(checked) or NO_MESSAGE)}
        plan, checks, notes, cloud = checked["plan"], checked["checks"], checked["notes"], checked["cloud"]
        run = Run.begin()
        run.keep_plan({**plan, "scene": None}, checks=checks, started=started, notes=notes)
        whole: Any = {"started": started, **plan, "checks": checks}
        folder, path, problem = None, None, ""
        if not around.checking:
            try:
                facts = {"cloud": cloud, "scope": plan["scope"], "since": started, "nights": nights_of(plan)}
                folder = RunFolder.make(base, PLAN, state=ENDED, **facts)
                path, problems = write_plan(folder.path, whole)
                warnings += show_warnings(problems)
                remove_old(base, variables["keep_runs"])
                keep_index(base, around.base)
            except WriteError as error:
                problem = str(error)
                warnings += show_warnings([problem])
        run.keep("on_disk", {"path": folder.path if folder else None, "problem": problem})
        lines = drift_text(plan["drift"], path) if variables["drift"] else plan_text(plan, checks, path)
        lines += ["", *notes] if notes else []
        if variables["soak"] and any(step["canary"] for step in plan["steps"]) and not variables["drift"]:
            lines += ["", f"Soak: the canaries are watched for {rough(variables['soak'])} before they count as done"]
        lines += ["", f"Page: {folder.path}/plan.html"] if folder and path else []
        around.show(lines)
        if folder and path:
            write_plan_text(folder.path, lines)
        # For a look at what is there it does not matter whether an upgrade might start.
        refused = "" if variables["drift"] else _refusal(plan, checks)
        return {
            "warnings": warnings,
            "changed": False,
            "refused": refused,
            "run": run.folder,
            "steps": [] if refused else [_outline(step) for step in plan["steps"]],
            "scope": plan["scope"],
            "forecast": _pair(plan["forecast"]),
            "drift": variables["drift"],
            "summary": checked["summary"],
            "report": folder.page if folder else "",
            "artifact": {
                **plan_artifact(plan, checks, path),
                "handed_on": handed_on(plan, f"{folder.path}/plan.csv" if folder and path else None),
                "error": refused,
            },
        }

    def _ask(self, around: PlayContext, approved: GivenPlan | None, alternatives: bool) -> dict[str, Any]:
        """What the module that plans says of the cloud, with notes on its plan.

        :raises SysvmError: for hosts that cannot probe.
        """
        variables = around.variables
        wanted = {name: variables[name] for name in options_of(CHECK) if variables.get(name) not in (None, "", [])}
        cloud, base = around.cloud, around.report_folder
        last = last_report(base, cloud)
        args = {
            **around.connection(),
            **wanted,
            "known_restarts": known_restarts(last),
            "known_durations": known_durations(reports(base, cloud)),
            "known_gaps": known_gaps(last),
            "fail_on_checks": False,
            "alternatives": alternatives,
        }
        if approved:
            args["approved_lines"] = list(approved.lines)
            args["deadline"] = approved.deadline or args.get("deadline")
        hosts = probe_hosts(variables["probe_from"] if variables["probe"] else [], self, around.vars)
        with tempfile.TemporaryDirectory() as nowhere:
            if hosts:  # it is they who try, not the module
                around.tell_modules({PLACES_VARIABLE: nowhere})
            checked: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=args, task_vars=around.vars)
        if checked.get("failed"):
            return checked
        plan, checks = checked["plan"], checked["checks"]
        if hosts and plan["probes"]:
            answer = _try_from(hosts, plan, variables)
            checks = [answer.as_dict() if check["name"] == answer.name else check for check in checks]
        notes = [at_work_words(other) for other in at_work(base, cloud)] + _no_canary(plan, variables["canaries"])
        return {**checked, "checks": checks, "notes": notes, "cloud": cloud}


def _kept(around: PlayContext, path: str) -> dict[str, Any]:
    """The same of a plan that is rehearsed once more; no cloud is asked.

    :raises SysvmError: for what is no plan.
    """
    plan = rehearsed_again(around.path(path), around.variables, around.given())
    methods = Counter(unit["method"] for unit in plan["units"])
    facts = {"checks": plan.get("checks", []), "notes": plan["notes"], "cloud": plan["cloud"], "summary": dict(methods)}
    return {"plan": plan, **facts}


def _approved(around: PlayContext) -> GivenPlan | None:
    """:raises SysvmError: for an approved plan that cannot be read."""
    given = around.variables["approved_plan"]
    return given_plan(given, around.host, around.path(given) if isinstance(given, str) else "") if given else None


def _no_canary(plan: Mapping[str, Any], canaries: bool | list[str]) -> list[str]:
    if not canaries or not plan["steps"] or any(step["canary"] for step in plan["steps"]):
        return []
    return ["No canary step: nothing is to be done to the units in sysvm_canaries, so nothing goes before the others."]


def _try_from(hosts: Sequence[ProbeHost], plan: Mapping[str, Any], variables: Mapping[str, Any]) -> CheckResult:
    """Whether what is to be probed answers from other hosts; their names stand in the plan."""
    probed = Probed.from_plan(plan)
    plan["probes"]["from"] = [host.name for host in hosts]
    with ProbeHosts(hosts, RATE) as there:
        tried = there.try_once(probed.endpoints)
    return probes_answer(replace(probed, tried=tried), variables["ignore_checks"], there.problems)


def _not_planned(error: str) -> dict[str, Any]:
    """What is returned without a plan; the role leaves the reason for whoever approves, then fails."""
    return {"changed": False, "refused": error, "artifact": error_artifact(error)}


def _refusal(plan: dict[str, Any], checks: list[dict[str, Any]]) -> str:
    """Why the upgrade may not begin; empty where it may."""
    failed = [check["name"] for check in checks if check["status"] == "fail"]
    if failed:
        told = f"{', '.join(failed)} failed; see the plan above for what was seen and what to do about it."
    elif not plan["units"] and plan["approved"] and plan["approved"]["later"]:
        later = plan["approved"]["later"]
        when = night_time(min(unit["night"] for unit in later))
        told = f"No line of the approved plan is for now: {count(len(later), 'unit')} in other nights, the next {when}."
    elif not plan["units"]:
        told = f"No unit is in scope: {plan['scope']}."
    else:
        return ""
    return f"Nothing was touched. {told}"


def _pair(forecast: dict[str, Any] | None) -> dict[str, Any] | None:
    return {key: forecast[key] for key in ("source", "target")} if forecast else None


def _outline(step: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in step.items() if key != "units"}, "count": len(step["units"])}
