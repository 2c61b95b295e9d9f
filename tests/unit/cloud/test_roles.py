# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rules of a role come to, and what is made of a role that lacks something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.roles import (
    Role,
    Rule,
    deciding,
    read_role,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.role import completed, lacking, made_here
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.permissions import DECLARED
from tests.unit.api.conversation import Conversation, client_for, ok


def rules(*texts: str) -> tuple[Rule, ...]:
    """rules("allow list*", "deny *")"""
    return tuple(
        Rule(text, allows=word == "allow", id=f"id-{word}-{text}") for word, text in (each.split() for each in texts)
    )


def role(*texts: str, default: bool = False) -> Role:
    return Role("id", "r", "Admin", default, rules(*texts))


@pytest.mark.parametrize(
    ("text", "command", "fits"),
    [
        ("listZones", "listZones", True),
        ("LISTZONES", "listZones", True),
        ("list*", "listZones", True),
        ("*Zones", "listZones", True),
        ("l*Z*s", "listZones", True),
        ("*", "listZones", True),
        ("listZone", "listZones", False),
        ("Zones", "listZones", False),
        ("list*", "patchSystemVm", False),
    ],
)
def test_a_rule_fits_the_whole_name_in_any_case(text: str, command: str, fits: bool) -> None:
    assert Rule(text, allows=True).fits(command) is fits


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("allow patchSystemVm", "deny *"), None),
        (("allow patch*",), None),
        (("allow *", "deny patchSystemVm"), None),
        (("deny *", "allow patchSystemVm"), "rule 1 denies it (deny *)"),
        (("allow list*", "deny patch*", "allow *"), "rule 2 denies it (deny patch*)"),
        (("allow list*",), "no rule allows it"),
        ((), "no rule allows it"),
    ],
)
def test_the_first_rule_that_fits_decides(texts: tuple[str, ...], reason: str | None) -> None:
    assert lacking(role(*texts), ["patchSystemVm"]) == ({"patchSystemVm": reason} if reason else {})


def test_the_root_admin_lacks_nothing_and_has_no_rules() -> None:
    assert lacking(role(default=True), ["patchSystemVm"]) == {}


@pytest.mark.parametrize(
    ("texts", "ours"),
    [
        ((), True),  # made, and then interrupted
        (("allow listZones",), True),
        (("allow listZones", "deny *"), True),
        (("deny *", "allow listZones"), True),
        (("allow list*", "deny *"), False),
        (("allow listZones", "deny list*"), False),
        (("allow deployVirtualMachine", "deny *"), False),
        (("deny listZones",), False),
    ],
)
def test_whose_role_it_is(texts: tuple[str, ...], ours: bool) -> None:
    assert made_here(role(*texts)) is ours
    assert not made_here(role(*texts, default=True))


commands = st.lists(st.sampled_from(sorted(DECLARED)), unique=True)


@given(there=commands, wanted=commands, last=st.integers(-1, 8))
def test_a_completed_role_allows_what_is_wanted_keeps_what_it_had_and_denies_the_rest(
    there: list[str], wanted: list[str], last: int
) -> None:
    before = [f"allow {command}" for command in there]
    if last >= 0:
        before.insert(last, "deny *")
    after = completed(rules(*before), wanted)
    assert lacking(Role("id", "r", "Admin", False, after), [*there, *wanted]) == {}
    for other in DECLARED - {*there, *wanted}:
        found = deciding(after, other)
        assert found is not None and not found.allows
    assert completed(after, wanted) == after, "twice is once"


def test_of_several_roles_of_a_name_the_one_of_admins_counts() -> None:
    """The list's filter is a pattern on some releases."""
    found = [
        {"id": "u", "name": "r", "type": "User"},
        {"id": "x", "name": "r2", "type": "Admin"},
        {"id": "a", "name": "r", "type": "Admin", "isdefault": False},
    ]
    permissions = [{"id": "1", "rule": "list*", "permission": "allow"}, {"id": "2", "rule": "*", "permission": "deny"}]
    script = Conversation(
        ("listRoles", {"name": "r"}, ok(count=3, role=found)),
        ("listRolePermissions", {"roleid": "a"}, ok(count=2, rolepermission=permissions)),
    )
    with client_for(script) as client:
        assert read_role(client, "r") == Role(
            "a", "r", "Admin", False, (Rule("list*", True, "1"), Rule("*", False, "2"))
        )
