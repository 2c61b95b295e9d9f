# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs probers on other hosts of the inventory, and carries what they are asked and tell.

A prober there is the text of one program and a folder for its pipes; it ends, and the folder goes, soon after nobody
speaks to it any more. What the module asks of it and what it tells are two files here (probing.probes.Elsewhere).
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.loader import connection_loader

from ..module_utils.api.errors import SysvmError
from ..module_utils.cloud.endpoints import Endpoint, Tried
from ..module_utils.probing import prober
from ..module_utils.probing.probes import AHEAD, ASKED, PLACES_VARIABLE, TOLD, Probes, places_in

PAUSE_S = 0.5  # between two exchanges with a host
AGAIN_S = 20.0  # after one that failed
LINGER_S = 60  # how long a prober goes on without being asked
PYTHON = "/usr/bin/python3"
# The pipe is open for reading and writing, so that it has no end before the prober itself ends.
START = (
    "umask 077; d=$(mktemp -d) && mkfifo $d/in && cat > $d/prober.py && : > $d/out || exit 1; "
    "{{ {python} $d/prober.py {rate} {linger} <> $d/in > $d/out; rm -rf $d; }} < /dev/null > /dev/null 2>&1 & "
    "echo $d"
)
EXCHANGE = "cat > {folder}/in; tail -c +{position} {folder}/out"
END = "cat > {folder}/in"


class ProbeHostError(SysvmError):
    """A host from which is to be probed cannot be used."""


class ProbeHost:
    """One of them."""

    def __init__(self, name: str, connection: Any, python: str) -> None:
        self.name = name
        self._connection = connection
        self._python = python

    def run(self, command: str, text: str = "") -> str:
        """
        :raises ProbeHostError: when the host is out of reach or the command fails there.
        """
        try:
            self._connection._connect()
            status, output, errors = self._connection.exec_command(
                f"/bin/sh -c {shlex.quote(command)}", in_data=text.encode(), sudoable=False
            )
        except AnsibleError as error:
            raise ProbeHostError(f"the probe host {self.name} is out of reach: {error.message}") from None
        if status:
            said = errors.decode(errors="replace").strip() or f"status {status}"
            raise ProbeHostError(f"the probe host {self.name} cannot run a prober: {said[-300:]}")
        return str(output.decode(errors="replace"))

    def start(self, rate: float) -> str:
        """A prober that goes on; its folder."""
        command = START.format(python=shlex.quote(self._python), rate=rate, linger=LINGER_S)
        return self.run(command, inspect.getsource(prober)).strip()

    def ahead_s(self) -> float:
        """How much the clock here is ahead of the one there."""
        command = f"{shlex.quote(self._python)} -c 'import time; print(time.time())'"
        self.run(command)  # the first one may take long, as it connects
        began = time.time()
        there = float(self.run(command))
        return (began + time.time()) / 2 - there


class ProbeHosts:
    """While it is entered, a prober runs on each of the hosts; one that is out of reach is gone without.

    :ivar environment: of the module that is to look at them; empty where there are none.
    :ivar problems: of hosts that could not be used, or were lost on the way.
    """

    def __init__(self, hosts: Iterable[ProbeHost], rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._hosts = list(hosts)
        self._rate = rate
        self._clock = clock
        self._relays: list[_Relay] = []
        self._folder = tempfile.TemporaryDirectory(prefix="sysvm-probes-")
        self.environment = {PLACES_VARIABLE: self._folder.name} if self._hosts else {}
        self.problems: list[str] = []

    def __enter__(self) -> ProbeHosts:
        for host in self._hosts:
            path = os.path.join(self._folder.name, host.name)
            try:
                ahead_s = host.ahead_s()
                self._relays.append(_Relay(host, host.start(self._rate), path, ahead_s))
            except ProbeHostError as error:
                self.problems.append(f"Nothing was probed from there: {error}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for relay in self._relays:
            self.problems += [relay.problem] if relay.problem else []
            relay.end()
        self._folder.cleanup()

    def try_once(self, endpoints: Mapping[str, Sequence[Endpoint]]) -> list[Tried]:
        """See C(Probes.try_once)."""

        def sleep(seconds: float) -> None:
            time.sleep(seconds)
            self.relay()

        return Probes(endpoints, places_in(self._folder.name), rate=self._rate).try_once(sleep)

    def relay(self) -> None:
        """Carry what there is. Called several times a second."""
        for relay in self._relays:
            if self._clock() >= relay.due:
                relay.exchange()
                relay.due = self._clock() + (AGAIN_S if relay.problem else PAUSE_S)


class _Relay:
    def __init__(self, host: ProbeHost, folder: str, path: str, ahead_s: float) -> None:
        self.problem = ""
        self.due = 0.0
        self._host = host
        self._folder = folder
        self._path = path
        self._asked, self._told = 0, 0
        os.mkdir(path)
        with open(os.path.join(path, AHEAD), "w", encoding="utf-8") as file:
            file.write(str(ahead_s))

    def exchange(self) -> None:
        asked = _from(os.path.join(self._path, ASKED), self._asked)
        command = EXCHANGE.format(folder=shlex.quote(self._folder), position=self._told + 1)
        try:
            told = self._host.run(command, asked.decode() or "{}\n").encode()
        except ProbeHostError as error:
            self.problem = str(error)
            return
        self.problem = ""
        self._asked, self._told = self._asked + len(asked), self._told + len(told)
        with open(os.path.join(self._path, TOLD), "ab") as file:
            file.write(told)
        os.utime(file.name)

    def end(self) -> None:
        with contextlib.suppress(ProbeHostError):  # it ends by itself
            self._host.run(END.format(folder=shlex.quote(self._folder)), _line({"end": True}))


def probe_hosts(names: Iterable[str], action: Any, task_vars: Mapping[str, Any]) -> list[ProbeHost]:
    """Connections to the hosts, as a task that is delegated to them would have.

    :raises ProbeHostError: for a name that the inventory does not have.
    """
    return [_probe_host(name, action, task_vars["hostvars"]) for name in names]


def _probe_host(name: str, action: Any, hostvars: Mapping[str, Any]) -> ProbeHost:
    if name not in hostvars:
        raise ProbeHostError(
            f"sysvm_probe_from names {name}, which is not in the inventory", remedy="Give names of its hosts."
        )
    variables = hostvars[name]
    kind = variables.get("ansible_connection") or ("local" if name in constants.LOCALHOST else "ssh")
    context = copy.copy(action._play_context)
    context.remote_addr = variables.get("ansible_host") or name
    connection = connection_loader.get(
        kind, context, task_uuid=action._task._uuid, ansible_playbook_pid=str(os.getppid())
    )
    if connection is None:
        raise ProbeHostError(f"the probe host {name} has ansible_connection: {kind}, and there is no such plugin")
    known = constants.config.get_plugin_vars("connection", connection._load_name)  # type: ignore[attr-defined,unused-ignore]
    options = {each: variables[each] for each in known if each in variables}
    keys = {"timeout": context.timeout, **({"password": context.password} if context.password else {})}
    connection.set_options(task_keys=keys, var_options=options)
    python = variables.get("ansible_python_interpreter") or PYTHON
    return ProbeHost(name, connection, PYTHON if str(python).startswith("auto") else str(python))


def _line(said: Mapping[str, Any]) -> str:
    return json.dumps(said) + "\n"


def _from(path: str, position: int) -> bytes:
    """The whole lines of a file from a position on."""
    try:
        with open(path, "rb") as file:
            file.seek(position)
            whole, newline, _rest = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return b""
    return whole + newline
