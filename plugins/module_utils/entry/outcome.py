# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the functions behind the modules return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a module returns, and the message it fails with, if it does."""

    values: Mapping[str, Any]
    failure: str | None = None
    changed: bool = False
    diff: Mapping[str, str] | None = field(default=None)
