# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else the bounds of a run might be, how long it would take with them, and how many failures would stop it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..knowledge.counts import count
from ..knowledge.durations import rough
from ..knowledge.whatif_shapes import AlternativeData, AlternativesData
from ..rollout.limits import Limits
from ..units.ends import UnitStatus
from .plays import MOST_PLAYED_THRICE, Play, Rehearsal, Stage, left_at, play
from .whatif import WhatIf, stricken

Waves = tuple[str, ...]
"""Sizes into which the steps are cut."""
Setting = tuple[int, int, Waves]
"""parallel, per_host and waves."""


def settings(limits: Limits, waves: Iterable[Waves], units: int) -> list[Setting]:
    """What is tried, the present ones among it: more and fewer at a time, then more and fewer on one host, then other
    waves.

    Of many units a play takes seconds, so of more than MOST_PLAYED_THRICE only the next ones are tried.

    :param waves: the present ones first.
    """
    parallel, per_host, (present, *others) = limits.parallel, limits.per_host, waves
    many = units > MOST_PLAYED_THRICE
    at_once = [parallel, 2 * parallel] if many else [max(1, parallel // 2), parallel, 2 * parallel, 4 * parallel]
    on_host = [2 * per_host] if many else [1, 2, 0]
    found = [*((each, per_host, present) for each in at_once), *((parallel, each, present) for each in on_host)]
    return list(dict.fromkeys([*found, *((parallel, per_host, each) for each in others if not many)]))


def alternatives(
    played: Rehearsal, deadline: float | None, stages: Mapping[Waves, Stage], what: WhatIf | None = None
) -> AlternativesData:
    """How long the run would take with each, what it would leave at the deadline, and how many units would fail.

    :param played: with the present settings.
    :param deadline: in seconds since the epoch.
    :param stages: the run cut into waves; as it is cut at present comes first.
    :param what: what goes wrong; where units fail, they fail with each setting.
    """
    stage = played.stage
    number = len(stage.units)
    words = ""
    if number > MOST_PLAYED_THRICE:
        words = f"There are {count(number, 'unit')}, so few settings were played."
    present = (stage.limits.parallel, stage.limits.per_host, next(iter(stages)))
    rows = list[AlternativeData]()
    for setting in settings(stage.limits, stages, number):
        parallel, per_host, waves = setting
        other = replace(stages[waves], limits=replace(stage.limits, parallel=parallel, per_host=per_host))
        as_set = setting == present
        likely = played.likely if as_set else play(other)
        left = played.left if as_set else left_at(other, likely, deadline)
        bad = _where_units_fail(other, what, played.likely, deadline)
        rows.append(
            {
                "parallel": parallel,
                "per_host": per_host,
                "waves": list(waves),
                "likely_s": round(likely.seconds, 1),
                "time": rough(likely.seconds),
                "left": None if deadline is None else left,
                "failed": bad.ends.get(UnitStatus.FAILED, 0) if bad else None,
                "stopped": bool(bad and bad.stopped),
                "present": as_set,
                "units": {} if words or as_set else likely.times(),
            }
        )
    return {"settings": rows, "words": words}


def _where_units_fail(stage: Stage, what: WhatIf | None, likely: Play, deadline: float | None) -> Play | None:
    if what is None or not what.number(len(stage.units)):
        return None
    return play(replace(stage, server=stricken(stage, what, likely)), deadline=deadline)
