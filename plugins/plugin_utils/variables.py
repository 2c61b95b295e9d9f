# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a run: what is given, what is missing, what nobody reads. Pure.

Which there are, and what may be written in them: I(options). A question of AWX without an answer is an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.guesses import nearest
from ..module_utils.options.option_names import PREFIX, OptionError, called, words
from ..module_utils.options.reading import TIMEOUTS, is_empty, read
from ..module_utils.options.table import ALL, VARIABLES, default_of
from ..module_utils.options.wanted import SCOPE

OWN_PREFIX = "sysvm_my_"  # of variables that users may have for themselves


class VariableError(SysvmError):
    """A variable that nobody reads; the message names it."""


# What the roles themselves set, for hooks, for each other and for later nodes of an AWX workflow.
SET_BY_ROLES = frozenset(
    PREFIX + name
    for name in (
        *("planned", "step", "step_file", "step_number", "step_begin", "step_done", "step_units", "step_results"),
        *(f"hook_{told}" for told in ("moment", "scope", "counts", "report", "reason", "next", "error")),
        *("error", "hook", "report", "check", "upgrade"),
    )
)

# Of these, what AWX gives to later nodes as variables.
LEFT_FOR_LATER = frozenset({"sysvm_check", "sysvm_upgrade"})


def read_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """All variables by name without prefix, each as its kind; what is not given, or is empty, has its default.

    :param given: values by name with prefix.
    :raises OptionError: for the first that is invalid, or that contradicts another.
    """
    found = {name: read_one(name, given.get(PREFIX + name, "")) for name in VARIABLES}
    refuse_contradictions(found)
    return found


def read_one(name: str, value: Any) -> Any:
    """One variable by its name without prefix; nothing is the default. Where units are named, blanks are not nothing.

    :raises OptionError: with its value, unless it is a secret.
    """
    option = VARIABLES[name]
    nothing = value == "" or (is_empty(value) and not option.narrows)
    return default_of(name) if nothing else read(option, value)


def refuse_empty(given: Mapping[str, Any]) -> None:
    """What is empty would be the default, often more than was meant; in AWX it is a question without an answer.

    :raises OptionError: for the first.
    """
    for name, value in given.items():
        if is_empty(value):
            read(VARIABLES[name.removeprefix(PREFIX)], value)


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


# What is an option of the modules, and how a playbook says it.
OPTIONS_OF_MODULES = {
    **{
        PREFIX + name: f"is no variable; {name} is an option of the modules"
        + (f". Set the environment variable {option.env}" if option.env else "")
        for name, option in ALL.items()
        if not option.variable
    },
    **{
        f"{PREFIX}{name}_timeout": f"is a part of {PREFIX}timeouts: write {PREFIX}timeouts: {{{name}: 20m}}"
        for name in TIMEOUTS
    },
    "sysvm_unsupported": "is a part of sysvm_recreate: write sysvm_recreate: [unsupported]",
    "sysvm_fallback": "is a part of sysvm_recreate: write sysvm_recreate: [failed]",
    "sysvm_allow_degraded": "is a part of sysvm_recreate: write sysvm_recreate: [degraded]",
    "sysvm_diagnostics": "is a part of sysvm_evidence: write sysvm_evidence: diagnostics",
}


def _unknown(name: str, known: Iterable[str]) -> str:
    if name in OPTIONS_OF_MODULES:
        return f"{name} {OPTIONS_OF_MODULES[name]}"
    wanted = name.lower() if name.lower().startswith(PREFIX) else PREFIX + name
    near = nearest([wanted], known, 0.5)
    return f"{name}: did you mean {near[0]}?" if near else f"{name}: there is no such variable"


def refuse_contradictions(found: Mapping[str, Any]) -> None:
    """What contradicts another; what says what is wanted is compared where that is made (C(planning.policy)).

    :raises OptionError: naming both variables.
    """
    if found["pause"] == "after_canary" and not found["canaries"]:
        raise OptionError(
            f"is after_canary, but {called('canaries')} is false, so there would be no pause at all",
            option="pause",
            remedy=words("Use O(pause): after_each_step, or leave O(canaries) true."),
        )
    if found["soak"] and not found["canaries"]:
        raise OptionError(
            f"is given, but {called('canaries')} is false, so there would be nothing to watch",
            option="soak",
            remedy=words("Leave O(canaries) true, or leave O(soak) out."),
        )
