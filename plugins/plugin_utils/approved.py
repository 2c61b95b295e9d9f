# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The approved plan as a run is given it: a file, or what a check has handed on through AWX."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils.knowledge.shapes import PlanData
from ..module_utils.knowledge.vocabulary import METHODS
from ..module_utils.planning.approved import ApprovedPlanError
from ..module_utils.planning.plan_csv import read_plan_csv

VARIABLE = "sysvm_approved_plan"
MOST_BYTES = 64 << 20
MOST_HANDED_ON = 2000  # units in an artifact, which AWX keeps in its database and sends to webhooks


@dataclass(frozen=True)
class GivenPlan:
    """What was given.

    :ivar lines: as the planning module takes them.
    :ivar deadline: the moment that the check meant, where it has handed one on.
    """

    lines: Sequence[Mapping[str, Any]]
    deadline: str | None = None


def handed_on(plan: PlanData, file: str | None) -> dict[str, Any]:
    """What of a plan a later node of a workflow needs to keep to it. Pure.

    Each key is always there, as Ansible merges what several runs leave.

    :param file: its plan.csv, for a plan that has too many units.
    """
    fits = len(plan["units"]) <= MOST_HANDED_ON
    units = plan["units"] if fits else ()
    nights = sorted({unit["night"] or "" for unit in units})
    return {
        "cloud": plan["cloud"],
        "target_version": plan["management_server_version"],
        "recreates": any(unit["recreates"] for unit in plan["units"]),
        "destroys": [{"id": unit["id"], "names": unit["destroys"]} for unit in units if unit["destroys"]],
        "units": {method: [unit["id"] for unit in units if unit["method"] == method] for method in METHODS},
        "file": None if fits else file,
        "nights": nights,
        "night_of": {
            method: [nights.index(unit["night"] or "") for unit in units if unit["method"] == method]
            for method in METHODS
        },
        "note": "" if fits else f"{len(plan['units']):,} units are too many for an artifact: they stand in {file}",
    }


def given_plan(value: Any, host: str, path: str) -> GivenPlan:
    """Read it.

    :param value: of the variable: a path, a list of lines, or C(sysvm_check), of this host or of all.
    :param path: the same as an absolute path, where it is one.
    :raises ApprovedPlanError: for what is none, or cannot be read.
    """
    if isinstance(value, str):
        return GivenPlan(_lines_of(path))
    if isinstance(value, list):
        return GivenPlan([{**line, "place": f"{VARIABLE}, item {n}"} for n, line in enumerate(value, 1)])
    check = value if "handed_on" in value else value.get(host)
    kept = check.get("handed_on") if isinstance(check, Mapping) else None
    if not isinstance(check, Mapping) or not isinstance(kept, Mapping) or "units" not in kept:
        raise ApprovedPlanError(
            f"{VARIABLE} has no plan of {host} in it",
            remedy="Give the path of a plan.csv, or sysvm_check as the check of this collection has left it.",
        )
    if kept.get("note"):
        if not kept.get("file") or not os.path.isfile(kept["file"]):
            raise ApprovedPlanError(
                f"The approved plan cannot be kept to: {kept['note']}, which is not there",
                remedy="Put sysvm_report_dir on a volume that check and upgrade share.",
            )
        return GivenPlan(_lines_of(kept["file"]), check.get("deadline"))
    return GivenPlan(_lines_from(kept), check.get("deadline"))


def _lines_from(kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    destroys = {each["id"]: each["names"] for each in kept.get("destroys", ())}
    nights = kept.get("nights", ())
    night_of = {
        identity: nights[number]
        for method, numbers in kept.get("night_of", {}).items()
        for identity, number in zip(kept["units"][method], numbers, strict=True)
    }
    common = {"place": "the approved plan", "cloud": kept.get("cloud"), "target_version": kept.get("target_version")}
    return [
        {
            **common,
            "id": identity,
            "method": method,
            "recreates": bool(kept.get("recreates")) and method == "live_patch",
            "destroys": destroys.get(identity, []),
            "night": night_of.get(identity),
        }
        for method, ids in kept["units"].items()
        for identity in ids
    ]


def _lines_of(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ApprovedPlanError(
            f"{VARIABLE} names {path}, which cannot be read: {error.strerror}",
            remedy="Give the path of the plan.csv that was approved.",
        ) from None
    if len(data) > MOST_BYTES:
        raise ApprovedPlanError(f"{path} is too large for a plan.csv", remedy="Give the one that was approved.")
    return read_plan_csv(data, os.path.basename(path))
