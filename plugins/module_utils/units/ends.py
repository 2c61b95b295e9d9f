# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a unit may end, what helps it, and where to look. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ..cloud.model import Unit
from ..knowledge.server_texts import Meaning, hint_of, meaning_of
from ..knowledge.vocabulary import Kind
from .conditions import Conditions, Type
from .record import Attempt, Record

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
    "Look at its rules and at what is behind them; if these are right, O(method): recreate makes its router anew."
)
RULES_MISSING = (
    "Load balancing and other rules may be missing in it. Next: see the management server's log for the reason; the "
    "next run applies them again, as does Restart network without clean up in the UI."
)


class UnitStatus(str, enum.Enum):
    """What became of a unit."""

    UPGRADED = "upgraded"
    CURRENT = "current"  # without a call of ours
    GONE = "gone"  # it was not there any more
    FAILED = "failed"
    DEGRADED = "degraded"  # at the target, but its pair is as broken as it was before
    SKIPPED = "skipped"  # only the operator can go on
    NOT_STARTED = "not_started"
    LEFT_RUNNING = "left_running"  # the run ended while it was at work

    @property
    def good(self) -> bool:
        """Whether nothing is left to do for it."""
        return self in (UnitStatus.UPGRADED, UnitStatus.CURRENT, UnitStatus.GONE)


class Recovery(str, enum.Enum):
    """What helps a unit whose live patch failed."""

    LATER = "later"  # may succeed on its own: a host or a server that is not there right now
    RECREATE = "recreate"  # a new VM from the new template


@dataclass(frozen=True)
class End:
    """Nothing more can be done.

    :ivar reason: a stable word.
    """

    status: UnitStatus
    reason: str
    message: str
    recovery: Recovery | None = None


def recovery_of(unit: Unit, conditions: Conditions, last: Attempt | None) -> Recovery | None:
    """What helps a unit that still reports the old software or checksum after its live patches.

    What its VMs report decides, and of routers nothing else: the server drops the words of their patch. Of a system VM
    the job tells the host's words, and only those count that mean the VM itself, or a success without any effect. What
    a host lacks, a new VM there would lack too.

    :param last: the last live patch; None where there was none.
    """
    if last is None or last.call is None or not last.call.patches:
        return None
    said, meaning = last.error, meaning_of(last.error)
    if last.lost or conditions.false(Type.HOSTS) or meaning in (Meaning.NOT_NOW, Meaning.REFUSED):
        return Recovery.LATER
    if not last.taken or meaning is Meaning.MEND_HOST:
        return None
    if unit.kind.is_system_vm and said and meaning is not Meaning.VM_BROKEN:
        return None
    return Recovery.RECREATE


def failure(reason: str, unit: Unit, record: Record, said: str, seen: str, recovery: Recovery | None) -> End:
    """A unit whose calls did not make it what it should be, in words.

    :param said: what the server said of the last call.
    :param seen: what is wrong with the unit now.
    """
    next_step = ""
    if reason == "RecreationIncomplete":
        stayed = [f"{vm.name} is still there" for vm in unit.vms if vm.id in record.first]
        seen = "; ".join(filter(None, [*stayed, seen]))
    if reason in ("RecreationIncomplete", "NoReplacement"):
        next_step = _where_to_look(unit)
    parts = (said or "the job succeeded, but", f"{seen}." if seen else "", hint_of(said), next_step)
    return End(UnitStatus.FAILED, reason, " ".join(part for part in parts if part), recovery)


def _where_to_look(unit: Unit) -> str:
    if unit.kind in (Kind.NETWORK, Kind.VPC):
        return REPAIR
    if unit.kind.is_system_vm:
        return AGENT_AWAY if any(vm.running for vm in unit.vms) else NO_REPLACEMENT
    return ""


def rules_not_applied(named: str, said: str, troubles: Sequence[str], *, marked: bool, packages: Sequence[str]) -> End:
    """A unit that runs the target without its rules.

    :param named: the networks concerned.
    :param troubles: all that the server said of this unit's calls.
    :param marked: whether it is the server that wants a restart.
    :param packages: hosts whose package gives a checksum that the server takes for a wrong one, and always will.
    """
    if packages:
        told = (
            f"patched, rules not applied in {named}: {said} Most likely the server refuses the router's checksum "
            f"although it was patched, as the package of {', '.join(dict.fromkeys(packages))} is not the server's. "
            "Install the same build on hosts and management servers, or recreate it: a router that starts is not asked "
            "for its checksum."
        )
        return End(UnitStatus.FAILED, "HostPackage", told, Recovery.RECREATE)
    left = f": the server still wants a restart of {named}." if marked else f" in {named}: {said}"
    earlier = " ".join(trouble for trouble in troubles if trouble != said)
    parts = (
        f"patched, rules not applied{left}",
        hint_of(said),
        RULES_MISSING,
        f"Before that: {earlier}" if earlier else "",
    )
    return End(UnitStatus.FAILED, "RulesNotApplied", " ".join(part for part in parts if part))
