# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder that each run has below C(sysvm_report_dir): plan, report, log and evidence, and C(run.json), in which the
run says what it is doing. Whoever looks there tells a run that is alive from one that was killed."""

from __future__ import annotations

import contextlib
import glob
import json
import multiprocessing
import os
import re
import secrets
import socket
import string
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

from ..module_utils.knowledge.shapes import ReportData, ResultData, RunFacts
from ..module_utils.rollout.progress import LogFile, log_line
from .report.build import caught_up
from .report.runs import AWAY, ENDED, UPGRADE
from .report.text import outcome
from .report.wording import where_words
from .report.write import WriteError, make_folder, write, write_report
from .tail import Followed

RUNS, LATEST, FACTS, LOG = "runs", "latest", "run.json", "log"
RUNNING, WAITING, STOPPING = "running", "waiting", "stopping"  # what a run says of itself; and AWAY, ENDED
ALIVE, DEAD = "alive", "dead"  # what is found out about one that has not said that it ended
BEAT_S = 5.0  # between two signs of life
LIFE_S = 300.0  # a run on another host that gave no sign of life for so long is taken for dead
AWAY_S = 86400.0  # likewise, where it had said that other tasks would be at work
MOST_WORDS = 1 << 16  # bytes of the end of a log
LETTERS = string.digits + string.ascii_lowercase


# Of what the run says of itself, what its report repeats.
IN_REPORT = ("id", "kind", "cloud", "host", "pid", "since", "heartbeat", "state", "waiting_for", "step", "steps")


class RunFolder:
    """One run on disk.

    :ivar path: of the folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._beaten = 0.0

    @classmethod
    def make(cls, base: str, kind: str, **facts: Any) -> RunFolder:
        """A new one, to which the link C(latest) leads.

        :param base: C(sysvm_report_dir), or the folder of this host in it.
        :raises WriteError: it cannot be made.
        """
        runs, latest = os.path.join(base, RUNS), os.path.join(base, LATEST)
        for folder in (base, runs):
            make_folder(folder)
        if os.path.exists(latest) and not os.path.islink(latest):  # what copies links as files makes a folder of it
            raise WriteError(
                f"{latest} is no link, so it would go on to show another run",
                remedy="Remove it, or name another folder in sysvm_report_dir.",
            )
        while True:
            name = time.strftime("%Y%m%d-%H%M%S-") + "".join(secrets.choice(LETTERS) for dummy in range(4))
            try:
                os.mkdir(os.path.join(runs, name), 0o750)
                break
            except FileExistsError:
                continue
            except OSError as error:
                raise WriteError(
                    f"No folder can be made in {runs}: {error.strerror}", remedy="Name another one in sysvm_report_dir."
                ) from None
        made = cls(os.path.join(runs, name))
        made.tell(**{"id": name, "kind": kind, "since": now(), "state": RUNNING, **facts})
        with contextlib.suppress(OSError):  # not every file system has links
            link = os.path.join(base, f".latest.{secrets.token_hex(8)}")
            os.symlink(os.path.join(RUNS, name), link)
            os.replace(link, latest)
        return made

    @property
    def base(self) -> str:
        """The folder in which the folder C(runs) is."""
        return os.path.dirname(os.path.dirname(self.path))

    @property
    def log(self) -> str:
        return os.path.join(self.path, LOG)

    @property
    def page(self) -> str:
        return os.path.join(self.path, "report.html")

    @property
    def is_at_work(self) -> bool:
        """Whether a step is. Where ansible-playbook was killed, its worker brings the run to its end."""
        return _has_worker(self.facts())

    def facts(self) -> RunFacts:
        """What the run said last; empty of what is no run, or where it cannot be read."""
        found = _read_json(os.path.join(self.path, FACTS))
        whole = isinstance(found, dict) and found.get("id") == os.path.basename(self.path) and _are_facts(found)
        return cast(RunFacts, found) if whole else {}

    def begin_step(self, number: int, steps: int) -> None:
        """This process is at work at a step from now on."""
        worker = {"worker": os.getpid(), "worker_ticks": ticks(os.getpid())}
        self.tell(kind=UPGRADE, state=RUNNING, waiting_for="", step=number, steps=steps, **worker)

    def tell(self, **facts: Any) -> RunFacts:
        """Say what the run does now, which is a sign of life. What is not given stays as it was.

        :returns: empty of a folder that is no run's.
        :raises WriteError: it cannot be written.
        """
        told = {**self.facts(), **facts}
        return self._write(_alive(cast(RunFacts, told))) if "id" in told else {}

    def beat(self) -> None:
        """A sign of life, unless there was one just now. What keeps it from being written, the report meets again."""
        if time.monotonic() - self._beaten >= BEAT_S:
            with contextlib.suppress(WriteError):
                self.tell()

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """While it is entered the run waits, and lives; log and report say for what."""
        over = threading.Event()
        self.say("pause", f"waiting for {what}")
        self._retell(state=WAITING, waiting_for=what)

        def beat() -> None:  # in a thread, as asking blocks; it shows nothing, see live.py
            while not over.wait(BEAT_S):
                self.beat()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._retell(state=RUNNING, waiting_for="")

    def away(self, what: str) -> None:
        """Tasks that are not ours come next. Nothing gives signs of life meanwhile."""
        self._retell(state=AWAY, waiting_for=what)

    def _retell(self, **facts: Any) -> None:
        """In the report as well, where there is one; what keeps it from being written, the end of the run meets."""
        report = self.report()
        with contextlib.suppress(WriteError):
            self.save(report, **facts) if report else self.tell(**facts)

    def report(self) -> ReportData | None:
        """The report as it was written last, with what journals tell since; None where there is none, or no report."""
        report, running, results = read_report(self.path), dict[str, str](), dict[str, ResultData]()
        for path in self._journals():
            followed = Followed(path)
            followed.follow()
            running |= followed.running
            results |= followed.results
        return report and caught_up(report, running, results)

    def journal(self, step: int) -> str:
        """What the module at work writes down at once, and the report tells a little later."""
        return os.path.join(self.path, f"journal-{step}")

    def _journals(self) -> list[str]:
        return sorted(glob.glob(os.path.join(glob.escape(self.path), "journal-*")))

    def save(self, report: ReportData, **facts: Any) -> tuple[list[str], list[str]]:
        """Write the report, with what the run does now.

        :returns: as write_report.
        :raises WriteError: it cannot be written.
        """
        return self._write_report(report, self.tell(**_told(report), **facts))

    def end(self, report: ReportData | None, *, buried: bool = False) -> tuple[list[str], list[str]]:
        """The end of the run, in log and report.

        :param report: None of a run that left none.
        :param buried: whether it is somebody else who found that the run is over.
        :returns: as write_report.
        :raises WriteError: it cannot be written.
        """
        facts = self.facts()
        if not facts:
            return write_report(self.path, report) if report else ([], [])
        told = [outcome(report), report["scope"], report["error"]] if report else ["there is no report"]
        said = " ".join(". ".join(filter(None, told)).split())
        problems = [] if self.last_words else self.say("end", said)
        facts = cast(RunFacts, {**facts, **_told(report), "kind": UPGRADE, "state": ENDED, "waiting_for": ""})
        facts = facts if buried else _alive(facts)
        written, more = self._write_report(report, facts) if report else ([], [])
        for path in self._journals():
            os.unlink(path)
        self._write(facts)  # last: who is killed before it is found dead, and its report is looked at
        return written, problems + more

    def _write_report(self, report: ReportData, facts: RunFacts) -> tuple[list[str], list[str]]:
        if facts:
            run = {"run": {key: value for key, value in facts.items() if key in IN_REPORT}}
            others = {key: value for key, value in report.items() if key != "run"}
            report = cast(ReportData, {"status": report["status"], **run, **others})
        return write_report(self.path, report)

    @property
    def last_words(self) -> str:
        """What the log says of how the run ended; empty of one that did not get so far."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.path.getsize(self.log) - MOST_WORDS))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        words = re.fullmatch(r"\S+ end +(.*)", lines[-1]) if lines else None
        return words[1] if words else ""

    def why_over(self, why: str) -> str:
        """How a run ended that has not said so in its report."""
        if words := self.last_words:
            return f"its end could not be written into the report; its log says: {words.partition('. ')[0]}"
        return why

    def say(self, mark: str, text: str) -> list[str]:
        """A line in the log.

        :returns: what went wrong.
        """
        log = LogFile(self.log)
        log(log_line(mark, text))
        return log.warnings

    def _write(self, facts: RunFacts) -> RunFacts:
        write(os.path.join(self.path, FACTS), json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
        self._beaten = time.monotonic()
        return facts


def _are_facts(found: Mapping[str, Any]) -> bool:
    """Whether others can rely on what they need of them."""
    try:
        for moment in ("since", "heartbeat"):
            datetime.fromisoformat(found[moment])
    except (LookupError, TypeError, ValueError):
        return False
    kinds = {"kind": str, "state": str, "cloud": str, "status": str, "summary": dict, "step": int, "steps": int}
    return "kind" in found and all(isinstance(found.get(key, kind()), kind) for key, kind in kinds.items())


def _alive(facts: RunFacts) -> RunFacts:
    """With a sign of life."""
    pid = controller()
    here: RunFacts = {"host": socket.gethostname(), "pid": pid, "boot": boot(), "ticks": ticks(pid), "heartbeat": now()}
    return {**facts, **here}


def _told(report: ReportData | None) -> Mapping[str, Any]:
    if not report:
        return {}
    keys = ("scope", "status", "summary", "error", "next")
    approved = report.get("approved")
    nights = {"nights": approved["nights"]} if approved and approved.get("nights") else {}
    return {**{key: value for key, value in report.items() if key in keys}, **nights}


def read_report(folder: str) -> ReportData | None:
    """report.json in the folder; None where there is none, or where it is no report, such as one that was edited."""
    found = _read_json(os.path.join(folder, "report.json"))
    units = found.get("units") if isinstance(found, dict) and isinstance(found.get("status"), str) else None
    known = isinstance(units, list) and all(
        isinstance(each, dict) and {"id", "status"} <= each.keys() for each in units
    )
    return cast(ReportData, found) if known else None


def _read_json(path: str) -> Any:
    """What a file has; None where it cannot be read."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def life(facts: RunFacts) -> str:
    """ENDED as it said, ALIVE, or DEAD: its process is gone, or another host has not heard of it for too long."""
    if facts.get("state") == ENDED:
        return ENDED
    if facts.get("boot") and facts["boot"] == boot():
        return ALIVE if _exists(facts.get("pid"), facts.get("ticks")) or _has_worker(facts) else DEAD
    try:
        silent_s = time.time() - datetime.fromisoformat(facts["heartbeat"]).timestamp()
    except (LookupError, TypeError, ValueError):
        return DEAD
    return ALIVE if silent_s <= (AWAY_S if facts.get("state") == AWAY else LIFE_S) else DEAD


def _has_worker(facts: RunFacts) -> bool:
    return _exists(facts.get("worker"), facts.get("worker_ticks"))


def _exists(pid: int | None, began: str | None) -> bool:
    return bool(pid and began) and ticks(cast(int, pid)) == began


def controller() -> int:
    """ansible-playbook, whose worker this is; this process itself where that is gone, as then it alone goes on."""
    parent = multiprocessing.parent_process()
    return parent.pid if parent is not None and parent.pid == os.getppid() else os.getpid()


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def boot() -> str:
    """Where process numbers mean the same: this start of this machine, and the container; empty if not known."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot_id} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def ticks(pid: int) -> str:
    """When a process began, in the kernel's ticks since it started; empty if there is no such process any more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *fields = stat.rpartition(")")[2].split()  # a name may hold anything
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]


def away_words(when: str, step: int, hooks: Iterable[Mapping[str, Any]]) -> str:
    """What a run waits for while tasks that are not ours are at work.

    :param when: C(before) or C(after) the step.
    """
    moments = " and ".join(hook["moment"] for hook in hooks)
    return f"the play to go on {when} step {step}" + (f" (hook {moments})" if moments else "")


def at_work_words(run: RunFacts) -> str:
    """For whoever begins a run beside this one."""
    return (
        f"Run {run['id']} is at work on this cloud, {where_words(run)}. The two share the work; no call is sent twice."
    )
