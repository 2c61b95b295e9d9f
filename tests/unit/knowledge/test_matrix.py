# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation says of live patches, by the release of the template."""

from __future__ import annotations

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge import matrix
from tests.unit.builders import version


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("4.2", False),
        ("4.9.3", False),
        ("4.13.1", False),
        ("4.14.0", True),
        ("4.15.0", True),
        ("4.20", True),
        ("24.0.0", True),
    ],
)
def test_what_may_be_live_patched(text: str, supported: bool) -> None:
    assert matrix.row_for(version(text)).supported is supported


def test_every_release_has_its_row_and_every_row_its_releases() -> None:
    found = [matrix.row_for(version(f"{major}.{minor}")) for major in (4, 5, 24) for minor in range(40)]
    assert list(dict.fromkeys(found)) == list(matrix.ROWS)


@pytest.mark.parametrize(("server", "can"), [("4.16.1.0", False), ("4.17.0.0", True), ("4.22.0.0", True)])
def test_since_when_servers_live_patch_at_all(server: str, can: bool) -> None:
    assert matrix.server_can_live_patch(version(server)) is can
