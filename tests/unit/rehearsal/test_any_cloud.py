# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a cloud is like, its plan is rehearsed: a play comes to an end and breaks off nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host, InFlight
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.imagined import ImaginedServer
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays import PlayedStep, Stage, play
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.actions import Want
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.conditions import Standard
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.pace import ENDS, Pace
from tests.unit.builders import SITUATION, TARGET, internal_lb, network_unit, ssvm, system_vm_unit, vm, vpc_unit

STATES = ("Running", "Running", "Stopped", "Starting", "Stopping", "Migrating", "Error", "Unknown", "Expunging")
HOSTS = [
    Host("id-host", "host", "id-zone", "KVM", TARGET, "Up", "Enabled"),
    Host("id-away", "away", "id-zone", "KVM", TARGET, "Down", "Enabled"),
    Host("id-late", "late", "id-zone", "KVM", TARGET, "Disconnected", "Enabled"),
]
METHODS = (Method.LIVE_PATCH, Method.RECREATE, Method.RESTART)


@st.composite
def odd_vm(draw: st.DrawFn, name: str, kind: Kind | None, redundant: bool) -> Vm:
    facts: dict[str, Any] = {
        "state": draw(st.sampled_from(STATES)),
        "software": draw(st.sampled_from([None, parse_version("4.19.1.0"), parse_version("4.22.0.0")])),
        "built_from": draw(st.sampled_from([None, parse_version("4.13.0"), parse_version("4.20.2")])),
        "hypervisor": draw(st.sampled_from([None, "KVM", "VMware"])),
        "host_id": draw(st.sampled_from([None, "id-host", "id-away", "id-late", "id-unknown"])),
        "scripts": draw(st.sampled_from([None, "old-scripts", "new-scripts", "odd-scripts"])),
    }
    if kind is not None:
        facts["agent_state"] = draw(st.sampled_from([None, "Up", "Disconnected"]))
    if redundant:
        facts |= {"redundant": True, "redundant_state": draw(st.sampled_from(["PRIMARY", "BACKUP", "FAULT", None]))}
    return replace(vm(name, kind), **facts)


@st.composite
def odd_unit(draw: st.DrawFn, name: str) -> Unit:
    redundant, number = draw(st.booleans()), draw(st.integers(0, 3))
    routers = tuple(draw(odd_vm(f"{name}-{each}", None, redundant)) for each in range(number))
    marked = draw(st.booleans())
    made = draw(st.sampled_from(["network", "shared", "vpc", "ssvm", "cpvm", "lb"]))
    if made in ("ssvm", "cpvm"):
        return system_vm_unit(draw(odd_vm(name, Kind.SSVM if made == "ssvm" else Kind.CPVM, False)))
    if made == "lb":
        one = internal_lb()
        changed = replace(draw(odd_vm(name, None, False)), internal_lb=True)
        return replace(one, id=changed.id, name=name, vms=(changed,))
    if made == "vpc":
        unit = vpc_unit(name, tiers=draw(st.integers(0, 3)), redundant=redundant, restart_required=marked)
    else:
        kind: dict[str, Any] = {"type": "Shared"} if made == "shared" else {}
        unit = network_unit(name, redundant=redundant, restart_required=marked, **kind)
    return replace(unit, vms=routers)


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    units = [draw(odd_unit(f"n{number}")) for number in range(draw(st.integers(1, 6)))]
    acting = [unit for unit in units if draw(st.booleans())]
    steps: dict[Method, list[Unit]] = {}
    for unit in acting:
        steps.setdefault(draw(st.sampled_from(METHODS)), []).append(unit)
    busy = [unit for unit in units if draw(st.integers(0, 4)) == 0]
    limits = Limits(
        parallel=draw(st.integers(1, 3)),
        per_host=draw(st.integers(0, 1)),
        big_s=draw(st.sampled_from([60.0, 1e9])),
        wait_when_interrupted=draw(st.booleans()),
    )
    return Stage(
        [*units, ssvm()],
        [PlayedStep(chosen, method, lambda unit, method=method: Want.by(method)) for method, chosen in steps.items()],  # type: ignore[misc]
        Standard(SITUATION, draw(st.sampled_from([None, 35.0]))),
        limits,
        Pace(),
        1.8e9,
        HOSTS,
        [InFlight(f"job-of-{unit.id}", "RestartNetworkCmd", None, frozenset({unit.id})) for unit in busy],
    )


class Impatient(ImaginedServer):
    """Tells a play that goes round in circles."""

    questions = 0

    def running(self) -> Any:
        self.questions += 1
        assert self.questions < 20_000, "it asks for ever"
        return super().running()


@given(stages(), st.sampled_from(ENDS), st.sampled_from([None, 1.8e9 + 100]))
def test_a_play_of_any_cloud_ends(stage: Stage, end: str, deadline: float | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ansible_collections.cloudstack.sysvm.plugins.module_utils.rehearsal.plays.ImaginedServer", Impatient
        )
        played = play(stage, end, deadline)
    assert 0 <= played.seconds < 24 * 3600
    assert all(0 <= begin <= over for begin, over in played.units.values())
