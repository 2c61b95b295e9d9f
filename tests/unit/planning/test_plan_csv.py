# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as a file: what is written, what a spreadsheet makes of it, and what is refused."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.characters import visible
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.shapes import PlanData
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.approved import ApprovedPlanError, approved_plan
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.plan_csv import (
    COLUMNS,
    NEEDED,
    plan_csv,
    read_plan_csv,
)


def unit(name: str = "web", **more: Any) -> dict[str, Any]:
    return {
        **{"id": f"id-{name}", "name": name, "kind": "network", "zone": "Berlin", "vms": [{"name": "r-1-VM"}]},
        **{"owner": {"account": "acme", "domain": "ROOT/customers", "project": None}, "method": "live_patch"},
        **{"step": 1, "reason": "old", "impact": "none", "expected_s": 90.0, "recreates": False, "destroys": []},
        "night": None,
        **more,
    }


def plan(*units: dict[str, Any]) -> PlanData:
    data: Any = {"cloud": "cloud.example.com", "management_server_version": "4.22.0.0", "units": list(units)}
    found: PlanData = data
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


NIGHT = "2026-12-01 Tue 23:00 +0100"
PLAN = plan(
    unit(night="2026-12-01T23:00+01:00"),
    unit("shop", kind="vpc", recreates=True, destroys=["r-7-VM", "r-8-VM"]),
    unit("s-1-VM", kind="ssvm", method="none", step=None, owner={"account": None, "domain": None, "project": None}),
    unit("p", owner={"account": "PrjAcct", "domain": "ROOT", "project": "blue"}, method="recreate"),
)
TEXT = plan_csv(PLAN)


def test_a_line_for_each_unit_has_what_a_change_request_wants() -> None:
    first, second, third, fourth = rows(TEXT)
    assert tuple(first) == COLUMNS
    assert first == {
        **{"method": "live_patch", "if_it_fails": "", "destroys": "", "kind": "network", "name": "web"},
        **{"zone": "Berlin", "owner": "acme", "domain": "ROOT/customers", "vms": "r-1-VM", "step": "1", "night": NIGHT},
        **{"expected": "90 s", "impact": "none", "reason": "old", "id": "id-web", "cloud": "cloud.example.com"},
        "target_version": "4.22.0.0",
    }
    assert (second["if_it_fails"], second["destroys"]) == ("recreate", "r-7-VM r-8-VM")
    assert (third["method"], third["step"], third["expected"], third["owner"]) == ("none", "", "", "")
    assert fourth["owner"] == "project blue"


def read(data: bytes) -> list[dict[str, Any]]:
    return read_plan_csv(data, "plan.csv")


EXPECTED = read(TEXT.encode())


def test_what_was_written_is_read_back() -> None:
    lines = approved_plan(EXPECTED).lines
    assert [(line.id, line.approval.method.value, line.approval.recreates) for line in lines.values()] == [
        ("id-web", "live_patch", False),
        ("id-shop", "live_patch", True),
        ("id-s-1-VM", "none", False),
        ("id-p", "recreate", False),
    ]
    shop = lines["id-shop"]
    assert shop.approval.destroys == {"r-7-VM", "r-8-VM"}
    assert (shop.name, shop.approval.place) == ("vpc shop in Berlin", "plan.csv, line 3")
    assert (lines["id-web"].night, shop.night) == (datetime(2026, 12, 1, 22, tzinfo=timezone.utc), None)
    assert (shop.cloud, shop.target_version) == ("cloud.example.com", "4.22.0.0")


def resaved(delimiter: str = ",", end: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL, columns: Any = COLUMNS) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows({column: row.get(column, "x") for column in columns} for row in rows(TEXT))
    return file.getvalue()


def without(column: str) -> bytes:
    return resaved(columns=[name for name in COLUMNS if name != column]).encode()


HEAD = b"method,id,night,cloud,target_version\n"
SAVED: dict[str, Callable[[], bytes]] = {
    "byte order mark": lambda: codecs.BOM_UTF8 + TEXT.encode(),
    "CRLF": lambda: resaved().encode(),
    "old Mac": lambda: resaved(end="\r").encode(),
    "semicolons": lambda: codecs.BOM_UTF8 + resaved(";").encode(),
    "tabs and UTF-16": lambda: resaved("\t").encode("utf-16"),
    "quotes": lambda: resaved(";", quoting=csv.QUOTE_ALL).encode(),
    "other columns, other order": lambda: resaved(columns=["approved by", *reversed(COLUMNS)]).encode(),
    "names in capitals": lambda: TEXT.replace("method,if_it_fails", " Method ,IF_IT_FAILS", 1).encode(),
    "the night as a date": lambda: TEXT.replace(NIGHT, "01.12.2026 23:00 +01:00").encode(),
    "the night in words": lambda: TEXT.replace(NIGHT, "2026-12-01 Di. 23:00:00 +0100").encode(),
    "methods in words": lambda: TEXT.replace("live_patch", "Live patch").encode(),
}


@pytest.mark.parametrize("how", SAVED)
def test_what_a_spreadsheet_makes_of_it_says_the_same(how: str) -> None:
    assert approved_plan(read(SAVED[how]())) == approved_plan(EXPECTED)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.replace("\n", "\n\n").encode(),
        b"sep=,\r\n" + TEXT.encode(),
        TEXT.replace("\n", "\n" + "," * 16 + "\n").encode(),
        TEXT.replace("acme", "M\u00fcller").encode("cp1252"),
    ],
    ids=["blank lines", "the separator in a line of its own", "lines of separators", "names of Windows"],
)
def test_lines_that_say_nothing_and_names_in_other_bytes_do_not_matter(data: bytes) -> None:
    assert [(line["id"], line["method"]) for line in read(data)] == [(line["id"], line["method"]) for line in EXPECTED]


def test_a_line_has_the_number_that_an_editor_shows() -> None:
    text = 'sep=;\n\nid;method;night;cloud;target_version\n\na;none\n"b\n";none\nc;none\n'
    assert [line["place"].rpartition(" ")[2] for line in read(text.encode())] == ["5", "6", "8"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "plan.csv, line 1 has no columns method, id, night, cloud, target_version"),
        (TEXT.replace("method", "methods", 1).encode(), "plan.csv, line 1 has no column method"),
        *(
            (resaved(columns=[name for name in COLUMNS if name != gone]).encode(), f"line 1 has no column {gone}")
            for gone in NEEDED
        ),
        (HEAD, "plan.csv names no unit"),
        (
            b"method," + HEAD + b"none,1,live_patch\n",
            "plan.csv, line 1 has method more than once",
        ),
        (
            HEAD + b"live_patch,1\nlivepatch,2\n",
            "plan.csv, line 3 has 'livepatch' as method.*mean 'live_patch'",
        ),
        (HEAD + b",1\n", "plan.csv, line 2 has no method"),
        (HEAD + b"none,1\nnone,\n", "plan.csv, line 3 has no id"),
        (
            HEAD + b"none,1\n\nnone,1\n",
            "plan.csv, line 4 names 1 again, which plan.csv, line 2 has",
        ),
        (
            HEAD + b"none,1,2026-12-01\nnone,2,12/1/2026\n",
            "plan.csv, line 3 has '12/1/2026' as night.*2026-11-30",
        ),
        (
            b"if_it_fails," + HEAD + b"destroy,none,1\n",
            "plan.csv, line 2 has 'destroy' as if_it_fails.*Give recreate",
        ),
        (HEAD + b'none,1\nnone,"2\n', "plan.csv, line 3 is no CSV"),
        (b"PK\x03\x04....", "plan.csv is a workbook.*Save it as CSV"),
        (b"method\0,id\n", "plan.csv is no text"),
    ],
)
def test_what_cannot_be_meant_names_the_line_and_the_remedy(data: bytes, told: str) -> None:
    with pytest.raises(ApprovedPlanError, match=f"(?s){told}") as refused:
        approved_plan(read(data))
    assert refused.value.remedy


RISKY = st.text(st.sampled_from("=+-@'\";,\t\n\r \uff1dax1"), max_size=12)


@given(st.lists(RISKY, min_size=1, max_size=4))
def test_no_spreadsheet_runs_what_a_tenant_wrote_and_all_of_it_is_read_back(names: list[str]) -> None:
    text = plan_csv(plan(*(unit(name, id=f"id-{n}") for n, name in enumerate(names))))
    for separator in ",;\t":
        cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
        assert [cell for cell in cells if cell.lstrip(" ")[:1] in tuple("=+-@\uff1d")] == []
    found = read(text.encode())
    assert [line["id"] for line in found] == [f"id-{n}" for n in range(len(names))]
    names = [visible(name) for name in names]
    told = [f"network {name.strip()} in Berlin" if name.strip() else "network in Berlin" for name in names]
    assert [line["name"] for line in found] == told


def test_a_plan_of_another_cloud_or_version_is_refused_with_its_line() -> None:
    approved = approved_plan(EXPECTED)
    approved.refuse_other("cloud.example.com", "4.22.0.0")
    approved.refuse_other("cloud.example.com", None)
    with pytest.raises(ApprovedPlanError, match=r"plan\.csv, line 2 is of the cloud .*, but this is b"):
        approved.refuse_other("b", "4.22.0.0")
    with pytest.raises(ApprovedPlanError, match=r"plan\.csv, line 2 was approved for an upgrade to 4\.22\.0\.0, but"):
        approved.refuse_other("cloud.example.com", "4.22.1.0")
