# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the report of a run true while one of its steps is at work: whatever kills the run, its report tells what had
become of each unit by then.

It follows the module's journal and writes the report again when a unit has started or ended, as often as a small part
of the time allows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.knowledge.shapes import CheckedPlan, ResultData
from ..module_utils.rollout.progress import Followed
from .report.build import UNFINISHED, build_report
from .report.write import WriteError, write_metrics, write_report
from .run import now

PAUSE_S = 2.0  # at least between two reports
SHARE = 20  # writing takes at most this part of the time


class Keeper:
    """One report during one step.

    :param folder: of the report; None writes nothing.
    :param before: the results of the steps before.
    :param journal: the file to follow.
    :param rollouts: notes and guards of the steps before.
    :param metrics: the file for metrics, if there is to be one, and of which host they are.
    """

    def __init__(
        self,
        folder: str | None,
        plan: CheckedPlan,
        before: Sequence[ResultData],
        journal: str,
        rollouts: Sequence[Mapping[str, Any]] = (),
        metrics: tuple[str, str] | None = None,
    ) -> None:
        self.followed = Followed()
        self._folder = folder
        self._plan = plan
        self._before = before
        self._journal = journal
        self._rollouts = [*rollouts]
        self._metrics = metrics
        self._problem: WriteError | None = None
        self._cost_s = 0.0
        self._written = 0.0
        self._changed = False

    def look(self) -> None:
        """Bring the report up to date, unless that was done just now. Called again and again while the module runs."""
        self._changed = self.followed.follow(self._journal) or self._changed
        if self._changed and time.monotonic() - self._written >= max(PAUSE_S, SHARE * self._cost_s):
            self.write(list(self.followed.results.values()), self.followed.running)
            self._written, self._changed = time.monotonic(), False

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

    def write(self, results: Sequence[ResultData], running: Mapping[str, str], error: str = UNFINISHED) -> None:
        """The report as it is now. What keeps it from being written, the end of the run meets again, and tells."""
        if self._folder is None and self._metrics is None:
            return
        begin = time.monotonic()
        report = build_report(
            self._plan,
            [*self._before, *results],
            finished=now(),
            error=error,
            running=running,
            rollouts=self._rollouts,
        )
        try:
            if self._folder is not None:
                write_report(self._folder, report)
        except WriteError as problem:
            self._folder, self._problem = None, problem
        try:
            if self._metrics is not None:
                path, host = self._metrics
                write_metrics(path, report, host=host, in_progress=error == UNFINISHED)
        except WriteError:
            self._metrics = None
        self._cost_s = time.monotonic() - begin
