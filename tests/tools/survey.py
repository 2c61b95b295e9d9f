# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey that AWX is given, made from the options, so that the two cannot differ. Pure."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cloudstack.sysvm.plugins.module_utils.knowledge.vocabulary import ROUTER
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option import Option
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.option_names import PREFIX
from ansible_collections.cloudstack.sysvm.plugins.module_utils.options.table import VARIABLES, default_of

# What people change from run to run, by variable: how the form calls it.
TITLES = {
    "zones": "Zones",
    "kinds": "Kinds",
    "names": "Only these",
    "owners": "Only of these owners",
    "exclude_names": "Leave out",
    "method": "Method",
    "recreate": "Recreate also",
    "parallel": "At a time",
    "max_failures": "Failures to tolerate",
    "deadline": "Deadline",
}
# Where the option's own words would mislead in a form.
WORDS = {"kinds": "Which kinds of units are in scope."}
HINTS = {
    "list": "One on each line.",
    "moment": "A time of day is one of the container's time zone, mostly UTC.",
}


def survey_questions() -> list[dict[str, Any]]:
    return [_question(VARIABLES[name], title) for name, title in TITLES.items()]


def _question(option: Option, title: str) -> dict[str, Any]:
    # Who takes network away means it, so there is no second word that stands for it.
    choices = [choice for choice in option.choices if choice != ROUTER]
    several = option.type == "list"
    kind = {(True, True): "multiselect", (True, False): "multiplechoice"}.get((bool(choices), several))
    kind = kind or {"list": "textarea", "int": "integer"}.get(option.type, "text")
    words = [
        WORDS.get(option.name) or _plain(option.words[0]),
        "Empty means all." if option.narrows and not choices and option.unset == "all" else "",
        HINTS.get(option.means) or HINTS.get("" if choices else option.type, ""),
    ]
    question: dict[str, Any] = {
        "question_name": title,
        "question_description": " ".join(filter(None, words)),
        "variable": PREFIX + option.name,
        "type": kind,
    }
    if choices:
        question["choices"] = tuple(choices)
    if kind == "integer" and option.lowest is not None:
        question["min"] = int(option.lowest)
    # AWX applies no default to a required question that is not answered through its API.
    return {**question, "required": False, "default": _default(option, choices)}


def _default(option: Option, choices: list[str]) -> Any:
    if option.type == "list":
        # AWX wants a text with a line for each choice. One that narrows and names nothing is refused.
        return "\n".join(choices) if option.narrows else ""
    return default_of(option.name)


def _plain(words: str) -> str:
    """Without Ansible's markup, which a form shows as it is written; a question by its title."""
    words = re.sub(r"\bO\(([^)]*)\)", lambda match: f"'{TITLES.get(match[1], PREFIX + match[1])}'", words)
    return re.sub(r"\b[VC]\(([^)]*)\)", r"\1", words)
