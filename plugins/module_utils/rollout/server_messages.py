# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What helps a unit that failed, and where to look. Pure."""

from __future__ import annotations

import enum

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import Meaning, meaning_of
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
    LATER = "later"  # may succeed on its own: a host or a server that is not there right now
    RECREATE = "recreate"  # a new VM from the new template


def recovery_of(
    kind: Kind, said: str, *, tried: bool = True, lost: bool = False, hosts_up: bool = True
) -> Recovery | None:
    """What helps a unit that still reports the old software or checksum after its live patches.

    Of routers that report decides: the server drops the words of their patch. Of a system VM the job tells the host's
    words, and only those count that mean the VM itself, or a success without any effect. What a host lacks, a new VM
    there would lack too.

    :param said: the words of the last job, empty when it claimed success.
    :param tried: whether patches were carried out to their end.
    :param lost: whether nobody knows what the last one did.
    :param hosts_up: whether the agents of the hosts that carry the VMs are connected.
    """
    meaning = meaning_of(said)
    if lost or not hosts_up or meaning is Meaning.NOT_NOW:
        return Recovery.LATER
    if not tried or meaning is Meaning.MEND_HOST:
        return None
    if kind.is_system_vm and said and meaning is not Meaning.VM_BROKEN:
        return None
    return Recovery.RECREATE
