# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's time stamps."""

from __future__ import annotations

from datetime import datetime

# Event and job are written one after the other: their seconds may differ by one where they straddle it.
TOLERANCE_S = 2


def moment(text: str | None) -> float | None:
    """Seconds since the epoch of a server's time stamp such as 2026-11-22T23:56:58+0000, or of one of ours."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo else None
