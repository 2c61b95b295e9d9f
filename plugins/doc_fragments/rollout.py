# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of modules that act on many targets."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: # Made from plugins/module_utils/options by make generate.
  if_gone:
    description:
      - 'What a target means that is not there. V(fail) takes it for a mistake and touches nothing; V(report) is for ids
        from a plan: it was there then, and its result says that it is gone.'
    type: str
    choices: [fail, report]
    default: fail
  health_checks:
    description:
      - Whether to look inside of each router before and afterwards. One that fails a health check that it passed
        before, or does not reach its gateway any more (ping), has failed. Each takes some seconds, in which nothing
        else is asked. What the server cannot ask a router is no failure.
      - Health checks only in zones where the settings C(router.health.checks.enabled) is true and
        C(router.health.checks.failures.to.recreate.vr) is empty; elsewhere a failing check could make the server
        recreate the router.
    type: bool
    default: false
  control:
    description:
      - 'A file by which the rollout is steered while it runs, on the host that runs the module. Lines are C(pause)
        (nothing new begins, what runs goes on), C(resume), C(stop) (nothing new begins; what runs is waited for and
        proven) and C(parallel: 3). The last of each kind counts; C(stop) stays.'
      - There must be no such file before. It is not removed.
    type: path
  log:
    description:
      - A file to which one line is appended when a unit starts and when it ends, for C(tail -f).
      - It is on the host that runs the module.
    type: path
  label:
    description:
      - What the counts in the progress lines are of, for example V(step 2 of 7).
    type: str
  approved_lines:
    description:
      - What was approved, a line for each unit. No other unit is touched, and none by another method than its line
        says, whatever has changed since.
      - Each has C(id) and C(method); where they are told C(recreates), whether the unit may be recreated if its live
        patch fails, and C(destroys), names of left-over routers that may be destroyed. A line of another C(cloud) (the
        host of the API) or C(target_version) is refused. C(place) and C(name) are for messages.
      - The roles take them from C(sysvm_approved_plan).
      - 'If not given: whatever is needed.'
    type: list
    elements: dict
  max_failures:
    description:
      - How many units may fail before no further unit is started, as a number or as a percentage such as V(10%) of the
        units to be upgraded.
      - What runs is finished and verified.
    type: str
    default: '0'
  deadline:
    description:
      - 'No unit is started that is not expected to end by then, going by durations seen: a time of day such as
        V(06:00), an ISO 8601 time, or a duration such as V(4h30m).'
      - A time of day is the next one in the local time zone, which the plan shows. YAML wants it in quotes.
    type: str
  parallel:
    description:
      - How many units are at work at a time.
      - At least V(1).
    type: int
    default: 10
  per_host:
    description:
      - How many units are at work on one hypervisor host at a time; V(0) means no bound.
      - An agent on KVM runs five commands at once, and a patch occupies one of them for minutes.
    type: int
    default: 2
  system_vms_at_once:
    description:
      - How many SSVMs are recreated or restarted at a time in the whole cloud, and CPVMs likewise; never two in a zone.
      - The server makes new ones in its capacity scan, one zone after the other, so with more at a time zones only wait
        longer without one.
      - At least V(1).
    type: int
    default: 1
  job_timeout:
    description:
      - The longest time in seconds for patching, restarting or starting one VM; a unit with more to do, such as a
        redundant pair, gets a multiple.
      - A job that takes longer is left running and its unit reported as failed; the next run waits for it.
      - At least V(1).
    type: int
    default: 1800
  verify_timeout:
    description:
      - How long in seconds the proof may take after the job, for example until an agent has reconnected.
    type: int
    default: 300
  start_timeout:
    description:
      - How long in seconds the server may take until a recreated system VM is Running.
      - It makes new ones in its capacity scan, one zone after the other.
    type: int
    default: 1800
  agent_timeout:
    description:
      - How long in seconds the agent of a new or restarted system VM may take until it is Up.
    type: int
    default: 900
  poll_interval:
    description:
      - The longest pause in seconds between two questions about running jobs.
      - Shorter ones come from durations seen.
      - At least V(0.05).
    type: float
    default: 5.0
  on_interrupt:
    description:
      - 'What happens to running jobs when the run is interrupted: V(leave) ends at once and leaves them to the server
        and the next run, which waits for them; V(wait) waits for them and verifies them first.'
    type: str
    choices: [leave, wait]
    default: leave
  probe_patience:
    description:
      - How long in seconds an address that answered before may still be silent after the server's report has proven the
        unit. Then the unit has failed.
    type: int
    default: 60
  soak:
    description:
      - 'How long in seconds the canaries are watched after their proof before they count as done and the many follow.
        One has failed if anything new is wrong with it meanwhile: a VM that is not as it was, an alert, a health check
        that fails or, with O(probe), an address that does not answer for a time.'
      - A module that is used alone watches all its targets.
    type: int
    default: 0
  progress:
    description:
      - Where plan, progress and result are shown; progress lines only with a local connection.
      - V(stderr) and V(none) leave standard output to the callback. To one that writes JSON, such as
        C(ansible.posix.json), it is left anyway.
    type: str
    choices: [stdout, stderr, none]
    default: stdout
"""
