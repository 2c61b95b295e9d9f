# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Singular and plural, and lists of which only the beginning is told."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, one: str, many: str = "") -> str:
    """C(1 network), C(2,000 networks); with I(many) C(1 network has no tier), C(2 networks have no tier).

    :param one: what is counted, as after 1.
    :param many: as after any other number, where it is more than an s or es.
    """
    return f"{number:,} {one if number == 1 else many or one + ('es' if one.endswith('s') else 's')}"


def first_of(names: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """The first of the names, and how many more there are."""
    return between.join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
