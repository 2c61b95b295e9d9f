# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Job ids that say what a job is for: the same purpose has the same id in every run, and a server takes each id once.

customjobid is a parameter of every asynchronous command (BaseAsyncCmd.java), unique in the server's database. So a
call whose answer was lost can be asked for, a killed run's jobs are found by asking, and of two runs that send the same
call one is refused. The server forgets ids with their jobs (setting job.expire.minutes, a day by default).
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable

_NAMESPACE = uuid.UUID("b3a86b0b-0dc1-4b5c-9a53-6c1f0d2f7a11")


class Purpose(str, enum.Enum):
    """What a call is for."""

    PATCH = "patch"  # live patch: of a system VM, or of routers through one network
    FORCE_PATCH = "force_patch"  # the same although the server sees no change in the scripts
    APPLY_RULES = "apply_rules"  # restart a network without cleanup
    RECREATE = "recreate"  # restart with cleanup, or destroy a system VM or internal LB VM
    START = "start"  # start what is stopped, or make what is missing
    REBOOT = "reboot"  # stop and start
    DESTROY_SURPLUS = "destroy_surplus"  # a stopped router that a failed recreation left


# So many attempts of a purpose are recognised; more than a run or two make are not expected within a day.
KNOWN_ATTEMPTS = 4


def objects_of_ids(zone_id: str, object_ids: Iterable[str], target: str) -> dict[str, str]:
    """The ids that jobs on these objects have if they are ours, each with its object."""
    return {
        job_id_of(zone_id, object_id, purpose, target, attempt): object_id
        for object_id in object_ids
        for purpose in Purpose
        for attempt in range(1, KNOWN_ATTEMPTS + 1)
    }


def job_id_of(zone_id: str, object_id: str, purpose: Purpose, target: str, attempt: int) -> str:
    """The id of the job of one call.

    :param zone_id: where the object is, so of which cloud.
    :param object_id: what the call names: a network, a VPC, a VM.
    :param target: the version that is upgraded to.
    :param attempt: 1, and one more each time a call is known to have ended without doing its work.
    :returns: a UUID in lower case with dashes; the server refuses any other form.
    """
    return str(uuid.uuid5(_NAMESPACE, "/".join((zone_id, object_id, purpose.value, target, str(attempt)))))


def purpose_of(job_id: str, zone_id: str, object_id: str, target: str) -> Purpose | None:
    """What a job was for, if it was one of ours on this object."""
    for purpose in Purpose:
        for attempt in range(1, KNOWN_ATTEMPTS + 1):
            if job_id == job_id_of(zone_id, object_id, purpose, target, attempt):
                return purpose
    return None
