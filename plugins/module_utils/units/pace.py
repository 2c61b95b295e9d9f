# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast this cloud is: from what earlier runs took, else from documented figures (units.expected). Pure.

What was seen is kept as a multiple of the documented figure, so that a pair tells of a single router and a VPC of three
tiers of one with two.
"""

from __future__ import annotations

import enum
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cloud.model import Unit
from ..knowledge import durations
from ..knowledge.vocabulary import SYSTEM_VMS, Kind, Method
from .expected import expected_seconds

# Fewer samples than these say little: they are used, but the span is made this much wider on both sides.
FEW = 3
WIDER = 1.5
# Around the documented figures: a judgement, as nobody publishes measurements. Operators tell of one to four minutes
# until a new VM serves, which is about what half and double of START_S are.
DOCUMENTED = (0.5, 2.0)
ENDS = ("low_s", "likely_s", "high_s")


class Source(str, enum.Enum):
    """Where figures come from."""

    REPORTS = "earlier runs"
    DOCUMENTED = "documented figures"


@dataclass(frozen=True)
class Span:
    """Seconds (or a factor): if all goes as the quickest tenth did, as is likely, and as the slowest tenth did."""

    low_s: float = 0.0
    likely_s: float = 0.0
    high_s: float = 0.0

    def __mul__(self, factor: float) -> Span:
        return Span(self.low_s * factor, self.likely_s * factor, self.high_s * factor)

    def rounded(self) -> list[float]:
        """The low and the high end as data."""
        return [round(self.low_s, 1), round(self.high_s, 1)]

    def __str__(self) -> str:
        """As a person says it: C(40 to 90 s), C(22 to 31 min), C(about 2 h 10 min)."""
        return durations.span(self.low_s, self.high_s)


@dataclass(frozen=True)
class Took:
    """One unit that a run upgraded, and how long that took.

    :ivar ids: by which it may be found: its own, and those of its VMs before and after.
    :ivar seconds: how long it counted against the bounds of the rollout.
    """

    done: Method
    ids: frozenset[str]
    seconds: float

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Took:
        """Of what I(as_dict) made."""
        return cls(Method(plain["done"]), frozenset(plain["ids"]), plain["seconds"])

    def as_dict(self) -> dict[str, Any]:
        return {"done": self.done.value, "ids": sorted(self.ids), "seconds": self.seconds}


def durations_of_report(report: Mapping[str, Any]) -> tuple[Took, ...]:
    """What the units of a report took that were upgraded.

    A router's restart is left out: whether its rules were applied or it was stopped and started, a report does not say.

    :param report: as in report.json; what is not as it should be is passed over.
    """
    found = []
    for unit in report.get("units") or ():
        try:
            done, seconds = Method(unit["method"]), float(unit["worked_s"])
            ids = frozenset({str(unit["id"]), *(str(vm["id"]) for vm in unit["vms"])})
            listing = done in (Method.LIVE_PATCH, Method.RECREATE) or unit["kind"] in SYSTEM_VMS
            if unit["status"] == "upgraded" and listing and seconds > 0:
                found.append(Took(done, ids, seconds))
        except (LookupError, TypeError, ValueError):
            continue
    return tuple(found)


Twice = Callable[[Unit], bool]
"""Whether two live patches of a unit are expected."""


def _once(unit: Unit) -> bool:
    return False


@dataclass(frozen=True)
class Sample:
    """One thing that was done to a unit that is still there.

    :ivar documented_s: what documented figures say of it.
    """

    done: Method
    kind: Kind
    hypervisor: str | None
    documented_s: float
    took_s: float

    @property
    def ratio(self) -> float:
        return self.took_s / self.documented_s


def samples(units: Iterable[Unit], found: Iterable[Took], twice: Twice = _once) -> tuple[Sample, ...]:
    """What was seen, each with its unit. What was done to units that are gone, or of another cloud, is left out."""
    unit_of = {identity: unit for unit in units for identity in (unit.id, *(vm.id for vm in unit.vms))}
    made = []
    for took in found:
        unit = next((unit_of[identity] for identity in sorted(took.ids) if identity in unit_of), None)
        if unit is not None:
            before = replace(unit, owed=(), vms=tuple(replace(vm, software=None) for vm in unit.vms))
            documented = expected_seconds(before, took.done, twice=twice(before))
            made.append(Sample(took.done, unit.kind, unit.hypervisor, documented, took.seconds))
    return tuple(made)


@dataclass(frozen=True)
class Figures:
    """How much slower or quicker than documented something is here.

    :ivar factor: the documented figure times this is how long a unit counts against the bounds of the rollout.
    :ivar samples: from which it is; none from documented figures.
    """

    factor: Span
    samples: tuple[Sample, ...] = ()

    @property
    def source(self) -> Source:
        return Source.REPORTS if self.samples else Source.DOCUMENTED


class Pace:
    """What is known of how fast this cloud is.

    :param samples: none where nothing is known: then documented figures count.
    """

    def __init__(self, samples: Iterable[Sample] = (), twice: Twice = _once) -> None:
        self.samples = tuple(samples)
        self._twice = twice
        self._known: dict[tuple[Method, Kind, str | None, float], Figures] = {}

    def documented_s(self, unit: Unit, method: Method) -> float:
        """What documented figures say of it."""
        return expected_seconds(unit, method, twice=method is Method.LIVE_PATCH and self._twice(unit))

    def figures(self, unit: Unit, method: Method) -> Figures:
        """The closest that there are enough of: the same method, kind and hypervisor and as much to do; the same with
        more or less to do; with any hypervisor. Else what few there are, else documented ones."""
        key = (method, unit.kind, unit.hypervisor, self.documented_s(unit, method))
        if key not in self._known:
            self._known[key] = self._look(*key)
        return self._known[key]

    def span(self, unit: Unit, method: Method) -> Span:
        """How long one unit counts against the bounds of the rollout (0 where nothing is done)."""
        documented = self.documented_s(unit, method)
        return self.figures(unit, method).factor * documented if documented else Span()

    def _look(self, done: Method, kind: Kind, hypervisor: str | None, documented_s: float) -> Figures:
        like = [sample for sample in self.samples if sample.done is done and sample.kind is kind]
        same = [sample for sample in like if sample.hypervisor == hypervisor]
        for group in ([sample for sample in same if sample.documented_s == documented_s], same):
            if len(group) >= FEW:
                return _figures(group)
        return _figures(like) if like else Figures(Span(DOCUMENTED[0], 1.0, DOCUMENTED[1]))


def _figures(found: Sequence[Sample]) -> Figures:
    """The 10th and 90th percentile, and between them the mean of what is cut off at these: durations add up, so the
    mean counts and not the median, but not one that was stuck for an hour."""
    ratios = [sample.ratio for sample in found]
    if len(ratios) < FEW:
        return Figures(Span(min(ratios) / WIDER, statistics.fmean(ratios), max(ratios) * WIDER), tuple(found))
    deciles = statistics.quantiles(ratios, n=10, method="inclusive")
    low, high = deciles[0], deciles[-1]
    likely = statistics.fmean(min(max(ratio, low), high) for ratio in ratios)
    return Figures(Span(low, min(max(likely, low), high), high), tuple(found))
