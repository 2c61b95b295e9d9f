# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a run: what a person may write in them and what that means. Pure.

Which there are: I(options).

Variables come from YAML, from C(-e name=value), where all is text, and from surveys of AWX, where an unanswered
question is an empty text and a list is a textarea. What a person means is the same in all of them.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..module_utils.options.option import Option
from ..module_utils.options.option_names import PREFIX
from ..module_utils.options.table import VARIABLES, default_of
from ..module_utils.options.wanted import SCOPE
from ..module_utils.planning.values import duration_s

OWN_PREFIX = "sysvm_my_"  # of variables that users may have for themselves
TRUE = frozenset({"true", "yes", "on", "y", "t", "1"})
FALSE = frozenset({"false", "no", "off", "n", "f", "0"})


class VariableError(SysvmError):
    """A variable that nobody reads, or a value that cannot be meant; the message names it."""


Reader = Callable[[Any], Any]


class NotMeantError(ValueError):
    """What is wrong with a value, and after it how to write it."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy


# Kinds of values. A reader gets what is neither None nor an empty text.


def flag(value: Any) -> bool:
    text = str(value).strip().lower()
    if isinstance(value, (bool, int, str)) and text in TRUE | FALSE:
        return text in TRUE
    raise NotMeantError("Give true or false.")


def number(lowest: float, whole: bool = True) -> Reader:
    """A number of at least I(lowest)."""

    def read(value: Any) -> float:
        kind = "a whole number" if whole else "a number"
        found = _number(value)
        if found is None or found < lowest or (whole and not found.is_integer()):
            raise NotMeantError(f"Give {kind} of at least {lowest:g}.")
        return int(found) if whole else found

    return read


def seconds(lowest: float, whole: bool = True) -> Reader:
    """A number of seconds, or a duration such as C(30m)."""

    def read(value: Any) -> float:
        found: float | None = duration_s(value.strip()) if isinstance(value, str) else None
        found = _number(value) if found is None else found
        if found is None or found < lowest or (whole and not float(found).is_integer()):
            raise NotMeantError(f"Give a number of seconds of at least {lowest:g}, or a duration such as 30m.")
        return int(found) if whole else float(found)

    return read


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def one_of(*choices: str) -> Reader:
    def read(value: Any) -> str:
        word = _word(value)
        if word not in choices:
            raise NotMeantError(f"Give one of {', '.join(choices)}{_meant(word, choices)}.")
        return word

    return read


def some_of(*choices: str) -> Reader:
    def read(value: Any) -> list[str]:
        words = [_word(item) for item in items(value)]
        for word in words:
            if word not in choices:
                raise NotMeantError(f"{word!r} is none of {', '.join(choices)}{_meant(word, choices)}.")
        return list(dict.fromkeys(words))

    return read


def _word(value: Any) -> str:
    return text(value).lower().replace("-", "_").replace(" ", "_")


def _meant(word: str, choices: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(choices), 1)
    return f"; did you mean {near[0]}?" if near else ""


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
            "Give names as text: with quotes in YAML ('010'), which takes 010 for the number 8 and 12:30 for 750; with "
            "a comma behind the name in a survey or with -e (010,)."
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
    if not isinstance(value, str) or "\n" in found:
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
    if number_of is not None and number_of.is_integer() and number_of >= 0:
        return str(int(number_of))
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
    if any(port is None or not port.is_integer() or not 1 <= port <= 65535 for port in found):
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


# By what an option means; else by its type.
READERS: dict[str, Reader] = {
    "bool": flag,
    "list": names,
    "str": line,
    "path": line,
    "expression": expression,
    "canaries": canaries,
    "moment": moment,
    "plan": plan,
    "ports": ports,
    "release": release,
    "share": share,
    "sizes": sizes,
}


def reader(option: Option) -> Reader:
    """What reads a value that a person wrote."""
    if option.choices:
        return some_of(*option.choices) if option.type == "list" else one_of(*option.choices)
    if option.type in ("int", "float"):
        kind = seconds if option.means == "seconds" else number
        return kind(-math.inf if option.lowest is None else option.lowest, whole=option.type == "int")
    return READERS[option.means or option.type]


# What the roles themselves set, for hooks, for each other and for later nodes of an AWX workflow.
SET_BY_ROLES = frozenset(
    PREFIX + name
    for name in (
        *(
            "planned",
            "step",
            "step_file",
            "working_directory",
            "step_number",
            "step_done",
            "step_units",
            "step_results",
            "stopped",
            "approval",
        ),
        *("error", "hook", "hooks", "hook_error", "report", "check", "upgrade"),
    )
)

# Of these, what AWX gives to later nodes as variables.
LEFT_FOR_LATER = frozenset({"sysvm_check", "sysvm_upgrade"})


def read_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """All variables by name without prefix, each as its kind; what is not given, or is empty, has its default.

    :param given: values by name with prefix.
    :raises VariableError: for the first that cannot be meant, or that contradicts another.
    """
    read = {name: read_one(name, given.get(PREFIX + name, "")) for name in VARIABLES}
    refuse_contradictions(read)
    return read


def read_one(name: str, value: Any) -> Any:
    """One variable by its name without prefix.

    :raises VariableError: naming it and, unless it is a secret, its value.
    """
    option = VARIABLES[name]
    empty = value is None or (isinstance(value, str) and not value.strip())
    if value == "" or (empty and name not in SCOPE):
        return default_of(name)
    try:
        found = None if empty else reader(option)(value)
    except NotMeantError as error:
        shown = "set to something else" if option.hides else repr(value)
        raise VariableError(f"{PREFIX}{name} is {shown}", remedy=error.remedy) from None
    if name in SCOPE and not found:
        means = "nothing would be left out" if name == "exclude_names" else "everything would be meant"
        raise VariableError(
            f"{PREFIX}{name} is given, but names nothing ({value!r}), and {means}",
            remedy="Name something, or leave the variable out.",
        )
    return found


def refuse_unknown(defined: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Refuse what looks like one of the variables and is read by nobody: a scope that is misspelt is no scope.

    :param defined: all variables that there are.
    :param extra: those given with C(-e).
    :raises VariableError: naming each, with the nearest name that there is.
    """
    known = {PREFIX + name for name in VARIABLES}
    unknown = sorted(
        name
        for name in defined
        if name.lower().startswith(PREFIX) and name not in known | SET_BY_ROLES and not name.startswith(OWN_PREFIX)
    )
    if unknown:
        raise VariableError(
            "; ".join(_unknown(name, known) for name in unknown),
            remedy=f"No variable of this collection has such a name; your own may begin with {OWN_PREFIX}.",
        )
    ours = sorted(name for name in extra if name in SET_BY_ROLES - LEFT_FOR_LATER)
    if ours:
        raise VariableError(
            f"{', '.join(ours)} would hide what the roles set themselves",
            remedy=f"Remove it; a variable of your own may begin with {OWN_PREFIX}.",
        )
    if "sysvm" in extra:
        raise VariableError("sysvm is no variable of this collection", remedy="Give each with its name: sysvm_zones.")
    if PREFIX in str(extra.get("_raw_params", "")):
        name = re.match(r"\w*", str(extra["_raw_params"]))  # not the rest, which may be a secret
        raise VariableError(
            f"-e '{name[0] if name else ''}: ...' sets nothing",
            remedy="Write -e name=value, or -e with JSON or YAML in braces: -e '{sysvm_zones: [Berlin]}'.",
        )
    # Of the user's own playbook, unless it is all that there is: then it was meant to be a scope.
    bare = [name for name in SCOPE if name in extra and defined.get(PREFIX + name, "") in ("", default_of(name))]
    if bare:
        raise VariableError("; ".join(_unknown(name, known) for name in bare))


# Variables that there were, and what takes their place.
REPLACED = {
    "sysvm_log": "is gone; each run has its log in its own folder, sysvm_report_dir/latest/log for the last one",
    "sysvm_stop_file": "is gone; write stop into the file control in sysvm_report_dir while the run goes on",
}


def _unknown(name: str, known: Iterable[str]) -> str:
    if name in REPLACED:
        return f"{name} {REPLACED[name]}"
    wanted = name.lower() if name.lower().startswith(PREFIX) else PREFIX + name
    near = difflib.get_close_matches(wanted, sorted(known), 1, 0.5)
    return f"{name}: did you mean {near[0]}?" if near else f"{name}: there is no such variable"


def refuse_contradictions(read: Mapping[str, Any]) -> None:
    """What cannot be meant together; the plan refuses what needs to know the cloud.

    :raises VariableError: naming both variables.
    """
    if read["pause"] == "after_canary" and not read["canaries"]:
        raise VariableError(
            "sysvm_pause is after_canary, but sysvm_canaries is false, so there would be no pause at all",
            remedy="Use sysvm_pause: after_each_step, or leave sysvm_canaries true.",
        )
    if read["soak"] and not read["canaries"]:
        raise VariableError(
            "sysvm_soak is given, but sysvm_canaries is false, so there would be nothing to watch",
            remedy="Leave sysvm_canaries true, or leave sysvm_soak out.",
        )
    both = sorted(set(read["names"]) & set(read["exclude_names"]))
    if both:
        raise VariableError(
            f"sysvm_names and sysvm_exclude_names both name {', '.join(map(repr, both))}",
            remedy="Remove it from one of the two.",
        )
    if read["unsupported"] == "recreate" and read["method"] == "live_patch":
        raise VariableError(
            "sysvm_unsupported is recreate, but sysvm_method is live_patch",
            remedy="Use sysvm_method: auto, which live patches what may be and recreates the rest.",
        )
    if read["fallback"] == "recreate" and read["method"] == "recreate":
        raise VariableError(
            "sysvm_fallback is recreate, but sysvm_method is recreate, so nothing is live patched that could fall back",
            remedy="Leave one of the two out.",
        )
