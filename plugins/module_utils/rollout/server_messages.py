# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What helps a unit that failed, and where to look. Pure."""

from __future__ import annotations

import enum

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.job_ids import Purpose
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import Meaning, meaning_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import Condition
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.calls import Call
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.known_defects import FILES_FROM_HOST

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


def overdue(call: Call) -> str:
    """What to do about a job that takes longer than it may."""
    left = "It was left running; the next run waits for it."
    boots = call.purpose in (Purpose.RECREATE, Purpose.REBOOT, Purpose.START)
    if boots and not call.command.startswith("destroy"):  # what replaces it is made afterwards
        return (
            f"{left} A VM that cannot boot looks like this: the server tries 10 to 20 minutes on a host, then on the "
            "next one. Look at the VM's console; raise sysvm_job_timeout only if a start takes so long here."
        )
    return f"{left} Raise sysvm_job_timeout if that is normal here."


def not_the_servers(unit: Unit, minimum: Version) -> str:
    """Why a server refuses rules to routers whose software is proven, and what to do.

    It compares the checksum with that of its own package, and each build has another one; what a start or a patch
    brings is its host's, or on VMware that of the management server that owns the host.
    """
    of_hosts = unit.hypervisor in FILES_FROM_HOST
    found = (
        f"the host's package is not the server's ({', '.join(unit.hosts)})"
        if of_hosts
        else "its scripts came from a management server with another build"
    )
    return (
        f"Most likely {found}: with a template below {minimum} (minreq.sysvmtemplate.version) a router takes rules "
        "only while its scripts are those of the server's own build. Load balancing and other rules may be missing in "
        "it. Next: install the same build on hosts and management servers and live patch it again; or recreate it, as "
        "the server does not look at that of a router from the new template."
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
