# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ParameterError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import items as parse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import read
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import (
    Cloud,
    Need,
    NotReadError,
    Zone,
)
from tests.unit.api.conversation import Conversation, client_for, ok, refusal
from tests.unit.builders import lists_of, network_unit, version


def settings(**values: str) -> Any:
    items = [{"name": name.replace("_", "."), "value": value} for name, value in values.items()]
    return ok(count=len(items), configuration=items)


def test_one_unreadable_version_hides_all_routers() -> None:
    text = "org.apache.cloudstack.utils.CloudStackVersion.parse(String) passed 0, but requires ..."
    with pytest.raises(ParameterError, match="passed 0") as caught:
        lists_of(client_for(Conversation(("listRouters", {"projectid": "-1"}, refusal(431, text))))).routers()
    assert "one zone or network after the other" in str(caught.value.remedy)


def test_of_a_zones_settings_only_what_is_needed_is_kept() -> None:
    """Among them are passwords."""
    answer = settings(
        minreq_sysvmtemplate_version="4.20.0",
        router_template_kvm="systemvm-kvm-4.20.0",
        router_template_lxc="",
        some_password="of somebody",
    )
    zone = read._with_settings(
        client_for(Conversation(("listConfigurations", {"zoneid": "z"}, answer))), Zone("z", "zone", True)
    )
    assert zone.minimum_version == version("4.20.0")
    assert zone.router_templates == {"kvm": "systemvm-kvm-4.20.0"}
    assert "somebody" not in repr(zone)


BARE = Cloud((), (), (), (), ())
NAMES = ["network.rolling.restart", "integration.api.port"]
APIS = ("listApis", {"name": "restartNetwork"}, ok())


@pytest.mark.parametrize(
    ("names", "needs", "calls"),
    [
        ((), (), [APIS]),
        (NAMES, (), [*(("listConfigurations", {"name": name}, settings()) for name in sorted(NAMES)), APIS]),
        (["job.b", "job.a"], (), [("listConfigurations", {"name": "job."}, settings(job_b="1", job_secret="x")), APIS]),
        ((), (Need.OFFERINGS,), [APIS, ("listServiceOfferings", {"issystem": "true"}, ok())]),
        ((), (Need.CAPACITIES, Need.DOWNLOADS), [APIS, ("listCapacity", ok()), ("listTemplates", ok())]),
        ((), (Need.IMAGE_STORES, Need.STORAGE_POOLS), [APIS, ("listImageStores", ok()), ("listStoragePools", ok())]),
    ],
)
def test_only_what_the_checks_need_is_asked_for(names: list[str], needs: list[Need], calls: list[Any]) -> None:
    with client_for(Conversation(*calls)) as client:
        found = read.read_details(lists_of(client), BARE, ["restartNetwork"], names, needs)
    assert [found.settings.text(name, "default") for name in names] == [
        "1" if name == "job.b" else "default" for name in names
    ]
    assert "job.secret" not in found.settings.values
    with pytest.raises(NotReadError):
        found.settings.text("what.nobody.read")


@pytest.mark.parametrize("command", ["CopyTemplateCmd", "CreateTemplateCmdByAdmin", "MigrateSecondaryStorageDataCmd"])
def test_what_an_ssvm_carries_is_known_by_any_name_of_its_job(command: str) -> None:
    assert read.needs_ssvm(command)
    assert not read.needs_ssvm("RestartNetworkCmd")


@pytest.mark.parametrize(
    ("traffic", "dhcp_only"),
    [(["Guest", "Control"], True), (["Guest", "Control", "Public"], False)],
)
def test_a_router_without_a_public_network_serves_dhcp_only(traffic: list[str], dhcp_only: bool) -> None:
    item = {"id": "r", "nic": [{"traffictype": each} for each in traffic]}
    assert network_unit("n", parse.router(item), type="Isolated").dhcp_only is dhcp_only
