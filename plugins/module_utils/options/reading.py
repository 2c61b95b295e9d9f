# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person may write as the value of an option, and what that means. Pure.

Values come from YAML, from C(-e name=value), where all is text, and from surveys of AWX, where a list is a textarea.
What a person means is the same in all of them. What Ansible can read is read by Ansible's own functions.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int

from ..knowledge.guesses import did_you_mean
from .option import Option
from .option_names import OptionError
from .rollout import HOOKS, LIMITS

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
Reader = Callable[[Any], Any]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIMEOUTS = tuple(name.removesuffix("_timeout") for name in LIMITS if name.endswith("_timeout"))


class NotMeantError(ValueError):
    """What is wrong with a value, and after it how to write it."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy


# Kinds of values. A reader gets what is neither None nor an empty text.


def flag(value: Any) -> bool:
    try:
        return bool(check_type_bool(value))
    except TypeError:
        raise NotMeantError("Give true or false.") from None


def number(option: Option) -> Reader:
    """A number of at least the lowest of the option; seconds may be written as a duration, such as C(30m)."""
    whole, lowest = option.type == "int", option.lowest
    least = "" if lowest is None else f" of at least {lowest:g}"
    remedy = f"Give {'a whole number' if whole else 'a number'}{least}."
    if option.means == "seconds":
        remedy = f"Give a number of seconds{least}, or a duration such as 30m."

    def read(value: Any) -> float:
        duration = duration_s(value.strip()) if option.means == "seconds" and isinstance(value, str) else None
        found = _number(value if duration is None else duration, whole)
        if found is None or (lowest is not None and found < lowest):
            raise NotMeantError(remedy)
        return found

    return read


def _number(value: Any, whole: bool = True) -> float | None:
    """As Ansible reads it; but true is no number, and neither are the infinite and what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found: float = check_type_int(value) if whole else check_type_float(value)
        return found if math.isfinite(found) else None
    except (TypeError, OverflowError):
        return None


def one_of(*choices: str) -> Reader:
    def read(value: Any) -> str:
        word = _word(value)
        if word not in choices:
            raise NotMeantError(f"{did_you_mean([word], choices)}Give one of {', '.join(choices)}.")
        return word

    return read


def some_of(*choices: str) -> Reader:
    def read(value: Any) -> list[str]:
        words = [_word(item) for item in items(value)]
        for word in words:
            if word not in choices:
                raise NotMeantError(f"{did_you_mean([word], choices)}{word!r} is none of {', '.join(choices)}.")
        return list(dict.fromkeys(words))

    return read


def _word(value: Any) -> str:
    return text(value).lower().replace("-", "_").replace(" ", "_")


def items(value: Any) -> list[Any]:
    """A list, JSON's or YAML's; or a text with commas or an item on each line. An item with a comma needs a list."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                return items(json.loads(value))
            except json.JSONDecodeError:
                pass
        value = re.split(r"[,\r\n]", value)
    elif isinstance(value, (list, tuple)):
        # A list from a survey or a template may hold lines itself; a comma inside of an item belongs to the name.
        value = [line for item in value for line in (item.splitlines() if isinstance(item, str) else [item])]
    else:
        value = [value]
    value = [item.strip() if isinstance(item, str) else item for item in value]
    return [item for item in value if item is not None and item != ""]


def names(value: Any) -> list[str]:
    """Texts only: what looks like a number may have been another text, such as 010."""
    found = items(value)
    if not all(isinstance(item, str) for item in found):
        raise NotMeantError(
            "Give names as text: with quotes in YAML ('010'), which takes 010 for the number 8, 12:30 for 750 and "
            "2026-01-02 for a date; with a comma behind the name in a survey or with -e (010,)."
        )
    return found


def text(value: Any) -> str:
    """One text; a number is what it looks like."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise NotMeantError("Give a text; one that YAML takes for something else needs quotes.")
    return str(value).strip()


def line(value: Any) -> str:
    """A text without line breaks, such as a path."""
    found = text(value)
    if not isinstance(value, str) or "\n" in found or not found:
        raise NotMeantError("Give one line of text.")
    return found


def expression(value: Any) -> str:
    """A text that may be broken into lines."""
    if not isinstance(value, str):
        raise NotMeantError("Give a text.")
    return re.sub(r"\s*[\r\n]+\s*", " ", value.strip())


def share(value: Any) -> str:
    """A number or a percentage, as text; a plan says what it comes to."""
    found = text(value)
    number_of = _number(found)
    if number_of is not None and number_of >= 0:
        return str(number_of)
    if not re.fullmatch(r"(100|\d{1,2})\s*%", found):
        raise NotMeantError("Give a number such as 3, or a percentage such as 10%.")
    return found.replace(" ", "")


def sizes(value: Any) -> list[str]:
    """Sizes of waves."""
    found = [share(item) for item in items(value)]
    if any(not size.rstrip("%").strip("0") for size in found):
        raise NotMeantError("Give sizes above zero, such as [1, 5, 20%].")
    return found


def ports(value: Any) -> list[int]:
    """Numbers of TCP ports."""
    found = [_number(item) for item in items(value)]
    if any(port is None or not 1 <= port <= 65535 for port in found):
        raise NotMeantError("Give numbers of TCP ports, such as [22, 443].")
    return [int(port) for port in found if port]


def moment(value: Any) -> str:
    """A time of day, an ISO 8601 time or a duration, as text; a plan says which moment it is."""
    if isinstance(value, (datetime, date)):  # what YAML takes for a time
        return value.isoformat()
    if isinstance(value, str) and not re.fullmatch(r"\s*[\d.]+\s*", value):
        return value.strip()
    raise NotMeantError(
        "A time of day needs quotes in YAML, which takes 22:00 for the number 1320: quote it, such as '22:00'. In a "
        "survey type T22:00. Or give a duration such as 4h."
    )


def release(value: Any) -> str:
    """A version, as text: YAML takes 4.20 for 4.2."""
    if isinstance(value, str):
        return line(value)
    raise NotMeantError(
        "A version needs quotes in YAML, which takes 4.20 for 4.2: write '4.20'. In a survey type all of it: 4.20.2.0."
    )


def plan(value: Any) -> Any:
    """The path of a plan, or data that an earlier node of a workflow has left."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        return list(value)
    if isinstance(value, str):
        return line(value)
    raise NotMeantError("Give the path of a plan.csv.")


def canaries(value: Any) -> bool | list[str]:
    """Yes, no, or which."""
    try:
        return flag(value)
    except NotMeantError:
        found = names(value)
    if not found:
        raise NotMeantError("Give true, false, or names of units.")
    return found


def _dict(value: Any, how: str) -> Mapping[Any, Any]:
    """As it is, or JSON as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise NotMeantError(how) from None
    if not isinstance(value, Mapping):
        raise NotMeantError(how)
    return value


def hooks(value: Any) -> dict[str, str]:
    """Files of tasks by moment; JSON as text, too. A moment without a file is left out."""
    how = "Give files of tasks by moment, such as {after_step: tell.yml, failure: ticket.yml}."
    found = {}
    for at, path in _dict(value, how).items():
        if at not in HOOKS:
            guess = did_you_mean([str(at)], HOOKS)
            raise NotMeantError(f"{guess}There is no moment {at!r}; there are {', '.join(HOOKS)}.")
        if path is not None and path != "":
            found[at] = line(path)
    return found


def evidence(value: Any) -> str:
    """How much; yes is what the server tells."""
    try:
        return "server" if flag(value) else "none"
    except NotMeantError:
        return str(one_of("none", "server", "diagnostics")(value))


def _by_name(value: Any, readers: Mapping[str, Reader], how: str) -> dict[str, Any]:
    """Values by name, each as its reader takes it; as text C(job=1h, verify=10m), or JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            pairs = [item.partition("=") for item in items(value)]
            value = {name.strip(): given.strip() for name, dummy, given in pairs}
    if not isinstance(value, Mapping):
        raise NotMeantError(how)
    unknown = next((name for name in value if name not in readers), None)
    if unknown is not None:
        raise NotMeantError(f"{did_you_mean([str(unknown)], readers)}{unknown!r} is none of {', '.join(readers)}.")
    return {name: _of(name, readers[name], given) for name, given in value.items()}


def _of(name: str, read: Reader, given: Any, where: str = "") -> Any:
    """One of several values, whose name stands before what is wrong with it."""
    try:
        return read(given)
    except NotMeantError as error:
        raise NotMeantError(f"{where}Of {name}: {error.remedy}") from None


def timeouts(value: Any) -> dict[str, int]:
    """Seconds by what is waited for."""
    how = f"Give seconds by name, such as {{job: 1h}}; the names are {', '.join(TIMEOUTS)}."
    return _by_name(value, {name: number(LIMITS[f"{name}_timeout"]) for name in TIMEOUTS}, how)


def rehearse(value: Any) -> bool | dict[str, Any]:
    """Yes, no, or what is to go wrong in it, and of which plan."""
    try:
        return flag(value)
    except NotMeantError:
        how = "Give true, false, or what is to go wrong, such as {fail: 2%, slow: 2, server_restart: '00:40'}."
    return _by_name(value, WHAT_IFS, how) or True


def _factor(value: Any) -> float:
    found = _number(value, whole=False)
    if found is None or not 0 < found <= MOST_SLOW:
        raise NotMeantError(f"Give how many times longer all takes, such as 2; at most {MOST_SLOW}.")
    return found


def _after(value: Any) -> str:
    """How long after the begin, as a duration."""
    clock = re.fullmatch(r"(\d{1,2}):([0-5]\d)", value.strip()) if isinstance(value, str) else None
    seconds = duration_s(value.strip()) if isinstance(value, str) and not clock else None
    if clock:
        seconds = int(clock[1]) * 3600 + int(clock[2]) * 60
    if seconds is None:
        raise NotMeantError("Give how long after the begin, as '00:40' in quotes, or as a duration such as 40m.")
    return f"{seconds}s"


def nights(value: Any) -> dict[str, Any]:
    """The window of each night, by zone where zones have their own: C(start) as a time of day, C(length) in seconds,
    C(days) of the week on which it starts, and C(zones) with the same keys. JSON as text, too."""
    how = (
        "Give start and length, such as {start: '23:00', length: 4h, days: [mon, tue], zones: {Berlin: {length: 6h}}}."
    )
    value = _dict(value, how)
    if not value:
        return {}
    usual = {key: given for key, given in value.items() if key != "zones"}
    zones = value.get("zones") or {}
    if not isinstance(zones, Mapping) or not all(isinstance(each, Mapping) for each in zones.values()):
        raise NotMeantError(f"zones is no window by zone. {how}")
    found: dict[str, Any] = _window(usual, "") if usual else {}
    return {
        **found,
        "zones": {str(name): _window({**usual, **own}, f"Of zone {name}: ") for name, own in zones.items()},
    }


def _window(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    keys = ("start", "length", "days")
    for key in given:
        if key not in keys:
            raise NotMeantError(
                f"{where}{did_you_mean([str(key)], keys)}{key!r} is none of {', '.join(keys)} and zones."
            )
    start = given.get("start")
    if not isinstance(start, str) or not re.fullmatch(r"T?([01]?\d|2[0-3]):[0-5]\d", start.strip()):
        raise NotMeantError(
            f"{where}Give start as a time of day in quotes, such as '23:00'; YAML takes it for a number."
        )
    length = given.get("length")
    seconds = duration_s(length.strip()) if isinstance(length, str) else length
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= 86400:
        raise NotMeantError(f"{where}Give length as a duration of at most a day, such as 4h or 4h30m.")
    days = _of("days", some_of(*DAYS), [str(day)[:3] for day in items(given.get("days") or list(DAYS))], where)
    return {"start": start.strip().removeprefix("T"), "length": seconds, "days": days}


MOST_SLOW = 100
WHAT_IFS: dict[str, Reader] = {
    "fail": share,
    "slow": _factor,
    "server_restart": _after,
    "host_down": line,
    "plan": line,
}

# By what an option means; else by its type.
READERS: dict[str, Reader] = {
    "bool": flag,
    "list": names,
    "str": line,
    "path": line,
    "expression": expression,
    "canaries": canaries,
    "evidence": evidence,
    "hooks": hooks,
    "moment": moment,
    "nights": nights,
    "plan": plan,
    "ports": ports,
    "rehearse": rehearse,
    "release": release,
    "share": share,
    "sizes": sizes,
    "timeouts": timeouts,
}


def reader(option: Option) -> Reader:
    """What reads a value that a person wrote."""
    if option.choices and not option.means:
        return some_of(*option.choices) if option.type == "list" else one_of(*option.choices)
    return number(option) if option.type in ("int", "float") else READERS[option.means or option.type]


def read(option: Option, value: Any, *, source: str = "") -> Any:
    """What a value that is given means.

    :param source: what is said after the option's name, such as the environment variable that the value is from.
    :raises OptionError: for a value that is invalid or empty, unless it is a secret with the value.
    """
    try:
        found = None if is_empty(value) else reader(option)(value)
    except NotMeantError as error:
        shown = "set to something else" if option.hides else _as_written(value)
        raise OptionError(f"{source}is {shown}", option=option.name, remedy=error.remedy) from None
    if is_empty(value) or (option.narrows and not found):
        means = f"names nothing ({value!r}), and {option.unset_means}" if option.narrows else "is empty"
        raise OptionError(
            f"{source}is given, but {means}",
            option=option.name,
            remedy=f"{'Name something' if option.narrows else 'Give a value'}, or leave it out.",
        )
    return found


def is_empty(value: Any) -> bool:
    """As C(-e name=$VALUE) of a shell that has none, and a key of YAML without a value."""
    return value is None or (isinstance(value, str) and not value.strip())


def _as_written(value: Any) -> str:
    """As YAML would have it: what it takes for a date has no form of its own there."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_as_written, value))}]"
    return str(value) if isinstance(value, date) else repr(value)


def duration_s(text: str) -> int | None:
    """The seconds of a duration such as C(90m) or C(4h30m); None for anything else."""
    match = _DURATION.fullmatch(text) if text else None
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
