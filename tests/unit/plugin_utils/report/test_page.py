# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: well-formed, complete, harmless whatever a name says, small and fast with many units."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from tests.unit.plugin_utils.report.reports import (
    EDGES,
    EVIL,
    MOST_NAMES,
    around,
    each_edge,
    everything,
    many,
    planned,
    report,
)

VOID = {"input", "meta", "wbr"}


class Page(HTMLParser):
    """A strict reader: every tag is closed in order; keeps the attributes of all tags and the text of the elements."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, list[str]]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert len({name for name, dummy in attrs}) == len(attrs), f"{tag} repeats an attribute"
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened, texts = self.open.pop()
        assert opened == tag
        self.texts.append((tag, "".join(texts)))

    def handle_data(self, data: str) -> None:
        for dummy, texts in self.open:
            texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of the table of all units."""
        return [row for row in self.all("tr") if "data-kind" in row]


@each_edge
def test_page_is_well_formed_and_has_each_unit_once(data: Any) -> None:
    text = html_report(data)
    page = Page(text)
    assert page.open == []
    assert len(page.rows) == len(data["units"])
    anchors = [row["id"] for row in page.rows]
    ids = [attributes["id"] for dummy, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for unit in data["units"]:
        assert page.text("code").count(unit["id"]) == 1
    assert {link["href"][1:] for link in page.all("a")} <= {*anchors, "units"}


@each_edge
def test_page_carries_out_nothing_and_loads_nothing(data: Any) -> None:
    text = html_report(data)
    page = Page(text)
    assert len(page.all("script")) == (1 if data["units"] else 0)
    assert not {"img", "link", "iframe", "object", "base", "form"} & {tag for tag, dummy in page.tags}
    assert not [
        name for dummy, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"
    ]
    assert not [name for name in ("http:", "https:", "@import", "url(h") if name in text]
    policy = page.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none'")
    for script in page.text("script"):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


@each_edge
def test_no_report_is_a_template(data: Any) -> None:
    for text in (html_report(data), markdown_report(data)):
        assert not [mark for mark in ("{{", "{%", "{#") if mark in text]


def test_notes_of_the_run_are_on_the_page() -> None:
    data = everything()
    data["notes"] = ["somebody else is at work", EVIL]
    page = Page(html_report(data))
    assert {"somebody else is at work", EVIL} <= {*page.text("p")} and "2 notes" in page.text("h2")


def test_page_shows_every_text_as_it_is() -> None:
    page = Page(html_report(everything()))
    row = page.rows[0]
    assert (row["data-status"], row["data-kind"], row["data-zone"]) == ("failed", "network", EVIL)
    cells = page.text("td") + page.text("th")
    assert cells.count(EVIL) >= 4  # zone, hypervisor, reason, a check's remedy ...
    assert EVIL in page.text("code")
    assert f"Broken off: {EVIL}" in page.text("p")
    assert [tip for tip in page.text("title") if tip.startswith(f"{EVIL}: ✗ failed, 14:13:20 to 14:13:32, 12.3 s")]


def test_filters_offer_what_the_rows_have() -> None:
    page = Page(html_report(everything()))
    offered = {option["value"] for option in page.all("option")}
    assert offered == {"", *(row[f"data-{key}"] for row in page.rows for key in ("status", "kind", "zone"))}
    assert [select["name"] for select in page.all("select")] == ["status", "kind", "zone"]
    assert "hidden" in next(div for div in page.all("div") if div.get("id") == "filter")


def test_tables_have_headers() -> None:
    page = Page(html_report(everything()))
    assert {header.get("scope") for header in page.all("th")} == {"col", "row", "rowgroup"}


def test_outcome_comes_first_and_in_words() -> None:
    text = html_report(everything())
    order = [text.index(word) for word in ("Incomplete<", ">What is not", ">Checks: 2 of 3", ">Timeline<", ">9 units<")]
    assert order == sorted(order)
    assert "6 of 9 units are not proven current." in text
    facts = dict(zip(Page(text).text("dt"), Page(text).text("dd"), strict=True))
    assert facts["Started"] == "2026-09-21 13:33:00+00:00"
    assert facts["Duration"] == "1 h 2 min"
    assert facts["To"] == "4.22.0.0"


def test_units_with_the_same_reason_share_a_row() -> None:
    page = Page(html_report(EDGES["refused"]))
    row = next(text for text in page.text("tr") if text.startswith("○ not started"))
    assert f"and {30 - MOST_NAMES} more 30 units" in row


def test_a_long_check_is_folded() -> None:
    page = Page(html_report(everything()))
    assert len(page.all("details")) == 1
    assert EVIL * 9 in page.text("details")[0]


def test_many_units_are_small() -> None:
    text = html_report(many(1000))
    assert len(text.encode()) < 1_000_000
    assert text.count("data-kind=") == 1000


def test_what_is_not_handled_and_what_ran_where_is_on_the_page() -> None:
    page = Page(html_report(around()))
    assert "Not handled by this collection: 1 shared file system" in page.text("h2")
    assert any(text.startswith("shared file systemfiles-0east") for text in page.text("tr"))
    assert any(text.startswith("eastKVMrouter4.22.0.0sha512 aaaaaaaaaa122 hosts") for text in page.text("tr"))
    assert any(text.startswith("r-9-VMeastkvm34.22.0.0md5 bbbbbbbbbb") for text in page.text("tr"))


@pytest.mark.parametrize("render", [html_report, markdown_report])
def test_tables_about_what_is_around_are_harmless_and_bounded(render: Callable[[Any], str]) -> None:
    text = render(around(5000, name=EVIL, zone=EVIL, because=EVIL, remedy=EVIL))
    assert "<script>alert" not in text and "<img" not in text
    assert len(text) < 500_000 and "4,800 more" in text


def test_what_is_not_as_it_was_approved_is_on_the_page_and_in_the_markdown() -> None:
    line = {"id": "1", "name": "network web in east", "place": "plan.csv, line 3", "approved": "live_patch"}
    none: dict[str, Any] = {key: [] for key in ("current", "left_out", "not_approved", "nights", "later")}
    approved = {
        "source": "plan.csv",
        "lines": 2,
        "as_approved": 0,
        "differs": [{**line, "why": "now it needs recreate"}],
    }
    gone = [{**line, "approved": "none", "why": "it is not there any more"}]
    plan = {"management_server_version": "4.22.0.0", "units": [planned()]}
    data = report(plan={**plan, "approved": {**approved, "gone": gone, **none}})
    markdown = markdown_report(data).splitlines()
    told = "Approved plan: plan.csv, 2 lines: 0 as approved, 1 not touched, as they need something else now, 1 gone"
    assert f"## {told}" in markdown and told in Page(html_report(data)).text("h2")
    rows = [row for row in markdown if row.startswith("| plan.csv, line 3 |")]
    assert rows == [
        "| plan.csv, line 3 | network web in east | live patch | now it needs recreate |",
        "| plan.csv, line 3 | network web in east | nothing | it is not there any more |",
    ]


@pytest.mark.parametrize("render", [html_report, markdown_report])
def test_a_report_without_them_has_no_such_tables(render: Callable[[Any], str]) -> None:
    text = render(report([planned()]))
    assert "Not handled" not in text and "ran where" not in text
