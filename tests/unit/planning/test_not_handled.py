# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no plan does anything about is named, with the reason and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    SharedFileSystem,
    UnlistedVm,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import NotHandledData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.not_handled import not_handled
from tests.unit.builders import OWNER, estate, network_unit, vm

ZONE = {"zone_id": "id-zone", "zone": "zone"}
FILES = SharedFileSystem("sf", "files", "id-zone", "zone", template="systemvm-kvm-4.20.1")
ELASTIC = UnlistedVm("e", "l-7-VM", "id-zone", "zone", "DomainRouter", "systemvm-kvm-4.20.1")
LOST = replace(ELASTIC, id="x", name="r-8-VM")
ORPHAN = Unit("o", "r-9-VM", Kind.ORPHAN, "id-zone", "zone", OWNER, (vm("r-9-VM"),))


def found(**cloud: Any) -> list[NotHandledData]:
    return not_handled(estate(*cloud.pop("units", ()), **cloud), {"id-zone"})


@pytest.mark.parametrize(
    ("cloud", "what", "name", "because", "remedy"),
    [
        ({"shared_file_systems": (FILES,)}, "shared file system", "files", "systemvm-kvm-4.20.1", "copy the data"),
        ({"unlisted_vms": (ELASTIC,)}, "elastic load balancer VM", "l-7-VM", "no list of the API", "rules"),
        ({"unlisted_vms": (LOST,)}, "unlisted DomainRouter", "r-8-VM", "no list of the API", "Plan again"),
        ({"units": (ORPHAN,)}, "router", "r-9-VM", "does not exist", "destroyRouter"),
    ],
)
def test_what_is_named(cloud: dict[str, Any], what: str, name: str, because: str, remedy: str) -> None:
    [entry] = found(**cloud)
    assert (entry["what"], entry["name"], entry["zone"]) == (what, name, "zone")
    assert because in entry["because"] and remedy in entry["remedy"]
    assert set(entry) == {"what", "name", "id", "zone", "because", "remedy"}


def test_that_it_is_not_known_whether_there_are_any_is_said_once() -> None:
    [entry] = found(shared_file_systems=None)
    assert (entry["what"], entry["name"]) == ("shared file system", None)
    assert "unknown here" in entry["because"] and "listSharedFileSystems" in entry["because"]


def test_nothing_is_said_of_a_cloud_whose_vms_are_all_in_units() -> None:
    assert found(units=(network_unit("net"),)) == []


def test_other_zones_are_none_of_it() -> None:
    cloud = estate(ORPHAN, shared_file_systems=(FILES,), unlisted_vms=(ELASTIC,))
    assert not_handled(cloud, {"another"}) == []


def test_nobody_is_told_that_a_restart_brings_a_shared_file_system_the_new_template() -> None:
    """It makes the disk anew from the template that it has (StorageVmSharedFSLifeCycle.reDeploySharedFS)."""
    [entry] = found(shared_file_systems=(FILES,))
    assert "from the template that it has" in entry["remedy"]
