# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import ParameterError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import estate
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Cloud, Zone
from tests.unit.api.conversation import Conversation, client_for, ok, refusal
from tests.unit.builders import version


def settings(**values: str) -> Any:
    items = [{"name": name.replace("_", "."), "value": value} for name, value in values.items()]
    return ok(count=len(items), configuration=items)


def test_one_unreadable_version_hides_all_routers() -> None:
    text = "org.apache.cloudstack.utils.CloudStackVersion.parse(String) passed 0, but requires ..."
    with pytest.raises(ParameterError, match="passed 0") as caught:
        estate.read_routers(client_for(Conversation(("listRouters", {"projectid": "-1"}, refusal(431, text)))))
    assert "one zone or network after the other" in str(caught.value.remedy)


def test_of_a_zones_settings_only_what_is_needed_is_kept() -> None:
    """Among them are passwords."""
    answer = settings(
        minreq_sysvmtemplate_version="4.20.0",
        router_template_kvm="systemvm-kvm-4.20.0",
        router_template_lxc="",
        some_password="of somebody",
    )
    zone = estate._with_settings(
        client_for(Conversation(("listConfigurations", {"zoneid": "z"}, answer))), Zone("z", "zone", True)
    )
    assert zone.minimum_version == version("4.20.0")
    assert zone.router_templates == {"kvm": "systemvm-kvm-4.20.0"}
    assert "somebody" not in repr(zone)


BARE = Cloud((), (), (), (), ())
ALWAYS = [("listConfigurations", {"name": name}, settings()) for name in estate.SETTINGS]


@pytest.mark.parametrize(
    ("wishes", "more"),
    [
        ({}, []),
        (
            {"recreates": True},
            [
                *(("listConfigurations", {"name": name}, settings()) for name in estate.RECREATION_SETTINGS),
                ("listApis", {"name": "restartNetwork"}, ok()),
                ("listServiceOfferings", {"issystem": "true"}, ok()),
                ("listCapacity", ok()),
            ],
        ),
        ({"touches_ssvm": True}, [("listApis", {"name": "restartNetwork"}, ok()), ("listTemplates", ok())]),
    ],
)
def test_only_what_the_plan_needs_is_asked_for(wishes: dict[str, bool], more: list[Any]) -> None:
    apis = [] if more else [("listApis", {"name": "restartNetwork"}, ok())]
    with client_for(Conversation(*ALWAYS, *apis, *more)) as client:
        estate.read_details(client, BARE, ["restartNetwork"], **wishes)
