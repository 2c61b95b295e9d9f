# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of one run pass on to each other, and how they read variables and show lines.

A plan of 5,000 units has 10 MB, and a variable is copied, searched for templates and shown by every task that passes it
on. So plan and results are files in the folder that ansible-core makes for each of its runs, that only its user can
read and that it removes at its end; the tasks pass the name of a folder in it.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.release import __version__
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars

from ..module_utils.api.connection import DIRECTORY_VARIABLE
from ..module_utils.api.errors import SysvmError
from ..module_utils.knowledge.characters import visible
from ..module_utils.knowledge.shapes import CheckedPlan, ResultData
from ..module_utils.options.modules import CONNECTION
from ..module_utils.options.option_names import PREFIX, ROLE_VARIABLE, OptionError
from ..module_utils.options.sources import connection_values
from ..module_utils.options.table import VARIABLES, default_of
from .report.build import broken_off
from .report.runs import ENDED
from .run_folder import RunFolder, now
from .screen import is_lost, outlive_all
from .typed import as_typed
from .variables import VariableError, read_one, read_variables, refuse_empty, refuse_unknown

outlive_all()
NOTHING_PLANNED = (
    "Nothing was touched: there is no plan to carry out. The role cloudstack.sysvm.preflight makes it, earlier in the "
    "same play: leave out --start-at-task. Where a plan was refused, nothing follows."
)
AWX_VARIABLE = "awx_job_id"  # each of its jobs has it
COLLECTS_WARNINGS = tuple(map(int, __version__.split(".")[:2])) >= (2, 19)


class Run:
    """One run on one host, as its tasks pass it on.

    :ivar folder: where they keep what they pass on.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @classmethod
    def all(cls) -> list[Run]:
        """Those of this ansible-playbook."""
        return [cls(str(plan.parent)) for plan in sorted(Path(_private_folder()).glob("sysvm-*/plan.json"))]

    @classmethod
    def begin(cls) -> Run:
        return cls(tempfile.mkdtemp(prefix="sysvm-", dir=_private_folder()))

    @property
    def on_disk(self) -> RunFolder | None:
        """Its folder below C(sysvm_report_dir); None in check mode, and where it could not be made."""
        path = self.read("on_disk")["path"]
        return RunFolder(path) if path else None

    @property
    def page(self) -> str:
        """The report as a page; empty where there is none."""
        folder = self.on_disk
        return folder.page if folder else ""

    def keep_plan(self, plan: Mapping[str, Any], **more: Any) -> None:
        """The units of each step are a file of their own, for hooks; the plan has the others."""
        units = {unit["id"]: unit for unit in plan["units"]}
        for step in plan["steps"]:
            self.keep(f"units-{step['number']:05}", [units.pop(identity) for identity in step["units"]])
        self.keep("plan", {**plan, **more, "units": list(units.values())})

    def plan(self) -> CheckedPlan:
        """With all its units."""
        plan: CheckedPlan = self.read("plan")
        units = [unit for step in plan["steps"] for unit in self.read(f"units-{step['number']:05}")]
        return {**plan, "units": units + plan["units"]}

    def keep(self, name: str, data: Any) -> None:
        new = Path(self.folder, f"{name}.json.new")
        new.write_text(json.dumps(data), encoding="utf-8")
        new.replace(self._file(name))

    def read(self, name: str) -> Any:
        return json.loads(self._file(name).read_text(encoding="utf-8"))

    def _file(self, name: str) -> Path:
        return Path(self.folder, f"{name}.json")

    def results(self) -> list[ResultData]:
        """Of all steps so far, in their order."""
        return [result for name in self._kept("results") for result in self.read(name)]

    def rollouts(self) -> list[dict[str, Any]]:
        """Notes and guards of all steps so far."""
        return [self.read(name) for name in self._kept("rollout")]

    def _kept(self, what: str) -> list[str]:
        """The names of what was kept of each step, in their order."""
        return [path.stem for path in sorted(Path(self.folder).glob(f"{what}-*.json"))]

    def running(self) -> dict[str, str]:
        """The units that were at work when their module was lost."""
        return dict(self._read_or("running", {}))

    def stop(self, why: str, code: str = "") -> None:
        """No step begins any more.

        :param code: the same as a stable word.
        """
        self.keep("stopped", {"why": why, "code": code})

    @property
    def stopped(self) -> str:
        """What ended the run before its last step; empty if nothing did."""
        return str(self._read_or("stopped", {"why": ""})["why"])

    @property
    def stop_code(self) -> str:
        """The same as a stable word."""
        return str(self._read_or("stopped", {"code": ""})["code"])

    def refuse(self, why: str) -> None:
        """Nothing was touched, and nothing will be."""
        self.keep("refused", why)

    @property
    def refused(self) -> str:
        """Why; empty unless it was."""
        return str(self._read_or("refused", ""))

    def approve(self, number: int) -> None:
        """A person said that it may go on with this step."""
        self.keep("approved", number)

    @property
    def approved(self) -> int:
        """The last step of which that was said."""
        return int(self._read_or("approved", 0))

    def _read_or(self, name: str, default: Any) -> Any:
        return self.read(name) if self._file(name).exists() else default


def end_left(why: str, base: str | None = None) -> None:
    """End the runs of this ansible-playbook that nobody goes on with. A step at work is somebody, and does it itself.

    :param why: they ended, unless something had stopped them.
    :param base: only those in this folder.
    """
    for run in Run.all():
        with contextlib.suppress(OSError, SysvmError):
            folder = run.on_disk
            if folder is None or base not in (None, folder.base) or folder.is_at_work:
                continue
            if folder.facts().get("state") not in (None, ENDED):
                report = folder.report()
                folder.end(report and broken_off(report, now(), folder.why_over(run.stopped or why)))


if multiprocessing.parent_process() is None:  # ansible-core imports action plugins before it forks workers for them
    atexit.register(end_left, "ansible-playbook ended before the run did")


class PlayContext:
    """The play around a task: its variables, its other hosts, and where this host's lines and files go.

    :ivar vars: all variables of the task.
    :ivar variables: those of the collection, by name without prefix, once they are read.
    """

    def __init__(self, action: Any, task_vars: dict[str, Any] | None) -> None:
        self._action = action
        self.vars: dict[str, Any] = task_vars or {}
        self.variables: dict[str, Any] = {}
        self._omit = self.vars.get("omit", object())  # what default(omit) comes to, which means as if not given
        self._typed = as_typed(context.CLIARGS.get("extra_vars", ()), self.vars)
        self.host: str = self.vars.get("inventory_hostname", "localhost")
        self.hosts: list[str] = list(self.vars.get("ansible_play_hosts_all") or [self.host])
        self.several = len(self.hosts) > 1
        self.checking = bool(getattr(action._task, "check_mode", False))
        # Then what they say names variables, and paths are those of whoever has started ansible-playbook.
        self.tell_modules({ROLE_VARIABLE: "1", DIRECTORY_VARIABLE: os.getcwd()})

    def tell_modules(self, environment: Mapping[str, str]) -> None:
        """Environment variables of the modules that the task runs from now on."""
        task = self._action._task
        task.environment = [*(task.environment or []), environment]

    def refuse_unknown(self) -> None:
        """:raises SysvmError: for a variable that nobody reads."""
        refuse_unknown(self.vars, load_extra_vars(self._action._loader))

    def refuse_absent_hosts(self) -> None:
        """The playbooks refuse them, unless there is no inventory at all: then the play runs on localhost.

        :raises SysvmError: for hosts without an inventory.
        """
        known = {*constants.LOCALHOST, *self.vars.get("groups", {}).get("all", ())}
        absent = [name for name in self.variables["clouds"] if name not in known]
        if known == {*constants.LOCALHOST} and absent:
            raise OptionError(
                f"({','.join(absent)}) has no host in the inventory, so nothing would be done",
                option="clouds",
                remedy="Name hosts that are there.",
            )

    def read(self) -> None:
        """Read all variables of the collection, as what they mean.

        :raises SysvmError: for a value that cannot be meant.
        """
        found = {PREFIX + name: self._templated(name) for name in VARIABLES if PREFIX + name in self.vars}
        given = {name: value for name, value in found.items() if value != self._omit}
        if AWX_VARIABLE not in self.vars:
            refuse_empty(given)
        self.variables = read_variables(given)

    def _templated(self, name: str) -> Any:
        if PREFIX + name in self._typed:  # by others, so it is no template
            return self._typed[PREFIX + name]
        try:
            return self._action._templar.template(self.vars.get(PREFIX + name))
        except AnsibleError as error:
            if type(error).__name__ == "AnsibleValueOmittedError":  # since ansible-core 2.19
                return self._omit
            raise OptionError(
                f"cannot be made out: {error.message}",
                option=name,
                remedy="Give what it refers to a value, or leave it out.",
            ) from None

    def given(self) -> frozenset[str]:
        """The names, without prefix, of the variables that somebody has set."""
        found = {**self.vars, **self._typed}
        return frozenset(name for name in VARIABLES if found.get(PREFIX + name) not in (None, "", []))

    def read_some(self, *names: str) -> None:
        """Read some; one that cannot be meant has its default. For telling what is wrong with the others."""
        for name in VARIABLES.keys() & names:
            try:
                self.variables[name] = read_one(name, self._templated(name))
            except SysvmError:
                self.variables[name] = default_of(name)

    def connection(self) -> dict[str, Any]:
        """The connection options that are given: by module_defaults, and by variables, which win."""
        given = {name: value for name, value in self._action._task.args.items() if name in CONNECTION}
        return given | {name: self.variables[name] for name in CONNECTION if self.variables.get(name) is not None}

    def refuse_shared_endpoint(self) -> None:
        """:raises SysvmError: when another host of the play upgrades the same cloud: each would do all of it."""
        endpoint = self._endpoint()
        others = claim(endpoint, self.host, self.vars.get("ansible_play_batch") or self.hosts)
        if endpoint and others:
            raise VariableError(
                f"{self.host} and {', '.join(others)} have the same endpoint, so one cloud would be upgraded several "
                "times at once",
                remedy="Name one of them in sysvm_clouds, or give each its own sysvm_api_url.",
            )

    @property
    def cloud(self) -> str:
        """Host and port of the API, as people know the cloud by; empty if it is not given."""
        return urlsplit(self._endpoint()).netloc.rpartition("@")[2].lower()

    def _endpoint(self) -> str:
        environ = dict(os.environ)
        for each in self._action._task.environment or ():
            if isinstance(each, Mapping):
                environ.update({str(name): str(value) for name, value in each.items() if value})
        try:
            url = connection_values(self.connection(), environ)["api_url"]
        except SysvmError:  # the module says what is wrong
            return ""
        return str(url or "").partition(",")[0].strip()

    def refuse_missing_hooks(self) -> None:
        """:raises SysvmError: for a file of tasks that is not there."""
        for moment, path in (self.variables["hooks"] or {}).items():
            if not os.path.isfile(self.path(path)):
                raise OptionError(
                    f"names {self.path(path)} for {moment}, and there is no such file",
                    option="hooks",
                    remedy="Give the path of a file of tasks.",
                )

    def hook(self, moment: str, **told: Any) -> list[dict[str, Any]]:
        """The operator's tasks at this moment, for the roles to run; empty where there are none.

        :param told: what the tasks see as C(sysvm_hook_NAME).
        """
        path = (self.variables["hooks"] or {}).get(moment)
        if not path or self.checking or not os.path.isfile(self.path(path)):  # the plan has refused it
            return []
        return [{"moment": moment, "file": self.path(path), **told}]

    def path(self, text: str) -> str:
        """Absolute; relative ones are from the working directory."""
        return os.path.abspath(os.path.expanduser(os.path.expandvars(text)))

    @property
    def base(self) -> str:
        """The folder of the reports of all hosts."""
        return self.path(self.variables["report_dir"])

    @property
    def report_folder(self) -> str:
        folder = self.base
        return os.path.join(folder, self.host) if self.several else folder

    def metrics(self) -> tuple[str, str] | None:
        """The file for metrics, if there is to be one, and the host they are of; each of several has its own."""
        if not self.variables["metrics_file"]:
            return None
        stem, extension = os.path.splitext(self.path(self.variables["metrics_file"]))
        return f"{stem}{f'-{self.host}' if self.several else ''}{extension}", self.host

    def show(self, lines: Iterable[str], where: str = "") -> None:
        """:param where: instead of where sysvm_progress says."""
        show(lines, where or self.variables["progress"], self.prefix)

    @property
    def prefix(self) -> str:
        """Of each line, where there are several hosts."""
        return f"{self.host}: " if self.several else ""


def _private_folder() -> str:
    """Made by ansible-core for this run of it, and shared by its workers."""
    return str(constants.DEFAULT_LOCAL_TMP)  # type: ignore[attr-defined,unused-ignore]


def claim(endpoint: str, host: str, batch: Iterable[str]) -> list[str]:
    """Say that this host upgrades the cloud at the endpoint.

    :param batch: the hosts that run at the same time.
    :returns: the others of them that do so too.
    """
    name = hashlib.sha256(endpoint.strip().rstrip("/").lower().encode()).hexdigest()
    folder = Path(_private_folder(), "sysvm-endpoints", name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(host.encode()).hexdigest()).write_text(host, encoding="utf-8")
    found = {path.read_text(encoding="utf-8") for path in folder.iterdir()}
    return sorted(found.intersection(batch) - {host})


def show(lines: Iterable[str], where: str = "stdout", prefix: str = "") -> None:
    """For a person, as they are; not at all if I(where) is C(none). Standard output is left to data."""
    if where == "none":
        return
    display = Display()
    for line in lines:
        text = f"{prefix}{visible(line)}" if line else line
        display.display(text, stderr=where == "stderr" or writes_data())


def writes_data() -> bool:
    """Whether it is a program that reads standard output: the callback writes JSON, as C(ansible.posix.json) does."""
    name = str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2]  # type: ignore[attr-defined,unused-ignore]
    return name.startswith("json")


def show_warnings(warnings: Iterable[Any]) -> list[Any]:
    """Warnings in the result of a task, where callbacks find them.

    Since ansible-core 2.19 what is shown as a warning comes into the result by itself; what is put there as a text, the
    callbacks of 2.21 fail at.

    :returns: for the result: what is left to put there.
    """
    others = []
    for warning in warnings:
        if isinstance(warning, str) and COLLECTS_WARNINGS:
            Display().warning(visible(warning))
        else:
            others.append(visible(warning) if isinstance(warning, str) else warning)
    return others


def message_of(returned: Mapping[str, Any]) -> str:
    """Why a module failed; of one that broke off the last line of what it left."""
    said = str(returned.get("msg") or "")
    left = returned.get("module_stderr") or ("" if said else returned.get("exception") or "")
    event = getattr(left, "event", None)  # since ansible-core 2.19
    lines = str(getattr(event, "msg", left)).strip().splitlines()
    return " ".join([*([said] if said else ()), *([f"The module broke off: {lines[-1]}"] if lines else ())])


def somebody_can_answer(environ: Mapping[str, str]) -> bool:
    """Whether a question has a chance. ansible-runner, and so AWX, gives a terminal at which nobody sits."""
    runner = "AWX_ISOLATED_DATA_DIR" in environ or environ.get("ANSIBLE_STDOUT_CALLBACK") == "awx_display"
    return not (runner or is_lost() or writes_data())
