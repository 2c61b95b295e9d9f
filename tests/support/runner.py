# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the collection as an operator does: ansible-playbook as a process, against a simulated cloud over HTTP.

    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"])
        assert run.rc == 0 and run.targets == ["net"]

All that a run leaves (home, temporary files, report, log) is below I(folder), so that a test can look at all of it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from tests.simulator.process import SimulatorProcess
from tests.support.estates import Estate

BIN = Path(sys.executable).parent
UPGRADE = "cloudstack.sysvm.upgrade_sysvms"
CHECK = "cloudstack.sysvm.check_sysvms"
REPORTS = "sysvm-report/runs/*/report.json"
RESULTS = "RESULTS OF THE TASKS: "
TIME_LIMIT_S = 240.0

Task = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What one ansible-playbook process left.

    :ivar journal: the calls of this run that change something, as far as the server took them.
    :ivar written: report.json as text, if this run wrote it where it is written by default.
    """

    rc: int
    stdout: str
    stderr: str
    folder: Path
    journal: list[dict[str, Any]]
    written: str | None

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @cached_property
    def report(self) -> dict[str, Any]:
        assert self.written is not None, f"no report was written; the run ended like this: {self.output[-2000:]}"
        return json.loads(self.written)

    @cached_property
    def units(self) -> dict[str, dict[str, Any]]:
        """The units of the report by name."""
        units = {unit["name"]: unit for unit in self.report["units"]}
        assert len(units) == len(self.report["units"]), "two units have one name"
        return units

    @property
    def statuses(self) -> dict[str, str]:
        return {name: unit["status"] for name, unit in self.units.items()}

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(self.statuses.values()))

    @property
    def targets(self) -> list[str]:
        """What the calls were about, in their order."""
        return [call["target"] for call in self.journal]

    @cached_property
    def results(self) -> list[dict[str, Any]]:
        """Of the tasks of I(Cloud.tasks)."""
        [line] = [line for line in self.stdout.splitlines() if line.startswith(RESULTS)]
        return json.loads(line.removeprefix(RESULTS))

    @property
    def errors(self) -> list[str]:
        """The messages of failed tasks, in the order in which they were shown."""
        found = re.findall(r"^\[ERROR\]: Task failed: (?:Action|Module) failed: (.*)$", self.output, re.MULTILINE)
        if found:
            return found
        # before ansible-core 2.19
        fatal = re.findall(r"^fatal: \[.*?\]: FAILED! => (\{.*\})$", self.output, re.MULTILINE)
        return [json.loads(result).get("msg", "") for result in fatal]


class Cloud:
    """A simulated cloud and the machine from which it is upgraded.

    :param folder: the machine's home and working directory.
    """

    def __init__(self, estate: Estate, folder: Path) -> None:
        self.simulator = SimulatorProcess(estate)
        self.folder = folder

    def __enter__(self) -> Cloud:
        self.simulator.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        bugs = self.simulator.errors
        self.simulator.stop()
        assert not bugs or error is not None, f"the simulator has a bug: {bugs}"

    # -- runs

    def upgrade(self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> Run:
        """The playbook upgrade_sysvms.

        :param options: variables of the roles without their prefix C(sysvm_).
        """
        return self.playbook(UPGRADE, *arguments, *extra_vars(options), env=env)

    def check(self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> Run:
        """The playbook check_sysvms."""
        return self.playbook(CHECK, *arguments, *extra_vars(options), env=env)

    def module(self, name: str, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> Run:
        """One task with a module of the collection; what it returns is C(run.results[0])."""
        return self.tasks([{f"cloudstack.sysvm.{name}": options}], *arguments, env=env)

    def tasks(self, tasks: Sequence[Task], *arguments: str, env: Mapping[str, str] | None = None, **play: Any) -> Run:
        """A playbook of these tasks, all of them run; what they return is C(run.results)."""
        return self.playbook(str(self.write_tasks(tasks, **play)), *arguments, env=env)

    def write_tasks(self, tasks: Sequence[Task], **play: Any) -> Path:
        names = [f"result{number}" for number in range(len(tasks))]
        all_tasks: list[Task] = [
            {"name": f"Task {name}", "ignore_errors": True, **task, "register": name}
            for name, task in zip(names, tasks, strict=True)
        ]
        together = "{{ [" + ", ".join(names) + "] | to_json }}"
        all_tasks.append({"name": "Results", "cloudstack.sysvm.sysvm_show": {"lines": [RESULTS + together]}})
        return self.write_playbook({"hosts": "localhost", "gather_facts": False, **play, "tasks": all_tasks})

    def write_playbook(self, *plays: dict[str, Any]) -> Path:
        path = self.folder / "playbook.yml"
        path.write_text(yaml.safe_dump(list(plays), allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    def playbook(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        earlier = {*self.folder.glob(REPORTS)}
        before = len(self.simulator.journal())
        process = self.start(name, *arguments, env=env)
        try:
            stdout, stderr = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            kill_tree(process)
            raise
        report = max({*self.folder.glob(REPORTS)} - earlier, key=lambda path: path.stat().st_mtime, default=None)
        written = report.read_text(encoding="utf-8") if report else None
        journal = [call for call in self.simulator.journal()[before:] if call["accepted"]]
        return Run(process.returncode, stdout, stderr, self.folder, journal, written)

    def start(
        self, name: str, *arguments: str, env: Mapping[str, str] | None = None, new_session: bool = False
    ) -> subprocess.Popen[str]:
        """
        :param new_session: as on a terminal of its own: a signal to its process group reaches what it has started.
        """
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), name, *arguments],
            cwd=self.folder,
            env=self.environment(env),
            start_new_session=new_session,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Of the machine; C(more) wins, and an empty value there takes a variable away."""
        temporary = self.simulator.folder / "tmp"
        if not temporary.is_symlink():
            # ansible-core binds a socket there, whose path may have 107 characters; those of pytest's folders grow.
            (self.folder / "tmp").mkdir(exist_ok=True)
            temporary.symlink_to(self.folder / "tmp")
        # ansible-playbook looks a thousand times a second whether a task has ended, and tests mostly wait.
        configuration = self.simulator.folder / "ansible.cfg"
        configuration.write_text("[defaults]\ninternal_poll_interval = 0.02\n", encoding="utf-8")
        own = {
            "ANSIBLE_CONFIG": str(configuration),
            "PYTHONPATH": python_path(),
            "HOME": str(self.folder),
            "PWD": str(self.folder),
            "TMPDIR": str(temporary),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONUNBUFFERED": "",
        }
        merged = {**os.environ, **own, **self.simulator.environment(), **(more or {})}
        return {name: value for name, value in merged.items() if value}

    # -- what the simulator knows

    def vms(self) -> dict[str, dict[str, Any]]:
        """The truth about every VM, by name."""
        return self.simulator.state()["vms"]

    def patches(self) -> dict[str, int]:
        """How many times each router, SSVM and CPVM was patched since the simulator started."""
        return {name: vm["patches"] for name, vm in self.vms().items()}

    def vms_of(self, unit: str) -> list[str]:
        """The routers of a network or VPC."""
        [found] = [each for each in self.simulator.state()["units"].values() if each["name"] == unit]
        return found["routers"]

    def id_of(self, name: str) -> str:
        """The id of a network, VPC or VM."""
        state = self.simulator.state()
        ids = [key for key, unit in state["units"].items() if unit["name"] == name]
        return ids[0] if ids else state["vms"][name]["id"]

    def call(self, command: str, **params: str) -> dict[str, Any]:
        """A call of the API by somebody else, such as an administrator in the web UI."""
        from cs import CloudStack

        api = CloudStack(self.simulator.url, self.simulator.key, self.simulator.secret, method="post")
        return getattr(api, command)(**params)


def python_path() -> str:
    """For processes that import the collection: what they do without, and what tests/conftest.py has put there."""
    return os.pathsep.join(filter(None, [str(Path(__file__).parent / "without"), os.environ.get("PYTHONPATH")]))


def extra_vars(options: Mapping[str, Any]) -> list[str]:
    return ["-e", json.dumps({f"sysvm_{name}": value for name, value in options.items()})] if options else []


def kill_tree(process: subprocess.Popen[str]) -> None:
    """kill -9 for a process and all below it; ansible's workers have sessions of their own."""
    for pid in [process.pid, *descendants(process.pid)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    pids = _children(pid)
    for each in pids:  # grows while it is walked
        pids += _children(each)
    return pids


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # pid (name, which may hold anything) state parent ...
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
