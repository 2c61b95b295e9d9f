# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation says of live patches, by the release of the template."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge import matrix
from tests.unit.builders import TARGET, version


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
    row = matrix.row_for(version(text), TARGET)
    assert row is not None
    assert row.supported is supported


def test_exactly_one_row_for_every_release() -> None:
    for major, minor in itertools.product((4, 5, 24), range(40)):
        rows = [
            row
            for row in matrix.ROWS
            if (row.first is None or (major, minor) >= row.first) and (row.last is None or (major, minor) <= row.last)
        ]
        assert len(rows) == 1, (major, minor)


@pytest.mark.parametrize(("server", "can"), [("4.16.1.0", False), ("4.17.0.0", True), ("4.22.0.0", True)])
def test_since_when_servers_live_patch_at_all(server: str, can: bool) -> None:
    assert matrix.server_can_live_patch(version(server)) is can
