# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator's own books say, whatever its API told."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

from tests.support.estates import VERSION


def unit_of(call: dict[str, Any]) -> str:
    """The unit that a call of the journal is about, by name; tiers are called after their VPC."""
    return str(call["target"]).partition("-tier")[0]


def is_current(vm: dict[str, Any], version: str = VERSION) -> bool:
    """What a VM really runs, whatever the API says."""
    if "agent" in vm:
        return bool(vm["state"] == "Running" and vm["software"] == version)
    return bool(vm["state"] == "Running" and vm["software"] == version and vm["scripts"] == version)


def overlaps(journal: list[dict[str, Any]], jobs: list[dict[str, Any]], theirs: Collection[str] = ()) -> Iterator[str]:
    """Calls that the server took while another job of the same unit ran.

    :param theirs: jobs of people, who wait for nobody.
    """
    ended = {job["id"]: job["completed"] and job["completed"] - job["created"] for job in jobs}
    taken = [call for call in journal if call["job_id"]]
    for call in taken:
        for other in taken if call["job_id"] not in theirs else ():
            lasted = ended[other["job_id"]]
            # A clock that was moved meanwhile was moved by an hour.
            end = math.inf if lasted is None else other["at"] + lasted % 3600
            if unit_of(call) == unit_of(other) and other["at"] < call["at"] < end:
                yield f"{call['command']} of {call['target']} was sent while a job of {other['target']} ran"


def patched_at_once(vms: dict[str, dict[str, Any]]) -> list[str]:
    """The VMs that two patches worked on at once."""
    intervals = {name: sorted(vm["patch_intervals"]) for name, vm in vms.items()}
    return [
        name
        for name, patches in intervals.items()
        if any(end is None or end > begin for (dummy, end), (begin, dummy2) in pairwise(patches))
    ]
