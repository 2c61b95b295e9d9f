# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers with what is counted."""

from __future__ import annotations

import re

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.counts import count
from tests.tools.rooms import SOURCES


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((1, "unit"), "1 unit"),
        ((0, "unit"), "0 units"),
        ((2000, "unit"), "2,000 units"),
        ((2, "address"), "2 addresses"),
        ((1, "VPC has no tier", "VPCs have no tier"), "1 VPC has no tier"),
        ((2, "VPC has no tier", "VPCs have no tier"), "2 VPCs have no tier"),
    ],
)
def test_one_and_many(given: tuple[int, str], text: str) -> None:
    assert count(*given) == text


def test_no_text_leaves_the_choice_to_its_reader() -> None:
    assert [name for name, text in SOURCES.items() if re.search(r"[ \"][A-Za-z]+\(s\)", text)] == []
