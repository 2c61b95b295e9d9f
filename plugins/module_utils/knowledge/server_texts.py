# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What management servers say, in their own words, and what that means, as data with sources. Pure.

Only words that a server was seen to say, or that its source says, are looked for: each row names the recording that has
them or the place in the server's source that makes them, and each has examples (tests/support/server_words.py).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Meaning(enum.Enum):
    NOT_NOW = "may succeed later: a host, an agent or a server was away, or something else is at work"
    REFUSED = "nothing was done; it may succeed later, once the network is in another state"
    MEND_HOST = "the host lacks what it needs; a new VM there would lack it too"
    VM_BROKEN = "the VM itself is broken: unreachable, full, or its patch script failed"
    RULES = "the server sends no rules to the router"
    NO_ROOM = "there is no room for a new VM"
    OTHER = "none of these; the hint says what it is"
    UNCHANGED = "nothing was patched, as the scripts are the same"
    GOOD_NEWS = "an alert about something that is well"


@dataclass(frozen=True)
class ServerText:
    """One thing that a server says.

    :ivar hint: what it means for an operator and what to do; empty where nothing is to be done.
    :ivar source: the file of the server's source that says it, or the recording (tests/recordings) that has it.
    """

    pattern: re.Pattern[str]
    meaning: Meaning
    hint: str
    source: str


def _row(pattern: str, meaning: Meaning, source: str, hint: str = "") -> ServerText:
    return ServerText(re.compile(pattern, re.IGNORECASE), meaning, hint, source)


# The first row that fits counts.
SERVER_TEXTS = (
    # --- not now
    _row(
        # Every AgentUnavailableException says so; what follows are the words of AgentAttache and its kinds, of
        # AgentManagerImpl and of ClusteredAgentManagerImpl.
        r"Resource \[Host:\d+\] is unreachable|link to the agent .* has been closed|channel (to agent )?is closed"
        r"|host with specified id is not in the right state",
        Meaning.NOT_NOW,
        "AgentUnavailableException.java",
        hint="The agent of the VM's host was away: bring the host Up and run again. The VM needs no repair.",
    ),
    _row(
        r"Commands \d+ to Host \d+ timed out",
        Meaning.NOT_NOW,
        "OperationTimedoutException.java",
        hint="The host did not answer in time and may still be at work: run again later.",
    ),
    _row(
        r"Timed out in waiting for SSH execution",
        Meaning.NOT_NOW,
        "SshHelper.java",
        hint="The patch script did not end in ten minutes, and may still run inside the VM: run again later.",
    ),
    _row(
        r"as it is not in Running state",
        Meaning.NOT_NOW,
        "stop_start_systemvm.jsonl",
        hint="It was not Running at that moment: stopped, started or moved by somebody or by HA. Run again.",
    ),
    _row(
        r"Network is not in the right state to be restarted",
        Meaning.REFUSED,
        "vpc_tier_not_implemented.jsonl",
        hint="It is out of use now: its router takes the new software when the network is used again.",
    ),
    _row(
        r"Can not accept new jobs",
        Meaning.NOT_NOW,
        "ApiDispatcher.java, AsyncJobManagerImpl.java (4.19, 4.20), ApiServer.java (4.21 and newer)",
        hint="A management server is about to be shut down: run again when all are Up.",
    ),
    _row(
        r"Unable to lock network|Unable to lock vpc",
        Meaning.NOT_NOW,
        "RouterDeploymentDefinition.java, VpcRouterDeploymentDefinition.java",
        hint="Something else deploys a router there: run again when it has ended.",
    ),
    # --- the host's own trouble
    _row(
        # A Java FileNotFoundException about a file of the host's; a file in the VM would be scp's own error.
        r"/vms/\S+ \(|Unable to find cloudScripts path",
        Meaning.MEND_HOST,
        "FileUtil.java, ChecksumUtil.java",
        hint="The host lacks files of CloudStack: install the package cloudstack-common on it (on VMware: on the "
        "management server) in the version of the management server, then run again. A new VM would need them too.",
    ),
    _row(
        r"UnsupportedAnswer cannot be cast to",
        Meaning.MEND_HOST,
        "ManagementServerImpl.java",
        hint="The agent of the VM's host does not know live patching: upgrade cloudstack-agent there, then run again. "
        "Where the hypervisor itself cannot live patch, recreate the VM.",
    ),
    _row(
        # The agent answers so when it threw; its words are in its log alone (Agent.processRequest).
        r"agent\.api\.Answer cannot be cast to",
        Meaning.MEND_HOST,
        "ManagementServerImpl.java",
        hint="The agent of the VM's host failed before it patched: its log says why. Most likely files of the package "
        "cloudstack-common are missing there; a new VM would need them too.",
    ),
    _row(
        r"callHostPlugin failed",
        Meaning.MEND_HOST,
        "CitrixResourceBase.java",
        hint="The XenServer host did not run the plugin that patches: look at the host, then run again.",
    ),
    _row(
        r"SRs with name XenServer Tools",
        Meaning.MEND_HOST,
        "CitrixResourceBase.java",
        hint="To start a system VM, the server needs a storage repository of one of these names on the XenServer host: "
        "give it one, or let the VM start on another host (issue 6148).",
    ),
    # --- the VM itself
    _row(
        r"No space left on device",
        Meaning.VM_BROKEN,
        "FileUtil.java with the SCPClient of trilead-ssh2",
        hint="The VM's disk is full: recreate it.",
    ),
    _row(
        r"GetSystemVMVersionCmd|Failed to scp files to system VM|problem while connecting to|authentication SSH user",
        Meaning.VM_BROKEN,
        "LibvirtPatchSystemVmCommandWrapper.java, VmwareResource.java, FileUtil.java, SshHelper.java",
        hint="The host does not reach the VM at its control address: check both, or recreate the VM.",
    ),
    _row(
        # What else a host says of a patch is what the script printed; on KVM that is a folder, on XenServer nothing.
        r"Failed to patch systemVM \S+ due to",
        Meaning.VM_BROKEN,
        "patch_systemvm.jsonl",
        hint="The patch script failed inside the VM (/var/log/livepatchsystemvm.log there): recreate it if nothing "
        "explains that.",
    ),
    # --- rules, room and others
    _row(
        r"Router requires upgrade",
        Meaning.RULES,
        "NetworkHelperImpl.java",
        hint="The server sends nothing to a router below minreq.sysvmtemplate.version whose scripts are not its own: "
        "patch it again, or recreate it (issue 12211).",
    ),
    _row(
        r"Unable to create a deployment for VM",
        Meaning.NO_ROOM,
        "recreate_no_capacity.jsonl",
        hint="No host has room for it: free capacity, then run again; what is left over is replaced then.",
    ),
    _row(
        r"which has enough capacity|Insufficient address capacity",
        Meaning.NO_ROOM,
        "NetworkHelperImpl.java, IpAddressManagerImpl.java",
        hint="There is no room for it: free capacity or add addresses, then run again.",
    ),
    _row(
        r"Can't find all necessary running routers|Can't find at least one",
        Meaning.OTHER,
        "VirtualRouterElement.java, VpcVirtualRouterElement.java",
        hint="A router is missing: restart its network or VPC with cleanup.",
    ),
    _row(
        r"cidr is not formatted correctly",
        Meaning.OTHER,
        "NetUtils.java",
        hint="4.21 makes no router where a zone has several public IP ranges (issue 12621): do not go on before that "
        "is mended.",
    ),
    # --- what is no trouble
    _row(
        r"No change in the scripts checksum",
        Meaning.UNCHANGED,
        "patch_systemvm.jsonl",
    ),
    _row(
        r"Management server node \S+ is up|\bup in zone\b|switch from UNKNOWN",
        Meaning.GOOD_NEWS,
        "rules_fail.jsonl",
    ),
    _row(
        # A pair's routers take each other's place while they are patched, and when they please.
        r"just switch from BACKUP to PRIMARY|just switch from PRIMARY to BACKUP",
        Meaning.GOOD_NEWS,
        "VirtualNetworkApplianceManagerImpl.java",
    ),
)


def row_of(said: str) -> ServerText | None:
    """What words of the server say; None for unknown ones."""
    return next((row for row in SERVER_TEXTS if row.pattern.search(said)), None)


def meaning_of(said: str) -> Meaning | None:
    """What words of the server mean; None for unknown ones."""
    row = row_of(said)
    return row.meaning if row else None


def hint_of(said: str) -> str:
    """What words of the server mean for an operator and what to do, in a sentence or two; empty for unknown ones."""
    row = row_of(said)
    return row.hint if row else ""
