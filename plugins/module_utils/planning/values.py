# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers and times as an operator writes them: "10%", "06:00", "90m". Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta, timezone

from ..options.option_names import OptionError
from ..options.reading import duration_s

_TIME = re.compile(r"T?([01]?\d|2[0-3]):([0-5]\d)")


def share_of(share: str, total: int) -> int:
    """What a share, as I(options.reading) reads it, comes to: a number, or a percentage of I(total) rounded down."""
    return total * int(share[:-1]) // 100 if share.endswith("%") else int(share)


def cut(total: int, sizes: Sequence[str]) -> list[int]:
    """Cut I(total) units into waves of the sizes; the last size repeats, as with Ansible's C(serial).

    :returns: sizes that add up to I(total).
    """
    waves: list[int] = []
    left = total
    position = 0
    while left > 0:
        size = sizes[min(position, len(sizes) - 1)] if sizes else str(total)
        wave = min(left, max(1, share_of(str(size), total)))
        waves.append(wave)
        left -= wave
        position += 1
    return waves


def parse_deadline(text: str, now: datetime) -> datetime:
    """The moment after which nothing may run any more.

    :param text: a time of day (the next one), an ISO 8601 time, or a duration from I(now) such as C(90m) or C(4h30m).
        C(T22:00) is the time of day that no parser takes for a number.
    :param now: with a time zone, whichever.
    :returns: as the clocks of this machine show it on that day, but for an ISO time with a zone of its own.
    :raises OptionError: for anything else, and for a moment that has passed.
    """
    text = str(text).strip()
    time_of_day, duration = _TIME.fullmatch(text), duration_s(text)
    if time_of_day:
        at = time(int(time_of_day[1]), int(time_of_day[2]))
        days = (local(now).date() + timedelta(days=number) for number in range(3))
        return next(moment for day in days for moment in shown(datetime.combine(day, at)) if moment > now)
    if duration is not None:
        return local(now + timedelta(seconds=duration))
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise OptionError(
            f"is {text!r}",
            option="deadline",
            remedy="Give a time such as '06:00', quoted, an ISO 8601 time, or a duration such as 4h.",
        ) from None
    moments = [moment] if moment.tzinfo else shown(moment)
    if moments[-1] <= now:
        raise OptionError(f"{text} has passed", option="deadline", remedy="Give a moment that is still to come.")
    return next(moment for moment in moments if moment > now)


def shown(wall: datetime) -> list[datetime]:
    """When clocks here show this: in an hour that they repeat twice; where they skip it, at the change."""
    found = sorted(local(wall.replace(fold=fold)) for fold in (0, 1))
    moments = [moment for moment in found if moment.replace(tzinfo=None) == wall]
    if moments:
        return moments
    change = found[0]
    while change.replace(tzinfo=None) < wall:
        change = local(change + timedelta(minutes=1))
    return [change]


def local(moment: datetime) -> datetime:
    """The same moment as the clocks of this machine show it; its zone is what it is just then, so that moments can be
    compared and added to."""
    return moment.astimezone(timezone.utc).astimezone()  # by UTC, or a time that clocks skip stays as it is
