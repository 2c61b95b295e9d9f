# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many examples of a property are tried: a quarter of them by `make test`, all by `make nightly`."""

from __future__ import annotations

import os

from hypothesis import settings

SCALE = float(os.environ.get("SCALE", "0.25"))


def examples(number: int, nightly: int = 1) -> settings:
    """As a decorator: so many, and more with a SCALE above 1. These are others each time; up to 1 everybody's run draws
    the same.

    :param nightly: times as many by C(make nightly).
    """
    most = round(number * SCALE * (nightly if SCALE >= 1 else 1))
    return settings(max_examples=max(1, most), deadline=None, derandomize=SCALE <= 1)
