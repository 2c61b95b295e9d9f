# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cures a failed live patch: a second try later, or recreation. Pure.

Texts as the management server words them (ManagementServerImpl.patchSystemVm and what it passes on).
"""

from __future__ import annotations

import enum
import re


class Cure(str, enum.Enum):
    LATER = "later"  # may succeed on its own: an agent or a server that is not there right now
    RECREATE = "recreate"  # the VM itself is broken: full disk, unreachable, its patch script failed


_LATER = re.compile(
    r"agent.{0,40}(unavailable|disconnected|down|not connected)|unavailable|timed? ?out|management server",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"no space left|getsystemvmversion|patch-sysvms|exited with|scp|unreachable|live patch failed|failed to patch",
    re.IGNORECASE,
)


def cure_of(trouble: str, hosts_up: bool) -> Cure | None:
    """What helps after a live patch that left the VM as it was.

    :param trouble: the job's words, empty when the job claimed success.
    :param hosts_up: whether the agents of the hosts that carry the VM are connected.
    """
    if not hosts_up or _LATER.search(trouble):
        return Cure.LATER
    if not trouble or _BROKEN.search(trouble):
        return Cure.RECREATE
    return None
