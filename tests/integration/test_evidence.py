# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves about each unit that failed: enough for a support engineer, no secrets, and never a failure."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.estates import OLD, estate
from tests.support.runner import Cloud, Run

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

SILENT = {"kind": "silent_patch_failure", "match": {"name": "net-2"}, "times": 2}
PLANTED = {
    "url": "nfs://backup:PlantedPassword@10.1.1.1/export",
    "signed": "https://store/bundle?X-Amz-Signature=PlantedSignature&y=1",
    "psk": "ipsecpsk=PlantedPsk",
    "data": '"userdata": "PlantedUserData"',
}


def nets(*faults: dict[str, Any]) -> dict[str, Any]:
    """Their routers are at the minimum: to one below it the server would refuse the rules, and the job would fail."""
    settings = {"minreq.sysvmtemplate.version": "4.20.0"}
    return estate(networks=[{"name": "net-1"}, {"name": "net-2"}], faults=list(faults), settings=settings)


def evidence_of(run: Run, name: str) -> tuple[dict[str, Any], str, Path]:
    folder = (run.folder / "sysvm-report/latest").resolve() / run.units[name]["evidence"]
    ticket = (folder / "ticket.md").read_text(encoding="utf-8")
    return json.loads((folder / "evidence.json").read_text(encoding="utf-8")), ticket, folder


def test_a_silent_patch_failure(tmp_path: Path) -> None:
    with Cloud(nets(SILENT), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, max_failures=1, evidence="diagnostics")
        [router] = cloud.vms_of("net-2")
    assert run.rc != 0 and run.counts == {"upgraded": 1, "failed": 1}
    assert run.units["net-1"]["evidence"] is None, "only of what failed"
    found, ticket, folder = evidence_of(run, "net-2")

    assert [vm["now"]["software_version"] for vm in found["vms"]] == [OLD]
    assert [(job["command"], job["status"]) for job in found["jobs"]] == [("RestartNetworkCmd", "succeeded")] * 2
    assert "NETWORK.RESTART" in {event["type"] for event in found["events"]}
    assert [server["version"] for server in found["management_servers"]] == ["4.22.0.0"]
    assert {host["name"] for host in found["hosts"]} == {found["vms"][0]["now"]["host"]}
    assert [bundle["url"] for bundle in found["diagnostics"]] == [None]
    assert any("No suitable secondary storage" in each for each in found["missing"]), "as recorded"

    assert run.units["net-2"]["reason"] in ticket
    assert router in ticket and found["jobs"][0]["id"] in ticket and "What to do next" in ticket

    relative = run.units["net-2"]["evidence"]
    for name in ("report.html", "report.md"):
        assert relative in (tmp_path / "sysvm-report/latest" / name).read_text(encoding="utf-8").replace("\\", "")
    assert {path.name for path in folder.iterdir()} == {"evidence.json", "ticket.md"}
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


def test_what_the_server_repeats_is_without_secrets(tmp_path: Path) -> None:
    text = f"Failed: {' '.join(PLANTED.values())}"
    fault = {"kind": "job_fails", "match": {"name": "net-1", "command": "restartNetwork"}, "text": text, "times": 2}
    with Cloud(nets(fault), tmp_path) as cloud:
        run = cloud.upgrade("-vvvv", kinds=["router"], canaries=False)
    found, ticket, folder = evidence_of(run, "net-1")
    assert "Failed: nfs://(hidden)@10.1.1.1/export" in ticket
    assert {job["status"] for job in found["jobs"]} == {"failed"}
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert folder / "ticket.md" in left and len(left) > 5
    assert [path for path in left if b"Planted" in path.read_bytes()] == []
    assert "Planted" not in run.output


@pytest.mark.parametrize(
    ("arguments", "options"), [(("--check",), {}), ((), {"evidence": "none"})], ids=["check mode", "off"]
)
def test_none_where_nothing_is_to_be_left(arguments: tuple[str, ...], options: dict[str, Any], tmp_path: Path) -> None:
    with Cloud(nets(SILENT), tmp_path) as cloud:
        cloud.upgrade(*arguments, kinds=["router"], canaries=False, **options)
    assert not list(tmp_path.glob("sysvm-report/**/evidence"))


def test_a_server_that_cannot_be_asked_changes_nothing_about_the_end(tmp_path: Path) -> None:
    """Nor does a folder that cannot be made."""
    hook, mine = tmp_path / "hook.yml", tmp_path / "sysvm-report/latest/evidence"
    hook.write_text(f"- ansible.builtin.file: path={mine} state=touch\n", encoding="utf-8")
    with Cloud(nets(SILENT), tmp_path) as cloud:
        run = cloud.upgrade(kinds=["router"], canaries=False, max_failures=1, hooks={"after_step": str(hook)})
    assert run.counts == {"upgraded": 1, "failed": 1}
    assert "evidence cannot be made" in " ".join(run.output.split())
    assert run.errors[-1].startswith("The upgrade is not complete (incomplete)")
