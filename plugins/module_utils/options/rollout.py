# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a rollout: how much at a time, how long to wait, and how the run is followed and stopped."""

from __future__ import annotations

from .option import ACTING, CHECK, PREFLIGHT, REPORT, UPGRADE, group, option, seconds

ROLLOUT = (*ACTING, UPGRADE)
BOUNDS = (CHECK, *ACTING, PREFLIGHT, UPGRADE)  # the plan says how long it takes within them

# What the role hands on to the modules as it is.
LIMITS = group(
    ACTING,
    option("parallel", "int", "How many units are at work at a time.", where=BOUNDS, default=10, lowest=1),
    option(
        "per_host",
        "int",
        "How many units are at work on one hypervisor host at a time; V(0) means no bound.",
        "An agent on KVM runs five commands at once, and a patch occupies one of them for minutes.",
        where=BOUNDS,
        default=2,
        lowest=0,
    ),
    option(
        "system_vms_at_once",
        "int",
        "How many SSVMs are recreated or restarted at a time in the whole cloud, and CPVMs likewise; never two in"
        " a zone.",
        "The server makes new ones in its capacity scan, one zone after the other, so with more at a time zones"
        " only wait longer without one.",
        where=BOUNDS,
        variable=False,
        default=1,
        lowest=1,
    ),
    seconds(
        "job_timeout",
        "The longest time in seconds for patching, restarting or starting one VM; a unit with more to do, such as"
        " a redundant pair, gets a multiple.",
        "A job that takes longer is left running and its unit reported as failed; the next run waits for it.",
        variable=False,
        default=1800,
        lowest=1,
    ),
    seconds(
        "verify_timeout",
        "How long in seconds the proof may take after the job, for example until an agent has reconnected.",
        variable=False,
        default=300,
    ),
    seconds(
        "start_timeout",
        "How long in seconds the server may take until a recreated system VM is Running.",
        "It makes new ones in its capacity scan, one zone after the other.",
        variable=False,
        default=1800,
    ),
    seconds(
        "agent_timeout",
        "How long in seconds the agent of a new or restarted system VM may take until it is Up.",
        variable=False,
        default=900,
    ),
    option(
        "poll_interval",
        "float",
        "The longest pause in seconds between two questions about running jobs.",
        "Shorter ones come from durations seen.",
        where=ROLLOUT,
        variable=False,
        default=5.0,
        lowest=0.05,
        means="seconds",
    ),
    option(
        "on_interrupt",
        "str",
        "What happens to running jobs when the run is interrupted: V(leave) ends at once and leaves them to the"
        " server and the next run, which waits for them; V(wait) waits for them and verifies them first.",
        where=ROLLOUT,
        default="leave",
        choices=("leave", "wait"),
    ),
)

# The moments of a run at which tasks of the operator may run.
HOOKS = ("begin", "before_step", "after_step", "failure", "pause", "refusal", "end")

RUN = group(
    (),
    option(
        "timeouts",
        "dict",
        "How long to wait, in seconds or as V(20m), each by its name: V(job) for one VM to be patched, restarted or"
        " started (1800); V(verify) for the proof after that (300); V(start) for the server to make a recreated"
        " system VM (1800); V(agent) for the agent of a new or restarted one (900).",
        "The options C(job_timeout), C(verify_timeout), C(start_timeout) and C(agent_timeout) of the acting modules"
        " say more of each. From the command line, C(-e '{sysvm_timeouts: {job: 1h}}'), or C(job=1h, verify=10m).",
        means="timeouts",
        unset="as in parentheses",
        where=(UPGRADE,),
    ),
    seconds(
        "soak",
        "How long in seconds the canaries are watched after their proof before they count as done and the many"
        " follow. One has failed if anything new is wrong with it meanwhile: a VM that is not as it was, an alert,"
        " a health check that fails or, with O(probe), an address that does not answer for a time.",
        "A module that is used alone watches all its targets.",
        where=BOUNDS,
        default=0,
    ),
    option(
        "pause",
        "str",
        "After what to ask for approval before going on; without a terminal, and in AWX, the run stops there.",
        "The answer is for that pause only. Run again with O(pause=none) where nobody can answer.",
        default="none",
        choices=("none", "after_canary", "after_each_step"),
        where=(UPGRADE,),
    ),
    option(
        "hooks",
        "dict",
        "Files of tasks of your own, by the moment at which they run.",
        "V(begin) before the first step, V(before_step) and V(after_step), V(failure) after a step in which a unit"
        " failed, V(pause) before a person is asked, V(refusal) where a run ends before anything was touched, and"
        " V(end) after the report of any other run.",
        "Give absolute paths, or ones from the working directory. A hook that fails ends the run; the results so"
        " far stand. The guide to nights says what a hook sees.",
        where=(PREFLIGHT, UPGRADE, REPORT),
        means="hooks",
    ),
    option(
        "report_dir",
        "path",
        "The folder of all runs, from the working directory unless it is absolute.",
        "Each run has a folder of its own in it, C(runs/ID), with plan, report, log and evidence; C(latest) leads"
        " to the last one. Where the play has several hosts, each has a folder of its own, which has all that.",
        where=(PREFLIGHT, UPGRADE, REPORT),
        default="./sysvm-report",
    ),
    option(
        "keep_runs",
        "int",
        "How many plans and how many upgrades of each cloud are kept in O(report_dir).",
        "The oldest are removed when a run begins, never one that is alive or the last that the next run needs.",
        where=(PREFLIGHT, REPORT),
        default=30,
        lowest=1,
    ),
    option(
        "evidence",
        "str",
        "What to leave for each unit that failed, in a folder beside the report: V(server) what the server tells"
        " about it, and a ticket; V(diagnostics) also a bundle of the log files of its VMs, which the server makes"
        " (getDiagnosticsData) and puts on secondary storage; V(none) nothing.",
        "At the end of the run; it only reads, for at most 20 units. Bundles take up to 5 minutes for all units"
        " together. What cannot be read is said there and changes nothing about how the run ends.",
        "V(true) means V(server), V(false) V(none).",
        where=(UPGRADE, REPORT),
        default="server",
        choices=("none", "server", "diagnostics"),
        means="evidence",
    ),
    option(
        "metrics_file",
        "path",
        "A file in which the run is kept as metrics (OpenMetrics text), for the textfile collector of"
        " node_exporter, which reads files that end in C(.prom).",
        "Its folder must be there. It is written as often as the report, but not in check mode. Where the play has"
        " several hosts, each has its own beside it, such as C(sysvm-HOST.prom).",
        where=(UPGRADE, REPORT),
    ),
    option(
        "drift",
        "bool",
        "Instead of the plan, show which software and scripts run where, by zone, hypervisor and host, and which"
        " routers are odd ones; only for a look.",
        "Of the whole cloud, whatever is in scope. The role upgrade refuses it.",
        where=(PREFLIGHT,),
        default=False,
    ),
    option(
        "clouds",
        "list",
        "The hosts of the inventory that talk to the API, one for each cloud.",
        default=(),
        unset="localhost",
    ),
    option(
        "progress",
        "str",
        "Where plan, progress and result are shown; progress lines only with a local connection.",
        "V(stderr) and V(none) leave standard output to the callback. To one that writes JSON, such as"
        " C(ansible.posix.json), it is left anyway.",
        where=(*ROLLOUT, PREFLIGHT, REPORT),
        default="stdout",
        choices=("stdout", "stderr", "none"),
    ),
)
