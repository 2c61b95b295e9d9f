# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be done to a unit at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.allowed import (
    NO_LIVE_PATCH_HYPERVISORS,
    forbidden,
    why_not_live_patchable,
    why_not_restartable,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from tests.unit.builders import (
    SITUATION,
    internal_lb,
    network,
    network_unit,
    orphan,
    pair,
    ssvm,
    version,
    vm,
    vpc_unit,
)


@pytest.mark.parametrize(
    ("unit", "reason", "words"),
    [
        (network_unit("n"), "", ""),
        (network_unit("n", state="Setup", type="Shared"), "", ""),
        (network_unit("n", providers=frozenset()), "", ""),  # not told: it has a router
        (network_unit("n", providers=frozenset({"VirtualRouter", "Nsx"})), "", ""),
        (network_unit("n", state="Allocated"), "WrongState", "the network is Allocated"),
        (network_unit("n", state="Shutdown"), "WrongState", "when the network is used again"),
        (network_unit("n", broadcast="Lswitch"), "SdnNetwork", "Lswitch"),
        (network_unit("n", providers=frozenset({"Netris", "Nsx"})), "OtherProvider", "Netris, Nsx"),
        (vpc_unit("v"), "", ""),
        (vpc_unit("v", tiers=0), "", ""),
        (vpc_unit("v", state="Inactive"), "WrongState", "the VPC is Inactive"),
        (ssvm(), "", ""),
        (internal_lb(), "", ""),
        (orphan(), "Orphan", "does not exist; look at it"),
        (replace(network_unit("n"), doubts=("one list", "another")), "ListsContradict", "one list; another"),
    ],
)
def test_what_the_server_would_not_work_on(unit: Unit, reason: str, words: str) -> None:
    found = why_not_restartable(unit)
    assert (found is None) is not bool(reason)
    assert found is None or (found[0], words in found[1]) == (reason, True)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (network_unit("n"), ""),
        (network_unit("n", *pair("r")), ""),
        (network_unit("n", vm("r", state="Stopped")), ""),  # it is started
        (network_unit("n", vm("r", state="Error")), "r is Error"),
        (network_unit("n", vm("r", state="Error"), vm("q", state="Unknown")), "r, q are Error"),
        (vpc_unit("v"), ""),
        (vpc_unit("v", tiers=0), "without tiers succeeds and does nothing"),
        (ssvm(), ""),
        (ssvm(state="Stopped"), "it is Stopped and a live patch needs it Running"),
        (replace(ssvm(), vms=()), ""),
        *((network_unit("n", vm("r", hypervisor=name)), name) for name in sorted(NO_LIVE_PATCH_HYPERVISORS)),
        *((network_unit("n", vm("r", hypervisor=name)), "") for name in ("KVM", "VMware", "XenServer", "Simulator")),
        # of a stopped router the server tells no hypervisor
        (network_unit("n", vm("r-1", hypervisor=None), vm("r-2", hypervisor="Hyperv")), "Hyperv"),
    ],
)
def test_where_a_live_patch_would_fail_or_do_nothing(unit: Unit, words: str) -> None:
    found = why_not_live_patchable(unit, SITUATION)
    assert (found is None) is not bool(words), found
    assert words in (found or "")


def test_a_known_defect_may_speak_against_a_live_patch() -> None:
    unit = vpc_unit("v", tiers=(network("a", vpc_id="id-v", state="Shutdown"),))
    assert "7958" in (why_not_live_patchable(unit, Baseline(version("4.18.1.1"))) or "")
    assert why_not_live_patchable(unit, Baseline(version("4.19.1.0"))) is None


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (vm("r", built_from="4.18.1"), ""),
        (vm("r", built_from="4.14.0"), ""),
        (vm("r", built_from="4.13.1"), "r was built from 4.13.1: its template is 4.13 or older"),
        (vm("r", built_from="4.13.1", state="Stopped"), "r was built from 4.13.1"),
        (vm("r", built_from=""), "the version r was built from is unknown, so it is never live patched"),
        (vm("r", built_from="", state="Stopped"), ""),  # whatever is done to it gives it a known one
        (vm("s", Kind.SSVM, built_from="", software="4.14.0"), ""),  # its agent runs on the newer OpenJDK
        (vm("s", Kind.SSVM, built_from="", software="4.13.1"), "s was built from 4.13.1 or older: its template"),
        (vm("s", Kind.SSVM, built_from="", software="4.18.0", agent_state="Alert"), "unknown"),
        (vm("s", Kind.SSVM, built_from="", software=""), "unknown"),
        (vm("r", built_from="", software="4.18.0"), "unknown"),  # of a router it says what the server believes
    ],
)
def test_what_the_matrix_forbids(one: Vm, words: str) -> None:
    found = forbidden([one])
    assert [each.name for each, dummy in found] == ([one.name] if words else [])
    assert not words or words in found[0][1]


def test_each_one_is_named() -> None:
    old, fine, unknown = vm("r-1", built_from="4.11"), vm("r-2"), vm("r-3", built_from="")
    assert [each.name for each, dummy in forbidden([old, fine, unknown])] == ["r-1", "r-3"]
