# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan and the result on a terminal, the files, and the artifacts: for a few units and for thousands."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.build import build_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.markdown import markdown_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.page import html_report
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.text import (
    LONGEST_TEXT,
    MOST_FOUND,
    MOST_ROWS,
    checks_text,
    drift_text,
    outcome,
    plan_text,
    report_text,
)
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.report.write import (
    WriteError,
    as_json,
    write,
    write_report,
)
from tests.unit.plugin_utils.report.reports import DRIFT, EDGES, NOT_HANDLED, around, planned, report, result

CHECK: Any = {"name": "c", "status": "warn", "seen": "seen", "remedy": "look"}


def plan(units: list[dict[str, Any]], **more: Any) -> Any:
    steps = sorted({unit["step"] for unit in units if unit["step"]})
    return {
        "scope": "cloud c; everything",
        "management_server_version": "4.22.0.0",
        **{"zones": [], "server_notes": [], "not_handled": []},
        **dict.fromkeys(("forecast", "estimate", "campaign", "approved", "probes", "drift")),
        "steps": [
            {
                "number": number,
                "name": "router live patch",
                "units": [unit["id"] for unit in units if unit["step"] == number],
            }
            for number in steps
        ],
        "units": units,
        **more,
    }


def test_what_a_check_says_in_several_lines_stands_in_several_lines() -> None:
    long = "; ".join(["a word"] * 400)
    check: Any = {"name": "known_defects", "status": "warn", "seen": f"1 one\n2 {long}\n3 <three>", "remedy": "look"}
    shown = checks_text([check])
    assert [line[:14] for line in shown[2:]] == ["  WARN known_d", "       2 a wor", "       3 <thre", "       -> look"]
    assert all(len(line) < LONGEST_TEXT + 60 for line in shown)
    of: Any = {**report([planned(0)], [result(0)]), "checks": [check]}
    assert "\n  - 3 &lt;three>\n" in markdown_report(of)
    assert "<p>3 &lt;three&gt;</p>" in html_report(of)


def test_a_text_that_is_cut_keeps_its_beginning_and_says_where_the_rest_is() -> None:
    names = ", ".join(f"r-{number}-VM" for number in range(603))
    check = CHECK | {"seen": names}
    [line] = [line for line in checks_text([check], "plan.json") if "c: " in line]
    assert line.startswith("  WARN c: r-0-VM, r-1-VM, ") and line.endswith(" ... (all of it in plan.json)")
    assert len(line) < LONGEST_TEXT + 60


def test_a_long_list_of_a_check_says_how_many_more_there_are_and_where() -> None:
    seen = "\n".join(["603 routers are old:", *(f"r-{number}-VM" for number in range(603))])
    check = CHECK | {"seen": seen}
    lines = checks_text([check], "plan.json")
    assert lines[2:5] == ["  WARN c: 603 routers are old:", "       r-0-VM", "       r-1-VM"]
    assert f"       ... and {603 - MOST_FOUND} more, in plan.json" in lines
    assert len(lines) < MOST_FOUND + 8


def test_a_plan_tells_what_is_to_be_done_in_each_zone_and_how_long_that_takes() -> None:
    zones = [
        {"name": "Berlin", "units": 1412, "kinds": {"ssvm": 1, "network": 1411}, "span": "2 h to 5 h", "span_s": []},
        {"name": "Zürich", "units": 1, "kinds": {"vpc": 1}, "span": "1 min", "span_s": []},
    ]
    lines = plan_text(plan([planned()], zones=zones), [])
    assert lines[3:6] == [
        "  ZONE    UNITS  DONE AFTER  KINDS",
        "  Berlin  1,412  2 h to 5 h  1 SSVM, 1,411 networks",
        "  Zürich  1      1 min       1 VPC",
    ]


def test_what_makes_a_unit_sensitive_is_said_and_not_folded() -> None:
    units = [planned(number, sensitive_services=["load balancing"]) for number in range(150)]
    units.append(planned(150, kind="vpc", name="erp", sensitive_services=["site-to-site VPN", "private gateway"]))
    lines = plan_text(plan(units), [], "plan.json")
    assert "  150 units: live patch, runs 4.19.1.0; has load balancing (net-0, net-1, net-2 and 147 more)" in lines
    assert "  1 unit: live patch, runs 4.19.1.0; has site-to-site VPN, private gateway (erp)" in lines
    few = "\n".join(plan_text(plan(units[-2:]), []))
    assert "runs 4.19.1.0; has site-to-site VPN, private gateway" in few


def test_methods_are_told_as_what_is_to_be_done() -> None:
    units = [planned(1), planned(2, method="none", step=None), planned(3, method="skip", step=None)]
    assert plan_text(plan(units), [])[1] == "Upgrade to 4.22.0.0: 1 to live patch, 1 already current, 1 not touched"


def test_a_few_units_are_shown_one_by_one() -> None:
    lines = plan_text(plan([planned(number) for number in range(MOST_ROWS)]), [], "plan.json")
    assert lines[:2] == ["Scope: cloud c; everything", f"Upgrade to 4.22.0.0: {MOST_ROWS} to live patch"]
    assert sum(line.startswith("  network net-") for line in lines) == MOST_ROWS
    assert not any("plan.json" in line for line in lines)


def test_many_units_are_grouped_and_counted() -> None:
    units = [planned(n, reason=f"runs 4.19.{n % 2}.0") for n in range(4000)]
    units += [planned(n, step=None, method="skip", reason=f"r-{n}-VM is Stopped") for n in range(4000, 4100)]
    lines = plan_text(plan(units), [], "plan.json")
    assert "  2,000 units: live patch, runs 4.19.0.0 (net-0, net-2, net-4 and 1,997 more)" in lines
    assert "  All of them: plan.json" in lines
    assert sum("is Stopped" in line for line in lines) == 100, "what is skipped is always shown"
    assert len(lines) < 120


def test_no_step_has_more_than_a_few_dozen_rows() -> None:
    lines = plan_text(plan([planned(n, reason=f"reason {n % 500}") for n in range(1000)]), [])
    assert len(lines) < MOST_ROWS + 10
    assert f"  ... and {1000 - 2 * MOST_ROWS} units with {500 - MOST_ROWS} other reasons" in lines


def test_failures_are_always_shown_and_the_rest_is_counted() -> None:
    units = [planned(number) for number in range(3000)]
    ended = [result(number, "failed") for number in range(200)]
    lines = report_text(report(units, ended, error="the budget is used up"), "report.json")
    assert sum("still reports" in line for line in lines) == 200
    assert "  2,800 units: the run ended before its turn (net-200, net-201, net-202 and 2,797 more)" in lines
    assert "  All of them: report.json" in lines and lines[-1] == "Broken off: the budget is used up"


def test_what_is_at_work_is_running() -> None:
    made = build_report(
        plan([planned(1), planned(2)], started=""),
        [],
        finished="",
        error="x",
        running={"id-1": "2026-11-23T06:00:00"},
    )
    assert made["summary"] == {"running": 1, "not_started": 1}
    assert made["units"][0]["started"] == "2026-11-23T06:00:00"
    assert any(line == "Running: 1 unit" for line in report_text(made))


def test_an_empty_scope_has_a_status_of_its_own() -> None:
    assert (EDGES["nothing in scope"]["status"], EDGES["no plan"]["status"]) == ("empty", "error")
    assert all("un again" not in EDGES[name]["next"] for name in ("nothing in scope", "no plan"))
    assert "no unit in scope" in outcome(EDGES["nothing in scope"]) and "no plan" in outcome(EDGES["no plan"])


@pytest.mark.parametrize("name", EDGES)
def test_json_is_json(name: str) -> None:
    assert json.loads(as_json(EDGES[name])) == EDGES[name]


def test_json_has_a_line_for_each_unit() -> None:
    units = [planned(number) for number in range(5000)]
    text = as_json(report(units, [result(number) for number in range(5000)]))
    assert sum('"name": "net-' in line for line in text.splitlines()) == 5000
    inside = as_json({"scene": {"start": 1, "known": [{"id": number} for number in range(3)]}, "empty": {}})
    assert sum('"id"' in line for line in inside.splitlines()) == 3 and json.loads(inside)["scene"]["start"] == 1


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write(str(path), "first")
    assert path.read_text(encoding="utf-8") == "first"
    assert path.stat().st_mode & 0o007 == 0, "it has names of customers"

    def full(*dummy: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError, match=r"No space left.*sysvm_report_dir"):
        write(str(path), "second")
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"], "nothing is left over"
    assert path.read_text(encoding="utf-8") == "first"


def test_a_page_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    tmp_path.joinpath("report.html").mkdir()
    written, problems = write_report(str(tmp_path), report([planned()], [result()]))
    assert [Path(each).name for each in written] == ["report.json", "report.md"]
    assert len(problems) == 1 and "report.html" in problems[0]


def test_notes_of_units_that_are_done_are_shown_and_bounded() -> None:
    unit = {
        "id": "a",
        "name": "web",
        "zone": "z",
        "kind": "network",
        "status": "upgraded",
        "vms": [],
        "notes": ["sent once more"],
    }
    report: Any = {
        "status": "success",
        "scope": None,
        "error": None,
        "units": [unit],
        "notes": ["the server takes no job ids"],
    }
    shown = "\n".join(report_text(report))
    assert "Notes:" in shown and "sent once more" in shown and "takes no job ids" in shown
    report["units"] = [{**unit, "name": f"net-{number}"} for number in range(50)]
    same = "sent once more; the same for 49 more: network net-1, network net-2, network net-3 and 46 more"
    assert [line for line in report_text(report) if "sent" in line] == [f"  network net-0  z  {same}"]
    report["units"] = [{**unit, "notes": [f"note {number}"]} for number in range(100)]
    many = report_text(report)
    assert len(many) < 50 and any("64 more" in line for line in many)


def test_what_is_not_handled_is_grouped_with_what_to_do() -> None:
    entries = [{**NOT_HANDLED, "name": f"files-{number}"} for number in range(5)]
    entries.append({**NOT_HANDLED, "what": "router", "name": "r-9-VM", "remedy": "destroy it"})
    lines = plan_text(plan([], not_handled=entries), [])
    assert "Not handled by this collection: 5 shared file systems, 1 router" in lines
    assert "  5 shared file systems in east (files-0, files-1, files-2 and 2 more): b" in lines
    assert lines.count("       -> r") == 1 and "       -> destroy it" in lines


def test_rows_of_what_is_not_handled_are_bounded() -> None:
    entries = [{**NOT_HANDLED, "because": f"made from {number}"} for number in range(5000)]
    lines = plan_text(plan([], not_handled=entries), [], "plan.json")
    assert len(lines) < MOST_ROWS + 10 and f"  ... and {5000 - MOST_ROWS:,} more, in plan.json" in lines


def test_what_is_not_known_is_not_counted() -> None:
    unknown = {**NOT_HANDLED, "name": None, "id": None, "zone": None, "because": "unknown here"}
    lines = plan_text(plan([], not_handled=[unknown]), [])
    assert "Not handled by this collection: shared file systems: unknown" in lines
    assert "  shared file systems: unknown here" in lines


def test_the_result_counts_what_is_not_handled() -> None:
    assert "Not handled by this collection: 3 shared file systems, see report.json" in report_text(
        around(3), "report.json"
    )


def test_a_plan_names_odd_ones_and_how_to_see_more() -> None:
    [line] = [line for line in plan_text(plan([], drift=DRIFT), []) if "Scripts that do not match" in line]
    assert "1 router (r-9-VM)" in line and "sysvm_drift=true" in line
    assert not any("Scripts that do not match" in line for line in plan_text(plan([], drift={**DRIFT, "odd": []}), []))


def test_what_runs_where_is_a_table_for_an_operator() -> None:
    assert drift_text(DRIFT, "plan.json") == [
        "What runs where: 14 running VMs, 2 not running",
        "  ZONE  HYPERVISOR  KIND    SOFTWARE  SCRIPTS            VMS  HOSTS",
        "  east  KVM         router  4.22.0.0  sha512 aaaaaaaaaa  12   kvm1 (7), kvm2 (5)",
        "  east  KVM         router  4.22.0.0  md5 bbbbbbbbbb     1    kvm3 (1)",
        "  east  KVM         SSVM    4.22.0.0  -                  1    kvm1 (1)",
        "  Scripts before 4.22 have an md5, those since a sha512: the two say nothing about each other.",
        "",
        "Agents of KVM hosts:",
        "  ZONE  AGENT     HOSTS  NAMES",
        "  east  4.22.0.0  3      kvm1, kvm2, kvm3",
        "",
        "Scripts that do not match the version: 1 router",
        "  ROUTER  ZONE  HOST  SOFTWARE  SCRIPTS         WHY",
        "  r-9-VM  east  kvm3  4.22.0.0  md5 bbbbbbbbbb  it claims 4.22.0.0, but its checksum is an md5",
        "With all hosts and whole checksums: plan.json",
    ]


def test_many_hosts_are_counted() -> None:
    many = {f"kvm{number:03}": 1 for number in range(500)}
    drift: Any = {**DRIFT, "running": [{**DRIFT["running"][0], "hosts": many}]}
    lines = drift_text(drift)
    assert lines[2].endswith("and 492 more")


def test_a_plan_says_how_long_it_will_take_and_from_what_that_is_known() -> None:
    words = "22 to 31 min (from 214 restarts of this cloud in the last 24 h); ends about 05:10 to 05:40"
    estimate = {"span": "22 to 31 min", "words": words, "left": 0}
    assert plan_text(plan([planned(1)], estimate=estimate), [])[2] == f"Expected: {words}"


def test_a_plan_says_what_else_was_rehearsed() -> None:
    row: dict[str, Any] = {"parallel": 10, "per_host": 2, "waves": [], "time": "20 min", "left": 3, "present": True}
    row |= {"likely_s": 1200.0, "failed": None, "stopped": False, "units": {}}
    rows = [row, {**row, "per_host": 0, "time": "12 min", "left": 0, "present": False}]
    what_if = {"if": "1 unit fails", "words": "9 units upgraded, 1 unit failed; about 22 min"}
    few = "There are 200 units, so few settings were played."
    text = plan_text(plan([planned(1)], what_if=what_if, alternatives={"settings": rows, "words": few}), [])
    assert "What if 1 unit fails: 9 units upgraded, 1 unit failed; about 22 min" in text
    at = text.index("Alternatives:")
    assert text[at + 1 : at + 5] == [
        "  PARALLEL  PER HOST  TIME          LEFT AT THE DEADLINE",
        "  10        2         about 20 min  3                     as it is set",
        "  10        no bound  about 12 min  0",
        f"  {few}",
    ]
    rows = [{**row, "failed": 3, "stopped": True}, {**row, "failed": 1, "waves": ["1", "20%"], "present": False}]
    text = plan_text(plan([planned(1)], alternatives={"settings": rows, "words": ""}), [])
    assert text[text.index("Alternatives:") + 1 :][:3] == [
        "  PARALLEL  PER HOST  WAVES   TIME          LEFT AT THE DEADLINE  FAILURES BEFORE THE BUDGET STOPS IT",
        "  10        2         one     about 20 min  3                     3" + " " * 36 + "as it is set",
        "  10        2         1, 20%  about 20 min  3                     1, and it goes on",
    ]
    assert not any("Alternatives" in line or "What if" in line for line in plan_text(plan([planned(1)]), []))


def test_a_plan_says_how_many_nights_it_takes() -> None:
    units = [planned(number) for number in range(10)]
    text = plan_text(plan(units, estimate={"words": "2 h", "left": 7}), [])
    assert text[3] == "Nights: 4 like this one"
    assert not any("Nights" in line for line in plan_text(plan(units, estimate={"words": "2 h", "left": 10}), []))
    night = {
        "night": "2026-11-30T23:00+01:00",
        "ends_s": 7200.0,
        "zones": {"east": 9, "west": 1},
        "units": 10,
        "left": 10,
    }
    text = plan_text(plan(units, campaign={"words": "1 night, Mon 2026-11-30", "nights": [night]}), [])
    assert "Nights: 1 night, Mon 2026-11-30" in text
    [at] = [number for number, line in enumerate(text) if line.split() == ["NIGHT", "UNITS", "east", "west"]]
    assert text[at + 1].split() == ["Mon", "2026-11-30", "23:00", "to", "about", "01:00", "10", "9", "1"]


@pytest.mark.parametrize(
    ("status", "words"),
    [("upgraded", "; 22 to 31 min expected"), ("failed", "; 22 to 31 min expected"), ("not_started", "")],
)
def test_a_report_compares_what_it_took_with_what_was_expected_if_all_was_carried_out(status: str, words: str) -> None:
    given = plan([planned(1)], estimate={"span": "22 to 31 min"}, started="2026-11-24T05:00:00Z")
    made = build_report(given, [result(1, status=status)], finished="2026-11-24T05:24:00Z")
    assert f"Took: 24 min 0 s{words}" in report_text(made)
    for page in (markdown_report(made), html_report(made)):
        assert f"24 min 0 s{words}" in page and ("expected" in page) == bool(words)
