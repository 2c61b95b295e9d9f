# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was rehearsed beside a plan: as tables on its page, and each night as a page of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from markupsafe import Markup

from ...module_utils.knowledge.shapes import CheckedPlan, ReportData
from ...module_utils.knowledge.whatif_shapes import AlternativeData
from ...module_utils.planning.plan import recut
from .build import planned_report
from .tables import Table
from .wording import alternative_rows, what_if_words

WHAT_IF_PAGE = "plan-what-if.html"
AS_SET = "The page plan.html shows the run as it is set."


def tables_beside(plan: CheckedPlan) -> Iterator[Table]:
    """What if, and the alternatives; each night leads to its page, where it has one."""
    told, other = plan.get("what_if"), plan.get("alternatives")
    if told:
        what = told["if"] or "nothing goes wrong"
        cell = _link(told["units"] and WHAT_IF_PAGE, what) or what
        yield Table("What if", ("If", "What comes of it"), [(cell, told["words"])])
    if other:
        head, *rows = alternative_rows(other)
        pages = page_names(other["settings"])
        linked = [(*row, _link(page, "this night") or last) for page, (*row, last) in zip(pages, rows, strict=True)]
        yield Table(": ".join(filter(None, ("Alternatives", other["words"]))), head, linked)


def _link(page: object, text: str) -> str:
    return Markup('<a href="{}">{}</a>').format(page, text) if page else ""


def page_names(settings: Sequence[AlternativeData]) -> list[str]:
    """The page of each, by what is not as it is set; empty where there is none."""
    present = next(each for each in settings if each["present"])
    names = []
    for each in settings:
        waves = "-".join(each["waves"]).replace("%", "pct") or "one"
        parts = {"parallel": each["parallel"], "per_host": each["per_host"] or "all", "waves": waves}
        changed = [f"-{name}-{value}" for name, value in parts.items() if each[name] != present[name]]  # type: ignore[literal-required]
        names.append(re.sub(r"[^\w.-]|_", "-", f"plan{''.join(changed)}.html") if each["units"] else "")
    return names


def pages_beside(plan: CheckedPlan) -> Iterator[tuple[str, ReportData]]:
    """The name of each page, and what is on it."""
    told, other = plan.get("what_if"), plan.get("alternatives")
    if told and told["units"]:
        yield WHAT_IF_PAGE, planned_report(_as_played(plan, told["units"], what_if_words(told)), told["ended"])
    if other:
        settings, (head, *rows) = other["settings"], alternative_rows(other)
        for name, each, row in zip(page_names(settings), settings, rows, strict=True):
            words = ", ".join(f"{key} {cell}" for key, cell in zip(head, row, strict=True) if key)
            if name:
                yield name, planned_report(_as_played(recut(plan, each["waves"]), each["units"], words))


def _as_played(plan: Mapping[str, Any], units: Mapping[str, Sequence[float]], words: str) -> CheckedPlan:
    """The plan, going as another play of it went.

    :param units: when each begins and ends.
    """
    times = {identity: {"start_s": when[0], "end_s": when[1]} for identity, when in units.items()}
    shown = [{**unit, "predicted": times.get(unit["id"]), "night": None} for unit in plan["units"]]
    other = {"campaign": None, "estimate": {**plan["estimate"], "words": words}, "units": shown, "notes": [AS_SET]}
    return cast(CheckedPlan, {**plan, **other})
