# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the acting modules' action plugins, with a command in the place of the module."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.cloudstack.sysvm.plugins.plugin_utils import live
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.live import LiveAction
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.run import COLLECTS_WARNINGS


class Action(LiveAction):
    """Its module appends two lines to the log that it is given, and returns its arguments."""

    def __init__(self, folder: Path, transport: str = "local") -> None:
        self._connection: Any = SimpleNamespace(transport=transport, cwd=str(folder))
        self._task: Any = SimpleNamespace(environment=[{"OF_THE_TASK": "1"}])

    def _execute_module(self, *dummy: Any, **given: Any) -> dict[str, Any]:
        args = given["module_args"]
        if "log" in args:
            self._low_level_execute_command(args["log"])
        return {"args": args, "module": given["module_name"], "environment": self._task.environment}


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that were shown, each with where and with its prefix."""

    def command(dummy: ActionBase, log: str) -> None:
        with open(log, "a", encoding="utf-8") as file:
            file.write("start\nok\n")

    lines: list[str] = []
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", command)
    monkeypatch.setattr(
        live, "show", lambda new, where, prefix: lines.extend(f"{where} {prefix}{line}" for line in new)
    )
    return lines


def test_lines_are_shown_and_kept_and_the_module_writes_to_a_file_of_this_call(
    tmp_path: Path, shown: list[str]
) -> None:
    (tmp_path / "log").write_text("before\n", encoding="utf-8")
    beside = [["somebody else"]]
    returned, interrupted = Action(tmp_path).run_live(
        "m", {"log": "log"}, {}, prefix="east: ", where="stderr", tick=lambda: beside.pop() if beside else []
    )
    before, *lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert (before, sorted(lines)) == ("before", ["ok", "somebody else", "start"])
    assert shown == [f"stderr east: {line}" for line in lines]
    assert returned["module"] == "m" and interrupted is None and "warnings" not in returned
    for own in (returned["args"]["log"], returned["environment"][1]["SYSVM_STOP"]):
        assert not Path(own).is_relative_to(tmp_path)
        assert not Path(own).parent.exists(), "nothing is left over"


def test_the_file_that_ends_the_module_is_known_to_it_alone(tmp_path: Path) -> None:
    action = Action(tmp_path)
    returned, _interrupted = action.run_live("m", {"control": "control"}, {})
    assert returned["args"]["control"] == "control", "which people write"
    assert returned["environment"][0] == {"OF_THE_TASK": "1"}
    assert action._task.environment == [{"OF_THE_TASK": "1"}]


def test_a_log_that_cannot_be_written_is_a_warning(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda dummy, text: warned.append(text))
    returned, _interrupted = Action(tmp_path).run_live("m", {"log": "no/log"}, {})
    told = [*warned, *returned.get("warnings", ())]  # before ansible-core 2.19 it is the result that has them
    assert told == [f"The log could not be written: {tmp_path}/no/log: No such file or directory"]
    assert bool(warned) is COLLECTS_WARNINGS, "the callbacks of ansible-core 2.21 fail at texts in results"
    assert len(shown) == 2


def test_on_another_host_the_module_is_left_alone(tmp_path: Path, shown: list[str]) -> None:
    """Its log is a file there, which nobody here can follow."""
    args = {"log": str(tmp_path / "log")}
    returned, _interrupted = Action(tmp_path, "ssh").run_live("m", args, {})
    assert returned["args"] == args and shown == []
