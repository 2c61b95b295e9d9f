# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module does that looks after units for a while: read them, watch, tell what is new. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import Client
from ..cloud.lists import Lists
from ..cloud.model import Unit
from ..cloud.read import read_units
from ..planning.targets import Targets, find_targets
from ..probing.probes import Probes, Probing
from ..rollout.progress import LogFile
from ..rollout.server import Server
from ..rollout.soaking import Soak, Soaked
from ..units.baseline import Baseline
from .arguments import probing_from_params
from .outcome import Outcome
from .rolling import health_zones, stop_asked, version_of_all


@dataclass(frozen=True)
class SoakRequest:
    """What the module was told.

    :ivar seconds: how long.
    :ivar jobs: that upgraded a VM, by its id.
    :ivar probing: how what the units serve is watched from outside; None if it is not.
    :ivar stop_file: it ends once this is there.
    """

    targets: Targets
    seconds: float
    jobs: Mapping[str, Sequence[str]]
    probing: Probing | None = None
    health_checks: bool = True
    log: str | None = None
    stop_file: str | None = None


def soak_request(params: Mapping[str, Any]) -> SoakRequest:
    return SoakRequest(
        Targets(system_vms=params["system_vms"], routers=params["routers"]),
        params["duration"],
        params["jobs"] or {},
        probing_from_params(params, os.environ),
        params["health_checks"],
        params["log"],
        params["stop_file"],
    )


def soak(client: Client, request: SoakRequest, check_mode: bool = False) -> Outcome:
    """Watch the targets.

    :raises RefusedError: when a target does not exist.
    """
    lists = Lists.of(client)
    target = version_of_all(lists, "compare with")
    known = read_units(lists, request.targets.kinds, details=False)
    units = find_targets(known, request.targets, lambda: read_units(lists)).units
    baseline = Baseline.of(target, (vm for unit in known for vm in unit.vms))
    probes = request.probing.open(client, units) if request.probing and not check_mode else Probes()
    try:
        soaked = Soak(
            Server(lists),
            units,
            baseline,
            probes,
            request.jobs,
            health_zones(client, units) if request.health_checks else frozenset(),
            LogFile(request.log),
            interrupted=stop_asked(request.stop_file),
        ).run(0 if check_mode else request.seconds)
    finally:
        probes.close()
    return _outcome(units, soaked)


def _outcome(units: Sequence[Unit], soaked: Soaked) -> Outcome:
    failure = "; ".join(f"{unit.label}: {soaked.wrong[unit.id]}" for unit in units if unit.id in soaked.wrong)
    return Outcome(
        {
            "results": [
                {
                    "id": unit.id,
                    "name": unit.name,
                    "vms": [vm.id for vm in unit.vms],
                    "wrong": soaked.wrong.get(unit.id, ""),
                    "endpoints": [reach.as_dict() for reach in soaked.reach[unit.id]],
                }
                for unit in units
            ],
            "lasted_s": round(soaked.lasted_s, 1),
            "interrupted": soaked.interrupted,
            "notes": list(soaked.notes),
        },
        failure or None,
    )
