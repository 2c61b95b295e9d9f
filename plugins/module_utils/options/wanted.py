# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say what is wanted: what is done, to which units, in which order and by when."""

from __future__ import annotations

from ..knowledge.vocabulary import ROUTER, Kind, WantedMethod
from .option import ACTING, CHECK, LIVE_PATCH, PREFLIGHT, RECREATE, ROUTERS, UPGRADE, group, narrowing, option, seconds

PLANNED = (CHECK, PREFLIGHT)

STRATEGY = group(
    (UPGRADE,),
    option(
        "method",
        "str",
        "What is wanted: V(auto) live patches where that is allowed and recreates what a live patch would not cure;"
        " V(live_patch) refuses to start when a unit in scope cannot be live patched; V(recreate) recreates"
        " whatever is not from the new template, for security fixes that are only there.",
        where=PLANNED,
        default="auto",
        choices=tuple(method.value for method in WantedMethod),
    ),
    option(
        "recreate",
        "list",
        "What is recreated that otherwise is not: V(unsupported) VMs that the matrix forbids to live patch, because"
        " they were built from 4.13 or older or from an unknown version; V(failed) units whose live patch failed in"
        " a way that recreation cures (no space left, VM unreachable, patch script failed); V(degraded) redundant"
        " pairs that are not one PRIMARY and one BACKUP, when they are to be recreated or restarted.",
        "Without V(unsupported) a check fails for such VMs, and the upgrade does not start. With V(failed) whatever"
        " is live patched passes the checks of recreation, too; what may succeed later is never recreated. With"
        " V(degraded) the only working router of a pair may be taken down before the new one is up.",
        where=(*PLANNED, UPGRADE),
        default=(),
        choices=("unsupported", "failed", "degraded"),
    ),
    option(
        "fallback",
        "str",
        "What becomes of a unit whose live patch failed in a way that recreation cures (no space left, VM"
        " unreachable, patch script failed).",
        "One that may succeed later is never recreated.",
        "With V(recreate) whatever is live patched passes the checks of recreation, too.",
        where=(LIVE_PATCH, ROUTERS),
        variable=False,
        default="none",
        choices=("none", "recreate"),
    ),
    option(
        "allow_degraded",
        "bool",
        "Whether a redundant pair that is not one PRIMARY and one BACKUP may be recreated or restarted.",
        "Its only working router may be taken down before the new one is up.",
        where=(ROUTERS,),
        variable=False,
        default=False,
    ),
    option(
        "health_checks",
        "str",
        "Inside of which routers is looked before and after the upgrade: their health checks, only in zones where a"
        " failing one cannot make the server recreate the router, and a ping to their gateway.",
        "A router that fails what it passed before has failed.",
        default="canary",
        choices=("none", "canary", "all"),
    ),
    option(
        "system_vm_mode",
        "str",
        "How system VMs are recreated: V(destroy) lets the server make new ones; V(restart) stops and starts them,"
        " so that they keep their addresses.",
        "V(restart) is refused where that would keep the old disk.",
        default="destroy",
        choices=("destroy", "restart"),
    ),
    seconds(
        "wait_idle",
        "How long in seconds to wait until no console is open before a CPVM is destroyed; after that it goes on.",
        where=(RECREATE, UPGRADE),
        default=0,
    ),
)

# None has a default: a list that is given and comes out empty is refused, as it would mean everything.
SCOPE = group(
    PLANNED,
    narrowing(
        "kinds",
        "list",
        "Which kinds of units are in scope: V(ssvm), V(cpvm) and V(router), or of what V(router) means V(network),"
        " V(vpc), V(internal_lb) and V(orphan_router).",
        choices=(
            *(kind.value for kind in Kind if kind.is_system_vm),
            ROUTER,
            *(kind.value for kind in Kind if kind.is_router),
        ),
    ),
    narrowing("zones", "list", "Names or ids of zones."),
    narrowing(
        "names",
        "list",
        "Names or ids of networks, VPCs, system VMs or routers; a router or a tier means its whole unit. In a name"
        " V(*) stands for any letters and V(?) for any one.",
        "The plan shows which units that is. What a unit is really called comes first. A name that fits several"
        " units is refused, and so is one that fits none.",
        "A list that is given and comes out empty is refused, too, and so is a number, which may have been another"
        " name: YAML takes 010 for 8.",
    ),
    narrowing("exclude_names", "list", "What to leave out, named as in O(names).", unset="none"),
    narrowing(
        "owners",
        "list",
        "Whose networks, VPCs and routers are in scope: accounts (V(jane), V(ROOT/customers/jane)), projects, and"
        " domains with all that is below them (V(ROOT/customers)).",
        "A name that means several is refused; with a slash at its end it is a domain, with C(project) before it a"
        " project. Before 4.19.2 servers tell only the names of domains: V(customers) is that domain alone.",
    ),
    narrowing(
        "cidrs",
        "list",
        "Networks in CIDR notation; a unit with a guest or public address inside one of them is in scope.",
    ),
    narrowing(
        "select",
        "str",
        "A JMESPath expression over a unit of the plan that must be true for it to be in scope, for example"
        " C(owner.domain == 'ROOT/customers' && redundant).",
        "It may ask for C(id), C(name), C(kind), C(zone), C(zone_id), C(hypervisor), C(hosts), C(owner),"
        " C(redundant), C(sensitive_services), C(tags), C(tiers) and C(vms). A field that units do not have is"
        " refused, and so is an answer that is neither true nor false.",
        means="expression",
    ),
    narrowing(
        "approved_plan",
        "raw",
        "The plan that was approved: the path of a C(plan.csv) that P(cloudstack.sysvm.preflight#role) wrote. The"
        " run does what stands there and nothing else.",
        "Lines may be deleted, so that less is done, and a spreadsheet may have saved it. A unit without a line is"
        " not touched, nor is one that needs something else by now than its line says; that is told and the run"
        " does not succeed. What is gone or current by now is told, too. The rest of the scope may leave out more.",
        "In AWX, what the check has left as C(sysvm_check), or a list of C(id) and C(method).",
        where=(PREFLIGHT,),
        means="plan",
        unset="whatever is needed",
    ),
)

ORDER = group(
    PLANNED,
    option(
        "ignore_checks",
        "list",
        "Names of checks that may fail; what they saw is told all the same.",
        "Checks behind which data or service may be lost cannot be ignored.",
        default=(),
    ),
    option(
        "canaries",
        "raw",
        "Which units are done before the others: V(true) for one per kind, hypervisor and zone, V(false) for none,"
        " or a list of units named as in O(names).",
        "A failed canary stops the run.",
        default=True,
        means="canaries",
    ),
    option(
        "waves",
        "list",
        "Sizes of the waves into which each step but the canaries' is cut, as numbers or percentages of the step,"
        " such as V(1, 5, 20%); the last one repeats.",
        default=(),
        means="sizes",
        unset="one wave",
    ),
    option(
        "max_failures",
        "str",
        "How many units may fail before no further unit is started, as a number or as a percentage such as V(10%)"
        " of the units to be upgraded.",
        "What runs is finished and verified.",
        where=(CHECK, *ACTING, PREFLIGHT),
        default="0",
        means="share",
    ),
    option(
        "deadline",
        "str",
        "No unit is started that is not expected to end by then, going by durations seen: a time of day such as"
        " V(06:00), an ISO 8601 time, or a duration such as V(4h30m).",
        "A time of day is the next one in the local time zone, which the plan shows. YAML wants it in quotes.",
        where=(CHECK, *ACTING, PREFLIGHT),
        means="moment",
    ),
    option(
        "rehearse",
        "raw",
        "Whether the plan is played before anything is touched: the scheduler carries it out on an imagined cloud,"
        " in seconds. The plan then says how long it will take, when each unit starts and ends, and what would be"
        " left at the deadline.",
        "Jobs take as long in it as they took in earlier runs on this cloud, or as documented.",
        "Or what goes wrong in one more play, of which the plan then tells, too: V(fail), how many units, such as"
        " V(2%); V(slow), how many times longer all takes; V(server_restart), how long after the begin the"
        " management server restarts, such as V('00:40'); V(host_down), a host. Each may be left out.",
        "With C(rehearse_sysvms) also V(plan), the path of a C(plan.json); then no cloud is asked.",
        default=True,
        means="rehearse",
    ),
    option(
        "alternatives",
        "bool",
        "Whether it is also played with other O(parallel), O(per_host) and O(waves), as C(rehearse_sysvms) does.",
        where=(CHECK,),
        variable=False,
        default=False,
    ),
    option(
        "nights",
        "dict",
        "The window of each night, for a plan of several: V(start) as a time of day, V(length) as a duration,"
        " V(days) of the week on which it starts (V(mon) to V(sun), all of them if not given), and V(zones) that"
        " have another one, by name with the same keys.",
        "The plan says how many nights that takes and in which night each unit is done, also in C(plan.csv). Each"
        " night takes the units in their order, as long as they are expected to end within the window.",
        "With an approved plan nothing is touched outside of the window of its zone, and the end of the window is"
        " the deadline unless O(deadline) says something else.",
        means="nights",
        unset="one run",
    ),
    option(
        "target_version",
        "str",
        "Plan as if the management servers ran this version already, such as V(4.22), and say what has to be"
        " prepared before they are upgraded; only for a look ahead.",
        "Nothing is touched; what an older server does not tell is said to be unknown. A version that they run"
        " already makes the plan as without it.",
        "The role P(cloudstack.sysvm.upgrade#role) refuses it while they do not run it. YAML wants it in quotes.",
        means="release",
    ),
)
