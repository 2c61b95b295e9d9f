# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the management server's words mean for the operator, and what cures a failed live patch. Pure.

Texts as the management server words them (ManagementServerImpl.patchSystemVm, VirtualRouterElement, NetworkHelperImpl
and what they pass on), with issues of apache/cloudstack where it is known.
"""

from __future__ import annotations

import enum
import re

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import Condition

# Where to look when a recreation does not come to its end.
NO_REPLACEMENT = (
    "Next: look in the management server's log for 'system template' and capacity; the server tries again by itself, "
    "and the next run finds what it made."
)
AGENT_AWAY = (
    "Next: runDiagnostics on it, ssvm-check.sh inside it, and whether it reaches port 8250 of the management server."
)
REPAIR = (
    "Next: see the management server's log for the reason; the next run restarts it with cleanup, which repairs it."
)
UNREACHABLE = (
    "Look at its rules and at what is behind them; if these are right, sysvm_method: recreate makes its router anew."
)
RULES_MISSING = (
    "Load balancing and other rules may be missing in it. Next: see the management server's log for the reason; the "
    "next run applies them again, as does Restart network without clean up in the UI."
)


def next_step_of(kind: Kind, awaited: Condition) -> str:
    """Where to look when a recreation did not come to its end."""
    if kind in (Kind.NETWORK, Kind.VPC):
        return REPAIR
    if kind.is_system_vm:
        return {Condition.START: NO_REPLACEMENT, Condition.AGENT: AGENT_AWAY}.get(awaited, "")
    return ""


class Recovery(str, enum.Enum):
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


_HINTS = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (r"no space left on device", "The VM's disk is full: recreate it."),
        (
            r"scp terminated|getsystemvmversion",
            "The host does not reach the VM at its control address: check both, or recreate the VM.",
        ),
        (
            r"classcastexception|does not implement command",
            "The hypervisor does not know this command: recreate the VM instead.",
        ),
        (
            r"router requires upgrade",
            "The server sends nothing to a router below minreq.sysvmtemplate.version whose scripts are not its own: "
            "patch it again, or recreate it (issue 12211).",
        ),
        (
            r"cidr is not formatted correctly",
            "4.21 makes no router where a zone has several public IP ranges (issue 12621): do not go on before that is "
            "mended.",
        ),
        (r"find (all necessary|at least one) r", "A router is missing: restart its network or VPC with cleanup."),
        (
            r"redundant virtual router without public network",
            "Its offering asks for a pair, which needs a public network (issue 10574).",
        ),
        (
            r"create a deployment for vm|insufficient capacity",
            "No host has room for it: free capacity, then run again; what is left over is replaced then.",
        ),
        (r"unable to lock (network|vpc)", "Something else deploys a router there: run again when it has ended."),
        (
            r"srs with name xenserver tools",
            "To start a system VM, the server needs a storage repository of one of these names on the XenServer host: "
            "give it one, or let the VM start on another host (issue 6148).",
        ),
    )
)


def hint_of(trouble: str) -> str:
    """What words of the server mean and what to do about them, in a sentence; empty for unknown ones."""
    return next((hint for pattern, hint in _HINTS if pattern.search(trouble)), "")


def recovery_of(trouble: str, hosts_up: bool) -> Recovery | None:
    """What helps after a live patch that left the VM as it was.

    :param trouble: the job's words, empty when the job claimed success.
    :param hosts_up: whether the agents of the hosts that carry the VM are connected.
    """
    if not hosts_up or _LATER.search(trouble):
        return Recovery.LATER
    if not trouble or _BROKEN.search(trouble):
        return Recovery.RECREATE
    return None
