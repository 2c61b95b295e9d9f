# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the functions behind the modules return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a module returns, and the message it fails with, if it does.

    :ivar diff: makes what C(--diff) shows; asked only when it is wanted.
    """

    values: Mapping[str, Any]
    failure: str | None = None
    changed: bool = False
    diff: Callable[[], Mapping[str, str]] | None = None
