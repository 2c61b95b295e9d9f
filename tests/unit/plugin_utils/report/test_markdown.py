# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Markdown: complete, harmless whatever a name says, cut with many units."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from tests.unit.plugin_utils.report.reports import (
    MOST_ROWS,
    around,
    each_edge,
    everything,
    many,
    planned,
    report,
)


@each_edge
def test_markdown_tables_have_as_many_cells_in_every_row(data: Any) -> None:
    widths = {
        len(re.findall(r"(?<!\\)\|", line)) for line in markdown_report(data).splitlines() if line.startswith("|")
    }
    assert widths <= {6, 9}


def test_markdown_says_what_is_not_done() -> None:
    text = markdown_report(everything())
    sentence = "6 of 9 units are not proven current. Run again to go on: what is current is left alone."
    assert text.startswith(f"# System VM upgrade: incomplete\n\n**{sentence}**\n")
    assert "- Units: 1 ? " in text and "1 ✗ failed, 2 - skipped, 2 ○ not started, 1 ✓ upgraded, 2 = current" in text
    assert "| network net-7 | east | acme (ROOT/Customers/Acme) | - skipped | r-7-VM is Stopped |" in text
    assert "- **FAIL** permissions: seen\n- **WARN** " in text
    assert "<script" not in text and "<img" not in text


def test_markdown_is_cut() -> None:
    report = many(1000)
    lines = markdown_report(report).splitlines()
    assert sum(line.startswith("| network ") for line in lines) == MOST_ROWS + report["summary"]["failed"] + 100
    assert f"... and {1000 - MOST_ROWS:,} more: see report.html or report.json." in lines


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("my_net_1", "my_net_1"),
        ("_net_", r"\_net\_"),
        ("a|b\r\nc", r"a\|b\\r\\nc"),
        ("<b>*x*</b> &lt;", r"&lt;b>\*x\*&lt;/b> &amp;lt;"),
        ("{{ x }}{%{#{", "&#123;{ x }}&#123;%&#123;#{"),
        ("[a](b) `c` \\", r"\[a\](b) \`c\` \\"),
    ],
)
def test_markdown_shows_names_as_they_are(name: str, shown: str) -> None:
    assert f"| network {shown} | network |" in markdown_report(report([planned(name=name)]))


def test_what_is_not_handled_and_what_ran_where_is_in_the_markdown() -> None:
    lines = markdown_report(around()).splitlines()
    assert "## Not handled by this collection: 1 shared file system" in lines
    assert "| shared file system | files-0 | east | b | r |" in lines
    assert "| east | KVM | router | 4.22.0.0 | sha512 aaaaaaaaaa | 12 | 2 hosts |" in lines
    assert "| east | KVM | SSVM | 4.22.0.0 | - | 1 | 1 host |" in lines
