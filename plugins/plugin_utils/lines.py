# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where lines for a person go: the option C(progress) of the action plugins."""

from __future__ import annotations

from collections.abc import Callable

from ansible.utils.display import Display


def _stdout(line: str) -> None:
    Display().display(line)


def _stderr(line: str) -> None:
    Display().display(line, stderr=True)


def _nowhere(dummy: str) -> None:
    pass


# With the last two, standard output is left to the callback, which may write JSON there.
WAYS: dict[str, Callable[[str], None]] = {"stdout": _stdout, "stderr": _stderr, "none": _nowhere}
