# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts come back from plain data as they were, and what is of another type is told with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owed, Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.plain import PlainError, of_plain, plain
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import UnitOutcome, VmData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.limits import Limits
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from tests.unit.builders import SITUATION, TARGET, internal_lb, network_unit, ssvm, vpc_unit


@pytest.mark.parametrize(
    "value",
    [
        network_unit("web", unit={"owed": (Owed("id-web", "why", 5.0),), "sensitive_services": ("VPN",)}),
        vpc_unit("shop"),
        ssvm(),
        internal_lb(),
        Host("h", "h", "z", None, TARGET, "Up", "Enabled", tags=None),
        Host("h", "h", "z", "KVM", None, "Up", "Enabled", tags=frozenset({"b", "a"})),
        Limits(parallel=3, deadline=7),
        SITUATION,
        Baseline(TARGET, odd=frozenset({("r-1", "abc")}), minimums={"z": TARGET}),
    ],
)
def test_what_was_kept_comes_back(value: Any) -> None:
    kept = json.loads(json.dumps(plain(value)))
    assert of_plain(type(value), kept, "it") == value
    assert None not in kept.values() or isinstance(value, Host)


def test_what_is_as_usual_is_not_kept() -> None:
    assert plain(Limits(parallel=3)) == {"parallel": 3}


@pytest.mark.parametrize(
    ("hint", "change", "told"),
    [
        (Unit, {"vms": [5]}, "it.vms[0] is 5, not an object"),
        (Unit, {"vms": {}}, "it.vms is {}, not a list"),
        (Unit, {"kind": "vm"}, "it.kind is 'vm', none of ssvm, cpvm,"),
        (Unit, {"kind": ["ssvm"]}, "it.kind is ['ssvm'], none of"),
        (Unit, {"name": None}, "it.name is None, not a text"),
        (Unit, {"per_pod": 1}, "it.per_pod is 1, not true or false"),
        (Unit, {"nmae": "a"}, "it has nmae, which nobody knows"),
        (Limits, {"parallel": True}, "it.parallel is True, not a whole number"),
        (Limits, {"parallel": 2.5}, "it.parallel is 2.5, not a whole number"),
        (Limits, {"wait_idle": "1h"}, "it.wait_idle is '1h', not a number"),
        (Baseline, {"target": "soon"}, "it.target is 'soon', not a version"),
        (Baseline, {"odd": [["r-1"]]}, "it.odd[0] has 1 items, not 2"),
        (Baseline, {"minimums": [["z", 4]]}, "it.minimums[0][1] is 4, not a version"),
        (VmData, {"state": 5}, "it.state is 5, not a text"),
        (UnitOutcome, {"duration_s": "long"}, "it.duration_s is 'long', not a number"),
    ],
)
def test_what_is_of_another_type_is_told_with_its_place(hint: Any, change: dict[str, Any], told: str) -> None:
    whole: dict[Any, Any] = {
        Unit: plain(network_unit("web")),
        Limits: {},
        Baseline: plain(SITUATION),
        VmData: {"id": "1", "name": "r-1"},
        UnitOutcome: {
            **dict.fromkeys(("status", "reason", "code"), ""),
            **{key: [] for key in ("conditions", "job_ids", "vms")},
            **dict.fromkeys(("started", "finished", "duration_s")),
        },
    }
    of_plain(hint, whole[hint], "it")
    with pytest.raises(PlainError) as wrong:
        of_plain(hint, {**whole[hint], **change}, "it")
    assert told in str(wrong.value)


@pytest.mark.parametrize(
    ("hint", "data", "told"),
    [
        (Vm, [], "it is [], not an object"),
        (VmData, 1, "it is 1, not an object"),
        (VmData, {"id": ""}, "it has no name"),
        (Host, {}, "it has no hypervisor"),
    ],
)
def test_what_is_missing_is_told(hint: Any, data: Any, told: str) -> None:
    with pytest.raises(PlainError, match=r".*") as wrong:
        of_plain(hint, data, "it")
    assert str(wrong.value) == told


def test_kinds_stay_kinds() -> None:
    [vm] = of_plain(Unit, plain(ssvm()), "it").vms
    assert vm.systemvmtype is Kind.SSVM
