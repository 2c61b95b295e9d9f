# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation leads where it says, and leaves out nothing that it is to have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.server_texts import (
    SERVER_TEXTS,
    ServerText,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.ends import UnitStatus
from tests.support.pages import PAGES, ROOT

OURS = re.compile(r"https://github\.com/cloudstack/ansible-collection-sysvm/(?:blob|raw|tree)/main/([^\s)>`#]*)")
RELATIVE = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)|\.\. image:: (\S+)|`[^`<]+ <(?!https?:)([^>#]+)>`__")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def guide(name: str) -> str:
    return (ROOT / f"docs/docsite/rst/guide_{name}.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [ROOT / path for path in OURS.findall(text)]
    targets += [page.parent / "".join(link) for link in RELATIVE.findall(text)]
    assert [str(target) for target in targets if not target.exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".rst"], ids=lambda page: page.stem)
def test_github_shows_the_links_of_a_guide(page: Path) -> None:
    """What only Sphinx knows it shows as it is written."""
    assert re.findall(r":(?:ref|doc|term|any):`[^`]*`", page.read_text(encoding="utf-8")) == []


def test_the_readme_is_short_and_names_all_that_there_is() -> None:
    assert len(README.splitlines()) <= 150
    names = {path.stem for folder in ("playbooks", "plugins/modules") for path in (ROOT / folder).glob("[!_]*.*")}
    names |= {path.name for path in (ROOT / "roles").iterdir()}
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_the_readme_leads_to_every_guide_and_page() -> None:
    pages = [*(ROOT / "docs/docsite/rst").glob("*.rst"), *(ROOT / "docs").glob("*.md")]
    missing = {str(page.relative_to(ROOT)) for page in pages if f"/main/{page.relative_to(ROOT)}" not in README}
    assert missing - {"docs/docsite/rst/guide_awx.rst"} == set()


FRAGMENTS = sorted((ROOT / "changelogs/fragments").glob("*.yml"))


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_a_fragment_of_the_changelog_can_be_read(path: Path) -> None:
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = [line for section, found in sections.items() if section != "release_summary" for line in found]
    assert [line for line in lines if not isinstance(line, str)] == []


def test_every_status_of_a_unit_is_documented() -> None:
    table = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    returned = (ROOT / "tests/tools/return.yml").read_text(encoding="utf-8")
    named = [row.split(" | ")[1] for row in table.splitlines() if re.match(r"\| \S \| ", row)]
    assert {*named} == {status.value.replace("_", " ") for status in UnitStatus} | {"running"}
    [listed] = re.findall(r"One of (.*)\.", returned)
    assert {*re.findall(r"V\((\w+)\)", listed)} == {status.value for status in UnitStatus}


def test_every_playbook_is_documented() -> None:
    names = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert {name for name in names if f"\ncloudstack.sysvm.{name}\n---" not in guide("playbooks")} == set()


HINTS = [row for row in SERVER_TEXTS if row.hint]


@pytest.mark.parametrize("row", HINTS, ids=lambda row: str(row.pattern.pattern)[:40])
def test_what_the_server_says_can_be_looked_up(row: ServerText) -> None:
    quoted = re.findall(r"code-block:: text\n\n((?: +.*\n)+)", guide("failures"))
    assert any(row.pattern.search(words) for words in quoted)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_the_site_has_what_a_page_links_to(page: Path) -> None:
    """It has the pages of this folder; to guides and other files they link by their address on GitHub."""
    targets = ["".join(link) for link in RELATIVE.findall(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if "/" in target.removeprefix("examples/").removeprefix("images/")] == []
