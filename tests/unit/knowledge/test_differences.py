# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge import differences
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.differences import (
    DIFFERENCES,
    unknown_of,
)
from tests.unit.builders import version

ROWS = {(row.command, row.what): row for row in DIFFERENCES}


@pytest.mark.parametrize(
    ("server", "command", "what", "holds"),
    [
        ("4.11.0.0", "listNetworks", "redundantrouter", False),
        ("4.11.1.0", "listNetworks", "redundantrouter", True),
        ("4.11.3.0", "listManagementServers", "the command itself", False),
        ("4.12.0.0", "listManagementServers", "the command itself", True),
        ("4.13.0.0", "listSystemVms", "version", False),
        ("4.13.1.0", "listSystemVms", "version", True),
        ("4.15.2.0", "listRouters", "redundantstate PRIMARY", False),
        ("4.16.0.0", "listRouters", "redundantstate PRIMARY", True),
        ("4.16.1.0", "listRouters", "softwareversion", False),
        ("4.17.0.0", "listRouters", "softwareversion", True),
        ("4.17.2.0", "listVolumes", "listsystemvms", False),
        ("4.18.0.0", "listVolumes", "listsystemvms", True),
        ("4.18.2.5", "listTemplates", "templatetype", False),
        ("4.19.0.0", "listTemplates", "templatetype", True),
        ("4.20.0.0", "listRouters", "arch", False),
        ("4.20.1.0", "listRouters", "arch", True),
    ],
)
def test_what_a_release_has(server: str, command: str, what: str, holds: bool) -> None:
    assert ROWS[command, what].holds(version(server)) is holds


@pytest.mark.parametrize(
    ("name", "with_it", "without"),
    [
        ("SOFTWARE_VERSION", ["4.17.0.0", "4.22.0.0"], ["4.16.1.1"]),
        ("EVENT_TIMES", ["4.18.0.0"], ["4.17.2.0", "4.16.1.1"]),
        ("SYSTEM_VM_VOLUMES", ["4.18.0.0"], ["4.17.2.0"]),
        ("SYSTEM_TEMPLATES_OF_LATER_ZONES", ["4.19.1.0", "4.20.0.0"], ["4.18.2.5", "4.19.0.0"]),
        ("IDS_OF_NETWORKS", ["4.19.3.0", "4.20.1.0", "4.20.2.0", "4.21.0.0"], ["4.18.2.5", "4.19.2.0", "4.20.0.0"]),
        ("DOMAIN_PATHS", ["4.19.2.0", "4.20.0.0"], ["4.19.1.0"]),
        ("TEMPLATES_BY_ARCHITECTURE", ["4.20.1.0"], ["4.20.0.0"]),
        ("SHUTDOWN_LETS_JOBS_END", ["4.21.0.0"], ["4.20.2.0"]),
        ("NETWORKS_OF_ALL_OWNERS", ["4.22.0.0"], ["4.21.0.0", "4.17.2.0"]),
    ],
)
def test_what_the_code_acts_on(name: str, with_it: list[str], without: list[str]) -> None:
    row = getattr(differences, name)
    assert row in DIFFERENCES
    assert [row.holds(version(server)) for server in with_it] == [True] * len(with_it)
    assert [row.holds(version(server)) for server in without] == [False] * len(without)
    assert not row.holds(None)


def test_a_fix_in_two_branches_is_in_neither_branch_before_it() -> None:
    """4.20.0.0 came out before 4.19.3.0 and has less."""
    assert differences.IDS_OF_NETWORKS.holds(version("4.19.3.0"))
    assert not differences.IDS_OF_NETWORKS.holds(version("4.20.0.0"))


def test_a_server_newer_than_all_known_ones_is_read_as_carefully_as_an_old_one() -> None:
    newer = version("4.23.0.0")
    assert differences.is_newer_than_known(newer)
    assert not differences.NETWORKS_OF_ALL_OWNERS.holds(newer)
    assert differences.SOFTWARE_VERSION.holds(newer)


def test_a_newer_release_tells_no_less_than_an_older_one() -> None:
    servers = [
        "4.11.0.0",
        "4.13.0.0",
        "4.16.1.1",
        "4.17.2.0",
        "4.18.2.5",
        "4.19.3.0",
        "4.20.2.0",
        "4.21.0.0",
        "4.22.0.0",
    ]
    unknown = [set(unknown_of(version(server))) for server in servers]
    assert all(later <= earlier for earlier, later in itertools.pairwise(unknown))
    assert unknown[0]
    assert unknown[-1] == set()


def test_what_is_said_of_a_server() -> None:
    assert differences.notes_on(version("4.22.0.0")) == ()
    [note] = differences.notes_on(version("4.17.2.0"))
    assert note.startswith("4.17.2.0 does not tell which template an SSVM or CPVM was made from")
    assert "newer than 4.22" in differences.notes_on(version("4.23.1.0"))[0]


def test_the_table_is_in_the_order_of_releases() -> None:
    assert [min(row.since) for row in DIFFERENCES] == sorted(min(row.since) for row in DIFFERENCES)
