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
from ansible.release import __version__
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.cloudstack.sysvm.plugins.module_utils.entry.arguments import connection_from_params
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import PREFIX
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import VARIABLES, default_of
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.policy import kinds_of
from ansible_collections.cloudstack.sysvm.plugins.plugin_utils.variables import read_one
from tests.integration.awx_credentials import check_inputs, check_type
from tests.integration.awx_surveys import RefusedError, check_survey, launch
from tests.support.awx_answers import ANSWERS, Answer, became, check, write
from tests.tools.awx import KINDS, LISTS, RECORDED, SURVEY

ROOT = Path(__file__).resolve().parents[2]
MODULES = json.loads(RECORDED.read_text(encoding="utf-8"))["modules"]
ITEMS = [(kind["module"], item) for kind in KINDS for item in LISTS[kind["list"]]]

# Arguments


@pytest.mark.parametrize(("module", "item"), ITEMS, ids=lambda each: each if isinstance(each, str) else "")
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


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.name} {answer.typed!r}")
def test_an_answer_means_what_was_typed(answer: Answer, tmp_path: Path) -> None:
    """tests/integration/test_awx.py does the same with the oldest and the newest ansible-core."""
    write(answer, tmp_path / "extravars")
    check(answer, became(tmp_path / "extravars", answer.name), __version__)


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ({"type": "multiselect", "choices": ["a"], "default": []}, "default"),
        ({"type": "multiselect", "choices": ["a"], "default": "b"}, "default"),
        ({"type": "multiplechoice", "choices": ["a", "b"], "default": "a\nb"}, "one default"),
        ({"type": "multiplechoice", "default": ""}, "choices"),
        ({"type": "integer", "default": "10"}, "default"),
        ({"type": "list", "default": ""}, "type"),
        ({"type": "text", "default": "", "required": "no"}, "required"),
        ({"type": "multiselect", "choices": "a\nb", "default": "c"}, "default"),
        ({"type": "text", "default": "$encrypted$"}, "reserved"),
        ({"type": "integer", "default": "", "min": "1"}, "limits"),
    ],
)
def test_the_stand_in_refuses_a_survey_that_awx_refuses(question: dict[str, Any], why: str) -> None:
    asked = {"question_name": "Q", "variable": "sysvm_q", "required": False, **question}
    with pytest.raises(RefusedError, match=why):
        check_survey({"name": "", "description": "", "spec": [asked]})


FIELD = {"id": "key", "type": "string", "label": "Key"}


@pytest.mark.parametrize(
    ("field", "injectors"),
    [
        ({"id": "tower"}, {}),
        ({"id": "a-b"}, {}),
        ({"hint": "x"}, {}),
        ({"type": "integer"}, {}),
        ({"type": "boolean", "secret": True}, {}),
        ({"type": "boolean", "default": "yes"}, {}),
        ({}, {"env": {"ANSIBLE_TIMEOUT": "1"}}),
        ({}, {"env": {"PATH": "{{ key }}"}}),
        ({}, {"env": {"A-B": "{{ key }}"}}),
        ({}, {"env": {"A": "Schlüssel"}}),
        ({}, {"env": {"A": "{{ other }}"}}),
        ({}, {"env": {"A": "{{ tower.filename.ca }}"}}),
        ({}, {"file": {"ca": "{{ key }}"}}),
        ({}, {"file": {"template": "a", "template.ca": "b"}}),
        ({}, {"vars": {"a": "{{ key }}"}}),
    ],
)
def test_the_stand_in_refuses_a_type_of_credential_that_awx_refuses(
    field: dict[str, Any], injectors: dict[str, Any]
) -> None:
    check_type({"fields": [FIELD], "required": ["key"]}, {"env": {"A": "{{ key }}"}})
    with pytest.raises(RefusedError):
        check_type({"fields": [FIELD | field]}, injectors)


@pytest.mark.parametrize("inputs", [{"other": "x"}, {"key": 5}, {"key": None}, {"key": ["a"]}])
def test_the_stand_in_refuses_a_credential_that_awx_refuses(inputs: dict[str, Any]) -> None:
    check_inputs({"key": ""}, {"fields": [FIELD], "required": ["key"]})  # which erases it
    with pytest.raises(RefusedError):
        check_inputs(inputs, {"fields": [FIELD]})


@pytest.mark.parametrize(
    ("answers", "workflow"),
    [
        ({"sysvm_parallel": ""}, False),
        ({"sysvm_parallel": 0}, False),
        ({"sysvm_parallel": "5"}, False),
        ({"sysvm_method": ""}, False),
        ({"sysvm_kinds": "ssvm"}, False),
        ({"sysvm_parallel": True}, False),
        ({"sysvm_parallel": 5.0}, False),
        ({"sysvm_kinds": ["ssvm", ["cpvm"]]}, False),
        ({"sysvm_names": 10}, False),
        ({"sysvm_timeouts": "job=1h"}, True),
    ],
)
def test_the_stand_in_refuses_an_answer_that_awx_refuses(answers: dict[str, Any], workflow: bool) -> None:
    with pytest.raises(RefusedError):
        launch({}, SURVEY, answers, workflow=workflow)


def test_a_launch_without_answers_is_a_run_with_the_defaults() -> None:
    check_survey({"name": "", "description": "", "spec": SURVEY})
    given = launch({}, SURVEY, {"sysvm_timeouts": "job=1h"})
    assert "sysvm_timeouts" not in given, "a template drops what it does not ask for"
    for name in (question["variable"].removeprefix(PREFIX) for question in SURVEY):
        assert read_one(name, given.get(PREFIX + name, "")) == default_of(name)


def test_a_chat_gets_one_form_of_message_for_all_that_happens() -> None:
    [hook] = LISTS["controller_notifications"]
    assert hook["messages"]["workflow_approval"].keys() == {"running", "approved", "denied", "timed_out"}


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
    assert LISTS["controller_credentials"][0]["inputs"].keys() == {
        field["id"] for field in kind["inputs"]["fields"]
    } - {"ca"}


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
