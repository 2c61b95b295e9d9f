# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The column "report" of the table: the report of a run into which the fault struck, made as the role does."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check import check_versions
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.check_request import CheckRequest
from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.outcome import Outcome
from tests.faults.matrix import End, Expected, Kind
from tests.faults.scene import POLICY, UNITS, Ended, Phase, Scene, estate
from tests.faults.test_matrix import UNFIT, cells
from tests.simulator.process import SimulatorProcess
from tests.support import playbook
from tests.support.sampling import sampled


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "phase", "expected"), sampled(2, [cell.values for cell in cells(Phase.REPORT)]))
def test_report(
    kind: Kind,
    phase: Phase,
    expected: Expected,
    tmp_path: Path,
    record_property: Any,
) -> None:
    record_property("cell", [kind.name, phase.value])
    with Scene(tmp_path, kind) as scene:
        with scene.client() as client:
            checked = check_versions(client, CheckRequest(POLICY, True))
        ended = scene.act(phase, kind.strike, first=expected.first)
        made = make_report(scene, checked, ended)
        assert [*check_report(scene, made, ended, expected)] == []


def make_report(scene: Scene, checked: Outcome, ended: Ended) -> playbook.Said:
    """As the playbook does at its end, given what the run before it found out and did."""
    facts = {
        "checked": dict(checked.values),
        "results": ended.results,
        "sysvm_report_dir": str(scene.report_dir),
    }
    return playbook.run(str(Path(__file__).with_name("report.yml")), facts, scene.folder, {})


def check_report(scene: Scene, made: playbook.Said, ended: Ended, expected: Expected) -> Iterator[str]:
    said = made.text
    if made.status == 0:
        yield "it ended with 0"
    if not re.search(expected.words, said, re.DOTALL):
        yield f"{expected.words!r} was not said: {said}"
    if found := UNFIT.search(said):
        yield f"{found[0]!r} must not be shown: {said}"
    # What became of each unit is shown even where it cannot be written.
    counts = Counter(result["status"].replace("_", " ") for result in ended.results)
    for status, count in counts.items():
        if f"{count} {status}" not in said:
            yield f"'{count} {status}' is not shown: {said}"
    if expected.end is End.FAILS:
        report = json.loads((scene.report_dir / "latest/report.json").read_text(encoding="utf-8"))
        if report["status"] != "incomplete":
            yield f"the report's status is {report['status']}"
        told = {unit["name"]: (unit["status"], unit["reason"]) for unit in report["units"]}
        if told != {result["name"]: (result["status"], result["reason"]) for result in ended.results}:
            yield f"the report does not tell what became of each unit: {told}"
        if len(report["units"]) != len(UNITS):
            yield f"not every unit exactly once in the report: {told}"


@pytest.mark.slow
def test_a_full_log_does_not_stop_the_playbook(tmp_path: Path, record_property: Any) -> None:
    """Nor does showing its lines, which a device has without end, fill the memory."""
    record_property("cell", ["disk full, log", Phase.REPORT.value])
    networks = [each["name"] for each in estate()["networks"]]
    options = {"networks": networks, "poll_interval": 0.1, "log": "/dev/full"}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"cloudstack.sysvm.cs_router_restart": options}]}
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    with SimulatorProcess(estate()) as simulator:
        made = playbook.run(str(path), {}, tmp_path, simulator.environment())
        assert made.status == 0, made.text
        assert "No space left on device" in made.text
        assert made.text.count(" ok      network ") == len(networks)
        assert not UNFIT.search(made.text)
        assert "Exception" not in made.text
