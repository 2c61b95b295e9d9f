# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pre-flight check is: one question that declares what it needs read, how bad its worst answer is and what to do
about it. Its function yields what speaks against going on; what is yielded makes the answer."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...cloud.endpoints import Probed
from ...cloud.infrastructure import Cloud, Need, Zone
from ...cloud.model import Unit
from ...knowledge.characters import visible
from ...knowledge.counts import count
from ...knowledge.shapes import CheckData
from ...knowledge.vocabulary import ACTING, Method
from ...options.option_names import words
from ...options.rollout import LIMITS
from ...units.baseline import Baseline
from ...units.calls import commands_of
from ...units.known_defects import Defect, met_by, occurs_in, oldest_agents
from ..new_disks import NewDisk, new_disks
from ..policy import Policy
from ..verdicts import Verdict

LONGEST_LINE = 200  # characters; longer lists have a line for each thing found


class CheckStatus(str, enum.Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    IGNORED = "ignored"  # it failed, and the operator goes on all the same


@dataclass(frozen=True)
class CheckResult:
    """The answer to one question, for a person: what was seen and, unless it is ok, what to do about it."""

    name: str
    status: CheckStatus
    seen: str
    remedy: str = ""

    def as_dict(self) -> CheckData:
        return {"name": self.name, "status": self.status.value, "seen": self.seen, "remedy": self.remedy}


@dataclass(frozen=True)
class CheckContext:
    """What the checks look at: the whole cloud, the units in scope with their verdicts, and the policy.

    :ivar probed: what is going to be watched from outside; None if nothing is.
    :ivar parallel: how many units are at work at a time.
    """

    cloud: Cloud
    verdicts: Sequence[tuple[Unit, Verdict]]
    policy: Policy
    probed: Probed | None = None
    parallel: int = LIMITS["parallel"].default

    @classmethod
    def of_call(cls, cloud: Cloud, units: Iterable[Unit], method: Method, parallel: int = 1) -> CheckContext:
        """Of a module that does the same to each of its units, without a plan."""
        return cls(cloud, [(unit, Verdict(method, "")) for unit in units], Policy(), parallel=parallel)

    def planned(self, *methods: Method) -> list[Unit]:
        return [unit for unit, verdict in self.verdicts if verdict.method in methods]

    @cached_property
    def new_disks(self) -> list[NewDisk]:
        """Every VM that will get a new disk, also by a fallback that may happen."""
        return new_disks(self.cloud, self.verdicts, fallback=self.policy.strategy.fallback)

    @cached_property
    def defects(self) -> list[tuple[Defect, ...]]:
        """Of each verdict the known defects of this server that its unit meets."""
        server, agents = self.cloud.version, oldest_agents(self.cloud)
        minimum = {zone.id: zone.minimum_version for zone in self.cloud.zones}
        if server is None:
            return [() for dummy in self.verdicts]
        met = [
            met_by(unit, verdict.method, server, minimum.get(unit.zone_id), agents.get(unit.zone_id))
            for unit, verdict in self.verdicts
        ]
        return [
            tuple(defect for defect in defects if occurs_in(self.cloud, defect, unit))
            for (unit, dummy), defects in zip(self.verdicts, met, strict=True)
        ]

    @cached_property
    def expects_two_patches(self) -> Callable[[Unit], bool]:
        """Whether two live patches of a unit are expected, as it is or as it was."""
        if self.cloud.version is None:
            return lambda unit: False
        return Baseline(self.cloud.version, agents=oldest_agents(self.cloud)).expects_two_patches

    def in_zone(self, zone: Zone, name: str) -> str:
        """A setting as valid in a zone, in lower case where it says true or false."""
        value = zone.settings.values.get(name)
        value = self.cloud.settings.text(name) if value is None else value
        return value.lower() if value.lower() in ("true", "false") else value

    @cached_property
    def commands(self) -> frozenset[str]:
        """What carrying out the plan sends and cannot do without, but for what was called already to make it."""
        methods = [(unit, verdict.method) for unit, verdict in self.verdicts if verdict.method in ACTING]
        if self.policy.strategy.fallback:
            methods += [(unit, Method.RECREATE) for unit, method in methods if method is Method.LIVE_PATCH]
        sent = frozenset().union(*(commands_of(unit, method) for unit, method in methods))
        return sent | {"listEvents", "queryAsyncJobResult"} if sent else sent

    @property
    def pending(self) -> list[Unit]:
        """Units that are not current, whatever is to be done to them."""
        return [unit for unit, verdict in self.verdicts if verdict.method is not Method.NONE]


@dataclass(frozen=True)
class Against:
    """One thing that speaks against going on, where it is not as bad as the check's worst, or has its own remedy."""

    seen: str
    status: CheckStatus | None = None
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """One question.

    :ivar question: as an operator would ask it; the docs' table shows it.
    :ivar worst: how bad it is when something speaks against going on.
    :ivar find: yields what does.
    :ivar fine: what is said when nothing does.
    :ivar one: what was found, as said after 1, and I(many) after any other number; empty where each says enough.
    :ivar lines: whether each of them stands on a line of its own, also where they are short.
    :ivar guards: data or service may be lost behind it, so it cannot be ignored.
    :ivar new_disks: one of those that whatever gets a new disk has to pass; such a one guards.
    :ivar settings: global settings that it looks at; those of zones are always read.
    :ivar needs: what else has to be read for it.
    :ivar concerns: whether there is anything in this plan that it asks about; if not, nothing is read for it.
    """

    name: str
    question: str
    remedy: str
    find: Callable[[CheckContext], Iterable[str | Against]]
    fine: str | Callable[[CheckContext], str]
    worst: CheckStatus = CheckStatus.WARN
    one: str = ""
    many: str = ""
    lines: bool = False
    guards: bool = False
    new_disks: bool = False
    settings: tuple[str, ...] = ()
    needs: frozenset[Need] = frozenset()
    concerns: Callable[[CheckContext], bool] = lambda context: True

    def ask(self, context: CheckContext) -> CheckResult:
        found = self.find(context) if self.concerns(context) else ()
        return self.answer(found, lambda: self.fine if isinstance(self.fine, str) else self.fine(context))

    def answer(self, speaks_against: Iterable[str | Against], fine: Callable[[], str]) -> CheckResult:
        """What the findings come to.

        :param fine: what is said when there are none.
        """
        found = [Against(each) if isinstance(each, str) else each for each in speaks_against]
        for status in (CheckStatus.FAIL, CheckStatus.WARN):
            of_status = [each for each in found if (each.status or self.worst) is status]
            if of_status:
                # All of them: an operator must be able to act on the list, and the report keeps it.
                items = list(dict.fromkeys(visible(each.seen) for each in of_status))
                own = of_status[0].remedy
                heading = words(count(len(of_status), self.one, self.many)) if self.one and not own else ""
                seen = f"{heading}: {'; '.join(items)}" if heading else "; ".join(items)
                if self.lines or (len(items) > 1 and len(seen) > LONGEST_LINE):
                    seen = "\n".join([f"{heading}:", *items] if heading else items)
                return CheckResult(self.name, status, seen, own or words(self.remedy))
        return CheckResult(self.name, CheckStatus.OK, fine())


def check(
    name: str, question: str, **declared: Any
) -> Callable[[Callable[[CheckContext], Iterable[str | Against]]], Check]:
    """Declare the function below it as a check.

    :param declared: the other fields of I(Check) but its function.
    """
    guards = declared.get("new_disks", False)
    return lambda find: Check(name, question, find=find, **{"guards": guards, **declared})
