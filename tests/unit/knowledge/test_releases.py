# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.releases import (
    RELEASES,
    architectures,
    documentation,
    documented_steps,
    release_of,
    template_name,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version
from tests.unit.builders import version


@pytest.mark.parametrize(
    ("target", "template"),
    [
        ("4.17.1.0", "4.17.0"),
        ("4.17.2.0", "4.17.2"),
        ("4.18.0.0", "4.18.0"),
        ("4.18.2.5", "4.18.1"),
        ("4.19.0.2", "4.19.0"),
        ("4.19.3.0", "4.19.1"),
        ("4.20.0.0", "4.20.0"),
        ("4.20.1.0", "4.20.1"),
        ("4.20.3.0", "4.20.2"),
        ("4.21.0.0", "4.20.2"),
        ("4.22.0.0", "4.22.0"),
        ("4.22.0.1", "4.22.0"),
        ("4.22.9.0", None),  # nobody looked
    ],
)
def test_the_template_that_a_release_registers(target: str, template: str | None) -> None:
    release = release_of(version(target))
    assert release is not None
    assert release.template(version(target)) == parse_version(template)


@pytest.mark.parametrize("target", ["4.16.1.0", "4.23.0.0", "24.0.0"])
def test_nothing_is_claimed_of_other_releases(target: str) -> None:
    assert release_of(version(target)) is None


@pytest.mark.parametrize(
    ("target", "guards"),
    [
        ("4.19.3.0", False),
        ("4.20.2.0", False),
        ("4.20.3.0", True),
        ("4.21.0.0", False),
        ("4.22.0.1", False),
        ("4.22.1.0", True),
    ],
)
def test_which_releases_refuse_while_another_management_server_is_up(target: str, guards: bool) -> None:
    release = release_of(version(target))
    assert release is not None
    assert release.guards(version(target)) is guards


def test_demands_never_sink_from_one_release_to_the_next() -> None:
    for one, two in itertools.pairwise(sorted(RELEASES)):
        assert RELEASES[one].java <= RELEASES[two].java
        assert RELEASES[one].router_memory_mib <= RELEASES[two].router_memory_mib
        assert RELEASES[one].template(RELEASES[one].looked_at) <= RELEASES[two].template(RELEASES[two].looked_at)  # type: ignore[operator]


def test_what_the_debian_12_template_demands() -> None:
    assert {release for release, row in RELEASES.items() if row.router_memory_mib == 512} == {
        (4, 20),
        (4, 21),
        (4, 22),
    }
    assert all((row.java == 17) == (release >= (4, 20)) for release, row in RELEASES.items())


@pytest.mark.parametrize(
    ("template", "hypervisor", "arch", "name"),
    [
        ("4.19.1", "KVM", "x86_64", "systemvm-kvm-4.19.1"),
        ("4.20.0", "KVM", "x86_64", "systemvm-kvm-4.20.0-x86_64"),
        ("4.20.0", "KVM", "aarch64", None),
        ("4.20.1", "KVM", "aarch64", "systemvm-kvm-4.20.1-aarch64"),
        ("4.22.0.0", "XenServer", "x86_64", "systemvm-xenserver-4.22.0-x86_64"),
        ("4.22.0", "VMware", "aarch64", None),
        ("4.22.0", "External", "x86_64", None),
    ],
)
def test_names_of_templates(template: str, hypervisor: str, arch: str, name: str | None) -> None:
    assert template_name(version(template), hypervisor, arch) == name
    assert (name is not None) <= (arch in architectures(version(template), hypervisor))


@pytest.mark.parametrize(
    ("source", "target", "page"),
    [
        ("4.18.1.0", "4.20.3.0", "4.20.3.0/upgrading/upgrade/upgrade-4.18.html"),
        ("4.20.2.0", "4.22.1.0", "latest/upgrading/upgrade/upgrade-4.20.html"),  # its page was not seen
        ("4.20", "24.0.0", "latest/upgrading/upgrade/upgrade-4.20.html"),
    ],
)
def test_the_page_on_the_upgrade(source: str, target: str, page: str) -> None:
    assert documentation(version(source), version(target)) == f"https://docs.cloudstack.apache.org/en/{page}"


def test_management_servers_are_stopped_before_the_backup_and_vms_are_done_last() -> None:
    steps = documented_steps(version("4.22.0.0"))
    first_words = [step.split()[0] for step in steps]
    assert first_words.index("Register") < first_words.index("Stop") < first_words.index("Back")
    assert steps[-1].startswith("Live patch the system VMs")


def test_java_changes_with_4_20_only() -> None:
    extra = set(documented_steps(version("4.20.0.0"))) - set(documented_steps(version("4.19.3.0")))
    assert ["Java 17" in step for step in extra] == [True]
