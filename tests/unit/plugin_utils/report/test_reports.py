# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page and the Markdown: well-formed, complete, harmless whatever a name says, small and fast with many units."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.durations import iso_time
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.artifacts import report_artifact
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report, foreseen
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.text import report_text
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.timeline import MOST_BARS
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.wording import (
    changes,
    duration,
    moment,
    run_facts,
)

# As the templates have them.
MOST_ROWS, MOST_NAMES = 200, 20
T0 = 1_790_000_000.0
VOID = {"input", "meta", "wbr"}
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 1 + 1 }} {% x %} {# y #} &amp; | a b *Käserei*"
OLD = {"state": "Running", "software_version": "4.19.1.0", "template_version": "4.19.1", "host": "h1"}
NEW = {**OLD, "software_version": "4.22.0.0"}


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


def planned(number: int = 1, **more: Any) -> Any:
    unit = {
        "id": f"id-{number}",
        "name": f"net-{number}",
        "kind": "network",
        "zone": "east",
        "hypervisor": "KVM",
        "hosts": ["h1"],
        "owner": {"account": "acme", "domain": "ROOT/Customers/Acme", "project": None},
        "step": 1,
        "method": "live_patch",
        "reason": "runs 4.19.1.0",
        "code": "OldVersion",
        "conditions": [],
        "impact": "DNS and DHCP pause for seconds",
        "vms": [{"id": f"vm-{number}", "name": f"r-{number}-VM", **OLD}],
        "restarts": [],
        "endpoints": [],
        "sensitive_services": [],
    }
    return {**unit, **more}


def result(number: int = 1, status: str = "upgraded", start: float = 0, length: float = 12.3, **more: Any) -> Any:
    facts = {
        "id": f"id-{number}",
        "method": "live_patch",
        "status": status,
        "code": "Done" if status == "upgraded" else "NoEffect",
        "conditions": [],
        "reason": "proven: runs 4.22.0.0" if status == "upgraded" else f"r-{number}-VM still reports 4.19.1.0",
        "job_ids": [f"6e29340c-e68e-434d-aea9-{number:012}"],
        "started": iso_time(T0 + start),
        "finished": iso_time(T0 + start + length),
        "duration_s": length,
        "vms": [
            {
                "id": f"vm-{number}",
                "name": f"r-{number}-VM",
                "before": OLD,
                "after": NEW if status == "upgraded" else OLD,
            }
        ],
        **{"worked_s": length, "notes": [], "gap_s": None, "endpoints": [], "restarts": []},
    }
    return {**facts, **more}


def report(units: Sequence[Mapping[str, Any]] = (), results: Sequence[Any] = (), **more: Any) -> Any:
    steps = sorted({unit["step"] for unit in units if unit["step"]})
    plan = {
        "management_server_version": "4.22.0.0",
        "steps": [{"number": step, "name": "router live patch", "units": []} for step in steps],
        "units": units,
    }
    facts: dict[str, Any] = {
        "checks": [{"name": "not_running", "status": "ok", "seen": "all run", "remedy": ""}],
        "started": "2026-09-21T13:33:00",
        "finished": "2026-09-21T14:35:05+00:00",
    }
    given: Any = {name: more.pop(name, facts[name]) for name in ("checks", "started")}
    given |= more.pop("plan", plan)
    return build_report(given, results, **{"finished": facts["finished"], **more})


def many(number: int) -> Any:
    """A pair in every tenth unit, one failure in fifty, ten at a time, the last hundred not started."""
    chance = random.Random(number)
    workers = [0.0] * 10
    units, results = [], []
    for at in range(number):
        unit = planned(at, id=f"45df7d2e-62f8-5058-a85f-{at:012}", name=f"customer-network-{at}", step=1 + (at >= 4))
        ended = result(at, chance.choice(["upgraded"] * 49 + ["failed"]), id=unit["id"])
        if at % 10 == 0:
            unit["vms"] = [*unit["vms"], {"id": f"vm-{at}b", "name": f"r-{at}b-VM", **OLD}]
            ended["vms"] = [*ended["vms"], {"id": f"vm-{at}b", "name": f"r-{at}b-VM", "before": OLD, "after": NEW}]
        units.append(unit)
        if at < number - 100:
            worker = workers.index(min(workers))
            ended["duration_s"] = round(chance.uniform(8, 30), 1)
            ended["started"] = iso_time(T0 + workers[worker])
            workers[worker] += ended["duration_s"]
            ended["finished"] = iso_time(T0 + workers[worker])
            results.append(ended)
    return report(units, results, error="the failure budget is used up after step 2 (router live patch)")


NOT_HANDLED = {"what": "shared file system", "name": "files", "id": "sf", "zone": "east", "because": "b", "remedy": "r"}
DRIFT: Any = {
    "running": [
        {"zone": "east", "hypervisor": "KVM", "group": "router", "software": "4.22.0.0", "scripts": "a" * 128,
         "digest": "sha512", "count": 12, "hosts": {"kvm1": 7, "kvm2": 5}},
        {"zone": "east", "hypervisor": "KVM", "group": "router", "software": "4.22.0.0", "scripts": "b" * 32,
         "digest": "md5", "count": 1, "hosts": {"kvm3": 1}},
        {"zone": "east", "hypervisor": "KVM", "group": "ssvm", "software": "4.22.0.0", "scripts": None,
         "digest": None, "count": 1, "hosts": {"kvm1": 1}},
    ],
    "odd": [
        {"id": "r", "name": "r-9-VM", "zone": "east", "hypervisor": "KVM", "host": "kvm3", "software": "4.22.0.0",
         "scripts": "b" * 32, "digest": "md5", "why": "it claims 4.22.0.0, but its checksum is an md5"},
    ],
    "agents": [{"zone": "east", "version": "4.22.0.0", "count": 3, "hosts": ["kvm1", "kvm2", "kvm3"]}],
    "not_running": 2,
}  # fmt: skip


def around(number: int = 1, **entry: Any) -> Any:
    """A report that tells what is around the units."""
    entries = [{**NOT_HANDLED, "name": f"files-{at}", **entry} for at in range(number)]
    plan = {"management_server_version": "4.22.0.0", "units": [planned()], "not_handled": entries, "drift": DRIFT}
    return report(plan=plan)


def everything() -> Any:
    """Each status once, among them one that is not known yet; every text says the worst it can."""
    evil = {"name": EVIL, "zone": EVIL, "hypervisor": EVIL, "reason": EVIL, "owner": {"account": EVIL, "domain": EVIL}}
    units = [
        planned(0, **{**evil, "id": EVIL, "vms": [{"id": EVIL, "name": EVIL, **OLD, "software_version": EVIL}]}),
        *(planned(number) for number in range(1, 6)),
        planned(6, step=None, method="none", reason="already runs 4.22.0.0"),
        planned(7, step=None, method="skip", reason="r-7-VM is Stopped"),
        planned(8, owner={"account": None, "domain": "ROOT", "project": "apollo"}, kind="ssvm", type="system_vm"),
    ]
    facts = {"before": {**OLD, "software_version": EVIL}, "after": {**OLD, "state": EVIL}}
    results = [
        result(0, "failed", id=EVIL, reason=EVIL, job_ids=[f"{EVIL} job"], vms=[{"id": EVIL, "name": EVIL, **facts}]),
        result(1),
        result(2, "current"),
        result(3, "skipped"),
        result(4, EVIL),
        result(5, "not_started", started=None, finished=None, duration_s=None, job_ids=[]),
    ]
    checks = [
        {"name": EVIL, "status": "warn", "seen": EVIL * 9, "remedy": EVIL},
        {"name": "permissions", "status": "fail", "seen": "seen", "remedy": ""},
        {"name": "fine", "status": "ok", "seen": "fine", "remedy": ""},
    ]
    return report(units, results, checks=checks, error=EVIL)


EDGES: dict[str, Any] = {
    "nothing in scope": report(),
    "no plan": report(plan={}, checks=[], error="api_key is missing", started="2026-09-21T13:33:00Z"),
    "refused": report(
        [planned(n) for n in range(30)], checks=[{"name": "c", "status": "fail", "seen": "", "remedy": ""}]
    ),
    "broken off at the end": report([planned()], [result()], error="interrupted"),
    "nothing started": report([planned()], error="interrupted"),
    "all current": report([planned(step=None, method="none", reason="already runs 4.22.0.0")]),
    "no time passes": report([planned()], [result(length=0.0)]),
    "days": report([planned(1), planned(2)], [result(1, length=400_000.0), result(2)]),
    "everything": everything(),
    "many": many(300),
}
each_edge = pytest.mark.parametrize("data", EDGES.values(), ids=list(EDGES))


# The page


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


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (["upgraded", "current"], None),
        (["upgraded", "failed", "skipped"], "Run again to go on"),
        (["upgraded", "not_started"], "Run again to go on"),
        (["current", "skipped"], "running again changes nothing"),
    ],
)
def test_what_to_do_next(ends: list[str], words: str | None) -> None:
    units = [planned(number) for number in range(len(ends))]
    told = report(units, [result(number, end) for number, end in enumerate(ends)])["next"]
    assert told is None if words is None else words in told


def test_units_with_the_same_reason_share_a_row() -> None:
    page = Page(html_report(EDGES["refused"]))
    row = next(text for text in page.text("tr") if text.startswith("○ not started"))
    assert f"and {30 - MOST_NAMES} more 30 units" in row


def test_a_long_check_is_folded() -> None:
    page = Page(html_report(everything()))
    assert len(page.all("details")) == 1
    assert EVIL * 9 in page.text("details")[0]


@pytest.mark.parametrize("number", [MOST_BARS, MOST_BARS + 1])
def test_timeline_packs_only_many_units(number: int) -> None:
    units = [planned(at) for at in range(number)]
    text = html_report(report(units, [result(at, start=at // 10 * 20) for at in range(number)]))
    height = max(
        float(value) for value in re.findall(r'<rect x="[\d.]+" y="(\d+)" width="[\d.]+" height="\d+"/><', text)
    )
    assert height > 800 if number <= MOST_BARS else height < 150  # ten at a time
    assert text.count("<rect x=") == number + 1  # and one in the key


def test_bars_of_one_row_do_not_overlap() -> None:
    text = html_report(many(300))
    rows: dict[str, list[tuple[float, float]]] = {}
    for left, top, width in re.findall(r'<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)" height="10"', text):
        rows.setdefault(top, []).append((float(left), float(left) + float(width)))
    del rows["1"]  # the key
    assert len(rows) == 10
    for bars in rows.values():
        bars.sort()
        assert all(left[1] <= right[0] + 0.2 for left, right in itertools.pairwise(bars))


def test_timeline_tells_failures_apart_without_colour() -> None:
    text = html_report(many(300))
    failed = many(300)["summary"]["failed"]
    assert text.count('class="mark"') == failed
    assert "[data-status=failed] rect { fill: url(#stripes)" in text


def test_many_units_are_small() -> None:
    text = html_report(many(5000))
    assert len(text.encode()) < 5_000_000
    assert text.count("data-kind=") == 5000


# Markdown


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
    lines = markdown_report(many(5000)).splitlines()
    assert sum(line.startswith("| network ") for line in lines) == MOST_ROWS + many(5000)["summary"]["failed"] + 100
    assert f"... and {5000 - MOST_ROWS:,} more: see report.html or report.json." in lines


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


# What is around the units


def test_what_is_not_handled_and_what_ran_where_is_on_the_page() -> None:
    page = Page(html_report(around()))
    assert "Not handled by this collection: 1 shared file system" in page.text("h2")
    assert any(text.startswith("shared file systemfiles-0east") for text in page.text("tr"))
    assert any(text.startswith("eastKVMrouter4.22.0.0sha512 aaaaaaaaaa122 hosts") for text in page.text("tr"))
    assert any(text.startswith("r-9-VMeastkvm34.22.0.0md5 bbbbbbbbbb") for text in page.text("tr"))


def test_what_is_not_handled_and_what_ran_where_is_in_the_markdown() -> None:
    lines = markdown_report(around()).splitlines()
    assert "## Not handled by this collection: 1 shared file system" in lines
    assert "| shared file system | files-0 | east | b | r |" in lines
    assert "| east | KVM | router | 4.22.0.0 | sha512 aaaaaaaaaa | 12 | 2 hosts |" in lines
    assert "| east | KVM | SSVM | 4.22.0.0 | - | 1 | 1 host |" in lines


@pytest.mark.parametrize("render", [html_report, markdown_report])
def test_tables_about_what_is_around_are_harmless_and_bounded(render: Callable[[Any], str]) -> None:
    text = render(around(5000, name=EVIL, zone=EVIL, because=EVIL, remedy=EVIL))
    assert "<script>alert" not in text and "<img" not in text
    assert len(text) < 500_000 and "4,800 more" in text


def test_what_is_not_as_it_was_approved_is_on_the_page_and_in_the_markdown() -> None:
    line = {"id": "1", "name": "network web in east", "place": "plan.csv, line 3", "approved": "live_patch"}
    none: dict[str, list[Any]] = {"current": [], "left_out": [], "not_approved": []}
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


# The words


RECREATED: Any = [
    ({"before": OLD, "after": NEW}, ["4.19.1.0 → 4.22.0.0", "template 4.19.1"]),
    ({"before": OLD, "after": OLD}, ["4.19.1.0", "template 4.19.1"]),
    ({"before": OLD, "after": {}}, ["4.19.1.0 → gone", "template 4.19.1"]),
    ({"before": {}, "after": NEW}, ["new → 4.22.0.0", "template 4.19.1"]),
    (
        {
            "before": {**OLD, "software_version": None, "state": "Stopped"},
            "after": {**NEW, "template_version": "4.22.0"},
        },
        ["unknown → 4.22.0.0", "template 4.19.1 → 4.22.0", "state Stopped → Running"],
    ),
    (
        {"before": {**OLD, "redundant_state": "BACKUP"}, "after": {**OLD, "redundant_state": "PRIMARY"}},
        ["4.19.1.0", "template 4.19.1", "redundancy BACKUP → PRIMARY"],
    ),
    (
        {"before": {**OLD, "agent_state": "Up"}, "after": {**OLD, "agent_state": "Alert"}},
        ["4.19.1.0", "template 4.19.1", "agent Up → Alert"],
    ),
]


@pytest.mark.parametrize(("vm", "told"), RECREATED)
def test_changes(vm: Any, told: list[str]) -> None:
    assert changes(vm) == told


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (0.0, "0 s"), (2.94, "2.9 s"), (59.96, "1 min 0 s"), (200.4, "3 min 20 s"), (3900.0, "1 h 5 min")],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_times_are_utc() -> None:
    same = ["2026-09-21T13:33:00", "2026-09-21T13:33:00Z", "2026-09-21T13:33:00+00:00", "2026-09-21T15:33:00+02:00"]
    assert len({moment(text) for text in same}) == 1
    assert moment(None) is None


def test_oldest_version_comes_first() -> None:
    units = [
        planned(1),
        planned(2, vms=[{"id": "a", "name": "a", "software_version": None, "template_version": "4.9.0"}]),
    ]
    assert run_facts(report(units))[0] == ("From", "4.9.0.0 (1 VM), 4.19.1.0 (1 VM)")


@pytest.mark.parametrize(
    ("zone", "begin", "end", "named"),
    [
        ("UTC", "2026-09-21 13:33:00+00:00", "16:13", "2026-09-21, UTC."),
        ("Europe/Berlin", "2026-09-21 15:33:00+02:00", "18:13", "2026-09-21, UTC+02:00."),
        ("Asia/Kolkata", "2026-09-21 19:03:00+05:30", "21:43", "2026-09-21, UTC+05:30."),
    ],
)
def test_times_are_those_of_the_clock_here(
    zone: str, begin: str, end: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    text = html_report(report([planned()], [result(length=7200)]))
    markdown = markdown_report(report([planned()], [result()]))
    assert f"<dd>{begin}</dd>" in text and f"Times of {named}" in text and f"to {end}:20, 2 h 0 min" in text
    ticks = [tick for tick in re.findall(r'class="tick"[^>]*>([^<]+)<', text)]
    assert len(ticks) > 4 and all(tick.endswith((":00", ":15", ":30", ":45")) for tick in ticks)
    assert f"- Started: {begin}" in markdown


@pytest.mark.parametrize(
    ("ended", "status", "sentence"),
    [
        (["upgraded", "current"], "would_succeed", "2 units of 2 would be current after a run."),
        (["upgraded", "skipped"], "would_be_incomplete", "1 unit of 2 would be current after a run."),
    ],
)
def test_the_result_of_check_mode_does_not_pass_for_that_of_a_run(ended: list[str], status: str, sentence: str) -> None:
    units = [planned(number) for number in range(2)]
    made = foreseen(report(units, [result(number, end) for number, end in enumerate(ended)]))
    assert made["status"] == status == report_artifact(made, [])["status"]
    assert report_text(made)[0].startswith(f"Expected result: {status.replace('_', ' ')}: ")
    for text in (html_report(made), markdown_report(made)):
        assert "Check mode: nothing was changed" in text or "check mode: nothing was changed" in text
        assert sentence in text and "without --check" in text
        assert "Complete" not in text and "proven current" not in text


def test_what_is_refused_in_check_mode_is_refused() -> None:
    assert foreseen(EDGES["refused"])["status"] == "refused"
