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

import pytest

from tests.integration.awx import TOKEN, Awx
from tests.integration.runner import BIN
from tests.tools import awx_modules

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ROOT / "playbooks/vars/awx.yml"
CONNECTION = {
    "CLOUDSTACK_ENDPOINT": "https://cloud.example.com/client/api",
    "CLOUDSTACK_KEY": "the-key",
    "CLOUDSTACK_SECRET": "the-first-secret",
}
LISTS = re.findall(r"^((?:aap|controller)_\w+):$", VARIABLES.read_text(encoding="utf-8"), re.MULTILINE)
ONLY_CREDENTIALS = {name: [] for name in LISTS if name != "controller_credentials"}


@pytest.fixture(scope="module")
def collections() -> Path:
    try:
        return awx_modules.collections()
    except awx_modules.NoRegistryError as error:
        pytest.skip(f"no package registry: {error}")


@pytest.fixture
def awx() -> Iterator[Awx]:
    with Awx() as server:
        yield server


def apply(awx: Awx, collections: Path, *arguments: str, env: Mapping[str, str] = CONNECTION) -> tuple[list[str], str]:
    """The names of what was changed, and all output."""
    environment = {
        **os.environ,
        **env,
        "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{collections}",
        "ANSIBLE_NOCOLOR": "1",
        "CONTROLLER_HOST": awx.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
    }
    command = [str(BIN / "ansible-playbook"), "-v", "cloudstack.sysvm.awx", "-e", f"@{VARIABLES}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return re.findall(r"^changed: .*\(item=(.*?)\) =>", done.stdout, re.MULTILINE), output


def test_the_recorded_arguments_are_those_of_the_modules(collections: Path) -> None:
    recorded = json.loads(awx_modules.RECORDED.read_text(encoding="utf-8"))
    assert awx_modules.arguments(collections) == recorded, "python -m tests.tools.awx_modules records anew"


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

    second, output = apply(awx, collections)
    # AWX shows other fields of an approval than it takes, so the module cannot tell: the one known change.
    assert second == ["CloudStack system VMs"]
    assert "the-first-secret" not in first + output and "the-key" not in first + output


def test_a_new_secret_is_stored_when_asked_for(awx: Awx, collections: Path) -> None:
    apply(awx, collections)
    number = awx.named("credentials", "CloudStack")["id"]
    only = json.dumps(ONLY_CREDENTIALS)
    new = {**CONNECTION, "CLOUDSTACK_SECRET": "the-second-secret"}
    assert apply(awx, collections, "-e", only, env=new)[0] == []
    assert awx.secrets[number]["secret"] == "the-first-secret"
    changed, output = apply(awx, collections, "-e", only, "-e", "awx_update_secrets=true", env=new)
    assert (changed, awx.secrets[number]["secret"]) == (["CloudStack"], "the-second-secret")
    assert "the-second-secret" not in output
