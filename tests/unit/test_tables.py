# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of docs/checks.md and docs/known_defects.md. That they are up to date: test_options.py."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.versions import parse_version
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import CHECKS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import CheckStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.known_defects import DEFECTS, VersionRange
from tests.tools import tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("first", "until", "words"),
    [
        ("4.16.0.0", "4.18.2.0", "4.16.0.0 to before 4.18.2.0"),
        ("4.21.0.0", None, "4.21.0.0 and newer"),
        (None, "4.18.2.0", "before 4.18.2.0"),
        (None, None, "all"),
    ],
)
def test_the_releases_of_a_defect(first: str | None, until: str | None, words: str) -> None:
    assert tables.span_words(VersionRange(parse_version(first), parse_version(until))) == words


@pytest.mark.parametrize(
    ("worst", "guards", "name", "words"),
    [
        (CheckStatus.WARN, False, "shared_networks", "-"),
        (CheckStatus.FAIL, False, "host_agents", "yes"),
        (CheckStatus.FAIL, True, "new_template", "no"),
    ],
)
def test_whether_a_check_can_be_ignored(worst: CheckStatus, guards: bool, name: str, words: str) -> None:
    [check] = [check for check in CHECKS if check.name == name]
    assert (check.worst, check.guards) == (worst, guards)
    assert tables.check_cells(check)[2:4] == (worst.value, words)


def test_what_a_check_reads() -> None:
    [check] = [check for check in CHECKS if check.name == "image_store"]
    assert tables.check_cells(check)[4] == "`listImageStores`, `secondary.storage.capacity.threshold`"
    named_after_its_setting = replace(check, name=check.settings[0], needs=frozenset())
    assert tables.check_cells(named_after_its_setting)[4] == "the setting of that name"


def test_a_table_has_a_row_for_each_and_nothing_that_markdown_swallows() -> None:
    for table, items in ((tables.checks_table(), CHECKS), (tables.defects_table(), DEFECTS)):
        header, line, *rows = table.splitlines()
        assert len(rows) == len(items)
        assert {row.replace("\\|", "").count("|") for row in (header, line, *rows)} == {header.count("|")}
    assert "router.template.&lt;hypervisor>" in tables.checks_table()


def test_the_page_names_the_checks_of_new_disks() -> None:
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    page = " ".join(text.split()).rpartition("concern new disks")[2]
    assert [check.name for check in CHECKS if (f"`{check.name}`" in page) is not check.new_disks] == []


# A row of tests/findings.md: what was found, then files with their tests.
FINDING = re.compile(r"\| (?P<what>[^|]+) \| (?P<tests>`[^|]+) \|")
FINDINGS = [
    FINDING.fullmatch(line)
    for line in (ROOT / "tests/findings.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and line not in ("|---|---|", "| what was found | test |")
]


@pytest.mark.parametrize("row", FINDINGS, ids=lambda row: row["what"][:60] if row else "not in form")
def test_the_tests_of_each_finding_exist(row: re.Match[str] | None) -> None:
    assert row is not None
    for named in row["tests"].split("; "):
        file, dummy, tests = named.partition(": ")
        there = set(re.findall(r"^def (test_\w+)", (ROOT / "tests" / file.strip("`")).read_text("utf-8"), re.MULTILINE))
        assert {test.strip("`") for test in tests.split(", ")} <= there, named
