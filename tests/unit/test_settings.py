# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an operator's shell reach neither a test nor a target of the Makefile."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELL = {
    "ANSIBLE_COLLECTIONS_PATH": "/nowhere",
    "ANSIBLE_CONFIG": "/nowhere/ansible.cfg",
    "ANSIBLE_STDOUT_CALLBACK": "nobody.has.this",
    "CLOUDSTACK_ENDPOINT": "https://cloud.example.com/client/api",
    "CLOUDSTACK_KEY": "an-operators-key",
    "CLOUDSTACK_VERIFY": "false",
    "CONTROLLER_HOST": "https://awx.example.com",
}


def settings(environment: dict[str, str]) -> dict[str, str]:
    families = {name.partition("_")[0] for name in SHELL}
    return {name: value for name, value in environment.items() if name.partition("_")[0] in families}


def test_no_setting_reaches_a_test() -> None:
    collections = {"ANSIBLE_COLLECTIONS_PATH": sysconfig.get_path("purelib")}
    assert settings(dict(os.environ)) == {**collections, "ANSIBLE_CONFIG": str(ROOT / "tests/support/ansible.cfg")}


@pytest.mark.slow
def test_no_setting_of_a_shell_reaches_a_test() -> None:
    test = f"{Path(__file__).relative_to(ROOT)}::test_no_setting_reaches_a_test"
    command = [sys.executable, "-m", "pytest", "-q", test]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **SHELL}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_no_setting_of_a_shell_reaches_a_target_of_the_makefile() -> None:
    command = ["make", "--no-print-directory", "--eval", "environment: ; @env", "environment"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **SHELL}, capture_output=True, text=True, check=True)
    found = settings(dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))
    assert list(found) == ["ANSIBLE_COLLECTIONS_PATH"] and found["ANSIBLE_COLLECTIONS_PATH"].endswith("site-packages")
