# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a plan is done in which night: of a new one as its windows allow, of an approved one as its lines say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..cloud.model import Unit
from ..knowledge.shapes import ApprovedData, LaterUnit
from ..knowledge.vocabulary import ACTING
from ..options.option_names import OptionError
from ..planning.approved import ApprovedPlan
from ..planning.deviations import Verdicts
from ..planning.nights import EARLY, Play, Windows, campaign, predicted, schedule


@dataclass(frozen=True)
class Tonight:
    """
    :ivar now: with a time zone.
    :ivar windows: of each night; None where none are given.
    """

    now: datetime
    windows: Windows | None

    def due(self, approved: ApprovedPlan, units: Iterable[Unit]) -> tuple[list[Unit], list[Unit]]:
        """The units of an approved plan whose night has come and whose zone's window is open, and the others."""
        now, later = list[Unit](), list[Unit]()
        for unit in units:
            is_open = self.windows is None or self.windows.of_zone(unit.zone).open_at(self.now) is not None
            (now if is_open and approved.lines[unit.id].is_due(self.now) else later).append(unit)
        return now, later

    def closes(self, units: Iterable[Unit]) -> datetime | None:
        """When the first window of their zones ends."""
        zones = {unit.zone for unit in units} if self.windows else ()
        ends = (self.windows.of_zone(zone).open_at(self.now) for zone in zones if self.windows)
        return min((end for end in ends if end), default=None)

    def with_later(self, told: ApprovedData, approved: ApprovedPlan, held: Verdicts, later: Verdicts) -> ApprovedData:
        """With what is left for other nights, and when those begin."""
        found: list[LaterUnit] = [
            {
                "id": unit.id,
                "name": unit.name,
                "kind": unit.kind.value,
                "zone": unit.zone,
                "owner": unit.owner.as_dict(),
                "method": verdict.method.value,
                "night": self._next(unit.zone, approved.lines[unit.id].night or self.now),
            }
            for unit, verdict in later
            if verdict.method in ACTING
        ]
        zones = sorted({unit.zone for unit, dummy in (*held, *later)}) if self.windows else ()
        after = self.now + EARLY + timedelta(minutes=1)  # not the window that is open
        nexts = {zone: self._next(zone, after) for zone in zones}
        return {**told, "later": sorted(found, key=lambda each: each["night"]), "next_nights": nexts}

    def _next(self, zone: str, moment: datetime) -> str:
        """The night that begins then or later."""
        moment = max(moment, self.now)
        found = self.windows.of_zone(zone).next(moment) if self.windows else moment
        return found.isoformat(timespec="minutes")

    def planned(
        self, data: Mapping[str, Any], approved: ApprovedPlan | None, play: Play | None = None
    ) -> dict[str, Any]:
        """A plan as plain data, with the night of each unit; if it is to be done in several, its C(campaign), and when
        each unit starts and ends in its night.

        :param play: of some of its units.
        :raises OptionError: there is no window for a zone, or one that is too short, or there was no rehearsal.
        """
        units: Sequence[Any] = data["units"]
        acting = [unit for unit in units if unit["step"] is not None]
        nights, times, told = {}, {}, None
        if approved is not None:
            nights = {line.id: line.night for line in approved.lines.values() if line.night}
        elif self.windows is not None and acting:
            if not all(unit["predicted"] for unit in acting):
                raise OptionError(
                    "is given, but without a rehearsal nobody knows what fits into a night",
                    option="nights",
                    remedy="Leave the option rehearse as it is, which is true.",
                )
            found = schedule(acting, self.windows, self.now, play)
            nights = {identity: night.start for night in found for identity in night.units}
            times = {identity: predicted(when) for night in found for identity, when in night.times.items()}
            told = campaign(found)
        of_unit = {identity: night.isoformat(timespec="minutes") for identity, night in nights.items()}
        return {
            **data,
            "campaign": told,
            "units": [
                {**unit, "night": of_unit.get(unit["id"]), "predicted": times.get(unit["id"], unit["predicted"])}
                for unit in units
            ],
        }
