# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships must agree with itself: action group, requirements, role documentation, module documentation."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "cloudstack.sysvm"
MODULES = sorted((ROOT / "plugins/modules").glob("[!_]*.py"))
ROLES = sorted(path for path in (ROOT / "roles").glob("*") if path.is_dir())

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)


def load(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def requirements() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = (re.fullmatch(r"([\w.-]+)\s*(.*)", line.partition("#")[0].strip()) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


# The action group


@each_module
def test_a_module_that_takes_the_connection_is_in_the_action_group(module: Path) -> None:
    takes_it = "- cloudstack.sysvm.cloudstack\n" in module.read_text()
    assert (module.stem in load("meta/runtime.yml")["action_groups"]["cloudstack"]) is takes_it


def test_action_group_names_only_modules() -> None:
    missing = set(load("meta/runtime.yml")["action_groups"]["cloudstack"]) - {path.stem for path in MODULES}
    assert not missing


# Requirements


def test_execution_environment_installs_the_requirements() -> None:
    assert load("meta/execution-environment.yml")["dependencies"] == {"python": "requirements.txt"}


# What is built

SHIPPED = {
    "": {"CHANGELOG.md", "COPYING", "README.md", "requirements.txt"},
    "docs": {".md", ".rst", ".yml"},
    "meta": {".yml"},
    "playbooks": {".yml"},
    "plugins": {".j2", ".py"},
    "roles": {".md", ".yml"},
}


def shipped_here() -> set[str]:
    """The files that git has and that belong into the collection."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = set(SHIPPED[""])
    for name in listed.splitlines():
        folder, slash, rest = name.partition("/")
        if slash and Path(rest).suffix in SHIPPED.get(folder, ()):
            files.add(name)
    return files - {"docs/style.md"}  # for those who contribute, as CONTRIBUTING.md


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, built as for a release."""
    folder = tmp_path_factory.mktemp("build")
    subprocess.run(["make", "build", f"DIST={folder}"], cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.tar.gz")
    return built


@pytest.mark.slow
def test_only_what_belongs_into_the_collection_is_built(artifact: Path) -> None:
    with tarfile.open(artifact) as tar:
        names = {member.name for member in tar.getmembers() if member.isfile()}
        # The list of all files grows with their number.
        assert max(member.size for member in tar.getmembers() if member.name != "FILES.json") < 40_000
    assert names == {*shipped_here(), "MANIFEST.json", "FILES.json"}
    assert artifact.stat().st_size < 500_000, "docs/inclusion.md says so"


def test_galaxy_takes_the_authors() -> None:
    assert [author for author in load("galaxy.yml")["authors"] if len(author) > 64] == []


@pytest.mark.slow
@pytest.mark.nightly
def test_galaxy_imports_it(artifact: Path) -> None:
    """The program that Galaxy itself runs; `make lint` runs ansible-lint."""
    importer = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", artifact],
        cwd=artifact.parent,
        env={**os.environ, "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false", "HOME": str(artifact.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    output = importer.stdout + importer.stderr
    assert "Importer processing completed successfully" in output, output
    assert "ERROR" not in output, output


def test_requirements_are_lower_bounds_without_ansible() -> None:
    found = requirements()
    assert found
    assert all(re.fullmatch(r">=[\d.]+", bound) for bound in found.values()), found
    assert not {name for name in found if name.startswith("ansible")}


def test_plugins_import_only_what_is_required() -> None:
    imported = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    # Ansible brings jinja2 with markupsafe and yaml, cs brings requests.
    provided = {
        "ansible",
        "ansible_collections",
        "jinja2",
        "markupsafe",
        "yaml",
        "requests",
        *requirements(),
        *sys.stdlib_module_names,
    }
    assert imported <= provided


# Roles


@each_role
def test_role_defaults_are_its_documented_defaults(role: Path) -> None:
    assert (role / "README.md").is_file()
    defaults = load(role / "defaults/main.yml") or {}
    entry_points = load(role / "meta/argument_specs.yml")["argument_specs"].values()
    options = {name: option for entry in entry_points for name, option in entry.get("options", {}).items()}
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    assert defaults.keys() == documented.keys()
    # A template is documented by what it comes to.
    literal = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    assert literal == {name: documented[name] for name in literal}
    assert [name for name in options if not name.startswith("sysvm_")] == []


# Module documentation


def constants(path: Path) -> dict[str, str]:
    """The strings assigned in a file, at any depth, by name."""
    return {
        target.id: node.value.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def documented_options(module: Path) -> dict[str, Any]:
    documentation = yaml.safe_load(constants(module)["DOCUMENTATION"])
    options = dict(documentation.get("options", {}))
    fragments = documentation.get("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        if fragment.startswith(f"{COLLECTION}."):
            name, dummy, variant = fragment.removeprefix(f"{COLLECTION}.").partition(".")
            text = constants(ROOT / f"plugins/doc_fragments/{name}.py")[(variant or "documentation").upper()]
            options.update(yaml.safe_load(text).get("options", {}))
    return options


def unknown_options(args: Any, options: dict[str, Any], path: str = "") -> Iterator[str]:
    """The names in args that options do not have, down into suboptions; templates are taken on trust."""
    known = dict(options)
    known.update((alias, option) for option in options.values() for alias in option.get("aliases", []))
    for item in args if isinstance(args, list) else [args]:
        for name, value in item.items() if isinstance(item, dict) else ():
            if name not in known:
                yield path + name
            elif "suboptions" in known[name]:
                yield from unknown_options(value, known[name]["suboptions"], f"{path}{name}.")


def tasks_in(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every task of a list of plays, blocks and tasks."""
    lists = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
    for item in items:
        inner = [item[key] for key in lists if key in item]
        for nested in inner:
            yield from tasks_in(nested)
        if not inner:
            yield item


def actions_of(task: dict[str, Any]) -> list[str]:
    keywords = {*Task.fattributes, *Block.fattributes, *Play.fattributes, "local_action", "hosts"}
    return [key for key in task if key not in keywords and not key.startswith("with_")]


@each_module
def test_examples_use_full_names_and_documented_options(module: Path) -> None:
    tasks = list(tasks_in(yaml.safe_load(constants(module)["EXAMPLES"])))
    actions = [action for task in tasks for action in actions_of(task)]
    assert f"{COLLECTION}.{module.stem}" in actions
    assert [action for action in actions if action.count(".") < 2] == []

    for task in tasks:
        for action in actions_of(task):
            namespace, dummy, name = action.rpartition(".")
            if namespace == COLLECTION:
                options = documented_options(ROOT / f"plugins/modules/{name}.py")
                assert list(unknown_options(task[action] or {}, options)) == [], task


@each_module
def test_return_values_are_documented(module: Path) -> None:
    returned = yaml.safe_load(constants(module)["RETURN"]) or {}
    assert returned or module.stem == "sysvm_show"
    assert all({"description", "returned", "type"} <= set(value) for value in returned.values())
