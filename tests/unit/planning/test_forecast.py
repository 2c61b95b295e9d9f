# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import items as parse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Cloud,
    Host,
    ImageStore,
    ManagementServer,
    Offering,
    Template,
    Zone,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import Version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.forecast import (
    State,
    forecast,
    target_of,
    upgraded,
    with_raised_memory,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.templates import new_template
from tests.unit.builders import estate, network_unit, version

OLD, NEW = version("4.18.1.0"), version("4.22.0.0")
NAME = "systemvm-kvm-4.22.0-x86_64"


def cloud(**more: Any) -> Cloud:
    hosts = (Host("h", "h1", "id-zone", "KVM", OLD, "Up", "Enabled"),)
    return estate(network_unit("web"), servers=("4.18.1.0",), **{"hosts": hosts, "templates": (), **more})


def state_of(what: str, of: Cloud) -> tuple[str, str]:
    [found] = [each for each in forecast(of, NEW)["prepare"] if each["what"] == what]
    assert found["state"] in (State.DONE, State.UNKNOWN) or found["remedy"]
    return found["state"], found["seen"]


def template(ready: bool) -> Template:
    return Template("t", NAME, "id-zone", "KVM", ready, None, "2026")


def store(**more: Any) -> ImageStore:
    return ImageStore(**{"name": "s", "zone_id": "id-zone", "read_only": False, **more})


ARM = (Host("h", "h1", "id-zone", "KVM", OLD, "Up", "Enabled", "aarch64"),)
HYPERV = (Host("h", "h1", "id-zone", "Hyperv", None, "Up", "Enabled"),)


@pytest.mark.parametrize(
    ("facts", "state", "words"),
    [
        ({}, State.BY_UPGRADE, "the upgrade registers it"),
        ({"templates": (template(ready=True),)}, State.DONE, "is Ready"),
        ({"templates": (template(ready=False),)}, State.TO_DO, "not ready"),
        ({"image_stores": ()}, State.TO_DO, "NFS"),
        ({"image_stores": (store(protocol="s3"),)}, State.TO_DO, "NFS is passed over"),
        ({"image_stores": (store(read_only=True),)}, State.TO_DO, "writable"),
        ({"image_stores": (store(total=100, used=95),)}, State.TO_DO, "has room"),
        ({"hosts": ARM}, State.TO_DO, "downloaded during the upgrade"),
        ({"hosts": HYPERV}, State.TO_DO, "the upgrade fails without one"),
    ],
)
def test_the_template_of_each_zone_hypervisor_and_architecture(facts: dict[str, Any], state: State, words: str) -> None:
    found, seen = state_of("template", cloud(**facts))
    assert found == state, seen
    assert words in seen


def hosts(**hypervisors: str) -> tuple[Host, ...]:
    """One for each zone that is named, of that hypervisor."""
    return tuple(
        Host(f"{zone} {hypervisor}", f"{zone} {hypervisor}", f"id-{zone}", hypervisor, OLD, "Up", "Enabled")
        for zone, listing in hypervisors.items()
        for hypervisor in listing.split()
    )


def zones(*names: str) -> tuple[Zone, ...]:
    return tuple(Zone(f"id-{name}", name, True) for name in names)


KVM_TEMPLATE = Template("t", NAME, "id-zone", "KVM", True, None, "2026")


@pytest.mark.parametrize(
    ("target", "there", "templates", "expected"),
    [
        # The upgrade fails for the second zone.
        ("4.19.1.0", {"zone": "KVM", "other": "KVM"}, (), {"zone, KVM": "10046", "other, KVM": "10046"}),
        ("4.19.1.0", {"zone": "KVM", "other": "VMware"}, (), {"zone, KVM": "", "other, VMware": ""}),
        ("4.19.2.0", {"zone": "KVM", "other": "KVM"}, (), {"zone, KVM": "", "other, KVM": ""}),
        ("4.22.0.0", {"zone": "KVM", "other": "KVM"}, (), {"zone, KVM": "", "other, KVM": ""}),
        # It begins only where KVM lacks one.
        ("4.22.0.0", {"zone": "VMware"}, (), {"zone, VMware": "12952"}),
        ("4.22.0.0", {"zone": "KVM VMware"}, (), {"zone, KVM": "", "zone, VMware": ""}),
        ("4.22.0.0", {"zone": "KVM", "other": "XenServer"}, (KVM_TEMPLATE,), {"other, XenServer": "12952"}),
        ("4.20.3.0", {"zone": "VMware"}, (), {"zone, VMware": ""}),
        ("4.19.3.0", {"zone": "VMware"}, (), {"zone, VMware": ""}),
        # It takes the name for the whole cloud.
        ("4.22.0.0", {"zone": "KVM", "other": "KVM"}, (KVM_TEMPLATE,), {"other, KVM": "of that name"}),
    ],
)
def test_what_the_upgrade_fails_to_register(
    target: str, there: dict[str, str], templates: tuple[Template, ...], expected: dict[str, str]
) -> None:
    of = cloud(hosts=hosts(**there), zones=zones(*there), templates=templates, image_stores=(store(zone_id=None),))
    found = {
        each["seen"].partition(":")[0]: each
        for each in forecast(of, version(target))["prepare"]
        if each["what"] == "template"
    }
    left = {where: each for where, each in found.items() if each["state"] != State.DONE}
    assert {where.removeprefix("zone ") for where in left} == set(expected)
    for where, words in expected.items():
        each = left[f"zone {where}"]
        assert each["state"] == (State.TO_DO if words else State.BY_UPGRADE), each["seen"]
        assert words in each["seen"]


def test_hosts_java_and_other_management_servers() -> None:
    assert state_of("java", cloud())[0] == State.TO_DO
    assert state_of("hosts", cloud()) == (State.TO_DO, "1 of 1 KVM hosts have an older agent: h1")
    assert not [each for each in forecast(cloud(), NEW)["prepare"] if each["what"] == "management_servers"]
    two = cloud(management_servers=tuple(ManagementServer(name, "Up", "4.18.1.0", OLD) for name in ("a", "b")))
    assert state_of("management_servers", two) == (State.TO_DO, "2 management servers are up: a, b")
    guarded = [each for each in forecast(two, version("4.20.3.0"))["prepare"] if each["what"] == "management_servers"]
    assert "refuses" in guarded[0]["remedy"]


def test_the_cloud_as_it_will_be() -> None:
    old = cloud(offerings={"stock": Offering("stock", 256, stock=True), "own": Offering("own", 256)})
    after = upgraded(old, NEW)
    assert after.version == NEW
    assert new_template(after, "id-zone", "KVM", for_routers=True).name == NAME
    assert not new_template(after, "id-zone", "KVM", for_routers=False).problem
    assert [vm.next_template_id for vm in after.vms] == [f"new {NAME}"]

    def memory(target: Version) -> dict[str, int]:
        return {name: offering.memory_mib for name, offering in with_raised_memory(after, target).offerings.items()}

    assert memory(NEW) == {"stock": 512, "own": 256}
    assert memory(version("4.19.3.0")) == {"stock": 256, "own": 256}


def test_what_an_older_server_does_not_tell_is_said() -> None:
    listing = "; ".join(forecast(estate(servers=("4.16.1.0",)), NEW)["unknown"])
    assert "which template an SSVM or CPVM was made from" in listing
    assert "templatetype" not in listing, "it is read another way"
    assert forecast(estate(servers=("4.21.0.0",)), NEW)["unknown"] == []


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("4.22", "4.18.1.0", "4.22"),
        ("4.22.0.0", "4.22.0.0", None),
        ("4.22", "4.22.1.0", None),
        ("4.18.2.0", "4.18.1.0", "4.18.2.0"),
    ],
)
def test_a_target(text: str, source: str, expected: str | None) -> None:
    found = target_of(text, version(source))
    assert (found.text if found else None) == expected


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        ("4.17", "4.18.1.0", "already"),
        ("4.18.0.0", "4.18.1.0", "already"),
        ("4.16", "4.15.0.0", "nothing is known"),
        ("5.0", "4.18.1.0", "nothing is known"),
        ("new", "4.18.1.0", "no version"),
        ("4.22 please", "4.18.1.0", "no version"),
        ("4.22", "4.9.3.0", "4.11 or newer"),
    ],
)
def test_no_target(text: str, source: str, words: str) -> None:
    with pytest.raises(OptionError, match=words) as caught:
        target_of(text, version(source))
    assert caught.value.remedy


def test_a_pair_that_says_master_is_healthy() -> None:
    """Servers before 4.16 do."""
    item = {"id": "r", "redundantstate": "MASTER", "isredundantrouter": True}
    assert parse.router(item).redundant_state == "PRIMARY"
