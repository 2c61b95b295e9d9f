# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neither key nor secret is in anything that a run shows or leaves, at the highest verbosity, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
import yaml

from tests.support.estates import estate
from tests.support.runner import UPGRADE, Cloud, Run, Task

pytestmark = pytest.mark.slow

KEY = "RecognisableKey-q9XkfW3_plG7sYt5bQe8uZm4"
SECRET = "RecognisableSecret-Vd2_hJ6nRc0wLx7aTz1oKp5"
WRONG = "RecognisableWrongSecret-Yb3_mF8kQs5vHd0"
NO_CREDENTIALS = {"CLOUDSTACK_ENDPOINT": "", "CLOUDSTACK_KEY": "", "CLOUDSTACK_SECRET": ""}
NOBODY_LISTENS = "http://127.0.0.1:9/client/api"
# Everything that writes down what a task returned.
KEEPS_RECORDS = {
    "ANSIBLE_LOG_PATH": "{folder}/ansible.log",
    "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
    "ANSIBLE_CACHE_PLUGIN_CONNECTION": "{folder}/facts",
    "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,ansible.builtin.tree",
    "ANSIBLE_CALLBACK_TREE_DIR": "{folder}/tree",
    "JUNIT_OUTPUT_DIR": "{folder}/junit",
    "ANSIBLE_LOCAL_TEMP": "{folder}/local_tmp",
    "ANSIBLE_REMOTE_TMP": "{folder}/remote_tmp",
    "ANSIBLE_KEEP_REMOTE_FILES": "0",
    "ANSIBLE_DISPLAY_TRACEBACK": "always",
    "ANSIBLE_INJECT_INVOCATION": "1",  # since ansible-core 2.21 it is not shown otherwise
}
ONE_NET = estate(server={"key": KEY, "secret": SECRET}, networks=[{"name": "net"}])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(ONE_NET, tmp_path_factory.mktemp("secrets")) as cloud:
        yield cloud


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """Where the operator keeps the credentials: not among what is searched."""
    return tmp_path / "vault.yml"


def run_verbosely(cloud: Cloud, *arguments: str, env: dict[str, str], playbook: str = UPGRADE) -> Run:
    records = {name: value.format(folder=cloud.folder) for name, value in KEEPS_RECORDS.items()}
    options = {"sysvm_canaries": False}
    return cloud.playbook(playbook, "-vvvv", "-e", json.dumps(options), *arguments, env={**records, **env})


def assert_nothing_leaked(run: Run, *more: str) -> None:
    everything = {"stdout": run.stdout.encode(), "stderr": run.stderr.encode()}
    everything |= {str(path): path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert len(everything) > 5
    for secret in (KEY, SECRET, *more):
        assert [name for name, content in everything.items() if secret.encode() in content] == []


def test_environment_variables(cloud: Cloud) -> None:
    run = run_verbosely(cloud, env={})
    assert run.rc == 0
    assert "EXEC /bin/sh -c" in run.stdout, "it really was that verbose"
    left = {path.relative_to(cloud.folder).parts[0] for path in cloud.folder.rglob("*") if path.is_file()}
    assert left >= {"ansible.log", "junit", "tree", "sysvm-report"}
    assert_nothing_leaked(run)


def test_what_ansible_runner_keeps(cloud: Cloud, tmp_path: Path) -> None:
    """Events, output and facts. Its own record of the environment it was given, C(command), AWX masks."""
    runner = ansible_runner.run(
        private_data_dir=str(tmp_path),
        playbook=UPGRADE,
        cmdline="-vvvv",
        envvars=cloud.environment(),
        suppress_env_files=True,
        quiet=True,
    )
    assert runner.rc == 0
    events = list(Path(runner.config.artifact_dir, "job_events").iterdir())
    assert len(events) > 20
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "command"}
    for secret in (KEY, SECRET):
        assert [str(path) for path, content in kept.items() if secret.encode() in content] == []


@pytest.mark.nightly
def test_extra_variables(cloud: Cloud, vault: Path) -> None:
    variables = {"sysvm_api_url": cloud.simulator.url, "sysvm_api_key": KEY, "sysvm_api_secret": SECRET}
    vault.write_text(yaml.safe_dump(variables), encoding="utf-8")
    run = run_verbosely(cloud, "-e", f"@{vault}", env=NO_CREDENTIALS)
    assert run.rc == 0
    assert_nothing_leaked(run)


@pytest.mark.nightly
def test_module_defaults(cloud: Cloud, vault: Path) -> None:
    """In a playbook of the operator's own."""
    tasks: list[Task] = [
        {"cloudstack.sysvm.cs_sysvm_version_check": {}},
        {"cloudstack.sysvm.cs_systemvm_livepatch": {"system_vms": ["s-1-VM"]}},
        {"cloudstack.sysvm.cs_router_restart": {"networks": ["net"]}},
    ]
    path = cloud.write_tasks(tasks, module_defaults=defaults_from(cloud, vault))
    run = run_verbosely(cloud, "-e", f"@{vault}", env=NO_CREDENTIALS, playbook=str(path))
    assert [result["failed"] for result in run.results] == [False] * 3
    assert_nothing_leaked(run)


def test_module_defaults_hold_for_the_roles_too(cloud: Cloud, vault: Path) -> None:
    roles = [
        {"ansible.builtin.include_role": {"name": f"cloudstack.sysvm.{name}"}}
        for name in ("preflight", "upgrade", "report")
    ]
    defaults = defaults_from(cloud, vault)
    path = cloud.write_playbook(
        {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": roles}
    )
    run = run_verbosely(cloud, "-e", f"@{vault}", env=NO_CREDENTIALS, playbook=str(path))
    assert_nothing_leaked(run)
    assert run.rc == 0


def defaults_from(cloud: Cloud, vault: Path) -> dict[str, Any]:
    vault.write_text(yaml.safe_dump({"my_key": KEY, "my_secret": SECRET}), encoding="utf-8")
    connection = {"api_url": cloud.simulator.url, "api_key": "{{ my_key }}", "api_secret": "{{ my_secret }}"}
    return {"group/cloudstack.sysvm.cloudstack": connection}


@pytest.mark.nightly
def test_nobody_listens(cloud: Cloud) -> None:
    """With GET the key is in the URL, which the texts of connection errors repeat."""
    run = run_verbosely(cloud, env={"CLOUDSTACK_ENDPOINT": NOBODY_LISTENS, "CLOUDSTACK_METHOD": "get"})
    assert run.rc != 0 and "Connection refused" in run.stdout
    assert_nothing_leaked(run)


@pytest.mark.nightly
def test_the_server_refuses_the_signature(cloud: Cloud, vault: Path) -> None:
    variables = {"sysvm_api_key": KEY, "sysvm_api_secret": WRONG}
    vault.write_text(yaml.safe_dump(variables), encoding="utf-8")
    env = {"CLOUDSTACK_KEY": "", "CLOUDSTACK_SECRET": "", "CLOUDSTACK_METHOD": "get"}
    run = run_verbosely(cloud, "-e", f"@{vault}", env=env)
    assert run.rc != 0 and "CloudStack error 401" in run.stdout
    assert_nothing_leaked(run, WRONG)


def test_the_connection_breaks_in_the_middle_of_a_step(tmp_path: Path) -> None:
    faults = [{"kind": "drop_before", "match": {"command": "restartNetwork"}, "times": "always"}]
    with Cloud({**ONE_NET, "faults": faults}, tmp_path) as cloud:
        options = {"sysvm_kinds": ["router"], "sysvm_timeouts": {"job": 5}}
        run = run_verbosely(cloud, "-e", json.dumps(options), env={"CLOUDSTACK_METHOD": "get"})
        assert run.rc != 0 and "the connection failed" in run.units["net"]["reason"]
        assert_nothing_leaked(run)
