# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a plan differs from the one that was approved. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..cloud.model import Unit
from ..knowledge.shapes import ApprovedData, DeviationData, NightCount
from ..knowledge.vocabulary import ACTING, Method
from .approved import ApprovedLine, ApprovedPlan
from .verdicts import Verdict

Verdicts = Sequence[tuple[Unit, Verdict]]


def deviations(
    approved: ApprovedPlan, held: Verdicts, others: Verdicts, known: Collection[str], later: Verdicts = ()
) -> ApprovedData:
    """What becomes of each line, for people and programs; of those of other nights I(campaign_of) tells.

    :param held: the verdicts of the units that are in scope and have a line.
    :param others: the verdicts of those in scope without a line.
    :param known: ids of all units of the cloud.
    :param later: the verdicts of those whose lines are for another night.
    :returns: C(source); how many C(lines) there are, and how many are C(as_approved); C(differs), C(gone) and
        C(left_out) (by the rest of the scope) with the lines that these are, C(current) with what was to be done and is
        not any more, and C(not_approved) with the units without a line that need something.
    """
    verdicts = {unit.id: verdict for unit, verdict in held}
    names = {unit.id: unit.label_in_zone for unit, dummy in held}
    found: dict[str, list[DeviationData]] = {"differs": [], "current": [], "gone": [], "left_out": []}
    waiting = {unit.id for unit, dummy in later}
    for line in approved.lines.values():
        if line.id in waiting:
            continue
        verdict = verdicts.get(line.id)
        if verdict is None:
            where = "left_out" if line.id in known else "gone"
            why = "the rest of the scope leaves it out" if line.id in known else "it is not there any more"
            found[where].append(_told(line, line.name, why))
        elif line.acting and verdict.method is Method.NONE:
            found["current"].append(_told(line, names[line.id], verdict.reason))
        elif verdict.method is Method.SKIP and (line.acting or verdict.code == "NotApproved"):
            found["differs"].append(_told(line, names[line.id], verdict.reason))
    return {
        "source": approved.source,
        "lines": len(approved.lines),
        "as_approved": len(approved.lines) - sum(map(len, found.values())) - len(waiting),
        "differs": found["differs"],
        "current": found["current"],
        "gone": found["gone"],
        "left_out": found["left_out"],
        "not_approved": [
            {"id": unit.id, "name": unit.label_in_zone, "why": f"{verdict.method.words}: {verdict.reason}"}
            for unit, verdict in others
            if verdict.method in ACTING
        ],
        "nights": _nights(approved, {unit.id: verdict for unit, verdict in (*held, *later)}, known),
        "later": [],
        "next_nights": {},
    }


def _nights(approved: ApprovedPlan, verdicts: Mapping[str, Verdict], known: Collection[str]) -> list[NightCount]:
    """What was to be done in each night, and what of it is not known to be done."""
    found: dict[str, NightCount] = {}
    for line in approved.lines.values():
        if line.acting and line.night is not None:
            night = line.night.isoformat(timespec="minutes")
            counted = found.setdefault(night, {"night": night, "units": 0, "left": 0})
            verdict = verdicts.get(line.id)
            counted["units"] += 1
            counted["left"] += line.id in known and (verdict is None or verdict.method is not Method.NONE)
    return [found[night] for night in sorted(found)]


def _told(line: ApprovedLine, name: str, why: str) -> DeviationData:
    place, method = line.approval.place, line.approval.method.value
    return {"id": line.id, "name": name or line.id, "place": place, "approved": method, "why": why}
