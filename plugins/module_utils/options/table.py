# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All options. What is text (documentation, roles, readme) is made from them by C(make generate)."""

from __future__ import annotations

from typing import Any

from .modules import CONNECTION, OWN
from .option import ROLES, Option
from .probing import PROBING
from .rollout import LIMITS, RUN
from .wanted import ORDER, SCOPE, STRATEGY

ALL = {**STRATEGY, **SCOPE, **ORDER, **LIMITS, **PROBING, **RUN, **CONNECTION}
# Of the roles and playbooks: sysvm_NAME.
VARIABLES = {name: option for name, option in ALL.items() if option.variable}


def options_of(place: str) -> dict[str, Option]:
    """What a module or a role has, by name, in the order of its documentation."""
    found = (option for option in (*OWN, *ALL.values()) if place in option.where)
    return {option.name: option for option in found if option.variable or place not in ROLES}


def default_of(name: str) -> Any:
    """What a variable comes to when it is not given; a new list each time."""
    option = VARIABLES[name]
    if name in CONNECTION:
        return None
    if option.type == "list":
        return list(option.default or ())
    if option.type == "dict":
        return {}
    return "" if option.default is None else option.default
