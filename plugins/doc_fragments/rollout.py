# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of modules that act on many targets."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  parallel:
    description:
      - How many units are at work at a time.
    type: int
    default: 10
  per_host:
    description:
      - How many units are at work on one hypervisor host at a time. An agent on KVM runs five commands at once, and a
        patch occupies one of them for minutes.
      - V(0) means no bound.
    type: int
    default: 2
  max_failures:
    description:
      - How many units may fail before no further unit is started, as a number or as a percentage of the targets such as
        V(10%). What runs is finished and verified.
    type: str
    default: "0"
  deadline:
    description:
      - No unit is started that is not expected to end by then, going by durations seen in this rollout.
      - A time of day such as V(06:00) in the local time zone (the next one), an ISO 8601 time, or a duration such as
        V(4h30m).
    type: str
  job_timeout:
    description:
      - The longest time in seconds for patching, restarting or starting one VM. A unit with more to do, such as a
        redundant pair, gets a multiple.
      - A job that takes longer is left running and its unit reported as failed; the next run waits for it.
    type: int
    default: 1800
  verify_timeout:
    description:
      - How long in seconds the proof may take after the job, for example until an agent has reconnected.
    type: int
    default: 300
  start_timeout:
    description:
      - How long in seconds the server may take until a recreated system VM is Running. It makes new ones in its
        capacity scan, one zone after the other.
    type: int
    default: 1800
  agent_timeout:
    description:
      - How long in seconds the agent of a new or restarted system VM may take until it is Up.
    type: int
    default: 900
  poll_interval:
    description:
      - The longest pause in seconds between two questions about running jobs. Shorter ones come from durations seen.
    type: float
    default: 5.0
  log:
    description:
      - A file on the host that runs the module, to which one line is appended when a unit starts and when it ends.
    type: path
  label:
    description:
      - What the counts in the lines of O(log) are of, for example V(step 2 of 7).
    type: str
  stop_file:
    description:
      - A path on the host that runs the module. As soon as a file is there, nothing new is started, as if the run were
        interrupted. It is not removed.
    type: path
  on_interrupt:
    description:
      - What happens to running jobs when the run is interrupted. V(leave) ends at once and leaves them to the server,
        the next run waits for them; V(wait) waits for them and verifies them first.
    type: str
    choices: [leave, wait]
    default: leave
"""
