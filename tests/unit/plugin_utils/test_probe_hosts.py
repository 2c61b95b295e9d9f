# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from ansible.errors import AnsibleError

from ansible_collections.cloudstack.sysvm.plugins.module_utils.cloud.endpoints import Endpoint
from ansible_collections.cloudstack.sysvm.plugins.module_utils.probing.probes import ASKED, TOLD
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.probe_hosts import ProbeHost, ProbeHosts
from tests.support.waiting import wait_for


class ThisHost:
    """A connection that runs commands here, with a folder of its own for what they make."""

    def __init__(self, folder: Path) -> None:
        self.commands: list[str] = []
        self._folder = folder

    def _connect(self) -> None:
        pass

    def exec_command(self, command: str, in_data: bytes, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.commands.append(command)
        environment = {**os.environ, "TMPDIR": str(self._folder)}
        ended = subprocess.run(command, shell=True, input=in_data, capture_output=True, env=environment, check=False)
        return ended.returncode, ended.stdout, ended.stderr


def test_a_prober_elsewhere_is_asked_tells_and_ends_without_a_trace(tmp_path: Path) -> None:
    there = ThisHost(tmp_path)
    with ProbeHosts([ProbeHost("elsewhere", there, sys.executable)], 50, clock=lambda: 0.0) as hosts:
        assert hosts.problems == [] and len(list(tmp_path.iterdir())) == 1
        place = Path(hosts.environment["SYSVM_PROBE_PLACES"]) / "elsewhere"
        (place / ASKED).write_text(json.dumps({"watch": "1", "address": "127.0.0.1", "port": 1}) + "\n")

        def is_told() -> bool:
            hosts._relays[0].due = 0.0
            hosts.relay()
            return "answers" in (place / TOLD).read_text()

        wait_for(is_told)
    wait_for(lambda: list(tmp_path.iterdir()) == [])  # the prober removes its folder as the last thing it does
    assert not any("kill" in command for command in there.commands), "others may run what looks alike"


def test_what_is_tried_before_the_run_is_tried_from_there(tmp_path: Path) -> None:
    there = ProbeHost("elsewhere", ThisHost(tmp_path), sys.executable)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as deaf, ProbeHosts([there], 50) as hosts:
        deaf.bind(("127.0.0.1", 0))
        listens = Endpoint("127.0.0.1", listener.getsockname()[1], "load balancing")
        refuses = Endpoint("127.0.0.1", deaf.getsockname()[1], "port forwarding")
        [tried] = hosts.try_once({"web": [listens, refuses]})
    assert (tried.place, tried.answered, tried.silent) == ("elsewhere", 1, (refuses,))


def test_a_host_that_cannot_be_reached_is_a_problem_and_no_answer(tmp_path: Path) -> None:
    class Away(ThisHost):
        def _connect(self) -> None:
            raise AnsibleError("no route")

    with ProbeHosts([ProbeHost("away", Away(tmp_path), sys.executable)], 50) as hosts:
        assert hosts.try_once({"web": [Endpoint("127.0.0.1", 1, "load balancing")]}) == []
    assert hosts.problems == ["Nothing was probed from there: the probe host away is out of reach: no route"]
