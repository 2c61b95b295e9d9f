# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/checks.md, known_defects.md and permissions.md, from what the code declares."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.permissions import DECLARED, NEEDS
from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import Kind, Method
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import words
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.catalogue import (
    CHECKS,
    IGNORABLE,
)
from ansible_collections.cloudstack.sysvm.plugins.module_utils.planning.checks.registry import Check, CheckStatus
from ansible_collections.cloudstack.sysvm.plugins.module_utils.units.known_defects import DEFECTS, Defect, VersionRange

CHECKS_HEADER = "| check | what it asks | worst answer | `sysvm_ignore_checks` | reads besides | what to do |\n"
USES_HEADER = "| use | what it is | needed | optional |\n"
COMMANDS_HEADER = "| command | needed for | optional for |\n"
DEFECTS_HEADER = "| defect | management servers | what happens | when | what the plan does |\n"


def checks_table() -> str:
    return _table(CHECKS_HEADER, *map(check_cells, CHECKS))


def defects_table() -> str:
    return _table(DEFECTS_HEADER, *map(defect_cells, DEFECTS))


def uses_table() -> str:
    rows = ((use.value, needs.words, needs.required, needs.optional) for use, needs in NEEDS.items())
    return _table(USES_HEADER, *((_code([use]), words, _code(must), _code(may)) for use, words, must, may in rows))


def commands_table() -> str:
    def cells(command: str) -> tuple[str, ...]:
        needed = [use.value for use, needs in NEEDS.items() if command in needs.required]
        optional = [use.value for use, needs in NEEDS.items() if command in needs.optional]
        return _code([command]), _code(needed), _code(optional)

    return _table(COMMANDS_HEADER, *map(cells, sorted(DECLARED)))


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


def check_cells(check: Check) -> tuple[str, ...]:
    ignored = "-"  # what only warns stops nothing
    if check.worst is CheckStatus.FAIL:
        ignored = "yes" if check.name in IGNORABLE else "no"
    reads = sorted(need.value for need in check.needs) + [name for name in check.settings if name != check.name]
    if check.name in check.settings:
        reads.append("the setting of that name")
    named = ", ".join(f"`{each}`" if " " not in each else each for each in reads)
    return (f"`{check.name}`", check.question, check.worst.value, ignored, named or "-", words(check.remedy))


def defect_cells(defect: Defect) -> tuple[str, ...]:
    methods = " or ".join(f"`{method.value}`" for method in Method if method in defect.methods)
    kinds = ", ".join(kind.words for kind in Kind if kind in defect.kinds)
    where = f" on {', '.join(sorted(defect.hypervisors))}" if defect.hypervisors else ""
    condition = f": {defect.condition.value}" if defect.condition else ""
    when = f"{methods} of {kinds}" if methods else "upgrade of the management server"
    return (
        f"[{defect.id}]({defect.source})",
        "; ".join(map(span_words, defect.spans)) + (" (on KVM: of the host)" if defect.on_host else ""),
        defect.what,
        f"{when}{where}{condition}",
        f"{defect.effect.words}: {words(defect.remedy)}",
    )


def span_words(span: VersionRange) -> str:
    if span.first and span.until:
        return f"{span.first} to before {span.until}"
    if span.first:
        return f"{span.first} and newer"
    return f"before {span.until}" if span.until else "all"


def _table(header: str, *rows: tuple[str, ...]) -> str:
    lines = ("| " + " | ".join(map(_escaped, row)) + " |\n" for row in rows)
    return header + "|" + "---|" * (header.count("|") - 1) + "\n" + "".join(lines)


def _escaped(cell: str) -> str:
    """As Markdown shows it: a bar would end the cell, and what looks like a tag would vanish."""
    return cell.replace("|", "\\|").replace("<", "&lt;")
