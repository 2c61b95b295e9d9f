# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bounds of a rollout."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..options.rollout import LIMITS
from ..units.actions import Patience


@dataclass(frozen=True)
class Limits:
    """What a rollout may do at a time and how long it waits; all times in seconds.

    :ivar per_host: units at work on one hypervisor host at a time; 0 = no bound.
    :ivar system_vms_at_once: SSVMs that are recreated at a time in the whole cloud, and CPVMs likewise: the server
        replaces them one after the other.
    :ivar max_failures: failed units tolerated before nothing new is started.
    :ivar job_timeout: longest time for one patch, restart or start; a unit with more to do gets a multiple.
    :ivar verify_timeout: how long the proof of a patch may take after the last job, and a host be away before a call.
    :ivar start_timeout: how long a destroyed system VM's replacement may take until it is Running.
    :ivar agent_timeout: how long the agent of a new or restarted system VM may take until it is Up.
    :ivar wait_idle: how long to wait for open consoles to be closed before a CPVM is destroyed.
    :ivar poll_interval: longest pause between two questions about running jobs.
    :ivar deadline: seconds since the epoch; no unit starts that is not expected to end by then.
    :ivar big_s: units expected to take this long run one at a time.
    :ivar wait_when_interrupted: else what runs is left to the server and to the next run.
    """

    parallel: int = LIMITS["parallel"].default
    per_host: int = LIMITS["per_host"].default
    system_vms_at_once: int = LIMITS["system_vms_at_once"].default
    max_failures: int = 0
    job_timeout: float = LIMITS["job_timeout"].default
    verify_timeout: float = LIMITS["verify_timeout"].default
    start_timeout: float = LIMITS["start_timeout"].default
    agent_timeout: float = LIMITS["agent_timeout"].default
    wait_idle: float = 0.0
    deadline: float | None = None
    big_s: float = math.inf
    wait_when_interrupted: bool = False
    poll_interval: float = LIMITS["poll_interval"].default

    def patience(self, reach_s: float) -> Patience:
        """How long a unit waits for what.

        :param reach_s: for what answered before to answer again.
        """
        return Patience(self.verify_timeout, self.start_timeout, self.agent_timeout, self.wait_idle, reach_s)
