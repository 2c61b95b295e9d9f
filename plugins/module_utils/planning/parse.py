# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers and times as an operator writes them: "10%", "06:00", "90m". Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import PolicyError

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse_share(text: str, total: int, option: str) -> int:
    """A number, or a percentage of I(total) rounded down.

    :raises PolicyError: naming the option.
    """
    match = re.fullmatch(r"\s*(\d+)\s*(%?)\s*", str(text))
    if match is None or (match[2] and int(match[1]) > 100):
        raise PolicyError(f"{option} is {text!r}", remedy="Give a number such as 3, or a percentage such as 10%.")
    return total * int(match[1]) // 100 if match[2] else int(match[1])


def cut(total: int, sizes: Sequence[str], option: str) -> list[int]:
    """Cut I(total) units into waves of the sizes; the last size repeats, as with Ansible's C(serial).

    :returns: sizes that add up to I(total).
    :raises PolicyError: naming the option, for what is no number above zero.
    """
    waves: list[int] = []
    left = total
    for size in sizes:
        if not re.fullmatch(r"\s*0*[1-9]\d*\s*%?\s*", str(size)):
            raise PolicyError(f"{option} has {size!r}", remedy="Give sizes above zero, such as [1, 5, 20%].")
    position = 0
    while left > 0:
        size = sizes[min(position, len(sizes) - 1)] if sizes else str(total)
        wave = min(left, max(1, parse_share(str(size), total, option)))
        waves.append(wave)
        left -= wave
        position += 1
    return waves


def duration_s(text: str) -> int | None:
    """The seconds of a duration such as C(90m) or C(4h30m); None for anything else."""
    match = _DURATION.fullmatch(text) if text else None
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def parse_deadline(text: str, now: datetime) -> datetime:
    """The moment after which nothing may run any more.

    :param text: a time of day (the next one), an ISO 8601 time, or a duration from I(now) such as C(90m) or C(4h30m).
    :param now: with a time zone, which also is that of a time of day and of an ISO time without one.
    :raises PolicyError: for anything else, and for a moment that has passed.
    """
    text = str(text).strip()
    time_of_day, duration = _TIME.fullmatch(text), duration_s(text)
    if time_of_day:
        moment = now.replace(hour=int(time_of_day[1]), minute=int(time_of_day[2]), second=0, microsecond=0)
        return moment if moment > now else moment + timedelta(days=1)
    if duration is not None:
        return now + timedelta(seconds=duration)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise PolicyError(
            f"sysvm_deadline is {text!r}",
            remedy="Give a time such as '06:00', quoted, an ISO 8601 time, or a duration such as 4h.",
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    if moment <= now:
        raise PolicyError(f"sysvm_deadline {text} has passed", remedy="Give a moment that is still to come.")
    return moment
