# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where lines for a person go: the option C(progress) of the action plugins."""

from __future__ import annotations

from ansible.utils.display import Display


def show(line: str) -> None:
    Display().display(line)
