# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All runs below one C(sysvm_report_dir): who else is at work, what the last one knew, and which are old."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..module_utils.knowledge.shapes import RunFacts
from .report.build import broken_off
from .report.runs import ENDED, UPGRADE, index_page
from .report.write import WriteError, write
from .run_folder import ALIVE, DEAD, FACTS, LOG, RUNS, RunFolder, life, now, read_report

INDEX = "index.html"
ID = re.compile(r"\d{8}-\d{6}-[0-9a-z]{4}")
# What this tool writes into the folder of a run; what else lies there is somebody's own.
PAGES = r"plan-(what-if|(parallel|per-host|waves)-[a-z0-9-]+)\.html"  # of report.rehearsals
OWN = re.compile(rf"{re.escape(FACTS)}|{LOG}|journal-\d+|(plan|report)\.(json|csv|md|html)|{PAGES}")
UNFINISHED = re.compile(r"\.(.+)\.[0-9a-f]{16}")  # a file that was not whole when its run was killed


@dataclass(frozen=True)
class FoundRun:
    """A run as somebody finds it.

    :ivar life: ENDED, ALIVE or DEAD.
    """

    folder: RunFolder
    facts: RunFacts
    life: str


def all_runs(base: str) -> list[FoundRun]:
    """Newest first: those of the folder itself, and those of the hosts that have folders in it."""
    found = []
    for runs in (os.path.join(base, RUNS), *(os.path.join(each, RUNS) for each in _folders(base))):
        for path in _folders(runs):
            folder = RunFolder(path)
            facts = folder.facts() if ID.fullmatch(os.path.basename(path)) else {}
            if facts:
                found.append(FoundRun(folder, facts, life(facts)))
    return sorted(found, key=lambda run: (run.facts.get("since", ""), run.folder.path), reverse=True)


def _folders(path: str) -> list[str]:
    """No links: that would be a run that is there twice."""
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def at_work(base: str, cloud: str, but: str = "") -> list[RunFacts]:
    """Other runs that are alive and upgrade the same cloud.

    :param but: the id of the run that asks.
    """
    return [
        run.facts
        for run in all_runs(base)
        if run.life == ALIVE
        and run.facts["kind"] == UPGRADE
        and run.facts["id"] != but
        and run.facts.get("cloud") == cloud
    ]


def last_report(base: str, cloud: str) -> Mapping[str, Any]:
    """The report of the newest run on this cloud that had a plan and is over; empty where there is none yet.

    A report that lies in the folder itself is of a version that had no folders for runs.
    """
    return next(reports(base, cloud), {})


def reports(base: str, cloud: str) -> Iterator[Mapping[str, Any]]:
    """Those of all such runs, newest first."""
    for run in all_runs(base):
        if knows(run, cloud) and (report := run.folder.report()):
            yield report
    if report := read_report(base):
        yield report


def knows(run: FoundRun, cloud: str) -> bool:
    """Whether the run is over and its report tells what became of units of this cloud."""
    facts = run.facts
    return run.life != ALIVE and facts.get("status", "error") != "error" and facts.get("cloud") == cloud


def remove_old(base: str, keep: int) -> None:
    """Remove the oldest runs that are over, but I(keep) of each kind for each cloud, and what the next run reads.

    Only what this tool has written: who puts a file of his own into the folder of a run keeps that.
    """
    runs = [run for run in all_runs(base) if run.folder.base == base]
    needed = {
        next((run.folder.path for run in runs if knows(run, cloud)), "") for cloud in {_cloud(run) for run in runs}
    }
    kept = Counter[tuple[str, str]]()
    for run in runs:
        kept[_cloud(run), run.facts["kind"]] += 1
        if kept[_cloud(run), run.facts["kind"]] > keep and run.life != ALIVE and run.folder.path not in needed:
            _remove(run.folder.path)


def _cloud(run: FoundRun) -> str:
    return run.facts.get("cloud", "")


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        if os.lstat(path).st_uid != os.geteuid():
            return
        shutil.rmtree(os.path.join(path, "evidence"), ignore_errors=True)
        for name in os.listdir(path):
            unfinished = UNFINISHED.fullmatch(name)
            if OWN.fullmatch(unfinished[1] if unfinished else name):
                os.unlink(os.path.join(path, name))
        os.rmdir(path)


def bury(run: FoundRun) -> FoundRun:
    """A run with the truth about it also in its own files, if it was killed."""
    if run.life != DEAD:
        return run
    last = run.facts["heartbeat"]
    error = run.folder.why_over(f"the run was killed; its last sign of life was at {last}")
    with contextlib.suppress(WriteError):
        report = run.folder.report()
        run.folder.end(report and broken_off(report, last, error), buried=True)
    return FoundRun(run.folder, run.folder.facts() or run.facts, ENDED)


def keep_index(*bases: str) -> None:
    """The same, for those to whom it matters little whether it can be written."""
    with contextlib.suppress(WriteError):
        write_index(*bases)


def write_index(*bases: str) -> list[tuple[str, RunFacts]]:
    """Look at all runs below each folder, and write the page about them there.

    :returns: those below the last one, newest first, each with its folder as seen from there.
    :raises WriteError: a page cannot be written.
    """
    rows: list[tuple[str, RunFacts]] = []
    for base in dict.fromkeys(bases):
        runs = [bury(run) for run in all_runs(base)]
        rows = [(os.path.relpath(run.folder.path, base), run.facts) for run in runs]
        write(os.path.join(base, INDEX), index_page(rows, now()))
    return rows
