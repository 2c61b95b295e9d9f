# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that a person has approved: a line for each unit, and what else a run has to say about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..api.errors import SysvmError
from ..knowledge.counts import count
from ..knowledge.guesses import did_you_mean
from ..knowledge.vocabulary import ACTING, METHODS, Method
from ..units.approval import NOTHING, Approval
from .nights import EARLY, parse_night

RECREATE = Method.RECREATE.value


class ApprovedPlanError(SysvmError):
    """An approved plan that cannot be meant, or that is not of this cloud; the message names the line."""


@dataclass(frozen=True)
class ApprovedLine:
    """What was approved for one unit.

    :ivar name: of the unit, for a person: C(network web in Berlin).
    :ivar cloud: host of the API that the plan was made of, and the I(target_version); empty where they are not told.
    :ivar night: when the night begins in which it is done; None: whenever.
    """

    id: str
    approval: Approval
    name: str = ""
    cloud: str = ""
    target_version: str = ""
    night: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether its night has come, or is past: what was left then is done now."""
        return self.night is None or self.night <= now + EARLY

    @property
    def acting(self) -> bool:
        return self.approval.method in ACTING


@dataclass(frozen=True)
class ApprovedPlan:
    """All lines by the ids of their units."""

    lines: Mapping[str, ApprovedLine]

    @property
    def source(self) -> str:
        """Where it was read."""
        places = (line.approval.place.partition(", line ")[0] for line in self.lines.values())
        return next(filter(None, places), "the approved plan")

    @property
    def words(self) -> str:
        """That and how much it is, for a person."""
        return f"{self.source} ({count(len(self.lines), 'line')})"

    def of(self, unit_id: str) -> Approval:
        """What was approved for a unit."""
        line = self.lines.get(unit_id)
        return line.approval if line else NOTHING

    def refuse_other(self, cloud: str, target_version: str | None) -> None:
        """:raises ApprovedPlanError: for lines of another cloud or of another version to upgrade to."""
        for line in self.lines.values():
            if line.cloud and line.cloud != cloud:
                raise ApprovedPlanError(
                    f"{line.approval.place} is of the cloud {line.cloud}, but this is {cloud}",
                    remedy="Give the plan of this cloud. If it is the same one under another name, put that name into"
                    " the column cloud.",
                )
            if line.target_version and target_version and line.target_version != target_version:
                raise ApprovedPlanError(
                    f"{line.approval.place} was approved for an upgrade to {line.target_version}, but the management"
                    f" server runs {target_version}",
                    remedy="Make a new plan with check_sysvms and have that approved.",
                )


def approved_plan(lines: Iterable[Mapping[str, Any]]) -> ApprovedPlan:
    """A plan of the lines that a module is given.

    :raises ApprovedPlanError: as approved_line, and for an id that has two lines.
    """
    found: dict[str, ApprovedLine] = {}
    for given in lines:
        line = approved_line(given)
        if line.id in found:
            first = found[line.id].approval.place
            raise ApprovedPlanError(
                f"{line.approval.place or 'The approved plan'} names {line.id} again"
                + (f", which {first} has, too" if first else ""),
                remedy="Delete one of the two lines.",
            )
        found[line.id] = line
    return ApprovedPlan(found)


def approved_line(given: Mapping[str, Any]) -> ApprovedLine:
    """One line.

    :param given: C(id), C(method), and as far as they are told all else that Approval and ApprovedLine have.
    :raises ApprovedPlanError: for a method or a night that there is not, or a line without an id.
    """
    place = str(given.get("place") or "")
    where = place or "The approved plan"
    identity = str(given.get("id") or "").strip()
    if not identity:
        raise ApprovedPlanError(
            f"{where} has no id", remedy="Put the unit's id back, as plan.csv had it, or delete the whole line."
        )
    method = _method(given.get("method"), where)
    destroys = frozenset(given.get("destroys") or ())
    approval = Approval(method, bool(given.get("recreates")), destroys, place)
    told = {key: str(given.get(key) or "") for key in ("name", "cloud", "target_version")}
    return ApprovedLine(identity, approval, night=_night(given.get("night"), where), **told)


def _night(given: Any, where: str) -> datetime | None:
    text = str(given or "").strip()
    found = parse_night(text)
    if text and found is None:
        raise ApprovedPlanError(
            f"{where} has {given!r} as night",
            remedy="Write it like 2026-11-30 23:00, or leave it empty for the next run.",
        )
    return found


def _method(given: Any, where: str) -> Method:
    word = str(given or "").strip().lower().replace(" ", "_").replace("-", "_")
    if word not in METHODS:
        raise ApprovedPlanError(
            f"{where} has {given!r} as method" if word else f"{where} has no method",
            remedy=f"{did_you_mean([word], METHODS)}Give one of {', '.join(METHODS)}, or delete the line.",
        )
    return Method(word)
