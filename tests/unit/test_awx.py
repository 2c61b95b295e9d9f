# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX is given agrees with its modules and with the collection: arguments, surveys, credential, image."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.arguments import connection_from_params
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import PREFIX, OptionError
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import VARIABLES, default_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import kinds_of
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import read_one
from tests.tools.awx import KINDS, LISTS, RECORDED, SURVEY

ROOT = Path(__file__).resolve().parents[2]
MODULES = json.loads(RECORDED.read_text(encoding="utf-8"))["modules"]
ITEMS = [(kind["module"], item) for kind in KINDS for item in LISTS[kind["list"]]]

# Arguments


@pytest.mark.parametrize(("module", "item"), ITEMS, ids=lambda each: each if isinstance(each, str) else each["name"])
def test_an_item_has_the_arguments_of_its_module(module: str, item: dict[str, Any]) -> None:
    """tests/integration/test_awx.py compares the recorded ones with those of the collection."""
    known = {name: value for name, value in item.items() if not str(value).startswith("{{")}
    assert item.keys() <= MODULES[module].keys()
    assert ArgumentSpecValidator(MODULES[module]).validate(known).error_messages == []


# Surveys


def test_the_survey_of_the_workflow_reaches_its_nodes() -> None:
    """A node takes only what its own template asks for."""
    for template in LISTS["controller_templates"]:
        assert template["survey_enabled"] and template["survey_spec"]["spec"] == SURVEY


@pytest.mark.parametrize("question", SURVEY, ids=lambda question: question["variable"])
def test_a_question_is_one_that_the_roles_have(question: dict[str, Any]) -> None:
    name = question["variable"].removeprefix(PREFIX)
    option = VARIABLES[name]
    # AWX does not apply the default of a required question.
    assert question["required"] is False
    default = read_one(name, question["default"])
    assert default == default_of(name) or kinds_of(default) == set(Kind)
    assert set(question.get("choices", ())) <= set(option.choices)
    assert question.get("min") == (option.lowest if question["type"] == "integer" else None)


@pytest.mark.parametrize(
    ("kind", "name", "answer", "meant"),
    [
        ("text", "max_failures", "5%", "5%"),
        ("text", "deadline", "", ""),
        ("text", "parallel", "20", 20),
        ("text", "zones", "Berlin, Munich", ["Berlin", "Munich"]),
        ("textarea", "zones", "Berlin\r\nHamburg Nord\n", ["Berlin", "Hamburg Nord"]),
        ("textarea", "names", "", []),
        ("textarea", "names", "010,", ["010"]),
        ("multiplechoice", "method", "live_patch", "live_patch"),
        ("multiplechoice", "canaries", "false", False),
        ("multiselect", "kinds", ["ssvm", "network"], ["ssvm", "network"]),
        ("multiselect", "recreate", ["unsupported", "failed"], ["unsupported", "failed"]),
        ("multiselect", "recreate", [], []),
        ("multiselect", "recreate", "", []),
        ("multiselect", "waves", ["1", "20%"], ["1", "20%"]),
        ("integer", "parallel", 5, 5),
        ("integer", "max_failures", 2, "2"),
        ("float", "soak", 900.0, 900),
        ("password", "api_secret", "s3:cr,et\\", "s3:cr,et\\"),
        ("password", "api_secret", "", None),
    ],
)
def test_an_answer_means_what_a_person_means(kind: str, name: str, answer: object, meant: object) -> None:
    """AWX gives text, textarea, password and multiplechoice as text, multiselect as a list, numbers as numbers."""
    read = read_one(name, answer)
    assert (read, type(read)) == (meant, type(meant)), kind


@pytest.mark.parametrize(("name", "answer"), [("names", "\n"), ("names", 42), ("names", None), ("kinds", [])])
def test_an_answer_that_may_mean_something_else_is_refused(name: str, answer: object) -> None:
    with pytest.raises(OptionError):
        read_one(name, answer)


# Credential


@pytest.mark.parametrize(
    ("ca", "insecure", "verified", "ca_file"),
    [("", False, True, ""), ("-----BEGIN", False, True, __file__), ("", True, False, "")],
)
def test_the_credential_is_a_connection(ca: str, insecure: bool, verified: bool, ca_file: str) -> None:
    """Rendered as AWX does (awx/main/models/credential): what has no value is not defined."""
    [kind] = LISTS["controller_credential_types"]
    inputs = {"url": "https://cloud.example.com/client/api", "key": "k", "secret": "s", "insecure": insecure}
    names = {**inputs, **({"ca": ca} if ca else {}), "tower": {"filename": {"ca": __file__}}}
    environ = {
        name: ImmutableSandboxedEnvironment().from_string(template).render(names)
        for name, template in kind["injectors"]["env"].items()
    }
    connection = connection_from_params({}, environ)
    assert (connection.url, connection.key, connection.secret) == (inputs["url"], "k", "s")
    assert (connection.verify_cert, connection.ca_file or "") == (verified, ca_file)
    assert LISTS["controller_credentials"][0]["inputs"].keys() == {field["id"] for field in kind["inputs"]["fields"]}


# Execution environment


def builder(*arguments: str) -> str:
    command = [str(Path(sys.executable).parent / "ansible-builder"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_ansible_builder_finds_what_the_collection_needs(tmp_path: Path) -> None:
    (tmp_path / "ansible_collections/cloudstack").mkdir(parents=True)
    (tmp_path / "ansible_collections/cloudstack/sysvm").symlink_to(ROOT)
    found = yaml.safe_load(builder("introspect", str(tmp_path)))
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert [line.partition(" ")[0] for line in found["python"]] == required


@pytest.mark.slow
def test_ansible_builder_takes_the_definition(tmp_path: Path) -> None:
    definition = "execution-environment.yml"
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    shutil.copy(ROOT / definition, tmp_path)
    (tmp_path / "dist").mkdir()
    (tmp_path / f"dist/cloudstack-sysvm-{version}.tar.gz").touch()  # what `make build` makes
    context = str(tmp_path / "context")
    builder("create", "-f", str(tmp_path / definition), "-c", context, "--output-filename", "Containerfile")
    requirements = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text(encoding="utf-8"))
    [collection] = requirements["collections"]
    reports = LISTS["controller_templates"][0]["extra_vars"]["sysvm_report_dir"]
    assert f" {reports}\n" in (tmp_path / "context/Containerfile").read_text(encoding="utf-8")
    # The build stage has the folder _build as /build.
    assert (tmp_path / "context/_build" / collection["name"].removeprefix("/build/")).is_file()
