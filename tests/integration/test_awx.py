# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX as code: the playbook awx with the modules of awx.awx themselves, against a stand-in for AWX."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.awx import ROLES, TOKEN, Awx
from tests.integration.awx_surveys import extravars_file, launch
from tests.integration.test_runner_matrix import CORES, virtual_environment
from tests.support.awx_answers import ANSWERS, check, write
from tests.support.estates import OLD, estate
from tests.support.runner import BIN, Cloud
from tests.tools import awx as given

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

NEW = {"version": "4.22.0"}
ROOT = Path(__file__).resolve().parents[2]
CONNECTION = {
    "CLOUDSTACK_ENDPOINT": "https://cloud.example.com/client/api",
    "CLOUDSTACK_KEY": "the-key",
    "CLOUDSTACK_SECRET": "the-first-secret",
}
ONLY_CREDENTIALS: dict[str, list[str]] = {kind["list"]: [] for kind in given.KINDS if kind["module"] != "credential"}


@pytest.fixture(scope="module")
def collections() -> Path:
    try:
        return given.collections()
    except given.NoRegistryError as error:
        pytest.skip(f"no package registry: {error}")


@pytest.fixture
def awx() -> Iterator[Awx]:
    with Awx() as server:
        yield server


def apply(
    awx: Awx, collections: Path, *arguments: str, env: Mapping[str, str] | None = None, works: bool = True
) -> tuple[list[str], str]:
    """The names of what was changed, and all output."""
    environment = {
        **os.environ,
        **(CONNECTION if env is None else env),
        "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{collections}",
        "ANSIBLE_NOCOLOR": "1",
        "CONTROLLER_HOST": awx.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
    }
    command = [str(BIN / "ansible-playbook"), "-v", "cloudstack.sysvm.awx", "-e", f"@{given.VARIABLES}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) is works, output
    return re.findall(r"^changed: .*\(item=(.*?)\) =>", done.stdout, re.MULTILINE), output


def test_the_recorded_arguments_are_those_of_the_modules(collections: Path) -> None:
    recorded = json.loads(given.RECORDED.read_text(encoding="utf-8"))
    assert given.arguments(collections) == recorded, "python -m tests.tools.awx records anew"


def test_awx_becomes_what_the_variables_say_and_stays_so(awx: Awx, collections: Path) -> None:
    dummy, first = apply(awx, collections)
    check, approve, upgrade = (
        awx.named("workflow_job_template_nodes", name) for name in ("check", "approve", "upgrade")
    )
    assert awx.get(check["unified_job_template"])["playbook"] == "check_sysvms.yml"
    assert awx.get(approve["unified_job_template"])["type"] == "workflow_approval_template"
    assert awx.get(upgrade["unified_job_template"])["playbook"] == "upgrade_sysvms.yml"
    assert [awx.linked[node["id"], "success_nodes"] for node in (check, approve)] == [[approve["id"]], [upgrade["id"]]]
    assert len(awx.surveys) == 3
    credential = awx.named("credentials", "CloudStack")["id"]
    for template in awx.items["job_templates"]:
        assert awx.linked[template["id"], "credentials"] == [credential]

    granted = {
        (awx.get(role // 100)["name"], ROLES[awx.get(role // 100)["type"] + "s"][role % 100], awx.get(team)["name"])
        for (role, kind), teams in awx.linked.items()
        if kind == "teams"
        for team in teams
    }
    check_name, upgrade_name = (template["name"] for template in awx.items["job_templates"])
    approvers = "CloudStack approvers"
    # Approval of the workflow alone shows neither output nor artifacts of the check.
    assert {(check_name, "read", approvers), ("CloudStack system VMs", "approval", approvers)} <= granted
    assert not [each for each in granted if each[:2] == (upgrade_name, "execute")], "it asks nobody"
    assert not [each for each in granted if each[2] == approvers and each[1] not in ("read", "approval")]

    second, output = apply(awx, collections)
    # AWX shows other fields of an approval than it takes, so the module cannot tell: the one known change.
    assert second == ["CloudStack system VMs"]
    assert "the-first-secret" not in first + output and "the-key" not in first + output

    # Nor can it tell whether a secret is another one, unless it is told that it is.
    number = awx.named("credentials", "CloudStack")["id"]
    only = json.dumps(ONLY_CREDENTIALS)
    new = {**CONNECTION, "CLOUDSTACK_SECRET": "the-second-secret"}
    assert apply(awx, collections, "-e", only, env=new)[0] == []
    assert awx.secrets[number]["secret"] == "the-first-secret"
    changed, output = apply(awx, collections, "-e", only, "-e", "awx_update_secrets=true", env=new)
    assert (changed, awx.secrets[number]["secret"]) == (["CloudStack"], "the-second-secret")
    assert "the-second-secret" not in output
    left_alone = {**given.LISTS["controller_credentials"][0]}
    del left_alone["inputs"], left_alone["update_secrets"]
    assert (
        apply(awx, collections, "-e", only, "-e", json.dumps({"controller_credentials": [left_alone]}), env={})[0] == []
    )
    assert awx.secrets[number]["secret"] == "the-second-secret"


OTHER = {"name": "Git", "credential_type": "Source Control", "inputs": {"username": "git", "password": ""}}


@pytest.mark.parametrize(
    ("env", "variables", "empty"),
    [
        ({"CLOUDSTACK_KEY": "", "CLOUDSTACK_ENDPOINT": ""}, {}, "url, key"),
        ({"CLOUDSTACK_KEY": "  "}, {}, "key"),
        ({}, {"controller_credentials": [OTHER]}, "password"),
    ],
)
def test_a_shell_without_the_credentials_erases_nothing(
    env: dict[str, str], variables: dict[str, Any], empty: str, awx: Awx, collections: Path
) -> None:
    changed, output = apply(awx, collections, "-e", json.dumps(variables), env={**CONNECTION, **env}, works=False)
    assert changed == [] and len(awx.items) == 1, "nothing was made"
    assert f"Nothing was touched. In controller_credentials these inputs are empty: {empty}." in " ".join(
        output.split()
    )
    assert "the-first-secret" not in output


def test_check_and_upgrade_as_the_workflow_starts_them(tmp_path: Path) -> None:
    """With the inventory, playbooks, survey and file of variables of AWX; what a node leaves goes to later ones.

    What nobody answers is an empty text, which ansible-core takes for nothing, as it takes 010 for 8.
    """
    typed = {"sysvm_names": "net\n010\ndone\n", "sysvm_kinds": ["network"], "sysvm_parallel": 5, "sysvm_deadline": "4h"}
    answers = launch({}, given.SURVEY, typed, workflow=True)
    assert answers["sysvm_zones"] == ""
    [host] = given.LISTS["controller_hosts"]
    files = {f"project/{name}": text for name, text in given.playbooks().items()}
    files["inventory/hosts.yml"] = yaml.safe_dump({"all": {"hosts": {host["name"]: host["variables"]}}})
    with Cloud(
        estate(networks=[{"name": "net"}, {"name": "done", **NEW}, {"name": "010"}, {"name": "8"}]), tmp_path
    ) as cloud:
        for template in given.LISTS["controller_templates"]:
            given_by_template = {**template["extra_vars"], "sysvm_report_dir": str(tmp_path / "volume")}
            files["env/extravars"] = extravars_file({**answers, **given_by_template}, given_by_template)
            for name, text in files.items():
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).write_text(text, encoding="utf-8")
            job = Path(template["playbook"]).stem
            command = [str(BIN / "ansible-runner"), "run", str(tmp_path), "-p", template["playbook"], "--ident", job]
            done = subprocess.run(command, env=cloud.environment(), capture_output=True, text=True, check=False)
            assert done.returncode == (0 if job == "check_sysvms" else 2), done.stdout
            answers |= artifacts(tmp_path / "artifacts" / job)
            # Somebody approves, and meanwhile another network falls back.
            [router] = cloud.vms_of("done")
            cloud.simulator.update(vms={router: {"software": OLD, "scripts": OLD}})
    assert "names net, 010, done" in answers["sysvm_check"]["localhost"]["scope"]
    assert answers["sysvm_check"]["localhost"]["summary"]["live_patch"] == 2
    upgraded = answers["sysvm_upgrade"]["localhost"]
    assert (upgraded["summary"]["upgraded"], upgraded["summary"]["skipped"]) == (2, 1)
    [told] = upgraded["deviations"]
    assert told.startswith("network done in Berlin: nothing was approved for it") and "needs live patch" in told
    # A duration counts from the check, not from the approval.
    assert until(upgraded["scope"]) == until(answers["sysvm_check"]["localhost"]["scope"])
    assert (tmp_path / "volume/latest/report.html").is_file()


@pytest.mark.parametrize("core", CORES)
def test_an_answer_means_what_was_typed(core: str, tmp_path: Path) -> None:
    """The newest ansible-core takes many for something else, the oldest none."""
    (tmp_path / "answers").mkdir()
    for number, answer in enumerate(ANSWERS):
        write(answer, tmp_path / f"answers/{number}.yml")
    python = virtual_environment(core, "newest") / "python"
    (tmp_path / "ansible_collections/cloudstack").mkdir(parents=True)
    (tmp_path / "ansible_collections/cloudstack/sysvm").symlink_to(ROOT)
    done = subprocess.run(
        [str(python), "-m", "tests.support.awx_answers", str(tmp_path / "answers")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for answer, found in zip(ANSWERS, told["found"], strict=True):
        check(answer, found, told["core"])


def until(scope: str) -> str:
    [found] = re.findall(r"until [^;]+", scope)
    return str(found)


def artifacts(job: Path) -> dict[str, Any]:
    events = (json.loads(path.read_text(encoding="utf-8")) for path in job.glob("job_events/*.json"))
    [left] = [event["event_data"]["artifact_data"] for event in events if event["event"] == "playbook_on_stats"]
    return left


@pytest.mark.parametrize(
    ("variables", "env", "status", "reason"),
    [
        ({"sysvm_names": 8}, {}, "error", "sysvm_names is 8"),
        ({}, {"CLOUDSTACK_SECRET": "wrong-secret-wrong"}, "error", "401"),
        ({}, {"CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"}, "error", "127.0.0.1:1"),
        ({"sysvm_kinds": ["orphan_router"]}, {}, "empty", "No unit is in scope"),
        ({"sysvm_max_failures": "0", "sysvm_recreate": ["failed", "what"]}, {}, "error", "sysvm_recreate"),
    ],
)
def test_a_check_that_ends_in_an_error_leaves_the_reason_and_few_words(
    variables: dict[str, Any], env: dict[str, str], status: str, reason: str, tmp_path: Path
) -> None:
    given_by_job = json.dumps({"sysvm_report_dir": str(tmp_path / "volume"), **variables})
    with Cloud(estate(networks=[{"name": "net"}]), tmp_path) as cloud:
        told = {"ANSIBLE_SHOW_CUSTOM_STATS": "true", **env}
        run = cloud.playbook("cloudstack.sysvm.check_sysvms", "-e", given_by_job, env=told)
    assert run.rc == 2
    [stats] = re.findall(r"RUN: (\{.*\})", run.stdout)
    left = json.loads(stats)["sysvm_check"]["localhost"]
    assert left["status"] == status and reason in left["error"], left
    [fatal] = [line for line in run.stdout.splitlines() if line.startswith("fatal:")]
    assert len(fatal) <= len(left["error"]) + 250, fatal
