# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""plan.csv: a plan as a line for each unit, for a change request, and what a spreadsheet makes of it. Pure.

A spreadsheet takes a cell that begins with C(=), C(+), C(-) or C(@) for a formula, and tenants name networks. Such a
cell has an apostrophe before it, also where another separator would make a cell begin; reading takes it off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..knowledge.characters import visible
from ..knowledge.durations import rough
from ..knowledge.shapes import PlanData
from .approved import RECREATE, ApprovedPlanError
from .nights import night_words

COLUMNS = (
    *("method", "if_it_fails", "destroys", "kind", "name", "zone", "owner", "domain", "vms", "step", "night"),
    *("expected", "impact", "reason", "id", "cloud", "target_version"),
)
# Without the last ones more would be done: all in one night, or in another cloud.
NEEDED = ("method", "id", "night", "cloud", "target_version")
BEGINS, FORMULA = r"(^|[;,])", r"""([ "]*)(?=['=+\-@\uff1d\uff0b\uff0d\uff20])"""
RISKY, MADE_SAFE = re.compile(BEGINS + FORMULA), re.compile(f"{BEGINS}'{FORMULA}")
REMEDY = "Give the file that check_sysvms wrote, with lines deleted at most, saved as CSV."
ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def plan_csv(plan: PlanData) -> str:
    """The plan as text, in its order, with a header."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for unit in plan["units"]:
        owner = unit["owner"]
        project = f"project {owner['project']}" if owner.get("project") else ""
        cells = {
            "method": unit["method"],
            "if_it_fails": RECREATE if unit["recreates"] else "",
            "destroys": " ".join(unit["destroys"]),
            "kind": unit["kind"],
            "name": unit["name"],
            "zone": unit["zone"],
            "owner": project or owner.get("account") or "",
            "domain": owner.get("domain") or "",
            "vms": " ".join(vm["name"] for vm in unit["vms"]),
            "step": unit["step"] or "",
            "night": night_words(unit["night"]),
            "expected": rough(unit["expected_s"]) if unit["step"] else "",
            "impact": unit["impact"] if unit["step"] else "",
            "reason": unit["reason"],
            "id": unit["id"],
            "cloud": plan["cloud"],
            "target_version": plan["management_server_version"] or "",
        }
        writer.writerow(_safe(str(cells.get(column, ""))) for column in COLUMNS)
    return file.getvalue()


def read_plan_csv(data: bytes, source: str) -> list[dict[str, Any]]:
    """The lines of such a file, also as a spreadsheet has saved it.

    It may begin with a byte order mark and have commas, semicolons or tabs, quotes, other line ends, blank lines, other
    columns besides, and columns in another order.

    :param source: the name of the file, for messages.
    :returns: lines as approved_plan takes them.
    :raises ApprovedPlanError: for what is no such file; it names the line.
    """
    rows = _rows(_text(data, source), source)
    number, header = next(rows, (1, []))
    names = [name.strip().lower() for name in header]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        columns = "column" if len(missing) == 1 else "columns"
        raise ApprovedPlanError(
            f"{source}, line {number} has no {columns} {', '.join(missing)}",
            remedy=f"The first line has the names of the columns; a cell may be empty. {REMEDY}",
        )
    if twice := sorted({name for name in names if name in COLUMNS and names.count(name) > 1}):
        raise ApprovedPlanError(
            f"{source}, line {number} has {' and '.join(twice)} more than once",
            remedy="Delete the column that is not meant.",
        )
    lines = [_line(dict(zip(names, map(_raw, cells), strict=False)), f"{source}, line {n}") for n, cells in rows]
    if not lines:
        raise ApprovedPlanError(f"{source} names no unit, so nothing would be done", remedy=REMEDY)
    return lines


def _line(cells: Mapping[str, str], place: str) -> dict[str, Any]:
    fails = cells.get("if_it_fails", "").lower()
    if fails not in ("", RECREATE):
        raise ApprovedPlanError(
            f"{place} has {cells['if_it_fails']!r} as if_it_fails", remedy=f"Give {RECREATE}, or leave it empty."
        )
    name = " ".join(filter(None, (cells.get("kind", "").replace("_", " "), cells.get("name", ""))))
    return {
        "id": cells.get("id", ""),
        "method": cells.get("method", ""),
        "recreates": fails == RECREATE,
        "destroys": cells.get("destroys", "").split(),
        "place": place,
        "name": f"{name} in {cells['zone']}" if name and cells.get("zone") else name,
        "cloud": cells.get("cloud", ""),
        "target_version": cells.get("target_version", ""),
        "night": cells.get("night", ""),
    }


def _text(data: bytes, source: str) -> str:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ApprovedPlanError(f"{source} is a workbook, not CSV", remedy="Save it as CSV in the spreadsheet.")
    encoding = next((name for mark, name in ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")  # as spreadsheets on Windows save names; ids are ASCII
    if "\0" in text:
        raise ApprovedPlanError(f"{source} is no text", remedy=REMEDY)
    return text


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Lines with their numbers, without those that are empty."""
    skipped = 0
    if text[:4].lower() == "sep=":  # a line in which Excel is told the separator
        skipped, text = 1, text.partition("\n")[2]
    first = next(filter(str.strip, text.splitlines()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = 0
    try:
        for cells in reader:
            number, before = before + 1 + skipped, reader.line_num
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise ApprovedPlanError(
            f"{source}, line {reader.line_num + skipped} is no CSV: {error}", remedy=REMEDY
        ) from None


def _safe(cell: str) -> str:
    return RISKY.sub(r"\1'\2", visible(cell))


def _raw(cell: str) -> str:
    """A cell as it was before it was made safe; spreadsheets may have taken its blanks."""
    return MADE_SAFE.sub(r"\1\2", cell).strip()
