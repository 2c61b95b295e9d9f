# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays a run before it takes place: the real scheduler, units and bounds on an imagined cloud, in virtual time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial

from ..cloud.infrastructure import Host, InFlight
from ..cloud.model import Unit
from ..knowledge.counts import count
from ..knowledge.shapes import EstimateData, PredictedData
from ..knowledge.vocabulary import Kind, Method
from ..planning.nights import predicted
from ..rollout.limits import Limits
from ..rollout.progress import Counts, Journal, Progress
from ..rollout.results import UnitResult
from ..rollout.scheduler import LEFT, Scheduler
from ..rollout.surroundings import Surroundings
from ..units.actions import Want
from ..units.calls import Call
from ..units.conditions import Standard
from ..units.ends import UnitStatus
from ..units.expected import HANDOVER_S, RESTART_S, SCAN_S, START_S
from ..units.pace import ENDS, Pace, Source, Span
from .imagined import ImaginedServer

# Three plays of so many units take about a second; more are played once.
MOST_PLAYED_THRICE = 150
OTHERS_S = START_S  # what a job of somebody else is expected to take
# The order in which a module looks at what a step names (planning.targets), which decides between equals.
AS_NAMED = (Kind.SSVM, Kind.CPVM, Kind.NETWORK, Kind.VPC, Kind.INTERNAL_LB, Kind.ORPHAN)


@dataclass(frozen=True)
class PlayedStep:
    """Units that one module call upgrades by one method, and what is wanted of them."""

    units: Sequence[Unit]
    method: Method
    want: Callable[[Unit], Want]
    canary: bool = False


@dataclass(frozen=True)
class Stage:
    """What a run would stand in.

    :ivar known: all units of the cloud.
    :ivar start: when it begins, in seconds since the epoch.
    :ivar server: makes the cloud on which it is played.
    """

    known: Sequence[Unit]
    steps: Sequence[PlayedStep]
    standard: Standard
    limits: Limits
    pace: Pace
    start: float
    hosts: Sequence[Host] = ()
    in_flight: Sequence[InFlight] = ()
    server: Callable[..., ImaginedServer] = ImaginedServer

    @property
    def units(self) -> list[Unit]:
        """What is to be upgraded, in order."""
        return [unit for step in self.steps for unit in step.units]


@dataclass(frozen=True)
class Play:
    """How one play went; all times in seconds after the begin.

    :ivar steps: when each step began and ended.
    :ivar units: when each unit that was begun began and ended.
    :ivar how: how each unit ended.
    :ivar calls: what was sent, in order.
    :ivar stopped: what has ended it before its last unit; a deadline, which ends each unit on its own, is not told.
    :ivar worked: how long each unit counted against the bounds.
    """

    steps: tuple[tuple[float, float], ...]
    units: Mapping[str, tuple[float, float]]
    how: Mapping[str, UnitStatus]
    calls: Sequence[Call] = ()
    stopped: str = ""
    worked: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def ends(self) -> Mapping[UnitStatus, int]:
        """How many units ended how."""
        return Counter(self.how.values())

    def times(self) -> dict[str, list[float]]:
        """When each unit that was begun began and ended, as plain data."""
        return {identity: [round(moment, 1) for moment in when] for identity, when in self.units.items()}

    @property
    def left(self) -> int:
        """Units that were not begun."""
        return self.ends.get(UnitStatus.NOT_STARTED, 0)

    @property
    def seconds(self) -> float:
        return self.steps[-1][1] if self.steps else 0.0


class _Silence(Progress):
    """Of a play nothing is told while it goes on."""

    tells = False

    def started(self, unit: Unit, counts: Counts) -> None:
        pass

    def finished(self, result: UnitResult, counts: Counts) -> None:
        pass


def play(stage: Stage, end: str = "likely_s", deadline: float | None = None) -> Play:
    """One play.

    :param end: how long jobs take in it: one of ENDS.
    :param deadline: in seconds since the epoch.
    """
    factors = _factors(stage, end)
    server = stage.server(
        stage.known,
        stage.standard.baseline,
        lambda unit, call: factors.get(unit.id, 1.0) * _documented_s(unit, call),
        lambda unit: factors.get(unit.id, 1.0) * (SCAN_S + START_S - RESTART_S),
        hosts=stage.hosts,
        began=stage.start,
    )
    server.others(stage.in_flight, OTHERS_S)
    around = Surroundings(
        stage.standard,
        replace(stage.limits, deadline=deadline),
        _Silence(lambda line: None, server.clock, journal=Journal(None)),
        known_vms=frozenset(vm.id for unit in stage.known for vm in unit.vms),
        clock=server.clock,
        now=server.clock,
        sleep=server.sleep,
    )
    steps, units, how, stopped = [], dict[str, tuple[float, float]](), dict[str, UnitStatus](), ""
    worked, failed = dict[str, float](), 0
    for step in stage.steps:
        began = server.time - stage.start
        if stopped:
            how |= dict.fromkeys((unit.id for unit in step.units), UnitStatus.NOT_STARTED)
            steps.append((began, began))
            continue
        budget = 0 if step.canary else stage.limits.max_failures - failed
        limits = replace(around.limits, max_failures=budget)
        server.wait_for_it()
        named = sorted(step.units, key=lambda unit: AS_NAMED.index(unit.kind))
        done = Scheduler(server, replace(around, limits=limits)).run(named, step.want, server.in_flight())
        now = Counter(result.status for result in done.results)
        if done.error is not None:
            stopped = "the management server is away for too long"
        elif step.canary and any(map(now.get, (UnitStatus.FAILED, *LEFT))):
            stopped = "a canary is not upgraded"
        elif now[UnitStatus.FAILED] > budget:
            stopped = f"more units fail than may (max_failures is {stage.limits.max_failures})"
        failed += now[UnitStatus.FAILED]
        how |= {result.unit.id: result.status for result in done.results}
        steps.append((began, server.time - stage.start))
        for result in done.results:
            if result.started is not None and result.finished is not None:
                units[result.unit.id] = (result.started - stage.start, result.finished - stage.start)
                worked[result.unit.id] = result.worked_s or 0.0
    return Play(tuple(steps), units, how, [call for dummy, dummy2, call in server.log], stopped, worked)


def _factors(stage: Stage, end: str) -> dict[str, float]:
    """How much longer than documented the jobs of each unit take.

    What a run has measured is more than jobs: they are noticed late, and some are waited after. A play does that
    itself, so it is not to be in its jobs, too.
    """
    around: dict[tuple[Method, Kind, float], float] = {}  # beside the jobs, by what is done
    found = {}
    for step in stage.steps:
        for unit in step.units:
            figures, documented = stage.pace.figures(unit, step.method), stage.pace.documented_s(unit, step.method)
            factor = getattr(figures.factor, end)
            if figures.samples and documented:
                key = (step.method, unit.kind, documented)
                if key not in around:
                    around[key] = _alone_s(stage, step, unit, documented) - documented
                factor = max(factor / 2, factor - around[key] / documented)
            found[unit.id] = factor
    return found


def _alone_s(stage: Stage, step: PlayedStep, unit: Unit, documented_s: float) -> float:
    """How long a unit counts against the bounds where nobody else is at work, nothing goes wrong and jobs take what is
    documented."""
    steps = [replace(step, units=[unit])]
    alone = replace(stage, known=[unit], steps=steps, pace=Pace(), in_flight=(), server=ImaginedServer)
    return play(alone).worked.get(unit.id, documented_s)


def _documented_s(unit: Unit, call: Call) -> float:
    """What documented figures say of a job."""
    return call.expected_s + (HANDOVER_S if call.params.get("cleanup") and unit.redundant else 0.0)


@dataclass(frozen=True)
class Rehearsal:
    """What plays of a run come to.

    :ivar plays: quick, likely and slow; of a large cloud the likely one only.
    :ivar stretch: what the likely one is multiplied by for the quick and the slow one, where it is the only one.
    :ivar left: units that would be left at the deadline, if all goes as is likely.
    """

    stage: Stage
    likely: Play
    others: tuple[Play, ...]
    stretch: Span
    left: int

    def _span(self, of: Callable[[Play], float]) -> Span:
        likely = of(self.likely)
        if self.others:
            quick, slow = (of(each) for each in self.others)
            return Span(min(quick, likely), likely, max(likely, slow))
        return self.stretch * likely

    @property
    def span(self) -> Span:
        return self._span(lambda each: each.seconds)

    def steps(self) -> list[Span]:
        """How long each step takes."""

        def lasts(number: int, each: Play) -> float:
            began, ended = each.steps[number]
            return ended - began

        return [self._span(partial(lasts, number)) for number in range(len(self.stage.steps))]

    def zones(self) -> dict[str, Span]:
        """When all of each zone is done, by its name."""
        members: dict[str, list[str]] = {}
        for unit in self.stage.units:
            members.setdefault(unit.zone, []).append(unit.id)

        def done(ids: Iterable[str], each: Play) -> float:
            return max((each.units[identity][1] for identity in ids if identity in each.units), default=0.0)

        return {zone: self._span(partial(done, ids)) for zone, ids in members.items()}

    def predicted(self, identity: str) -> PredictedData | None:
        """When a unit starts and ends in the likely play."""
        at = self.likely.units.get(identity)
        return predicted(at) if at else None

    def as_dict(self, deadline: datetime | None) -> EstimateData:
        """Plain data; C(words) is all of it for a person."""
        span, source = self.span, self._source()
        start = datetime.fromtimestamp(self.stage.start).astimezone()
        return {
            "span_s": span.rounded(),
            "likely_s": round(span.likely_s, 1),
            "span": str(span),
            "source": source,
            "left": self.left,
            "words": f"{span} ({source}); {against_deadline(span, start, deadline, self.left)}",
        }

    def _source(self) -> str:
        """Where the figures come from, in words."""
        figures = [self.stage.pace.figures(unit, step.method) for step in self.stage.steps for unit in step.units]
        units = Counter(each.source for each in figures)
        seen = {id(sample) for samples in {each.samples for each in figures} for sample in samples}
        words = {
            Source.REPORTS: f"from {count(len(seen), 'unit')} of {Source.REPORTS.value}",
            Source.DOCUMENTED: f"from {Source.DOCUMENTED.value}",
        }
        told = [
            words[source] + (f" for {count(units[source], 'unit')}" if len(units) > 1 else "")
            for source in Source
            if units[source]
        ]
        return ", ".join(told) + ("" if self.others else "; one play, stretched")


def rehearse(stage: Stage, deadline: float | None = None) -> Rehearsal:
    """Play the run as it is likely, as the quickest and as the slowest tenth would have it; and, where the deadline
    comes too early, once more up to that."""
    likely = play(stage)
    number = len(stage.units)
    others = tuple(play(stage, end) for end in ENDS if end != "likely_s") if number <= MOST_PLAYED_THRICE else ()
    return Rehearsal(stage, likely, others, _stretch(stage), left_at(stage, likely, deadline))


def left_at(stage: Stage, likely: Play, deadline: float | None) -> int:
    """Units that would be left at a deadline."""
    late = deadline is not None and stage.start + likely.seconds > deadline
    return play(stage, deadline=deadline).left if late else 0


def _stretch(stage: Stage) -> Span:
    """How much less and more all jobs together take where all go as the quickest and slowest tenth did."""
    spans = [stage.pace.span(unit, step.method) for step in stage.steps for unit in step.units]
    low, likely, high = (math.fsum(getattr(span, end) for span in spans) for end in ENDS)
    return Span(low / likely, 1.0, high / likely) if likely else Span(1.0, 1.0, 1.0)


def against_deadline(span: Span, start: datetime, deadline: datetime | None, left: int) -> str:
    """When a run that starts now ends, and what that means for its deadline, in words.

    :param start: with a time zone.
    :param deadline: likewise; what it says is in its time zone.
    :param left: units that would not be begun by then.
    """
    start = start.astimezone(deadline.tzinfo) if deadline else start
    first, last = (start + timedelta(seconds=seconds) for seconds in (span.low_s, span.high_s))
    early, late = (time_words(moment, start) for moment in (first, last))
    ends = f"ends about {early}" + (f" to {late}" if late != early else "")
    if deadline is None:
        return ends
    until = time_words(deadline, start)
    if left:
        return f"{ends}; about {count(left, 'unit')} would be left at {until}"
    return f"{ends}; {until} leaves room" if last <= deadline else f"{ends}; {until} may come too early"


def time_words(moment: datetime, start: datetime) -> str:
    """The time of day; with the day, if it is another one than that of the start."""
    return moment.strftime("%H:%M" if moment.date() == start.date() else "%a %H:%M")
