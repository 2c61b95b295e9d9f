# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rehearsal needs beside the plan, small enough to be kept in it: with it and the plan a run is rehearsed, where
the cloud was just read and where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..cloud.infrastructure import Host, InFlight
from ..cloud.model import Owner, Unit
from ..knowledge.plain import plain
from ..knowledge.vocabulary import Method
from ..planning.plan import recut
from ..rollout.limits import Limits
from ..units.actions import Want
from ..units.approval import Approval
from ..units.baseline import Baseline
from ..units.conditions import Standard
from ..units.pace import Pace, Sample
from .alternatives import Waves, alternatives
from .plays import PlayedStep, Rehearsal, Stage, rehearse
from .whatif import WhatIf, what_if

OTHER_WAVES: tuple[Waves, ...] = ((), ("50%",), ("1", "20%"))  # that are tried


@dataclass(frozen=True)
class Scene:
    """What a run would stand in.

    :ivar start: when it begins, in seconds since the epoch.
    :ivar known: the units that the plan does something to, and those that a call to these may touch.
    :ivar limits: with the number of units that may fail.
    :ivar waves: into which the steps of the plan are cut.
    :ivar soak_s: for how long canaries are watched.
    :ivar samples: how long what took here.
    """

    start: float
    known: tuple[Unit, ...]
    baseline: Baseline
    pair_settles_s: float | None = None
    limits: Limits = field(default_factory=Limits)
    waves: Waves = ()
    soak_s: float = 0.0
    allow_degraded: bool = False
    samples: tuple[Sample, ...] = ()
    hosts: tuple[Host, ...] = ()
    in_flight: tuple[InFlight, ...] = ()

    def stage(self, plan: Mapping[str, Any]) -> Stage:
        """
        :param plan: as data, with its steps and units.
        """
        units = {unit.id: unit for unit in self.known}
        approved = {unit["id"]: Approval.of(unit["approved"]) for unit in plan["units"] if unit["approved"]}
        return Stage(
            self.known,
            [self._step(step, [units[identity] for identity in step["units"]], approved) for step in plan["steps"]],
            Standard(self.baseline, self.pair_settles_s),
            self.limits,
            Pace(self.samples, Baseline(self.baseline.target, agents=self.baseline.agents).expects_two_patches),
            self.start,
            self.hosts,
            self.in_flight,
        )

    def _step(self, step: Mapping[str, Any], units: Sequence[Unit], approved: Mapping[str, Approval]) -> PlayedStep:
        method, canary = Method(step["method"]), step["canary"]
        wanted = Want.by(method, allow_degraded=self.allow_degraded, soak_s=self.soak_s if canary else 0.0)

        def want(unit: Unit) -> Want:
            return wanted.within(approved[unit.id]) if unit.id in approved else wanted

        return PlayedStep(units, method, want, canary)


def bare(unit: Unit) -> Unit:
    """Without what a rehearsal does not look at, such as owners and addresses; a plan has these already."""
    network, vpc = unit.network, unit.vpc
    without: dict[str, Any] = {"owner": Owner(), "zone": ""}
    return replace(
        unit,
        owner=Owner(),
        vms=tuple(replace(vm, **without, addresses=(), public_address=None, offering_id=None) for vm in unit.vms),
        network=network and replace(network, **without),
        vpc=vpc and replace(vpc, **without, tiers=tuple(replace(tier, **without) for tier in vpc.tiers)),
    )


def rehearse_plan(
    plan: Mapping[str, Any], scene: Scene, deadline: datetime | None, what: WhatIf | None, others: bool
) -> dict[str, Any]:
    """The plan as plain data, with how long it takes, when what starts and ends, and what else was asked.

    :param what: what goes wrong in one more play.
    :param others: whether it is also played with other settings.
    :raises OptionError: for what is to go wrong with a host that there is not.
    """
    stage = scene.stage(plan)
    ends = deadline.timestamp() if deadline else None
    played = rehearse(stage, ends)
    told = what_if(stage, what, played.likely, deadline) if what else None
    other = alternatives(played, ends, _in_other_waves(plan, scene, stage), what) if others else None
    return {**_told(plan, played, deadline), "scene": plain(scene), "what_if": told, "alternatives": other}


def _in_other_waves(plan: Mapping[str, Any], scene: Scene, stage: Stage) -> dict[Waves, Stage]:
    """The same cut otherwise, as far as that changes a step; as it is set comes first."""
    cuts, found = [_cut(plan)], {scene.waves: stage}
    for waves in OTHER_WAVES:
        other = recut(plan, waves)
        if _cut(other) not in cuts:
            cuts.append(_cut(other))
            found[waves] = scene.stage(other)
    return found


def _cut(plan: Mapping[str, Any]) -> list[list[str]]:
    return [step["units"] for step in plan["steps"]]


def _told(plan: Mapping[str, Any], played: Rehearsal, deadline: datetime | None) -> dict[str, Any]:
    zones, spans = played.zones(), played.steps()
    return {
        **plan,
        "steps": [{**step, "span_s": span.rounded()} for step, span in zip(plan["steps"], spans, strict=True)],
        "zones": [
            {**zone, "span": str(zones[zone["name"]]), "span_s": zones[zone["name"]].rounded()}
            for zone in plan["zones"]
        ],
        "units": [{**unit, "predicted": played.predicted(unit["id"])} for unit in plan["units"]],
        "estimate": played.as_dict(deadline),
    }
