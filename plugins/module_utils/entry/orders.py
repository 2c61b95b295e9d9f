# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an acting module is told, what it reads, and what it decides. Data only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..cloud.infrastructure import Cloud, InFlight
from ..cloud.model import Unit
from ..knowledge.versions import Version
from ..knowledge.vocabulary import Method
from ..planning.approved import ApprovedPlan
from ..planning.targets import Targets
from ..probing.probes import Probing
from ..rollout.control import Control
from ..rollout.limits import Limits
from ..rollout.results import UnitResult
from ..rollout.submitter import Guard
from ..units.actions import Want
from ..units.baseline import Baseline


@dataclass(frozen=True)
class Request:
    """What a module was told to do.

    :ivar want: what is wanted of each; who soaks them watches what is current already, too.
    :ivar probing: how what the units serve is watched from outside; None if it is not.
    :ivar log: a file for progress lines; C(label) says what their counts are of.
    :ivar control: the file by which people steer it.
    :ivar stop_file: once it is there, the run is interrupted.
    :ivar approved: what was approved; None where nobody had to approve.
    :ivar planned: whether a plan names the targets, so that one that is not there any more is no mistake.
    :ivar guard: what keeps calls from being carried out twice, as an earlier step has found out.
    """

    targets: Targets
    want: Want
    limits: Limits
    probing: Probing | None = None
    log: str | None = None
    label: str | None = None
    control: str | None = None
    stop_file: str | None = None
    approved: ApprovedPlan | None = None
    planned: bool = False
    guard: str = Guard.UNKNOWN.value

    @property
    def method(self) -> Method:
        return self.want.method

    def is_interrupted(self) -> bool:
        return self.stop_file is not None and os.path.exists(self.stop_file)

    @property
    def is_being_ended(self) -> bool:
        """Whether it was interrupted, or somebody has stopped it."""
        said = Control(self.control).news()
        return self.is_interrupted() or (said is not None and said.stopped)

    def of(self, want: Want, unit: Unit) -> Want:
        """What is wanted of one unit: no more than was approved."""
        return want.within(self.approved.of(unit.id)) if self.approved else want


@dataclass(frozen=True)
class CloudFacts:
    """What was read.

    :ivar units: those that the targets name.
    :ivar gone: targets that a plan named and that are not there any more, with the option that named each.
    :ivar known: all units of their kinds.
    :ivar cloud: all the rest; None where nothing can get a new disk.
    """

    target: Version
    units: Sequence[Unit]
    gone: Mapping[str, str]
    known: Sequence[Unit]
    baseline: Baseline
    in_flight: Sequence[InFlight]
    cloud: Cloud | None


@dataclass(frozen=True)
class Orders:
    """What was decided: the results of units that get no call, and the units that do, with what is wanted of them."""

    settled: Mapping[str, UnitResult]
    work: Sequence[Unit]
    want: Want
