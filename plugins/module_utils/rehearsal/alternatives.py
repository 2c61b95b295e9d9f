# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else the bounds of a run might be, and how long it would take with them."""

from __future__ import annotations

from dataclasses import replace

from ..knowledge.counts import count
from ..knowledge.durations import rough
from ..knowledge.whatif_shapes import AlternativeData, AlternativesData
from ..rollout.limits import Limits
from .plays import MOST_PLAYED_THRICE, Rehearsal, Stage, left_at, play

Setting = tuple[int, int]
"""parallel and per_host."""


def settings(limits: Limits, units: int) -> list[Setting]:
    """What is tried, the present ones among it: more and fewer at a time, then more and fewer on one host.

    Of many units a play takes seconds, so of more than MOST_PLAYED_THRICE only the next ones are tried.
    """
    parallel, per_host = limits.parallel, limits.per_host
    many = units > MOST_PLAYED_THRICE
    at_once = [parallel, 2 * parallel] if many else [max(1, parallel // 2), parallel, 2 * parallel, 4 * parallel]
    on_host = [2 * per_host] if many else [1, 2, 0]
    return list(dict.fromkeys([*((each, per_host) for each in at_once), *((parallel, each) for each in on_host)]))


def alternatives(played: Rehearsal, deadline: float | None) -> AlternativesData:
    """How long the run would take with each, and what it would leave at the deadline.

    :param played: with the present settings.
    :param deadline: in seconds since the epoch.
    """
    stage = played.stage
    number = len(stage.units)
    words = ""
    if number > MOST_PLAYED_THRICE:
        words = f"There are {count(number, 'unit')}, so few settings were played."
    return {
        "settings": [_told(played, setting, deadline) for setting in settings(stage.limits, number)],
        "words": words,
    }


def _told(played: Rehearsal, setting: Setting, deadline: float | None) -> AlternativeData:
    stage, (parallel, per_host) = played.stage, setting
    present = setting == (stage.limits.parallel, stage.limits.per_host)
    seconds, left = (played.likely.seconds, played.left) if present else _played(stage, setting, deadline)
    return {
        "parallel": parallel,
        "per_host": per_host,
        "likely_s": round(seconds, 1),
        "time": rough(seconds),
        "left": None if deadline is None else left,
        "present": present,
    }


def _played(stage: Stage, setting: Setting, deadline: float | None) -> tuple[float, int]:
    parallel, per_host = setting
    other = replace(stage, limits=replace(stage.limits, parallel=parallel, per_host=per_host))
    likely = play(other)
    return likely.seconds, left_at(other, likely, deadline)
