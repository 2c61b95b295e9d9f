# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit, Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge import matrix
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import (
    Strategy,
    Unsupported,
    WantedMethod,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.verdicts import (
    Baseline,
    decide,
    is_current,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.rollout.verification import Proof, verify
from tests.unit.builders import (
    OWNER,
    SITUATION,
    TARGET,
    TARGET_TEXT,
    network,
    network_unit,
    pair,
    system_vm_unit,
    version,
    vm,
    vpc_unit,
)


def ssvm(**more: object) -> Unit:
    return system_vm_unit(vm("s-1", Kind.SSVM, **more))  # type: ignore[arg-type]


def internal_lb(**more: object) -> Unit:
    one = vm("b-1", internal_lb=True, **more)  # type: ignore[arg-type]
    return Unit(one.id, one.name, Kind.INTERNAL_LB, one.zone_id, one.zone, OWNER, (one,))


CASES = [
    # unit, method, words the reason must have
    (network_unit("n"), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (network_unit("n", vm("r", software=TARGET_TEXT)), Method.NONE, "already runs 4.22"),
    (network_unit("n", vm("r", software=TARGET_TEXT, scripts="old-scripts")), Method.LIVE_PATCH, "claims 4.22"),
    (network_unit("n", vm("r", software="")), Method.LIVE_PATCH, "unknown version"),
    (network_unit("n", vm("r", built_from="4.14.0")), Method.LIVE_PATCH, "strongSwan"),
    (network_unit("n", vm("r", built_from="4.13.1")), Method.SKIP, "OpenJDK"),
    (network_unit("n", vm("r", built_from="UNKNOWN")), Method.SKIP, "unknown"),
    (network_unit("n", *pair("r")), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (network_unit("n", pair("r")[0], pair("r", software=TARGET_TEXT)[1]), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (network_unit("n", vm("r", state="Stopped")), Method.RESTART, "Stopped"),
    (network_unit("n", vm("r", state="Stopped", software=TARGET_TEXT)), Method.RESTART, "Stopped"),
    (network_unit("n", vm("r", state="Stopped", built_from="4.11")), Method.SKIP, "OpenJDK"),
    (network_unit("n", vm("r", state="Starting")), Method.SKIP, "Starting"),
    (network_unit("n", pair("r")[0], vm("r-2", redundant=True, state="Stopped")), Method.LIVE_PATCH, "will be started"),
    (network_unit("n", state="Allocated"), Method.SKIP, "Allocated"),
    (network_unit("n", state="Shutdown"), Method.SKIP, "Shutdown"),
    (network_unit("n", state="Setup", type="Shared"), Method.LIVE_PATCH, "runs"),
    (network_unit("n", broadcast="Lswitch"), Method.SKIP, "Lswitch"),
    (network_unit("n", providers=frozenset({"Netris"})), Method.SKIP, "Netris"),
    (network_unit("n", vm("r", hypervisor="Hyperv")), Method.RECREATE, "Hyperv"),
    (network_unit("n", vm("r-1"), vm("r-2")), Method.RECREATE, "2 routers"),
    (replace(network_unit("n", vm("r-1"), vm("r-2")), per_pod=True), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (replace(network_unit("n", vm("r", hypervisor="Hyperv")), per_pod=True), Method.RESTART, "Basic zone"),
    (vpc_unit("v"), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (vpc_unit("v", tiers=0), Method.RECREATE, "without tiers"),
    (vpc_unit("v", vm("r", software=TARGET_TEXT), tiers=0), Method.NONE, "already"),
    (vpc_unit("v", tiers=(network("t", state="Allocated", vpc_id="id-v"),)), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (vpc_unit("v", state="Inactive"), Method.SKIP, "Inactive"),
    (ssvm(), Method.LIVE_PATCH, "runs 4.18.1.0"),
    (ssvm(software="4.22.0.0-SNAPSHOT"), Method.NONE, "already"),
    (ssvm(software="4.22.0.0-SNAPSHOT", agent_state="Disconnected"), Method.SKIP, "agent is Disconnected"),
    (ssvm(built_from="4.11.2"), Method.SKIP, "OpenJDK"),
    (ssvm(built_from=""), Method.LIVE_PATCH, "runs"),
    (ssvm(built_from="", software="4.13.0"), Method.SKIP, "unknown"),
    (ssvm(state="Stopped"), Method.RECREATE, "Stopped"),
    (internal_lb(), Method.RESTART, "internal LB VM"),
    (internal_lb(software="", scripts="new-scripts"), Method.NONE, "already"),
    (internal_lb(software="", scripts="other"), Method.RESTART, "internal LB VM"),
]


@pytest.mark.parametrize(
    ("unit", "method", "words"), CASES, ids=[f"{c[1].value}-{c[2]}-{n}" for n, c in enumerate(CASES)]
)
def test_verdict(unit: Unit, method: Method, words: str) -> None:
    verdict = decide(unit, SITUATION)
    assert verdict.method is method, verdict.reason
    assert words in verdict.reason


def test_an_orphan_is_not_touched() -> None:
    one = vm("r-9")
    unit = Unit(one.id, one.name, Kind.ORPHAN, one.zone_id, one.zone, OWNER, (one,))
    assert decide(unit, SITUATION).method is Method.SKIP


def test_forbidden_names_each_vm() -> None:
    unit = network_unit("n", *pair("r", built_from="4.11.3"))
    verdict = decide(unit, SITUATION)
    assert [one.name for one, dummy in verdict.forbidden] == ["r-1", "r-2"]
    assert verdict.method is Method.SKIP
    assert "recreate it from the new template" in verdict.reason


def test_current_routers_of_an_old_template_are_not_forbidden() -> None:
    """A VM from 4.13 that runs the target already needs nothing."""
    verdict = decide(network_unit("n", vm("r", built_from="4.11", software=TARGET_TEXT)), SITUATION)
    assert (verdict.method, verdict.forbidden) == (Method.NONE, ())


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("4.2", False),
        ("4.9.3", False),
        ("4.13.1", False),
        ("4.14.0", True),
        ("4.15.0", True),
        ("4.20", True),
        ("24.0.0", True),
    ],
)
def test_matrix(text: str, supported: bool) -> None:
    row = matrix.row_for(version(text), TARGET)
    assert row is not None
    assert row.supported is supported


def test_matrix_has_exactly_one_row_for_every_release() -> None:
    for major, minor in itertools.product((4, 5, 24), range(40)):
        rows = [
            row
            for row in matrix.ROWS
            if (row.first is None or (major, minor) >= row.first) and (row.last is None or (major, minor) <= row.last)
        ]
        assert len(rows) == 1, (major, minor)


MD5, SHA512 = "0" * 32, "a" * 128


def test_checksums_of_one_sort_are_not_compared_with_those_of_the_other() -> None:
    """A host that was upgraded first has pushed the new scripts into a router of which the server does not know yet."""
    early = vm("r-1", scripts=SHA512)
    canary = vm("r-2", software=TARGET_TEXT, scripts=SHA512)
    unpatched = [vm(f"r-{number}", software=TARGET_TEXT, scripts=MD5) for number in (3, 4)]
    baseline = Baseline.of(TARGET, [early, canary, *unpatched])
    assert is_current(canary, baseline)
    assert not any(is_current(one, baseline) for one in (early, *unpatched))


def test_scripts_are_sorted_by_their_majority() -> None:
    vms = [vm(f"r-{n}") for n in range(3)] + [vm("r-8", software=TARGET_TEXT), vm("r-9", software=TARGET_TEXT)]
    stale = vm("r-7", software=TARGET_TEXT, scripts="old-scripts")
    baseline = Baseline.of(TARGET, [*vms, stale])
    assert baseline.old_scripts == {"old-scripts"}
    assert baseline.new_scripts == {"new-scripts"}
    assert not is_current(stale, baseline)
    # one router that wrongly claims old software does not make the scripts of all others old
    baseline = Baseline.of(TARGET, [vm("r-1", scripts="new-scripts"), *vms[3:]])
    assert baseline.new_scripts == {"new-scripts"}


def at_target(name: str, host: str, scripts: str, hypervisor: str = "KVM") -> Vm:
    return vm(name, software=TARGET_TEXT, scripts=scripts, host_id=host, hypervisor=hypervisor)


@pytest.mark.parametrize(
    ("others", "odd"),
    [
        (["h1 new", "h2 new"], True),
        (["h0 new", "h0 old"], False),  # two against two: nobody can tell
        (["h0 new", "h1 new"], True),
        (["h0 old", "h1 new", "h1 new", "h2 new"], False),  # what its host delivers
        (["h0 old", "h0 new", "h1 new", "h2 new"], True),
        (["h1 new VMware", "h2 new VMware"], False),  # other files
        ([], False),
    ],
)
def test_scripts_that_most_routers_of_the_version_do_not_have(others: list[str], odd: bool) -> None:
    one = at_target("r", "h0", "old")
    vms = [one, *(at_target(f"r-{n}", *words.split()) for n, words in enumerate(others))]
    baseline = Baseline.of(TARGET, vms)
    assert baseline.old_scripts == frozenset()
    assert is_current(one, baseline) is not odd
    assert ("old" in baseline.new_scripts) is not odd
    if odd:
        verdict = decide(network_unit("n", one), baseline)
        assert (verdict.method, "other scripts than" in verdict.reason) == (Method.LIVE_PATCH, True)
        finding = verify(network_unit("n", one), [one], baseline, Method.LIVE_PATCH)
        assert (finding.proof, "most routers" in finding.reason) == (Proof.REFUTED, True)
        patched = replace(one, scripts="new")
        assert verify(network_unit("n", one), [patched], baseline, Method.LIVE_PATCH).proof is Proof.PROVEN


RECREATE = Strategy(WantedMethod.RECREATE)
UNSUPPORTED = Strategy(unsupported=Unsupported.RECREATE)
NEW: dict[str, Any] = {"built_from": "4.22.0", "software": TARGET_TEXT, "root_template_id": "id-new"}
HALF_FAULT = (pair("r")[0], replace(pair("r")[1], redundant_state="FAULT"))
LONELY = (pair("r")[0],)
DISABLED = replace(SITUATION, disabled_zones=frozenset({"id-zone"}))
LEFT_OVER = vm("r-2", built_from="UNKNOWN", software="", scripts=None, state="Stopped")

# The odd estates, each by name: unit, wishes, baseline, method, words the reason must have.
ODD = {
    "recreate: from an old template": (network_unit("n"), RECREATE, SITUATION, Method.RECREATE, "built from 4.18.1"),
    "recreate: already new": (network_unit("n", vm("r", **NEW)), RECREATE, SITUATION, Method.NONE, "already"),
    "recreate: new software on an old template": (
        network_unit("n", vm("r", software=TARGET_TEXT)),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "built from 4.18.1",
    ),
    "recreate: system VM": (ssvm(), RECREATE, SITUATION, Method.RECREATE, "built from"),
    "recreate: new system VM": (
        ssvm(software=TARGET_TEXT, root_template_id="id-new"),
        RECREATE,
        SITUATION,
        Method.NONE,
        "already",
    ),
    "recreate: healthy pair": (network_unit("n", *pair("r")), RECREATE, SITUATION, Method.RECREATE, "built from"),
    "recreate: one half FAULT": (network_unit("n", *HALF_FAULT), RECREATE, SITUATION, Method.SKIP, "FAULT"),
    "recreate: BACKUP and BACKUP": (
        network_unit("n", *(replace(one, redundant_state="BACKUP") for one in pair("r"))),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "not one PRIMARY and one BACKUP",
    ),
    "recreate: pair that lost its BACKUP": (
        network_unit("n", *LONELY, redundant=True),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "sysvm_allow_degraded",
    ),
    "recreate: degraded pair, allowed": (
        network_unit("n", *HALF_FAULT),
        Strategy(WantedMethod.RECREATE, allow_degraded=True),
        SITUATION,
        Method.RECREATE,
        "",
    ),
    "recreate: unknown redundant state of a single router": (
        network_unit("n", vm("r", redundant_state="UNKNOWN")),
        RECREATE,
        SITUATION,
        Method.RECREATE,
        "built from",
    ),
    "recreate: disabled zone": (ssvm(), RECREATE, DISABLED, Method.SKIP, "zone is disabled"),
    "recreate: network Allocated with a left-over router": (
        network_unit("n", vm("r", state="Stopped"), state="Allocated"),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "Allocated",
    ),
    "recreate: VPC disabled": (vpc_unit("v", state="Inactive"), RECREATE, SITUATION, Method.SKIP, "Inactive"),
    "recreate: Lswitch": (network_unit("n", broadcast="Lswitch"), RECREATE, SITUATION, Method.SKIP, "Lswitch"),
    "recreate: external provider": (
        network_unit("n", providers=frozenset({"NSX"})),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "NSX",
    ),
    "recreate: router Starting": (
        network_unit("n", vm("r", state="Starting")),
        RECREATE,
        SITUATION,
        Method.SKIP,
        "Starting",
    ),
    "auto: router in Error": (
        network_unit("n", vm("r", state="Error")),
        Strategy(),
        SITUATION,
        Method.RECREATE,
        "Error",
    ),
    "auto: duplicate router left over by a failed restart": (
        network_unit("n", vm("r-1"), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.LIVE_PATCH,
        "left over from a recreation that failed, will be destroyed",
    ),
    "auto: duplicate router although all is current": (
        network_unit("n", vm("r-1", **NEW), LEFT_OVER),
        Strategy(),
        SITUATION,
        Method.LIVE_PATCH,
        "2 routers",
    ),
    "auto: built from 4.11": (
        network_unit("n", vm("r", built_from="4.11")),
        Strategy(),
        SITUATION,
        Method.SKIP,
        "OpenJDK",
    ),
    "auto: built from 4.11, recreation allowed": (
        network_unit("n", vm("r", built_from="4.11")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "OpenJDK",
    ),
    "auto: unknown version, recreation allowed": (
        network_unit("n", vm("r", built_from="UNKNOWN")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "unknown",
    ),
    "auto: stopped router from 4.11, recreation allowed": (
        network_unit("n", vm("r", built_from="4.11", state="Stopped")),
        UNSUPPORTED,
        SITUATION,
        Method.RECREATE,
        "OpenJDK",
    ),
    "auto: agent not connected": (ssvm(agent_state="Alert"), Strategy(), SITUATION, Method.SKIP, "agent is Alert"),
    "live_patch: what only recreation cures": (
        vpc_unit("v", tiers=0),
        Strategy(WantedMethod.LIVE_PATCH),
        SITUATION,
        Method.SKIP,
        "recreate it",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_estate(name: str) -> None:
    unit, wishes, baseline, method, words = ODD[name]
    verdict = decide(unit, baseline, wishes)
    assert verdict.method is method, verdict.reason
    assert words in verdict.reason


BEHIND = vm("r", scripts="own")


@pytest.mark.parametrize(
    ("before", "software", "scripts", "kept"),
    [
        (BEHIND, TARGET_TEXT, "own", True),  # as before
        (BEHIND, TARGET_TEXT, "old-scripts", True),  # another one, but routers with older software have it
        (BEHIND, TARGET_TEXT, "new-scripts", False),
        (BEHIND, TARGET_TEXT, "seen-nowhere", False),  # it changed: nothing contradicts it
        (BEHIND, TARGET_TEXT, None, False),  # not told: nothing contradicts it
        (replace(BEHIND, scripts=None), TARGET_TEXT, None, False),
        (replace(BEHIND, scripts="new-scripts"), TARGET_TEXT, "new-scripts", False),
        (replace(BEHIND, software=TARGET), TARGET_TEXT, "own", False),  # it was not behind
        (replace(BEHIND, software=TARGET, state="Stopped"), TARGET_TEXT, "own", True),
        (BEHIND, "4.18.1.0", "own", False),  # it was not patched at all, which is another matter
    ],
)
def test_what_tells_that_a_patch_left_the_old_checksum(
    before: Vm, software: str, scripts: str | None, kept: bool
) -> None:
    after = replace(before, software=version(software), scripts=scripts, state="Running")
    assert SITUATION.wants_second_patch([before], [after]) is kept
    healthy = vm("other", software=TARGET_TEXT)
    assert SITUATION.wants_second_patch([before, healthy], [after, healthy]) is kept
    assert not SITUATION.wants_second_patch([before, BEHIND], [after, vm("half")]), "one was not patched"
