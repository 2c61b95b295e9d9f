# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan.json in place of a cloud: held against what a plan is, then rehearsed with the settings that are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.plain import PlainError, of_plain
from ..module_utils.knowledge.shapes import CheckedPlan
from ..module_utils.knowledge.vocabulary import ACTING
from ..module_utils.options.option_names import OptionError
from ..module_utils.options.rollout import LIMITS
from ..module_utils.options.table import default_of
from ..module_utils.options.wanted import SCOPE
from ..module_utils.planning.plan import recut
from ..module_utils.planning.scope import budget_text, with_ends
from ..module_utils.planning.values import parse_deadline, share_of
from ..module_utils.rehearsal.scene import Scene, rehearse_plan
from ..module_utils.rehearsal.whatif import WhatIf
from .report.wording import local_time

# What a plan has decided already.
DECIDED = (
    *(*SCOPE, "method", "recreate", "approved_plan", "ignore_checks", "canaries", "nights", "target_version"),
    *("probe", "drift"),
)
REMEDY = "Make it anew: ansible-playbook cloudstack.sysvm.check_sysvms writes it into sysvm-report/latest."


class KeptPlanError(SysvmError):
    """What is no whole plan of this version; the message names the place."""


def rehearsed_again(path: str, variables: Mapping[str, Any], given: Set[str]) -> dict[str, Any]:
    """The plan, rehearsed from its own begin on; what is not given is as when it was made.

    :param path: of plan.json.
    :param variables: all, by name without prefix.
    :param given: names of those that somebody has set.
    :raises SysvmError: for what is no plan, and for what a plan has decided.
    """
    decided = [name for name in DECIDED if variables[name] != default_of(name)]
    if decided:
        raise OptionError(
            f"is given, but what is done is said by {path}",
            option=decided[0],
            remedy="Leave it out, or rehearse with the cloud.",
        )
    plan, scene = read_plan(path)
    begin, total = datetime.fromtimestamp(scene.start).astimezone(), sum(len(step["units"]) for step in plan["steps"])
    bounds = {name: variables[name] for name in ("parallel", "per_host") if name in given}
    deadline, may_fail = plan["deadline"] and _aware(plan["deadline"]), scene.limits.max_failures
    if "max_failures" in given:
        may_fail = share_of(variables["max_failures"], total)
    if "deadline" in given:
        deadline = parse_deadline(variables["deadline"], begin)
    if "waves" in given:
        plan = recut(plan, variables["waves"])
    if given & {"max_failures", "deadline"}:
        plan["scope"] = with_ends(plan["scope"], deadline, budget_text(may_fail, variables["max_failures"]), begin)
    scene = replace(
        scene,
        limits=replace(scene.limits, **bounds, max_failures=may_fail),
        waves=tuple(variables["waves"]) if "waves" in given else scene.waves,
        soak_s=variables["soak"] if "soak" in given else scene.soak_s,
    )
    what = {key: value for key, value in variables["rehearse"].items() if key != "plan"}
    plan |= {
        "campaign": None,
        "deadline": deadline.isoformat(timespec="seconds") if deadline else None,
        "max_failures": may_fail,
        "notes": [f"Rehearsed from {path}: the cloud as it was at {local_time(plan['started'])}. No cloud was asked."],
        "units": [{**unit, "night": None} for unit in plan["units"]],
    }
    return rehearse_plan(plan, scene, deadline, WhatIf.of(what) if what else None, others=True)


def read_plan(path: str) -> tuple[dict[str, Any], Scene]:
    """
    :raises KeptPlanError: it cannot be read, or is no plan of this version that could be rehearsed.
    """
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        plan = of_plain(CheckedPlan, data, "the plan")
        if not plan["scene"]:
            raise PlainError("nothing is to be done in it, or it was made with sysvm_rehearse=false")
        scene = of_plain(Scene, plan["scene"], "scene")
        for wrong in _contradictions(plan, scene):
            raise PlainError(wrong)
    except OSError as error:
        raise KeptPlanError(f"{path} cannot be read: {error.strerror}", remedy=REMEDY) from None
    except json.JSONDecodeError as error:
        raise KeptPlanError(f"{path}, line {error.lineno}: no JSON, or cut off ({error.msg})", remedy=REMEDY) from None
    except UnicodeDecodeError:
        raise KeptPlanError(f"{path} is no text", remedy=REMEDY) from None
    except PlainError as error:
        told = f"{path} cannot be rehearsed, as it is of another version or was edited: {error}"
        raise KeptPlanError(told, remedy=REMEDY) from None
    return plan, scene


def _contradictions(plan: Mapping[str, Any], scene: Scene) -> Iterator[str]:
    """Where parts of a plan do not fit each other."""
    known, steps = {unit.id for unit in scene.known}, {step["number"]: step for step in plan["steps"]}
    of_unit = {unit["id"]: unit["step"] for unit in plan["units"]}
    for place, step in enumerate(plan["steps"]):
        if step["method"] not in [method.value for method in ACTING]:
            yield f"steps[{place}].method is {step['method']!r}"
        for identity in step["units"]:
            if of_unit.get(identity) != step["number"]:
                yield f"steps[{place}] names {identity}, and no unit of that id says that it is of this step"
            if identity not in known:
                yield f"steps[{place}] names {identity}, which scene.known does not have"
    for place, unit in enumerate(plan["units"]):
        if unit["step"] is not None and unit["id"] not in steps.get(unit["step"], {"units": ()})["units"]:
            yield f"units[{place}] ({unit['name']}) is of step {unit['step']}, which does not name it"
    moments: tuple[tuple[str, Callable[[Any], datetime], Any], ...] = (
        ("started", _aware, plan.get("started")),
        ("deadline", _aware, plan["deadline"] or plan.get("started")),
        ("scene.start", datetime.fromtimestamp, scene.start),
    )
    for name, tell, value in moments:
        try:
            tell(value)
        except (TypeError, ValueError, OverflowError, OSError):
            yield f"{name} is {value!r}, no moment with a time zone"
    zones = {zone["name"] for zone in plan["zones"]}
    if zones != {unit.zone for unit in scene.known if of_unit.get(unit.id) is not None}:
        yield "zones are not those of the units"
    for name, option in LIMITS.items():
        value = getattr(scene.limits, name, None)
        if value is not None and option.lowest is not None and value < option.lowest:
            yield f"scene.limits.{name} is {value}, less than {option.lowest:g}"


def _aware(text: str) -> datetime:
    """
    :raises ValueError: for what is no moment, or has no time zone.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
