# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How texts name options: by the variables of the roles, unless somebody uses a module without them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

PREFIX = "sysvm_"  # of the variables of roles and playbooks
# Set for a module that works for a role; no option, since it is no business of users.
ROLE_VARIABLE = "SYSVM_ROLE"
# Where results have texts of ours; all else is data, such as names.
TEXTS = frozenset({"message", "remedy", "seen", "reason", "notes"})


def name_options(text: str, options: Collection[str]) -> str:
    """sysvm_names has 'web', ... -> names has 'web', ...; a variable that is no option stays what it is."""
    return re.sub(rf"\b{PREFIX}(\w+)", lambda found: found[1] if found[1] in options else found[0], text)


def with_options_named(values: Mapping[str, Any], options: Collection[str]) -> dict[str, Any]:
    """Results whose texts name options."""
    if not options:
        return dict(values)
    return {key: _named(value, options, key in TEXTS) for key, value in values.items()}


def _named(value: Any, options: Collection[str], ours: bool) -> Any:
    if isinstance(value, Mapping):
        return with_options_named(value, options)
    if isinstance(value, (list, tuple)):
        return [_named(each, options, ours) for each in value]
    return name_options(value, options) if ours and isinstance(value, str) else value
