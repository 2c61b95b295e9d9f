# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of a unit, what may be done next, and all that decides about it. Data only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Union

from ..cloud.model import Unit
from ..knowledge.vocabulary import Method
from .approval import Approval
from .baseline import Baseline
from .calls import Call
from .conditions import Conditions, Facts, Type
from .ends import RULES_MISSING, End, UnitStatus
from .record import Record

REREAD_S = 2.0


@dataclass(frozen=True)
class Want:
    """What the operator wants of a unit.

    :ivar recreate: recreate what cannot be live patched.
    :ivar renew: recreate whatever is not from the new template.
    :ivar reboot: the software is to come by stop and start.
    :ivar unsupported: recreate what the matrix forbids to live patch.
    :ivar fallback: recreate what a live patch left as it was, if that may help.
    :ivar allow_degraded: also a pair that is not whole.
    :ivar forced: patch a system VM although its scripts are the new ones.
    :ivar looks_inside: have its routers asked about themselves, before and after.
    :ivar soak_s: for how long it is watched after its proof before it counts as done.
    :ivar blocker: what speaks against giving a unit new disks, in words.
    :ivar approval: what was approved for the unit; None where nobody had to approve.
    """

    recreate: bool = False
    renew: bool = False
    reboot: bool = False
    unsupported: bool = False
    fallback: bool = False
    allow_degraded: bool = False
    forced: bool = False
    looks_inside: bool = False
    soak_s: float = 0.0
    blocker: Callable[[Unit], str | None] = lambda unit: None
    approval: Approval | None = None

    @classmethod
    def by(cls, method: Method, **more: Any) -> Want:
        """What is wanted of a unit that is upgraded by one method."""
        return cls(renew=method is Method.RECREATE, reboot=method is Method.RESTART, **more)

    @property
    def method(self) -> Method:
        """The one method, where nothing else may be done."""
        return Method.RECREATE if self.renew else Method.RESTART if self.reboot else Method.LIVE_PATCH

    def within(self, approval: Approval) -> Want:
        """No more than was approved."""
        return replace(self, approval=approval, fallback=self.fallback and approval.recreates)

    def new_disks(self, unit: Unit) -> bool:
        """Whether its VMs are to run from a new template; a router that is rebooted elsewhere keeps its disk."""
        return self.renew or (self.reboot and (unit.kind.is_system_vm or unit.per_pod))


@dataclass(frozen=True)
class Patience:
    """How long something is waited for, in seconds; none of it by a planner.

    :ivar verify_s: for a proof after the last job, and for hosts and pairs before a call.
    :ivar start_s: for a VM that starts, or for a system VM's replacement.
    :ivar agent_s: for the agent of a new or restarted system VM.
    :ivar idle_s: for open consoles to be closed.
    :ivar reach_s: for what answered before to answer again.
    """

    verify_s: float = 0.0
    start_s: float = 0.0
    agent_s: float = 0.0
    idle_s: float = 0.0
    reach_s: float = 0.0


@dataclass(frozen=True)
class Done:
    """Nothing is left to do.

    :ivar spare: of several system VMs of a kind the server replaces the last one only, and this was not it.
    """

    spare: bool = False


@dataclass(frozen=True)
class Send:
    """One asynchronous call.

    :ivar method: what it is part of.
    :ivar why: what is not true yet.
    :ivar completes: whether the unit's users lack something until it is sent.
    :ivar note: what is out of the ordinary about it.
    :ivar doubtful: whether the unit may have failed.
    """

    call: Call
    method: Method
    why: str = ""
    completes: bool = False
    note: str = ""
    doubtful: bool = False


@dataclass(frozen=True)
class Wait:
    """Look again later.

    :ivar holds: whether the unit keeps its place meanwhile.
    :ivar doubtful: whether what is seen contradicts what was done, if anything was.
    :ivar full: whether to ask also for what is not read each time.
    """

    until: float
    holds: bool = True
    doubtful: bool = False
    full: bool = False


@dataclass(frozen=True)
class AwaitOthers:
    """Wait for the end of the jobs of others."""


@dataclass(frozen=True)
class AskInside:
    """Have the unit's routers asked about themselves: before anything is sent, or after the proof."""

    after: bool


Action = Union[Done, Send, Wait, AwaitOthers, AskInside, End]  # noqa: UP007  # an older pylint knows no | of classes


@dataclass(frozen=True)
class Situation:
    """All that decides."""

    facts: Facts
    conditions: Conditions
    record: Record
    want: Want
    baseline: Baseline
    patience: Patience
    now: float

    @property
    def unit(self) -> Unit:
        return self.facts.unit

    def age(self, kind: Type) -> float:
        """For how long a condition has been as it is, since the last thing that was done."""
        return self.now - max(self.conditions[kind].since, self.record.over_at or 0.0)

    def look(self, kind: Type, patience: float, *, holds: bool = True, full: bool = False) -> Wait | None:
        """Wait for a condition; None once that has taken too long."""
        if self.age(kind) >= patience:
            return None
        doubtful = kind is not Type.REDUNDANCY and self.conditions.false(kind)
        return Wait(self.now + REREAD_S, holds, doubtful, full)

    def end(self, reason: str, message: str) -> End:
        """It goes no further: a failure only if something was sent, and then told with what that has left.

        Where others have taken it out of use meanwhile nobody lacks anything.
        """
        unused = self.conditions.false(Type.RESTARTABLE) or (self.unit.vpc is not None and not self.unit.vpc.tiers)
        if unused or not self.record.submitted:
            return End(UnitStatus.SKIPPED, reason, message)
        told = " ".join([*self.record.troubles[-1:], message])
        return End(UnitStatus.FAILED, reason, f"{told}. {RULES_MISSING}" if self.conditions.false(Type.RULES) else told)
