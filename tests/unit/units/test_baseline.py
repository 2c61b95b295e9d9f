# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What units are compared with: which checksums are old, which are new, which are odd; what that makes of a VM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Host, Zone
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline, is_current
from tests.unit.builders import SITUATION, TARGET, TARGET_TEXT, estate, network_unit, version, vm, vpc_unit

MD5, SHA512 = "0" * 32, "a" * 128
AT_TARGET: dict[str, Any] = {"software": TARGET_TEXT}


@pytest.mark.parametrize(
    ("one", "current"),
    [
        (vm("r"), False),
        (vm("r", **AT_TARGET), True),
        (vm("r", **AT_TARGET, built_from="4.11"), True),  # what counts is what runs
        (vm("r", **AT_TARGET, state="Stopped"), False),
        (vm("r", **AT_TARGET, scripts=None), True),  # not told: nothing contradicts it
        (vm("r", **AT_TARGET, scripts="old-scripts"), False),
        (vm("r", software="4.22.0.0-SNAPSHOT"), True),
        (vm("r", software="4.22.1.0"), False),
        (vm("s", Kind.SSVM), False),
        (vm("s", Kind.SSVM, **AT_TARGET), True),
        (vm("s", Kind.SSVM, **AT_TARGET, agent_state="Disconnected"), False),  # it may be what it was
        (vm("s", Kind.SSVM, **AT_TARGET, agent_state=None), False),
        (vm("b", internal_lb=True, **AT_TARGET, scripts=None), False),  # old servers wrote it and nothing else
        (vm("b", internal_lb=True, software="", scripts="new-scripts"), True),
        (vm("b", internal_lb=True, software="", scripts="own"), False),
        (vm("b", internal_lb=True, software="", built_from="4.22.0", scripts=None), True),
        (vm("b", internal_lb=True, software="", built_from="4.22.0", scripts="old-scripts"), False),
    ],
)
def test_what_proves_that_a_vm_runs_the_target(one: Vm, current: bool) -> None:
    assert is_current(one, SITUATION) is current


def test_a_template_that_an_older_release_had_before_proves_no_scripts() -> None:
    """4.21.0.0 came with that of 4.20.2: an internal LB VM of it may run the scripts of 4.20.2."""
    for server, template in (("4.20.3.0", "4.20.2"), ("4.21.0.0", "4.20.2")):
        baseline = replace(SITUATION, target=version(server))
        untold = vm("b", internal_lb=True, software="", built_from=template, scripts=None)
        assert not is_current(untold, baseline)
        assert is_current(replace(untold, scripts="new-scripts"), baseline)


def test_checksums_of_one_sort_are_not_compared_with_those_of_the_other() -> None:
    """A host that was upgraded first has pushed the new scripts into a router of which the server does not know yet."""
    early = vm("r-1", scripts=SHA512)
    canary = vm("r-2", **AT_TARGET, scripts=SHA512)
    unpatched = [vm(f"r-{number}", **AT_TARGET, scripts=MD5) for number in (3, 4)]
    baseline = Baseline.of(TARGET, [early, canary, *unpatched])
    assert is_current(canary, baseline)
    assert not any(is_current(one, baseline) for one in (early, *unpatched))


def test_scripts_are_sorted_by_their_majority() -> None:
    vms = [vm(f"r-{n}") for n in range(3)] + [vm("r-8", **AT_TARGET), vm("r-9", **AT_TARGET)]
    stale = vm("r-7", **AT_TARGET, scripts="old-scripts")
    baseline = Baseline.of(TARGET, [*vms, stale])
    assert baseline.old_scripts == {"old-scripts"}
    assert baseline.new_scripts == {"new-scripts"}
    assert not is_current(stale, baseline)
    # one router that wrongly claims old software does not make the scripts of all others old
    baseline = Baseline.of(TARGET, [vm("r-1", scripts="new-scripts"), *vms[3:]])
    assert baseline.new_scripts == {"new-scripts"}


def test_what_tells_no_version_or_no_checksum_decides_nothing() -> None:
    baseline = Baseline.of(TARGET, [vm("r-1", scripts=None), vm("r-2", software="", scripts="x"), vm("s", Kind.SSVM)])
    assert (baseline.old_scripts, baseline.new_scripts, baseline.odd) == (frozenset(), frozenset(), frozenset())


def at_target(name: str, host: str, scripts: str, hypervisor: str = "KVM") -> Vm:
    return vm(name, **AT_TARGET, scripts=scripts, host_id=host, hypervisor=hypervisor)


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
    assert is_current(replace(one, scripts="new"), baseline), "as soon as it has those of the others"


BEHIND = vm("r", scripts="own")


@pytest.mark.parametrize(
    ("before", "scripts", "kept"),
    [
        (BEHIND, "own", True),  # as before
        (BEHIND, "old-scripts", True),  # another one, but routers with older software have it
        (BEHIND, "new-scripts", False),
        (BEHIND, "seen-nowhere", False),  # it changed: nothing contradicts it
        (BEHIND, None, False),  # not told: nothing contradicts it
        (replace(BEHIND, scripts=None), None, False),
        (replace(BEHIND, scripts="new-scripts"), "new-scripts", False),
        (replace(BEHIND, software=TARGET), "own", False),  # it was not behind
        (replace(BEHIND, software=TARGET, state="Stopped"), "own", True),
        (None, "own", False),  # a new one
        (None, "old-scripts", True),  # a new one on a host with an old package
    ],
)
def test_what_tells_that_a_patch_left_the_old_checksum(before: Vm | None, scripts: str | None, kept: bool) -> None:
    after = replace(before or BEHIND, software=TARGET, scripts=scripts, state="Running")
    assert SITUATION.left_old_scripts(before, after) is kept


def test_all_that_is_known_of_the_cloud() -> None:
    zones = (
        Zone("id-zone", "zone", True, minimum_version=version("4.10.0")),
        Zone("id-off", "off", False),
    )
    hosts = (Host("id-host", "host", "id-zone", "KVM", version("4.21.0.0"), "Up", "Enabled"),)
    router = network_unit("n", vm("r"))
    baseline = Baseline.of_cloud(TARGET, estate(router, zones=zones, hosts=hosts))
    assert baseline.target == TARGET
    assert baseline.old_scripts == {"old-scripts"}
    assert baseline.disabled_zones == {"id-off"}
    assert baseline.minimums == {"id-zone": version("4.10.0")}
    assert baseline.agents == {"id-zone": version("4.21.0.0")}


def test_which_defect_makes_another_method_better() -> None:
    down = vpc_unit("v", tiers=())
    assert down.vpc is not None
    tier = replace(vpc_unit("x", tiers=1).tiers[0], state="Shutdown")
    unit = replace(down, vpc=replace(down.vpc, tiers=(tier,)))
    said = Baseline(version("4.18.1.1")).avoids(unit, Method.LIVE_PATCH)
    assert said is not None and "7958" in said
    assert Baseline(version("4.22.0.0")).avoids(unit, Method.LIVE_PATCH) is None
    assert Baseline(version("4.18.1.1")).avoids(unit, Method.RECREATE) is None
