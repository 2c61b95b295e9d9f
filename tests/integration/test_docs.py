# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documentation, run as it stands there against a cloud that has what it names."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.estates import estate
from tests.support.pages import ROOT, Block, all_blocks, commands
from tests.support.runner import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

NOT_RUN = {
    r"export CLOUDSTACK_|read -rs CLOUDSTACK_": "the cloud is the simulator",
    r"ansible-galaxy collection install git\+": "needs GitHub",
    r"ansible-galaxy collection install dist/": "tests/unit/test_packaging.py builds it and looks into it",
    r"pip install -r ~/.ansible/|pipx ": "needs what is not installed here",
    r"ansible-builder |podman ": "needs containers; tests/unit/test_awx.py reads the definition",
    r"ansible-galaxy collection install awx\.awx": "needs Galaxy",
    r"export CONTROLLER_|ansible-playbook cloudstack\.sysvm\.awx ": "tests/integration/test_awx.py runs it",
    r"tail -f ": "goes on for ever",
    r"\.venv/bin/python -m tests\.simulator": "goes on for ever; tests/integration/test_simulated_plan.py does it",
    r"ansible-playbook cloudstack\.sysvm\.anonymise": "needs an upgrade; tests/integration/test_runs.py runs it",
    r"ansible-playbook nightly\.yml ": "tests/integration/test_examples.py runs it",
    r"make ": "test_make_has_what_the_documentation_names",
}  # fmt: skip
INVENTORY = """[clouds]
localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"
[probes]
probe1 ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"
"""
# What the commands name: zone Berlin, router r-4-VM, networks web and legacy-app, a pair of customers, VPCs.
CLOUD = {
    "listeners": True,
    "gaps": {"patch": 0.1, "restart": 0.1, "redundant": 0.1},
    "networks": [
        {"name": "web", "cidr": "10.1.1.0/24", "load_balancers": 1},
        {"name": "intranet", "cidr": "10.1.2.0/24"},
        {"name": "payment", "domain": "customers", "account": "acme", "redundant": True},
        {"name": "legacy-app", "static_nats": 1},
    ],
    "vpcs": [{"name": "shop", "tiers": 2}],
}


class Run(NamedTuple):
    place: str
    commands: tuple[str, ...]


def _runs() -> list[Run]:
    """The blocks with what is to be run of them: what another block shows as well only once."""
    seen: set[str] = set()
    found = []
    for block in all_blocks("console"):
        new = [each for each in commands(block) if each not in seen and not any(re.match(no, each) for no in NOT_RUN)]
        seen.update(new)
        if new:
            found.append(Run(block.place, tuple(new)))
    return found


def _far_from_six() -> str:
    """A time zone in which a deadline of 06:00 is hours away."""
    return "X12" if time.gmtime().tm_hour < 7 else "UTC"


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], Cloud]]:
    """One for all, and one for those that look ahead: what is upgraded once is current then, so most are quick."""
    with ExitStack() as stack:

        @cache
        def cloud(ahead: bool) -> Cloud:
            folder = tmp_path_factory.mktemp("docs")
            (folder / "inventory.ini").write_text(INVENTORY, encoding="utf-8")
            for block in all_blocks("yaml"):
                if block.file:
                    (folder / block.file).parent.mkdir(exist_ok=True)
                    (folder / block.file).write_text(block.text, encoding="utf-8")
            server = {"version": "4.20.1.0"} if ahead else {}
            found = stack.enter_context(Cloud(estate(server=server, **CLOUD), folder))
            plan = found.check().folder / "sysvm-report/latest/plan.json"  # of before anything is upgraded
            shutil.copy(plan, folder / "plan.json")
            return found

        yield cloud


@pytest.mark.parametrize("run", _runs(), ids=lambda run: run.place)
def test_the_commands_work(run: Run, clouds: Callable[[bool], Cloud]) -> None:
    cloud = clouds(any("sysvm_target_version" in command for command in run.commands))
    for command in run.commands:
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=cloud.folder,
            env=cloud.environment({"TZ": _far_from_six()}),
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{run.place}: {command}\n{done.stdout}{done.stderr}"


def test_a_reason_is_given_for_nothing_else() -> None:
    shown = [command for block in all_blocks("console") for command in commands(block)]
    assert [no for no in NOT_RUN if not any(re.match(no, command) for command in shown)] == []


def test_make_has_what_the_documentation_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {target for block in all_blocks("console") for each in commands(block) for target in _targets(each)}
    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
    assert {"demo", "test"} <= named


def _targets(command: str) -> list[str]:
    return [word for word in command.split()[1:] if "=" not in word] if command.startswith("make ") else []


def _plays(block: Block) -> bool:
    return bool(re.search(r"hosts:|import_playbook:", block.text))


@pytest.mark.parametrize(
    "block", [block for block in all_blocks("yaml") if _plays(block)], ids=lambda block: block.place
)
def test_ansible_takes_the_playbooks(block: Block, tmp_path: Path) -> None:
    (tmp_path / "inventory.ini").write_text("[management_servers]\nmgmt1\n", encoding="utf-8")
    (tmp_path / "playbook.yml").write_text(block.text, encoding="utf-8")
    done = subprocess.run(
        ["ansible-playbook", "-i", "inventory.ini", "--syntax-check", "playbook.yml"],
        cwd=tmp_path,
        env=Cloud(estate(), tmp_path).environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{block.place}: {done.stderr}"
