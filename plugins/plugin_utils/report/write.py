# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that writes reports, plans and metrics: each file whole or not at all, and only metrics for all to
read."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ...module_utils.api.errors import SysvmError
from ...module_utils.knowledge.characters import visible
from ...module_utils.knowledge.shapes import CheckedPlan, ReportData, RestartData
from ...module_utils.planning.plan_csv import plan_csv
from ...module_utils.units.pace import durations_of_report
from .build import planned_report
from .markdown import markdown_report
from .metrics import metrics_text
from .page import html_report
from .rehearsals import pages_beside
from .ticket import bounded, safe_name, ticket

MOST_DURATIONS = 1000  # more would not tell more of how long what takes
MOST_METRICS = 1 << 20  # characters of an older file


class WriteError(SysvmError):
    """A file that cannot be written; what it should have said was shown before."""


def write_report(folder: str, report: ReportData) -> tuple[list[str], list[str]]:
    """report.json, and from it the page and the text for tickets.

    :returns: the paths of what was written, and what went wrong with the page or the text: the exit status tells about
        the cloud, so these two must not change it.
    :raises WriteError: when report.json cannot be written.
    """
    make_folder(folder)
    written = [write(os.path.join(folder, "report.json"), as_json(report))]
    more, problems = _write_rendered(
        folder, {"report.html": lambda: html_report(report), "report.md": lambda: markdown_report(report)}
    )
    return written + more, problems


def _write_rendered(folder: str, files: Mapping[str, Callable[[], str]]) -> tuple[list[str], list[str]]:
    written, problems = [], []
    for name, render in files.items():
        path = os.path.join(folder, name)
        try:
            written.append(write(path, render()))
        except WriteError as error:
            problems.append(error.message)
        except Exception as error:
            problems.append(f"{path} could not be made: {error!r}")
            with contextlib.suppress(OSError):  # an older one would contradict the data
                os.unlink(path)
    return written, problems


def write_plan(folder: str, plan: CheckedPlan) -> tuple[str, list[str]]:
    """plan.json, for programs and for whoever looks for one unit of many; plan.csv, for whoever approves; and pages.

    :returns: the path of plan.json, and what went wrong with the pages.
    :raises WriteError: when one of the others cannot be written.
    """
    make_folder(folder)
    write(os.path.join(folder, "plan.csv"), plan_csv(plan))
    path = write(os.path.join(folder, "plan.json"), as_json(plan))
    dummy, problems = _write_rendered(
        folder,
        {
            "plan.html": lambda: html_report(planned_report(plan), plan),
            **{name: partial(html_report, report) for name, report in pages_beside(plan)},
        },
    )
    return path, problems


def write_plan_text(folder: str, lines: Sequence[str]) -> None:
    """plan.md, as it was shown. It is worth no more than that: what keeps it from being written is not told."""
    with contextlib.suppress(WriteError):
        write(os.path.join(folder, "plan.md"), "# Plan\n\n" + "".join(f"    {line}".rstrip() + "\n" for line in lines))


def known_restarts(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a report tells of how networks were restarted; nothing where it tells none: then the server is asked."""
    try:
        found = [restart for each in (report, *report["units"]) for restart in each.get("restarts", ())]
    except (LookupError, TypeError, AttributeError):
        return []  # of another version
    return [
        restart
        for restart in found
        if isinstance(restart, dict) and set(restart) | {"why"} == RestartData.__annotations__.keys()
    ]


def known_durations(reports: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What reports, newest first, tell of how long units took; no more of them are read than are needed."""
    found: list[dict[str, Any]] = []
    for report in reports:
        found += [took.as_dict() for took in durations_of_report(report)]
        if len(found) >= MOST_DURATIONS:
            break
    return found


def make_folder(folder: str) -> None:
    """One that is there, such as /tmp, is left as it is.

    :raises WriteError: it cannot be made, or is a link that somebody else has put there.
    """
    try:
        os.makedirs(folder, mode=0o750, exist_ok=True)
        owner = os.lstat(folder).st_uid
        if os.path.islink(folder) and owner not in (0, os.geteuid()):
            raise WriteError(
                f"The folder {folder} is a link that user {owner} has made",
                remedy="Name another one in sysvm_report_dir.",
            )
    except OSError as error:
        raise WriteError(
            f"The folder {folder} cannot be made: {error.strerror}", remedy="Name another one in sysvm_report_dir."
        ) from None


def write_evidence(folder: str, evidence: Mapping[str, Any], report: ReportData) -> str:
    """What is known about one failed unit, and a ticket made of it.

    :param folder: of the report.
    :returns: the folder of the unit, from that of the report.
    :raises WriteError: when it cannot be written.
    """
    name = os.path.join("evidence", safe_name(evidence["unit"]))
    for each in ("evidence", name):  # a folder on the way to another would have the mode that is usual
        make_folder(os.path.join(folder, each))
    kept = bounded(evidence)
    write(os.path.join(folder, name, "evidence.json"), as_json(kept))
    write(os.path.join(folder, name, "ticket.md"), ticket(kept, report))
    return name


def write_metrics(path: str, report: ReportData, *, host: str) -> str:
    """The report as metrics, readable by all: node_exporter has a user of its own, and they name no unit.

    :param host: as metrics_text.
    :raises WriteError: when it cannot be written.
    """
    before = ""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        before = file.read(MOST_METRICS)
    text = metrics_text(report, host=host, before=before)
    return write(path, text, mode=0o644, option="sysvm_metrics_file")


def write(path: str, text: str, *, mode: int = 0o640, option: str = "sysvm_report_dir") -> str:
    """Whole or not at all, also when the run is killed here or the disk is full.

    Nobody can guess the name under which it is written first, so nobody can put a link there.

    :param option: the one that says where it is.
    :returns: the path.
    :raises WriteError: naming the path.
    """
    folder, name = os.path.split(path)
    new = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")
    try:
        with open(new, "x", encoding="utf-8", opener=lambda each, flags: os.open(each, flags, mode)) as file:
            file.write(text)
        os.replace(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise WriteError(
            f"{path} cannot be written: {error.strerror}", remedy=f"Name another place in {option}."
        ) from None
    return path


def as_json(data: Mapping[str, Any]) -> str:
    """One line for each item of a list: quick to write and to read, also for grep, and as safe to show as any text."""
    return _lines(data, " ") + "\n"


def _lines(data: Mapping[str, Any], margin: str) -> str:
    parts = []
    for key, value in data.items():
        if _has_rows(value):
            items = ",\n".join(f"{margin} {_dumped(item)}" for item in value)
            told = f"[\n{items}\n{margin}]"
        elif isinstance(value, Mapping) and any(map(_has_rows, value.values())):
            told = _lines(value, f"{margin} ")
        else:
            told = _dumped(value)
        parts.append(f"{margin}{json.dumps(key)}: {told}")
    return "{\n" + ",\n".join(parts) + f"\n{margin[1:]}}}"


def _has_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _dumped(data: Any) -> str:
    return visible(json.dumps(data, ensure_ascii=False))
