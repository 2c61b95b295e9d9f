# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs where, and which routers contradict the version that they claim."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import Cloud, Host
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Vm
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.drift_shapes import DriftData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.drift import drift
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.baseline import Baseline
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.checksums import digest
from tests.unit.builders import TARGET, TARGET_TEXT, estate, network_unit, system_vm_unit, version, vm

MD5 = {letter: letter * 32 for letter in "abc"}
SHA = {letter: letter * 128 for letter in "abc"}


def drift_of(cloud: Cloud) -> DriftData:
    return drift(cloud, Baseline.of_cloud(TARGET, cloud))


def routers(*facts: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> list[Vm]:
    """Of each its software and scripts."""
    found = []
    for number, (software, scripts, *more) in enumerate(facts, 1):
        found.append(vm(f"r-{number}", software=software, scripts=scripts, **(more[0] if more else {})))
    return found


def cloud_of(vms: list[Vm], **more: Any) -> Cloud:
    return estate(*(network_unit(f"n-{one.name}", one) for one in vms), **more)


HOSTS: list[dict[str, Any]] = [{"host_id": f"h{number}", "host": f"kvm{number}"} for number in range(9)]


@pytest.mark.parametrize(
    ("vms", "odd"),
    [
        ([("4.20.1.0", MD5["a"]), ("4.20.1.0", MD5["a"])], {}),
        ([("4.20.1.0", MD5["a"]), ("4.18.1.0", MD5["b"])], {}),
        # One of several, on hosts of their own: the files come from the host.
        (
            [("4.20.1.0", MD5[each], HOSTS[number]) for number, each in enumerate("aaab")],
            {"r-4": "most KVM routers that claim 4.20.1.0"},
        ),
        ([("4.20.1.0", MD5["a"]), ("4.20.1.0", MD5["b"])], {}),  # nobody can tell
        # All on one host have what it delivers.
        ([*[("4.20.1.0", MD5["a"], HOSTS[1])] * 3, *[("4.20.1.0", MD5["b"], HOSTS[2])] * 2], {}),
        # XenServer's are those of the management server: all hosts deliver the same.
        (
            [
                *[("4.20.1.0", MD5["a"], {**HOSTS[1], "hypervisor": "XenServer"})] * 3,
                *[("4.20.1.0", MD5["b"], {**HOSTS[2], "hypervisor": "XenServer"})] * 2,
            ],
            dict.fromkeys(("r-4", "r-5"), "most XenServer routers that claim 4.20.1.0"),
        ),
        # Other hypervisors have other files.
        ([*[("4.20.1.0", MD5["a"])] * 3, ("4.20.1.0", MD5["b"], {"hypervisor": "VMware"})], {}),
        # Across the border nothing is compared: one is named for its sort, the others stay what they are.
        ([(TARGET_TEXT, SHA["a"]), *[(TARGET_TEXT, MD5["b"])] * 3], dict.fromkeys(("r-2", "r-3", "r-4"), "md5")),
        ([("4.20.1.0", SHA["a"]), *[("4.20.1.0", MD5["b"])] * 3], {"r-1": "sha512"}),
        (
            [*[("4.22.0.0", SHA["a"], HOSTS[each]) for each in (1, 2)], ("4.22.0.0", SHA["b"], HOSTS[3])],
            {"r-3": "most KVM routers that claim 4.22.0.0"},
        ),
        # The server believes that it was patched.
        (
            [*[("4.22.0.1", SHA["a"])] * 2, ("4.22.0.0", SHA["a"]), *[("4.22.0.0", SHA["b"])] * 2],
            {"r-3": "has the scripts of routers that run older software"},
        ),
        ([("4.20.1.0", MD5["a"])] * 3 + [("4.20.1.0", MD5["b"], {"state": "Stopped", **HOSTS[3]})], {}),
        ([("4.22.0.0", "unknown-sort"), ("4.20.1.0", "unknown-sort-2")], {}),
    ],
)
def test_odd_ones(vms: list[Any], odd: dict[str, str]) -> None:
    found = {each["name"]: each["why"] for each in drift_of(cloud_of(routers(*vms)))["odd"]}
    assert found.keys() == odd.keys()
    assert all(words in found[name] for name, words in odd.items())


def test_an_odd_one_is_told_with_where_it_is() -> None:
    [shown] = drift_of(cloud_of(routers((TARGET_TEXT, MD5["a"], HOSTS[3]), (TARGET_TEXT, SHA["a"]))))["odd"]
    assert (shown["name"], shown["zone"], shown["host"], shown["software"]) == ("r-1", "zone", "kvm3", TARGET_TEXT)
    assert (shown["scripts"], shown["digest"]) == (MD5["a"], "md5")


def test_what_is_alike_is_one_row_with_its_hosts() -> None:
    vms = routers(
        ("4.20.1.0", MD5["a"], HOSTS[1]), ("4.20.1.0", MD5["a"], HOSTS[1]), ("4.20.1.0", MD5["a"], HOSTS[2]),
        (TARGET_TEXT, SHA["b"], HOSTS[1]), ("4.20.1.0", MD5["a"], {"zone": "another", **HOSTS[3]}),
    )  # fmt: skip
    rows = drift_of(cloud_of(vms))["running"]
    assert [(row["zone"], row["software"], row["count"], row["hosts"]) for row in rows] == [
        ("another", "4.20.1.0", 1, {"kvm3": 1}),
        ("zone", TARGET_TEXT, 1, {"kvm1": 1}),
        ("zone", "4.20.1.0", 3, {"kvm1": 2, "kvm2": 1}),
    ]
    assert [row["digest"] for row in rows] == ["md5", "sha512", "md5"]


def test_system_vms_are_apart_and_have_no_scripts() -> None:
    found = drift_of(estate(system_vm_unit(vm("s-1", Kind.SSVM)), network_unit("n")))
    assert [(row["group"], row["scripts"]) for row in found["running"]] == [("router", "old-scripts"), ("ssvm", None)]


def test_what_does_not_run_is_only_counted() -> None:
    found = drift_of(cloud_of(routers(("4.20.1.0", MD5["a"], {"state": "Stopped"}))))
    assert (found["running"], found["not_running"]) == ([], 1)


def test_agents_of_kvm_hosts_by_version() -> None:
    def host(name: str, agent: str, hypervisor: str = "KVM") -> Host:
        return Host(name, name, "id-zone", hypervisor, version(agent), "Up", "Enabled")

    hosts = (host("k2", "4.22.0.0"), host("k1", "4.22.0.0"), host("k3", "4.20.1.0"), host("x", "4.22.0.0", "VMware"))
    found = drift_of(estate(hosts=hosts))["agents"]
    assert [(each["zone"], each["version"], each["hosts"]) for each in found] == [
        ("zone", "4.20.1.0", ["k3"]),
        ("zone", "4.22.0.0", ["k1", "k2"]),
    ]


def test_where_all_checksums_are_md5_nothing_is_odd() -> None:
    """Hosts that are simulated tell such ones whatever they run, as recorded."""
    assert drift_of(cloud_of(routers(*[(TARGET_TEXT, MD5["a"])] * 3)))["odd"] == []


def test_servers_without_a_single_version_have_a_drift_too() -> None:
    cloud = cloud_of(routers((TARGET_TEXT, MD5["a"]), (TARGET_TEXT, SHA["a"])))
    assert [odd["name"] for odd in drift(cloud, None)["odd"]] == ["r-1"]


VMS = st.lists(
    st.builds(
        lambda number, software, scripts, host, state: vm(
            f"r-{number}", software=software, scripts=scripts, state=state, **HOSTS[host]
        ),
        st.integers(0, 999),
        st.sampled_from(["4.18.1.0", "4.20.1.0", TARGET_TEXT]),
        st.sampled_from([*MD5.values(), *SHA.values()]),
        st.integers(0, 8),
        st.sampled_from(["Running", "Stopped"]),
    ),
    unique_by=lambda one: one.id,
)


@given(VMS)
def test_every_vm_is_counted_once_and_no_router_is_odd_twice(vms: list[Vm]) -> None:
    found = drift_of(cloud_of(vms))
    assert sum(row["count"] for row in found["running"]) + found["not_running"] == len(vms)
    assert len({odd["id"] for odd in found["odd"]}) == len(found["odd"])


@given(VMS)
def test_checksums_of_the_other_sort_change_nothing(vms: list[Vm]) -> None:
    """Who is odd among those with a checksum of the right sort does not depend on those with one of the other."""

    def fits(one: Vm) -> bool:
        since = one.software is not None and one.software.release >= (4, 22)
        return digest(one.scripts) == ("sha512" if since else "md5")

    right = [one for one in vms if fits(one)]
    mixed = {odd["id"] for odd in drift(cloud_of(vms), None)["odd"]} & {one.id for one in right}
    assert mixed == {odd["id"] for odd in drift(cloud_of(right), None)["odd"]}
