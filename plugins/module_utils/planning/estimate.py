# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an upgrade will take, as a span: from this cloud's own past where it has one, else from documented figures.

What was seen is kept as a multiple of the documented figure (planning.impact), so that a pair tells of a single router
and a VPC of three tiers of one with two. Pure.
"""

from __future__ import annotations

import enum
import heapq
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

from ..cloud.history import Operation, Took
from ..cloud.model import Unit
from ..knowledge import durations
from ..knowledge.counts import count
from ..knowledge.shapes import EstimateData
from ..knowledge.vocabulary import Kind, Method
from ..options.rollout import LIMITS
from ..units.expected import RESTART_S, expected_seconds

# Fewer samples than these say little: they are used, but the span is made this much wider on both sides.
FEW = 3
WIDER = 1.5
# Around the documented figures: a judgement, as nobody publishes measurements. Operators tell of one to four minutes
# until a new VM serves, which is about what half and double of START_S are.
DOCUMENTED = (0.5, 2.0)


class Source(str, enum.Enum):
    """Where figures come from."""

    EVENTS = "this cloud's events"
    REPORT = "the last report"
    DOCUMENTED = "documented figures"


@dataclass(frozen=True)
class Span:
    """Seconds (or a factor): if all goes as the quickest tenth did, as is likely, and as the slowest tenth did."""

    low_s: float = 0.0
    likely_s: float = 0.0
    high_s: float = 0.0

    def __add__(self, other: Span) -> Span:
        return Span(self.low_s + other.low_s, self.likely_s + other.likely_s, self.high_s + other.high_s)

    def __mul__(self, factor: float) -> Span:
        return Span(self.low_s * factor, self.likely_s * factor, self.high_s * factor)

    def rounded(self) -> list[float]:
        """The low and the high end as data."""
        return [round(self.low_s, 1), round(self.high_s, 1)]

    def __str__(self) -> str:
        """As a person says it: C(40 to 90 s), C(22 to 31 min), C(about 2 h 10 min)."""
        return durations.span(self.low_s, self.high_s)


@dataclass(frozen=True)
class Sample:
    """One thing that was done to a unit that is still there.

    :ivar documented_s: what documented figures say of it.
    """

    done: Operation
    kind: Kind
    hypervisor: str | None
    documented_s: float
    took_s: float
    aside_s: float
    ended: float
    source: Source

    @property
    def ratio(self) -> float:
        return self.took_s / self.documented_s


Twice = Callable[[Unit], bool]
"""Whether two live patches of a unit are expected."""


def _once(unit: Unit) -> bool:
    return False


def samples(units: Iterable[Unit], found: Mapping[Source, Iterable[Took]], twice: Twice = _once) -> tuple[Sample, ...]:
    """What was seen, each with its unit. What was done to units that are gone, or of another cloud, is left out.

    The report tells of units, with a second patch where that was to be expected; events tell of jobs.
    """
    unit_of = {identity: unit for unit in units for identity in (unit.id, *(vm.id for vm in unit.vms))}
    made = []
    for source, tooks in found.items():
        for took in tooks:
            unit = next((unit_of[identity] for identity in sorted(took.ids) if identity in unit_of), None)
            if unit is None:
                continue
            documented = RESTART_S
            if took.done is not Operation.APPLY_RULES:
                before = replace(unit, owed=(), vms=tuple(replace(vm, software=None) for vm in unit.vms))
                both = source is Source.REPORT and twice(before)
                documented = expected_seconds(before, Method(took.done.value), twice=both)
            made.append(
                Sample(
                    took.done,
                    unit.kind,
                    unit.hypervisor,
                    documented,
                    took.seconds,
                    took.aside_s,
                    took.ended,
                    source,
                )
            )
    return tuple(made)


@dataclass(frozen=True)
class Figures:
    """How much slower or quicker than documented something is here.

    :ivar factor: the documented figure times this is how long a unit counts against the bounds of the rollout.
    :ivar aside_s: how much longer it takes until it is proven, while others are at work.
    :ivar samples: from which it is; none from documented figures.
    """

    factor: Span
    source: Source
    samples: tuple[Sample, ...] = ()
    aside_s: float = 0.0


class Pace:
    """What is known of how fast this cloud is.

    :param samples: none where nothing is known: then documented figures count.
    """

    def __init__(self, samples: Iterable[Sample] = (), twice: Twice = _once) -> None:
        self._samples = tuple(samples)
        self._twice = twice
        self._known: dict[tuple[Operation, Kind, str | None, float], Figures] = {}

    def documented_s(self, unit: Unit, method: Method) -> float:
        """What documented figures say of it."""
        return expected_seconds(unit, method, twice=method is Method.LIVE_PATCH and self._twice(unit))

    def figures(self, unit: Unit, method: Method) -> Figures:
        """The closest that there are enough of: the same method, kind and hypervisor and as much to do; the same with
        more or less to do; with any hypervisor. Else what few there are, else documented ones."""
        key = (_done(unit, method), unit.kind, unit.hypervisor, self.documented_s(unit, method))
        if key not in self._known:
            self._known[key] = self._look(*key)
        return self._known[key]

    def _look(self, done: Operation, kind: Kind, hypervisor: str | None, documented_s: float) -> Figures:
        like = [sample for sample in self._samples if sample.done is done and sample.kind is kind]
        same = [sample for sample in like if sample.hypervisor == hypervisor]
        for group in ([sample for sample in same if sample.documented_s == documented_s], same, like):
            figures = _from_more_of(group)
            if len(figures.samples) >= FEW:
                return figures
        return _from_more_of(like)


def _done(unit: Unit, method: Method) -> Operation:
    return Operation.APPLY_RULES if method is Method.RESTART and unit.owed else Operation(method.value)


def _from_more_of(group: Sequence[Sample]) -> Figures:
    """From events or from the report, whichever has more; the report if they have as many: it knows
    tenths of seconds, and also what a unit did besides its jobs."""
    by_source = {source: tuple(s for s in group if s.source is source) for source in (Source.REPORT, Source.EVENTS)}
    source, found = max(by_source.items(), key=lambda pair: len(pair[1]))
    if not found:
        return Figures(Span(DOCUMENTED[0], 1.0, DOCUMENTED[1]), Source.DOCUMENTED)
    aside_s = statistics.fmean(sample.aside_s for sample in found)
    return Figures(_factor([sample.ratio for sample in found]), source, found, aside_s)


def _factor(ratios: Sequence[float]) -> Span:
    """The 10th and 90th percentile, and between them the mean of what is cut off at these: durations add up, so the
    mean counts and not the median, but not one that was stuck for an hour."""
    if len(ratios) < FEW:
        return Span(min(ratios) / WIDER, statistics.fmean(ratios), max(ratios) * WIDER)
    deciles = statistics.quantiles(ratios, n=10, method="inclusive")
    low, high = deciles[0], deciles[-1]
    likely = statistics.fmean(min(max(ratio, low), high) for ratio in ratios)
    return Span(low, min(max(likely, low), high), high)


@dataclass(frozen=True)
class Work:
    """What is done to a unit.

    :ivar span: how long it counts against the bounds.
    :ivar aside_s: how much longer it takes until it is proven.
    """

    unit: Unit
    method: Method
    span: Span = Span()
    aside_s: float = 0.0

    @classmethod
    def at(cls, unit: Unit, method: Method, pace: Pace) -> Work:
        documented = pace.documented_s(unit, method)
        if not documented:
            return cls(unit, method)
        figures = pace.figures(unit, method)
        return cls(unit, method, figures.factor * documented, figures.aside_s)


def unit_span(unit: Unit, method: Method, pace: Pace) -> Span:
    """How long one unit takes until it is proven (0 where nothing is done)."""
    work = Work.at(unit, method, pace)
    return work.span + Span(work.aside_s, work.aside_s, work.aside_s)


@dataclass(frozen=True)
class RunBounds:
    """What a rollout may do at a time: as rollout.limits, with the same defaults.

    :ivar big_s: units expected to take this long run one at a time.
    """

    parallel: int = LIMITS["parallel"].default
    per_host: int = LIMITS["per_host"].default
    system_vms_at_once: int = LIMITS["system_vms_at_once"].default
    big_s: float = math.inf


def makespan(works: Sequence[Work], bounds: RunBounds) -> Span:
    """How long a step takes.

    Each bound alone is filled longest first, as the scheduler does, and the tightest one counts. Of 3,000 random steps
    scheduled under all bounds at once, 9 in 10 took at most 1 % longer and 99 in 100 at most 11 %; 10,000 units cost
    nothing this way.
    """
    works = sorted(works, key=lambda work: -work.span.likely_s)  # one order for all three, so that they stay in order
    queues: dict[object, tuple[int, list[Work]]] = {"all": (bounds.parallel, works)}

    def queue(name: object, at_once: int, work: Work) -> None:
        queues.setdefault(name, (at_once, []))[1].append(work)

    for work in works:
        unit = work.unit
        if bounds.per_host:
            for host in unit.host_ids:
                queue(("host", host), bounds.per_host, work)
        if unit.kind.is_system_vm and work.method is not Method.LIVE_PATCH:
            queue(unit.kind, bounds.system_vms_at_once, work)
            queue(("zone", unit.zone_id), 1, work)
        if work.span.likely_s >= bounds.big_s:
            queue("big", 1, work)

    def latest(seconds: Callable[[Span], float]) -> float:
        return max(_fill(n, [(seconds(work.span), work.aside_s) for work in queued]) for n, queued in queues.values())

    return Span(*(latest(attrgetter(end)) for end in ("low_s", "likely_s", "high_s")))


def _fill(at_once: int, seconds: Sequence[tuple[float, float]]) -> float:
    """When the last one is proven if each starts, in this order, as soon as there is room.

    :param seconds: of each, how long it takes room, and how much longer it takes.
    """
    free = [0.0] * min(max(1, at_once), max(1, len(seconds)))
    proven = 0.0
    for each, aside in seconds:
        proven = max(proven, free[0] + each + aside)
        heapq.heapreplace(free, free[0] + each)
    return proven


@dataclass(frozen=True)
class Estimate:
    """How long a run takes.

    :ivar steps: each step's span; one begins when the one before has ended. Pauses and hooks are not in them.
    :ivar counts: units by where their figures come from.
    :ivar samples: what these figures are from.
    :ivar sizes: units of each step.
    """

    steps: tuple[Span, ...]
    sizes: tuple[int, ...]
    counts: Mapping[Source, int]
    samples: frozenset[Sample]

    @property
    def span(self) -> Span:
        return sum(self.steps, Span())

    def as_dict(self, start: datetime, deadline: datetime | None) -> EstimateData:
        """Plain data; C(words) is all of it for a person."""
        span = self.span
        return {
            "span_s": span.rounded(),
            "likely_s": round(span.likely_s, 1),
            "span": str(span),
            "source": self.source(start),
            "words": f"{span} ({self.source(start)}); {against_deadline(self, start, deadline)}",
        }

    def source(self, now: datetime) -> str:
        """Where the figures come from, in words."""
        parts = []
        for source in Source:
            if self.counts.get(source):
                units = "" if len(self.counts) == 1 else f" for {count(self.counts[source], 'unit')}"
                parts.append(f"from {_source_words(source, self.samples, now.timestamp())}{units}")
        return ", ".join(parts)

    def left_at(self, seconds: float) -> int:
        """About how many units are not done so many seconds after the start, if all goes as is likely."""
        left = 0.0
        for span, size in zip(self.steps, self.sizes, strict=True):
            if seconds < span.likely_s:
                left += size * (1 - max(0.0, seconds) / span.likely_s)
            seconds -= span.likely_s
        return math.ceil(left)


def run_span(steps: Iterable[Sequence[tuple[Unit, Method]]], bounds: RunBounds, pace: Pace) -> Estimate:
    """How long the steps take, one after the other."""
    spans, sizes = [], []
    counts: Counter[Source] = Counter()
    used: dict[int, Figures] = {}  # by identity: many units share them
    for step in steps:
        spans.append(makespan([Work.at(unit, method, pace) for unit, method in step], bounds))
        sizes.append(len(step))
        for figures in (pace.figures(unit, method) for unit, method in step):
            counts[figures.source] += 1
            used[id(figures)] = figures
    seen = frozenset(sample for figures in used.values() for sample in figures.samples)
    return Estimate(tuple(spans), tuple(sizes), dict(counts), seen)


def against_deadline(estimate: Estimate, start: datetime, deadline: datetime | None) -> str:
    """When a run that starts now ends, and what that means for its deadline, in words.

    :param start: with a time zone.
    :param deadline: likewise; what it says is in its time zone.
    """
    span = estimate.span
    start = start.astimezone(deadline.tzinfo) if deadline else start
    first, last = (start + timedelta(seconds=seconds) for seconds in (span.low_s, span.high_s))
    early, late = (_time(moment, start) for moment in (first, last))
    ends = f"ends about {early}" + (f" to {late}" if late != early else "")
    if deadline is None:
        return ends
    room, until = (deadline - start).total_seconds(), _time(deadline, start)
    left = estimate.left_at(room)
    if left:
        return f"{ends}; about {count(left, 'unit')} would be left at {until}"
    return f"{ends}; {until} leaves room" if last <= deadline else f"{ends}; {until} may come too early"


def _time(moment: datetime, start: datetime) -> str:
    return moment.strftime("%H:%M" if moment.date() == start.date() else "%a %H:%M")


def _source_words(source: Source, used: Iterable[Sample], now: float) -> str:
    found = [sample for sample in used if sample.source is source]
    if source is Source.DOCUMENTED:
        return str(source.value)
    if source is Source.REPORT:
        return f"{count(len(found), 'unit')} of the last report"
    hours = max(1, math.ceil((now - min(sample.ended for sample in found)) / 3600))
    age = f"{max(hours, 24)} h" if hours <= 24 else f"{math.ceil(hours / 24)} days"
    return f"{count(len(found), 'restart')} of this cloud in the last {age}"
