# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of which `make test` runs a part, and `make nightly` the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(number: int, rows: Iterable[Any]) -> list[Any]:
    """The rows as parameters; those after so many are for the night."""
    return [
        pytest.param(*(row if isinstance(row, tuple) else [row]), marks=[pytest.mark.nightly] * (place >= number))
        for place, row in enumerate(rows)
    ]
