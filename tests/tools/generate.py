# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what is made from the code's own tables into the files that must be plain text: `make generate`.

From the options: the documentation of modules, doc fragments and roles, the defaults of the roles, the tables of
docs/variables.md and the survey for AWX. From the checks and the known defects: the tables of their pages. From the
imports: the drawing in ARCHITECTURE.md. And the RETURN of the acting modules, as a doc fragment cannot carry one.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.modules import (
    CONNECTION,
    NO_VERIFY_VARIABLE,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option import (
    ACTING,
    CHECK,
    MODULES,
    ROLES,
    ROUTERS,
    Option,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import PREFIX
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.probing import PROBING
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import (
    VARIABLES,
    default_of,
    options_of,
)
from tests.tools import tables
from tests.tools.rooms import with_drawing
from tests.tools.survey import survey_questions

VARIABLES_MARK = "<!-- The tables are made from plugins/module_utils/options by make generate. -->\n"
# In which an operator looks for a variable.
GROUPS = {
    "What": (
        *("clouds", "kinds", "zones", "names", "exclude_names", "owners", "cidrs", "select", "approved_plan"),
        *("target_version", "rehearse", "drift"),
    ),
    "How": (
        *("method", "recreate", "system_vm_mode", "canaries", "waves", "soak", "health_checks", "wait_idle"),
        *("probe", "probe_from", "probe_ports"),
    ),
    "How fast": ("parallel", "per_host"),
    "When to stop": ("deadline", "nights", "max_failures", "ignore_checks", "pause", "on_interrupt"),
    "What to leave": ("report_dir", "keep_runs", "evidence", "metrics_file", "progress"),
    "Connection": tuple(name for name in CONNECTION if name in VARIABLES),
    "Expert": ("hooks", "timeouts", "probe_patience"),
}

ROOT = Path(__file__).resolve().parents[2]
NOTE = "Made from plugins/module_utils/options by make generate."
WIDTH = 120

# What the module that plans and all acting ones have is in the fragment probing, what the acting ones have in rollout.
SHARED = {name for name, option in PROBING.items() if {CHECK, *ACTING} <= set(option.where)}
ROLLOUT = (
    {name for name in options_of(ACTING[0]) if all(name in options_of(module) for module in ACTING)}
    - set(CONNECTION)
    - SHARED
)
# What the first acting module returns of each unit, the others return as well; they point to it.
AS_ROUTERS = f"""
results:
  description:
    - One entry per target unit, in the order of the targets, each as in
      RV(cloudstack.sysvm.{ROUTERS}#module:results). Its C(kind) is V(ssvm) or V(cpvm).
  returned: always, also when the module fails after it has read the cloud
  type: list
  elements: dict
"""


def generated() -> dict[str, str]:
    """What each file should be, by its path from the root."""
    files = {
        "ARCHITECTURE.md": with_drawing((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")),
        "plugins/doc_fragments/cloudstack.py": _with_options(
            "plugins/doc_fragments/cloudstack.py", CONNECTION, CONNECTION.values()
        ),
        "plugins/doc_fragments/rollout.py": _with_options(
            "plugins/doc_fragments/rollout.py",
            options_of(ACTING[0]),
            (option for name, option in options_of(ACTING[0]).items() if name in ROLLOUT),
        ),
        "plugins/doc_fragments/probing.py": _with_options(
            "plugins/doc_fragments/probing.py",
            options_of(CHECK),
            (option for name, option in PROBING.items() if name in SHARED),
        ),
        "docs/variables.md": _with_variables("docs/variables.md"),
        "playbooks/vars/awx.yml": _with_survey("playbooks/vars/awx.yml"),
        "docs/checks.md": _with_table("docs/checks.md", tables.checks_table()),
        "docs/known_defects.md": _with_table("docs/known_defects.md", tables.defects_table()),
        "docs/permissions.md": _with_table("docs/permissions.md", tables.uses_table(), tables.commands_table()),
    }
    for module in MODULES:
        path, options = f"plugins/modules/{module}.py", options_of(module)
        elsewhere = set(CONNECTION) | SHARED | (ROLLOUT if module in ACTING else set())
        own = (option for name, option in options.items() if name not in elsewhere)
        files[path] = _with_options(path, options, own)
        if module in ACTING:
            files[path] = _with_return(files[path], as_routers=module != ROUTERS)
    for role in ROLES:
        path = f"roles/{role}/meta/argument_specs.yml"
        files[path] = _role_options(path, role)
        files[f"roles/{role}/defaults/main.yml"] = _role_defaults(role)
    return files


def main() -> None:
    for path, text in generated().items():
        if (ROOT / path).read_text(encoding="utf-8") != text:
            (ROOT / path).write_text(text, encoding="utf-8")
            print(f"written: {path}")


# Modules and fragments


def _with_options(path: str, known: Iterable[str], options: Iterable[Option]) -> str:
    """The file with other options in its DOCUMENTATION."""
    names = set(known)
    entries = {option.name: _documented(option, names) for option in options}
    text = f"options: # {NOTE}\n{_yaml(entries, 2)}"
    found, count = re.subn(
        r'(?<=DOCUMENTATION = r""")(.*?)^options:.*?\n(?=\S)',
        lambda match: f"{match[1]}{text}",
        (ROOT / path).read_text(encoding="utf-8"),
        count=1,
        flags=re.MULTILINE | re.DOTALL,
    )
    _found(count, path)
    return found


def _documented(option: Option, known: set[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"description": [_named(item, known, "") for item in _words(option)], "type": option.type}
    if option.type == "list":
        entry["elements"] = option.elements or "str"
    for key in ("required", "choices", "aliases"):
        if getattr(option, key):
            entry[key] = getattr(option, key)
    if option.default is not None:
        entry["default"] = option.default
    if option.suboptions:
        entry["suboptions"] = {each.name: _documented(each, known) for each in option.suboptions}
    return entry


def _words(option: Option) -> list[str]:
    """With what the fields say that Ansible does not show."""
    words = list(option.words)
    if option.lowest:
        words.append(f"At least V({option.lowest:g}).")
    if option.unset != "none" and not option.env:
        words.append(f"If not given: {option.unset}.")
    if option.env == NO_VERIFY_VARIABLE:
        words.append(
            f"If not given, the environment variable E({option.env}) is used, which means the opposite; V(true) there"
            " turns the check off."
        )
    elif option.env:
        words.append(f"If not given, the environment variable E({option.env}) is used.")
    return words


def _with_return(text: str, *, as_routers: bool) -> str:
    made = "\n" + (ROOT / "tests/tools/return.yml").read_text(encoding="utf-8")
    if as_routers:
        made = AS_ROUTERS + made[made.index("\nnotes:") + 1 :]
    found, count = re.subn(
        r'(?<=RETURN = r""").*?(?=""")',
        lambda _match: made,
        text,
        count=1,
        flags=re.DOTALL,
    )
    _found(count, "RETURN")
    return found


# Roles


def _role_options(path: str, role: str) -> str:
    options = {name: option for name, option in options_of(role).items() if not option.hides}
    entries = {}
    for name, option in options.items():
        words = [*_words(option), *_choices(option)]
        entry: dict[str, Any] = {"description": [_named(item, set(VARIABLES), PREFIX) for item in words], "type": "raw"}
        if role_default(name) is not None:
            entry["default"] = role_default(name)
        entries[PREFIX + name] = entry
    found, count = re.subn(
        r"^    options:.*\Z",
        lambda _match: f"    options: # {NOTE}\n{_yaml(entries, 6)}",
        (ROOT / path).read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    _found(count, path)
    return found


def _choices(option: Option) -> list[str]:
    """In words, unless they are there already: the type is C(raw), so that Ansible says nothing of them."""
    if all(f"V({choice})" in " ".join(option.words) for choice in option.choices):
        return []
    return [f"One of {', '.join(f'V({choice})' for choice in option.choices)}."]


def role_default(name: str) -> Any:
    """What a role has for it; None where it has nothing, so that what is empty is what somebody has given."""
    option = VARIABLES[name]
    given = name not in CONNECTION and (option.default is not None or option.type == "dict")
    return default_of(name) if given else None


def _role_defaults(role: str) -> str:
    defaults = {PREFIX + name: role_default(name) for name in options_of(role) if role_default(name) is not None}
    # All roles share the prefix sysvm_; nobody's linter shall mind that in a playbook that uses them.
    lines = re.sub(
        r"^(sysvm_\w+:.*)$", r"\1 # noqa: var-naming[no-role-prefix]", _yaml(defaults, 0), flags=re.MULTILINE
    )
    return f"---\n# {NOTE}\n{lines}"


# Tables in pages


def _with_table(path: str, *made: str) -> str:
    """The page with other rows below the header that each table begins with."""
    page = (ROOT / path).read_text(encoding="utf-8")
    for table in made:
        header = table.partition("\n")[0] + "\n"
        rows = rf"^{re.escape(header)}(\|.*\n)*"
        _found(len(re.findall(rows, page, re.MULTILINE)), path)
        page = re.sub(rows, table.replace("\\", r"\\"), page, flags=re.MULTILINE)
    return page


def _with_survey(path: str) -> str:
    found, count = re.subn(
        r"^    spec:.*?\n(?=\n)",
        lambda _match: f"    spec: # {NOTE}\n{_yaml(survey_questions(), 6)}",
        (ROOT / path).read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    _found(count, path)
    return found


def _with_variables(path: str) -> str:
    """The page with a table for each group, which end it."""
    page, mark, dummy = (ROOT / path).read_text(encoding="utf-8").partition(VARIABLES_MARK)
    _found(bool(mark), path)
    tables = (
        f"\n## {title}\n\n| variable | default | meaning |\n|---|---|---|\n"
        + "".join(_row(VARIABLES[name]) for name in names)
        for title, names in GROUPS.items()
    )
    return page + mark + "".join(tables)


def _row(option: Option) -> str:
    if option.name in CONNECTION:
        default = "environment" if option.env else f"`{option.default}`"
    else:
        default = f"`{_plain(option.default)}`" if option.default not in (None, ()) else option.unset
    meaning = re.sub(r"\b([VCO])\(([^)]*)\)", _code, option.words[0]).removesuffix(".")
    if meaning[1:2].islower() or meaning[1:2] == " ":
        meaning = meaning[0].lower() + meaning[1:]
    if not all(f"`{choice}`" in meaning for choice in option.choices):
        meaning += f": {', '.join(f'`{choice}`' for choice in option.choices)}"
    return f"| `{PREFIX}{option.name}` | {default} | {meaning} |\n"


def _code(match: re.Match[str]) -> str:
    return f"`{PREFIX if match[1] == 'O' else ''}{match[2]}`".replace("|", "\\|")


# Words and YAML


def _named(words: str, known: set[str], prefix: str) -> str:
    """With the names that options have there; one that is not there is no link."""

    def name(match: re.Match[str]) -> str:
        return f"{'O' if match[1] in known else 'C'}({prefix}{match[1]}{match[2]})"

    return re.sub(r"\bO\((\w+)([^)]*)\)", name, words)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _found(count: int, what: str) -> None:
    if count != 1:
        raise ValueError(f"{what}: the place to write to was found {count} times")


class _Dumper(yaml.SafeDumper):
    """Lists indented, tuples in brackets."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_representer(
    str,
    lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if "\n" in data else None),
)
_Dumper.add_representer(
    tuple, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def _yaml(data: Mapping[str, Any] | list[Any], indent: int) -> str:
    if not data:
        return ""
    """Lines are wrapped here: PyYAML breaks them after the width, and YAML folds a break in a text into a space."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return "".join(_wrapped(" " * indent + line) + "\n" for line in text.splitlines())


def _wrapped(line: str) -> str:
    margin = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, WIDTH, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )


if __name__ == "__main__":
    main()
