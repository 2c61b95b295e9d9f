# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the report of a run true while one of its steps is at work: whatever kills the run, its report tells what had
become of each unit by then.

It follows the module's journal and writes the report again when a unit has started or ended, as often as a small part
of the time allows.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.shapes import CheckedPlan, ReportData, ResultData
from ..module_utils.rollout.control import Control, refuse_left_over
from ..module_utils.rollout.progress import log_line
from .all_runs import at_work, keep_index
from .report.build import build_report
from .report.runs import UPGRADE
from .report.write import WriteError, write_metrics
from .run import PlayContext, Run
from .run_folder import RUNNING, STOPPING, WAITING, RunFolder, at_work_words, now
from .tail import Followed

PAUSE_S = 2.0  # at least between two reports
LONGEST_S = 30.0  # at most, as the page says when it was written
SHARE = 20  # writing takes at most this part of the time


def control_file(around: PlayContext) -> str:
    return os.path.join(around.report_folder, "control")


def begin_run(around: PlayContext, run: Run) -> None:
    """From here on it is an upgrade, and whoever looks sees it at work.

    :raises SysvmError: nothing may begin.
    """
    plan, folder = run.plan(), run.on_disk
    refuse_left_over(control_file(around), datetime.fromisoformat(plan["started"]).timestamp())
    if folder is None:
        problem = run.read("on_disk")["problem"]
        raise SysvmError(f"Nothing was touched, as there would be no report: {problem}")
    folder.tell(kind=UPGRADE, state=RUNNING)
    LiveReport(folder, plan, [], folder.journal(0), metrics=around.metrics()).begin()
    for mark, text in (("scope", plan["scope"]), *(("note", note) for note in plan["notes"])):
        folder.say(mark, text)
    keep_index(around.report_folder, around.base)


class LiveReport:
    """One report during one step.

    :param folder: of the run; None writes nothing.
    :param before: the results of the steps before.
    :param journal: the file to follow.
    :param rollouts: notes and guards of the steps before.
    :param metrics: the file for metrics, if there is to be one, and of which host they are.
    """

    def __init__(
        self,
        folder: RunFolder | None,
        plan: CheckedPlan,
        before: Sequence[ResultData],
        journal: str,
        rollouts: Sequence[Mapping[str, Any]] = (),
        metrics: tuple[str, str] | None = None,
    ) -> None:
        self.followed = Followed(journal)
        self._folder = folder
        self._plan = plan
        self._before = before
        self._rollouts = [*rollouts, {"guard": "unknown", "notes": []}]  # the last one is of this step
        self._metrics = metrics
        self._problem: WriteError | None = None
        self.noted: list[str] = []
        self._looked = -math.inf
        self._cost_s = 0.0
        self._written = 0.0
        self._changed = False
        self._control = Control(os.path.join(folder.base, "control") if folder else None)
        self._stopping = self._stopped = self._paused = False

    def look(self, stopping: bool = False) -> list[str]:
        """Bring the report up to date, unless that was done just now. Called again and again while the module runs.

        :param stopping: whether nothing new begins any more.
        :returns: lines for screen and log: who else has begun to work on the same cloud.
        """
        steering = self._control.news()
        if steering is not None:
            self._stopped = self._stopped or steering.stopped
            self._paused = self._paused if steering.paused is None else steering.paused
        news = self.followed.follow() or steering is not None or stopping != self._stopping
        self._changed, self._stopping = self._changed or news, stopping
        since = time.monotonic() - self._written
        if since >= max(PAUSE_S if self._changed else LONGEST_S, SHARE * self._cost_s):
            self.write(list(self.followed.results.values()), self.followed.running)
            self._written, self._changed = time.monotonic(), False
        elif self._folder is not None:
            self._folder.beat()
        if self._folder is not None and time.monotonic() - self._looked >= LONGEST_S:
            return self._look_around(self._folder)
        return []

    def _look_around(self, folder: RunFolder) -> list[str]:
        """Who else is at work on the same cloud, once each; and the page about all runs."""
        facts, self._looked = folder.facts(), time.monotonic()
        others = [at_work_words(run) for run in at_work(folder.base, facts.get("cloud", ""), facts.get("id", ""))]
        told = [*self._plan["notes"], *(note for rollout in self._rollouts for note in rollout["notes"])]
        new = [text for text in others if not any(text.split(",")[0] in note for note in told)]
        self.noted += new
        self._rollouts[-1:] = [{"guard": "unknown", "notes": self.noted}]
        keep_index(folder.base)
        return [log_line("note", text) for text in new]

    def begin(self) -> None:
        """The report before anything is done: an older one would tell of another run.

        :raises WriteError: it cannot be written.
        """
        self.write([], {})
        if self._problem is not None:
            raise WriteError(
                f"Nothing was touched, as there would be no report: {self._problem.message}",
                remedy="Give a folder that can be written as sysvm_report_dir.",
            )

    def write(self, results: Sequence[ResultData], running: Mapping[str, str], **facts: str) -> None:
        """The report of the run as it goes on. What keeps it from being written, the end of the run meets.

        :param facts: what it does now, where that is not this step.
        """
        begin = time.monotonic()
        report = self._report(results, running)
        report["run"] = {"heartbeat": now()}
        try:
            if self._folder is not None:
                self._folder.save(report, **(facts or self._state()))
        except WriteError as problem:
            self._problem = problem
        self._write_metrics(report)
        self._cost_s = time.monotonic() - begin

    def _state(self) -> dict[str, str]:
        """What the run does, as a signal or the control file wants it."""
        if self._stopping or self._stopped:
            return {"state": STOPPING, "waiting_for": ""}
        if self._paused:
            return {"state": WAITING, "waiting_for": "resume in the control file"}
        return {"state": RUNNING, "waiting_for": ""}

    def end(self, results: Sequence[ResultData], running: Mapping[str, str], error: str) -> None:
        """The report of the run that ends here, as ansible-playbook is ending or gone.

        :param error: why.
        """
        report = self._report(results, running, finished=now(), error=error)
        if self._folder is not None:
            with contextlib.suppress(WriteError):
                self._folder.end(report)
        self._write_metrics(report)

    def _report(self, results: Sequence[ResultData], running: Mapping[str, str], **end: str) -> ReportData:
        found = [*self._before, *results]
        return build_report(self._plan, found, running=running, rollouts=self._rollouts, **end)

    def _write_metrics(self, report: ReportData) -> None:
        if self._metrics is not None:
            with contextlib.suppress(WriteError):
                path, host = self._metrics
                write_metrics(path, report, host=host)
