# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudStack version numbers: read tolerantly, compared as numbers.

The one home of version comparison. Texts seen in the field: C(4.22.0.0-SNAPSHOT), C(4.18.1-shapeblue1),
C(Cloudstack Release 4.18.1 Wed Jan 10 ...), C(systemvm-kvm-4.19.0), C(24.0.0), C(UNKNOWN).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_NUMBER = re.compile(r"(?<![\d.])(\d+(?:\.\d+){1,3})(?![\d.]*\.\d)")
_WIDTH = 4


@functools.total_ordering
@dataclass(frozen=True, eq=False)
class Version:
    """A version as its numbers, padded to four as CloudStackVersion does: 4.22 equals 4.22.0.0."""

    numbers: tuple[int, int, int, int]
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.numbers == other.numbers

    def __lt__(self, other: Version) -> bool:
        return self.numbers < other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)

    def __str__(self) -> str:
        return self.text

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor number, what the support matrix speaks of."""
        return self.numbers[:2]


def parse_version(text: object) -> Version | None:
    """Return the first version number in I(text), or None where there is none (unknown, never an error)."""
    match = _NUMBER.search(text) if isinstance(text, str) else None
    if match is None:
        return None
    parts = [int(part) for part in match.group(1).split(".")]
    padded = parts + [0] * (_WIDTH - len(parts))
    if not any(padded):  # the server writes 0 for what it cannot parse
        return None
    return Version((padded[0], padded[1], padded[2], padded[3]), match.group(1))
