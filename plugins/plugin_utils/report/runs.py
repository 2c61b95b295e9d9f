# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs say of themselves: in words, as lines for a terminal, and all of a folder as one page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from urllib.parse import quote

from ...module_utils.knowledge.counts import count
from ...module_utils.knowledge.shapes import NightCount, PlanData, RunFacts
from .rendering import PAGE
from .wording import GOOD, OUTCOMES, counts_words, local_time, moment, state_words, where_words

ENDED, PLAN, UPGRADE = "ended", "plan", "upgrade"
AWAY = "away"  # the state of a run while tasks that are not ours are at work
REFRESH_S = 30  # of the page, while a run goes on
MOST_ENDED = 5  # shown on a terminal
STEER = "write pause, resume, stop or parallel: N into"


def end_words(run: RunFacts) -> str:
    """How a run ended."""
    if run["kind"] == PLAN:
        return "plan"
    return OUTCOMES.get(run.get("status", ""), "Broken off")


def status_text(base: str, runs: Sequence[tuple[str, RunFacts]]) -> list[str]:
    """For a terminal: what goes on in full, then the last runs that have ended.

    :param base: the folder of all reports.
    :param runs: the newest first, each with its folder as seen from there.
    """
    alive = [run for run in runs if run[1].get("state") != ENDED]
    ended = [run for run in runs if run[1].get("state") == ENDED]
    lines = [f"{base}: {count(len(runs), 'run')}, {len(alive)} of them at work"]
    for path, run in alive:
        folder = path.rpartition("runs/")[0]
        lines += [
            "",
            f"Run {run['id']}, {run['kind']} of {run.get('cloud') or 'an unknown cloud'}: {state_words(run)}",
            f"  {where_words(run)}",
            *([f"  {counts_words(run['summary'])}"] if run.get("summary") else []),
            f"  Last sign of life: {_sign_of_life(run)}",
            *([f"  Scope: {run['scope']}"] if run.get("scope") else []),
            f"  Report: {base}/{path}/report.html",
            f"  To steer it {STEER} {base}/{folder}control",
        ]
    for path, run in ended[:MOST_ENDED]:
        lines += ["", f"Run {run['id']}, {run.get('cloud') or 'an unknown cloud'}: {_ended(run)}"]
        lines += [f"  {run[key]}" for key in ("error", "next") if run.get(key)]
        lines.append(f"  {base}/{path}/{'plan.html' if run['kind'] == PLAN else 'report.html'}")
    if len(ended) > MOST_ENDED:
        lines += ["", f"... and {count(len(ended) - MOST_ENDED, 'run')} before: {base}/index.html"]
    return lines


def _sign_of_life(run: RunFacts) -> str:
    until = "; the next one comes when the play goes on" if run.get("state") == AWAY else ""
    return f"{local_time(run.get('heartbeat')) or 'unknown'}{until}"


def _ended(run: RunFacts) -> str:
    counts = counts_words(run.get("summary") or {})
    return f"{end_words(run)}, began {local_time(run.get('since'))}" + (f"; {counts}" if counts else "")


def nights_of(plan: PlanData) -> list[NightCount]:
    """The nights that a plan is for, those that are planned or those that were approved."""
    campaign, approved = plan["campaign"], plan["approved"]
    found: Sequence[NightCount] = campaign["nights"] if campaign else approved["nights"] if approved else ()
    return [{"night": each["night"], "units": each["units"], "left": each["left"]} for each in found]


def index_page(runs: Sequence[tuple[str, RunFacts]], written: str) -> str:
    """The page about all runs, night by night; those that go on stand on top.

    :param runs: as for status_text.
    :param written: when.
    """
    rows = [_row(path, run) for path, run in runs]
    last: dict[str, dict[str, object]] = {}
    for row in rows:  # what is left of each cloud, by its last upgrade that is over
        if row["kind"] == UPGRADE and not row["alive"]:
            last.setdefault(str(row["cloud"]), row)
    planned: dict[str, tuple[dict[str, object], list[NightCount]]] = {}
    for row, (dummy, run) in zip(rows, runs, strict=True):  # what is known last of each cloud's campaign
        if run.get("nights"):
            planned.setdefault(str(row["cloud"]), (row, run["nights"]))
    return PAGE.get_template("index.j2").render(
        campaigns=list(planned.values()),
        alive=[row for row in rows if row["alive"]],
        columns=(),
        last=list(last.values()),
        nights=[(night, list(group)) for night, group in groupby(rows, lambda row: row["night"])],
        refresh=REFRESH_S,
        steer=STEER,
        written=local_time(written),
    )


def _row(path: str, run: RunFacts) -> dict[str, object]:
    alive, kind, since = run.get("state") != ENDED, run["kind"], moment(run.get("since"))
    summary = run.get("summary") or {}
    good = run.get("status") == "success"
    return {
        "alive": alive,
        "cloud": run.get("cloud") or "unknown",
        "color": "running" if alive else "current" if kind == PLAN else "upgraded" if good else "failed",
        "control": f"{path.rpartition('runs/')[0]}control",
        "counts": counts_words(summary),
        "end": state_words(run) if alive else end_words(run),
        "error": run.get("error") or "",
        "heartbeat": _sign_of_life(run),
        "id": run["id"],
        "kind": kind,
        "left": counts_words({status: number for status, number in summary.items() if status not in GOOD}),
        "link": quote(f"{path}/{'plan.html' if kind == PLAN else 'report.html'}"),
        "next": run.get("next") or "",
        # What begins before noon belongs to the night before.
        "night": f"{since.astimezone() - timedelta(hours=12):%A, %Y-%m-%d}" if since else "",
        "scope": run.get("scope") or "",
        "since": local_time(run.get("since")),
        "where": where_words(run),
    }
