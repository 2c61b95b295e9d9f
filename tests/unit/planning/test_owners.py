# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owners as people name them: accounts, projects, and domains with all that is below them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.model import Owner, Unit
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.owners import owned_units
from tests.unit.builders import network_unit, ssvm


def cloud(**owners: Owner) -> list[Unit]:
    return [
        *(replace(network_unit(name), owner=owner) for name, owner in owners.items()),
        replace(ssvm(), owner=Owner()),
    ]


PATHS = cloud(
    jane=Owner("jane", "ROOT/customers"),
    jim=Owner("jim", "ROOT/customers/acme"),
    other=Owner("jane", "ROOT/partners"),
    root=Owner("admin", "ROOT"),
    blue=Owner("PrjAcct-blue", "ROOT/customers", "blue"),
    twice=Owner("acme", "ROOT/partners"),
    below=Owner("x", "ROOT/partners/deep/acme"),
)
NAMES = cloud(
    jane=Owner("jane", "customers", domain_id="d1"),
    jim=Owner("jim", "acme", domain_id="d2"),
    root=Owner("admin", "ROOT", domain_id="d0"),
    again=Owner("joe", "acme", domain_id="d3"),
    blue=Owner("PrjAcct-blue", "customers", "blue", domain_id="d1"),
)


def meant(units: list[Unit], *owners: str) -> set[str]:
    ids = owned_units(units, owners)
    return {unit.name for unit in units if unit.id in ids}


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        ("jim", {"jim"}),
        ("ROOT/customers/jane", {"jane"}),
        ("customers/jane", {"jane"}),
        ("/customers/jane", {"jane"}),
        ("ROOT/customers", {"jane", "jim", "blue"}),
        ("/customers/", {"jane", "jim", "blue"}),
        ("customers", {"jane", "jim", "blue"}),
        ("ROOT/partners/deep", {"below"}),
        ("ROOT/customers/acme", {"jim"}),
        ("ROOT", {"jane", "jim", "other", "root", "blue", "twice", "below"}),
        ("blue", {"blue"}),
        ("project blue", {"blue"}),
    ],
)
def test_what_an_owner_comes_to(owner: str, names: set[str]) -> None:
    assert meant(PATHS, owner) == names
    assert meant(PATHS, owner, "ROOT/partners/jane") == names | {"other"}


@pytest.mark.parametrize(
    ("owner", "several"),
    [
        ("jane", ["the account jane in ROOT/customers", "the account jane in ROOT/partners"]),
        ("acme", ["the account acme", "the domain ROOT/customers/acme", "the domain ROOT/partners/deep/acme"]),
    ],
)
def test_a_name_that_means_several_is_refused_with_all_of_them(owner: str, several: list[str]) -> None:
    with pytest.raises(OptionError, match="sysvm_owners is ambiguous") as refused:
        meant(PATHS, owner)
    assert [text for text in several if text not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("jnae", "Did you mean 'jane'"),
        ("ROOT/custmers", "Did you mean 'ROOT/customers'"),
        ("PrjAcct-blue", "Projects: blue"),
        ("customers/nobody", "Accounts: "),
        ("/", "Domains: ROOT"),
    ],
)
def test_an_owner_that_there_is_not_is_refused_with_those_that_there_are(owner: str, told: str) -> None:
    with pytest.raises(
        OptionError, match=r"sysvm_owners has '.*', but no network, VPC or router belongs to"
    ) as refused:
        meant(PATHS, owner)
    assert told in str(refused.value.remedy)


def test_where_servers_tell_only_names_a_domain_is_meant_by_its_name_and_namesakes_are_told_apart() -> None:
    assert meant(NAMES, "customers") == {"jane", "blue"}
    assert meant(NAMES, "customers/jane") == {"jane"}
    with pytest.raises(OptionError, match=r"ambiguous: 'acme' is the domain acme \(d2\) and the domain acme \(d3\)"):
        meant(NAMES, "acme")
    assert meant(NAMES, "d3") == {"again"}
    with pytest.raises(OptionError, match="tells only the names of domains"):
        meant(NAMES, "ROOT/customers")
