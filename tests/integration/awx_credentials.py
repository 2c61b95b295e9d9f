# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of credentials, and credentials, as AWX 24.6.1 takes and refuses them. Pure.

As read in awx/main/fields.py. What a type says is required is not asked for before a job starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.integration.awx_surveys import RefusedError, need

FIELD_KEYS = frozenset(
    ("type", "format", "choices", "id", "label", "help_text", "multiline", "secret", "ask_at_runtime", "default")
)
ONLY_STRINGS = frozenset(("choices", "multiline", "format", "secret"))
TYPES = {"string": str, "boolean": bool}
NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
FILE = re.compile(r"template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?")
BLOCKED = frozenset(("VIRTUAL_ENV", "PATH", "PYTHONPATH", "JOB_ID", "INVENTORY_ID", "CACHE", "AWX_HOST"))  # and more


def check_type(inputs: Mapping[str, Any], injectors: Mapping[str, Any]) -> None:
    """:raises RefusedError: for a type that AWX does not take."""
    need(inputs.keys() <= {"fields", "required"}, f"inputs: {sorted(inputs)}")
    need(all(isinstance(name, str) for name in inputs.get("required", [])), "required")
    fields = inputs.get("fields", [])
    for field in fields:
        kind = field.get("type", "string")
        need(field.keys() <= FIELD_KEYS and {"id", "label"} <= field.keys(), f"keys of a field: {field}")
        need(kind in TYPES and bool(NAME.fullmatch(field["id"])) and field["id"] != "tower", f"field: {field}")
        need(kind == "string" or not ONLY_STRINGS & field.keys(), f"not for a {kind}: {field}")
        need("default" not in field or type(field["default"]) is TYPES[kind], f"default: {field}")
    need(len({field["id"] for field in fields}) == len(fields), "a field twice")
    need(injectors.keys() <= {"file", "env", "extra_vars"}, f"injectors: {sorted(injectors)}")
    files, environment = injectors.get("file", {}), injectors.get("env", {})
    need(all(FILE.fullmatch(name) for name in files), f"file: {sorted(files)}")
    need("template" not in files or len(files) == 1, "one file without a name, or all with one")
    for name, value in environment.items():
        need(bool(NAME.fullmatch(name)) and not name.startswith("ANSIBLE_") and name not in BLOCKED, f"env: {name}")
        need(isinstance(value, str) and value.isascii(), f"env: {name} {value!r}")
    paths: Any = {name.partition(".")[2]: "EXAMPLE_FILENAME" for name in files}
    paths = "EXAMPLE_FILENAME" if "template" in files else paths
    names: dict[str, Any] = {field["id"]: "EXAMPLE" for field in fields}
    for template in [*files.values(), *environment.values()]:
        render(template, {**names, "tower": {"filename": paths}})


def check_inputs(inputs: Mapping[str, Any], kind: Mapping[str, Any]) -> None:
    """:raises RefusedError: for a credential that AWX does not take."""
    fields = {field["id"]: field for field in kind.get("fields", [])}
    need(inputs.keys() <= fields.keys(), f"not fields: {inputs.keys() - fields.keys()}")
    for name, value in inputs.items():
        need(isinstance(value, TYPES[fields[name].get("type", "string")]), f"{name} is a {type(value).__name__}")
        need("choices" not in fields[name] or value in fields[name]["choices"], f"choices: {name}")


def render(template: str, names: Mapping[str, Any]) -> str:
    try:
        return ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(names)
    except TemplateError as error:
        raise RefusedError(f"{template}: {error}") from error
