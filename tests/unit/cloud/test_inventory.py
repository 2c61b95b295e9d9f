# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made from the system VM template and is in no unit: where it is found, and with how many calls."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.api.errors import UnavailableError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.infrastructure import ManagementServer
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.inventory import (
    read_shared_file_systems,
    unlisted_vms,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.items import volume
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version
from tests.unit.api.conversation import Conversation, client_for, ok, refusal

FILES = {
    "id": "sf-1",
    "name": "files",
    "zoneid": "z",
    "zonename": "Berlin",
    "state": "Ready",
    "virtualmachineid": "vm-1",
    "account": "acme",
    "domain": "ROOT/customers",
}
VOLUME = volume({"virtualmachineid": "vm-1", "vmname": "fsvm-files", "templatename": "systemvm-kvm-4.20.1"})


def servers(*versions: str) -> list[ManagementServer]:
    return [ManagementServer(text, "Up", text, parse_version(text)) for text in versions]


def test_a_shared_file_system_is_listed_for_all_owners_with_what_its_vm_was_made_from() -> None:
    asked = ("listSharedFileSystems", {"listall": "true", "projectid": "-1"}, ok(count=1, sharedfs=[FILES]))
    with client_for(Conversation(asked)) as client:
        found = read_shared_file_systems(client, servers("4.22.0.0"), {"vm-1": VOLUME}, listall=True, projectid="-1")
    assert found is not None and len(found) == 1
    assert (found[0].name, found[0].zone, found[0].template) == ("files", "Berlin", "systemvm-kvm-4.20.1")


@pytest.mark.parametrize("versions", [("4.19.3.0",), ("4.17.2.0", "4.19.0.0"), ("unknown",), ()])
def test_servers_that_are_too_old_to_have_any_are_not_asked(versions: tuple[str, ...]) -> None:
    with client_for(Conversation()) as client:
        assert read_shared_file_systems(client, servers(*versions), {}) == ()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (401, "unable to verify user credentials and/or request signature"),
        (401, "The API [listSharedFileSystems] does not exist or is not available for the account."),
        (432, "The given command does not exist"),
    ],
)
def test_that_the_account_may_not_ask_is_no_error_and_no_answer(code: int, text: str) -> None:
    with client_for(Conversation(("listSharedFileSystems", refusal(code, text)))) as client:
        assert read_shared_file_systems(client, servers("4.19.1.0", "4.20.0.0"), {}) is None


def test_a_server_that_fails_is_an_error() -> None:
    script = Conversation(("listSharedFileSystems", refusal(503, "not now")))
    with client_for(script, retry_limit=0) as client, pytest.raises(UnavailableError):
        read_shared_file_systems(client, servers("4.22.0.0"), {})


def root(number: int, name: str, kind: str | None, state: str = "Running") -> dict[str, Any]:
    facts = {"vmname": name, "vmtype": kind, "vmstate": state, "zoneid": "z", "zonename": "Berlin"}
    return volume({"virtualmachineid": f"vm-{number}", "templatename": "old", **facts})


@pytest.mark.parametrize(
    ("disk", "found"),
    [
        (root(1, "r-1-VM", "DomainRouter"), None),
        (root(2, "l-2-VM", "DomainRouter"), True),  # what a server has, by its source
        (root(2, "l-2-VM", "ElasticLoadBalancerVm"), True),
        (root(2, "r-2-VM", "DomainRouter"), False),
        (root(2, "r-2-VM", "DomainRouter", "Expunging"), None),
        (root(2, "l-my-web", "User"), None),
        (root(2, "metal", "UserBareMetal"), None),
        (root(2, "guest", None), None),  # of a server before 4.18
    ],
)
def test_a_vm_that_only_its_disk_shows(disk: dict[str, Any], found: bool | None) -> None:
    vms = unlisted_vms([disk], {"vm-1"})
    assert [each.elastic_lb for each in vms] == ([] if found is None else [found])
    assert all((each.name, each.zone, each.template) == (disk["vmname"], "Berlin", "old") for each in vms)
