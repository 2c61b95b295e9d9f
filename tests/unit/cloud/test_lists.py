# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each list is asked for, release by release."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import (
    AuthenticationError,
    ParameterError,
    UnsupportedCommandError,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud import items as parse
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.events import Events
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.lists import read_management_servers
from tests.unit.api.conversation import Conversation, client_for, ok, refusal
from tests.unit.builders import lists_of

ACCOUNT, PROJECT, SHARED = ({"id": f"id-{name}", "name": name} for name in ("account", "project", "shared"))
OLD = ["4.17.2.0", "4.18.2.5", "4.19.3.0", "4.20.2.0", "4.21.0.0"]
NOT_THERE = refusal(431, "Unable to execute API command listnetworks due to invalid value. entity does not exist")


SERVERS = "listManagementServers"
WRONG_KEYS = refusal(401, "unable to verify user credentials and/or request signature")
DENIED = refusal(432, "The given command does not exist or it is not available for user")


def capability(**told: str) -> Any:
    return ("listCapabilities", ok(capability={"dynamicrolesenabled": True, **told}))


def test_what_a_server_is_takes_one_question() -> None:
    of_server = {"name": "ms", "state": "Up", "version": "4.22.0.0"}
    with client_for(Conversation((SERVERS, ok(count=1, managementserver=[of_server])))) as client:
        assert [server.name for server in read_management_servers(client)] == ["ms"]


@pytest.mark.parametrize("refused", [WRONG_KEYS, DENIED])
def test_where_that_command_is_unknown_or_denied_the_capabilities_tell_the_version(refused: Any) -> None:
    with client_for(Conversation((SERVERS, refused), capability(cloudstackversion="4.11.3.0"))) as client:
        assert [str(server.version) for server in read_management_servers(client)] == ["4.11.3.0"]


@pytest.mark.parametrize(
    ("refused", "then", "error"),
    [
        (WRONG_KEYS, ("listCapabilities", WRONG_KEYS), AuthenticationError),
        (DENIED, capability(), UnsupportedCommandError),
        (DENIED, ("listCapabilities", ConnectionError("refused")), UnsupportedCommandError),
    ],
    ids=["wrong keys", "hidden since 4.21", "away"],
)
def test_where_nothing_tells_the_version_the_first_refusal_is_told(refused: Any, then: Any, error: type) -> None:
    with (
        client_for(Conversation((SERVERS, refused), then)) as client,
        pytest.raises(error, match=SERVERS),
    ):
        read_management_servers(client)


def networks(*items: dict[str, Any], **filters: str) -> Any:
    return ("listNetworks", filters, ok(count=len(items), network=list(items)))


@pytest.mark.parametrize("server", [*OLD, "4.23.0.0", "garbage"])
def test_before_4_22_networks_of_accounts_and_of_projects_are_asked_for_each(server: str) -> None:
    talk = Conversation(networks(PROJECT, SHARED, projectid="-1", listall="true"), networks(ACCOUNT, SHARED))
    with client_for(talk) as client:
        found = lists_of(client, server).networks(parse.network)
    assert sorted(network.name for network in found) == ["account", "project", "shared"]
    assert "projectid" not in talk.prepared[1].body


def test_from_4_22_on_one_question_is_enough() -> None:
    with client_for(Conversation(networks(ACCOUNT, PROJECT, projectid="-1", listall="true"))) as client:
        assert len(lists_of(client, "4.22.0.0").networks(parse.network)) == 2


@pytest.mark.parametrize("server", OLD)
def test_filters_are_part_of_both_questions(server: str) -> None:
    talk = Conversation(networks(restartrequired="true"), networks(ACCOUNT, restartrequired="true"))
    with client_for(talk) as client:
        assert lists_of(client, server).networks(lambda item: item["id"], restartrequired=True) == ["id-account"]


def test_one_network_is_asked_for_in_every_way_before_it_is_called_absent() -> None:
    """As recorded of 4.18.2.5: with projectid=-1 an id of an account's network finds nothing."""
    talk = Conversation(networks(projectid="-1", id="id-account"), networks(ACCOUNT, id="id-account"))
    with client_for(talk) as client:
        found = lists_of(client, "4.18.2.5").network("id-account")
    assert found is not None and found.name == "account"


@pytest.mark.parametrize("answer", [ok(), NOT_THERE, ok(count=1, network=[SHARED])], ids=["empty", "431", "another"])
def test_an_id_that_no_network_has(answer: Any) -> None:
    """Old releases answer with an empty list, or with the network of another row; new ones with 431."""
    talk = Conversation(*[("listNetworks", {"id": "id-gone"}, answer)] * 3)
    with client_for(talk) as client:
        assert lists_of(client, "4.18.2.5").network("id-gone") is None


def volume(template: str, state: str = "Ready", created: str = "2026-11-01T00:00:00+0000") -> dict[str, Any]:
    return {"id": f"v-{template}-{state}", "virtualmachineid": "vm", "templateid": template, "state": state,
            "created": created}  # fmt: skip


@pytest.mark.parametrize(
    "volumes",
    [
        [volume("old", "Destroy"), volume("new")],
        [volume("new"), volume("old", "Expunged")],
        [volume("old"), volume("new", created="2026-11-29T00:00:00+0000")],
        [volume("new", created="2026-11-29T00:00:00+0000"), volume("old")],
    ],
)
def test_the_disk_that_a_start_replaced_is_nobodys(volumes: list[dict[str, Any]]) -> None:
    talk = Conversation(("listVolumes", {"listsystemvms": "true"}, ok(count=len(volumes), volume=volumes)))
    with client_for(talk) as client:
        assert lists_of(client, "4.18.2.5").root_volumes()["vm"]["templateid"] == "new"


def test_of_disks_guests_have_most_so_that_none_is_lost_between_pages_does_not_matter() -> None:
    """What a VM of CloudStack's own is made from is asked for by its id where it is not seen."""
    full = [{**volume(str(n)), "virtualmachineid": str(n)} for n in range(500)]
    talk = Conversation(
        ("listVolumes", {"page": "1"}, ok(count=700, volume=full)),
        ("listVolumes", {"page": "2"}, ok(count=491, volume=[{**volume("x"), "virtualmachineid": "x"}])),
    )
    with client_for(talk, connections=1) as client:
        assert len(lists_of(client).root_volumes()) == 501


def test_before_4_18_no_disk_of_a_system_vm_is_listed_and_none_is_asked_for() -> None:
    with client_for(Conversation()) as client:
        assert lists_of(client, "4.17.2.0").root_volumes() == {}


@pytest.mark.parametrize(
    ("server", "startdate"),
    [("4.22.0.0", "2026-11-29T00:00:28+0000"), ("4.18.0.0", "2026-11-29T00:00:28+0000"), ("4.17.2.0", "2026-11-28")],
)
def test_events_are_asked_for_from_a_moment_that_the_server_cannot_take_for_a_later_one(
    server: str, startdate: str
) -> None:
    with client_for(Conversation(("listEvents", {"startdate": startdate}, ok()))) as client:
        assert Events(lists_of(client, server), 1_795_910_430.0).of("NETWORK.RESTART", 1_795_910_430.0) == []


@pytest.mark.parametrize("server", OLD)
def test_a_page_size_below_the_usual_one(server: str) -> None:
    """As a real 4.20.2.0 with default.page.size 100 refused it."""
    refused = refusal(431, "Page size can't exceed max allowed page size value: 4")
    items = [{"id": name, "name": name} for name in "abcde"]
    pages = [
        ("listZones", {"page": "1", "pagesize": "4"}, ok(count=5, zone=items[:4])),
        ("listZones", {"page": "2", "pagesize": "3"}, ok(count=5, zone=items[3:])),
    ]
    with client_for(Conversation(("listZones", {"pagesize": "500"}, refused), *pages), connections=1) as client:
        assert [zone.name for zone in lists_of(client, server).zones()] == [*"abcde"]


def test_a_page_size_that_the_server_does_not_tell_is_read_from_its_settings() -> None:
    setting = {"name": "default.page.size", "value": "100"}
    talk = Conversation(
        ("listZones", {"pagesize": "500"}, refusal(431, "The page size is too large")),
        ("listConfigurations", {"name": "default.page.size"}, ok(count=1, configuration=[setting])),
        ("listZones", {"pagesize": "100"}, ok()),
    )
    with client_for(talk) as client:
        assert lists_of(client).zones() == ()


def test_any_other_refusal_of_a_list_is_an_error() -> None:
    with client_for(Conversation(("listZones", refusal(431, "no")))) as client, pytest.raises(ParameterError):
        lists_of(client).zones()


@pytest.mark.parametrize("text", ["garbage", "", "unknown", "Cloudstack Release"])
def test_a_version_that_cannot_be_read_is_no_version(text: str) -> None:
    with client_for(Conversation()) as client:
        assert lists_of(client, text).version is None
